/* SPDX-License-Identifier: MIT
 *
 * The latest lines of the log, for who asks later. Lines are numbered from 0 in
 * the order of their coming; those that had to give way are known by their
 * numbers, so what is missing can be said. Lines that the log's level hides are
 * kept, too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_RING_LINES 256u
#define LOG_RING_TEXT 160u /* longer lines are cut here */

/* In a panic no lock is taken any more. */
void log_ring_panic(void);

void log_ring_add(const char *text, size_t length);

/* The number of the next line to come: so many came so far. */
uint64_t log_ring_next(void);

/* False: it has given way, or has not come yet. */
bool log_ring_read(uint64_t number, char to[static LOG_RING_TEXT]);
