/* SPDX-License-Identifier: MIT
 *
 * hv/cpuid.c: what a guest sees of a processor that has everything, of one that
 * has next to nothing, and whether Linux computes the right frequencies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/vm.h"
#include "tests/fake/cpuid_host.h"
#include "tests/fake/machine.h"

static struct vm vm;
static struct vcpu vcpu;

static void build(struct cpuid_host host, struct cpuid_guest_facts facts)
{
    fake_reset(0, 0);
    memset(&vcpu, 0, sizeof vcpu);
    vcpu.vm = &vm;
    msr_state_reset(&vcpu.msr);
    vcpu.lapic.cpuid_1_edx = UINT32_MAX;
    cpuid_table_build(&vm.cpuid, &host, &facts);
}

static struct cpuid_registers ask(uint32_t leaf, uint32_t subleaf)
{
    vcpu.gpr[GPR_RAX] = 0xFFFFFFFF00000000 | leaf;
    vcpu.gpr[GPR_RBX] = UINT64_MAX;
    vcpu.gpr[GPR_RCX] = 0xFFFFFFFF00000000 | subleaf;
    vcpu.gpr[GPR_RDX] = UINT64_MAX;
    assert_int_equal(cpuid_exit(&vcpu).kind, VERDICT_ADVANCE);
    for (enum gpr gpr = GPR_RAX; gpr <= GPR_RBX; gpr++)
        assert_int_equal(vcpu.gpr[gpr] >> 32, 0);
    return (struct cpuid_registers){ (uint32_t)vcpu.gpr[GPR_RAX], (uint32_t)vcpu.gpr[GPR_RBX],
                                     (uint32_t)vcpu.gpr[GPR_RCX], (uint32_t)vcpu.gpr[GPR_RDX] };
}

static void assert_zero(struct cpuid_registers registers)
{
    assert_int_equal(registers.eax | registers.ebx | registers.ecx | registers.edx, 0);
}

static void a_guest_never_sees_what_is_hidden(void **state)
{
    (void)state;
    build(fake_cpuid_host_full(), fake_cpuid_facts(1));
    struct cpuid_registers one = ask(CPUID_FEATURES, 0);
    assert_int_equal(one.ecx & (CPUID_1_ECX_VMX | CPUID_1_ECX_SMX | CPUID_1_ECX_MONITOR |
                                CPUID_1_ECX_PDCM | CPUID_1_ECX_EST | CPUID_1_ECX_TM2 |
                                CPUID_1_ECX_DTES64 | CPUID_1_ECX_DS_CPL | CPUID_1_ECX_SDBG), 0);
    assert_int_equal(one.edx & (CPUID_1_EDX_DS | CPUID_1_EDX_ACPI | CPUID_1_EDX_TM |
                                CPUID_1_EDX_PBE), 0);
    struct cpuid_registers seven = ask(CPUID_EXTENDED_FEATURES, 0);
    assert_int_equal(seven.ebx & (CPUID_7_EBX_SGX | CPUID_7_EBX_HLE | CPUID_7_EBX_RTM | CPUID_7_EBX_MPX |
                                  CPUID_7_EBX_PT), 0);
    assert_int_equal(seven.ecx & (CPUID_7_ECX_PKU | CPUID_7_ECX_WAITPKG | CPUID_7_ECX_CET_SS |
                                  1u << 23 | 1u << 29 | 1u << 30 | 1u << 31), 0);
    assert_int_equal(seven.edx & (1u << 5 | 1u << 9 | 1u << 11 | 1u << 13 | 1u << 16 | 1u << 18 |
                                  1u << 19 | CPUID_7_EDX_CET_IBT | 1u << 22 | 1u << 24 |
                                  1u << 25 | 1u << 30), 0);
    assert_int_equal(ask(CPUID_POWER, 0).eax, CPUID_6_EAX_ARAT);
}

#define B(n) (1u << (n))
#define FROM(low, high) (~0u >> (31 - (high)) & ~0u << (low))
#define ANY 0xFFFFFFFFu

/* Written from the manual and the decision what a guest may use: each bit that may be
 * 1 whatever the processor says. SDM Vol. 2A, Table 3-8. A leaf that is not here is 0. */
