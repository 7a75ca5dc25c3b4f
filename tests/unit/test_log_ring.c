/* SPDX-License-Identifier: MIT
 *
 * hv/log_ring.c: the latest lines are there by their numbers, the others are not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/log_ring.h"

static void the_latest_lines_are_kept_by_number(void **state)
{
    char text[LOG_RING_TEXT], wanted[32];
    (void)state;
    assert_int_equal(log_ring_next(), 0);
    assert_false(log_ring_read(0, text));
    for (uint64_t number = 0; number < 3 * LOG_RING_LINES; number++) {
        int length = snprintf(wanted, sizeof wanted, "line %u", (unsigned)number);
        log_ring_add(wanted, (size_t)length);
        assert_int_equal(log_ring_next(), number + 1);
        assert_true(log_ring_read(number, text));
        assert_string_equal(text, wanted);
        assert_false(log_ring_read(number + 1, text));
        uint64_t oldest = number < LOG_RING_LINES ? 0 : number - LOG_RING_LINES + 1;
        snprintf(wanted, sizeof wanted, "line %u", (unsigned)oldest);
        assert_true(log_ring_read(oldest, text));
        assert_string_equal(text, wanted);
        assert_true(oldest == 0 || !log_ring_read(oldest - 1, text));
    }
}

static void a_long_line_is_cut(void **state)
{
    char text[LOG_RING_TEXT], line[2 * LOG_RING_TEXT];
    (void)state;
    memset(line, 'x', sizeof line);
    log_ring_add(line, sizeof line);
    assert_true(log_ring_read(log_ring_next() - 1, text));
    assert_int_equal(strlen(text), LOG_RING_TEXT - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_lines_are_kept_by_number),
        cmocka_unit_test(a_long_line_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
