/* SPDX-License-Identifier: MIT
 *
 * drivers/i8042.c on a controller with a keyboard and a mouse; on none, on one
 * that never answers, and on one without a keyboard.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/insn.h"
#include "drivers/i8042.h"

#define QUEUE 64

static struct {
    bool absent;      /* reads as ones */
    bool dead;        /* status is 0 for ever */
    bool stuck;       /* never takes a command */
    bool endless;     /* always has something */
    bool no_keyboard;
    uint8_t mode;
    uint8_t command;  /* waits for its data byte */
    struct { uint8_t byte; bool mouse; } queue[QUEUE];
    unsigned count;
    bool scanning;
    unsigned polls;
} port;

static void put(uint8_t byte, bool mouse)
{
    assert_true(port.count < QUEUE);
    port.queue[port.count].byte = byte;
    port.queue[port.count++].mouse = mouse;
}

static uint8_t status(void)
{
    port.polls++;
    if (port.absent)
        return 0xFF;
    if (port.dead)
        return 0;
    if (port.stuck)
        return 2;
    if (port.endless)
        return 1;
    return port.count == 0 ? 0 : port.queue[0].mouse ? 0x21 : 0x01;
}

uint8_t in8(uint16_t at)
{
    if (at == 0x64)
        return status();
    assert_int_equal(at, 0x60);
    if (port.endless)
        return 0x1E;
    assert_true(port.count > 0);
    uint8_t byte = port.queue[0].byte;
    memmove(port.queue, port.queue + 1, --port.count * sizeof port.queue[0]);
    return byte;
}

static void keyboard_takes(uint8_t byte)
{
    if (port.no_keyboard)
        return;
    put(0xFA, false);
    port.scanning = byte == 0xF4;
}

void out8(uint16_t at, uint8_t value)
{
    assert_false(port.absent || port.stuck);
    if (port.dead)
        return;
    if (at == 0x64) {
        port.command = value == 0x60 ? value : 0;
        if (value == 0x20)
            put(port.mode, false);
        else
            assert_true(value == 0x60 || value == 0xA7 || value == 0xAD || value == 0xAE);
    } else if (port.command == 0x60) {
        port.mode = value;
        port.command = 0;
    } else {
        keyboard_takes(value);
    }
}

static int setup(void **state)
{
    (void)state;
    memset(&port, 0, sizeof port);
    port.mode = 0x32; /* mouse interrupt, no translation, both off */
    return 0;
}

static void test_a_keyboard_is_set_up(void **state)
{
    (void)state;
    put(0x1E, false); /* typed before */
    put(0x08, true);
    assert_int_equal(host_i8042_init(), HOST_I8042_READY);
    assert_int_equal(port.mode, 0x61);
    assert_true(port.scanning);
    assert_false(host_i8042_waits());
    assert_int_equal(host_i8042_read(), -1);
}

static void test_codes_come_in_order_without_those_of_a_mouse(void **state)
{
    (void)state;
    put(0x1E, false);
    put(0x08, true);
    put(0x9E, false);
    assert_true(host_i8042_waits());
    assert_int_equal(host_i8042_read(), 0x1E);
    assert_int_equal(host_i8042_read(), 0x9E);
    assert_int_equal(host_i8042_read(), -1);
}

static void test_without_a_controller_nothing_is_written(void **state)
{
    (void)state;
    port.absent = true;
    assert_int_equal(host_i8042_init(), HOST_I8042_ABSENT);
    assert_int_equal(port.polls, 1);
    assert_false(host_i8042_waits());
    assert_int_equal(host_i8042_read(), -1);
}

static void test_what_never_answers_is_no_controller(void **state)
{
    (void)state;
    port.dead = true;
    assert_int_equal(host_i8042_init(), HOST_I8042_ABSENT);
    setup(state);
    port.stuck = true;
    assert_int_equal(host_i8042_init(), HOST_I8042_ABSENT);
    assert_in_range(port.polls, 1000, 1000000);
}

static void test_a_controller_without_a_keyboard_is_told_apart(void **state)
{
    (void)state;
    port.no_keyboard = true;
    assert_int_equal(host_i8042_init(), HOST_I8042_NO_KEYBOARD);
    assert_int_equal(port.mode, 0x61);
}

static void test_one_that_is_never_empty_holds_nobody_up(void **state)
{
    (void)state;
    port.endless = true;
    assert_int_equal(host_i8042_init(), HOST_I8042_NO_KEYBOARD);
    assert_int_equal(host_i8042_read(), 0x1E);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_keyboard_is_set_up, setup),
        cmocka_unit_test_setup(test_codes_come_in_order_without_those_of_a_mouse, setup),
        cmocka_unit_test_setup(test_without_a_controller_nothing_is_written, setup),
        cmocka_unit_test_setup(test_what_never_answers_is_no_controller, setup),
        cmocka_unit_test_setup(test_a_controller_without_a_keyboard_is_told_apart, setup),
        cmocka_unit_test_setup(test_one_that_is_never_empty_holds_nobody_up, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
