/* SPDX-License-Identifier: MIT
 *
 * GDT, TSS and IDT. The IDT is shared; GDT and TSS are each CPU's own.
 */
#pragma once

#include "arch/cpu.h"

/* Fills the shared IDT; before the first descriptors_load(). */
void descriptors_init(void);

/* Builds and loads the GDT and TSS of a CPU, and the IDT; sets GS. */
void descriptors_load(struct cpu *cpu);

/* Loads the IDT alone, for the time before there is a struct cpu. */
void descriptors_load_idt(void);

/* For the time in which interrupts are taken only to be ended: vectors 16 to 31
 * are interrupts there, which a guest may have left pending, and not our own
 * exceptions. descriptors_load_idt() ends it. */
void descriptors_load_drain_idt(void);

uint64_t descriptors_idt_base(void);
