/* SPDX-License-Identifier: MIT
 *
 * hv/lapic_level.c: level-triggered interrupts from the IOAPIC's line to the EOI, and
 * that EOIs exit for as long as there is one, and no longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/lapic_base.h"
#include "hv/lapic_level.h"
#include "hv/lapic_page.h"
#include "tests/fake/apic_vm.h"

#define PIN 9
#define VECTOR 0x59
#define LEVEL ((uint32_t)REDIRECTION_LEVEL)

static struct vcpu *const vcpu = &apic_vcpus[1];

static int prepare(enum lapic_mode mode)
{
    apic_vm_make(mode);
    ioapic_init(&apic_vm.ioapic, 5);
    timers_init(&apic_vm.timers, 100000000);
    timers_reset(&apic_vm);
    for (unsigned i = 0; i < LAPIC_VECTOR_WORDS; i++)
        fake_msr_set((enum msr)(IA32_X2APIC_ISR0 + i), 0);
    fake.record_count = 0;
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return prepare(LAPIC_X2APIC);
}

static int set_up_xapic(void **state)
{
    (void)state;
    return prepare(LAPIC_XAPIC);
}

static void set_entry(unsigned pin, uint32_t destination, uint32_t low)
{
    apic_vm.ioapic.entries[pin] = (uint64_t)destination << REDIRECTION_DESTINATION_SHIFT | low;
}

static bool remote_irr(unsigned pin)
{
    return apic_vm.ioapic.entries[pin] & REDIRECTION_REMOTE_IRR;
}

static uint64_t bitmap(void)
{
    return machine_vmread_64(VMCS_MSR_BITMAP);
}

static void in_service(unsigned vector)
{
    for (unsigned i = 0; i < LAPIC_VECTOR_WORDS; i++)
        fake_msr_set((enum msr)(IA32_X2APIC_ISR0 + i), 0);
    fake_msr_set((enum msr)(IA32_X2APIC_ISR0 + vector / 32), 1u << vector % 32);
}

static uint64_t trigger_mode(unsigned vector)
{
    uint64_t value;
    assert_true(lapic_msr_read(vcpu, IA32_X2APIC_TMR0 + vector / 32, &value));
    return value;
}

static void arrive(void)
{
    lapic_level_take(vcpu);
    assert_int_equal(apic_reached(FAKE_INTERRUPT, VECTOR), 1u << 1);
}

static void its_own_cpu_sends_it_once_eois_exit(void **state)
{
    (void)state;
    set_entry(PIN, 1, VECTOR | LEVEL);
    ioapic_set_line(&apic_vm, PIN, true);
    assert_int_equal(apic_reached(FAKE_REQUEST, REQUEST_LEVEL), 1u << 1);
    assert_true(remote_irr(PIN));
    assert_int_equal(trigger_mode(VECTOR), 0);
    arrive();
    assert_int_equal(bitmap(), apic_vm.msr_bitmaps[MSR_BITMAP_LEVEL].value);
    assert_int_equal(trigger_mode(VECTOR), 1u << VECTOR % 32);
    assert_int_equal(trigger_mode(VECTOR + 32), 0);
}

static void an_eoi_of_it_ends_it_and_eois_pass_again(void **state)
{
    (void)state;
    set_entry(PIN, 1, VECTOR | LEVEL);
    ioapic_set_line(&apic_vm, PIN, true);
    lapic_level_take(vcpu);
    ioapic_set_line(&apic_vm, PIN, false);
    in_service(VECTOR);
    fake_msr_set(IA32_X2APIC_EOI, 1);
    assert_true(lapic_msr_write(vcpu, IA32_X2APIC_EOI, 0));
    assert_int_equal(machine_msr_read(IA32_X2APIC_EOI), 0);
    assert_false(remote_irr(PIN));
    assert_int_equal(bitmap(), apic_vm.msr_bitmaps[MSR_BITMAP_X2APIC].value);
    assert_int_equal(trigger_mode(VECTOR), 0);
}

static void a_line_that_is_still_high_sends_it_again(void **state)
{
    (void)state;
    set_entry(PIN, 1, VECTOR | LEVEL);
    ioapic_set_line(&apic_vm, PIN, true);
    lapic_level_take(vcpu);
    in_service(VECTOR);
    fake.record_count = 0;
    assert_true(lapic_msr_write(vcpu, IA32_X2APIC_EOI, 0));
    assert_int_equal(apic_reached(FAKE_REQUEST, REQUEST_LEVEL), 1u << 1);
    assert_true(remote_irr(PIN));
    arrive();
    assert_int_equal(bitmap(), apic_vm.msr_bitmaps[MSR_BITMAP_LEVEL].value);
}

static void an_edge_that_is_served_in_between_changes_nothing(void **state)
{
    (void)state;
    set_entry(PIN, 1, VECTOR | LEVEL);
    ioapic_set_line(&apic_vm, PIN, true);
    lapic_level_take(vcpu);
    in_service(VECTOR + 0x40);
    assert_true(lapic_msr_write(vcpu, IA32_X2APIC_EOI, 0));
    assert_true(remote_irr(PIN));
    assert_int_equal(bitmap(), apic_vm.msr_bitmaps[MSR_BITMAP_LEVEL].value);
    in_service(0); /* bit 0 of no vector that exists: nothing is in service */
    fake_msr_set(IA32_X2APIC_ISR0, 0);
    assert_true(lapic_msr_write(vcpu, IA32_X2APIC_EOI, 0));
    assert_true(remote_irr(PIN));
}

