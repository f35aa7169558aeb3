// A stand-in for NVIDIA's management library with one GPU, whose energy counter grows by two joules
// a look. FAKE_NVML_REFUSES=1: as on a machine where the driver does not run.
#include <cstdlib>
#include <cstring>

namespace {
int copy(const char* from, char* to, unsigned length) {
  std::strncpy(to, from, length);
  return 0;
}
int device_of_the_test = 0;
unsigned long long millijoules = 5000;
}  // namespace

extern "C" {
int nvmlInit_v2() {
  return std::getenv("FAKE_NVML_REFUSES") ? 9 : 0;
}
int nvmlShutdown() {
  return 0;
}
const char* nvmlErrorString(int) {
  return "Driver Not Loaded";
}
int nvmlSystemGetDriverVersion(char* text, unsigned length) {
  return copy("580.1", text, length);
}
int nvmlSystemGetCudaDriverVersion_v2(int* version) {
  *version = 13020;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = &device_of_the_test;
  return index == 0 ? 0 : 2;
}
int nvmlDeviceGetHandleByUUID(const char* uuid, void** device) {
  *device = &device_of_the_test;
  return std::strcmp(uuid, "GPU-1234") == 0 ? 0 : 6;
}
int nvmlDeviceGetName(void*, char* text, unsigned length) {
  return copy("A GPU of the tests", text, length);
}
int nvmlDeviceGetTotalEnergyConsumption(void*, unsigned long long* energy) {
  *energy = millijoules += 2000;
  return 0;
}
int nvmlDeviceGetClockInfo(void*, int type, unsigned* mhz) {
  *mhz = type == 1 ? 1980 : 2619;
  return 0;
}
}
