/* SPDX-License-Identifier: MIT
 *
 * drivers/pci_config.c: which way an access takes, and where it arrives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/insn.h"
#include "arch/spec/pci.h"
#include "drivers/mmio.h"
#include "drivers/pci_config.h"

/* Two buses of segment 0 from bus 10h on, and one of segment 1. */
static volatile uint8_t first[2 * 256 * 4096];
static volatile uint8_t second[256 * 4096];

static struct access {
    bool write;
    unsigned bytes;
    uint64_t place; /* port, or address */
    uint32_t value;
} accesses[8];
static unsigned access_count;

static uint32_t note(bool write, unsigned bytes, uint64_t place, uint32_t value)
{
    assert_true(access_count < sizeof accesses / sizeof accesses[0]);
    accesses[access_count++] = (struct access){ write, bytes, place, value };
    return 0xA1B2C3D4;
}

uint8_t in8(uint16_t port) { return (uint8_t)note(false, 1, port, 0); }
uint16_t in16(uint16_t port) { return (uint16_t)note(false, 2, port, 0); }
uint32_t in32(uint16_t port) { return note(false, 4, port, 0); }
void out8(uint16_t port, uint8_t value) { note(true, 1, port, value); }
void out16(uint16_t port, uint16_t value) { note(true, 2, port, value); }
void out32(uint16_t port, uint32_t value) { note(true, 4, port, value); }
uint8_t mmio_read8(const volatile uint8_t *at) { return (uint8_t)note(false, 1, (uint64_t)at, 0); }
uint16_t mmio_read16(const volatile uint16_t *at) { return (uint16_t)note(false, 2, (uint64_t)at, 0); }
uint32_t mmio_read32(const volatile uint32_t *at) { return note(false, 4, (uint64_t)at, 0); }
void mmio_write8(volatile uint8_t *at, uint8_t value) { note(true, 1, (uint64_t)at, value); }
void mmio_write16(volatile uint16_t *at, uint16_t value) { note(true, 2, (uint64_t)at, value); }
void mmio_write32(volatile uint32_t *at, uint32_t value) { note(true, 4, (uint64_t)at, value); }

static int set_up(void **state)
{
    (void)state;
    access_count = 0;
    return 0;
}

static void assert_access(unsigned number, bool write, unsigned bytes, uint64_t place,
                          uint32_t value)
{
    assert_true(number < access_count);
    assert_int_equal(accesses[number].write, write);
    assert_int_equal(accesses[number].bytes, bytes);
    assert_int_equal(accesses[number].place, place);
    assert_int_equal(accesses[number].value, value);
}

static void nothing_is_reached_before_there_is_a_way(void **state)
{
    (void)state;
    assert_int_equal(pci_config_range_count(), 0);
    assert_int_equal(pci_config_read((struct pci_address){ 0, 0, 0 }, 0, 4), UINT32_MAX);
    pci_config_write((struct pci_address){ 0, 0, 0 }, 4, 2, 0);
    assert_int_equal(access_count, 0);
}

static void ranges_are_in_the_order_of_segment_and_bus(void **state)
{
    (void)state;
    assert_true(pci_config_add_memory((struct pci_range){ 1, 0x40, 0x40 }, second));
    pci_config_add_ports();
    assert_true(pci_config_add_memory((struct pci_range){ 2, 0x10, 0x11 }, first));
    assert_int_equal(pci_config_range_count(), 3);
    assert_int_equal(pci_config_range(0).segment, 0);
    assert_int_equal(pci_config_range(0).last_bus, 0xFF);
    assert_int_equal(pci_config_range(1).segment, 1);
    assert_int_equal(pci_config_range(2).first_bus, 0x10);
}

