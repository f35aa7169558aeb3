// Which output of a classifier stands for which class of a data set.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/data/dataset.h"

namespace trady::tools {

struct ClassMapping {
  enum class By { names, numbers, order };
  By by = By::names;
  std::vector<int32_t> to_model;  ///< by label of the data set: output of the classifier
  std::string note;               ///< empty if the names agree
};

/// By name if the names are the same ones in any order ("10" sorts before "2" as a folder name, not
/// as a class); by number if both sides have numbers in different spelling ("7" and "0007"); else
/// by position, with a note. The counts must be equal.
ClassMapping map_classes(const std::vector<std::string>& model_names,
                         const std::vector<std::string>& dataset_names);

/// What becomes of the classifier that a weights file holds.
enum class HeadChoice {
  by_classes,  ///< kept if it is for the data's classes, else a new one
  renew,       ///< --new-head
  keep,        ///< --keep-head: output i stands for the data's class i from now on, whatever it was
};
struct HeadDecision {
  bool renew = false;
  ClassMapping mapping;  ///< of a kept classifier
  std::string note;      ///< for the user; empty where nothing surprises
};
/// `model_classes` outputs in the weights file; `model_names` are empty if it does not name them.
/// Error if a classifier of another size is to be kept.
HeadDecision decide_head(const std::vector<std::string>& model_names, int64_t model_classes,
                         const std::vector<std::string>& dataset_names, HeadChoice choice);

/// `base` with the labels that the classifier uses.
std::shared_ptr<const Dataset> relabel(std::shared_ptr<const Dataset> base, ClassMapping mapping,
                                       std::vector<std::string> model_names);

}  // namespace trady::tools
