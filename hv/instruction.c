/* SPDX-License-Identifier: MIT
 *
 * See instruction.h. SDM Vol. 2A, 2.1 "Instruction Format for Protected Mode,
 * Real-Address Mode, and Virtual-8086 Mode" and 2.2 "IA-32e Mode"; the opcodes
 * are in instruction_table.c.
 */
#include "hv/instruction.h"

#include "hv/instruction_table.h"
#include "hv/vcpu.h"

#define REX_W 8u
#define REX_R 4u
#define REX_X 2u
#define REX_B 1u

#define PREFIX_OPERAND_SIZE 0x66
#define PREFIX_ADDRESS_SIZE 0x67
#define PREFIX_LOCK 0xF0
#define PREFIX_REPNE 0xF2
#define PREFIX_REP 0xF3

/* The bytes not yet read, and what the prefixes said. */
struct cursor {
    const uint8_t *bytes;
    unsigned at;
    enum decode_mode mode;
    uint8_t rex; /* 0: none */
    bool operand_size_prefix;
    bool is_lockable;
    bool no_memory; /* of what is not known: it is none of ours */
    enum segment_register segment; /* SEGMENT_DATA_AND_CODE: no override */
    struct instruction *instruction;
};

static uint8_t next(struct cursor *cursor)
{
    return cursor->bytes[cursor->at++];
}

static int64_t next_signed(struct cursor *cursor, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)next(cursor) << 8 * i;
    return (int64_t)(value << (64 - 8 * bytes)) >> (64 - 8 * bytes);
}

/* ---- Prefixes and the opcode ---- */

/* ES, CS, SS and DS have no meaning in 64-bit mode. */
static void take_segment(struct cursor *cursor, uint8_t byte)
{
    if (byte >= 0x64)
        cursor->segment = byte == 0x64 ? SEGMENT_FS : SEGMENT_GS;
    else if (cursor->mode != DECODE_64)
        cursor->segment = (enum segment_register)(byte >> 3 & 3);
}

static void take_prefix(struct cursor *cursor, uint8_t byte)
{
    struct instruction *instruction = cursor->instruction;
    bool narrows = cursor->mode == DECODE_32;

    cursor->rex = 0; /* it counts only if it is the last prefix */
    switch (byte) {
    case PREFIX_OPERAND_SIZE: cursor->operand_size_prefix = true; break;
    case PREFIX_ADDRESS_SIZE: instruction->address_size = narrows ? 2 : 4; break;
    case PREFIX_LOCK: instruction->lock = true; break;
    case PREFIX_REPNE: instruction->repeat = REPEAT_NE; break;
    case PREFIX_REP: instruction->repeat = REPEAT_E; break;
    default: take_segment(cursor, byte); break;
    }
}

static enum sse_prefix sse_prefix_of(const struct cursor *cursor)
{
    switch (cursor->instruction->repeat) {
    case REPEAT_E: return SSE_F3;
    case REPEAT_NE: return SSE_F2;
    case REPEAT_NONE: break;
    }
    return cursor->operand_size_prefix ? SSE_66 : SSE_NONE;
}

/* The last byte of the opcode is in *byte. */
static struct opcode next_opcode(struct cursor *cursor, uint8_t *byte, bool *is_0f38)
{
    while (cursor->at < DECODE_BYTES_MAX) {
        *byte = next(cursor);
        struct opcode opcode = opcode_one_byte(*byte);
        if (opcode.encoding == ENCODING_REX && cursor->mode == DECODE_64) {
            cursor->rex = *byte;
            continue;
        }
        if (opcode.encoding == ENCODING_PREFIX) {
            take_prefix(cursor, *byte);
            continue;
        }
        if (opcode.encoding != ENCODING_ESCAPE)
            return opcode;
        *byte = next(cursor);
        opcode = opcode_0f(*byte);
        if (opcode.encoding != ENCODING_ESCAPE_38)
            return opcode;
        *is_0f38 = true;
        *byte = next(cursor);
        return opcode_0f38(*byte);
    }
    cursor->at++; /* prefixes alone fill all that an instruction may be long */
    return (struct opcode){ .encoding = ENCODING_UNKNOWN };
}

/* Those that would read on as another instruction than the table's. */
static bool is_meant(const struct cursor *cursor, uint16_t flags)
{
    enum repeat repeat = cursor->instruction->repeat;
    bool narrow = cursor->operand_size_prefix && !(cursor->rex & REX_W);
    if ((flags & OPCODE_MOVSXD) && (cursor->mode != DECODE_64 || narrow))
        return false;
    if ((flags & OPCODE_NOT_64) && cursor->mode == DECODE_64)
        return false;
    if ((flags & OPCODE_NO_REPEAT) && repeat != REPEAT_NONE)
        return false;
    return !(flags & OPCODE_PLAIN) ||
           (repeat == REPEAT_NONE && !cursor->operand_size_prefix);
}

