"""What NVIDIA's management library (NVML) tells of the GPU: name, driver, clocks, energy used.

As bench/common/gpu_energy.h, with the same keys. Needs the standard library alone.
"""

import ctypes
import os
import time

_TEXT_LENGTH = 96
_SM_CLOCK, _MEMORY_CLOCK = 1, 2


class GpuMeter:
    """The first GPU that CUDA_VISIBLE_DEVICES lets a program see, by index or UUID; else number 0."""

    def __init__(self, library="libnvidia-ml.so.1"):
        self.unavailable = ""  # why there are no numbers
        self._device = ctypes.c_void_p()
        try:
            self._nvml = ctypes.CDLL(library)
            self._check(self._nvml.nvmlInit_v2(), "nvmlInit")
            gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0] or "0"
            if gpu.isdigit():
                find, key = self._nvml.nvmlDeviceGetHandleByIndex_v2, ctypes.c_uint(int(gpu))
            else:
                find, key = self._nvml.nvmlDeviceGetHandleByUUID, ctypes.c_char_p(gpu.encode())
            self._check(find(key, ctypes.byref(self._device)), f"GPU {gpu}")
        except (OSError, AttributeError) as error:
            self.unavailable = str(error)

    def _check(self, status, what):
        if status != 0:
            self._nvml.nvmlErrorString.restype = ctypes.c_char_p
            raise OSError(f"{what}: {self._nvml.nvmlErrorString(status).decode()}")

    def _number(self, kind, function, *arguments):
        """What nvml<function>(device, *arguments, &number) says; None where it does not."""
        number = kind()
        try:
            call = getattr(self._nvml, function)
            status = call(self._device, *arguments, ctypes.byref(number))
        except AttributeError:
            return None
        return number.value if status == 0 else None

    def _text(self, function, *arguments):
        text = ctypes.create_string_buffer(_TEXT_LENGTH)
        try:
            status = getattr(self._nvml, function)(*arguments, text, ctypes.c_uint(_TEXT_LENGTH))
        except AttributeError:
            return None
        return text.value.decode() if status == 0 else None

    def energy_joules(self):
        """Joules since the driver was loaded; None where they are not counted."""
        if self.unavailable:
            return None
        count = self._number(ctypes.c_ulonglong, "nvmlDeviceGetTotalEnergyConsumption")
        return None if count is None else count / 1000

    def describe(self):
        if self.unavailable:
            return {"not_available": self.unavailable}

        def clock(function, kind):
            return self._number(ctypes.c_uint, function, ctypes.c_int(kind))

        limit = self._number(ctypes.c_uint, "nvmlDeviceGetPowerManagementLimit")
        return {
            "name": self._text("nvmlDeviceGetName", self._device),
            "driver": self._text("nvmlSystemGetDriverVersion"),
            "power_limit_watts": None if limit is None else limit // 1000,
            "sm_clock_mhz": clock("nvmlDeviceGetClockInfo", _SM_CLOCK),
            "memory_clock_mhz": clock("nvmlDeviceGetClockInfo", _MEMORY_CLOCK),
            "sm_clock_max_mhz": clock("nvmlDeviceGetMaxClockInfo", _SM_CLOCK),
            "memory_clock_max_mhz": clock("nvmlDeviceGetMaxClockInfo", _MEMORY_CLOCK),
        }

    def measure_energy(self, seconds, run_steps):
        """Energy a step of at least `seconds` of steps; run_steps(n) returns when n are done."""
        steps_at_once = 20
        before = self.energy_joules()
        if before is None:
            return {"not_available": self.unavailable or "this GPU does not count its energy"}
        steps, started = 0, time.perf_counter()
        while steps == 0 or time.perf_counter() - started < seconds:
            run_steps(steps_at_once)
            steps += steps_at_once
        took = time.perf_counter() - started
        joules = self.energy_joules() - before
        return {"joules_a_step": joules / steps, "watts": joules / took, "steps": steps}
