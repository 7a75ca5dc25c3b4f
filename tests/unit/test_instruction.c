/* SPDX-License-Identifier: MIT
 *
 * hv/instruction.c against the Zydis disassembler: random bytes, and mutations
 * of opcodes that it must know, in all three modes. Whatever Zydis takes for an
 * instruction that the decoder promises must be decoded the same way, and
 * whatever the decoder accepts must be such an instruction.
 *
 * DECODE_ROUNDS in the environment asks for more or fewer rounds than ROUNDS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <Zydis/Zydis.h>

#include "hv/instruction.h"
#include "hv/vcpu.h"

#define ROUNDS 600000

static uint64_t random_state = 0x9E3779B97F4A7C15;

static uint64_t random_below(uint64_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 32) % bound; /* the low bits of two in turn depend on each other */
}

static unsigned rounds(void)
{
    const char *wanted = getenv("DECODE_ROUNDS");
    return wanted ? (unsigned)strtoul(wanted, NULL, 0) : ROUNDS;
}

/* ---- What Zydis says ---- */

#define M(name, operation) { ZYDIS_MNEMONIC_##name, OPERATION_##operation }
#define SAME(name) M(name, name)

static const struct { ZydisMnemonic mnemonic; enum operation operation; } promised[] = {
    SAME(ADD), SAME(OR), SAME(ADC), SAME(SBB), SAME(AND), SAME(SUB), SAME(XOR), SAME(CMP),
    SAME(ROL), SAME(ROR), SAME(RCL), SAME(RCR), SAME(SHL), SAME(SHR), SAME(SAR),
    SAME(SHLD), SAME(SHRD), SAME(TEST), SAME(NOT), SAME(NEG), SAME(INC), SAME(DEC),
    SAME(BT), SAME(BTS), SAME(BTR), SAME(BTC), SAME(BSF), SAME(BSR),
    SAME(MUL), SAME(IMUL), SAME(DIV), SAME(IDIV),
    SAME(XCHG), SAME(XADD), SAME(CMPXCHG),
    M(CMPXCHG8B, CMPXCHG_PAIR), M(CMPXCHG16B, CMPXCHG_PAIR),
    SAME(MOV), M(MOVZX, MOV), SAME(MOVSX), M(MOVSXD, MOVSX), SAME(MOVBE), M(MOVNTI, MOV),
    M(CMOVB, CMOV), M(CMOVBE, CMOV), M(CMOVL, CMOV), M(CMOVLE, CMOV), M(CMOVNB, CMOV),
    M(CMOVNBE, CMOV), M(CMOVNL, CMOV), M(CMOVNLE, CMOV), M(CMOVNO, CMOV), M(CMOVNP, CMOV),
    M(CMOVNS, CMOV), M(CMOVNZ, CMOV), M(CMOVO, CMOV), M(CMOVP, CMOV), M(CMOVS, CMOV),
    M(CMOVZ, CMOV),
    M(SETB, SET), M(SETBE, SET), M(SETL, SET), M(SETLE, SET), M(SETNB, SET), M(SETNBE, SET),
    M(SETNL, SET), M(SETNLE, SET), M(SETNO, SET), M(SETNP, SET), M(SETNS, SET), M(SETNZ, SET),
    M(SETO, SET), M(SETP, SET), M(SETS, SET), M(SETZ, SET),
    M(MOVSB, MOVS), M(MOVSW, MOVS), M(MOVSD, MOVS), M(MOVSQ, MOVS),
    M(CMPSB, CMPS), M(CMPSW, CMPS), M(CMPSD, CMPS), M(CMPSQ, CMPS),
    M(STOSB, STOS), M(STOSW, STOS), M(STOSD, STOS), M(STOSQ, STOS),
    M(LODSB, LODS), M(LODSW, LODS), M(LODSD, LODS), M(LODSQ, LODS),
    M(SCASB, SCAS), M(SCASW, SCAS), M(SCASD, SCAS), M(SCASQ, SCAS),
    SAME(PUSH), SAME(POP), SAME(CALL), SAME(JMP), SAME(RET),
    M(MOVUPS, SSE_LOAD), M(MOVUPD, SSE_LOAD), M(MOVSS, SSE_LOAD), M(MOVAPS, SSE_LOAD),
    M(MOVAPD, SSE_LOAD), M(MOVLPS, SSE_LOAD), M(MOVLPD, SSE_LOAD), M(MOVHPS, SSE_LOAD),
    M(MOVHPD, SSE_LOAD), M(MOVNTPS, SSE_LOAD), M(MOVNTPD, SSE_LOAD), M(MOVD, SSE_LOAD),
    M(MOVQ, SSE_LOAD), M(MOVDQA, SSE_LOAD), M(MOVDQU, SSE_LOAD), M(MOVNTDQ, SSE_LOAD),
    M(LDDQU, SSE_LOAD), M(MOVNTDQA, SSE_LOAD),
};

