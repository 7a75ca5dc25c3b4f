/* SPDX-License-Identifier: MIT
 *
 * drivers/pci.c and drivers/pci_function.c on the configuration spaces of
 * machines made here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/pci.h"
#include "drivers/pci.h"
#include "hv/pci_topology.h"
#include "tests/fake/pci_space.h"

#define NIC 0x100E8086
#define DISK 0x29228086

static struct pci_inventory pci;

static int set_up(void **state)
{
    (void)state;
    fake_pci_reset();
    memset(&pci, 0xA5, sizeof pci);
    return 0;
}

static const struct pci_function *at(uint16_t segment, uint8_t bus, uint8_t device,
                                     uint8_t function)
{
    struct pci_address address = { segment, bus, (uint8_t)(device << 3 | function) };
    const struct pci_function *found = pci_function_at(&pci, address);
    assert_non_null(found);
    return found;
}

static void assert_problem(enum pci_problem_kind kind, uint8_t bus, uint8_t device)
{
    for (unsigned i = 0; i < pci.problem_count; i++)
        if (pci.problems[i].kind == kind && pci.problems[i].address.bus == bus
            && pci.problems[i].address.function == device << 3)
            return;
    fail_msg("no problem %d of %02x:%02x.0", (int)kind, bus, device);
}

static void an_empty_machine_has_no_functions(void **state)
{
    (void)state;
    pci_scan(&pci);
    assert_int_equal(pci.count, 0);
    assert_int_equal(pci.problem_count, 0);
    assert_int_equal(fake_pci_space.writes, 0);
}

static void what_a_function_says_is_recorded(void **state)
{
    (void)state;
    struct fake_pci *disk = fake_pci_add(0, 0x1F, 0, DISK, 0x0106);
    fake_pci_set(disk, PCI_REVISION_ID, 4, 0x01060102);
    fake_pci_set(disk, PCI_INTERRUPT_LINE, 1, 11);
    fake_pci_set(disk, PCI_INTERRUPT_PIN, 1, 2);
    pci_scan(&pci);
    assert_int_equal(pci.count, 1);
    const struct pci_function *found = at(0, 0, 0x1F, 0);
    assert_int_equal(found->vendor_id, 0x8086);
    assert_int_equal(found->device_id, 0x2922);
    assert_int_equal(found->class_code, 0x0106);
    assert_int_equal(found->interface, 1);
    assert_int_equal(found->revision, 2);
    assert_int_equal(found->interrupt_line, 11);
    assert_int_equal(found->interrupt_pin, 2);
    assert_int_equal(found->command, 7);
    assert_int_equal(found->parent, PCI_NO_PARENT);
    assert_int_equal(found->flags, 0);
    for (unsigned i = 0; i < PCI_BARS; i++)
        assert_int_equal(found->bars[i].space, PCI_SPACE_NONE);
}

static void there_is_no_fifth_interrupt_pin(void **state)
{
    (void)state;
    fake_pci_set(fake_pci_add(0, 1, 0, NIC, 0x0200), PCI_INTERRUPT_PIN, 1, 5);
    pci_scan(&pci);
    assert_int_equal(at(0, 0, 1, 0)->interrupt_pin, 0);
}

static void functions_behind_the_first_are_found_if_it_says_so(void **state)
{
    (void)state;
    fake_pci_add(0, 3, 0, NIC, 0x0200);
    fake_pci_add(0, 3, 1, NIC, 0x0200);
    struct fake_pci *first = fake_pci_add(0, 4, 0, NIC, 0x0200);
    fake_pci_set(first, PCI_HEADER_TYPE, 1, PCI_HEADER_MULTI_FUNCTION);
    fake_pci_add(0, 4, 7, NIC, 0x0200);
    fake_pci_add(0, 5, 1, NIC, 0x0200); /* without a function 0 */
    fake_pci_add(0, 6, 0, 0, 0x0200);   /* what some chipsets answer for nobody */
    pci_scan(&pci);
    assert_int_equal(pci.count, 3);
    at(0, 0, 3, 0);
    assert_true(at(0, 0, 4, 0)->flags & PCI_IS_MULTI_FUNCTION);
    at(0, 0, 4, 7);
}

