/* SPDX-License-Identifier: MIT
 *
 * Any bytes as the configuration space of a machine of two segments. The first
 * ones say where functions are; what the first of them answers is behind those,
 * and each further one's 256 bytes behind that. Every register takes every write.
 */
#include <stdlib.h>
#include <string.h>

#include "drivers/pci.h"
#include "drivers/pci_config.h"
#include "hv/pci_topology.h"

#define PLACES_BYTES 64
#define FUNCTION_BYTES 256
#define WRITES_KEPT 64
/* Every bus, and of every function registers and both lists to their ends. */
#define READS_MAX (3 * 16 * 256 + PCI_FUNCTIONS_MAX * 2 * 1200)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct pci_range ranges[] = { { 0, 0, 15 }, { 0, 16, 31 }, { 1, 4, 19 } };

static const uint8_t *space;
static size_t space_bytes;
static unsigned place_of[2][32][256]; /* 1 more than the function's number */
static unsigned reads;

static struct kept {
    struct pci_address address;
    unsigned offset;
    uint8_t value;
} kept[WRITES_KEPT];
static unsigned kept_count;

static void require(bool condition)
{
    if (!condition)
        abort();
}

static const struct kept *find_kept(struct pci_address address, unsigned offset)
{
    for (unsigned i = kept_count; i > 0 && i + WRITES_KEPT > kept_count; i--) {
        const struct kept *write = &kept[(i - 1) % WRITES_KEPT];
        if (write->offset == offset && pci_same_address(write->address, address))
            return write;
    }
    return NULL;
}

static uint8_t byte_at(struct pci_address address, unsigned number, unsigned offset)
{
    const struct kept *write = find_kept(address, offset);
    return write != NULL ? write->value
                         : space[(PLACES_BYTES + (number - 1) * FUNCTION_BYTES + offset) % space_bytes];
}

static unsigned number_at(struct pci_address address)
{
    require(address.segment < 2 && address.bus < 32);
    return place_of[address.segment][address.bus][address.function];
}

uint32_t pci_config_read(struct pci_address address, unsigned offset, unsigned bytes)
{
    uint32_t value = 0;
    require((bytes == 1 || bytes == 2 || bytes == 4) && offset % bytes == 0);
    require(++reads <= READS_MAX);
    unsigned number = number_at(address);
    if (number == 0 || offset >= 4096)
        return UINT32_MAX >> (32 - 8 * bytes);
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint32_t)byte_at(address, number, offset + i) << 8 * i;
    return value;
}

void pci_config_write(struct pci_address address, unsigned offset, unsigned bytes, uint32_t value)
{
    require((bytes == 1 || bytes == 2 || bytes == 4) && offset % bytes == 0);
    for (unsigned i = 0; i < bytes; i++)
        kept[kept_count++ % WRITES_KEPT] =
            (struct kept){ address, offset + i, (uint8_t)(value >> 8 * i) };
}

unsigned pci_config_range_count(void)
{
    return sizeof ranges / sizeof ranges[0];
}

struct pci_range pci_config_range(unsigned number)
{
    require(number < pci_config_range_count());
    return ranges[number];
}

/* The count of functions, and two bytes for the place of each. */
static void deal(const uint8_t *data, size_t size)
{
    memset(place_of, 0, sizeof place_of);
    for (unsigned i = 0; i < data[0] * 2u; i++) {
        uint8_t where = data[(1 + 2 * i) % size], function = data[(2 + 2 * i) % size];
        place_of[where >> 7][where & 31][function] = i + 1;
    }
}

static void require_inventory(const struct pci_inventory *pci)
{
    require(pci->count <= PCI_FUNCTIONS_MAX && pci->problem_count <= PCI_PROBLEMS_MAX);
    for (unsigned i = 0; i < pci->count; i++) {
        const struct pci_function *function = &pci->functions[i];
        require(function->parent == PCI_NO_PARENT || function->parent < i);
        require(function->group <= i && function->interrupt_pin <= 4);
        require(pci_function_at(pci, function->address) == function);
        require(function->secondary_bus == 0
                || (function->secondary_bus > function->address.bus
                    && function->subordinate_bus >= function->secondary_bus));
        for (unsigned j = 0; j < PCI_BARS; j++)
            require(function->bars[j].space <= PCI_SPACE_MEMORY_64
                    && function->bars[j].size_shift < 64);
        if (function->parent == PCI_NO_PARENT)
            continue;
        const struct pci_function *bridge = &pci->functions[function->parent];
        require(bridge->secondary_bus <= function->address.bus
                && function->address.bus <= bridge->subordinate_bus);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pci_inventory pci;
    if (size < 8)
        return 0;
    space = data;
    space_bytes = size;
    reads = kept_count = 0;
    deal(data, size);
    pci_scan(&pci);
    require_inventory(&pci);
    return 0;
}
