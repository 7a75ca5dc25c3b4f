/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target: any bytes as an instruction. Input: one byte of mode, then
 * the instruction. What is decoded keeps to the limits that hv/mmio.c relies
 * on, and depends on no byte behind the instruction.
 */
#include <stdint.h>
#include <string.h>

#include "hv/check.h"
#include "hv/decode.h"
#include "hv/vcpu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_size(unsigned bytes)
{
    return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
}

static void check_decoded(const struct decoded *decoded, size_t count)
{
    CHECK(decoded->length > 0 && decoded->length <= count);
    CHECK(decoded->length <= DECODE_BYTES_MAX);
    CHECK(is_size(decoded->memory_size));
    CHECK(decoded->reg < GPR_COUNT);
    CHECK(!decoded->high_byte || decoded->reg < 4);
    if (decoded->kind == DECODE_STORE_IMMEDIATE)
        return;
    CHECK(is_size(decoded->register_size));
    CHECK(decoded->register_size >= decoded->memory_size);
    CHECK(decoded->kind == DECODE_LOAD || decoded->register_size == decoded->memory_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct decoded decoded, again;
    if (size < 1)
        return 0;
    enum decode_mode mode = data[0] % 3;
    const uint8_t *bytes = data + 1;
    size_t count = size - 1;
    if (decode(bytes, count, mode, &decoded) != DECODE_OK)
        return 0;
    check_decoded(&decoded, count);

    CHECK(decode(bytes, decoded.length, mode, &again) == DECODE_OK);
    CHECK(again.length == decoded.length && again.reg == decoded.reg &&
          again.immediate == decoded.immediate && again.kind == decoded.kind);
    for (size_t shorter = 0; shorter < decoded.length; shorter++)
        CHECK(decode(bytes, shorter, mode, &again) == DECODE_TRUNCATED);
    return 0;
}
