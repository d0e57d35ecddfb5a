#include "CChecksum.h"
#include <string.h>

#if defined(__x86_64__)

int cchecksum_is_available(void) {
    return __builtin_cpu_supports("sse4.2") != 0;
}

__attribute__((target("sse4.2")))
uint32_t cchecksum_update(uint32_t remainder, const uint8_t *octets, size_t count) {
    uint64_t wide = remainder;
    for (; count >= 8; octets += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, octets, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    uint32_t narrow = (uint32_t)wide;
    if (count >= 4) {
        uint32_t word;
        memcpy(&word, octets, 4);
        narrow = __builtin_ia32_crc32si(narrow, word);
        octets += 4, count -= 4;
    }
    for (; count > 0; octets++, count--) narrow = __builtin_ia32_crc32qi(narrow, *octets);
    return narrow;
}

#elif defined(__aarch64__) && defined(__linux__)

#include <asm/hwcap.h>
#include <sys/auxv.h>

int cchecksum_is_available(void) {
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}

__attribute__((target("crc")))
uint32_t cchecksum_update(uint32_t remainder, const uint8_t *octets, size_t count) {
    for (; count >= 8; octets += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, octets, 8);
        remainder = __builtin_arm_crc32cd(remainder, word);
    }
    for (; count > 0; octets++, count--) remainder = __builtin_arm_crc32cb(remainder, *octets);
    return remainder;
}

#else

int cchecksum_is_available(void) {
    return 0;
}

uint32_t cchecksum_update(uint32_t remainder, const uint8_t *octets, size_t count) {
    (void)octets, (void)count;
    return remainder;
}

#endif
