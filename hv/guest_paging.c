/* SPDX-License-Identifier: MIT
 *
 * See guest_paging.h. SDM Vol. 3A, chapter 4 "Paging".
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
#include "hv/guest_paging.h"

#include "arch/spec/cr.h"
#include "hv/check.h"
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

enum guest_access { GUEST_READ, GUEST_WRITE, GUEST_FETCH };

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
        context.levels = context.cr4 & CR4_LA57 ? 5 : 4;
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

static uint64_t table_of(const struct context *context)
{
    switch (context->paging) {
    case PAGING_NONE: break;
    case PAGING_32: return context->cr3 & 0xFFFFF000;
    case PAGING_LONG: return context->cr3 & ENTRY_ADDRESS & (BIT(context->physical_bits) - 1);
    case PAGING_PAE:
        /* With EPT the four PDPTEs are registers, in the VMCS while it exits:
         * SDM Vol. 3A, 4.4.1 "PDPTE Registers". */
        switch (context->gla >> 30 & 3) {
        case 0: return machine_vmread_64(VMCS_GUEST_PDPTE0);
        case 1: return machine_vmread_64(VMCS_GUEST_PDPTE1);
        case 2: return machine_vmread_64(VMCS_GUEST_PDPTE2);
        case 3: return machine_vmread_64(VMCS_GUEST_PDPTE3);
        }
    }
    return 0;
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

static enum guest_linear not_ram(uint64_t gpa, struct guest_fault *fault)
{
    fault->gpa = GPA(gpa);
    return GUEST_LINEAR_NOT_RAM;
}

static enum guest_linear walk(const struct context *context, gpa_t *to, struct guest_fault *fault)
{
    struct rights rights = { true, true, true };
    struct trail trail = { .count = 0 };
    unsigned entry_bytes = context->paging == PAGING_32 ? 4 : 8;
    uint64_t table = table_of(context);
    if (context->paging == PAGING_PAE) {
        if (!(table & ENTRY_P))
            return page_fault(context, 0, fault);
        table &= ENTRY_ADDRESS & (BIT(context->physical_bits) - 1);
    }
    for (unsigned level = context->levels; level-- > 0;) {
        unsigned shift = level_shift(context, level);
        uint64_t index = context->gla >> shift & (BIT(index_bits(context)) - 1);
        uint64_t at = table + index * entry_bytes, entry = 0;
        hpa_t hpa;
        if (!guest_memory_translate(&context->vm->memory, GPA(at), entry_bytes, &hpa))
            return not_ram(at, fault);
        machine_memory_read(&entry, hpa, entry_bytes);
        trail.at[trail.count] = hpa;
        trail.low[trail.count++] = (uint8_t)entry;

        if (!(entry & ENTRY_P))
            return page_fault(context, 0, fault);
        if (entry & reserved_bits(context, entry, level))
            return page_fault(context, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED, fault);
        rights.write = rights.write && (entry & ENTRY_RW);
        rights.user = rights.user && (entry & ENTRY_US);
        rights.execute = rights.execute && !(entry & ENTRY_XD);
        if (level > 0 && !is_large(context, entry, level)) {
            table = entry & ENTRY_ADDRESS;
            continue;
        }
        if (!is_allowed(context, rights))
            return page_fault(context, PAGE_FAULT_PRESENT, fault);
        flag_accessed(context, &trail);
        *to = GPA(page_base(context, entry, level) | (context->gla & (BIT(shift) - 1)));
        return GUEST_LINEAR_OK;
    }
    CHECK(!"a walk ends at level 0");
    return GUEST_LINEAR_FAULT;
}

/* Does not set CR2: the page fault may not come to be. */
static enum guest_linear translate(const struct context *context, gpa_t *to,
                                   struct guest_fault *fault)
{
    if (context->paging == PAGING_NONE) {
        *to = GPA(context->gla);
        return GUEST_LINEAR_OK;
    }
    if (context->long_mode && !is_canonical(context)) {
        fault->verdict = INJECT_GP0;
        return GUEST_LINEAR_FAULT;
    }
    return walk(context, to, fault);
}

/* One or two pieces of RAM that a linear range is. */
struct pieces {
    hpa_t at[2];
    size_t bytes[2];
};

static enum guest_linear piece(const struct vcpu *vcpu, gla_t at, size_t bytes,
                               enum guest_access access, hpa_t *to, struct guest_fault *fault)
{
    struct context context = context_of(vcpu, at, access);
    gpa_t gpa;
    enum guest_linear result = translate(&context, &gpa, fault);
    if (result == GUEST_LINEAR_FAULT)
        fault->gla = GLA(context.gla);
    if (result != GUEST_LINEAR_OK)
        return result;
    if (!guest_memory_translate(&vcpu->vm->memory, gpa, bytes, to))
        return not_ram(gpa.value, fault);
    return GUEST_LINEAR_OK;
}

/* The fault will be injected. */
static enum guest_linear told(enum guest_linear result, const struct guest_fault *fault)
{
    if (result == GUEST_LINEAR_FAULT && fault->verdict.vector == VECTOR_PF)
        machine_cr2_write(fault->gla.value);
    return result;
}

static enum guest_linear cut(const struct vcpu *vcpu, gla_t at, size_t bytes, enum guest_access access,
                             struct pieces *pieces, struct guest_fault *fault)
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

enum guest_linear guest_linear_write(const struct vcpu *vcpu, gla_t to, const void *from, size_t bytes,
                                     struct guest_fault *fault)
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

enum guest_linear guest_linear_fetch(const struct vcpu *vcpu, gla_t from, uint8_t *to, size_t bytes,
                                     size_t *got, struct guest_fault *fault)
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
    if (first == bytes) /* the instruction may well end before the next page */
        return GUEST_LINEAR_OK;
    if (piece(vcpu, GLA(from.value + room), bytes - first, GUEST_FETCH, &at, fault) ==
        GUEST_LINEAR_OK) {
        machine_memory_read(to + first, at, bytes - first);
        *got = bytes;
    }
    return GUEST_LINEAR_OK;
}
