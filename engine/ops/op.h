// An op on the tape, and the same op planned for one selection and micro-batch.
//
// To add one: derive from Op (geometry, parameters), return an OpStep from plan() that declares in
// its constructor what forward needs and in plan_backward() what backward needs, and let Tape
// record it. docs/adding-an-op.md walks through an example.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/tape.h"
#include "engine/update_plan.h"

namespace trady {

class StepPlanner;
class LaneRun;

/// Multiply-adds of one micro-batch.
struct Work {
  int64_t forward = 0, grad_input = 0, grad_weight = 0;
  Work& operator+=(const Work& o) {
    forward += o.forward;
    grad_input += o.grad_input;
    grad_weight += o.grad_weight;
    return *this;
  }
  bool operator==(const Work&) const = default;
};

class OpStep {
 public:
  virtual ~OpStep() = default;
  /// Called in reverse tape order, and only where the op's output needs a gradient.
  virtual void plan_backward(StepPlanner& planner) = 0;
  virtual void forward(LaneRun& run) const = 0;
  virtual void backward(LaneRun& run) const = 0;
  virtual Work work() const { return {}; }
};

class Op {
 public:
  Op(std::string name, std::vector<TensorId> inputs, TensorId output)
      : name_(std::move(name)), inputs_(std::move(inputs)), output_(output) {}
  virtual ~Op() = default;

  const std::string& name() const { return name_; }
  const std::vector<TensorId>& inputs() const { return inputs_; }
  TensorId output() const { return output_; }

  /// What a plan updates of this op's own parameters.
  virtual LayerUpdate update_in(const UpdatePlan&) const { return LayerUpdate::frozen(); }
  /// Whether backward reads the whole of its input under this update, so that the buffer must live
  /// on until then (a packed copy does not count).
  virtual bool keeps_input(const LayerUpdate&) const { return false; }
  /// The channels of its first input that backward reads packed, if it does: whoever writes that
  /// input may pack them on the way.
  virtual std::vector<int32_t> packs_input(const LayerUpdate&) const { return {}; }
  virtual std::unique_ptr<OpStep> plan(StepPlanner& planner) const = 0;

 private:
  std::string name_;
  std::vector<TensorId> inputs_;
  TensorId output_;
};

}  // namespace trady
