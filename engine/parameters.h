// The values of a network's parameters, in one block of the device's memory.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/memory/arena.h"
#include "engine/tape.h"
#include "kernels/backend.h"

namespace trady {

class Parameters {
 public:
  /// Zeros. The backend must outlive them.
  Parameters(const std::vector<ParameterSpec>& specs, const kernels::Backend& backend);

  const std::vector<ParameterSpec>& specs() const { return specs_; }
  const kernels::Backend& backend() const { return *backend_; }
  /// Device memory.
  void* data(ParameterId id) { return arena_.data() + offsets_[static_cast<size_t>(id)]; }
  const void* data(ParameterId id) const {
    return arena_.data() + offsets_[static_cast<size_t>(id)];
  }
  /// Index by name; throws Error with a suggestion.
  ParameterId find(const std::string& name) const;

  /// Values in the layout of the checkpoint (OIHW), in float64, copied to and from the device.
  /// Throws Error on a wrong count.
  void set(ParameterId id, std::span<const double> disk_values);
  std::vector<double> get(ParameterId id) const;
  /// The same value everywhere.
  void fill(ParameterId id, double value);

  /// Bytes of the values themselves / of the block that holds them.
  int64_t value_bytes() const { return value_bytes_; }
  int64_t reserved_bytes() const { return arena_.bytes(); }

 private:
  std::vector<ParameterSpec> specs_;
  const kernels::Backend* backend_;
  std::vector<int64_t> offsets_;
  int64_t value_bytes_ = 0;
  Arena arena_;
};

}  // namespace trady
