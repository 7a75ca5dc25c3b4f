/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target: any bytes as an instruction, for both decoders. Input: one
 * byte of mode, then the instruction. What is decoded keeps to the limits that
 * hv/mmio.c and hv/emulate.c rely on, and depends on no byte behind the
 * instruction; what both know, both take for the same.
 */
#include <stdint.h>
#include <string.h>

#include "hv/check.h"
#include "hv/decode.h"
#include "hv/instruction.h"
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

static void check_moves(struct code code, enum decode_mode mode)
{
    struct decoded decoded, again;
    bool simple = mode == DECODE_64 && decode_simply(&code, &again);
    if (decode(&code, mode, &decoded) != DECODE_OK) {
        CHECK(!simple);
        return;
    }
    check_decoded(&decoded, code.count);
    CHECK(!simple || (again.length == decoded.length && again.kind == decoded.kind &&
                      again.reg == decoded.reg && again.memory_size == decoded.memory_size));

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
}

static bool is_register(uint8_t number)
{
    return number < GPR_COUNT || number == REGISTER_NONE || number == REGISTER_RIP;
}

static void check_instruction(const struct instruction *instruction, size_t count)
{
    CHECK(instruction->length > 0 && instruction->length <= count);
    CHECK(instruction->length <= DECODE_BYTES_MAX);
    CHECK(instruction->operation != OPERATION_NONE);
    CHECK(is_size(instruction->memory_size) || instruction->memory_size == 16);
    CHECK(is_size(instruction->register_size) || instruction->register_size == 16);
    CHECK(is_size(instruction->address_size) && instruction->address_size > 1);
    CHECK(instruction->reg < GPR_COUNT);
    CHECK(!instruction->high_byte || instruction->reg < 4);
    CHECK(is_register(instruction->memory.base) && is_register(instruction->memory.index));
    CHECK(instruction->memory.index != REGISTER_RIP && instruction->memory.shift < 4);
    CHECK(instruction->memory.segment < SEGMENT_DATA_AND_CODE);
}

static void check_instructions(struct code code, enum decode_mode mode)
{
    struct instruction instruction, again;
    struct decoded decoded;
    if (instruction_decode(&code, mode, &instruction) != INSTRUCTION_OK) {
        CHECK(decode(&code, mode, &decoded) != DECODE_OK);
        return;
    }
    check_instruction(&instruction, code.count);
    if (decode(&code, mode, &decoded) == DECODE_OK) {
        CHECK(decoded.length == instruction.length);
        CHECK(decoded.memory_size == instruction.memory_size);
        CHECK((decoded.kind == DECODE_LOAD) == instruction.to_register);
    }

    code.count = instruction.length;
    memset(code.bytes + code.count, 0xFF, sizeof code.bytes - code.count);
    CHECK(instruction_decode(&code, mode, &again) == INSTRUCTION_OK);
    CHECK(again.length == instruction.length && again.operation == instruction.operation);
    CHECK(again.immediate == instruction.immediate && again.reg == instruction.reg);
    CHECK(again.memory.displacement == instruction.memory.displacement);
    for (code.count = 0; code.count < instruction.length; code.count++)
        CHECK(instruction_decode(&code, mode, &again) == INSTRUCTION_TRUNCATED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct code code;
    if (size < 1 || size - 1 > sizeof code.bytes)
        return 0;
    enum decode_mode mode = data[0] % 3;
    memset(code.bytes, 0, sizeof code.bytes);
    memcpy(code.bytes, data + 1, size - 1);
    code.count = size - 1;
    check_moves(code, mode);
    check_instructions(code, mode);
    return 0;
}
