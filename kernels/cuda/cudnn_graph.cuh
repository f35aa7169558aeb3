// A convolution pass as an operation graph of cuDNN (the older API is deprecated since 9.0): the
// graph holds one operation, and its plan is the first engine that cuDNN's heuristic proposes and
// that is deterministic, needs no compilation at run time and keeps to the precision asked for.
// Everything is decided when a plan is made; a run names pointers and executes.
// Source: cuDNN developer guide, "Graph API" and "Backend descriptor types". Part of
// cudnn_passes.cu alone.
#pragma once

#include <cudnn.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/cuda/device/launch.cuh"
#include "kernels/cuda/vendor_passes.h"

namespace trady::kernels::cuda::cudnn {

inline void check_cudnn(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  std::array<char, 512> details{};
  cudnnGetLastErrorString(details.data(), details.size());
  throw_library_error("cuDNN", what,
                      std::string(cudnnGetErrorString(status)) + " " + details.data(),
                      "TRADY_CUDNN");
}

inline bool is_unsupported(cudnnStatus_t status) {
  return CUDNN_STATUS_CATEGORY(static_cast<int>(status)) ==
         static_cast<int>(CUDNN_STATUS_NOT_SUPPORTED);
}

/// cuDNN wants the type of every attribute named.
template <typename T>
constexpr cudnnBackendAttributeType_t attribute_type() {
  if constexpr (std::is_same_v<T, int64_t>) return CUDNN_TYPE_INT64;
  if constexpr (std::is_same_v<T, float>) return CUDNN_TYPE_FLOAT;
  if constexpr (std::is_same_v<T, cudnnDataType_t>) return CUDNN_TYPE_DATA_TYPE;
  if constexpr (std::is_same_v<T, cudnnConvolutionMode_t>) return CUDNN_TYPE_CONVOLUTION_MODE;
  if constexpr (std::is_same_v<T, cudnnBackendHeurMode_t>) return CUDNN_TYPE_HEUR_MODE;
  if constexpr (std::is_same_v<T, cudnnHandle_t>) return CUDNN_TYPE_HANDLE;
  if constexpr (std::is_same_v<T, cudnnBackendNumericalNote_t>) return CUDNN_TYPE_NUMERICAL_NOTE;
  if constexpr (std::is_same_v<T, cudnnBackendBehaviorNote_t>) return CUDNN_TYPE_BEHAVIOR_NOTE;
}

class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    check_cudnn(cudnnBackendCreateDescriptor(type, &descriptor_), "creating a descriptor");
  }
  Descriptor(Descriptor&& other) noexcept : descriptor_(other.descriptor_) {
    other.descriptor_ = nullptr;
  }
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (descriptor_ != nullptr) cudnnBackendDestroyDescriptor(descriptor_);
  }

  cudnnBackendDescriptor_t get() const { return descriptor_; }

  template <typename T>
  void set(cudnnBackendAttributeName_t name, const T& value) {
    set_values(name, attribute_type<T>(), 1, &value);
  }
  template <size_t kCount>
  void set(cudnnBackendAttributeName_t name, const std::array<int64_t, kCount>& values) {
    set_values(name, CUDNN_TYPE_INT64, kCount, values.data());
  }
  void set(cudnnBackendAttributeName_t name, const Descriptor& value) {
    set_values(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.descriptor_);
  }
  void set_values(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                  const void* values) {
    check_cudnn(cudnnBackendSetAttribute(descriptor_, name, type, count, values),
                "describing a convolution");
  }
  void finalize() { check_cudnn(cudnnBackendFinalize(descriptor_), "describing a convolution"); }

  int64_t number(cudnnBackendAttributeName_t name) const {
    int64_t value = 0, count = 0;
    check_cudnn(cudnnBackendGetAttribute(descriptor_, name, CUDNN_TYPE_INT64, 1, &count, &value),
                "asking for a number");
    return value;
  }
  template <typename Note>
  bool has_note(cudnnBackendAttributeName_t name, Note note) const {
    std::array<Note, 32> notes{};
    int64_t count = 0;
    check_cudnn(cudnnBackendGetAttribute(descriptor_, name, attribute_type<Note>(),
                                         static_cast<int64_t>(notes.size()), &count, notes.data()),
                "asking for an engine's notes");
    const auto* end = notes.data() + std::min(count, static_cast<int64_t>(notes.size()));
    return std::find(static_cast<const Note*>(notes.data()), end, note) != end;
  }

 private:
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

