/* SPDX-License-Identifier: MIT
 *
 * See pci_legacy.h.
 */
#include "hv/pci_legacy.h"

#include "arch/spec/pci.h"

#define NATIVE_MODE 1u /* of the programming interface, two bits for each channel */

bool pci_legacy_channel(const struct pci_function *function, unsigned channel,
                        struct pci_legacy *legacy)
{
    static const struct pci_legacy channels[PCI_LEGACY_CHANNELS] = {
        { 0x1F0, 0x1F7, 0x3F6, 14 }, { 0x170, 0x177, 0x376, 15 },
    };

    if (function->class_code != PCI_CLASS_IDE || function->interface & NATIVE_MODE << 2 * channel)
        return false;
    *legacy = channels[channel];
    return true;
}