struct reference {
    ZydisDecodedInstruction instruction;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    const ZydisDecodedOperand *memory, *reg, *immediate;
    enum operation operation; /* OPERATION_NONE: not promised */
};

/* Of the memory operands the first: a string's destination, if it has one. */
static void sort_operands(struct reference *reference)
{
    for (unsigned i = 0; i < reference->instruction.operand_count; i++) {
        const ZydisDecodedOperand *operand = &reference->operands[i];
        bool is_explicit = operand->visibility != ZYDIS_OPERAND_VISIBILITY_HIDDEN;
        if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
            (!reference->memory ||
             (is_explicit && reference->memory->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN)))
            reference->memory = operand;
        else if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER && is_explicit && !reference->reg)
            reference->reg = operand;
        else if (operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
            reference->immediate = operand;
    }
}

static bool is_xmm(const ZydisDecodedOperand *operand)
{
    return operand && ZydisRegisterGetClass(operand->reg.value) == ZYDIS_REGCLASS_XMM;
}

static bool is_explicit_memory(const struct reference *reference)
{
    return reference->memory &&
           reference->memory->visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT;
}

static bool has_prefix(const ZydisDecodedInstruction *instruction, uint8_t byte)
{
    for (unsigned i = 0; i < instruction->raw.prefix_count; i++)
        if (instruction->raw.prefixes[i].value == byte)
            return true;
    return false;
}

/* The forms of the promised mnemonics that are not promised. */
static bool is_left_out(const struct reference *reference)
{
    const ZydisDecodedInstruction *instruction = &reference->instruction;
    bool is_far = instruction->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR;

    enum operation operation = reference->operation;

    if (instruction_is_string(&(struct instruction){ .operation = operation }))
        return instruction->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT; /* MOVSD is two */
    if (operation == OPERATION_CALL || operation == OPERATION_RET)
        return is_far || reference->reg;
    if (operation == OPERATION_PUSH || operation == OPERATION_POP)
        return reference->reg && /* by the short form, and not a segment register */
               (instruction->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT ||
                instruction->opcode < 0x50 || instruction->opcode > 0x5F);
    if (!is_explicit_memory(reference))
        return true;
    if (operation == OPERATION_BSF || operation == OPERATION_BSR) /* F3: TZCNT, LZCNT */
        return has_prefix(instruction, 0xF2) || has_prefix(instruction, 0xF3);
    if (instruction->mnemonic == ZYDIS_MNEMONIC_MOVSXD)
        return reference->reg->size == 16;
    if (operation == OPERATION_MOV) /* to segment, control and debug registers */
        return instruction->opcode == 0x8E ||
               (instruction->opcode_map == ZYDIS_OPCODE_MAP_0F && instruction->opcode < 0xB0);
    if (operation == OPERATION_SSE_LOAD || operation == OPERATION_SSE_STORE)
        return !is_xmm(reference->reg);
    return operation == OPERATION_JMP && is_far;
}

