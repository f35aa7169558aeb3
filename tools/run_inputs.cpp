#include "tools/run_inputs.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <vector>

#include "engine/data/input_file.h"

namespace trady::tools {

nlohmann::json json_of(const DatasetSplits& data) {
  const auto count = [](const std::shared_ptr<const Dataset>& images) {
    return images ? images->size() : 0;
  };
  return {{"class_names", data.train->class_names()},
          {"training_images", count(data.train)},
          {"validation_images", count(data.val)},
          {"test_images", count(data.test)}};
}

std::string fingerprint(const std::string& file) {
  constexpr uint64_t kOffset = 0xcbf29ce484222325, kPrime = 0x100000001b3;
  constexpr int64_t kPiece = 1 << 20;
  const InputFile input(file);
  std::vector<uint8_t> bytes(static_cast<size_t>(std::min(kPiece, input.size_bytes())));
  uint64_t hash = kOffset;
  for (int64_t at = 0; at < input.size_bytes(); at += kPiece) {
    const int64_t count = std::min(kPiece, input.size_bytes() - at);
    input.read_at(at, bytes.data(), count);
    for (int64_t i = 0; i < count; ++i) hash = (hash ^ bytes[static_cast<size_t>(i)]) * kPrime;
  }
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016" PRIx64, hash);
  return text.data();
}

}  // namespace trady::tools
