// Which output of a classifier stands for which class of a data set.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/data/dataset.h"

namespace trady::tools {

struct ClassMapping {
  std::vector<int32_t> to_model;  ///< by label of the data set: output of the classifier
  std::string note;               ///< empty if the names agree
};

/// By name if the names are the same ones in any order ("10" sorts before "2" as a folder name, not
/// as a class); by number if both sides have numbers in different spelling ("7" and "0007"); else
/// by position, with a note. The counts must be equal.
ClassMapping map_classes(const std::vector<std::string>& model_names,
                         const std::vector<std::string>& dataset_names);

/// `base` with the labels that the classifier uses.
std::shared_ptr<const Dataset> relabel(std::shared_ptr<const Dataset> base, ClassMapping mapping,
                                       std::vector<std::string> model_names);

}  // namespace trady::tools
