/* SPDX-License-Identifier: MIT
 *
 * hv/lapic.c: what a local APIC is after start and INIT, its registers as MSRs,
 * and its errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/cr.h"
#include "hv/lapic_base.h"
#include "hv/lapic_ipi.h"
#include "tests/fake/apic_vm.h"

static struct vcpu *const vcpu = &apic_vcpus[1];
static struct lapic *const lapic = &apic_vcpus[1].lapic;

/* What the hardware found is in its ESR once that was written. */
uint64_t __real_machine_msr_read(enum msr msr);
uint64_t __wrap_machine_msr_read(enum msr msr);
static uint64_t found_by_hardware;

uint64_t __wrap_machine_msr_read(enum msr msr)
{
    return msr == IA32_X2APIC_ESR ? found_by_hardware : __real_machine_msr_read(msr);
}

static int set_up(void **state)
{
    (void)state;
    found_by_hardware = 0;
    apic_vm_make(LAPIC_X2APIC);
    return 0;
}

static uint64_t read(uint32_t msr)
{
    uint64_t value;
    assert_true(lapic_msr_read(vcpu, msr, &value));
    return value;
}

static bool write(uint32_t msr, uint64_t value)
{
    return lapic_msr_write(vcpu, msr, value);
}

/* ---- Begin ---- */

static void assert_reset_in_the_hardware(uint64_t sivr)
{
    assert_int_equal(machine_msr_read(IA32_X2APIC_LVT_TIMER), LVT_MASKED);
    assert_int_equal(machine_msr_read(IA32_X2APIC_INIT_COUNT), 0);
    assert_int_equal(machine_msr_read(IA32_X2APIC_DIV_CONF), 0);
    assert_int_equal(machine_msr_read(IA32_X2APIC_LVT_ERROR), LVT_MASKED);
    assert_int_equal(machine_msr_read(IA32_X2APIC_TPR), 0);
    assert_int_equal(machine_msr_read(IA32_TSC_DEADLINE), 0);
    assert_int_equal(machine_msr_read(IA32_X2APIC_SIVR), sivr);
}

static void make_dirty(void)
{
    assert_true(write(IA32_X2APIC_ICR, 0x100004040));
    for (uint32_t msr = IA32_X2APIC_LVT_THERMAL; msr <= IA32_X2APIC_LVT_ERROR; msr++)
        assert_true(write(msr, 0x41));
    fake_msr_set(IA32_X2APIC_LVT_TIMER, 0x41);
    fake_msr_set(IA32_X2APIC_TPR, 0x50);
    fake_msr_set(IA32_TSC_DEADLINE, 1);
    lapic->ldr = lapic->esr = 5;
    lapic->errors = 5;
    lapic->dfr = DFR_CLUSTER;
}

static void assert_registers_are_reset(void)
{
    assert_int_equal(lapic->icr_low | lapic->icr_high, 0);
    assert_int_equal(lapic->ldr, 0);
    assert_int_equal(lapic->dfr, DFR_FLAT);
    assert_int_equal(lapic->svr, 0xFF);
    assert_int_equal(lapic->esr, 0);
    assert_int_equal(lapic->errors, 0);
    for (unsigned i = 0; i < LAPIC_LVT_COUNT; i++)
        assert_int_equal(lapic->lvt[i], LVT_MASKED);
    assert_reset_in_the_hardware(0xFF);
}

static void an_ap_starts_as_after_power_up_in_xapic_mode(void **state)
{
    (void)state;
    make_dirty();
    lapic_start(vcpu);
    assert_registers_are_reset();
    assert_int_equal(lapic->base, 0xFEE00800);
    assert_int_equal(lapic->page, 0xFEE00000);
    assert_int_equal(lapic->mode, LAPIC_XAPIC);
    assert_int_equal(machine_vmread_64(VMCS_MSR_BITMAP), apic_vm.msr_bitmaps[0].value);
}

