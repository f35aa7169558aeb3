// From a path to training, validation and test sets.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/data/dataset.h"

namespace trady {

struct DatasetSplits {
  std::string kind;  ///< "image folder", "CIFAR-10", "CIFAR-100" or "IDX"
  /// Null where the data set has no such split. All splits share class names and labels.
  std::shared_ptr<const Dataset> train, val, test;
  /// An image folder without split folders: `train` holds every image.
  bool unsplit = false;
};

/// Detects the kind from what lies in `path`:
///   CIFAR-10   data_batch_1.bin ... data_batch_5.bin, test_batch.bin, batches.meta.txt
///   CIFAR-100  train.bin, test.bin, fine_label_names.txt
///   IDX        {train,t10k}-{images-idx3,labels-idx1}-ubyte, plain or .gz
///   otherwise  an image folder: {train, val|valid|validation, test}/CLASS/*, or CLASS/* unsplit
DatasetSplits open_dataset(const std::filesystem::path& path);

/// Moves `fraction` of every class from train to val, drawn by `seed`
/// (RandomPurpose::validation_split): the same samples for the same seed, whatever else happens.
/// At least one sample of each class stays in train. Fails if there is a val split already, there
/// is no train split, or not 0 < fraction < 1.
void split_validation(DatasetSplits& splits, double fraction, uint64_t seed);

/// Keeps the listed classes of every split, relabelled 0, 1, ... in that order (ClassSubset).
void select_classes(DatasetSplits& splits, const std::vector<int32_t>& classes);

}  // namespace trady
