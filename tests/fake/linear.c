/* SPDX-License-Identifier: MIT
 *
 * See linear.h. An access outside the pages fails the test.
 */
#include "tests/fake/linear.h"

#include <string.h>

#include "arch/spec/cr.h"
#include "hv/check.h"
#include "hv/denied.h"
#include "hv/operand.h"

struct fake_linear fake_linear;

void fake_linear_reset(void)
{
    memset(&fake_linear, 0, sizeof fake_linear);
}

static enum guest_linear find(gla_t at, size_t bytes, bool write, uint8_t **to,
                              struct guest_fault *fault)
{
    uint64_t offset = at.value - FAKE_LINEAR_BASE;

    CHECK(bytes > 0 && bytes <= GUEST_LINEAR_BYTES_MAX);
    CHECK(offset < FAKE_LINEAR_BYTES && bytes <= FAKE_LINEAR_BYTES - offset);
    *to = fake_linear.bytes + offset;
    for (uint64_t page = offset / 4096; page <= (offset + bytes - 1) / 4096; page++) {
        if (fake_linear.pages[page] == GUEST_LINEAR_OK)
            continue;
        fault->gla = GLA(page * 4096 > offset ? FAKE_LINEAR_BASE + page * 4096 : at.value);
        fault->gpa = GPA(fault->gla.value);
        fault->verdict = (struct verdict){ .kind = VERDICT_INJECT, .vector = VECTOR_PF,
                                           .has_error_code = true,
                                           .error_code = write ? PAGE_FAULT_WRITE : 0 };
        return fake_linear.pages[page];
    }
    return GUEST_LINEAR_OK;
}

enum guest_linear guest_linear_read(const struct vcpu *vcpu, const struct guest_mode *mode,
                                    gla_t from, void *to, size_t bytes, struct guest_fault *fault)
{
    uint8_t *at;
    enum guest_linear result = find(from, bytes, false, &at, fault);

    (void)vcpu;
    (void)mode;
    if (result == GUEST_LINEAR_OK)
        memcpy(to, at, bytes);
    return result;
}

enum guest_linear guest_linear_write(const struct vcpu *vcpu, const struct guest_mode *mode,
                                     gla_t to, const void *from, size_t bytes,
                                     struct guest_fault *fault)
{
    uint8_t *at;
    enum guest_linear result = find(to, bytes, true, &at, fault);

    (void)vcpu;
    (void)mode;
    if (result == GUEST_LINEAR_OK)
        memcpy(at, from, bytes);
    return result;
}

bool operand_find(struct vcpu *vcpu, const struct guest_mode *mode, gla_t at, size_t bytes,
                  enum guest_access access, struct operand *operand, struct verdict *refused)
{
    struct guest_fault fault;
    uint8_t *unused;
    enum guest_linear result = find(at, bytes, access == GUEST_WRITE, &unused, &fault);

    (void)vcpu;
    (void)mode;
    operand->part_count = 1;
    operand->parts[0] = (struct operand_part){ .gpa = GPA(at.value), .bytes = bytes,
                                               .is_ram = result == GUEST_LINEAR_OK };
    *refused = fault.verdict;
    return result != GUEST_LINEAR_FAULT;
}

void operand_read(struct vcpu *vcpu, const struct operand *operand, void *to)
{
    const struct operand_part *part = &operand->parts[0];
    if (!part->is_ram)
        denied_report(vcpu, DENIED_MEMORY_READ, part->gpa.value);
    memset(to, 0xFF, part->bytes);
}

void operand_write(struct vcpu *vcpu, const struct operand *operand, const void *from)
{
    (void)from;
    if (!operand->parts[0].is_ram)
        denied_report(vcpu, DENIED_MEMORY_WRITE, operand->parts[0].gpa.value);
}