static enum operation operation_of(const struct reference *reference)
{
    const ZydisDecodedInstruction *instruction = &reference->instruction;
    for (unsigned i = 0; i < sizeof promised / sizeof promised[0]; i++)
        if (promised[i].mnemonic == instruction->mnemonic)
            return promised[i].operation;
    return OPERATION_NONE;
}

static void refine_operation(struct reference *reference)
{
    bool two_byte = reference->instruction.opcode_map != ZYDIS_OPCODE_MAP_DEFAULT;
    if ((reference->operation == OPERATION_MOVS || reference->operation == OPERATION_CMPS) &&
        two_byte)
        reference->operation = is_xmm(reference->reg) &&
                                       reference->instruction.mnemonic == ZYDIS_MNEMONIC_MOVSD
                                   ? OPERATION_SSE_LOAD
                                   : OPERATION_NONE;
    if (reference->operation == OPERATION_IMUL && reference->reg)
        reference->operation = OPERATION_IMUL_REGISTER;
    if (reference->operation == OPERATION_MOV && reference->instruction.opcode == 0x8C)
        reference->operation = OPERATION_MOV_SELECTOR;
    if (reference->operation == OPERATION_SSE_LOAD && is_explicit_memory(reference) &&
        reference->operands[0].type == ZYDIS_OPERAND_TYPE_MEMORY && is_xmm(reference->reg))
        reference->operation = OPERATION_SSE_STORE;
}

static void disassemble(const uint8_t *bytes, size_t count, enum decode_mode mode,
                        struct reference *reference)
{
    static const ZydisMachineMode modes[] = { ZYDIS_MACHINE_MODE_LEGACY_16,
                                              ZYDIS_MACHINE_MODE_LEGACY_32,
                                              ZYDIS_MACHINE_MODE_LONG_64 };
    static const ZydisStackWidth widths[] = { ZYDIS_STACK_WIDTH_16, ZYDIS_STACK_WIDTH_32,
                                              ZYDIS_STACK_WIDTH_64 };
    ZydisDecoder decoder;

    memset(reference, 0, sizeof *reference);
    ZydisDecoderInit(&decoder, modes[mode], widths[mode]);
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, count, &reference->instruction,
                                             reference->operands)))
        return;
    if (reference->instruction.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
        return;
    sort_operands(reference);
    reference->operation = operation_of(reference);
    refine_operation(reference);
    if (reference->operation != OPERATION_NONE && is_left_out(reference))
        reference->operation = OPERATION_NONE;
}

/* ---- Comparison ---- */

static unsigned known_count;

/* What lies behind the bytes must not matter. */
static enum instruction_status decode_bytes(const uint8_t *bytes, size_t count,
                                            enum decode_mode mode, struct instruction *instruction)
{
    struct code code = { .count = count };
    for (unsigned i = 0; i < sizeof code.bytes; i++)
        code.bytes[i] = (uint8_t)random_below(256);
    memcpy(code.bytes, bytes, count < sizeof code.bytes ? count : sizeof code.bytes);
    return instruction_decode(&code, mode, instruction);
}

static uint8_t number_of(ZydisRegister reg)
{
    if (reg == ZYDIS_REGISTER_NONE)
        return REGISTER_NONE;
    if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP)
        return REGISTER_RIP;
    if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH)
        return (uint8_t)(reg - ZYDIS_REGISTER_AH);
    ZydisRegisterClass kind = ZydisRegisterGetClass(reg);
    if (kind == ZYDIS_REGCLASS_XMM || kind == ZYDIS_REGCLASS_SEGMENT)
        return (uint8_t)ZydisRegisterGetId(reg);
    return (uint8_t)ZydisRegisterGetId(
        ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg));
}

static bool is_implicit_stack(enum operation operation)
{
    return operation >= OPERATION_PUSH && operation <= OPERATION_RET;
}

