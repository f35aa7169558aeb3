#include "cuda_on_host/runtime_api.h"

namespace {

struct Described {
  cudaError_t error;
  const char* name;
  const char* text;
};

// The names are those of the CUDA runtime API; the texts are ours.
constexpr Described kErrors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "an argument is not valid"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
     "a grid, block or amount of shared memory that the device does not have"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "the driver is older than the CUDA runtime"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "there is no CUDA device"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "there is no device of that number"},
    {cudaErrorNoKernelImageForDevice, "cudaErrorNoKernelImageForDevice",
     "the program has no kernels for this device"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "a handle is not valid"},
    {cudaErrorNotReady, "cudaErrorNotReady", "what was asked for is not complete yet"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an access to an address not allocated"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "a kernel failed"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "not permitted while a stream is captured"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched",
     "the capture did not begin on this stream"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined",
     "a captured stream was not joined with the one where the capture began"},
    {cudaErrorStreamCaptureImplicit, "cudaErrorStreamCaptureImplicit",
     "the default stream would have to wait for a captured one"},
};

const Described* find(cudaError_t error) {
  for (const Described& described : kErrors) {
    if (described.error == error) return &described;
  }
  return nullptr;
}

}  // namespace

const char* cudaGetErrorName(cudaError_t error) {
  const Described* described = find(error);
  return described ? described->name : "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  const Described* described = find(error);
  return described ? described->text : "unrecognized error code";
}
