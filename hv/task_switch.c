/* SPDX-License-Identifier: MIT
 *
 * See task_switch.h. SDM Vol. 3A, 8.3 "Task Switching", and Vol. 3C, 26.4.2
 * "Treatment of Task Switches".
 *
 * First everything is read, checked and found that the switch will access: a
 * fault there leaves the old task as it was. Then the switch is made, which
 * cannot fail. What is wrong with the new task's CR3, segments and stack is found
 * behind that, and raised in the new task.
 */
#include "hv/task_switch.h"

#include "arch/spec/cr.h"
#include "arch/spec/exit_reason.h"
#include "arch/spec/segment.h"
#include "hv/delivery.h"
#include "hv/event.h"
#include "hv/guest_pdptes.h"
#include "hv/system_access.h"
#include "hv/task_fault.h"
#include "hv/task_segments.h"
#include "hv/vm.h"

/* Bits of EFLAGS that exist; the one that is always 1 apart. */
#define EFLAGS_LOADED 0x003F7FD5u
#define DR7_LOCAL_ENABLES 0x155ull /* L0 to L3, LE */
#define LINK_BYTES 2

struct task_switch {
    enum task_switch_source source;
    struct delivery event;                  /* that came through a task gate */
    struct segment old_tss, new_tss;
    struct system_range new_state;          /* all of it */
    struct system_range old_saved;          /* the part that is written */
    struct system_range link;               /* of the new TSS */
    struct system_range old_busy, new_busy; /* the bytes of their descriptors */
};

/* CALL and events come back by IRET: the old task stays busy, and the new one is
 * linked to it. */
static bool is_nested(const struct task_switch *s)
{
    return s->source == TASK_BY_CALL || s->source == TASK_BY_GATE;
}

/* ---- What the switch accesses ---- */

static gla_t descriptor_at(uint16_t selector)
{
    return GLA((uint32_t)machine_vmread_natural(VMCS_GUEST_GDTR_BASE) +
               (selector & SELECTOR_INDEX));
}

static bool find_access_byte(const struct vcpu *vcpu, uint16_t selector,
                             struct system_range *range, struct verdict *fault)
{
    struct guest_mode mode = system_mode();
    gla_t at = GLA(descriptor_at(selector).value + DESCRIPTOR_ACCESS_BYTE);

    return system_range_find(vcpu, &mode, at, 1, GUEST_WRITE, range, fault);
}

static bool is_tss(const struct segment *segment)
{
    unsigned type = segment_type(segment) & ~(unsigned)TYPE_TSS_BUSY;
    return !(segment->rights & ACCESS_RIGHTS_S) && (type == TYPE_TSS_16 || type == TYPE_TSS_32);
}

static bool is_busy(const struct segment *tss)
{
    return segment_type(tss) & TYPE_TSS_BUSY;
}

/* The processor has looked at it, but another vCPU may have changed it since. */
static bool check_new_tss(const struct task_switch *s, struct verdict *fault)
{
    const struct segment *tss = &s->new_tss;
    bool by_iret = s->source == TASK_BY_IRET;

    if (!is_tss(tss) || is_busy(tss) != by_iret)
        return task_fault(fault, by_iret ? VECTOR_TS : VECTOR_GP, tss->selector);
    if (!(tss->rights & ACCESS_RIGHTS_P))
        return task_fault(fault, VECTOR_NP, tss->selector);
    if (tss->limit < task_state_bytes(task_state_is_32(tss)) - 1)
        return task_fault(fault, VECTOR_TS, tss->selector);
    return true;
}

static bool read_new_tss(struct vcpu *vcpu, struct task_switch *s, uint16_t selector,
                         struct verdict *fault)
{
    uint32_t last = (selector & SELECTOR_INDEX) + (DESCRIPTOR_BYTES - 1u);
    uint8_t vector = s->source == TASK_BY_IRET ? VECTOR_TS : VECTOR_GP;
    struct guest_mode mode = system_mode();
    struct system_range range;
    uint64_t descriptor;

    if (!(selector & SELECTOR_INDEX) || (selector & SELECTOR_LOCAL) ||
        last > machine_vmread_32(VMCS_GUEST_GDTR_LIMIT))
        return task_fault(fault, vector, selector);
    if (!system_range_find(vcpu, &mode, descriptor_at(selector), DESCRIPTOR_BYTES, GUEST_READ,
                           &range, fault))
        return false;
    system_range_read(vcpu, &range, &descriptor);
    s->new_tss = segment_from_descriptor(selector, descriptor);
    return check_new_tss(s, fault);
}

