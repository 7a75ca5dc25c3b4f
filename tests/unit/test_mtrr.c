/* SPDX-License-Identifier: MIT
 *
 * hv/mtrr.c against a naive model that asks for each page, as the manual says it,
 * which registers' masks it matches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/mtrr.h"
#include "hv/mtrr.h"

#define BITS 36u
#define ON MTRR_ENABLE
#define VALID MTRR_PHYSMASK_VALID
#define SPACE MIB(4)
#define PAGES (SPACE / PAGE_SIZE_4K)

static struct mtrrs mtrrs;
static struct memory_map map;

/* A mask for so many bytes, a power of two. */
static uint64_t mask_of(uint64_t bytes)
{
    return (((1ull << BITS) - 1) & ~(bytes - 1)) | VALID;
}

static void ram(uint64_t base, uint64_t bytes)
{
    struct memory_range range = { HPA(base), bytes, MEMORY_USABLE };
    memory_map_build(&map, &range, 1);
}

static void assert_trims(uint64_t base, uint64_t bytes)
{
    struct memory_region out;
    assert_true(mtrrs_trim(&mtrrs, &map, &out));
    assert_int_equal(out.base.value, base);
    assert_int_equal(out.bytes, bytes);
    assert_false(memory_map_holds(&map, HPA(base), PAGE_SIZE_4K));
}

static void assert_trims_nothing(void)
{
    struct memory_region out;
    uint64_t total = memory_map_total(&map);
    assert_false(mtrrs_trim(&mtrrs, &map, &out));
    assert_int_equal(memory_map_total(&map), total);
}

static void memory_of_the_default_type_is_kept_if_that_is_write_back(void **state)
{
    (void)state;
    ram(MIB(1), GIB(4));
    mtrrs_init(&mtrrs, ON | MTRR_WRITE_BACK);
    mtrrs_add(&mtrrs, GIB(8) | MTRR_UNCACHEABLE, mask_of(GIB(1)), BITS);
    assert_trims_nothing();
    mtrrs_init(&mtrrs, ON | MTRR_UNCACHEABLE);
    mtrrs_add(&mtrrs, GIB(2) | MTRR_WRITE_BACK, mask_of(GIB(2)), BITS);
    assert_trims(MIB(1), GIB(2) - MIB(1));
    assert_trims(GIB(4), MIB(1));
    assert_trims_nothing();
    assert_int_equal(memory_map_total(&map), GIB(2));
}

static void holes_are_cut_out(void **state)
{
    (void)state;
    ram(MIB(1), MIB(63));
    mtrrs_init(&mtrrs, ON | MTRR_WRITE_BACK);
    mtrrs_add(&mtrrs, MIB(16) | MTRR_WRITE_COMBINING, mask_of(MIB(1)), BITS);
    mtrrs_add(&mtrrs, MIB(32) | MTRR_WRITE_THROUGH, mask_of(PAGE_SIZE_4K), BITS);
    assert_trims(MIB(16), MIB(1));
    assert_trims(MIB(32), PAGE_SIZE_4K);
    assert_trims_nothing();
    assert_int_equal(map.count, 3);
}

static void where_ranges_overlap_all_must_be_write_back(void **state)
{
    (void)state;
    ram(MIB(1), MIB(63));
    mtrrs_init(&mtrrs, ON | MTRR_UNCACHEABLE);
    mtrrs_add(&mtrrs, 0 | MTRR_WRITE_BACK, mask_of(MIB(64)), BITS);
    mtrrs_add(&mtrrs, 0 | MTRR_WRITE_BACK, mask_of(MIB(32)), BITS);
    assert_trims_nothing();
    mtrrs_add(&mtrrs, MIB(8) | MTRR_WRITE_THROUGH, mask_of(MIB(8)), BITS);
    assert_trims(MIB(8), MIB(8));
    assert_trims_nothing();
}

static void registers_that_mean_nothing_change_nothing(void **state)
{
    (void)state;
    ram(MIB(1), MIB(63));
    mtrrs_init(&mtrrs, MTRR_UNCACHEABLE); /* off */
    mtrrs_add(&mtrrs, 0 | MTRR_UNCACHEABLE, mask_of(MIB(64)), BITS);
    assert_trims_nothing();
    mtrrs_init(&mtrrs, ON | MTRR_WRITE_BACK);
    mtrrs_add(&mtrrs, 0 | MTRR_UNCACHEABLE, mask_of(MIB(64)) & ~VALID, BITS);
    assert_int_equal(mtrrs.count, 0);
    assert_trims_nothing();
}

