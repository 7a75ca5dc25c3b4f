/* SPDX-License-Identifier: MIT
 *
 * See cpuid_table.h. `rows` says which host bits pass; `needs` takes away those
 * whose precondition is missing here; the functions below compute what no mask
 * can say: topology and extended state.
 *
 * SDM Vol. 2A, "CPUID—CPU Identification".
 */
#include "hv/cpuid_table.h"

#include "arch/spec/cpuid.h"
#include "arch/spec/cr.h"
#include "hv/addr.h"
#include "hv/check.h"
#include "hv/cpuid_frequency.h"

#define ALL 0xFFFFFFFFu

struct row {
    uint32_t leaf, subleaf;
    struct cpuid_registers pass; /* host bits that the guest sees */
    struct cpuid_registers set;  /* bits that it sees in any case */
};

/*
 * Hidden on purpose, for those who miss a name: VMX, SMX, MONITOR (an idle
 * guest uses HLT, which needs no exit), SGX, PT, RDT, performance counters,
 * debug store, thermal and power control (one guest would set them for its
 * neighbours), HLE/RTM and MPX (withdrawn by Intel), PKU, CET, UINTR, AMX,
 * key locker, WAITPKG.
 */
static const struct row rows[] = {
    /* The highest leaf is 16h also where the host's is lower: Linux reads the
     * frequencies only if the maximum says so. */
    { CPUID_VENDOR, 0, .pass = { 0, ALL, ALL, ALL }, .set.eax = CPUID_FREQUENCY },

    /* EAX: stepping, model, family and type. EBX: CLFLUSH line size; APIC id and
     * number of ids are computed. */
    { CPUID_FEATURES, 0,
      .pass = {
          .eax = 0x0FFF3FFF,
          .ebx = 0x0000FF00,
          .ecx = CPUID_1_ECX_SSE3 | CPUID_1_ECX_PCLMULQDQ | CPUID_1_ECX_SSSE3 |
                 CPUID_1_ECX_FMA | CPUID_1_ECX_CMPXCHG16B | CPUID_1_ECX_PCID |
                 CPUID_1_ECX_SSE4_1 | CPUID_1_ECX_SSE4_2 | CPUID_1_ECX_MOVBE |
                 CPUID_1_ECX_POPCNT | CPUID_1_ECX_TSC_DEADLINE | CPUID_1_ECX_AESNI |
                 CPUID_1_ECX_XSAVE | CPUID_1_ECX_AVX | CPUID_1_ECX_F16C | CPUID_1_ECX_RDRAND,
          .edx = CPUID_1_EDX_FPU | CPUID_1_EDX_VME | CPUID_1_EDX_DE | CPUID_1_EDX_PSE |
                 CPUID_1_EDX_TSC | CPUID_1_EDX_MSR | CPUID_1_EDX_PAE | CPUID_1_EDX_MCE |
                 CPUID_1_EDX_CX8 | CPUID_1_EDX_SEP | CPUID_1_EDX_MTRR | CPUID_1_EDX_PGE |
                 CPUID_1_EDX_MCA | CPUID_1_EDX_CMOV | CPUID_1_EDX_PAT | CPUID_1_EDX_PSE36 |
                 CPUID_1_EDX_CLFSH | CPUID_1_EDX_MMX | CPUID_1_EDX_FXSR | CPUID_1_EDX_SSE |
                 CPUID_1_EDX_SSE2 | CPUID_1_EDX_SS },
      .set = { .ecx = CPUID_1_ECX_X2APIC | CPUID_1_ECX_HYPERVISOR, .edx = CPUID_1_EDX_APIC } },

    { CPUID_CACHE_DESCRIPTORS, 0, .pass = { ALL, ALL, ALL, ALL } },

    /* EAX: type, level, flags; who shares a cache is computed. */
    { CPUID_CACHE_PARAMETERS, 0, .pass = { 0x3FF, ALL, ALL, 7 } },
    { CPUID_CACHE_PARAMETERS, 1, .pass = { 0x3FF, ALL, ALL, 7 } },
    { CPUID_CACHE_PARAMETERS, 2, .pass = { 0x3FF, ALL, ALL, 7 } },
    { CPUID_CACHE_PARAMETERS, 3, .pass = { 0x3FF, ALL, ALL, 7 } },
    { CPUID_CACHE_PARAMETERS, 4, .pass = { 0x3FF, ALL, ALL, 7 } },

    /* A guest cannot enter a state in which the APIC timer stops. */
    { CPUID_POWER, 0, .set.eax = CPUID_6_EAX_ARAT },

    { CPUID_EXTENDED_FEATURES, 0,
      .pass = {
          .ebx = CPUID_7_EBX_FSGSBASE | CPUID_7_EBX_BMI1 | CPUID_7_EBX_AVX2 |
                 CPUID_7_EBX_FDP_EXCPTN_ONLY | CPUID_7_EBX_SMEP | CPUID_7_EBX_BMI2 |
                 CPUID_7_EBX_ERMS | CPUID_7_EBX_INVPCID | CPUID_7_EBX_FCS_FDS_DEPRECATED |
                 CPUID_7_EBX_AVX512F | CPUID_7_EBX_AVX512DQ | CPUID_7_EBX_RDSEED |
                 CPUID_7_EBX_ADX | CPUID_7_EBX_SMAP | CPUID_7_EBX_AVX512_IFMA |
                 CPUID_7_EBX_CLFLUSHOPT | CPUID_7_EBX_CLWB | CPUID_7_EBX_AVX512PF |
                 CPUID_7_EBX_AVX512ER | CPUID_7_EBX_AVX512CD | CPUID_7_EBX_SHA |
                 CPUID_7_EBX_AVX512BW | CPUID_7_EBX_AVX512VL,
          .ecx = CPUID_7_ECX_AVX512_VBMI | CPUID_7_ECX_UMIP | CPUID_7_ECX_AVX512_VBMI2 |
                 CPUID_7_ECX_GFNI | CPUID_7_ECX_VAES | CPUID_7_ECX_VPCLMULQDQ |
                 CPUID_7_ECX_AVX512_VNNI | CPUID_7_ECX_AVX512_BITALG |
                 CPUID_7_ECX_AVX512_VPOPCNTDQ | CPUID_7_ECX_LA57 | CPUID_7_ECX_RDPID | CPUID_7_ECX_CLDEMOTE |
                 CPUID_7_ECX_MOVDIRI | CPUID_7_ECX_MOVDIR64B,
          .edx = CPUID_7_EDX_AVX512_4VNNIW | CPUID_7_EDX_AVX512_4FMAPS | CPUID_7_EDX_FSRM |
                 CPUID_7_EDX_AVX512_VP2INTERSECT | CPUID_7_EDX_MD_CLEAR |
                 CPUID_7_EDX_SERIALIZE | CPUID_7_EDX_AVX512_FP16 | CPUID_7_EDX_IBRS_IBPB |
                 CPUID_7_EDX_STIBP | CPUID_7_EDX_L1D_FLUSH | CPUID_7_EDX_ARCH_CAPABILITIES |
                 CPUID_7_EDX_SSBD },
      /* hv/guest_tsc.c has the register, whatever the processor has. */
      .set = { .eax = CPUID_FEATURE_COUNT - 1, .ebx = CPUID_7_EBX_TSC_ADJUST } },
    { CPUID_EXTENDED_FEATURES, 1,
      .pass.eax = CPUID_7_1_EAX_AVX_VNNI | CPUID_7_1_EAX_AVX512_BF16 |
                  CPUID_7_1_EAX_FAST_ZERO_REP_MOVSB | CPUID_7_1_EAX_FAST_SHORT_REP_STOSB |
                  CPUID_7_1_EAX_FAST_SHORT_REP_CMPSB | CPUID_7_1_EAX_AVX_IFMA },
    { CPUID_EXTENDED_FEATURES, 2,
      .pass.edx = CPUID_7_2_EDX_SPEC_CTRL_BITS | CPUID_7_2_EDX_MCDT_NO },

    { CPUID_TOPOLOGY, 0, .pass.eax = 0 }, /* computed */
    { CPUID_TOPOLOGY, 1, .pass.eax = 0 },

    /* Sizes and offsets of the components; which of them exist is computed. */
    { CPUID_XSTATE, 0, .pass.eax = XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512 },
    { CPUID_XSTATE, 1,
      .pass.eax = CPUID_D_1_EAX_XSAVEOPT | CPUID_D_1_EAX_XSAVEC | CPUID_D_1_EAX_XGETBV_1 |
                  CPUID_D_1_EAX_XSAVES },
    { CPUID_XSTATE, 2, .pass = { ALL, ALL, CPUID_D_ECX_ALIGN_64, 0 } },
    { CPUID_XSTATE, 5, .pass = { ALL, ALL, CPUID_D_ECX_ALIGN_64, 0 } },
    { CPUID_XSTATE, 6, .pass = { ALL, ALL, CPUID_D_ECX_ALIGN_64, 0 } },
    { CPUID_XSTATE, 7, .pass = { ALL, ALL, CPUID_D_ECX_ALIGN_64, 0 } },

    { CPUID_TSC, 0, .pass = { ALL, ALL, ALL, 0 } },
    { CPUID_FREQUENCY, 0, .pass.eax = 0 }, /* computed */

    { CPUID_HYPERVISOR, 0, .set = { CPUID_HYPERVISOR, 0x6B6C7542, 0x64616568, 0x20205648 } },

    /*
     * KVM's range: Linux keeps the x2APIC on without interrupt remapping only
     * under a hypervisor that it knows (x86_init.hyper.x2apic_available), and
     * would otherwise go back to the xAPIC page, where each EOI is an exit.
     * Of KVM's features there is one, a promise without an interface behind
     * it: port accesses need no delay by a write to port 80h. The hint
     * KVM_HINTS_REALTIME, though true, stays away: with it Linux loads an idle
     * driver that burns the CPU before it halts, and that prints errors when
     * the host's own polling cannot be switched off.
     */
    { CPUID_KVM, 0, .set = { CPUID_KVM + 1, 0x4B4D564B, 0x564B4D56, 0x0000004D } },
    { CPUID_KVM + 1, 0, .set.eax = CPUID_KVM_EAX_NOP_IO_DELAY },

    { CPUID_EXTENDED_MAXIMUM, 0, .set.eax = CPUID_ADDRESS_SIZES },
    /* SYSCALL: shown in every mode, where Intel's show it in 64-bit mode only. */
    { CPUID_EXTENDED_SIGNATURE, 0,
      .pass = { .ecx = CPUID_EXT_1_ECX_LAHF | CPUID_EXT_1_ECX_LZCNT | CPUID_EXT_1_ECX_PREFETCHW,
                .edx = CPUID_EXT_1_EDX_SYSCALL | CPUID_EXT_1_EDX_NX | CPUID_EXT_1_EDX_PAGE_1G |
                       CPUID_EXT_1_EDX_RDTSCP | CPUID_EXT_1_EDX_LM } },
    { CPUID_BRAND_1, 0, .pass = { ALL, ALL, ALL, ALL } },
    { CPUID_BRAND_2, 0, .pass = { ALL, ALL, ALL, ALL } },
    { CPUID_BRAND_3, 0, .pass = { ALL, ALL, ALL, ALL } },
    /* ECX: line size, associativity, size. */
    { CPUID_L2_CACHE, 0, .pass.ecx = 0xFFFFF0FF },
    { CPUID_ADVANCED_POWER, 0, .pass.edx = CPUID_EXT_7_EDX_INVARIANT_TSC },
    /* EAX: physical and linear address width; the latter is computed. */
    { CPUID_ADDRESS_SIZES, 0, .pass.eax = 0xFF },
};

