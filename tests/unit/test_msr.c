/* SPDX-License-Identifier: MIT
 *
 * hv/msr.c: the hardware's bitmap against a list kept by hand, and each
 * emulated register by what a guest observes of it.
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
#include "tests/fake/reports.h"

static struct vm vm;
static struct vcpu vcpu;
static uint8_t bitmaps[MSR_BITMAP_COUNT][MSR_BITMAP_SIZE];

static void set_up(struct cpuid_host host)
{
    struct cpuid_guest_facts facts = fake_cpuid_facts(1);
    fake_reset(0, 0);
    fake_reports_reset();
    memset(&vm, 0, sizeof vm);
    memset(&vcpu, 0, sizeof vcpu);
    vcpu.vm = &vm;
    vm.vcpu_count = 1;
    vm.vcpus[0] = &vcpu;
    cpuid_table_build(&vm.cpuid, &host, &facts);
    msr_state_reset(&vcpu.msr);
    vcpu.lapic.mode = LAPIC_X2APIC;
    vcpu.lapic.base = XAPIC_BASE | APIC_BASE_EN | APIC_BASE_EXTD | APIC_BASE_BSP;
    for (unsigned kind = 0; kind < MSR_BITMAP_COUNT; kind++)
        msr_bitmap_build(bitmaps[kind], &vm.cpuid, kind);
}

static int set_up_full(void **state)
{
    (void)state;
    set_up(fake_cpuid_host_full());
    return 0;
}

#define RIP 0x1234

static bool reads(uint32_t msr, uint64_t *value)
{
    vcpu.gpr[GPR_RCX] = 0xABCD00000000 | msr;
    machine_vmwrite_natural(VMCS_GUEST_RIP, RIP);
    struct verdict verdict = msr_read_exit(&vcpu);
    *value = vcpu.gpr[GPR_RDX] << 32 | vcpu.gpr[GPR_RAX];
    if (verdict.kind == VERDICT_ADVANCE)
        return true;
    assert_int_equal(verdict.kind, VERDICT_INJECT);
    assert_int_equal(verdict.vector, VECTOR_GP);
    assert_true(verdict.has_error_code && verdict.error_code == 0);
    assert_int_equal(fake_reports.denied_kind, DENIED_MSR_READ);
    assert_int_equal(fake_reports.denied_where, msr);
    assert_int_equal(fake_reports.denied_rip, RIP);
    return false;
}

static bool writes(uint32_t msr, uint64_t value)
{
    vcpu.gpr[GPR_RCX] = 0xABCD00000000 | msr;
    vcpu.gpr[GPR_RAX] = 0xABCD00000000 | (uint32_t)value;
    vcpu.gpr[GPR_RDX] = 0xABCD00000000 | value >> 32;
    struct verdict verdict = msr_write_exit(&vcpu);
    if (verdict.kind == VERDICT_ADVANCE)
        return true;
    assert_int_equal(verdict.kind, VERDICT_INJECT);
    assert_int_equal(verdict.vector, VECTOR_GP);
    assert_int_equal(fake_reports.denied_kind, DENIED_MSR_WRITE);
    assert_int_equal(fake_reports.denied_where, msr);
    return false;
}

static uint64_t value_of(uint32_t msr)
{
    uint64_t value;
    assert_true(reads(msr, &value));
    return value;
}

/* SDM Vol. 3C, 25.6.9: where the bit of an MSR is. */
static bool is_set(const uint8_t *of, uint32_t msr, bool write)
{
    unsigned base = (write ? 2048 : 0) + (msr >= 0xC0000000 ? 1024 : 0);
    unsigned bit = msr & 0x1FFF;
    return of[base + bit / 8] >> bit % 8 & 1;
}

static bool exits(uint32_t msr, bool write)
{
    return is_set(bitmaps[MSR_BITMAP_X2APIC], msr, write);
}

struct passed { uint32_t first, last; bool read, write; };

