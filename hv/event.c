/* SPDX-License-Identifier: MIT
 *
 * See event.h. SDM Vol. 3C, 27.6 "Event Injection" and 27.2.1.3 "VM-Entry
 * Control Fields", which says what an entry refuses; each function keeps to it.
 */
#include "hv/event.h"

#include "arch/spec/cr.h"
#include "hv/machine.h"
#include "hv/vcpu.h"
#include "hv/vm.h"
#include "hv/vm_life.h"

#define DR6_FIXED_ONES 0xFFFF0FF0ull
#define DR6_BREAKPOINTS 0xFull
#define DR6_BD BIT(13)
#define DR6_BS BIT(14)
#define DR6_BT BIT(15)
#define DR7_GD BIT(13)

static uint32_t event(enum event_type type, uint8_t vector)
{
    return EVENT_VALID | (uint32_t)type << EVENT_TYPE_SHIFT | vector;
}

/* Faults push RFLAGS with RF set, so that a breakpoint at the instruction does
 * not hit twice; an injection pushes the field as it is. SDM Vol. 3B, 18.3.1.1
 * "Instruction-Breakpoint Exception Condition". */
static bool sets_resume_flag(uint8_t vector)
{
    return vector != VECTOR_DB && vector != VECTOR_BP && vector != VECTOR_OF &&
           vector != VECTOR_DF && vector != VECTOR_MC;
}

static void set_resume_flag(void)
{
    uint64_t rflags = machine_vmread_natural(VMCS_GUEST_RFLAGS);
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, rflags | RFLAGS_RF);
}

void event_inject_exception(uint8_t vector, bool has_error_code, uint32_t error_code)
{
    uint32_t information = event(EVENT_HARDWARE_EXCEPTION, vector);
    /* In real mode no exception pushes an error code. */
    if (has_error_code && (machine_vmread_natural(VMCS_GUEST_CR0) & CR0_PE)) {
        information |= EVENT_HAS_ERROR_CODE;
        machine_vmwrite_32(VMCS_ENTRY_EXCEPTION_ERROR_CODE, error_code);
    }
    if (sets_resume_flag(vector))
        set_resume_flag();
    machine_vmwrite_32(VMCS_ENTRY_INTERRUPTION_INFO, information);
}

static void window_exiting(uint32_t control, bool wanted)
{
    uint32_t controls = machine_vmread_32(VMCS_PRIMARY_CONTROLS);
    uint32_t changed = wanted ? controls | control : controls & ~control;
    machine_vmwrite_32(VMCS_PRIMARY_CONTROLS, changed);
}

static bool entry_delivers_something(void)
{
    return machine_vmread_32(VMCS_ENTRY_INTERRUPTION_INFO) & EVENT_VALID;
}

/* It goes first, and an entry that injects an interrupt or an NMI would lose it:
 * SDM Vol. 3C, 27.7.3 "Delivery of Pending Debug Exceptions after VM Entry". */
static bool debug_exception_is_pending(void)
{
    return machine_vmread_natural(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS) &
           (PENDING_DEBUG_BS | PENDING_DEBUG_ENABLED_BREAKPOINT);
}

void event_inject_nmi(struct vcpu *vcpu)
{
    uint32_t blocking = machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY) &
                        (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS | BLOCKING_BY_NMI);
    if (blocking || entry_delivers_something() || debug_exception_is_pending()) {
        vcpu->nmi_pending = true;
        window_exiting(PRIMARY_NMI_WINDOW_EXITING, true);
        return;
    }
    machine_vmwrite_32(VMCS_ENTRY_INTERRUPTION_INFO, event(EVENT_NMI, VECTOR_NMI));
}

/*
 * The guest can take an NMI now, and the next entry delivers it. Blocking by
 * STI is dropped, because some processors refuse an NMI together with it: SDM
 * Vol. 3C, 27.3.1.5 "Checks on Guest Non-Register State".
 */
struct verdict event_nmi_window_exit(struct vcpu *vcpu)
{
    window_exiting(PRIMARY_NMI_WINDOW_EXITING, false);
    if (vcpu->nmi_pending) {
        vcpu->nmi_pending = false;
        uint32_t blocking = machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY);
        machine_vmwrite_32(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~(uint32_t)BLOCKING_BY_STI);
        machine_vmwrite_32(VMCS_ENTRY_INTERRUPTION_INFO, event(EVENT_NMI, VECTOR_NMI));
    }
    return RESUME;
}

