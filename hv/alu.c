/* SPDX-License-Identifier: MIT
 *
 * See alu.h. SDM Vol. 2, the instructions' own pages, and Vol. 1, Appendix A
 * "EFLAGS Cross-Reference".
 */
#include "hv/alu.h"

#include "arch/spec/cr.h"

uint64_t alu_mask(unsigned bytes)
{
    return UINT64_MAX >> (64 - 8 * bytes);
}

static uint64_t top_bit(unsigned bytes)
{
    return BIT(8 * bytes - 1);
}

uint64_t alu_sign_extend(uint64_t value, unsigned bytes)
{
    unsigned unused = 64 - 8 * bytes;
    return (uint64_t)((int64_t)(value << unused) >> unused);
}

static void set_flags(uint64_t *rflags, uint64_t which, uint64_t value)
{
    *rflags = (*rflags & ~which) | value;
}

static uint64_t flag_if(bool set, uint64_t flag)
{
    return set ? flag : 0;
}

/* Even parity of the lowest byte: bit n of the constant is that of the nibble n. */
static bool is_even(uint64_t value)
{
    return !(0x6996u >> ((value ^ value >> 4) & 0xF) & 1);
}

static uint64_t result_flags(uint64_t result, unsigned bytes)
{
    return flag_if(result == 0, RFLAGS_ZF) | flag_if(result & top_bit(bytes), RFLAGS_SF) |
           flag_if(is_even(result), RFLAGS_PF);
}

/* ---- Addition and subtraction ---- */

/* `carries` has a bit for each place that carried into the next, or borrowed. */
static uint64_t sum_flags(uint64_t result, uint64_t carries, uint64_t overflows, unsigned bytes)
{
    return result_flags(result, bytes) | flag_if(carries & top_bit(bytes), RFLAGS_CF) |
           flag_if(carries & BIT(3), RFLAGS_AF) |
           flag_if(overflows & top_bit(bytes), RFLAGS_OF);
}

static uint64_t add(uint64_t a, uint64_t b, bool carry, unsigned bytes, uint64_t *rflags,
                    uint64_t which)
{
    uint64_t sum = (a + b + carry) & alu_mask(bytes);
    uint64_t flags = sum_flags(sum, (a & b) | ((a | b) & ~sum), (a ^ sum) & (b ^ sum), bytes);
    set_flags(rflags, which, flags & which);
    return sum;
}

static uint64_t subtract(uint64_t a, uint64_t b, bool borrow, unsigned bytes, uint64_t *rflags,
                         uint64_t which)
{
    uint64_t rest = (a - b - borrow) & alu_mask(bytes);
    uint64_t flags = sum_flags(rest, (~a & b) | ((~a | b) & rest), (a ^ b) & (a ^ rest), bytes);
    set_flags(rflags, which, flags & which);
    return rest;
}

static uint64_t logical(uint64_t result, unsigned bytes, uint64_t *rflags)
{
    set_flags(rflags, RFLAGS_STATUS, result_flags(result, bytes));
    return result;
}

uint64_t alu_arithmetic(enum operation operation, unsigned bytes, uint64_t a, uint64_t b,
                        uint64_t *rflags)
{
    const uint64_t all = RFLAGS_STATUS, but_carry = RFLAGS_STATUS & ~RFLAGS_CF;
    bool carry = *rflags & RFLAGS_CF;

    a &= alu_mask(bytes);
    b &= alu_mask(bytes);
    if (operation == OPERATION_ADD)
        return add(a, b, false, bytes, rflags, all);
    if (operation == OPERATION_ADC)
        return add(a, b, carry, bytes, rflags, all);
    if (operation == OPERATION_SUB)
        return subtract(a, b, false, bytes, rflags, all);
    if (operation == OPERATION_SBB)
        return subtract(a, b, carry, bytes, rflags, all);
    if (operation == OPERATION_NEG)
        return subtract(0, a, false, bytes, rflags, all);
    if (operation == OPERATION_INC)
        return add(a, 1, false, bytes, rflags, but_carry);
    if (operation == OPERATION_DEC)
        return subtract(a, 1, false, bytes, rflags, but_carry);
    if (operation == OPERATION_OR)
        return logical(a | b, bytes, rflags);
    if (operation == OPERATION_AND)
        return logical(a & b, bytes, rflags);
    if (operation == OPERATION_XOR)
        return logical(a ^ b, bytes, rflags);
    if (operation == OPERATION_NOT)
        return ~a & alu_mask(bytes);
    if (operation == OPERATION_TEST)
        (void)logical(a & b, bytes, rflags);
    else /* CMP */
        (void)subtract(a, b, false, bytes, rflags, all);
    return a;
}

