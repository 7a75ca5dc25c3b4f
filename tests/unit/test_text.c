/* SPDX-License-Identifier: MIT
 *
 * hv/text.c against the C library where both know a conversion, and against
 * what its header promises where they differ.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/check.h"
#include "hv/text.h"

void check_failed(const char *expression, const char *file, unsigned line)
{
    fprintf(stderr, "CHECK failed: %s (%s:%u)\n", expression, file, line);
    abort();
}

/* The same call to both must give the same text and the same length. */
#define SAME_AS_LIBRARY(...)                                          \
    do {                                                              \
        char ours[128], theirs[128];                                  \
        size_t length = text_format(ours, sizeof(ours), __VA_ARGS__); \
        int expected = snprintf(theirs, sizeof(theirs), __VA_ARGS__); \
        assert_string_equal(ours, theirs);                            \
        assert_int_equal(length, expected);                           \
    } while (0)

static void numbers_are_formatted_as_the_library_does(void **state)
{
    (void)state;
    SAME_AS_LIBRARY("%d %d %d", 0, -1, 2147483647);
    SAME_AS_LIBRARY("%d", (int)0x80000000);
    SAME_AS_LIBRARY("%u %x %X", 4294967295u, 0xdeadbeefu, 0xdeadbeefu);
    SAME_AS_LIBRARY("%llu", 18446744073709551615ull);
    SAME_AS_LIBRARY("%lld", (long long)0x8000000000000000ull);
    SAME_AS_LIBRARY("%llx %lx %lu %ld", 0x123456789abcdefull, 0xfeul, 7ul, -7l);
    SAME_AS_LIBRARY("%zu %zx", (size_t)123, (size_t)0xabc);
    SAME_AS_LIBRARY("%p", (void *)0x1000);
}

static void widths_pad_on_the_side_that_the_flag_says(void **state)
{
    (void)state;
    SAME_AS_LIBRARY("[%5d][%-5d][%05d]", 42, 42, 42);
    SAME_AS_LIBRARY("[%5d][%-5d][%05d]", -42, -42, -42);
    SAME_AS_LIBRARY("[%016llx]", 0x1234ull);
    SAME_AS_LIBRARY("[%2d][%02d]", 12345, 12345);
    SAME_AS_LIBRARY("[%8s][%-8s][%c][%3c][%-3c]", "ab", "ab", 'x', 'y', 'z');
    SAME_AS_LIBRARY("[%*d][%0*X]", 6, 42, 4, 0xe9u);
}

static void a_precision_cuts_a_string_and_needs_no_terminator(void **state)
{
    const char unterminated[3] = { 'a', 'b', 'c' };

    (void)state;
    SAME_AS_LIBRARY("[%.2s][%.0s][%.9s][%8.2s][%-8.2s]", "abc", "abc", "abc", "abc", "abc");
    SAME_AS_LIBRARY("[%.*s]", 3, unterminated);
}

static void a_percent_sign_and_plain_text_stand_for_themselves(void **state)
{
    (void)state;
    SAME_AS_LIBRARY("100%% of %s", "it");
    SAME_AS_LIBRARY("%s", "");
}

static void a_missing_string_is_shown_and_not_followed(void **state)
{
    char text[16];
    const char *volatile nothing = NULL;

    (void)state;
    text_format(text, sizeof(text), "%s", nothing);
    assert_string_equal(text, "(null)");
}

static void an_unknown_conversion_is_printed_as_it_stands(void **state)
{
    char text[16];
    const char *volatile format = "a %q b %";

    (void)state;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
    text_format(text, sizeof(text), format);
#pragma GCC diagnostic pop
    assert_string_equal(text, "a %q b %");
}

static void a_result_that_does_not_fit_is_cut_and_terminated(void **state)
{
    char text[8];

    (void)state;
    memset(text, '#', sizeof(text));
    assert_int_equal(text_format(text, 5, "%s", "abcdefgh"), 4);
    assert_memory_equal(text, "abcd\0###", 8);
    assert_int_equal(text_format(text, 1, "%d", 5), 0);
    assert_memory_equal(text, "\0bcd", 4);
    assert_int_equal(text_format(text, 5, "%2147483647d", 1), 4);
    assert_string_equal(text, "    ");
}

static void texts_are_equal_only_with_the_same_length(void **state)
{
    (void)state;
    assert_true(text_equal("", ""));
    assert_true(text_equal("abc", "abc"));
    assert_false(text_equal("abc", "abd"));
    assert_false(text_equal("abc", "ab"));
    assert_false(text_equal("ab", "abc"));
}

static void a_copy_says_whether_it_was_cut(void **state)
{
    char text[4];

    (void)state;
    assert_true(text_copy(text, sizeof(text), "abc"));
    assert_string_equal(text, "abc");
    assert_false(text_copy(text, sizeof(text), "abcd"));
    assert_string_equal(text, "abc");
    assert_true(text_copy(text, sizeof(text), ""));
    assert_string_equal(text, "");
}

static void an_amount_of_bytes_has_the_largest_unit_that_is_exact(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        { 0, "0 bytes" },
        { 1, "1 byte" },
        { 1023, "1023 bytes" },
        { 1024, "1 KiB" },
        { 655360, "640 KiB" },
        { 268435456, "256 MiB" },
        { 1610612736, "1536 MiB" },
        { 1073741824, "1 GiB" },
        { 1ull << 40, "1 TiB" },
        { 1ull << 52, "4096 TiB" },
        { UINT64_MAX, "18446744073709551615 bytes" },
    };
    char text[32];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        text_bytes(text, sizeof(text), rows[i].bytes);
        assert_string_equal(text, rows[i].text);
    }
}

static void a_digit_has_the_value_that_the_library_gives_it(void **state)
{
    (void)state;
    for (unsigned base = 2; base <= 16; base++)
        for (int c = -128; c < 128; c++) {
            char text[] = { (char)c, '\0' }, *end;
            long value = strtol(text, &end, (int)base);
            assert_int_equal(text_digit((char)c, base), end == text ? -1 : value);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_formatted_as_the_library_does),
        cmocka_unit_test(a_digit_has_the_value_that_the_library_gives_it),
        cmocka_unit_test(widths_pad_on_the_side_that_the_flag_says),
        cmocka_unit_test(a_precision_cuts_a_string_and_needs_no_terminator),
        cmocka_unit_test(a_percent_sign_and_plain_text_stand_for_themselves),
        cmocka_unit_test(a_missing_string_is_shown_and_not_followed),
        cmocka_unit_test(an_unknown_conversion_is_printed_as_it_stands),
        cmocka_unit_test(a_result_that_does_not_fit_is_cut_and_terminated),
        cmocka_unit_test(texts_are_equal_only_with_the_same_length),
        cmocka_unit_test(a_copy_says_whether_it_was_cut),
        cmocka_unit_test(an_amount_of_bytes_has_the_largest_unit_that_is_exact),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
