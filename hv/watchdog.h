/* SPDX-License-Identifier: MIT
 *
 * What ends a guest that hangs: a device that it must write to again and again, and
 * the time for which its console may be silent. Each is there only where the
 * configuration asks for it.
 *
 * The device is that of the IB700 board, for which Linux has ib700wdt: a write to 443h
 * starts it, and starts it anew, with a time of 30 seconds less two for each unit of
 * the value's lower four bits; a write to 441h stops it. The silence counts from the
 * last byte on COM1, or the last write to the ready port, once the guest is ready; a
 * guest that does not say when it is, from its first byte on.
 *
 * Both are deadlines of the boot vCPU's CPU, which it keeps by the VMX-preemption
 * timer whatever the guest does: hv/timers.h. A deadline that has moved on is met once
 * at its old time, so writing anew calls nobody. While the guest is paused none comes;
 * behind a pause both times begin anew.
 *
 * The caller holds the VM's lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vm;

struct watchdog {
    uint64_t period;        /* of the device, in ticks of the TSC */
    uint64_t device_until;  /* TSC; MACHINE_TIMER_OFF: it is stopped */
    uint64_t silence_until; /* likewise; none is heard yet */
    uint64_t next;          /* the TSC at which the boot vCPU's CPU looks */
    bool held;              /* that CPU has seen the guest paused */
    const char *over;       /* why the guest's time is over; NULL: it is not. That CPU's own */
};

/* As after a reset. Runs while no vCPU does. */
void watchdog_reset(struct vm *vm);

/* A write to one of the device's ports. */
void watchdog_write(struct vm *vm, uint16_t port, uint32_t value);

/* A sign of life. */
void watchdog_heard(struct vm *vm);

/* By the boot vCPU's CPU, which ends a guest whose time is over. Returns the TSC at
 * which it looks again, or MACHINE_TIMER_OFF. */
uint64_t watchdog_look(struct vm *vm);
