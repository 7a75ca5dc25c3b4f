/* SPDX-License-Identifier: MIT
 *
 * drivers/serial_pci.c on configuration space behind ports CF8h and CFCh, and
 * drivers/tick.c on a timer that counts or does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/insn.h"
#include "arch/spec/pci.h"
#include "drivers/mmio.h"
#include "drivers/serial_pci.h"
#include "drivers/tick.h"

static const struct pci_address card = { .bus = 2, .function = 5 << 3 | 1 };
#define SELECTED (0x80000000u | 2u << 16 | (5u << 3 | 1u) << 8)

static uint8_t space[256];
static uint32_t selected;
static struct { bool dead; unsigned period, value, bytes, reads; bool high; } timer;

static uint8_t *at(uint16_t port)
{
    assert_in_range(port, PCI_CONFIG_DATA, PCI_CONFIG_DATA + 3);
    assert_int_equal(selected & ~0xFCu, SELECTED);
    return space + (selected & 0xFC) + (port - PCI_CONFIG_DATA);
}

uint8_t in8(uint16_t port)
{
    if (port != 0x40)
        return *at(port);
    timer.high = !timer.high;
    return (uint8_t)(timer.high ? timer.value : timer.value >> 8);
}

uint16_t in16(uint16_t port) { return (uint16_t)(at(port)[0] | at(port)[1] << 8); }
uint32_t in32(uint16_t port) { return in16(port) | (uint32_t)(at(port)[2] | at(port)[3] << 8) << 16; }

void out8(uint16_t port, uint8_t value)
{
    if (port == 0x43 && value == 0) { /* latch */
        timer.reads++;
        timer.value -= timer.dead || timer.reads % 4 ? 0 : 1;
    } else if (port == 0x43) {
        assert_int_equal(value, 0x34);
        timer.bytes = 0;
    } else {
        assert_int_equal(port, 0x40);
        timer.period |= (unsigned)value << 8 * timer.bytes++;
        timer.value = timer.period;
    }
}

void out16(uint16_t port, uint16_t value)
{
    at(port)[0] = (uint8_t)value;
    at(port)[1] = (uint8_t)(value >> 8);
}

void out32(uint16_t port, uint32_t value)
{
    assert_int_equal(port, PCI_CONFIG_ADDRESS);
    selected = value;
}

/* Only reads and writes of ports are wanted. */
uint8_t mmio_read8(const volatile uint8_t *from) { (void)from; fail(); return 0; }
uint16_t mmio_read16(const volatile uint16_t *from) { (void)from; fail(); return 0; }
uint32_t mmio_read32(const volatile uint32_t *from) { (void)from; fail(); return 0; }
void mmio_write8(volatile uint8_t *to, uint8_t value) { (void)to; (void)value; fail(); }
void mmio_write16(volatile uint16_t *to, uint16_t value) { (void)to; (void)value; fail(); }
void mmio_write32(volatile uint32_t *to, uint32_t value) { (void)to; (void)value; fail(); }

static void put_bar(unsigned number, uint32_t value)
{
    memcpy(space + PCI_BAR0 + 4 * number, &value, sizeof value);
}

static int setup(void **state)
{
    (void)state;
    memset(space, 0, sizeof space);
    memset(&timer, 0, sizeof timer);
    space[0] = 0x86;
    space[1] = 0x80;
    return 0;
}

static void ports_are_found_and_turned_on(void **state)
{
    struct serial_place place = { .port = 0 };
    (void)state;
    put_bar(0, 0xD051);
    put_bar(1, 0xFEB00000);
    space[PCI_COMMAND] = 0x04;
    assert_null(serial_pci_find(card, &place));
    assert_int_equal(place.port, 0xD050);
    assert_null(place.base);
    assert_int_equal(space[PCI_COMMAND], 0x05);
}

static void memory_is_found_behind_bars_without_an_address(void **state)
{
    struct serial_place place = { .doublewords = true };
    (void)state;
    put_bar(0, 1);           /* ports that the firmware gave none */
    put_bar(1, 0xD000000C);  /* 64 bits, beyond 4 GiB */
    put_bar(2, 0x00000038);
    put_bar(3, 0xFEB01000);
    assert_null(serial_pci_find(card, &place));
    assert_int_equal((uintptr_t)place.base, 0xFEB01000);
    assert_true(place.doublewords);
    assert_int_equal(space[PCI_COMMAND], 0x02);
}

static void a_function_that_cannot_be_a_uart_is_named_and_left_alone(void **state)
{
    struct serial_place place = { .port = 0 };
    uint8_t before[256];
    (void)state;
    memcpy(before, space, sizeof space);
    assert_string_equal(serial_pci_find(card, &place), "the firmware gave that PCI function no "
                        "ports, and no memory below 4 GiB");
    space[PCI_HEADER_TYPE] = before[PCI_HEADER_TYPE] = 0x81;
    assert_string_equal(serial_pci_find(card, &place), "that PCI function is a bridge");
    space[0] = space[1] = before[0] = before[1] = 0xFF;
    assert_string_equal(serial_pci_find(card, &place), "there is no such PCI function");
    assert_memory_equal(space, before, sizeof space);
}

static void the_tick_has_its_rate_and_a_dead_timer_is_noticed(void **state)
{
    (void)state;
    assert_true(tick_start());
    assert_int_equal(timer.period, 1193182 / TICK_HZ);
    setup(state);
    timer.dead = true;
    assert_false(tick_start());
    assert_in_range(timer.reads, 100, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(ports_are_found_and_turned_on, setup),
        cmocka_unit_test_setup(memory_is_found_behind_bars_without_an_address, setup),
        cmocka_unit_test_setup(a_function_that_cannot_be_a_uart_is_named_and_left_alone, setup),
        cmocka_unit_test_setup(the_tick_has_its_rate_and_a_dead_timer_is_noticed, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
