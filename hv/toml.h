/* SPDX-License-Identifier: MIT
 *
 * A reader for the part of TOML 1.0 that configurations need; all it accepts is
 * valid TOML 1.0 as far as one statement can be judged. The caller pulls item
 * by item, and judges what needs memory: keys and tables that come twice.
 *
 * Read: comments, [table], [[array of tables]], bare keys, basic and literal
 * strings, decimal and hexadecimal integers, booleans, arrays of these over any
 * number of lines. All else in TOML is an error that says what to write instead.
 * After an error it goes on with the next line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/findings.h"
#include "hv/toml_cursor.h"

#define TOML_NAME_SIZE 64     /* a longer name is cut */
#define TOML_STRING_SIZE 2048 /* a longer string is an error; both with terminator */

enum toml_type {
    TOML_BROKEN, /* an error was added about it */
    TOML_STRING,
    TOML_INTEGER,
    TOML_BOOLEAN,
    TOML_ARRAY /* its elements follow as items */
};

struct toml_value {
    enum toml_type type;
    struct place place;
    int64_t integer;
    bool boolean;
    char string[TOML_STRING_SIZE]; /* without NUL inside */
};

enum toml_kind {
    TOML_TABLE,       /* [name] */
    TOML_TABLE_ARRAY, /* [[name]] */
    TOML_KEY,         /* name = value */
    TOML_ELEMENT,     /* value, of the array of the last TOML_KEY */
    TOML_ARRAY_END,
    TOML_END
};

struct toml_item {
    enum toml_kind kind;
    struct place place; /* of the name, or of what the kind says */
    /* The line of a header is faulty and an error was added about it: kind and
     * name are what was probably meant, the name possibly empty. */
    bool faulty;
    char name[TOML_NAME_SIZE];
    struct toml_value value;
};

struct toml {
    struct toml_cursor cursor;
    bool in_array;
    bool array_unclosed; /* a statement follows where ] should stand */
    struct place array_place;
};

void toml_start(struct toml *toml, const char *text, size_t length, struct findings *findings);

/* After TOML_END it is TOML_END for ever. */
void toml_next(struct toml *toml, struct toml_item *item);
