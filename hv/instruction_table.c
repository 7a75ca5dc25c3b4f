/* SPDX-License-Identifier: MIT
 *
 * See instruction_table.h. SDM Vol. 2D, A.3 "One, Two, and Three-Byte Opcode
 * Maps" and A.4 "Opcode Extensions for One-Byte and Two-Byte Opcodes".
 */
#include "hv/instruction_table.h"

#define DO(name, encoding, flags) { OPERATION_##name, ENCODING_##encoding, flags }
#define IN(group, encoding, flags) { GROUP_##group, ENCODING_##encoding, OPCODE_GROUP | (flags) }
#define PREFIX { 0, ENCODING_PREFIX, 0 }
#define SSE { 0, ENCODING_SSE, 0 }
#define NO_MEMORY { 0, ENCODING_NO_MEMORY, 0 }
#define BYTE OPCODE_BYTE
#define LOCK OPCODE_LOCKABLE
#define STACK OPCODE_STACK
#define NEAR OPCODE_NEAR

/* The four forms with ModRM that an arithmetic operation has. */
#define ARITHMETIC(first, name, flags) \
    [(first)] = DO(name, MR, BYTE | (flags)), [(first) + 1] = DO(name, MR, flags), \
    [(first) + 2] = DO(name, RM, BYTE), [(first) + 3] = DO(name, RM, 0)

static const struct opcode one_byte[256] = {
    ARITHMETIC(0x00, ADD, LOCK), ARITHMETIC(0x08, OR, LOCK),
    ARITHMETIC(0x10, ADC, LOCK), ARITHMETIC(0x18, SBB, LOCK),
    ARITHMETIC(0x20, AND, LOCK), ARITHMETIC(0x28, SUB, LOCK),
    ARITHMETIC(0x30, XOR, LOCK), ARITHMETIC(0x38, CMP, 0),
    [0x0F] = { 0, ENCODING_ESCAPE, 0 },
    [0x26] = PREFIX, [0x2E] = PREFIX, [0x36] = PREFIX, [0x3E] = PREFIX,
    [0x64] = PREFIX, [0x65] = PREFIX, [0x66] = PREFIX, [0x67] = PREFIX,
    [0xF0] = PREFIX, [0xF2] = PREFIX, [0xF3] = PREFIX,
    [0x40 ... 0x4F] = { 0, ENCODING_REX, 0 },
    [0x50 ... 0x57] = DO(PUSH, R, STACK),
    [0x58 ... 0x5F] = DO(POP, R, STACK),
    [0x63] = DO(MOVSX, RM, OPCODE_MEMORY_32 | OPCODE_MOVSXD),
    [0x68] = DO(PUSH, I, STACK), [0x6A] = DO(PUSH, I8, STACK),
    [0x69] = DO(IMUL_REGISTER, RMI, 0), [0x6B] = DO(IMUL_REGISTER, RMI8, 0),
    [0x70 ... 0x7F] = NO_MEMORY,
    [0x80] = IN(1, MI8, BYTE), [0x81] = IN(1, MI, 0),
    [0x82] = IN(1, MI8, BYTE | OPCODE_NOT_64), [0x83] = IN(1, MI8, 0),
    [0x84] = DO(TEST, MR, BYTE), [0x85] = DO(TEST, MR, 0),
    [0x86] = DO(XCHG, MR, BYTE | LOCK), [0x87] = DO(XCHG, MR, LOCK),
    [0x88] = DO(MOV, MR, BYTE), [0x89] = DO(MOV, MR, 0),
    [0x8A] = DO(MOV, RM, BYTE), [0x8B] = DO(MOV, RM, 0),
    [0x8C] = DO(MOV_SELECTOR, MR, OPCODE_MEMORY_16),
    [0x8F] = IN(1A, M, STACK),
    [0x90] = NO_MEMORY,
    [0xA0] = DO(MOV, OFFSET_LOAD, BYTE), [0xA1] = DO(MOV, OFFSET_LOAD, 0),
    [0xA2] = DO(MOV, OFFSET_STORE, BYTE), [0xA3] = DO(MOV, OFFSET_STORE, 0),
    [0xA4] = DO(MOVS, STRING, BYTE), [0xA5] = DO(MOVS, STRING, 0),
    [0xA6] = DO(CMPS, STRING, BYTE), [0xA7] = DO(CMPS, STRING, 0),
    [0xAA] = DO(STOS, STRING, BYTE), [0xAB] = DO(STOS, STRING, 0),
    [0xAC] = DO(LODS, STRING, BYTE), [0xAD] = DO(LODS, STRING, 0),
    [0xAE] = DO(SCAS, STRING, BYTE), [0xAF] = DO(SCAS, STRING, 0),
    [0xC0] = IN(2, MI8, BYTE), [0xC1] = IN(2, MI8, 0),
    [0xC2] = DO(RET, I16, NEAR), [0xC3] = DO(RET, NOTHING, NEAR),
    [0xC6] = IN(11, MI, BYTE), [0xC7] = IN(11, MI, 0),
    [0xCC] = NO_MEMORY, /* the delivery of its exception does, and says so */
    [0xD0] = IN(2, M1, BYTE), [0xD1] = IN(2, M1, 0),
    [0xD2] = IN(2, MC, BYTE), [0xD3] = IN(2, MC, 0),
    [0xE8] = DO(CALL, RELATIVE, NEAR), [0xE9] = NO_MEMORY, [0xEB] = NO_MEMORY,
    [0xF6] = IN(3, M, BYTE), [0xF7] = IN(3, M, 0),
    [0xFE] = IN(4, M, BYTE), [0xFF] = IN(5, M, 0),
};

