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
    static const uint32_t known[] = { 0x10,  0x17,  0x1B,  0x3A,  0x3B,  0x79,  0x8B,  0xCE,
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
    assert_int_equal(value_of(IA32_MTRRCAP) & 0x1FF, 0);
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
    assert_int_equal(value_of(IA32_MTRR_DEF_TYPE), 0x806);
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
        assert_int_equal(writes(IA32_DEBUGCTL, 1ull << bit), bit == 1);
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
        TEST(arch_capabilities_shows_no_bit_that_announces_an_msr),
        TEST(the_local_apic_is_asked_for_its_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
