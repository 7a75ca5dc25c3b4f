/* SPDX-License-Identifier: MIT
 *
 * hv/irte.c: bits against the specification's figures, and what a unit sees of an entry
 * that is being changed: whole ones or none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "hv/irte.h"
#include "hv/machine.h"
#include "tests/fake/dies.h"

static uint64_t entry[2];
static struct irte before, after;
static unsigned times;
static bool watched, stays;

/* An absent entry may say anything else. */
void __wrap_machine_memory_publish(const void *at, size_t bytes);
void __wrap_machine_memory_publish(const void *at, size_t bytes)
{
    assert_true((const uint64_t *)at >= entry && (const uint64_t *)at < entry + 2);
    assert_int_equal(bytes, 8);
    times++;
    assert_true(!stays || entry[0] & 1);
    if (watched && entry[0] & 1)
        assert_true((entry[0] == before.low && entry[1] == before.high)
                    || (entry[0] == after.low && entry[1] == after.high));
}

static const struct vtd_interrupt fixed = { .apic_id = 0x12345, .delivery = DELIVERY_FIXED,
                                            .vector = 0x61 };

static void an_entry_names_vector_destination_and_source(void **state)
{
    (void)state;
    struct irte made = irte_make(&fixed, 0x0318, true);
    assert_int_equal(made.low, 0x0001234500610001);
    assert_int_equal(made.high, 0x0000000000040318); /* SVT 01: all 16 bits */
    struct vtd_interrupt small = fixed;
    small.apic_id = 0x45;
    small.level = true;
    assert_int_equal(irte_make(&small, 0xFFFF, false).low, 0x0000450000610011);
    struct vtd_interrupt nmi = { .apic_id = 3, .delivery = DELIVERY_NMI, .vector = 0x55,
                                 .level = true };
    assert_int_equal(irte_make(&nmi, 0, true).low, 0x0000000300000081);
}

static void what_could_harm_cannot_be(void **state)
{
    (void)state;
    struct vtd_interrupt interrupt = fixed;
    assert_true(irte_can_be(&interrupt, true));
    assert_false(irte_can_be(&interrupt, false)); /* no 8 bits */
    interrupt.apic_id = 0xFE;
    assert_true(irte_can_be(&interrupt, false));
    interrupt.apic_id = 0xFF; /* all CPUs */
    assert_false(irte_can_be(&interrupt, false));
    assert_true(irte_can_be(&interrupt, true));
    interrupt.apic_id = UINT32_MAX;
    assert_false(irte_can_be(&interrupt, true));
    interrupt.apic_id = 0;
    for (unsigned vector = 0; vector < 256; vector++) {
        interrupt.vector = (uint8_t)vector;
        assert_int_equal(irte_can_be(&interrupt, true), vector >= 16);
    }
    for (unsigned mode = 0; mode < 8; mode++) {
        interrupt.delivery = (enum apic_delivery_mode)mode;
        assert_int_equal(irte_can_be(&interrupt, true), mode == 0 || mode == 4);
    }
}

static void make_init(void *unused)
{
    (void)unused;
    struct vtd_interrupt init = { .delivery = DELIVERY_INIT };
    (void)irte_make(&init, 0, true);
}

static void nobody_makes_what_cannot_be(void **state)
{
    (void)state;
    assert_true(dies(make_init, NULL));
}

static void a_unit_never_sees_half_an_entry(void **state)
{
    (void)state;
    struct vtd_interrupt other = { .apic_id = 7, .delivery = DELIVERY_FIXED, .vector = 0x99 };
    before = irte_make(&fixed, 0x0318, true);
    after = irte_make(&other, 0x0500, true);
    memset(entry, 0, sizeof entry);
    irte_store(entry, before);
    watched = true;
    times = 0;
    irte_store(entry, after);
    assert_int_equal(times, 3);
    assert_int_equal(entry[0], after.low);
    assert_int_equal(entry[1], after.high);
    irte_clear(entry);
    watched = false;
    assert_int_equal(entry[0] | entry[1], 0);
}

/* A message that comes meanwhile would be lost, and be a fault of the device. */
static void an_entry_that_is_moved_is_never_absent(void **state)
{
    (void)state;
    struct vtd_interrupt other = { .apic_id = 7, .delivery = DELIVERY_FIXED, .vector = 0x99 };
    before = irte_make(&fixed, 0x0318, true);
    after = irte_make(&other, 0x0318, true);
    memset(entry, 0, sizeof entry);
    irte_store(entry, before);
    watched = stays = true;
    irte_store(entry, after);
    watched = stays = false;
    assert_int_equal(entry[0], after.low);
    assert_int_equal(entry[1], after.high);
}

static void messages_name_the_index(void **state)
{
    (void)state;
    assert_int_equal(irte_message(0, false).address, 0xFEE00010);
    assert_int_equal(irte_message(5, false).address, 0xFEE000B0);
    assert_int_equal(irte_message(5, true).address, 0xFEE000B8);
    assert_int_equal(irte_message(0x8001, false).address, 0xFEE00034);
    assert_int_equal(irte_message(5, true).data, 0);
    assert_int_equal(irte_redirection(5, 0x61, true, true), 5ull << 49 | 1ull << 48 | 0xA061);
    assert_int_equal(irte_redirection(0x8001, 0, false, false),
                     1ull << 49 | 1ull << 48 | 1ull << 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_names_vector_destination_and_source),
        cmocka_unit_test(what_could_harm_cannot_be),
        cmocka_unit_test(nobody_makes_what_cannot_be),
        cmocka_unit_test(a_unit_never_sees_half_an_entry),
        cmocka_unit_test(an_entry_that_is_moved_is_never_absent),
        cmocka_unit_test(messages_name_the_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
