/* SPDX-License-Identifier: MIT
 *
 * hv/lapic_ipi.c: where interrupts of a guest go, in each mode and model of
 * destinations, and that none leaves it, for any value of the interrupt command
 * register.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/lapic_base.h"
#include "hv/lapic_ipi.h"
#include "hv/lapic_page.h"
#include "tests/fake/apic_vm.h"
#include "tests/fake/reports.h"

#define SENDER 1
static struct vcpu *const sender = &apic_vcpus[SENDER];

static int set_up(void **state)
{
    (void)state;
    apic_vm_make(LAPIC_X2APIC);
    return 0;
}

static int set_up_xapic(void **state)
{
    (void)state;
    apic_vm_make(LAPIC_XAPIC);
    return 0;
}

/* ---- In x2APIC mode ---- */

static unsigned icr_reaches(uint64_t destination, uint64_t low, enum fake_record_kind kind,
                            uint64_t value)
{
    assert_true(lapic_icr_write(sender, destination << 32 | low));
    return apic_reached(kind, value);
}

static unsigned fixed_reaches(uint64_t destination, uint64_t flags)
{
    return icr_reaches(destination, 0x40 | flags, FAKE_INTERRUPT, 0x40);
}

static void a_physical_destination_is_one_vcpu_or_none(void **state)
{
    (void)state;
    for (uint64_t id = 0; id < APIC_VCPUS; id++)
        assert_int_equal(fixed_reaches(id, 0), 1u << id);
    assert_int_equal(fixed_reaches(APIC_VCPUS, 0), 0);
    assert_int_equal(fixed_reaches(0xFF, 0), 0);
    assert_int_equal(fixed_reaches(0x80000000, 0), 0);
    assert_int_equal(fixed_reaches(X2APIC_BROADCAST, 0), 0xF);
}

static void a_logical_destination_is_a_set_of_one_cluster(void **state)
{
    (void)state;
    for (uint64_t set = 0; set < 0x10000; set += 0x111)
        assert_int_equal(fixed_reaches(set, ICR_LOGICAL), set & 0xF);
    assert_int_equal(fixed_reaches(0x1000F, ICR_LOGICAL), 0);
    assert_int_equal(fixed_reaches(X2APIC_BROADCAST, ICR_LOGICAL), 0xF);
    for (unsigned i = 0; i < APIC_VCPUS; i++) {
        uint64_t ldr;
        assert_true(lapic_msr_read(&apic_vcpus[i], IA32_X2APIC_LDR, &ldr));
        assert_int_equal(fixed_reaches(ldr, ICR_LOGICAL), 1u << i);
    }
}

static void a_shorthand_ignores_the_destination(void **state)
{
    (void)state;
    assert_int_equal(fixed_reaches(3, 1 << ICR_SHORTHAND_SHIFT), 1u << SENDER);
    assert_int_equal(fixed_reaches(3, 2 << ICR_SHORTHAND_SHIFT), 0xF);
    assert_int_equal(fixed_reaches(3, 3 << ICR_SHORTHAND_SHIFT), 0xD);
    assert_int_equal(icr_reaches(0, 0x400 | 3 << ICR_SHORTHAND_SHIFT, FAKE_REQUEST,
                                 REQUEST_GUEST_NMI), 0xD);
    assert_int_equal(fake_reports.denied_count, 0);
}

static void what_nothing_here_receives_is_lost_and_reported(void **state)
{
    static const uint32_t lost[] = {
        0x240,                              /* SMI */
        0x340,                              /* reserved */
        0x740,                              /* ExtINT */
        0x140 | 1 << ICR_SHORTHAND_SHIFT,   /* to oneself: lowest priority, */
        0x440 | 1 << ICR_SHORTHAND_SHIFT,   /* NMI, */
        0x4540 | 2 << ICR_SHORTHAND_SHIFT,  /* INIT, */
        0x640 | 2 << ICR_SHORTHAND_SHIFT,   /* start-up */
    };
    (void)state;
    for (unsigned i = 0; i < sizeof lost / sizeof lost[0]; i++) {
        assert_true(lapic_icr_write(sender, lost[i]));
        assert_int_equal(fake.record_count, 0);
        assert_int_equal(fake_reports.denied_count, i + 1);
        assert_int_equal(fake_reports.denied_kind, DENIED_IPI);
        assert_int_equal(fake_reports.denied_where, lost[i] & ~0xFFull & ~ICR_LEVEL_ASSERT);
    }
}

