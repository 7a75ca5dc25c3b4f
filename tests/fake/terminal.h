/* SPDX-License-Identifier: MIT
 *
 * The user at the other end of the fake machine's console: types, and reads
 * what was shown. Also in place of vm_stop_all(), which a key calls,
 * and of readiness_output().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tests/fake/machine.h"

struct fake_terminal {
    unsigned stop_all_count;
    size_t read; /* of fake.console_output */
};

extern struct fake_terminal fake_terminal;

/* Also fake_reset, and a console in use with the code "TEST". */
void fake_terminal_reset(void);

/* Bytes on the wire; nothing reads them yet. */
void fake_terminal_type(const char *keys, size_t count);

/* What was shown since the last call, terminated. */
const char *fake_terminal_shown(void);

/* Makes room for as much output again as after a reset. */
void fake_terminal_clear(void);

/* Bytes that somebody who waits for a guest has seen; '!' makes it ready. */
extern unsigned fake_terminal_watched;