static void assert_bar(const struct pci_bar *bar, enum pci_space space, uint64_t base,
                       unsigned size_shift, bool prefetchable)
{
    assert_int_equal(bar->space, space);
    assert_int_equal(bar->base, base);
    assert_int_equal(bar->size_shift, size_shift);
    assert_int_equal(bar->prefetchable, prefetchable);
}

static void bars_of_every_kind_are_sized_and_stay_as_they_were(void **state)
{
    (void)state;
    static uint8_t before[4096];
    struct fake_pci *card = fake_pci_add(0, 2, 0, NIC, 0x0200);
    fake_pci_bar(card, 0x10, 0, 0xFEBC0000, KIB(128), 4);
    fake_pci_bar(card, 0x14, PCI_BAR_IO, 0xC040, 32, 2); /* 16 bits of address */
    fake_pci_bar(card, 0x18, PCI_BAR_TYPE_64 | PCI_BAR_PREFETCHABLE, GIB(512), GIB(8), 8);
    fake_pci_bar(card, 0x20, PCI_BAR_PREFETCHABLE, 0, MIB(16), 4);
    fake_pci_bar(card, 0x24, 2, 0xC0000, KIB(16), 4); /* below 1 MiB */
    fake_pci_bar(card, PCI_EXPANSION_ROM, 1, 0xFEB80000, KIB(256), 4);
    memcpy(before, card->bytes, sizeof before);
    pci_scan(&pci);

    const struct pci_function *found = at(0, 0, 2, 0);
    assert_int_equal(pci.problem_count, 0);
    assert_bar(&found->bars[0], PCI_SPACE_MEMORY_32, 0xFEBC0000, 17, false);
    assert_bar(&found->bars[1], PCI_SPACE_IO, 0xC040, 5, false);
    assert_bar(&found->bars[2], PCI_SPACE_MEMORY_64, GIB(512), 33, true);
    assert_int_equal(found->bars[3].space, PCI_SPACE_NONE);
    assert_bar(&found->bars[4], PCI_SPACE_MEMORY_32, 0, 24, true);
    assert_bar(&found->bars[5], PCI_SPACE_MEMORY_32, 0xC0000, 14, false);
    assert_bar(&found->bars[PCI_BAR_ROM], PCI_SPACE_MEMORY_32, 0xFEB80000, 18, false);
    assert_memory_equal(before, card->bytes, sizeof before);
}

static void a_bar_of_all_ones_is_one_that_nobody_placed(void **state)
{
    (void)state;
    struct fake_pci *card = fake_pci_add(0, 2, 0, NIC, 0x0200);
    fake_pci_bar(card, PCI_EXPANSION_ROM, 0, 0xFFFC0000, KIB(256), 4);
    pci_scan(&pci);
    assert_bar(&at(0, 0, 2, 0)->bars[PCI_BAR_ROM], PCI_SPACE_MEMORY_32, 0, 18, false);
}

static void bars_that_cannot_be_are_named_and_left_out(void **state)
{
    (void)state;
    struct fake_pci *holes = fake_pci_add(0, 1, 0, NIC, 0x0200);
    fake_pci_bar(holes, 0x10, 0, 0xF4000000, KIB(128), 4);
    holes->writable[0x13] = 0xF7;
    struct fake_pci *cut = fake_pci_add(0, 2, 0, NIC, 0x0200);
    fake_pci_set(cut, 0x24, 4, PCI_BAR_TYPE_64);
    struct fake_pci *reserved = fake_pci_add(0, 3, 0, NIC, 0x0200);
    fake_pci_bar(reserved, 0x10, PCI_BAR_TYPE_RESERVED, 0xFEBC0000, KIB(4), 4);
    struct fake_pci *fixed = fake_pci_add(0, 4, 0, NIC, 0x0200);
    fake_pci_set(fixed, 0x10, 4, 0xFEBD1000); /* takes no write */
    pci_scan(&pci);
    for (uint8_t device = 1; device <= 4; device++) {
        assert_problem(PCI_IMPOSSIBLE_BAR, 0, device);
        for (unsigned i = 0; i < PCI_BARS; i++)
            assert_int_equal(at(0, 0, device, 0)->bars[i].space, PCI_SPACE_NONE);
    }
    assert_int_equal(pci.problem_count, 4);
}

