// The loader: order, determinism for any number of threads, errors, early ends, memory.
#include <atomic>
#include <catch2/catch.hpp>
#include <numeric>
#include <set>
#include <thread>

#include "engine/data/image_folder.h"
#include "engine/data/loader.h"
#include "engine/error.h"
#include "tests/engine/data_fixtures.h"

namespace trady::test {
namespace {

using Catch::Matchers::Contains;

constexpr int kSide = 12;
constexpr int64_t kImageBytes = kSide * kSide * 3;

/// Noise images that count how often they are loaded and fail on request.
class NoiseDataset : public Dataset {
 public:
  explicit NoiseDataset(int64_t size) : size_(size) {}

  int64_t size() const override { return size_; }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  int32_t label(int64_t index) const override { return static_cast<int32_t>(index % 2); }
  Image load(int64_t index) const override {
    ++loads;
    if (failing.count(index)) fail("this image is corrupt");
    // Uneven work, so that threads overtake each other.
    if (index % 5 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    return noise_image(kSide, kSide, static_cast<uint32_t>(index));
  }
  std::string sample_name(int64_t index) const override { return concat("noise ", index); }
  bool decodes() const override { return true; }
  int64_t decoding_bytes() const override { return decoding; }
  int64_t resident_bytes() const override { return 0; }

  mutable std::atomic<int64_t> loads{0};
  int64_t decoding = 0;
  std::set<int64_t> failing;

 private:
  int64_t size_;
  std::vector<std::string> class_names_{"even", "odd"};
};

std::shared_ptr<DecodedCache> cached(std::shared_ptr<const Dataset> dataset,
                                     int64_t limit_bytes = 1 << 20) {
  return std::make_shared<DecodedCache>(std::move(dataset),
                                        std::make_shared<CacheBudget>(limit_bytes));
}

LoaderOptions small_options(int threads) {
  LoaderOptions options;
  options.transform.image_size = 8;
  options.batch_size = 4;
  options.threads = threads;
  options.seed = 11;
  return options;
}

struct Epoch {
  Bytes pixels;
  std::vector<int32_t> labels;
  std::vector<int64_t> indices, counts;
  bool operator==(const Epoch&) const = default;
};

Epoch read_epoch(Loader& loader, uint32_t epoch, int64_t skipped = 0) {
  Epoch result;
  loader.start_epoch(epoch, skipped);
  Batch batch;
  while (loader.next(batch)) {
    result.pixels.insert(result.pixels.end(), batch.pixels, batch.pixels + batch.count * 8 * 8 * 3);
    result.labels.insert(result.labels.end(), batch.labels, batch.labels + batch.count);
    result.indices.insert(result.indices.end(), batch.indices, batch.indices + batch.count);
    result.counts.push_back(batch.count);
  }
  CHECK_FALSE(loader.next(batch));
  return result;
}

}  // namespace

TEST_CASE("Batches are the same for 0, 1, 2 and 4 threads and any start", "[data]") {
  const auto dataset = std::make_shared<NoiseDataset>(30);
  Loader plain(cached(dataset), small_options(0));
  const Epoch first = read_epoch(plain, 0), second = read_epoch(plain, 1);
  CHECK(first.counts == std::vector<int64_t>(7, 4));  // 30 samples: the last two are dropped
  CHECK(first.indices != second.indices);
  CHECK(first.pixels != second.pixels);
  for (const int threads : {1, 2, 4}) {
    CAPTURE(threads);
    for (const int prefetch : {1, 3}) {
      LoaderOptions options = small_options(threads);
      options.prefetch_batches = prefetch;
      Loader loader(cached(dataset), options);
      CHECK(read_epoch(loader, 1) == second);  // resumed at epoch 1
      CHECK(read_epoch(loader, 0) == first);
    }
  }
  LoaderOptions other_seed = small_options(0);
  other_seed.seed = 12;
  Loader other(cached(dataset), other_seed);
  CHECK(read_epoch(other, 0).indices != first.indices);
}

TEST_CASE("An epoch goes on behind any batch with the batches that it would have had", "[data]") {
  const auto dataset = std::make_shared<NoiseDataset>(30);
  Loader plain(cached(dataset), small_options(0));
  const Epoch whole = read_epoch(plain, 1);
  for (const int threads : {0, 3}) {
    Loader loader(cached(dataset, 0), small_options(threads));
    for (const int64_t skipped : {1, 3, 6, 7}) {
      CAPTURE(threads, skipped);
      const int64_t loads = dataset->loads;
      const Epoch rest = read_epoch(loader, 1, skipped);
      CHECK(dataset->loads - loads == 4 * (7 - skipped));  // what is skipped is not decoded
      CHECK(rest.counts.size() == static_cast<size_t>(7 - skipped));
      CHECK(std::equal(rest.pixels.begin(), rest.pixels.end(),
                       whole.pixels.begin() + skipped * 4 * 192, whole.pixels.end()));
      CHECK(std::equal(rest.indices.begin(), rest.indices.end(),
                       whole.indices.begin() + skipped * 4, whole.indices.end()));
    }
  }
}

TEST_CASE("A sample's augmentation does not depend on its place in the epoch", "[data]") {
  const auto dataset = std::make_shared<NoiseDataset>(8);
  LoaderOptions options = small_options(0);
  Loader shuffled(cached(dataset), options);
  options.shuffle = false;
  Loader straight(cached(dataset), options);
  const Epoch a = read_epoch(shuffled, 2), b = read_epoch(straight, 2);
  for (size_t i = 0; i < 8; ++i) {
    const auto from = static_cast<size_t>(a.indices[i]);
    CHECK(std::equal(&a.pixels[i * 192], &a.pixels[i * 192] + 192, &b.pixels[from * 192]));
  }
}

TEST_CASE("Testing: every sample once, in order, the last batch short", "[data]") {
  const auto dataset = std::make_shared<NoiseDataset>(10);
  LoaderOptions options = LoaderOptions::testing();
  options.transform.image_size = 8;
  options.batch_size = 4;
  options.threads = 2;
  Loader loader(cached(dataset), options);
  CHECK(loader.batches_per_epoch() == 3);
  const Epoch epoch = read_epoch(loader, 0);
  CHECK(epoch.counts == std::vector<int64_t>{4, 4, 2});
  std::vector<int64_t> all(10);
  std::iota(all.begin(), all.end(), 0);
  CHECK(epoch.indices == all);
  CHECK(epoch.labels == std::vector<int32_t>{0, 1, 0, 1, 0, 1, 0, 1, 0, 1});
  CHECK(read_epoch(loader, 5) == epoch);
}

TEST_CASE("A batch stays whole while the threads work ahead", "[data]") {
  const auto dataset = std::make_shared<NoiseDataset>(40);
  Loader loader(cached(dataset), small_options(2));
  loader.start_epoch(0);
  Batch batch;
  REQUIRE(loader.next(batch));
  const Bytes before(batch.pixels, batch.pixels + 4 * 192);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(Bytes(batch.pixels, batch.pixels + 4 * 192) == before);
}

TEST_CASE("A loader can be destroyed, or restarted, anywhere in an epoch", "[data]") {
  const auto dataset = std::make_shared<NoiseDataset>(40);
  for (const int threads : {0, 1, 4}) {
    for (int consumed = 0; consumed < 4; ++consumed) {
      Loader loader(cached(dataset), small_options(threads));
      if (consumed > 0) loader.start_epoch(0);
      Batch batch;
      for (int i = 1; i < consumed; ++i) REQUIRE(loader.next(batch));
      if (consumed == 3) {
        Loader fresh(cached(dataset), small_options(0));
        CHECK(read_epoch(loader, 9) == read_epoch(fresh, 9));
        loader.start_epoch(1);
      }
    }
  }
}

TEST_CASE("Errors surface at the batch they belong to, the first one first", "[data]") {
  const auto dataset = std::make_shared<NoiseDataset>(16);
  dataset->failing = {5, 6, 13};
  for (const int threads : {0, 1, 3}) {
    CAPTURE(threads);
    LoaderOptions options = small_options(threads);
    options.shuffle = false;
    Loader loader(cached(dataset), options);
    loader.start_epoch(0);
    Batch batch;
    REQUIRE(loader.next(batch));
    CHECK_THROWS_WITH(loader.next(batch), Contains("noise 5: this image is corrupt"));
    CHECK_THROWS_WITH(loader.next(batch), Contains("noise 5: this image is corrupt"));
    loader.start_epoch(1);
    CHECK(loader.next(batch));
  }
}

TEST_CASE("A corrupt JPEG among good ones is named by its path", "[data]") {
  const TemporaryFolder folder;
  const Bytes& jpeg = encoded_file("baseline 4:2:0 JPEG");
  for (const char* name : {"a/1.jpg", "a/2.jpg", "b/1.jpg"}) folder.write(name, jpeg);
  folder.write("b/broken.jpg", prefix(jpeg, jpeg.size() * 3 / 4));
  LoaderOptions options = small_options(2);
  Loader loader(cached(std::make_shared<ImageFolder>(folder.path())), options);
  loader.start_epoch(0);
  Batch batch;
  CHECK_THROWS_WITH(loader.next(batch), Contains((folder.path() / "b/broken.jpg").string()) &&
                                            Contains("replace or remove the file"));
}

TEST_CASE("Images are decoded once while the cache lasts", "[data]") {
  const auto dataset = std::make_shared<NoiseDataset>(20);
  for (const int threads : {0, 3}) {
    dataset->loads = 0;
    Loader all(cached(dataset), small_options(threads));
    const Epoch first = read_epoch(all, 0);
    read_epoch(all, 1);
    CHECK(dataset->loads == 20);

    dataset->loads = 0;
    const auto cache = cached(dataset, 5 * kImageBytes + 7);
    Loader some(cache, small_options(threads));
    CHECK(read_epoch(some, 0) == first);
    read_epoch(some, 1);
    CHECK(dataset->loads == 35);
    CHECK(cache->bytes() == 5 * kImageBytes);

    dataset->loads = 0;
    Loader none(cached(dataset, 0), small_options(threads));
    CHECK(read_epoch(none, 0) == first);
    read_epoch(none, 1);
    CHECK(dataset->loads == 40);
  }
}

TEST_CASE("Caches share a budget and give it back", "[data]") {
  const auto dataset = std::make_shared<NoiseDataset>(4);
  const auto budget = std::make_shared<CacheBudget>(6 * kImageBytes);
  DecodedCache first(dataset, budget);
  {
    DecodedCache second(dataset, budget);
    for (int64_t i = 0; i < 4; ++i) first.load(i);
    for (int64_t i = 0; i < 4; ++i) second.load(i);
    CHECK(first.bytes() == 4 * kImageBytes);
    CHECK(second.bytes() == 2 * kImageBytes);
    CHECK_FALSE(budget->reserve(1));
  }
  CHECK_FALSE(budget->reserve(2 * kImageBytes + 1));
  CHECK(budget->reserve(2 * kImageBytes));
  budget->release(2 * kImageBytes);
}

TEST_CASE("The pipeline's bytes are ring, scratch and cache, and stop growing", "[data]") {
  const auto dataset = std::make_shared<NoiseDataset>(20);
  const auto cache = cached(dataset);
  Loader loader(cache, small_options(2));
  const int64_t ring_bytes = 3 * 4 * (192 + 4 + 8);
  CHECK(loader.pipeline_bytes() == ring_bytes + 20 * 8);
  read_epoch(loader, 0);
  CHECK(cache->bytes() == 20 * kImageBytes);
  CHECK(loader.pipeline_bytes() > ring_bytes + 20 * 8 + cache->bytes());
  CHECK(loader.pipeline_bytes() < ring_bytes + 20 * 8 + cache->bytes() + 2 * 8192);
  const int64_t without_decoding = loader.pipeline_bytes();
  dataset->decoding = 1000;  // by each thread, at once
  CHECK(loader.pipeline_bytes() == without_decoding + 2 * 1000);
}

TEST_CASE("Options that cannot work are refused", "[data]") {
  const auto images = cached(std::make_shared<NoiseDataset>(3));
  LoaderOptions options = small_options(0);
  CHECK_THROWS_WITH(Loader(images, options),
                    Contains("the training set has 3 samples, fewer than one batch of 4") &&
                        Contains("smaller --batch"));
  options.batch_size = 0;
  CHECK_THROWS_WITH(Loader(images, options), Contains("batch size 0"));
  options.batch_size = 2;
  options.threads = -1;
  CHECK_THROWS_WITH(Loader(images, options), Contains("-1 is negative"));
  CHECK_THROWS_WITH(Loader(cached(std::make_shared<NoiseDataset>(0)), small_options(0)),
                    Contains("the training set has no samples"));
  LoaderOptions testing = LoaderOptions::testing();
  CHECK_THROWS_WITH(Loader(cached(std::make_shared<NoiseDataset>(0)), testing),
                    Contains("the evaluation set has no samples"));
  testing.data_name = "validation set";
  CHECK_THROWS_WITH(Loader(cached(std::make_shared<NoiseDataset>(0)), testing),
                    Contains("the validation set has no samples") && Contains("--classes"));
}

}  // namespace trady::test
