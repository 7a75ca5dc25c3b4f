/* SPDX-License-Identifier: MIT
 *
 * See vcpu.h. The only writer of a vCPU's state, and the only place where a
 * guest's RIP moves over an instruction.
 */
#include "hv/vcpu.h"

#include "arch/spec/cr.h"
#include "hv/check.h"
#include "hv/event.h"
#include "hv/guest_tsc.h"
#include "hv/lapic_level.h"
#include "hv/machine.h"
#include "hv/timers.h"
#include "hv/vcpu_state.h"
#include "hv/vm.h"
#include "hv/vm_life.h"
#include "hv/warm_reset.h"

/* Requests that one vCPU sends another, meaningless across a restart. */
#define REQUESTS_OF_GUEST (REQUEST_INIT | REQUEST_SIPI | REQUEST_GUEST_NMI | REQUEST_LEVEL)

static void start(struct vcpu *vcpu)
{
    CHECK(vcpu->state == VCPU_OFF);
    recorder_reset(vcpu->recorder);
    machine_guest_reset();
    vcpu_state_init(vcpu);
    atomic_store(&vcpu->sipi, 0);
    msr_state_reset(&vcpu->msr);
    guest_tsc_reset(vcpu);
    lapic_start(vcpu);
    machine_timer_set(MACHINE_TIMER_OFF);
    if (vcpu->index == 0) {
        vcpu_state_enter(vcpu, &vcpu->vm->entry);
        vcpu->state = VCPU_RUNNING;
    } else {
        vcpu->state = VCPU_WAIT_FOR_SIPI;
    }
    vm_vcpu_started(vcpu);
}

static void park(struct vcpu *vcpu)
{
    vm_vcpu_parks(vcpu);
    vcpu->state = VCPU_OFF;
    vm_vcpu_parked(vcpu);
}

static void reset_by_init(struct vcpu *vcpu)
{
    vcpu_state_init(vcpu);
    machine_translations_flush();
    lines_hold(vcpu);
    machine_interrupts_drain();
    lapic_init(vcpu);
}

/* An AP waits for a start-up IPI. An INIT that was on its way when its APIC was
 * disabled is lost: no start-up IPI would reach the vCPU any more. */
static void init_ap(struct vcpu *vcpu)
{
    if (atomic_load(&vcpu->lapic.mode) == LAPIC_DISABLED)
        return;
    reset_by_init(vcpu);
    vcpu->state = VCPU_WAIT_FOR_SIPI;
}

/* The boot processor starts its firmware, which resets the machine, unless it was
 * told to go on somewhere. */
static void init_boot_vcpu(struct vcpu *vcpu)
{
    struct real_address to;

    if (!warm_reset_take(vcpu->vm, &to)) {
        vm_end(vcpu->vm, VM_END_REBOOT, "INIT to its boot CPU");
        return;
    }
    reset_by_init(vcpu);
    vcpu_state_enter(vcpu, &(struct entry_state){ .mode = ENTRY_REAL, .cs = to.segment,
                                                  .rip = GPA(to.offset) });
}

/* SDM Vol. 3A, 10.4.1 "BSP and AP Processors". */
static void init(struct vcpu *vcpu)
{
    if (vcpu->index == 0)
        init_boot_vcpu(vcpu);
    else
        init_ap(vcpu);
}

/* Ignored unless the vCPU waits for it. */
static void start_up(struct vcpu *vcpu)
{
    uint16_t sipi = atomic_exchange(&vcpu->sipi, 0);
    if (vcpu->state != VCPU_WAIT_FOR_SIPI || !(sipi & VCPU_SIPI))
        return;
    vcpu_state_sipi((uint8_t)sipi);
    vcpu->state = VCPU_RUNNING;
}

/* Behind the NMI, which goes first. */
static void serve_devices(struct vcpu *vcpu, bool asked)
{
    struct vm *vm = vcpu->vm;

    timers_serve(vcpu, asked);
    if (vm->watchdog.over != NULL)
        vm_end(vm, VM_END_WATCHDOG, vm->watchdog.over);
    if (asked)
        event_offer_external_interrupt(vcpu);
}

bool vcpu_may_run(const struct vcpu *vcpu)
{
    return vcpu->state == VCPU_RUNNING && !atomic_load(&vcpu->vm->paused);
}

