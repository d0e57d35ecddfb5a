#include "CBase64.h"

#if defined(__x86_64__)

#include <immintrin.h>

int cbase64_is_available(void) {
    return __builtin_cpu_supports("avx2") != 0;
}

// The same 16 bytes for both halves of a register.
#define BOTH_HALVES(...) _mm256_broadcastsi128_si256(_mm_setr_epi8(__VA_ARGS__))

__attribute__((target("avx2")))
size_t cbase64_decode_url(const uint8_t *letters, size_t count, uint8_t *bytes, size_t room) {
    // An byte's upper half names a row of 16: 1 is `-`; 2 digits; 4 A to O and a to o; 8 P to Z and `_`; 16 p to z;
    // 32 the rows that have no letter.
    const __m256i rows = BOTH_HALVES(32, 32, 1, 2, 4, 8, 4, 16, 32, 32, 32, 32, 32, 32, 32, 32);
    // Its lower half names the rows in which no letter stands at that place.
    const __m256i gaps = BOTH_HALVES(37, 33, 33, 33, 33, 33, 33, 33, 33, 33, 35, 59, 59, 58, 59, 51);
    // What takes a letter of the row to its value.
    const __m256i shifts = BOTH_HALVES(0, 0, 17, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m256i half = _mm256_set1_epi8(0x0f);
    // Four values make three bytes, the first one on top.
    const __m256i order = BOTH_HALVES(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    const __m256i together = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);
    size_t read = 0, written = 0;
    while (count - read >= 32 && room - written >= 32) {
        const __m256i text = _mm256_loadu_si256((const __m256i *)(letters + read));
        const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(text, 4), half);
        const __m256i lower = _mm256_and_si256(text, half);
        if (!_mm256_testz_si256(_mm256_shuffle_epi8(rows, upper), _mm256_shuffle_epi8(gaps, lower))) break;
        // `_` alone has another distance than its row: 63 - 0x5f is 33 more than 65 less.
        const __m256i last = _mm256_and_si256(_mm256_cmpeq_epi8(text, _mm256_set1_epi8('_')), _mm256_set1_epi8(33));
        const __m256i values = _mm256_add_epi8(_mm256_add_epi8(text, _mm256_shuffle_epi8(shifts, upper)), last);
        const __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
        const __m256i triples = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
        const __m256i packed = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(triples, order), together);
        _mm256_storeu_si256((__m256i *)(bytes + written), packed);
        read += 32;
        written += 24;
    }
    return read;
}

__attribute__((target("avx2")))
size_t cbase64_encode_url(const uint8_t *bytes, size_t count, uint8_t *letters) {
    // Three bytes become four, of which each pair holds the bits of two letters.
    const __m256i spread = BOTH_HALVES(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
    // What takes a value to its letter: 0 to 51 are distinguished below, 52 to 61 are digits, then `-` and `_`.
    const __m256i shifts = BOTH_HALVES(71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -17, 32, 65, 0, 0);
    size_t read = 0, written = 0;
    // The second load of a step begins at its byte 12 and takes 16.
    while (count - read >= 28) {
        const __m128i low = _mm_loadu_si128((const __m128i *)(bytes + read));
        const __m128i high = _mm_loadu_si128((const __m128i *)(bytes + read + 12));
        const __m256i text = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), spread);
        const __m256i first = _mm256_mulhi_epu16(_mm256_and_si256(text, _mm256_set1_epi32(0x0fc0fc00)),
                                                 _mm256_set1_epi32(0x04000040));
        const __m256i second = _mm256_mullo_epi16(_mm256_and_si256(text, _mm256_set1_epi32(0x003f03f0)),
                                                  _mm256_set1_epi32(0x01000010));
        const __m256i values = _mm256_or_si256(first, second);
        // Row 0 is 26 to 51; 13 is 0 to 25.
        const __m256i isUpper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), values);
        const __m256i row = _mm256_or_si256(_mm256_subs_epu8(values, _mm256_set1_epi8(51)),
                                            _mm256_and_si256(isUpper, _mm256_set1_epi8(13)));
        _mm256_storeu_si256((__m256i *)(letters + written), _mm256_add_epi8(values, _mm256_shuffle_epi8(shifts, row)));
        read += 24;
        written += 32;
    }
    return read;
}

#else

int cbase64_is_available(void) {
    return 0;
}

size_t cbase64_decode_url(const uint8_t *letters, size_t count, uint8_t *bytes, size_t room) {
    (void)letters, (void)count, (void)bytes, (void)room;
    return 0;
}

size_t cbase64_encode_url(const uint8_t *bytes, size_t count, uint8_t *letters) {
    (void)bytes, (void)count, (void)letters;
    return 0;
}

#endif
