/* SPDX-License-Identifier: MIT
 *
 * See decode.h. SDM Vol. 2A, 2.1 "Instruction Format for Protected Mode,
 * Real-Address Mode, and Virtual-8086 Mode" and 2.2 "IA-32e Mode"; opcodes from
 * Vol. 2B, "MOV—Move", "MOVZX—Move With Zero-Extend", "MOVSX/MOVSXD—Move With
 * Sign-Extension".
 */
#include "hv/decode.h"

#define SIMPLE_BYTES_MAX 12 /* REX, opcode, ModRM, SIB, displacement, immediate */
#define STORE 0x89
#define LOAD 0x8B
#define STORE_IMMEDIATE 0xC7 /* /0 */
#define MODRM_REG 0x38u

#define REX_W 8u
#define REX_R 4u
#define SIB_BASE_NONE 5 /* with mod 0: a displacement of 4 bytes instead */

/* How an opcode is encoded; those that are no opcode come first. */
enum form {
    FORM_UNKNOWN,
    FORM_PREFIX,
    FORM_REX,             /* in 64-bit mode */
    FORM_ESCAPE,          /* the opcode has a second byte */
    FORM_FIRST_OPCODE,
    FORM_LOAD = FORM_FIRST_OPCODE, /* register from ModRM memory */
    FORM_STORE,           /* ModRM memory from register */
    FORM_MOVSXD,          /* a load, in 64-bit mode with REX.W only */
    FORM_STORE_IMMEDIATE, /* ModRM memory from immediate, /0 */
    FORM_LOAD_OFFSET,     /* accumulator from memory at an immediate address */
    FORM_STORE_OFFSET,
};

/* Sizes in bytes; SIZE_V is the operand size, which REX.W makes 8. */
#define SIZE_V 0

struct opcode {
    uint8_t form;
    uint8_t memory_size;
    uint8_t register_size;
    bool sign_extend;
};

static const struct opcode one_byte[256] = {
    [0x26] = { .form = FORM_PREFIX }, [0x2E] = { .form = FORM_PREFIX },
    [0x36] = { .form = FORM_PREFIX }, [0x3E] = { .form = FORM_PREFIX },
    [0x64] = { .form = FORM_PREFIX }, [0x65] = { .form = FORM_PREFIX },
    [0x66] = { .form = FORM_PREFIX }, [0x67] = { .form = FORM_PREFIX },
    [0xF0] = { .form = FORM_PREFIX }, [0xF2] = { .form = FORM_PREFIX },
    [0xF3] = { .form = FORM_PREFIX },
    [0x40 ... 0x4F] = { .form = FORM_REX },
    [0x0F] = { .form = FORM_ESCAPE },

    [0x63] = { FORM_MOVSXD, 4, 8, true },
    [0x88] = { FORM_STORE, 1, 1, false },
    [STORE] = { FORM_STORE, SIZE_V, SIZE_V, false },
    [0x8A] = { FORM_LOAD, 1, 1, false },
    [LOAD] = { FORM_LOAD, SIZE_V, SIZE_V, false },
    [0xA0] = { FORM_LOAD_OFFSET, 1, 1, false },
    [0xA1] = { FORM_LOAD_OFFSET, SIZE_V, SIZE_V, false },
    [0xA2] = { FORM_STORE_OFFSET, 1, 1, false },
    [0xA3] = { FORM_STORE_OFFSET, SIZE_V, SIZE_V, false },
    [0xC6] = { FORM_STORE_IMMEDIATE, 1, 1, false },
    [STORE_IMMEDIATE] = { FORM_STORE_IMMEDIATE, SIZE_V, SIZE_V, false },
};

/* Behind 0F. */
static const struct opcode two_byte[256] = {
    [0xB6] = { FORM_LOAD, 1, SIZE_V, false },
    [0xB7] = { FORM_LOAD, 2, SIZE_V, false },
    [0xBE] = { FORM_LOAD, 1, SIZE_V, true },
    [0xBF] = { FORM_LOAD, 2, SIZE_V, true },
};

static const struct opcode no_opcode = { .form = FORM_UNKNOWN };

/* By ModRM: the bytes of the displacement, or that there is a SIB byte or no
 * memory operand. Vol. 2A, Tables 2-1 "16-Bit Addressing Forms with the ModR/M
 * Byte" and 2-2 "32-Bit Addressing Forms with the ModR/M Byte". */
