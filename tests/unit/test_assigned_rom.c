/* SPDX-License-Identifier: MIT
 *
 * Whether a function's expansion ROM can be its guest's: only where nothing else that is
 * known is at its address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "hv/assigned_rom.h"
#include "hv/inventory.h"

#define ROM 0xF0040000ull

static struct pci_inventory pci;
static struct inventory inventory;
static char reason[ASSIGNED_ROM_REASON_SIZE];

static struct pci_bar *bar(unsigned function, unsigned number)
{
    return &pci.functions[function].bars[number];
}

static int fresh(void **state)
{
    (void)state;
    memset(&pci, 0, sizeof pci);
    memset(&inventory, 0, sizeof inventory);
    pci.count = 2;
    inventory.pci = &pci;
    pci.functions[1].address = (struct pci_address){ 0, 2, 0x18 };
    *bar(0, 0) = (struct pci_bar){ ROM - 0x20000, PCI_SPACE_MEMORY_32, 17, false };
    *bar(0, PCI_BAR_ROM) = (struct pci_bar){ ROM, PCI_SPACE_MEMORY_32, 16, false };
    *bar(1, 2) = (struct pci_bar){ ROM + 0x10000, PCI_SPACE_MEMORY_32, 12, false };
    *bar(1, 3) = (struct pci_bar){ ROM, PCI_SPACE_IO, 12, false };
    inventory.own_memory[0] = (struct inventory_own){ 0, 0xFFFFF, "the machine's RAM" };
    inventory.own_memory[1] = (struct inventory_own){ ROM + 0x11000, ROM + 0x11FFF, "an IOAPIC" };
    inventory.own_memory_count = 2;
    return 0;
}

static void is_refused(const char *why)
{
    assert_false(assigned_rom_is_usable(&inventory, &pci.functions[0], reason));
    assert_string_equal(reason, why);
}

static void is_usable(void)
{
    assert_true(assigned_rom_is_usable(&inventory, &pci.functions[0], reason));
    assert_string_equal(reason, "");
}

static void one_by_itself_is_shown(void **state)
{
    (void)state;
    is_usable();
    bar(0, PCI_BAR_ROM)->size_shift = 11; /* the rest of the page is nobody's */
    is_usable();
}

static void where_there_is_none_nothing_is_said(void **state)
{
    (void)state;
    bar(0, PCI_BAR_ROM)->space = PCI_SPACE_NONE;
    is_refused("");
}

static void one_without_an_address_is_not_shown(void **state)
{
    (void)state;
    bar(0, PCI_BAR_ROM)->base = 0;
    is_refused("the firmware gave it no address");
}

static void a_page_that_is_something_else_too_is_not_shown(void **state)
{
    (void)state;
    inventory.own_memory[1].first = ROM + 0xFFFF;
    is_refused("at its address f0040000 is an IOAPIC");
    inventory.own_memory[1].first = ROM + 0x10000;
    bar(0, PCI_BAR_ROM)->size_shift = 11;
    inventory.own_memory[1].first = ROM + 0x800; /* in the rest of its page */
    is_refused("at its address f0040000 is an IOAPIC");
    inventory.own_memory[1].first = ROM + 0x10000;
    *bar(1, 2) = (struct pci_bar){ ROM + 0xF00, PCI_SPACE_MEMORY_32, 8, false };
    is_refused("in its pages from f0040000 on is also a BAR of 02:03.0");
    *bar(1, 2) = (struct pci_bar){ ROM + 0x1000, PCI_SPACE_MEMORY_32, 8, false };
    is_usable();
    bar(0, PCI_BAR_ROM)->base += 0x800;
    is_refused("it begins inside a page of 4 KiB, at f0040800");
}

static void one_that_lies_over_a_bar_is_not_shown(void **state)
{
    (void)state;
    bar(0, 0)->base = ROM;
    is_refused("in its pages from f0040000 on is also a BAR of 00:00.0");
    bar(0, 0)->base = ROM - 0x20000;
    *bar(1, PCI_BAR_ROM) = *bar(0, PCI_BAR_ROM); /* as firmware copied each from there */
    is_refused("in its pages from f0040000 on is also a BAR of 02:03.0");
    bar(1, PCI_BAR_ROM)->base = 0;
    is_usable();
}

static void what_the_processors_have_is_not_covered(void **state)
{
    (void)state;
    bar(0, PCI_BAR_ROM)->base = 0xFEE10000;
    is_refused("from fee10000 on it holds where interrupts are sent to");
    bar(0, PCI_BAR_ROM)->base = 0xFEF00000;
    is_usable();
    *bar(0, PCI_BAR_ROM) = (struct pci_bar){ 0xFE800000, PCI_SPACE_MEMORY_32, 23, false };
    is_refused("from fe800000 on it holds where interrupts are sent to");
    *bar(0, PCI_BAR_ROM) = (struct pci_bar){ 0xFD801000, PCI_SPACE_MEMORY_32, 16, false };
    is_refused("fd801000 is no multiple of its size");
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_by_itself_is_shown),
        TEST(where_there_is_none_nothing_is_said),
        TEST(one_without_an_address_is_not_shown),
        TEST(a_page_that_is_something_else_too_is_not_shown),
        TEST(one_that_lies_over_a_bar_is_not_shown),
        TEST(what_the_processors_have_is_not_covered),
    };
    return cmocka_run_group_tests_name("assigned_rom", tests, NULL, NULL);
}
