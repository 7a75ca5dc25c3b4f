/* SPDX-License-Identifier: MIT
 *
 * See pci_address.h.
 */
#include "hv/pci_address.h"

#include "arch/spec/pci.h"
#include "hv/text.h"
#include "hv/text_take.h"

size_t pci_address_format(char to[static PCI_ADDRESS_SIZE], struct pci_address address)
{
    size_t length = 0;
    if (address.segment != 0)
        length = text_format(to, PCI_ADDRESS_SIZE, "%04x:", address.segment);
    return length + text_format(to + length, PCI_ADDRESS_SIZE - length, "%02x:%02x.%x",
                                address.bus, pci_device(address),
                                address.function % PCI_FUNCTIONS);
}

static bool take_segment(const char **text, uint64_t *segment)
{
    const char *behind = *text;

    *segment = 0;
    if (!text_take_digits(&behind, 16, 4, segment) || behind - *text != 4)
        return false;
    *text = behind;
    return text_take_word(text, ":");
}

bool pci_address_take(const char **text, struct pci_address *address)
{
    uint64_t segment, bus, device, function;
    const char *behind = *text;

    if (take_segment(&behind, &segment))
        *text = behind;
    else
        segment = 0;
    if (!text_take_digits(text, 16, 2, &bus) || !text_take_word(text, ":") ||
        !text_take_digits(text, 16, 2, &device) || !text_take_word(text, ".") ||
        !text_take_digits(text, 16, 1, &function))
        return false;
    *address = (struct pci_address){ (uint16_t)segment, (uint8_t)bus,
                                     (uint8_t)(device << 3 | function) };
    return device < PCI_DEVICES && function < PCI_FUNCTIONS;
}
