// What a step keeps and computes, by formulas of its own: bytes saved for backward, multiply-adds,
// nothing above the shallowest updated layer.
#include <catch2/catch.hpp>

#include "kernels/work_counters.h"
#include "selection/cost_model.h"
#include "tests/engine/tiny_networks.h"

namespace trady {
namespace {

constexpr int64_t kBatch = 6;

int shallowest(const UpdatePlan& plan) {
  for (size_t i = 0; i < plan.convs.size(); ++i) {
    if (plan.convs[i].updates_anything()) return static_cast<int>(i);
  }
  return static_cast<int>(plan.convs.size());
}

/// Input channels that dW of this update reads.
int64_t saved_channels(const kernels::ConvShape& shape, const LayerUpdate& update) {
  const auto listed = static_cast<int64_t>(update.channels.size());
  switch (update.kind) {
    case LayerUpdate::Kind::all:
      return shape.in_c;
    case LayerUpdate::Kind::input_channels:
      return listed;
    case LayerUpdate::Kind::output_channels:
      return shape.depthwise ? listed : listed > 0 ? shape.in_c : 0;
    default:
      return 0;
  }
}

std::vector<UpdatePlan> plans(const Tape& tape) {
  std::vector<UpdatePlan> result{UpdatePlan::head_only(tape.convs().size()),
                                 testing::every_weight(tape)};
  for (uint32_t seed = 0; seed < 30; ++seed) result.push_back(testing::mixed_plan(tape, seed));
  return result;
}

struct Counted {
  explicit Counted(const kernels::Backend& device)
      : tape(testing::tiny_network()),
        parameters(tape.parameters(), device),
        batch(tape, kBatch, 1) {
    testing::fill_random(parameters, 1);
  }
  Tape tape;
  Parameters parameters;
  testing::RandomBatch batch;
};

std::vector<std::unique_ptr<kernels::Backend>> devices() {
  std::vector<std::unique_ptr<kernels::Backend>> result;
  result.push_back(kernels::make_reference_backend(kernels::DType::float32));
  result.push_back(kernels::make_cpu_backend());
  result.push_back(kernels::make_null_backend(kernels::DType::float32));
  return result;
}

}  // namespace

TEST_CASE("Bytes saved for backward: selected channels, mask bits and the pooled features",
          "[memory]") {
  for (const auto& device : devices()) {
    Counted c(*device);
    for (const int64_t m : {1, 2, 3, 6}) {
      StepRunner runner(c.tape, *device, c.parameters, {}, {kBatch, m, true, {}}, 1);
      for (const UpdatePlan& plan : plans(c.tape)) {
        runner.select(plan);
        const auto& convs = c.tape.convs();
        const std::vector<bool> has_mask{true, true, true, false, true, true, false};
        int64_t inputs = 4 * m * convs.back().shape.out_c;  // the classifier's input
        int64_t masks = 0;
        for (size_t i = 0; i < convs.size(); ++i) {
          const auto& s = convs[i].shape;
          inputs += 4 * m * saved_channels(s, plan.convs[i]) * s.in_h * s.in_w;
          if (has_mask[i] && static_cast<int>(i) >= shallowest(plan)) {
            masks += (m * s.out_c * s.out_h() * s.out_w() + 7) / 8;
          }
        }
        const SavedBytes saved = saved_for_backward(runner.program());
        CHECK(saved.inputs == inputs);
        CHECK(saved.masks == masks);
      }
    }
  }
}

TEST_CASE("Multiply-adds: kernels, program and cost model agree") {
  for (const auto& device : devices()) {
    Counted c(*device);
    const CostModel costs(c.tape.convs());
    constexpr int64_t kHead = 5 * 3;
    for (const int64_t m : {1, 2, 6}) {
      StepRunner runner(c.tape, *device, c.parameters, {}, {kBatch, m, true, {}}, 1);
      for (const UpdatePlan& plan : plans(c.tape)) {
        runner.select(plan);
        auto& counters = kernels::work_counters();
        counters.reset();
        runner.train(c.batch.view(), 0.01);

        int64_t grad_input = shallowest(plan) < 7 ? kHead : 0;
        for (int i = shallowest(plan) + 1; i < 7; ++i) {
          grad_input += c.tape.convs()[static_cast<size_t>(i)].shape.multiply_adds();
        }
        INFO(device->name() << ", micro-batch " << m);
        CHECK(counters.forward == kBatch * (costs.network_multiply_adds() + kHead));
        CHECK(counters.grad_input == kBatch * grad_input);
        CHECK(counters.grad_weight == kBatch * (costs.plan_multiply_adds(plan) + kHead));
        const Work work = runner.program().work();
        CHECK(counters.forward == work.forward * (kBatch / m));
        CHECK(counters.grad_input == work.grad_input * (kBatch / m));
        CHECK(counters.grad_weight == work.grad_weight * (kBatch / m));
      }
      kernels::work_counters().reset();
      runner.evaluate(c.batch.view());
      CHECK(kernels::work_counters().grad_input == 0);
      CHECK(kernels::work_counters().grad_weight == 0);
    }
  }
}

TEST_CASE("Nothing is kept or computed above the shallowest updated layer", "[memory]") {
  const auto device = kernels::make_cpu_backend();
  Counted c(*device);
  StepRunner runner(c.tape, *device, c.parameters, {}, {kBatch, 2, true, {}}, 1);
  for (const LayerUpdate& update : {LayerUpdate::bias_only(), LayerUpdate::inputs({0}),
                                    LayerUpdate::outputs({1, 2}), LayerUpdate::whole(false)}) {
    for (size_t conv = 0; conv < 7; ++conv) {
      UpdatePlan plan = UpdatePlan::head_only(7);
      plan.convs[conv] = update;
      runner.select(plan);
      const StepProgram& program = runner.program();
      const auto ops = static_cast<int>(program.steps().size());
      const int own = static_cast<int>(conv) + 1;  // op 0 is the image
      for (int op = 0; op <= own; ++op) {
        INFO("update of conv " << conv << ", op " << op);
        CHECK(program.steps()[static_cast<size_t>(op)]->work().grad_input == 0);
        if (op < own) CHECK(program.steps()[static_cast<size_t>(op)]->work().grad_weight == 0);
      }
      for (const Buffer& buffer : program.lane_plan().buffers()) {
        if (buffer.category == MemoryCategory::masks) CHECK(buffer.first >= own);
        if (!buffer.used() || buffer.last < ops) continue;
        INFO("update of conv " << conv << ", buffer " << buffer.name);
        // An input that is kept whole may have been computed in the buffer of an older residual;
        // that no other activation is kept, the saved bytes tell.
        if (buffer.category != MemoryCategory::activations) CHECK(buffer.first >= own);
        CHECK(buffer.last <= 2 * ops - 1 - own);  // backward ends there
      }
    }
  }
}

TEST_CASE("Head only: no masks, no gradients of activations but the logits'", "[memory]") {
  const auto device = kernels::make_cpu_backend();
  Counted c(*device);
  StepRunner runner(c.tape, *device, c.parameters, {}, {kBatch, 2, true, {}}, 1);
  runner.select(UpdatePlan::head_only(7));
  CHECK(saved_for_backward(runner.program()).masks == 0);
  int64_t gradients = 0;
  for (const Buffer& buffer : runner.program().lane_plan().buffers()) {
    if (buffer.category == MemoryCategory::activation_gradients) gradients += buffer.bytes;
  }
  CHECK(gradients == 4 * 2 * 3);
}

TEST_CASE("Steps for inference keep nothing, and refuse to train", "[memory]") {
  const auto device = kernels::make_cpu_backend();
  Counted c(*device);
  StepRunner runner(c.tape, *device, c.parameters, {}, {kBatch, 2, false, {}}, 1);
  runner.select(testing::every_weight(c.tape));
  CHECK(saved_for_backward(runner.program()).total() == 0);
  CHECK(runner.program().gradient_slots().empty());
  CHECK(runner.evaluate(c.batch.view()).count == kBatch);
  CHECK(runner.measured().shared[MemoryCategory::weight_gradients] == 0);
  CHECK_THROWS_WITH(runner.train(c.batch.view(), 0.1), Catch::Contains("inference only"));
}

TEST_CASE("Planned bytes are the measured ones, and each kind of buffer adds up", "[memory]") {
  for (const auto& device : devices()) {
    Counted c(*device);
    for (const OptimizerSettings& optimizer : {OptimizerSettings{}, {0.9, 0, 0}}) {
      StepRunner runner(c.tape, *device, c.parameters, optimizer, {kBatch, 2, true, {}}, 2);
      for (const UpdatePlan& plan : plans(c.tape)) {
        const bool whole = plan == testing::every_weight(c.tape);
        if (optimizer.momentum != 0 && !whole) continue;
        runner.select(plan);
        runner.train(c.batch.view(), 0.01);
        const MemoryReport measured = runner.measured();
        CHECK(measured == runner.planned());
        CHECK(measured.reserved >= measured.peak().total());
        const auto& shared = measured.shared;
        int64_t weights = 0;
        for (const ParameterSpec& spec : c.tape.parameters()) weights += spec.elements;
        CHECK(shared[MemoryCategory::weights] == 4 * weights);
        // A block with what the step is told and tells and the labels; a flag, losses, predictions.
        CHECK(shared[MemoryCategory::batch] ==
              runner.program().batch_layout().bytes() + 4 + kBatch * (8 + 4));
        int64_t slots = 0;
        for (const GradientSlot& slot : runner.program().gradient_slots()) slots += slot.elements;
        CHECK(shared[MemoryCategory::weight_gradients] == 4 * slots);
        if (whole) CHECK(slots == weights);
        CHECK((shared[MemoryCategory::optimizer_state] > 0) == (optimizer.momentum != 0));
      }
    }
  }
}

}  // namespace trady
