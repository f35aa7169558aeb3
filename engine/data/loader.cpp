#include "engine/data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <span>
#include <system_error>
#include <thread>
#include <vector>

#include "engine/error.h"

namespace trady {

LoaderOptions LoaderOptions::testing() {
  LoaderOptions options;
  options.mode = LoaderMode::test;
  options.shuffle = false;
  options.drop_last = false;
  options.data_name = "evaluation set";
  return options;
}

/// Threads take the epoch's samples one by one, in order, as long as the batch that a sample
/// belongs to has a slot in the ring; the consumer waits for the samples of the next batch.
class Loader::Pipeline {
 public:
  Pipeline(std::shared_ptr<DecodedCache> images, const LoaderOptions& options);
  ~Pipeline();

  int64_t batches_per_epoch() const;
  const Dataset& dataset() const { return images_->dataset(); }
  void start_epoch(uint32_t epoch, int64_t skipped);
  bool next(Batch& batch);
  int64_t pipeline_bytes() const;

 private:
  struct Slot {
    std::vector<uint8_t> pixels;  ///< or
    PackedImages images;          ///< as options_.output says
    std::vector<int32_t> labels;
    std::vector<int64_t> indices;
    int64_t unfinished = 0;  ///< samples still to come
    std::exception_ptr error;
    int64_t error_position = 0;  ///< in the epoch: of several errors the first counts
  };

  int64_t batch_count(int64_t batch) const;
  Slot& slot_of(int64_t batch) { return ring_[batch % static_cast<int64_t>(ring_.size())]; }
  bool may_take() const;
  void work(size_t thread);
  void prepare(int64_t position, TransformScratch& scratch);
  std::shared_ptr<const Image> load(int64_t index);
  ImagePart part_of(const Image& image, int64_t index) const;
  void stop();

  const std::shared_ptr<DecodedCache> images_;
  const LoaderOptions options_;
  const Transform transform_;
  std::vector<Slot> ring_;
  std::vector<int64_t> order_;             ///< samples by position in the epoch
  std::vector<TransformScratch> scratch_;  ///< one a thread; at least one
  std::vector<std::atomic<int64_t>> scratch_bytes_;
  uint32_t epoch_ = 0;

