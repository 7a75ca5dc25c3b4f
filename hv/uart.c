/* SPDX-License-Identifier: MIT
 *
 * See uart.h. Registers as in the data sheet of the PC16550D, section 8.
 * The transmitter passes bytes on as they are written, so that the shift
 * register is always empty and THRE and TEMT say the same: whether a whole FIFO
 * would be taken. As on a PC's board, OUT2 gates the interrupt line.
 */
#include "hv/uart.h"

#include "hv/check.h"
#include "hv/console.h"
#include "hv/irq.h"
#include "hv/manager.h"
#include "hv/readiness.h"
#include "hv/vm.h"

enum uart_register {
    UART_DATA = 0,             /* RBR, THR; DLL with DLAB */
    UART_INTERRUPT_ENABLE = 1, /* DLM with DLAB */
    UART_IDENTIFICATION = 2,   /* IIR; FCR when written */
    UART_LINE_CONTROL = 3,
    UART_MODEM_CONTROL = 4,
    UART_LINE_STATUS = 5,
    UART_MODEM_STATUS = 6,
    UART_SCRATCH = 7,
};

enum {
    IER_RECEIVED = 1u << 0,
    IER_TRANSMITTER_EMPTY = 1u << 1,
    IER_LINE_STATUS = 1u << 2,
    IER_MODEM_STATUS = 1u << 3,
    IER_BITS = 0xF,
};

enum {
    IIR_MODEM_STATUS = 0x00,
    IIR_NONE = 0x01,
    IIR_TRANSMITTER_EMPTY = 0x02,
    IIR_RECEIVED = 0x04,
    IIR_LINE_STATUS = 0x06,
    IIR_TIMEOUT = 0x0C, /* received, but fewer than the trigger level */
    IIR_FIFOS = 0xC0,
};

enum {
    FCR_ENABLE = 1u << 0,
    FCR_CLEAR_RECEIVER = 1u << 1,
    FCR_TRIGGER_SHIFT = 6,
    FCR_LASTING = 0xC9,
};

enum {
    LCR_WORD_LENGTH = 3u, /* bits less 5 */
    LCR_DLAB = 1u << 7,
};

enum {
    MCR_DTR = 1u << 0,
    MCR_RTS = 1u << 1,
    MCR_OUT1 = 1u << 2,
    MCR_OUT2 = 1u << 3,
    MCR_LOOP = 1u << 4,
    MCR_BITS = 0x1F,
};

enum {
    LSR_DATA_READY = 1u << 0,
    LSR_OVERRUN = 1u << 1,
    LSR_THR_EMPTY = 1u << 5,
    LSR_TRANSMITTER_EMPTY = 1u << 6,
};

enum {
    MSR_CTS = 1u << 4,
    MSR_DSR = 1u << 5,
    MSR_RI = 1u << 6,
    MSR_DCD = 1u << 7,
    MSR_DELTAS_SHIFT = 4, /* from a line to its delta */
};

#define DIVISOR_115200 1

void uart_init(struct uart *uart, struct vm *vm, uint8_t irq, enum uart_wire wire)
{
    *uart = (struct uart){ .vm = vm, .irq = irq, .wire = wire, .divisor_low = DIVISOR_115200,
                           .transmit_was_ready = true };
}

/* ---- What is at the other end ---- */

static inline struct console_status wire_status(const struct uart *uart)
{
    switch (__builtin_expect(uart->wire, UART_WIRE_CONSOLE)) { /* the one that is frequent */
    case UART_WIRE_CONSOLE:
    case UART_WIRE_WATCHED: return console_status(uart->vm->index);
    case UART_WIRE_MANAGER: return manager_status();
    case UART_WIRE_NOTHING: break;
    }
    return (struct console_status){ .output_ready = true };
}

/* A byte that comes again because there was no room counts when it is taken. */
__attribute__((noinline))
static struct console_status put_watched(struct uart *uart, uint8_t byte)
{
    struct console_status status = console_output(uart->vm->index, byte);

    if (status.output_taken && !readiness_output(uart->vm, byte))
        uart->wire = UART_WIRE_CONSOLE;
    return status;
}

static struct console_status wire_put(struct uart *uart, uint8_t byte)
{
    switch (__builtin_expect(uart->wire, UART_WIRE_CONSOLE)) {
    case UART_WIRE_CONSOLE: return console_output(uart->vm->index, byte);
    case UART_WIRE_WATCHED: return put_watched(uart, byte);
    case UART_WIRE_MANAGER: return manager_output(byte);
    case UART_WIRE_NOTHING: break;
    }
    return (struct console_status){ .output_ready = true, .output_taken = true };
}

/* A byte or -1. */
static int wire_take(const struct uart *uart)
{
    switch (uart->wire) {
    case UART_WIRE_CONSOLE:
    case UART_WIRE_WATCHED: return console_input_take(uart->vm->index);
    case UART_WIRE_MANAGER: return manager_input_take();
    case UART_WIRE_NOTHING: break;
    }
    return -1;
}

