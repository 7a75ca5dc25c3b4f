/* SPDX-License-Identifier: MIT
 *
 * From a PC keyboard's scan codes, set 1, to the bytes that a terminal sends:
 * US layout, cursor and function keys as xterm's. Keys that have no byte give
 * none. The keypad gives digits whatever Num Lock says.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define KEYBOARD_BYTES_MAX 8 /* of one key */

struct keyboard {
    bool shift[2]; /* left, right */
    bool control[2];
    bool alt;
    bool caps_lock;
    bool extended;     /* E0h came */
    uint8_t skip;      /* codes of the Pause key still to come */
    uint8_t bytes[KEYBOARD_BYTES_MAX]; /* of the last key, not taken yet */
    uint8_t count;
    uint8_t taken;
    uint32_t overruns; /* times that the keyboard said it lost keys */
};

/* The next code; the bytes of the one before were taken. */
void keyboard_code(struct keyboard *keyboard, uint8_t code);

/* A byte of the last key, or -1. */
int keyboard_take(struct keyboard *keyboard);
