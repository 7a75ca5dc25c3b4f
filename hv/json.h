/* SPDX-License-Identifier: MIT
 *
 * Writes one JSON object (RFC 8259) into one line. What is written is ASCII alone:
 * other characters, and bytes that are no UTF-8, are escaped, so that the line is
 * one line and valid whatever a guest has put into a text.
 *
 * An object that did not fit is no object: json_end() says so, and never is half of
 * one taken for a whole. Numbers are written as such up to 2^53, which every reader
 * keeps exactly; addresses and registers are strings in hexadecimal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 4u

struct json {
    char *to;
    size_t size;
    size_t length;
    unsigned depth;
    bool first;    /* of the innermost object or array */
    bool overflow;
    char closers[JSON_DEPTH_MAX];
};

/* Begins an object. `to` is of `size` bytes, one of them for a terminator. */
void json_begin(struct json *json, char *to, size_t size);

/* Closes what is open; the length, or 0: it did not fit. */
size_t json_end(struct json *json);

/* `key` is NULL within an array, and else a name that needs no escapes. */
void json_text(struct json *json, const char *key, const char *text);
void json_number(struct json *json, const char *key, uint64_t number);
void json_hex(struct json *json, const char *key, uint64_t number);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);
void json_object(struct json *json, const char *key);
void json_array(struct json *json, const char *key);
void json_close(struct json *json); /* the innermost one */
