/* SPDX-License-Identifier: MIT
 *
 * See guest_walk.h. SDM Vol. 3A, chapter 4 "Paging".
 *
 *   32-bit          dir 10 | table 10 | offset 12        4-byte entries
 *   PAE     pdpt 2 | dir 9 | table 9  | offset 12        the 4 PDPTEs: VMCS
 *   4-level pml4 9 | pdpt 9 | dir 9 | table 9 | offset   5-level: pml5 9 first
 *
 * Level 0 is the page table here; the manual numbers from 1.
 *
 * Every access of a guest to an emulated device begins with a walk to its
 * instruction, so the most frequent of all walks is made short:
 * guest_walk_simply(). Whatever does not fit there, guest_walk() decides.
 */
#include "hv/guest_walk.h"

#include <stdatomic.h>

#include "arch/spec/cr.h"
#include "hv/cpuid.h"
#include "hv/machine.h"
#include "hv/vm.h"

#define ENTRY_P BIT(0)
#define ENTRY_RW BIT(1)
#define ENTRY_US BIT(2)
#define ENTRY_A BIT(5)
#define ENTRY_D BIT(6)
#define ENTRY_PS BIT(7)
#define ENTRY_XD BIT(63)
#define ENTRY_ADDRESS 0x000FFFFFFFFFF000ull

#define LEVELS_MAX 5

enum paging { PAGING_NONE, PAGING_32, PAGING_PAE, PAGING_LONG };

/* What is asked for. */
struct access {
    const struct vm *vm;
    struct guest_mode mode;
    uint64_t gla;
    enum guest_access kind;
};

/* What a paging mode makes of it. */
struct shape {
    enum paging paging;
    unsigned levels; /* below CR3 or the PDPTE */
};

/* The entries that a walk went through: where, and as read. */
struct trail {
    void *at[LEVELS_MAX];
    uint64_t entry[LEVELS_MAX];
};

static bool has_64_bit_entries(struct shape shape)
{
    return shape.paging == PAGING_LONG || shape.paging == PAGING_PAE;
}

/* SDM Vol. 3A, 4.7 "Page-Fault Exceptions". */
static enum guest_linear page_fault(const struct access *access, struct shape shape,
                                    uint32_t cause, struct guest_fault *fault)
{
    const struct guest_mode *mode = &access->mode;
    uint32_t error_code = cause;
    bool no_execute = has_64_bit_entries(shape) && (mode->efer & EFER_NXE);

    if (access->kind == GUEST_WRITE)
        error_code |= PAGE_FAULT_WRITE;
    if (guest_mode_is_user(mode))
        error_code |= PAGE_FAULT_USER;
    if (access->kind == GUEST_FETCH && (no_execute || (mode->cr4 & CR4_SMEP)))
        error_code |= PAGE_FAULT_FETCH;
    fault->verdict = (struct verdict){ .kind = VERDICT_INJECT, .vector = VECTOR_PF,
                                       .has_error_code = true, .error_code = error_code };
    return GUEST_LINEAR_FAULT;
}

static enum guest_linear refused_entry(const struct access *access, struct shape shape,
                                       uint64_t entry, struct guest_fault *fault)
{
    uint32_t cause = entry & ENTRY_P ? PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED : 0;
    return page_fault(access, shape, cause, fault);
}

static inline unsigned index_bits(struct shape shape)
{
    return shape.paging == PAGING_32 ? 10 : 9;
}

static inline unsigned level_shift(struct shape shape, unsigned level)
{
    return 12 + level * index_bits(shape);
}

/* Of an entry at any level. SDM Vol. 3A, 4.4 and 4.5: Tables 4-8 to 4-20, the
 * bits "reserved (must be 0)". */
static inline uint64_t reserved_always(const struct access *access, struct shape shape)
{
    if (!has_64_bit_entries(shape))
        return 0;
    uint64_t reserved = access->vm->cpuid.reserved_address_bits;
    if (shape.paging == PAGING_PAE)
        reserved |= 0x7FF0000000000000;
    return access->mode.efer & EFER_NXE ? reserved : reserved | ENTRY_XD;
}

/* Of an entry with PS, above level 0, besides; PS itself where no such page
 * exists. PSE-36 has up to 40 bits of address, in bits 20:13: Table 4-4. */
static inline uint64_t reserved_in_large(const struct access *access, struct shape shape,
                                         unsigned level)
{
    if (shape.paging == PAGING_32) {
        unsigned width = cpuid_physical_address_bits(&access->vm->cpuid);
        return width < 40 ? BIT(22) - BIT(width - 19) : BIT(21);
    }
    if (level == 1 || (level == 2 && cpuid_has(&access->vm->cpuid, FEATURE_PAGE_1G)))
        return BIT(level_shift(shape, level)) - BIT(13);
    return ENTRY_PS;
}

/* Does the entry map a page, or must not have PS? */
static inline bool is_last(const struct access *access, struct shape shape, uint64_t entry,
                           unsigned level)
{
    if (level == 0)
        return true;
    return (entry & ENTRY_PS) && (shape.paging != PAGING_32 || (access->mode.cr4 & CR4_PSE));
}

