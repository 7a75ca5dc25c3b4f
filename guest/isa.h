/* SPDX-License-Identifier: MIT
 *
 * The two ways of an ISA interrupt line, for guests that look at its device, the pair
 * of 8259As and the IOAPIC; and the clock's registers.
 */
#pragma once

#include "arch/spec/apic.h"
#include "guest/lib.h"
#include "hv/guest_ports.h"

#define PIC_EOI 0x20

/* "A bit set: no interrupt", bit 0 is IRQ 0. The slave is behind IRQ 2. */
static inline void pic_mask(uint16_t mask)
{
    out8(GUEST_PORT_PIC_MASTER + 1, (uint8_t)mask);
    out8(GUEST_PORT_PIC_SLAVE + 1, (uint8_t)(mask >> 8));
}

#define PIC_ICW4_8086 1
#define PIC_ICW4_AUTO_EOI 2

/* IRQ n has vector `vector` + n. */
static inline void pic_init_as(uint8_t icw4, uint8_t vector, uint16_t mask)
{
    static const uint16_t ports[] = { 0x20, 0xA0, 0x21, 0xA1, 0x21, 0xA1, 0x21, 0xA1 };
    const uint8_t words[] = { 0x11, 0x11, vector, (uint8_t)(vector + 8), 4, 2, icw4, icw4 };

    for (unsigned i = 0; i < sizeof ports / sizeof ports[0]; i++)
        out8(ports[i], words[i]);
    pic_mask(mask);
}

/* The same; each interrupt wants its EOI. */
static inline void pic_init(uint8_t vector, uint16_t mask)
{
    pic_init_as(PIC_ICW4_8086, vector, mask);
}

static inline uint8_t cmos_read(uint8_t index)
{
    out8(GUEST_PORT_RTC_INDEX, index);
    return in8(GUEST_PORT_RTC_DATA);
}

static inline void cmos_write(uint8_t index, uint8_t value)
{
    out8(GUEST_PORT_RTC_INDEX, index);
    out8(GUEST_PORT_RTC_DATA, value);
}

static inline uint32_t ioapic_read(uint32_t index)
{
    store32(IOAPIC_BASE + IOAPIC_IOREGSEL, index);
    return load32(IOAPIC_BASE + IOAPIC_IOWIN);
}

static inline void ioapic_write(uint32_t index, uint32_t value)
{
    store32(IOAPIC_BASE + IOAPIC_IOREGSEL, index);
    store32(IOAPIC_BASE + IOAPIC_IOWIN, value);
}

/* The low half of a pin's redirection entry; the destination is the boot vCPU. */
static inline void pin(unsigned number, uint32_t low)
{
    ioapic_write(IOAPIC_REDIRECTION + 2 * number, low);
}
