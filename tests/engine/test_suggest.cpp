#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "engine/suggest.h"

using trady::suggestion;

TEST_CASE("the nearest name is suggested") {
  const std::vector<std::string> names{"full", "head", "trady", "s-full-random", "d-full-random"};
  CHECK(suggestion("tardy", names) == ", did you mean \"trady\"?");  // neighbours swapped
  CHECK(suggestion("TRADY", names) == ", did you mean \"trady\"?");
  CHECK(suggestion("ful", names) == ", did you mean \"full\"?");
  CHECK(suggestion("s_full_random", names) == ", did you mean \"s-full-random\"?");
  CHECK(suggestion("full-random", names) ==
        ", did you mean \"s-full-random\"?");  // first of equals
}

TEST_CASE("nothing is suggested where nothing is near") {
  CHECK(suggestion("velocity", {"full", "head"}).empty());
  CHECK(suggestion("", {"full", "head"}).empty());
  CHECK(suggestion("full", {}).empty());
}

TEST_CASE("names are joined with commas") {
  CHECK(trady::join({}).empty());
  CHECK(trady::join({"a"}) == "a");
  CHECK(trady::join({"a", "b"}) == "a, b");
}
