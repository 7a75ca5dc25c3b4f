/* SPDX-License-Identifier: MIT
 *
 * A guest's serial port: a 16550A, and what is at the other end of its wire.
 *
 * On the console it never loses a byte. What the guest sends goes into the
 * console's ring of this guest, and the transmitter reports empty while that has
 * room for a whole FIFO. What the user types waits in the console until the guest
 * reads it, so the receiver cannot overrun; only in loopback is there a FIFO to
 * overflow. With nothing at the other end what is sent is lost, nothing comes, and
 * no modem line is on. A manager's COM2 has its monitor there (hv/manager.h). Baud rate and line format are kept and read back; but for
 * the length of a character in loopback they change nothing.
 *
 * The caller holds the VM's lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vm;

#define UART_REGISTERS 8
#define UART_FIFO_BYTES 16

enum uart_wire {
    UART_WIRE_NOTHING, /* a port without a cable */
    UART_WIRE_CONSOLE, /* the VM's part of hv/console.h */
    UART_WIRE_WATCHED, /* the same as long as hv/readiness.h wants to see what it sends */
    UART_WIRE_MANAGER, /* hv/manager.h */
};

struct uart {
    struct vm *vm;
    enum uart_wire wire;
    uint8_t irq;
    uint8_t interrupt_enable;  /* IER */
    uint8_t fifo_control;      /* FCR, its lasting bits */
    uint8_t line_control;      /* LCR */
    uint8_t modem_control;     /* MCR */
    uint8_t scratch;           /* SCR */
    uint8_t divisor_low;       /* DLL */
    uint8_t divisor_high;      /* DLM */
    uint8_t line_errors;       /* LSR: errors until it is read */
    uint8_t modem_deltas;      /* MSR 3:0, until it is read */
    bool transmit_was_ready;   /* when last looked at: an edge is an interrupt */
    bool transmit_interrupt;   /* THR became empty and nobody has looked yet */

    uint8_t loopback[UART_FIFO_BYTES];
    uint8_t loopback_first;
    uint8_t loopback_count;
};

/* As after a hardware reset. */
void uart_init(struct uart *uart, struct vm *vm, uint8_t irq, enum uart_wire wire);

/* `reg` is the port's offset from the base, below UART_REGISTERS. */
uint8_t uart_read(struct uart *uart, unsigned reg);

/* False: the wire has no room for this byte, and nothing has changed. The same
 * write again after console_wait_for_room(), which wants the VM's lock free. */
bool uart_write(struct uart *uart, unsigned reg, uint8_t value);

/* The wire has input, or room again: looks, and moves the interrupt line. */
void uart_refresh(struct uart *uart);
