// Detection of data sets, image folders, splits and subsets.
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include "engine/data/image_folder.h"
#include "engine/data/open_dataset.h"
#include "engine/data/subset.h"
#include "engine/error.h"
#include "engine/interrupt.h"
#include "tests/engine/data_fixtures.h"
#include "tests/real_data.h"

namespace trady::test {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

/// A data set of nothing but labels.
class Labels : public Dataset {
 public:
  Labels(std::vector<int32_t> labels, int classes) : labels_(std::move(labels)) {
    for (int c = 0; c < classes; ++c) class_names_.push_back("class " + std::to_string(c));
  }
  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  int32_t label(int64_t index) const override { return labels_[index]; }
  Image load(int64_t index) const override {
    return noise_image(2, 2, static_cast<uint32_t>(index));
  }
  std::string sample_name(int64_t index) const override { return std::to_string(index); }
  bool decodes() const override { return false; }
  int64_t resident_bytes() const override { return 0; }

 private:
  std::vector<int32_t> labels_;
  std::vector<std::string> class_names_;
};

void write_images(const TemporaryFolder& folder, std::initializer_list<const char*> files) {
  for (const char* file : files) folder.write(file, encoded_file("RGB PNG"));
}

}  // namespace

TEST_CASE("Image folder: classes and files in byte order, the rest ignored", "[data]") {
  const TemporaryFolder folder;
  write_images(folder, {"b/2.png", "b/1.PNG", "a/x.png", "a/deeper/w.png", "B/z.png",
                        "b/.hidden.png", ".git/q.png"});
  folder.write_text("a/notes.txt", "not a picture");
  folder.write_text("readme.txt", "not a class");
  const DatasetSplits splits = open_dataset(folder.path());
  CHECK(splits.kind == "image folder");
  CHECK(splits.unsplit);
  CHECK_FALSE(splits.val);
  CHECK_FALSE(splits.test);
  const Dataset& dataset = *splits.train;
  CHECK(dataset.class_names() == std::vector<std::string>{"B", "a", "b"});
  REQUIRE(dataset.size() == 5);
  const std::vector<std::string> expected{"B/z.png", "a/deeper/w.png", "a/x.png", "b/1.PNG",
                                          "b/2.png"};
  const std::vector<int32_t> labels{0, 1, 1, 2, 2};
  for (int64_t i = 0; i < 5; ++i) {
    CHECK(dataset.sample_name(i) == (folder.path() / expected[i]).string());
    CHECK(dataset.label(i) == labels[i]);
  }
  CHECK(dataset.load(0).height == 17);
  CHECK(dataset.decodes());
}

TEST_CASE("Image folder: splits share the training set's classes", "[data]") {
  const TemporaryFolder folder;
  write_images(folder, {"train/a/1.png", "train/b/1.png", "train/c/1.png", "valid/c/1.png",
                        "test/b/1.png", "test/a/1.png"});
  const DatasetSplits splits = open_dataset(folder.path());
  REQUIRE((splits.train && splits.val && splits.test));
  CHECK_FALSE(splits.unsplit);
  CHECK(splits.val->class_count() == 3);
  CHECK(splits.val->label(0) == 2);
  CHECK(splits.test->label(1) == 1);

  write_images(folder, {"test/d/1.png"});
  CHECK_THROWS_WITH(open_dataset(folder.path()), Contains("test/d") && Contains("no class \"d\""));
}

TEST_CASE("Image folder: what is wrong is said", "[data]") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(open_dataset(folder.path() / "nowhere"),
                    Contains("nowhere") && Contains("does not exist"));
  CHECK_THROWS_WITH(open_dataset(folder.write_text("file", "x")), Contains("is not a folder"));
  CHECK_THROWS_WITH(open_dataset(folder.path()), Contains("has no class folders"));

  write_images(folder, {"train/a/1.png"});
  fs::create_directories(folder.path() / "train/empty");
  CHECK_THROWS_WITH(open_dataset(folder.path()),
                    Contains("train/empty") && Contains("holds no JPEG"));
  fs::remove(folder.path() / "train/empty");

  folder.write_text("train/a/new.webp", "x");
  CHECK_THROWS_WITH(open_dataset(folder.path()),
                    Contains("new.webp") && Contains("convert it to JPEG"));
  fs::remove(folder.path() / "train/a/new.webp");

  write_images(folder, {"train/caf\xe9/1.png"});
  CHECK_THROWS_WITH(open_dataset(folder.path()), Contains("not valid UTF-8"));
  fs::remove_all(folder.path() / "train/caf\xe9");

  write_images(folder, {"val/a/1.png", "validation/a/1.png"});
  CHECK_THROWS_WITH(open_dataset(folder.path()), Contains("has both val and validation"));
}

