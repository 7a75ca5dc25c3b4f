/* SPDX-License-Identifier: MIT
 *
 * A function's MSI-X as its guest sees it: the table reads as the guest wrote it. What
 * the machine's table has names entries of the interrupt remapping table, each of which
 * leads to the vector that the guest chose, at the CPU of the vCPU that it chose, and
 * nowhere else. Where interrupts are not remapped there is no MSI-X.
 *
 * An entry of the machine is masked until the guest's is not and names one of the
 * guest's vCPUs, and it has the name of its remapping entry before it is unmasked; so
 * the function's own two bits, that turn all on and mask all, can be the guest's.
 *
 * The pages of the table are never mapped in the guest (hv/assigned_memory.h has what
 * else lies in them). Of a long table the guest is shown the beginning; the rest stays
 * masked.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/assigned_message.h"

struct vm;
struct pci_function;

#define ASSIGNED_MSIX_ENTRIES 32 /* of a function */
#define ASSIGNED_MSIX_BUDGET 96  /* of all functions of a guest */

struct assigned_msix_entry {
    struct assigned_message message; /* as the guest writes it */
    bool masked;
    uint32_t leads; /* CPU and vector, in the machine; 0: nowhere */
};

struct assigned_msix {
    const char *absence; /* of MSI-X that the function has: why it is not shown; or NULL */
    uint16_t count;      /* entries that are shown; 0: there is no MSI-X */
    uint8_t bar;         /* with the table */
    uint32_t offset;     /* of the table in that BAR */
    uint32_t index;      /* the machine's, of the first entry */

    bool enabled, masked; /* as the guest writes them */
    struct assigned_msix_entry entries[ASSIGNED_MSIX_ENTRIES];
};

/* At boot, once, when the function's messages are off. `budget` is how many entries the
 * guest may have yet. */
void assigned_msix_add(struct assigned_msix *msix, const struct pci_function *function,
                       unsigned *budget);

/* The guest begins or has ended: in the machine all entries are masked and name nothing.
 * The function's messages are off. */
void assigned_msix_reset(struct assigned_msix *msix, const struct pci_function *function);

/* The first doubleword of the capability. The next one's offset is the caller's to put
 * in. The other two are the machine's, and read-only. */
#define ASSIGNED_MSIX_BYTES 12
uint32_t assigned_msix_read(const struct assigned_msix *msix);
void assigned_msix_write(const struct vm *vm, const struct pci_function *function,
                         struct assigned_msix *msix, uint32_t value, uint32_t mask);

/* Bytes of the table in the machine, and from which byte of the BAR on how many belong
 * to pages that it touches: whole pages. */
uint32_t assigned_msix_table_bytes(const struct pci_function *function);
uint64_t assigned_msix_pages(const struct assigned_msix *msix,
                             const struct pci_function *function, uint64_t *first);

/* A doubleword of the table, at `at` from its beginning. */
uint32_t assigned_msix_table_read(const struct assigned_msix *msix, uint32_t at);
void assigned_msix_table_write(const struct vm *vm, const struct pci_function *function,
                               struct assigned_msix *msix, uint32_t at, uint32_t value);