static void of_two_the_last_one_lets_eois_pass(void **state)
{
    (void)state;
    set_entry(PIN, 1, VECTOR | LEVEL);
    set_entry(PIN + 1, 1, 0xF0 | LEVEL);
    for (unsigned pin = PIN; pin < PIN + 2; pin++) {
        ioapic_set_line(&apic_vm, pin, true);
        ioapic_set_line(&apic_vm, pin, false);
    }
    lapic_level_take(vcpu);
    in_service(0xF0);
    assert_true(lapic_msr_write(vcpu, IA32_X2APIC_EOI, 0));
    assert_false(remote_irr(PIN + 1));
    assert_true(remote_irr(PIN));
    assert_int_equal(bitmap(), apic_vm.msr_bitmaps[MSR_BITMAP_LEVEL].value);
    in_service(VECTOR);
    assert_true(lapic_msr_write(vcpu, IA32_X2APIC_EOI, 0));
    assert_int_equal(bitmap(), apic_vm.msr_bitmaps[MSR_BITMAP_X2APIC].value);
}

static void an_eoi_takes_0_only(void **state)
{
    (void)state;
    assert_false(lapic_msr_write(vcpu, IA32_X2APIC_EOI, 1));
}

static void an_apic_that_is_off_takes_none(void **state)
{
    (void)state;
    lapic_svr_write(vcpu, 0xFF);
    fake.record_count = 0;
    set_entry(PIN, 1, VECTOR | LEVEL);
    ioapic_set_line(&apic_vm, PIN, true);
    assert_int_equal(fake.record_count, 0);
    assert_false(remote_irr(PIN));
}

/* Sent before, and looked at behind it. */
static void an_apic_that_has_gone_off_meanwhile_drops_it(void **state)
{
    (void)state;
    set_entry(PIN, 1, VECTOR | LEVEL);
    ioapic_set_line(&apic_vm, PIN, true);
    lapic_svr_write(vcpu, 0xFF);
    fake.record_count = 0;
    lapic_level_take(vcpu);
    assert_int_equal(apic_reached(FAKE_INTERRUPT, VECTOR), 0);
    assert_int_equal(bitmap(), apic_vm.msr_bitmaps[MSR_BITMAP_X2APIC].value);
}