#define SIB 0x10
#define REGISTER 0x20
#define FOR_EACH_REG(...) \
    __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, \
    __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__
#define MOD_3 \
    REGISTER, REGISTER, REGISTER, REGISTER, REGISTER, REGISTER, REGISTER, REGISTER

static const uint8_t modrm_16[256] = {
    FOR_EACH_REG(0, 0, 0, 0, 0, 0, 2, 0),
    FOR_EACH_REG(1, 1, 1, 1, 1, 1, 1, 1),
    FOR_EACH_REG(2, 2, 2, 2, 2, 2, 2, 2),
    FOR_EACH_REG(MOD_3),
};

static const uint8_t modrm_32[256] = {
    FOR_EACH_REG(0, 0, 0, 0, SIB, 4, 0, 0),
    FOR_EACH_REG(1, 1, 1, 1, SIB | 1, 1, 1, 1),
    FOR_EACH_REG(4, 4, 4, 4, SIB | 4, 4, 4, 4),
    FOR_EACH_REG(MOD_3),
};

/* The bytes not yet read, and what the prefixes said. */
struct cursor {
    const uint8_t *bytes;
    unsigned at;
    enum decode_mode mode;
    uint8_t rex;          /* 0: none */
    uint8_t operand_size; /* without REX.W */
    uint8_t address_size;
    bool lock;
};

static uint8_t next(struct cursor *cursor)
{
    return cursor->bytes[cursor->at++];
}

static void take_prefix(struct cursor *cursor, uint8_t byte)
{
    bool is_16 = cursor->mode == DECODE_16;
    cursor->rex = 0; /* it counts only if it is the last prefix */
    if (byte == 0x66)
        cursor->operand_size = is_16 ? 4 : 2;
    else if (byte == 0x67)
        cursor->address_size = is_16 || cursor->mode == DECODE_64 ? 4 : 2;
    else if (byte == 0xF0)
        cursor->lock = true;
    /* The others have no meaning for what is decoded here. */
}

static const struct opcode *opcode_after_prefixes(struct cursor *cursor)
{
    while (cursor->at < DECODE_BYTES_MAX) {
        uint8_t byte = next(cursor);
        const struct opcode *opcode = &one_byte[byte];
        if (opcode->form >= FORM_FIRST_OPCODE)
            return opcode;
        if (opcode->form == FORM_REX && cursor->mode == DECODE_64)
            cursor->rex = byte;
        else if (opcode->form == FORM_PREFIX)
            take_prefix(cursor, byte);
        else if (opcode->form == FORM_ESCAPE)
            return &two_byte[next(cursor)];
        else
            return &no_opcode;
    }
    return &no_opcode;
}

/* The bytes behind a ModRM byte that encode the address, where it has 32 or 64 bits;
 * REGISTER: not a memory operand. */
static inline unsigned after_modrm_32(const uint8_t *modrm)
{
    unsigned follows = modrm_32[modrm[0]];

    if (!(follows & SIB))
        return follows;
    bool has_base = modrm[0] >> 6 != 0 || (modrm[1] & 7) != SIB_BASE_NONE;
    return 1 + (has_base ? follows & ~SIB : 4);
}

/* Reads ModRM and all that encodes the address. False: not a memory operand. */
static bool memory_operand(struct cursor *cursor, struct decoded *decoded)
{
    const uint8_t *modrm = cursor->bytes + cursor->at;
    unsigned follows = cursor->address_size == 2 ? modrm_16[*modrm] : after_modrm_32(modrm);

    decoded->reg = (*modrm >> 3 & 7) | (cursor->rex & REX_R ? 8 : 0);
    cursor->at += 1 + (follows & ~REGISTER);
    return !(follows & REGISTER);
}

/* Of a byte register: without REX, 4 to 7 are AH, CH, DH and BH. */
__attribute__((noinline))
static bool is_high_byte(uint8_t rex, uint8_t reg)
{
    return !rex && reg >= 4;
}

/* It has at most 32 bits and is sign-extended. */
static uint64_t immediate(struct cursor *cursor, unsigned size)
{
    unsigned bytes = size == 8 ? 4 : size;
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)next(cursor) << 8 * i;
    return size == 8 ? (uint64_t)(int64_t)(int32_t)value : value;
}

