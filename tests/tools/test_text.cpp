// Text for people.
#include "tools/text.h"

#include <catch2/catch.hpp>

using namespace trady::tools;

TEST_CASE("thousands are separated") {
  CHECK(thousands(0) == "0");
  CHECK(thousands(999) == "999");
  CHECK(thousands(1000) == "1,000");
  CHECK(thousands(27946) == "27,946");
  CHECK(thousands(-1234567) == "-1,234,567");
  CHECK(thousands(-999) == "-999");
}

TEST_CASE("fixed point, shares and bytes") {
  CHECK(fixed(12.345, 1) == "12.3");
  CHECK(fixed(-0.5, 0) == "-0");
  CHECK(percent(0.5) == "50.0 %");
  CHECK(percent(0.123456, 2) == "12.35 %");
  CHECK(mebibytes(4.5 * (1 << 20)) == "4.50 MiB");
  CHECK(mebibytes(1) == "0.00 MiB");
}

TEST_CASE("shortened text has no control characters and no half letters") {
  CHECK(shortened("plain", 10) == "plain");
  CHECK(shortened("exactly ten", 11) == "exactly ten");
  CHECK(shortened("a\x1b[2J\nb\x7f", 10) == "a?[2J?b?");
  CHECK(shortened("abcdefghij", 8) == "abcde...");
  CHECK(shortened("abcd\xc3\xa9"
                  "fghij",
                  8) == "abcd...");  // the e-acute would be cut in two
  CHECK(shortened("abc\xc3\xa9"
                  "fghijk",
                  8) == "abc\xc3\xa9...");
}

TEST_CASE("a shell reads a word back as it was") {
  CHECK(shell_word("runs/a-1.json") == "runs/a-1.json");
  CHECK(shell_word("my runs") == "'my runs'");
  CHECK(shell_word("it's $HOME") == "'it'\\''s $HOME'");
  CHECK(shell_word("").compare("''") == 0);
}

TEST_CASE("columns are as wide as their widest cell") {
  Table table({{"name", Table::Align::left}, {"bytes"}});
  table.add({"a", "1,000,000"});
  table.add({"longer name", "7"});
  CHECK(table.text("  ") ==
        "  name             bytes\n"
        "  a            1,000,000\n"
        "  longer name          7\n");
}

TEST_CASE("what a terminal would obey is replaced, lines and letters stay") {
  CHECK(printable("a\x1b[31mb\x7f\n\tc") == "a?[31mb?\n\tc");
  CHECK(printable("\xc2\x9b"
                  "31m caf\xc3\xa9 \xc2\xa9 \xe2\x82\xac") ==
        "??31m caf\xc3\xa9 \xc2\xa9 \xe2\x82\xac");
  CHECK(printable("").empty());
  CHECK(shortened("a\nb\tc", 10) == "a?b?c");
}
