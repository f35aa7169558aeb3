// A slot's way: its copy runs on the copying stream; the steps' stream waits for it by an event,
// fetches the result, and marks with another event that the slot may be used again.
#include "kernels/cuda/pinned_transfers.h"

#include <string>
#include <vector>

#include "kernels/cuda/device/launch.cuh"

namespace trady::kernels::cuda {
namespace {

class PinnedTransfers final : public Transfers {
 public:
  PinnedTransfers(int slots, int64_t bytes_per_slot, cudaStream_t work)
      : work_(work), slots_(static_cast<size_t>(slots)) {
    try {
      check(cudaStreamCreateWithFlags(&copying_, cudaStreamNonBlocking), "creating a stream");
      const auto bytes = static_cast<size_t>(bytes_per_slot);
      const std::string what = "pinning " + std::to_string(bytes) +
                               " bytes of host memory (a smaller --batch needs less)";
      for (Slot& slot : slots_) {
        check(cudaMallocHost(&slot.host, bytes), what.c_str());
        check(cudaEventCreateWithFlags(&slot.copied, cudaEventDisableTiming), "creating an event");
        check(cudaEventCreateWithFlags(&slot.done, cudaEventDisableTiming), "creating an event");
      }
    } catch (...) {
      release();
      throw;
    }
  }
  PinnedTransfers(const PinnedTransfers&) = delete;
  PinnedTransfers& operator=(const PinnedTransfers&) = delete;
  ~PinnedTransfers() override {
    cudaStreamSynchronize(copying_);  // what failed has been told by wait()
    cudaStreamSynchronize(work_);
    release();
  }

  std::byte* host(int slot) override { return static_cast<std::byte*>(at(slot).host); }
  void send(int slot, int64_t bytes, void* device) override {
    const Slot& s = at(slot);
    check(cudaMemcpyAsync(device, s.host, static_cast<size_t>(bytes), cudaMemcpyHostToDevice,
                          copying_),
          "copying a batch to the GPU");
    check(cudaEventRecord(s.copied, copying_), "marking a copied batch");
    check(cudaStreamWaitEvent(work_, s.copied), "waiting for a batch");
  }
  void fetch(int slot, const void* device, int64_t bytes) override {
    const Slot& s = at(slot);
    check(
        cudaMemcpyAsync(s.host, device, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost, work_),
        "copying a step's result from the GPU");
    check(cudaEventRecord(s.done, work_), "marking the end of a step");
  }
  void wait(int slot) override {
    check(cudaEventSynchronize(at(slot).done),
          "a kernel or copy of a step (TRADY_SYNC=1 names it)");
  }

 private:
  struct Slot {
    void* host = nullptr;
    cudaEvent_t copied = nullptr, done = nullptr;
  };
  Slot& at(int slot) { return slots_.at(static_cast<size_t>(slot)); }
  void release() {
    for (Slot& slot : slots_) {
      if (slot.host) cudaFreeHost(slot.host);
      if (slot.copied) cudaEventDestroy(slot.copied);
      if (slot.done) cudaEventDestroy(slot.done);
    }
    if (copying_) cudaStreamDestroy(copying_);
  }

  cudaStream_t work_;
  cudaStream_t copying_ = nullptr;
  std::vector<Slot> slots_;
};

}  // namespace

std::unique_ptr<Transfers> make_pinned_transfers(int slots, int64_t bytes_per_slot,
                                                 cudaStream_t work) {
  return std::make_unique<PinnedTransfers>(slots, bytes_per_slot, work);
}

}  // namespace trady::kernels::cuda
