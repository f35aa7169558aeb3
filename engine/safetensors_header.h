// The header of a safetensors file: 8 bytes of length, then JSON that names every tensor's type,
// shape and byte range. Parsed strictly, for files that nobody vouches for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trady {

/// One tensor as the file describes it.
struct SafetensorsEntry {
  std::string dtype;           ///< as in the file: "F32", "F64", "F16", "BF16", "I64", ...
  std::vector<int64_t> shape;  ///< row-major; empty for a scalar
  uint64_t begin = 0;          ///< of its bytes, counted from the end of the header
  uint64_t end = 0;            ///< one past its last byte

  int64_t elements() const;
  uint64_t bytes() const { return end - begin; }
};

struct SafetensorsHeader {
  std::map<std::string, SafetensorsEntry> tensors;
  std::map<std::string, std::string> metadata;
};

/// The limit of the format's reference implementation.
constexpr uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;
/// What helps where the file holds weights.
constexpr const char* kFetchAgain = "fetch or convert it again";
constexpr std::string_view kSafetensorsMetadataKey = "__metadata__";

/// Bytes of one element of a type of the format, nothing for an unknown type.
std::optional<uint64_t> safetensors_element_bytes(std::string_view dtype);

/// Parses `json` and checks it against the `data_bytes` that follow the header in the file: every
/// shape times its type's size is its byte range, and the ranges fill the data without a hole or an
/// overlap. Memory stays proportional to the header, however it is nested.
/// Errors: trady::Error naming `file_name`, the tensor and both sizes, and at the end `remedy`.
SafetensorsHeader parse_safetensors_header(const std::string& file_name, std::string_view json,
                                           uint64_t data_bytes,
                                           const std::string& remedy = kFetchAgain);

/// 'name' for messages: control characters escaped, long names shortened.
std::string quoted_tensor_name(std::string_view name);

/// "[16, 3, 3, 3]"
std::string shape_text(const std::vector<int64_t>& shape);

}  // namespace trady
