/* SPDX-License-Identifier: MIT
 *
 * hv/pci_topology.c on the shapes that machines have. Each test draws its own:
 * functions in the order in which a scan finds them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/pci.h"
#include "hv/pci_topology.h"

static struct pci_inventory pci;

static int set_up(void **state)
{
    (void)state;
    memset(&pci, 0, sizeof pci);
    return 0;
}

/* Returns its number. */
static unsigned add(uint8_t bus, uint8_t device, uint8_t function, unsigned flags)
{
    struct pci_function *added = &pci.functions[pci.count];
    added->address = (struct pci_address){ 0, bus, (uint8_t)(device << 3 | function) };
    added->flags = (uint16_t)flags;
    added->parent = pci_bridge_to(&pci, 0, bus);
    return pci.count++;
}

static unsigned add_bridge(uint8_t bus, uint8_t device, uint8_t function, unsigned flags,
                           uint8_t secondary, uint8_t subordinate)
{
    unsigned number = add(bus, device, function, flags);
    struct pci_function *added = &pci.functions[number];
    added->header = PCI_HEADER_BRIDGE;
    added->class_code = PCI_CLASS_PCI_BRIDGE;
    added->secondary_bus = secondary;
    added->subordinate_bus = subordinate;
    return number;
}

static unsigned add_port(enum pci_port_type type, uint8_t bus, uint8_t device, unsigned flags,
                         uint8_t secondary, uint8_t subordinate)
{
    unsigned number = add_bridge(bus, device, 0, flags | PCI_IS_EXPRESS, secondary, subordinate);
    pci.functions[number].port_type = (uint8_t)type;
    return number;
}

static unsigned add_endpoint(uint8_t bus, uint8_t device, uint8_t function, unsigned flags)
{
    unsigned number = add(bus, device, function, flags | PCI_IS_EXPRESS);
    pci.functions[number].port_type = PCI_PORT_ENDPOINT;
    return number;
}

static unsigned group(unsigned number)
{
    assert_true(number < pci.count);
    return pci.functions[number].group;
}

#define assert_together(a, b) assert_int_equal(group(a), group(b))
#define assert_apart(a, b) assert_int_not_equal(group(a), group(b))

static void devices_on_the_root_bus_are_alone_and_functions_of_one_share(void **state)
{
    (void)state;
    unsigned bridge = add(0, 0, 0, 0), vga = add(0, 2, 0, 0), isa = add(0, 0x1F, 0, 0);
    unsigned sata = add(0, 0x1F, 2, 0), smbus = add(0, 0x1F, 3, 0);
    pci_make_groups(&pci);
    assert_int_equal(group(bridge), 0);
    assert_int_equal(group(vga), 1);
    assert_int_equal(group(isa), 2);
    assert_together(isa, sata);
    assert_together(isa, smbus);
}

static void a_card_below_a_root_port_with_acs_is_alone(void **state)
{
    (void)state;
    unsigned port = add_port(PCI_PORT_ROOT, 0, 1, PCI_ISOLATES, 1, 1);
    unsigned card = add_endpoint(1, 0, 0, 0);
    pci_make_groups(&pci);
    assert_apart(port, card);
}

static void a_card_below_a_root_port_without_acs_shares_with_the_port(void **state)
{
    (void)state;
    unsigned port = add_port(PCI_PORT_ROOT, 0, 1, 0, 1, 1);
    unsigned other = add_port(PCI_PORT_ROOT, 0, 2, 0, 2, 2);
    unsigned card = add_endpoint(1, 0, 0, 0), other_card = add_endpoint(2, 0, 0, 0);
    pci_make_groups(&pci);
    assert_together(port, card);
    assert_together(other, other_card);
    assert_apart(card, other_card);
}

