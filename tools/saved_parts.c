/* SPDX-License-Identifier: MIT
 *
 * See saved_parts.h.
 */
#include "tools/saved_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_BITS_MAX 52

static bool read_head(struct saved_parts *parts, struct saved_inventory *saved,
                      struct inventory *inventory, const char *text)
{
    char remapping[4];
    int end = 0;
    if (sscanf(text, "parts: own ports %u, own memory %u, address bits %u, DMA remapping %3s%n",
               &parts->ports, &parts->memory, &inventory->address_bits, remapping, &end) != 4)
        return false;
    saved->parts_known = true;
    inventory->own_port_count = inventory->own_memory_count = 0;
    inventory->dma_remapping = strcmp(remapping, "on") == 0;
    return text[end] == '\0' && inventory->address_bits <= ADDRESS_BITS_MAX
        && parts->ports <= INVENTORY_OWN_PORTS_MAX && parts->memory <= INVENTORY_OWN_MEMORY_MAX;
}

/* "b004-b007  the machine's power management" */
static bool read_own(struct inventory_own *own, char what[static SAVED_PART_SIZE],
                     const char *text)
{
    unsigned long long first, last;
    int end = 0;
    if (sscanf(text, "%llx-%llx%n", &first, &last, &end) != 2 || first > last
        || strncmp(text + end, "  ", 2) != 0)
        return false;
    snprintf(what, SAVED_PART_SIZE, "%s", text + end + 2);
    *own = (struct inventory_own){ first, last, what };
    return true;
}

static bool read_ports(const struct saved_parts *parts, struct saved_inventory *saved,
                       struct inventory *inventory, const char *text)
{
    uint32_t count = inventory->own_port_count++;
    return count < parts->ports
        && read_own(&inventory->own_ports[count], saved->own_ports[count], text);
}

static bool read_memory(const struct saved_parts *parts, struct saved_inventory *saved,
                        struct inventory *inventory, const char *text)
{
    uint32_t count = inventory->own_memory_count++;
    return count < parts->memory
        && read_own(&inventory->own_memory[count], saved->own_memory[count], text);
}

/* " 2 1 - 3": each interrupt's. */
static bool read_inputs(struct inventory *inventory, const char *text)
{
    for (unsigned irq = 0; irq < INVENTORY_ISA_IRQS; irq++) {
        char word[12];
        int end = 0;
        if (sscanf(text, " %11s%n", word, &end) != 1)
            return false;
        text += end;
        inventory->isa_gsi[irq] = strcmp(word, "-") == 0 ? INVENTORY_NO_GSI
                                                         : (uint32_t)strtoul(word, NULL, 10);
    }
    inventory->gsis_known = *text == '\0';
    return inventory->gsis_known;
}

static const char *behind(const char *text, const char *word)
{
    size_t length = strlen(word);
    return strncmp(text, word, length) == 0 ? text + length : NULL;
}

enum saved_parts_line saved_parts_line(struct saved_parts *parts, struct saved_inventory *saved,
                                       struct inventory *inventory, const char *text)
{
    const char *rest;
    bool good;
    if (behind(text, "parts: own ports") != NULL)
        good = read_head(parts, saved, inventory, text);
    else if ((rest = behind(text, "  own ports ")) != NULL)
        good = saved->parts_known && read_ports(parts, saved, inventory, rest);
    else if ((rest = behind(text, "  own memory ")) != NULL)
        good = saved->parts_known && read_memory(parts, saved, inventory, rest);
    else if ((rest = behind(text, "  interrupts 0 to 15 at IOAPIC inputs")) != NULL)
        good = saved->parts_known && read_inputs(inventory, rest);
    else
        return SAVED_PARTS_OTHER;
    return good ? SAVED_PARTS_READ : SAVED_PARTS_BROKEN;
}

bool saved_parts_are_whole(const struct saved_parts *parts, const struct saved_inventory *saved,
                           const struct inventory *inventory)
{
    return !saved->parts_known
        || (inventory->own_port_count == parts->ports
            && inventory->own_memory_count == parts->memory && inventory->gsis_known);
}
