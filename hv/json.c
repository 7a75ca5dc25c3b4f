/* SPDX-License-Identifier: MIT
 *
 * See json.h.
 */
#include "hv/json.h"

#include "hv/check.h"
#include "hv/text.h"
#include "hv/utf8.h"

#define NUMBER_MAX (1ull << 53)
#define REPLACEMENT 0xFFFDu

static void put(struct json *json, const char *text)
{
    size_t length = strlen(text);

    if (length >= json->size - json->length) {
        json->overflow = true;
        return;
    }
    memcpy(json->to + json->length, text, length + 1);
    json->length += length;
}

static void begin_value(struct json *json, const char *key)
{
    if (!json->first)
        put(json, ",");
    json->first = false;
    if (key == NULL)
        return;
    put(json, "\"");
    put(json, key);
    put(json, "\":");
}

static void open(struct json *json, const char *opener, char closer)
{
    CHECK(json->depth < JSON_DEPTH_MAX);
    put(json, opener);
    json->closers[json->depth++] = closer;
    json->first = true;
}

void json_begin(struct json *json, char *to, size_t size)
{
    CHECK(size > 0);
    *json = (struct json){ .to = to, .size = size };
    to[0] = '\0';
    open(json, "{", '}');
}

void json_object(struct json *json, const char *key)
{
    begin_value(json, key);
    open(json, "{", '}');
}

void json_array(struct json *json, const char *key)
{
    begin_value(json, key);
    open(json, "[", ']');
}

void json_close(struct json *json)
{
    CHECK(json->depth > 0);
    char closer[2] = { json->closers[--json->depth], '\0' };
    put(json, closer);
    json->first = false;
}

size_t json_end(struct json *json)
{
    while (json->depth > 0)
        json_close(json);
    return json->overflow ? 0 : json->length;
}

static void put_unit(struct json *json, uint32_t unit)
{
    char text[8];

    text_format(text, sizeof text, "\\u%04x", unit);
    put(json, text);
}

/* RFC 8259, 7 "Strings": characters beyond the basic plane are two units. */
static void put_escaped(struct json *json, uint32_t character)
{
    if (character < 0x10000) {
        put_unit(json, character);
        return;
    }
    put_unit(json, 0xD800 + ((character - 0x10000) >> 10));
    put_unit(json, 0xDC00 + ((character - 0x10000) & 0x3FF));
}

static void put_character(struct json *json, uint32_t character)
{
    char text[3] = { (char)character, '\0', '\0' };

    if (character == '"' || character == '\\') {
        text[0] = '\\';
        text[1] = (char)character;
    } else if (character < ' ' || character > '~') {
        put_escaped(json, character);
        return;
    }
    put(json, text);
}

void json_text(struct json *json, const char *key, const char *text)
{
    size_t left = strlen(text);

    begin_value(json, key);
    put(json, "\"");
    while (left > 0) {
        uint32_t character = REPLACEMENT;
        size_t bytes = utf8_read(text, left, &character);
        if (bytes == 0) {
            character = REPLACEMENT;
            bytes = 1;
        }
        put_character(json, character);
        text += bytes;
        left -= bytes;
    }
    put(json, "\"");
}

void json_number(struct json *json, const char *key, uint64_t number)
{
    char text[24];

    begin_value(json, key);
    text_format(text, sizeof text, "%llu",
                (unsigned long long)(number < NUMBER_MAX ? number : NUMBER_MAX));
    put(json, text);
}

void json_hex(struct json *json, const char *key, uint64_t number)
{
    char text[24];

    begin_value(json, key);
    text_format(text, sizeof text, "\"0x%llx\"", (unsigned long long)number);
    put(json, text);
}

void json_bool(struct json *json, const char *key, bool value)
{
    begin_value(json, key);
    put(json, value ? "true" : "false");
}

void json_null(struct json *json, const char *key)
{
    begin_value(json, key);
    put(json, "null");
}
