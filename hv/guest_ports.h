/* SPDX-License-Identifier: MIT
 *
 * Where the guest's PC has its ports and interrupt lines. The devices answer
 * there and the ACPI tables tell it, both from this one list.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether one of the PC's devices is there, or a kernel looks for one. */
bool guest_port_is_taken(uint16_t port);

#define GUEST_PORT_PIC_MASTER 0x20
#define GUEST_PORT_PIC_SLAVE 0xA0
#define GUEST_PORT_ELCR 0x4D0         /* of the master, then of the slave */

#define GUEST_PORT_PIT 0x40           /* three counters, then the control word */
#define GUEST_PORT_PIT_CONTROL 0x43
#define GUEST_IRQ_PIT 0
#define GUEST_PIN_PIT 2               /* of the IOAPIC, where others have their IRQ's pin */

#define GUEST_PORT_I8042_DATA 0x60
#define GUEST_PORT_SYSTEM_CONTROL_B 0x61
#define GUEST_PORT_I8042_COMMAND 0x64
#define GUEST_IRQ_KEYBOARD 1
#define GUEST_IRQ_MOUSE 12

#define GUEST_PORT_RTC_INDEX 0x70
#define GUEST_PORT_RTC_DATA 0x71
#define GUEST_IRQ_RTC 8
#define GUEST_CMOS_CENTURY 0x32

#define GUEST_PORT_SYSTEM_CONTROL_A 0x92

#define GUEST_PORT_COM1 0x3F8
#define GUEST_COM_PORTS 8
#define GUEST_IRQ_COM1 4
#define GUEST_PORT_COM2 0x2F8
#define GUEST_IRQ_COM2 3

#define GUEST_PORT_PM1A_EVENT 0x600   /* status, then enable: 2 bytes each */
#define GUEST_PM1A_EVENT_BYTES 4
#define GUEST_PORT_PM1A_CONTROL 0x604
#define GUEST_PM1A_CONTROL_BYTES 2
#define GUEST_PORT_PM_TIMER 0x608
#define GUEST_PM_TIMER_BYTES 4
#define GUEST_IRQ_SCI 9

#define GUEST_PORT_PCI_ADDRESS 0xCF8
#define GUEST_PORT_RESET 0xCF9        /* shares a dword with PCI_ADDRESS */
#define GUEST_PORT_PCI_DATA 0xCFC

/* Only where the configuration asks for it. */
#define GUEST_PORT_WATCHDOG_STOP 0x441
#define GUEST_PORT_WATCHDOG_START 0x443

static inline bool guest_port_is_watchdog(uint16_t port)
{
    return port == GUEST_PORT_WATCHDOG_STOP || port == GUEST_PORT_WATCHDOG_START;
}

/* PCI configuration space in memory: bus 0 alone, 4 KiB a function. */
#define GUEST_ECAM_BASE 0xE0000000ull
#define GUEST_ECAM_BYTES 0x100000ull

#define GUEST_RESET_VALUE 0x06        /* to GUEST_PORT_RESET: full reset */
#define GUEST_S5_SLEEP_TYPE 5         /* SLP_TYP in PM1a control: power off */