/* By hand, from the decision what a guest owns on its CPU. */
static const struct passed passed_on_a_full_host[] = {
    { 0x10, 0x10, true, false },       { 0x3B, 0x3B, true, false },
    { 0x48, 0x49, true, true },
    { 0x10B, 0x10B, true, true },      { 0x174, 0x176, true, true },
    { 0x277, 0x277, true, true },      { 0x6E0, 0x6E0, true, true },
    { 0x808, 0x808, true, true },      { 0x80A, 0x80B, true, true },
    { 0x80F, 0x80F, true, false },     { 0x810, 0x827, true, true },
    { 0x832, 0x832, true, true },      { 0x838, 0x839, true, true },      { 0x83E, 0x83F, true, true },
    { 0xC0000080, 0xC0000084, true, true }, { 0xC0000100, 0xC0000103, true, true },
};

static bool is_passed(uint32_t msr, bool write)
{
    for (unsigned i = 0; i < sizeof passed_on_a_full_host / sizeof passed_on_a_full_host[0]; i++) {
        const struct passed *row = &passed_on_a_full_host[i];
        if (msr >= row->first && msr <= row->last)
            return write ? row->write : row->read;
    }
    return false;
}

static void the_bitmap_intercepts_exactly_what_the_rows_say(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 0x4000; i++) {
        uint32_t msr = i < 0x2000 ? i : 0xC0000000 + (i - 0x2000);
        assert_int_equal(exits(msr, false), !is_passed(msr, false));
        assert_int_equal(exits(msr, true), !is_passed(msr, true));
    }
}

static void with_a_level_in_service_its_end_and_the_trigger_modes_exit_as_well(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 0x4000; i++) {
        uint32_t msr = i < 0x2000 ? i : 0xC0000000 + (i - 0x2000);
        bool trigger_mode = msr >= 0x818 && msr <= 0x81F;
        assert_int_equal(is_set(bitmaps[MSR_BITMAP_LEVEL], msr, false),
                         trigger_mode || exits(msr, false));
        assert_int_equal(is_set(bitmaps[MSR_BITMAP_LEVEL], msr, true),
                         msr == 0x80B || exits(msr, true));
    }
    assert_int_equal(value_of(0x818), 0);
    assert_true(writes(0x80B, 0));
    assert_false(writes(0x80B, 1));
}

static void outside_x2apic_mode_every_register_of_the_x2apic_exits_and_is_gp(void **state)
{
    uint64_t value;
    (void)state;
    for (uint32_t i = 0; i < 0x4000; i++) {
        uint32_t msr = i < 0x2000 ? i : 0xC0000000 + (i - 0x2000);
        bool x2apic = msr >= 0x800 && msr <= 0x8FF;
        assert_int_equal(is_set(bitmaps[MSR_BITMAP_OTHER], msr, false),
                         x2apic || exits(msr, false));
        assert_int_equal(is_set(bitmaps[MSR_BITMAP_OTHER], msr, true),
                         x2apic || exits(msr, true));
    }
    for (unsigned mode = LAPIC_XAPIC; mode <= LAPIC_DISABLED; mode++)
        for (uint32_t msr = 0x800; msr <= 0x8FF && mode != LAPIC_X2APIC; msr++) {
            vcpu.lapic.mode = (enum lapic_mode)mode;
            assert_false(reads(msr, &value));
            assert_false(writes(msr, 0));
        }
    assert_int_equal(fake.record_count, 0);
}

static void a_host_without_features_passes_none_of_their_registers(void **state)
{
    static const uint32_t gone[] = { 0x48, 0x49, 0x10B, 0x6E0, 0xC0000103 };
    (void)state;
    set_up(fake_cpuid_host_bare());
    for (unsigned i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        uint64_t value;
        assert_true(exits(gone[i], false) && exits(gone[i], true));
        assert_false(reads(gone[i], &value));
        assert_false(writes(gone[i], 0));
    }
    uint64_t value;
    assert_false(reads(IA32_ARCH_CAPABILITIES, &value));
    assert_false(reads(IA32_XSS, &value));
}

/* All 2^32 numbers: each of the hardware's two ranges one by one, the rest by
 * its borders and by samples. */
