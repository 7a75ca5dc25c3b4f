/* SPDX-License-Identifier: MIT
 *
 * The 16550's registers, as in National Semiconductor's PC16550D data sheet,
 * "8.0 Registers", and no more of them than a console needs.
 */
#include "drivers/serial.h"

#include "arch/insn.h"
#include "drivers/mmio.h"

/* A full FIFO at 1200 baud, read as fast as a port can be: 0.15 s. */
#define FINISH_POLLS_MAX 1000000u

/* Numbers of registers; the divisor lies under the first two. */
enum {
    DATA = 0,
    DIVISOR_LOW = 0,
    INTERRUPT_ENABLE = 1,
    DIVISOR_HIGH = 1,
    INTERRUPT_ID = 2, /* read */
    FIFO_CONTROL = 2, /* write */
    LINE_CONTROL = 3,
    MODEM_CONTROL = 4,
    LINE_STATUS = 5,
    MODEM_STATUS = 6,
    SCRATCH = 7,
};

enum {
    INTERRUPT_ENABLE_RECEIVE = 1u << 0,
    INTERRUPT_ENABLE_TRANSMIT = 1u << 1,
    INTERRUPT_ID_NONE = 1u << 0,
    INTERRUPT_ID_FIFO_MASK = 3u << 6,
    FIFO_ENABLE = 1u << 0,
    FIFO_TRIGGER_8 = 2u << 6, /* interrupt at 8 bytes, or 4 byte times after the last */
    LINE_CONTROL_8N1 = 3,
    LINE_CONTROL_DIVISOR = 1u << 7,
    MODEM_CONTROL_DTR = 1u << 0,
    MODEM_CONTROL_RTS = 1u << 1,
    MODEM_CONTROL_OUT2 = 1u << 3, /* on a PC: connects the interrupt line */
    MODEM_CONTROL_LOOPBACK = 1u << 4,
    MODEM_STATUS_CTS = 1u << 4,
    MODEM_STATUS_DCD = 1u << 7,
    LINE_STATUS_DATA = 1u << 0,
    LINE_STATUS_OVERRUN = 1u << 1,
    LINE_STATUS_TRANSMITTER_EMPTY = 1u << 5, /* holding register or FIFO */
    LINE_STATUS_ALL_SENT = 1u << 6,          /* shift register, too */
};

#define ABSENT 0xFF /* what a port without a device reads */
#define FIFO_BYTES 16
#define ACKNOWLEDGE_MAX 16 /* four causes; more is a device that never rests */

static struct {
    bool present;
    struct serial_place place;
    uint8_t interrupt_enable;
    uint8_t modem_control;
    uint8_t fifo_bytes; /* 1 without a working FIFO */
    unsigned overruns;
} serial;

static uint8_t register_read(uint16_t offset)
{
    const struct serial_place *place = &serial.place;
    if (place->base == NULL)
        return in8((uint16_t)(place->port + offset));
    if (place->doublewords)
        return (uint8_t)mmio_read32((volatile uint32_t *)place->base + offset);
    return mmio_read8(place->base + offset);
}

static void register_write(uint16_t offset, uint8_t value)
{
    const struct serial_place *place = &serial.place;
    if (place->base == NULL)
        out8((uint16_t)(place->port + offset), value);
    else if (place->doublewords)
        mmio_write32((volatile uint32_t *)place->base + offset, value);
    else
        mmio_write8(place->base + offset, value);
}

static bool scratch_holds(uint8_t value)
{
    register_write(SCRATCH, value);
    return register_read(SCRATCH) == value;
}

/* In loopback OUT2 comes back as DCD and RTS as CTS, nothing else as anything. */
static bool loops_back(void)
{
    register_write(MODEM_CONTROL, MODEM_CONTROL_LOOPBACK | MODEM_CONTROL_OUT2 | MODEM_CONTROL_RTS);
    uint8_t status = register_read(MODEM_STATUS) & 0xF0;
    register_write(MODEM_CONTROL, 0);
    return status == (MODEM_STATUS_DCD | MODEM_STATUS_CTS);
}

/* Either proof will do: there are UARTs without a scratch register, and service
 * processors' imitations without loopback. */
static bool is_there(void)
{
    if (register_read(LINE_STATUS) == ABSENT)
        return false;
    return (scratch_holds(0x55) && scratch_holds(0xAA)) || loops_back();
}