static void each_delivery_mode_arrives_as_what_it_is(void **state)
{
    (void)state;
    assert_int_equal(icr_reaches(0xA, 0x140 | ICR_LOGICAL, FAKE_INTERRUPT, 0x40), 2);
    assert_int_equal(icr_reaches(2, 0x400, FAKE_REQUEST, REQUEST_GUEST_NMI), 4);
    assert_int_equal(icr_reaches(2, 0x4500, FAKE_REQUEST, REQUEST_INIT), 4);
    assert_int_equal(icr_reaches(2, 0xC500, FAKE_REQUEST, REQUEST_INIT), 4);
    assert_int_equal(icr_reaches(2, 0x8500, FAKE_REQUEST, 0), 0); /* de-assert */
    assert_int_equal(icr_reaches(2, 0x69A, FAKE_REQUEST, REQUEST_SIPI), 4);
    assert_int_equal(apic_vcpus[2].sipi, VCPU_SIPI | 0x9A);
    assert_int_equal(fake_reports.denied_count, 0);
}

static void the_first_start_up_counts_and_an_init_makes_it_void(void **state)
{
    (void)state;
    assert_true(lapic_icr_write(sender, 2ull << 32 | 0x69A));
    assert_true(lapic_icr_write(sender, 2ull << 32 | 0x69B));
    assert_int_equal(apic_vcpus[2].sipi, VCPU_SIPI | 0x9A);
    assert_true(lapic_icr_write(sender, 2ull << 32 | 0x4500));
    assert_int_equal(apic_vcpus[2].sipi, 0);
    assert_true(lapic_icr_write(sender, 2ull << 32 | 0x600)); /* vector 0 is one, too */
    assert_int_equal(apic_vcpus[2].sipi, VCPU_SIPI);
}

static uint32_t errors_of(unsigned index)
{
    return atomic_exchange(&apic_vcpus[index].lapic.errors, 0);
}

static void a_vector_below_16_is_an_error_of_sender_and_receiver(void **state)
{
    (void)state;
    for (uint64_t mode = 0; mode < 2; mode++)
        for (uint64_t vector = 0; vector < 256; vector++) {
            bool legal = vector >= 16;
            assert_int_equal(icr_reaches(2, mode << 8 | vector, FAKE_INTERRUPT, vector),
                             legal ? 4 : 0);
            assert_int_equal(errors_of(SENDER), legal ? 0 : APIC_ERROR_SEND_ILLEGAL_VECTOR);
            assert_int_equal(errors_of(2), legal ? 0 : APIC_ERROR_RECEIVE_ILLEGAL_VECTOR);
            assert_int_equal(errors_of(0) | errors_of(3), 0);
        }
    assert_int_equal(icr_reaches(2, 0x400, FAKE_REQUEST, REQUEST_GUEST_NMI), 4);
    assert_int_equal(errors_of(SENDER), 0); /* an NMI has no vector */
    assert_int_equal(fake_reports.denied_count, 0);
}

static void reserved_bits_of_the_icr_are_refused_and_send_nothing(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        bool reserved = bit >= 20 || bit == 17 || bit == 16 || bit == 13;
        sender->lapic.icr_low = 0;
        assert_int_equal(lapic_icr_write(sender, 0x40 | 1ull << bit), !reserved);
        if (reserved)
            assert_int_equal(fake.record_count + sender->lapic.icr_low, 0);
        fake.record_count = 0;
    }
}

static void the_icrs_msr_is_refused_outside_x2apic_mode(void **state)
{
    (void)state;
    apic_vm_make(LAPIC_XAPIC);
    assert_false(lapic_icr_write(sender, 2ull << 32 | 0x40));
    assert_false(lapic_icr_write(sender, 0));
    assert_int_equal(fake.record_count, 0);
}

/* ---- Who accepts ---- */

static void an_apic_disabled_by_software_takes_all_but_fixed_interrupts(void **state)
{
    (void)state;
    lapic_svr_write(&apic_vcpus[2], 0xFF);
    fake.record_count = 0;
    assert_int_equal(fixed_reaches(2, 0), 0);
    assert_int_equal(fixed_reaches(X2APIC_BROADCAST, 0), 0xB);
    assert_int_equal(icr_reaches(2, 1, FAKE_INTERRUPT, 0), 0);
    assert_int_equal(errors_of(2), 0);
    assert_int_equal(icr_reaches(2, 0x400, FAKE_REQUEST, REQUEST_GUEST_NMI), 4);
    assert_int_equal(icr_reaches(2, 0x4500, FAKE_REQUEST, REQUEST_INIT), 4);
    assert_int_equal(icr_reaches(2, 0x600, FAKE_REQUEST, REQUEST_SIPI), 4);
}