static void an_msr_that_no_row_names_is_gp_for_reads_and_writes(void **state)
{
    static const uint32_t known[] = { 0x250, 0x258, 0x259, 0x268, 0x269, 0x26A, 0x26B, 0x26C, 0x26D,
                                      0x26E, 0x26F, 0x2A,  0x10,  0x17,  0x1B,  0x3A,  0x3B,  0x79,  0x8B,  0xCE,
                                      0xFE,  0x10A, 0x140, 0x179, 0x17A, 0x1A0, 0x1D9,
                                      0x2FF, 0x802, 0x803, 0x80D, 0x828, 0x830, 0x833, 0x834,
                                      0x835, 0x836, 0x837, 0xDA0 };
    (void)state;
    for (uint32_t i = 0; i < 0x4000 + 4096; i++) {
        uint32_t msr = i < 0x2000 ? i : i < 0x4000 ? 0xC0000000 + (i - 0x2000)
                                                   : 0x2000 + (i - 0x4000) * 0xBFFFE;
        uint64_t value;
        bool named = is_passed(msr, false) || is_passed(msr, true);
        for (unsigned j = 0; j < sizeof known / sizeof known[0]; j++)
            named = named || known[j] == msr;
        if (named)
            continue;
        assert_false(reads(msr, &value));
        assert_false(writes(msr, 0));
    }
    uint64_t value;
    assert_false(reads(0xFFFFFFFF, &value) || reads(0x40000000, &value));
    assert_false(reads(0xBFFFFFFF, &value) || reads(0xC0002000, &value));
}

static void a_register_that_kernels_probe_for_is_gp_without_a_warning(void **state)
{
    static const uint32_t probed[] = { 0x34, 0x4E, 0x606, 0x64E, 0xC0011029 };
    uint64_t value;
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        assert_false(reads(probed[i], &value));
    assert_int_equal(fake_reports.denied_count, 5);
    assert_int_equal(fake_reports.expected_count, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_false(writes(probed[i], 0));
    assert_int_equal(fake_reports.denied_count, 10);
    assert_int_equal(fake_reports.expected_count, 5);
}

/* What the hardware compares the deadline with, and what it has in IA32_TSC_ADJUST,
 * is the machine's. */
static void a_moved_tsc_makes_what_depends_on_it_exit_and_nothing_else(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 0x4000 * MSR_BITMAP_TSC_MOVED; i++) {
        uint32_t msr = i % 0x4000 < 0x2000 ? i % 0x2000 : 0xC0000000 + i % 0x2000;
        unsigned kind = i / 0x4000;
        bool clock = msr == 0x3B || msr == 0x6E0;
        for (unsigned write = 0; write < 2; write++)
            assert_int_equal(is_set(bitmaps[kind + MSR_BITMAP_TSC_MOVED], msr, write),
                             clock || is_set(bitmaps[kind], msr, write));
    }
}

static void the_hardwares_tsc_adjust_is_read_only_where_it_is_zero(void **state)
{
    (void)state;
    vm.cpuid.tsc_adjust_is_zero = false;
    for (unsigned kind = 0; kind < MSR_BITMAP_COUNT; kind++) {
        msr_bitmap_build(bitmaps[kind], &vm.cpuid, kind);
        assert_true(is_set(bitmaps[kind], 0x3B, false));
        assert_true(is_set(bitmaps[kind], 0x3B, true));
        assert_false(is_set(bitmaps[kind], 0x10, false));
    }
    assert_int_equal(value_of(IA32_TSC_ADJUST), 0);
}

static void the_bitmap_follows_the_mode_of_the_apic_and_the_tsc(void **state)
{
    static const struct { enum lapic_mode mode; unsigned levels; uint64_t offset, bitmap; } cases[] = {
        { LAPIC_XAPIC, 0, 0, 0x1000 },  { LAPIC_DISABLED, 0, 0, 0x1000 },
        { LAPIC_XAPIC, 1, 0, 0x1000 },  { LAPIC_X2APIC, 0, 0, 0x2000 },
        { LAPIC_X2APIC, 1, 0, 0x3000 }, { LAPIC_XAPIC, 0, 1, 0x4000 },
        { LAPIC_X2APIC, 0, 1, 0x5000 }, { LAPIC_X2APIC, 3, 1, 0x6000 },
        { LAPIC_DISABLED, 0, 1ull << 63, 0x4000 },
    };
    (void)state;
    for (unsigned i = 0; i < MSR_BITMAP_COUNT; i++)
        vm.msr_bitmaps[i] = HPA(0x1000 * (i + 1));
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vcpu.lapic.mode = cases[i].mode;
        vcpu.lapic.level_count = cases[i].levels;
        vcpu.msr.tsc_offset = cases[i].offset;
        msr_bitmap_choose(&vcpu);
        assert_int_equal(machine_vmread_64(VMCS_MSR_BITMAP), cases[i].bitmap);
    }
}

