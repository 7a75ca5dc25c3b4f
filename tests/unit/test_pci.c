/* SPDX-License-Identifier: MIT
 *
 * The guest's PCI configuration space: one host bridge, and ones around it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "hv/pci.h"
#include "tests/fake/machine.h"

#define ADDRESS 0xCF8
#define DATA 0xCFC
#define ENABLE 0x80000000u

static struct pci_host pci;

static int fresh(void **state)
{
    (void)state;
    pci_init(&pci);
    return 0;
}

static void select_register(uint32_t address)
{
    pci_write(&pci, ADDRESS, 4, address);
}

static uint32_t get(uint32_t address)
{
    select_register(address);
    return pci_read(&pci, DATA, 4);
}

static void the_address_register_keeps_its_defined_bits(void **state)
{
    (void)state;
    assert_int_equal(pci_read(&pci, ADDRESS, 4), 0);
    select_register(0xFFFFFFFF);
    assert_int_equal(pci_read(&pci, ADDRESS, 4), 0x80FFFFFC);
}

static void accesses_to_the_address_other_than_doublewords_do_nothing(void **state)
{
    (void)state;
    select_register(ENABLE);
    pci_write(&pci, ADDRESS, 1, 0xFF);
    pci_write(&pci, ADDRESS + 3, 1, 0);
    pci_write(&pci, ADDRESS, 2, 0xFFFF);
    assert_int_equal(pci_read(&pci, ADDRESS, 4), ENABLE);
    assert_int_equal(pci_read(&pci, ADDRESS, 1), 0xFF);
    assert_int_equal(pci_read(&pci, ADDRESS + 2, 2), 0xFFFF);
}

static void there_is_a_host_bridge(void **state)
{
    (void)state;
    assert_int_equal(get(ENABLE), 0x12378086);
    assert_int_equal(get(ENABLE | 8), 0x06000002);
    for (uint32_t offset = 0; offset < 256; offset += 4)
        if (offset != 0 && offset != 8)
            assert_int_equal(get(ENABLE | offset), 0);
}

static void parts_of_a_doubleword_are_read_by_their_ports(void **state)
{
    (void)state;
    select_register(ENABLE);
    assert_int_equal(pci_read(&pci, DATA, 1), 0x86);
    assert_int_equal(pci_read(&pci, DATA + 1, 1), 0x80);
    assert_int_equal(pci_read(&pci, DATA + 2, 2), 0x1237);
    assert_int_equal(pci_read(&pci, DATA + 1, 2), 0x3780);
    assert_int_equal(pci_read(&pci, DATA + 3, 2), 0xFFFF);
    select_register(ENABLE | 8);
    assert_int_equal(pci_read(&pci, DATA + 3, 1), 0x06);
    assert_int_equal(pci_read(&pci, DATA + 2, 2), 0x0600);
}

static void nothing_answers_while_the_mechanism_is_off(void **state)
{
    (void)state;
    assert_int_equal(get(0), 0xFFFFFFFF);
    assert_int_equal(pci_read(&pci, DATA, 1), 0xFF);
}

static void no_other_function_is_there(void **state)
{
    (void)state;
    for (uint32_t id = 1; id < 0x10000; id++)
        assert_int_equal(get(ENABLE | id << 8), 0xFFFFFFFF);
}

static void nothing_takes_a_write(void **state)
{
    (void)state;
    for (uint32_t offset = 0; offset < 256; offset += 4) {
        uint32_t before = get(ENABLE | offset);
        pci_write(&pci, DATA, 4, 0xFFFFFFFF);
        pci_write(&pci, DATA + 1, 1, 0x55);
        pci_write(&pci, DATA + 2, 2, 0xAAAA);
        assert_int_equal(get(ENABLE | offset), before);
    }
}

static uint64_t at(unsigned bus, unsigned device, unsigned offset)
{
    return (uint64_t)bus << 20 | device << 15 | offset;
}

static void the_memory_mapped_way_sees_the_same(void **state)
{
    (void)state;
    assert_int_equal(pci_memory_read(&pci, at(0, 0, 0), 4), 0x12378086);
    assert_int_equal(pci_memory_read(&pci, at(0, 0, 2), 2), 0x1237);
    assert_int_equal(pci_memory_read(&pci, at(0, 0, 11), 1), 0x06);
    assert_int_equal(pci_memory_read(&pci, at(0, 0, 4092), 4), 0);
    assert_int_equal(pci_memory_read(&pci, at(0, 1, 0), 2), 0xFFFF);
    assert_int_equal(pci_memory_read(&pci, at(0, 0, 0x1000), 4), 0xFFFFFFFF); /* function 1 */
    assert_int_equal(pci_memory_read(&pci, at(1, 0, 0), 4), 0xFFFFFFFF);
}

static void a_memory_mapped_read_across_doublewords_gives_ones(void **state)
{
    (void)state;
    assert_int_equal(pci_memory_read(&pci, at(0, 0, 3), 2), UINT64_MAX);
    assert_int_equal(pci_memory_read(&pci, at(0, 0, 0), 8), UINT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_address_register_keeps_its_defined_bits),
        TEST(accesses_to_the_address_other_than_doublewords_do_nothing),
        TEST(there_is_a_host_bridge),
        TEST(parts_of_a_doubleword_are_read_by_their_ports),
        TEST(nothing_answers_while_the_mechanism_is_off),
        TEST(no_other_function_is_there),
        TEST(nothing_takes_a_write),
        TEST(the_memory_mapped_way_sees_the_same),
        TEST(a_memory_mapped_read_across_doublewords_gives_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
