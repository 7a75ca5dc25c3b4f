/* SPDX-License-Identifier: MIT
 *
 * A VM of four vCPUs for the tests of their local APICs: each as it is after the
 * VM's start, enabled by software, in the given mode.
 */
#pragma once

#include "hv/vm.h"
#include "tests/fake/machine.h"

#define APIC_VCPUS 4
#define APIC_CPU_OF(index) (10 + 3 * (index)) /* so that no CPU has a vCPU's number */
#define APIC_VM_RAM MIB(4)

extern struct vm apic_vm;
extern struct vcpu apic_vcpus[APIC_VCPUS];

void apic_vm_make(enum lapic_mode mode);

/* Which vCPUs were sent exactly this, a bit each; the log is emptied. What the
 * hardware's registers were given does not count. */
unsigned apic_reached(enum fake_record_kind kind, uint64_t value);