TEST_CASE("Image folder: a dangling link fails when it is read", "[data]") {
  const TemporaryFolder folder;
  write_images(folder, {"a/1.png"});
  fs::create_symlink(folder.path() / "gone.png", folder.path() / "a/2.png");
  const ImageFolder dataset(folder.path());
  REQUIRE(dataset.size() == 2);
  CHECK_THROWS_WITH(dataset.load(1), Contains("2.png") && Contains("No such file"));
}

TEST_CASE("Image folder: links to folders are followed, but never back", "[data]") {
  const TemporaryFolder folder;
  const fs::path& root = folder.path();
  write_images(folder, {"elsewhere/1.png", "data/train/b/2.png", "data/test/b/3.png"});
  fs::create_directory_symlink(root / "elsewhere", root / "data/train/a");
  fs::create_directory(root / "data/train/b/deeper");
  fs::create_directory_symlink(root / "elsewhere", root / "data/train/b/deeper/more");
  CHECK(open_dataset(root / "data").train->size() == 3);

  const auto refused = [&](const fs::path& target, const fs::path& link) {
    fs::create_directory_symlink(target, link);
    CHECK_THROWS_WITH(open_dataset(root / "data"), Contains(link.string() + ": leads back to") &&
                                                       Contains("remove the symbolic link"));
    fs::remove(link);
  };
  refused(".", root / "data/train/b/loop");
  refused("..", root / "data/train/b/deeper/loop");
  refused("../..", root / "data/train/b/loop");     // of all splits
  refused("../../..", root / "data/train/b/loop");  // outside of the data set, but around it
  refused(".", root / "data/train/loop");           // as if it were a class
  refused("/", root / "data/test/b/loop");
}