static void a_mask_of_nothing_is_all_memory(void **state)
{
    (void)state;
    ram(MIB(1), MIB(63));
    mtrrs_init(&mtrrs, ON | MTRR_WRITE_BACK);
    mtrrs_add(&mtrrs, 0 | MTRR_UNCACHEABLE, VALID, BITS);
    assert_trims(MIB(1), MIB(63));
    assert_int_equal(map.count, 0);
    assert_trims_nothing();
}

static void what_does_not_fit_is_counted(void **state)
{
    (void)state;
    mtrrs_init(&mtrrs, ON | MTRR_WRITE_BACK);
    mtrrs_add(&mtrrs, MIB(1), mask_of(MIB(2)) & ~MIB(16), BITS); /* two ranges and more */
    assert_int_equal(mtrrs.ignored, 1);
    assert_int_equal(mtrrs.count, 0);
    for (unsigned i = 0; i < MTRR_RANGES_MAX + 3; i++)
        mtrrs_add(&mtrrs, MIB(i), mask_of(MIB(1)), BITS);
    assert_int_equal(mtrrs.ignored, 4);
    assert_int_equal(mtrrs.count, MTRR_RANGES_MAX);
}

static void processors_are_compared(void **state)
{
    (void)state;
    struct mtrrs other;
    mtrrs_init(&mtrrs, ON | MTRR_WRITE_BACK);
    mtrrs_add(&mtrrs, MIB(1), mask_of(MIB(1)), BITS);
    other = mtrrs;
    assert_true(mtrrs_same(&mtrrs, &other));
    other.ranges[0].type = MTRR_WRITE_BACK;
    assert_false(mtrrs_same(&mtrrs, &other));
    other = mtrrs;
    other.ranges[0].first = MIB(2);
    assert_false(mtrrs_same(&mtrrs, &other));
    other = mtrrs;
    other.ranges[0].end = MIB(3);
    assert_false(mtrrs_same(&mtrrs, &other));
    other = mtrrs;
    mtrrs_add(&other, MIB(2), mask_of(MIB(1)), BITS);
    assert_false(mtrrs_same(&mtrrs, &other));
    other = mtrrs;
    other.default_type = MTRR_UNCACHEABLE;
    assert_false(mtrrs_same(&mtrrs, &other));
    mtrrs_init(&other, 0);
    assert_false(mtrrs_same(&mtrrs, &other));
}

static uint64_t random_state = 1;

static uint64_t random_below(uint64_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % bound;
}

struct pair {
    uint64_t base, mask;
};

static bool model_write_back(uint64_t default_type, const struct pair *pairs, unsigned count,
                             uint64_t address)
{
    bool in_range = false, write_back = true;
    for (unsigned i = 0; i < count; i++) {
        uint64_t mask = pairs[i].mask & MTRR_ADDRESS_MASK;
        if ((address & mask) != (pairs[i].base & mask))
            continue;
        in_range = true;
        write_back &= (pairs[i].base & MTRR_TYPE) == MTRR_WRITE_BACK;
    }
    return in_range ? write_back : default_type == MTRR_WRITE_BACK;
}

static void random_registers_do_what_the_manual_says(void **state)
{
    static const uint8_t types[] = { MTRR_UNCACHEABLE, MTRR_WRITE_BACK, MTRR_WRITE_BACK };
    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        struct pair pairs[8];
        struct memory_region out;
        unsigned count = (unsigned)random_below(8);
        uint64_t default_type = types[random_below(3)];

        mtrrs_init(&mtrrs, ON | default_type);
        for (unsigned i = 0; i < count; i++) {
            uint64_t bytes = PAGE_SIZE_4K << random_below(10);
            pairs[i] = (struct pair){
                .base = random_below(SPACE / bytes) * bytes | types[random_below(3)],
                .mask = mask_of(bytes) };
            mtrrs_add(&mtrrs, pairs[i].base, pairs[i].mask, BITS);
        }
        ram(0, SPACE);
        while (mtrrs_trim(&mtrrs, &map, &out))
            assert_true(out.bytes > 0);
        for (uint64_t page = 0; page < PAGES; page++)
            assert_int_equal(memory_map_holds(&map, HPA(page * PAGE_SIZE_4K), PAGE_SIZE_4K),
                             model_write_back(default_type, pairs, count, page * PAGE_SIZE_4K));
    }
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(memory_of_the_default_type_is_kept_if_that_is_write_back),
        TEST(holes_are_cut_out),
        TEST(where_ranges_overlap_all_must_be_write_back),
        TEST(registers_that_mean_nothing_change_nothing),
        TEST(a_mask_of_nothing_is_all_memory),
        TEST(what_does_not_fit_is_counted),
        TEST(processors_are_compared),
        TEST(random_registers_do_what_the_manual_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
