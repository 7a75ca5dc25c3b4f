/* SPDX-License-Identifier: MIT
 *
 * See pci_private.h.
 */
#include "hv/pci_private.h"

#include <stddef.h>

#include "arch/spec/pci.h"

#define VENDOR_INTEL 0x8086

static const struct row {
    uint16_t vendor_id;
    uint16_t class_code;
    uint8_t first, last;
    bool written;
} rows[] = {
    /* Timing of the two channels, with the bit that says whether a channel is there:
     * Intel 82371SB (PIIX3), 2.3 "PCI IDE Registers", and those after it. A channel's
     * ports are its owner's, so whoever turns it off turns off its own. */
    { VENDOR_INTEL, PCI_CLASS_IDE, 0x40, 0x57, true },
    /* Which ports of a SATA controller in IDE mode are a channel's, and whether they
     * are on. */
    { VENDOR_INTEL, PCI_CLASS_IDE, 0x90, 0x93, false },
};

static const struct row *row_of(const struct pci_function *function, unsigned offset)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (function->vendor_id == rows[i].vendor_id &&
            function->class_code == rows[i].class_code && offset >= rows[i].first &&
            offset <= rows[i].last)
            return &rows[i];
    return NULL;
}

bool pci_private_is_read(const struct pci_function *function, unsigned offset)
{
    return row_of(function, offset) != NULL;
}

bool pci_private_is_written(const struct pci_function *function, unsigned offset)
{
    const struct row *row = row_of(function, offset);

    return row != NULL && row->written;
}