static const struct { uint32_t leaf, subleaf; struct cpuid_registers may; } visible[] = {
    { 0x0, 0, { 0x16, ANY, ANY, ANY } },
    { 0x1, 0, { FROM(0, 13) | FROM(16, 27), FROM(8, 31),
                B(0) | B(1) | B(9) | B(12) | B(13) | B(17) | FROM(19, 26) | FROM(28, 31),
                FROM(0, 9) | FROM(11, 17) | B(19) | FROM(23, 28) } },
    { 0x2, 0, { ANY, ANY, ANY, ANY } },
    { 0x4, 0, { FROM(0, 9) | FROM(14, 31), ANY, ANY, FROM(0, 2) } },
    { 0x4, 1, { FROM(0, 9) | FROM(14, 31), ANY, ANY, FROM(0, 2) } },
    { 0x4, 2, { FROM(0, 9) | FROM(14, 31), ANY, ANY, FROM(0, 2) } },
    { 0x4, 3, { FROM(0, 9) | FROM(14, 31), ANY, ANY, FROM(0, 2) } },
    { 0x4, 4, { FROM(0, 9) | FROM(14, 31), ANY, ANY, FROM(0, 2) } },
    { 0x6, 0, { .eax = B(2) } },
    { 0x7, 0, { 2,
                B(0) | B(1) | B(3) | FROM(5, 10) | B(13) | FROM(16, 21) | FROM(23, 24) | FROM(26, 31),
                B(1) | B(2) | B(6) | FROM(8, 12) | B(14) | B(16) | B(22) | B(25) | B(27) | B(28),
                FROM(2, 4) | B(8) | B(10) | B(14) | B(23) | FROM(26, 29) | B(31) } },
    { 0x7, 1, { .eax = B(4) | B(5) | FROM(10, 12) | B(23) } },
    { 0x7, 2, { .edx = FROM(0, 5) } },
    { 0xD, 0, { FROM(0, 2) | FROM(5, 7), ANY, ANY, 0 } },
    { 0xD, 1, { .eax = FROM(0, 3), .ebx = ANY } },
    { 0xD, 2, { ANY, ANY, B(1), 0 } },
    { 0xD, 5, { ANY, ANY, B(1), 0 } },
    { 0xD, 6, { ANY, ANY, B(1), 0 } },
    { 0xD, 7, { ANY, ANY, B(1), 0 } },
    { 0x15, 0, { ANY, ANY, ANY, 0 } },
    { 0x16, 0, { FROM(0, 15), FROM(0, 15), 0, 0 } },
    { 0x40000000, 0, { ANY, ANY, ANY, ANY } },
    { 0x40000100, 0, { ANY, ANY, ANY, ANY } },
    { 0x40000101, 0, { .eax = B(1) } },
    { 0x80000000, 0, { .eax = 0x80000008 } },
    { 0x80000001, 0, { .ecx = B(0) | B(5) | B(8), .edx = B(11) | B(20) | B(26) | B(27) | B(29) } },
    { 0x80000002, 0, { ANY, ANY, ANY, ANY } },
    { 0x80000003, 0, { ANY, ANY, ANY, ANY } },
    { 0x80000004, 0, { ANY, ANY, ANY, ANY } },
    { 0x80000006, 0, { .ecx = FROM(0, 7) | FROM(12, 31) } },
    { 0x80000007, 0, { .edx = B(8) } },
    { 0x80000008, 0, { .eax = FROM(0, 15) } },
};

static bool has_subleaves(uint32_t leaf)
{
    return leaf == 4 || leaf == 7 || leaf == 0xB || leaf == 0xD;
}

