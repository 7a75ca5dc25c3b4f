/* SPDX-License-Identifier: MIT
 *
 * hv/memory_map.c against a naive model: one flag for each 512 bytes of a small
 * address space, and questions answered by looking at all of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "hv/memory_map.h"

#define UNIT 512u
#define SPACE MIB(4)
#define UNITS (SPACE / UNIT)
#define PAGES (SPACE / PAGE_SIZE_4K)
#define UNITS_PER_PAGE (PAGE_SIZE_4K / UNIT)
#define RANGES_MAX 400

static uint64_t random_state;

static uint64_t random_below(uint64_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % bound;
}

struct model {
    bool free[PAGES];
};

static void model_build(struct model *model, const struct memory_range *ranges, size_t count)
{
    static uint8_t usable[UNITS], unusable[UNITS];
    memset(usable, 0, sizeof usable);
    memset(unusable, 0, sizeof unusable);
    for (size_t i = 0; i < count; i++)
        for (uint64_t unit = 0; unit < ranges[i].bytes / UNIT; unit++) {
            uint8_t *flags = ranges[i].type == MEMORY_USABLE ? usable : unusable;
            flags[ranges[i].base.value / UNIT + unit] = 1;
        }
    for (size_t page = 0; page < PAGES; page++) {
        model->free[page] = true;
        for (size_t i = 0; i < UNITS_PER_PAGE; i++) {
            size_t unit = page * UNITS_PER_PAGE + i;
            model->free[page] &= usable[unit] && !unusable[unit];
        }
    }
}

static void model_reserve(struct model *model, uint64_t base, uint64_t bytes)
{
    for (uint64_t page = 0; page < PAGES; page++)
        if (bytes > 0 && page * PAGE_SIZE_4K < base + bytes && (page + 1) * PAGE_SIZE_4K > base)
            model->free[page] = false;
}

static bool model_is_free(const struct model *model, uint64_t base, uint64_t bytes)
{
    for (uint64_t page = base / PAGE_SIZE_4K; page < (base + bytes) / PAGE_SIZE_4K; page++)
        if (page >= PAGES || !model->free[page])
            return false;
    return true;
}

static bool model_could_take(const struct model *model, uint64_t bytes, uint64_t align,
                             uint64_t limit)
{
    for (uint64_t base = 0; base + bytes <= limit && base + bytes <= SPACE; base += align)
        if (model_is_free(model, base, bytes))
            return true;
    return false;
}

static uint64_t model_largest(const struct model *model, uint64_t align, uint64_t limit)
{
    uint64_t largest = 0;
    for (uint64_t bytes = align; bytes <= SPACE; bytes += align)
        if (model_could_take(model, bytes, align, limit))
            largest = bytes;
    return largest;
}

static bool map_has(const struct memory_map *map, uint64_t address)
{
    for (unsigned i = 0; i < map->count; i++)
        if (address >= map->regions[i].base.value &&
            address - map->regions[i].base.value < map->regions[i].bytes)
            return true;
    return false;
}

static void assert_same(const struct memory_map *map, const struct model *model)
{
    uint64_t total = 0;
    assert_true(memory_map_is_valid(map));
    for (uint64_t page = 0; page < PAGES; page++) {
        assert_int_equal(map_has(map, page * PAGE_SIZE_4K), model->free[page]);
        total += model->free[page] ? PAGE_SIZE_4K : 0;
    }
    assert_int_equal(memory_map_total(map), total);
}

static size_t random_ranges(struct memory_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t base = random_below(UNITS);
        uint64_t most = UNITS - base < UNITS / 8 ? UNITS - base : UNITS / 8;
        ranges[i].base = HPA(base * UNIT);
        ranges[i].bytes = random_below(most + 1) * UNIT;
        ranges[i].type = random_below(3) == 0 ? (uint32_t)random_below(20) : MEMORY_USABLE;
    }
    return count;
}

static void any_map_has_exactly_the_pages_that_are_wholly_usable(void **state)
{
    (void)state;
    static struct memory_range ranges[RANGES_MAX];
    static struct memory_map map;
    static struct model model;
    random_state = 0x9E3779B97F4A7C15;
    for (unsigned round = 0; round < 2000; round++) {
        size_t count = random_ranges(ranges, random_below(40));
        memory_map_build(&map, ranges, count);
        model_build(&model, ranges, count);
        assert_same(&map, &model);
        assert_int_equal(map.bytes_lost, 0);
    }
}

static void one_random_step(struct memory_map *map, struct model *model)
{
    uint64_t align = PAGE_SIZE_4K << random_below(6);
    uint64_t limit = random_below(3) == 0 ? MEMORY_NO_LIMIT : random_below(SPACE + 1);
    uint64_t bytes = 1 + random_below(random_below(4) == 0 ? SPACE / 4 : SPACE / 64);
    if (random_below(3) == 0) {
        uint64_t base = random_below(SPACE - bytes);
        memory_map_reserve(map, HPA(base), bytes);
        model_reserve(model, base, bytes);
        return;
    }
    uint64_t whole = align_up(bytes, PAGE_SIZE_4K);
    hpa_t got = HPA(1);
    bool taken = memory_map_take(map, bytes, align, limit, &got);
    assert_int_equal(taken, model_could_take(model, whole, align, limit));
    if (!taken)
        return;
    assert_int_equal(got.value % align, 0);
    assert_true(got.value + whole <= limit);
    assert_true(model_is_free(model, got.value, whole));
    model_reserve(model, got.value, whole);
}

static void any_sequence_of_reserving_and_taking_agrees_with_the_model(void **state)
{
    (void)state;
    static struct memory_range ranges[RANGES_MAX];
    static struct memory_map map;
    static struct model model;
    random_state = 0x2545F4914F6CDD1D;
    for (unsigned round = 0; round < 200; round++) {
        size_t count = random_ranges(ranges, 1 + random_below(20));
        memory_map_build(&map, ranges, count);
        model_build(&model, ranges, count);
        for (unsigned step = 0; step < 20; step++) {
            one_random_step(&map, &model);
            assert_same(&map, &model);
        }
    }
}

static void the_largest_block_is_what_a_take_would_get(void **state)
{
    (void)state;
    static struct memory_range ranges[RANGES_MAX];
    static struct memory_map map;
    static struct model model;
    random_state = 0xD1B54A32D192ED03;
    for (unsigned round = 0; round < 300; round++) {
        size_t count = random_ranges(ranges, 1 + random_below(20));
        uint64_t align = PAGE_SIZE_4K << (3 + random_below(4));
        uint64_t limit = random_below(2) == 0 ? MEMORY_NO_LIMIT : random_below(SPACE + 1);
        memory_map_build(&map, ranges, count);
        model_build(&model, ranges, count);
        uint64_t largest = memory_map_largest(&map, align, limit);
        assert_int_equal(largest, model_largest(&model, align, limit));
        hpa_t got;
        if (largest > 0)
            assert_true(memory_map_take(&map, largest, align, limit, &got));
        assert_false(memory_map_take(&map, largest + align, align, limit, &got));
    }
}

static void a_full_list_loses_memory_but_never_invents_any(void **state)
{
    (void)state;
    static struct memory_range ranges[PAGES];
    static struct memory_map map;
    static struct model model;
    random_state = 0x853C49E6748FEA9B;
    for (unsigned round = 0; round < 50; round++) {
        size_t count = 0; /* every other page, in any order, one of them bigger */
        for (uint64_t page = 1; page + 2 < PAGES; page += 2)
            ranges[count++] = (struct memory_range){ HPA(page * PAGE_SIZE_4K), PAGE_SIZE_4K,
                                                     MEMORY_USABLE };
        for (size_t i = count - 1; i > 0; i--) {
            size_t other = random_below(i + 1);
            struct memory_range swapped = ranges[i];
            ranges[i] = ranges[other];
            ranges[other] = swapped;
        }
        uint64_t big = random_below(count);
        ranges[big].bytes = 3 * PAGE_SIZE_4K;
        memory_map_build(&map, ranges, count);
        model_build(&model, ranges, count);
        assert_true(memory_map_is_valid(&map));
        assert_int_equal(map.count, MEMORY_REGIONS_MAX);
        for (uint64_t page = 0; page < PAGES; page++)
            assert_true(!map_has(&map, page * PAGE_SIZE_4K) || model.free[page]);
        assert_true(map.bytes_lost > 0);
        assert_true(memory_map_total(&map) >= MEMORY_REGIONS_MAX * PAGE_SIZE_4K);
    }
}

