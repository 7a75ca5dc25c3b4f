/* SPDX-License-Identifier: MIT
 *
 * See console_place.h. Memory and PCI addresses are written as Linux writes them
 * for its own early console.
 */
#include "hv/console_place.h"

#include "hv/text.h"

#define BUSES 256
#define DEVICES 32
#define FUNCTIONS 8
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

/* Behind the word, or NULL. */
static const char *behind(const char *text, const char *word)
{
    for (; *word != '\0'; word++, text++)
        if (*text != *word)
            return NULL;
    return text;
}

/* A hexadecimal number of 1 to 8 digits up to `end`; moves behind that. */
static bool number(const char **text, char end, uint32_t *value)
{
    unsigned digits = 0;

    for (*value = 0; text_digit(**text, 16) >= 0 && digits < 8; digits++, (*text)++)
        *value = *value << 4 | (uint32_t)text_digit(**text, 16);
    if (digits == 0 || **text != end)
        return false;
    if (end != '\0')
        (*text)++;
    return true;
}

static bool read_memory(struct console_place *place, const char *text, bool doublewords)
{
    uint32_t address;

    text = behind(text, "0x");
    if (text == NULL || !number(&text, '\0', &address) || address == 0
        || address % UART_ALIGNMENT != 0)
        return false;
    *place = (struct console_place){ .kind = CONSOLE_AT_MEMORY, .address = address,
                                     .doublewords = doublewords };
    return true;
}

static bool read_pci(struct console_place *place, const char *text, bool doublewords)
{
    uint32_t bus, device, function;

    if (!number(&text, ':', &bus) || !number(&text, '.', &device)
        || !number(&text, '\0', &function) || bus >= BUSES || device >= DEVICES
        || function >= FUNCTIONS)
        return false;
    *place = (struct console_place){
        .kind = CONSOLE_AT_PCI, .doublewords = doublewords,
        .pci = { .bus = (uint8_t)bus, .function = (uint8_t)(device << 3 | function) } };
    return true;
}

bool console_place_read(struct console_place *place, const char *text)
{
    const char *rest;

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (text_equal(names[i].name, text)) {
            *place = names[i].place;
            return true;
        }
    if ((rest = behind(text, "mmio:")) != NULL)
        return read_memory(place, rest, false);
    if ((rest = behind(text, "mmio32:")) != NULL)
        return read_memory(place, rest, true);
    if ((rest = behind(text, "pci:")) != NULL)
        return read_pci(place, rest, false);
    if ((rest = behind(text, "pci32:")) != NULL)
        return read_pci(place, rest, true);
    return false;
}
