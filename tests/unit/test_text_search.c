/* SPDX-License-Identifier: MIT
 *
 * A text is found where it stands, and nowhere else: against a search that looks at
 * the whole stream again behind each byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/text_search.h"

#define STREAM 400

static bool ends_with(const char *stream, size_t length, const char *text)
{
    size_t wanted = strlen(text);
    return length >= wanted && memcmp(stream + length - wanted, text, wanted) == 0;
}

static unsigned compare(const char *text, const char *stream, size_t length)
{
    struct text_search search;
    unsigned found = 0;

    text_search_init(&search, text);
    for (size_t i = 0; i < length; i++) {
        bool expected = ends_with(stream, i + 1, text);
        found += expected;
        assert_int_equal(text_search_byte(&search, (uint8_t)stream[i]), expected);
    }
    return found;
}

static void it_is_found_wherever_it_stands(void **state)
{
    (void)state;
    assert_int_equal(compare("login:", "web login:", 10), 1);
    assert_int_equal(compare("aab", "aaab", 4), 1);
    assert_int_equal(compare("abab", "abababab", 8), 3);
    assert_int_equal(compare("ready", "rea\ndy", 6), 0);
    assert_int_equal(compare("\xC3\xA9", "\xC3\xC3\xA9", 3), 1);
    assert_int_equal(compare("a", "\0a\0", 3), 1);
}

/* Of two letters nearly every text repeats itself. */
static void it_is_found_in_any_stream(void **state)
{
    char text[TEXT_SEARCH_MAX + 1], stream[STREAM];
    unsigned found = 0;

    (void)state;
    srand(1);
    for (unsigned round = 0; round < 3000; round++) {
        unsigned length = 1 + (unsigned)rand() % (round % 50 == 0 ? TEXT_SEARCH_MAX : 9);
        for (unsigned i = 0; i < length; i++)
            text[i] = rand() % 3 == 0 ? 'b' : 'a';
        text[length] = '\0';
        for (unsigned i = 0; i < STREAM; i++)
            stream[i] = rand() % 3 == 0 ? 'b' : 'a';
        found += compare(text, stream, STREAM);
    }
    assert_true(found > 10000);
}

static void the_longest_text_fits(void **state)
{
    char text[TEXT_SEARCH_MAX + 1], stream[2 * TEXT_SEARCH_MAX];

    (void)state;
    memset(text, 'x', TEXT_SEARCH_MAX);
    text[TEXT_SEARCH_MAX] = '\0';
    memset(stream, 'x', sizeof stream);
    assert_int_equal(compare(text, stream, sizeof stream), TEXT_SEARCH_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_found_wherever_it_stands),
        cmocka_unit_test(it_is_found_in_any_stream),
        cmocka_unit_test(the_longest_text_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
