/* SPDX-License-Identifier: MIT
 *
 * The guest's IOAPIC: its registers, and when a line becomes an interrupt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "arch/spec/apic.h"
#include "hv/ioapic.h"
#include "hv/vm.h"
#include "tests/fake/dies.h"
#include "tests/fake/interrupts.h"
#include "tests/fake/machine.h"

static struct vm vm;
static struct vcpu vcpu;

static int fresh(void **state)
{
    (void)state;
    fake_interrupts_reset();
    ioapic_init(&vm.ioapic, 5);
    vm.vcpus[0] = &vcpu;
    timers_init(&vm.timers, 100000000);
    timers_reset(&vm);
    return 0;
}

static void set(uint32_t index, uint32_t value)
{
    ioapic_write(&vm, IOAPIC_IOREGSEL, 4, index);
    ioapic_write(&vm, IOAPIC_IOWIN, 4, value);
}

static uint32_t get(uint32_t index)
{
    ioapic_write(&vm, IOAPIC_IOREGSEL, 4, index);
    return (uint32_t)ioapic_read(&vm.ioapic, IOAPIC_IOWIN, 4);
}

static uint32_t low(unsigned pin)
{
    return IOAPIC_REDIRECTION + 2 * pin;
}

static uint32_t high(unsigned pin)
{
    return low(pin) + 1;
}

static void after_reset_every_pin_is_masked(void **state)
{
    (void)state;
    assert_int_equal(get(IOAPIC_ID), 5u << 24);
    assert_int_equal(get(IOAPIC_VERSION), 0x00170011);
    assert_int_equal(get(IOAPIC_ARBITRATION), 5u << 24);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        assert_int_equal(get(low(pin)), REDIRECTION_MASKED);
        assert_int_equal(get(high(pin)), 0);
        ioapic_set_line(&vm, pin, true);
    }
    assert_int_equal(fake_interrupts.count, 0);
}

static void writable_bits_are_kept_and_no_others(void **state)
{
    (void)state;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        set(low(pin), 0xFFFFFFFF);
        set(high(pin), 0xFFFFFFFF);
        assert_int_equal(get(low(pin)), 0x1AFFF);
        assert_int_equal(get(high(pin)), 0xFF000000);
        set(low(pin), 0x10000u | pin);
        assert_int_equal(get(low(pin)), 0x10000u | pin);
        assert_int_equal(get(high(pin)), 0xFF000000);
    }
    set(IOAPIC_ID, 0xFFFFFFFF);
    assert_int_equal(get(IOAPIC_ID), 0x0F000000);
    set(IOAPIC_VERSION, 0);
    assert_int_equal(get(IOAPIC_VERSION), 0x00170011);
}

static void registers_that_do_not_exist_read_0_and_keep_nothing(void **state)
{
    (void)state;
    for (uint32_t index = 0; index < 0x100; index++) {
        if (index <= IOAPIC_ARBITRATION ||
            (index >= IOAPIC_REDIRECTION && index < low(IOAPIC_PINS)))
            continue;
        set(index, 0xFFFFFFFF);
        assert_int_equal(get(index), 0);
    }
}

static void the_index_takes_any_width_and_the_window_doublewords_only(void **state)
{
    (void)state;
    ioapic_write(&vm, IOAPIC_IOREGSEL, 1, 0x12);
    assert_int_equal(ioapic_read(&vm.ioapic, IOAPIC_IOREGSEL, 4), 0x12);
    ioapic_write(&vm, IOAPIC_IOREGSEL, 2, 0xFF10);
    assert_int_equal(ioapic_read(&vm.ioapic, IOAPIC_IOREGSEL, 1), 0x10);
    for (size_t bytes = 1; bytes <= 8; bytes *= 2) {
        if (bytes == 4)
            continue;
        ioapic_write(&vm, IOAPIC_IOWIN, bytes, 0x20);
        assert_true(ioapic_read(&vm.ioapic, IOAPIC_IOWIN, bytes) == UINT64_MAX);
    }
    assert_int_equal(get(0x10), REDIRECTION_MASKED);
    assert_true(ioapic_read(&vm.ioapic, 0x11, 4) == UINT64_MAX);
    assert_true(ioapic_read(&vm.ioapic, 0xFFC, 4) == UINT64_MAX);
    ioapic_write(&vm, 0x40, 4, 0xFFFFFFFF); /* the EOI register of later parts */
}

static void a_rising_line_delivers_what_the_entry_says(void **state)
{
    (void)state;
    set(high(4), 3u << 24);
    set(low(4), 0x31);
    ioapic_set_line(&vm, 4, true);
    assert_int_equal(fake_interrupts.count, 1);
    assert_int_equal(fake_interrupts.destination, 3);
    assert_false(fake_interrupts.logical);
    assert_int_equal(fake_interrupts.mode, DELIVERY_FIXED);
    assert_int_equal(fake_interrupts.vector, 0x31);
    ioapic_set_line(&vm, 4, true);
    assert_int_equal(fake_interrupts.count, 1);
    ioapic_set_line(&vm, 4, false);
    assert_int_equal(fake_interrupts.count, 1);
    ioapic_set_line(&vm, 4, true);
    assert_int_equal(fake_interrupts.count, 2);
}