/* Another machine's outputs, which are always on; or open inputs. */
static uint8_t wire_modem_lines(const struct uart *uart)
{
    switch (uart->wire) {
    case UART_WIRE_CONSOLE:
    case UART_WIRE_WATCHED:
    case UART_WIRE_MANAGER: return MSR_CTS | MSR_DSR | MSR_DCD;
    case UART_WIRE_NOTHING: break;
    }
    return 0;
}

/* ---- Registers ---- */

static bool in_loopback(const struct uart *uart)
{
    return uart->modem_control & MCR_LOOP;
}

/* What the receiver and the transmitter see now: the wire, or each other. */
static inline struct console_status line_status(const struct uart *uart)
{
    if (in_loopback(uart))
        return (struct console_status){ .output_ready = true,
                                        .input_waiting = uart->loopback_count };
    return wire_status(uart);
}

/* In loopback they are our own outputs. */
static uint8_t modem_lines(const struct uart *uart)
{
    uint8_t control = uart->modem_control;

    if (!in_loopback(uart))
        return wire_modem_lines(uart);
    return (uint8_t)((control & MCR_RTS ? MSR_CTS : 0) | (control & MCR_DTR ? MSR_DSR : 0) |
                     (control & MCR_OUT1 ? MSR_RI : 0) | (control & MCR_OUT2 ? MSR_DCD : 0));
}

static size_t trigger_level(const struct uart *uart)
{
    static const uint8_t levels[4] = { 1, 4, 8, 14 };

    if (!(uart->fifo_control & FCR_ENABLE))
        return 1;
    return levels[uart->fifo_control >> FCR_TRIGGER_SHIFT];
}

/* PC16550D, Table IV "Interrupt Control Functions": the first cause in the
 * order of priority that is enabled and pending. */
static uint8_t pending_cause(const struct uart *uart, size_t input_waiting)
{
    uint8_t enabled = uart->interrupt_enable;

    if ((enabled & IER_LINE_STATUS) && uart->line_errors)
        return IIR_LINE_STATUS;
    if ((enabled & IER_RECEIVED) && input_waiting != 0)
        return input_waiting >= trigger_level(uart) ? IIR_RECEIVED : IIR_TIMEOUT;
    if ((enabled & IER_TRANSMITTER_EMPTY) && uart->transmit_interrupt)
        return IIR_TRANSMITTER_EMPTY;
    if ((enabled & IER_MODEM_STATUS) && uart->modem_deltas)
        return IIR_MODEM_STATUS;
    return IIR_NONE;
}

/* A transmitter that has become ready is a cause, once. */
static void note_transmitter(struct uart *uart, bool ready)
{
    if (ready && !uart->transmit_was_ready)
        uart->transmit_interrupt = true;
    if (!ready)
        uart->transmit_interrupt = false;
    uart->transmit_was_ready = ready;
}

static inline void move_line(const struct uart *uart, const struct console_status *status)
{
    bool gate = (uart->modem_control & MCR_OUT2) && !in_loopback(uart);
    bool high = gate && pending_cause(uart, status->input_waiting) != IIR_NONE;

    irq_set_line(uart->vm, uart->irq, high);
}

void uart_refresh(struct uart *uart)
{
    struct console_status status = line_status(uart);

    note_transmitter(uart, status.output_ready);
    move_line(uart, &status);
}

static uint8_t take_loopback(struct uart *uart)
{
    if (uart->loopback_count == 0)
        return 0;
    uint8_t byte = uart->loopback[uart->loopback_first];
    uart->loopback_first = (uint8_t)((uart->loopback_first + 1) % UART_FIFO_BYTES);
    uart->loopback_count--;
    return byte;
}

/* What a character of fewer bits leaves of a byte. */
static uint8_t word(const struct uart *uart, uint8_t byte)
{
    return byte & UINT8_MAX >> (LCR_WORD_LENGTH - (uart->line_control & LCR_WORD_LENGTH));
}

/* An overrun loses the new byte with FIFOs, and the old one without. */
static void put_loopback(struct uart *uart, uint8_t byte)
{
    unsigned capacity = uart->fifo_control & FCR_ENABLE ? UART_FIFO_BYTES : 1;

    if (uart->loopback_count >= capacity) {
        uart->line_errors |= LSR_OVERRUN;
        if (capacity != 1)
            return;
        uart->loopback_count = 0;
    }
    uart->loopback[(uart->loopback_first + uart->loopback_count) % UART_FIFO_BYTES] =
        word(uart, byte);
    uart->loopback_count++;
}

/* Not inlined, nor are the others of their kind, so that plain registers do not
 * pay for them. */
__attribute__((noinline))
static uint8_t read_data(struct uart *uart)
{
    int byte = in_loopback(uart) ? take_loopback(uart) : wire_take(uart);

    uart_refresh(uart);
    return byte < 0 ? 0 : (uint8_t)byte;
}

