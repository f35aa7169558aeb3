// Where tests find real networks and images: laid out by tests/prepare_data.py before they run.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>

namespace trady::testing {

/// The file or folder of the prepared data, or an empty path after saying that the test skips.
/// With TRADY_REQUIRE_DATA=1 (continuous integration) a skip is a failure.
inline std::filesystem::path real_data(const std::string& relative) {
  const char* root = std::getenv("TRADY_PREPARED_DATA");
  const std::filesystem::path path =
      std::filesystem::path(root ? root : TRADY_PREPARED_DATA) / relative;
  if (std::filesystem::exists(path)) return path;
  const char* required = std::getenv("TRADY_REQUIRE_DATA");
  if (required && std::string(required) == "1") {
    throw std::runtime_error("real data is required, but there is no " + path.string());
  }
  std::cout << "SKIP: there is no " << path.string()
            << "; set TRADY_DATA to the folder of real data\n";
  return {};
}

}  // namespace trady::testing
