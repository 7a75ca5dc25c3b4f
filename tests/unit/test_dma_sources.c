/* SPDX-License-Identifier: MIT
 *
 * hv/dma_sources.c behind the bridges that machines have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/pci.h"
#include "hv/dma_sources.h"

static struct pci_inventory pci;

static unsigned add(uint8_t bus, uint8_t function, uint16_t parent)
{
    pci.functions[pci.count] = (struct pci_function){ .address = { 0, bus, function },
                                                      .parent = parent };
    return pci.count++;
}

static unsigned add_bridge(uint8_t bus, uint8_t function, uint16_t parent, uint8_t secondary,
                           unsigned flags, uint8_t port_type)
{
    unsigned number = add(bus, function, parent);
    pci.functions[number].secondary_bus = pci.functions[number].subordinate_bus = secondary;
    pci.functions[number].flags = (uint16_t)flags;
    pci.functions[number].port_type = port_type;
    return number;
}

static void assert_sources(unsigned function, unsigned count, uint16_t last)
{
    uint16_t sources[DMA_SOURCES_MAX];
    assert_int_equal(dma_sources(&pci, function, sources), count);
    assert_int_equal(sources[0], dma_source(pci.functions[function].address));
    assert_int_equal(sources[count - 1], last);
    assert_int_equal(dma_interrupt_source(&pci, function), last);
    for (unsigned i = 0; i < count; i++)
        assert_true(dma_is_source_of(&pci, function, sources[i]));
    assert_false(dma_is_source_of(&pci, function, 0xFFFF));
}

static int set_up(void **state)
{
    (void)state;
    pci.count = 0;
    return 0;
}

static void below_ports_a_function_is_itself(void **state)
{
    (void)state;
    unsigned root = add(0, 0x18, PCI_NO_PARENT);
    assert_sources(root, 1, 0x0018);
    uint16_t port = (uint16_t)add_bridge(0, 0x30, PCI_NO_PARENT, 1, PCI_IS_EXPRESS, PCI_PORT_ROOT);
    assert_sources(add(1, 0, port), 1, 0x0100);
}

static void behind_a_bridge_to_pci_it_is_that_bus(void **state)
{
    (void)state;
    uint16_t port = (uint16_t)add_bridge(0, 0x30, PCI_NO_PARENT, 1, PCI_IS_EXPRESS, PCI_PORT_ROOT);
    uint16_t bridge = (uint16_t)add_bridge(1, 0, port, 2, PCI_IS_EXPRESS, PCI_PORT_EXPRESS_TO_PCI);
    assert_sources(add(2, 0x08, bridge), 2, 0x0200);
}

static void behind_a_conventional_bridge_it_is_the_bridge(void **state)
{
    (void)state;
    uint16_t bridge = (uint16_t)add_bridge(0, 0xF0, PCI_NO_PARENT, 3, 0, 0);
    uint16_t second = (uint16_t)add_bridge(3, 0x10, bridge, 4, 0, 0);
    assert_sources(add(3, 0x08, bridge), 2, 0x00F0);
    assert_sources(add(4, 0x08, second), 3, 0x00F0);
}

static void behind_a_bridge_from_pci_to_express_it_is_the_bridge(void **state)
{
    (void)state;
    uint16_t bridge = (uint16_t)add_bridge(0, 0xF0, PCI_NO_PARENT, 3, PCI_IS_EXPRESS,
                                           PCI_PORT_PCI_TO_EXPRESS);
    assert_sources(add(3, 0, bridge), 2, 0x00F0);
}

static void a_chain_without_end_has_one(void **state)
{
    (void)state;
    uint16_t parent = PCI_NO_PARENT;
    for (uint8_t bus = 0; bus < 40; bus++)
        parent = (uint16_t)add_bridge(bus, 0, parent, (uint8_t)(bus + 1), 0, 0);
    uint16_t sources[DMA_SOURCES_MAX];
    assert_int_equal(dma_sources(&pci, parent, sources), DMA_SOURCES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(below_ports_a_function_is_itself, set_up),
        cmocka_unit_test_setup(behind_a_bridge_to_pci_it_is_that_bus, set_up),
        cmocka_unit_test_setup(behind_a_conventional_bridge_it_is_the_bridge, set_up),
        cmocka_unit_test_setup(behind_a_bridge_from_pci_to_express_it_is_the_bridge, set_up),
        cmocka_unit_test_setup(a_chain_without_end_has_one, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