static void segment_0_goes_by_ports(void **state)
{
    (void)state;
    struct pci_address sata = { 0, 0x12, 0x1F << 3 | 2 };
    assert_int_equal(pci_config_read(sata, 0x3D, 1), 0xD4);
    assert_access(0, true, 4, 0xCF8, 0x8012FA3C);
    assert_access(1, false, 1, 0xCFD, 0);
    assert_int_equal(pci_config_read(sata, 0x06, 2), 0xC3D4);
    assert_access(3, false, 2, 0xCFE, 0);
    access_count = 0;
    pci_config_write(sata, 0x10, 4, 0x12345678);
    assert_access(0, true, 4, 0xCF8, 0x8012FA10);
    assert_access(1, true, 4, 0xCFC, 0x12345678);
    pci_config_write(sata, 0x04, 2, 7);
    assert_access(3, true, 2, 0xCFC, 7);
    pci_config_write(sata, 0x0D, 1, 0x20);
    assert_access(5, true, 1, 0xCFD, 0x20);
}

static void ports_reach_256_bytes(void **state)
{
    (void)state;
    struct pci_address host = { 0, 0, 0 };
    assert_int_equal(pci_config_read(host, 0x100, 4), UINT32_MAX);
    assert_int_equal(pci_config_read(host, 0x100, 2), UINT16_MAX);
    pci_config_write(host, 0x100, 4, 1);
    assert_int_equal(access_count, 0);
}

static void other_segments_go_by_memory(void **state)
{
    (void)state;
    struct pci_address card = { 2, 0x11, 3 << 3 | 1 };
    uint64_t place = (uint64_t)first + (1 << 20) + (3 << 15) + (1 << 12);
    assert_int_equal(pci_config_read(card, 0x104, 4), 0xA1B2C3D4);
    assert_access(0, false, 4, place + 0x104, 0);
    assert_int_equal(pci_config_read(card, 0xFFE, 2), 0xC3D4);
    assert_access(1, false, 2, place + 0xFFE, 0);
    assert_int_equal(pci_config_read(card, 0x0E, 1), 0xD4);
    assert_access(2, false, 1, place + 0x0E, 0);
    pci_config_write(card, 0x04, 2, 0x10006);
    assert_access(3, true, 2, place + 4, 6);
    pci_config_write(card, 0x3C, 1, 0xAB);
    assert_access(4, true, 1, place + 0x3C, 0xAB);
    pci_config_write(card, 0x10, 4, 0xFEBC0000);
    assert_access(5, true, 4, place + 0x10, 0xFEBC0000);
}

static void accesses_by_ports_take_turns_and_no_others(void **state)
{
    (void)state;
    assert_true(pci_config_takes_turns((struct pci_address){ 0, 0xFF, 0 }));
    assert_false(pci_config_takes_turns((struct pci_address){ 1, 0x40, 0 }));
    assert_false(pci_config_takes_turns((struct pci_address){ 7, 0, 0 }));
}

static void what_is_outside_all_ranges_is_nobody(void **state)
{
    (void)state;
    assert_int_equal(pci_config_read((struct pci_address){ 2, 0x12, 0 }, 0, 4), UINT32_MAX);
    assert_int_equal(pci_config_read((struct pci_address){ 2, 0x0F, 0 }, 0, 1), UINT8_MAX);
    assert_int_equal(pci_config_read((struct pci_address){ 3, 0x10, 0 }, 0, 2), UINT16_MAX);
    assert_int_equal(pci_config_read((struct pci_address){ 2, 0x10, 0 }, 0x1000, 4), UINT32_MAX);
    assert_int_equal(access_count, 0);
}

static void ports_are_not_used_beside_memory_in_segment_0(void **state)
{
    (void)state;
    unsigned before = pci_config_range_count();
    pci_config_add_ports(); /* as if that one were in memory */
    assert_int_equal(pci_config_range_count(), before);
    for (unsigned i = before; i < PCI_CONFIG_RANGES_MAX; i++)
        assert_true(pci_config_add_memory((struct pci_range){ (uint16_t)(9 + i), 0, 0 }, second));
    assert_false(pci_config_add_memory((struct pci_range){ 8, 0, 0 }, second));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_reached_before_there_is_a_way),
        TEST(ranges_are_in_the_order_of_segment_and_bus),
        TEST(segment_0_goes_by_ports),
        TEST(ports_reach_256_bytes),
        TEST(other_segments_go_by_memory),
        TEST(accesses_by_ports_take_turns_and_no_others),
        TEST(what_is_outside_all_ranges_is_nobody),
        TEST(ports_are_not_used_beside_memory_in_segment_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
