/* SPDX-License-Identifier: MIT
 *
 * Strings of a TOML text.
 */
#pragma once

#include "hv/toml.h"
#include "hv/toml_cursor.h"

/* The cursor stands on a quote, single or double. Sets type and string. */
void toml_read_string(struct toml_cursor *cursor, struct toml_value *value);
