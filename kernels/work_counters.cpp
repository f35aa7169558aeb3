#include "kernels/work_counters.h"

namespace trady::kernels {

WorkCounters& work_counters() {
  static WorkCounters counters;
  return counters;
}

}  // namespace trady::kernels
