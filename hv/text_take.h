/* SPDX-License-Identifier: MIT
 *
 * Reading a string from its beginning on: what is understood is taken off, so that
 * `*text` is what is left. False: it is not there; a word has taken nothing then.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

bool text_take_word(const char **text, const char *word);

/* At least one digit of a base from 2 to 16, and at most digits_max. */
bool text_take_digits(const char **text, unsigned base, unsigned digits_max, uint64_t *number);