static bool can_take_an_interrupt(void)
{
    uint32_t blocking = machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY) &
                        (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS);
    return (machine_vmread_natural(VMCS_GUEST_RFLAGS) & RFLAGS_IF) && !blocking &&
           !entry_delivers_something() && !debug_exception_is_pending();
}

/*
 * A guest in HLT with IF set can take it at once, as injection wakes: no window
 * is ever wanted there but behind another injection, which wakes as well. With
 * IF clear a HLT lasts, as on the processor.
 */
void event_offer_external_interrupt(struct vcpu *vcpu)
{
    struct pic *pic = &vcpu->vm->pic;
    bool can = can_take_an_interrupt();
    uint8_t vector = 0;

    lock_acquire(&vcpu->vm->lock);
    bool wanted = pic_requests(pic) && lapic_takes_extint(&vcpu->lapic);
    bool now = wanted && can;
    if (now) {
        vector = pic_acknowledge(pic);
        wanted = pic_requests(pic);
    }
    lock_release(&vcpu->vm->lock);

    if (now)
        machine_vmwrite_32(VMCS_ENTRY_INTERRUPTION_INFO, event(EVENT_EXTERNAL_INTERRUPT, vector));
    window_exiting(PRIMARY_INTERRUPT_WINDOW_EXITING, wanted);
}

struct verdict event_interrupt_window_exit(struct vcpu *vcpu)
{
    event_offer_external_interrupt(vcpu);
    return RESUME;
}

#define EVENT_COPIED (EVENT_VALID | EVENT_HAS_ERROR_CODE | EVENT_TYPE_MASK | EVENT_VECTOR_MASK)

/* INT n, INT3, INTO and INT1 push the address behind themselves. */
static bool has_instruction(enum event_type type)
{
    return type == EVENT_SOFTWARE_INTERRUPT || type == EVENT_PRIVILEGED_SOFTWARE_EXCEPTION ||
           type == EVENT_SOFTWARE_EXCEPTION;
}

/* SDM Vol. 3C, 28.2.4 "Information for VM Exits During Event Delivery". */
bool event_reinject(struct vcpu *vcpu)
{
    (void)vcpu;
    uint32_t information = machine_vmread_32(VMCS_IDT_VECTORING_INFO);
    if (!(information & EVENT_VALID))
        return false;
    enum event_type type = (information & EVENT_TYPE_MASK) >> EVENT_TYPE_SHIFT;
    if (information & EVENT_HAS_ERROR_CODE)
        machine_vmwrite_32(VMCS_ENTRY_EXCEPTION_ERROR_CODE,
                           machine_vmread_32(VMCS_IDT_VECTORING_ERROR_CODE));
    if (has_instruction(type))
        machine_vmwrite_32(VMCS_ENTRY_INSTRUCTION_LENGTH,
                           machine_vmread_32(VMCS_EXIT_INSTRUCTION_LENGTH));
    if (type == EVENT_NMI) { /* its delivery had begun and blocks itself */
        uint32_t blocking = machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY);
        machine_vmwrite_32(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~(uint32_t)BLOCKING_BY_NMI);
    }
    machine_vmwrite_32(VMCS_ENTRY_INTERRUPTION_INFO, information & EVENT_COPIED);
    return true;
}

/*
 * An exit by #DB leaves the guest as it was before the delivery, which ends HLT
 * and the blocking by STI and MOV SS, and takes along the single step that SDM
 * Vol. 3C, 27.3.1.5 "Checks on Guest Non-Register State" wants to be pending
 * together with them. Exits for other reasons keep it pending, so their
 * injections pass that check.
 */
static void end_what_delivery_ends(void)
{
    uint32_t blocking = machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY);
    machine_vmwrite_32(VMCS_GUEST_INTERRUPTIBILITY,
                       blocking & ~(uint32_t)(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS));
    machine_vmwrite_32(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
}

