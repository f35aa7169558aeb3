// CLASS/*.jpg below a folder.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/data/dataset.h"

namespace trady {

/// Classes are the sub-folders in byte order of their names, samples the image files in and below
/// them in byte order of their paths, as torchvision's ImageFolder has it. Hidden files and
/// folders, and files that are no pictures by their extension, are ignored. Symbolic links are
/// followed, but one that leads back to a folder around it is an error.
class ImageFolder : public Dataset {
 public:
  /// Takes the classes from `root`. Fails if `root` has no sub-folder, a class folder has no
  /// image, or a picture's format cannot be decoded. Throws Interrupted after Ctrl-C.
  explicit ImageFolder(const std::filesystem::path& root);
  /// Another split of the same data: labels follow `class_names`. Fails also on a class folder
  /// that is not among them; a class without a folder simply has no sample here.
  ImageFolder(const std::filesystem::path& root, std::vector<std::string> class_names);

  int64_t size() const override { return static_cast<int64_t>(samples_.size()); }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  int32_t label(int64_t index) const override { return samples_[index].label; }
  Image load(int64_t index) const override;
  std::string sample_name(int64_t index) const override;
  bool decodes() const override { return true; }
  int64_t decoding_bytes() const override { return decoding_bytes_; }
  int64_t resident_bytes() const override;

 private:
  struct Sample {
    std::string path;  ///< below root_
    int32_t label;
  };
  void add_class(int32_t label);

  std::filesystem::path root_;
  std::vector<std::string> class_names_;
  std::vector<Sample> samples_;
  mutable std::atomic<int64_t> decoding_bytes_ = 0;
};

/// Names of the visible sub-folders, in byte order.
std::vector<std::string> visible_folders(const std::filesystem::path& root);

}  // namespace trady
