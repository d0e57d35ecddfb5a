/* Tells ThreadSanitizer what orders two threads that want one Mutex of Swift's library, for LD_PRELOAD.

   The library is not instrumented, and its contended half hands the lock over inside the kernel: without this every pair of
   accesses under a Mutex that two threads wanted at once would be reported as a race. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <dlfcn.h>

extern void __tsan_acquire(void *) __attribute__((weak));
extern void __tsan_release(void *) __attribute__((weak));

typedef long call(long, long, long, long, long, long, long);

long syscall(long number, ...) {
    static call *real;
    if (!real) real = (call *)dlsym(RTLD_NEXT, "syscall");
    va_list list;
    va_start(list, number);
    long a[6];
    for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
    va_end(list);
    int order = number == SYS_futex ? (int)a[1] & FUTEX_CMD_MASK : -1;
    if (order == FUTEX_UNLOCK_PI && __tsan_release) __tsan_release((void *)a[0]);
    long result = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (result == 0 && (order == FUTEX_LOCK_PI || order == FUTEX_TRYLOCK_PI) && __tsan_acquire) __tsan_acquire((void *)a[0]);
    return result;
}
