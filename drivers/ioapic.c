/* SPDX-License-Identifier: MIT
 *
 * Intel 82093AA I/O APIC data sheet, "3.1 Memory Mapped Registers for Accessing
 * IOAPIC Registers" and "3.2 IOAPIC Registers".
 */
#include "drivers/ioapic.h"

#include "drivers/mmio.h"

#define SELECT_WORD (IOAPIC_IOREGSEL / sizeof(uint32_t))
#define WINDOW_WORD (IOAPIC_IOWIN / sizeof(uint32_t))
#define LINE_BITS ((uint32_t)(REDIRECTION_LEVEL | REDIRECTION_ACTIVE_LOW))
#define END_WORD (IOAPIC_EOIR / sizeof(uint32_t))

#define ENTRIES_MAX 240 /* registers 10h to EFh */

static uint32_t register_read(const struct host_ioapic *ioapic, uint32_t index)
{
    mmio_write32(ioapic->window + SELECT_WORD, index);
    return mmio_read32(ioapic->window + WINDOW_WORD);
}

static void register_write(const struct host_ioapic *ioapic, uint32_t index, uint32_t value)
{
    mmio_write32(ioapic->window + SELECT_WORD, index);
    mmio_write32(ioapic->window + WINDOW_WORD, value);
}

/* Masks an entry and ends what it has sent: where nobody ends a level-triggered
 * interrupt, Remote IRR would stay set and hold the line back for good. An edge
 * takes it away, or in later versions a write of the vector while it is level. It is
 * level again then: Bochs' IOAPIC forgets what a masked edge-triggered input does. */
static void close_entry(const struct host_ioapic *ioapic, unsigned entry)
{
    uint32_t low = IOAPIC_REDIRECTION + 2 * entry;
    uint32_t value = register_read(ioapic, low);

    register_write(ioapic, low, value | (uint32_t)REDIRECTION_MASKED);
    if (ioapic->version >= IOAPIC_VERSION_WITH_EOI
        && (register_read(ioapic, low) & REDIRECTION_REMOTE_IRR))
        mmio_write32(ioapic->window + END_WORD, value & REDIRECTION_VECTOR_MASK);
    register_write(ioapic, low, (uint32_t)REDIRECTION_MASKED);
    if (value & REDIRECTION_LEVEL)
        register_write(ioapic, low, (value & LINE_BITS) | (uint32_t)REDIRECTION_MASKED);
}

/* The low half goes last when it unmasks, and first when it masks, so that no
 * half-written entry can ever fire. */
static void write_entry(const struct host_ioapic *ioapic, unsigned entry, uint64_t value)
{
    uint32_t low = IOAPIC_REDIRECTION + 2 * entry;
    close_entry(ioapic, entry);
    register_write(ioapic, low + 1, (uint32_t)(value >> 32));
    register_write(ioapic, low, (uint32_t)value);
}

bool host_ioapic_init(struct host_ioapic *ioapic, volatile uint32_t *window, uint32_t gsi_base)
{
    *ioapic = (struct host_ioapic){ .window = window, .gsi_base = gsi_base };
    uint32_t version = register_read(ioapic, IOAPIC_VERSION);
    if (version == UINT32_MAX || version == 0)
        return false;

    unsigned entries = (version >> 16 & 0xFF) + 1;
    ioapic->entries = entries < ENTRIES_MAX ? entries : ENTRIES_MAX;
    ioapic->version = (uint8_t)version;
    ioapic->id = (uint8_t)(register_read(ioapic, IOAPIC_ID) >> 24 & 0xF);
    for (unsigned i = 0; i < ioapic->entries; i++)
        write_entry(ioapic, i, REDIRECTION_MASKED);
    return true;
}

bool host_ioapic_owns(const struct host_ioapic *ioapic, uint32_t gsi)
{
    return gsi >= ioapic->gsi_base && gsi - ioapic->gsi_base < ioapic->entries;
}

bool host_ioapic_route(const struct host_ioapic *ioapic, uint32_t gsi,
                       const struct host_ioapic_route *route)
{
    bool nmi = route->delivery == DELIVERY_NMI;
    if (!host_ioapic_owns(ioapic, gsi) || route->apic_id >= IOAPIC_DESTINATIONS ||
        !(nmi || route->delivery == DELIVERY_FIXED))
        return false;

    uint64_t value = (uint64_t)route->apic_id << REDIRECTION_DESTINATION_SHIFT |
                     (uint64_t)route->delivery << REDIRECTION_DELIVERY_SHIFT;
    if (!nmi)
        value |= route->vector;
    if (route->polarity == ACPI_ACTIVE_LOW)
        value |= REDIRECTION_ACTIVE_LOW;
    if (route->trigger == ACPI_LEVEL && !nmi)
        value |= REDIRECTION_LEVEL;
    write_entry(ioapic, gsi - ioapic->gsi_base, value);
    return true;
}

bool host_ioapic_route_remapped(const struct host_ioapic *ioapic, uint32_t gsi,
                                uint64_t redirection)
{
    if (!host_ioapic_owns(ioapic, gsi))
        return false;
    write_entry(ioapic, gsi - ioapic->gsi_base, redirection);
    return true;
}

void host_ioapic_mask(const struct host_ioapic *ioapic, uint32_t gsi)
{
    if (host_ioapic_owns(ioapic, gsi))
        close_entry(ioapic, gsi - ioapic->gsi_base);
}