static void logical_lowest_priority_and_broadcast_go_through(void **state)
{
    (void)state;
    set(high(1), 0xFF000000);
    set(low(1), 0x31 | (uint32_t)REDIRECTION_LOGICAL | DELIVERY_LOWEST_PRIORITY << 8);
    ioapic_set_line(&vm, 1, true);
    assert_int_equal(fake_interrupts.destination, X2APIC_BROADCAST);
    assert_true(fake_interrupts.logical);
    assert_int_equal(fake_interrupts.mode, DELIVERY_LOWEST_PRIORITY);
}

static void an_edge_on_a_masked_pin_is_lost(void **state)
{
    (void)state;
    set(low(4), 0x31 | (uint32_t)REDIRECTION_MASKED);
    ioapic_set_line(&vm, 4, true);
    set(low(4), 0x31);
    assert_int_equal(fake_interrupts.count, 0);
}

static void a_level_that_is_high_is_delivered_when_unmasked(void **state)
{
    (void)state;
    uint32_t entry = 0x31 | (uint32_t)REDIRECTION_LEVEL;
    set(low(4), entry | (uint32_t)REDIRECTION_MASKED);
    ioapic_set_line(&vm, 4, true);
    assert_int_equal(fake_interrupts.count, 0);
    set(low(4), entry);
    assert_int_equal(fake_interrupts.count, 1);
    set(low(5), entry); /* another pin, whose line is low */
    set(low(4), entry);
    set(high(4), 0);
    assert_int_equal(fake_interrupts.count, 1);
    /* How Linux ends a level interrupt that came as an edge. */
    set(low(4), 0x31 | (uint32_t)REDIRECTION_MASKED);
    assert_int_equal(get(low(4)) & REDIRECTION_REMOTE_IRR, 0);
    set(low(4), entry);
    assert_int_equal(fake_interrupts.count, 2);
}

static void a_level_is_delivered_once_until_its_end(void **state)
{
    (void)state;
    set(low(4), 0x31 | (uint32_t)REDIRECTION_LEVEL);
    ioapic_set_line(&vm, 4, true);
    assert_int_equal(fake_interrupts.count, 1);
    assert_true(fake_interrupts.level);
    assert_true(get(low(4)) & REDIRECTION_REMOTE_IRR);
    ioapic_set_line(&vm, 4, false);
    ioapic_set_line(&vm, 4, true);
    assert_int_equal(fake_interrupts.count, 1);
    ioapic_end_of_interrupt(&vm, 0x32); /* another one's */
    assert_int_equal(fake_interrupts.count, 1);
    ioapic_end_of_interrupt(&vm, 0x31);
    assert_int_equal(fake_interrupts.count, 2);
    assert_true(get(low(4)) & REDIRECTION_REMOTE_IRR);
    ioapic_set_line(&vm, 4, false);
    assert_true(get(low(4)) & REDIRECTION_REMOTE_IRR);
    ioapic_end_of_interrupt(&vm, 0x31);
    assert_int_equal(get(low(4)) & REDIRECTION_REMOTE_IRR, 0);
    assert_int_equal(fake_interrupts.count, 2);
}

static void a_level_that_is_masked_meanwhile_comes_when_it_is_opened(void **state)
{
    (void)state;
    uint32_t entry = 0x31 | (uint32_t)REDIRECTION_LEVEL;
    set(low(4), entry);
    ioapic_set_line(&vm, 4, true);
    set(low(4), entry | (uint32_t)REDIRECTION_MASKED);
    assert_true(get(low(4)) & REDIRECTION_REMOTE_IRR);
    ioapic_end_of_interrupt(&vm, 0x31);
    assert_int_equal(get(low(4)) & REDIRECTION_REMOTE_IRR, 0);
    assert_int_equal(fake_interrupts.count, 1);
    set(low(4), entry);
    assert_int_equal(fake_interrupts.count, 2);
}

static void an_end_is_for_all_pins_of_its_vector(void **state)
{
    (void)state;
    for (unsigned pin = 4; pin < 7; pin++) {
        set(low(pin), (pin == 6 ? 0x40 : 0x31) | (uint32_t)REDIRECTION_LEVEL);
        ioapic_set_line(&vm, pin, true);
        ioapic_set_line(&vm, pin, false);
    }
    ioapic_end_of_interrupt(&vm, 0x31);
    assert_int_equal(get(low(4)) & REDIRECTION_REMOTE_IRR, 0);
    assert_int_equal(get(low(5)) & REDIRECTION_REMOTE_IRR, 0);
    assert_true(get(low(6)) & REDIRECTION_REMOTE_IRR);
}

