/* SPDX-License-Identifier: MIT
 *
 * Digits, perhaps a space, a unit, and nothing else.
 */
#include "hv/amount.h"

#include <stddef.h>

#include "hv/text.h"

static const struct unit {
    const char *name;
    uint32_t shift;
} units[] = {
    { "M", 20 }, { "MiB", 20 }, { "G", 30 }, { "GiB", 30 },
};

static const struct unit *find_unit(const char *name)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (text_equal(units[i].name, name))
            return &units[i];
    return NULL;
}

enum amount_status amount_read(const char *text, uint64_t max, uint64_t *bytes)
{
    const uint64_t number_max = UINT64_MAX / 10 - 1;
    uint64_t number = 0;
    size_t i = 0;

    /* A number that stops growing here is too large for every unit. */
    for (; text[i] >= '0' && text[i] <= '9'; i++)
        if (number < number_max)
            number = number * 10 + (uint64_t)(text[i] - '0');
    if (i == 0)
        return AMOUNT_MALFORMED;
    if (text[i] == ' ')
        i++;
    const struct unit *unit = find_unit(text + i);
    if (unit == NULL)
        return AMOUNT_MALFORMED;
    if (number > max >> unit->shift)
        return AMOUNT_TOO_LARGE;
    *bytes = number << unit->shift;
    return AMOUNT_GOOD;
}