class Handle {
 public:
  explicit Handle(cudaStream_t stream) {
    check_cudnn(cudnnCreate(&handle_), "creating a handle");
    check_cudnn(cudnnSetStream(handle_, stream), "choosing the stream");
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { cudnnDestroy(handle_); }
  cudnnHandle_t get() const { return handle_; }

 private:
  cudnnHandle_t handle_ = nullptr;
};

struct Library {
  Handle handle;
  Precision precision;
  cudaStream_t stream;
};

/// The tensors of a convolution, or their gradients.
enum class Role : int64_t { x = 1, w = 2, y = 3 };

/// Dimensions in cuDNN's order (N, C, H, W), contiguous as [N][H][W][C].
inline Descriptor tensor(Role role, const std::array<int64_t, 4>& dims) {
  const auto [n, c, h, w] = dims;
  Descriptor descriptor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  descriptor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, static_cast<int64_t>(role));
  descriptor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_DATA_FLOAT);
  descriptor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, dims);
  descriptor.set(CUDNN_ATTR_TENSOR_STRIDES, std::array<int64_t, 4>{h * w * c, 1, w * c, c});
  descriptor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, int64_t{16});
  descriptor.finalize();
  return descriptor;
}

inline Descriptor convolution(const ConvShape& s) {
  const std::array<int64_t, 2> padding{s.padding, s.padding};
  Descriptor descriptor(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  descriptor.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
  descriptor.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION);
  descriptor.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2});
  descriptor.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, std::array<int64_t, 2>{s.stride, s.stride});
  descriptor.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::array<int64_t, 2>{1, 1});
  descriptor.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, padding);
  descriptor.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, padding);
  descriptor.finalize();
  return descriptor;
}

/// Names of one pass in cuDNN's words.
struct OperationNames {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t x, w, y, convolution, alpha, beta;
};
inline OperationNames names_of(ConvPass pass) {
  switch (pass) {
    case ConvPass::grad_input:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case ConvPass::grad_weight:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
    case ConvPass::forward:
      break;
  }
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
}

/// One convolution pass as a graph, with all that it is described by. Weights of a depthwise
/// convolution have one input channel: cuDNN takes the number of groups from that.
struct Graph {
  Descriptor x, w, y, conv, operation;
  Descriptor graph{CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR};

  Graph(ConvPass pass, const ConvShape& s)
      : x(tensor(Role::x, {s.batch, s.in_c, s.in_h, s.in_w})),
        w(tensor(Role::w, {s.out_c, s.depthwise ? 1 : s.in_c, s.kernel, s.kernel})),
        y(tensor(Role::y, {s.batch, s.out_c, s.out_h(), s.out_w()})),
        conv(convolution(s)),
        operation(names_of(pass).operation) {
    const OperationNames names = names_of(pass);
    operation.set(names.x, x);
    operation.set(names.w, w);
    operation.set(names.y, y);
    operation.set(names.convolution, conv);
    operation.set(names.alpha, 1.0F);
    operation.set(names.beta, 0.0F);
    operation.finalize();
  }

  /// False where cuDNN knows no such convolution.
  bool finalize(const Library& library) {
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, library.handle.get());
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
    const cudnnStatus_t status = cudnnBackendFinalize(graph.get());
    if (is_unsupported(status)) return false;
    check_cudnn(status, "describing a convolution");
    return true;
  }
};