static void splitting_in_a_full_list_keeps_the_reserved_pages_out(void **state)
{
    (void)state;
    static struct memory_range ranges[MEMORY_REGIONS_MAX];
    static struct memory_map map;
    for (unsigned i = 0; i < MEMORY_REGIONS_MAX; i++)
        ranges[i] = (struct memory_range){ HPA(MIB(1) * (i + 1)), KIB(512), MEMORY_USABLE };
    memory_map_build(&map, ranges, MEMORY_REGIONS_MAX);
    assert_int_equal(map.count, MEMORY_REGIONS_MAX);

    memory_map_reserve(&map, HPA(MIB(5) + KIB(8)), KIB(4));
    assert_true(memory_map_is_valid(&map));
    assert_false(map_has(&map, MIB(5) + KIB(8)));
    assert_true(map_has(&map, MIB(5) + KIB(12)));
    assert_int_equal(map.bytes_lost, KIB(8));
}

static void the_order_of_entries_does_not_matter(void **state)
{
    (void)state;
    static struct memory_map map;
    const struct memory_range ranges[] = {
        { HPA(MIB(2)), MIB(1), MEMORY_RESERVED },
        { HPA(MIB(1)), MIB(15), MEMORY_USABLE },
        { HPA(MIB(4)), MIB(1), MEMORY_ACPI_NVS },
        { HPA(MIB(3)), MIB(2), MEMORY_USABLE },
    };
    memory_map_build(&map, ranges, 4);
    assert_int_equal(map.count, 3);
    assert_int_equal(memory_map_total(&map), MIB(13));
    assert_false(map_has(&map, MIB(2)));
    assert_false(map_has(&map, MIB(4)));
}

