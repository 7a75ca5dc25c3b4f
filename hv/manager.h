/* SPDX-License-Identifier: MIT
 *
 * The manager: the guest with `manager = true`, at most one, whose COM2 leads to a
 * monitor of its own (MONITOR_AT_MANAGER of hv/monitor_seat.h).
 *
 * This is the wire between the two: a ring for each direction. What the monitor
 * says waits here until the guest reads it, and is not made while there is no room;
 * what the guest writes while its transmitter says that there is no room is lost,
 * counted, and told. The monitor runs on the CPU of the manager's boot vCPU, as
 * REQUEST_MANAGE: whatever a manager asks for, and however fast, is its own time.
 *
 * The manager's VM lock guards the rings, as it does its UARTs. No other lock is
 * taken here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/console.h"

struct vcpu;

/* Boot. */
void manager_init(struct vm *vm);

/* NULL: there is none. */
struct vm *manager_vm(void);

/* A life of it begins: nothing is under way. The lock is held. */
void manager_reset(void);

/* So many lives so far: a session of an earlier one is over. */
unsigned manager_lives(void);

/* Its monitor is served soon, from any CPU. Without a manager nothing happens. */
void manager_call(void);

/* The UART's side, with the lock held. */
struct console_status manager_status(void);
struct console_status manager_output(uint8_t byte);
int manager_input_take(void); /* a byte or -1 */

/* The monitor's side, with no lock held. */
size_t manager_room(void);
void manager_write(const char *text, size_t length);
bool manager_calls_back(void); /* when the guest has read some */
int manager_read(void); /* a byte or -1 */
bool manager_interrupted(void);
uint64_t manager_take_lost(void); /* bytes since the last call */