void serial_moved(volatile uint8_t *base)
{
    serial.place.base = base;
}

bool serial_init(struct serial_place place, uint16_t divisor)
{
    serial.place = place;
    serial.interrupt_enable = 0;
    serial.overruns = 0;
    serial.present = is_there();
    if (!serial.present)
        return false;

    register_write(LINE_CONTROL, LINE_CONTROL_DIVISOR);
    register_write(DIVISOR_LOW, (uint8_t)divisor);
    register_write(DIVISOR_HIGH, (uint8_t)(divisor >> 8));
    register_write(LINE_CONTROL, LINE_CONTROL_8N1);
    register_write(INTERRUPT_ENABLE, 0);
    /* Not cleared: they may hold the loader's last words, or typing ahead. */
    register_write(FIFO_CONTROL, FIFO_ENABLE | FIFO_TRIGGER_8);
    bool fifo = (register_read(INTERRUPT_ID) & INTERRUPT_ID_FIFO_MASK) == INTERRUPT_ID_FIFO_MASK;
    serial.fifo_bytes = fifo ? FIFO_BYTES : 1;
    serial.modem_control = MODEM_CONTROL_DTR | MODEM_CONTROL_RTS | MODEM_CONTROL_OUT2;
    register_write(MODEM_CONTROL, serial.modem_control);
    return true;
}

/* Reading it clears the overrun bit, so all reads of it come by here. */
static uint8_t line_status(void)
{
    uint8_t status = register_read(LINE_STATUS);
    if (status != ABSENT && (status & LINE_STATUS_OVERRUN) != 0)
        serial.overruns++;
    return status;
}

bool serial_transmitter_ready(void)
{
    return !serial.present || (line_status() & LINE_STATUS_TRANSMITTER_EMPTY) != 0;
}

void serial_finish(void)
{
    for (unsigned i = 0; i < FINISH_POLLS_MAX && serial.present; i++) {
        uint8_t status = line_status();
        if (status == ABSENT || (status & LINE_STATUS_ALL_SENT) != 0)
            return;
    }
}

size_t serial_write(const uint8_t *bytes, size_t count)
{
    if (!serial.present)
        return count;
    if (!serial_transmitter_ready())
        return 0;
    size_t taken = count < serial.fifo_bytes ? count : serial.fifo_bytes;
    for (size_t i = 0; i < taken; i++) /* at most FIFO_BYTES */
        register_write(DATA, bytes[i]);
    return taken;
}

int serial_read(void)
{
    if (!serial.present)
        return -1;
    uint8_t status = line_status();
    if (status == ABSENT || (status & LINE_STATUS_DATA) == 0)
        return -1;
    return register_read(DATA);
}

static void interrupt_enable(uint8_t bit, bool enabled)
{
    uint8_t value = serial.interrupt_enable;
    value = (uint8_t)(enabled ? value | bit : value & ~bit);
    if (!serial.present || value == serial.interrupt_enable)
        return;
    serial.interrupt_enable = value;
    register_write(INTERRUPT_ENABLE, value);
}

void serial_interrupt_on_receive(bool enabled)
{
    interrupt_enable(INTERRUPT_ENABLE_RECEIVE, enabled);
}

void serial_interrupt_on_transmit(bool enabled)
{
    interrupt_enable(INTERRUPT_ENABLE_TRANSMIT, enabled);
}

/* Reading the id ends a transmit interrupt only; a byte that waits to be read
 * would hold the line up for ever. Disabling everything lets it fall. */
void serial_interrupt_acknowledge(void)
{
    if (!serial.present)
        return;
    for (unsigned i = 0; i < ACKNOWLEDGE_MAX; i++) {
        if ((register_read(INTERRUPT_ID) & INTERRUPT_ID_NONE) != 0)
            break;
        (void)line_status();
        (void)register_read(MODEM_STATUS);
    }
    register_write(INTERRUPT_ENABLE, 0);
    register_write(INTERRUPT_ENABLE, serial.interrupt_enable);
}

void serial_receive_pause(bool paused)
{
    uint8_t control = serial.modem_control;
    control = (uint8_t)(paused ? control & ~MODEM_CONTROL_RTS : control | MODEM_CONTROL_RTS);
    if (!serial.present || control == serial.modem_control)
        return;
    serial.modem_control = control;
    register_write(MODEM_CONTROL, control);
}

unsigned serial_overruns(void)
{
    return serial.overruns;
}