static void a_disabled_apic_takes_nothing(void **state)
{
    static const uint32_t commands[] = { 0x40, 0x140, 0x400, 0x4500, 0x600 };
    (void)state;
    assert_true(lapic_base_write(&apic_vcpus[2], XAPIC_BASE));
    fake.record_count = 0;
    for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        assert_true(lapic_icr_write(sender, 2ull << 32 | commands[i]));
        assert_int_equal(fake.record_count, 0);
        assert_true(lapic_icr_write(sender, 4ull << 32 | ICR_LOGICAL | commands[i]));
        assert_int_equal(fake.record_count, 0);
    }
    assert_int_equal(apic_vcpus[2].sipi, 0);
}

static void the_lowest_priority_is_the_lowest_number_that_accepts(void **state)
{
    (void)state;
    assert_int_equal(fixed_reaches(0xE, 0x100 | ICR_LOGICAL), 2);
    lapic_svr_write(&apic_vcpus[1], 0xFF);
    assert_true(lapic_base_write(&apic_vcpus[2], XAPIC_BASE));
    fake.record_count = 0;
    assert_int_equal(fixed_reaches(0xE, 0x100 | ICR_LOGICAL), 8);
    lapic_svr_write(&apic_vcpus[3], 0xFF);
    fake.record_count = 0;
    assert_int_equal(fixed_reaches(0xE, 0x100 | ICR_LOGICAL), 0);
}

/* ---- In xAPIC mode ---- */

static void place(unsigned index, uint32_t ldr, uint32_t dfr)
{
    lapic_page_write(&apic_vcpus[index], XAPIC_LDR, 4, ldr);
    lapic_page_write(&apic_vcpus[index], XAPIC_DFR, 4, dfr);
}

static unsigned page_reaches(uint8_t destination, uint32_t low, enum fake_record_kind kind,
                             uint64_t value)
{
    lapic_page_write(sender, XAPIC_ICR_HIGH, 4, (uint32_t)destination << 24);
    lapic_page_write(sender, XAPIC_ICR_LOW, 4, low);
    return apic_reached(kind, value);
}

static unsigned page_fixed_reaches(uint8_t destination, uint32_t flags)
{
    return page_reaches(destination, 0x40 | flags, FAKE_INTERRUPT, 0x40);
}

static void in_xapic_mode_a_physical_destination_has_8_bits(void **state)
{
    (void)state;
    for (unsigned id = 0; id < 256; id++)
        assert_int_equal(page_fixed_reaches((uint8_t)id, 0),
                         id == 255 ? 0xF : id < APIC_VCPUS ? 1u << id : 0);
    assert_int_equal(page_fixed_reaches(3, 1 << ICR_SHORTHAND_SHIFT), 1u << SENDER);
    assert_int_equal(page_reaches(2, 0x400, FAKE_REQUEST, REQUEST_GUEST_NMI), 4);
}

static void in_the_flat_model_each_vcpu_has_bits_of_its_own_choice(void **state)
{
    (void)state;
    assert_int_equal(page_fixed_reaches(0xFF, ICR_LOGICAL), 0); /* no LDR is set */
    for (unsigned i = 0; i < APIC_VCPUS; i++)
        place(i, 0x10000000u << i, DFR_FLAT);
    for (unsigned set = 0; set < 256; set++)
        assert_int_equal(page_fixed_reaches((uint8_t)set, ICR_LOGICAL), set >> 4);
    place(3, 0x30000000, DFR_FLAT);
    assert_int_equal(page_fixed_reaches(0x10, ICR_LOGICAL), 9);
    assert_int_equal(page_fixed_reaches(0x10, ICR_LOGICAL | 0x100), 1);
}

static void in_the_cluster_model_it_has_a_cluster_and_a_bit(void **state)
{
    (void)state;
    place(0, 0x11000000, DFR_CLUSTER);
    place(1, 0x12000000, DFR_CLUSTER);
    place(2, 0x21000000, DFR_CLUSTER);
    place(3, 0x22000000, DFR_CLUSTER);
    assert_int_equal(page_fixed_reaches(0x11, ICR_LOGICAL), 1);
    assert_int_equal(page_fixed_reaches(0x1F, ICR_LOGICAL), 3);
    assert_int_equal(page_fixed_reaches(0x22, ICR_LOGICAL), 8);
    assert_int_equal(page_fixed_reaches(0x33, ICR_LOGICAL), 0);
    assert_int_equal(page_fixed_reaches(0x10, ICR_LOGICAL), 0);
    assert_int_equal(page_fixed_reaches(0xFF, ICR_LOGICAL), 0xF);
}