static struct cpuid_registers may_be_seen(uint32_t leaf, uint32_t subleaf)
{
    if (leaf == 0xB) /* has no bit of the processor's */
        return (struct cpuid_registers){ FROM(0, 4), FROM(0, 15), FROM(0, 15), ANY };
    for (unsigned i = 0; i < sizeof visible / sizeof visible[0]; i++)
        if (visible[i].leaf == leaf && visible[i].subleaf == (has_subleaves(leaf) ? subleaf : 0))
            return visible[i].may;
    return (struct cpuid_registers){ 0, 0, 0, 0 };
}

static void assert_within(struct cpuid_registers is, struct cpuid_registers may)
{
    assert_int_equal(is.eax & ~may.eax, 0);
    assert_int_equal(is.ebx & ~may.ebx, 0);
    assert_int_equal(is.ecx & ~may.ecx, 0);
    assert_int_equal(is.edx & ~may.edx, 0);
}

/* Every leaf up to the maxima and far beyond, of a processor that answers all ones. */
static void no_bit_that_is_not_named_gets_through(void **state)
{
    static const struct { uint32_t first, last; } ranges[] = {
        { 0, 0x60 }, { 0x20000000, 0x20000002 }, { 0x40000000, 0x40000210 },
        { 0x80000000, 0x80000060 }, { 0xC0000000, 0xC0000005 }, { 0xFFFFFFF0, 0xFFFFFFFE },
    };
    struct cpuid_host host;
    (void)state;
    memset(&host, 0xFF, sizeof host);
    for (unsigned count = 1; count <= CONFIG_VCPUS_MAX; count += CONFIG_VCPUS_MAX - 1) {
        build(host, fake_cpuid_facts(count));
        vcpu.index = count - 1;
        for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
            for (uint32_t leaf = ranges[i].first; leaf <= ranges[i].last; leaf++)
                for (uint32_t subleaf = 0; subleaf < 70; subleaf++)
                    assert_within(ask(leaf, subleaf), may_be_seen(leaf, subleaf));
    }
}

static void leaves_that_no_row_names_are_zero(void **state)
{
    static const uint32_t leaves[] = { 3, 5, 8, 9, 0xA, 0xC, 0xE, 0xF, 0x10, 0x12, 0x14,
                                       0x17, 0x19, 0x1F, 0x20, 0x24, 0x3FFFFFFF, 0x40000001,
                                       0x400000FF, 0x40000102, 0x40000200, 0x7FFFFFFF, 0x80000005,
                                       0x80000009, 0x8000001F, 0x80000010, 0xFFFFFFFF };
    (void)state;
    build(fake_cpuid_host_full(), fake_cpuid_facts(1));
    for (unsigned i = 0; i < sizeof leaves / sizeof leaves[0]; i++)
        assert_zero(ask(leaves[i], 0));
    assert_zero(ask(CPUID_EXTENDED_FEATURES, 3));
    assert_zero(ask(CPUID_EXTENDED_FEATURES, UINT32_MAX));
    assert_zero(ask(CPUID_CACHE_PARAMETERS, 5));
    assert_zero(ask(CPUID_XSTATE, 8));
    assert_zero(ask(CPUID_XSTATE, UINT32_MAX));
}

