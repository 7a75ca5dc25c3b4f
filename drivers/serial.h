/* SPDX-License-Identifier: MIT
 *
 * The host's console UART, a 16550 on I/O ports or in memory.
 *
 * Never waits: the transmitter takes a FIFO's worth when it is empty and
 * nothing else. Its state is one object in serial.c; the caller serialises, as
 * the console's lock does. No line discipline, no buffering: that is the
 * console's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIAL_COM1 0x3F8
#define SERIAL_CLOCK_HZ 115200 /* divisor 1 */

/* Where the registers are: ports one after the other, or memory, where they are
 * bytes one after the other, or each in a doubleword of its own that is accessed
 * as a whole. */
struct serial_place {
    uint16_t port;
    volatile uint8_t *base; /* NULL: it is on ports */
    bool doublewords;
};

/* 8 data bits, no parity, one stop bit; FIFOs on; no interrupts; RTS and DTR
 * on. False: nothing there that works as a UART; the functions below then
 * swallow every byte and give none, so that nobody waits for it. */
bool serial_init(struct serial_place place, uint16_t divisor);

/* Its memory is seen somewhere else from now on. */
void serial_moved(volatile uint8_t *base);

/* How many bytes it took: 0 while the FIFO is not empty. */
size_t serial_write(const uint8_t *bytes, size_t count);
bool serial_transmitter_ready(void);

/* Waits, with a bound, until the last byte has left: before the power goes. */
void serial_finish(void);

/* A byte, or -1. */
int serial_read(void);

/* Interrupt when a byte was received; when the transmitter is empty. The latter
 * comes at once if it is empty already, so want it only with bytes to send. */
void serial_interrupt_on_receive(bool enabled);
void serial_interrupt_on_transmit(bool enabled);

/* Ends the present interrupt. The line is edge-triggered: it is made to fall
 * here, and whatever still pends, or came meanwhile, raises it anew. */
void serial_interrupt_acknowledge(void);

/* RTS off asks the other side to stop sending; bytes already on their way still
 * come. */
void serial_receive_pause(bool paused);

/* Bytes that the UART lost since boot because nobody read them in time. */
unsigned serial_overruns(void);