static void the_boot_vcpu_starts_as_firmware_leaves_it(void **state)
{
    (void)state;
    lapic_start(&apic_vcpus[0]);
    const struct lapic *boot = &apic_vcpus[0].lapic;
    assert_int_equal(boot->base, 0xFEE00900);
    assert_int_equal(boot->svr, 0x1FF);
    assert_int_equal(boot->lvt[LAPIC_LVT_LINT0], 0x700);
    assert_int_equal(boot->lvt[LAPIC_LVT_LINT1], 0x400);
    assert_int_equal(boot->lvt[LAPIC_LVT_ERROR], LVT_MASKED);
    assert_reset_in_the_hardware(0x1FF);
    assert_true(lapic_takes_extint(boot));
}

static void an_init_keeps_mode_and_base_and_resets_the_rest(void **state)
{
    (void)state;
    make_dirty();
    lapic_init(vcpu);
    assert_registers_are_reset();
    assert_int_equal(lapic->base, 0xFEE00C00);
    assert_int_equal(lapic->mode, LAPIC_X2APIC);
    assert_int_equal(read(IA32_X2APIC_APICID), 1);
}

/* It is not on the bus, as its SVR tells senders. */
static void an_init_opens_no_apic_that_is_disabled(void **state)
{
    (void)state;
    apic_vm_make(LAPIC_DISABLED);
    lapic_init(&apic_vcpus[0]);
    assert_int_equal(apic_vcpus[0].lapic.mode, LAPIC_DISABLED);
    assert_int_equal(apic_vcpus[0].lapic.svr & SIVR_ENABLE, 0);
    fake.record_count = 0;
    lapic_deliver(&apic_vm, 0, false, DELIVERY_FIXED, 0x40);
    lapic_send(vcpu, 0, 0x40);
    assert_int_equal(fake.record_count, 0);
}

/* ---- Registers ---- */

static void its_identity_is_the_vcpus_number(void **state)
{
    uint64_t value;
    (void)state;
    assert_int_equal(read(IA32_X2APIC_APICID), 1);
    assert_int_equal(read(IA32_X2APIC_LDR), 2);
    assert_int_equal(read(IA32_X2APIC_VERSION), 0x50014);
    assert_false(write(IA32_X2APIC_APICID, 1));
    assert_false(write(IA32_X2APIC_LDR, 2));
    assert_false(write(IA32_X2APIC_VERSION, 0x50014));
    assert_false(lapic_msr_read(vcpu, 0x82F, &value)); /* no CMCI */
    assert_false(write(0x82F, LVT_MASKED));
}

static void only_the_error_entry_of_the_lvt_reaches_the_hardware(void **state)
{
    static const uint32_t kept[] = { IA32_X2APIC_LVT_THERMAL, IA32_X2APIC_LVT_PMI,
                                     IA32_X2APIC_LVT_LINT0, IA32_X2APIC_LVT_LINT1 };
    (void)state;
    for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        assert_true(write(kept[i], 0x1400));
        assert_int_equal(read(kept[i]), 0x400); /* delivery status is not writable */
        /* Only the 8259s, which may be waiting, are told. */
        assert_int_equal(fake.record_count, kept[i] == IA32_X2APIC_LVT_LINT0);
        for (unsigned n = 0; n < fake.record_count; n++)
            assert_int_equal(fake.records[n].kind, FAKE_REQUEST);
        fake.record_count = 0;
        assert_false(write(kept[i], 1u << 17));
        assert_false(write(kept[i], 1ull << 32));
    }
    assert_false(write(IA32_X2APIC_LVT_PMI, 1u << 15)); /* level: pins only */
    assert_true(write(IA32_X2APIC_LVT_LINT0, 0xF000));
    assert_int_equal(read(IA32_X2APIC_LVT_LINT0), 0xA000);
    fake.record_count = 0;
    for (uint64_t mode = 0; mode < 8; mode++)
        assert_int_equal(write(IA32_X2APIC_LVT_ERROR, mode << 8 | 0xFE), mode == 0);
    assert_int_equal(fake.record_count, 1);
    assert_int_equal(fake.records[0].where, IA32_X2APIC_LVT_ERROR);
    assert_int_equal(fake.records[0].value, 0xFE);
}

