/* Tells ThreadSanitizer what orders two threads that want one Mutex of Swift's library, for LD_PRELOAD.

   The library is not instrumented, and the half of it for a lock that somebody has already both spins and asks the kernel:
   without this every pair of accesses under a Mutex that two threads wanted at once would be reported as a race. What is
   inlined into our code is seen as it is. */
#define _GNU_SOURCE
#include <dlfcn.h>

extern void __tsan_acquire(void *) __attribute__((weak));
extern void __tsan_release(void *) __attribute__((weak));

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *handle

/* Synchronization._MutexHandle._lockSlow(UInt32) */
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
/* Synchronization._MutexHandle._unlockSlow() */
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void lock_slow(unsigned thread, SELF) __asm__(LOCK);
SWIFT void unlock_slow(SELF) __asm__(UNLOCK);

SWIFT void lock_slow(unsigned thread, SELF) {
    typedef SWIFT void function(unsigned, SELF);
    static function *real;
    if (!real) real = (function *)dlsym(RTLD_NEXT, LOCK);
    real(thread, handle);
    if (__tsan_acquire) __tsan_acquire(handle);
}

SWIFT void unlock_slow(SELF) {
    typedef SWIFT void function(SELF);
    static function *real;
    if (!real) real = (function *)dlsym(RTLD_NEXT, UNLOCK);
    if (__tsan_release) __tsan_release(handle);
    real(handle);
}
