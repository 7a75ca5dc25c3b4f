/* SPDX-License-Identifier: MIT
 *
 * hv/lapic_base.c: every change of mode against the manual's drawing, the bits
 * of IA32_APIC_BASE, and what a change keeps and loses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/cr.h"
#include "hv/lapic_base.h"
#include "hv/lapic_page.h"
#include "tests/fake/apic_vm.h"

#define PHYSICAL_BITS 46 /* tests/fake/cpuid_host.h */
#define FLAGS(en, extd) ((en ? APIC_BASE_EN : 0) | (extd ? APIC_BASE_EXTD : 0))

static struct vcpu *const vcpu = &apic_vcpus[1];
static struct lapic *const lapic = &apic_vcpus[1].lapic;

static int set_up(void **state)
{
    (void)state;
    apic_vm_make(LAPIC_XAPIC);
    return 0;
}

/* SDM Vol. 3A, Figure 11-27: rows from, columns to, by EN and EXTD. */
static void modes_change_as_the_manual_draws_it(void **state)
{
    static const uint64_t values[] = { XAPIC_BASE, XAPIC_BASE | FLAGS(1, 0),
                                       XAPIC_BASE | FLAGS(1, 1), XAPIC_BASE | FLAGS(0, 1) };
    static const enum lapic_mode modes[] = { LAPIC_DISABLED, LAPIC_XAPIC, LAPIC_X2APIC };
    static const bool allowed[3][4] = {
        { true, true, false, false },
        { true, true, true, false },
        { true, false, true, false },
    };
    (void)state;
    for (unsigned from = 0; from < 3; from++)
        for (unsigned to = 0; to < 4; to++) {
            apic_vm_make(modes[from]);
            assert_int_equal(lapic_base_write(vcpu, values[to]), allowed[from][to]);
            unsigned now = allowed[from][to] ? to : from;
            assert_int_equal(lapic->mode, modes[now]);
            assert_int_equal(lapic->base, values[now]);
            assert_int_equal(lapic->cpuid_1_edx, now == 0 ? ~(1u << 9) : ~0u);
            assert_int_equal(lapic->page, now == 1 ? XAPIC_BASE : LAPIC_NO_PAGE);
            assert_int_equal(machine_vmread_64(VMCS_MSR_BITMAP),
                             apic_vm.msr_bitmaps[now == 2 ? MSR_BITMAP_X2APIC : 0].value);
        }
}

static void reserved_bits_are_gp(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        bool reserved = bit < 8 || bit == 9 || bit >= PHYSICAL_BITS;
        bool flag = bit == 10 || bit == 11; /* other modes */
        if (!flag)
            assert_int_equal(lapic_base_write(vcpu, (XAPIC_BASE | APIC_BASE_EN) ^ BIT(bit)),
                             !reserved);
    }
}

static void the_boot_flag_is_what_was_written(void **state)
{
    (void)state;
    assert_true(lapic_base_write(vcpu, XAPIC_BASE | APIC_BASE_EN | APIC_BASE_BSP));
    assert_int_equal(lapic->base, 0xFEE00900);
}

static void the_page_moves_anywhere_but_over_memory(void **state)
{
    (void)state;
    assert_true(lapic_base_write(vcpu, IOAPIC_BASE | APIC_BASE_EN));
    assert_int_equal(lapic->page, IOAPIC_BASE);
    assert_true(lapic_base_write(vcpu, (BIT(PHYSICAL_BITS) - 0x1000) | APIC_BASE_EN));
    for (uint64_t at = 0; at < APIC_VM_RAM; at += 0x1000)
        assert_false(lapic_base_write(vcpu, at | APIC_BASE_EN));
    assert_int_equal(lapic->page, BIT(PHYSICAL_BITS) - 0x1000);
    assert_true(lapic_base_write(vcpu, APIC_VM_RAM | APIC_BASE_EN));
    assert_false(lapic_base_write(vcpu, 0)); /* nor while it has no page */
    assert_int_equal(lapic->mode, LAPIC_XAPIC);
}

static void disabling_takes_away_what_was_pending_and_resets(void **state)
{
    unsigned drained = 0;
    (void)state;
    lapic_page_write(vcpu, XAPIC_LVT_LINT0, 4, 0x700);
    lapic_page_write(vcpu, XAPIC_LDR, 4, 0xFF000000);
    lapic_page_write(vcpu, XAPIC_TPR, 4, 0x40);
    fake.record_count = 0;
    assert_true(lapic_base_write(vcpu, XAPIC_BASE));
    for (unsigned i = 0; i < fake.record_count; i++)
        drained += fake.records[i].kind == FAKE_DRAIN;
    assert_int_equal(drained, 1);
    assert_int_equal(fake.records[0].kind, FAKE_DRAIN);
    assert_int_equal(machine_msr_read(IA32_X2APIC_TPR), 0);
    assert_int_equal(machine_msr_read(IA32_X2APIC_SIVR), 0xFF);

    assert_true(lapic_base_write(vcpu, XAPIC_BASE | APIC_BASE_EN));
    assert_int_equal(lapic_page_read(vcpu, XAPIC_LVT_LINT0, 4), LVT_MASKED);
    assert_int_equal(lapic_page_read(vcpu, XAPIC_LDR, 4), 0);
    assert_int_equal(lapic_page_read(vcpu, XAPIC_SIVR, 4), 0xFF);
    assert_int_equal(lapic_page_read(vcpu, XAPIC_ID, 4), 1u << 24);
}

static void disabling_a_disabled_apic_does_nothing(void **state)
{
    (void)state;
    assert_true(lapic_base_write(vcpu, XAPIC_BASE));
    fake.record_count = 0;
    assert_true(lapic_base_write(vcpu, XAPIC_BASE + 0x1000));
    assert_int_equal(fake.record_count, 0);
}

static void x2apic_mode_keeps_all_but_the_upper_half_of_the_icr(void **state)
{
    uint64_t value;
    (void)state;
    lapic_page_write(vcpu, XAPIC_ICR_HIGH, 4, 0x03000000);
    lapic_page_write(vcpu, XAPIC_ICR_LOW, 4, 0x4041);
    lapic_page_write(vcpu, XAPIC_LVT_LINT1, 4, 0x400);
    lapic_page_write(vcpu, XAPIC_TPR, 4, 0x40);
    assert_true(lapic_base_write(vcpu, XAPIC_BASE | FLAGS(1, 1)));
    assert_true(lapic_msr_read(vcpu, IA32_X2APIC_ICR, &value));
    assert_int_equal(value, 0x4041);
    assert_true(lapic_msr_read(vcpu, IA32_X2APIC_LVT_LINT1, &value));
    assert_int_equal(value, 0x400);
    assert_int_equal(machine_msr_read(IA32_X2APIC_TPR), 0x40);
    assert_int_equal(machine_msr_read(IA32_X2APIC_SIVR), 0x1FF);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(modes_change_as_the_manual_draws_it),
        TEST(reserved_bits_are_gp),
        TEST(the_boot_flag_is_what_was_written),
        TEST(the_page_moves_anywhere_but_over_memory),
        TEST(disabling_takes_away_what_was_pending_and_resets),
        TEST(disabling_a_disabled_apic_does_nothing),
        TEST(x2apic_mode_keeps_all_but_the_upper_half_of_the_icr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