/* ---- Sizes ---- */

static uint8_t operand_size(const struct cursor *cursor, uint16_t flags)
{
    bool is_64 = cursor->mode == DECODE_64;
    bool prefix = cursor->operand_size_prefix;

    if (flags & OPCODE_BYTE)
        return 1;
    if (is_64 && (flags & OPCODE_NEAR))
        return 8;
    if (cursor->rex & REX_W)
        return 8;
    if (is_64 && (flags & OPCODE_STACK))
        return prefix ? 2 : 8;
    if (flags & OPCODE_4_OR_8)
        return 4;
    return prefix == (cursor->mode == DECODE_16) ? 4 : 2;
}

static uint8_t memory_size(uint8_t size, uint16_t flags)
{
    if (flags & OPCODE_MEMORY_8)
        return 1;
    if (flags & OPCODE_MEMORY_16)
        return 2;
    if (flags & OPCODE_MEMORY_32)
        return size < 4 ? size : 4;
    return flags & OPCODE_PAIR ? 2 * size : size;
}

static void take_sizes(struct cursor *cursor, uint16_t flags)
{
    struct instruction *instruction = cursor->instruction;
    instruction->register_size = operand_size(cursor, flags);
    instruction->memory_size = memory_size(instruction->register_size, flags);
    instruction->aligned = instruction->memory_size == 16; /* CMPXCHG16B */
}

/* ---- The memory operand ---- */

static void segment_by_base(struct cursor *cursor)
{
    struct memory_operand *memory = &cursor->instruction->memory;
    bool is_stack = memory->base == GPR_RSP || memory->base == GPR_RBP;
    memory->segment = is_stack ? SEGMENT_SS : SEGMENT_DS;
    if (cursor->segment != SEGMENT_DATA_AND_CODE)
        memory->segment = cursor->segment;
}

/* Vol. 2A, Table 2-1 "16-Bit Addressing Forms with the ModR/M Byte". */
static void take_memory_16(struct cursor *cursor, uint8_t mod, uint8_t rm)
{
    static const struct { uint8_t base, index; } forms[8] = {
        { GPR_RBX, GPR_RSI }, { GPR_RBX, GPR_RDI }, { GPR_RBP, GPR_RSI }, { GPR_RBP, GPR_RDI },
        { GPR_RSI, REGISTER_NONE }, { GPR_RDI, REGISTER_NONE },
        { GPR_RBP, REGISTER_NONE }, { GPR_RBX, REGISTER_NONE },
    };
    struct memory_operand *memory = &cursor->instruction->memory;
    bool absolute = mod == 0 && rm == 6;

    memory->base = absolute ? REGISTER_NONE : forms[rm].base;
    memory->index = forms[rm].index;
    if (mod == 1)
        memory->displacement = next_signed(cursor, 1);
    else if (mod == 2 || absolute)
        memory->displacement = next_signed(cursor, 2);
}

static void take_sib(struct cursor *cursor, uint8_t mod)
{
    struct memory_operand *memory = &cursor->instruction->memory;
    uint8_t sib = next(cursor);
    uint8_t index = (sib >> 3 & 7) | (cursor->rex & REX_X ? 8 : 0);

    memory->base = (sib & 7) | (cursor->rex & REX_B ? 8 : 0);
    memory->shift = sib >> 6;
    if (index != GPR_RSP)
        memory->index = index;
    if (mod == 0 && (sib & 7) == GPR_RBP) {
        memory->base = REGISTER_NONE;
        memory->displacement = next_signed(cursor, 4);
    }
}

/* Table 2-2 "32-Bit Addressing Forms with the ModR/M Byte". */
static void take_memory_32(struct cursor *cursor, uint8_t mod, uint8_t rm)
{
    struct memory_operand *memory = &cursor->instruction->memory;

    memory->base = rm | (cursor->rex & REX_B ? 8 : 0);
    if (rm == GPR_RSP) {
        take_sib(cursor, mod);
    } else if (mod == 0 && rm == GPR_RBP) {
        memory->base = cursor->mode == DECODE_64 ? REGISTER_RIP : REGISTER_NONE;
        memory->displacement = next_signed(cursor, 4);
    }
    if (mod == 1)
        memory->displacement = next_signed(cursor, 1);
    else if (mod == 2)
        memory->displacement = next_signed(cursor, 4);
}

