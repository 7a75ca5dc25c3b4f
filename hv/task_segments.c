/* SPDX-License-Identifier: MIT
 *
 * See task_segments.h. The checks are those of SDM Vol. 3A, Table 8-1 "Exception
 * Conditions Checked During a Task Switch", whose order is model-specific: here
 * the LDT is loaded first, as it may describe the others, then SS, CS, and the
 * data segments. The privilege level of the new task is the RPL of its CS.
 */
#include "hv/task_segments.h"

#include "arch/spec/cr.h"
#include "arch/spec/segment.h"
#include "hv/machine.h"
#include "hv/system_access.h"
#include "hv/task_fault.h"

#define RIGHTS_CODE 0x9Bu /* execute, read, accessed, present; DPL 0 */

static bool is_null(uint16_t selector)
{
    return !(selector & SELECTOR_IN_ERROR_CODE);
}

static unsigned rpl(uint16_t selector)
{
    return selector & SELECTOR_RPL;
}

static bool is_segment(const struct segment *segment)
{
    return segment->rights & ACCESS_RIGHTS_S;
}

static bool is_present(const struct segment *segment)
{
    return segment->rights & ACCESS_RIGHTS_P;
}

static bool is_code(const struct segment *segment)
{
    return is_segment(segment) && (segment_type(segment) & TYPE_CODE);
}

static bool is_writable_data(const struct segment *segment)
{
    return is_segment(segment) &&
           (segment_type(segment) & (TYPE_CODE | TYPE_WRITABLE)) == TYPE_WRITABLE;
}

static bool is_readable(const struct segment *segment)
{
    unsigned code_or_readable = segment_type(segment) & (TYPE_CODE | TYPE_WRITABLE);
    return is_segment(segment) && code_or_readable != TYPE_CODE;
}

static bool is_conforming_code(const struct segment *segment)
{
    return is_code(segment) && (segment_type(segment) & TYPE_EXPAND_DOWN);
}

/* ---- Descriptors ---- */

static struct segment table_of(uint16_t selector)
{
    if (selector & SELECTOR_LOCAL)
        return segment_read(SEGMENT_LDTR);
    return (struct segment){ .base = (uint32_t)machine_vmread_natural(VMCS_GUEST_GDTR_BASE),
                             .limit = machine_vmread_32(VMCS_GUEST_GDTR_LIMIT) };
}

/* #TS if there is none. */
static bool read_descriptor(struct vcpu *vcpu, uint16_t selector, struct segment *segment,
                            struct verdict *fault)
{
    struct guest_mode mode = system_mode();
    struct segment table = table_of(selector);
    uint32_t offset = selector & SELECTOR_INDEX;
    struct system_range range;
    uint64_t descriptor;

    if (is_null(selector) || !segment_contains(&table, offset, DESCRIPTOR_BYTES))
        return task_fault(fault, VECTOR_TS, selector);
    if (!system_range_find(vcpu, &mode, GLA(table.base + offset), DESCRIPTOR_BYTES, GUEST_READ,
                           &range, fault))
        return false;
    system_range_read(vcpu, &range, &descriptor);
    *segment = segment_from_descriptor(selector, descriptor);
    return true;
}

/* The processor marks a segment when it is loaded. */
static bool mark_accessed(struct vcpu *vcpu, struct segment *segment, struct verdict *fault)
{
    struct guest_mode mode = system_mode();
    uint32_t at = table_of(segment->selector).base + (segment->selector & SELECTOR_INDEX) +
                  DESCRIPTOR_ACCESS_BYTE;
    struct system_range range;

    if (segment->rights & TYPE_ACCESSED)
        return true;
    if (!system_range_find(vcpu, &mode, GLA(at), 1, GUEST_WRITE, &range, fault))
        return false;
    (void)system_bits_set(vcpu, &range, TYPE_ACCESSED);
    segment->rights |= TYPE_ACCESSED;
    return true;
}

/* ---- The checks ---- */

static bool load_ldt(struct vcpu *vcpu, uint16_t selector, struct verdict *fault)
{
    struct segment ldt;

    if (selector & SELECTOR_LOCAL)
        return task_fault(fault, VECTOR_TS, selector);
    if (is_null(selector))
        return true;
    if (!read_descriptor(vcpu, selector, &ldt, fault))
        return false;
    if (is_segment(&ldt) || segment_type(&ldt) != TYPE_LDT || !is_present(&ldt))
        return task_fault(fault, VECTOR_TS, selector);
    segment_write(SEGMENT_LDTR, &ldt);
    return true;
}