static void the_registers_of_the_tsc_are_asked_for_by_their_numbers(void **state)
{
    (void)state;
    fake.tsc = 1000;
    assert_true(writes(IA32_TSC, 5000));
    assert_int_equal(value_of(IA32_TSC_ADJUST), 4000);
    assert_true(writes(IA32_TSC_ADJUST, 7000));
    assert_int_equal(value_of(IA32_TSC_ADJUST), 7000);
    assert_true(writes(IA32_TSC_DEADLINE, 8500)); /* the guest's clock says 8000 */
    assert_int_equal(machine_msr_read(IA32_TSC_DEADLINE), 1500);
    assert_int_equal(value_of(IA32_TSC_DEADLINE), 8500);
    assert_int_equal(fake_reports.denied_count, 0);
}

static void registers_of_the_platform_have_fixed_values(void **state)
{
    (void)state;
    assert_int_equal(value_of(IA32_PLATFORM_ID), 0);
    assert_int_equal(value_of(IA32_FEATURE_CONTROL), FEATURE_CONTROL_LOCK);
    assert_int_equal(value_of(IA32_BIOS_SIGN_ID), 0);
    assert_int_equal(value_of(IA32_MTRRCAP), 0x500); /* fixed ranges and WC, none variable */
    assert_int_equal(value_of(IA32_MCG_CAP), 0);
    assert_int_equal(value_of(IA32_MCG_STATUS), 0);
    assert_int_equal(value_of(MSR_PLATFORM_INFO), 0);
    assert_int_equal(value_of(IA32_XSS), 0);
    assert_int_equal(fake_reports.denied_count, 0);

    assert_true(writes(IA32_BIOS_SIGN_ID, 0));
    assert_true(writes(IA32_XSS, 0));
    assert_int_equal(fake_reports.denied_count, 0);
    assert_false(writes(IA32_XSS, 1));
    assert_false(writes(IA32_FEATURE_CONTROL, 5));
    assert_false(writes(IA32_MTRRCAP, 0));
    assert_true(writes(IA32_BIOS_UPDT_TRIG, 0x100000));
}

static void the_default_memory_type_is_remembered_if_it_is_one(void **state)
{
    (void)state;
    assert_int_equal(value_of(IA32_MTRR_DEF_TYPE), 0xC06);
    assert_true(writes(IA32_MTRR_DEF_TYPE, 0));
    assert_int_equal(value_of(IA32_MTRR_DEF_TYPE), 0);
    for (uint64_t type = 0; type < 256; type++)
        assert_int_equal(writes(IA32_MTRR_DEF_TYPE, 0xC00 | type),
                         type == 0 || type == 1 || type == 4 || type == 5 || type == 6);
    assert_false(writes(IA32_MTRR_DEF_TYPE, 0x1006));
    assert_false(writes(IA32_MTRR_DEF_TYPE, 1ull << 32));
    assert_int_equal(value_of(IA32_MTRR_DEF_TYPE), 0xC06);
}

static void of_misc_enable_only_fast_strings_can_change(void **state)
{
    (void)state;
    uint64_t value = value_of(IA32_MISC_ENABLE);
    assert_int_equal(value, 0x1801);
    assert_true(writes(IA32_MISC_ENABLE, value & ~1ull));
    assert_int_equal(value_of(IA32_MISC_ENABLE), 0x1800);
    for (unsigned bit = 1; bit < 64; bit++)
        assert_false(writes(IA32_MISC_ENABLE, value ^ 1ull << bit));
}

static void of_debugctl_only_single_step_on_branches_can_be_set(void **state)
{
    (void)state;
    assert_true(writes(IA32_DEBUGCTL, 2));
    assert_int_equal(machine_vmread_64(VMCS_GUEST_IA32_DEBUGCTL), 2);
    assert_int_equal(value_of(IA32_DEBUGCTL), 2);
    for (unsigned bit = 0; bit < 64; bit++)
        assert_int_equal(writes(IA32_DEBUGCTL, 1ull << bit), bit <= 1);
}

