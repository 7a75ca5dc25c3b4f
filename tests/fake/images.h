/* SPDX-License-Identifier: MIT
 *
 * Kernel images for tests, made field by field from the numbers of their
 * formats' specifications: small, and such that no loader has a complaint.
 */
#pragma once

#include <stdint.h>

#define FAKE_BZIMAGE_SETUP_BYTES 1024u
#define FAKE_BZIMAGE_CODE_BYTES 4096u
#define FAKE_BZIMAGE_BYTES (FAKE_BZIMAGE_SETUP_BYTES + FAKE_BZIMAGE_CODE_BYTES)

/* Protocol 2.15, with a 64-bit entry, relocatable by 4 KiB, with an initrd below
 * 2 GiB and a command line of 2047 characters. */
void fake_bzimage(uint8_t image[static FAKE_BZIMAGE_BYTES], uint64_t load_address,
                  uint32_t init_bytes);

/* The byte at `offset` of a fake image's code. */
static inline uint8_t fake_code(unsigned offset)
{
    return (uint8_t)(offset * 7 + 1);
}
