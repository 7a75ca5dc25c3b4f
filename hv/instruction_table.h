/* SPDX-License-Identifier: MIT
 *
 * Inside of hv/instruction.h: the opcodes as data.
 */
#pragma once

#include "hv/instruction.h"

/* How the operands of an opcode are encoded. */
enum encoding {
    ENCODING_UNKNOWN,
    ENCODING_PREFIX,
    ENCODING_REX,    /* in 64-bit mode */
    ENCODING_ESCAPE, /* 0F: the opcode has a second byte */
    ENCODING_ESCAPE_38,
    ENCODING_NO_MEMORY, /* of whatever operands, and not known beyond that */
    ENCODING_SSE,    /* the prefixes belong to the opcode: opcode_sse() */
    ENCODING_FIRST,
    ENCODING_MR = ENCODING_FIRST, /* ModRM: memory, register */
    ENCODING_RM,     /* register, memory */
    ENCODING_MI,     /* memory, immediate of the operand's size, at most 4 bytes */
    ENCODING_MI8,    /* memory, immediate byte */
    ENCODING_M,      /* memory alone */
    ENCODING_M1,     /* memory, 1 */
    ENCODING_MC,     /* memory, CL */
    ENCODING_MRI8,   /* memory, register, immediate byte */
    ENCODING_MRC,    /* memory, register, CL */
    ENCODING_RMI,    /* register, memory, immediate */
    ENCODING_RMI8,
    ENCODING_OFFSET_LOAD, /* accumulator, memory at an immediate address */
    ENCODING_OFFSET_STORE,
    ENCODING_STRING,
    ENCODING_R,      /* the register is in the opcode */
    ENCODING_I,      /* an immediate alone */
    ENCODING_I8,
    ENCODING_RELATIVE, /* an address relative to the next instruction */
    ENCODING_NOTHING,
    ENCODING_I16,    /* two bytes in all modes */
};

enum opcode_flag {
    OPCODE_BYTE = 1 << 0,       /* operands of one byte */
    OPCODE_LOCKABLE = 1 << 1,   /* takes LOCK */
    OPCODE_STACK = 1 << 2,      /* 64 bits in 64-bit mode without REX.W, else 16 */
    OPCODE_NEAR = 1 << 3,       /* always 64 bits in 64-bit mode */
    OPCODE_MEMORY_8 = 1 << 4,   /* the memory operand has a size of its own */
    OPCODE_MEMORY_16 = 1 << 5,
    OPCODE_MEMORY_32 = 1 << 6,  /* if the operand size is not less */
    OPCODE_GROUP = 1 << 7,      /* `operation` is an enum opcode_group */
    OPCODE_MOVSXD = 1 << 8,     /* in 64-bit mode alone; how much it reads with 66, the
                                   vendors' manuals tell differently */
    OPCODE_NOT_64 = 1 << 9,
    OPCODE_PLAIN = 1 << 10,     /* 66, F2 and F3 make another opcode of it */
    OPCODE_NO_REPEAT = 1 << 11, /* F2 and F3 do */
    OPCODE_PAIR = 1 << 12,      /* the memory operand is twice the operand size */
    OPCODE_4_OR_8 = 1 << 13,    /* whatever the mode, by REX.W alone */
};

enum opcode_group {
    GROUP_1, GROUP_1A, GROUP_2, GROUP_3, GROUP_4, GROUP_5, GROUP_8, GROUP_9, GROUP_11,
    GROUP_COUNT
};

struct opcode {
    uint8_t operation; /* enum operation */
    uint8_t encoding;  /* in a group: ENCODING_UNKNOWN is that of the opcode */
    uint16_t flags;
};

struct opcode opcode_one_byte(uint8_t byte);
struct opcode opcode_0f(uint8_t byte);
struct opcode opcode_0f38(uint8_t byte);
struct opcode opcode_in_group(enum opcode_group group, uint8_t reg);

enum sse_prefix { SSE_NONE, SSE_66, SSE_F3, SSE_F2 };

struct opcode_sse {
    uint8_t opcode; /* behind 0F, or behind 0F 38 if SSE_0F38 is set */
    uint8_t prefix; /* enum sse_prefix */
    uint8_t bytes;
    uint8_t flags;  /* below */
};

enum {
    SSE_STORE = 1 << 0,
    SSE_ALIGNED = 1 << 1,
    SSE_KEEPS_REST = 1 << 2, /* a load leaves the other bytes */
    SSE_UPPER = 1 << 3,      /* the upper half of the register */
    SSE_WIDE = 1 << 4,       /* REX.W makes it 8 bytes */
    SSE_0F38 = 1 << 5,
};

/* NULL: no move of an XMM register. */
const struct opcode_sse *opcode_sse(bool is_0f38, uint8_t byte, enum sse_prefix prefix);
