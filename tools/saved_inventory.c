/* SPDX-License-Identifier: MIT
 *
 * See saved_inventory.h.
 */
#include "tools/saved_inventory.h"

#include <stdio.h>
#include <string.h>

#include "hv/config.h"
#include "tools/saved_functions.h"
#include "tools/saved_parts.h"

#define HEAD "inventory: cpus "
#define PREFIX "[bulkhead "
#define LINE_SIZE 256
#define MORE "          " /* LOG_ROW_INDENT blanks */

/* Bits of an address that CPUs have; more in a number is no address. */
#define ADDRESS_MAX (1ull << 52)

struct reader {
    struct saved_inventory *saved;
    struct inventory *inventory;
    bool found;
    char prefix[LINE_SIZE]; /* of the inventory's lines */
    unsigned blocks, functions; /* as many as its first line tells */
    bool in_function; /* lines that are set in go on with the last one's parts */
    struct saved_parts parts;
};

/* The line begins a new inventory: what was read before is forgotten. */
static bool read_head(struct reader *reader, const char *line, const char *head)
{
    const char *start = head;
    for (const char *at = line; (at = strstr(at, PREFIX)) != NULL && at < head; at++)
        start = at;
    size_t length = (size_t)(head - start);
    memcpy(reader->prefix, start, length);
    reader->prefix[length] = '\0';

    struct inventory *inventory = reader->inventory;
    unsigned long long image_bytes;
    int end = 0;
    reader->found = true;
    reader->saved->pci.count = 0;
    inventory->pci = &reader->saved->pci;
    inventory->dma_remapping = false;
    for (unsigned i = 0; i < INVENTORY_ISA_IRQS; i++)
        inventory->isa_gsi[i] = i;
    reader->saved->parts_known = inventory->gsis_known = false;
    inventory->address_bits = 0;
    inventory->own_port_count = inventory->own_memory_count = 0;
    inventory->region_count = 0;
    if (sscanf(head, "inventory: cpus %u, memory blocks %u, functions %u, image bytes %llu%n",
               &inventory->cpu_count, &reader->blocks, &reader->functions, &image_bytes, &end) != 4)
        return false;
    reader->saved->image_bytes = image_bytes;
    return head[end] == '\0' && inventory->cpu_count >= 1
        && inventory->cpu_count <= CONFIG_CPUS_MAX && reader->blocks <= MEMORY_REGIONS_MAX
        && reader->functions <= PCI_FUNCTIONS_MAX;
}

static bool read_memory(struct reader *reader, const char *text)
{
    struct inventory *inventory = reader->inventory;
    unsigned long long first, last;
    if (sscanf(text, "%llx-%llx", &first, &last) != 2 || first > last || last >= ADDRESS_MAX
        || first % PAGE_SIZE_4K != 0 || (last + 1) % PAGE_SIZE_4K != 0
        || inventory->region_count == reader->blocks)
        return false;
    if (inventory->region_count > 0) {
        const struct memory_region *before = &inventory->regions[inventory->region_count - 1];
        if (first < before->base.value + before->bytes)
            return false;
    }
    inventory->regions[inventory->region_count++] =
        (struct memory_region){ HPA(first), last - first + 1 };
    return true;
}

/* "00:1f.2" or "0001:00:1f.2"; false: something else, which is no function's line. */
static bool read_address(const char *text, struct pci_address *address)
{
    unsigned segment = 0, bus, device, function;
    char space;
    if (sscanf(text, "%4x:%2x:%2x.%1x%c", &segment, &bus, &device, &function, &space) != 5) {
        segment = 0;
        if (sscanf(text, "%2x:%2x.%1x%c", &bus, &device, &function, &space) != 4)
            return false;
    }
    *address = (struct pci_address){ (uint16_t)segment, (uint8_t)bus,
                                     (uint8_t)(device << 3 | function) };
    return device < 32 && function < 8 && space == ' ';
}

static bool read_function(struct reader *reader, struct pci_address address, const char *text)
{
    static const char separator[] = "  group ";
    struct pci_inventory *pci = &reader->saved->pci;
    unsigned vendor, device, group;
    int end = 0;
    const char *at = strstr(text, separator);
    const size_t ids_length = strlen("8086:2922");
    if (at == NULL || (size_t)(at - text) < ids_length || pci->count == reader->functions)
        return false;
    if (sscanf(at - ids_length, "%4x:%4x  group %u%n", &vendor, &device, &group, &end) != 3
        || group >= PCI_FUNCTIONS_MAX)
        return false;
    struct pci_function *function = &pci->functions[pci->count++];
    *function = (struct pci_function){
        .address = address, .vendor_id = (uint16_t)vendor, .device_id = (uint16_t)device,
        .group = (uint16_t)group, .parent = PCI_NO_PARENT };
    const char *name = strchr(text, ' ');
    while (*name == ' ')
        name++;
    if (name < at - ids_length)
        saved_function_class(function, name, (size_t)(at - ids_length - name));
    const char *parts = at - ids_length + end;
    return saved_function_parts(function, parts + strspn(parts, " "));
}

