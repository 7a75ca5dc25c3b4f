/* SPDX-License-Identifier: MIT
 *
 * The keyboard controller as drivers probe it, and port 92h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/vm.h"
#include "tests/fake/interrupts.h"
#include "tests/fake/terminal.h"

enum { DATA = 0x60, COMMAND = 0x64, CONTROL_A = 0x92 };
enum { FULL = 1, SYSTEM = 4, WAS_COMMAND = 8, NOT_LOCKED = 16, AUXILIARY = 32, TIMEOUT = 64 };
enum { KEYBOARD_INTERRUPT = 1, AUXILIARY_INTERRUPT = 2, KEYBOARD_OFF = 16, AUXILIARY_OFF = 32 };

static const struct vm_config config = { .name = "ada" };
static struct vm vm;
static struct vcpu vcpu;

static int fresh(void **state)
{
    (void)state;
    memset(&vm, 0, sizeof vm);
    vm.config = &config;
    vm.vcpus[0] = &vcpu;
    fake_terminal_reset();
    fake_interrupts_reset();
    ioapic_init(&vm.ioapic, 1);
    pic_init(&vm.pic);
    i8042_init(&vm.i8042);
    return 0;
}

static uint8_t get(uint16_t port) { return i8042_read(&vm, port); }
static enum platform_event set(uint16_t port, uint8_t value) { return i8042_write(&vm, port, value); }

static uint8_t ask(uint8_t command)
{
    assert_int_equal(set(COMMAND, command), PLATFORM_NOTHING);
    assert_true(get(COMMAND) & FULL);
    uint8_t answer = get(DATA);
    assert_false(get(COMMAND) & FULL);
    return answer;
}

static void tell(uint8_t command, uint8_t data)
{
    assert_int_equal(set(COMMAND, command), PLATFORM_NOTHING);
    assert_int_equal(set(DATA, data), PLATFORM_NOTHING);
}

static bool line(unsigned irq) { return vm.ioapic.lines >> irq & 1; }

static void it_is_ready_and_has_nothing_to_say(void **state)
{
    (void)state;
    assert_int_equal(get(COMMAND), SYSTEM | NOT_LOCKED);
    assert_int_equal(ask(0x20), 0x74);
}

static void a_driver_finds_a_controller_that_works(void **state)
{
    (void)state;
    assert_int_equal(ask(0xAA), 0x55);
    assert_int_equal(ask(0xAB), 0);
    assert_int_equal(ask(0xA9), 0);
    assert_int_equal(ask(0xC0), 0x80);
    tell(0x60, 0x45);
    assert_int_equal(ask(0x20), 0x45);
    set(COMMAND, 0xA7);
    assert_int_equal(ask(0x20), 0x45 | AUXILIARY_OFF);
    set(COMMAND, 0xA8);
    set(COMMAND, 0xAD);
    assert_int_equal(ask(0x20), 0x45 | KEYBOARD_OFF);
    set(COMMAND, 0xAE);
    assert_int_equal(ask(0x20), 0x45);
    for (uint8_t i = 1; i < 32; i++)
        tell(0x60 + i, (uint8_t)(i * 7));
    for (uint8_t i = 1; i < 32; i++)
        assert_int_equal(ask(0x20 + i), (uint8_t)(i * 7));
}

static void the_status_tells_commands_from_data(void **state)
{
    (void)state;
    set(COMMAND, 0xAE);
    assert_true(get(COMMAND) & WAS_COMMAND);
    tell(0x60, 0);
    assert_false(get(COMMAND) & (WAS_COMMAND | SYSTEM));
    tell(0x60, 4);
    assert_true(get(COMMAND) & SYSTEM);
}

/* FEh with a timeout: a driver need not wait for one of its own. */
static void what_is_sent_to_nobody_is_answered_at_once(void **state)
{
    (void)state;
    set(DATA, 0xFF); /* reset, to the keyboard */
    assert_int_equal(get(COMMAND) & (FULL | AUXILIARY | TIMEOUT), FULL | TIMEOUT);
    assert_int_equal(get(DATA), 0xFE);
    assert_int_equal(get(COMMAND) & (FULL | AUXILIARY | TIMEOUT), 0);
    tell(0xD4, 0xFF); /* to the mouse */
    assert_int_equal(get(COMMAND) & (FULL | AUXILIARY | TIMEOUT), FULL | AUXILIARY | TIMEOUT);
    assert_int_equal(get(DATA), 0xFE);
}

