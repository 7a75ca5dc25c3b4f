/* SPDX-License-Identifier: MIT
 *
 * hv/lapic_page.c: each register of the page, each offset that is none, and
 * accesses of every size and alignment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/lapic_page.h"
#include "tests/fake/apic_vm.h"
#include "tests/fake/reports.h"

static struct vcpu *const vcpu = &apic_vcpus[1];
static struct lapic *const lapic = &apic_vcpus[1].lapic;

static int set_up(void **state)
{
    (void)state;
    apic_vm_make(LAPIC_XAPIC);
    return 0;
}

static uint32_t read(unsigned offset)
{
    return (uint32_t)lapic_page_read(vcpu, offset, 4);
}

static void write(unsigned offset, uint32_t value)
{
    lapic_page_write(vcpu, offset, 4, value);
}

static uint32_t errors(void)
{
    return atomic_exchange(&lapic->errors, 0);
}

/* Registers that the hardware has, and the bits of them that a write changes. */
static const struct { unsigned offset; enum msr msr; uint32_t bits; } native[] = {
    { XAPIC_TPR, IA32_X2APIC_TPR, 0xFF },
    { XAPIC_SIVR, IA32_X2APIC_SIVR, 0x1FF },
    { XAPIC_LVT_TIMER, IA32_X2APIC_LVT_TIMER, 0x500FF }, /* of all ones: deadline mode */
    { XAPIC_INIT_COUNT, IA32_X2APIC_INIT_COUNT, UINT32_MAX },
    { XAPIC_DIV_CONF, IA32_X2APIC_DIV_CONF, 0xB },
    { XAPIC_PPR, IA32_X2APIC_PPR, 0 },
    { XAPIC_CUR_COUNT, IA32_X2APIC_CUR_COUNT, 0 },
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void registers_of_the_hardware_pass_in_both_directions(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT(native); i++) {
        fake_msr_set(native[i].msr, 0x12345678);
        assert_int_equal(read(native[i].offset), 0x12345678);
        fake.record_count = 0;
        write(native[i].offset, native[i].offset == XAPIC_LVT_TIMER ? ~LVT_MASKED : UINT32_MAX);
        assert_int_equal(fake.record_count, native[i].bits != 0);
        uint32_t taken = native[i].bits & ~(native[i].offset == XAPIC_LVT_TIMER ? LVT_MASKED : 0);
        if (native[i].bits)
            assert_int_equal(machine_msr_read(native[i].msr), taken);
    }
    assert_int_equal(errors(), 0);
}

static void pending_and_in_service_are_read_from_the_hardware(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 24; i++) {
        fake_msr_set((enum msr)(IA32_X2APIC_ISR0 + i), 0x1000 + i);
        assert_int_equal(read(XAPIC_ISR0 + 16 * i), 0x1000 + i);
        fake.record_count = 0;
        write(XAPIC_ISR0 + 16 * i, 0);
        assert_int_equal(fake.record_count, 0);
    }
    assert_int_equal(errors(), 0);
}

static void any_value_ends_an_interrupt(void **state)
{
    (void)state;
    write(XAPIC_EOI, 0x12345678);
    assert_int_equal(fake.record_count, 1);
    assert_int_equal(fake.records[0].where, IA32_X2APIC_EOI);
    assert_int_equal(fake.records[0].value, 0);
    assert_int_equal(read(XAPIC_EOI), 0);
}

static void its_identity_cannot_be_written(void **state)
{
    (void)state;
    assert_int_equal(read(XAPIC_ID), 1u << 24);
    assert_int_equal(read(XAPIC_VERSION), 0x50014);
    write(XAPIC_ID, 0x07000000);
    write(XAPIC_VERSION, 0);
    write(XAPIC_APR, 1);
    write(XAPIC_RRD, 1);
    assert_int_equal(read(XAPIC_ID), 1u << 24);
    assert_int_equal(read(XAPIC_VERSION), 0x50014);
    assert_int_equal(read(XAPIC_APR) | read(XAPIC_RRD), 0);
    assert_int_equal(fake.record_count, 0);
    assert_int_equal(errors(), 0);
}

static void logical_destination_registers_keep_their_bits(void **state)
{
    (void)state;
    assert_int_equal(read(XAPIC_LDR), 0);
    assert_int_equal(read(XAPIC_DFR), 0xFFFFFFFF);
    write(XAPIC_LDR, 0x12345678);
    write(XAPIC_DFR, 0);
    assert_int_equal(read(XAPIC_LDR), 0x12000000);
    assert_int_equal(read(XAPIC_DFR), 0x0FFFFFFF);
    assert_int_equal(fake.record_count, 0);
}

static void the_icr_has_two_halves_of_which_the_lower_one_sends(void **state)
{
    (void)state;
    write(XAPIC_ICR_HIGH, 0x02FFFFFF);
    assert_int_equal(fake.record_count, 0);
    assert_int_equal(read(XAPIC_ICR_HIGH), 0x02000000);
    write(XAPIC_ICR_LOW, 0xFFF0D041); /* reserved bits and delivery status: ignored */
    assert_int_equal(apic_reached(FAKE_INTERRUPT, 0x41), 4);
    assert_int_equal(read(XAPIC_ICR_LOW), 0xC041);
    write(XAPIC_ICR_LOW, 0x42);
    assert_int_equal(apic_reached(FAKE_INTERRUPT, 0x42), 4);
}

