/* SPDX-License-Identifier: MIT
 *
 * See console_place.h. Memory and PCI addresses are written as Linux writes them
 * for its own early console.
 */
#include "hv/console_place.h"

#include "hv/pci_address.h"
#include "hv/text.h"
#include "hv/text_take.h"

#define UART_ALIGNMENT 4 /* a lone UART lies at a multiple of it, whatever its registers are */

static const struct {
    const char *name;
    struct console_place place;
} names[] = {
    { "com1", { .kind = CONSOLE_AT_PORT, .port = 0x3f8, .irq = 4 } },
    { "com2", { .kind = CONSOLE_AT_PORT, .port = 0x2f8, .irq = 3 } },
    { "com3", { .kind = CONSOLE_AT_PORT, .port = 0x3e8, .irq = 4 } },
    { "com4", { .kind = CONSOLE_AT_PORT, .port = 0x2e8, .irq = 3 } },
    { "none", { .kind = CONSOLE_AT_NONE } },
};

static bool read_memory(struct console_place *place, const char *text, bool doublewords)
{
    uint64_t address;

    if (!text_take_word(&text, "0x") || !text_take_digits(&text, 16, 8, &address) ||
        *text != '\0' || address == 0 || address % UART_ALIGNMENT != 0)
        return false;
    *place = (struct console_place){ .kind = CONSOLE_AT_MEMORY, .address = (uint32_t)address,
                                     .doublewords = doublewords };
    return true;
}

static bool read_pci(struct console_place *place, const char *text, bool doublewords)
{
    struct pci_address address;

    if (!pci_address_take(&text, &address) || *text != '\0' || address.segment != 0)
        return false;
    *place = (struct console_place){ .kind = CONSOLE_AT_PCI, .doublewords = doublewords,
                                     .pci = address };
    return true;
}

bool console_place_read(struct console_place *place, const char *text)
{
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (text_equal(names[i].name, text)) {
            *place = names[i].place;
            return true;
        }
    if (text_take_word(&text, "mmio:"))
        return read_memory(place, text, false);
    if (text_take_word(&text, "mmio32:"))
        return read_memory(place, text, true);
    if (text_take_word(&text, "pci:"))
        return read_pci(place, text, false);
    if (text_take_word(&text, "pci32:"))
        return read_pci(place, text, true);
    return false;
}
