/* SPDX-License-Identifier: MIT
 *
 * The guest's serial port COM1: a 16550A whose wire is the console.
 *
 * It never loses a byte. What the guest sends goes into the console's ring of
 * this guest, and the transmitter reports empty while that has room for a whole
 * FIFO. What the user types waits in the console until the guest reads it, so
 * the receiver cannot overrun; only in loopback is there a FIFO to overflow.
 * Baud rate and line format are kept and read back, and change nothing.
 *
 * The caller holds the VM's lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vm;

#define UART_REGISTERS 8
#define UART_FIFO_BYTES 16

struct uart {
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
void uart_init(struct uart *uart);

/* `reg` is the port's offset from the base, below UART_REGISTERS. */
uint8_t uart_read(struct vm *vm, unsigned reg);

/* False: the console has no room for this byte, and nothing has changed. The same
 * write again after console_wait_for_room(), which wants the VM's lock free. */
bool uart_write(struct vm *vm, unsigned reg, uint8_t value);

/* The console has input, or room again: looks, and moves the interrupt line. */
void uart_refresh(struct vm *vm);
