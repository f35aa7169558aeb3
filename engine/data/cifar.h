// CIFAR-10 and CIFAR-100 in their binary layout (https://www.cs.toronto.edu/~kriz/cifar.html).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/data/dataset.h"
#include "engine/data/input_file.h"

namespace trady {

/// A file is a sequence of records: label bytes (CIFAR-10: the label; CIFAR-100: coarse, fine),
/// then 32 x 32 bytes of red, of green, of blue. Labels are kept in memory, pixels read when asked
/// for.
class CifarDataset : public Dataset {
 public:
  enum class Variant {
    cifar10,
    cifar100,  ///< the fine labels
  };
  /// Fails if a file's size is not a positive multiple of the record's, or a label is out of range.
  CifarDataset(Variant variant, const std::vector<std::filesystem::path>& files,
               std::vector<std::string> class_names);

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  int32_t label(int64_t index) const override { return labels_[index]; }
  Image load(int64_t index) const override;
  std::string sample_name(int64_t index) const override;
  bool decodes() const override { return false; }
  int64_t resident_bytes() const override { return static_cast<int64_t>(labels_.capacity()); }

 private:
  struct Part {
    std::unique_ptr<InputFile> file;
    int64_t first_sample;
  };
  void read_labels(const InputFile& file);
  const Part& part_of(int64_t index) const;

  int64_t label_bytes_;
  std::vector<std::string> class_names_;
  std::vector<Part> parts_;
  std::vector<uint8_t> labels_;
};

/// Class names of a folder in one of the layouts: batches.meta.txt / fine_label_names.txt. Fails if
/// the file does not name 10 / 100 classes.
std::vector<std::string> read_cifar_class_names(CifarDataset::Variant variant,
                                                const std::filesystem::path& folder);

}  // namespace trady
