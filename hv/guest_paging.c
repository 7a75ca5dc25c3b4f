/* SPDX-License-Identifier: MIT
 *
 * See guest_paging.h: bytes at guest-linear addresses. First every page that an
 * access touches is walked and translated, then the bytes move.
 */
#include "hv/guest_paging.h"

#include "arch/spec/cr.h"
#include "hv/check.h"
#include "hv/guest_walk.h"
#include "hv/machine.h"
#include "hv/vm.h"

/* One or two pieces of RAM that a linear range is. */
struct pieces {
    hpa_t at[2];
    size_t bytes[2];
};

static enum guest_linear piece(const struct vcpu *vcpu, gla_t at, size_t bytes,
                               enum guest_access access, hpa_t *to, struct guest_fault *fault)
{
    gpa_t gpa;
    enum guest_linear result = guest_walk(vcpu, at, access, &gpa, fault);
    if (result != GUEST_LINEAR_OK)
        return result;
    if (guest_memory_translate(&vcpu->vm->memory, gpa, bytes, to))
        return GUEST_LINEAR_OK;
    fault->gpa = gpa;
    return GUEST_LINEAR_NOT_RAM;
}

/* The fault will be injected. */
static enum guest_linear told(enum guest_linear result, const struct guest_fault *fault)
{
    if (result == GUEST_LINEAR_FAULT && fault->verdict.vector == VECTOR_PF)
        machine_cr2_write(fault->gla.value);
    return result;
}

static enum guest_linear cut(const struct vcpu *vcpu, gla_t at, size_t bytes,
                             enum guest_access access, struct pieces *pieces,
                             struct guest_fault *fault)
{
    CHECK(bytes > 0 && bytes <= GUEST_LINEAR_BYTES_MAX);
    size_t room = PAGE_SIZE_4K - (at.value & (PAGE_SIZE_4K - 1));
    pieces->bytes[0] = bytes < room ? bytes : room;
    pieces->bytes[1] = bytes - pieces->bytes[0];
    enum guest_linear result = piece(vcpu, at, pieces->bytes[0], access, &pieces->at[0], fault);
    if (result == GUEST_LINEAR_OK && pieces->bytes[1])
        result = piece(vcpu, GLA(at.value + room), pieces->bytes[1], access, &pieces->at[1],
                       fault);
    return told(result, fault);
}

enum guest_linear guest_linear_read(const struct vcpu *vcpu, gla_t from, void *to, size_t bytes,
                                    struct guest_fault *fault)
{
    struct pieces pieces;
    enum guest_linear result = cut(vcpu, from, bytes, GUEST_READ, &pieces, fault);
    if (result != GUEST_LINEAR_OK)
        return result;
    machine_memory_read(to, pieces.at[0], pieces.bytes[0]);
    if (pieces.bytes[1])
        machine_memory_read((uint8_t *)to + pieces.bytes[0], pieces.at[1], pieces.bytes[1]);
    return GUEST_LINEAR_OK;
}

enum guest_linear guest_linear_write(const struct vcpu *vcpu, gla_t to, const void *from,
                                     size_t bytes, struct guest_fault *fault)
{
    struct pieces pieces;
    enum guest_linear result = cut(vcpu, to, bytes, GUEST_WRITE, &pieces, fault);
    if (result != GUEST_LINEAR_OK)
        return result;
    machine_memory_write(pieces.at[0], from, pieces.bytes[0]);
    if (pieces.bytes[1])
        machine_memory_write(pieces.at[1], (const uint8_t *)from + pieces.bytes[0],
                             pieces.bytes[1]);
    return GUEST_LINEAR_OK;
}

enum guest_linear guest_linear_fetch(const struct vcpu *vcpu, gla_t from, uint8_t *to,
                                     size_t bytes, size_t *got, struct guest_fault *fault)
{
    CHECK(bytes > 0 && bytes <= GUEST_LINEAR_BYTES_MAX);
    size_t room = PAGE_SIZE_4K - (from.value & (PAGE_SIZE_4K - 1));
    size_t first = bytes < room ? bytes : room;
    hpa_t at;
    *got = 0;
    enum guest_linear result = piece(vcpu, from, first, GUEST_FETCH, &at, fault);
    if (result != GUEST_LINEAR_OK)
        return told(result, fault);
    machine_memory_read(to, at, first);
    *got = first;
    /* The instruction may well end before the next page, so that may be absent. */
    size_t rest = bytes - first;
    if (rest && piece(vcpu, GLA(from.value + room), rest, GUEST_FETCH, &at, fault) ==
                    GUEST_LINEAR_OK) {
        machine_memory_read(to + first, at, rest);
        *got = bytes;
    }
    return GUEST_LINEAR_OK;
}
