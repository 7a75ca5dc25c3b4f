/* SPDX-License-Identifier: MIT
 *
 * The registers of a vCPU, as its own CPU read them where its VMCS is current:
 * another CPU asks by REQUEST_SNAPSHOT and finds them here a little later.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct vcpu;

struct snapshot {
    _Atomic uint32_t taken; /* so many so far; what follows is complete */
    uint64_t rip, rsp, rflags;
    uint64_t cr0, cr3, cr4, efer;
    uint64_t cs_base, gdtr, idtr;
    uint32_t cs_rights, interruptibility, activity;
    uint16_t cs, ss, tr;
    uint64_t gpr[16]; /* of RSP nothing */
};

/* On the vCPU's own CPU. Tells the console's CPU. */
void snapshot_take(struct vcpu *vcpu);