__attribute__((noinline))
static uint8_t read_identification(struct uart *uart)
{
    struct console_status status = line_status(uart);

    note_transmitter(uart, status.output_ready);
    uint8_t cause = pending_cause(uart, status.input_waiting);
    if (cause == IIR_TRANSMITTER_EMPTY)
        uart->transmit_interrupt = false;
    move_line(uart, &status);
    return cause | (uart->fifo_control & FCR_ENABLE ? IIR_FIFOS : 0);
}

/* Polled for every byte that a kernel prints, so nothing is looked at that this
 * reading cannot have changed. */
__attribute__((noinline))
static uint8_t read_line_status(struct uart *uart)
{
    struct console_status status = line_status(uart);
    uint8_t errors = uart->line_errors;
    uint8_t value = errors;

    if (status.input_waiting != 0)
        value |= LSR_DATA_READY;
    if (status.output_ready)
        value |= LSR_THR_EMPTY | LSR_TRANSMITTER_EMPTY;
    if (errors != 0 || status.output_ready != uart->transmit_was_ready) {
        uart->line_errors = 0;
        note_transmitter(uart, status.output_ready);
        move_line(uart, &status);
    }
    return value;
}

__attribute__((noinline))
static uint8_t read_modem_status(struct uart *uart)
{
    uint8_t value = modem_lines(uart) | uart->modem_deltas;

    uart->modem_deltas = 0;
    uart_refresh(uart);
    return value;
}

uint8_t uart_read(struct uart *uart, unsigned reg)
{
    bool divisor = uart->line_control & LCR_DLAB;

    CHECK(reg < UART_REGISTERS);
    switch ((enum uart_register)reg) {
    case UART_DATA:
        return divisor ? uart->divisor_low : read_data(uart);
    case UART_INTERRUPT_ENABLE:
        return divisor ? uart->divisor_high : uart->interrupt_enable;
    case UART_IDENTIFICATION:
        return read_identification(uart);
    case UART_LINE_CONTROL:
        return uart->line_control;
    case UART_MODEM_CONTROL:
        return uart->modem_control;
    case UART_LINE_STATUS:
        return read_line_status(uart);
    case UART_MODEM_STATUS:
        return read_modem_status(uart);
    case UART_SCRATCH:
        return uart->scratch;
    }
    return 0xFF;
}

/* The transmitter is empty again at once if there is room, which is one more
 * cause; the line stays high meanwhile and does not rise anew. */
__attribute__((noinline))
static bool write_data(struct uart *uart, uint8_t value)
{
    struct console_status status;

    if (in_loopback(uart)) {
        put_loopback(uart, value);
        status = line_status(uart);
    } else {
        status = wire_put(uart, value);
        if (!status.output_taken)
            return false;
    }
    uart->transmit_interrupt = status.output_ready;
    uart->transmit_was_ready = status.output_ready;
    move_line(uart, &status);
    return true;
}

/* Enabling the transmitter's interrupt while it is empty is a cause by itself:
 * drivers start sending so. */
static void write_interrupt_enable(struct uart *uart, uint8_t value)
{
    uint8_t risen = value & ~uart->interrupt_enable;

    uart->interrupt_enable = value & IER_BITS;
    if (risen & IER_TRANSMITTER_EMPTY)
        uart->transmit_was_ready = false;
    uart_refresh(uart);
}

/* What the user typed is still on the wire as far as the guest can tell, and
 * survives a clearing of the receiver. */
static void write_fifo_control(struct uart *uart, uint8_t value)
{
    bool toggled = (value ^ uart->fifo_control) & FCR_ENABLE;

    if (toggled || value & FCR_CLEAR_RECEIVER)
        uart->loopback_count = 0;
    uart->fifo_control = value & FCR_ENABLE ? value & FCR_LASTING : 0;
    uart_refresh(uart);
}

static void write_modem_control(struct uart *uart, uint8_t value)
{
    uint8_t before = modem_lines(uart);

    uart->modem_control = value & MCR_BITS;
    uint8_t after = modem_lines(uart);
    uint8_t changed = before ^ after;
    if (after & MSR_RI)
        changed &= (uint8_t)~MSR_RI; /* only its falling edge counts */
    uart->modem_deltas |= changed >> MSR_DELTAS_SHIFT;
    uart_refresh(uart);
}

bool uart_write(struct uart *uart, unsigned reg, uint8_t value)
{
    bool divisor = uart->line_control & LCR_DLAB;

    CHECK(reg < UART_REGISTERS);
    switch ((enum uart_register)reg) {
    case UART_DATA:
        if (!divisor)
            return write_data(uart, value);
        uart->divisor_low = value;
        return true;
    case UART_INTERRUPT_ENABLE:
        if (divisor)
            uart->divisor_high = value;
        else
            write_interrupt_enable(uart, value);
        return true;
    case UART_IDENTIFICATION:
        write_fifo_control(uart, value);
        return true;
    case UART_LINE_CONTROL:
        uart->line_control = value;
        return true;
    case UART_MODEM_CONTROL:
        write_modem_control(uart, value);
        return true;
    case UART_LINE_STATUS: /* for factory tests only */
    case UART_MODEM_STATUS:
        return true;
    case UART_SCRATCH:
        uart->scratch = value;
        return true;
    }
    return true;
}
