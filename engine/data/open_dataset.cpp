#include "engine/data/open_dataset.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "engine/data/cifar.h"
#include "engine/data/idx.h"
#include "engine/data/image_folder.h"
#include "engine/data/subset.h"
#include "engine/error.h"
#include "engine/random.h"

namespace trady {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

std::shared_ptr<const Dataset> open_cifar(CifarDataset::Variant variant,
                                          const std::vector<fs::path>& files,
                                          const std::vector<std::string>& class_names) {
  if (std::none_of(files.begin(), files.end(), is_there)) return nullptr;
  return std::make_shared<CifarDataset>(variant, files, class_names);  // names a missing part
}

DatasetSplits open_cifar10(const fs::path& root) {
  constexpr auto kVariant = CifarDataset::Variant::cifar10;
  const std::vector<std::string> names = read_cifar_class_names(kVariant, root);
  std::vector<fs::path> batches;
  for (int i = 1; i <= 5; ++i) batches.push_back(root / concat("data_batch_", i, ".bin"));
  DatasetSplits splits;
  splits.kind = "CIFAR-10";
  splits.train = open_cifar(kVariant, batches, names);
  splits.test = open_cifar(kVariant, {root / "test_batch.bin"}, names);
  return splits;
}

DatasetSplits open_cifar100(const fs::path& root) {
  constexpr auto kVariant = CifarDataset::Variant::cifar100;
  const std::vector<std::string> names = read_cifar_class_names(kVariant, root);
  DatasetSplits splits;
  splits.kind = "CIFAR-100";
  splits.train = open_cifar(kVariant, {root / "train.bin"}, names);
  splits.test = open_cifar(kVariant, {root / "test.bin"}, names);
  return splits;
}

/// The plain file if it is there, else the packed one.
fs::path idx_file(const fs::path& root, const std::string& name) {
  const fs::path packed = root / (name + ".gz");
  return !is_there(root / name) && is_there(packed) ? packed : root / name;
}

std::shared_ptr<IdxDataset> open_idx_split(const fs::path& root, const std::string& prefix) {
  const fs::path images = idx_file(root, prefix + "-images-idx3-ubyte");
  if (!is_there(images)) return nullptr;
  return std::make_shared<IdxDataset>(images, idx_file(root, prefix + "-labels-idx1-ubyte"));
}

DatasetSplits open_idx(const fs::path& root) {
  const std::shared_ptr<IdxDataset> train = open_idx_split(root, "train");
  const std::shared_ptr<IdxDataset> test = open_idx_split(root, "t10k");
  if (train && test) test->set_class_names(train->class_names());
  DatasetSplits splits;
  splits.kind = "IDX";
  splits.train = train;
  splits.test = test;
  return splits;
}

DatasetSplits open_image_folders(const fs::path& root) {
  const auto split = [&](std::initializer_list<const char*> names) {
    fs::path found;
    for (const char* name : names) {
      std::error_code error;
      if (!fs::is_directory(root / name, error)) continue;
      if (!found.empty()) {
        fail(root.string(), " has both ", found.filename().string(), " and ", name,
             "; which is the validation set? Remove one");
      }
      found = root / name;
    }
    return found;
  };
  const std::array<fs::path, 3> folders{split({"train"}), split({"val", "valid", "validation"}),
                                        split({"test"})};
  DatasetSplits splits;
  splits.kind = "image folder";
  const std::array<std::shared_ptr<const Dataset>*, 3> targets{&splits.train, &splits.val,
                                                               &splits.test};
  std::vector<std::string> class_names;
  for (size_t i = 0; i < folders.size(); ++i) {
    if (folders[i].empty()) continue;
    if (class_names.empty()) class_names = visible_folders(folders[i]);
    *targets[i] = std::make_shared<ImageFolder>(folders[i], class_names);
  }
  if (class_names.empty()) {
    splits.train = std::make_shared<ImageFolder>(root);
    splits.unsplit = true;
  }
  return splits;
}

}  // namespace

DatasetSplits open_dataset(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    fail("data set ", path.string(), is_there(path) ? " is not a folder" : " does not exist",
         "; expected a folder with train/CLASS/*.jpg, CIFAR .bin or IDX files");
  }
  if (is_there(path / "data_batch_1.bin") || is_there(path / "test_batch.bin")) {
    return open_cifar10(path);
  }
  if (is_there(path / "train.bin") || is_there(path / "fine_label_names.txt")) {
    return open_cifar100(path);
  }
  if (is_there(idx_file(path, "train-images-idx3-ubyte")) ||
      is_there(idx_file(path, "t10k-images-idx3-ubyte"))) {
    return open_idx(path);
  }
  return open_image_folders(path);
}

void split_validation(DatasetSplits& splits, double fraction, uint64_t seed) {
  if (!(fraction > 0 && fraction < 1)) {
    fail("validation fraction ", fraction,
         " is out of range, expected more than 0 and less than 1");
  }
  if (splits.val) fail("the data set has a validation split already; leave the fraction out");
  if (!splits.train) fail("the data set has no training split to take validation samples from");
  std::vector<std::vector<int64_t>> by_class(splits.train->class_names().size());
  for (int64_t i = 0; i < splits.train->size(); ++i) {
    by_class[splits.train->label(i)].push_back(i);
  }
  std::vector<int64_t> train, val;
  for (size_t c = 0; c < by_class.size(); ++c) {
    std::vector<int64_t>& samples = by_class[c];
    if (samples.empty()) continue;
    RandomStream random(seed, RandomPurpose::validation_split, 0, static_cast<uint32_t>(c));
    shuffle(std::span<int64_t>(samples), random);
    const int64_t count = std::min(std::llround(fraction * static_cast<double>(samples.size())),
                                   static_cast<long long>(samples.size()) - 1);
    val.insert(val.end(), samples.begin(), samples.begin() + count);
    train.insert(train.end(), samples.begin() + count, samples.end());
  }
  if (val.empty()) {
    fail("validation fraction ", fraction, " of ", splits.train->size(), " training samples in ",
         by_class.size(), " classes leaves no validation sample; choose a larger one");
  }
  std::sort(train.begin(), train.end());
  std::sort(val.begin(), val.end());
  splits.val = std::make_shared<Subset>(splits.train, std::move(val));
  splits.train = std::make_shared<Subset>(splits.train, std::move(train));
}

void select_classes(DatasetSplits& splits, const std::vector<int32_t>& classes) {
  for (std::shared_ptr<const Dataset>* split : {&splits.train, &splits.val, &splits.test}) {
    if (*split) *split = std::make_shared<ClassSubset>(*split, classes);
  }
}

}  // namespace trady
