/* SPDX-License-Identifier: MIT
 *
 * See pci_config.h.
 */
#include "drivers/pci_config.h"

#include "arch/insn.h"
#include "arch/spec/pci.h"
#include "drivers/mmio.h"

#define BUS_SHIFT 20
#define FUNCTION_SHIFT 12
#define PORT_BUS_SHIFT 16
#define PORT_FUNCTION_SHIFT 8

struct way {
    struct pci_range range;
    volatile uint8_t *base; /* NULL: by ports */
};

static struct way ways[PCI_CONFIG_RANGES_MAX]; /* by segment and bus */
static unsigned way_count;

static bool is_before(struct pci_range a, struct pci_range b)
{
    return a.segment != b.segment ? a.segment < b.segment : a.first_bus < b.first_bus;
}

bool pci_config_add_memory(struct pci_range range, volatile uint8_t *base)
{
    if (way_count == PCI_CONFIG_RANGES_MAX)
        return false;
    unsigned place = way_count++;
    for (; place > 0 && is_before(range, ways[place - 1].range); place--)
        ways[place] = ways[place - 1];
    ways[place] = (struct way){ range, base };
    return true;
}

void pci_config_add_ports(void)
{
    if (way_count == 0 || ways[0].range.segment != 0)
        (void)pci_config_add_memory((struct pci_range){ 0, 0, UINT8_MAX }, NULL);
}

unsigned pci_config_range_count(void)
{
    return way_count;
}

struct pci_range pci_config_range(unsigned number)
{
    return ways[number].range;
}

static const struct way *way_to(struct pci_address address)
{
    for (unsigned i = 0; i < way_count; i++) {
        const struct pci_range *range = &ways[i].range;
        if (range->segment == address.segment && range->first_bus <= address.bus
            && address.bus <= range->last_bus)
            return &ways[i];
    }
    return NULL;
}

bool pci_config_takes_turns(struct pci_address address)
{
    const struct way *way = way_to(address);
    return way != NULL && way->base == NULL;
}

static volatile uint8_t *place_in_memory(const struct way *way, struct pci_address address,
                                         unsigned offset)
{
    uint64_t bus = address.bus - way->range.first_bus;
    return way->base + (bus << BUS_SHIFT | (uint64_t)address.function << FUNCTION_SHIFT | offset);
}

/* Points the data ports at a register and returns which of them it is at. */
static uint16_t select_port(struct pci_address address, unsigned offset)
{
    out32(PCI_CONFIG_ADDRESS, PCI_CONFIG_ENABLE | (uint32_t)address.bus << PORT_BUS_SHIFT
                                  | (uint32_t)address.function << PORT_FUNCTION_SHIFT
                                  | (offset & 0xFC));
    return (uint16_t)(PCI_CONFIG_DATA + offset % 4);
}

uint32_t pci_config_read_by_ports(struct pci_address address, unsigned offset, unsigned bytes)
{
    uint16_t port = select_port(address, offset);
    return bytes == 1 ? in8(port) : bytes == 2 ? in16(port) : in32(port);
}

void pci_config_write_by_ports(struct pci_address address, unsigned offset, unsigned bytes,
                               uint32_t value)
{
    uint16_t port = select_port(address, offset);
    if (bytes == 1)
        out8(port, (uint8_t)value);
    else if (bytes == 2)
        out16(port, (uint16_t)value);
    else
        out32(port, value);
}

static bool reaches(const struct way *way, unsigned offset)
{
    return way != NULL && offset < (way->base ? PCI_EXTENDED_BYTES : PCI_CONFIG_BYTES);
}

uint32_t pci_config_read(struct pci_address address, unsigned offset, unsigned bytes)
{
    const struct way *way = way_to(address);
    if (!reaches(way, offset))
        return UINT32_MAX >> (32 - 8 * bytes);
    if (way->base) {
        volatile uint8_t *at = place_in_memory(way, address, offset);
        return bytes == 1 ? mmio_read8(at)
            : bytes == 2 ? mmio_read16((volatile uint16_t *)at)
                         : mmio_read32((volatile uint32_t *)at);
    }
    return pci_config_read_by_ports(address, offset, bytes);
}

void pci_config_write(struct pci_address address, unsigned offset, unsigned bytes, uint32_t value)
{
    const struct way *way = way_to(address);
    if (!reaches(way, offset))
        return;
    if (way->base) {
        volatile uint8_t *at = place_in_memory(way, address, offset);
        if (bytes == 1)
            mmio_write8(at, (uint8_t)value);
        else if (bytes == 2)
            mmio_write16((volatile uint16_t *)at, (uint16_t)value);
        else
            mmio_write32((volatile uint32_t *)at, value);
        return;
    }
    pci_config_write_by_ports(address, offset, bytes, value);
}
