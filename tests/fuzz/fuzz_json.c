/* SPDX-License-Identifier: MIT
 *
 * Any sequence of values into a buffer of any size: one line of ASCII whose braces and
 * quotes match, or nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "hv/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void require_object(const char *text)
{
    char open[JSON_DEPTH_MAX];
    unsigned depth = 0;
    bool quoted = false;

    for (const char *at = text; *at != '\0'; at++) {
        require(*at >= ' ' && *at <= '~');
        if (quoted && *at == '\\') {
            at++;
            require(*at == '"' || *at == '\\' || *at == 'u');
        } else if (*at == '"') {
            quoted = !quoted;
        } else if (!quoted && (*at == '{' || *at == '[')) {
            require(depth < JSON_DEPTH_MAX && at[1] != ',');
            open[depth++] = *at == '{' ? '}' : ']';
        } else if (!quoted && (*at == '}' || *at == ']')) {
            require(depth > 0 && open[--depth] == *at);
            require(depth > 0 || at[1] == '\0');
        }
    }
    require(!quoted && depth == 0);
}

/* The innermost one is an array, so its members have no key. */
static void put(struct json *json, uint8_t what, const uint8_t *data, size_t size)
{
    const char *key = json->closers[json->depth - 1] == ']' ? NULL : "key";
    char text[32] = "";

    memcpy(text, data, size < sizeof text - 1 ? size : sizeof text - 1);
    switch (what % 8) {
    case 0: json_number(json, key, size * 0x1234567890ABCDEull); break;
    case 1: json_hex(json, key, size * 0x1234567890ABCDEull); break;
    case 2: json_bool(json, key, size & 1); break;
    case 3: json_null(json, key); break;
    case 4:
        if (json->depth < JSON_DEPTH_MAX)
            json_object(json, key);
        break;
    case 5:
        if (json->depth < JSON_DEPTH_MAX)
            json_array(json, key);
        break;
    case 6:
        if (json->depth > 1)
            json_close(json);
        break;
    default: json_text(json, key, text); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json json;

    if (size < 2)
        return 0;
    size_t room = (size_t)data[0] * 8 + 1;
    char *line = malloc(room);
    require(line != NULL);
    json_begin(&json, line, room);
    for (size_t i = 1; i < size; i++)
        put(&json, data[i], data + i + 1, size - i - 1);
    size_t length = json_end(&json);
    require(length < room);
    if (length != 0) {
        require(strlen(line) == length);
        require_object(line);
    }
    free(line);
    return 0;
}