  std::mutex mutex_;  ///< guards what follows and the slots' progress
  std::condition_variable work_available_, batch_finished_;
  bool stopping_ = false;
  int64_t samples_ = 0;        ///< of the epoch under way; 0: none
  int64_t next_position_ = 0;  ///< to be taken by a thread
  int64_t taken_ = 0;          ///< samples being worked on
  int64_t next_batch_ = 0;     ///< to be handed out
  bool holds_batch_ = false;   ///< whether the consumer still reads batch next_batch_ - 1
  std::vector<std::thread> threads_;
};

Loader::Pipeline::Pipeline(std::shared_ptr<DecodedCache> images, const LoaderOptions& options)
    : images_(std::move(images)),
      options_(options),
      transform_(options.transform),
      ring_(options.threads > 0 ? static_cast<size_t>(std::max(options.prefetch_batches, 1)) + 1
                                : 1),
      order_(static_cast<size_t>(dataset().size())),
      scratch_(static_cast<size_t>(std::max(options.threads, 1))),
      scratch_bytes_(scratch_.size()) {
  if (options_.batch_size < 1) fail("batch size ", options_.batch_size, " is not positive");
  if (options_.threads < 0) fail("number of loader threads ", options_.threads, " is negative");
  if (dataset().size() == 0) {
    fail("the ", options_.data_name, " has no samples to load; check its files and --classes");
  }
  if (batches_per_epoch() == 0) {
    fail("the ", options_.data_name, " has ", dataset().size(),
         " samples, fewer than one batch of ", options_.batch_size, "; choose a smaller --batch");
  }
  const int64_t capacity = std::min(options_.batch_size, dataset().size());
  for (Slot& slot : ring_) {
    if (options_.output == LoaderOutput::images) {
      slot.images.allocate(capacity, transform_.image_size());
    } else {
      slot.pixels.resize(static_cast<size_t>(capacity * transform_.output_bytes()));
    }
    slot.labels.resize(static_cast<size_t>(capacity));
    slot.indices.resize(static_cast<size_t>(capacity));
  }
  threads_.reserve(static_cast<size_t>(options_.threads));
  try {
    for (int i = 0; i < options_.threads; ++i) {
      threads_.emplace_back([this, i] { work(static_cast<size_t>(i)); });
    }
  } catch (const std::system_error& error) {
    stop();
    fail("[loader] the system refused thread ", threads_.size() + 1, " of ", options_.threads,
         " that prepare images (", error.code().message(), "); use fewer --threads");
  }
}

Loader::Pipeline::~Pipeline() {
  stop();
}

void Loader::Pipeline::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_available_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

int64_t Loader::Pipeline::batches_per_epoch() const {
  const int64_t size = dataset().size(), batch = options_.batch_size;
  return options_.drop_last ? size / batch : (size + batch - 1) / batch;
}

int64_t Loader::Pipeline::batch_count(int64_t batch) const {
  return std::min(options_.batch_size, samples_ - batch * options_.batch_size);
}

void Loader::Pipeline::start_epoch(uint32_t epoch, int64_t skipped) {
  std::unique_lock lock(mutex_);
  samples_ = 0;  // nothing can be taken any more
  batch_finished_.wait(lock, [this] { return taken_ == 0; });
  epoch_ = epoch;
  std::iota(order_.begin(), order_.end(), int64_t{0});
  if (options_.shuffle) {
    RandomStream random(options_.seed, RandomPurpose::sample_order, epoch);
    shuffle(std::span<int64_t>(order_), random);
  }
  samples_ = std::min(batches_per_epoch() * options_.batch_size, dataset().size());
  next_position_ = skipped * options_.batch_size;
  next_batch_ = skipped;
  holds_batch_ = false;
  for (Slot& slot : ring_) slot.unfinished = 0;
  lock.unlock();
  work_available_.notify_all();
}

/// Whether the next sample's batch has a slot: not one that the consumer reads or waits for.
bool Loader::Pipeline::may_take() const {
  if (next_position_ >= samples_) return false;
  const int64_t first_kept = holds_batch_ ? next_batch_ - 1 : next_batch_;
  return next_position_ / options_.batch_size < first_kept + static_cast<int64_t>(ring_.size());
}

void Loader::Pipeline::work(size_t thread) {
  std::unique_lock lock(mutex_);
  while (true) {
    work_available_.wait(lock, [this] { return stopping_ || may_take(); });
    if (stopping_) return;
    const int64_t position = next_position_++;
    ++taken_;
    Slot& slot = slot_of(position / options_.batch_size);
    if (position % options_.batch_size == 0) {
      slot.unfinished = batch_count(position / options_.batch_size);
      slot.images.clear();
      slot.error = nullptr;
    }
    lock.unlock();
    std::exception_ptr error;
    try {
      prepare(position, scratch_[thread]);
    } catch (...) {
      error = std::current_exception();
    }
    scratch_bytes_[thread] = scratch_[thread].bytes();
    lock.lock();
    if (error && (!slot.error || position < slot.error_position)) {
      slot.error = error;
      slot.error_position = position;
    }
    --slot.unfinished;
    --taken_;
    if (slot.unfinished == 0 || taken_ == 0) batch_finished_.notify_one();
  }
}

void Loader::Pipeline::prepare(int64_t position, TransformScratch& scratch) {
  const int64_t index = order_[position], row = position % options_.batch_size;
  Slot& slot = slot_of(position / options_.batch_size);
  slot.labels[row] = dataset().label(index);
  slot.indices[row] = index;
  const std::shared_ptr<const Image> image = load(index);
  const ImagePart part = part_of(*image, index);
  if (options_.output == LoaderOutput::images) {
    slot.images.add(row, part, scratch);
  } else {
    transform_image(part.transform, part.pixels, transform_.image_size(), scratch,
                    &slot.pixels[row * transform_.output_bytes()]);
  }
}

ImagePart Loader::Pipeline::part_of(const Image& image, int64_t index) const {
  if (options_.mode == LoaderMode::test) return transform_.test_part(image);
  RandomStream random(options_.seed, RandomPurpose::augmentation, epoch_,
                      static_cast<uint32_t>(index));
  return transform_.train_part(image, transform_.draw(image.height, image.width, random));
}

/// Errors name the sample, also where its file alone does not.
std::shared_ptr<const Image> Loader::Pipeline::load(int64_t index) {
  try {
    return images_->load(index);
  } catch (const Error& error) {
    const std::string name = dataset().sample_name(index), message = error.what();
    if (message.find(name) != std::string::npos) throw;
    fail(name, ": ", message);
  }
}

bool Loader::Pipeline::next(Batch& batch) {
  std::unique_lock lock(mutex_);
  if (holds_batch_) {
    holds_batch_ = false;
    work_available_.notify_all();
  }
  if (next_batch_ * options_.batch_size >= samples_) return false;
  Slot& slot = slot_of(next_batch_);
  const int64_t count = batch_count(next_batch_), first = next_batch_ * options_.batch_size;
  if (threads_.empty()) {
    slot.images.clear();
    for (int64_t i = 0; i < count; ++i) prepare(first + i, scratch_[0]);
    scratch_bytes_[0] = scratch_[0].bytes();
  } else {
    batch_finished_.wait(lock,
                         [&] { return next_position_ >= first + count && slot.unfinished == 0; });
    if (slot.error) std::rethrow_exception(slot.error);
  }
  batch = {.labels = slot.labels.data(), .indices = slot.indices.data(), .count = count};
  if (options_.output == LoaderOutput::images) {
    batch.images = slot.images.data();
    batch.image_bytes = slot.images.bytes();
    batch.transforms = slot.images.transforms();
  } else {
    batch.pixels = slot.pixels.data();
  }
  ++next_batch_;
  holds_batch_ = true;
  return true;
}

int64_t Loader::Pipeline::pipeline_bytes() const {
  size_t bytes = order_.capacity() * sizeof(int64_t);
  for (const Slot& slot : ring_) {
    bytes += slot.pixels.capacity() + static_cast<size_t>(slot.images.allocated_bytes()) +
             slot.labels.capacity() * sizeof(int32_t) + slot.indices.capacity() * sizeof(int64_t);
  }
  int64_t total = static_cast<int64_t>(bytes) + images_->bytes() + dataset().resident_bytes();
  for (const std::atomic<int64_t>& scratch : scratch_bytes_) {
    total += scratch + dataset().decoding_bytes();
  }
  return total;
}

Loader::Loader(std::shared_ptr<DecodedCache> images, const LoaderOptions& options)
    : pipeline_(std::make_unique<Pipeline>(std::move(images), options)) {}

Loader::~Loader() = default;

int64_t Loader::batches_per_epoch() const {
  return pipeline_->batches_per_epoch();
}

const Dataset& Loader::dataset() const {
  return pipeline_->dataset();
}

void Loader::start_epoch(uint32_t epoch, int64_t skipped) {
  pipeline_->start_epoch(epoch, skipped);
}

bool Loader::next(Batch& batch) {
  return pipeline_->next(batch);
}

int64_t Loader::pipeline_bytes() const {
  return pipeline_->pipeline_bytes();
}

}  // namespace trady
