/* SPDX-License-Identifier: MIT
 *
 * See guest_trace.h.
 */
#include "hv/guest_trace.h"

#include "hv/bytes.h"
#include "hv/guest_walk.h"
#include "hv/vm.h"

/* How the guest calls. */
struct calls {
    struct guest_mode mode;
    unsigned word; /* bytes of an address: 4 or 8 */
    uint64_t code_base, code_limit;
    uint64_t stack_base;
};

static struct calls calls_of(void)
{
    struct calls calls = { .mode = guest_mode_read(), .word = 8, .code_limit = UINT64_MAX };

    if (guest_mode_is_64_bit(&calls.mode))
        return calls;
    calls.word = 4;
    calls.code_base = machine_vmread_natural(VMCS_GUEST_CS_BASE);
    calls.code_limit = machine_vmread_32(VMCS_GUEST_CS_LIMIT);
    calls.stack_base = machine_vmread_natural(VMCS_GUEST_SS_BASE);
    return calls;
}

static bool knows_frames(const struct calls *calls)
{
    return calls->word == 8 || (calls->mode.cs_rights & ACCESS_RIGHTS_DB);
}

static bool find(const struct vcpu *vcpu, const struct calls *calls, uint64_t at,
                 enum guest_access access, hpa_t *hpa)
{
    struct guest_fault unused;
    gpa_t gpa;

    return guest_walk(vcpu, &calls->mode, GLA(at), access, &gpa, &unused) == GUEST_LINEAR_OK &&
           guest_memory_translate_in_page(&vcpu->vm->memory, gpa, hpa);
}

/* At a multiple of the word, so it lies in one page. */
static bool read_word(const struct vcpu *vcpu, const struct calls *calls, uint64_t at,
                      uint64_t *value)
{
    uint8_t bytes[8] = { 0 };
    hpa_t hpa;

    if (!find(vcpu, calls, at, GUEST_READ, &hpa))
        return false;
    machine_memory_read(bytes, hpa, calls->word);
    *value = little_64(bytes);
    return true;
}

/* In both halves of what 4 levels of tables map, or in the segment. */
static bool is_code(const struct calls *calls, uint64_t offset)
{
    uint64_t top = offset >> 47;

    if (calls->word == 4)
        return offset <= calls->code_limit;
    return top == 0 || top == UINT64_MAX >> 47 || (calls->mode.cr4 & CR4_LA57);
}

static uint64_t linear(const struct calls *calls, uint64_t offset)
{
    uint64_t sum = calls->code_base + offset;

    return calls->word == 8 ? sum : sum & UINT32_MAX;
}

/* Adds the frame's return address, and leads to the next frame. */
static enum guest_trace_end follow(const struct vcpu *vcpu, const struct calls *calls,
                                   struct guest_trace *trace)
{
    uint64_t frame = trace->next, at = calls->stack_base + frame;
    uint64_t next, back;

    if (frame == 0)
        return GUEST_TRACE_WHOLE;
    if (at % calls->word != 0)
        return GUEST_TRACE_ASTRAY;
    if (!read_word(vcpu, calls, at, &next) || !read_word(vcpu, calls, at + calls->word, &back))
        return GUEST_TRACE_UNREADABLE;
    if (back == 0)
        return GUEST_TRACE_WHOLE;
    if (!is_code(calls, back))
        return GUEST_TRACE_NO_CODE;
    trace->address[trace->count++] = linear(calls, back);
    trace->next = next;
    return next != 0 && next <= frame ? GUEST_TRACE_ASTRAY : GUEST_TRACE_LONG;
}

/* A call to where no code is has left its return address, and has made no frame yet. */
static void find_caller(const struct vcpu *vcpu, const struct calls *calls,
                        struct guest_trace *trace)
{
    uint64_t at = calls->stack_base + machine_vmread_natural(VMCS_GUEST_RSP);
    uint64_t back;
    hpa_t unused;

    if (find(vcpu, calls, trace->address[0], GUEST_FETCH, &unused))
        return;
    if (at % calls->word == 0 && read_word(vcpu, calls, at, &back) && is_code(calls, back))
        trace->address[trace->count++] = linear(calls, back);
}

void guest_trace_take(const struct vcpu *vcpu, struct guest_trace *trace)
{
    struct calls calls = calls_of();
    uint64_t frame = vcpu->gpr[GPR_RBP];

    *trace = (struct guest_trace){
        .count = 1,
        .address = { linear(&calls, machine_vmread_natural(VMCS_GUEST_RIP)) },
        .end = knows_frames(&calls) ? GUEST_TRACE_LONG : GUEST_TRACE_16_BIT,
        .next = calls.word == 8 ? frame : frame & UINT32_MAX,
    };
    if (trace->end == GUEST_TRACE_LONG)
        find_caller(vcpu, &calls, trace);
    while (trace->end == GUEST_TRACE_LONG && trace->count < GUEST_TRACE_MAX)
        trace->end = follow(vcpu, &calls, trace);
}
