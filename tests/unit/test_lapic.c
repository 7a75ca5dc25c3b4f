/* SPDX-License-Identifier: MIT
 *
 * hv/lapic.c: where interrupts of a guest go, and that none leaves it, for any
 * value of the interrupt command register.
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

#define VCPUS 4
#define CPU_OF(index) (10 + 3 * (index))

static struct vm vm;
static struct vcpu vcpus[VCPUS];

static int set_up(void **state)
{
    struct cpuid_host host = fake_cpuid_host_full();
    struct cpuid_guest_facts facts = fake_cpuid_facts(VCPUS);
    (void)state;
    fake_reset(0, 0);
    fake_reports_reset();
    memset(&vm, 0, sizeof vm);
    memset(vcpus, 0, sizeof vcpus);
    vm.vcpu_count = VCPUS;
    for (unsigned i = 0; i < VCPUS; i++) {
        vm.vcpus[i] = &vcpus[i];
        vcpus[i].vm = &vm;
        vcpus[i].index = i;
        vcpus[i].cpu = CPU_OF(i);
    }
    cpuid_table_build(&vm.cpuid, &host, &facts);
    return 0;
}

/* The vCPUs that were sent exactly this, a bit each; the log is emptied. */
static unsigned reached(enum fake_record_kind kind, uint64_t value)
{
    unsigned set = 0;
    for (unsigned i = 0; i < fake.record_count; i++) {
        assert_int_equal(fake.records[i].kind, kind);
        assert_int_equal(fake.records[i].value, value);
        assert_int_equal((fake.records[i].where - 10) % 3, 0);
        unsigned index = (unsigned)(fake.records[i].where - 10) / 3;
        assert_true(index < VCPUS);
        assert_false(set >> index & 1);
        set |= 1u << index;
    }
    fake.record_count = 0;
    return set;
}

static unsigned icr_reaches(uint64_t destination, uint64_t low, enum fake_record_kind kind,
                            uint64_t value)
{
    assert_true(lapic_icr_write(&vcpus[1], destination << 32 | low));
    return reached(kind, value);
}

static unsigned fixed_reaches(uint64_t destination, uint64_t flags)
{
    return icr_reaches(destination, 0x40 | flags, FAKE_INTERRUPT, 0x40);
}

static void a_physical_destination_is_one_vcpu_or_none(void **state)
{
    (void)state;
    for (uint64_t id = 0; id < VCPUS; id++)
        assert_int_equal(fixed_reaches(id, 0), 1u << id);
    assert_int_equal(fixed_reaches(VCPUS, 0), 0);
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
    for (unsigned i = 0; i < VCPUS; i++) {
        uint64_t ldr;
        assert_true(lapic_msr_read(&vcpus[i], IA32_X2APIC_LDR, &ldr));
        assert_int_equal(fixed_reaches(ldr, ICR_LOGICAL), 1u << i);
    }
}

static void a_shorthand_ignores_the_destination(void **state)
{
    (void)state;
    assert_int_equal(fixed_reaches(3, 1 << ICR_SHORTHAND_SHIFT), 1u << 1);
    assert_int_equal(fixed_reaches(3, 2 << ICR_SHORTHAND_SHIFT), 0xF);
    assert_int_equal(fixed_reaches(3, 3 << ICR_SHORTHAND_SHIFT), 0xD);
    /* NMI to oneself by shorthand is no valid combination */
    assert_int_equal(icr_reaches(0, 0x400 | 1 << ICR_SHORTHAND_SHIFT, FAKE_REQUEST, 0), 0);
    assert_int_equal(icr_reaches(0, 0x400 | 3 << ICR_SHORTHAND_SHIFT, FAKE_REQUEST,
                                 REQUEST_GUEST_NMI), 0xD);
    assert_int_equal(fake_reports.denied_count, 1);
}