/* Where a page begins. */
static inline uint64_t page_base(struct shape shape, uint64_t entry, unsigned level)
{
    if (shape.paging == PAGING_32 && level == 1)
        return (entry & 0xFFC00000) | (entry & 0x1FE000) << 19;
    return entry & ENTRY_ADDRESS & ~(BIT(level_shift(shape, level)) - 1);
}

/* SDM Vol. 3A, 4.6.1 "Determination of Access Rights", without execute-disable.
 * `all` is the AND of the walk's entries: rights are the weakest of all. */
static inline bool is_allowed(const struct access *access, uint64_t all)
{
    const struct guest_mode *mode = &access->mode;
    bool user = guest_mode_is_user(mode);

    if (user && !(all & ENTRY_US))
        return false;
    if (access->kind == GUEST_FETCH)
        return user || !(all & ENTRY_US) || !(mode->cr4 & CR4_SMEP);
    if (!user && (all & ENTRY_US) && (mode->cr4 & CR4_SMAP) &&
        ((mode->ss_rights & GUEST_MODE_IMPLICIT) ||
         !(machine_vmread_natural(VMCS_GUEST_RFLAGS) & RFLAGS_AC)))
        return false;
    return access->kind == GUEST_READ || (all & ENTRY_RW) ||
           (!user && !(machine_vmread_natural(VMCS_GUEST_CR0) & CR0_WP));
}

/* False: another CPU has changed the entry since it was read. */
static bool replace_entry(struct shape shape, void *at, uint64_t old, uint64_t new)
{
    uint32_t old_32 = (uint32_t)old;
    if (shape.paging == PAGING_32)
        return atomic_compare_exchange_strong((_Atomic uint32_t *)at, &old_32, (uint32_t)new);
    return atomic_compare_exchange_strong((_Atomic uint64_t *)at, &old, new);
}

/* SDM Vol. 3A, 4.8 "Accessed and Dirty Flags". An entry that has changed since
 * must not be flagged, as it was not used: then the guest executes its
 * instruction again. */
static enum guest_linear flag_accessed(const struct access *access, struct shape shape,
                                       const struct trail *trail, unsigned last,
                                       struct guest_fault *fault)
{
    for (unsigned level = shape.levels; level-- > last;) {
        bool dirty = level == last && access->kind == GUEST_WRITE;
        uint64_t old = trail->entry[level];
        uint64_t flagged = old | ENTRY_A | (dirty ? ENTRY_D : 0);
        if (flagged != old && !replace_entry(shape, trail->at[level], old, flagged)) {
            fault->verdict = RESUME;
            return GUEST_LINEAR_FAULT;
        }
    }
    return GUEST_LINEAR_OK;
}

/* Reads an entry once; false: there is no RAM. */
static bool read_entry(const struct access *access, struct shape shape, uint64_t table,
                       unsigned level, struct trail *trail, struct guest_fault *fault)
{
    uint64_t index = access->gla >> level_shift(shape, level) & (BIT(index_bits(shape)) - 1);
    uint64_t offset = index * (shape.paging == PAGING_32 ? 4 : 8);
    uint8_t *page = machine_page(MACHINE_PAGE_TABLE_0 + level, &access->vm->memory, table);

    if (!page) {
        fault->gpa = GPA((table & ENTRY_ADDRESS) + offset);
        return false;
    }
    trail->at[level] = page + offset;
    trail->entry[level] = shape.paging == PAGING_32
                              ? *(const volatile uint32_t *)trail->at[level]
                              : *(const volatile uint64_t *)trail->at[level];
    return true;
}

static enum guest_linear walk(const struct access *access, struct shape shape, uint64_t table,
                              gpa_t *to, struct guest_fault *fault)
{
    uint64_t reserved = reserved_always(access, shape);
    uint64_t all = UINT64_MAX, any = 0, entry;
    unsigned level = shape.levels;
    struct trail trail;

    do {
        level--;
        if (!read_entry(access, shape, table, level, &trail, fault))
            return GUEST_LINEAR_NOT_RAM;
        entry = trail.entry[level];
        if ((entry & (ENTRY_P | reserved)) != ENTRY_P)
            return refused_entry(access, shape, entry, fault);
        all &= entry;
        any |= entry;
        table = entry;
    } while (!is_last(access, shape, entry, level));

    if (level > 0 && (entry & reserved_in_large(access, shape, level)))
        return refused_entry(access, shape, entry, fault);
    if (!is_allowed(access, all) || (access->kind == GUEST_FETCH && (any & ENTRY_XD)))
        return page_fault(access, shape, PAGE_FAULT_PRESENT, fault);
    uint64_t offset = access->gla & (BIT(level_shift(shape, level)) - 1);
    *to = GPA(page_base(shape, entry, level) | offset);
    return flag_accessed(access, shape, &trail, level, fault);
}

