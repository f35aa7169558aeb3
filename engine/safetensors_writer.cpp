#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/atomic_file.h"
#include "engine/error.h"
#include "engine/safetensors.h"

namespace trady {
namespace {

std::span<const std::byte> bytes_of(const SafetensorsTensor& tensor) {
  return std::visit([](auto values) { return std::as_bytes(values); }, tensor.values);
}

bool is_double(const SafetensorsTensor& tensor) {
  return std::holds_alternative<std::span<const double>>(tensor.values);
}

void check_tensor(const std::string& file_name, const SafetensorsTensor& tensor) {
  const std::string where = concat("[safetensors] ", file_name, ": cannot write tensor ",
                                   quoted_tensor_name(tensor.name));
  if (tensor.name.empty() || tensor.name == kSafetensorsMetadataKey) {
    fail(where, ": the format reserves this name; choose another");
  }
  const bool negative =
      std::any_of(tensor.shape.begin(), tensor.shape.end(), [](int64_t size) { return size < 0; });
  int64_t elements = 1;
  for (const int64_t size : tensor.shape) elements *= size;
  const size_t count = std::visit([](auto values) { return values.size(); }, tensor.values);
  if (negative || static_cast<uint64_t>(elements) != count) {
    fail(where, ": the shape ", shape_text(tensor.shape), " has ", elements,
         " elements, the values are ", count, "; give it the shape of the values");
  }
}

/// In the order of the file.
std::vector<const SafetensorsTensor*> ordered(const std::string& file_name,
                                              std::span<const SafetensorsTensor> tensors) {
  std::vector<const SafetensorsTensor*> result;
  for (const SafetensorsTensor& tensor : tensors) {
    check_tensor(file_name, tensor);
    result.push_back(&tensor);
  }
  std::sort(result.begin(), result.end(), [](const auto* a, const auto* b) {
    return std::pair(!is_double(*a), std::string_view(a->name)) <
           std::pair(!is_double(*b), std::string_view(b->name));
  });
  return result;
}

std::string header_text(const std::string& file_name,
                        const std::vector<const SafetensorsTensor*>& tensors,
                        const std::map<std::string, std::string>& metadata) {
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header[std::string(kSafetensorsMetadataKey)] = metadata;
  uint64_t begin = 0;
  for (const SafetensorsTensor* tensor : tensors) {
    if (header.contains(tensor->name)) {
      fail("[safetensors] ", file_name, ": cannot write tensor ", quoted_tensor_name(tensor->name),
           " twice; names must differ");
    }
    const uint64_t end = begin + bytes_of(*tensor).size();
    header[tensor->name] = {{"dtype", is_double(*tensor) ? "F64" : "F32"},
                            {"shape", tensor->shape},
                            {"data_offsets", {begin, end}}};
    begin = end;
  }
  try {
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    return text;
  } catch (const nlohmann::json::type_error&) {
    fail("[safetensors] ", file_name,
         ": cannot write a tensor name or metadata text that is not UTF-8; rename it");
  }
}

}  // namespace

void write_safetensors(const std::filesystem::path& path,
                       std::span<const SafetensorsTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::vector<const SafetensorsTensor*> in_order = ordered(path.string(), tensors);
  const std::string header = header_text(path.string(), in_order, metadata);
  if (header.size() > kMaxSafetensorsHeaderBytes) {
    fail("[safetensors] ", path.string(), ": the header would have ", header.size(),
         " bytes, at most ", kMaxSafetensorsHeaderBytes, " are allowed; shorten the metadata");
  }
  const uint64_t header_bytes = header.size();
  uint64_t file_bytes = sizeof(header_bytes) + header_bytes;
  for (const SafetensorsTensor* tensor : in_order) file_bytes += bytes_of(*tensor).size();

  AtomicFile file(path, file_bytes);
  file.write(&header_bytes, sizeof(header_bytes));
  file.write(header);
  for (const SafetensorsTensor* tensor : in_order) {
    file.write(bytes_of(*tensor).data(), bytes_of(*tensor).size());
  }
  file.commit();
}

}  // namespace trady