static bool load_stack(struct vcpu *vcpu, uint16_t selector, unsigned cpl,
                       struct verdict *fault)
{
    struct segment stack;

    if (!read_descriptor(vcpu, selector, &stack, fault))
        return false;
    if (!is_writable_data(&stack))
        return task_fault(fault, VECTOR_TS, selector);
    if (!is_present(&stack))
        return task_fault(fault, VECTOR_SS, selector);
    if (segment_dpl(&stack) != cpl || rpl(selector) != cpl)
        return task_fault(fault, VECTOR_TS, selector);
    if (!mark_accessed(vcpu, &stack, fault))
        return false;
    segment_write(SEGMENT_SS, &stack);
    return true;
}

static bool load_code(struct vcpu *vcpu, uint16_t selector, struct verdict *fault)
{
    unsigned cpl = rpl(selector);
    struct segment code;

    if (!read_descriptor(vcpu, selector, &code, fault))
        return false;
    if (!is_code(&code) ||
        (is_conforming_code(&code) ? segment_dpl(&code) > cpl : segment_dpl(&code) != cpl))
        return task_fault(fault, VECTOR_TS, selector);
    if (!is_present(&code))
        return task_fault(fault, VECTOR_NP, selector);
    if (!mark_accessed(vcpu, &code, fault))
        return false;
    segment_write(SEGMENT_CS, &code);
    return true;
}

static bool load_data(struct vcpu *vcpu, enum segment_register which, uint16_t selector,
                      unsigned cpl, struct verdict *fault)
{
    struct segment data;

    if (is_null(selector))
        return true;
    if (!read_descriptor(vcpu, selector, &data, fault))
        return false;
    if (!is_readable(&data))
        return task_fault(fault, VECTOR_TS, selector);
    if (!is_present(&data))
        return task_fault(fault, VECTOR_NP, selector);
    if (!is_conforming_code(&data) &&
        (segment_dpl(&data) < cpl || segment_dpl(&data) < rpl(selector)))
        return task_fault(fault, VECTOR_TS, selector);
    if (!mark_accessed(vcpu, &data, fault))
        return false;
    segment_write(which, &data);
    return true;
}

/* ---- The whole ---- */

static bool is_virtual_8086(const struct task_state *state)
{
    return state->eflags & RFLAGS_VM;
}

/* A VM entry wants a code segment. With this one the first instruction would be
 * beyond the limit. */
static struct segment no_code(uint16_t selector)
{
    return (struct segment){ .selector = selector,
                             .rights = RIGHTS_CODE | rpl(selector) << ACCESS_RIGHTS_DPL_SHIFT };
}

void task_segments_begin(const struct task_state *state)
{
    unsigned cpl = rpl(state->selectors[SEGMENT_CS]);
    struct segment ldt = segment_unusable(state->ldt & ~(unsigned)SELECTOR_LOCAL, 0);

    segment_write(SEGMENT_LDTR, &ldt);
    for (unsigned i = 0; i < SEGMENT_DATA_AND_CODE; i++) {
        uint16_t selector = state->selectors[i];
        struct segment segment = is_virtual_8086(state) ? segment_virtual_8086(selector)
                                 : i == SEGMENT_CS      ? no_code(selector)
                                                        : segment_unusable(selector, cpl);
        segment_write((enum segment_register)i, &segment);
    }
}

bool task_segments_load(struct vcpu *vcpu, const struct task_state *state,
                        struct verdict *fault)
{
    static const enum segment_register data[] = { SEGMENT_DS, SEGMENT_ES, SEGMENT_FS,
                                                  SEGMENT_GS };
    uint16_t cs = state->selectors[SEGMENT_CS];

    if (!load_ldt(vcpu, state->ldt, fault))
        return false;
    if (is_virtual_8086(state))
        return true;
    if (!load_stack(vcpu, state->selectors[SEGMENT_SS], rpl(cs), fault) ||
        !load_code(vcpu, cs, fault))
        return false;
    for (unsigned i = 0; i < sizeof data / sizeof data[0]; i++)
        if (!load_data(vcpu, data[i], state->selectors[data[i]], rpl(cs), fault))
            return false;
    return true;
}