/* Reads ModRM and all that encodes the address. False: not a memory operand. */
static bool take_modrm(struct cursor *cursor, uint8_t *reg)
{
    uint8_t modrm = next(cursor);
    uint8_t mod = modrm >> 6, rm = modrm & 7;

    *reg = (modrm >> 3 & 7) | (cursor->rex & REX_R ? 8 : 0);
    if (mod == 3)
        return false;
    if (cursor->instruction->address_size == 2)
        take_memory_16(cursor, mod, rm);
    else
        take_memory_32(cursor, mod, rm);
    segment_by_base(cursor);
    return true;
}

/* ---- The other operands ---- */

/* Of a byte register: without REX, 4 to 7 are AH, CH, DH and BH. */
static void take_register(struct cursor *cursor, uint8_t reg)
{
    struct instruction *instruction = cursor->instruction;
    instruction->reg = reg;
    instruction->source = SOURCE_REGISTER;
    if (instruction->register_size == 1 && !cursor->rex && reg >= 4) {
        instruction->high_byte = true;
        instruction->reg -= 4;
    }
}

static void take_immediate(struct cursor *cursor, unsigned bytes)
{
    cursor->instruction->source = SOURCE_IMMEDIATE;
    cursor->instruction->immediate = (uint64_t)next_signed(cursor, bytes > 4 ? 4 : bytes);
}

static void take_offset(struct cursor *cursor)
{
    struct instruction *instruction = cursor->instruction;
    instruction->memory.displacement = next_signed(cursor, instruction->address_size);
    segment_by_base(cursor);
    take_register(cursor, GPR_RAX);
}

/* Behind ModRM. */
static void take_rest(struct cursor *cursor, enum encoding encoding, uint8_t reg)
{
    struct instruction *instruction = cursor->instruction;
    switch (encoding) {
    case ENCODING_RMI:
    case ENCODING_RMI8:
        take_register(cursor, reg);
        take_immediate(cursor, encoding == ENCODING_RMI ? instruction->register_size : 1);
        instruction->to_register = true;
        break;
    case ENCODING_RM: instruction->to_register = true; take_register(cursor, reg); break;
    case ENCODING_MR: take_register(cursor, reg); break;
    case ENCODING_MI: take_immediate(cursor, instruction->register_size); break;
    case ENCODING_MI8: take_immediate(cursor, 1); break;
    case ENCODING_M1:
        instruction->source = SOURCE_IMMEDIATE;
        instruction->immediate = 1;
        break;
    case ENCODING_MC: instruction->source = SOURCE_CL; break;
    case ENCODING_MRI8:
        take_immediate(cursor, 1);
        take_register(cursor, reg);
        instruction->source = SOURCE_IMMEDIATE;
        break;
    case ENCODING_MRC:
        take_register(cursor, reg);
        instruction->source = SOURCE_CL;
        break;
    case ENCODING_M: instruction->source = SOURCE_MEMORY; break;
    case ENCODING_UNKNOWN: case ENCODING_PREFIX: case ENCODING_REX: case ENCODING_ESCAPE:
    case ENCODING_ESCAPE_38: case ENCODING_NO_MEMORY: case ENCODING_SSE: case ENCODING_OFFSET_LOAD:
    case ENCODING_OFFSET_STORE: case ENCODING_STRING: case ENCODING_R: case ENCODING_I:
    case ENCODING_I8: case ENCODING_RELATIVE: case ENCODING_NOTHING: case ENCODING_I16:
        break;
    }
}

static bool is_stack(const struct instruction *instruction)
{
    return instruction->operation >= OPERATION_PUSH && instruction->operation <= OPERATION_RET;
}

static bool take_with_modrm(struct cursor *cursor, struct opcode opcode)
{
    uint8_t reg;
    bool is_memory = take_modrm(cursor, &reg);

    if (opcode.flags & OPCODE_GROUP) {
        struct opcode member = opcode_in_group((enum opcode_group)opcode.operation, reg);
        opcode.operation = member.operation;
        opcode.flags |= member.flags;
        if (member.encoding != ENCODING_UNKNOWN)
            opcode.encoding = member.encoding;
    }
    cursor->instruction->operation = (enum operation)opcode.operation;
    take_sizes(cursor, opcode.flags);
    take_rest(cursor, (enum encoding)opcode.encoding, reg);
    cursor->is_lockable = opcode.flags & OPCODE_LOCKABLE;
    cursor->no_memory = !is_memory && opcode.operation != OPERATION_NONE &&
                        !is_stack(cursor->instruction);
    if (opcode.operation == OPERATION_MOV_SELECTOR)
        cursor->instruction->reg &= 7; /* REX.R does not count */
    return is_memory && opcode.operation != OPERATION_NONE &&
           (opcode.operation != OPERATION_MOV_SELECTOR ||
            cursor->instruction->reg < SEGMENT_DATA_AND_CODE);
}

