#pragma once
/// The instructions that processors have for CRC-32C (Castagnoli); Swift has no name for them.

#include <stddef.h>
#include <stdint.h>

/// Whether this processor has them. Nothing else here may be called if not.
int cchecksum_is_available(void);
/// The remainder after `count` more octets. Neither what goes in nor what comes out is inverted.
uint32_t cchecksum_update(uint32_t remainder, const uint8_t *octets, size_t count);