static bool find_old(struct vcpu *vcpu, struct task_switch *s, struct verdict *fault)
{
    struct task_saved saved = task_state_saved(task_state_is_32(&s->old_tss));
    struct guest_mode mode = system_mode();

    if (!segment_contains(&s->old_tss, saved.offset, saved.bytes))
        return task_fault(fault, VECTOR_TS, s->old_tss.selector);
    if (!system_range_find(vcpu, &mode, GLA(s->old_tss.base + saved.offset), saved.bytes,
                           GUEST_WRITE, &s->old_saved, fault))
        return false;
    return is_nested(s) || find_access_byte(vcpu, s->old_tss.selector, &s->old_busy, fault);
}

static bool find_new(struct vcpu *vcpu, struct task_switch *s, struct verdict *fault)
{
    unsigned bytes = task_state_bytes(task_state_is_32(&s->new_tss));
    gla_t at = GLA(s->new_tss.base);
    struct guest_mode mode = system_mode();

    if (!system_range_find(vcpu, &mode, at, bytes, GUEST_READ, &s->new_state, fault))
        return false;
    if (is_nested(s) &&
        !system_range_find(vcpu, &mode, at, LINK_BYTES, GUEST_WRITE, &s->link, fault))
        return false;
    return s->source == TASK_BY_IRET ||
           find_access_byte(vcpu, s->new_tss.selector, &s->new_busy, fault);
}

/* ---- The switch ---- */

/* The last check, as it is also the first change: of two processors that want the
 * same task one gets it. */
static bool claim(struct vcpu *vcpu, const struct task_switch *s, struct verdict *fault)
{
    if (s->source == TASK_BY_IRET ||
        !(system_bits_set(vcpu, &s->new_busy, TYPE_TSS_BUSY) & TYPE_TSS_BUSY))
        return true;
    return task_fault(fault, VECTOR_GP, s->new_tss.selector);
}

/* Instructions that did it are behind the old task when it goes on; an exception
 * that it raised is not. */
static uint32_t next_eip(const struct task_switch *s)
{
    uint32_t eip = (uint32_t)machine_vmread_natural(VMCS_GUEST_RIP);

    if (s->source == TASK_BY_GATE && !delivery_is_by_instruction(&s->event))
        return eip;
    return eip + machine_vmread_32(VMCS_EXIT_INSTRUCTION_LENGTH);
}

static struct task_state old_state(const struct vcpu *vcpu, const struct task_switch *s)
{
    struct task_state state = {
        .eip = next_eip(s),
        .eflags = (uint32_t)machine_vmread_natural(VMCS_GUEST_RFLAGS),
    };

    if (s->source == TASK_BY_IRET)
        state.eflags &= ~(uint32_t)RFLAGS_NT;
    for (unsigned i = 0; i <= GPR_RDI; i++)
        state.gpr[i] = (uint32_t)vcpu->gpr[i];
    state.gpr[GPR_RSP] = (uint32_t)machine_vmread_natural(VMCS_GUEST_RSP);
    for (unsigned i = 0; i < SEGMENT_DATA_AND_CODE; i++)
        state.selectors[i] = segment_read((enum segment_register)i).selector;
    return state;
}

static void save_old(struct vcpu *vcpu, const struct task_switch *s)
{
    bool is_32 = task_state_is_32(&s->old_tss);
    struct task_saved saved = task_state_saved(is_32);
    struct task_state state = old_state(vcpu, s);
    uint8_t tss[TASK_STATE_BYTES_MAX];

    system_range_read(vcpu, &s->old_saved, tss + saved.offset);
    task_state_store(&state, tss, is_32);
    system_range_write(vcpu, &s->old_saved, tss + saved.offset);
    if (is_nested(s))
        system_range_write(vcpu, &s->link, &s->old_tss.selector);
    else
        (void)system_bits_clear(vcpu, &s->old_busy, TYPE_TSS_BUSY);
}

static void load_registers(struct vcpu *vcpu, const struct task_switch *s,
                           struct task_state *state)
{
    state->eflags = (state->eflags & EFLAGS_LOADED) | (uint32_t)RFLAGS_FIXED |
                    (is_nested(s) ? (uint32_t)RFLAGS_NT : 0);
    for (unsigned i = 0; i <= GPR_RDI; i++)
        vcpu->gpr[i] = state->gpr[i];
    machine_vmwrite_natural(VMCS_GUEST_RSP, state->gpr[GPR_RSP]);
    machine_vmwrite_natural(VMCS_GUEST_RIP, state->eip);
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, state->eflags);
    machine_vmwrite_natural(VMCS_GUEST_CR0, machine_vmread_natural(VMCS_GUEST_CR0) | CR0_TS);
    machine_vmwrite_natural(VMCS_GUEST_DR7,
                            machine_vmread_natural(VMCS_GUEST_DR7) & ~DR7_LOCAL_ENABLES);
}

/* Shadows and traps of the old task end with it. An NMI that comes through a task
 * gate blocks others, and IRET ends that, also to another task. */