static bool take_sse(struct cursor *cursor, bool is_0f38, uint8_t byte)
{
    struct instruction *instruction = cursor->instruction;
    const struct opcode_sse *move = opcode_sse(is_0f38, byte, sse_prefix_of(cursor));
    if (!move)
        return false;
    instruction->operation = move->flags & SSE_STORE ? OPERATION_SSE_STORE : OPERATION_SSE_LOAD;
    instruction->source = SOURCE_REGISTER;
    instruction->memory_size = move->flags & SSE_WIDE && cursor->rex & REX_W ? 8 : move->bytes;
    instruction->register_size = instruction->memory_size;
    instruction->aligned = move->flags & SSE_ALIGNED;
    instruction->keeps_rest = move->flags & SSE_KEEPS_REST;
    instruction->xmm_offset = move->flags & SSE_UPPER ? 8 : 0;
    cursor->no_memory = !take_modrm(cursor, &instruction->reg);
    return !cursor->no_memory;
}

static bool take_string(struct cursor *cursor)
{
    cursor->instruction->memory.segment =
        cursor->segment == SEGMENT_DATA_AND_CODE ? SEGMENT_DS : cursor->segment;
    return true;
}

/* False: not with a memory operand, or another instruction. */
static bool take_operands(struct cursor *cursor, struct opcode opcode, uint8_t byte, bool is_0f38)
{
    struct instruction *instruction = cursor->instruction;
    enum encoding encoding = (enum encoding)opcode.encoding;

    instruction->condition = byte & 0xF;
    cursor->no_memory = encoding == ENCODING_NO_MEMORY;
    if (encoding == ENCODING_SSE)
        return take_sse(cursor, is_0f38, byte);
    if (encoding < ENCODING_FIRST || !is_meant(cursor, opcode.flags))
        return false;
    instruction->operation = (enum operation)opcode.operation;
    take_sizes(cursor, opcode.flags);
    switch (encoding) {
    case ENCODING_OFFSET_LOAD: instruction->to_register = true; take_offset(cursor); return true;
    case ENCODING_OFFSET_STORE: take_offset(cursor); return true;
    case ENCODING_STRING: return take_string(cursor);
    case ENCODING_R: take_register(cursor, (byte & 7) | (cursor->rex & REX_B ? 8 : 0)); return true;
    case ENCODING_RELATIVE:
    case ENCODING_I: take_immediate(cursor, instruction->register_size); return true;
    case ENCODING_I8: take_immediate(cursor, 1); return true;
    case ENCODING_I16:
        take_immediate(cursor, 2);
        instruction->immediate &= UINT16_MAX;
        return true;
    case ENCODING_NOTHING: return true;
    case ENCODING_MR: case ENCODING_RM: case ENCODING_MI: case ENCODING_MI8: case ENCODING_M:
    case ENCODING_M1: case ENCODING_MC: case ENCODING_MRI8: case ENCODING_MRC: case ENCODING_RMI:
    case ENCODING_RMI8: return take_with_modrm(cursor, opcode);
    case ENCODING_UNKNOWN: case ENCODING_PREFIX: case ENCODING_REX: case ENCODING_ESCAPE:
    case ENCODING_ESCAPE_38: case ENCODING_NO_MEMORY: case ENCODING_SSE: break;
    }
    return false;
}

enum instruction_status instruction_decode(const struct code *code, enum decode_mode mode,
                                           struct instruction *instruction)
{
    static const uint8_t address_sizes[] = { [DECODE_16] = 2, [DECODE_32] = 4, [DECODE_64] = 8 };
    struct cursor cursor = { .bytes = code->bytes, .mode = mode, .segment = SEGMENT_DATA_AND_CODE,
                             .instruction = instruction };
    uint8_t byte = 0;
    bool is_0f38 = false;

    *instruction = (struct instruction){ .address_size = address_sizes[mode] };
    instruction->memory.base = instruction->memory.index = REGISTER_NONE;
    struct opcode opcode = next_opcode(&cursor, &byte, &is_0f38);
    bool known = take_operands(&cursor, opcode, byte, is_0f38);

    if (cursor.at > code->count && code->count < DECODE_BYTES_MAX)
        return INSTRUCTION_TRUNCATED;
    instruction->length = (uint8_t)cursor.at;
    if (cursor.at > DECODE_BYTES_MAX)
        return INSTRUCTION_TOO_LONG;
    if (!known)
        return cursor.no_memory ? INSTRUCTION_NO_MEMORY : INSTRUCTION_UNSUPPORTED;
    return instruction->lock && !cursor.is_lockable ? INSTRUCTION_BAD_LOCK : INSTRUCTION_OK;
}

bool instruction_is_string(const struct instruction *instruction)
{
    return instruction->operation >= OPERATION_MOVS && instruction->operation <= OPERATION_SCAS;
}
