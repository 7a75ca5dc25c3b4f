/* SPDX-License-Identifier: MIT
 *
 * By which way a function is reset, what is written for it, and what is as before
 * afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/pci.h"
#include "hv/pci_reset.h"
#include "tests/fake/machine.h"

#define BAR0 0xF0000000ull
#define BRIDGE 1 /* function 0 of the fake's space is behind it */

static struct pci_inventory pci;
static struct pci_function *const it = &pci.functions[1];

static void put(unsigned offset, uint64_t value, unsigned bytes)
{
    memcpy(&fake.pci_space[0][offset], &value, bytes);
}

static int fresh(void **state)
{
    (void)state;
    fake_reset(0, 0);
    fake.tsc_step = 1;
    memset(fake.pci_writable, 0xFF, sizeof fake.pci_writable);
    pci = (struct pci_inventory){ .count = 2 };
    pci.functions[0] = (struct pci_function){ .address = { 0, 0, BRIDGE },
                                              .header = PCI_HEADER_BRIDGE,
                                              .parent = PCI_NO_PARENT, .secondary_bus = 1,
                                              .subordinate_bus = 2 };
    *it = (struct pci_function){ .address = { 0, 1, 0 }, .parent = 0,
                                 .bars = { { BAR0, PCI_SPACE_MEMORY_32, 17, false } } };
    put(PCI_VENDOR_ID, 0x100E8086, 4);
    put(PCI_COMMAND, 3, 2);
    put(PCI_BAR0, BAR0, 4);
    return 0;
}

static enum pci_reset_kind kind_of(void)
{
    return pci_reset_kind(&pci, it);
}

static void reset(enum pci_reset_kind kind)
{
    fake.record_count = 0;
    pci_reset(&pci, it, kind, 1000);
}

/* The number of the first write of this register from `first` on. */
static unsigned next_write(uint64_t where, unsigned first)
{
    while (first < fake.record_count && fake.records[first].where != where)
        first++;
    assert_true(first < fake.record_count);
    return first;
}

static void expect_writes(uint64_t where, uint32_t first, uint32_t second)
{
    unsigned at = next_write(where, 0);
    assert_int_equal(fake.records[at].value, first);
    at = next_write(where, at + 1);
    assert_int_equal(fake.records[at].value, second);
}

static void it_is_reset_by_the_first_way_that_it_knows(void **state)
{
    (void)state;
    assert_int_equal(kind_of(), PCI_RESET_BUS);
    it->power = 0xDC;
    put(0xE0, 0x8, 2); /* keeps its state */
    assert_int_equal(kind_of(), PCI_RESET_BUS);
    put(0xE0, 0x100, 2);
    assert_int_equal(kind_of(), PCI_RESET_POWER);
    it->advanced = 0x70;
    assert_int_equal(kind_of(), PCI_RESET_POWER);
    it->flags = PCI_RESETS_ALONE;
    assert_int_equal(kind_of(), PCI_RESET_ADVANCED);
    it->express = 0x80;
    assert_int_equal(kind_of(), PCI_RESET_ADVANCED);
    put(0x84, PCI_EXPRESS_DEVICE_FLR, 4);
    assert_int_equal(kind_of(), PCI_RESET_FUNCTION);
}

static void each_reset_is_as_the_specification_says(void **state)
{
    (void)state;
    it->power = 0xDC;
    it->advanced = 0x70;
    it->express = 0x80;
    put(0xE0, 0x100, 2);
    put(0x88, 0x2810, 2);

    reset(PCI_RESET_POWER);
    expect_writes(0xE0, 0x103, 0x100);
    assert_int_equal(fake.records[fake.record_count - 1].where, PCI_COMMAND);
    reset(PCI_RESET_FUNCTION);
    expect_writes(0x88, 0xA810, 0x2810);
    reset(PCI_RESET_ADVANCED);
    assert_int_equal(fake.records[0].where, 0x74);
    assert_int_equal(fake.records[0].value, 1);
    memcpy(&fake.pci_space[BRIDGE][PCI_BRIDGE_CONTROL], (uint8_t[]){ 3, 0 }, 2);
    reset(PCI_RESET_BUS);
    expect_writes(PCI_BRIDGE_CONTROL, 0x43, 0x03);
    assert_int_equal(fake.records[next_write(PCI_BAR0, 0)].value, BAR0);
    reset(PCI_RESET_NONE);
    assert_int_equal(fake.record_count, 0);
}

