/* SPDX-License-Identifier: MIT
 *
 * See decode.h. SDM Vol. 2A, 2.1 "Instruction Format for Protected Mode,
 * Real-Address Mode, and Virtual-8086 Mode" and 2.2 "IA-32e Mode"; opcodes from
 * Vol. 2B, "MOV—Move", "MOVZX—Move With Zero-Extend", "MOVSX/MOVSXD—Move With
 * Sign-Extension".
 */
#include "hv/decode.h"

#define REX_W 8u
#define REX_R 4u

/* The bytes not yet read, and what the prefixes said. */
struct cursor {
    const uint8_t *bytes;
    size_t count;
    size_t at;
    bool ended; /* a byte was wanted that is not there */

    enum decode_mode mode;
    bool operand_override;
    bool address_override;
    bool lock;
    uint8_t rex; /* 0: none */
};

static uint8_t next(struct cursor *cursor)
{
    if (cursor->at >= cursor->count) {
        cursor->ended = true;
        return 0;
    }
    return cursor->bytes[cursor->at++];
}

/* Little-endian, zero-extended. */
static uint64_t next_value(struct cursor *cursor, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)next(cursor) << 8 * i;
    return value;
}

static bool take_legacy_prefix(struct cursor *cursor, uint8_t byte)
{
    switch (byte) {
    case 0x26: case 0x2E: case 0x36: case 0x3E: case 0x64: case 0x65: /* segments */
    case 0xF2: case 0xF3: return true; /* without meaning for what is decoded here */
    case 0x66: cursor->operand_override = true; return true;
    case 0x67: cursor->address_override = true; return true;
    case 0xF0: cursor->lock = true; return true;
    }
    return false;
}

/* Reads prefixes and returns the first byte of the opcode. A REX counts only
 * if it is the last prefix. */
static uint8_t opcode_after_prefixes(struct cursor *cursor)
{
    for (unsigned i = 0; i < DECODE_BYTES_MAX; i++) {
        uint8_t byte = next(cursor);
        if (take_legacy_prefix(cursor, byte))
            cursor->rex = 0;
        else if (cursor->mode == DECODE_64 && (byte & 0xF0) == 0x40)
            cursor->rex = byte;
        else
            return byte;
    }
    cursor->ended = true;
    return 0;
}

static uint8_t operand_size(const struct cursor *cursor)
{
    if (cursor->rex & REX_W)
        return 8;
    bool wide = (cursor->mode == DECODE_16) == cursor->operand_override;
    return wide ? 4 : 2;
}

static uint8_t address_size(const struct cursor *cursor)
{
    if (cursor->mode == DECODE_64)
        return cursor->address_override ? 4 : 8;
    return (cursor->mode == DECODE_16) == cursor->address_override ? 4 : 2;
}

/* SDM Vol. 2A, Table 2-1 "16-Bit Addressing Forms with the ModR/M Byte". */
static unsigned displacement_16(unsigned mod, unsigned rm)
{
    if (mod == 0)
        return rm == 6 ? 2 : 0;
    return mod;
}

/* Tables 2-2 "32-Bit Addressing Forms with the ModR/M Byte" and 2-3 "32-Bit
 * Addressing Forms with the SIB Byte". Reads the SIB byte. */
static unsigned displacement_32(struct cursor *cursor, unsigned mod, unsigned rm)
{
    unsigned base = rm == 4 ? next(cursor) & 7 : rm;
    if (mod == 0)
        return base == 5 ? 4 : 0;
    return mod == 1 ? 1 : 4;
}

/* Reads ModRM and all that encodes the address. False: not a memory operand. */
static bool memory_operand(struct cursor *cursor, unsigned *reg)
{
    uint8_t modrm = next(cursor);
    unsigned mod = modrm >> 6, rm = modrm & 7;
    *reg = modrm >> 3 & 7;
    if (mod == 3)
        return false;
    unsigned bytes = address_size(cursor) == 2 ? displacement_16(mod, rm)
                                               : displacement_32(cursor, mod, rm);
    next_value(cursor, bytes);
    return true;
}

static void set_register(const struct cursor *cursor, unsigned reg, struct decoded *decoded)
{
    decoded->reg = (uint8_t)(reg | (cursor->rex & REX_R ? 8 : 0));
    if (decoded->register_size == 1 && !cursor->rex && reg >= 4) {
        decoded->high_byte = true;
        decoded->reg = (uint8_t)(reg - 4);
    }
}

