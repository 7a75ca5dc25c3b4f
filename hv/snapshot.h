/* SPDX-License-Identifier: MIT
 *
 * The registers of a vCPU, as its own CPU read them where its VMCS is current:
 * another CPU asks and finds them here a little later. Whoever can ask has a
 * snapshot of his own, so that none is written while somebody reads it.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "hv/monitor_seat.h"

struct vcpu;

struct snapshot {
    _Atomic bool wanted;
    _Atomic uint32_t taken; /* so many so far; what follows is complete */
    uint64_t rip, rsp, rflags;
    uint64_t cr0, cr3, cr4, efer;
    uint64_t cs_base, gdtr, idtr;
    uint32_t cs_rights, interruptibility, activity;
    uint16_t cs, ss, tr;
    uint64_t gpr[16]; /* of RSP nothing */
};

void snapshot_ask(struct vcpu *vcpu, enum monitor_seat seat);

/* On the vCPU's own CPU, behind REQUEST_SNAPSHOT. Calls whoever asked. */
void snapshot_take(struct vcpu *vcpu);