static void two_usable_entries_that_meet_inside_a_page_make_it_whole(void **state)
{
    (void)state;
    static struct memory_map map;
    const struct memory_range ranges[] = {
        { HPA(0x100000), 0x1800, MEMORY_USABLE },
        { HPA(0x101800), 0x1800, MEMORY_USABLE },
    };
    memory_map_build(&map, ranges, 2);
    assert_int_equal(map.count, 1);
    assert_int_equal(memory_map_total(&map), 0x3000);
}

static void an_entry_that_wraps_round_is_cut_at_the_end_of_memory(void **state)
{
    (void)state;
    static struct memory_map map;
    const struct memory_range ranges[] = {
        { HPA(0x100000), UINT64_MAX, MEMORY_USABLE },
        { HPA(UINT64_MAX - 10), 100, MEMORY_USABLE },
        { HPA(0x200000), UINT64_MAX - 5, 77 },
    };
    memory_map_build(&map, ranges, 3);
    assert_int_equal(map.count, 1);
    assert_int_equal(map.regions[0].base.value, 0x100000);
    assert_int_equal(memory_map_total(&map), 0x100000);
}

static void low_memory_gives_one_page_for_the_trampoline_and_no_more(void **state)
{
    (void)state;
    static struct memory_map map;
    const struct memory_range ranges[] = {
        { HPA(0), 0x9FC00, MEMORY_USABLE },
        { HPA(MIB(1)), MIB(63), MEMORY_USABLE },
    };
    hpa_t page;
    memory_map_build(&map, ranges, 2);
    memory_map_reserve(&map, HPA(0x10000), 0x1234);
    assert_true(memory_map_drop_low(&map, &page));
    assert_int_equal(page.value, 0x12000);
    assert_int_equal(map.count, 1);
    assert_int_equal(memory_map_total(&map), MIB(63));
}