/*
 * What a debug exception does to the registers, which injection does not. Flags of
 * earlier ones stay in DR6 but for the breakpoints'; BTF goes: SDM Vol. 3B, 18.2.3
 * "Debug Status Register (DR6)" and 18.4.1 "IA32_DEBUGCTL MSR".
 */
static void tell_causes(uint64_t causes)
{
    uint64_t dr6 = machine_dr6_read() & (DR6_BD | DR6_BS | DR6_BT);
    machine_dr6_write(DR6_FIXED_ONES | dr6 | causes);
    uint64_t dr7 = machine_vmread_natural(VMCS_GUEST_DR7);
    machine_vmwrite_natural(VMCS_GUEST_DR7, dr7 & ~DR7_GD);
    uint64_t debugctl = machine_vmread_64(VMCS_GUEST_IA32_DEBUGCTL);
    machine_vmwrite_64(VMCS_GUEST_IA32_DEBUGCTL, debugctl & ~DEBUGCTL_BTF);
}

/* The guest observes its #DB, with DR6 as the processor would have set it. */
static struct verdict debug_exception(uint32_t information)
{
    enum event_type type = (information & EVENT_TYPE_MASK) >> EVENT_TYPE_SHIFT;
    if (has_instruction(type)) { /* INT1 leaves DR6 alone */
        machine_vmwrite_32(VMCS_ENTRY_INSTRUCTION_LENGTH,
                           machine_vmread_32(VMCS_EXIT_INSTRUCTION_LENGTH));
    } else {
        uint64_t causes = machine_vmread_natural(VMCS_EXIT_QUALIFICATION);
        tell_causes(causes & (DR6_BREAKPOINTS | DR6_BD | DR6_BS));
        if (causes & DR6_BD) /* the one that is a fault, not a trap, and sets RF */
            set_resume_flag();
    }
    end_what_delivery_ends();
    machine_vmwrite_32(VMCS_ENTRY_INTERRUPTION_INFO, event(type, VECTOR_DB));
    return RESUME;
}

struct verdict event_task_trap(void)
{
    tell_causes(DR6_BT);
    return (struct verdict){ .kind = VERDICT_INJECT, .vector = VECTOR_DB };
}

/* In real mode it came without an error code, and an entry with one fails. */
static struct verdict alignment_check(uint32_t information)
{
    uint32_t has_error_code = information & EVENT_HAS_ERROR_CODE;

    if (has_error_code)
        machine_vmwrite_32(VMCS_ENTRY_EXCEPTION_ERROR_CODE,
                           machine_vmread_32(VMCS_EXIT_INTERRUPTION_ERROR_CODE));
    machine_vmwrite_32(VMCS_ENTRY_INTERRUPTION_INFO,
                       event(EVENT_HARDWARE_EXCEPTION, VECTOR_AC) | has_error_code);
    return RESUME;
}

/* MCIP is cleared, because with it a second #MC shuts the processor down: SDM
 * Vol. 3B, 16.3.1.2 "IA32_MCG_STATUS MSR". */
static struct verdict machine_check(struct vcpu *vcpu)
{
    vm_crash(vcpu, "a machine check on its CPU");
    machine_msr_write(IA32_MCG_STATUS, 0);
    return END;
}

/*
 * #DB and #AC are intercepted only because their delivery can raise them again,
 * endlessly and without an instruction boundary at which an NMI could come: a
 * guest must not hold its CPU against a stop. Each is delivered as it came; an
 * event during whose delivery it came is lost, as on the processor. An IRET that
 * raised it has unblocked NMIs, and does not run again before the handler has.
 *
 * An NMI is a call to this CPU's mailbox; the guest observes nothing.
 */
struct verdict event_exception_exit(struct vcpu *vcpu)
{
    uint32_t information = machine_vmread_32(VMCS_EXIT_INTERRUPTION_INFO);
    if ((information & EVENT_TYPE_MASK) >> EVENT_TYPE_SHIFT == EVENT_NMI) {
        event_reinject(vcpu);
        machine_nmi_taken();
        return RESUME;
    }
    switch (information & EVENT_VECTOR_MASK) {
    case VECTOR_DB: return debug_exception(information);
    case VECTOR_AC: return alignment_check(information);
    case VECTOR_MC: return machine_check(vcpu);
    }
    vm_crash(vcpu, "an exception that the exception bitmap does not intercept");
    return END;
}