static void root_ports_of_one_device_without_acs_share_all_that_is_below(void **state)
{
    (void)state;
    unsigned a = add_port(PCI_PORT_ROOT, 0, 0x1C, PCI_IS_MULTI_FUNCTION, 1, 1);
    unsigned b = add_port(PCI_PORT_ROOT, 0, 0x1C, PCI_IS_MULTI_FUNCTION, 2, 2);
    pci.functions[b].address.function++;
    unsigned card_a = add_endpoint(1, 0, 0, 0), card_b = add_endpoint(2, 0, 0, 0);
    pci_make_groups(&pci);
    assert_together(a, b);
    assert_together(card_a, card_b);

    pci.functions[a].flags |= PCI_ISOLATES;
    pci.functions[b].flags |= PCI_ISOLATES;
    pci_make_groups(&pci);
    assert_apart(a, b);
    assert_apart(card_a, card_b);
}

static void a_network_card_of_two_ports_is_one_group_without_acs(void **state)
{
    (void)state;
    add_port(PCI_PORT_ROOT, 0, 1, PCI_ISOLATES, 1, 1);
    unsigned a = add_endpoint(1, 0, 0, PCI_IS_MULTI_FUNCTION | PCI_ISOLATES);
    unsigned b = add_endpoint(1, 0, 1, PCI_IS_MULTI_FUNCTION | PCI_ISOLATES);
    pci_make_groups(&pci);
    assert_apart(a, b);
    pci.functions[b].flags &= (uint16_t)~PCI_ISOLATES;
    pci_make_groups(&pci);
    assert_together(a, b);
}

static void functions_by_ari_are_one_device_whatever_their_numbers(void **state)
{
    (void)state;
    add_port(PCI_PORT_ROOT, 0, 1, PCI_ISOLATES | PCI_FORWARDS_ARI, 1, 1);
    unsigned a = add_endpoint(1, 0, 0, 0), b = add_endpoint(1, 3, 1, 0);
    pci_make_groups(&pci);
    assert_together(a, b);
}

struct switch_shape {
    unsigned root, upstream, ports[2], cards[2];
};

static struct switch_shape make_switch(unsigned root_flags, unsigned a_flags, unsigned b_flags)
{
    struct switch_shape shape;
    set_up(NULL);
    shape.root = add_port(PCI_PORT_ROOT, 0, 1, root_flags, 1, 4);
    shape.upstream = add_port(PCI_PORT_UPSTREAM, 1, 0, 0, 2, 4);
    shape.ports[0] = add_port(PCI_PORT_DOWNSTREAM, 2, 0, a_flags, 3, 3);
    shape.ports[1] = add_port(PCI_PORT_DOWNSTREAM, 2, 1, b_flags, 4, 4);
    shape.cards[0] = add_endpoint(3, 0, 0, 0);
    shape.cards[1] = add_endpoint(4, 0, 0, 0);
    pci_make_groups(&pci);
    return shape;
}

static void a_switch_keeps_apart_only_if_all_its_ports_do(void **state)
{
    (void)state;
    struct switch_shape shape = make_switch(PCI_ISOLATES, PCI_ISOLATES, PCI_ISOLATES);
    assert_apart(shape.cards[0], shape.cards[1]);
    assert_apart(shape.cards[0], shape.ports[0]);

    shape = make_switch(PCI_ISOLATES, PCI_ISOLATES, 0);
    assert_together(shape.cards[0], shape.cards[1]);
    assert_together(shape.cards[0], shape.upstream);
    assert_apart(shape.root, shape.upstream);

    shape = make_switch(0, PCI_ISOLATES, PCI_ISOLATES);
    assert_together(shape.cards[0], shape.cards[1]);
    assert_together(shape.cards[0], shape.root);
}

static void a_function_beside_an_upstream_port_undoes_the_switch(void **state)
{
    (void)state;
    add_port(PCI_PORT_ROOT, 0, 1, PCI_ISOLATES, 1, 3);
    unsigned upstream = add_port(PCI_PORT_UPSTREAM, 1, 0, PCI_IS_MULTI_FUNCTION, 2, 3);
    unsigned engine = add_endpoint(1, 0, 1, PCI_IS_MULTI_FUNCTION);
    add_port(PCI_PORT_DOWNSTREAM, 2, 0, PCI_ISOLATES, 3, 3);
    unsigned card = add_endpoint(3, 0, 0, 0);
    pci_make_groups(&pci);
    assert_together(upstream, engine);
    assert_together(card, engine);
}

