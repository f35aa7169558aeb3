// The system refuses a thread (a limit on processes): an error with advice, and the process lives.
#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <numeric>

#include "engine/data/loader.h"
#include "engine/error.h"
#include "engine/step/worker_team.h"
#include "engine/step/workers.h"
#include "tests/engine/data_fixtures.h"

namespace {

std::atomic<int> threads_left{1 << 30};  ///< that may still be started

}  // namespace

/// In front of the library's, for this whole test program.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* argument) {
  if (threads_left-- <= 0) return EAGAIN;
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  return create(thread, attributes, start, argument);
}

namespace trady::test {
namespace {

using Catch::Matchers::Contains;

class Blank : public Dataset {
 public:
  int64_t size() const override { return 8; }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  int32_t label(int64_t) const override { return 0; }
  Image load(int64_t) const override { return noise_image(8, 8, 1); }
  std::string sample_name(int64_t index) const override { return concat("blank ", index); }
  bool decodes() const override { return false; }
  int64_t resident_bytes() const override { return 0; }

 private:
  std::vector<std::string> class_names_{"blank"};
};

/// From now on only `count` more threads.
struct Allow {
  explicit Allow(int count) { threads_left = count; }
  ~Allow() { threads_left = 1 << 30; }
};

}  // namespace

TEST_CASE("Workers that the system refuses are an error with advice", "[threads]") {
  for (const int allowed : {0, 1, 3}) {
    const Allow limit(allowed);
    CHECK_THROWS_WITH(Workers(6), Contains(concat("refused worker ", allowed + 2, " of 6")) &&
                                      Contains("use fewer --threads"));
  }
  const Allow enough(5);
  Workers workers(6);
  std::atomic<int> calls{0};
  workers.run([&](int) { ++calls; });
  CHECK(calls == 6);
}

TEST_CASE("Threads of a team that the system refuses are an error with advice", "[threads]") {
  for (const int allowed : {0, 1, 3}) {
    const Allow limit(allowed);
    CHECK_THROWS_WITH(WorkerTeam(6), Contains(concat("refused thread ", allowed + 2, " of 6")) &&
                                         Contains("use fewer --threads"));
  }
}

TEST_CASE("Loader threads that the system refuses are an error with advice", "[threads]") {
  const auto images =
      std::make_shared<DecodedCache>(std::make_shared<Blank>(), std::make_shared<CacheBudget>(0));
  LoaderOptions options;
  options.transform.image_size = 8;
  options.batch_size = 4;
  options.threads = 4;
  for (const int allowed : {0, 1, 3}) {
    const Allow limit(allowed);
    CHECK_THROWS_WITH(Loader(images, options),
                      Contains(concat("refused thread ", allowed + 1, " of 4")) &&
                          Contains("use fewer --threads"));
  }
  const Allow enough(4);
  Loader loader(images, options);
  loader.start_epoch(0);
  Batch batch;
  CHECK(loader.next(batch));
}

}  // namespace trady::test