/* ---- Shifts ---- */

static unsigned masked_count(unsigned count, unsigned bytes)
{
    return count & (bytes == 8 ? 63 : 31);
}

/* OF of a shift by 1 to the left: whether the sign changed. */
static uint64_t left_flags(uint64_t result, bool carry, unsigned bytes)
{
    bool top = result & top_bit(bytes);
    return flag_if(carry, RFLAGS_CF) | flag_if(top != carry, RFLAGS_OF);
}

/* To the right: whether the upper two bits differ. */
static uint64_t right_flags(uint64_t result, bool carry, unsigned bytes)
{
    return flag_if(carry, RFLAGS_CF) |
           flag_if((result ^ result << 1) & top_bit(bytes), RFLAGS_OF);
}

/* By one place; *carry is the bit that came out, and goes in through the carry. */
static uint64_t rotate_once(enum operation operation, unsigned bytes, uint64_t a, bool *carry)
{
    bool left = operation == OPERATION_ROL || operation == OPERATION_RCL;
    bool through = operation == OPERATION_RCL || operation == OPERATION_RCR;
    bool out = a & (left ? top_bit(bytes) : 1);
    bool in = through ? *carry : out;

    *carry = out;
    return left ? (a << 1 | in) & alu_mask(bytes) : a >> 1 | (in ? top_bit(bytes) : 0);
}

/* Place by place: at most 63, and seldom. */
static uint64_t rotate(enum operation operation, unsigned bytes, uint64_t a, unsigned count,
                       uint64_t *rflags)
{
    bool left = operation == OPERATION_ROL || operation == OPERATION_RCL;
    bool through = operation == OPERATION_RCL || operation == OPERATION_RCR;
    bool carry = *rflags & RFLAGS_CF;

    if (through)
        count %= 8 * bytes + 1;
    if (count == 0)
        return a;
    for (unsigned i = 0; i < count; i++)
        a = rotate_once(operation, bytes, a, &carry);
    set_flags(rflags, RFLAGS_CF | RFLAGS_OF,
              left ? left_flags(a, carry, bytes) : right_flags(a, carry, bytes));
    return a;
}

/* Bit `place` of `a`, of which the ones behind the size are copies of `fill`. */
static bool bit_at(uint64_t a, unsigned place, unsigned bytes, bool fill)
{
    return place < 8 * bytes ? a >> place & 1 : fill;
}

static uint64_t shift_left(unsigned bytes, uint64_t a, unsigned count, uint64_t *rflags)
{
    uint64_t result = a << count & alu_mask(bytes);
    bool carry = count <= 8 * bytes && (a >> (8 * bytes - count) & 1);
    set_flags(rflags, RFLAGS_STATUS,
              result_flags(result, bytes) | left_flags(result, carry, bytes));
    return result;
}

static uint64_t shift_right(unsigned bytes, uint64_t a, unsigned count, bool fill,
                            uint64_t *rflags)
{
    uint64_t wide = fill ? a | ~alu_mask(bytes) : a;
    uint64_t result = wide >> count;
    if (fill)
        result |= ~(UINT64_MAX >> count);
    result &= alu_mask(bytes);
    set_flags(rflags, RFLAGS_STATUS,
              result_flags(result, bytes) |
                  right_flags(result, bit_at(a, count - 1, bytes, fill), bytes));
    return result;
}

