/* SPDX-License-Identifier: MIT
 *
 * See segment.h. SDM Vol. 3A, 3.4.5 "Segment Descriptors", and Vol. 3C, 25.4.1
 * "Guest Register State" for the format of access rights.
 */
#include "hv/segment.h"

#include "arch/spec/segment.h"
#include "hv/machine.h"

#define RIGHTS_IN_DESCRIPTOR 0xF0FFu /* at bits 55:40; the rest is part of the limit */
#define RIGHTS_VIRTUAL_8086 0xF3u
#define LIMIT_64K 0xFFFFu

struct segment segment_from_descriptor(uint16_t selector, uint64_t descriptor)
{
    uint32_t rights = (uint32_t)(descriptor >> 40) & RIGHTS_IN_DESCRIPTOR;
    uint32_t limit = (uint32_t)(descriptor & 0xFFFF) | (uint32_t)(descriptor >> 32 & 0xF0000);

    return (struct segment){
        .selector = selector,
        .base = (uint32_t)(descriptor >> 16 & 0xFFFFFF) | (uint32_t)(descriptor >> 56) << 24,
        .limit = rights & ACCESS_RIGHTS_G ? limit << 12 | 0xFFF : limit,
        .rights = rights,
    };
}

struct segment segment_unusable(uint16_t selector, unsigned dpl)
{
    return (struct segment){
        .selector = selector,
        .rights = ACCESS_RIGHTS_UNUSABLE | dpl << ACCESS_RIGHTS_DPL_SHIFT,
    };
}

struct segment segment_virtual_8086(uint16_t selector)
{
    return (struct segment){ .selector = selector, .base = (uint32_t)selector << 4,
                             .limit = LIMIT_64K, .rights = RIGHTS_VIRTUAL_8086 };
}

unsigned segment_type(const struct segment *segment)
{
    return segment->rights & ACCESS_RIGHTS_TYPE_MASK;
}

unsigned segment_dpl(const struct segment *segment)
{
    return (segment->rights & ACCESS_RIGHTS_DPL_MASK) >> ACCESS_RIGHTS_DPL_SHIFT;
}

bool segment_contains(const struct segment *segment, uint32_t offset, uint32_t bytes)
{
    uint64_t last = (uint64_t)offset + bytes - 1;

    if (segment->rights & ACCESS_RIGHTS_UNUSABLE)
        return false;
    if (!(segment_type(segment) & TYPE_CODE) && (segment_type(segment) & TYPE_EXPAND_DOWN))
        return offset > segment->limit &&
               last <= (segment->rights & ACCESS_RIGHTS_DB ? UINT32_MAX : LIMIT_64K);
    return last <= segment->limit;
}

/* The fields of a kind lie two apart. */
static unsigned field(unsigned first, enum segment_register which)
{
    return first + 2 * which;
}

struct segment segment_read(enum segment_register which)
{
    return (struct segment){
        .selector = machine_vmread_16(
            (enum vmcs_field_16)field(VMCS_GUEST_ES_SELECTOR, which)),
        .base = (uint32_t)machine_vmread_natural(
            (enum vmcs_field_natural)field(VMCS_GUEST_ES_BASE, which)),
        .limit = machine_vmread_32((enum vmcs_field_32)field(VMCS_GUEST_ES_LIMIT, which)),
        .rights = machine_vmread_32(
            (enum vmcs_field_32)field(VMCS_GUEST_ES_ACCESS_RIGHTS, which)),
    };
}

void segment_write(enum segment_register which, const struct segment *segment)
{
    machine_vmwrite_16((enum vmcs_field_16)field(VMCS_GUEST_ES_SELECTOR, which),
                       segment->selector);
    machine_vmwrite_natural((enum vmcs_field_natural)field(VMCS_GUEST_ES_BASE, which),
                            segment->base);
    machine_vmwrite_32((enum vmcs_field_32)field(VMCS_GUEST_ES_LIMIT, which), segment->limit);
    machine_vmwrite_32((enum vmcs_field_32)field(VMCS_GUEST_ES_ACCESS_RIGHTS, which),
                       segment->rights);
}
