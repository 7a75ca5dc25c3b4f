/* SPDX-License-Identifier: MIT
 *
 * See text_take.h.
 */
#include "hv/text_take.h"

#include "hv/text.h"

bool text_take_word(const char **text, const char *word)
{
    const char *at = *text;

    for (; *word != '\0'; word++, at++)
        if (*at != *word)
            return false;
    *text = at;
    return true;
}

bool text_take_digits(const char **text, unsigned base, unsigned digits_max, uint64_t *number)
{
    unsigned count = 0;

    *number = 0;
    for (int digit; (digit = text_digit(**text, base)) >= 0; ++*text, count++) {
        if (count == digits_max)
            return false;
        *number = *number * base + (unsigned)digit;
    }
    return count > 0;
}