static const struct opcode two_byte[256] = {
    [0x0B] = NO_MEMORY, [0x1F] = NO_MEMORY, [0x80 ... 0x8F] = NO_MEMORY,
    [0x10 ... 0x13] = SSE, [0x16 ... 0x17] = SSE, [0x28 ... 0x29] = SSE, [0x2B] = SSE,
    [0x6E ... 0x6F] = SSE, [0x7E ... 0x7F] = SSE,
    [0xD6] = SSE, [0xE7] = SSE, [0xF0] = SSE,
    [0x38] = { 0, ENCODING_ESCAPE_38, 0 },
    [0x40 ... 0x4F] = DO(CMOV, RM, 0),
    [0x90 ... 0x9F] = DO(SET, M, BYTE),
    [0xA3] = DO(BT, MR, 0), [0xAB] = DO(BTS, MR, LOCK),
    [0xB3] = DO(BTR, MR, LOCK), [0xBB] = DO(BTC, MR, LOCK),
    [0xA4] = DO(SHLD, MRI8, 0), [0xA5] = DO(SHLD, MRC, 0),
    [0xAC] = DO(SHRD, MRI8, 0), [0xAD] = DO(SHRD, MRC, 0),
    [0xAF] = DO(IMUL_REGISTER, RM, 0),
    [0xB0] = DO(CMPXCHG, MR, BYTE | LOCK), [0xB1] = DO(CMPXCHG, MR, LOCK),
    [0xB6] = DO(MOV, RM, OPCODE_MEMORY_8), [0xB7] = DO(MOV, RM, OPCODE_MEMORY_16),
    [0xBE] = DO(MOVSX, RM, OPCODE_MEMORY_8), [0xBF] = DO(MOVSX, RM, OPCODE_MEMORY_16),
    [0xBA] = IN(8, MI8, 0),
    [0xBC] = DO(BSF, RM, OPCODE_NO_REPEAT), [0xBD] = DO(BSR, RM, OPCODE_NO_REPEAT),
    [0xC0] = DO(XADD, MR, BYTE | LOCK), [0xC1] = DO(XADD, MR, LOCK),
    [0xC3] = DO(MOV, MR, OPCODE_PLAIN | OPCODE_4_OR_8),
    [0xC7] = IN(9, M, 0),
};

static const struct opcode three_byte[] = {
    DO(MOVBE, RM, OPCODE_NO_REPEAT), DO(MOVBE, MR, OPCODE_NO_REPEAT), /* F0, F1 */
};

static const struct opcode groups[GROUP_COUNT][8] = {
    [GROUP_1] = {
        DO(ADD, UNKNOWN, LOCK), DO(OR, UNKNOWN, LOCK), DO(ADC, UNKNOWN, LOCK),
        DO(SBB, UNKNOWN, LOCK), DO(AND, UNKNOWN, LOCK), DO(SUB, UNKNOWN, LOCK),
        DO(XOR, UNKNOWN, LOCK), DO(CMP, UNKNOWN, 0),
    },
    [GROUP_1A] = { DO(POP, UNKNOWN, 0) },
    [GROUP_2] = {
        DO(ROL, UNKNOWN, 0), DO(ROR, UNKNOWN, 0), DO(RCL, UNKNOWN, 0), DO(RCR, UNKNOWN, 0),
        DO(SHL, UNKNOWN, 0), DO(SHR, UNKNOWN, 0), DO(SHL, UNKNOWN, 0), DO(SAR, UNKNOWN, 0),
    },
    [GROUP_3] = {
        DO(TEST, MI, 0), DO(TEST, MI, 0), DO(NOT, UNKNOWN, LOCK), DO(NEG, UNKNOWN, LOCK),
        DO(MUL, UNKNOWN, 0), DO(IMUL, UNKNOWN, 0), DO(DIV, UNKNOWN, 0), DO(IDIV, UNKNOWN, 0),
    },
    [GROUP_4] = { DO(INC, UNKNOWN, LOCK), DO(DEC, UNKNOWN, LOCK) },
    [GROUP_5] = {
        [0] = DO(INC, UNKNOWN, LOCK), [1] = DO(DEC, UNKNOWN, LOCK),
        [2] = DO(CALL, UNKNOWN, NEAR), [4] = DO(JMP, UNKNOWN, NEAR),
        [6] = DO(PUSH, UNKNOWN, STACK),
    },
    [GROUP_8] = {
        [4] = DO(BT, UNKNOWN, 0), [5] = DO(BTS, UNKNOWN, LOCK),
        [6] = DO(BTR, UNKNOWN, LOCK), [7] = DO(BTC, UNKNOWN, LOCK),
    },
    [GROUP_9] = { [1] = DO(CMPXCHG_PAIR, UNKNOWN, LOCK | OPCODE_PAIR | OPCODE_4_OR_8) },
    [GROUP_11] = { DO(MOV, UNKNOWN, 0) },
};

