#include "tools/class_mapping.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "engine/error.h"

namespace trady::tools {

namespace {

/// "0007" -> "7"; other names stay as they are.
std::string without_leading_zeros(const std::string& name) {
  const bool number = !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
  if (!number) return name;
  const size_t first = std::min(name.find_first_not_of('0'), name.size() - 1);
  return name.substr(first);
}

/// Empty unless every name has exactly one partner.
std::vector<int32_t> match(const std::vector<std::string>& model_names,
                           const std::vector<std::string>& dataset_names) {
  std::map<std::string, int32_t> outputs;
  for (size_t i = 0; i < model_names.size(); ++i) {
    outputs.emplace(model_names[i], static_cast<int32_t>(i));
  }
  std::vector<int32_t> to_model;
  for (const std::string& name : dataset_names) {
    const auto found = outputs.find(name);
    if (found == outputs.end()) return {};
    to_model.push_back(found->second);
    outputs.erase(found);
  }
  return to_model;
}

class Relabelled final : public Dataset {
 public:
  Relabelled(std::shared_ptr<const Dataset> base, ClassMapping mapping,
             std::vector<std::string> names)
      : base_(std::move(base)), mapping_(std::move(mapping)), names_(std::move(names)) {}

  int64_t size() const override { return base_->size(); }
  const std::vector<std::string>& class_names() const override { return names_; }
  int32_t label(int64_t index) const override {
    return mapping_.to_model[static_cast<size_t>(base_->label(index))];
  }
  Image load(int64_t index) const override { return base_->load(index); }
  std::string sample_name(int64_t index) const override { return base_->sample_name(index); }
  bool decodes() const override { return base_->decodes(); }
  int64_t decoding_bytes() const override { return base_->decoding_bytes(); }
  int64_t resident_bytes() const override { return base_->resident_bytes(); }

 private:
  std::shared_ptr<const Dataset> base_;
  ClassMapping mapping_;
  std::vector<std::string> names_;
};

}  // namespace

ClassMapping map_classes(const std::vector<std::string>& model_names,
                         const std::vector<std::string>& dataset_names) {
  ClassMapping mapping;
  mapping.to_model = match(model_names, dataset_names);
  if (!mapping.to_model.empty()) return mapping;

  std::vector<std::string> model_numbers, dataset_numbers;
  std::ranges::transform(model_names, std::back_inserter(model_numbers), without_leading_zeros);
  std::ranges::transform(dataset_names, std::back_inserter(dataset_numbers), without_leading_zeros);
  mapping.to_model = match(model_numbers, dataset_numbers);
  if (!mapping.to_model.empty()) {
    mapping.by = ClassMapping::By::numbers;
    mapping.note = "class names matched as numbers (\"" + dataset_names.front() + "\" is \"" +
                   model_names[static_cast<size_t>(mapping.to_model.front())] + "\")";
    return mapping;
  }

  mapping.by = ClassMapping::By::order;
  mapping.to_model.resize(dataset_names.size());
  std::iota(mapping.to_model.begin(), mapping.to_model.end(), 0);
  mapping.note = model_names.empty()
                     ? "the weights file names no classes; the data's are taken in its order"
                     : "class names differ (\"" + dataset_names.front() + "\" in the data, \"" +
                           model_names.front() +
                           "\" in the weights file); classes are matched by order";
  return mapping;
}

HeadDecision decide_head(const std::vector<std::string>& model_names, int64_t model_classes,
                         const std::vector<std::string>& dataset_names, HeadChoice choice) {
  HeadDecision decision;
  decision.renew = true;
  if (choice == HeadChoice::renew) return decision;
  const auto data_classes = static_cast<int64_t>(dataset_names.size());
  if (model_classes != data_classes) {
    if (choice == HeadChoice::keep) {
      fail("--keep-head: the classifier has ", model_classes, " classes, the data ", data_classes,
           "; leave --keep-head out");
    }
    return decision;  // the usual case: a network goes to another task
  }
  decision.mapping = map_classes(model_names, dataset_names);
  if (choice == HeadChoice::keep || decision.mapping.by != ClassMapping::By::order) {
    decision.renew = false;
    decision.note = decision.mapping.note;
    return decision;
  }
  decision.note = concat("starting with a new classifier: ",
                         model_names.empty()
                             ? std::string("the weights file names no classes")
                             : concat("its classes (\"", model_names.front(),
                                      "\") are not the data's (\"", dataset_names.front(), "\")"),
                         "; --keep-head goes on with the old one, class by class");
  return decision;
}

std::shared_ptr<const Dataset> relabel(std::shared_ptr<const Dataset> base, ClassMapping mapping,
                                       std::vector<std::string> model_names) {
  if (model_names.empty()) model_names = base->class_names();
  return std::make_shared<Relabelled>(std::move(base), std::move(mapping), std::move(model_names));
}

}  // namespace trady::tools
