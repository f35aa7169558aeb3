// A weight file: header, metadata and every tensor that can be read.
#include "engine/error.h"
#include "engine/safetensors.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/target.h"

namespace trady::fuzz {

void run_target(std::span<const uint8_t> input) {
  static MemoryFile file("weights.safetensors");
  file.set(input);
  const SafetensorsFile weights = SafetensorsFile::open(file.path());
  uint64_t bytes = 0;
  for (const std::string& name : weights.names()) {
    const SafetensorsEntry& entry = weights.entry(name);
    require(entry.end <= input.size(), "tensors lie within the file");
    bytes += entry.bytes();
    const std::string& type = entry.dtype;
    if (type == "F64" || type == "F32" || type == "F16" || type == "BF16") {
      const auto values = static_cast<int64_t>(weights.read_doubles(name).size());
      require(values == entry.elements(), "a tensor has as many values as its shape");
    }
  }
  require(bytes < input.size(), "tensors do not overlap");
}

}  // namespace trady::fuzz