uint64_t alu_shift(enum operation operation, unsigned bytes, uint64_t a, unsigned count,
                   uint64_t *rflags)
{
    a &= alu_mask(bytes);
    count = masked_count(count, bytes);
    if (count == 0)
        return a;
    if (operation == OPERATION_SHL)
        return shift_left(bytes, a, count, rflags);
    if (operation == OPERATION_SHR)
        return shift_right(bytes, a, count, false, rflags);
    if (operation == OPERATION_SAR)
        return shift_right(bytes, a, count, a & top_bit(bytes), rflags);
    return rotate(operation, bytes, a, count, rflags);
}

/* A count beyond 16 bits is undefined there; here, what comes in repeats. */
uint64_t alu_shift_double(enum operation operation, unsigned bytes, uint64_t a, uint64_t b,
                          unsigned count, uint64_t *rflags)
{
    unsigned bits = 8 * bytes;
    bool left = operation == OPERATION_SHLD;
    bool carry = false, sign = a & top_bit(bytes);

    a &= alu_mask(bytes);
    b &= alu_mask(bytes);
    count = masked_count(count, bytes);
    if (count == 0)
        return a;
    for (unsigned i = 0; i < count; i++) {
        uint64_t in = b >> (left ? bits - 1 - i % bits : i % bits) & 1;
        carry = a & (left ? top_bit(bytes) : 1);
        a = left ? (a << 1 | in) & alu_mask(bytes) : a >> 1 | in << (bits - 1);
    }
    bool changed = sign != !!(a & top_bit(bytes));
    set_flags(rflags, RFLAGS_STATUS, result_flags(a, bytes) | flag_if(carry, RFLAGS_CF) |
                                         flag_if(changed, RFLAGS_OF));
    return a;
}

/* ---- Bits ---- */

uint64_t alu_bit(enum operation operation, unsigned bytes, uint64_t a, uint64_t index,
                 uint64_t *rflags)
{
    uint64_t bit = BIT(index % (8 * bytes));

    set_flags(rflags, RFLAGS_CF, flag_if(a & bit, RFLAGS_CF));
    if (operation == OPERATION_BTS)
        return a | bit;
    if (operation == OPERATION_BTR)
        return a & ~bit;
    return operation == OPERATION_BTC ? a ^ bit : a;
}

uint64_t alu_scan(enum operation operation, unsigned bytes, uint64_t a, uint64_t old,
                  uint64_t *rflags)
{
    a &= alu_mask(bytes);
    set_flags(rflags, RFLAGS_ZF, flag_if(a == 0, RFLAGS_ZF));
    if (a == 0)
        return old;
    return (uint64_t)(operation == OPERATION_BSF ? __builtin_ctzll(a) : 63 - __builtin_clzll(a));
}

uint64_t alu_swap_bytes(uint64_t value, unsigned bytes)
{
    return __builtin_bswap64(value) >> (64 - 8 * bytes);
}

/* SDM Vol. 1, Appendix B "EFLAGS Condition Codes": the lowest bit negates. */
bool alu_condition(unsigned condition, uint64_t rflags)
{
    bool less = !!(rflags & RFLAGS_SF) != !!(rflags & RFLAGS_OF);
    bool holds[] = {
        rflags & RFLAGS_OF, rflags & RFLAGS_CF, rflags & RFLAGS_ZF,
        rflags & (RFLAGS_CF | RFLAGS_ZF), rflags & RFLAGS_SF, rflags & RFLAGS_PF,
        less, less || (rflags & RFLAGS_ZF),
    };
    return holds[condition >> 1 & 7] != (condition & 1);
}
