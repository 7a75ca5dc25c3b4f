/* SPDX-License-Identifier: MIT
 *
 * Values of a TOML text, as they stand behind "=" and in arrays.
 */
#pragma once

#include "hv/toml.h"
#include "hv/toml_cursor.h"

/* A-Z a-z 0-9 _ - */
bool toml_is_bare(int character);

/*
 * Reads a string, integer or boolean at the cursor. TOML_BROKEN after an error;
 * the cursor then stands behind what it took for the value. '[' is for the
 * caller: it is taken for an array in an array.
 */
void toml_read_value(struct toml_cursor *cursor, struct toml_value *value);
