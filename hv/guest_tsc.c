/* SPDX-License-Identifier: MIT
 *
 * See guest_tsc.h. SDM Vol. 3B, 18.17.3 "Time-Stamp Counter Adjustment"; Vol. 3A,
 * 11.5.4.1 "TSC-Deadline Mode"; Vol. 3C, 26.3 "Changes to Instruction Behavior in
 * VMX Non-Root Operation", which says that RDTSC, RDTSCP and RDMSR add the offset.
 */
#include "hv/guest_tsc.h"

#include "hv/cpuid.h"
#include "hv/machine.h"
#include "hv/msr.h"
#include "hv/vm.h"

void guest_tsc_reset(struct vcpu *vcpu)
{
    vcpu->msr.tsc_offset = 0;
    vcpu->msr.tsc_deadline = 0;
    machine_vmwrite_64(VMCS_TSC_OFFSET, 0);
}

/* A deadline of the guest's as the machine's TSC. One that has passed fires at
 * once; one behind the end of the machine's time is put there, centuries away. */
static uint64_t to_machine(const struct vcpu *vcpu, uint64_t deadline)
{
    uint64_t now = machine_tsc();
    uint64_t guest_now = now + vcpu->msr.tsc_offset;
    uint64_t left = deadline > guest_now ? deadline - guest_now : 0;
    return left < UINT64_MAX - now ? now + left : UINT64_MAX;
}

/* One that is due has fired, or does so by itself at this moment; the MSR should
 * read 0 then, but not every processor's does (Bochs). */
static bool is_armed(uint64_t machine_deadline)
{
    return machine_deadline > machine_tsc();
}

uint64_t guest_tsc_deadline_read(const struct vcpu *vcpu)
{
    return is_armed(machine_msr_read(IA32_TSC_DEADLINE)) ? vcpu->msr.tsc_deadline : 0;
}

void guest_tsc_deadline_write(struct vcpu *vcpu, uint64_t value)
{
    vcpu->msr.tsc_deadline = value;
    machine_msr_write(IA32_TSC_DEADLINE, value ? to_machine(vcpu, value) : 0);
}

static uint64_t deadline_of(const struct vcpu *vcpu)
{
    uint64_t of_machine = machine_msr_read(IA32_TSC_DEADLINE);
    if (!is_armed(of_machine))
        return 0;
    return vcpu->msr.tsc_offset ? vcpu->msr.tsc_deadline : of_machine;
}

/* What is armed stays armed for the guest's own time. A timer that fires between
 * the two accesses comes twice; none is lost. */
static void set_offset(struct vcpu *vcpu, uint64_t offset)
{
    bool has_deadline = cpuid_has(&vcpu->vm->cpuid, FEATURE_TSC_DEADLINE);
    uint64_t deadline = has_deadline ? deadline_of(vcpu) : 0;
    vcpu->msr.tsc_offset = offset;
    machine_vmwrite_64(VMCS_TSC_OFFSET, offset);
    msr_bitmap_choose(vcpu);
    if (deadline)
        guest_tsc_deadline_write(vcpu, deadline);
}

void guest_tsc_adjust_write(struct vcpu *vcpu, uint64_t value)
{
    set_offset(vcpu, value);
}

void guest_tsc_write(struct vcpu *vcpu, uint64_t value)
{
    set_offset(vcpu, value - machine_tsc());
}