_Static_assert(sizeof rows / sizeof rows[0] == CPUID_QUERY_COUNT, "one host answer per row");

enum need { NEED_XSAVE, NEED_AVX, NEED_AVX512, NEED_RDTSCP, NEED_INVPCID, NEED_XSAVEC, NEED_XSAVES };

/* Bits that are offered only where something else is, too. */
static const struct {
    enum need need;
    uint32_t leaf, subleaf;
    struct cpuid_registers bits;
} needs[] = {
    { NEED_XSAVE, CPUID_FEATURES, 0, .bits.ecx = CPUID_1_ECX_XSAVE },
    { NEED_XSAVE, CPUID_XSTATE, 1, { ALL, ALL, ALL, ALL } },
    { NEED_AVX, CPUID_FEATURES, 0,
      .bits.ecx = CPUID_1_ECX_AVX | CPUID_1_ECX_FMA | CPUID_1_ECX_F16C },
    { NEED_AVX, CPUID_EXTENDED_FEATURES, 0,
      .bits = { .ebx = CPUID_7_EBX_AVX2, .ecx = CPUID_7_ECX_VAES | CPUID_7_ECX_VPCLMULQDQ } },
    { NEED_AVX, CPUID_EXTENDED_FEATURES, 1,
      .bits.eax = CPUID_7_1_EAX_AVX_VNNI | CPUID_7_1_EAX_AVX_IFMA },
    { NEED_AVX, CPUID_XSTATE, 2, { ALL, ALL, ALL, ALL } },
    { NEED_AVX512, CPUID_EXTENDED_FEATURES, 0,
      .bits = {
          .ebx = CPUID_7_EBX_AVX512F | CPUID_7_EBX_AVX512DQ | CPUID_7_EBX_AVX512_IFMA |
                 CPUID_7_EBX_AVX512PF | CPUID_7_EBX_AVX512ER | CPUID_7_EBX_AVX512CD |
                 CPUID_7_EBX_AVX512BW | CPUID_7_EBX_AVX512VL,
          .ecx = CPUID_7_ECX_AVX512_VBMI | CPUID_7_ECX_AVX512_VBMI2 | CPUID_7_ECX_AVX512_VNNI |
                 CPUID_7_ECX_AVX512_BITALG | CPUID_7_ECX_AVX512_VPOPCNTDQ,
          .edx = CPUID_7_EDX_AVX512_4VNNIW | CPUID_7_EDX_AVX512_4FMAPS |
                 CPUID_7_EDX_AVX512_VP2INTERSECT | CPUID_7_EDX_AVX512_FP16 } },
    { NEED_AVX512, CPUID_EXTENDED_FEATURES, 1, .bits.eax = CPUID_7_1_EAX_AVX512_BF16 },
    { NEED_AVX512, CPUID_XSTATE, 5, { ALL, ALL, ALL, ALL } },
    { NEED_AVX512, CPUID_XSTATE, 6, { ALL, ALL, ALL, ALL } },
    { NEED_AVX512, CPUID_XSTATE, 7, { ALL, ALL, ALL, ALL } },
    /* RDPID reads IA32_TSC_AUX, and the same control enables it. */
    { NEED_RDTSCP, CPUID_EXTENDED_FEATURES, 0, .bits.ecx = CPUID_7_ECX_RDPID },
    { NEED_RDTSCP, CPUID_EXTENDED_SIGNATURE, 0, .bits.edx = CPUID_EXT_1_EDX_RDTSCP },
    { NEED_INVPCID, CPUID_EXTENDED_FEATURES, 0, .bits.ebx = CPUID_7_EBX_INVPCID },
    { NEED_XSAVEC, CPUID_XSTATE, 1, .bits.eax = CPUID_D_1_EAX_XSAVEC },
    { NEED_XSAVES, CPUID_XSTATE, 1, .bits.eax = CPUID_D_1_EAX_XSAVES },
};

