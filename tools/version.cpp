#include "tools/version.h"

namespace trady::tools {

std::string version() {
  return TRADY_VERSION;
}

std::string build_description() {
  return "g++ " __VERSION__ ", " TRADY_BUILD_TYPE ", " TRADY_LIBRARIES;
}

}  // namespace trady::tools