void vcpu_serve(struct vcpu *vcpu, uint32_t requests)
{
    if (vcpu->vm->learn)
        learn_end(vcpu);
    if (requests & REQUEST_BEGIN)
        vm_begin(vcpu->vm);
    if (requests & REQUEST_START) {
        requests &= ~(uint32_t)REQUESTS_OF_GUEST;
        start(vcpu);
    }
    if (requests & REQUEST_FORGET)
        machine_translations_flush();
    if (requests & REQUEST_INIT && vcpu->state != VCPU_OFF) {
        requests &= ~(uint32_t)REQUEST_GUEST_NMI; /* sent before it, as a rule */
        init(vcpu);
    }
    if (requests & REQUEST_SIPI)
        start_up(vcpu);
    if (requests & REQUEST_GUEST_NMI && vcpu->state == VCPU_RUNNING)
        event_inject_nmi(vcpu);
    if (requests & REQUEST_LEVEL && vcpu->state == VCPU_RUNNING)
        lapic_level_take(vcpu);
    if (vcpu->index == 0 && vcpu->state == VCPU_RUNNING)
        serve_devices(vcpu, requests & REQUEST_DEVICES);
    if (requests & REQUEST_SNAPSHOT)
        snapshot_take(vcpu);
    /* Looked at here, not at the request alone: a STOP may have come while
     * this vCPU was not yet started. */
    if (vcpu->state != VCPU_OFF && atomic_load(&vcpu->vm->end) != VM_END_NONE)
        park(vcpu);
}

/* The one instruction behind which IP wraps in 16-bit and 32-bit code. */
static bool crosses_4g(uint64_t rip, uint64_t next)
{
    return (rip ^ next) > UINT32_MAX;
}

static bool is_64_bit_code(void)
{
    return machine_vmread_64(VMCS_GUEST_IA32_EFER) & EFER_LMA
        && machine_vmread_32(VMCS_GUEST_CS_ACCESS_RIGHTS) & ACCESS_RIGHTS_L;
}

/* SDM Vol. 3B, 18.3.1.4 "Single-Step Exception Condition": the trap comes
 * behind the instruction, also behind one that the hypervisor did; with
 * IA32_DEBUGCTL.BTF behind branches only. */
static void pend_single_step(void)
{
    if (machine_vmread_64(VMCS_GUEST_IA32_DEBUGCTL) & DEBUGCTL_BTF)
        return;
    uint64_t pending = machine_vmread_natural(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS);
    machine_vmwrite_natural(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, pending | PENDING_DEBUG_BS);
}

/* What is seldom on: RF is for one instruction, and TF traps behind it. */
__attribute__((noinline))
static void end_of_traced_instruction(uint64_t rflags)
{
    if (rflags & RFLAGS_RF)
        machine_vmwrite_natural(VMCS_GUEST_RFLAGS, rflags & ~RFLAGS_RF);
    if (rflags & RFLAGS_TF)
        pend_single_step();
}

/* Intel's processors leave none there but behind MOV SS, where a VM entry wants it:
 * SDM Vol. 3C, 28.3.4 "Saving Non-Register State" and 27.3.1.5 "Checks on Guest
 * Non-Register State". Some implementations of VMX do. */
void vcpu_retry(void)
{
    uint64_t pending = machine_vmread_natural(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS);
    uint32_t shadows = BLOCKING_BY_STI | BLOCKING_BY_MOV_SS;
    if ((pending & PENDING_DEBUG_BS) && !(machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY) & shadows))
        machine_vmwrite_natural(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS,
                                pending & ~(uint64_t)PENDING_DEBUG_BS);
}

/* Of STI and MOV SS: they last until something has been executed. */
static inline __attribute__((always_inline)) void end_shadows(void)
{
    uint32_t blocking = machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY);
    uint32_t shadows = BLOCKING_BY_STI | BLOCKING_BY_MOV_SS;
    if (blocking & shadows)
        machine_vmwrite_32(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~shadows);
}

void vcpu_end_iteration(void)
{
    end_shadows();
    uint64_t rflags = machine_vmread_natural(VMCS_GUEST_RFLAGS);
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, rflags | RFLAGS_RF);
    if (rflags & RFLAGS_TF)
        pend_single_step();
}

static inline __attribute__((always_inline)) void advance(uint64_t rip, uint32_t length)
{
    uint64_t next = rip + length;
    if (crosses_4g(rip, next) && !is_64_bit_code())
        next &= UINT32_MAX;
    machine_vmwrite_natural(VMCS_GUEST_RIP, next);
    end_shadows();
    uint64_t rflags = machine_vmread_natural(VMCS_GUEST_RFLAGS);
    if (rflags & (RFLAGS_TF | RFLAGS_RF))
        end_of_traced_instruction(rflags);
}

void vcpu_advance(uint32_t length)
{
    advance(machine_vmread_natural(VMCS_GUEST_RIP), length);
}

void vcpu_done(uint64_t rip)
{
    advance(rip, machine_vmread_32(VMCS_EXIT_INSTRUCTION_LENGTH));
}

void vcpu_apply(struct verdict verdict)
{
    switch (verdict.kind) {
    case VERDICT_RESUME:
    case VERDICT_END: /* this CPU is asked to stop, and looks before it enters again */
        return;
    case VERDICT_ADVANCE:
        break;
    case VERDICT_INJECT:
        event_inject_exception(verdict.vector, verdict.has_error_code, verdict.error_code);
        return;
    }
    CHECK(!"a verdict that another function does");
}
