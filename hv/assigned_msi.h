/* SPDX-License-Identifier: MIT
 *
 * A function's MSI as its guest sees it: one message, without mask bits. Address and
 * data are the guest's alone; what the machine's function has names an entry of the
 * interrupt remapping table, which leads to the vector that the guest chose, at the CPU
 * of the vCPU that it chose, and nowhere else. Where interrupts are not remapped there
 * is no MSI.
 *
 * A message that is no fixed interrupt of a vector from 16 on at one of the guest's
 * vCPUs is off, in the machine, until it is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/assigned_message.h"

struct vm;
struct pci_function;

struct assigned_msi {
    bool shown;
    bool wide;       /* an address of 64 bits */
    uint32_t index;  /* the machine's, if it is shown */

    bool enabled;    /* as the guest writes them */
    struct assigned_message message;
};

/* At boot, once, when the function's messages are off. */
void assigned_msi_add(struct assigned_msi *msi, const struct pci_function *function);

/* The guest begins; the machine's are off. */
void assigned_msi_reset(struct assigned_msi *msi);

/* Bytes of the capability, in whole doublewords. */
unsigned assigned_msi_bytes(const struct assigned_msi *msi);

/* A doubleword of the capability, at `at` from its beginning; the next one's offset is
 * the caller's to put in. */
uint32_t assigned_msi_read(const struct assigned_msi *msi, unsigned at);
void assigned_msi_write(struct vm *vm, const struct pci_function *function,
                        struct assigned_msi *msi, unsigned at, uint32_t value, uint32_t mask);