static void a_bridge_has_two_bars_and_its_rom_elsewhere(void **state)
{
    (void)state;
    struct fake_pci *bridge = fake_pci_add_bridge(0, 1, 0, 1, 1);
    fake_pci_bar(bridge, 0x10, PCI_BAR_TYPE_64, 0xFEB95000, KIB(4), 8);
    fake_pci_bar(bridge, 0x20, 0, 0x12340000, KIB(4), 4); /* memory behind it: no BAR */
    fake_pci_bar(bridge, PCI_BRIDGE_EXPANSION_ROM, 0, 0xFEB80000, KIB(2), 4);
    pci_scan(&pci);
    const struct pci_function *found = at(0, 0, 1, 0);
    assert_bar(&found->bars[0], PCI_SPACE_MEMORY_64, 0xFEB95000, 12, false);
    assert_int_equal(found->bars[4].space, PCI_SPACE_NONE);
    assert_bar(&found->bars[PCI_BAR_ROM], PCI_SPACE_MEMORY_32, 0xFEB80000, 11, false);
}

static void a_host_bridge_is_never_written_to(void **state)
{
    (void)state;
    struct fake_pci *host = fake_pci_add(0, 0, 0, 0x12378086, PCI_CLASS_HOST_BRIDGE);
    fake_pci_bar(host, 0x10, 0, 0xE0000000, MIB(64), 4);
    pci_scan(&pci);
    assert_int_equal(fake_pci_space.writes, 0);
    assert_int_equal(at(0, 0, 0, 0)->bars[0].space, PCI_SPACE_NONE);
}

static void an_unknown_header_is_named_and_not_followed(void **state)
{
    (void)state;
    fake_pci_set(fake_pci_add(0, 1, 0, NIC, 0x0200), PCI_HEADER_TYPE, 1, 3);
    pci_scan(&pci);
    assert_problem(PCI_UNKNOWN_HEADER, 0, 1);
    assert_int_equal(fake_pci_space.writes, 0);
    assert_int_equal(pci.count, 1);
}

static void capabilities_are_found_in_their_lists(void **state)
{
    (void)state;
    struct fake_pci *card = fake_pci_add(0, 2, 0, NIC, 0x0200);
    fake_pci_express(card, PCI_PORT_ENDPOINT);
    fake_pci_set(card, 0x44, 4, PCI_EXPRESS_DEVICE_FLR);
    fake_pci_capability(card, 0xD0, PCI_CAPABILITY_MSI);
    fake_pci_set(card, fake_pci_capability(card, 0xA0, PCI_CAPABILITY_MSIX) + 2, 2, 0x8000 | 63);
    fake_pci_extended(card, 0x100, 0x0001);
    fake_pci_extended(card, 0x150, PCI_EXTENDED_ARI);
    fake_pci_extended(card, 0x160, PCI_EXTENDED_ATS);
    fake_pci_set(card, fake_pci_extended(card, 0xFC0, PCI_EXTENDED_SRIOV) + 0x0E, 2, 64);
    pci_scan(&pci);

    const struct pci_function *found = at(0, 0, 2, 0);
    assert_int_equal(pci.problem_count, 0);
    assert_int_equal(found->flags, PCI_IS_EXPRESS | PCI_RESETS_ALONE);
    assert_int_equal(found->express, 0x40);
    assert_int_equal(found->port_type, PCI_PORT_ENDPOINT);
    assert_int_equal(found->msi, 0xD0);
    assert_int_equal(found->msix, 0xA0);
    assert_int_equal(found->msix_vectors, 64);
    assert_int_equal(found->ari, 0x150);
    assert_int_equal(found->ats, 0x160);
    assert_int_equal(found->sriov, 0xFC0);
    assert_int_equal(found->virtual_functions, 64);
    assert_int_equal(found->acs, 0);
}

