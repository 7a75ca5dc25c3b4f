/* SPDX-License-Identifier: MIT
 *
 * See guest_segment.h. SDM Vol. 3A, 5.3 "Limit Checking" and 5.4 "Type
 * Checking".
 */
#include "hv/guest_segment.h"

#include "arch/spec/cr.h"
#include "hv/machine.h"

static uint32_t rights_of(enum segment_register segment)
{
    return machine_vmread_32((enum vmcs_field_32)(VMCS_GUEST_ES_ACCESS_RIGHTS + 2 * segment));
}

uint64_t guest_segment_base(enum segment_register segment)
{
    return machine_vmread_natural((enum vmcs_field_natural)(VMCS_GUEST_ES_BASE + 2 * segment));
}

uint16_t guest_segment_selector(enum segment_register segment)
{
    return machine_vmread_16((enum vmcs_field_16)(VMCS_GUEST_ES_SELECTOR + 2 * segment));
}

/* Types count in protected mode only: real-mode code writes to where it is. */
static bool has_types(void)
{
    return (machine_vmread_natural(VMCS_GUEST_CR0) & CR0_PE) &&
           !(machine_vmread_natural(VMCS_GUEST_RFLAGS) & RFLAGS_VM);
}

static bool type_allows(uint32_t rights, bool write)
{
    bool is_code = rights & TYPE_CODE;
    if (write)
        return !is_code && (rights & TYPE_WRITABLE);
    return !is_code || (rights & TYPE_WRITABLE);
}

bool guest_segment_allows(enum segment_register segment, bool write, uint64_t first, uint64_t last)
{
    uint32_t rights = rights_of(segment);
    uint64_t limit =
        machine_vmread_32((enum vmcs_field_32)(VMCS_GUEST_ES_LIMIT + 2 * segment));

    if (rights & ACCESS_RIGHTS_UNUSABLE)
        return false;
    if (has_types() && !type_allows(rights, write))
        return false;
    if (!(rights & TYPE_CODE) && (rights & TYPE_EXPAND_DOWN))
        return first > limit && last <= (rights & ACCESS_RIGHTS_DB ? UINT32_MAX : UINT16_MAX);
    return last <= limit;
}

struct verdict guest_segment_fault(enum segment_register segment)
{
    return (struct verdict){ .kind = VERDICT_INJECT,
                             .vector = segment == SEGMENT_SS ? VECTOR_SS : VECTOR_GP,
                             .has_error_code = true };
}

/* SDM Vol. 3A, 6.15 "Exception and Interrupt Reference", "Interrupt 17—Alignment
 * Check Exception (#AC)". */
bool guest_segment_is_misaligned(const struct guest_mode *mode, uint64_t linear, unsigned bytes)
{
    return bytes <= 8 && (linear & (bytes - 1)) && guest_mode_is_user(mode) &&
           (machine_vmread_natural(VMCS_GUEST_CR0) & CR0_AM) &&
           (machine_vmread_natural(VMCS_GUEST_RFLAGS) & RFLAGS_AC);
}

static bool is_canonical(const struct guest_mode *mode, uint64_t linear)
{
    unsigned unused = mode->cr4 & CR4_LA57 ? 64 - 57 : 64 - 48;
    return (uint64_t)((int64_t)(linear << unused) >> unused) == linear;
}

bool guest_segment_linear(const struct guest_mode *mode, enum segment_register segment,
                          uint64_t offset, unsigned bytes, bool write, gla_t *linear,
                          struct verdict *refused)
{
    bool is_64 = guest_mode_is_64_bit(mode);
    bool has_base = !is_64 || segment == SEGMENT_FS || segment == SEGMENT_GS;
    uint64_t first = offset + (has_base ? guest_segment_base(segment) : 0);
    bool allowed = is_64 ? is_canonical(mode, first) && is_canonical(mode, first + bytes - 1)
                         : guest_segment_allows(segment, write, offset, offset + bytes - 1);

    *linear = GLA(is_64 ? first : first & UINT32_MAX);
    if (allowed && !guest_segment_is_misaligned(mode, linear->value, bytes))
        return true;
    *refused = allowed ? INJECT_AC0 : guest_segment_fault(segment);
    return false;
}
