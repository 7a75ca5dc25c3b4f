/* SPDX-License-Identifier: MIT
 *
 * See guest_paging.h: bytes at guest-linear addresses. First every page that an
 * access touches is walked and translated, then the bytes move.
 */
#include "hv/guest_paging.h"

#include "hv/check.h"
#include "hv/guest_walk.h"
#include "hv/machine.h"
#include "hv/vm.h"

/* One or two pieces of RAM that a linear range is. */
struct pieces {
    hpa_t at[2];
    size_t bytes[2];
};

/* Where the byte is, and the rest of its page behind it. */
static enum guest_linear piece(const struct vcpu *vcpu, const struct guest_mode *mode, gla_t at,
                               enum guest_access access, hpa_t *to, struct guest_fault *fault)
{
    gpa_t gpa;
    if (!guest_walk_simply(vcpu, mode, at, access, &gpa)) {
        enum guest_linear result = guest_walk(vcpu, mode, at, access, &gpa, fault);
        if (result != GUEST_LINEAR_OK)
            return result;
    }
    if (guest_memory_translate_in_page(&vcpu->vm->memory, gpa, to))
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

static size_t room_in_page(gla_t at)
{
    return PAGE_SIZE_4K - (at.value & (PAGE_SIZE_4K - 1));
}

static enum guest_linear cut(const struct vcpu *vcpu, const struct guest_mode *mode, gla_t at,
                             size_t bytes, enum guest_access access, struct pieces *pieces,
                             struct guest_fault *fault)
{
    CHECK(bytes > 0 && bytes <= GUEST_LINEAR_BYTES_MAX);
    size_t room = room_in_page(at);
    pieces->bytes[0] = bytes < room ? bytes : room;
    pieces->bytes[1] = bytes - pieces->bytes[0];
    enum guest_linear result = piece(vcpu, mode, at, access, &pieces->at[0], fault);
    if (result == GUEST_LINEAR_OK && pieces->bytes[1])
        result = piece(vcpu, mode, GLA(at.value + room), access, &pieces->at[1], fault);
    return told(result, fault);
}

enum guest_linear guest_linear_read(const struct vcpu *vcpu, const struct guest_mode *mode,
                                    gla_t from, void *to, size_t bytes, struct guest_fault *fault)
{
    struct pieces pieces;
    enum guest_linear result = cut(vcpu, mode, from, bytes, GUEST_READ, &pieces, fault);
    if (result != GUEST_LINEAR_OK)
        return result;
    machine_memory_read(to, pieces.at[0], pieces.bytes[0]);
    if (pieces.bytes[1])
        machine_memory_read((uint8_t *)to + pieces.bytes[0], pieces.at[1], pieces.bytes[1]);
    return GUEST_LINEAR_OK;
}

enum guest_linear guest_linear_write(const struct vcpu *vcpu, const struct guest_mode *mode,
                                     gla_t to, const void *from, size_t bytes,
                                     struct guest_fault *fault)
{
    struct pieces pieces;
    enum guest_linear result = cut(vcpu, mode, to, bytes, GUEST_WRITE, &pieces, fault);
    if (result != GUEST_LINEAR_OK)
        return result;
    machine_memory_write(pieces.at[0], from, pieces.bytes[0]);
    if (pieces.bytes[1])
        machine_memory_write(pieces.at[1], (const uint8_t *)from + pieces.bytes[0],
                             pieces.bytes[1]);
    return GUEST_LINEAR_OK;
}

/* The general case. The instruction may well end before the next page, so that
 * may be absent. Reads the mode once more, so that the callers can keep it in
 * registers. */
__attribute__((noinline))
static enum guest_linear fetch(const struct vcpu *vcpu, gla_t from, uint8_t *to, size_t *got,
                               struct guest_fault *fault)
{
    struct guest_mode mode = guest_mode_read();
    size_t room = room_in_page(from);
    size_t first = room < GUEST_CODE_BYTES ? room : GUEST_CODE_BYTES;
    size_t rest = GUEST_CODE_BYTES - first;
    struct guest_fault unused;
    hpa_t at;

    *got = 0;
    enum guest_linear result = piece(vcpu, &mode, from, GUEST_FETCH, &at, fault);
    if (result != GUEST_LINEAR_OK)
        return told(result, fault);
    machine_memory_read(to, at, first);
    *got = first;
    if (rest && piece(vcpu, &mode, GLA(from.value + room), GUEST_FETCH, &at, &unused) ==
                    GUEST_LINEAR_OK) {
        machine_memory_read(to + first, at, rest);
        *got = GUEST_CODE_BYTES;
    }
    return GUEST_LINEAR_OK;
}

enum guest_linear guest_linear_fetch(const struct vcpu *vcpu, const struct guest_mode *mode,
                                     gla_t from, uint8_t to[static GUEST_CODE_BYTES], size_t *got,
                                     struct guest_fault *fault)
{
    gpa_t at;

    if (from.value % PAGE_SIZE_4K > PAGE_SIZE_4K - GUEST_CODE_BYTES ||
        !guest_walk_simply(vcpu, mode, from, GUEST_FETCH, &at))
        return fetch(vcpu, from, to, got, fault);
    const uint8_t *page = machine_page(MACHINE_PAGE_CODE, &vcpu->vm->memory,
                                       align_down(at.value, PAGE_SIZE_4K));
    if (!page)
        return fetch(vcpu, from, to, got, fault);
    __builtin_memcpy(to, page + at.value % PAGE_SIZE_4K, GUEST_CODE_BYTES);
    *got = GUEST_CODE_BYTES;
    return GUEST_LINEAR_OK;
}