static void a_conventional_function_may_have_a_reset_of_its_own(void **state)
{
    (void)state;
    struct fake_pci *card = fake_pci_add(0, 2, 0, NIC, 0x0200);
    fake_pci_set(card, fake_pci_capability(card, 0x50, PCI_CAPABILITY_ADVANCED_FEATURES) + 3, 1,
                 PCI_ADVANCED_FEATURES_FLR);
    fake_pci_extended(card, 0x100, PCI_EXTENDED_ATS); /* cannot be reached on a real one */
    pci_scan(&pci);
    assert_int_equal(at(0, 0, 2, 0)->flags, PCI_RESETS_ALONE);
    assert_int_equal(at(0, 0, 2, 0)->ats, 0);
}

static void a_list_that_the_status_denies_is_not_followed(void **state)
{
    (void)state;
    struct fake_pci *card = fake_pci_add(0, 2, 0, NIC, 0x0200);
    fake_pci_capability(card, 0x50, PCI_CAPABILITY_MSI);
    fake_pci_set(card, PCI_STATUS, 2, 0);
    pci_scan(&pci);
    assert_int_equal(at(0, 0, 2, 0)->msi, 0);
}

static void lists_without_an_end_are_named_and_left(void **state)
{
    (void)state;
    struct fake_pci *loop = fake_pci_add(0, 1, 0, NIC, 0x0200);
    fake_pci_capability(loop, 0x50, PCI_CAPABILITY_MSI);
    fake_pci_capability(loop, 0x60, 0x09);
    fake_pci_set(loop, 0x61, 1, 0x50);
    struct fake_pci *extended = fake_pci_add(0, 2, 0, NIC, 0x0200);
    fake_pci_express(extended, PCI_PORT_ENDPOINT);
    fake_pci_extended(extended, 0x100, PCI_EXTENDED_ATS);
    fake_pci_set(extended, 0x100, 4, 0x100u << 20 | 1u << 16 | PCI_EXTENDED_ATS);
    pci_scan(&pci);
    assert_problem(PCI_ENDLESS_CAPABILITIES, 0, 1);
    assert_problem(PCI_ENDLESS_CAPABILITIES, 0, 2);
    assert_int_equal(at(0, 0, 1, 0)->msi, 0x50);
    assert_int_equal(at(0, 0, 2, 0)->ats, 0x100);
    assert_true(fake_pci_space.reads < 256 * PCI_DEVICES + 4096);
}

static void acs_is_turned_on_as_far_as_it_exists(void **state)
{
    (void)state;
    struct fake_pci *port = fake_pci_add_bridge(0, 1, 0, 1, 1);
    fake_pci_express(port, PCI_PORT_ROOT);
    fake_pci_acs(port, 0x100, 0x1D);
    struct fake_pci *refuses = fake_pci_add_bridge(0, 2, 0, 2, 2);
    fake_pci_express(refuses, PCI_PORT_ROOT);
    fake_pci_acs(refuses, 0x100, 0x1D);
    refuses->writable[0x106] = 0x15;
    struct fake_pci *outside = fake_pci_add_bridge(0, 3, 0, 3, 3);
    fake_pci_express(outside, PCI_PORT_ROOT);
    fake_pci_extended(outside, 0x100, 0x0001);
    fake_pci_extended(outside, 0xFFC, PCI_EXTENDED_ACS); /* its registers would lie beyond */
    struct fake_pci *more = fake_pci_add_bridge(0, 4, 0, 4, 4);
    fake_pci_express(more, PCI_PORT_ROOT);
    fake_pci_acs(more, 0x100, 0x7F);
    pci_scan(&pci);
    assert_int_equal(fake_pci_get(port, 0x106, 2), 0x1D);
    assert_true(at(0, 0, 1, 0)->flags & PCI_ISOLATES);
    assert_false(at(0, 0, 2, 0)->flags & PCI_ISOLATES);
    assert_false(at(0, 0, 3, 0)->flags & PCI_ISOLATES);
    assert_int_equal(fake_pci_get(more, 0x106, 2), 0x1D); /* not translation blocking */
    assert_true(at(0, 0, 4, 0)->flags & PCI_ISOLATES);
}

