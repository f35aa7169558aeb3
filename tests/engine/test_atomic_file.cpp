#include "engine/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "engine/error.h"

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using trady::AtomicFile;
using trady::write_file_atomically;

namespace {

/// A folder of its own for every test, removed at its end.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& parent = fs::temp_directory_path()) {
    std::string name = (parent / "trady-atomic-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::permissions(path_, fs::perms::owner_all, ignored);
    fs::remove_all(path_, ignored);
  }
  fs::path operator/(const std::string& name) const { return path_ / name; }
  const fs::path& path() const { return path_; }
  /// Names of everything in the folder.
  std::vector<std::string> list() const {
    std::vector<std::string> names;
    for (const auto& item : fs::directory_iterator(path_)) names.push_back(item.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  fs::path path_;
};

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// As `ulimit -f`: files cannot grow beyond `bytes` while this lives, and who does not care for the
/// signal dies of it.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : previous_handler_(std::signal(SIGXFSZ, SIG_DFL)) {
    ::getrlimit(RLIMIT_FSIZE, &previous_);
    const rlimit limit{bytes, previous_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &previous_);
    std::signal(SIGXFSZ, previous_handler_);
  }

 private:
  void (*previous_handler_)(int);
  rlimit previous_{};
};

}  // namespace

TEST_CASE("a file is written whole and nothing else stays in the folder") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.json", "first");
  CHECK(content_of(folder / "a.json") == "first");
  write_file_atomically(folder / "a.json", "");
  CHECK(content_of(folder / "a.json").empty());
  CHECK(folder.list() == std::vector<std::string>{"a.json"});
}

TEST_CASE("a streamed file appears only at commit") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  {
    AtomicFile file(folder / "a", 6);
    file.write("new");
    file.write("er!", 3);
    CHECK(content_of(folder / "a") == "old");
    file.commit();
  }
  CHECK(content_of(folder / "a") == "newer!");
  CHECK(folder.list() == std::vector<std::string>{"a"});
}

TEST_CASE("without commit the old file stays and the temporary goes") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  {
    AtomicFile file(folder / "a", 100);
    file.write("half");
    CHECK(folder.list().size() == 2);
  }
  CHECK(content_of(folder / "a") == "old");
  CHECK(folder.list() == std::vector<std::string>{"a"});
}

TEST_CASE("a disk that takes no more leaves the old file") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "w.safetensors", "old");
  const std::string content(100'000, 'x');
  std::string message;
  {
    const FileSizeLimit limit(64 * 1024);
    try {
      write_file_atomically(folder / "w.safetensors", content);
    } catch (const trady::Error& error) {
      message = error.what();
    }
  }
  CHECK_THAT(message, Contains((folder / "w.safetensors").string()));
  CHECK_THAT(message, Contains("File too large"));
  CHECK_THAT(message, Contains("100000 bytes were to be written, 65536 were"));
  CHECK(content_of(folder / "w.safetensors") == "old");
  CHECK(folder.list() == std::vector<std::string>{"w.safetensors"});
}

TEST_CASE("a program's own handler of the file size signal stays") {
  const auto handler = [](int) {};
  const auto previous = std::signal(SIGXFSZ, handler);
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "x");
  CHECK(std::signal(SIGXFSZ, previous) == +handler);
}

TEST_CASE("unwritable places are named with the reason") {
  const TemporaryFolder folder;
  SECTION("missing folder") {
    CHECK_THROWS_WITH(write_file_atomically(folder / "no/such/a", "text"),
                      Contains("no/such/a") && Contains("No such file or directory") &&
                          Contains("4 bytes") && Contains("create the folder first"));
  }
  SECTION("a file where a folder should be") {
    write_file_atomically(folder / "file", "x");
    CHECK_THROWS_WITH(write_file_atomically(folder / "file/a", "text"),
                      Contains("Not a directory"));
  }
  SECTION("the target is a folder") {
    fs::create_directory(folder / "sub");
    CHECK_THROWS_WITH(write_file_atomically(folder / "sub", "text"), Contains("Is a directory"));
    CHECK_THROWS_WITH(write_file_atomically(folder / "sub/", "text"), Contains("Is a directory"));
  }
  SECTION("a name that is too long") {
    CHECK_THROWS_WITH(write_file_atomically(folder / std::string(300, 'n'), "text"),
                      Contains("File name too long"));
  }
  SECTION("a folder without write permission") {
    if (::geteuid() == 0) {
      WARN("SKIP: root may write everything");
      return;
    }
    fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
    CHECK_THROWS_WITH(write_file_atomically(folder / "a", "text"),
                      Contains("Permission denied") && Contains("that you may write to"));
  }
}

TEST_CASE("a device is never replaced by a file") {
  CHECK_THROWS_WITH(write_file_atomically("/dev/full", "text"),
                    Contains("/dev/full") && Contains("device"));
  CHECK(fs::is_character_file("/dev/full"));
}

TEST_CASE("a symbolic link is followed, not replaced") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "real");
  write_file_atomically(folder / "real/a", "old");
  fs::create_symlink(folder / "real/a", folder / "link");
  write_file_atomically(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(content_of(folder / "real/a") == "new");
}

TEST_CASE("the mode of a replaced file stays, a new one has the usual mode") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  const mode_t mask = ::umask(0);
  ::umask(mask);
  struct stat status {};
  REQUIRE(::stat((folder / "a").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == (0666 & ~mask));
  fs::permissions(folder / "a", fs::perms(0640));
  write_file_atomically(folder / "a", "new");
  REQUIRE(::stat((folder / "a").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
}

TEST_CASE("what a killed writer left is removed by the next, a living one is let be") {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    AtomicFile file(folder / "a", 4);
    file.write("half");
    ::raise(SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  write_file_atomically(folder / ".a.notes.tmp", "a file of the user's");
  REQUIRE(folder.list().size() == 2);

  AtomicFile living(folder / "a", 3);
  living.write("abc");
  CHECK(folder.list().size() == 2);
  write_file_atomically(folder / "a", "other");
  living.commit();
  CHECK(content_of(folder / "a") == "abc");
  CHECK(folder.list() == std::vector<std::string>{".a.notes.tmp", "a"});
}

TEST_CASE("a new temporary is not lost to another process that looks for leftovers") {
  // In memory, where flushes take no time: thousands of tries hit the gap between
  // creation and lock a dozen times.
  const fs::path memory = "/dev/shm";
  const bool in_memory = ::access(memory.c_str(), W_OK) == 0;
  const TemporaryFolder folder(in_memory ? memory : fs::temp_directory_path());
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done) {
      for (const std::string& name : folder.list()) {
        if (!name.ends_with(".tmp")) continue;
        const int descriptor = ::open((folder / name).c_str(), O_RDONLY | O_CLOEXEC);
        if (descriptor < 0) continue;
        if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) ::unlink((folder / name).c_str());
        ::close(descriptor);
      }
    }
  });
  std::string message;
  try {
    for (int i = 0; i < (in_memory ? 8'000 : 200); ++i) write_file_atomically(folder / "a", "x");
  } catch (const trady::Error& error) {
    message = error.what();
  }
  done = true;
  other.join();
  CHECK(message.empty());
  CHECK(folder.list() == std::vector<std::string>{"a"});
}
