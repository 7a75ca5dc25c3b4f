/* SPDX-License-Identifier: MIT
 *
 * Amounts of memory as people write them: "256M", "256MiB", "1 GiB".
 *
 * M is MiB and G is GiB, always. Units by powers of ten, smaller units and
 * fractions are no amounts here: a guest's memory has no use for them.
 */
#pragma once

#include <stdint.h>

enum amount_status { AMOUNT_GOOD, AMOUNT_MALFORMED, AMOUNT_TOO_LARGE };

/* `bytes` is set when the status is AMOUNT_GOOD, and then is at most `max`. */
enum amount_status amount_read(const char *text, uint64_t max, uint64_t *bytes);
