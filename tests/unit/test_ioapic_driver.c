/* SPDX-License-Identifier: MIT
 *
 * drivers/ioapic.c on an IOAPIC behind its two registers. The fake fails a test
 * in which an entry is unmasked while its halves do not belong together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/ioapic.h"
#include "drivers/mmio.h"

#define ENTRIES 24

static volatile uint32_t window[17];
static uint32_t selected;
static uint32_t version;
static uint32_t entries[2 * 240];
static bool absent;

uint32_t mmio_read32(const volatile uint32_t *at)
{
    if (absent)
        return UINT32_MAX;
    if (at == window)
        return selected;
    assert_ptr_equal(at, window + 4);
    if (selected == IOAPIC_ID)
        return 0x09000000;
    if (selected == IOAPIC_VERSION)
        return version;
    assert_in_range(selected, IOAPIC_REDIRECTION, IOAPIC_REDIRECTION + 2 * 240 - 1);
    return entries[selected - IOAPIC_REDIRECTION];
}

static bool version_with_eoi(void)
{
    return (version & 0xFF) >= IOAPIC_VERSION_WITH_EOI;
}

/* Ends level-triggered entries of that vector, and in old versions nothing. */
static void end_vector(uint32_t vector)
{
    for (unsigned i = 0; i < ENTRIES && version_with_eoi(); i++)
        if ((entries[2 * i] & REDIRECTION_LEVEL)
            && (entries[2 * i] & REDIRECTION_VECTOR_MASK) == vector)
            entries[2 * i] &= ~(uint32_t)REDIRECTION_REMOTE_IRR;
}

void mmio_write32(volatile uint32_t *at, uint32_t value)
{
    if (at == window) {
        selected = value;
        return;
    }
    if (at == window + IOAPIC_EOIR / sizeof(uint32_t)) {
        end_vector(value);
        return;
    }
    assert_ptr_equal(at, window + 4);
    if (absent)
        return;
    assert_in_range(selected, IOAPIC_REDIRECTION, IOAPIC_REDIRECTION + 2 * 240 - 1);
    uint32_t index = selected - IOAPIC_REDIRECTION;
    if (index % 2 == 1)
        assert_true((entries[index - 1] & REDIRECTION_MASKED) != 0);
    bool remote_irr = entries[index] & REDIRECTION_REMOTE_IRR;
    entries[index] = value & ~(uint32_t)REDIRECTION_REMOTE_IRR;
    if (index % 2 == 0 && remote_irr && (version_with_eoi() || (value & REDIRECTION_LEVEL)))
        entries[index] |= REDIRECTION_REMOTE_IRR;
}

static int setup(void **state)
{
    (void)state;
    memset(entries, 0, sizeof entries);
    version = 0x00170011;
    selected = 0x55;
    absent = false;
    return 0;
}

static uint64_t entry(unsigned index)
{
    return (uint64_t)entries[2 * index + 1] << 32 | entries[2 * index];
}

static void everything_is_masked_at_first(void **state)
{
    (void)state;
    struct host_ioapic ioapic;
    assert_true(host_ioapic_init(&ioapic, window, 24));
    assert_int_equal(ioapic.entries, ENTRIES);
    assert_int_equal(ioapic.version, 0x11);
    assert_int_equal(ioapic.id, 9);
    for (unsigned i = 0; i < ENTRIES; i++)
        assert_int_equal(entry(i), REDIRECTION_MASKED);
    assert_int_equal(entry(ENTRIES), 0);
}

static void an_absent_ioapic_is_noticed(void **state)
{
    (void)state;
    struct host_ioapic ioapic;
    absent = true;
    assert_false(host_ioapic_init(&ioapic, window, 0));
    assert_false(host_ioapic_owns(&ioapic, 0));

    absent = false;
    version = 0; /* plain memory */
    assert_false(host_ioapic_init(&ioapic, window, 0));
}

static void a_count_beyond_the_register_file_is_cut(void **state)
{
    (void)state;
    struct host_ioapic ioapic;
    version = 0x00FF0020;
    assert_true(host_ioapic_init(&ioapic, window, 0));
    assert_int_equal(ioapic.entries, 240);
}

