/* SPDX-License-Identifier: MIT
 *
 * QEMU's "edu" device, a PCI function that does the DMA and raises the MSI that it is
 * asked for: what a hostile guest's device can do, on demand. QEMU's documentation,
 * docs/specs/edu.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/irte.h"

#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11E8

struct edu {
    unsigned function; /* in host.pci */
    volatile uint32_t *registers;
};

/* The n-th one of the machine, from 0 on, decoding and bus mastering. */
bool edu_open(struct edu *edu, unsigned number);

void edu_master(const struct edu *edu, bool on);
bool edu_is_master(const struct edu *edu);

/* A transfer between device address and buffer; addresses of 28 bits. False: it did not
 * end. Whether memory was reached the device does not tell. */
bool edu_write(const struct edu *edu, uint32_t address, uint32_t bytes);
bool edu_read(const struct edu *edu, uint32_t address, uint32_t bytes);

/* Sends the message, once. */
void edu_interrupt(const struct edu *edu, struct vtd_message message);