static void branch_records_can_be_turned_on_without_effect(void **state)
{
    (void)state;
    assert_true(writes(IA32_DEBUGCTL, 3));
    assert_int_equal(value_of(IA32_DEBUGCTL), 2);
    assert_int_equal(machine_vmread_64(VMCS_GUEST_IA32_DEBUGCTL), 2);
    assert_int_equal(fake_reports.denied_count, 1);
}

static const uint32_t fixed_ranges[] = { 0x250, 0x258, 0x259, 0x268, 0x269, 0x26A, 0x26B,
                                         0x26C, 0x26D, 0x26E, 0x26F };
#define FIXED_RANGES (sizeof fixed_ranges / sizeof fixed_ranges[0])

static void each_fixed_range_is_remembered_by_itself_if_all_its_types_are_types(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXED_RANGES; i++)
        assert_int_equal(value_of(fixed_ranges[i]),
                         fixed_ranges[i] == 0x259 ? 0 : 0x0606060606060606);
    for (unsigned i = 0; i < FIXED_RANGES; i++)
        assert_true(writes(fixed_ranges[i], 0x0001040506000100 + 0x10000000000 * (i % 2)));
    for (unsigned i = 0; i < FIXED_RANGES; i++)
        assert_int_equal(value_of(fixed_ranges[i]), 0x0001040506000100 + 0x10000000000 * (i % 2));
    for (unsigned byte = 0; byte < 8; byte++)
        for (uint64_t type = 0; type < 256; type++)
            assert_int_equal(writes(0x26B, type << 8 * byte),
                             type == 0 || type == 1 || type == 4 || type == 5 || type == 6);
    assert_false(writes(0x251, 0) || writes(0x257, 0) || writes(0x25A, 0) || writes(0x270, 0));
}

/*
 * What kernels touch at boot, on a processor that has everything: Linux 6,
 * FreeBSD, NetBSD, OpenBSD, Haiku and Xen by their sources, Windows by what other
 * hypervisors found that it needs. P: no exit, V: this value, G: #GP(0), T: taken.
 *
 * Where reads are #GP(0), each of them asks before, and the answer is no: CPUID, as
 * far as nothing else is said, or MTRRCAP, MCG_CAP and ARCH_CAPABILITIES; or it asks
 * for models older than any that can run this; or it survives the fault.
 */
