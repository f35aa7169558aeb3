#include "engine/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <utility>

#include "engine/error.h"
#include "engine/float_conversion.h"

namespace trady {
namespace {

static_assert(std::endian::native == std::endian::little,
              "safetensors data is little-endian and is read and written as it lies in memory");

}  // namespace

SafetensorsFile::SafetensorsFile(std::filesystem::path path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {}

SafetensorsFile::SafetensorsFile(SafetensorsFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      data_begin_(other.data_begin_),
      header_(std::move(other.header_)) {}

SafetensorsFile::~SafetensorsFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path,
                                      const std::string& remedy) {
  // Without O_NONBLOCK opening a named pipe would wait for a writer.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    fail("[safetensors] cannot open ", path.string(), ": ", system_reason(errno),
         "; check the path and the permissions");
  }
  SafetensorsFile file(path, descriptor);
  file.read_header(remedy);
  return file;
}

void SafetensorsFile::read_header(const std::string& remedy) {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) {
    fail("[safetensors] cannot read ", path_.string(), ": ", system_reason(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    fail("[safetensors] ", path_.string(), ": is ",
         S_ISDIR(status.st_mode) ? "a folder" : "not a plain file", "; name a .safetensors file");
  }
  const auto file_bytes = static_cast<uint64_t>(status.st_size);
  std::array<unsigned char, 8> length_bytes{};
  if (file_bytes < length_bytes.size()) {
    fail("[safetensors] ", path_.string(), ": has ", file_bytes,
         " bytes, but a safetensors file has at least 10; it is empty or truncated: ", remedy);
  }
  read_bytes(0, length_bytes.data(), length_bytes.size(), "the header length");
  const auto header_bytes = std::bit_cast<uint64_t>(length_bytes);
  if (header_bytes > kMaxSafetensorsHeaderBytes) {
    fail("[safetensors] ", path_.string(), ": its first 8 bytes announce a header of ",
         header_bytes, " bytes, at most ", kMaxSafetensorsHeaderBytes,
         " are allowed; is this a safetensors file?");
  }
  if (header_bytes > file_bytes - length_bytes.size()) {
    fail("[safetensors] ", path_.string(), ": the header has ", header_bytes,
         " bytes, but the file only ", file_bytes - length_bytes.size(),
         " after its first 8; it is truncated: ", remedy);
  }
  std::string json(header_bytes, '\0');
  read_bytes(length_bytes.size(), json.data(), json.size(), "the header");
  data_begin_ = length_bytes.size() + header_bytes;
  header_ = parse_safetensors_header(path_.string(), json, file_bytes - data_begin_, remedy);
}

void SafetensorsFile::read_bytes(uint64_t offset, void* destination, uint64_t bytes,
                                 const std::string& what) const {
  char* next = static_cast<char*>(destination);
  uint64_t done = 0;
  while (done < bytes) {
    const ssize_t count =
        ::pread(descriptor_, next + done, bytes - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      fail("[safetensors] ", path_.string(), ": read ", done, " of the ", bytes, " bytes of ", what,
           ": ",
           count < 0 ? system_reason(errno) : std::string("the file became shorter meanwhile"),
           "; is another program writing it?");
    }
    done += static_cast<uint64_t>(count);
  }
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> result;
  for (const auto& [name, entry] : header_.tensors) result.push_back(name);
  return result;
}

const SafetensorsEntry& SafetensorsFile::entry(const std::string& name) const {
  const auto found = header_.tensors.find(name);
  if (found != header_.tensors.end()) return found->second;
  constexpr size_t kListed = 4;
  std::string some;
  size_t listed = 0;
  for (const auto& [present, ignored] : header_.tensors) {
    if (listed++ == kListed) break;
    some += quoted_tensor_name(present) + ", ";
  }
  fail("[safetensors] ", path_.string(), ": has no tensor ", quoted_tensor_name(name),
       " among its ", header_.tensors.size(), " tensors (", some,
       "...); is the file of another network? `trady inspect` lists what it holds");
}

template <typename Stored>
std::vector<Stored> SafetensorsFile::read_stored(const std::string& name,
                                                 const SafetensorsEntry& entry) const {
  std::vector<Stored> stored(static_cast<size_t>(entry.elements()));
  read_bytes(data_begin_ + entry.begin, stored.data(), entry.bytes(),
             "tensor " + quoted_tensor_name(name));
  return stored;
}

std::vector<double> SafetensorsFile::read_doubles(const std::string& name) const {
  const SafetensorsEntry& info = entry(name);
  const auto convert = [](const auto& stored, auto&& convert_one) {
    std::vector<double> values(stored.size());
    std::transform(stored.begin(), stored.end(), values.begin(), convert_one);
    return values;
  };
  const auto widen = [](float value) { return static_cast<double>(value); };
  if (info.dtype == "F64") return read_stored<double>(name, info);
  if (info.dtype == "F32") return convert(read_stored<float>(name, info), widen);
  if (info.dtype == "F16") {
    return convert(read_stored<uint16_t>(name, info),
                   [&](uint16_t bits) { return widen(float_from_float16(bits)); });
  }
  if (info.dtype == "BF16") {
    return convert(read_stored<uint16_t>(name, info),
                   [&](uint16_t bits) { return widen(float_from_bfloat16(bits)); });
  }
  fail("[safetensors] ", path_.string(), ": tensor ", quoted_tensor_name(name), " of shape ",
       shape_text(info.shape), " has type ", info.dtype,
       ", but weights are F32, F64, F16 or BF16; is it quantised? Convert it with ", kConverter);
}

}  // namespace trady
