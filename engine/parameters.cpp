#include "engine/parameters.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/suggest.h"
#include "engine/tensor_layout.h"

namespace trady {

namespace {

FilterShape filter_shape(const ParameterSpec& spec) {
  const auto& d = spec.disk_shape;
  return {d[0], d[1], d[2], d[3]};
}

}  // namespace

Parameters::Parameters(const std::vector<ParameterSpec>& specs, kernels::DType dtype)
    : specs_(specs), dtype_(dtype) {
  int64_t offset = 0;
  for (const ParameterSpec& spec : specs_) {
    offsets_.push_back(offset);
    const int64_t bytes = spec.elements * kernels::bytes_of(dtype);
    value_bytes_ += bytes;
    offset += (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
  }
  arena_ = Arena(offset);
}

ParameterId Parameters::find(const std::string& name) const {
  const auto found = std::ranges::find(specs_, name, &ParameterSpec::name);
  if (found != specs_.end()) return static_cast<ParameterId>(found - specs_.begin());
  std::vector<std::string> names;
  for (const ParameterSpec& spec : specs_) names.push_back(spec.name);
  fail("[parameters] there is no parameter '", name, "'", suggestion(name, names));
}

void Parameters::set(ParameterId id, std::span<const double> disk_values) {
  const ParameterSpec& spec = specs_[static_cast<size_t>(id)];
  if (static_cast<int64_t>(disk_values.size()) != spec.elements) {
    fail("[parameters] ", spec.name, " has ", spec.elements, " values, got ", disk_values.size());
  }
  std::vector<double> reordered;
  if (spec.is_conv_weight) {
    reordered = oihw_to_ohwi(disk_values, filter_shape(spec));
    disk_values = reordered;
  }
  if (dtype_ == kernels::DType::float32) {
    std::ranges::transform(disk_values, static_cast<float*>(data(id)),
                           [](double value) { return static_cast<float>(value); });
  } else {
    std::ranges::copy(disk_values, static_cast<double*>(data(id)));
  }
}

std::vector<double> Parameters::get(ParameterId id) const {
  const ParameterSpec& spec = specs_[static_cast<size_t>(id)];
  std::vector<double> values(static_cast<size_t>(spec.elements));
  if (dtype_ == kernels::DType::float32) {
    std::copy_n(static_cast<const float*>(data(id)), spec.elements, values.begin());
  } else {
    std::copy_n(static_cast<const double*>(data(id)), spec.elements, values.begin());
  }
  return spec.is_conv_weight ? ohwi_to_oihw(std::span<const double>(values), filter_shape(spec))
                             : values;
}

}  // namespace trady
