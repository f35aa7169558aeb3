#include "engine/safetensors.h"

#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>

#include "engine/error.h"
#include "engine/float_conversion.h"

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using trady::SafetensorsFile;
using trady::SafetensorsTensor;
using trady::write_safetensors;

namespace {

/// A path that no other test uses; the file is removed at the end.
class TemporaryPath {
 public:
  TemporaryPath() {
    static int counter = 0;
    path_ = fs::temp_directory_path() /
            trady::concat("trady-", ::getpid(), "-", counter++, ".safetensors");
  }
  ~TemporaryPath() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  operator const fs::path&() const { return path_; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string length_bytes(uint64_t length) {
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes;
}

std::string file_bytes(const std::string& json, size_t data_bytes) {
  return length_bytes(json.size()) + json + std::string(data_bytes, '\1');
}

/// What opening a file of this content says.
std::string error_of(const std::string& content) {
  const TemporaryPath path;
  write_bytes(path, content);
  try {
    SafetensorsFile::open(path);
  } catch (const trady::Error& error) {
    CHECK_THAT(error.what(), Contains(path.path().string()));
    return error.what();
  }
  return "no error";
}

struct HostileHeader {
  std::string json;
  size_t data_bytes;
  std::vector<std::string> expected;  ///< all of it in the message
};

/// A header with one tensor 'conv1' of the given fields.
std::string conv1(const std::string& fields) {
  return R"({"conv1":{)" + fields + "}}";
}

}  // namespace

TEST_CASE("float32 tensors and metadata come back as they were written") {
  const TemporaryPath path;
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> weight = {1.5f, -2.0f, 0.1f, infinity, -0.0f, 1e-45f};
  const std::vector<float> bias = {3.0f};
  const std::vector<float> empty;
  const std::vector<SafetensorsTensor> tensors = {
      {"conv.weight", {2, 3}, weight}, {"scalar", {}, bias}, {"empty", {4, 0}, empty}};
  write_safetensors(path, tensors, {{"model", "net"}, {"note", "\"quoted\" \n \xc3\xa9"}});

  const SafetensorsFile file = SafetensorsFile::open(path);
  CHECK(file.names() == std::vector<std::string>{"conv.weight", "empty", "scalar"});
  CHECK(file.entry("conv.weight").shape == std::vector<int64_t>{2, 3});
  CHECK(file.entry("conv.weight").dtype == "F32");
  CHECK(file.entry("scalar").elements() == 1);
  CHECK(file.metadata().at("note") == "\"quoted\" \n \xc3\xa9");
  const std::vector<double> read = file.read_doubles("conv.weight");
  CHECK(std::equal(read.begin(), read.end(), weight.begin(), weight.end()));
  CHECK(std::signbit(read[4]));
  CHECK(file.read_doubles("scalar") == std::vector<double>{3.0});
  CHECK(file.read_doubles("empty").empty());
}

TEST_CASE("the bytes do not depend on the order of the tensors, and the data is aligned") {
  const TemporaryPath first;
  const TemporaryPath second;
  const std::vector<float> odd = {1, 2, 3};
  const std::vector<double> wide = {1, 2};
  const SafetensorsTensor a{"a", {3}, odd};
  const SafetensorsTensor b{"b", {2}, wide};
  write_safetensors(first, std::vector{a, b}, {{"k", "v"}, {"j", "w"}});
  write_safetensors(second, std::vector{b, a}, {{"j", "w"}, {"k", "v"}});
  const std::string bytes = bytes_of(first);
  CHECK(bytes == bytes_of(second));

  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), sizeof(header_bytes));
  CHECK(header_bytes % 8 == 0);
  CHECK(bytes[8] == '{');
  CHECK(SafetensorsFile::open(first).entry("b").begin == 0);
  CHECK(SafetensorsFile::open(first).entry("a").begin == 16);
}

