/* SPDX-License-Identifier: MIT
 *
 * Decoder for all instructions with a memory operand that are emulated when that
 * is no RAM. hv/decode.h is the short way for plain moves; what it does not know
 * comes here.
 *
 * A pure function of at most 15 bytes and the mode. All that touches state which
 * is not emulated is UNSUPPORTED: x87, MMX, AVX, segment loads, far transfers. The
 * forms that have registers in place of memory are told apart from that, and so is
 * what kernels write over the code of other processors: NOP, INT3, UD2, jumps.
 */
#pragma once

#include "hv/decode.h"
#include "hv/guest_segment.h"

/* Those of a group are in the order of the opcodes' field. */
enum operation {
    OPERATION_NONE,
    OPERATION_ADD, OPERATION_OR, OPERATION_ADC, OPERATION_SBB,
    OPERATION_AND, OPERATION_SUB, OPERATION_XOR, OPERATION_CMP,
    OPERATION_ROL, OPERATION_ROR, OPERATION_RCL, OPERATION_RCR,
    OPERATION_SHL, OPERATION_SHR, OPERATION_SAR,
    OPERATION_SHLD, OPERATION_SHRD,
    OPERATION_TEST, OPERATION_NOT, OPERATION_NEG, OPERATION_INC, OPERATION_DEC,
    OPERATION_BT, OPERATION_BTS, OPERATION_BTR, OPERATION_BTC,
    OPERATION_BSF, OPERATION_BSR,
    OPERATION_MUL, OPERATION_IMUL, OPERATION_DIV, OPERATION_IDIV, /* of the accumulator */
    OPERATION_IMUL_REGISTER,                                      /* to a register */
    OPERATION_XCHG, OPERATION_XADD, OPERATION_CMPXCHG, OPERATION_CMPXCHG_PAIR,
    OPERATION_MOV, OPERATION_MOVSX, OPERATION_MOVBE, OPERATION_CMOV, OPERATION_SET,
    OPERATION_MOV_SELECTOR, /* to memory */
    OPERATION_MOVS, OPERATION_CMPS, OPERATION_STOS, OPERATION_LODS, OPERATION_SCAS,
    OPERATION_PUSH, OPERATION_POP, OPERATION_CALL, OPERATION_JMP, OPERATION_RET,
    OPERATION_SSE_LOAD, OPERATION_SSE_STORE,
};

/* What stands beside the memory operand. */
enum source {
    SOURCE_NONE,
    SOURCE_REGISTER,
    SOURCE_IMMEDIATE,
    SOURCE_CL,
    SOURCE_MEMORY, /* the only operand, of PUSH, POP, CALL, JMP */
};

enum repeat { REPEAT_NONE, REPEAT_NE, REPEAT_E }; /* F2, F3 */

/* Instead of a number of a general register. */
#define REGISTER_NONE 0xFF
#define REGISTER_RIP 0xFE

struct memory_operand {
    enum segment_register segment;
    uint8_t base, index; /* enum gpr or one of the above */
    uint8_t shift;       /* of the index */
    int64_t displacement;
};

struct instruction {
    enum operation operation;
    enum source source;
    enum repeat repeat;
    bool lock;
    bool to_register;      /* its result goes to `reg`, else to memory */
    bool high_byte;        /* `reg` is AH, CH, DH or BH, given as 0 to 3 */
    bool aligned;          /* #GP if the linear address is no multiple of 16 */
    bool keeps_rest;       /* SSE: a load leaves the other bytes of the register */
    uint8_t xmm_offset;    /* SSE: where in the register it begins */
    uint8_t length;
    uint8_t condition;     /* of CMOV and SET: the low four bits of the opcode */
    uint8_t address_size;  /* bytes: 2, 4, 8 */
    uint8_t memory_size;   /* bytes accessed: 1, 2, 4, 8, 16 */
    uint8_t register_size; /* of `reg` and of results: 1, 2, 4, 8 */
    uint8_t reg;
    struct memory_operand memory;
    uint64_t immediate; /* extended to 64 bits; also what RET releases, and of a
                           second kind: the count of SHLD, the factor of IMUL */
};

enum instruction_status {
    INSTRUCTION_OK,
    INSTRUCTION_TRUNCATED,   /* it goes on behind the given bytes */
    INSTRUCTION_TOO_LONG,    /* more than 15 bytes: #GP */
    INSTRUCTION_BAD_LOCK,    /* #UD */
    INSTRUCTION_NO_MEMORY,   /* whatever it is, it accesses no memory */
    INSTRUCTION_UNSUPPORTED
};

enum instruction_status instruction_decode(const struct code *code, enum decode_mode mode,
                                           struct instruction *instruction);

bool instruction_is_string(const struct instruction *instruction);