static void an_init_forgets_all(void **state)
{
    (void)state;
    set_entry(PIN, 1, VECTOR | LEVEL);
    ioapic_set_line(&apic_vm, PIN, true);
    lapic_level_take(vcpu);
    set_entry(PIN + 1, 1, 0x70 | LEVEL);
    ioapic_set_line(&apic_vm, PIN + 1, true);
    lapic_init(vcpu);
    assert_int_equal(bitmap(), apic_vm.msr_bitmaps[MSR_BITMAP_X2APIC].value);
    assert_int_equal(trigger_mode(VECTOR), 0);
    fake.record_count = 0;
    lapic_svr_write(vcpu, SIVR_ENABLE);
    lapic_level_take(vcpu);
    assert_int_equal(apic_reached(FAKE_INTERRUPT, VECTOR), 0);
}

static void the_lowest_priority_is_one_and_a_broadcast_all(void **state)
{
    (void)state;
    set_entry(PIN, 0xF, VECTOR | LEVEL | (uint32_t)REDIRECTION_LOGICAL |
              DELIVERY_LOWEST_PRIORITY << REDIRECTION_DELIVERY_SHIFT);
    ioapic_set_line(&apic_vm, PIN, true);
    assert_int_equal(apic_reached(FAKE_REQUEST, REQUEST_LEVEL), 1);
    set_entry(PIN + 1, 0xFF, VECTOR | LEVEL);
    ioapic_set_line(&apic_vm, PIN + 1, true);
    assert_int_equal(apic_reached(FAKE_REQUEST, REQUEST_LEVEL), 0xF);
}

/* Kernels look there, and make up for an EOI that no IOAPIC heard. */
static void what_the_machines_lines_brought_is_shown_as_well(void **state)
{
    (void)state;
    set_entry(PIN, 1, VECTOR | LEVEL);
    ioapic_set_line(&apic_vm, PIN, true);
    lapic_level_take(vcpu);
    fake_msr_set((enum msr)(IA32_X2APIC_TMR0 + VECTOR / 32), 1u << 7);
    assert_int_equal(trigger_mode(VECTOR), 1u << VECTOR % 32 | 1u << 7);
    fake_msr_set((enum msr)(IA32_X2APIC_TMR0 + VECTOR / 32), 0);
}

static void in_xapic_mode_the_page_does_the_same(void **state)
{
    (void)state;
    set_entry(PIN, 1, VECTOR | LEVEL);
    ioapic_set_line(&apic_vm, PIN, true);
    ioapic_set_line(&apic_vm, PIN, false);
    lapic_level_take(vcpu);
    assert_int_equal(bitmap(), apic_vm.msr_bitmaps[MSR_BITMAP_OTHER].value);
    assert_int_equal(lapic_page_read(vcpu, XAPIC_TMR0 + VECTOR / 32 * 16, 4), 1u << VECTOR % 32);
    in_service(VECTOR);
    lapic_page_write(vcpu, XAPIC_EOI, 4, 0);
    assert_false(remote_irr(PIN));
    assert_int_equal(lapic_page_read(vcpu, XAPIC_TMR0 + VECTOR / 32 * 16, 4), 0);
    fake_msr_set(IA32_X2APIC_EOI, 1);
    lapic_page_write(vcpu, XAPIC_EOI, 4, 0); /* and an edge's is the hardware's alone */
    assert_int_equal(machine_msr_read(IA32_X2APIC_EOI), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(its_own_cpu_sends_it_once_eois_exit),
        TEST(an_eoi_of_it_ends_it_and_eois_pass_again),
        TEST(a_line_that_is_still_high_sends_it_again),
        TEST(an_edge_that_is_served_in_between_changes_nothing),
        TEST(of_two_the_last_one_lets_eois_pass),
        TEST(an_eoi_takes_0_only),
        TEST(an_apic_that_is_off_takes_none),
        TEST(an_apic_that_has_gone_off_meanwhile_drops_it),
        TEST(an_init_forgets_all),
        TEST(the_lowest_priority_is_one_and_a_broadcast_all),
        TEST(what_the_machines_lines_brought_is_shown_as_well),
        cmocka_unit_test_setup(in_xapic_mode_the_page_does_the_same, set_up_xapic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