static void load_events(const struct task_switch *s)
{
    uint32_t blocking = machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY) &
                        ~(uint32_t)(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS);

    if (s->source == TASK_BY_IRET)
        blocking &= ~(uint32_t)BLOCKING_BY_NMI;
    if (s->source == TASK_BY_GATE && s->event.type == EVENT_NMI)
        blocking |= BLOCKING_BY_NMI;
    machine_vmwrite_32(VMCS_GUEST_INTERRUPTIBILITY, blocking);
    machine_vmwrite_32(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
    machine_vmwrite_natural(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, 0);
}

static void load_new(struct vcpu *vcpu, struct task_switch *s, struct task_state *state)
{
    uint8_t tss[TASK_STATE_BYTES_MAX];

    /* After the old one was saved: they may be the same. */
    system_range_read(vcpu, &s->new_state, tss);
    task_state_parse(state, tss, task_state_is_32(&s->new_tss));
    s->new_tss.rights |= TYPE_TSS_BUSY;
    segment_write(SEGMENT_TR, &s->new_tss);
    load_registers(vcpu, s, state);
    load_events(s);
    task_segments_begin(state);
}

/* ---- In the new task ---- */

/* Only with paging, and only if it differs: SDM Vol. 3A, 4.4.1 "PDPTE Registers"
 * and 4.10.4.1 "Operations that Invalidate TLBs and Paging-Structure Caches". */
static bool load_cr3(struct vcpu *vcpu, const struct task_state *state, struct verdict *fault)
{
    bool paging = machine_vmread_natural(VMCS_GUEST_CR0) & CR0_PG;

    if (!state->has_cr3 || !paging || state->cr3 == machine_vmread_natural(VMCS_GUEST_CR3))
        return true;
    if (machine_vmread_natural(VMCS_GUEST_CR4) & CR4_PAE && !guest_pdptes_load(vcpu, state->cr3)) {
        *fault = INJECT_GP0;
        return false;
    }
    machine_vmwrite_natural(VMCS_GUEST_CR3, state->cr3);
    machine_translations_flush();
    return true;
}

/* On to the stack of the new task, as wide as its TSS. */
static bool push_error_code(struct vcpu *vcpu, const struct task_switch *s, uint32_t error_code,
                            struct verdict *fault)
{
    unsigned bytes = task_state_is_32(&s->new_tss) ? 4 : 2;
    struct segment stack = segment_read(SEGMENT_SS);
    uint32_t mask = stack.rights & ACCESS_RIGHTS_DB ? UINT32_MAX : UINT16_MAX;
    uint32_t esp = (uint32_t)machine_vmread_natural(VMCS_GUEST_RSP);
    uint32_t to = (esp - bytes) & mask;
    struct guest_mode mode = guest_mode_read();
    struct system_range range;

    if (!segment_contains(&stack, to, bytes))
        return task_fault(fault, VECTOR_SS, 0);
    if (!system_range_find(vcpu, &mode, GLA(stack.base + to), bytes, GUEST_WRITE, &range, fault))
        return false;
    system_range_write(vcpu, &range, &error_code);
    machine_vmwrite_natural(VMCS_GUEST_RSP, (esp & ~mask) | to);
    return true;
}

static bool begin_new(struct vcpu *vcpu, const struct task_switch *s,
                      const struct task_state *state, struct verdict *fault)
{
    if (!load_cr3(vcpu, state, fault) || !task_segments_load(vcpu, state, fault))
        return false;
    return s->source != TASK_BY_GATE || !s->event.has_error_code ||
           push_error_code(vcpu, s, s->event.error_code, fault);
}

/* ---- The exit ---- */

/* An event that wakes the guest has done so. */
static struct verdict raise(struct vcpu *vcpu, const struct task_switch *s, struct verdict fault)
{
    machine_vmwrite_32(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
    return delivery_fault(vcpu, &s->event, fault);
}

struct verdict task_switch_exit(struct vcpu *vcpu)
{
    uint64_t qualification = machine_vmread_natural(VMCS_EXIT_QUALIFICATION);
    uint16_t selector = qualification & TASK_QUALIFICATION_SELECTOR_MASK;
    struct task_switch s = {
        .source = qualification >> TASK_QUALIFICATION_SOURCE_SHIFT &
                  TASK_QUALIFICATION_SOURCE_MASK,
        .event = delivery_read(),
        .old_tss = segment_read(SEGMENT_TR),
    };
    struct task_state state;
    struct verdict fault;

    if (!read_new_tss(vcpu, &s, selector, &fault) || !find_old(vcpu, &s, &fault) ||
        !find_new(vcpu, &s, &fault) || !claim(vcpu, &s, &fault))
        return raise(vcpu, &s, fault);
    save_old(vcpu, &s);
    load_new(vcpu, &s, &state);
    if (!begin_new(vcpu, &s, &state, &fault))
        return raise(vcpu, &s, fault);
    return state.trap ? event_task_trap() : RESUME;
}