static void each_delivery_mode_arrives_as_what_it_is(void **state)
{
    (void)state;
    assert_int_equal(icr_reaches(0xA, 0x140 | ICR_LOGICAL, FAKE_INTERRUPT, 0x40), 2);
    assert_int_equal(icr_reaches(2, 0x200, FAKE_REQUEST, 0), 0); /* SMI */
    assert_int_equal(icr_reaches(2, 0x300, FAKE_REQUEST, 0), 0); /* reserved */
    assert_int_equal(icr_reaches(2, 0x400, FAKE_REQUEST, REQUEST_GUEST_NMI), 4);
    assert_int_equal(icr_reaches(2, 0x4500, FAKE_REQUEST, REQUEST_INIT), 4);
    assert_int_equal(icr_reaches(2, 0xC500, FAKE_REQUEST, REQUEST_INIT), 4);
    assert_int_equal(icr_reaches(2, 0x8500, FAKE_REQUEST, 0), 0); /* de-assert */
    assert_int_equal(icr_reaches(2, 0x69A, FAKE_REQUEST, REQUEST_SIPI), 4);
    assert_int_equal(vcpus[2].sipi_vector, 0x9A);
    assert_int_equal(fake_reports.denied_count, 2);
    assert_int_equal(icr_reaches(2, 0x700, FAKE_REQUEST, 0), 0); /* ExtINT */
    assert_int_equal(fake_reports.denied_count, 3);
    assert_int_equal(fake_reports.denied_where, IA32_X2APIC_ICR);
}

static void a_fixed_interrupt_with_a_vector_below_16_is_lost(void **state)
{
    (void)state;
    for (uint64_t vector = 0; vector < 256; vector++)
        assert_int_equal(icr_reaches(2, vector, FAKE_INTERRUPT, vector), vector < 16 ? 0 : 4);
}

static void reserved_bits_of_the_icr_are_refused_and_send_nothing(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        bool reserved = bit >= 20 || bit == 17 || bit == 16 || bit == 13;
        assert_int_equal(lapic_icr_write(&vcpus[0], 0x40 | 1ull << bit), !reserved);
        if (reserved)
            assert_int_equal(fake.record_count, 0);
        fake.record_count = 0;
    }
}

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
        assert_true(lapic_icr_write(&vcpus[seed >> 42 & 3], value));
        for (unsigned i = 0; i < fake.record_count; i++) {
            uint64_t cpu = fake.records[i].where;
            assert_true(cpu == CPU_OF(0) || cpu == CPU_OF(1) || cpu == CPU_OF(2) ||
                        cpu == CPU_OF(3));
        }
        fake.record_count = 0;
    }
}

static void the_icr_reads_as_written_without_its_pending_bit(void **state)
{
    uint64_t value;
    (void)state;
    assert_true(lapic_icr_write(&vcpus[0], 0x200005041));
    assert_true(lapic_msr_read(&vcpus[0], IA32_X2APIC_ICR, &value));
    assert_int_equal(value, 0x200004041);
}

static void an_ioapic_destination_of_ff_is_everybody(void **state)
{
    (void)state;
    lapic_deliver(&vm, lapic_destination_8(0xFF), false, DELIVERY_FIXED, 0x50);
    assert_int_equal(reached(FAKE_INTERRUPT, 0x50), 0xF);
    lapic_deliver(&vm, lapic_destination_8(3), false, DELIVERY_FIXED, 0x50);
    assert_int_equal(reached(FAKE_INTERRUPT, 0x50), 8);
    lapic_deliver(&vm, lapic_destination_8(0x0C), true, DELIVERY_LOWEST_PRIORITY, 0x50);
    assert_int_equal(reached(FAKE_INTERRUPT, 0x50), 4);
    lapic_deliver(&vm, 0, false, DELIVERY_EXTINT, 0x50);
    assert_int_equal(reached(FAKE_INTERRUPT, 0), 0);
}

