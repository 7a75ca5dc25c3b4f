/* SPDX-License-Identifier: MIT
 *
 * hv/decode.c against the Zydis disassembler: random bytes, and mutations of
 * instructions that it must know, in all three modes. Whatever Zydis takes for
 * one of the moves that the decoder promises must be decoded the same way, and
 * whatever the decoder accepts must be such a move.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <Zydis/Zydis.h>

#include "hv/decode.h"
#include "hv/vcpu.h"

#define ROUNDS 400000

static uint64_t random_state = 0x2545F4914F6CDD1D;

static uint64_t random_below(uint64_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 32) % bound; /* the low bits of two in turn depend on each other */
}

struct reference {
    bool known; /* one of the moves of decode.h, with a memory operand */
    struct decoded decoded;
};

static bool is_promised(const ZydisDecodedInstruction *instruction)
{
    bool two_byte = instruction->opcode_map == ZYDIS_OPCODE_MAP_0F;
    if (instruction->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
        return false;
    if (instruction->mnemonic == ZYDIS_MNEMONIC_MOVSXD)
        return instruction->raw.rex.W;
    if (instruction->mnemonic == ZYDIS_MNEMONIC_MOV) /* but not segment registers */
        return !two_byte && instruction->opcode != 0x8C && instruction->opcode != 0x8E;
    return instruction->mnemonic == ZYDIS_MNEMONIC_MOVZX ||
           instruction->mnemonic == ZYDIS_MNEMONIC_MOVSX;
}

static bool is_high_byte(ZydisRegister reg)
{
    return reg == ZYDIS_REGISTER_AH || reg == ZYDIS_REGISTER_CH || reg == ZYDIS_REGISTER_DH ||
           reg == ZYDIS_REGISTER_BH;
}

static uint8_t register_number(ZydisRegister reg)
{
    return is_high_byte(reg) ? (uint8_t)(reg - ZYDIS_REGISTER_AH)
                             : (uint8_t)ZydisRegisterGetId(
                                   ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
                                                                    reg));
}

static void describe_register(struct decoded *decoded, const ZydisDecodedOperand *operand)
{
    decoded->register_size = (uint8_t)(operand->size / 8);
    decoded->high_byte = is_high_byte(operand->reg.value);
    decoded->reg = register_number(operand->reg.value);
}

static uint64_t size_mask(unsigned bytes)
{
    return bytes == 8 ? UINT64_MAX : (1ull << 8 * bytes) - 1;
}

static struct reference disassemble(const uint8_t *bytes, size_t count, enum decode_mode mode)
{
    static const ZydisMachineMode modes[] = { ZYDIS_MACHINE_MODE_REAL_16,
                                              ZYDIS_MACHINE_MODE_LEGACY_32,
                                              ZYDIS_MACHINE_MODE_LONG_64 };
    static const ZydisStackWidth widths[] = { ZYDIS_STACK_WIDTH_16, ZYDIS_STACK_WIDTH_32,
                                              ZYDIS_STACK_WIDTH_64 };
    struct reference result = { .known = false };
    ZydisDecoder decoder;
    ZydisDecodedInstruction instruction;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];

    ZydisDecoderInit(&decoder, modes[mode], widths[mode]);
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, count, &instruction, operands)))
        return result;
    if (!is_promised(&instruction))
        return result;

    struct decoded *decoded = &result.decoded;
    decoded->length = instruction.length;
    if (operands[0].type == ZYDIS_OPERAND_TYPE_MEMORY) {
        decoded->memory_size = (uint8_t)(operands[0].size / 8);
        decoded->kind = DECODE_STORE_IMMEDIATE;
        if (operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER) {
            decoded->kind = DECODE_STORE_REGISTER;
            describe_register(decoded, &operands[1]);
        } else {
            decoded->immediate = operands[1].imm.value.u & size_mask(decoded->memory_size);
        }
        result.known = true;
    } else if (operands[1].type == ZYDIS_OPERAND_TYPE_MEMORY) {
        decoded->kind = DECODE_LOAD;
        decoded->memory_size = (uint8_t)(operands[1].size / 8);
        describe_register(decoded, &operands[0]);
        decoded->sign_extend = instruction.mnemonic == ZYDIS_MNEMONIC_MOVSX ||
                               instruction.mnemonic == ZYDIS_MNEMONIC_MOVSXD;
        result.known = true;
    }
    return result;
}

static unsigned known_count, simple_count;