static void disabled_by_software_every_entry_is_masked_and_stays_so(void **state)
{
    (void)state;
    assert_true(write(IA32_X2APIC_LVT_LINT1, 0x400));
    assert_true(write(IA32_X2APIC_SIVR, 0x40));
    assert_int_equal(machine_msr_read(IA32_X2APIC_SIVR), 0x40);
    assert_int_equal(read(IA32_X2APIC_LVT_LINT1), 0x10400);
    assert_true(write(IA32_X2APIC_LVT_LINT1, 0x400));
    assert_int_equal(read(IA32_X2APIC_LVT_LINT1), 0x10400);
    assert_true(write(IA32_X2APIC_LVT_ERROR, 0x41));
    assert_int_equal(machine_msr_read(IA32_X2APIC_LVT_ERROR), 0x10041);
    assert_true(write(IA32_X2APIC_SIVR, 0x140));
    assert_int_equal(read(IA32_X2APIC_LVT_LINT1), 0x10400);
    assert_true(write(IA32_X2APIC_LVT_LINT1, 0x400));
    assert_int_equal(read(IA32_X2APIC_LVT_LINT1), 0x400);
}

static void reserved_bits_of_the_spurious_vector_register_are_gp(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++)
        assert_int_equal(write(IA32_X2APIC_SIVR, BIT(bit) | 0x10), bit <= 8);
}

static void the_icr_reads_as_written_without_its_pending_bit(void **state)
{
    (void)state;
    assert_true(write(IA32_X2APIC_ICR, 0x200005041));
    assert_int_equal(read(IA32_X2APIC_ICR), 0x200004041);
    assert_true(write(IA32_X2APIC_ICR, 0x3000C4800)); /* one that takes the long way */
    assert_int_equal(read(IA32_X2APIC_ICR), 0x3000C4800);
}

static void outside_x2apic_mode_no_msr_but_the_base_is_there(void **state)
{
    uint64_t value;
    (void)state;
    for (unsigned mode = 0; mode < 2; mode++) {
        apic_vm_make(mode ? LAPIC_DISABLED : LAPIC_XAPIC);
        for (uint32_t msr = 0x800; msr <= 0x8FF; msr++) {
            assert_false(lapic_msr_read(vcpu, msr, &value));
            assert_false(write(msr, 0));
        }
        assert_int_equal(read(IA32_APIC_BASE), mode ? 0xFEE00000 : 0xFEE00800);
    }
    assert_int_equal(fake.record_count, 0);
}

static void the_8259s_are_heard_through_lint0_or_a_disabled_apic(void **state)
{
    (void)state;
    for (uint64_t mode = 0; mode < 8; mode++) {
        assert_true(write(IA32_X2APIC_LVT_LINT0, mode << 8));
        assert_int_equal(lapic_takes_extint(lapic), mode == DELIVERY_EXTINT);
        assert_true(write(IA32_X2APIC_LVT_LINT0, mode << 8 | LVT_MASKED));
        assert_false(lapic_takes_extint(lapic));
    }
    assert_true(write(IA32_X2APIC_LVT_LINT0, 0x700));
    assert_true(write(IA32_X2APIC_SIVR, 0xFF));
    assert_false(lapic_takes_extint(lapic));
    assert_true(lapic_base_write(vcpu, 0xFEE00000));
    assert_true(lapic_takes_extint(lapic));
}

/* ---- Errors ---- */

