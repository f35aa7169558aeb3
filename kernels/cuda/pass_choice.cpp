#include "kernels/cuda/pass_choice.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <tuple>

#include "kernels/shape_check.h"

namespace trady::kernels::cuda {
namespace {

using nlohmann::json;

/// Another implementation has to be faster by this share of its time.
constexpr double kMargin = 0.05;

/// The fastest, where it beats ours by more than the margin; cuBLAS where the others are equal.
Implementation fastest(const PassTimes& times) {
  Implementation best = Implementation::own;
  double best_us = times.own_us / (1 + kMargin);
  if (times.cublas_us && *times.cublas_us < best_us) {
    best = Implementation::cublas;
    best_us = *times.cublas_us;
  }
  if (times.cudnn_us && *times.cudnn_us < best_us) best = Implementation::cudnn;
  return best;
}

/// The layer alone.
ConvShape without_batch(ConvShape shape) {
  shape.batch = 1;
  return shape;
}

bool same_but_for_sizes(const PassQuery& a, const PassQuery& b) {
  if (a.pass != b.pass || a.precision != b.precision) return false;
  if (a.pass == ConvPass::grad_weight && a.kind != b.kind) return false;
  return without_batch(a.shape) == without_batch(b.shape);
}

/// In doublings; both positive.
double distance(int64_t a, int64_t b) {
  return std::abs(std::log2(static_cast<double>(a) / static_cast<double>(b)));
}

template <typename T>
T named(const json& entry, const char* key,
        std::initializer_list<std::pair<const char*, T>> names) {
  const auto& value = entry.at(key).get_ref<const std::string&>();
  std::string known;
  for (const auto& [name, meaning] : names) {
    if (value == name) return meaning;
    known += std::string(known.empty() ? "" : ", ") + name;
  }
  throw std::runtime_error(std::string(key) + " is \"" + value + "\"; known are " + known);
}

ConvShape shape_of(const json& entry) {
  const json& s = entry.at("shape");
  const ConvShape shape{
      s.at("batch").get<int64_t>(),  s.at("in_h").get<int64_t>(),    s.at("in_w").get<int64_t>(),
      s.at("in_c").get<int64_t>(),   s.at("out_c").get<int64_t>(),   s.at("kernel").get<int64_t>(),
      s.at("stride").get<int64_t>(), s.at("padding").get<int64_t>(), s.at("depthwise").get<bool>()};
  check_shape(shape);
  return shape;
}

double microseconds(const json& entry, const char* key) {
  const double us = entry.at(key).get<double>();
  if (!std::isfinite(us) || us <= 0) {
    throw std::runtime_error(std::string(key) + " is " + std::to_string(us) + ", which is no time");
  }
  return us;
}

std::optional<double> microseconds_if_any(const json& entry, const char* key) {
  if (!entry.contains(key) || entry.at(key).is_null()) return std::nullopt;
  return microseconds(entry, key);
}

PassTimes times_of(const json& entry) {
  PassTimes times;
  PassQuery& q = times.measured;
  q.pass = named<ConvPass>(entry, "pass",
                           {{"forward", ConvPass::forward},
                            {"grad_input", ConvPass::grad_input},
                            {"grad_weight", ConvPass::grad_weight}});
  q.precision =
      named<Precision>(entry, "precision", {{"tf32", Precision::tf32}, {"fp32", Precision::fp32}});
  q.shape = shape_of(entry);
  if (q.pass == ConvPass::grad_weight) {
    q.kind = named<SliceKind>(entry, "slices",
                              {{"input_channels", SliceKind::input_channels},
                               {"output_channels", SliceKind::output_channels}});
    q.count = entry.at("channels").get<int64_t>();
    check_slices(q.shape, q.kind, q.count);
  }
  times.own_us = microseconds(entry, "own_us");
  times.cublas_us = microseconds_if_any(entry, "cublas_us");
  times.cudnn_us = microseconds_if_any(entry, "cudnn_us");
  return times;
}

}  // namespace

Implementation PassChoice::choose(const PassQuery& query) const {
  constexpr double kFarthest = 1;
  const bool counted = query.pass == ConvPass::grad_weight;
  if (counted && query.count == 0) return Implementation::own;
  const PassTimes* nearest = nullptr;
  std::tuple<double, int64_t, int64_t> least;
  for (const PassTimes& times : times_) {
    const PassQuery& m = times.measured;
    if (!same_but_for_sizes(query, m) || (counted && m.count == 0)) continue;
    const double batch = distance(query.shape.batch, m.shape.batch);
    const double count = counted ? distance(query.count, m.count) : 0;
    if (batch > kFarthest || count > kFarthest) continue;
    const std::tuple rank{batch + count, m.shape.batch, m.count};
    if (nearest == nullptr || rank < least) {
      nearest = &times;
      least = rank;
    }
  }
  return nearest == nullptr ? Implementation::own : fastest(*nearest);
}

bool PassChoice::ever_chooses(Implementation implementation) const {
  if (implementation == Implementation::own) return true;
  for (const PassTimes& times : times_) {
    if (fastest(times) == implementation) return true;
  }
  return false;
}

PassChoice read_pass_choice(const std::vector<MeasurementFile>& files,
                            const std::string& architecture) {
  std::vector<PassTimes> all;
  for (const MeasurementFile& file : files) {
    std::string where = "[cuda] " + file.name;
    try {
      const json root = json::parse(file.json);
      const std::string of = root.at("gpu").at("architecture").get<std::string>();
      const json& passes = root.at("passes");
      for (size_t i = 0; i < passes.size(); ++i) {
        where = "[cuda] " + file.name + ", passes[" + std::to_string(i) + "]";
        PassTimes times = times_of(passes.at(i));
        if (of == architecture) all.push_back(std::move(times));
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(where + ": " + error.what() +
                               "; kernels/cuda/pass_choice.h says what such a file holds");
    }
  }
  return PassChoice(std::move(all));
}

}  // namespace trady::kernels::cuda
