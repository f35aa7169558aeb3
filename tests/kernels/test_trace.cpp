#include "kernels/trace.h"

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

namespace trady::testing {
namespace {

using kernels::open_labels;
using kernels::ScopedLabel;

TEST_CASE("labels: named while their scope lives, outermost first", "[trace]") {
  CHECK(open_labels().empty());
  {
    const ScopedLabel layer("block3.expand", "grad_weight");
    CHECK(open_labels() == "block3.expand, grad_weight");
    {
      const ScopedLabel part("partial sums");
      CHECK(open_labels() == "block3.expand, grad_weight / partial sums");
    }
    CHECK(open_labels() == "block3.expand, grad_weight");
  }
  CHECK(open_labels().empty());
}

TEST_CASE("labels: each thread has its own, and an exception closes them", "[trace]") {
  const ScopedLabel label("stem", "forward");
  std::string elsewhere = "not asked";
  std::thread([&] {
    const ScopedLabel theirs("head", "forward");
    elsewhere = open_labels();
  }).join();
  CHECK(elsewhere == "head, forward");
  try {
    const ScopedLabel failing("block1", "grad_input");
    throw 1;
  } catch (int) {
    CHECK(open_labels() == "stem, forward");
  }
}

std::vector<std::string>& told() {
  static std::vector<std::string> events;
  return events;
}

TEST_CASE("labels: an observer is told of what opens and closes in its time", "[trace]") {
  const kernels::LabelObserver observer{
      [](const char* subject, const char* pass) {
        told().push_back(std::string("+") + subject + (pass == nullptr ? "" : pass));
      },
      [](const char* subject, const char*) { told().push_back(std::string("-") + subject); }};
  {
    const ScopedLabel before("before");
    kernels::observe_labels(&observer);
    const ScopedLabel outer("a");
    { const ScopedLabel inner("b", "forward"); }
    kernels::observe_labels(nullptr);
    const ScopedLabel after("after");
  }
  CHECK(told() == std::vector<std::string>{"+a", "+bforward", "-b", "-a"});
}

}  // namespace
}  // namespace trady::testing