static const struct {
    uint32_t msr;
    char read;
    uint64_t value;
    char write;
    uint64_t written;
} touched[] = {
    { 0x10, 'P', 0, 'T', 1ull << 40 },         /* TSC */
    { 0x17, 'V', 0, 'G', 0 },                  /* PLATFORM_ID: for microcode */
    { 0x1B, 'V', 0xFEE00D00, 'G', 0xFEE00900 }, /* APIC_BASE: not back from x2APIC */
    { 0x2A, 'V', 0, 'T', 0 },                  /* EBL_CR_POWERON */
    { 0x2C, 'G', 0, 'G', 0 },                  /* EBC_FREQUENCY_ID: NetBurst's */
    { 0x33, 'G', 0, 'G', 0 },                  /* TEST_CTRL: no CORE_CAPABILITIES */
    { 0x34, 'G', 0, 'G', 0 },                  /* SMI_COUNT: Linux asks safely */
    { 0x3A, 'V', 1, 'G', 5 },                  /* FEATURE_CONTROL: Windows, without asking CPUID */
    { 0x3B, 'P', 0, 'T', 0 },                  /* TSC_ADJUST */
    { 0x48, 'P', 0, 'P', 0 },                  /* SPEC_CTRL */
    { 0x49, 'P', 0, 'P', 0 },                  /* PRED_CMD */
    { 0x4E, 'G', 0, 'G', 0 },                  /* PPIN_CTL: Linux asks safely */
    { 0x79, 'G', 0, 'T', 0x100000 },           /* BIOS_UPDT_TRIG */
    { 0x8B, 'V', 0, 'T', 0 },                  /* BIOS_SIGN_ID: 0 is written before */
    { 0xC1, 'G', 0, 'G', 0 },                  /* PMC0: leaf 0Ah is empty */
    { 0xCD, 'G', 0, 'G', 0 },                  /* FSB_FREQ: BSDs, up to Core 2 and Bonnell */
    { 0xCE, 'V', 0, 'G', 0 },                  /* PLATFORM_INFO */
    { 0xCF, 'G', 0, 'G', 0 },                  /* CORE_CAPABILITIES */
    { 0xE2, 'G', 0, 'G', 0 },                  /* PKG_CST_CONFIG_CONTROL: no MWAIT */
    { 0xE7, 'G', 0, 'G', 0 },                  /* MPERF: leaf 6 has none */
    { 0xE8, 'G', 0, 'G', 0 },                  /* APERF */
    { 0xEE, 'G', 0, 'G', 0 },                  /* a temperature: OpenBSD, on Core Duo */
    { 0xFE, 'V', 0x500, 'G', 0 },              /* MTRRCAP */
    { 0x10A, 'V', 0, 'G', 0 },                 /* ARCH_CAPABILITIES */
    { 0x10B, 'P', 0, 'P', 0 },                 /* FLUSH_CMD */
    { 0x119, 'G', 0, 'G', 0 },                 /* BBL_CR_CTL: no serial number */
    { 0x122, 'G', 0, 'G', 0 },                 /* TSX_CTRL: not among the capabilities */
    { 0x123, 'G', 0, 'G', 0 },                 /* MCU_OPT_CTRL */
    { 0x130, 'G', 0, 'G', 0 },                 /* masks of CPUID: Xen asks safely */
    { 0x140, 'V', 0, 'T', 0 },                 /* MISC_FEATURE_ENABLES */
    { 0x174, 'P', 0, 'P', 0 },                 /* SYSENTER_CS */
    { 0x175, 'P', 0, 'P', 0 },                 /* SYSENTER_ESP */
    { 0x176, 'P', 0, 'P', 0 },                 /* SYSENTER_EIP */
    { 0x179, 'V', 0, 'G', 0 },                 /* MCG_CAP: no bank */
    { 0x17A, 'V', 0, 'T', 0 },                 /* MCG_STATUS */
    { 0x17B, 'G', 0, 'G', 0 },                 /* MCG_CTL: MCG_CAP has none */
    { 0x186, 'G', 0, 'G', 0 },                 /* PERFEVTSEL0 */
    { 0x198, 'G', 0, 'G', 0 },                 /* PERF_STATUS: no EST */
    { 0x199, 'G', 0, 'G', 0 },                 /* PERF_CTL */
    { 0x19A, 'G', 0, 'G', 0 },                 /* CLOCK_MODULATION: no ACPI bit */
    { 0x19B, 'G', 0, 'G', 0 },                 /* THERM_INTERRUPT */
    { 0x19C, 'G', 0, 'G', 0 },                 /* THERM_STATUS */
    { 0x19D, 'G', 0, 'G', 0 },                 /* THERM2_CTL: NetBSD, no TM */
    { 0x1A0, 'V', 0x1801, 'T', 0x1801 },       /* MISC_ENABLE */
    { 0x1A2, 'G', 0, 'G', 0 },                 /* TEMPERATURE_TARGET */
    { 0x1AD, 'G', 0, 'G', 0 },                 /* TURBO_RATIO_LIMIT */
    { 0x1B0, 'G', 0, 'G', 0 },                 /* ENERGY_PERF_BIAS: leaf 6 has none */
    { 0x1C9, 'G', 0, 'G', 0 },                 /* LASTBRANCH_TOS */
    { 0x1D9, 'V', 0, 'T', 0 },                 /* DEBUGCTL */
    { 0x1FC, 'G', 0, 'G', 0 },                 /* POWER_CTL */
    { 0x200, 'G', 0, 'G', 0 },                 /* MTRR_PHYSBASE0: MTRRCAP has none */
    { 0x250, 'V', 0x0606060606060606, 'T', 0x0606060606060606 }, /* MTRR_FIX64K_00000: NetBSD */
    { 0x277, 'P', 0, 'P', 0 },                 /* PAT */
    { 0x280, 'G', 0, 'G', 0 },                 /* MC0_CTL2 */
    { 0x2FF, 'V', 0xC06, 'T', 0xC06 },         /* MTRR_DEF_TYPE */
    { 0x345, 'G', 0, 'G', 0 },                 /* PERF_CAPABILITIES: no PDCM */
    { 0x38D, 'G', 0, 'G', 0 },                 /* FIXED_CTR_CTRL */
    { 0x38F, 'G', 0, 'G', 0 },                 /* PERF_GLOBAL_CTRL */
    { 0x400, 'G', 0, 'G', 0 },                 /* MC0_CTL */
    { 0x480, 'G', 0, 'G', 0 },                 /* VMX_BASIC */
    { 0x560, 'G', 0, 'G', 0 },                 /* RTIT_OUTPUT_BASE */
    { 0x606, 'G', 0, 'G', 0 },                 /* RAPL_POWER_UNIT: Linux asks safely */
    { 0x64E, 'G', 0, 'G', 0 },                 /* PPERF */
    { 0x6A0, 'G', 0, 'G', 0 },                 /* U_CET */
    { 0x6E0, 'P', 0, 'P', 0 },                 /* TSC_DEADLINE */
    { 0x770, 'G', 0, 'G', 0 },                 /* PM_ENABLE */
    { 0x982, 'G', 0, 'G', 0 },                 /* TME_ACTIVATE */
    { 0xC80, 'G', 0, 'G', 0 },                 /* DEBUG_INTERFACE: OpenBSD, no SDBG */
    { 0xC8F, 'G', 0, 'G', 0 },                 /* PQR_ASSOC */
    { 0xDA0, 'V', 0, 'T', 0 },                 /* XSS */
    { 0x40000000, 'G', 0, 'G', 0 },            /* Hyper-V's: leaf 40000000h is not its */
    { 0x4B564D01, 'G', 0, 'G', 0 },            /* KVM's clock: its leaf has none */
    { 0xC0000080, 'P', 0, 'P', 0 },            /* EFER */
    { 0xC0000081, 'P', 0, 'P', 0 },            /* STAR */
    { 0xC0000082, 'P', 0, 'P', 0 },            /* LSTAR */
    { 0xC0000083, 'P', 0, 'P', 0 },            /* CSTAR */
    { 0xC0000084, 'P', 0, 'P', 0 },            /* FMASK */
    { 0xC0000100, 'P', 0, 'P', 0 },            /* FS_BASE */
    { 0xC0000101, 'P', 0, 'P', 0 },            /* GS_BASE */
    { 0xC0000102, 'P', 0, 'P', 0 },            /* KERNEL_GS_BASE */
    { 0xC0000103, 'P', 0, 'P', 0 },            /* TSC_AUX */
    { 0xC0010015, 'G', 0, 'G', 0 },            /* AMD's HWCR, and what follows: probed */
    { 0xC0010058, 'G', 0, 'G', 0 },            /* MMIO_CONF_BASE */
    { 0xC0011029, 'G', 0, 'G', 0 },            /* DE_CFG */
};

