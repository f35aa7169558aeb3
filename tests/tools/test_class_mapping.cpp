// Which output stands for which class, and whether a classifier is kept for new data.
#include "tools/class_mapping.h"

#include <catch2/catch.hpp>

#include "engine/error.h"

using namespace trady;
using namespace trady::tools;
using Catch::Contains;
using Names = std::vector<std::string>;
using Outputs = std::vector<int32_t>;

namespace {

class FixedLabels final : public Dataset {
 public:
  int64_t size() const override { return 3; }
  const Names& class_names() const override { return names_; }
  int32_t label(int64_t index) const override { return static_cast<int32_t>(index); }
  Image load(int64_t) const override { return {1, 1}; }
  std::string sample_name(int64_t index) const override { return "image " + std::to_string(index); }
  bool decodes() const override { return false; }
  int64_t resident_bytes() const override { return 7; }

 private:
  Names names_{"cat", "ant", "bee"};
};

HeadDecision decide(const Names& model, const Names& data,
                    HeadChoice choice = HeadChoice::by_classes) {
  return decide_head(model, static_cast<int64_t>(model.size()), data, choice);
}

}  // namespace

TEST_CASE("classes are mapped by name in any order") {
  const ClassMapping mapping = map_classes({"ant", "bee", "cat"}, {"cat", "ant", "bee"});
  CHECK(mapping.by == ClassMapping::By::names);
  CHECK(mapping.to_model == Outputs{2, 0, 1});
  CHECK(mapping.note.empty());
}

TEST_CASE("classes are mapped as numbers where only the spelling differs") {
  const ClassMapping mapping = map_classes({"0", "1", "10"}, {"00", "01", "10"});
  CHECK(mapping.by == ClassMapping::By::numbers);
  CHECK(mapping.to_model == Outputs{0, 1, 2});
  CHECK_THAT(mapping.note, Contains("as numbers"));
}

TEST_CASE("other names are mapped by order, with a note") {
  for (const Names& data : {Names{"ant", "wasp"}, Names{"ant", "ant"}}) {
    const ClassMapping mapping = map_classes({"ant", "bee"}, data);
    CHECK(mapping.by == ClassMapping::By::order);
    CHECK(mapping.to_model == Outputs{0, 1});
    CHECK_THAT(mapping.note, Contains("by order"));
  }
  CHECK_THAT(map_classes({}, {"ant", "bee"}).note, Contains("names no classes"));
}

TEST_CASE("relabelled data have the classifier's labels and names") {
  const Names model{"ant", "bee", "cat"};
  const auto base = std::make_shared<FixedLabels>();
  const auto data = relabel(base, map_classes(model, base->class_names()), model);
  CHECK(data->class_names() == model);
  CHECK(Outputs{data->label(0), data->label(1), data->label(2)} == Outputs{2, 0, 1});
  CHECK(data->size() == 3);
  CHECK(data->sample_name(1) == "image 1");
  CHECK(data->resident_bytes() == 7);
}

TEST_CASE("a classifier is kept for the same classes alone") {
  const HeadDecision same = decide({"ant", "bee"}, {"bee", "ant"});
  CHECK(!same.renew);
  CHECK(same.mapping.to_model == Outputs{1, 0});
  CHECK(same.note.empty());
  CHECK(!decide({"7", "8"}, {"0007", "0008"}).renew);

  const HeadDecision others = decide({"0", "1"}, {"5", "6"});
  CHECK(others.renew);
  CHECK_THAT(others.note, Contains("new classifier") && Contains("\"0\"") && Contains("\"5\"") &&
                              Contains("--keep-head"));
  const HeadDecision unnamed = decide_head({}, 2, {"ant", "bee"}, HeadChoice::by_classes);
  CHECK(unnamed.renew);
  CHECK_THAT(unnamed.note, Contains("names no classes"));
  const HeadDecision more = decide({"ant", "bee"}, {"ant", "bee", "cat"});
  CHECK(more.renew);
  CHECK(more.note.empty());
}

TEST_CASE("the user decides about the classifier") {
  CHECK(decide({"ant", "bee"}, {"ant", "bee"}, HeadChoice::renew).renew);
  const HeadDecision kept = decide({"0", "1"}, {"5", "6"}, HeadChoice::keep);
  CHECK(!kept.renew);
  CHECK(kept.mapping.by == ClassMapping::By::order);
  CHECK_THAT(kept.note, Contains("by order"));
  CHECK_THROWS_WITH(decide({"0", "1"}, {"5", "6", "7"}, HeadChoice::keep),
                    Contains("2 classes, the data 3"));
}
