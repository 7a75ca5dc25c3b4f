/* SPDX-License-Identifier: MIT
 *
 * hv/monitor_line.c: what is typed is what the line becomes, whatever is typed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/monitor_line.h"

static struct monitor_line line;

static int set_up(void **state)
{
    (void)state;
    line = (struct monitor_line){ .length = 0 };
    return 0;
}

static enum monitor_key_result type(const char *keys)
{
    enum monitor_key_result last = MONITOR_KEY_NOTHING;
    for (; *keys; keys++) {
        last = monitor_line_key(&line, (uint8_t)*keys);
        if (last == MONITOR_KEY_ENTER)
            monitor_line_next(&line);
    }
    return last;
}

static void assert_line(const char *text, unsigned cursor)
{
    assert_string_equal(line.text, text);
    assert_int_equal(line.length, strlen(text));
    assert_int_equal(line.cursor, cursor);
}

static void keys_edit_the_line(void **state)
{
    static const struct {
        const char *keys, *text;
        unsigned cursor;
    } rows[] = {
        { "list", "list", 4 },
        { "lisx\bt", "list", 4 },
        { "lisx\x7ft", "list", 4 },
        { "\b\x7f\x15\x17\x0b", "", 0 },
        { "ist\x01l", "list", 1 },
        { "ist\x01l\x05!", "list!", 5 },
        { "ab\x02\x02\x02X", "Xab", 1 },
        { "ab\x02\x06\x06X", "abX", 3 },
        { "ab\x1b[D\x1b[DX", "Xab", 1 },
        { "ab\x1b[D\x1b[C\x1b[CX", "abX", 3 },
        { "abc\x1b[HX\x1b[FY", "XabcY", 5 },
        { "abc\x1bOHX\x1bOFY", "XabcY", 5 },
        { "abc\x1b[1~X\x1b[4~Y", "XabcY", 5 },
        { "abc\x01\x1b[3~", "bc", 0 },
        { "abc\x1b[3~", "abc", 3 },
        { "abc\x01\x04", "bc", 0 },
        { "one two  \x17x", "one x", 5 },
        { "one two\x02\x02\x15", "wo", 0 },
        { "one two\x02\x02\x0b", "one t", 5 },
        { "abc\x03x", "x", 1 },
        { "a\x1b[15~b", "ab", 2 },
        { "a\x1bxb", "ab", 2 },
        { "a\x1b[1;5Cb", "ab", 2 },
        { "\xc3\xa4x", "x", 1 },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        set_up(NULL);
        type(rows[i].keys);
        assert_line(rows[i].text, rows[i].cursor);
    }
}

static void the_history_goes_back_and_comes_again(void **state)
{
    (void)state;
    type("one\rtwo\r\rtwo\rnew");
    type("\x1b[A");
    assert_line("two", 3);
    type("\x1b[A");
    assert_line("one", 3);
    type("\x1b[A\x10");
    assert_line("one", 3);
    type("\x1b[B");
    assert_line("two", 3);
    type("\x0e\x0e");
    assert_line("new", 3);
}

static void the_history_keeps_the_latest(void **state)
{
    (void)state;
    for (char c = 'a'; c <= 'z'; c++)
        type((const char[]){ c, '\r', '\0' });
    for (unsigned i = 0; i < 100; i++)
        type("\x1b[A");
    assert_line((const char[]){ (char)('z' - MONITOR_HISTORY + 1), '\0' }, 1);
}

static void special_keys_are_told(void **state)
{
    (void)state;
    assert_int_equal(type("\x04"), MONITOR_KEY_LEAVE);
    assert_int_equal(type("a\x04"), MONITOR_KEY_DRAW);
    assert_int_equal(type("\t"), MONITOR_KEY_COMPLETE);
    assert_int_equal(type("\r"), MONITOR_KEY_ENTER);
    assert_int_equal(type("\x1b"), MONITOR_KEY_NOTHING);
}

static void any_keys_leave_a_line(void **state)
{
    char drawn[MONITOR_DRAW_SIZE];
    (void)state;
    for (unsigned seed = 1; seed < 200; seed++) {
        srand(seed);
        set_up(NULL);
        for (unsigned i = 0; i < 3000; i++) {
            uint8_t byte = rand() % 3 ? (uint8_t)(rand() % 128)
                                      : (uint8_t)"\x1b[A\x1b[D\x1b[3~ab\r"[rand() % 13];
            if (monitor_line_key(&line, byte) == MONITOR_KEY_ENTER)
                monitor_line_next(&line);
            assert_true(line.length <= MONITOR_LINE_MAX && line.cursor <= line.length);
            assert_int_equal(strlen(line.text), line.length);
            size_t length = monitor_line_draw(&line, drawn);
            assert_true(length < MONITOR_DRAW_SIZE - 1);
        }
    }
}

static void a_drawing_puts_the_cursor_where_it_is(void **state)
{
    char drawn[MONITOR_DRAW_SIZE];
    (void)state;
    type("list");
    monitor_line_draw(&line, drawn);
    assert_string_equal(drawn, "\rmonitor> list\x1b[K");
    type("\x02\x02");
    monitor_line_draw(&line, drawn);
    assert_string_equal(drawn, "\rmonitor> list\x1b[K\x1b[2D");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_edit_the_line),
        TEST(the_history_goes_back_and_comes_again),
        TEST(the_history_keeps_the_latest),
        TEST(special_keys_are_told),
        TEST(any_keys_leave_a_line),
        TEST(a_drawing_puts_the_cursor_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
