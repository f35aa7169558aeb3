#include "engine/data/image_folder.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/data/image_file.h"
#include "engine/error.h"

namespace trady {
namespace {

namespace fs = std::filesystem;

bool is_hidden(const fs::path& path) {
  return path.filename().native().starts_with('.');
}

template <typename Visit>
void for_each_entry(const fs::path& folder, Visit visit) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) fail("cannot list ", folder.string(), ": ", error.message());
  for (const fs::directory_entry& entry : entries) {
    if (!is_hidden(entry.path())) visit(entry);
  }
}

bool is_folder(const fs::directory_entry& entry) {
  std::error_code error;  // a dangling link is no folder
  return entry.is_directory(error);
}

/// Class names go into JSON: run records and the metadata of weights.
bool is_utf8(const std::string& text) {
  try {
    return !nlohmann::json(text).dump().empty();
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

void collect_images(const fs::path& folder, std::vector<std::string>& paths) {
  for_each_entry(folder, [&](const fs::directory_entry& entry) {
    if (is_folder(entry)) {
      collect_images(entry.path(), paths);
      return;
    }
    switch (image_file_kind(entry.path())) {
      case ImageFileKind::decodable:
        paths.push_back(entry.path().string());
        break;
      case ImageFileKind::unsupported:
        fail(entry.path().string(), ": this picture format cannot be decoded; convert it to JPEG ",
             "or PNG, or remove the file");
      case ImageFileKind::other:
        break;
    }
  });
}

}  // namespace

std::vector<std::string> visible_folders(const fs::path& root) {
  std::vector<std::string> names;
  for_each_entry(root, [&](const fs::directory_entry& entry) {
    if (is_folder(entry)) names.push_back(entry.path().filename().string());
  });
  std::sort(names.begin(), names.end());
  return names;
}

ImageFolder::ImageFolder(const fs::path& root) : ImageFolder(root, visible_folders(root)) {}

ImageFolder::ImageFolder(const fs::path& root, std::vector<std::string> class_names)
    : root_(root), class_names_(std::move(class_names)) {
  const std::vector<std::string> folders = visible_folders(root_);
  if (folders.empty()) {
    fail(root_.string(), " has no class folders; expected ", (root_ / "CLASS" / "*.jpg").string());
  }
  for (const std::string& folder : folders) {
    const auto found = std::find(class_names_.begin(), class_names_.end(), folder);
    if (found == class_names_.end()) {
      fail((root_ / folder).string(), ": the training set has no class \"", folder, "\" among its ",
           class_names_.size(), " classes; splits must share their class folders' names");
    }
    add_class(static_cast<int32_t>(found - class_names_.begin()));
  }
}

void ImageFolder::add_class(int32_t label) {
  const fs::path folder = root_ / class_names_[label];
  if (!is_utf8(class_names_[label])) {
    fail("class folder ", folder.string(),
         ": its name is not valid UTF-8, and it becomes the name of a class; rename the folder");
  }
  std::vector<std::string> paths;
  collect_images(folder, paths);
  if (paths.empty()) {
    fail("class folder ", folder.string(),
         " holds no JPEG, PNG, BMP or PNM image; add some or remove the folder");
  }
  std::sort(paths.begin(), paths.end());
  const size_t root_length = (root_ / "").native().size();
  for (const std::string& path : paths) samples_.push_back({path.substr(root_length), label});
}

Image ImageFolder::load(int64_t index) const {
  return load_image(root_ / samples_[index].path);
}

std::string ImageFolder::sample_name(int64_t index) const {
  return (root_ / samples_[index].path).string();
}

int64_t ImageFolder::resident_bytes() const {
  size_t bytes = samples_.capacity() * sizeof(Sample);
  for (const Sample& sample : samples_) bytes += sample.path.capacity();
  return static_cast<int64_t>(bytes);
}

}  // namespace trady
