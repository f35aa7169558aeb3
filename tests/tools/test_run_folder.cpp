// The folder of a run: one process at a time, and nothing of another run is replaced.
#include "tools/run_folder.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "engine/atomic_file.h"
#include "engine/error.h"

using namespace trady;
using namespace trady::tools;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

class Scratch {
 public:
  Scratch() : path_(fs::temp_directory_path() / concat("run-folder-", ::getpid())) {
    fs::create_directories(path_);
  }
  ~Scratch() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }
  fs::path write(const char* name) const {
    write_file_atomically(path_ / name, "x");
    return path_ / name;
  }

 private:
  fs::path path_;
};

}  // namespace

TEST_CASE("a folder has one writer at a time") {
  const Scratch scratch;
  const fs::path out = scratch.path() / "deep" / "run";
  {
    const RunFolder first(out);
    CHECK_THROWS_WITH(RunFolder(out), Contains("another trady is writing here"));
  }
  CHECK_NOTHROW(RunFolder(out));
}

TEST_CASE("a folder that cannot be created or written is refused by name") {
  const Scratch scratch;
  CHECK_THROWS_WITH(RunFolder(scratch.write("file") / "run"), Contains("--out"));
  fs::create_directories(scratch.path() / "odd" / ".lock");
  CHECK_THROWS_WITH(RunFolder(scratch.path() / "odd"), Contains(".lock"));
}

TEST_CASE("what an interrupted run left is continued, results alone are not replaced") {
  const Scratch scratch;
  const RunFolder folder(scratch.path());
  CHECK_FALSE(folder.has_checkpoint(false));
  CHECK_FALSE(folder.has_checkpoint(true));

  scratch.write("best.safetensors");  // the first epoch was interrupted while it was saved
  CHECK_FALSE(folder.has_checkpoint(true));
  CHECK_THROWS_WITH(folder.has_checkpoint(false), Contains("best.safetensors"));
  for (const char* name : {"weights.safetensors", "run.json"}) {
    const fs::path file = scratch.write(name);
    CHECK_THROWS_WITH(folder.has_checkpoint(false), Contains(name));
    CHECK_THROWS_WITH(folder.has_checkpoint(true), Contains(name));
    fs::remove(file);
  }

  const fs::path unfinished = scratch.write("unfinished-epoch.safetensors");  // of the first epoch
  CHECK(folder.has_checkpoint(true));
  CHECK_THROWS_WITH(folder.has_checkpoint(false), Contains("--resume"));
  fs::remove(unfinished);

  scratch.write("checkpoint.safetensors");
  scratch.write("run.json");
  CHECK(folder.has_checkpoint(true));
  CHECK_THROWS_WITH(folder.has_checkpoint(false), Contains("--resume"));
}

TEST_CASE("the pretrained weights are never a file of the run, under any name") {
  const Scratch scratch;
  const RunFolder folder(scratch.path());
  const fs::path other = scratch.write("other.safetensors");
  CHECK_NOTHROW(folder.require_other_file(other));
  CHECK_NOTHROW(folder.require_other_file(""));
  const fs::path weights = scratch.write("weights.safetensors");
  CHECK_THROWS_WITH(folder.require_other_file(weights), Contains("would replace --weights"));
  fs::create_symlink(weights, scratch.path() / "link");
  CHECK_THROWS_WITH(folder.require_other_file(scratch.path() / "link"), Contains("link"));
}