static void compare_memory(const struct instruction *actual, const struct reference *expected)
{
    const ZydisDecodedOperand *memory = expected->memory;
    assert_int_equal(actual->memory_size, memory->size / 8);
    assert_int_equal(actual->memory.base, number_of(memory->mem.base));
    assert_int_equal(actual->memory.index, number_of(memory->mem.index));
    if (actual->memory.index != REGISTER_NONE)
        assert_int_equal(1 << actual->memory.shift, memory->mem.scale);
    if (memory->mem.disp.has_displacement)
        assert_int_equal(actual->memory.displacement, memory->mem.disp.value);
    else
        assert_int_equal(actual->memory.displacement, 0);
    /* NOTRACK is the override by DS, which counts as such, too, where CET is not used. */
    if (!(expected->instruction.attributes & ZYDIS_ATTRIB_HAS_NOTRACK))
        assert_int_equal(actual->memory.segment, memory->mem.segment - ZYDIS_REGISTER_ES);
}

/* For a string, only the sizes and the segment of the source. */
static void compare_string(const struct instruction *actual, const struct reference *expected)
{
    assert_int_equal(actual->memory_size, expected->memory->size / 8);
    for (unsigned i = 0; i < expected->instruction.operand_count; i++) {
        const ZydisDecodedOperand *operand = &expected->operands[i];
        if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY && number_of(operand->mem.base) == GPR_RSI)
            assert_int_equal(actual->memory.segment, operand->mem.segment - ZYDIS_REGISTER_ES);
    }
}

static void compare_register(const struct instruction *actual, const struct reference *expected)
{
    ZydisRegister reg = expected->reg->reg.value;
    bool is_general = !is_xmm(expected->reg) && actual->operation != OPERATION_MOV_SELECTOR;

    assert_int_equal(actual->reg, number_of(reg));
    assert_int_equal(actual->high_byte,
                     reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH);
    if (is_general)
        assert_int_equal(actual->register_size, expected->reg->size / 8);
}

static uint64_t size_mask(unsigned bytes)
{
    return bytes >= 8 ? UINT64_MAX : (1ull << 8 * bytes) - 1;
}

static void compare_immediate(const struct instruction *actual, const struct reference *expected)
{
    bool is_count = expected->immediate->size == 8 && !expected->immediate->imm.is_signed;
    uint64_t mask = size_mask(is_count ? 1 : actual->register_size);
    assert_int_equal(actual->immediate & mask, expected->immediate->imm.value.u & mask);
}

static void compare_rest(const struct instruction *actual, const struct reference *expected)
{
    const ZydisDecodedInstruction *instruction = &expected->instruction;
    bool takes_cl = false;

    for (unsigned i = 0; i < instruction->operand_count; i++)
        takes_cl |= i > 0 && expected->operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
                    expected->operands[i].reg.value == ZYDIS_REGISTER_CL &&
                    actual->operation >= OPERATION_ROL && actual->operation <= OPERATION_SHRD;
    assert_int_equal(actual->address_size, instruction->address_width / 8);
    assert_int_equal(actual->lock, !!(instruction->attributes & ZYDIS_ATTRIB_HAS_LOCK));
    if (takes_cl)
        assert_int_equal(actual->source, SOURCE_CL);
    if (actual->operation == OPERATION_CMOV || actual->operation == OPERATION_SET)
        assert_int_equal(actual->condition, instruction->opcode & 0xF);
    if (is_explicit_memory(expected) && expected->reg && actual->operation != OPERATION_SSE_LOAD)
        assert_int_equal(actual->to_register,
                         actual->operation != OPERATION_SSE_STORE &&
                             expected->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER);
    if (instruction_is_string(actual)) {
        enum repeat repeat = instruction->attributes & ZYDIS_ATTRIB_HAS_REPNE ? REPEAT_NE
                             : instruction->attributes &
                                     (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE)
                                 ? REPEAT_E
                                 : REPEAT_NONE;
        assert_int_equal(actual->repeat, repeat);
    }
}

static void show(const uint8_t *bytes, size_t count, enum decode_mode mode)
{
    print_message("mode %d, %zu bytes:", mode, count);
    for (size_t i = 0; i < count; i++)
        print_message(" %02x", bytes[i]);
    print_message("\n");
}

