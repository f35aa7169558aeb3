#include "engine/data/subset.h"

#include "engine/error.h"

namespace trady {
namespace {

std::vector<int64_t> samples_of_classes(const Dataset& base, const std::vector<int32_t>& classes) {
  if (classes.empty()) fail("the list of classes to keep is empty");
  std::vector<bool> kept(base.class_names().size());
  for (const int32_t label : classes) {
    if (label < 0 || label >= base.class_count()) {
      fail("class ", label, " does not exist: the data set has classes 0 to ",
           base.class_count() - 1);
    }
    if (kept[label]) fail("class ", label, " is listed twice among the classes to keep");
    kept[label] = true;
  }
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < base.size(); ++i) {
    if (kept[base.label(i)]) indices.push_back(i);
  }
  return indices;
}

}  // namespace

Subset::Subset(std::shared_ptr<const Dataset> base, std::vector<int64_t> indices)
    : base_(std::move(base)), indices_(std::move(indices)) {
  for (const int64_t index : indices_) {
    if (index < 0 || index >= base_->size()) {
      fail("subset: sample ", index, " is out of range, the data set has ", base_->size());
    }
  }
}

int64_t Subset::resident_bytes() const {
  return base_->resident_bytes() + static_cast<int64_t>(indices_.capacity() * sizeof(int64_t));
}

ClassSubset::ClassSubset(const std::shared_ptr<const Dataset>& base,
                         const std::vector<int32_t>& classes)
    : Subset(base, samples_of_classes(*base, classes)),
      relabelled_(base->class_names().size(), -1) {
  for (const int32_t label : classes) {
    relabelled_[label] = static_cast<int32_t>(class_names_.size());
    class_names_.push_back(base->class_names()[label]);
  }
}

}  // namespace trady
