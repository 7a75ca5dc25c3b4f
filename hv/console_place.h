/* SPDX-License-Identifier: MIT
 *
 * Where the serial port of the console is, as the configuration says it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/pci_function.h"

enum console_kind { CONSOLE_AT_NONE, CONSOLE_AT_PORT, CONSOLE_AT_MEMORY, CONSOLE_AT_PCI };

struct console_place {
    enum console_kind kind;
    uint16_t port;          /* first of eight */
    uint8_t irq;            /* its ISA interrupt; 0: nobody knows */
    uint32_t address;       /* in memory below 4 GiB */
    struct pci_address pci; /* in segment 0 */
    bool doublewords;       /* in memory: each register is one */
};

/* "com1" to "com4", "none", "mmio:0xfe032000", "mmio32:0xfe032000", "pci:02:00.0",
 * "pci32:02:00.0". False, and nothing is written: it is none of these. */
bool console_place_read(struct console_place *place, const char *text);