static void buses_behind_bridges_and_root_buses_are_found(void **state)
{
    (void)state;
    fake_pci_add_bridge(0, 1, 0, 1, 3);
    fake_pci_add_bridge(1, 0, 0, 2, 3);
    fake_pci_add(3, 4, 0, NIC, 0x0200);    /* SR-IOV's, or of a bridge that hides */
    fake_pci_add(2, 5, 0, NIC, 0x0200);
    fake_pci_add(0x80, 0, 0, DISK, 0x0106); /* the second socket's */
    pci_scan(&pci);
    assert_int_equal(pci.count, 5);
    assert_int_equal(pci.problem_count, 0);
    assert_int_equal(at(0, 1, 0, 0)->parent, 0);
    assert_int_equal(at(0, 2, 5, 0)->parent, 1);
    assert_int_equal(at(0, 3, 4, 0)->parent, 1);
    assert_int_equal(at(0, 0x80, 0, 0)->parent, PCI_NO_PARENT);
}

static void segments_are_kept_apart(void **state)
{
    (void)state;
    fake_pci_space.ranges[1] = (struct pci_range){ 2, 0x10, 0x1F };
    fake_pci_space.range_count = 2;
    fake_pci_add_bridge(0, 1, 0, 0x10, 0x1F);
    fake_pci_add(0x11, 0, 0, NIC, 0x0200)->address.segment = 2;
    fake_pci_add(0x0F, 0, 0, NIC, 0x0200)->address.segment = 2; /* outside the range */
    pci_scan(&pci);
    assert_int_equal(pci.count, 2);
    assert_int_equal(at(2, 0x11, 0, 0)->parent, PCI_NO_PARENT);
}

static void a_device_that_answers_for_all_on_its_link_is_one(void **state)
{
    (void)state;
    fake_pci_express(fake_pci_add_bridge(0, 1, 0, 1, 1), PCI_PORT_ROOT);
    fake_pci_add(1, 0, 0, NIC, 0x0200)->every_device = true;
    pci_scan(&pci);
    assert_int_equal(pci.count, 2);
}

static void ari_functions_are_followed_upwards_only(void **state)
{
    (void)state;
    struct fake_pci *port = fake_pci_add_bridge(0, 1, 0, 1, 1);
    fake_pci_express(port, PCI_PORT_ROOT);
    fake_pci_set(port, 0x68, 2, PCI_EXPRESS_ARI_FORWARDING);
    static const uint8_t numbers[] = { 0, 9, 0xFF };
    for (unsigned i = 0; i < 3; i++) {
        struct fake_pci *function = fake_pci_add(1, numbers[i] >> 3, numbers[i] & 7, NIC, 0x0200);
        fake_pci_express(function, PCI_PORT_ENDPOINT);
        fake_pci_extended(function, 0x100, PCI_EXTENDED_ARI);
        fake_pci_set(function, 0x105, 1, i < 2 ? numbers[i + 1] : 0);
    }
    pci_scan(&pci);
    assert_int_equal(pci.count, 4);
    assert_int_equal(at(0, 1, 0x1F, 7)->parent, 0);
    assert_int_equal(at(0, 1, 1, 1)->group, at(0, 1, 0x1F, 7)->group);

    fake_pci_set(&fake_pci_space.functions[3], 0x105, 1, 9); /* a loop */
    pci_scan(&pci);
    assert_int_equal(pci.count, 4);
}

