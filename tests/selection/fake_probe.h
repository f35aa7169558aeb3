// A probe that answers what a test has put in, and counts how often it was asked.
#pragma once

#include <map>
#include <vector>

#include "selection/selection_probe.h"

namespace trady::test {

class FakeProbe : public SelectionProbe {
 public:
  std::map<int, std::vector<double>> weights;   ///< by conv
  std::vector<std::vector<double>> norms;       ///< by conv
  std::vector<std::vector<double>> similarity;  ///< by conv
  std::vector<int> asked_convs;                 ///< of the last gradient_norms()
  int looks = 0;

  std::vector<double> weight(int conv) override {
    ++looks;
    return weights.at(conv);
  }
  std::vector<std::vector<double>> gradient_norms(const std::vector<int>& convs) override {
    ++looks;
    asked_convs = convs;
    return norms;
  }
  std::vector<std::vector<double>> output_similarity() override {
    ++looks;
    return similarity;
  }
};

}  // namespace trady::test
