/* SPDX-License-Identifier: MIT
 *
 * See platform.h. PM1 status has no bit that could ever be set here but the
 * timer's: there is no button and no wake-up.
 */
#include "hv/platform.h"

#include "hv/guest_ports.h"

/* ACPI 6.4, 4.8.3.1.1 "PM1 Status Registers" */
#define PM1_TIMER (1u << 0)

/* "This bit gets set any time the most significant bit of [the timer] changes." */
#define TIMER_CARRY_SHIFT 31

/* ACPI 6.4, 4.8.3.2.1 "PM1 Control Registers" */
enum {
    PM1_SCI_ENABLE = 1u << 0,
    PM1_BUS_MASTER_RELOAD = 1u << 1,
    PM1_SLEEP_TYPE_SHIFT = 10,
    PM1_SLEEP_TYPE_MASK = 7,
    PM1_SLEEP_ENABLE = 1u << 13, /* write-only */
    PM1_CONTROL_LASTING = PM1_BUS_MASTER_RELOAD | PM1_SLEEP_TYPE_MASK << PM1_SLEEP_TYPE_SHIFT,
};

enum {
    RESET_CPU = 1u << 2, /* its rising edge resets; the other bits say how much */
    RESET_LASTING = 0x0A,
};

void platform_init(struct platform_ports *platform, uint64_t now)
{
    *platform = (struct platform_ports){ .carries = now >> TIMER_CARRY_SHIFT };
}

static void note_carries(struct platform_ports *platform, uint64_t now)
{
    if (now >> TIMER_CARRY_SHIFT != platform->carries)
        platform->pm1_status |= PM1_TIMER;
    platform->carries = now >> TIMER_CARRY_SHIFT;
}

bool platform_sci(struct platform_ports *platform, uint64_t now)
{
    note_carries(platform, now);
    return platform->pm1_status & platform->pm1_enable & PM1_TIMER;
}

uint64_t platform_next_sci(const struct platform_ports *platform)
{
    if (!(platform->pm1_enable & PM1_TIMER) || (platform->pm1_status & PM1_TIMER))
        return PM_TIMER_NEVER;
    return (platform->carries + 1) << TIMER_CARRY_SHIFT;
}

static uint8_t pm1_byte(const struct platform_ports *platform, uint16_t port)
{
    uint16_t control = platform->pm1_control | PM1_SCI_ENABLE;

    switch (port) {
    case GUEST_PORT_PM1A_EVENT:
        return (uint8_t)platform->pm1_status;
    case GUEST_PORT_PM1A_EVENT + 1:
        return 0;
    case GUEST_PORT_PM1A_EVENT + 2:
        return (uint8_t)platform->pm1_enable;
    case GUEST_PORT_PM1A_EVENT + 3:
        return (uint8_t)(platform->pm1_enable >> 8);
    case GUEST_PORT_PM1A_CONTROL:
        return (uint8_t)control;
    case GUEST_PORT_PM1A_CONTROL + 1:
        return (uint8_t)(control >> 8);
    default:
        return 0xFF;
    }
}

static uint8_t read_byte(struct platform_ports *platform, uint16_t port)
{
    switch (port) {
    case GUEST_PORT_RESET:
        return platform->reset_control;
    default:
        return pm1_byte(platform, port);
    }
}

uint32_t platform_read(struct platform_ports *platform, uint16_t port, size_t bytes,
                       uint64_t now)
{
    uint32_t value = 0;

    if (port >= GUEST_PORT_PM_TIMER && port < GUEST_PORT_PM_TIMER + GUEST_PM_TIMER_BYTES)
        return (uint32_t)now >> (port - GUEST_PORT_PM_TIMER) * 8;
    note_carries(platform, now);
    for (size_t i = 0; i < bytes; i++)
        value |= (uint32_t)read_byte(platform, (uint16_t)(port + i)) << 8 * i;
    return value;
}

static enum platform_event write_reset(struct platform_ports *platform, uint8_t value)
{
    platform->reset_control = value & RESET_LASTING;
    return value & RESET_CPU ? PLATFORM_RESET_CF9 : PLATFORM_NOTHING;
}

/* Sleeping types other than S5 are not offered by the guest's ACPI tables. */
static enum platform_event write_pm1_control(struct platform_ports *platform, uint16_t value)
{
    platform->pm1_control = value & PM1_CONTROL_LASTING;
    if ((value & PM1_SLEEP_ENABLE) &&
        (value >> PM1_SLEEP_TYPE_SHIFT & PM1_SLEEP_TYPE_MASK) == GUEST_S5_SLEEP_TYPE)
        return PLATFORM_POWER_OFF;
    return PLATFORM_NOTHING;
}

static uint16_t with_byte(uint16_t word, bool high, uint8_t value)
{
    return high ? (uint16_t)((word & 0x00FF) | value << 8) : (uint16_t)((word & 0xFF00) | value);
}

static enum platform_event write_byte(struct platform_ports *platform, uint16_t port,
                                      uint8_t value)
{
    switch (port) {
    case GUEST_PORT_RESET:
        return write_reset(platform, value);
    case GUEST_PORT_PM1A_EVENT:
        platform->pm1_status &= (uint16_t)~value; /* a 1 clears */
        return PLATFORM_NOTHING;
    case GUEST_PORT_PM1A_EVENT + 2:
    case GUEST_PORT_PM1A_EVENT + 3:
        platform->pm1_enable =
            with_byte(platform->pm1_enable, port != GUEST_PORT_PM1A_EVENT + 2, value);
        return PLATFORM_NOTHING;
    case GUEST_PORT_PM1A_CONTROL:
    case GUEST_PORT_PM1A_CONTROL + 1:
        return write_pm1_control(
            platform,
            with_byte(platform->pm1_control, port != GUEST_PORT_PM1A_CONTROL, value));
    default:
        return PLATFORM_NOTHING;
    }
}

enum platform_event platform_write(struct platform_ports *platform, uint16_t port, size_t bytes,
                                   uint32_t value, uint64_t now)
{
    enum platform_event event = PLATFORM_NOTHING;

    note_carries(platform, now);
    for (size_t i = 0; i < bytes && event == PLATFORM_NOTHING; i++)
        event = write_byte(platform, (uint16_t)(port + i), (uint8_t)(value >> 8 * i));
    return event;
}

const char *platform_event_text(enum platform_event event)
{
    switch (event) {
    case PLATFORM_NOTHING:
        return "nothing";
    case PLATFORM_POWER_OFF:
        return "ACPI S5";
    case PLATFORM_RESET_CF9:
        return "reset by port CF9h";
    case PLATFORM_RESET_KEYBOARD:
        return "reset by the keyboard controller";
    case PLATFORM_RESET_FAST:
        return "reset by port 92h";
    }
    return "nothing";
}
