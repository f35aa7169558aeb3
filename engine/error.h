// Errors that users see. Library code throws, never exits; the command line prints and returns 1.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace trady {

/// Something the user can mend: the message names what, both sizes and the remedy.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// What an errno value means, as the system puts it. Unlike strerror, for any thread.
inline std::string system_reason(int error_number) {
  return std::generic_category().message(error_number);
}

/// throw Error with all parts joined.
template <typename... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(concat(parts...));
}

}  // namespace trady
