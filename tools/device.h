// The device that a command runs on, by name.
#pragma once

#include <memory>
#include <string>

#include "kernels/backend.h"

namespace trady::tools {

/// What --device and --precision accept, for their help.
inline constexpr const char* kDeviceHelp =
    "cpu; cuda or cuda:N (the N-th GPU); auto (a GPU if one can be used, else the CPU); reference "
    "(plain loops in float64); null (shapes and bytes only)";
inline constexpr const char* kPrecisionHelp =
    "of matrix products on a GPU: tf32 (tensor cores, operands of 10 bits) or fp32 (exact)";

/// Without the number of a GPU: what a run's settings remember.
std::string kind_of_device(const std::string& device);

/// Whether a device of this name can be a GPU: the precision counts then.
bool may_be_gpu(const std::string& device);

/// `auto` prints which device it took and why. Error for an unknown device or precision, with what
/// there is, and where the device cannot be used, with what to do.
/// `team` is for the CPU, where it may be null.
std::unique_ptr<kernels::Backend> make_backend(
    const std::string& device, const std::string& precision = "tf32",
    const std::shared_ptr<const kernels::Team>& team = nullptr);

}  // namespace trady::tools