static const uint8_t *shown_bytes; /* of the comparison that fails */
static size_t shown_count;
static enum decode_mode shown_mode;

static void compare_all(const struct instruction *actual, const struct reference *expected)
{
    assert_int_equal(actual->length, expected->instruction.length);
    assert_int_equal(actual->operation, expected->operation);
    compare_rest(actual, expected);
    if (instruction_is_string(actual)) {
        compare_string(actual, expected);
        return;
    }
    if (is_explicit_memory(expected)) {
        compare_memory(actual, expected);
    } else {
        assert_true(is_implicit_stack(actual->operation));
    }
    if (expected->reg && (actual->source != SOURCE_CL || actual->operation >= OPERATION_SHLD))
        compare_register(actual, expected);
    if (expected->immediate)
        compare_immediate(actual, expected);
}

static void compare(const uint8_t *bytes, size_t count, enum decode_mode mode)
{
    struct reference expected;
    struct instruction actual;

    shown_bytes = bytes;
    shown_count = count;
    shown_mode = mode;
    disassemble(bytes, count, mode, &expected);
    enum instruction_status status = decode_bytes(bytes, count, mode, &actual);
    if ((status == INSTRUCTION_OK) != (expected.operation != OPERATION_NONE))
        show(bytes, count, mode);
    if (expected.operation == OPERATION_NONE) {
        assert_int_not_equal(status, INSTRUCTION_OK);
        return;
    }
    known_count++;
    assert_int_equal(status, INSTRUCTION_OK);
    compare_all(&actual, &expected);
}

static int say_what_failed(void **state)
{
    (void)state;
    if (shown_bytes)
        show(shown_bytes, shown_count, shown_mode);
    return 0;
}

/* ---- Tests ---- */

static uint8_t stream[DECODE_BYTES_MAX];

static void random_bytes_mean_the_same_to_zydis(void **state)
{
    (void)state;
    for (unsigned round = rounds(); round > 0; round--) {
        for (unsigned i = 0; i < sizeof stream; i++)
            stream[i] = (uint8_t)random_below(256);
        compare(stream, 1 + random_below(sizeof stream), (enum decode_mode)random_below(3));
    }
    shown_bytes = NULL;
}

/* Any prefixes before any opcode of ours, any bytes behind it. */
static void opcodes_with_any_prefixes_mean_the_same_to_zydis(void **state)
{
    static const uint8_t prefixes[] = { 0x66, 0x67, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65,
                                        0xF0, 0xF2, 0xF3, 0x40, 0x41, 0x44, 0x48, 0x4F };
    static const uint8_t after_0f[] = {
        0x10, 0x11, 0x12, 0x13, 0x16, 0x17, 0x28, 0x29, 0x2B, 0x6E, 0x6F, 0x7E, 0x7F, 0xA3,
        0xA4, 0xA5, 0xAB, 0xAC, 0xAD, 0xAF, 0xB0, 0xB1, 0xB3, 0xB6, 0xB7, 0xBA, 0xBB, 0xBC,
        0xBD, 0xBE, 0xBF, 0xC0, 0xC1, 0xC3, 0xC7, 0xD6, 0xE7, 0xF0, 0x40, 0x45, 0x4F, 0x90, 0x9E };
    static const uint8_t after_0f38[] = { 0x2A, 0xF0, 0xF1 };
    (void)state;
    known_count = 0;
    for (unsigned round = rounds(); round > 0; round--) {
        unsigned at = 0;
        for (unsigned count = (unsigned)random_below(4); count > 0; count--)
            stream[at++] = prefixes[random_below(sizeof prefixes)];
        unsigned map = (unsigned)random_below(8);
        if (map < 4) {
            stream[at++] = 0x0F;
            stream[at++] = after_0f[random_below(sizeof after_0f)];
        } else if (map < 5) {
            stream[at++] = 0x0F;
            stream[at++] = 0x38;
            stream[at++] = after_0f38[random_below(sizeof after_0f38)];
        } else {
            stream[at++] = (uint8_t)random_below(256);
        }
        while (at < sizeof stream)
            stream[at++] = (uint8_t)random_below(256);
        compare(stream, 1 + random_below(sizeof stream), (enum decode_mode)random_below(3));
    }
    assert_in_range(known_count, rounds() / 5, rounds());
    shown_bytes = NULL;
}