static void bridges_that_lie_are_named_and_the_scan_ends(void **state)
{
    (void)state;
    fake_pci_add_bridge(0, 1, 0, 0, 0);       /* not set up */
    fake_pci_add_bridge(0, 2, 0, 5, 4);       /* fewer than none */
    fake_pci_add_bridge(0, 3, 0, 1, 2);
    fake_pci_add_bridge(1, 0, 0, 1, 2);       /* leads to itself */
    fake_pci_add_bridge(1, 1, 0, 2, 9);       /* claims more than leads here */
    fake_pci_add_bridge(2, 0, 0, 7, 8);       /* nothing of it leads here */
    fake_pci_add_bridge(0, 4, 0, 2, 2);       /* another's bus */
    fake_pci_add(2, 5, 0, NIC, 0x0200);
    pci_scan(&pci);
    assert_int_equal(pci.count, 8);
    assert_problem(PCI_BRIDGE_UNSET, 0, 1);
    assert_problem(PCI_BRIDGE_BACK, 0, 2);
    assert_problem(PCI_BRIDGE_BACK, 1, 0);
    assert_problem(PCI_BRIDGE_BEYOND, 2, 0);
    assert_problem(PCI_BRIDGE_CLASH, 0, 4);
    assert_int_equal(at(0, 1, 1, 0)->subordinate_bus, 2);
    assert_int_equal(at(0, 1, 0, 0)->secondary_bus, 0);
    assert_int_equal(at(0, 2, 5, 0)->group, at(0, 0, 4, 0)->group);
    assert_int_equal(at(0, 2, 5, 0)->group, at(0, 1, 1, 0)->group);
}

static void a_full_inventory_counts_what_it_leaves_out(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PCI_FUNCTIONS_MAX + 4; i++) {
        struct fake_pci *function = fake_pci_add((uint8_t)(i / 256), (uint8_t)(i / 8 % 32),
                                                 (uint8_t)(i % 8), NIC, 0x0200);
        fake_pci_set(function, PCI_HEADER_TYPE, 1, PCI_HEADER_MULTI_FUNCTION);
    }
    pci_scan(&pci);
    assert_int_equal(pci.count, PCI_FUNCTIONS_MAX);
    assert_int_equal(pci.ignored, 1); /* whose further functions nobody asks for */
}

static void problems_beyond_the_list_are_counted(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < PCI_PROBLEMS_MAX + 3; i++)
        fake_pci_add_bridge(0, i, 0, 0, 0);
    pci_scan(&pci);
    assert_int_equal(pci.problem_count, PCI_PROBLEMS_MAX);
    assert_int_equal(pci.problems_more, 3);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_machine_has_no_functions),
        TEST(what_a_function_says_is_recorded),
        TEST(there_is_no_fifth_interrupt_pin),
        TEST(functions_behind_the_first_are_found_if_it_says_so),
        TEST(bars_of_every_kind_are_sized_and_stay_as_they_were),
        TEST(a_bar_of_all_ones_is_one_that_nobody_placed),
        TEST(bars_that_cannot_be_are_named_and_left_out),
        TEST(a_bridge_has_two_bars_and_its_rom_elsewhere),
        TEST(a_host_bridge_is_never_written_to),
        TEST(an_unknown_header_is_named_and_not_followed),
        TEST(capabilities_are_found_in_their_lists),
        TEST(a_conventional_function_may_have_a_reset_of_its_own),
        TEST(a_list_that_the_status_denies_is_not_followed),
        TEST(lists_without_an_end_are_named_and_left),
        TEST(acs_is_turned_on_as_far_as_it_exists),
        TEST(buses_behind_bridges_and_root_buses_are_found),
        TEST(segments_are_kept_apart),
        TEST(a_device_that_answers_for_all_on_its_link_is_one),
        TEST(ari_functions_are_followed_upwards_only),
        TEST(bridges_that_lie_are_named_and_the_scan_ends),
        TEST(a_full_inventory_counts_what_it_leaves_out),
        TEST(problems_beyond_the_list_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