TEST_CASE("the exact bytes of a small file") {
  const TemporaryPath path;
  const std::vector<float> values = {1.0f};
  write_safetensors(path, std::vector{SafetensorsTensor{"t", {1}, values}}, {{"a", "b"}});
  const std::string json =
      R"({"__metadata__":{"a":"b"},"t":{"data_offsets":[0,4],"dtype":"F32","shape":[1]}})";
  const std::string padding((8 - json.size() % 8) % 8, ' ');
  CHECK(bytes_of(path) == length_bytes(json.size() + padding.size()) + json + padding +
                              std::string("\0\0\x80\x3f", 4));
}

TEST_CASE("doubles come back exactly, whatever their size") {
  const TemporaryPath path;
  const std::vector<double> values = {0.1, 1.0 + 0x1p-24, 1e-300, 1e39,
                                      std::numeric_limits<double>::infinity()};
  write_safetensors(path, std::vector{SafetensorsTensor{"w", {5}, values}}, {});
  CHECK(SafetensorsFile::open(path).read_doubles("w") == values);
}

TEST_CASE("half-precision formats convert exactly") {
  CHECK(trady::float_from_float16(0x3c00) == 1.0f);
  CHECK(trady::float_from_float16(0xc000) == -2.0f);
  CHECK(trady::float_from_float16(0x7bff) == 65504.0f);
  CHECK(trady::float_from_float16(0x0001) == 0x1p-24f);
  CHECK(trady::float_from_float16(0x83ff) == -0x1.ff8p-15f);
  CHECK(trady::float_from_float16(0xfc00) == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(trady::float_from_float16(0x7e00)));
  CHECK(std::signbit(trady::float_from_float16(0x8000)));
  CHECK(trady::float_from_bfloat16(0x3f80) == 1.0f);
  CHECK(trady::float_from_bfloat16(0xc2f7) == -123.5f);
  // Every finite half value is its own rounding: sign, 2^exponent and fraction recomputed.
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const int exponent = static_cast<int>(bits >> 10);
    const double fraction = (bits & 0x3ff) / 1024.0;
    const double expected =
        exponent == 0 ? std::ldexp(fraction, -14) : std::ldexp(1.0 + fraction, exponent - 15);
    if (trady::float_from_float16(static_cast<uint16_t>(bits)) != expected) FAIL(bits);
  }
}

TEST_CASE("F16 and BF16 tensors are read, integer tensors refused as weights") {
  const TemporaryPath path;
  const std::string json = R"({"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},)"
                           R"("b":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]},)"
                           R"("i":{"dtype":"I64","shape":[1],"data_offsets":[6,14]},)"
                           R"("q":{"dtype":"I8","shape":[1],"data_offsets":[14,15]}}   )";
  write_bytes(path, length_bytes(json.size()) + json + std::string("\x00\x3c\x00\xc0\x80\x3f", 6) +
                        std::string(9, '\0'));
  const SafetensorsFile file = SafetensorsFile::open(path);
  CHECK(file.read_doubles("h") == std::vector<double>{1.0, -2.0});
  CHECK(file.read_doubles("b") == std::vector<double>{1.0});
  CHECK_THROWS_WITH(file.read_doubles("i"), Contains(path.path().string()) && Contains("'i'") &&
                                                Contains("I64") && Contains("F32, F64"));
  CHECK_THROWS_WITH(file.read_doubles("q"),
                    Contains("trady-convert") && Contains("convert_checkpoint.py"));
}

TEST_CASE("a tensor that the file lacks is named with some that it has") {
  const TemporaryPath path;
  const std::vector<float> values = {1.0f};
  write_safetensors(path, std::vector{SafetensorsTensor{"head.weight", {1}, values}}, {});
  CHECK_THROWS_WITH(SafetensorsFile::open(path).read_doubles("classifier.weight"),
                    Contains(path.path().string()) && Contains("'classifier.weight'") &&
                        Contains("1 tensors") && Contains("'head.weight'"));
}

