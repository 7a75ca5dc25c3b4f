/* SPDX-License-Identifier: MIT
 *
 * See saved_functions.h.
 */
#include "tools/saved_functions.h"

#include <stdio.h>
#include <string.h>

#include "arch/spec/pci.h"
#include "hv/pci_class.h"

#define PART_SIZE 64
#define SEPARATOR "  "
#define SIZE_SHIFT_MAX 52

void saved_function_class(struct pci_function *function, const char *name, size_t length)
{
    char text[PART_SIZE];
    unsigned number;

    while (length > 0 && name[length - 1] == ' ')
        length--;
    snprintf(text, sizeof text, "%.*s", (int)length, name);
    if (!pci_class_find(text, &function->class_code))
        function->class_code = sscanf(text, "class %4x", &number) == 1 ? (uint16_t)number : 0;
    if (function->class_code == PCI_CLASS_PCI_BRIDGE)
        function->header = PCI_HEADER_BRIDGE;
    if (function->class_code == PCI_CLASS_CARDBUS_BRIDGE)
        function->header = PCI_HEADER_CARDBUS;
}

/* "128K" is 2^17 bytes. */
static bool read_size(const char *text, uint8_t *shift)
{
    static const char units[] = "KMGTPE";
    unsigned number, bits = 0;
    char unit = '\0';
    const char *found;

    if (sscanf(text, "%u%c", &number, &unit) < 1 || number == 0 || (number & (number - 1)) != 0)
        return false;
    if (unit != '\0') {
        found = strchr(units, unit);
        if (found == NULL)
            return false;
        bits = 10 * (unsigned)(found - units + 1);
    }
    *shift = (uint8_t)(bits + (unsigned)__builtin_ctz(number));
    return *shift <= SIZE_SHIFT_MAX;
}

static bool skip(const char **text, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(*text, word, length) != 0)
        return false;
    *text += length;
    return true;
}

/* "io c040 64", "64-bit pref 4000000000 256M", "febf0000 128K", "unset 4K". */
static bool read_bar(struct pci_bar *bar, const char *text)
{
    unsigned long long base = 0;
    char size[PART_SIZE];

    bar->space = PCI_SPACE_MEMORY_32;
    if (skip(&text, "io "))
        bar->space = PCI_SPACE_IO;
    else if (skip(&text, "64-bit "))
        bar->space = PCI_SPACE_MEMORY_64;
    bar->prefetchable = skip(&text, "pref ");
    if (skip(&text, "unset ") ? sscanf(text, "%63s", size) != 1
                              : sscanf(text, "%llx %63s", &base, size) != 2)
        return false;
    bar->base = base;
    return base >> SIZE_SHIFT_MAX == 0 && read_size(size, &bar->size_shift);
}

static bool read_part(struct pci_function *function, const char *part)
{
    unsigned first, second;
    char letter;

    if (sscanf(part, "BAR%1u ", &first) == 1)
        return first < PCI_BAR_ROM && read_bar(&function->bars[first], part + strlen("BAR0 "));
    if (skip(&part, "ROM "))
        return read_bar(&function->bars[PCI_BAR_ROM], part);
    if (sscanf(part, "INT%c irq %u", &letter, &first) >= 1 && letter >= 'A' && letter <= 'D') {
        function->interrupt_pin = (uint8_t)(letter - 'A' + 1);
        if (sscanf(part, "INT%c irq %u", &letter, &first) == 2)
            function->interrupt_line = (uint8_t)first;
    } else if (sscanf(part, "bus %2x-%2x", &first, &second) == 2) {
        function->secondary_bus = (uint8_t)first;
        function->subordinate_bus = (uint8_t)second;
    }
    return true;
}

bool saved_function_parts(struct pci_function *function, const char *text)
{
    while (*text != '\0') {
        const char *end = strstr(text, SEPARATOR);
        size_t length = end != NULL ? (size_t)(end - text) : strlen(text);
        char part[PART_SIZE];

        if (length >= sizeof part)
            return false;
        memcpy(part, text, length);
        part[length] = '\0';
        if (!read_part(function, part))
            return false;
        text += length;
        while (*text == ' ')
            text++;
    }
    return true;
}
