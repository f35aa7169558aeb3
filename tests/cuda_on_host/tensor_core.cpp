#include "tensor_core.h"

#include <algorithm>
#include <bit>

#include "cuda_on_host/tensor_core.h"
#include "report.h"

namespace cuda_on_host {
namespace {

/// The tensor core reads sign, exponent and 10 bits of fraction.
float operand(uint32_t bits) {
  return std::bit_cast<float>(bits & ~0x1fffu);
}

}  // namespace

uint32_t to_tf32(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const bool finite = (bits & 0x7f800000u) != 0x7f800000u;
  if (!finite) return bits & 0x007fffffu ? 0x7fffffffu : bits;
  // Half of the last place added to the magnitude: a tie goes away from zero.
  return (bits + 0x1000u) & ~0x1fffu;
}

void multiply_fragments(WarpOperation* const (&lanes)[32]) {
  float a[16][8], b[8][8], d[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    const int group = lane / 4, member = lane % 4;
    const WarpOperation& fragment = *lanes[lane];
    a[group][member] = operand(fragment.a[0]);
    a[group + 8][member] = operand(fragment.a[1]);
    a[group][member + 4] = operand(fragment.a[2]);
    a[group + 8][member + 4] = operand(fragment.a[3]);
    b[member][group] = operand(fragment.b[0]);
    b[member + 4][group] = operand(fragment.b[1]);
    d[group][2 * member] = fragment.d[0];
    d[group][2 * member + 1] = fragment.d[1];
    d[group + 8][2 * member] = fragment.d[2];
    d[group + 8][2 * member + 1] = fragment.d[3];
  }
  for (int row = 0; row < 16; ++row) {
    for (int k = 0; k < 8; ++k) {
      for (int column = 0; column < 8; ++column) d[row][column] += a[row][k] * b[k][column];
    }
  }
  for (int lane = 0; lane < 32; ++lane) {
    const int group = lane / 4, member = lane % 4;
    float* fragment = lanes[lane]->d;
    fragment[0] = d[group][2 * member];
    fragment[1] = d[group][2 * member + 1];
    fragment[2] = d[group + 8][2 * member];
    fragment[3] = d[group + 8][2 * member + 1];
  }
}

void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                      std::source_location where) {
  const LibraryScope scope;
  Thread& thread = thread_of_kernel("mma");
  WarpOperation operation;
  operation.call = WarpCall::mma;
  operation.mask = 0xffffffffu;
  operation.where = where;
  std::copy_n(a, 4, operation.a);
  std::copy_n(b, 2, operation.b);
  std::copy_n(d, 4, operation.d);
  thread.block->join_warp_operation(thread, operation);
  std::copy_n(thread.warp_operation.d, 4, d);
}

}  // namespace cuda_on_host
