/* SPDX-License-Identifier: MIT
 *
 * What the user's keys mean: everything is input of the guest in focus, except
 * the key after a Ctrl-].
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CONSOLE_KEYS_PREFIX 0x1D /* Ctrl-] */
#define CONSOLE_KEYS_HELP \
    "Ctrl-] then: n next guest, 1-8 guest by number, m monitor, q end the run, ? these keys, " \
    "Ctrl-] a Ctrl-] for the guest"

enum console_action {
    CONSOLE_NOTHING, /* the prefix: its key is still to come */
    CONSOLE_INPUT,   /* `value` goes to the guest */
    CONSOLE_NEXT,
    CONSOLE_GUEST,   /* `value` is a VM index */
    CONSOLE_MONITOR,
    CONSOLE_QUIT,
    CONSOLE_HELP,    /* asked for, or a key that means nothing */
};

struct console_key {
    enum console_action action;
    uint8_t value;
};

struct console_keys {
    bool prefixed;
};

struct console_key console_keys_take(struct console_keys *keys, uint8_t byte);