/// Engines with their settings, the most promising one first.
inline std::vector<Descriptor> proposals(const Graph& graph, cudnnBackendHeurMode_t mode) {
  Descriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph.graph);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  std::vector<Descriptor> configs;
  const cudnnStatus_t status = cudnnBackendFinalize(heuristic.get());
  if (is_unsupported(status)) return configs;
  check_cudnn(status, "choosing an engine");
  int64_t count = 0;
  check_cudnn(cudnnBackendGetAttribute(heuristic.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr),
              "choosing an engine");
  std::vector<cudnnBackendDescriptor_t> raw;
  for (int64_t i = 0; i < count; ++i) {
    configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    raw.push_back(configs.back().get());
  }
  int64_t returned = 0;
  check_cudnn(cudnnBackendGetAttribute(heuristic.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &returned, raw.data()),
              "choosing an engine");
  while (static_cast<int64_t>(configs.size()) > returned) configs.pop_back();
  return configs;
}

inline bool suits(const Descriptor& config, Precision precision) {
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t raw = engine.get();
  int64_t count = 0;
  check_cudnn(cudnnBackendGetAttribute(config.get(), CUDNN_ATTR_ENGINECFG_ENGINE,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &raw),
              "asking for an engine");
  const auto noted = [&](cudnnBackendNumericalNote_t note) {
    return engine.has_note(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, note);
  };
  if (noted(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) ||
      engine.has_note(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION)) {
    return false;
  }
  return precision == Precision::tf32 || !(noted(CUDNN_NUMERICAL_NOTE_TENSOR_CORE) ||
                                           noted(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS) ||
                                           noted(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION));
}

/// A convolution pass, ready to run: out = pass(two inputs), overwritten.
class Plan {
 public:
  /// None where cuDNN has no engine that suits.
  static std::unique_ptr<Plan> find(const Library& library, ConvPass pass, const ConvShape& shape) {
    std::unique_ptr<Plan> plan(new Plan(library, pass, shape));
    if (!plan->graph_.finalize(library)) return nullptr;
    for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
      for (Descriptor& config : proposals(plan->graph_, mode)) {
        if (suits(config, library.precision) && plan->accept(std::move(config))) return plan;
      }
    }
    return nullptr;
  }

  int64_t workspace_bytes() const { return workspace_bytes_; }

  /// cuDNN allocates a little host memory for the list of pointers.
  void run(const char* name, const void* x, const void* w, const void* y, void* workspace) const {
    const std::array<int64_t, 3> roles{static_cast<int64_t>(Role::x), static_cast<int64_t>(Role::w),
                                       static_cast<int64_t>(Role::y)};
    const std::array<const void*, 3> pointers{x, w, y};
    Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, roles);
    pack.set_values(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 3, pointers.data());
    pack.set_values(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
    pack.finalize();
    check_cudnn(cudnnBackendExecute(library_.handle.get(), plan_.back().get(), pack.get()), name);
    wait_if_asked({name, dim3(), dim3(), 0, library_.stream});
  }

 private:
  Plan(const Library& library, ConvPass pass, const ConvShape& shape)
      : library_(library), graph_(pass, shape) {}

  /// False where the engine turns out not to run here, or wants too much workspace.
  bool accept(Descriptor config) {
    Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, library_.handle.get());
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    if (cudnnBackendFinalize(plan.get()) != CUDNN_STATUS_SUCCESS) return false;
    const int64_t bytes = plan.number(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
    if (bytes > kMostWorkspaceBytes) return false;
    workspace_bytes_ = bytes;
    plan_.push_back(std::move(config));
    plan_.push_back(std::move(plan));
    return true;
  }

  const Library& library_;
  Graph graph_;
  std::vector<Descriptor> plan_;  ///< the engine's settings, then the plan itself
  int64_t workspace_bytes_ = 0;
};

}  // namespace trady::kernels::cuda::cudnn
