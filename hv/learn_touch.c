/* SPDX-License-Identifier: MIT
 *
 * What an exit touches, for hv/learn.h: read before it is handled, as that changes
 * the registers.
 */
#include "hv/learn.h"

#include "arch/spec/cpuid.h"
#include "arch/spec/exit_reason.h"
#include "hv/device_memory.h"
#include "hv/machine.h"
#include "hv/ports.h"
#include "hv/vm.h"

/* Only these leaves look at ECX; others come with anything there. */
static uint64_t cpuid_place(uint32_t leaf, uint32_t subleaf)
{
    bool by_subleaf = leaf == CPUID_CACHE_PARAMETERS || leaf == CPUID_EXTENDED_FEATURES ||
                      leaf == CPUID_TOPOLOGY || leaf == CPUID_XSTATE;
    return by_subleaf ? (uint64_t)subleaf << 32 | leaf : leaf;
}

static struct learn_touch port_touched(const struct vm *vm)
{
    uint64_t qualification = machine_vmread_natural(VMCS_EXIT_QUALIFICATION);
    uint16_t port = (uint16_t)(qualification >> IO_QUALIFICATION_PORT_SHIFT);
    size_t bytes = (qualification & IO_QUALIFICATION_SIZE_MASK) + 1;
    return (struct learn_touch){
        .kind = qualification & IO_QUALIFICATION_IN ? LEARN_PORT_READ : LEARN_PORT_WRITE,
        .where = port,
        .refused = !ports_has(vm, port, bytes),
    };
}

static struct learn_touch page_touched(const struct vcpu *vcpu)
{
    bool write = machine_vmread_natural(VMCS_EXIT_QUALIFICATION) & EPT_QUALIFICATION_WRITE;
    uint64_t address = machine_vmread_64(VMCS_GUEST_PHYSICAL_ADDRESS);
    return (struct learn_touch){
        .kind = write ? LEARN_PAGE_WRITE : LEARN_PAGE_READ,
        .where = align_down(address, PAGE_SIZE_4K),
        .refused = !device_memory_has(vcpu, GPA(address)),
    };
}

static struct learn_touch touched(const struct vcpu *vcpu, enum exit_reason reason)
{
    uint32_t rax = (uint32_t)vcpu->gpr[GPR_RAX], rcx = (uint32_t)vcpu->gpr[GPR_RCX];
    switch ((uint32_t)reason) {
    case EXIT_CPUID: return (struct learn_touch){ LEARN_CPUID, cpuid_place(rax, rcx), false, 0 };
    case EXIT_RDMSR: return (struct learn_touch){ LEARN_MSR_READ, rcx, false, 0 };
    case EXIT_WRMSR: return (struct learn_touch){ LEARN_MSR_WRITE, rcx, false, 0 };
    case EXIT_IO_INSTRUCTION: return port_touched(vcpu->vm);
    case EXIT_EPT_VIOLATION: return page_touched(vcpu);
    }
    return (struct learn_touch){ LEARN_KIND_COUNT, 0, false, 0 };
}

void learn_begin(struct vcpu *vcpu)
{
    struct learn_touch *touch = &vcpu->vm->learn->touches[vcpu->index];
    *touch = touched(vcpu, machine_vmread_32(VMCS_EXIT_REASON) & EXIT_REASON_BASIC_MASK);
    touch->rip = machine_vmread_natural(VMCS_GUEST_RIP);
}
