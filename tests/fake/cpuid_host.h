/* SPDX-License-Identifier: MIT
 *
 * Processors for tests: one that has every feature bit there is, named or not
 * yet invented, and one that has none but what Bulkhead requires.
 */
#pragma once

#include "arch/spec/cpuid.h"
#include "arch/spec/cr.h"
#include "hv/cpuid.h"

static inline struct cpuid_registers fake_cpuid_full(uint32_t leaf, uint32_t subleaf)
{
    /* XSAVE components as Intel lays them out; the ones of AVX-512 compact. */
    static const struct cpuid_registers components[8] = {
        [2] = { 256, 576, 0, 0 },     [5] = { 64, 1088, 0, 0 },
        [6] = { 512, 1152, 0, 0 },    [7] = { 1024, 1664, 0, 0 },
    };
    const uint32_t all = 0xFFFFFFFF;
    switch (leaf) {
    case CPUID_VENDOR: return (struct cpuid_registers){ 0x20, 0x756E6547, 0x6C65746E, 0x49656E69 };
    case CPUID_XSTATE:
        if (subleaf >= 2)
            return components[subleaf];
        break;
    case CPUID_CACHE_PARAMETERS: /* L1D, L1I, L2, L3, and then no more */
        if (subleaf == 4)
            return (struct cpuid_registers){ 0, 0, 0, 0 };
        return (struct cpuid_registers){ 0xFC004000 | (subleaf < 2 ? 1 : subleaf) << 5 | 1, all,
                                         all, all };
    case CPUID_TSC: return (struct cpuid_registers){ 0, 0, 0, 0 };
    case CPUID_EXTENDED_MAXIMUM: return (struct cpuid_registers){ 0x80000021, all, all, all };
    case CPUID_ADDRESS_SIZES: return (struct cpuid_registers){ 57 << 8 | 46, all, all, all };
    }
    return (struct cpuid_registers){ all, all, all, all };
}

static inline struct cpuid_host fake_cpuid_host_full(void)
{
    struct cpuid_host host;
    for (unsigned i = 0; i < CPUID_QUERY_COUNT; i++) {
        struct cpuid_query query = cpuid_query(i);
        host.entry[i] = fake_cpuid_full(query.leaf, query.subleaf);
    }
    return host;
}

static inline struct cpuid_host fake_cpuid_host_bare(void)
{
    struct cpuid_host host = { 0 };
    for (unsigned i = 0; i < CPUID_QUERY_COUNT; i++) {
        struct cpuid_query query = cpuid_query(i);
        if (query.leaf == CPUID_VENDOR || query.leaf == CPUID_EXTENDED_MAXIMUM)
            host.entry[i] = fake_cpuid_full(query.leaf, 0);
        if (query.leaf == CPUID_ADDRESS_SIZES)
            host.entry[i].eax = 48 << 8 | 39;
    }
    return host;
}

static inline struct cpuid_guest_facts fake_cpuid_facts(unsigned vcpu_count)
{
    return (struct cpuid_guest_facts){
        .vcpu_count = vcpu_count, .tsc_hz = 100000000, .lapic_timer_hz = 100000000,
        .xsavec = true, .rdtscp = true, .invpcid = true, .xsaves = true,
        .tsc_adjust_is_zero = true,
    };
}