static void what_is_on_a_conventional_bus_shares_with_its_bridge(void **state)
{
    (void)state;
    unsigned root = add_port(PCI_PORT_ROOT, 0, 1, PCI_ISOLATES, 1, 3);
    unsigned bridge = add_port(PCI_PORT_EXPRESS_TO_PCI, 1, 0, PCI_ISOLATES, 2, 3);
    unsigned a = add(2, 1, 0, 0), b = add(2, 2, 0, 0);
    unsigned deeper = add_bridge(2, 3, 0, 0, 3, 3);
    unsigned below = add(3, 0, 0, 0);
    pci_make_groups(&pci);
    assert_apart(root, bridge);
    assert_together(a, bridge);
    assert_together(b, bridge);
    assert_together(deeper, bridge);
    assert_together(below, bridge);
}

static void an_old_pci_bridge_on_the_root_bus_mixes_what_is_behind_it(void **state)
{
    (void)state;
    unsigned bridge = add_bridge(0, 0x1E, 0, 0, 5, 5);
    unsigned a = add(5, 0, 0, 0), b = add(5, 1, 0, 0), beside = add(0, 0x1B, 0, 0);
    pci_make_groups(&pci);
    assert_together(a, b);
    assert_together(a, bridge);
    assert_apart(a, beside);
}

static void an_unknown_place_behind_a_bridge_counts_as_behind_it(void **state)
{
    (void)state;
    add_port(PCI_PORT_ROOT, 0, 1, 0, 1, 6);
    unsigned far = add_endpoint(5, 3, 0, 0);
    pci_make_groups(&pci);
    assert_together(0, far);
}

static void bridges_that_claim_the_same_buses_share_everything(void **state)
{
    (void)state;
    unsigned a = add_port(PCI_PORT_ROOT, 0, 1, PCI_ISOLATES, 1, 4);
    assert_int_equal(pci_bridge_check(&pci, a), PCI_PROBLEM_NONE);
    unsigned b = add_port(PCI_PORT_ROOT, 0, 2, PCI_ISOLATES, 3, 6);
    assert_int_equal(pci_bridge_check(&pci, b), PCI_BRIDGE_CLASH);
    unsigned c = add_port(PCI_PORT_ROOT, 0, 3, PCI_ISOLATES, 7, 7);
    assert_int_equal(pci_bridge_check(&pci, c), PCI_PROBLEM_NONE);
    unsigned card = add_endpoint(1, 0, 0, 0), other = add_endpoint(6, 0, 0, 0);
    unsigned apart = add_endpoint(7, 0, 0, 0);
    pci_make_groups(&pci);
    assert_together(card, other);
    assert_together(a, b);
    assert_apart(card, apart);
    assert_apart(c, apart);
}

static void a_bridge_is_held_against_the_one_above_it(void **state)
{
    (void)state;
    unsigned above = add_bridge(0, 1, 0, 0, 1, 4);
    unsigned inside = add_bridge(1, 0, 0, 0, 2, 4), too_far = add_bridge(1, 1, 0, 0, 4, 9);
    unsigned outside = add_bridge(1, 2, 0, 0, 5, 9), back = add_bridge(1, 3, 0, 0, 1, 4);
    unsigned none = add_bridge(1, 4, 0, 0, 0, 0), reversed = add_bridge(1, 5, 0, 0, 3, 2);
    assert_int_equal(pci_bridge_check(&pci, above), PCI_PROBLEM_NONE);
    assert_int_equal(pci_bridge_check(&pci, inside), PCI_PROBLEM_NONE);
    assert_int_equal(pci_bridge_check(&pci, outside), PCI_BRIDGE_BEYOND);
    assert_int_equal(pci_bridge_check(&pci, back), PCI_BRIDGE_BACK);
    assert_int_equal(pci_bridge_check(&pci, none), PCI_BRIDGE_UNSET);
    assert_int_equal(pci_bridge_check(&pci, reversed), PCI_BRIDGE_BACK);
    pci.functions[inside].subordinate_bus = 3;
    assert_int_equal(pci_bridge_check(&pci, too_far), PCI_BRIDGE_BEYOND);
    assert_int_equal(pci.functions[too_far].subordinate_bus, 4);
    assert_int_equal(pci.functions[outside].secondary_bus, 0);
    assert_int_equal(pci.functions[back].secondary_bus, 0);
}