TEST_CASE("a file that shrinks after it was opened is an error, not a crash") {
  const TemporaryPath path;
  const std::vector<float> values(100, 1.0f);
  write_safetensors(path, std::vector{SafetensorsTensor{"w", {100}, values}}, {});
  const SafetensorsFile file = SafetensorsFile::open(path);
  fs::resize_file(path, fs::file_size(path) - 100);
  CHECK_THROWS_WITH(file.read_doubles("w"),
                    Contains("300 of the 400 bytes") && Contains("tensor 'w'"));
}

TEST_CASE("files that are no safetensors files at all") {
  CHECK_THROWS_WITH(SafetensorsFile::open("/no/such/w.safetensors"),
                    Contains("/no/such/w.safetensors") && Contains("No such file"));
  CHECK_THROWS_WITH(SafetensorsFile::open("/"), Contains("folder"));
  CHECK_THROWS_WITH(SafetensorsFile::open("/dev/zero"), Contains("not a plain file"));
  CHECK_THAT(error_of(""), Contains("has 0 bytes"));
  CHECK_THAT(error_of("abc"), Contains("has 3 bytes"));
  CHECK_THAT(error_of(length_bytes(0)), Contains("does not begin with '{'"));
  CHECK_THAT(error_of(length_bytes(100) + "{}"), Contains("100 bytes") && Contains("only 2"));
  CHECK_THAT(error_of(length_bytes(200'000'000) + "{}"), Contains("at most 100000000"));
  CHECK_THAT(error_of(length_bytes(~uint64_t{0}) + "{}"), Contains("18446744073709551615"));
  CHECK_THAT(error_of("PK\3\4 a zip archive"), Contains("is this a safetensors file?"));
  CHECK_THAT(error_of(file_bytes("[1,2]", 0)), Contains("does not begin with '{'"));
  CHECK_THAT(error_of(file_bytes("\xef\xbb\xbf{}", 0)), Contains("does not begin with '{'"));
  CHECK_THAT(error_of(file_bytes("{} {}", 0)), Contains("not valid UTF-8 JSON"));
  CHECK_THAT(error_of(file_bytes(std::string("{}\0", 3), 0)), Contains("not valid UTF-8 JSON"));
  CHECK_THAT(error_of(file_bytes(std::string("{}\0{]", 5), 0)), Contains("at its byte 2"));
  CHECK_THAT(error_of(file_bytes("{}", 5)), Contains("ends at byte 0") && Contains("holds 5"));
}

TEST_CASE("a named pipe is refused without waiting for a writer") {
  const TemporaryPath path;
  REQUIRE(::mkfifo(path.path().c_str(), 0600) == 0);
  CHECK_THROWS_WITH(SafetensorsFile::open(path), Contains("not a plain file"));
}

TEST_CASE("a file without read permission") {
  if (::geteuid() == 0) {
    WARN("SKIP: root may read everything");
    return;
  }
  const TemporaryPath path;
  write_bytes(path, file_bytes("{}", 0));
  fs::permissions(path, fs::perms::none);
  CHECK_THROWS_WITH(SafetensorsFile::open(path), Contains("Permission denied"));
}