static void what_kernels_touch_is_as_they_expect(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof touched / sizeof touched[0]; i++) {
        uint32_t msr = touched[i].msr;
        uint64_t value;
        bool has_bit = msr < 0x2000 || msr - 0xC0000000 < 0x2000;
        assert_int_equal(!has_bit || exits(msr, false), touched[i].read != 'P');
        assert_int_equal(!has_bit || exits(msr, true), touched[i].write != 'P');
        if (touched[i].read == 'V')
            assert_int_equal(value_of(msr), touched[i].value);
        if (touched[i].read == 'G')
            assert_false(reads(msr, &value));
        if (touched[i].write != 'P')
            assert_int_equal(writes(msr, touched[i].written), touched[i].write == 'T');
    }
}

/* Of these, kernels ask nobody, and a fault would stop their boot: on any processor
 * that can run this, however old or new. */
static void what_kernels_read_without_asking_is_there(void **state)
{
    static const struct { uint32_t msr; const char *by; } asked[] = {
        { 0x17, "microcode drivers: Linux, FreeBSD, OpenBSD, NetBSD" },
        { 0x1B, "all with a local APIC" },
        { 0x2A, "NetBSD and OpenBSD for i386: the bus clock" },
        { 0x3A, "Windows" },
        { 0x8B, "all: the microcode's revision" },
        { 0xFE, "all: MTRR is offered" },
        { 0x179, "all: MCA is offered" },
        { 0x17A, "their handlers of machine checks" },
        { 0x1A0, "all, for the limit of CPUID and fast strings" },
        { 0x1D9, "Linux: single steps on branches" },
        { 0x250, "NetBSD, without asking MTRRCAP" },
        { 0x259, "NetBSD" },
        { 0x26F, "NetBSD" },
        { 0x277, "all: PAT is offered" },
        { 0x2FF, "all: MTRR is offered" },
        { 0xC0000080, "all for 64 bits" },
    };
    const unsigned count = sizeof asked / sizeof asked[0];

    (void)state;
    for (unsigned i = 0; i < 2 * count; i++) {
        uint32_t msr = asked[i % count].msr;
        uint64_t value;
        if (i % count == 0)
            set_up(i == 0 ? fake_cpuid_host_full() : fake_cpuid_host_bare());
        if (exits(msr, false) && !reads(msr, &value))
            fail_msg("MSR %x: %s", msr, asked[i % count].by);
    }
}

