/* SPDX-License-Identifier: MIT
 *
 * Addresses of a guest's own functions that are not mapped in its EPT: the pages of an
 * MSI-X table (hv/assigned_msix.h), wherever the guest has put that BAR.
 *
 * The table is emulated, by aligned accesses of 4 or 8 bytes, which are all that the
 * specification allows. Whatever else lies in its pages, the pending bits or other
 * registers, is the guest's, too, and is accessed for it at the same place with the same
 * size; only where an access is not naturally aligned nobody answers.
 *
 * The caller holds the VM's lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/addr.h"

struct assigned;

/* False: nobody is there. */
bool assigned_memory_has(const struct assigned *assigned, gpa_t gpa);

/* Of 1, 2, 4 or 8 bytes. False: nobody answers. */
bool assigned_memory_read(const struct assigned *assigned, gpa_t gpa, unsigned bytes,
                          uint64_t *value);
bool assigned_memory_write(struct assigned *assigned, gpa_t gpa, unsigned bytes, uint64_t value);