static void only_the_error_entry_of_the_lvt_reaches_the_hardware(void **state)
{
    static const uint32_t shadows[] = { IA32_X2APIC_LVT_CMCI, IA32_X2APIC_LVT_THERMAL,
                                        IA32_X2APIC_LVT_PMI, IA32_X2APIC_LVT_LINT0,
                                        IA32_X2APIC_LVT_LINT1 };
    uint64_t value;
    (void)state;
    for (unsigned i = 0; i < sizeof shadows / sizeof shadows[0]; i++) {
        assert_true(lapic_msr_write(&vcpus[0], shadows[i], 0x400));
        assert_true(lapic_msr_read(&vcpus[0], shadows[i], &value));
        assert_int_equal(value, 0x400);
        assert_int_equal(fake.record_count, 0);
        assert_false(lapic_msr_write(&vcpus[0], shadows[i], 1u << 17));
        assert_false(lapic_msr_write(&vcpus[0], shadows[i], 1ull << 32));
    }
    for (uint64_t mode = 0; mode < 8; mode++)
        assert_int_equal(lapic_msr_write(&vcpus[0], IA32_X2APIC_LVT_ERROR, mode << 8 | 0xFE),
                         mode == 0);
    assert_int_equal(fake.record_count, 1);
    assert_int_equal(fake.records[0].where, IA32_X2APIC_LVT_ERROR);
    assert_int_equal(fake.records[0].value, 0xFE);
}

static void the_8259s_are_heard_through_an_open_lint0_in_extint_mode(void **state)
{
    (void)state;
    for (uint64_t mode = 0; mode < 8; mode++) {
        assert_true(lapic_msr_write(&vcpus[0], IA32_X2APIC_LVT_LINT0, mode << 8));
        assert_int_equal(lapic_takes_extint(&vcpus[0].lapic), mode == DELIVERY_EXTINT);
        assert_true(lapic_msr_write(&vcpus[0], IA32_X2APIC_LVT_LINT0, mode << 8 | LVT_MASKED));
        assert_false(lapic_takes_extint(&vcpus[0].lapic));
    }
}

static void reset_silences_the_hardware(void **state)
{
    unsigned disabled = 0;
    (void)state;
    assert_true(lapic_msr_write(&vcpus[0], IA32_X2APIC_LVT_LINT0, 0x700));
    lapic_reset(&vcpus[0]);
    for (unsigned i = 0; i < fake.record_count; i++) {
        assert_int_equal(fake.records[i].kind, FAKE_MSR_WRITE);
        disabled += fake.records[i].where == IA32_X2APIC_SIVR && fake.records[i].value == 0xFF;
    }
    assert_int_equal(disabled, 1);
    assert_int_equal(machine_msr_read(IA32_X2APIC_LVT_TIMER), LVT_MASKED);
    assert_int_equal(machine_msr_read(IA32_X2APIC_LVT_ERROR), LVT_MASKED);
    uint64_t value;
    assert_true(lapic_msr_read(&vcpus[0], IA32_X2APIC_LVT_LINT0, &value));
    assert_int_equal(value, LVT_MASKED);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_physical_destination_is_one_vcpu_or_none),
        TEST(a_logical_destination_is_a_set_of_one_cluster),
        TEST(a_shorthand_ignores_the_destination),
        TEST(each_delivery_mode_arrives_as_what_it_is),
        TEST(a_fixed_interrupt_with_a_vector_below_16_is_lost),
        TEST(reserved_bits_of_the_icr_are_refused_and_send_nothing),
        TEST(no_value_of_the_icr_reaches_a_cpu_of_another_guest),
        TEST(the_icr_reads_as_written_without_its_pending_bit),
        TEST(an_ioapic_destination_of_ff_is_everybody),
        TEST(only_the_error_entry_of_the_lvt_reaches_the_hardware),
        TEST(the_8259s_are_heard_through_an_open_lint0_in_extint_mode),
        TEST(reset_silences_the_hardware),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