TEST_CASE("hostile headers are refused, naming the file and the tensor") {
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  const std::string good_entry = R"("conv0":{)" + good + "},";
  const std::vector<HostileHeader> cases = {
      {conv1(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), 8, {"begins at byte 8", "at 0"}},
      {conv1(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])"), 7, {"ends at byte 8", "only 7"}},
      {conv1(R"("dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615])"),
       8,
       {"18446744073709551615", "only 8"}},
      {conv1(R"("dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551616])"),
       8,
       {"18446744073709551616", "not an integer of 64 bits"}},
      {conv1(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"),
       8,
       {"[3]", "needs 12 bytes", "has 8"}},
      {conv1(R"("dtype":"F32","shape":[],"data_offsets":[0,8])"), 8, {"needs 4 bytes", "has 8"}},
      {conv1(R"("dtype":"F32","shape":[0],"data_offsets":[0,8])"), 8, {"needs 0 bytes", "has 8"}},
      {conv1(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"), 8, {"negative number -2"}},
      {conv1(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"), 8, {"2.0", "not an integer"}},
      {conv1(R"("dtype":"F32","shape":["2"],"data_offsets":[0,8])"), 8, {"a text", "shape"}},
      {conv1(R"("dtype":"F32","shape":[[2]],"data_offsets":[0,8])"), 8, {"a list", "shape"}},
      {conv1(R"("dtype":"F32","shape":2,"data_offsets":[0,8])"), 8, {"number 2", "shape"}},
      {conv1(R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8])"),
       8,
       {"beyond 63 bits"}},
      {conv1(R"("dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,8])"),
       8,
       {"too large", "4294967296", "8 bytes of data"}},
      {conv1(R"("dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0])"),
       0,
       {"too large"}},
      {conv1(R"("dtype":"F31","shape":[2],"data_offsets":[0,8])"), 8, {"unknown type 'F31'"}},
      {conv1(R"("dtype":4,"shape":[2],"data_offsets":[0,8])"), 8, {"number 4 as dtype"}},
      {conv1(R"("dtype":null,"shape":[2],"data_offsets":[0,8])"), 8, {"null as dtype"}},
      {conv1(R"("dtype":"F32","shape":[2])"), 8, {"no field data_offsets"}},
      {conv1(R"("shape":[2],"data_offsets":[0,8])"), 8, {"no field dtype"}},
      {conv1(R"("dtype":"F32","data_offsets":[0,8])"), 8, {"no field shape"}},
      {conv1(R"("dtype":"F32","shape":[2],"data_offsets":[0])"), 8, {"1 numbers, expected 2"}},
      {conv1(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,9])"), 8, {"the number 9"}},
      {conv1(R"("dtype":"F32","shape":[2],"data_offsets":[-1,7])"), 8, {"negative number -1"}},
      {conv1(good + R"(,"dtype":"F32")"), 8, {"field dtype twice"}},
      {conv1(good + R"(,"strides":[1])"), 8, {"unknown field 'strides'"}},
      {conv1(good + R"(,"data_offsets":{})"), 8, {"field data_offsets twice"}},
      {R"({"conv1":{)" + good + R"(},"conv1":{)" + good + "}}", 8, {"named twice"}},
      {R"({"conv1":[1]})", 8, {"is a list, expected an object"}},
      {R"({"conv1":true})", 8, {"true or false"}},
      {"{" + good_entry + R"("conv1":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
       12,
       {"begins at byte 4", "inside of tensor 'conv0'", "ends at 8"}},
      {"{" + good_entry + R"("conv1":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
       8,
       {"begins at byte 0", "inside of tensor 'conv0'"}},
      {"{" + good_entry + R"("conv1":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}})",
       16,
       {"begins at byte 12", "a hole after tensor 'conv0'", "ends at 8"}},
      {conv1(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])"),
       8,
       {"begins at byte 4", "a hole after the header"}},
      {conv1(good), 9, {"ends at byte 8", "holds 9", "trailing bytes"}},
      {conv1(good) + "\xff", 8, {"not valid UTF-8 JSON", "in or after"}},
      {R"({"conv1":{)", 8, {"not valid UTF-8 JSON"}},
  };
  for (const HostileHeader& hostile : cases) {
    INFO(hostile.json);
    const std::string message = error_of(file_bytes(hostile.json, hostile.data_bytes));
    CHECK_THAT(message, Contains("'conv1'"));
    for (const std::string& expected : hostile.expected) CHECK_THAT(message, Contains(expected));
  }
}

