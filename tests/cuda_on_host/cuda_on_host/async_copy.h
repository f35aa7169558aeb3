// cp.async: what is copied arrives when it is waited for, and not before.
#pragma once

namespace cuda_on_host {

/// 16 bytes from global to shared memory, both 16-byte aligned; zeros when not valid, and then
/// nothing is read. Until the wait the destination may be neither read nor written.
void async_copy16(void* shared, const void* global, bool valid);
/// Likewise 4 bytes, 4-byte aligned.
void async_copy4(void* shared, const void* global, bool valid);
/// Ends a group of this thread's copies.
void async_commit();
/// Completes all groups of this thread but the `pending` latest.
void async_wait(int pending);

}  // namespace cuda_on_host
