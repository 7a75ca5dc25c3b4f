/* SPDX-License-Identifier: MIT
 *
 * CPUID as a guest sees it. Default deny: a host bit reaches a guest only if a
 * row of hv/cpuid.c names it, so that a new CPU's features stay hidden until
 * somebody has decided about them. The table is computed once per VM; an exit
 * copies from it.
 *
 * What a guest is not offered here it does not get elsewhere either: hv/msr.c
 * and hv/cr.c ask this table.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vcpu;
struct verdict;

struct cpuid_registers { uint32_t eax, ebx, ecx, edx; };
struct cpuid_query { uint32_t leaf, subleaf; };

/* What arch/ asks the processor, once at boot: entry[i] is the plain answer to
 * cpuid_query(i), also where the leaf lies beyond the processor's maximum. */
#define CPUID_QUERY_COUNT 33
struct cpuid_query cpuid_query(unsigned index);

struct cpuid_host { struct cpuid_registers entry[CPUID_QUERY_COUNT]; };

/* What CPUID alone does not tell. */
struct cpuid_guest_facts {
    unsigned vcpu_count;
    uint64_t tsc_hz;         /* measured */
    uint64_t lapic_timer_hz; /* measured, at divide-by-1 */
    bool xsavec;             /* keeps its format */
    /* The VM-execution control that makes the instruction work in a guest is on. */
    bool rdtscp;
    bool invpcid;
    bool xsaves;
    bool tsc_adjust_is_zero; /* every CPU of the guest's has that MSR, and 0 in it */
};

#define CPUID_BASIC_COUNT 0x20
#define CPUID_EXTENDED_COUNT 0x10
#define CPUID_CACHE_COUNT 5      /* subleaves of leaf 4 */
#define CPUID_COMPONENT_COUNT 8  /* subleaves of leaf 0Dh: XCR0 bits 0 to 7 */
#define CPUID_FEATURE_COUNT 3    /* subleaves of leaf 7 */
#define CPUID_TOPOLOGY_COUNT 2   /* subleaves of leaf 0Bh: threads, cores */
#define CPUID_KVM_COUNT 2        /* leaves of KVM's range */

struct cpuid_table {
    struct cpuid_registers basic[CPUID_BASIC_COUNT]; /* subleaf 0 */
    struct cpuid_registers extended[CPUID_EXTENDED_COUNT];
    struct cpuid_registers cache[CPUID_CACHE_COUNT];
    struct cpuid_registers feature[CPUID_FEATURE_COUNT];
    struct cpuid_registers component[CPUID_COMPONENT_COUNT];
    struct cpuid_registers topology[CPUID_TOPOLOGY_COUNT];
    struct cpuid_registers hypervisor;
    struct cpuid_registers kvm[CPUID_KVM_COUNT];
    uint64_t xcr0;     /* bits that XSETBV may set */
    uint32_t features; /* bit n: enum cpuid_feature n */
    uint64_t reserved_address_bits; /* of paging entries: 51 to MAXPHYADDR */
    bool tsc_adjust_is_zero; /* as the facts said */
};

/* The features of a guest that decide about its MSRs and control registers. */
enum cpuid_feature {
    FEATURE_ALWAYS,
    FEATURE_VME,
    FEATURE_DE,
    FEATURE_FXSR,
    FEATURE_PCID,
    FEATURE_XSAVE,
    FEATURE_FSGSBASE,
    FEATURE_SMEP,
    FEATURE_SMAP,
    FEATURE_LA57,
    FEATURE_UMIP,
    FEATURE_TSC_DEADLINE,
    FEATURE_RDTSCP,
    FEATURE_XSAVES,
    FEATURE_SPEC_CTRL,
    FEATURE_PRED_CMD,
    FEATURE_FLUSH_CMD,
    FEATURE_ARCH_CAPABILITIES,
    FEATURE_LONG_MODE,
    FEATURE_PAGE_1G,
    FEATURE_COUNT
};

void cpuid_table_build(struct cpuid_table *table, const struct cpuid_host *host,
                       const struct cpuid_guest_facts *facts);

static inline bool cpuid_has(const struct cpuid_table *table, enum cpuid_feature feature)
{
    return table->features >> feature & 1;
}

/* Width of a guest-physical address in bits: bits of paging entries above are reserved. */
unsigned cpuid_physical_address_bits(const struct cpuid_table *table);

struct verdict cpuid_exit(struct vcpu *vcpu);