struct cpuid_query cpuid_query(unsigned index)
{
    return (struct cpuid_query){ rows[index].leaf, rows[index].subleaf };
}

const struct cpuid_registers *cpuid_find(const struct cpuid_table *table, uint32_t leaf,
                                         uint32_t subleaf)
{
    switch (leaf) {
    case CPUID_CACHE_PARAMETERS:
        return subleaf < CPUID_CACHE_COUNT ? &table->cache[subleaf] : NULL;
    case CPUID_EXTENDED_FEATURES:
        return subleaf < CPUID_FEATURE_COUNT ? &table->feature[subleaf] : NULL;
    case CPUID_TOPOLOGY:
        return subleaf < CPUID_TOPOLOGY_COUNT ? &table->topology[subleaf] : NULL;
    case CPUID_XSTATE:
        return subleaf < CPUID_COMPONENT_COUNT ? &table->component[subleaf] : NULL;
    case CPUID_HYPERVISOR:
        return &table->hypervisor;
    }
    if (leaf < CPUID_BASIC_COUNT)
        return &table->basic[leaf];
    if (leaf - CPUID_EXTENDED_MAXIMUM < CPUID_EXTENDED_COUNT)
        return &table->extended[leaf - CPUID_EXTENDED_MAXIMUM];
    if (leaf - CPUID_KVM < CPUID_KVM_COUNT)
        return &table->kvm[leaf - CPUID_KVM];
    return NULL;
}

