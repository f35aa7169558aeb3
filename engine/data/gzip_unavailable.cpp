// GzipReader of a build without zlib: it only says so.
#include "engine/data/gzip.h"
#include "engine/error.h"

namespace trady {

struct GzipReader::State {};

GzipReader::GzipReader(const std::filesystem::path& path) {
  fail("cannot read ", path.string(), ": built without zlib; unpack it with gunzip, or install ",
       "zlib1g-dev and build again");
}

GzipReader::~GzipReader() = default;

int64_t GzipReader::read(void*, int64_t) {
  return 0;
}

}  // namespace trady