static struct shape shape_of(const struct guest_mode *mode)
{
    if (!(machine_vmread_natural(VMCS_GUEST_CR0) & CR0_PG))
        return (struct shape){ PAGING_NONE, 0 };
    if (mode->efer & EFER_LMA)
        return (struct shape){ PAGING_LONG, mode->cr4 & CR4_LA57 ? 5 : 4 };
    if (mode->cr4 & CR4_PAE)
        return (struct shape){ PAGING_PAE, 2 };
    return (struct shape){ PAGING_32, 2 };
}

/* With EPT the four PDPTEs are registers, in the VMCS while the guest does not
 * run: SDM Vol. 3A, 4.4.1 "PDPTE Registers". */
static uint64_t pdpte(uint64_t gla)
{
    static const enum vmcs_field_64 pdptes[] = { VMCS_GUEST_PDPTE0, VMCS_GUEST_PDPTE1,
                                                 VMCS_GUEST_PDPTE2, VMCS_GUEST_PDPTE3 };
    return machine_vmread_64(pdptes[gla >> 30 & 3]);
}

static inline bool is_canonical(uint64_t gla, unsigned levels)
{
    unsigned unused = levels == 5 ? 64 - 57 : 64 - 48;
    return (uint64_t)((int64_t)(gla << unused) >> unused) == gla;
}

/* An entry of a level of 4-level paging; what is no RAM reads as not present. */
static inline uint64_t entry_at(const struct access *access, uint64_t table, unsigned level)
{
    const volatile uint64_t *entries =
        machine_page(MACHINE_PAGE_TABLE_0 + level, &access->vm->memory, table);
    return entries ? entries[access->gla >> (12 + 9 * level) & 511] : 0;
}

/* The end of guest_walk_simply: the AND and the OR of the entries above the last, and
 * the last one, which maps a page of that size. */
static inline bool is_simple(const struct access *access, uint64_t all, uint64_t any,
                             uint64_t leaf, uint64_t page_size, gpa_t *to)
{
    uint64_t reserved = access->vm->cpuid.reserved_address_bits;
    uint64_t reserved_in_leaf = page_size == PAGE_SIZE_2M ? BIT(21) - BIT(13) : 0;

    if (access->kind == GUEST_FETCH || !(access->mode.efer & EFER_NXE))
        reserved |= ENTRY_XD;
    if (((all & leaf) & (ENTRY_P | ENTRY_A)) != (ENTRY_P | ENTRY_A) ||
        (any & (reserved | ENTRY_PS)) || (leaf & (reserved | reserved_in_leaf)))
        return false;
    *to = GPA((leaf & ENTRY_ADDRESS & ~(page_size - 1)) | (access->gla & (page_size - 1)));
    return is_allowed(access, all & leaf) && (access->kind != GUEST_WRITE || (leaf & ENTRY_D));
}

bool guest_walk_simply(const struct vcpu *vcpu, const struct guest_mode *mode, gla_t at,
                       enum guest_access kind, gpa_t *to)
{
    struct access access = { .vm = vcpu->vm, .mode = *mode, .gla = at.value, .kind = kind };

    if (!guest_mode_is_64_bit(mode) || (mode->cr4 & CR4_LA57) || !is_canonical(at.value, 4))
        return false;
    uint64_t pml4e = entry_at(&access, mode->cr3, 3);
    uint64_t pdpte = entry_at(&access, pml4e, 2);
    uint64_t pde = entry_at(&access, pdpte, 1);
    if (pde & ENTRY_PS)
        return is_simple(&access, pml4e & pdpte, pml4e | pdpte, pde, PAGE_SIZE_2M, to);
    uint64_t pte = entry_at(&access, pde, 0);
    return is_simple(&access, pml4e & pdpte & pde, pml4e | pdpte | pde, pte, PAGE_SIZE_4K, to);
}

enum guest_linear guest_walk(const struct vcpu *vcpu, const struct guest_mode *mode, gla_t at,
                             enum guest_access kind, gpa_t *to, struct guest_fault *fault)
{
    struct access access = { .vm = vcpu->vm, .mode = *mode, .gla = at.value, .kind = kind };
    struct shape shape = shape_of(mode);
    uint64_t root = mode->cr3;

    if (!guest_mode_is_64_bit(mode))
        access.gla &= UINT32_MAX;
    fault->gla = GLA(access.gla);
    if (guest_mode_is_64_bit(mode) && !is_canonical(access.gla, shape.levels)) {
        fault->verdict = INJECT_GP0;
        return GUEST_LINEAR_FAULT;
    }
    if (shape.paging == PAGING_NONE) {
        *to = GPA(access.gla);
        return GUEST_LINEAR_OK;
    }
    if (shape.paging == PAGING_32)
        return walk(&access, shape, root & UINT32_MAX, to, fault);
    if (shape.paging == PAGING_PAE) {
        root = pdpte(access.gla);
        if (!(root & ENTRY_P))
            return page_fault(&access, shape, 0, fault);
    }
    return walk(&access, shape, root, to, fault);
}