static void assert_same(const struct decoded *a, const struct decoded *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->length, b->length);
    assert_int_equal(a->memory_size, b->memory_size);
    assert_int_equal(a->register_size, b->register_size);
    assert_int_equal(a->sign_extend, b->sign_extend);
    assert_int_equal(a->high_byte, b->high_byte);
    if (a->kind == DECODE_STORE_IMMEDIATE)
        assert_int_equal(a->immediate, b->immediate);
    else
        assert_int_equal(a->reg, b->reg);
}

/* What lies behind the bytes must not matter; and what is simple means the same. */
static enum decode_status decode_bytes(const uint8_t *bytes, size_t count, enum decode_mode mode,
                                       struct decoded *decoded)
{
    struct code code = { .count = count };
    struct decoded simple;
    for (unsigned i = 0; i < sizeof code.bytes; i++)
        code.bytes[i] = (uint8_t)random_below(256);
    memcpy(code.bytes, bytes, count < sizeof code.bytes ? count : sizeof code.bytes);
    enum decode_status status = decode(&code, mode, decoded);
    assert_true(status != DECODE_OK || decode_may_be_move(&code, mode));
    if (mode == DECODE_64 && decode_simply(&code, &simple)) {
        simple_count++;
        assert_int_equal(status, DECODE_OK);
        assert_same(&simple, decoded);
    }
    return status;
}

static void compare(const uint8_t *bytes, size_t count, enum decode_mode mode)
{
    struct reference expected = disassemble(bytes, count, mode);
    struct decoded actual;
    enum decode_status status = decode_bytes(bytes, count, mode, &actual);
    if (!expected.known) {
        assert_int_not_equal(status, DECODE_OK);
        return;
    }
    known_count++;
    if (status != DECODE_OK || actual.kind != expected.decoded.kind) {
        print_message("mode %d, %zu bytes:", mode, count);
        for (size_t i = 0; i < count; i++)
            print_message(" %02x", bytes[i]);
        print_message("\n");
    }
    assert_int_equal(status, DECODE_OK);
    assert_int_equal(actual.length, expected.decoded.length);
    assert_int_equal(actual.kind, expected.decoded.kind);
    assert_int_equal(actual.memory_size, expected.decoded.memory_size);
    if (actual.kind == DECODE_STORE_IMMEDIATE) {
        assert_int_equal(actual.immediate & size_mask(actual.memory_size),
                         expected.decoded.immediate);
        return;
    }
    assert_int_equal(actual.register_size, expected.decoded.register_size);
    assert_int_equal(actual.high_byte, expected.decoded.high_byte);
    assert_int_equal(actual.reg, expected.decoded.reg);
    if (actual.register_size > actual.memory_size)
        assert_int_equal(actual.sign_extend, expected.decoded.sign_extend);
}

static void random_bytes_mean_the_same_to_zydis(void **state)
{
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t bytes[DECODE_BYTES_MAX];
        for (unsigned i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)random_below(256);
        compare(bytes, 1 + random_below(sizeof bytes), (enum decode_mode)random_below(3));
    }
}

/* Any prefixes before one of our opcodes, any bytes behind it. */
static void moves_with_any_prefixes_mean_the_same_to_zydis(void **state)
{
    static const uint8_t prefixes[] = { 0x66, 0x67, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65,
                                        0xF0, 0xF2, 0xF3, 0x40, 0x41, 0x44, 0x48, 0x4F };
    static const uint16_t opcodes[] = { 0x88, 0x89, 0x8A, 0x8B, 0xA0, 0xA1, 0xA2, 0xA3, 0xC6,
                                        0xC7, 0x63, 0x0FB6, 0x0FB7, 0x0FBE, 0x0FBF };
    (void)state;
    known_count = simple_count = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t bytes[DECODE_BYTES_MAX];
        unsigned at = 0;
        for (unsigned count = (unsigned)random_below(4); count > 0; count--)
            bytes[at++] = prefixes[random_below(sizeof prefixes)];
        uint16_t opcode = opcodes[random_below(sizeof opcodes / sizeof opcodes[0])];
        if (opcode >> 8)
            bytes[at++] = (uint8_t)(opcode >> 8);
        bytes[at++] = (uint8_t)opcode;
        while (at < sizeof bytes)
            bytes[at++] = (uint8_t)random_below(256);
        if (opcode == 0xC6 || opcode == 0xC7)
            bytes[at / 2] &= 0xC7;
        compare(bytes, 1 + random_below(sizeof bytes), (enum decode_mode)random_below(3));
    }
    assert_in_range(known_count, ROUNDS / 10, ROUNDS);
    assert_in_range(simple_count, ROUNDS / 500, ROUNDS);
}