static void a_leaf_beyond_the_hosts_maximum_passes_nothing(void **state)
{
    struct cpuid_host host = fake_cpuid_host_full();
    (void)state;
    for (unsigned i = 0; i < CPUID_QUERY_COUNT; i++) {
        if (cpuid_query(i).leaf == CPUID_VENDOR)
            host.entry[i].eax = 4;
        if (cpuid_query(i).leaf == CPUID_EXTENDED_MAXIMUM)
            host.entry[i].eax = CPUID_EXTENDED_MAXIMUM;
    }
    build(host, fake_cpuid_facts(1));
    assert_int_equal(ask(CPUID_VENDOR, 0).eax, CPUID_FREQUENCY);
    assert_int_equal(ask(CPUID_EXTENDED_FEATURES, 0).ebx, CPUID_7_EBX_TSC_ADJUST); /* emulated */
    assert_int_equal(ask(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_XSAVE, 0);
    assert_zero(ask(CPUID_EXTENDED_SIGNATURE, 0));
}

static void a_bare_processor_still_shows_what_the_platform_adds(void **state)
{
    (void)state;
    build(fake_cpuid_host_bare(), fake_cpuid_facts(1));
    struct cpuid_registers one = ask(CPUID_FEATURES, 0);
    assert_int_equal(one.ecx, CPUID_1_ECX_X2APIC | CPUID_1_ECX_HYPERVISOR);
    assert_int_equal(one.edx, CPUID_1_EDX_APIC);
    assert_zero(ask(CPUID_XSTATE, 0));
    assert_int_equal(cpuid_physical_address_bits(&vm.cpuid), 39);
}

static void five_levels_of_paging_go_with_57_bits_of_linear_addresses(void **state)
{
    (void)state;
    build(fake_cpuid_host_full(), fake_cpuid_facts(1));
    assert_true(ask(CPUID_EXTENDED_FEATURES, 0).ecx & CPUID_7_ECX_LA57);
    assert_int_equal(ask(CPUID_ADDRESS_SIZES, 0).eax, 57 << 8 | 46);
    build(fake_cpuid_host_bare(), fake_cpuid_facts(1));
    assert_false(ask(CPUID_EXTENDED_FEATURES, 0).ecx & CPUID_7_ECX_LA57);
    assert_int_equal(ask(CPUID_ADDRESS_SIZES, 0).eax, 48 << 8 | 39);
}

static void a_feature_goes_with_the_control_that_enables_it(void **state)
{
    struct cpuid_guest_facts facts = fake_cpuid_facts(1);
    (void)state;
    build(fake_cpuid_host_full(), facts);
    assert_true(cpuid_has(&vm.cpuid, FEATURE_RDTSCP) && cpuid_has(&vm.cpuid, FEATURE_XSAVES));
    assert_true(ask(CPUID_EXTENDED_FEATURES, 0).ebx & CPUID_7_EBX_INVPCID);
    assert_true(ask(CPUID_EXTENDED_FEATURES, 0).ecx & CPUID_7_ECX_RDPID);
    facts.rdtscp = facts.invpcid = facts.xsaves = false;
    build(fake_cpuid_host_full(), facts);
    assert_false(cpuid_has(&vm.cpuid, FEATURE_RDTSCP) || cpuid_has(&vm.cpuid, FEATURE_XSAVES));
    assert_false(ask(CPUID_EXTENDED_FEATURES, 0).ebx & CPUID_7_EBX_INVPCID);
    assert_false(ask(CPUID_EXTENDED_FEATURES, 0).ecx & CPUID_7_ECX_RDPID);
}

static void an_xsavec_that_does_not_keep_its_format_is_not_offered(void **state)
{
    struct cpuid_guest_facts facts = fake_cpuid_facts(1);
    (void)state;
    build(fake_cpuid_host_full(), facts);
    assert_true(ask(CPUID_XSTATE, 1).eax & CPUID_D_1_EAX_XSAVEC);
    facts.xsavec = facts.xsaves = false;
    build(fake_cpuid_host_full(), facts);
    assert_false(ask(CPUID_XSTATE, 1).eax & (CPUID_D_1_EAX_XSAVEC | CPUID_D_1_EAX_XSAVES));
    assert_true(ask(CPUID_XSTATE, 1).eax & CPUID_D_1_EAX_XSAVEOPT);
}

static struct cpuid_host host_with_xcr0(uint32_t xcr0)
{
    struct cpuid_host host = fake_cpuid_host_full();
    for (unsigned i = 0; i < CPUID_QUERY_COUNT; i++)
        if (cpuid_query(i).leaf == CPUID_XSTATE && cpuid_query(i).subleaf == 0)
            host.entry[i].eax = xcr0;
    return host;
}

static void vector_extensions_are_offered_only_with_their_state(void **state)
{
    (void)state;
    build(host_with_xcr0(0xFF), fake_cpuid_facts(1));
    assert_int_equal(vm.cpuid.xcr0, XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512);
    assert_true(ask(CPUID_EXTENDED_FEATURES, 0).ebx & CPUID_7_EBX_AVX512F);

    /* two thirds of AVX-512 are none of it */
    build(host_with_xcr0(0x67), fake_cpuid_facts(1));
    assert_int_equal(vm.cpuid.xcr0, XCR0_X87 | XCR0_SSE | XCR0_AVX);
    assert_false(ask(CPUID_EXTENDED_FEATURES, 0).ebx & CPUID_7_EBX_AVX512F);
    assert_true(ask(CPUID_EXTENDED_FEATURES, 0).ebx & CPUID_7_EBX_AVX2);

    build(host_with_xcr0(0xE3), fake_cpuid_facts(1));
    assert_int_equal(vm.cpuid.xcr0, XCR0_X87 | XCR0_SSE);
    assert_false(ask(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_AVX);
    assert_false(ask(CPUID_EXTENDED_FEATURES, 0).ebx & (CPUID_7_EBX_AVX2 | CPUID_7_EBX_AVX512F));
    assert_true(ask(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_XSAVE);

    build(host_with_xcr0(1), fake_cpuid_facts(1));
    assert_int_equal(vm.cpuid.xcr0, 0);
    assert_false(ask(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_XSAVE);
    assert_zero(ask(CPUID_XSTATE, 1));
}

static void the_size_of_the_xsave_area_follows_xcr0(void **state)
{
    (void)state;
    build(fake_cpuid_host_full(), fake_cpuid_facts(1));
    assert_int_equal(ask(CPUID_XSTATE, 0).ebx, 576);
    assert_int_equal(ask(CPUID_XSTATE, 0).ecx, 2688);
    assert_int_equal(ask(CPUID_XSTATE, 1).ebx, 576);
    vcpu.msr.xcr0 = 7;
    assert_int_equal(ask(CPUID_XSTATE, 0).ebx, 832);
    assert_int_equal(ask(CPUID_XSTATE, 1).ebx, 832);
    vcpu.msr.xcr0 = 0xE7;
    assert_int_equal(ask(CPUID_XSTATE, 0).ebx, 2688);
    assert_int_equal(ask(CPUID_XSTATE, 1).ebx, 576 + 256 + 64 + 512 + 1024);
}

static void osxsave_mirrors_cr4(void **state)
{
    (void)state;
    build(fake_cpuid_host_full(), fake_cpuid_facts(1));
    assert_false(ask(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_OSXSAVE);
    machine_vmwrite_natural(VMCS_GUEST_CR4, CR4_OSXSAVE);
    assert_true(ask(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_OSXSAVE);
}

static void a_disabled_local_apic_is_not_offered_but_its_x2apic_mode_is(void **state)
{
    (void)state;
    build(fake_cpuid_host_full(), fake_cpuid_facts(1));
    struct cpuid_registers on = ask(CPUID_FEATURES, 0);
    vcpu.lapic.cpuid_1_edx = ~(uint32_t)CPUID_1_EDX_APIC;
    struct cpuid_registers off = ask(CPUID_FEATURES, 0);
    assert_int_equal(on.edx ^ off.edx, CPUID_1_EDX_APIC);
    assert_true(off.ecx & CPUID_1_ECX_X2APIC);
}

/* The story that leaves 1, 4 and 0Bh tell, read as Linux reads it. */
static void each_vcpu_is_a_core_of_one_package(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= CONFIG_VCPUS_MAX; count++)
        for (unsigned index = 0; index < count; index++) {
            build(fake_cpuid_host_full(), fake_cpuid_facts(count));
            vcpu.index = index;
            struct cpuid_registers one = ask(CPUID_FEATURES, 0);
            assert_int_equal(one.ebx >> 24, index);
            assert_int_equal(!!(one.edx & CPUID_1_EDX_HTT), count > 1);
            unsigned ids = one.ebx >> 16 & 0xFF;
            assert_true(ids >= count && ids < 2 * count);

            struct cpuid_registers threads = ask(CPUID_TOPOLOGY, 0);
            struct cpuid_registers cores = ask(CPUID_TOPOLOGY, 1);
            assert_int_equal(threads.eax, 0);
            assert_int_equal(threads.ebx, 1);
            assert_int_equal(threads.ecx, CPUID_LEVEL_THREAD << 8);
            assert_int_equal(threads.edx, index);
            assert_int_equal(1u << cores.eax, ids);
            assert_int_equal(cores.ebx, count);
            assert_int_equal(cores.ecx, CPUID_LEVEL_CORE << 8 | 1);
            assert_int_equal(cores.edx, index);
            assert_int_equal(index >> cores.eax, 0);
            assert_int_equal(ask(CPUID_TOPOLOGY, 2).ecx, 2);
            assert_int_equal(ask(CPUID_TOPOLOGY, 2).ebx, 0);
            assert_int_equal(ask(CPUID_TOPOLOGY, 2).edx, index);

            assert_int_equal(ask(CPUID_CACHE_PARAMETERS, 0).eax >> 26, ids - 1);
            assert_int_equal(ask(CPUID_CACHE_PARAMETERS, 2).eax >> 14 & 0xFFF, 0);
            assert_int_equal(ask(CPUID_CACHE_PARAMETERS, 3).eax >> 14 & 0xFFF, ids - 1);
            assert_int_equal(ask(CPUID_CACHE_PARAMETERS, 4).eax, 0);
        }
}

/* native_calibrate_tsc() of Linux 6.1, in its 32 bits. */
static uint32_t linux_tsc_khz(void)
{
    struct cpuid_registers told = ask(CPUID_TSC, 0);
    uint32_t crystal_khz = told.ecx / 1000;
    assert_true(ask(CPUID_VENDOR, 0).eax >= CPUID_TSC);
    if (!told.eax || !told.ebx || !crystal_khz)
        return 0;
    assert_true((uint64_t)crystal_khz * told.ebx <= UINT32_MAX);
    return crystal_khz * told.ebx / told.eax;
}

static void linux_learns_the_frequencies_without_calibrating(void **state)
{
    static const struct { uint64_t tsc, lapic; uint32_t apart_khz; } machines[] = {
        { 100000000, 100000000, 0 },   /* Bochs */
        { 100000080, 99999920, 0 },    /* measured a little off */
        { 2904000000, 24000000, 0 },
        { 3600000000, 100000000, 0 },
        { 2711999000, 24000000, 1 },
        { 2903997123, 99999991, 1 },
        { 4200000000, 38400000, 0 },
        { 1999999999, 1000000000, 1 },
        { 5000000000, 66666666, 1 },
        { 1000000000, 19200000, 0 },
        { 3342387000, 65536000, 1 },   /* the nearest fraction would be 2^32 / 1285 */
    };
    struct cpuid_guest_facts facts = fake_cpuid_facts(1);
    (void)state;
    for (unsigned i = 0; i < sizeof machines / sizeof machines[0]; i++) {
        facts.tsc_hz = machines[i].tsc;
        facts.lapic_timer_hz = machines[i].lapic;
        build(fake_cpuid_host_full(), facts);
        uint32_t expected = (uint32_t)((machines[i].tsc + 500) / 1000);
        uint32_t crystal = (uint32_t)((machines[i].lapic + 500) / 1000);
        uint32_t told = ask(CPUID_TSC, 0).ecx / 1000;
        assert_in_range(linux_tsc_khz(), expected - machines[i].apart_khz,
                        expected + machines[i].apart_khz);
        assert_in_range(told, crystal - 5, crystal + 5);
        /* cpu_khz_from_cpuid(): not 0, and within a tenth of the TSC's */
        assert_in_range(ask(CPUID_FREQUENCY, 0).eax, expected / 1000, expected / 1000 + 1);
    }
    facts.tsc_hz = facts.lapic_timer_hz = 100000000;
    build(fake_cpuid_host_full(), facts);
    assert_int_equal(ask(CPUID_TSC, 0).eax, 1);
    assert_int_equal(ask(CPUID_TSC, 0).ebx, 1);
}

static void any_frequency_is_told_within_three_parts_in_a_million(void **state)
{
    struct cpuid_guest_facts facts = fake_cpuid_facts(1);
    uint64_t seed = 1;
    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        facts.tsc_hz = 800000000 + (seed >> 32) % 4400000000;
        facts.lapic_timer_hz = 19000000 + (seed >> 16) % 181000000;
        build(fake_cpuid_host_full(), facts);
        uint32_t expected = (uint32_t)(facts.tsc_hz / 1000);
        assert_in_range(linux_tsc_khz(), expected - expected / 300000 - 2,
                        expected + expected / 300000 + 2);
    }
}

static void set_native_tsc_leaf(struct cpuid_host *host, struct cpuid_registers value)
{
    for (unsigned i = 0; i < CPUID_QUERY_COUNT; i++)
        if (cpuid_query(i).leaf == CPUID_TSC)
            host->entry[i] = value;
}

static void a_complete_native_leaf_15_passes_if_it_is_true(void **state)
{
    struct cpuid_host host = fake_cpuid_host_full();
    struct cpuid_guest_facts facts = fake_cpuid_facts(1);
    (void)state;
    facts.tsc_hz = 2904000000;
    facts.lapic_timer_hz = 23999000;
    set_native_tsc_leaf(&host, (struct cpuid_registers){ 2, 242, 24000000, 0 });
    build(host, facts);
    assert_int_equal(ask(CPUID_TSC, 0).ecx, 24000000);
    assert_int_equal(ask(CPUID_TSC, 0).ebx, 242);

    facts.tsc_hz = 2000000000; /* not what it claims */
    build(host, facts);
    assert_int_equal(ask(CPUID_TSC, 0).ecx, 23999000);
    assert_in_range(linux_tsc_khz(), 1999995, 2000005);
}

static void the_hypervisor_leaves_name_bulkhead_and_a_kvm_without_services(void **state)
{
    (void)state;
    build(fake_cpuid_host_full(), fake_cpuid_facts(1));
    struct cpuid_registers own = ask(CPUID_HYPERVISOR, 0);
    assert_int_equal(own.eax, CPUID_HYPERVISOR);
    assert_memory_equal(&own.ebx, "BulkheadHV  ", 12);
    struct cpuid_registers kvm = ask(CPUID_KVM, 0);
    assert_int_equal(kvm.eax, CPUID_KVM + 1);
    assert_memory_equal(&kvm.ebx, "KVMKVMKVM\0\0\0", 12);
    struct cpuid_registers features = ask(CPUID_KVM + 1, 0);
    assert_int_equal(features.eax, CPUID_KVM_EAX_NOP_IO_DELAY);
    assert_int_equal(features.ebx | features.ecx | features.edx, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_never_sees_what_is_hidden),
        cmocka_unit_test(no_bit_that_is_not_named_gets_through),
        cmocka_unit_test(leaves_that_no_row_names_are_zero),
        cmocka_unit_test(a_leaf_beyond_the_hosts_maximum_passes_nothing),
        cmocka_unit_test(a_bare_processor_still_shows_what_the_platform_adds),
        cmocka_unit_test(five_levels_of_paging_go_with_57_bits_of_linear_addresses),
        cmocka_unit_test(a_feature_goes_with_the_control_that_enables_it),
        cmocka_unit_test(an_xsavec_that_does_not_keep_its_format_is_not_offered),
        cmocka_unit_test(vector_extensions_are_offered_only_with_their_state),
        cmocka_unit_test(the_size_of_the_xsave_area_follows_xcr0),
        cmocka_unit_test(osxsave_mirrors_cr4),
        cmocka_unit_test(a_disabled_local_apic_is_not_offered_but_its_x2apic_mode_is),
        cmocka_unit_test(each_vcpu_is_a_core_of_one_package),
        cmocka_unit_test(linux_learns_the_frequencies_without_calibrating),
        cmocka_unit_test(any_frequency_is_told_within_three_parts_in_a_million),
        cmocka_unit_test(a_complete_native_leaf_15_passes_if_it_is_true),
        cmocka_unit_test(the_hypervisor_leaves_name_bulkhead_and_a_kvm_without_services),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