TEST_CASE("metadata must map texts to texts") {
  CHECK_THAT(error_of(file_bytes(R"({"__metadata__":{"epoch":3}})", 0)),
             Contains("the metadata") && Contains("'epoch'") && Contains("number 3"));
  CHECK_THAT(error_of(file_bytes(R"({"__metadata__":{"a":{"b":"c"}}})", 0)),
             Contains("nested object") && Contains("'a'"));
  CHECK_THAT(error_of(file_bytes(R"({"__metadata__":["a"]})", 0)),
             Contains("the metadata") && Contains("a list"));
  CHECK_THAT(error_of(file_bytes(R"({"__metadata__":{"a":"1","a":"2"}})", 0)),
             Contains("'a' twice"));
  CHECK_THAT(error_of(file_bytes(R"({"__metadata__":{},"__metadata__":{}})", 0)),
             Contains("the metadata is named twice"));
}

TEST_CASE("hostile names can neither flood nor steer a terminal") {
  const std::string long_name(100'000, 'n');
  CHECK(error_of(file_bytes("{\"" + long_name + "\":1}", 0)).size() < 1000);
  CHECK_THAT(error_of(file_bytes(R"({"\u001b[2Jx":1})", 0)), Contains("\\x1b[2Jx"));
  CHECK_THAT(error_of(file_bytes("{\"bad \xc3\x28\":1}", 0)), Contains("not valid UTF-8 JSON"));
}

TEST_CASE("deep nesting is refused at its first level") {
  const std::string deep = "{\"conv1\":" + std::string(5'000'000, '[');
  CHECK_THAT(error_of(file_bytes(deep, 0)), Contains("'conv1' is a list"));
}

TEST_CASE("every truncation of a good file is an error") {
  const TemporaryPath path;
  const std::vector<float> values = {1, 2, 3};
  write_safetensors(path, std::vector{SafetensorsTensor{"w", {3}, values}}, {{"a", "b"}});
  const std::string whole = bytes_of(path);
  for (size_t size = 0; size < whole.size(); ++size) {
    INFO(size);
    CHECK_THAT(error_of(whole.substr(0, size)), Contains("[safetensors]"));
  }
}

TEST_CASE("every flipped byte of a header is either an error or a readable file") {
  const TemporaryPath path;
  const std::vector<float> values = {1, 2, 3};
  write_safetensors(path, std::vector{SafetensorsTensor{"w", {3}, values}}, {{"a", "b"}});
  const std::string whole = bytes_of(path);
  const TemporaryPath changed;
  for (size_t position = 0; position < whole.size() - 12; ++position) {
    for (const int bit : {0, 4, 6}) {
      std::string bytes = whole;
      bytes[position] = static_cast<char>(bytes[position] ^ (1 << bit));
      write_bytes(changed, bytes);
      try {
        const SafetensorsFile file = SafetensorsFile::open(changed);
        for (const std::string& name : file.names()) file.read_doubles(name);
      } catch (const trady::Error&) {
      }
    }
  }
}

TEST_CASE("tensors that cannot be written are named, and nothing is written") {
  const TemporaryPath path;
  const std::vector<float> values = {1, 2, 3};
  const auto write = [&](const std::vector<SafetensorsTensor>& tensors,
                         const std::map<std::string, std::string>& metadata) {
    write_safetensors(path, tensors, metadata);
  };
  CHECK_THROWS_WITH(write({{"w", {2, 2}, values}}, {}),
                    Contains(path.path().string()) && Contains("'w'") && Contains("[2, 2]") &&
                        Contains("4 elements") && Contains("values are 3"));
  CHECK_THROWS_WITH(write({{"w", {-1, -3}, values}}, {}), Contains("'w'"));
  CHECK_THROWS_WITH(write({{"w", {3}, values}, {"w", {3}, values}}, {}), Contains("'w' twice"));
  CHECK_THROWS_WITH(write({{"", {3}, values}}, {}), Contains("reserves this name"));
  CHECK_THROWS_WITH(write({{"__metadata__", {3}, values}}, {}), Contains("reserves this name"));
  CHECK_THROWS_WITH(write({{"\xff", {3}, values}}, {}), Contains("not UTF-8"));
  CHECK_THROWS_WITH(write({{"w", {3}, values}}, {{"k", "\xff"}}), Contains("not UTF-8"));
  CHECK_FALSE(fs::exists(path));
}