static void other_instructions_are_no_moves_at_first_sight(void **state)
{
    static const uint8_t others[][2] = { { 0x09, 0x00 }, { 0x48, 0x21 }, { 0xF7, 0x00 } };
    static const uint8_t maybe[][2] = { { 0x41, 0x88 }, { 0x66, 0x09 }, { 0x0F, 0xB6 } };
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct code code = { .count = 16 };
        memcpy(code.bytes, others[i], 2);
        assert_false(decode_may_be_move(&code, DECODE_64));
        memcpy(code.bytes, maybe[i], 2);
        assert_true(decode_may_be_move(&code, DECODE_64));
    }
}

/* Those by which kernels access device registers, and what is not among them. */
static void plain_moves_are_simple(void **state)
{
    static const struct { bool simple; uint8_t bytes[8]; } cases[] = {
        { true, { 0x8B, 0x00 } },             /* mov eax, [rax] */
        { true, { 0x89, 0x87, 1, 2, 3, 4 } }, /* mov [rdi + 4030201h], eax */
        { true, { 0x44, 0x8B, 0x6A, 0x10 } }, /* mov r13d, [rdx + 10h] */
        { true, { 0x4D, 0x89, 0x3D } },       /* mov [rip + ...], r15 */
        { true, { 0x8B, 0x04, 0x25 } },       /* mov eax, [...] */
        { true, { 0xC7, 0x87, 0xB0 } },       /* mov dword [rdi + ...], ... */
        { false, { 0xC7, 0x97, 0xB0 } },      /* no instruction */
        { false, { 0x8B, 0xC0 } },            /* mov eax, eax */
        { false, { 0x66, 0x8B, 0x00 } },      /* mov ax, [rax] */
        { false, { 0x8A, 0x00 } },            /* mov al, [rax] */
        { false, { 0x40, 0x40, 0x8B, 0x00 } },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct code code = { .count = 16 };
        struct decoded decoded;
        memcpy(code.bytes, cases[i].bytes, sizeof cases[i].bytes);
        assert_int_equal(decode_simply(&code, &decoded), cases[i].simple);
        code.count = 2; /* so near to the end of a page it is not */
        assert_false(decode_simply(&code, &decoded));
    }
}

static void an_instruction_cut_short_is_truncated_until_its_last_byte(void **state)
{
    /* mov dword [rip + 0x11223344], 0x55667788 */
    static const uint8_t bytes[] = { 0xC7, 0x05, 0x44, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66, 0x55 };
    struct decoded decoded;
    (void)state;
    for (size_t count = 0; count < sizeof bytes; count++)
        assert_int_equal(decode_bytes(bytes, count, DECODE_64, &decoded), DECODE_TRUNCATED);
    assert_int_equal(decode_bytes(bytes, sizeof bytes, DECODE_64, &decoded), DECODE_OK);
    assert_int_equal(decoded.length, sizeof bytes);
    assert_int_equal(decoded.immediate, 0x55667788);
}

static void an_immediate_is_sign_extended_to_64_bits(void **state)
{
    static const uint8_t bytes[] = { 0x48, 0xC7, 0x00, 0xFE, 0xFF, 0xFF, 0xFF };
    struct decoded decoded;
    (void)state;
    assert_int_equal(decode_bytes(bytes, sizeof bytes, DECODE_64, &decoded), DECODE_OK);
    assert_int_equal(decoded.memory_size, 8);
    assert_int_equal(decoded.immediate, (uint64_t)-2);
}

static void more_than_15_bytes_are_no_instruction(void **state)
{
    uint8_t bytes[24];
    struct decoded decoded;
    (void)state;
    memset(bytes, 0x66, sizeof bytes);
    assert_int_equal(decode_bytes(bytes, 14, DECODE_64, &decoded), DECODE_TRUNCATED);
    assert_int_equal(decode_bytes(bytes, sizeof bytes, DECODE_64, &decoded), DECODE_UNSUPPORTED);
}

static void a_locked_move_is_refused(void **state)
{
    static const uint8_t bytes[] = { 0xF0, 0x89, 0x00 };
    struct decoded decoded;
    (void)state;
    assert_int_equal(decode_bytes(bytes, sizeof bytes, DECODE_64, &decoded), DECODE_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_bytes_mean_the_same_to_zydis),
        cmocka_unit_test(moves_with_any_prefixes_mean_the_same_to_zydis),
        cmocka_unit_test(other_instructions_are_no_moves_at_first_sight),
        cmocka_unit_test(plain_moves_are_simple),
        cmocka_unit_test(an_instruction_cut_short_is_truncated_until_its_last_byte),
        cmocka_unit_test(an_immediate_is_sign_extended_to_64_bits),
        cmocka_unit_test(more_than_15_bytes_are_no_instruction),
        cmocka_unit_test(a_locked_move_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
