// "Did you mean ...?" for unknown names.
#pragma once

#include <string>
#include <vector>

namespace trady {

/// `, did you mean "trady"?` for the candidate nearest to `name` by edit distance (case and
/// `_` / `-` do not count), or an empty string if none is near. Append it to an error message.
std::string suggestion(const std::string& name, const std::vector<std::string>& candidates);

/// "a, b, c".
std::string join(const std::vector<std::string>& names);

}  // namespace trady