static void errors_can_be_read_after_a_write_of_the_esr(void **state)
{
    (void)state;
    lapic_error(vcpu, APIC_ERROR_SEND_ILLEGAL_VECTOR);
    assert_int_equal(read(IA32_X2APIC_ESR), 0);
    assert_true(write(IA32_X2APIC_ESR, 0));
    assert_int_equal(read(IA32_X2APIC_ESR), 0x20);
    assert_int_equal(read(IA32_X2APIC_ESR), 0x20);
    assert_true(write(IA32_X2APIC_ESR, 0));
    assert_int_equal(read(IA32_X2APIC_ESR), 0);
    assert_false(write(IA32_X2APIC_ESR, 1));
}

static void errors_that_the_hardware_found_are_among_them(void **state)
{
    (void)state;
    lapic_error(vcpu, APIC_ERROR_SEND_ILLEGAL_VECTOR);
    found_by_hardware = APIC_ERROR_RECEIVE_ILLEGAL_VECTOR;
    assert_true(write(IA32_X2APIC_ESR, 0));
    assert_int_equal(fake.records[0].where, IA32_X2APIC_ESR);
    assert_int_equal(fake.records[0].value, 0);
    assert_int_equal(read(IA32_X2APIC_ESR), 0x60);
}

static void an_error_interrupts_once_until_the_esr_is_written(void **state)
{
    (void)state;
    assert_true(write(IA32_X2APIC_LVT_ERROR, 0x51));
    for (unsigned round = 0; round < 3; round++) {
        fake.record_count = 0;
        lapic_error(vcpu, APIC_ERROR_SEND_ILLEGAL_VECTOR);
        assert_int_equal(apic_reached(FAKE_INTERRUPT, 0x51), 2);
        lapic_error(vcpu, APIC_ERROR_RECEIVE_ILLEGAL_VECTOR);
        assert_int_equal(apic_reached(FAKE_INTERRUPT, 0), 0);
        assert_true(write(IA32_X2APIC_ESR, 0));
        assert_int_equal(read(IA32_X2APIC_ESR), 0x60);
    }
}

static void a_masked_error_entry_or_an_illegal_vector_there_interrupts_nobody(void **state)
{
    (void)state;
    assert_true(write(IA32_X2APIC_LVT_ERROR, LVT_MASKED | 0x51));
    fake.record_count = 0;
    lapic_error(vcpu, APIC_ERROR_ILLEGAL_REGISTER);
    assert_int_equal(fake.record_count, 0);
    assert_true(write(IA32_X2APIC_ESR, 0));
    assert_true(write(IA32_X2APIC_LVT_ERROR, 15));
    fake.record_count = 0;
    lapic_error(vcpu, APIC_ERROR_ILLEGAL_REGISTER);
    assert_int_equal(fake.record_count, 0);
    assert_true(write(IA32_X2APIC_ESR, 0));
    assert_int_equal(read(IA32_X2APIC_ESR), 0xC0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_ap_starts_as_after_power_up_in_xapic_mode),
        TEST(the_boot_vcpu_starts_as_firmware_leaves_it),
        TEST(an_init_keeps_mode_and_base_and_resets_the_rest),
        TEST(an_init_opens_no_apic_that_is_disabled),
        TEST(its_identity_is_the_vcpus_number),
        TEST(only_the_error_entry_of_the_lvt_reaches_the_hardware),
        TEST(disabled_by_software_every_entry_is_masked_and_stays_so),
        TEST(reserved_bits_of_the_spurious_vector_register_are_gp),
        TEST(the_icr_reads_as_written_without_its_pending_bit),
        TEST(outside_x2apic_mode_no_msr_but_the_base_is_there),
        TEST(the_8259s_are_heard_through_lint0_or_a_disabled_apic),
        TEST(errors_can_be_read_after_a_write_of_the_esr),
        TEST(errors_that_the_hardware_found_are_among_them),
        TEST(an_error_interrupts_once_until_the_esr_is_written),
        TEST(a_masked_error_entry_or_an_illegal_vector_there_interrupts_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