static void lvt_entries_take_the_bits_that_they_have(void **state)
{
    static const struct { unsigned offset; uint32_t bits; } entries[] = {
        { XAPIC_LVT_THERMAL, 0x107FF }, { XAPIC_LVT_PMI, 0x107FF },
        { XAPIC_LVT_LINT0, 0x1A7FF },   { XAPIC_LVT_LINT1, 0x1A7FF },
        { XAPIC_LVT_ERROR, 0x100FF },
    };
    (void)state;
    for (unsigned i = 0; i < COUNT(entries); i++) {
        assert_int_equal(read(entries[i].offset), LVT_MASKED);
        write(entries[i].offset, UINT32_MAX);
        assert_int_equal(read(entries[i].offset), entries[i].bits);
        write(entries[i].offset, 0);
        assert_int_equal(read(entries[i].offset), 0);
    }
    assert_int_equal(machine_msr_read(IA32_X2APIC_LVT_ERROR), 0);
}

/* Bits 18:17: one-shot, periodic, TSC deadline, and one that is reserved. */
static void the_timer_has_no_mode_that_the_hardware_would_refuse(void **state)
{
    static const uint32_t with_deadline[] = { 0, 1, 2, 2 }, without[] = { 0, 1, 0, 1 };
    (void)state;
    for (uint32_t mode = 0; mode < 4; mode++) {
        write(XAPIC_LVT_TIMER, mode << 17 | 0x41);
        assert_int_equal(machine_msr_read(IA32_X2APIC_LVT_TIMER), with_deadline[mode] << 17 | 0x41);
    }
    apic_vm.cpuid.features &= ~(1u << FEATURE_TSC_DEADLINE);
    for (uint32_t mode = 0; mode < 4; mode++) {
        write(XAPIC_LVT_TIMER, mode << 17 | 0x41);
        assert_int_equal(machine_msr_read(IA32_X2APIC_LVT_TIMER), without[mode] << 17 | 0x41);
    }
}

static void errors_can_be_read_after_a_write_of_the_esr(void **state)
{
    (void)state;
    write(0x40, 0);
    assert_int_equal(read(XAPIC_ESR), 0);
    write(XAPIC_ESR, 0x12345678);
    assert_int_equal(read(XAPIC_ESR), APIC_ERROR_ILLEGAL_REGISTER);
    write(XAPIC_ESR, 0);
    assert_int_equal(read(XAPIC_ESR), 0);
}

/* By hand: SDM Vol. 3A, Table 11-1, without CMCI. */
static bool exists(unsigned offset)
{
    static const uint16_t single[] = { 0x20, 0x30, 0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0, 0xF0,
                                       0x280, 0x300, 0x310, 0x320, 0x330, 0x340, 0x350, 0x360,
                                       0x370, 0x380, 0x390, 0x3E0 };
    for (unsigned i = 0; i < COUNT(single); i++)
        if (offset == single[i])
            return true;
    return offset >= 0x100 && offset < 0x280;
}

static void reserved_registers_are_errors_and_do_nothing(void **state)
{
    (void)state;
    for (unsigned offset = 0; offset < 0x1000; offset += 16) {
        apic_vm_make(LAPIC_XAPIC);
        uint32_t value = read(offset);
        assert_int_equal(errors(), exists(offset) ? 0 : APIC_ERROR_ILLEGAL_REGISTER);
        if (exists(offset))
            continue;
        assert_int_equal(value, 0);
        write(offset, UINT32_MAX);
        assert_int_equal(errors(), APIC_ERROR_ILLEGAL_REGISTER);
        assert_int_equal(fake.record_count, 0);
    }
}

static void a_read_gives_the_bytes_that_lie_in_a_register(void **state)
{
    (void)state;
    assert_int_equal((uint8_t)lapic_page_read(vcpu, XAPIC_ID + 3, 1), 1);
    assert_int_equal((uint16_t)lapic_page_read(vcpu, XAPIC_VERSION + 2, 2), 5);
    assert_int_equal(lapic_page_read(vcpu, XAPIC_VERSION, 8), 0x50014);
    assert_int_equal(lapic_page_read(vcpu, XAPIC_VERSION + 3, 8), 0);
    for (unsigned inside = 4; inside < 16; inside++)
        assert_int_equal(lapic_page_read(vcpu, XAPIC_VERSION + inside, 4), 0);
    assert_int_equal(errors(), 0);
}

static void a_write_that_is_no_aligned_doubleword_is_reported_and_does_nothing(void **state)
{
    static const unsigned sizes[] = { 1, 2, 4, 8 };
    unsigned reported = 0;
    (void)state;
    for (unsigned i = 0; i < COUNT(sizes); i++)
        for (unsigned offset = XAPIC_TPR; offset < 0x1000; offset++) {
            if (sizes[i] == 4 && offset % 16 == 0)
                continue;
            lapic_page_write(vcpu, offset, sizes[i], UINT64_MAX);
            assert_int_equal(fake_reports.denied_count, ++reported);
            assert_int_equal(fake_reports.denied_kind, DENIED_APIC_WRITE);
            assert_int_equal(fake_reports.denied_where, XAPIC_BASE + offset);
        }
    assert_int_equal(fake.record_count, 0);
    assert_int_equal(errors(), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(registers_of_the_hardware_pass_in_both_directions),
        TEST(pending_and_in_service_are_read_from_the_hardware),
        TEST(any_value_ends_an_interrupt),
        TEST(its_identity_cannot_be_written),
        TEST(logical_destination_registers_keep_their_bits),
        TEST(the_icr_has_two_halves_of_which_the_lower_one_sends),
        TEST(lvt_entries_take_the_bits_that_they_have),
        TEST(the_timer_has_no_mode_that_the_hardware_would_refuse),
        TEST(errors_can_be_read_after_a_write_of_the_esr),
        TEST(reserved_registers_are_errors_and_do_nothing),
        TEST(a_read_gives_the_bytes_that_lie_in_a_register),
        TEST(a_write_that_is_no_aligned_doubleword_is_reported_and_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