TEST_CASE("Image folder: a stop is asked for while it is listed", "[data]") {
  const TemporaryFolder folder;
  write_images(folder, {"a/1.png"});
  const pid_t child = ::fork();  // the request cannot be taken back
  REQUIRE(child >= 0);
  if (child == 0) {
    watch_for_interrupts();
    ::raise(SIGTERM);
    try {
      const ImageFolder dataset(folder.path());
    } catch (const Interrupted&) {
      ::_exit(0);
    }
    ::_exit(1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("CIFAR and IDX folders are recognised", "[data]") {
  const Bytes record(3073, uint8_t{1});
  const TemporaryFolder ten;
  ten.write_text("batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  for (const char* part : {"1", "2", "3", "4", "5"}) {
    ten.write(std::string("data_batch_") + part + ".bin", record);
  }
  DatasetSplits splits = open_dataset(ten.path());
  CHECK(splits.kind == "CIFAR-10");
  CHECK(splits.train->size() == 5);
  CHECK(splits.train->class_names()[1] == "b");
  CHECK_FALSE(splits.test);
  fs::remove(ten.path() / "data_batch_4.bin");
  CHECK_THROWS_WITH(open_dataset(ten.path()), Contains("data_batch_4.bin"));
  ten.write_text("batches.meta.txt", "a\nb\n");
  CHECK_THROWS_WITH(open_dataset(ten.path()), Contains("names 2 classes, expected 10"));

  const TemporaryFolder hundred;
  std::string names;
  for (int i = 0; i < 100; ++i) names += "class" + std::to_string(i) + "\r\n";
  hundred.write_text("fine_label_names.txt", names);
  hundred.write("train.bin", Bytes(3074, uint8_t{7}));
  hundred.write("test.bin", Bytes(2 * 3074, uint8_t{8}));
  splits = open_dataset(hundred.path());
  CHECK(splits.kind == "CIFAR-100");
  CHECK(splits.train->label(0) == 7);
  CHECK(splits.train->class_names()[7] == "class7");
  CHECK(splits.test->size() == 2);

  const TemporaryFolder idx;
  idx.write("train-images-idx3-ubyte", {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 77});
  idx.write("train-labels-idx1-ubyte", {0, 0, 8, 1, 0, 0, 0, 1, 4});
  splits = open_dataset(idx.path());
  CHECK(splits.kind == "IDX");
  CHECK(splits.train->class_count() == 5);
  CHECK(splits.train->load(0).pixels == Bytes(3, 77));
  fs::remove(idx.path() / "train-labels-idx1-ubyte");
  CHECK_THROWS_WITH(open_dataset(idx.path()), Contains("train-labels-idx1-ubyte"));
}

TEST_CASE("The validation split is stratified, complete, and the seed's alone", "[data]") {
  std::vector<int32_t> labels;
  for (int i = 0; i < 100; ++i) labels.push_back(i % 3 == 0 ? 0 : 1);
  labels.push_back(2);
  const auto split = [&](uint64_t seed) {
    DatasetSplits splits;
    splits.train = std::make_shared<Labels>(labels, 4);
    split_validation(splits, 0.2, seed);
    return splits;
  };
  const DatasetSplits splits = split(5);
  CHECK(splits.train->size() + splits.val->size() == 101);
  std::map<int32_t, int> validation, training;
  std::set<std::string> seen;
  for (int64_t i = 0; i < splits.val->size(); ++i) {
    ++validation[splits.val->label(i)];
    seen.insert(splits.val->sample_name(i));
  }
  for (int64_t i = 0; i < splits.train->size(); ++i) {
    ++training[splits.train->label(i)];
    seen.insert(splits.train->sample_name(i));
  }
  CHECK(seen.size() == 101);
  CHECK(validation[0] == 7);
  CHECK(validation[1] == 13);
  CHECK(validation[2] == 0);  // the only one of its class stays in training
  CHECK(training[2] == 1);

  const auto validation_names = [](const DatasetSplits& of) {
    std::set<std::string> names;
    for (int64_t i = 0; i < of.val->size(); ++i) names.insert(of.val->sample_name(i));
    return names;
  };
  CHECK(validation_names(split(5)) == validation_names(splits));
  CHECK(validation_names(split(6)) != validation_names(splits));
}

TEST_CASE("A validation split that cannot be made is refused", "[data]") {
  DatasetSplits splits;
  CHECK_THROWS_WITH(split_validation(splits, 0.2, 0), Contains("no training split"));
  splits.train = std::make_shared<Labels>(std::vector<int32_t>{0, 0, 1, 1}, 2);
  CHECK_THROWS_WITH(split_validation(splits, 0.0, 0), Contains("out of range"));
  CHECK_THROWS_WITH(split_validation(splits, 1.0, 0), Contains("out of range"));
  CHECK_THROWS_WITH(split_validation(splits, 0.01, 0), Contains("no validation sample"));
  split_validation(splits, 0.5, 0);
  CHECK_THROWS_WITH(split_validation(splits, 0.5, 0), Contains("validation split already"));
}

TEST_CASE("A class subset relabels in the order of its list and keeps names", "[data]") {
  DatasetSplits splits;
  splits.train = std::make_shared<Labels>(std::vector<int32_t>{0, 3, 2, 3, 1}, 4);
  select_classes(splits, {3, 1});
  REQUIRE(splits.train->size() == 3);
  CHECK(splits.train->class_names() == std::vector<std::string>{"class 3", "class 1"});
  CHECK(splits.train->label(0) == 0);
  CHECK(splits.train->label(2) == 1);
  CHECK(splits.train->sample_name(2) == "4");
  CHECK(splits.train->load(2).pixels == noise_image(2, 2, 4).pixels);

  const auto base = std::make_shared<Labels>(std::vector<int32_t>{0, 1}, 2);
  CHECK_THROWS_WITH(ClassSubset(base, {2}), Contains("class 2 does not exist"));
  CHECK_THROWS_WITH(ClassSubset(base, {-1}), Contains("class -1 does not exist"));
  CHECK_THROWS_WITH(ClassSubset(base, {0, 0}), Contains("listed twice"));
  CHECK_THROWS_WITH(ClassSubset(base, {}), Contains("empty"));
  CHECK_THROWS_WITH(Subset(base, {2}), Contains("sample 2 is out of range"));
}

TEST_CASE("CIFAR-10 opens with its published sizes", "[data][real]") {
  const fs::path folder = testing::real_data("cifar-10-batches-bin");
  if (folder.empty()) return;
  const DatasetSplits splits = open_dataset(folder);
  CHECK(splits.train->size() == 50000);
  CHECK(splits.test->size() == 10000);
  CHECK(splits.train->class_names()[9] == "truck");
}

TEST_CASE("Fashion-MNIST opens with its published sizes", "[data][real]") {
  const fs::path folder = "/usr/share/datasets/fashion-mnist";
  if (!fs::exists(folder)) {
    std::cout << "SKIP: Debian's dataset-fashion-mnist is not installed\n";
    return;
  }
  if (built_without_zlib()) {
    CHECK_THROWS_WITH(open_dataset(folder), Contains("built without zlib"));
    return;
  }
  DatasetSplits splits = open_dataset(folder);
  CHECK(splits.train->size() == 60000);
  CHECK(splits.test->size() == 10000);
  select_classes(splits, {5, 6, 7, 8, 9});
  CHECK(splits.train->size() == 30000);
  CHECK(splits.test->class_names() == std::vector<std::string>{"5", "6", "7", "8", "9"});
}

}  // namespace trady::test