static void a_level_that_nobody_takes_is_tried_at_the_next_write(void **state)
{
    (void)state;
    fake_interrupts.nobody = true;
    set(low(4), 0x31 | (uint32_t)REDIRECTION_LEVEL);
    ioapic_set_line(&vm, 4, true);
    assert_int_equal(get(low(4)) & REDIRECTION_REMOTE_IRR, 0);
    fake_interrupts.nobody = false;
    set(high(4), 0);
    assert_int_equal(fake_interrupts.count, 1);
}

static void an_nmi_or_init_is_an_edge_whatever_the_entry_says(void **state)
{
    (void)state;
    static const uint32_t modes[] = { DELIVERY_NMI, DELIVERY_INIT };
    for (unsigned i = 0; i < 2; i++) {
        set(low(4), modes[i] << REDIRECTION_DELIVERY_SHIFT | (uint32_t)REDIRECTION_LEVEL);
        ioapic_set_line(&vm, 4, true);
        assert_int_equal(fake_interrupts.count, i + 1);
        assert_false(fake_interrupts.level);
        assert_int_equal(get(low(4)) & REDIRECTION_REMOTE_IRR, 0);
        ioapic_set_line(&vm, 4, false);
    }
}

static void modes_that_are_not_the_guests_to_use_deliver_nothing(void **state)
{
    (void)state;
    static const enum apic_delivery_mode modes[] = { DELIVERY_SMI, 3, DELIVERY_STARTUP,
                                                     DELIVERY_EXTINT };
    for (unsigned i = 0; i < 4; i++) {
        set(low(6), 0x31 | (uint32_t)modes[i] << REDIRECTION_DELIVERY_SHIFT);
        ioapic_set_line(&vm, 6, true);
        ioapic_set_line(&vm, 6, false);
    }
    for (uint32_t vector = 0; vector < 16; vector++) {
        set(low(6), vector);
        ioapic_set_line(&vm, 6, true);
        ioapic_set_line(&vm, 6, false);
    }
    assert_int_equal(fake_interrupts.count, 0);
    set(low(6), DELIVERY_NMI << REDIRECTION_DELIVERY_SHIFT);
    ioapic_set_line(&vm, 6, true);
    assert_int_equal(fake_interrupts.count, 1);
    set(low(3), 16);
    ioapic_set_line(&vm, 3, true);
    assert_int_equal(fake_interrupts.count, 2);
}

static void a_pin_that_does_not_exist_is_our_bug(void *argument)
{
    (void)argument;
    ioapic_set_line(&vm, IOAPIC_PINS, true);
}

static void there_are_24_pins(void **state)
{
    (void)state;
    assert_true(dies(a_pin_that_does_not_exist_is_our_bug, NULL));
}

/* Whatever a guest writes, reads stay inside what the data sheet allows. */
static void random_accesses_keep_the_entries_valid(void **state)
{
    (void)state;
    srand(4);
    for (unsigned i = 0; i < 200000; i++) {
        static const uint64_t offsets[] = { 0, 0x10, 0x10, 0x10, 0x40, 7 };
        uint64_t value = (uint64_t)rand() << 20 ^ (uint64_t)rand();
        ioapic_write(&vm, offsets[rand() % 6], (size_t)1 << rand() % 4, value);
        (void)ioapic_read(&vm.ioapic, offsets[rand() % 6], (size_t)1 << rand() % 4);
        ioapic_set_line(&vm, (unsigned)rand() % IOAPIC_PINS, rand() % 2);
        ioapic_end_of_interrupt(&vm, (uint8_t)rand());
        for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
            uint64_t entry = vm.ioapic.entries[pin];
            assert_int_equal(entry & 0x00FFFFFFFFFE1000, 0);
            assert_true(!(entry & REDIRECTION_REMOTE_IRR) || (entry & REDIRECTION_LEVEL));
        }
    }
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(after_reset_every_pin_is_masked),
        TEST(writable_bits_are_kept_and_no_others),
        TEST(registers_that_do_not_exist_read_0_and_keep_nothing),
        TEST(the_index_takes_any_width_and_the_window_doublewords_only),
        TEST(a_rising_line_delivers_what_the_entry_says),
        TEST(logical_lowest_priority_and_broadcast_go_through),
        TEST(an_edge_on_a_masked_pin_is_lost),
        TEST(a_level_that_is_high_is_delivered_when_unmasked),
        TEST(a_level_is_delivered_once_until_its_end),
        TEST(a_level_that_is_masked_meanwhile_comes_when_it_is_opened),
        TEST(an_end_is_for_all_pins_of_its_vector),
        TEST(a_level_that_nobody_takes_is_tried_at_the_next_write),
        TEST(an_nmi_or_init_is_an_edge_whatever_the_entry_says),
        TEST(modes_that_are_not_the_guests_to_use_deliver_nothing),
        TEST(there_are_24_pins),
        TEST(random_accesses_keep_the_entries_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
