/* SPDX-License-Identifier: MIT
 *
 * See pci_address.h.
 */
#include "hv/pci_address.h"

#include "arch/spec/pci.h"
#include "hv/text.h"

size_t pci_address_format(char to[static PCI_ADDRESS_SIZE], struct pci_address address)
{
    size_t length = 0;
    if (address.segment != 0)
        length = text_format(to, PCI_ADDRESS_SIZE, "%04x:", address.segment);
    return length + text_format(to + length, PCI_ADDRESS_SIZE - length, "%02x:%02x.%x",
                                address.bus, pci_device(address),
                                address.function % PCI_FUNCTIONS);
}
