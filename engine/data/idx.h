// IDX files as MNIST and Fashion-MNIST come in (http://yann.lecun.com/exdb/mnist), plain or gzip.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/data/dataset.h"
#include "engine/data/input_file.h"

namespace trady {

/// Unsigned bytes: images [count, rows, columns], magic number 0x00000803; labels [count],
/// 0x00000801; all header numbers big-endian. Grey becomes RGB by repetition. Pixels of a plain
/// file are read when asked for, those of a gzip file are unpacked into memory.
class IdxDataset : public Dataset {
 public:
  /// Fails on a wrong magic number, on sizes that are zero, absurd or not the file's (checked
  /// before anything is allocated), or if the two files' counts differ.
  IdxDataset(const std::filesystem::path& images, const std::filesystem::path& labels);

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  /// The labels as numbers: "0", "1", ... up to the largest that occurs.
  const std::vector<std::string>& class_names() const override { return class_names_; }
  /// The class names of the training set for its test set. Fails if a label is out of their range.
  void set_class_names(const std::vector<std::string>& names);
  int32_t label(int64_t index) const override { return labels_[index]; }
  Image load(int64_t index) const override;
  std::string sample_name(int64_t index) const override;
  bool decodes() const override { return false; }
  int64_t resident_bytes() const override;

 private:
  std::filesystem::path images_path_, labels_path_;
  int rows_ = 0, columns_ = 0;
  std::unique_ptr<InputFile> images_file_;  ///< plain; null where pixels_ holds them
  std::vector<uint8_t> pixels_;             ///< [count, rows, columns] of a gzip file
  std::vector<uint8_t> labels_;
  std::vector<std::string> class_names_;
};

}  // namespace trady