static const struct opcode_sse sse_moves[] = {
    { 0x10, SSE_NONE, 16, 0 },                         /* MOVUPS */
    { 0x10, SSE_66, 16, 0 },                           /* MOVUPD */
    { 0x10, SSE_F3, 4, 0 },                            /* MOVSS */
    { 0x10, SSE_F2, 8, 0 },                            /* MOVSD */
    { 0x11, SSE_NONE, 16, SSE_STORE },
    { 0x11, SSE_66, 16, SSE_STORE },
    { 0x11, SSE_F3, 4, SSE_STORE },
    { 0x11, SSE_F2, 8, SSE_STORE },
    { 0x12, SSE_NONE, 8, SSE_KEEPS_REST },             /* MOVLPS */
    { 0x12, SSE_66, 8, SSE_KEEPS_REST },               /* MOVLPD */
    { 0x13, SSE_NONE, 8, SSE_STORE },
    { 0x13, SSE_66, 8, SSE_STORE },
    { 0x16, SSE_NONE, 8, SSE_KEEPS_REST | SSE_UPPER }, /* MOVHPS */
    { 0x16, SSE_66, 8, SSE_KEEPS_REST | SSE_UPPER },   /* MOVHPD */
    { 0x17, SSE_NONE, 8, SSE_STORE | SSE_UPPER },
    { 0x17, SSE_66, 8, SSE_STORE | SSE_UPPER },
    { 0x28, SSE_NONE, 16, SSE_ALIGNED },               /* MOVAPS */
    { 0x28, SSE_66, 16, SSE_ALIGNED },                 /* MOVAPD */
    { 0x29, SSE_NONE, 16, SSE_STORE | SSE_ALIGNED },
    { 0x29, SSE_66, 16, SSE_STORE | SSE_ALIGNED },
    { 0x2B, SSE_NONE, 16, SSE_STORE | SSE_ALIGNED },   /* MOVNTPS */
    { 0x2B, SSE_66, 16, SSE_STORE | SSE_ALIGNED },     /* MOVNTPD */
    { 0x6E, SSE_66, 4, SSE_WIDE },                     /* MOVD, MOVQ */
    { 0x6F, SSE_66, 16, SSE_ALIGNED },                 /* MOVDQA */
    { 0x6F, SSE_F3, 16, 0 },                           /* MOVDQU */
    { 0x7E, SSE_66, 4, SSE_STORE | SSE_WIDE },         /* MOVD, MOVQ */
    { 0x7E, SSE_F3, 8, 0 },                            /* MOVQ */
    { 0x7F, SSE_66, 16, SSE_STORE | SSE_ALIGNED },     /* MOVDQA */
    { 0x7F, SSE_F3, 16, SSE_STORE },                   /* MOVDQU */
    { 0xD6, SSE_66, 8, SSE_STORE },                    /* MOVQ */
    { 0xE7, SSE_66, 16, SSE_STORE | SSE_ALIGNED },     /* MOVNTDQ */
    { 0xF0, SSE_F2, 16, 0 },                           /* LDDQU */
    { 0x2A, SSE_66, 16, SSE_ALIGNED | SSE_0F38 },      /* MOVNTDQA */
};

struct opcode opcode_one_byte(uint8_t byte) { return one_byte[byte]; }
struct opcode opcode_0f(uint8_t byte) { return two_byte[byte]; }

struct opcode opcode_0f38(uint8_t byte)
{
    if (byte == 0x2A)
        return (struct opcode)SSE;
    if ((byte & 0xFE) == 0xF0)
        return three_byte[byte & 1];
    return (struct opcode){ .encoding = ENCODING_UNKNOWN };
}

struct opcode opcode_in_group(enum opcode_group group, uint8_t reg)
{
    return groups[group][reg & 7];
}

const struct opcode_sse *opcode_sse(bool is_0f38, uint8_t byte, enum sse_prefix prefix)
{
    for (unsigned i = 0; i < sizeof sse_moves / sizeof sse_moves[0]; i++) {
        const struct opcode_sse *move = &sse_moves[i];
        if (move->opcode == byte && move->prefix == prefix &&
            !!(move->flags & SSE_0F38) == is_0f38)
            return move;
    }
    return NULL;
}
