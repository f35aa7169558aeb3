// Barriers and operations of warps.
#include <algorithm>

#include "fixture.h"
#include "kernels.h"

TEST_CASE("divergent barriers are told, not waited for") {
  in_all_orders([] {
    Buffer<int> out(64);
    launch({"split", 1, 64}, split_barrier, out.data(), false);
    synchronize();
    launch({"split", 1, 64}, split_barrier, out.data(), true);
    CHECK_THROWS_WITH(synchronize(),
                      Contains("divergent barrier: thread (0, 0, 0) waits in "
                               "__syncthreads (threads.cu:6), but thread (1, 0, 0)"));
    launch({"leave", 1, 64}, leave_early, out.data(), false);
    synchronize();
    launch({"leave", 1, 64}, leave_early, out.data(), true);
    CHECK_THROWS_WITH(synchronize(),
                      Contains("divergent barrier") && Contains("thread (0, 0, 0) has exited"));
  });
}

TEST_CASE("a wrong warp mask") {
  in_all_orders([] {
    Buffer<int> in(std::vector<int>(32, 3)), out(32);
    launch({"sum", 1, 32}, warp_sum, in.data(), out.data(), false);
    synchronize();
    launch({"sum", 1, 32}, warp_sum, in.data(), out.data(), true);
    CHECK_THROWS_WITH(synchronize(),
                      Contains("0x0000ffff") && (Contains("does not name the calling lane") ||
                                                 Contains("which the mask does not name")));
  });
}

TEST_CASE("a mask that names lanes beyond the block") {
  Buffer<int> in(std::vector<int>(16, 3)), out(1);
  launch({"sum", 1, 16}, warp_sum, in.data(), out.data(), false);
  CHECK_THROWS_WITH(synchronize(), Contains("names lane 16, which the block does not have"));
}

TEST_CASE("lanes that give different masks") {
  in_all_orders([] {
    Buffer<int> out(4);
    launch({"masks", 1, 4}, mixed_masks, out.data(), false);
    CHECK(out.read() == std::vector<int>{0, 0, 0, 0});
    launch({"masks", 1, 4}, mixed_masks, out.data(), true);
    CHECK_THROWS_WITH(synchronize(), Contains("do not make the same call") &&
                                         Contains("mask 0x0000000f") &&
                                         Contains("mask 0x00000007"));
  });
}

TEST_CASE("a vote that names lanes which have exited") {
  in_all_orders([] {
    Buffer<unsigned> out(8);
    launch({"vote", 1, 32}, vote_after_exit, out.data(), false);
    CHECK(out.read() == std::vector<unsigned>(8, 0xaau));
    launch({"vote", 1, 32}, vote_after_exit, out.data(), true);
    CHECK_THROWS_WITH(synchronize(), Contains("has exited"));
  });
}

TEST_CASE("a shuffle from a lane that is not named") {
  Buffer<int> out(16);
  launch({"outside", 1, 32}, shuffle_from_outside, out.data(), false);
  CHECK(out.read() == std::vector<int>(16, 15));
  launch({"outside", 1, 32}, shuffle_from_outside, out.data(), true);
  CHECK_THROWS_WITH(synchronize(), Contains("read from lane 16, which the mask does not name"));
}

TEST_CASE("lanes that exchange through shared memory need __syncwarp") {
  in_all_orders([] {
    Buffer<int> out(32);
    launch({"exchange", 1, 32, 128}, warp_exchange, out.data(), false);
    CHECK(out.read() == std::vector<int>(32, 400));
    launch({"exchange", 1, 32, 128}, warp_exchange, out.data(), true);
    CHECK_THROWS_WITH(synchronize(), Contains("of the same warp without __syncwarp or a barrier"));
  });
}

TEST_CASE("the halves of a warp are ordered by masks of their own, each for itself") {
  in_all_orders([] {
    Buffer<int> out(32);
    launch({"halves", 1, 32, 128}, half_warps, out.data(), false);
    const std::vector<int> sums = out.read();
    CHECK(sums[0] == 120);
    CHECK(sums[31] == 16 * 16 + 120);
    launch({"halves", 1, 32, 128}, half_warps, out.data(), true);
    CHECK_THROWS_WITH(synchronize(), Contains("shared memory of 128 bytes + "));
  });
}

TEST_CASE("shuffles and votes") {
  in_all_orders([] {
    Buffer<int> out(320);
    launch({"results", 1, 32}, warp_results, out.data());
    const std::vector<int> results = out.read();
    for (int lane = 0; lane < 32; ++lane) {
      const int* row = results.data() + static_cast<ptrdiff_t>(lane) * 10;
      CHECK(row[0] == 5);
      CHECK(row[1] == lane / 8 * 8 + 3);
      CHECK(row[2] == (lane < 2 ? lane : lane - 2));
      CHECK(row[3] == (lane % 16 >= 14 ? lane : lane + 2));
      CHECK(row[4] == (lane ^ 16));
      CHECK(static_cast<unsigned>(row[5]) == 0x49249249u);
      CHECK(row[6] == 1);
      CHECK(row[7] == 1);
      CHECK(row[8] == (lane ^ 1));
      CHECK(row[9] == (lane ^ 3));
    }
  });
}

TEST_CASE("atomics") {
  in_all_orders([] {
    Buffer<int> out(std::vector<int>{0, -100, 100, 0, 0, 0, 0, 0});
    launch({"atomics", 1, 16}, atomic_results, out.data());
    CHECK(out.read() == std::vector<int>{-8, 7, -8, 0xffff, 7, 9, 0, 8});
  });
}

TEST_CASE("threads and blocks run forward, in reverse, and in random orders") {
  const auto visited = [](Order order, uint64_t seed) {
    cuda_on_host::set_schedule(order, seed);
    Buffer<unsigned> counter(std::vector<unsigned>{0}), places(12);
    launch({"visit", 3, 4}, visit, counter.data(), places.data());
    return places.read();
  };
  std::vector<unsigned> expected(12);
  for (unsigned i = 0; i < 12; ++i) expected[i] = i;
  CHECK(visited(Order::forward, 0) == expected);
  const std::vector<unsigned> random = visited(Order::random, 5);
  CHECK(random != expected);
  CHECK(random == visited(Order::random, 5));
  CHECK(random != visited(Order::random, 6));
  CHECK(std::is_permutation(random.begin(), random.end(), expected.begin()));
  std::reverse(expected.begin(), expected.end());
  CHECK(visited(Order::reverse, 0) == expected);
  cuda_on_host::set_schedule(Order::forward);
}
