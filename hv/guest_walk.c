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
 * Accessed and dirty flags are set by writing the entry's lowest byte, where
 * both are. That is no locked operation as the processor's is: another vCPU
 * that changes the present, write or user bit of the same entry at that very
 * moment loses its change. Kernels do not unmap buffers of instructions that
 * are under way.
 */
#include "hv/guest_walk.h"

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

enum paging { PAGING_NONE, PAGING_32, PAGING_PAE, PAGING_LONG };

/* The vCPU's mode, and the access, as far as they decide about a translation. */
struct context {
    const struct vm *vm;
    enum paging paging;
    unsigned levels;    /* below CR3 or the PDPTE */
    uint64_t cr3, cr4;
    uint64_t gla;
    enum guest_access access;
    bool long_mode;     /* 64-bit code: addresses are canonical, not truncated */
    bool user;          /* CPL is 3 */
    bool write_protect; /* CR0.WP */
    bool no_execute;    /* EFER.NXE, in a mode with 64-bit entries */
    bool alignment;     /* RFLAGS.AC: SMAP is suspended */
    unsigned physical_bits;
    bool pages_1g;
};

static struct context context_of(const struct vcpu *vcpu, gla_t gla, enum guest_access access)
{
    uint64_t cr0 = machine_vmread_natural(VMCS_GUEST_CR0);
    uint64_t efer = machine_vmread_64(VMCS_GUEST_IA32_EFER);
    uint32_t cs = machine_vmread_32(VMCS_GUEST_CS_ACCESS_RIGHTS);
    uint32_t ss = machine_vmread_32(VMCS_GUEST_SS_ACCESS_RIGHTS);
    uint64_t rflags = machine_vmread_natural(VMCS_GUEST_RFLAGS);
    struct context context = {
        .vm = vcpu->vm,
        .cr3 = machine_vmread_natural(VMCS_GUEST_CR3),
        .cr4 = machine_vmread_natural(VMCS_GUEST_CR4),
        .gla = gla.value,
        .access = access,
        .long_mode = (efer & EFER_LMA) && (cs & ACCESS_RIGHTS_L),
        /* SDM Vol. 3C, 25.4.1 "Guest Register State": the DPL of SS is the CPL */
        .user = (ss & ACCESS_RIGHTS_DPL_MASK) == ACCESS_RIGHTS_DPL_MASK,
        .write_protect = cr0 & CR0_WP,
        .alignment = rflags & RFLAGS_AC,
        .physical_bits = cpuid_physical_address_bits(&vcpu->vm->cpuid),
        .pages_1g = cpuid_has(&vcpu->vm->cpuid, FEATURE_PAGE_1G),
    };
    if (!(cr0 & CR0_PG)) {
        context.paging = PAGING_NONE;
    } else if (efer & EFER_LMA) {
        context.paging = PAGING_LONG;
        context.levels = (context.cr4 & CR4_LA57) ? 5 : 4;
    } else if (context.cr4 & CR4_PAE) {
        context.paging = PAGING_PAE;
        context.levels = 2;
    } else {
        context.paging = PAGING_32;
        context.levels = 2;
    }
    bool entries_64 = context.paging == PAGING_LONG || context.paging == PAGING_PAE;
    context.no_execute = entries_64 && (efer & EFER_NXE);
    if (!context.long_mode)
        context.gla &= UINT32_MAX;
    return context;
}

/* SDM Vol. 3A, 4.7 "Page-Fault Exceptions". */
static enum guest_linear page_fault(const struct context *context, uint32_t cause,
                                    struct guest_fault *fault)
{
    uint32_t error_code = cause;
    if (context->access == GUEST_WRITE)
        error_code |= PAGE_FAULT_WRITE;
    if (context->user)
        error_code |= PAGE_FAULT_USER;
    if (context->access == GUEST_FETCH && (context->no_execute || (context->cr4 & CR4_SMEP)))
        error_code |= PAGE_FAULT_FETCH;
    fault->verdict = (struct verdict){ .kind = VERDICT_INJECT, .vector = VECTOR_PF,
                                       .has_error_code = true, .error_code = error_code };
    return GUEST_LINEAR_FAULT;
}

static bool is_canonical(const struct context *context)
{
    unsigned unused = context->levels == 5 ? 64 - 57 : 64 - 48;
    return (uint64_t)((int64_t)(context->gla << unused) >> unused) == context->gla;
}

static unsigned index_bits(const struct context *context)
{
    return context->paging == PAGING_32 ? 10 : 9;
}

static unsigned level_shift(const struct context *context, unsigned level)
{
    return 12 + level * index_bits(context);
}

/* Does the entry map a page above level 0? */
static bool is_large(const struct context *context, uint64_t entry, unsigned level)
{
    if (!(entry & ENTRY_PS))
        return false;
    if (context->paging == PAGING_32)
        return level == 1 && (context->cr4 & CR4_PSE);
    return level == 1 || (level == 2 && context->pages_1g);
}

static uint64_t bits_between(unsigned high, unsigned low)
{
    return high < low ? 0 : (BIT(high) - 1 + BIT(high)) & ~(BIT(low) - 1);
}

/* SDM Vol. 3A, 4.3 to 4.5: Tables 4-4 to 4-20, the bits "reserved (must be 0)". */
static uint64_t reserved_bits(const struct context *context, uint64_t entry, unsigned level)
{
    unsigned width = context->physical_bits;
    bool large = is_large(context, entry, level);
    if (context->paging == PAGING_32) /* PSE-36: up to 40 bits of address in 20:13 */
        return large ? bits_between(21, width < 40 ? width - 19 : 21) : 0;

    uint64_t reserved = bits_between(51, width);
    if (context->paging == PAGING_PAE)
        reserved |= bits_between(62, 52);
    if (!context->no_execute)
        reserved |= ENTRY_XD;
    if (large)
        reserved |= bits_between(level_shift(context, level) - 1, 13);
    else if (level >= 2)
        reserved |= ENTRY_PS;
    return reserved;
}

