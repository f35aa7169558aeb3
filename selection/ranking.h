// A ranking of a network's convs by relative gradient norm (RGN), and its JSON file.
//
// Layer RGN = sum over the layer's channels of ||dW[:, c]|| / theta_c (docs/method.md section 1),
// summed over the epochs of one fine-tuning. The order hardly depends on the task, so a ranking
// that was made once serves every data set. Files in selection/rankings/ are built into the
// library.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

namespace trady {

struct Ranking {
  std::string network;                     ///< model name, e.g. "mbv2-w0.35"
  int image_size = 0;                      ///< of the run that it was made with
  int conv_count = 0;                      ///< of the ranked network; indices are below it
  int k = 0;                               ///< pool size unless the user gives one
  std::string source;                      ///< where it comes from, in words
  std::string command;                     ///< how to make it again; empty if it was published
  std::vector<int> descending_rgn;         ///< conv indices, the highest RGN first
  std::vector<double> cumulative_percent;  ///< share of the total RGN of the first 1, 2, ... convs
  std::vector<double> rgn;                 ///< by conv index; empty if it was not published
  std::map<std::string, std::string> settings;  ///< whatever else is worth keeping

  bool operator==(const Ranking&) const = default;
};

/// The published pool size of a network (docs/method.md section 2); 0 if there is none.
int published_pool_size(const std::string& network);

/// Convs of a ranking whose RGN together reaches `percent`, counted from the top.
int convs_reaching(const std::vector<double>& cumulative_percent, double percent);

/// Ranks convs by `rgn` (one value a conv, finite, not negative, not all zero; the lower index
/// first where two are equal) and fills everything but source, command and settings. k is the
/// published pool size or else the first that reaches 97 % of the total.
Ranking make_ranking(const std::string& network, int image_size, std::span<const double> rgn);

/// Strict: unknown, missing and repeated keys, wrong types, indices twice or out of range and
/// cumulative shares that do not rise to 100 are Errors that begin with `origin`.
Ranking parse_ranking(const std::string& json, const std::string& origin);
Ranking read_ranking(const std::string& path);

std::string ranking_to_json(const Ranking& ranking);
void write_ranking(const std::string& path, const Ranking& ranking);

/// The ranking that ships with the library, or nullptr.
const Ranking* builtin_ranking(const std::string& network);
std::vector<std::string> builtin_ranking_names();

}  // namespace trady
