/* SPDX-License-Identifier: MIT
 *
 * hv/keyboard.c: what a user presses and what a terminal would have sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "hv/keyboard.h"

static struct keyboard keyboard;
static uint8_t sent[64];
static unsigned sent_count;

static int setup(void **state)
{
    (void)state;
    memset(&keyboard, 0, sizeof keyboard);
    return 0;
}

static void codes(const char *bytes, size_t count)
{
    int byte;

    sent_count = 0;
    for (size_t i = 0; i < count; i++) {
        keyboard_code(&keyboard, (uint8_t)bytes[i]);
        while ((byte = keyboard_take(&keyboard)) >= 0)
            sent[sent_count++] = (uint8_t)byte;
    }
}

#define GIVES(sequence, text) \
    do { \
        codes(sequence, sizeof(sequence) - 1); \
        assert_int_equal(sent_count, sizeof(text) - 1); \
        assert_memory_equal(sent, text, sizeof(text) - 1); \
    } while (0)

static void test_letters_digits_and_shift(void **state)
{
    (void)state;
    GIVES("\x1e\x9e\x02\x82\x39", "a1 ");
    GIVES("\x2a\x1e\x9e\x02\x82\xaa\x1e", "A!a");
    GIVES("\x36\x2a\xb6\x1e\xaa\x1e", "Aa"); /* one of the two is still held */
    GIVES("\x1c\x0f\x0e\x01\x0c\x28\x29\x2b\x33\x35", "\r\t\x7f\x1b-'`\\,/");
    GIVES("\x2a\x0c\x28\x29\x2b\x33\x35\x1a\xaa", "_\"~|<?{");
}

static void test_caps_lock_is_for_letters(void **state)
{
    (void)state;
    GIVES("\x3a\xba\x1e\x02\x2a\x1e\x02\xaa\x3a\xba\x1e", "A1a!a");
}

static void test_control_and_the_consoles_key(void **state)
{
    (void)state;
    GIVES("\x1d\x1b\x9b\x9d\x31", "\x1dn"); /* Ctrl-] n */
    GIVES("\xe0\x1d\x2e\xe0\x9d\x2e", "\x03" "c");
    GIVES("\x1d\x39\x9d", "\0");
    GIVES("\x1d\x2a\x1e\xaa\x9d", "\x01");
    GIVES("\x38\x1e\xb8\x1e", "\x1b" "aa");
}

static void test_cursor_and_function_keys(void **state)
{
    (void)state;
    GIVES("\xe0\x48\xe0\xc8\xe0\x50\xe0\x4b\xe0\x4d", "\x1b[A\x1b[B\x1b[D\x1b[C");
    GIVES("\xe0\x2a\xe0\x47\xe0\xc7\xe0\xaa\xe0\x53", "\x1b[H\x1b[3~"); /* a false shift */
    GIVES("\xe0\x2a\x1e", "a");
    GIVES("\x3b\xbb\x3f\x58", "\x1bOP\x1b[15~\x1b[24~");
    GIVES("\x47\x4a\x52\x53\xe0\x35\xe0\x1c", "7-0./\r");
}

static void test_keys_without_a_byte_give_none(void **state)
{
    (void)state;
    GIVES("\xe1\x1d\x45\xe1\x9d\xc5\x1e", "a"); /* Pause; Control is not held then */
    GIVES("\xe1\x1d\x45\x1e", "a");
    GIVES("\xe0\x5b\xe0\xdb\x45\xc5\x46\x7f\xfa\x1e", "a");
}

static void test_lost_keys_are_counted(void **state)
{
    (void)state;
    GIVES("\x1e\xff\x00\x1e", "aa");
    assert_int_equal(keyboard.overruns, 2);
}

static void test_no_code_overflows_anything(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++) {
            char pair[] = { (char)first, (char)second };
            keyboard.alt = true;
            codes(pair, sizeof pair);
            assert_true(sent_count <= 2 * KEYBOARD_BYTES_MAX);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_letters_digits_and_shift, setup),
        cmocka_unit_test_setup(test_caps_lock_is_for_letters, setup),
        cmocka_unit_test_setup(test_control_and_the_consoles_key, setup),
        cmocka_unit_test_setup(test_cursor_and_function_keys, setup),
        cmocka_unit_test_setup(test_keys_without_a_byte_give_none, setup),
        cmocka_unit_test_setup(test_lost_keys_are_counted, setup),
        cmocka_unit_test_setup(test_no_code_overflows_anything, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
