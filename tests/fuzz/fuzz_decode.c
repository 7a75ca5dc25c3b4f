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
    struct code code;
    if (size < 1 || size - 1 > sizeof code.bytes)
        return 0;
    enum decode_mode mode = data[0] % 3;
    memset(code.bytes, 0, sizeof code.bytes);
    memcpy(code.bytes, data + 1, size - 1);
    code.count = size - 1;
    if (decode(&code, mode, &decoded) != DECODE_OK)
        return 0;
    check_decoded(&decoded, code.count);

    code.count = decoded.length;
    memset(code.bytes + code.count, 0xFF, sizeof code.bytes - code.count);
    CHECK(decode(&code, mode, &again) == DECODE_OK);
    CHECK(again.length == decoded.length && again.kind == decoded.kind);
    if (decoded.kind == DECODE_STORE_IMMEDIATE)
        CHECK(again.immediate == decoded.immediate);
    else
        CHECK(again.reg == decoded.reg);
    for (code.count = 0; code.count < decoded.length; code.count++)
        CHECK(decode(&code, mode, &again) == DECODE_TRUNCATED);
    return 0;
}
