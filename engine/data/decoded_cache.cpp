#include "engine/data/decoded_cache.h"

namespace trady {

bool CacheBudget::reserve(int64_t bytes) {
  int64_t used = used_bytes_;
  do {
    if (used + bytes > limit_bytes_) return false;
  } while (!used_bytes_.compare_exchange_weak(used, used + bytes));
  return true;
}

DecodedCache::DecodedCache(std::shared_ptr<const Dataset> dataset,
                           std::shared_ptr<CacheBudget> budget)
    : dataset_(std::move(dataset)), budget_(std::move(budget)) {
  if (dataset_->decodes()) slots_.resize(static_cast<size_t>(dataset_->size()));
}

DecodedCache::~DecodedCache() {
  budget_->release(bytes_);
}

std::shared_ptr<const Image> DecodedCache::load(int64_t index) {
  if (slots_.empty()) return std::make_shared<const Image>(dataset_->load(index));
  {
    const std::lock_guard lock(mutex_);
    if (slots_[index]) return slots_[index];
  }
  // Decoding happens outside of the lock; should two threads decode one sample, one result stays.
  auto image = std::make_shared<const Image>(dataset_->load(index));
  const std::lock_guard lock(mutex_);
  if (!slots_[index] && budget_->reserve(image->bytes())) {
    slots_[index] = image;
    bytes_ += image->bytes();
  }
  return image;
}

}  // namespace trady