#define STATUS(mode, ...) \
    decode_bytes((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }), \
                 mode, &(struct instruction){ .length = 0 })

static void lock_is_for_what_reads_and_writes_memory(void **state)
{
    (void)state;
    assert_int_equal(STATUS(DECODE_64, 0xF0, 0x01, 0x03), INSTRUCTION_OK);      /* add [rbx] */
    assert_int_equal(STATUS(DECODE_64, 0xF0, 0x03, 0x03), INSTRUCTION_BAD_LOCK); /* add eax, */
    assert_int_equal(STATUS(DECODE_64, 0xF0, 0x89, 0x03), INSTRUCTION_BAD_LOCK); /* mov */
    assert_int_equal(STATUS(DECODE_64, 0xF0, 0x39, 0x03), INSTRUCTION_BAD_LOCK); /* cmp */
    assert_int_equal(STATUS(DECODE_64, 0xF0, 0xA4), INSTRUCTION_BAD_LOCK);       /* movsb */
    assert_int_equal(STATUS(DECODE_64, 0xF0, 0xF7, 0x13), INSTRUCTION_OK);      /* not [rbx] */
    assert_int_equal(STATUS(DECODE_64, 0xF0, 0x0F, 0xBA, 0x23, 1), INSTRUCTION_BAD_LOCK); /* bt */
}

static void an_instruction_cut_short_is_truncated_until_its_last_byte(void **state)
{
    /* add qword gs:[rip + 0x11223344], 0x55667788 */
    static const uint8_t bytes[] = { 0x65, 0x48, 0x81, 0x05, 0x44, 0x33, 0x22, 0x11,
                                     0x88, 0x77, 0x66, 0x55 };
    struct instruction instruction;
    (void)state;
    for (size_t count = 0; count < sizeof bytes; count++)
        assert_int_equal(decode_bytes(bytes, count, DECODE_64, &instruction),
                         INSTRUCTION_TRUNCATED);
    assert_int_equal(decode_bytes(bytes, sizeof bytes, DECODE_64, &instruction), INSTRUCTION_OK);
    assert_int_equal(instruction.memory.segment, SEGMENT_GS);
    assert_int_equal(instruction.memory.base, REGISTER_RIP);
}

static void more_than_15_bytes_are_no_instruction(void **state)
{
    uint8_t bytes[24];
    struct instruction instruction;
    (void)state;
    memset(bytes, 0x66, sizeof bytes);
    assert_int_equal(decode_bytes(bytes, 14, DECODE_64, &instruction), INSTRUCTION_TRUNCATED);
    assert_int_equal(decode_bytes(bytes, sizeof bytes, DECODE_64, &instruction),
                     INSTRUCTION_TOO_LONG);
    bytes[13] = 0x89; /* with ModRM 15 bytes */
    bytes[14] = 0x03;
    assert_int_equal(decode_bytes(bytes, 15, DECODE_64, &instruction), INSTRUCTION_OK);
    bytes[14] = 0x43; /* with a displacement 16 */
    assert_int_equal(decode_bytes(bytes, 16, DECODE_64, &instruction), INSTRUCTION_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(random_bytes_mean_the_same_to_zydis, say_what_failed),
        cmocka_unit_test_teardown(opcodes_with_any_prefixes_mean_the_same_to_zydis,
                                  say_what_failed),
        cmocka_unit_test(lock_is_for_what_reads_and_writes_memory),
        cmocka_unit_test(an_instruction_cut_short_is_truncated_until_its_last_byte),
        cmocka_unit_test(more_than_15_bytes_are_no_instruction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
