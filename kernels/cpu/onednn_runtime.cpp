#include "kernels/cpu/onednn_runtime.h"

#include <omp.h>

#include "kernels/cpu/isa.h"

namespace trady::kernels::cpu {
namespace {

dnnl::cpu_isa highest_isa(Isa isa) {
  switch (isa) {
    case Isa::sse2:
      return dnnl::cpu_isa::sse41;  // oneDNN's lowest; it still looks at what the CPU has
    case Isa::avx2:
      return dnnl::cpu_isa::avx2;
    case Isa::avx512:
      break;
  }
  return dnnl::cpu_isa::all;
}

dnnl::engine make_engine() {
  // Before any other call: later ones are refused. A refusal means that the application itself has
  // already used oneDNN; its choice then stands.
  dnnl_set_max_cpu_isa(static_cast<dnnl_cpu_isa_t>(highest_isa(active_isa())));
  dnnl::set_primitive_cache_capacity(0);
  return dnnl::engine(dnnl::engine::kind::cpu, 0);
}

dnnl::stream make_stream() {
  omp_set_num_threads(1);
  return dnnl::stream(onednn_engine());
}

}  // namespace

const dnnl::engine& onednn_engine() {
  static const dnnl::engine engine = make_engine();
  return engine;
}

dnnl::stream& onednn_stream() {
  thread_local dnnl::stream stream = make_stream();
  return stream;
}

OneDnnShape::OneDnnShape(const ConvShape& s)
    : strides{s.stride, s.stride},
      padding_begin{s.padding, s.padding},
      padding_end{(s.out_h() - 1) * s.stride + s.kernel - s.in_h - s.padding,
                  (s.out_w() - 1) * s.stride + s.kernel - s.in_w - s.padding} {
  using Desc = dnnl::memory::desc;
  using Tag = dnnl::memory::format_tag;
  constexpr auto kFloat = dnnl::memory::data_type::f32;
  x = Desc({s.batch, s.in_c, s.in_h, s.in_w}, kFloat, Tag::nhwc);
  y = Desc({s.batch, s.out_c, s.out_h(), s.out_w()}, kFloat, Tag::nhwc);
  bias = Desc({s.out_c}, kFloat, Tag::x);
  const auto k = s.kernel;
  if (s.depthwise) {
    any_weight = Desc({s.in_c, 1, 1, k, k}, kFloat, Tag::any);
    plain_weight = Desc({s.in_c, 1, 1, k, k}, kFloat, Tag::goihw);
  } else {
    any_weight = Desc({s.out_c, s.in_c, k, k}, kFloat, Tag::any);
    plain_weight = Desc({s.out_c, s.in_c, k, k}, kFloat, Tag::ohwi);
  }
}

dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

}  // namespace trady::kernels::cpu
