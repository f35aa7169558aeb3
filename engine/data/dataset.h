// A set of labelled images, wherever they come from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/data/image.h"

namespace trady {

/// Opening a data set checks names, headers, labels and sizes; pixels are read by `load`.
/// All functions are const and may be called by several threads at once. 0 <= index < size().
class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual int64_t size() const = 0;
  virtual const std::vector<std::string>& class_names() const = 0;
  int class_count() const { return static_cast<int>(class_names().size()); }
  /// 0 <= label < class_count().
  virtual int32_t label(int64_t index) const = 0;
  /// Fails with the file's name and the reason if it cannot be read.
  virtual Image load(int64_t index) const = 0;
  /// What the loader's errors call the sample: its path, or file and position in it.
  virtual std::string sample_name(int64_t index) const = 0;
  /// Whether `load` costs much more than a copy, so that keeping its result pays.
  virtual bool decodes() const = 0;
  /// The most memory that one call of `load` has taken until now, where it decodes.
  virtual int64_t decoding_bytes() const { return 0; }
  /// Pixels and labels that the data set itself keeps in memory.
  virtual int64_t resident_bytes() const = 0;
};

}  // namespace trady