static void a_trampoline_below_64_kib_is_better_than_none_but_page_0_is_not(void **state)
{
    (void)state;
    static struct memory_map map;
    struct memory_range range = { HPA(0), 0x8000, MEMORY_USABLE };
    hpa_t page;
    memory_map_build(&map, &range, 1);
    assert_true(memory_map_drop_low(&map, &page));
    assert_int_equal(page.value, 0x1000);

    range.bytes = 0x1FFF;
    memory_map_build(&map, &range, 1);
    assert_false(memory_map_drop_low(&map, &page));
}

static void memory_between_640_kib_and_1_mib_holds_no_trampoline(void **state)
{
    (void)state;
    static struct memory_map map;
    const struct memory_range range = { HPA(0xA0000), 0x60000, MEMORY_USABLE };
    hpa_t page;
    memory_map_build(&map, &range, 1);
    assert_false(memory_map_drop_low(&map, &page));
    assert_int_equal(map.count, 0);
}

static void a_take_uses_the_upper_end_of_the_smallest_region_that_fits(void **state)
{
    (void)state;
    static struct memory_map map;
    const struct memory_range ranges[] = {
        { HPA(MIB(1)), MIB(3), MEMORY_USABLE },
        { HPA(MIB(16)), MIB(8), MEMORY_USABLE },
        { HPA(GIB(4)), GIB(4), MEMORY_USABLE },
    };
    hpa_t got;
    memory_map_build(&map, ranges, 3);
    assert_true(memory_map_take(&map, MIB(2), MIB(2), MEMORY_NO_LIMIT, &got));
    assert_int_equal(got.value, MIB(2));
    assert_true(memory_map_take(&map, MIB(4), PAGE_SIZE_4K, MEMORY_NO_LIMIT, &got));
    assert_int_equal(got.value, MIB(20));
    assert_true(memory_map_take(&map, GIB(1), GIB(1), MEMORY_NO_LIMIT, &got));
    assert_int_equal(got.value, GIB(7));
    assert_false(memory_map_take(&map, MIB(8), PAGE_SIZE_4K, GIB(4), &got));
}

static void a_map_holds_what_is_free_as_a_whole(void **state)
{
    static struct memory_map map;
    const struct memory_range ranges[] = { { HPA(KIB(64)), KIB(64), MEMORY_USABLE },
                                           { HPA(KIB(256)), KIB(64), MEMORY_USABLE } };
    (void)state;
    memory_map_build(&map, ranges, 2);
    assert_true(memory_map_holds(&map, HPA(KIB(64)), KIB(64)));
    assert_true(memory_map_holds(&map, HPA(KIB(316)), KIB(4)));
    assert_false(memory_map_holds(&map, HPA(KIB(316)), KIB(8)));
    assert_false(memory_map_holds(&map, HPA(KIB(60)), KIB(8)));
    assert_false(memory_map_holds(&map, HPA(KIB(128)), KIB(4)));
    assert_false(memory_map_holds(&map, HPA(KIB(64)), UINT64_MAX));
    memory_map_reserve(&map, HPA(KIB(268)), KIB(4));
    assert_false(memory_map_holds(&map, HPA(KIB(268)), KIB(4)));
    assert_true(memory_map_holds(&map, HPA(KIB(272)), KIB(4)));
}

static void a_broken_invariant_is_noticed(void **state)
{
    (void)state;
    static const struct memory_map good = { { { { 0x1000 }, 0x1000 }, { { 0x3000 }, 0x1000 } }, 2, 0 };
    assert_true(memory_map_is_valid(&good));
    static const struct memory_region bad[] = {
        { { 0x3000 }, 0 },          /* empty */
        { { 0x3000 }, 0x1001 },     /* not whole pages */
        { { 0x3800 }, 0x1000 },     /* not at a page */
        { { 0x2000 }, 0x1000 },     /* touches */
        { { 0x1000 }, 0x3000 },     /* overlaps */
        { { 0 }, 0x1000 },          /* out of order */
        { { 1ull << 52 }, 0x1000 }, /* beyond all memory */
        { { (1ull << 52) - 0x1000 }, 0x2000 },
        { { 0x3000 }, 0 - 0x3000ull },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct memory_map map = good;
        map.regions[1] = bad[i];
        assert_false(memory_map_is_valid(&map));
    }
    struct memory_map map = good;
    map.count = MEMORY_REGIONS_MAX + 1;
    assert_false(memory_map_is_valid(&map));
    map = good;
    map.regions[1] = (struct memory_region){ HPA((1ull << 52) - 0x1000), 0x1000 };
    assert_true(memory_map_is_valid(&map));
}

