#include "grid.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "block.h"
#include "built_in_variables.h"
#include "cuda_on_host/violation.h"
#include "memory_map.h"
#include "operations.h"
#include "report.h"
#include "schedule.h"
#include "streams.h"
#include "tracker.h"
#include "traffic.h"

namespace cuda_on_host {
namespace {

struct StartedBlock {
  uint32_t first_segment;
  uint32_t block;
};

std::vector<StartedBlock>& started_blocks() {
  static std::vector<StartedBlock> blocks;
  return blocks;
}
dim3 current_grid;

dim3 index_in(const dim3& size, uint32_t linear) {
  return {linear % size.x, linear / size.x % size.y, linear / size.x / size.y};
}

}  // namespace

void check_limits(const LaunchSettings& settings) {
  const auto fail = [&](const char* what, const std::string& asked, const std::string& limit) {
    throw Violation(std::string("[cuda_on_host] kernel '") + settings.name + "': " + what + " " +
                    asked + " exceeds the limit of " + limit);
  };
  const dim3& grid = settings.grid;
  const dim3& block = settings.block;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) {
    throw Violation(std::string("[cuda_on_host] kernel '") + settings.name + "': empty grid");
  }
  if (grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) {
    fail("grid", describe_index(grid), "(2147483647, 65535, 65535)");
  }
  if (block.x == 0 || block.y == 0 || block.z == 0) {
    throw Violation(std::string("[cuda_on_host] kernel '") + settings.name + "': empty block");
  }
  if (block.x > 1024 || block.y > 1024 || block.z > 64) {
    fail("block", describe_index(block), "(1024, 1024, 64)");
  }
  if (block.x * block.y * block.z > 1024) {
    fail("block", describe_index(block), "1024 threads");
  }
  if (settings.shared_bytes > kLargestSharedBytes) {
    fail("shared memory of", std::to_string(settings.shared_bytes),
         std::to_string(kLargestSharedBytes) + " bytes");
  }
}

void run_grid(const LaunchSettings& settings, const KernelCall& call) {
  load_schedule();
  current_grid = settings.grid;
  started_blocks().clear();
  if (counting_traffic) begin_launch_traffic();
  set_grid(settings.grid, settings.block);
  std::vector<uint32_t> order(size_t{settings.grid.x} * settings.grid.y * settings.grid.z);
  std::iota(order.begin(), order.end(), 0u);
  put_in_order(order);
  for (const uint32_t block : order) {
    started_blocks().push_back({now.segment + 1, block});
    Block::instance().run(settings, call, index_in(settings.grid, block));
  }
}

dim3 block_of_segment(uint32_t segment) {
  const auto after = std::upper_bound(
      started_blocks().begin(), started_blocks().end(), segment,
      [](uint32_t value, const StartedBlock& block) { return value < block.first_segment; });
  return index_in(current_grid, std::prev(after)->block);
}

void enqueue_kernel(const LaunchSettings& settings, std::shared_ptr<const KernelCall> call) {
  const std::lock_guard lock(device_mutex());
  check_limits(settings);
  // The caller's name may be gone by the time that the kernel runs: the operation keeps it.
  submit(settings.stream, settings.name,
         [settings, call = std::move(call)] { run_grid(settings, *call); });
}

}  // namespace cuda_on_host
