#include "engine/data/image_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "engine/data/image_file.h"
#include "engine/error.h"
#include "engine/interrupt.h"

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
    if (interrupt_requested()) throw Interrupted("interrupted while listing " + folder.string());
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

/// Lists images in and below folders, and follows links to folders, but never back to a folder that
/// contains the link: that would list images again and again, or those of other classes and splits.
class ImageCollector {
 public:
  explicit ImageCollector(const fs::path& root) {
    std::error_code error;
    fs::path outer = fs::canonical(root, error);
    if (error) fail("cannot list ", root.string(), ": ", error.message());
    enter(outer);
    while (outer != outer.parent_path()) enter(outer = outer.parent_path());
  }

  void collect(const fs::path& folder, std::vector<std::string>& paths) {
    enter(folder);
    for_each_entry(folder, [&](const fs::directory_entry& entry) {
      if (is_folder(entry)) {
        collect(entry.path(), paths);
        return;
      }
      switch (image_file_kind(entry.path())) {
        case ImageFileKind::decodable:
          paths.push_back(entry.path().string());
          break;
        case ImageFileKind::unsupported:
          fail(entry.path().string(), ": this picture format cannot be decoded; convert it to ",
               "JPEG or PNG, or remove the file");
        case ImageFileKind::other:
          break;
      }
    });
    entered_.pop_back();
  }

 private:
  struct Entered {
    dev_t device;
    ino_t inode;
    fs::path path;
  };

  void enter(const fs::path& folder) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0) {
      fail("cannot list ", folder.string(), ": ", system_reason(errno));
    }
    for (const Entered& outer : entered_) {
      if (outer.device == status.st_dev && outer.inode == status.st_ino) {
        fail(folder.string(), ": leads back to ", outer.path.string(),
             ", which contains it; remove the symbolic link");
      }
    }
    entered_.push_back({status.st_dev, status.st_ino, folder});
  }

  std::vector<Entered> entered_;  // the folders around the one being listed
};

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
  ImageCollector(root_).collect(folder, paths);
  if (paths.empty()) {
    fail("class folder ", folder.string(),
         " holds no JPEG, PNG, BMP or PNM image; add some or remove the folder");
  }
  std::sort(paths.begin(), paths.end());
  const size_t root_length = (root_ / "").native().size();
  for (const std::string& path : paths) samples_.push_back({path.substr(root_length), label});
}

Image ImageFolder::load(int64_t index) const {
  int64_t bytes = 0;
  Image image = load_image(root_ / samples_[index].path, {.peak_bytes = &bytes});
  int64_t most = decoding_bytes_;
  while (bytes > most && !decoding_bytes_.compare_exchange_weak(most, bytes)) {
  }
  return image;
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
