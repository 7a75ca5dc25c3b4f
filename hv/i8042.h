/* SPDX-License-Identifier: MIT
 *
 * The guest's keyboard controller, an 8042 of a PS/2 with nothing plugged in, and
 * port 92h: what both can do is reset the machine and gate A20.
 *
 * It answers every command at once, so nobody waits for it. What is sent to a
 * keyboard or mouse is answered as the controller answers where none is: FEh,
 * with the timeout in the status. Configuration byte and RAM are kept.
 *
 * A20 is always on, and both registers say so whatever is written: no processor
 * since 2013 masks it, and a guest's memory is mapped by large pages. A guest that
 * masks it is told of once, however often it starts again.
 *
 * The caller holds the VM's lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/platform.h"

struct vm;

#define I8042_RAM_BYTES 32

struct i8042 {
    uint8_t command; /* one that waits for its data in 60h, or 0 */
    uint8_t status;  /* port 64h */
    uint8_t data;    /* port 60h */
    bool a20_said;
    uint8_t ram[I8042_RAM_BYTES]; /* the first is the configuration byte */
};

void i8042_init(struct i8042 *i8042);

/* `port` is 60h, 64h or 92h. */
uint8_t i8042_read(struct vm *vm, uint16_t port);
enum platform_event i8042_write(struct vm *vm, uint16_t port, uint8_t value);
