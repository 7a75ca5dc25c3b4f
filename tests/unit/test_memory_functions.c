/* SPDX-License-Identifier: MIT
 *
 * hv/memory_functions.c, which only the image links: here under names of its
 * own, beside the C library's functions, which are the model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define memcpy our_memcpy
#define memmove our_memmove
#define memset our_memset
#define memcmp our_memcmp
#define strlen our_strlen
#include "hv/memory_functions.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen

#define SIZE 64

static void fill(unsigned char *bytes)
{
    for (int i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)(i * 7 + 1);
}

static void copies_of_all_sizes_and_alignments_touch_nothing_else(void **state)
{
    unsigned char from[SIZE], ours[SIZE], theirs[SIZE];

    (void)state;
    fill(from);
    for (size_t offset = 0; offset < 9; offset++)
        for (size_t bytes = 0; bytes < SIZE - 16; bytes++) {
            memset(ours, 0xee, SIZE);
            memset(theirs, 0xee, SIZE);
            assert_ptr_equal(our_memcpy(ours + offset, from + 3, bytes), ours + offset);
            memcpy(theirs + offset, from + 3, bytes);
            assert_memory_equal(ours, theirs, SIZE);
        }
}

static void moves_between_overlapping_places_keep_the_bytes(void **state)
{
    unsigned char ours[SIZE], theirs[SIZE];

    (void)state;
    for (size_t to = 0; to < 20; to++)
        for (size_t from = 0; from < 20; from++) {
            fill(ours);
            fill(theirs);
            assert_ptr_equal(our_memmove(ours + to, ours + from, 40), ours + to);
            memmove(theirs + to, theirs + from, 40);
            assert_memory_equal(ours, theirs, SIZE);
        }
}

static void setting_uses_the_lowest_byte_of_its_value(void **state)
{
    unsigned char ours[SIZE], theirs[SIZE];

    (void)state;
    for (size_t bytes = 0; bytes < SIZE - 8; bytes++) {
        fill(ours);
        fill(theirs);
        assert_ptr_equal(our_memset(ours + 5, 0x1a5, bytes), ours + 5);
        memset(theirs + 5, 0x1a5, bytes);
        assert_memory_equal(ours, theirs, SIZE);
    }
}

static void comparing_looks_at_unsigned_bytes(void **state)
{
    (void)state;
    assert_int_equal(our_memcmp("abc", "abc", 3), 0);
    assert_int_equal(our_memcmp("abc", "abd", 2), 0);
    assert_true(our_memcmp("abc", "abd", 3) < 0);
    assert_true(our_memcmp("\xff", "\x01", 1) > 0);
    assert_int_equal(our_memcmp("a", "b", 0), 0);
}

static void a_length_ends_at_the_first_zero(void **state)
{
    (void)state;
    assert_int_equal(our_strlen(""), 0);
    assert_int_equal(our_strlen("abc\0def"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_of_all_sizes_and_alignments_touch_nothing_else),
        cmocka_unit_test(moves_between_overlapping_places_keep_the_bytes),
        cmocka_unit_test(setting_uses_the_lowest_byte_of_its_value),
        cmocka_unit_test(comparing_looks_at_unsigned_bytes),
        cmocka_unit_test(a_length_ends_at_the_first_zero),
    };
    return cmocka_run_group_tests_name("memory_functions", tests, NULL, NULL);
}
