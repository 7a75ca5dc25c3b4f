/* SPDX-License-Identifier: MIT
 *
 * See system_access.h.
 */
#include "hv/system_access.h"

#include <stdatomic.h>

#include "hv/check.h"
#include "hv/denied.h"
#include "hv/machine.h"
#include "hv/vm.h"

struct guest_mode system_mode(void)
{
    struct guest_mode mode = guest_mode_read();

    mode.ss_rights = (mode.ss_rights & ~(uint32_t)ACCESS_RIGHTS_DPL_MASK) | GUEST_MODE_IMPLICIT;
    return mode;
}

/* How often an entry of the paging structures may change under a walk. */
#define WALKS_MAX 16

/* The walk as the processor does it: again, where another vCPU has changed an entry
 * meanwhile. One that does so all the time finds it not present. */
static enum guest_linear walk(const struct vcpu *vcpu, const struct guest_mode *mode, gla_t from,
                              enum guest_access access, gpa_t *to, struct guest_fault *fault)
{
    for (unsigned i = 0; i < WALKS_MAX; i++) {
        enum guest_linear result = guest_walk(vcpu, mode, from, access, to, fault);
        if (result != GUEST_LINEAR_FAULT || fault->verdict.kind != VERDICT_RESUME)
            return result;
    }
    fault->verdict = (struct verdict){ .kind = VERDICT_INJECT, .vector = VECTOR_PF,
                                       .has_error_code = true };
    return GUEST_LINEAR_FAULT;
}

static bool find(const struct vcpu *vcpu, const struct guest_mode *mode, gla_t from,
                 enum guest_access access, gpa_t *to, struct verdict *verdict)
{
    struct guest_fault fault;

    switch (walk(vcpu, mode, from, access, to, &fault)) {
    case GUEST_LINEAR_OK:
        return true;
    case GUEST_LINEAR_NOT_RAM: /* not even the paging structure */
        *to = fault.gpa;
        return true;
    case GUEST_LINEAR_FAULT:
        break;
    }
    if (fault.verdict.vector == VECTOR_PF)
        machine_cr2_write(fault.gla.value);
    *verdict = fault.verdict;
    return false;
}

bool system_range_find(const struct vcpu *vcpu, const struct guest_mode *mode, gla_t from,
                       size_t bytes, enum guest_access access, struct system_range *range,
                       struct verdict *fault)
{
    size_t room = PAGE_SIZE_4K - from.value % PAGE_SIZE_4K;

    CHECK(bytes > 0 && bytes <= PAGE_SIZE_4K);
    range->bytes[0] = bytes < room ? bytes : room;
    range->bytes[1] = bytes - range->bytes[0];
    range->at[1] = GPA(0);
    return find(vcpu, mode, from, access, &range->at[0], fault) &&
           (range->bytes[1] == 0 ||
            find(vcpu, mode, GLA(from.value + room), access, &range->at[1], fault));
}

void system_range_read(struct vcpu *vcpu, const struct system_range *range, void *to)
{
    uint8_t *bytes = to;

    for (unsigned i = 0; i < 2 && range->bytes[i]; i++) {
        if (!guest_memory_read(&vcpu->vm->memory, bytes, range->at[i], range->bytes[i])) {
            denied_report(vcpu, DENIED_MEMORY_READ, range->at[i].value);
            __builtin_memset(bytes, 0xFF, range->bytes[i]);
        }
        bytes += range->bytes[i];
    }
}

void system_range_write(struct vcpu *vcpu, const struct system_range *range, const void *from)
{
    const uint8_t *bytes = from;

    for (unsigned i = 0; i < 2 && range->bytes[i]; i++) {
        if (!guest_memory_write(&vcpu->vm->memory, range->at[i], bytes, range->bytes[i]))
            denied_report(vcpu, DENIED_MEMORY_WRITE, range->at[i].value);
        bytes += range->bytes[i];
    }
}

/* NULL: no memory is there. */
static _Atomic uint8_t *byte_at(struct vcpu *vcpu, const struct system_range *range)
{
    uint8_t *page = machine_page(MACHINE_PAGE_CODE, &vcpu->vm->memory, range->at[0].value);

    if (page)
        return (_Atomic uint8_t *)(page + range->at[0].value % PAGE_SIZE_4K);
    denied_report(vcpu, DENIED_MEMORY_WRITE, range->at[0].value);
    return NULL;
}

uint8_t system_bits_set(struct vcpu *vcpu, const struct system_range *range, uint8_t bits)
{
    _Atomic uint8_t *byte = byte_at(vcpu, range);
    return byte ? atomic_fetch_or(byte, bits) : UINT8_MAX;
}

uint8_t system_bits_clear(struct vcpu *vcpu, const struct system_range *range, uint8_t bits)
{
    _Atomic uint8_t *byte = byte_at(vcpu, range);
    return byte ? atomic_fetch_and(byte, (uint8_t)~bits) : UINT8_MAX;
}
