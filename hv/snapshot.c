/* SPDX-License-Identifier: MIT
 *
 * See snapshot.h.
 */
#include "hv/snapshot.h"

#include "hv/machine.h"
#include "hv/vcpu.h"

void snapshot_ask(struct vcpu *vcpu, enum monitor_seat seat)
{
    atomic_store(&vcpu->snapshots[seat].wanted, true);
    machine_request(vcpu->cpu, REQUEST_SNAPSHOT);
}

static void take(const struct vcpu *vcpu, struct snapshot *s)
{
    s->rip = machine_vmread_natural(VMCS_GUEST_RIP);
    s->rsp = machine_vmread_natural(VMCS_GUEST_RSP);
    s->rflags = machine_vmread_natural(VMCS_GUEST_RFLAGS);
    s->cr0 = machine_vmread_natural(VMCS_GUEST_CR0);
    s->cr3 = machine_vmread_natural(VMCS_GUEST_CR3);
    s->cr4 = machine_vmread_natural(VMCS_GUEST_CR4);
    s->efer = machine_vmread_64(VMCS_GUEST_IA32_EFER);
    s->cs_base = machine_vmread_natural(VMCS_GUEST_CS_BASE);
    s->gdtr = machine_vmread_natural(VMCS_GUEST_GDTR_BASE);
    s->idtr = machine_vmread_natural(VMCS_GUEST_IDTR_BASE);
    s->cs_rights = machine_vmread_32(VMCS_GUEST_CS_ACCESS_RIGHTS);
    s->interruptibility = machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY);
    s->activity = machine_vmread_32(VMCS_GUEST_ACTIVITY);
    s->cs = machine_vmread_16(VMCS_GUEST_CS_SELECTOR);
    s->ss = machine_vmread_16(VMCS_GUEST_SS_SELECTOR);
    s->tr = machine_vmread_16(VMCS_GUEST_TR_SELECTOR);
    for (unsigned i = 0; i < GPR_COUNT; i++)
        s->gpr[i] = vcpu->gpr[i];
    atomic_fetch_add(&s->taken, 1);
}

void snapshot_take(struct vcpu *vcpu)
{
    for (unsigned seat = 0; seat < MONITOR_SEATS; seat++) {
        struct snapshot *snapshot = &vcpu->snapshots[seat];
        if (!atomic_exchange(&snapshot->wanted, false))
            continue;
        take(vcpu, snapshot);
        monitor_seat_call((enum monitor_seat)seat);
    }
}
