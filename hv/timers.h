/* SPDX-License-Identifier: MIT
 *
 * The time of a VM's emulated devices, and the deadlines at which one of them
 * moves an interrupt line.
 *
 * Nothing happens while nobody would notice: a device that is looked at
 * computes what it is by then, and only a line that would interrupt somebody
 * has a deadline. The boot vCPU's CPU keeps it by the VMX-preemption timer,
 * which is off as long as there is none; another vCPU that programs a device
 * asks that CPU by REQUEST_DEVICES. While the boot vCPU waits for a SIPI no
 * deadline is kept.
 *
 * However fast a guest programs its devices, at most TIMERS_HZ_MAX deadlines a
 * second are kept; what happens between two of them is one edge.
 *
 * That CPU also keeps the deadlines of hv/watchdog.h, which are nobody's interrupts.
 *
 * The caller holds the VM's lock, but of timers_serve().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/platform.h"

struct vcpu;
struct vm;

#define TIMERS_HZ_MAX 20000u

struct timers {
    uint64_t tsc_hz;
    uint64_t seen;       /* the latest TSC that a device was shown: time never goes back */
    uint64_t next;       /* TSC of the next event; MACHINE_TIMER_OFF: none */
    uint64_t deadline;   /* TSC that the boot vCPU's CPU waits for; its own */
    uint64_t wake;       /* the same, or earlier for the watchdog; its own */
    uint64_t not_before; /* TSC before which it waits for none; its own */
};

/* Once, at boot. */
void timers_init(struct timers *timers, uint64_t tsc_hz);

/* All devices that have a time, as after a reset. Runs while no vCPU does. */
void timers_reset(struct vm *vm);

/* The interrupt lines become what they are now. */
void timers_look(struct vm *vm);

/* Behind a change of a device or of who hears it: lines and deadline are new. */
void timers_changed(struct vm *vm);

/* The boot vCPU's CPU, before it enters the guest: does what is due, and sets the
 * preemption timer. `asked`: by REQUEST_DEVICES. */
void timers_serve(struct vcpu *vcpu, bool asked);

/* As platform_read() and platform_write(). */
uint32_t timers_platform_read(struct vm *vm, uint16_t port, size_t bytes);
enum platform_event timers_platform_write(struct vm *vm, uint16_t port, size_t bytes,
                                          uint32_t value);

/* Ports 70h and 71h. */
uint8_t timers_cmos_read(struct vm *vm, uint16_t port);
void timers_cmos_write(struct vm *vm, uint16_t port, uint8_t value);

/* Ports 40h to 43h. */
uint8_t timers_pit_read(struct vm *vm, uint16_t port);
void timers_pit_write(struct vm *vm, uint16_t port, uint8_t value);

/* Port 61h. */
uint8_t timers_61_read(struct vm *vm);
void timers_61_write(struct vm *vm, uint8_t value);
