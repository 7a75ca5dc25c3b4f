/* SPDX-License-Identifier: MIT
 *
 * Multiplication and division of alu.h. There is no C library, so division of
 * 128 bits is done as on paper.
 */
#include "arch/spec/cr.h"
#include "hv/alu.h"

struct alu_pair alu_multiply(enum operation operation, unsigned bytes, uint64_t a, uint64_t b,
                             uint64_t *rflags)
{
    unsigned bits = 8 * bytes;
    bool is_signed = operation != OPERATION_MUL;
    unsigned __int128 product;

    if (is_signed)
        product = (unsigned __int128)((__int128)(int64_t)alu_sign_extend(a, bytes) *
                                      (int64_t)alu_sign_extend(b, bytes));
    else
        product = (unsigned __int128)(a & alu_mask(bytes)) * (b & alu_mask(bytes));

    struct alu_pair result = { (uint64_t)product & alu_mask(bytes),
                               (uint64_t)(product >> bits) & alu_mask(bytes) };
    uint64_t fits = is_signed && (result.low >> (bits - 1)) ? alu_mask(bytes) : 0;
    *rflags &= ~(RFLAGS_CF | RFLAGS_OF);
    if (result.high != fits)
        *rflags |= RFLAGS_CF | RFLAGS_OF;
    return result;
}

/* The quotient has 64 bits, as high < divisor. */
static struct alu_pair divide_unsigned(struct alu_pair dividend, uint64_t divisor)
{
    uint64_t rest = dividend.high, quotient = 0;
    for (unsigned i = 64; i-- > 0;) {
        bool carry = rest >> 63;
        rest = rest << 1 | (dividend.low >> i & 1);
        quotient <<= 1;
        if (carry || rest >= divisor) {
            rest -= divisor;
            quotient |= 1;
        }
    }
    return (struct alu_pair){ .low = quotient, .high = rest };
}

static struct alu_pair negate(struct alu_pair pair)
{
    pair.low = -pair.low;
    pair.high = ~pair.high + (pair.low == 0);
    return pair;
}

/* The dividend of twice the size, extended to 128 bits. */
static struct alu_pair widen(struct alu_pair pair, unsigned bytes, bool is_signed)
{
    if (bytes == 8)
        return pair;
    uint64_t low = (pair.low & alu_mask(bytes)) | (pair.high & alu_mask(bytes)) << 8 * bytes;
    if (is_signed)
        low = alu_sign_extend(low, 2 * bytes);
    return (struct alu_pair){ .low = low,
                              .high = is_signed && (int64_t)low < 0 ? UINT64_MAX : 0 };
}

bool alu_divide(enum operation operation, unsigned bytes, struct alu_pair dividend,
                uint64_t divisor, struct alu_pair *result)
{
    bool is_signed = operation == OPERATION_IDIV;
    divisor = is_signed ? alu_sign_extend(divisor, bytes) : divisor & alu_mask(bytes);
    dividend = widen(dividend, bytes, is_signed);
    bool negative_dividend = is_signed && (int64_t)dividend.high < 0;
    bool negative_divisor = is_signed && (int64_t)divisor < 0;
    bool negative = negative_dividend != negative_divisor;

    if (negative_dividend)
        dividend = negate(dividend);
    if (negative_divisor)
        divisor = -divisor;
    if (dividend.high >= divisor) /* also by 0 */
        return false;
    struct alu_pair found = divide_unsigned(dividend, divisor);
    uint64_t largest = is_signed ? (alu_mask(bytes) >> 1) + negative : alu_mask(bytes);
    if (found.low > largest)
        return false;
    result->low = (negative ? -found.low : found.low) & alu_mask(bytes);
    result->high = (negative_dividend ? -found.high : found.high) & alu_mask(bytes);
    return true;
}