/* "irq 0: GSI 2 edge high", one behind the other. */
static void read_overrides(struct inventory *inventory, const char *text)
{
    unsigned irq, gsi;
    for (const char *at = text; (at = strstr(at, "irq ")) != NULL; at++)
        if (sscanf(at, "irq %u: GSI %u", &irq, &gsi) == 2 && irq < INVENTORY_ISA_IRQS)
            inventory->isa_gsi[irq] = gsi;
}

/* What is not understood is somebody else's line, or one that is only to be read. */
static bool read_line(struct reader *reader, const char *line)
{
    struct pci_address address;
    const char *head = strstr(line, HEAD);
    if (head != NULL)
        return read_head(reader, line, head);
    size_t prefix = strlen(reader->prefix);
    if (!reader->found || strncmp(line, reader->prefix, prefix) != 0)
        return true;
    const char *text = line + prefix;
    enum saved_parts_line part =
        saved_parts_line(&reader->parts, reader->saved, reader->inventory, text);
    if (part != SAVED_PARTS_OTHER)
        return part == SAVED_PARTS_READ;
    if (strncmp(text, "  memory ", 9) == 0)
        return read_memory(reader, text + 9);
    if (reader->in_function && strncmp(text, MORE, strlen(MORE)) == 0)
        return saved_function_parts(&reader->saved->pci.functions[reader->saved->pci.count - 1],
                                    text + strlen(MORE));
    reader->in_function = strncmp(text, "  ", 2) == 0 && read_address(text + 2, &address);
    if (reader->in_function)
        return read_function(reader, address, text + 2);
    read_overrides(reader->inventory, text);
    if (strncmp(text, "  DMA remapping: ", 17) == 0)
        reader->inventory->dma_remapping =
            strstr(text, "interrupts, too") != NULL && strstr(text, "INCOMPLETE") == NULL;
    return true;
}

/* Without its end, and cut: no line of an inventory is as long as that. */
static void copy_line(char to[static LINE_SIZE], const char *line, size_t length)
{
    while (length > 0 && (line[length - 1] == '\r' || line[length - 1] == ' '))
        length--;
    if (length > LINE_SIZE - 1) {
        line += length - (LINE_SIZE - 1); /* a boot loader's screen may come first */
        length = LINE_SIZE - 1;
    }
    for (size_t i = 0; i < length; i++)
        to[i] = line[i] == '\0' ? '?' : line[i];
    to[length] = '\0';
}

enum saved_status saved_inventory_read(const char *text, size_t length,
                                       struct saved_inventory *saved,
                                       struct inventory *inventory)
{
    struct reader reader = { .saved = saved, .inventory = inventory };
    char line[LINE_SIZE];
    unsigned head = 0;
    *saved = (struct saved_inventory){ .line = 0 };
    for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t count = end != NULL ? (size_t)(end - (text + at)) : length - at;
        copy_line(line, text + at, count);
        saved->line++;
        at += count + 1;
        if (!read_line(&reader, line))
            return SAVED_BROKEN;
        if (strstr(line, HEAD) != NULL)
            head = saved->line;
    }
    saved->line = head;
    if (!reader.found)
        return SAVED_NONE;
    bool whole = inventory->region_count == reader.blocks && saved->pci.count == reader.functions
        && saved_parts_are_whole(&reader.parts, saved, inventory);
    return whole ? SAVED_GOOD : SAVED_CUT_OFF;
}

uint64_t saved_inventory_load(const struct saved_inventory *saved, struct inventory *inventory,
                              uint64_t image_bytes)
{
    if (image_bytes <= saved->image_bytes)
        return 0;
    uint64_t bytes = align_up(image_bytes - saved->image_bytes, PAGE_SIZE_4K);
    for (uint32_t i = 0; i < inventory->region_count; i++) {
        struct memory_region *region = &inventory->regions[i];
        if (region->bytes <= bytes)
            continue;
        region->base.value += bytes;
        region->bytes -= bytes;
        return bytes;
    }
    inventory->region_count = 0; /* they would not even be loaded */
    return bytes;
}