static void bytes_written_to_the_output_come_back(void **state)
{
    (void)state;
    tell(0xD2, 0x42);
    assert_int_equal(get(COMMAND) & (FULL | AUXILIARY), FULL);
    assert_int_equal(get(DATA), 0x42);
    tell(0xD3, 0x5A); /* how Linux looks for a mouse port */
    assert_int_equal(get(COMMAND) & (FULL | AUXILIARY), FULL | AUXILIARY);
    assert_int_equal(get(DATA), 0x5A);
    assert_int_equal(get(COMMAND) & (FULL | AUXILIARY), 0);
}

static void a_full_output_interrupts_if_that_is_enabled(void **state)
{
    (void)state;
    tell(0xD2, 1);
    tell(0xD3, 1);
    assert_false(line(1) || line(12));
    (void)get(DATA);
    tell(0x60, KEYBOARD_INTERRUPT | AUXILIARY_INTERRUPT);
    tell(0xD2, 1);
    assert_true(line(1) && !line(12));
    tell(0xD3, 1);
    assert_true(!line(1) && line(12));
    (void)get(DATA);
    assert_false(line(1) || line(12));
    vm.ioapic.entries[1] = 0x31;
    fake_interrupts_reset();
    tell(0xD2, 1);
    tell(0xD2, 2); /* each byte is an edge */
    assert_int_equal(fake_interrupts.count, 2);
    (void)ask(0xAA);
    assert_false(line(1));
    tell(0xD2, 1); /* its self-test has turned them off */
    assert_false(line(1));
}

static void it_resets_by_a_pulse_at_output_0(void **state)
{
    (void)state;
    for (unsigned command = 0; command < 256; command++) {
        bool resets = command >= 0xF0 && !(command & 1);
        assert_int_equal(set(COMMAND, (uint8_t)command),
                         resets ? PLATFORM_RESET_KEYBOARD : PLATFORM_NOTHING);
    }
}

static void it_resets_by_its_output_port(void **state)
{
    (void)state;
    assert_int_equal(set(DATA, 0xFE), PLATFORM_NOTHING);
    tell(0xD1, 0xDF);
    assert_int_equal(set(DATA, 0xFE), PLATFORM_NOTHING);
    (void)set(COMMAND, 0xD1);
    assert_int_equal(set(DATA, 0xFE), PLATFORM_RESET_KEYBOARD);
}

static void port_92_resets_by_bit_0(void **state)
{
    (void)state;
    assert_int_equal(set(CONTROL_A, 2), PLATFORM_NOTHING);
    assert_int_equal(set(CONTROL_A, 3), PLATFORM_RESET_FAST);
    assert_int_equal(set(CONTROL_A, 1), PLATFORM_RESET_FAST);
}

static void a20_is_on_whatever_is_written_and_that_is_said_once(void **state)
{
    (void)state;
    assert_int_equal(get(CONTROL_A), 2);
    assert_int_equal(ask(0xD0), 0xCF);
    set(CONTROL_A, 2);
    tell(0xD1, 0xDF);
    assert_string_equal(fake_terminal_shown(), "");
    set(CONTROL_A, 0);
    assert_non_null(strstr(fake_terminal_shown(), "ada: masked address line 20, which stays on"));
    tell(0xD1, 0xDD);
    set(CONTROL_A, 0);
    i8042_init(&vm.i8042); /* in its next life, too */
    set(CONTROL_A, 0);
    assert_string_equal(fake_terminal_shown(), "");
    assert_int_equal(get(CONTROL_A), 2);
    assert_int_equal(ask(0xD0), 0xCF);
    tell(0xD2, 1);
    set(COMMAND, 0xD0);
    assert_int_equal(get(DATA), 0xDF); /* with the output full */
}

static void nothing_that_is_written_keeps_it_busy(void **state)
{
    (void)state;
    srand(8042);
    for (unsigned i = 0; i < 1000000; i++) {
        (void)set(rand() % 2 ? DATA : COMMAND, (uint8_t)rand());
        assert_false(get(COMMAND) & 2);
        if (rand() % 4 == 0)
            (void)get(DATA);
        assert_false(line(1) && line(12));
    }
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_ready_and_has_nothing_to_say),
        TEST(a_driver_finds_a_controller_that_works),
        TEST(the_status_tells_commands_from_data),
        TEST(what_is_sent_to_nobody_is_answered_at_once),
        TEST(bytes_written_to_the_output_come_back),
        TEST(a_full_output_interrupts_if_that_is_enabled),
        TEST(it_resets_by_a_pulse_at_output_0),
        TEST(it_resets_by_its_output_port),
        TEST(port_92_resets_by_bit_0),
        TEST(a20_is_on_whatever_is_written_and_that_is_said_once),
        TEST(nothing_that_is_written_keeps_it_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
