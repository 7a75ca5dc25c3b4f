/* SPDX-License-Identifier: MIT
 *
 * Writes a structure of unknown length into a guest's RAM, one thing behind the
 * other. Without memory it writes nothing and only counts: so the function that
 * writes a structure also says beforehand how long it will be.
 */
#pragma once

#include "hv/guest_memory.h"

struct guest_writer {
    const struct guest_memory *memory; /* NULL: only counts */
    uint64_t at;                       /* guest-physical, of what comes next */
};

/* All return the address of what they wrote. */
uint64_t writer_bytes(struct guest_writer *writer, const void *bytes, size_t size);
uint64_t writer_32(struct guest_writer *writer, uint32_t value);
uint64_t writer_string(struct guest_writer *writer, const char *text); /* and its terminator */

/* Leaves room that somebody writes later. */
uint64_t writer_skip(struct guest_writer *writer, size_t size);
void writer_align(struct guest_writer *writer, uint64_t alignment);

/* Into such room. */
void writer_put(const struct guest_writer *writer, uint64_t at, const void *bytes, size_t size);
