/* SPDX-License-Identifier: MIT
 *
 * drivers/dmar_scope.c: two units and a machine with a bridge, as laptops have it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/dmar_scope.h"

static struct dmar dmar;
static struct pci_inventory pci;

enum { HOST, DISPLAY, PORT, NIC, OTHER_SEGMENT };

static void add_scope(uint8_t type, uint8_t id, uint8_t bus, uint8_t device, uint8_t function)
{
    dmar.scopes[dmar.scope_count++] = (struct dmar_scope){
        .type = type, .id = id, .bus = bus, .step_count = 1, .path = { device, function } };
}

static int set_up(void **state)
{
    (void)state;
    memset(&dmar, 0, sizeof dmar);
    memset(&pci, 0, sizeof pci);
    const struct pci_function functions[] = {
        [HOST] = { .address = { 0, 0, 0 }, .parent = PCI_NO_PARENT },
        [DISPLAY] = { .address = { 0, 0, 2 << 3 }, .parent = PCI_NO_PARENT },
        [PORT] = { .address = { 0, 0, 0x1C << 3 }, .parent = PCI_NO_PARENT,
                   .secondary_bus = 1, .subordinate_bus = 1 },
        [NIC] = { .address = { 0, 1, 0 }, .parent = PORT },
        [OTHER_SEGMENT] = { .address = { 1, 0, 2 << 3 }, .parent = PCI_NO_PARENT },
    };
    memcpy(pci.functions, functions, sizeof functions);
    pci.count = sizeof functions / sizeof functions[0];
    /* Unit 0: the display alone. Unit 1: all others, and IOAPIC 2 as F0:1F.0. */
    add_scope(DMAR_SCOPE_ENDPOINT, 0, 0, 2, 0);
    add_scope(DMAR_SCOPE_HPET, 2, 0xF0, 0xF, 0);
    add_scope(DMAR_SCOPE_IOAPIC, 2, 0xF0, 0x1F, 0);
    dmar.units[0].scopes = (struct dmar_scopes){ 0, 1 };
    dmar.units[1].scopes = (struct dmar_scopes){ 1, 2 };
    dmar.units[1].all_others = true;
    dmar.unit_count = 2;
    return 0;
}

static void a_function_is_its_units_or_that_of_all_others(void **state)
{
    (void)state;
    assert_int_equal(dmar_unit_of(&dmar, &pci, DISPLAY), 0);
    assert_int_equal(dmar_unit_of(&dmar, &pci, HOST), 1);
    assert_int_equal(dmar_unit_of(&dmar, &pci, NIC), 1);
    assert_int_equal(dmar_unit_of(&dmar, &pci, OTHER_SEGMENT), DMAR_NO_UNIT);
    dmar.units[1].all_others = false;
    assert_int_equal(dmar_unit_of(&dmar, &pci, HOST), DMAR_NO_UNIT);
}

static void the_order_of_units_does_not_matter(void **state)
{
    (void)state;
    struct dmar_unit first = dmar.units[0];
    dmar.units[0] = dmar.units[1];
    dmar.units[1] = first;
    assert_int_equal(dmar_unit_of(&dmar, &pci, DISPLAY), 1);
    assert_int_equal(dmar_unit_of(&dmar, &pci, NIC), 0);
}

static void a_bridges_scope_is_all_behind_it_and_a_functions_is_not(void **state)
{
    (void)state;
    dmar.scopes[0] = (struct dmar_scope){ .type = DMAR_SCOPE_BRIDGE, .bus = 0, .step_count = 1,
                                          .path = { 0x1C, 0 } };
    assert_int_equal(dmar_unit_of(&dmar, &pci, NIC), 0);
    assert_int_equal(dmar_unit_of(&dmar, &pci, PORT), 0);
    assert_int_equal(dmar_unit_of(&dmar, &pci, DISPLAY), 1);
    dmar.scopes[0].type = DMAR_SCOPE_ENDPOINT;
    assert_int_equal(dmar_unit_of(&dmar, &pci, PORT), 0);
    assert_int_equal(dmar_unit_of(&dmar, &pci, NIC), 1);
}

static void a_path_leads_through_bridges(void **state)
{
    (void)state;
    dmar.scopes[0] = (struct dmar_scope){ .type = DMAR_SCOPE_ENDPOINT, .bus = 0, .step_count = 2,
                                          .path = { 0x1C, 0, 0, 0 } };
    assert_int_equal(dmar_unit_of(&dmar, &pci, NIC), 0);
    assert_int_equal(dmar_unit_of(&dmar, &pci, PORT), 1);
    dmar.scopes[0].path[0] = 0x1D; /* no bridge */
    assert_int_equal(dmar_unit_of(&dmar, &pci, NIC), 1);
}

static void an_ioapics_source_is_found_by_its_id_and_kind(void **state)
{
    (void)state;
    uint16_t source = 0;
    assert_true(dmar_ioapic_source(&dmar, &pci, 2, &source));
    assert_int_equal(source, 0xF0F8);
    assert_false(dmar_ioapic_source(&dmar, &pci, 3, &source));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_function_is_its_units_or_that_of_all_others, set_up),
        cmocka_unit_test_setup(the_order_of_units_does_not_matter, set_up),
        cmocka_unit_test_setup(a_bridges_scope_is_all_behind_it_and_a_functions_is_not, set_up),
        cmocka_unit_test_setup(a_path_leads_through_bridges, set_up),
        cmocka_unit_test_setup(an_ioapics_source_is_found_by_its_id_and_kind, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
