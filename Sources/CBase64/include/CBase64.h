#pragma once
/// base64url with instructions that look up 32 letters at once; Swift has no name for them.

#include <stddef.h>
#include <stdint.h>

/// Whether this processor has them. Nothing else here may be called if not.
int cbase64_is_available(void);
/// Decodes letters of base64url from the first one on, 32 at a time, and stops before what is not a letter and before the end.
///
/// Each 32 letters become 24 bytes; up to eight bytes behind them are overwritten, none of them beyond `room`.
/// Returns how many letters were decoded, a multiple of 32.
size_t cbase64_decode_url(const uint8_t *letters, size_t count, uint8_t *bytes, size_t room);
/// Encodes bytes as base64url from the first one on, 24 at a time, and stops before the end.
///
/// Each 24 bytes become 32 letters; `letters` has room for all of them. Returns how many bytes were encoded, a multiple of
/// 24.
size_t cbase64_encode_url(const uint8_t *bytes, size_t count, uint8_t *letters);