/* For building: every row has its place. */
static struct cpuid_registers *place(struct cpuid_table *table, uint32_t leaf, uint32_t subleaf)
{
    return (struct cpuid_registers *)cpuid_find(table, leaf, subleaf);
}

static const struct cpuid_registers *host_entry(const struct cpuid_host *host, uint32_t leaf)
{
    for (unsigned i = 0; i < CPUID_QUERY_COUNT; i++)
        if (rows[i].leaf == leaf)
            return &host->entry[i];
    CHECK(false);
    return NULL;
}

/* What the host's processor has in this row: beyond its maximum, nothing. */
static struct cpuid_registers host_values(const struct cpuid_host *host, unsigned index)
{
    uint32_t leaf = rows[index].leaf;
    uint32_t range = leaf & CPUID_EXTENDED_MAXIMUM ? CPUID_EXTENDED_MAXIMUM : CPUID_VENDOR;
    if (leaf > host_entry(host, range)->eax)
        return (struct cpuid_registers){ 0, 0, 0, 0 };
    return host->entry[index];
}

static void apply_rows(struct cpuid_table *table, const struct cpuid_host *host)
{
    for (unsigned i = 0; i < CPUID_QUERY_COUNT; i++) {
        struct cpuid_registers value = host_values(host, i);
        const struct row *row = &rows[i];
        *place(table, row->leaf, row->subleaf) = (struct cpuid_registers){
            .eax = (value.eax & row->pass.eax) | row->set.eax,
            .ebx = (value.ebx & row->pass.ebx) | row->set.ebx,
            .ecx = (value.ecx & row->pass.ecx) | row->set.ecx,
            .edx = (value.edx & row->pass.edx) | row->set.edx,
        };
    }
}