static void groups_are_numbered_in_the_order_of_their_first_functions(void **state)
{
    (void)state;
    add_bridge(0, 1, 0, 0, 1, 1);
    add(0, 2, 0, 0);
    add(0, 2, 1, 0);
    add(0, 3, 0, 0);
    add(1, 0, 0, 0);
    pci_make_groups(&pci);
    static const unsigned expected[] = { 0, 1, 1, 2, 0 };
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(group(i), expected[i]);
}

static void paths_are_followed_through_bridges(void **state)
{
    (void)state;
    add_port(PCI_PORT_ROOT, 0, 0x1C, 0, 5, 7);
    add_bridge(5, 0, 0, 0, 6, 7);
    add(6, 3, 1, 0);
    static const uint8_t path[] = { 0x1C, 0, 0, 0, 3, 1 };
    const struct pci_address root = { 0, 0, 0 };
    struct pci_address found;
    assert_true(pci_path_find(&pci, root, path, 3, &found));
    assert_int_equal(found.bus, 6);
    assert_int_equal(found.function, 3 << 3 | 1);
    assert_true(pci_path_find(&pci, root, path, 2, &found));
    assert_int_equal(found.bus, 5);
    assert_int_equal(found.function, 0);

    static const uint8_t ioapic[] = { 0x1E, 7 }, no_bridge[] = { 0x1D, 0, 0, 0 },
                         not_one[] = { 0x1C, 0, 0, 0, 3, 1, 0, 0 }, no_device[] = { 32, 0 };
    assert_true(pci_path_find(&pci, (struct pci_address){ 0, 0xF0, 0 }, ioapic, 1, &found));
    assert_int_equal(found.bus, 0xF0);
    assert_false(pci_path_find(&pci, root, no_bridge, 2, &found));
    assert_false(pci_path_find(&pci, root, not_one, 4, &found));
    assert_false(pci_path_find(&pci, root, no_device, 1, &found));
    assert_false(pci_path_find(&pci, root, path, 0, &found));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(devices_on_the_root_bus_are_alone_and_functions_of_one_share),
        TEST(a_card_below_a_root_port_with_acs_is_alone),
        TEST(a_card_below_a_root_port_without_acs_shares_with_the_port),
        TEST(root_ports_of_one_device_without_acs_share_all_that_is_below),
        TEST(a_network_card_of_two_ports_is_one_group_without_acs),
        TEST(functions_by_ari_are_one_device_whatever_their_numbers),
        TEST(a_switch_keeps_apart_only_if_all_its_ports_do),
        TEST(a_function_beside_an_upstream_port_undoes_the_switch),
        TEST(what_is_on_a_conventional_bus_shares_with_its_bridge),
        TEST(an_old_pci_bridge_on_the_root_bus_mixes_what_is_behind_it),
        TEST(an_unknown_place_behind_a_bridge_counts_as_behind_it),
        TEST(bridges_that_claim_the_same_buses_share_everything),
        TEST(a_bridge_is_held_against_the_one_above_it),
        TEST(groups_are_numbered_in_the_order_of_their_first_functions),
        TEST(paths_are_followed_through_bridges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
