/* SPDX-License-Identifier: MIT
 *
 * See own_parts.h.
 */
#include "hv/own_parts.h"

#include <stddef.h>

#include "hv/guest_ports.h"

static const struct {
    uint16_t first, last;
    const char *what;
} port_rows[] = {
    { 0x00, 0x1F, "a DMA controller" },
    { 0x20, 0x21, "an interrupt controller" },
    { 0x40, 0x43, "the interval timer" },
    { 0x60, 0x60, "the keyboard controller, which can reset the machine" },
    { 0x61, 0x61, "the control of NMIs" },
    { 0x64, 0x64, "the keyboard controller, which can reset the machine" },
    { 0x81, 0x8F, "a DMA controller's pages" },
    { 0x92, 0x92, "the fast reset" },
    { 0xA0, 0xA1, "an interrupt controller" },
    { 0xB2, 0xB3, "the call of the firmware's SMM" },
    { 0xC0, 0xDF, "a DMA controller" },
    { 0x4D0, 0x4D1, "an interrupt controller" },
    { 0xCF8, 0xCFF, "the way to all PCI functions, and the reset" },
    /* In front of the machine's, whatever is there. */
    { GUEST_PORT_COM1, GUEST_PORT_COM1 + GUEST_COM_PORTS - 1, "the guest's emulated serial port" },
    { GUEST_PORT_PM1A_EVENT, GUEST_PORT_PM_TIMER + GUEST_PM_TIMER_BYTES - 1,
      "the guest's emulated power management" },
};

const char *own_ports(uint64_t first, uint64_t last)
{
    for (size_t i = 0; i < sizeof port_rows / sizeof port_rows[0]; i++)
        if (first <= port_rows[i].last && last >= port_rows[i].first)
            return port_rows[i].what;
    return NULL;
}

const char *own_irq(unsigned irq, bool has_clock)
{
    switch (irq) {
    case GUEST_IRQ_PIT:
        return "the guest's emulated interval timer";
    case GUEST_IRQ_KEYBOARD:
    case GUEST_IRQ_MOUSE:
        return "the guest's emulated keyboard controller";
    case GUEST_IRQ_COM1:
        return "the guest's emulated serial port";
    case GUEST_IRQ_SCI:
        return "the guest's emulated power management";
    case GUEST_IRQ_RTC:
        return has_clock ? NULL : "the guest's emulated clock; ports = [\"0x70-0x71\"] would "
                                  "replace it";
    default:
        return NULL;
    }
}
