#include "block.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <stdexcept>

#include "built_in_variables.h"
#include "cuda_on_host/violation.h"
#include "memory_map.h"
#include "report.h"
#include "schedule.h"
#include "tracker.h"

namespace cuda_on_host {

constinit thread_local Thread* running_thread = nullptr;
constinit thread_local Thread* calling_thread = nullptr;

namespace {

/// "__syncwarp with mask 0x0000ffff"
std::string describe(const WarpOperation& operation) {
  return std::string(name_of(operation.call)) + " with mask " + hexadecimal(operation.mask);
}

}  // namespace

Thread& thread_of_kernel(const char* what) {
  if (!calling_thread) throw std::logic_error(std::string(what) + " outside a kernel");
  return *calling_thread;
}

Block& Block::instance() {
  static Block block;
  return block;
}

void Block::prepare(dim3 shape) {
  shape_ = shape;
  count_ = shape.x * shape.y * shape.z;
  while (threads_.size() < count_) threads_.push_back(std::make_unique<Thread>());
  warps_.assign((count_ + 31) / 32, Warp{});
  for (uint32_t i = 0; i < count_; ++i) {
    Thread& thread = *threads_[i];
    thread.block = this;
    thread.index = i;
    thread.lane = i % 32;
    thread.warp = &warps_[i / 32];
    thread.accessor = {1u << thread.lane, static_cast<uint16_t>(i / 32),
                       thread.warp->seen[thread.lane], &thread.warp->time};
    thread.state = Thread::State::ready;
    thread.async_copies.clear();
    thread.async_group = 0;
    thread.fiber.prepare(&Block::run_thread, &thread);
  }
  order_.resize(count_);
  std::iota(order_.begin(), order_.end(), 0u);
  unfinished_ = count_;
}

void Block::run(const LaunchSettings& settings, const KernelCall& call, dim3 index) {
  index_ = index;
  call_ = &call;
  violation_ = nullptr;
  now.first_of_block = ++now.segment;
  MemoryMap::instance().begin_block(settings.shared_bytes);
  prepare(settings.block);
  set_block_index(index);
  while (unfinished_ > 0) {
    put_in_order(order_);
    bool progress = false;
    for (const uint32_t i : order_) {
      if (threads_[i]->state != Thread::State::ready) continue;
      resume(*threads_[i]);
      progress = true;
    }
    if (!progress) release_barrier();
  }
}

void Block::resume(Thread& thread) {
  const uint32_t x = thread.index % shape_.x;
  const uint32_t y = thread.index / shape_.x % shape_.y;
  set_thread_index({x, y, thread.index / shape_.x / shape_.y});
  calling_thread = &thread;
  thread.fiber.resume();
  running_thread = nullptr;
  std::string violation;
  if (violation_) {
    violation =
        kernel_and_block() + ", " + describe_thread(thread.index) + ": " + violation_->text();
  }
  calling_thread = nullptr;
  if (violation_) throw Violation(violation);
}

void Block::run_thread(void* argument) {
  auto& thread = *static_cast<Thread*>(argument);
  Block& block = *thread.block;
  running_thread = &thread;
  block.call_->run();
  running_thread = nullptr;
  thread.state = Thread::State::finished;
  --block.unfinished_;
  thread.fiber.finish();
}

void Block::abandon(const Description& violation) {
  violation_ = &violation;
  // Never resumed, never unwound: whoever instruments a load takes it not to throw.
  calling_thread->fiber.suspend();
  std::abort();
}

void Block::wait_at_barrier(Thread& thread, std::source_location where) {
  thread.barrier = where;
  thread.state = Thread::State::at_barrier;
  thread.fiber.suspend();
}

void Block::release_barrier() {
  const auto waits = [this](uint32_t i) { return threads_[i]->state == Thread::State::at_barrier; };
  const Thread* first = nullptr;
  for (uint32_t i = 0; i < count_; ++i) {
    if (!waits(i)) report_stuck();
    if (!first) first = threads_[i].get();
    if (!same_place(first->barrier, threads_[i]->barrier)) report_stuck();
  }
  ++now.segment;
  for (uint32_t i = 0; i < count_; ++i) threads_[i]->state = Thread::State::ready;
}

void Block::join_warp_operation(Thread& thread, const WarpOperation& operation) {
  const uint32_t first = thread.index - thread.lane;
  if (!(operation.mask >> thread.lane & 1)) {
    report([&] {
      return describe(operation) + ", which does not name the calling lane " +
             std::to_string(thread.lane) + at(operation.where);
    });
  }
  for (uint32_t lane = 0; lane < 32; ++lane) {
    if (!(operation.mask >> lane & 1)) continue;
    const Thread* other = this->thread(first + lane);
    if (other && other->state != Thread::State::finished) continue;
    report([&] {
      return describe(operation) + " names lane " + std::to_string(lane) +
             (other ? ", which has exited" : ", which the block does not have") +
             at(operation.where);
    });
  }
  thread.warp_operation = operation;
  thread.state = Thread::State::in_warp_operation;
  if (!complete_warp_operation(thread)) thread.fiber.suspend();
}

bool Block::complete_warp_operation(Thread& last) {
  const WarpOperation& operation = last.warp_operation;
  const uint32_t first = last.index - last.lane;
  for (uint32_t lane = 0; lane < 32; ++lane) {
    if (!(operation.mask >> lane & 1)) continue;
    const Thread& other = *threads_[first + lane];
    const WarpOperation& theirs = other.warp_operation;
    if (other.state != Thread::State::in_warp_operation || theirs.mask != operation.mask ||
        theirs.call != operation.call || theirs.kind != operation.kind ||
        !same_place(theirs.where, operation.where)) {
      return false;
    }
  }
  compute_warp_operation(*this, first, operation.mask, operation.call);
  for (uint32_t lane = 0; lane < 32; ++lane) {
    if (operation.mask >> lane & 1) threads_[first + lane]->state = Thread::State::ready;
  }
  return true;
}

void Block::report_stuck() {
  const std::string kernel = kernel_and_block();
  const auto where = [this](const Thread& thread) {
    const std::string who = describe_thread(thread.index);
    switch (thread.state) {
      case Thread::State::at_barrier:
        return who + " waits in __syncthreads" + at(thread.barrier);
      case Thread::State::in_warp_operation:
        return who + " waits in " + describe(thread.warp_operation) +
               at(thread.warp_operation.where);
      default:
        return who + " has exited";
    }
  };
  // A warp operation that misses a lane tells more than a barrier that misses a thread.
  for (uint32_t i = 0; i < count_; ++i) {
    const Thread& thread = *threads_[i];
    if (thread.state != Thread::State::in_warp_operation) continue;
    const WarpOperation& operation = thread.warp_operation;
    for (uint32_t lane = 0; lane < 32; ++lane) {
      const Thread& other = *threads_[i - thread.lane + lane];
      if (!(operation.mask >> lane & 1) || &other == &thread) continue;
      if (other.state == Thread::State::in_warp_operation &&
          other.warp_operation.mask == operation.mask &&
          other.warp_operation.call == operation.call &&
          other.warp_operation.kind == operation.kind &&
          same_place(other.warp_operation.where, operation.where)) {
        continue;
      }
      throw Violation(kernel + ": lanes named by a mask do not make the same call: " +
                      where(thread) + ", but " + where(other));
    }
  }
  const auto waiting = std::find_if(threads_.begin(), threads_.begin() + count_, [](const auto& t) {
    return t->state == Thread::State::at_barrier;
  });
  const Thread& one = **waiting;
  const auto other = std::find_if(threads_.begin(), threads_.begin() + count_, [&](const auto& t) {
    return t->state != Thread::State::at_barrier || !same_place(t->barrier, one.barrier);
  });
  throw Violation(kernel + ": divergent barrier: " + where(one) + ", but " + where(**other));
}

std::string Block::describe_thread(uint32_t index) const {
  return "thread " + describe_index(dim3(index % shape_.x, index / shape_.x % shape_.y,
                                         index / shape_.x / shape_.y));
}

}  // namespace cuda_on_host
