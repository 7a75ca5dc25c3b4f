/* SPDX-License-Identifier: MIT
 *
 * drivers/power.c: the writes that it does to ports, in order. Nothing works on
 * this machine unless a test says so, so every function must come back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/insn.h"
#include "drivers/power.h"

#define WRITES_MAX 16

struct write { uint16_t port; uint32_t value; };

static struct write writes[WRITES_MAX];
static unsigned write_count;
static uint16_t pm1;
static bool acpi_mode_works;
static uint8_t keyboard_status;

uint8_t in8(uint16_t port)
{
    if (port == 0x64)
        return keyboard_status;
    return port == 0xCF9 ? 0xF0 : 0xFF;
}

uint16_t in16(uint16_t port)
{
    assert_true(port == 0x604 || port == 0x704);
    return pm1;
}

static void record(uint16_t port, uint32_t value)
{
    assert_true(write_count < WRITES_MAX);
    writes[write_count++] = (struct write){ port, value };
}

void out8(uint16_t port, uint8_t value)
{
    record(port, value);
    if (port == 0xB2 && acpi_mode_works)
        pm1 |= 1;
}

void out16(uint16_t port, uint16_t value)
{
    record(port, value);
}

void out32(uint16_t port, uint32_t value)
{
    record(port, value);
}

static void assert_writes(const struct write *expected, unsigned count)
{
    assert_int_equal(write_count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(writes[i].port, expected[i].port);
        assert_int_equal(writes[i].value, expected[i].value);
    }
}

static struct acpi_machine machine;

static int setup(void **state)
{
    (void)state;
    write_count = 0;
    pm1 = 0x0001;
    acpi_mode_works = true;
    keyboard_status = 0;
    machine = (struct acpi_machine){
        .fadt_found = true,
        .pm1a_control = 0x604,
        .smi_command = 0xB2,
        .acpi_enable = 0xA0,
        .s5 = { .present = true, .type_a = 5, .type_b = 3 },
        .reset = { .present = true, .space = ACPI_SPACE_IO, .address = 0x92, .value = 1 },
    };
    return 0;
}

static void power_off_writes_the_type_and_then_the_start(void **state)
{
    (void)state;
    const struct write expected[] = { { 0x604, 0x1401 }, { 0x604, 0x3401 } };
    power_off(&machine);
    assert_writes(expected, 2);
}

static void power_off_keeps_the_other_bits(void **state)
{
    (void)state;
    pm1 = 0xFFFF;
    const struct write expected[] = { { 0x604, 0xD7FF }, { 0x604, 0xF7FF } };
    power_off(&machine);
    assert_writes(expected, 2);
}

static void power_off_uses_both_register_blocks(void **state)
{
    (void)state;
    machine.pm1b_control = 0x704;
    const struct write expected[] = {
        { 0x604, 0x1401 }, { 0x704, 0x0C01 }, { 0x604, 0x3401 }, { 0x704, 0x2C01 },
    };
    power_off(&machine);
    assert_writes(expected, 4);
}

static void power_off_enters_acpi_mode_first(void **state)
{
    (void)state;
    pm1 = 0;
    const struct write expected[] = { { 0xB2, 0xA0 }, { 0x604, 0x1401 }, { 0x604, 0x3401 } };
    power_off(&machine);
    assert_writes(expected, 3);
}

static void power_off_goes_on_when_acpi_mode_does_not_come(void **state)
{
    (void)state;
    pm1 = 0;
    acpi_mode_works = false;
    const struct write expected[] = { { 0xB2, 0xA0 }, { 0x604, 0x1400 }, { 0x604, 0x3400 } };
    power_off(&machine);
    assert_writes(expected, 3);
}

static void power_off_without_s5_or_register_writes_nothing(void **state)
{
    (void)state;
    machine.s5.present = false;
    power_off(&machine);
    machine.s5.present = true;
    machine.pm1a_control = 0;
    power_off(&machine);
    assert_int_equal(write_count, 0);
}

static void reset_tries_all_three_ways(void **state)
{
    (void)state;
    const struct write expected[] = {
        { 0x92, 1 }, { 0xCF9, 0xF2 }, { 0xCF9, 0xF6 }, { 0x64, 0xFE },
    };
    power_reset(&machine);
    assert_writes(expected, 4);
}

static void a_reset_register_in_pci_space_is_reached(void **state)
{
    (void)state;
    machine.reset.space = ACPI_SPACE_PCI;
    machine.reset.address = 0x0000001F00030045;
    power_reset(&machine);
    assert_int_equal(writes[0].port, 0xCF8);
    assert_int_equal(writes[0].value, 0x8000FB44);
    assert_int_equal(writes[1].port, 0xCFD);
    assert_int_equal(writes[1].value, 1);
}

static void a_reset_register_in_memory_is_left_out(void **state)
{
    (void)state;
    machine.reset.space = ACPI_SPACE_MEMORY;
    power_reset(&machine);
    assert_int_equal(writes[0].port, 0xCF9);
    assert_int_equal(write_count, 3);
}

static void a_stuck_keyboard_controller_is_pulsed_all_the_same(void **state)
{
    (void)state;
    machine.reset.present = false;
    keyboard_status = 0xFF;
    power_reset(&machine);
    assert_int_equal(writes[2].port, 0x64);
    assert_int_equal(write_count, 3);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(power_off_writes_the_type_and_then_the_start),
        TEST(power_off_keeps_the_other_bits),
        TEST(power_off_uses_both_register_blocks),
        TEST(power_off_enters_acpi_mode_first),
        TEST(power_off_goes_on_when_acpi_mode_does_not_come),
        TEST(power_off_without_s5_or_register_writes_nothing),
        TEST(reset_tries_all_three_ways),
        TEST(a_reset_register_in_pci_space_is_reached),
        TEST(a_reset_register_in_memory_is_left_out),
        TEST(a_stuck_keyboard_controller_is_pulsed_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