static void a_level_interrupt_is_routed_to_its_cpu(void **state)
{
    (void)state;
    struct host_ioapic ioapic;
    const struct host_ioapic_route route = { DELIVERY_FIXED, 0x41, ACPI_ACTIVE_LOW, ACPI_LEVEL, 6 };
    assert_true(host_ioapic_init(&ioapic, window, 24));
    assert_true(host_ioapic_route(&ioapic, 24 + 5, &route));
    assert_int_equal(entry(5), 0x060000000000A041);
    host_ioapic_mask(&ioapic, 24 + 5);
    assert_int_equal(entries[2 * 5], 0x1A000); /* masked, and as the line is */
}

/* A guest that ends before its EOI must not leave its line dead for good. */
static void what_was_sent_and_never_ended_is_ended(void **state)
{
    (void)state;
    struct host_ioapic ioapic;
    const struct host_ioapic_route route = { DELIVERY_FIXED, 0x41, ACPI_ACTIVE_LOW, ACPI_LEVEL, 6 };
    for (unsigned with_eoi = 0; with_eoi < 2; with_eoi++) {
        version = with_eoi ? 0x00170020 : 0x00170011;
        assert_true(host_ioapic_init(&ioapic, window, 24));
        assert_true(host_ioapic_route(&ioapic, 24 + 5, &route));
        entries[2 * 5] |= REDIRECTION_REMOTE_IRR;
        host_ioapic_mask(&ioapic, 24 + 5);
        assert_int_equal(entries[2 * 5], 0x1A000);
        assert_true(host_ioapic_route(&ioapic, 24 + 5, &route));
        entries[2 * 5] |= REDIRECTION_REMOTE_IRR;
        assert_true(host_ioapic_route(&ioapic, 24 + 5, &route));
        assert_int_equal(entry(5), 0x060000000000A041);
    }
}

static void an_nmi_is_edge_triggered_and_has_no_vector(void **state)
{
    (void)state;
    struct host_ioapic ioapic;
    const struct host_ioapic_route route = { DELIVERY_NMI, 0x41, ACPI_ACTIVE_HIGH, ACPI_LEVEL,
                                             254 };
    assert_true(host_ioapic_init(&ioapic, window, 0));
    assert_true(host_ioapic_route(&ioapic, 4, &route));
    assert_int_equal(entry(4), 0xFE00000000000400);
}

static void what_cannot_be_routed_changes_nothing(void **state)
{
    (void)state;
    struct host_ioapic ioapic;
    struct host_ioapic_route route = { DELIVERY_FIXED, 0x41, ACPI_ACTIVE_HIGH, ACPI_EDGE, 0 };
    assert_true(host_ioapic_init(&ioapic, window, 24));
    assert_false(host_ioapic_route(&ioapic, 23, &route));
    assert_false(host_ioapic_route(&ioapic, 48, &route));
    assert_false(host_ioapic_route(&ioapic, UINT32_MAX, &route));
    host_ioapic_mask(&ioapic, 0);
    host_ioapic_mask(&ioapic, 48);
    route.apic_id = 255;
    assert_false(host_ioapic_route(&ioapic, 24, &route));
    route.apic_id = 0x100;
    assert_false(host_ioapic_route(&ioapic, 24, &route));
    route.apic_id = 0;
    route.delivery = DELIVERY_SMI;
    assert_false(host_ioapic_route(&ioapic, 24, &route));
    for (unsigned i = 0; i < ENTRIES; i++)
        assert_int_equal(entry(i), REDIRECTION_MASKED);
}

static void an_entry_in_the_remappable_format_is_written_as_it_is(void **state)
{
    (void)state;
    struct host_ioapic ioapic;
    assert_true(host_ioapic_init(&ioapic, window, 24));
    assert_true(host_ioapic_route_remapped(&ioapic, 24 + 4, 0x000B000000002000));
    assert_int_equal(entry(4), 0x000B000000002000);
    assert_false(host_ioapic_route_remapped(&ioapic, 23, 0x000B000000002000));
    assert_false(host_ioapic_route_remapped(&ioapic, 24 + ENTRIES, 0x000B000000002000));
    assert_int_equal(entry(5), REDIRECTION_MASKED);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_is_masked_at_first),
        TEST(an_absent_ioapic_is_noticed),
        TEST(a_count_beyond_the_register_file_is_cut),
        TEST(a_level_interrupt_is_routed_to_its_cpu),
        TEST(what_was_sent_and_never_ended_is_ended),
        TEST(an_nmi_is_edge_triggered_and_has_no_vector),
        TEST(an_entry_in_the_remappable_format_is_written_as_it_is),
        TEST(what_cannot_be_routed_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
