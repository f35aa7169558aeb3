#include "engine/parameters.h"

#include <algorithm>

#include "engine/device_values.h"
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

Parameters::Parameters(const std::vector<ParameterSpec>& specs, const kernels::Backend& backend)
    : specs_(specs), backend_(&backend) {
  const int64_t scalar = kernels::bytes_of(backend.dtype());
  int64_t offset = 0;
  for (const ParameterSpec& spec : specs_) {
    offsets_.push_back(offset);
    const int64_t bytes = spec.elements * scalar;
    value_bytes_ += bytes;
    offset += aligned(bytes);
  }
  arena_ = Arena(backend, offset);
  if (!backend.on_host()) backend.zero(arena_.data(), offset / scalar);
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
  write_values(*backend_, disk_values, data(id));
}

void Parameters::fill(ParameterId id, double value) {
  const auto elements = static_cast<size_t>(specs_[static_cast<size_t>(id)].elements);
  set(id, std::vector<double>(elements, value));
}

std::vector<double> Parameters::get(ParameterId id) const {
  const ParameterSpec& spec = specs_[static_cast<size_t>(id)];
  const std::vector<double> values = read_values(*backend_, data(id), spec.elements);
  return spec.is_conv_weight ? ohwi_to_oihw(std::span<const double>(values), filter_shape(spec))
                             : values;
}

}  // namespace trady