/* MOV and its relatives between memory and the register of the ModRM byte. */
static enum decode_status move(struct cursor *cursor, enum decode_kind kind, unsigned memory_size,
                               unsigned register_size, struct decoded *decoded)
{
    unsigned reg;
    if (!memory_operand(cursor, &reg))
        return DECODE_UNSUPPORTED;
    decoded->kind = kind;
    decoded->memory_size = (uint8_t)memory_size;
    decoded->register_size = (uint8_t)register_size;
    set_register(cursor, reg, decoded);
    return DECODE_OK;
}

/* MOV between memory at an immediate address and AL, AX, EAX or RAX. */
static enum decode_status move_offset(struct cursor *cursor, enum decode_kind kind, unsigned size,
                                      struct decoded *decoded)
{
    next_value(cursor, address_size(cursor));
    decoded->kind = kind;
    decoded->memory_size = decoded->register_size = (uint8_t)size;
    decoded->reg = 0;
    return DECODE_OK;
}

/* C6 /0 and C7 /0; an immediate has at most 32 bits and is sign-extended. */
static enum decode_status move_immediate(struct cursor *cursor, unsigned size,
                                         struct decoded *decoded)
{
    unsigned reg;
    if (!memory_operand(cursor, &reg) || reg != 0)
        return DECODE_UNSUPPORTED;
    decoded->kind = DECODE_STORE_IMMEDIATE;
    decoded->memory_size = (uint8_t)size;
    decoded->immediate = next_value(cursor, size == 8 ? 4 : size);
    if (size == 8)
        decoded->immediate = (uint64_t)(int64_t)(int32_t)decoded->immediate;
    return DECODE_OK;
}

static enum decode_status decode_two_byte(struct cursor *cursor, struct decoded *decoded)
{
    uint8_t opcode = next(cursor);
    uint8_t size = operand_size(cursor);
    decoded->sign_extend = opcode & 8;
    switch (opcode) {
    case 0xB6: case 0xBE: return move(cursor, DECODE_LOAD, 1, size, decoded);
    case 0xB7: case 0xBF: return move(cursor, DECODE_LOAD, 2, size, decoded);
    }
    return DECODE_UNSUPPORTED;
}

static enum decode_status decode_one_byte(struct cursor *cursor, uint8_t opcode,
                                          struct decoded *decoded)
{
    uint8_t size = operand_size(cursor);
    switch (opcode) {
    case 0x88: return move(cursor, DECODE_STORE_REGISTER, 1, 1, decoded);
    case 0x89: return move(cursor, DECODE_STORE_REGISTER, size, size, decoded);
    case 0x8A: return move(cursor, DECODE_LOAD, 1, 1, decoded);
    case 0x8B: return move(cursor, DECODE_LOAD, size, size, decoded);
    case 0xA0: return move_offset(cursor, DECODE_LOAD, 1, decoded);
    case 0xA1: return move_offset(cursor, DECODE_LOAD, size, decoded);
    case 0xA2: return move_offset(cursor, DECODE_STORE_REGISTER, 1, decoded);
    case 0xA3: return move_offset(cursor, DECODE_STORE_REGISTER, size, decoded);
    case 0xC6: return move_immediate(cursor, 1, decoded);
    case 0xC7: return move_immediate(cursor, size, decoded);
    case 0x0F: return decode_two_byte(cursor, decoded);
    case 0x63: /* MOVSXD; ARPL outside 64-bit mode, a plain MOV without REX.W */
        if (cursor->mode != DECODE_64 || size != 8)
            return DECODE_UNSUPPORTED;
        decoded->sign_extend = true;
        return move(cursor, DECODE_LOAD, 4, 8, decoded);
    }
    return DECODE_UNSUPPORTED;
}

enum decode_status decode(const uint8_t *bytes, size_t count, enum decode_mode mode,
                          struct decoded *decoded)
{
    size_t limit = count < DECODE_BYTES_MAX ? count : DECODE_BYTES_MAX;
    struct cursor cursor = { .bytes = bytes, .count = limit, .mode = mode };
    *decoded = (struct decoded){ .length = 0 };

    uint8_t opcode = opcode_after_prefixes(&cursor);
    enum decode_status status = decode_one_byte(&cursor, opcode, decoded);
    if (cursor.ended) /* an instruction of more than 15 bytes is none */
        return count < DECODE_BYTES_MAX ? DECODE_TRUNCATED : DECODE_UNSUPPORTED;
    if (cursor.lock) /* #UD with any of these */
        return DECODE_UNSUPPORTED;
    decoded->length = (uint8_t)cursor.at;
    return status;
}