/* SDM Vol. 1, 13.3 "Enabling the XSAVE Feature Set and XSAVE-Enabled Features":
 * AVX goes with SSE, and the three parts of AVX-512 with AVX and each other. */
static uint64_t offered_xcr0(const struct cpuid_table *table)
{
    uint64_t xcr0 = table->component[0].eax;
    bool xsave = table->basic[CPUID_FEATURES].ecx & CPUID_1_ECX_XSAVE;
    if (!xsave || (~xcr0 & (XCR0_X87 | XCR0_SSE)))
        return 0;
    if (!(xcr0 & XCR0_AVX) || !(table->basic[CPUID_FEATURES].ecx & CPUID_1_ECX_AVX))
        return XCR0_X87 | XCR0_SSE;
    if (~xcr0 & XCR0_AVX512)
        xcr0 &= ~XCR0_AVX512;
    return xcr0;
}

static bool fulfilled(enum need need, uint64_t xcr0, const struct cpuid_guest_facts *facts)
{
    switch (need) {
    case NEED_XSAVE: return xcr0 != 0;
    case NEED_AVX: return xcr0 & XCR0_AVX;
    case NEED_AVX512: return xcr0 & XCR0_OPMASK;
    case NEED_RDTSCP: return facts->rdtscp;
    case NEED_INVPCID: return facts->invpcid;
    case NEED_XSAVEC: return facts->xsavec;
    case NEED_XSAVES: return facts->xsaves;
    }
    return false;
}

