// Parts of a data set: some samples, or some classes.
#pragma once

#include <memory>
#include <vector>

#include "engine/data/dataset.h"

namespace trady {

/// The samples `indices` of `base`, in that order, with labels and class names unchanged.
class Subset : public Dataset {
 public:
  /// Fails if an index is out of range.
  Subset(std::shared_ptr<const Dataset> base, std::vector<int64_t> indices);

  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  const std::vector<std::string>& class_names() const override { return base_->class_names(); }
  int32_t label(int64_t index) const override { return base_->label(indices_[index]); }
  Image load(int64_t index) const override { return base_->load(indices_[index]); }
  std::string sample_name(int64_t index) const override {
    return base_->sample_name(indices_[index]);
  }
  bool decodes() const override { return base_->decodes(); }
  int64_t decoding_bytes() const override { return base_->decoding_bytes(); }
  int64_t resident_bytes() const override;

 private:
  std::shared_ptr<const Dataset> base_;
  std::vector<int64_t> indices_;
};

/// The samples whose label is in `classes`, relabelled 0, 1, ... in the order of that list; their
/// names are kept. Samples stay in the order of `base`.
class ClassSubset : public Subset {
 public:
  /// Fails if a class is out of range, listed twice, or the list is empty.
  ClassSubset(const std::shared_ptr<const Dataset>& base, const std::vector<int32_t>& classes);

  const std::vector<std::string>& class_names() const override { return class_names_; }
  int32_t label(int64_t index) const override { return relabelled_[Subset::label(index)]; }

 private:
  std::vector<std::string> class_names_;
  std::vector<int32_t> relabelled_;  ///< by label of `base`; -1 for classes left out
};

}  // namespace trady
