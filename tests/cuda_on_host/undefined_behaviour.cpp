// .cu files are also compiled with the checks of -fsanitize=alignment, bounds, shift and the like:
// a misaligned cast, an index past an array inside a struct, an int that overflows. The compiler
// calls these functions then; the names are UndefinedBehaviorSanitizer's. What other files of a
// sanitized build report goes on to its library.
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "block.h"
#include "report.h"

namespace {

// As the compiler lays them out.
struct Place {
  const char* file;
  uint32_t line, column;
};
struct TypeName {
  uint16_t kind, info;
  char name[1];  // longer
};
struct PlaceAndType {
  Place place;
  const TypeName* type;
};

std::string at(const Place& place) {
  const std::string path = place.file ? place.file : "";
  return path.substr(path.rfind('/') + 1) + ":" + std::to_string(place.line) + ": ";
}

/// Ends the thread of a kernel; elsewhere the sanitizer's own function tells, or nobody does.
template <typename What, typename... Values>
void tell(const char* function, const What& what, void* data, Values... values) {
  if (cuda_on_host::running_thread) cuda_on_host::report(what);
  using Handler = void (*)(void*, Values...);
  if (const auto handler = reinterpret_cast<Handler>(dlsym(RTLD_NEXT, function))) {
    handler(data, values...);
    return;
  }
  std::fprintf(stderr, "%s\n", what().c_str());
  std::abort();
}

std::string misaligned(void* data, uintptr_t pointer) {
  // Only this handler's data goes on behind the type: the alignment as a power of two.
  struct Mismatch {
    PlaceAndType start;
    uint8_t log_alignment, kind;
  };
  const auto& mismatch = *static_cast<const Mismatch*>(data);
  return at(mismatch.start.place) + "a pointer to " + mismatch.start.type->name +
         " that is misaligned (" + std::to_string(1u << mismatch.log_alignment) +
         " bytes) or null: " + cuda_on_host::MemoryMap::instance().describe(pointer);
}

std::string out_of_bounds(void* data, uintptr_t index) {
  return at(*static_cast<const Place*>(data)) + "index " +
         std::to_string(static_cast<intptr_t>(index)) + " is past the bounds of the array";
}

std::string at_place(void* data, const char* what) {
  return at(*static_cast<const Place*>(data)) + what;
}

}  // namespace

// Two names each: one for builds that go on after an error, one for those that stop.
// NOLINTBEGIN(bugprone-reserved-identifier): the compiler chose the names.
#define CUDA_ON_HOST_HANDLER(name, text, parameters, ...)                     \
  void __ubsan_handle_##name parameters {                                     \
    tell(                                                                     \
        "__ubsan_handle_" #name, [=] { return text; }, __VA_ARGS__);          \
  }                                                                           \
  void __ubsan_handle_##name##_abort parameters {                             \
    tell(                                                                     \
        "__ubsan_handle_" #name "_abort", [=] { return text; }, __VA_ARGS__); \
  }
#define CUDA_ON_HOST_ONE_VALUE(name, text) \
  CUDA_ON_HOST_HANDLER(name, text, (void* data, uintptr_t value), data, value)
#define CUDA_ON_HOST_TWO_VALUES(name, what)                                                       \
  CUDA_ON_HOST_HANDLER(name, at_place(data, what), (void* data, uintptr_t left, uintptr_t right), \
                       data, left, right)

extern "C" {

CUDA_ON_HOST_ONE_VALUE(type_mismatch_v1, misaligned(data, value))
CUDA_ON_HOST_ONE_VALUE(out_of_bounds, out_of_bounds(data, value))
CUDA_ON_HOST_ONE_VALUE(negate_overflow, at_place(data, "a signed negation overflows"))
CUDA_ON_HOST_TWO_VALUES(add_overflow, "a signed sum overflows")
CUDA_ON_HOST_TWO_VALUES(sub_overflow, "a signed difference overflows")
CUDA_ON_HOST_TWO_VALUES(mul_overflow, "a signed product overflows")
CUDA_ON_HOST_TWO_VALUES(divrem_overflow, "a division by zero, or one that overflows")
CUDA_ON_HOST_TWO_VALUES(shift_out_of_bounds, "a shift by more bits than there are, or of a sign")
}
// NOLINTEND(bugprone-reserved-identifier)