static void apply_needs(struct cpuid_table *table, const struct cpuid_guest_facts *facts)
{
    for (unsigned i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        if (fulfilled(needs[i].need, table->xcr0, facts))
            continue;
        struct cpuid_registers *at = place(table, needs[i].leaf, needs[i].subleaf);
        at->eax &= ~needs[i].bits.eax;
        at->ebx &= ~needs[i].bits.ebx;
        at->ecx &= ~needs[i].bits.ecx;
        at->edx &= ~needs[i].bits.edx;
    }
}

/* How many bits of an APIC id tell the vCPUs apart. */
static unsigned id_bits(unsigned vcpu_count)
{
    unsigned bits = 0;
    while (bits < 8 && 1u << bits < vcpu_count)
        bits++;
    return bits;
}

/* One package; each vCPU is a core with one thread and caches of its own up to
 * the second level. Leaves 1, 4 and 0Bh must tell the same story. */
static void tell_topology(struct cpuid_table *table, unsigned vcpu_count)
{
    unsigned bits = id_bits(vcpu_count);
    uint32_t ids = 1u << bits;
    struct cpuid_registers *features = &table->basic[CPUID_FEATURES];
    features->ebx |= ids << 16;
    if (vcpu_count > 1)
        features->edx |= CPUID_1_EDX_HTT;

    for (unsigned i = 0; i < CPUID_CACHE_COUNT; i++) {
        struct cpuid_registers *cache = &table->cache[i];
        bool exists = cache->eax & 0x1F;
        bool shared = (cache->eax >> 5 & 7) >= 3;
        if (exists)
            cache->eax |= (ids - 1) << 26 | (shared ? (ids - 1) << 14 : 0);
    }
    table->topology[0] = (struct cpuid_registers){ 0, 1, CPUID_LEVEL_THREAD << 8, 0 };
    table->topology[1] =
        (struct cpuid_registers){ bits, vcpu_count, CPUID_LEVEL_CORE << 8 | 1, 0 };
}

#define XSAVE_LEGACY_AND_HEADER 576u

uint32_t cpuid_xsave_size(const struct cpuid_table *table, uint64_t xcr0, bool compacted)
{
    uint32_t size = XSAVE_LEGACY_AND_HEADER;
    for (unsigned i = 2; i < CPUID_COMPONENT_COUNT; i++) {
        const struct cpuid_registers *component = &table->component[i];
        if (!(xcr0 & BIT(i)))
            continue;
        if (!compacted) {
            if (size < component->ebx + component->eax)
                size = component->ebx + component->eax;
            continue;
        }
        if (component->ecx & CPUID_D_ECX_ALIGN_64)
            size = (uint32_t)align_up(size, 64);
        size += component->eax;
    }
    return size;
}

static void tell_extended_state(struct cpuid_table *table)
{
    table->component[0].eax = (uint32_t)table->xcr0;
    table->component[0].ecx = table->xcr0 ? cpuid_xsave_size(table, table->xcr0, false) : 0;
}