/* Where a large page or a page begins. */
static uint64_t page_base(const struct context *context, uint64_t entry, unsigned level)
{
    uint64_t mask = BIT(level_shift(context, level)) - 1;
    if (context->paging == PAGING_32 && level == 1)
        return (entry & 0xFFC00000) | (entry & 0x1FE000) << 19;
    return entry & ENTRY_ADDRESS & ~mask;
}

/* What a whole walk allows: rights are the weakest of all entries. */
struct rights {
    bool write;
    bool user;
    bool execute;
};

/* SDM Vol. 3A, 4.6.1 "Determination of Access Rights". */
static bool is_allowed(const struct context *context, struct rights rights)
{
    bool smap = (context->cr4 & CR4_SMAP) && !context->alignment;
    if (context->user && !rights.user)
        return false;
    switch (context->access) {
    case GUEST_FETCH:
        if (!context->user && rights.user && (context->cr4 & CR4_SMEP))
            return false;
        return rights.execute;
    case GUEST_READ:
        return context->user || !rights.user || !smap;
    case GUEST_WRITE:
        if (!context->user && rights.user && smap)
            return false;
        return rights.write || (!context->user && !context->write_protect);
    }
    return false;
}

/* The entry that holds the address of the first table: CR3, or a PDPTE. With
 * EPT the four PDPTEs are registers, in the VMCS while the guest does not run:
 * SDM Vol. 3A, 4.4.1 "PDPTE Registers". */
static uint64_t root_of(const struct context *context)
{
    static const enum vmcs_field_64 pdptes[] = { VMCS_GUEST_PDPTE0, VMCS_GUEST_PDPTE1,
                                                 VMCS_GUEST_PDPTE2, VMCS_GUEST_PDPTE3 };
    if (context->paging == PAGING_32)
        return context->cr3 & UINT32_MAX;
    uint64_t root = context->paging == PAGING_PAE
                        ? machine_vmread_64(pdptes[context->gla >> 30 & 3])
                        : context->cr3;
    return root & (BIT(context->physical_bits) - 1);
}

/* The entries that a walk went through, to flag them when it succeeds. */
struct trail {
    hpa_t at[5];
    uint8_t low[5]; /* lowest byte as read */
    unsigned count;
};

static void flag_accessed(const struct context *context, const struct trail *trail)
{
    for (unsigned i = 0; i < trail->count; i++) {
        bool leaf = i == trail->count - 1;
        uint8_t flags = leaf && context->access == GUEST_WRITE ? ENTRY_A | ENTRY_D : ENTRY_A;
        uint8_t low = trail->low[i] | flags;
        if (low != trail->low[i])
            machine_memory_write(trail->at[i], &low, 1);
    }
}

/* Reads the entry at `at` once; false: there is no RAM. */
static bool entry_read(const struct context *context, uint64_t at, uint64_t *entry,
                       struct trail *trail)
{
    unsigned bytes = context->paging == PAGING_32 ? 4 : 8;
    hpa_t hpa;
    if (!guest_memory_translate(&context->vm->memory, GPA(at), bytes, &hpa))
        return false;
    *entry = 0;
    machine_memory_read(entry, hpa, bytes);
    trail->at[trail->count] = hpa;
    trail->low[trail->count++] = (uint8_t)*entry;
    return true;
}

static enum guest_linear walk(const struct context *context, gpa_t *to, struct guest_fault *fault)
{
    struct rights rights = { true, true, true };
    struct trail trail = { .count = 0 };
    uint64_t table = root_of(context), entry = 0;
    unsigned level = context->levels;
    if (context->paging == PAGING_PAE && !(table & ENTRY_P))
        return page_fault(context, 0, fault);
    table &= ENTRY_ADDRESS;
    do {
        level--;
        uint64_t index = context->gla >> level_shift(context, level) &
                         (BIT(index_bits(context)) - 1);
        uint64_t at = table + index * (context->paging == PAGING_32 ? 4 : 8);
        if (!entry_read(context, at, &entry, &trail)) {
            fault->gpa = GPA(at);
            return GUEST_LINEAR_NOT_RAM;
        }
        if (!(entry & ENTRY_P))
            return page_fault(context, 0, fault);
        if (entry & reserved_bits(context, entry, level))
            return page_fault(context, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED, fault);
        rights.write = rights.write && (entry & ENTRY_RW);
        rights.user = rights.user && (entry & ENTRY_US);
        rights.execute = rights.execute && !(entry & ENTRY_XD);
        table = entry & ENTRY_ADDRESS;
    } while (level > 0 && !is_large(context, entry, level));

    if (!is_allowed(context, rights))
        return page_fault(context, PAGE_FAULT_PRESENT, fault);
    flag_accessed(context, &trail);
    uint64_t offset = context->gla & (BIT(level_shift(context, level)) - 1);
    *to = GPA(page_base(context, entry, level) | offset);
    return GUEST_LINEAR_OK;
}

enum guest_linear guest_walk(const struct vcpu *vcpu, gla_t at, enum guest_access access,
                             gpa_t *to, struct guest_fault *fault)
{
    struct context context = context_of(vcpu, at, access);
    fault->gla = GLA(context.gla);
    if (context.paging == PAGING_NONE) {
        *to = GPA(context.gla);
        return GUEST_LINEAR_OK;
    }
    if (context.long_mode && !is_canonical(&context)) {
        fault->verdict = INJECT_GP0;
        return GUEST_LINEAR_FAULT;
    }
    return walk(&context, to, fault);
}
