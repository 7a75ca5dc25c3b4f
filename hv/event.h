/* SPDX-License-Identifier: MIT
 *
 * Events into a guest by VM entry: exceptions, NMIs, and events whose delivery
 * an exit interrupted. At most one can be asked for per entry; an exit handler
 * that resumes calls event_reinject first, so that none is lost.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vcpu;
struct verdict;

/* The next entry delivers this exception; an instruction that it interrupts is
 * the one at RIP. */
void event_inject_exception(uint8_t vector, bool has_error_code, uint32_t error_code);

/* An NMI for the guest: by the next entry, or as soon as the guest can take
 * one. A second one waiting is merged with the first, as on the processor. */
void event_inject_nmi(struct vcpu *vcpu);

/*
 * If this exit happened while the processor was delivering an event to the
 * guest, the next entry delivers it again. True if there was one.
 */
bool event_reinject(struct vcpu *vcpu);

struct verdict event_nmi_window_exit(struct vcpu *vcpu);

/* To the boot vCPU: if the PIC asks and LINT0 takes external interrupts, the next
 * entry delivers one, or an exit comes as soon as the guest can take it. A guest in
 * HLT wakes. The VM's lock is free. */
void event_offer_external_interrupt(struct vcpu *vcpu);

struct verdict event_interrupt_window_exit(struct vcpu *vcpu);

/* Exceptions that the exception bitmap intercepts: EVENT_EXCEPTION_BITMAP. */
#define EVENT_EXCEPTION_BITMAP ((1u << 1) | (1u << 17) | (1u << 18)) /* #DB, #AC, #MC */
struct verdict event_exception_exit(struct vcpu *vcpu);

/* The guest observes a #DB before the first instruction of a task whose TSS asks
 * for it. */
struct verdict event_task_trap(void);