static void impossible_requests_are_refused(void **state)
{
    (void)state;
    static struct memory_map map;
    const struct memory_range range = { HPA(MIB(1)), MIB(63), MEMORY_USABLE };
    hpa_t got;
    memory_map_build(&map, &range, 1);
    assert_false(memory_map_take(&map, 0, PAGE_SIZE_4K, MEMORY_NO_LIMIT, &got));
    assert_false(memory_map_take(&map, UINT64_MAX, PAGE_SIZE_4K, MEMORY_NO_LIMIT, &got));
    assert_false(memory_map_take(&map, 1, 1ull << 63, MEMORY_NO_LIMIT, &got));
    assert_false(memory_map_take(&map, 1, PAGE_SIZE_4K, 0, &got));
    assert_int_equal(memory_map_total(&map), MIB(63));
    assert_true(memory_map_take(&map, 1, 1, MEMORY_NO_LIMIT, &got));
    assert_int_equal(memory_map_total(&map), MIB(63) - PAGE_SIZE_4K);
}

static void a_device_lies_where_no_byte_is_usable(void **state)
{
    (void)state;
    const struct memory_range ranges[] = {
        { HPA(MIB(1)), MIB(1), MEMORY_USABLE },
        { HPA(MIB(3)), MIB(1), MEMORY_RESERVED },
        { HPA(MIB(5)), 0, MEMORY_USABLE }, /* no byte */
        { HPA(UINT64_MAX - 100), 4096, MEMORY_USABLE },
    };
    assert_false(memory_ranges_hold_ram(ranges, 4, 0, MIB(1) - 1));
    assert_true(memory_ranges_hold_ram(ranges, 4, 0, MIB(1)));
    assert_true(memory_ranges_hold_ram(ranges, 4, MIB(2) - 1, MIB(3)));
    assert_false(memory_ranges_hold_ram(ranges, 4, MIB(2), MIB(6)));
    assert_true(memory_ranges_hold_ram(ranges, 4, MIB(2), UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_lies_where_no_byte_is_usable),
        cmocka_unit_test(any_map_has_exactly_the_pages_that_are_wholly_usable),
        cmocka_unit_test(any_sequence_of_reserving_and_taking_agrees_with_the_model),
        cmocka_unit_test(the_largest_block_is_what_a_take_would_get),
        cmocka_unit_test(a_full_list_loses_memory_but_never_invents_any),
        cmocka_unit_test(splitting_in_a_full_list_keeps_the_reserved_pages_out),
        cmocka_unit_test(the_order_of_entries_does_not_matter),
        cmocka_unit_test(two_usable_entries_that_meet_inside_a_page_make_it_whole),
        cmocka_unit_test(an_entry_that_wraps_round_is_cut_at_the_end_of_memory),
        cmocka_unit_test(low_memory_gives_one_page_for_the_trampoline_and_no_more),
        cmocka_unit_test(a_trampoline_below_64_kib_is_better_than_none_but_page_0_is_not),
        cmocka_unit_test(memory_between_640_kib_and_1_mib_holds_no_trampoline),
        cmocka_unit_test(a_take_uses_the_upper_end_of_the_smallest_region_that_fits),
        cmocka_unit_test(a_map_holds_what_is_free_as_a_whole),
        cmocka_unit_test(a_broken_invariant_is_noticed),
        cmocka_unit_test(impossible_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
