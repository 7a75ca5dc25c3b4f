/* SPDX-License-Identifier: MIT
 *
 * hv/frames.c: what is taken is zeroed, distinct and inside the pool, and no
 * address that is not a taken frame of the pool leads to a table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "hv/frames.h"
#include "tests/fake/dies.h"

#define COUNT 4
#define BASE MIB(64)

static _Alignas(4096) uint64_t tables[COUNT * FRAME_ENTRIES];
static struct frames frames;

static int set_up(void **state)
{
    (void)state;
    memset(tables, 0xA5, sizeof tables);
    frames_init(&frames, tables, HPA(BASE), COUNT);
    return 0;
}

static void frames_are_distinct_zeroed_and_inside_the_pool(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        hpa_t frame = frames_take(&frames);
        assert_int_equal(frame.value, BASE + i * PAGE_SIZE_4K);
        uint64_t *table = frames_find(&frames, frame);
        assert_ptr_equal(table, tables + i * FRAME_ENTRIES);
        for (unsigned entry = 0; entry < FRAME_ENTRIES; entry++)
            assert_int_equal(table[entry], 0);
    }
    assert_int_equal(frames.used, COUNT);
}

static void a_frame_that_is_not_taken_yet_is_not_touched(void **state)
{
    (void)state;
    frames_take(&frames);
    for (unsigned entry = FRAME_ENTRIES; entry < COUNT * FRAME_ENTRIES; entry++)
        assert_int_equal(tables[entry], 0xA5A5A5A5A5A5A5A5);
}

static void a_part_has_frames_of_its_own_and_the_rest_goes_on_behind(void **state)
{
    (void)state;
    frames_take(&frames);
    struct frames part = frames_split(&frames, 2);
    assert_int_equal(frames_take(&part).value, BASE + PAGE_SIZE_4K);
    assert_int_equal(frames_take(&frames).value, BASE + 3 * PAGE_SIZE_4K);
    assert_int_equal(frames_take(&part).value, BASE + 2 * PAGE_SIZE_4K);
    assert_int_equal(part.used, part.count);
}

static void split_too_many(void *unused)
{
    (void)unused;
    frames_take(&frames);
    (void)frames_split(&frames, COUNT);
}

static void a_part_is_no_larger_than_what_is_left(void **state)
{
    (void)state;
    assert_true(dies(split_too_many, NULL));
}

static void take_one_too_many(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < COUNT + 1; i++)
        frames_take(&frames);
}

static void taking_more_than_there_are_stops_the_machine(void **state)
{
    (void)state;
    assert_true(dies(take_one_too_many, NULL));
}

static void find_address(void *address)
{
    frames_find(&frames, HPA(*(uint64_t *)address));
}

static void an_address_that_is_no_taken_frame_leads_nowhere(void **state)
{
    (void)state;
    uint64_t outside[] = {
        0, BASE - PAGE_SIZE_4K, BASE + 8, BASE + 2 * PAGE_SIZE_4K, BASE + COUNT * PAGE_SIZE_4K,
        BASE + (1ull << 52), UINT64_MAX - PAGE_SIZE_4K + 1,
    };
    frames_take(&frames);
    frames_take(&frames);
    uint64_t inside = BASE + PAGE_SIZE_4K;
    assert_false(dies(find_address, &inside));
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        assert_true(dies(find_address, &outside[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(frames_are_distinct_zeroed_and_inside_the_pool, set_up),
        cmocka_unit_test_setup(a_frame_that_is_not_taken_yet_is_not_touched, set_up),
        cmocka_unit_test_setup(a_part_has_frames_of_its_own_and_the_rest_goes_on_behind, set_up),
        cmocka_unit_test_setup(a_part_is_no_larger_than_what_is_left, set_up),
        cmocka_unit_test_setup(taking_more_than_there_are_stops_the_machine, set_up),
        cmocka_unit_test_setup(an_address_that_is_no_taken_frame_leads_nowhere, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