static void tell_linear_addresses(struct cpuid_table *table)
{
    bool la57 = table->feature[0].ecx & CPUID_7_ECX_LA57;
    place(table, CPUID_ADDRESS_SIZES, 0)->eax |= (la57 ? 57u : 48u) << 8;
}

static bool offers(const struct cpuid_table *table, enum cpuid_feature feature)
{
    const struct cpuid_registers *basic = &table->basic[CPUID_FEATURES];
    const struct cpuid_registers *extended = &table->extended[1];
    const struct cpuid_registers *seven = &table->feature[0];
    switch (feature) {
    case FEATURE_ALWAYS: return true;
    case FEATURE_VME: return basic->edx & CPUID_1_EDX_VME;
    case FEATURE_DE: return basic->edx & CPUID_1_EDX_DE;
    case FEATURE_FXSR: return basic->edx & CPUID_1_EDX_FXSR;
    case FEATURE_PCID: return basic->ecx & CPUID_1_ECX_PCID;
    case FEATURE_XSAVE: return basic->ecx & CPUID_1_ECX_XSAVE;
    case FEATURE_TSC_DEADLINE: return basic->ecx & CPUID_1_ECX_TSC_DEADLINE;
    case FEATURE_FSGSBASE: return seven->ebx & CPUID_7_EBX_FSGSBASE;
    case FEATURE_SMEP: return seven->ebx & CPUID_7_EBX_SMEP;
    case FEATURE_SMAP: return seven->ebx & CPUID_7_EBX_SMAP;
    case FEATURE_LA57: return seven->ecx & CPUID_7_ECX_LA57;
    case FEATURE_UMIP: return seven->ecx & CPUID_7_ECX_UMIP;
    case FEATURE_SPEC_CTRL:
        return seven->edx & (CPUID_7_EDX_IBRS_IBPB | CPUID_7_EDX_STIBP | CPUID_7_EDX_SSBD);
    case FEATURE_PRED_CMD: return seven->edx & CPUID_7_EDX_IBRS_IBPB;
    case FEATURE_FLUSH_CMD: return seven->edx & CPUID_7_EDX_L1D_FLUSH;
    case FEATURE_ARCH_CAPABILITIES: return seven->edx & CPUID_7_EDX_ARCH_CAPABILITIES;
    case FEATURE_XSAVES: return table->component[1].eax & CPUID_D_1_EAX_XSAVES;
    case FEATURE_RDTSCP: return extended->edx & CPUID_EXT_1_EDX_RDTSCP;
    case FEATURE_LONG_MODE: return extended->edx & CPUID_EXT_1_EDX_LM;
    case FEATURE_PAGE_1G: return extended->edx & CPUID_EXT_1_EDX_PAGE_1G;
    case FEATURE_COUNT: break;
    }
    return false;
}

static uint32_t offered_features(const struct cpuid_table *table)
{
    uint32_t features = 0;
    for (enum cpuid_feature feature = 0; feature < FEATURE_COUNT; feature++)
        if (offers(table, feature))
            features |= 1u << feature;
    return features;
}

void cpuid_table_build(struct cpuid_table *table, const struct cpuid_host *host,
                       const struct cpuid_guest_facts *facts)
{
    *table = (struct cpuid_table){ .xcr0 = 0 };
    apply_rows(table, host);
    table->xcr0 = offered_xcr0(table);
    apply_needs(table, facts);
    tell_topology(table, facts->vcpu_count);
    tell_extended_state(table);
    tell_linear_addresses(table);
    table->basic[CPUID_TSC] =
        cpuid_frequencies(table->basic[CPUID_TSC], facts->tsc_hz, facts->lapic_timer_hz);
    table->basic[CPUID_FREQUENCY] = cpuid_clock_rate(facts->tsc_hz);
    table->features = offered_features(table);
    table->tsc_adjust_is_zero = facts->tsc_adjust_is_zero;
    table->reserved_address_bits = BIT(52) - BIT(cpuid_physical_address_bits(table));
}

