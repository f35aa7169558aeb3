// The pool: the convs that a top-K method may update.
#pragma once

#include <string>
#include <vector>

namespace trady {

/// What the user asked for.
struct PoolSpec {
  enum class Kind {
    model_default,  ///< first k of the model's built-in ranking, k as the ranking says
    first_k,        ///< `35`: first K of the model's built-in ranking
    share,          ///< `97%`: the fewest first convs that hold this share of the total RGN
    file,           ///< `FILE`: first k of a ranking file, k as the file says
    all,            ///< `all`: every conv
  };
  Kind kind = Kind::model_default;
  int k = 0;           ///< of first_k
  double percent = 0;  ///< of share
  std::string path;    ///< of file
};

/// Error on 0, negative numbers, fractions and shares above 100 %.
PoolSpec parse_pool(const std::string& text);

struct Pool {
  std::vector<int> convs;         ///< ascending
  double cumulative_percent = 0;  ///< share of the ranked network's RGN of the first K
  std::string description;        ///< "35 of 52 ranked convs, 34 of them in this network; ..."
};

/// The first K of the ranking, without what the network at hand lacks: a ranking may be of the
/// variant with the mix conv, one conv more at the end (docs/method.md section 2). Error if there
/// is no ranking (it names `trady rank`), if the ranking is of another network, or if nothing is
/// left.
Pool resolve_pool(const PoolSpec& spec, const std::string& network, int conv_count);

}  // namespace trady