/* False: no memory operand, or another instruction. */
static bool take_operands(struct cursor *cursor, enum form form, struct decoded *decoded)
{
    switch (form) {
    case FORM_MOVSXD: /* else it is ARPL, or an odd plain MOV */
        if (cursor->mode != DECODE_64 || !(cursor->rex & REX_W))
            return false;
        form = FORM_LOAD;
        /* fallthrough */
    case FORM_LOAD:
    case FORM_STORE:
        if (!memory_operand(cursor, decoded))
            return false;
        if (decoded->register_size == 1 && is_high_byte(cursor->rex, decoded->reg)) {
            decoded->high_byte = true;
            decoded->reg -= 4;
        }
        decoded->kind = form == FORM_LOAD ? DECODE_LOAD : DECODE_STORE_REGISTER;
        return true;
    case FORM_STORE_IMMEDIATE:
        if (!memory_operand(cursor, decoded) || (decoded->reg & 7) != 0)
            return false;
        decoded->kind = DECODE_STORE_IMMEDIATE;
        decoded->immediate = immediate(cursor, decoded->memory_size);
        return true;
    case FORM_LOAD_OFFSET:
    case FORM_STORE_OFFSET:
        cursor->at += cursor->address_size;
        decoded->kind = form == FORM_LOAD_OFFSET ? DECODE_LOAD : DECODE_STORE_REGISTER;
        decoded->reg = 0;
        return true;
    case FORM_UNKNOWN:
    case FORM_PREFIX:
    case FORM_REX:
    case FORM_ESCAPE: break;
    }
    return false;
}

enum decode_status decode(const struct code *code, enum decode_mode mode,
                          struct decoded *decoded)
{
    struct cursor cursor = { .bytes = code->bytes, .mode = mode };
    cursor.operand_size = mode == DECODE_16 ? 2 : 4;
    cursor.address_size = mode == DECODE_64 ? 8 : cursor.operand_size;

    const struct opcode *opcode = opcode_after_prefixes(&cursor);
    uint8_t size = cursor.rex & REX_W ? 8 : cursor.operand_size;
    decoded->memory_size = opcode->memory_size == SIZE_V ? size : opcode->memory_size;
    decoded->register_size = opcode->register_size == SIZE_V ? size : opcode->register_size;
    decoded->sign_extend = opcode->sign_extend;
    decoded->high_byte = false;
    bool known = take_operands(&cursor, opcode->form, decoded);

    if (cursor.at > code->count && code->count < DECODE_BYTES_MAX)
        return DECODE_TRUNCATED;
    decoded->length = (uint8_t)cursor.at;
    /* More than 15 bytes are no instruction, and a LOCK with any of these is #UD. */
    return known && !cursor.lock && cursor.at <= DECODE_BYTES_MAX ? DECODE_OK
                                                                  : DECODE_UNSUPPORTED;
}

static bool is_rex(uint8_t byte)
{
    return (byte & 0xF0) == 0x40;
}

bool decode_may_be_move(const struct code *code, enum decode_mode mode)
{
    uint8_t opcode = code->bytes[mode == DECODE_64 && is_rex(code->bytes[0])];

    return one_byte[opcode].form != FORM_UNKNOWN;
}

/* Always 32 bits. */
static uint64_t immediate_32(const uint8_t *at, unsigned size)
{
    int32_t value;

    __builtin_memcpy(&value, at, sizeof value);
    return size == 8 ? (uint64_t)value : (uint32_t)value;
}

bool decode_simply(const struct code *code, struct decoded *decoded)
{
    const uint8_t *at = code->bytes;
    unsigned rex = is_rex(*at) ? *at++ : 0;
    uint8_t opcode = at[0], modrm = at[1];
    unsigned follows = after_modrm_32(at + 1);
    unsigned size = 4 + (rex & REX_W) / 2;

    if ((follows & REGISTER) || code->count < SIMPLE_BYTES_MAX)
        return false;
    at += 2 + follows;
    *decoded = (struct decoded){
        .kind = opcode == LOAD ? DECODE_LOAD : DECODE_STORE_REGISTER,
        .length = (uint8_t)(at - code->bytes),
        .memory_size = (uint8_t)size,
        .register_size = (uint8_t)size,
        .reg = (uint8_t)((modrm >> 3 & 7) | (rex & REX_R) << 1),
    };
    if (opcode == LOAD || opcode == STORE)
        return true;
    decoded->kind = DECODE_STORE_IMMEDIATE;
    decoded->length += 4;
    decoded->immediate = immediate_32(at, size);
    return opcode == STORE_IMMEDIATE && !(modrm & MODRM_REG);
}
