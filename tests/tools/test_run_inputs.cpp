// Fingerprints of files.
#include "tools/run_inputs.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "engine/atomic_file.h"
#include "engine/error.h"

using namespace trady;
using namespace trady::tools;

namespace {

std::string fingerprint_of(const std::string& content) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / concat("fingerprint-", ::getpid());
  write_file_atomically(file, content);
  const std::string result = fingerprint(file.string());
  std::filesystem::remove(file);
  return result;
}

}  // namespace

TEST_CASE("fingerprints are those of FNV-1a, whatever the pieces that are read") {
  CHECK(fingerprint_of("") == "cbf29ce484222325");
  CHECK(fingerprint_of("a") == "af63dc4c8601ec8c");
  CHECK(fingerprint_of("foobar") == "85944171f73967e8");  // of the algorithm's authors
  std::string large(3 << 20, 'x');
  const std::string before = fingerprint_of(large);
  large.back() = 'y';
  CHECK(fingerprint_of(large) != before);
}

TEST_CASE("a file that cannot be read has no fingerprint") {
  CHECK_THROWS_WITH(fingerprint("/no/such/file"), Catch::Contains("/no/such/file"));
}