/* A reset turns it off, and then functions of one device reach each other past the
 * root complex. */
static void acs_is_on_again_behind_a_reset(void **state)
{
    (void)state;
    it->power = 0xDC;
    it->acs = 0x140;
    put(0xE0, 0x100, 2);
    put(it->acs + PCI_ACS_CAPABILITY, 0x5F, 2);
    for (enum pci_reset_kind kind = PCI_RESET_POWER; kind <= PCI_RESET_BUS; kind++) {
        put(it->acs + PCI_ACS_CONTROL, 0, 2); /* as any reset leaves it, or its guest */
        reset(kind);
        assert_int_equal(machine_pci_read(it->address, it->acs + PCI_ACS_CONTROL, 2), 0x1D);
    }
}

/* A guest can make some functions forget theirs, or move them by their own registers. */
static void bars_are_where_boot_found_them(void **state)
{
    (void)state;
    it->power = 0xDC;
    it->bars[1] = (struct pci_bar){ 0x2000000000, PCI_SPACE_MEMORY_64, 21, true };
    it->bars[3] = (struct pci_bar){ 0, PCI_SPACE_MEMORY_32, 12, false };
    put(PCI_BAR0, 0x12340000, 4);
    put(PCI_BAR0 + 4, 0, 8);
    put(PCI_BAR0 + 12, 0xFFFFF000, 4);
    reset(PCI_RESET_POWER);
    assert_int_equal(machine_pci_read(it->address, PCI_BAR0, 4), BAR0);
    assert_int_equal(machine_pci_read(it->address, PCI_BAR0 + 4, 4), 0);
    assert_int_equal(machine_pci_read(it->address, PCI_BAR0 + 8, 4), 0x20);
    assert_int_equal(machine_pci_read(it->address, PCI_BAR0 + 12, 4), 0xFFFFF000);
}

static void a_bus_with_others_on_it_is_not_reset(void **state)
{
    (void)state;
    pci.functions[2] = pci.functions[1];
    pci.functions[2].address.bus = 2;
    pci.count = 3;
    assert_int_equal(kind_of(), PCI_RESET_NONE);
    pci.functions[2].address.bus = 3;
    assert_int_equal(kind_of(), PCI_RESET_BUS);
    pci.ignored = 1;
    assert_int_equal(kind_of(), PCI_RESET_NONE);
    pci.functions[1].parent = PCI_NO_PARENT;
    pci.ignored = 0;
    assert_int_equal(kind_of(), PCI_RESET_NONE);
}

/* A second, and it is given up. */
static void a_function_that_never_answers_again_is_not_waited_for_ever(void **state)
{
    (void)state;
    it->express = 0x80;
    put(0x8A, PCI_EXPRESS_PENDING, 2);
    put(PCI_VENDOR_ID, 0xFFFF, 2);
    reset(PCI_RESET_FUNCTION);
    assert_in_range(fake.tsc, 1200, 3000);
}

/* The root complex asks it again and again, and the CPU waits for each answer. */
static void time_is_what_counts_not_questions(void **state)
{
    (void)state;
    it->express = 0x80;
    put(0x8A, PCI_EXPRESS_PENDING, 2);
    put(PCI_VENDOR_ID, 0xFFFF, 2);
    fake.pci_ticks = 50;
    reset(PCI_RESET_FUNCTION);
    assert_in_range(fake.tsc, 1200, 4000);
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_reset_by_the_first_way_that_it_knows),
        TEST(each_reset_is_as_the_specification_says),
        TEST(acs_is_on_again_behind_a_reset),
        TEST(bars_are_where_boot_found_them),
        TEST(a_bus_with_others_on_it_is_not_reset),
        TEST(a_function_that_never_answers_again_is_not_waited_for_ever),
        TEST(time_is_what_counts_not_questions),
    };
    return cmocka_run_group_tests_name("pci_reset", tests, NULL, NULL);
}
