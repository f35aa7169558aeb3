// Records of CIFAR. The first byte says of which kind.
#include "engine/data/cifar.h"
#include "engine/error.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/target.h"

namespace trady::fuzz {

void run_target(std::span<const uint8_t> input) {
  if (input.empty()) return;
  static MemoryFile file("data_batch_1.bin");
  file.set(input.subspan(1));
  const bool ten = input[0] % 2 == 0;
  const CifarDataset data(ten ? CifarDataset::Variant::cifar10 : CifarDataset::Variant::cifar100,
                          {file.path()}, std::vector<std::string>(ten ? 10 : 100, "class"));
  for (int64_t i = 0; i < data.size(); ++i) {
    require(data.label(i) < data.class_count(), "labels are classes");
    require(data.load(i).bytes() == int64_t{32} * 32 * 3, "images have 32 x 32 pixels");
  }
}

}  // namespace trady::fuzz