/* Of an MSR that nobody misses there is a line at level debug only. */
static void amds_registers_are_probed_for(void **state)
{
    uint64_t value;
    (void)state;
    assert_false(reads(0xC000FFFF, &value) || reads(0xC0012000, &value));
    assert_int_equal(fake_reports.expected_count, 0);
    assert_false(reads(0xC0010000, &value) || reads(0xC0011FFF, &value));
    assert_int_equal(fake_reports.expected_count, 2);
}

static void arch_capabilities_shows_no_bit_that_announces_an_msr(void **state)
{
    (void)state;
    fake_msr_set(IA32_ARCH_CAPABILITIES, UINT64_MAX);
    uint64_t value = value_of(IA32_ARCH_CAPABILITIES);
    assert_true(value & 1);
    /* TSX_CTRL, MISC_PACKAGE_CTLS, ENERGY_FILTERING_CTL, DOITM, FB_CLEAR_CTRL,
     * XAPIC_DISABLE_STATUS, OVERCLOCKING_STATUS, GDS_CTRL */
    assert_int_equal(value & (1ull << 7 | 1ull << 10 | 1ull << 11 | 1ull << 12 | 1ull << 18 |
                              1ull << 21 | 1ull << 23 | 1ull << 25), 0);
    assert_int_equal(value >> 29, 0);
    assert_false(writes(IA32_ARCH_CAPABILITIES, 0));
}

static void the_local_apic_is_asked_for_its_registers(void **state)
{
    (void)state;
    vcpu.index = 3;
    assert_int_equal(value_of(IA32_APIC_BASE), 0xFEE00D00);
    assert_int_equal(value_of(IA32_X2APIC_APICID), 3);
    assert_false(writes(IA32_X2APIC_APICID, 3));
    assert_false(writes(IA32_APIC_BASE, XAPIC_BASE | APIC_BASE_EN));
    assert_true(writes(IA32_X2APIC_ICR, 0));
    assert_false(writes(IA32_X2APIC_ICR, 1 << 20));
    assert_int_equal(fake_reports.denied_count, 3);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_full)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_bitmap_intercepts_exactly_what_the_rows_say),
        TEST(with_a_level_in_service_its_end_and_the_trigger_modes_exit_as_well),
        TEST(outside_x2apic_mode_every_register_of_the_x2apic_exits_and_is_gp),
        TEST(a_host_without_features_passes_none_of_their_registers),
        TEST(an_msr_that_no_row_names_is_gp_for_reads_and_writes),
        TEST(a_register_that_kernels_probe_for_is_gp_without_a_warning),
        TEST(a_moved_tsc_makes_what_depends_on_it_exit_and_nothing_else),
        TEST(the_hardwares_tsc_adjust_is_read_only_where_it_is_zero),
        TEST(the_bitmap_follows_the_mode_of_the_apic_and_the_tsc),
        TEST(the_registers_of_the_tsc_are_asked_for_by_their_numbers),
        TEST(registers_of_the_platform_have_fixed_values),
        TEST(the_default_memory_type_is_remembered_if_it_is_one),
        TEST(of_misc_enable_only_fast_strings_can_change),
        TEST(of_debugctl_only_single_step_on_branches_can_be_set),
        TEST(branch_records_can_be_turned_on_without_effect),
        TEST(each_fixed_range_is_remembered_by_itself_if_all_its_types_are_types),
        TEST(what_kernels_touch_is_as_they_expect),
        TEST(what_kernels_read_without_asking_is_there),
        TEST(amds_registers_are_probed_for),
        TEST(arch_capabilities_shows_no_bit_that_announces_an_msr),
        TEST(the_local_apic_is_asked_for_its_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