static void a_reserved_model_matches_nothing(void **state)
{
    (void)state;
    for (unsigned model = 1; model < 15; model++) {
        place(2, 0xFF000000, model << 28);
        assert_int_equal(page_fixed_reaches(0xFF, ICR_LOGICAL), 0);
    }
}

static void in_mixed_modes_each_one_reads_a_destination_in_its_own(void **state)
{
    (void)state;
    assert_true(lapic_base_write(&apic_vcpus[3], XAPIC_BASE | APIC_BASE_EN | APIC_BASE_EXTD));
    place(2, 0x08000000, DFR_FLAT);
    assert_int_equal(page_fixed_reaches(0x08, ICR_LOGICAL), 0xC);
    lapic_deliver(&apic_vm, 8, true, DELIVERY_FIXED, 0x40);
    assert_int_equal(apic_reached(FAKE_INTERRUPT, 0x40), 0xC);
    lapic_deliver(&apic_vm, 0x108, true, DELIVERY_FIXED, 0x40);
    assert_int_equal(apic_reached(FAKE_INTERRUPT, 0x40), 8); /* more than 8 bits */
    lapic_deliver(&apic_vm, X2APIC_BROADCAST, true, DELIVERY_FIXED, 0x40);
    assert_int_equal(apic_reached(FAKE_INTERRUPT, 0x40), 0xC);
}

static void an_ioapic_destination_of_ff_is_everybody(void **state)
{
    (void)state;
    lapic_deliver(&apic_vm, lapic_destination_8(0xFF), false, DELIVERY_FIXED, 0x50);
    assert_int_equal(apic_reached(FAKE_INTERRUPT, 0x50), 0xF);
    lapic_deliver(&apic_vm, lapic_destination_8(3), false, DELIVERY_FIXED, 0x50);
    assert_int_equal(apic_reached(FAKE_INTERRUPT, 0x50), 8);
    lapic_deliver(&apic_vm, lapic_destination_8(0x0C), true, DELIVERY_LOWEST_PRIORITY, 0x50);
    assert_int_equal(apic_reached(FAKE_INTERRUPT, 0x50), 4);
    lapic_deliver(&apic_vm, 0, false, DELIVERY_EXTINT, 0x50);
    assert_int_equal(fake.record_count, 0);
}

/* ---- Nobody else ---- */

static void no_value_of_the_icr_reaches_a_cpu_of_another_guest(void **state)
{
    uint64_t seed = 88172645463325252;
    (void)state;
    for (unsigned round = 0; round < 200000; round++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        uint64_t value = seed & ~ICR_X2APIC_RESERVED;
        if (seed >> 40 & 1)
            value &= 0x7FFFFFFFF;
        assert_true(lapic_icr_write(&apic_vcpus[seed >> 42 & 3], value));
        for (unsigned i = 0; i < fake.record_count; i++) {
            uint64_t cpu = fake.records[i].where;
            assert_true(cpu == APIC_CPU_OF(0) || cpu == APIC_CPU_OF(1) ||
                        cpu == APIC_CPU_OF(2) || cpu == APIC_CPU_OF(3));
        }
        fake.record_count = 0;
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)
#define TEST_XAPIC(name) cmocka_unit_test_setup(name, set_up_xapic)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_physical_destination_is_one_vcpu_or_none),
        TEST(a_logical_destination_is_a_set_of_one_cluster),
        TEST(a_shorthand_ignores_the_destination),
        TEST(what_nothing_here_receives_is_lost_and_reported),
        TEST(each_delivery_mode_arrives_as_what_it_is),
        TEST(the_first_start_up_counts_and_an_init_makes_it_void),
        TEST(a_vector_below_16_is_an_error_of_sender_and_receiver),
        TEST(reserved_bits_of_the_icr_are_refused_and_send_nothing),
        TEST(the_icrs_msr_is_refused_outside_x2apic_mode),
        TEST(an_apic_disabled_by_software_takes_all_but_fixed_interrupts),
        TEST(a_disabled_apic_takes_nothing),
        TEST(the_lowest_priority_is_the_lowest_number_that_accepts),
        TEST_XAPIC(in_xapic_mode_a_physical_destination_has_8_bits),
        TEST_XAPIC(in_the_flat_model_each_vcpu_has_bits_of_its_own_choice),
        TEST_XAPIC(in_the_cluster_model_it_has_a_cluster_and_a_bit),
        TEST_XAPIC(a_reserved_model_matches_nothing),
        TEST_XAPIC(in_mixed_modes_each_one_reads_a_destination_in_its_own),
        TEST(an_ioapic_destination_of_ff_is_everybody),
        TEST(no_value_of_the_icr_reaches_a_cpu_of_another_guest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
