/* SPDX-License-Identifier: MIT
 *
 * Decoder for the instructions that compilers and kernels use on device
 * registers: moves between memory and a register or an immediate.
 *
 * A pure function of at most 15 bytes and the mode. The address of the operand
 * is not computed, because the processor reports it with the exit; only the
 * length of its encoding matters here. Anything else is UNSUPPORTED: then
 * hv/instruction.h is asked, which knows more, and takes longer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECODE_BYTES_MAX 15

/* The longest prefixes with the longest rest behind them, so that the decoder
 * need not look before each byte whether it is there. */
#define DECODE_BUFFER_BYTES 32

/* The bytes of an instruction; those behind the first `count` do not matter. */
struct code {
    uint8_t bytes[DECODE_BUFFER_BYTES];
    size_t count;
};

/* Default operand and address size of the code segment. */
enum decode_mode { DECODE_16, DECODE_32, DECODE_64 };

enum decode_status {
    DECODE_OK,
    DECODE_TRUNCATED,  /* the instruction goes on behind the given bytes */
    DECODE_UNSUPPORTED
};

enum decode_kind { DECODE_LOAD, DECODE_STORE_REGISTER, DECODE_STORE_IMMEDIATE };

struct decoded {
    enum decode_kind kind;
    uint8_t length;        /* of the instruction */
    uint8_t memory_size;   /* bytes accessed: 1, 2, 4, 8 */
    uint8_t register_size; /* bytes of the register: not less than memory_size */
    bool sign_extend;      /* a load into a wider register: sign, else zero */
    bool high_byte;        /* the register is AH, CH, DH or BH: bits 15:8 of `reg` */
    uint8_t reg;           /* enum gpr; not for DECODE_STORE_IMMEDIATE */
    uint64_t immediate;    /* for that alone; extended to memory_size */
};

#define DECODE_ACCESS_MAX 8 /* bytes */

enum decode_status decode(const struct code *code, enum decode_mode mode,
                          struct decoded *decoded);

/* False: certainly not OK. */
bool decode_may_be_move(const struct code *code, enum decode_mode mode);

/* The same as decode() of the most frequent moves, in few instructions: 89, 8B and C7 in 64-bit
 * mode with no prefix but REX. False: ask that. */
bool decode_simply(const struct code *code, struct decoded *decoded);

/* Of a move in 64-bit code that was decoded: whether its address is a
 * register alone, enum gpr. Of others that may be so, too; this is for the most
 * frequent, in few instructions. */
static inline bool decode_is_by_register(const struct code *code, unsigned *base)
{
    unsigned rex_b = 0;
    uint32_t word;

    __builtin_memcpy(&word, code->bytes, sizeof word);
    if ((word & 0xF0) == 0x40) {
        rex_b = (word & 1) << 3;
        word >>= 8;
    }
    *base = (word >> 8 & 7) | rex_b;
    /* 88 to 8B, C6 and C7; no other prefix, 0F, 63 or A0 to A3. Mod 0, and no SIB
     * or RIP. */
    return (word & 0xC0B0) == 0x0080 && (word & 0x0600) != 0x0400;
}
