/* SPDX-License-Identifier: MIT
 *
 * hv/ept.c against a naive model, an array with one host page number for each
 * guest page of a window; all that the array does not name must be a hole.
 *
 * This program is linked with --wrap=frames_store: every store into a table
 * passes by here, and between any two of them a walk must find, for each
 * address, what was there before or what will be there after, nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/ept.h"
#include "tests/fake/dies.h"

#define FRAMES_MAX 4096
#define POOL_BASE GIB(7)
#define RWX (EPT_READ | EPT_WRITE | EPT_EXECUTE)
#define ADDRESS_LIMIT (1ull << EPT_ADDRESS_BITS)

static _Alignas(4096) uint64_t tables[FRAMES_MAX * FRAME_ENTRIES];
static struct ept ept;

static uint64_t random_state = 0x9E3779B97F4A7C15;

static uint64_t random_below(uint64_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % bound;
}

static void set_up_tables(unsigned frames_count, uint64_t largest_page)
{
    struct frames frames;
    memset(tables, 0xFF, (size_t)frames_count * PAGE_SIZE_4K);
    frames_init(&frames, tables, HPA(POOL_BASE), frames_count);
    ept_init(&ept, frames, ept_shape(largest_page));
}

static struct ept_range range(uint64_t gpa, uint64_t hpa, uint64_t bytes)
{
    return (struct ept_range){ GPA(gpa), HPA(hpa), bytes };
}

static void assert_maps(uint64_t gpa, uint64_t expected_hpa, uint64_t expected_rights)
{
    hpa_t hpa;
    uint64_t rights;
    assert_true(ept_lookup(&ept, GPA(gpa), &hpa, &rights));
    assert_int_equal(hpa.value, expected_hpa);
    assert_int_equal(rights, expected_rights);
}

static void assert_hole(uint64_t gpa)
{
    hpa_t hpa;
    uint64_t rights;
    assert_false(ept_lookup(&ept, GPA(gpa), &hpa, &rights));
}

/* ---- The model ---- */

#define WINDOW_PAGES 3000u
#define UNMAPPED UINT64_MAX
#define RANGES_MAX 8

struct model {
    uint64_t first_gpa;
    uint64_t hpa[WINDOW_PAGES]; /* or UNMAPPED */
    uint64_t rights[WINDOW_PAGES];
};

static struct model model;

/* Where the window lies: at all the places where a walk changes tables. */
static const uint64_t windows[] = {
    0, GIB(1) - MIB(4), GIB(4) - MIB(6), GIB(512) - MIB(5), ADDRESS_LIMIT - WINDOW_PAGES * KIB(4),
};

static unsigned random_ranges(struct ept_range ranges[static RANGES_MAX])
{
    unsigned count = 0;
    uint64_t page = random_below(100);

    while (count < RANGES_MAX && page < WINDOW_PAGES) {
        uint64_t pages = 1 + random_below(random_below(4) == 0 ? 1600 : 30);
        if (pages > WINDOW_PAGES - page)
            pages = WINDOW_PAGES - page;
        uint64_t gpa = model.first_gpa + page * PAGE_SIZE_4K;
        uint64_t hpa = random_below(1u << 20) * PAGE_SIZE_2M;
        hpa += random_below(2) == 0 ? gpa % PAGE_SIZE_2M : random_below(512) * PAGE_SIZE_4K;
        ranges[count++] = range(gpa, hpa, pages * PAGE_SIZE_4K);
        page += pages + (random_below(2) == 0 ? 0 : random_below(400));
    }
    return count;
}

static uint64_t random_rights(void)
{
    static const uint64_t choices[] = { EPT_READ, EPT_READ | EPT_WRITE, EPT_READ | EPT_EXECUTE,
                                        RWX };
    return choices[random_below(4)];
}

static void model_clear(uint64_t first_gpa)
{
    model.first_gpa = first_gpa;
    for (unsigned i = 0; i < WINDOW_PAGES; i++)
        model.hpa[i] = UNMAPPED;
}

static void model_map(const struct ept_range *mapped, uint64_t rights)
{
    uint64_t first = (mapped->gpa.value - model.first_gpa) / PAGE_SIZE_4K;
    for (uint64_t i = 0; i < mapped->bytes / PAGE_SIZE_4K; i++) {
        model.hpa[first + i] = mapped->hpa.value + i * PAGE_SIZE_4K;
        model.rights[first + i] = rights;
    }
}

static void assert_agrees_with_model(void)
{
    for (unsigned i = 0; i < WINDOW_PAGES; i++) {
        uint64_t offset = random_below(PAGE_SIZE_4K);
        uint64_t gpa = model.first_gpa + i * PAGE_SIZE_4K + offset;
        if (model.hpa[i] == UNMAPPED)
            assert_hole(gpa);
        else
            assert_maps(gpa, model.hpa[i] + offset, model.rights[i]);
    }
}

static void assert_nothing_outside_the_window(void)
{
    uint64_t end = model.first_gpa + WINDOW_PAGES * PAGE_SIZE_4K;

    for (unsigned i = 0; i < 2000; i++) {
        uint64_t gpa = random_below(2) == 0 ? random_below(ADDRESS_LIMIT)
                                            : model.first_gpa + GIB(1) - random_below(GIB(2));
        if (gpa < model.first_gpa || gpa >= end)
            assert_hole(gpa);
    }
    if (model.first_gpa > 0)
        assert_hole(model.first_gpa - 1);
    assert_hole(end);
}

static void any_mapping_agrees_with_the_model_and_all_else_is_a_hole(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        struct ept_range ranges[RANGES_MAX];
        uint64_t largest_page = random_below(2) ? PAGE_SIZE_2M : PAGE_SIZE_1G;
        model_clear(windows[round % (sizeof windows / sizeof windows[0])]);
        unsigned count = random_ranges(ranges);
        unsigned needed = ept_frames_needed(ranges, count, ept_shape(largest_page));
        set_up_tables(needed, largest_page);
        for (unsigned i = 0; i < count; i++) {
            uint64_t rights = random_rights();
            ept_map(&ept, &ranges[i], rights, EPT_WRITE_BACK);
            model_map(&ranges[i], rights);
        }
        assert_int_equal(ept.frames.used, needed);
        assert_agrees_with_model();
        assert_nothing_outside_the_window();
    }
}

/* ---- Old or new, at every store ---- */

void __real_frames_store(uint64_t *entry, uint64_t value);
void __wrap_frames_store(uint64_t *entry, uint64_t value);

static struct {
    bool watched;
    struct ept_range coming;
    unsigned stores;
    bool arrived[WINDOW_PAGES]; /* once new, never old again */
} watch;

static bool is_coming(uint64_t gpa)
{
    return gpa >= watch.coming.gpa.value && gpa - watch.coming.gpa.value < watch.coming.bytes;
}

static void assert_old_or_new(unsigned page)
{
    uint64_t gpa = model.first_gpa + page * PAGE_SIZE_4K;
    hpa_t hpa;
    uint64_t rights;

    if (!is_coming(gpa)) {
        if (model.hpa[page] == UNMAPPED)
            assert_hole(gpa);
        else
            assert_maps(gpa, model.hpa[page], model.rights[page]);
        return;
    }
    if (!ept_lookup(&ept, GPA(gpa), &hpa, &rights)) {
        assert_false(watch.arrived[page]);
        return;
    }
    watch.arrived[page] = true;
    assert_int_equal(hpa.value, watch.coming.hpa.value + (gpa - watch.coming.gpa.value));
    assert_int_equal(rights, RWX);
}

void __wrap_frames_store(uint64_t *entry, uint64_t value)
{
    __real_frames_store(entry, value);
    if (!watch.watched)
        return;
    watch.stores++;
    for (unsigned page = 0; page < WINDOW_PAGES; page++)
        assert_old_or_new(page);
}

static void between_any_two_stores_a_walk_finds_the_old_or_the_new(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 8; round++) {
        struct ept_range ranges[RANGES_MAX];
        model_clear(windows[round % (sizeof windows / sizeof windows[0])]);
        unsigned count = random_ranges(ranges);
        set_up_tables(FRAMES_MAX, PAGE_SIZE_1G);
        for (unsigned i = 0; i < count; i++) {
            memset(&watch, 0, sizeof watch);
            watch.coming = ranges[i];
            watch.watched = true;
            ept_map(&ept, &ranges[i], RWX, EPT_WRITE_BACK);
            watch.watched = false;
            assert_true(watch.stores > 0);
            model_map(&ranges[i], RWX);
        }
    }
}

/* ---- Page sizes ---- */

static uint64_t *slot(unsigned level, uint64_t table, uint64_t gpa)
{
    return tables + (table - POOL_BASE) / 8 + (gpa >> (12 + 9 * level)) % 512;
}

/* The level of the leaf that maps an address, read as the manual says. */
static int leaf_level(uint64_t gpa)
{
    uint64_t table = ept_pointer(&ept) & ~0xFFFull;
    for (int level = 3; level > 0; level--) {
        uint64_t entry = *slot((unsigned)level, table, gpa);
        if ((entry & 7) == 0)
            return -1;
        if (entry & 0x80)
            return level;
        assert_int_equal(entry & 0xFFF, 7); /* a table: no type, no reserved bit */
        table = entry & 0x000FFFFFFFFFF000;
    }
    return (*slot(0, table, gpa) & 7) != 0 ? 0 : -1;
}

static void pages_are_as_large_as_the_alignment_allows(void **state)
{
    (void)state;
    const struct ept_range whole = range(MIB(2) - KIB(4), GIB(9) + MIB(2) - KIB(4), GIB(3));
    set_up_tables(ept_frames_needed(&whole, 1, ept_shape(PAGE_SIZE_1G)), PAGE_SIZE_1G);
    ept_map(&ept, &whole, RWX, EPT_WRITE_BACK);
    assert_int_equal(leaf_level(MIB(2) - KIB(4)), 0);
    assert_int_equal(leaf_level(MIB(2)), 1);
    assert_int_equal(leaf_level(GIB(1) - 1), 1);
    assert_int_equal(leaf_level(GIB(1)), 2);
    assert_int_equal(leaf_level(GIB(3) - 1), 2);
    assert_int_equal(leaf_level(GIB(3)), 0);
    assert_int_equal(leaf_level(GIB(3) + MIB(2) - KIB(8)), 0);
    assert_int_equal(leaf_level(GIB(3) + MIB(2) - KIB(4)), -1);
}

static void pages_of_1_gib_are_used_only_where_the_cpu_knows_them(void **state)
{
    (void)state;
    const struct ept_range gib = range(GIB(4), GIB(8), GIB(1));
    assert_int_equal(ept_frames_needed(&gib, 1, ept_shape(PAGE_SIZE_1G)), 2);
    assert_int_equal(ept_frames_needed(&gib, 1, ept_shape(PAGE_SIZE_2M)), 3);
    set_up_tables(3, PAGE_SIZE_2M);
    ept_map(&ept, &gib, RWX, EPT_WRITE_BACK);
    assert_int_equal(leaf_level(GIB(4)), 1);
    assert_maps(GIB(5) - 1, GIB(9) - 1, RWX);
    assert_hole(GIB(5));
}

static void no_page_is_larger_than_the_largest(void **state)
{
    (void)state;
    const struct ept_range whole = range(MIB(2), GIB(9), MIB(4));
    assert_int_equal(ept_frames_needed(&whole, 1, ept_shape(PAGE_SIZE_4K)), 1 + 1 + 1 + 2);
    set_up_tables(5, PAGE_SIZE_4K);
    ept_map(&ept, &whole, RWX, EPT_WRITE_BACK);
    for (uint64_t at = MIB(2); at < MIB(6); at += PAGE_SIZE_4K) {
        assert_int_equal(leaf_level(at), 0);
        assert_maps(at, GIB(9) - MIB(2) + at, RWX);
    }
    assert_hole(MIB(2) - 1);
    assert_hole(MIB(6));
}

/* As remapping units of 39 bits have it: the root is what else is a PDPT. */
static void with_three_levels_addresses_end_at_512_gib(void **state)
{
    (void)state;
    const struct ept_shape three = { .levels = 3, .largest = 2, .table_rights = 3 };
    const struct ept_range last = range(GIB(511), GIB(1), GIB(1));
    const struct ept_range small = range(GIB(1), GIB(1), KIB(4));
    struct frames frames;
    assert_int_equal(ept_frames_needed(&last, 1, three), 1);
    assert_int_equal(ept_frames_needed(&small, 1, three), 3);
    frames_init(&frames, tables, HPA(POOL_BASE), 3);
    ept_init(&ept, frames, three);
    ept_map(&ept, &last, EPT_READ | EPT_WRITE, EPT_UNCACHEABLE);
    ept_map(&ept, &small, EPT_READ | EPT_WRITE, EPT_UNCACHEABLE);
    assert_int_equal(tables[511], GIB(1) | 0x80 | 3);
    assert_int_equal(tables[1], (POOL_BASE + KIB(4)) | 3);
    assert_maps(GIB(512) - 1, GIB(2) - 1, EPT_READ | EPT_WRITE);
    assert_hole(GIB(512));
    assert_hole(GIB(512) + GIB(511));
}

static void map_it(void *mapped);

static void what_the_levels_do_not_reach_is_never_mapped(void **state)
{
    (void)state;
    const struct ept_shape three = { .levels = 3, .largest = 2, .table_rights = 3 };
    struct ept_range across = range(GIB(511), GIB(1), GIB(2));
    struct frames frames;
    frames_init(&frames, tables, HPA(POOL_BASE), 3);
    ept_init(&ept, frames, three);
    assert_true(dies(map_it, &across));
}

static void make_it(void *shape)
{
    struct frames frames;
    frames_init(&frames, tables, HPA(POOL_BASE), 3);
    ept_init(&ept, frames, *(const struct ept_shape *)shape);
}

static void tables_of_no_possible_shape_are_never_made(void **state)
{
    (void)state;
    static const struct ept_shape wrong[] = {
        { .levels = 0, .largest = 0, .table_rights = EPT_RIGHTS },
        { .levels = 1, .largest = 1, .table_rights = EPT_RIGHTS },
        { .levels = 2, .largest = 2, .table_rights = EPT_RIGHTS },
        { .levels = 4, .largest = 3, .table_rights = EPT_RIGHTS },
        { .levels = 5, .largest = 2, .table_rights = EPT_RIGHTS },
        { .levels = 4, .largest = 2, .table_rights = 0 },
        { .levels = 4, .largest = 2, .table_rights = EPT_WRITE },
        { .levels = 4, .largest = 2, .table_rights = EPT_RIGHTS | EPT_LARGE },
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct ept_shape shape = wrong[i];
        assert_false(ept_shape_is_valid(shape));
        assert_true(dies(make_it, &shape));
    }
    assert_true(ept_shape_is_valid(ept_shape(PAGE_SIZE_2M)));
    assert_true(ept_shape_is_valid(ept_shape(PAGE_SIZE_1G)));
}

static void point_to_it(void *unused)
{
    (void)unused;
    (void)ept_pointer(&ept);
}

static void tables_of_three_levels_are_no_guests(void **state)
{
    (void)state;
    struct ept_shape three = { .levels = 3, .largest = 2, .table_rights = EPT_READ | EPT_WRITE };
    make_it(&three);
    assert_true(dies(point_to_it, NULL));
}

static void differently_aligned_ends_are_mapped_by_small_pages(void **state)
{
    (void)state;
    const struct ept_range odd = range(MIB(2), MIB(2) + KIB(4), MIB(4));
    assert_int_equal(ept_frames_needed(&odd, 1, ept_shape(PAGE_SIZE_1G)), 5);
    set_up_tables(5, PAGE_SIZE_1G);
    ept_map(&ept, &odd, RWX, EPT_WRITE_BACK);
    assert_int_equal(leaf_level(MIB(2)), 0);
    assert_maps(MIB(6) - 1, MIB(6) + KIB(4) - 1, RWX);
}

static void tables_that_ranges_share_are_counted_once(void **state)
{
    (void)state;
    const struct ept_range ranges[] = {
        range(0, GIB(2), KIB(640)), range(KIB(896), GIB(2) + KIB(896), MIB(64) - KIB(896)),
        range(GIB(4), GIB(3), MIB(2)),
    };
    assert_int_equal(ept_frames_needed(ranges, 2, ept_shape(PAGE_SIZE_1G)), 4);
    assert_int_equal(ept_frames_needed(ranges, 3, ept_shape(PAGE_SIZE_1G)), 5);
    assert_int_equal(ept_frames_needed(ranges, 0, ept_shape(PAGE_SIZE_1G)), 1);
}

/* ---- What is movable ---- */

#define MOVABLES 7
#define RAM GIB(1)

static const uint64_t movable_bytes[MOVABLES] = { KIB(4), KIB(16), MIB(1), MIB(2), MIB(64), GIB(1),
                                                  GIB(4) };
static uint64_t movable_at[MOVABLES]; /* UNMAPPED: nowhere */
static uint8_t level_of[FRAMES_MAX];  /* of the tables in each frame, by the first use */

/* A frame of movable tables is of one level for ever: what a CPU still has cached never
 * takes a page table for something else. Returns how many tables there are. */
static unsigned check_levels(uint64_t table, unsigned level)
{
    unsigned count = 1, frame = (unsigned)((table - POOL_BASE) / PAGE_SIZE_4K);

    assert_true(frame < FRAMES_MAX);
    assert_true(level_of[frame] == UINT8_MAX || level_of[frame] == level);
    level_of[frame] = (uint8_t)level;
    for (unsigned i = 0; level > 0 && i < FRAME_ENTRIES; i++) {
        uint64_t entry = tables[frame * FRAME_ENTRIES + i];
        if ((entry & 7) != 0 && !(entry & 0x80))
            count += check_levels(entry & 0x000FFFFFFFFFF000, level - 1);
    }
    return count;
}

static struct ept_range movable(unsigned number)
{
    return range(movable_at[number], GIB(16) + number * GIB(8), movable_bytes[number]);
}

static bool is_free(uint64_t at, uint64_t bytes)
{
    for (unsigned i = 0; i < MOVABLES; i++)
        if (movable_at[i] != UNMAPPED && at < movable_at[i] + movable_bytes[i] &&
            movable_at[i] < at + bytes)
            return false;
    return at >= RAM && at + bytes <= ADDRESS_LIMIT;
}

static void move(unsigned number)
{
    uint64_t bytes = movable_bytes[number];
    uint64_t at = random_below(random_below(2) == 0 ? GIB(6) : ADDRESS_LIMIT) / bytes * bytes;

    if (movable_at[number] != UNMAPPED) {
        struct ept_range old = movable(number);
        ept_unmap(&ept, &old);
        assert_hole(movable_at[number]);
        assert_hole(movable_at[number] + bytes - 1);
        movable_at[number] = UNMAPPED;
    }
    if (!is_free(at, bytes))
        return;
    movable_at[number] = at;
    struct ept_range new = movable(number);
    ept_map(&ept, &new, EPT_READ | EPT_WRITE, EPT_UNCACHEABLE);
}

/* RAM may have small pages where registers have large ones. */
static void begin_movable(uint64_t page_of_ram, uint64_t largest_page)
{
    const struct ept_range ram = range(0, GIB(3), RAM - MIB(1));
    unsigned frames[EPT_TABLE_LEVELS] = { 0 };

    for (unsigned i = 0; i < MOVABLES; i++) {
        ept_movable_frames(movable_bytes[i], ept_shape(largest_page), frames);
        movable_at[i] = UNMAPPED;
    }
    memset(level_of, 0xFF, sizeof level_of);
    set_up_tables(ept_frames_needed(&ram, 1, ept_shape(page_of_ram)) + frames[0] + frames[1] +
                  frames[2], page_of_ram);
    ept_map(&ept, &ram, RWX, EPT_WRITE_BACK);
    ept.shape = ept_shape(largest_page);
    ept_begin_movable(&ept, frames);
}

static void what_is_movable_never_wants_more_tables_and_touches_nothing_else(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 6000; round++) {
        if (round % 3000 == 0)
            begin_movable(round == 0 ? PAGE_SIZE_4K : PAGE_SIZE_2M,
                          round == 0 ? PAGE_SIZE_1G : PAGE_SIZE_2M);
        move((unsigned)random_below(MOVABLES));
        assert_maps(0, GIB(3), RWX);
        assert_maps(RAM - MIB(1) - 1, GIB(4) - MIB(1) - 1, RWX);
        for (unsigned i = 0; i < MOVABLES; i++)
            if (movable_at[i] != UNMAPPED) {
                struct ept_range now = movable(i);
                assert_maps(now.gpa.value, now.hpa.value, EPT_READ | EPT_WRITE);
                assert_maps(now.gpa.value + now.bytes - 1, now.hpa.value + now.bytes - 1,
                            EPT_READ | EPT_WRITE);
            }
        (void)check_levels(ept.root.value, 3);
    }
}

static void tables_that_are_empty_are_used_again(void **state)
{
    (void)state;
    begin_movable(PAGE_SIZE_1G, PAGE_SIZE_1G);
    unsigned at_first = check_levels(ept.root.value, 3);
    for (unsigned round = 0; round < 500; round++)
        move((unsigned)random_below(MOVABLES));
    for (unsigned i = 0; i < MOVABLES; i++)
        if (movable_at[i] != UNMAPPED) {
            struct ept_range now = movable(i);
            ept_unmap(&ept, &now);
        }
    assert_int_equal(check_levels(ept.root.value, 3), at_first);
}

static void unmap_it(void *mapped)
{
    ept_unmap(&ept, mapped);
}

static void what_is_not_mapped_is_not_unmapped(void **state)
{
    (void)state;
    struct ept_range nothing = range(GIB(2), GIB(2), KIB(4));
    begin_movable(PAGE_SIZE_1G, PAGE_SIZE_1G);
    assert_true(dies(unmap_it, &nothing));
}

/* ---- Bits ---- */

static void a_leaf_holds_address_rights_and_type_and_nothing_else(void **state)
{
    (void)state;
    const struct ept_range small = range(KIB(4), KIB(20), KIB(4));
    const struct ept_range large = range(MIB(4), MIB(8), MIB(2));
    set_up_tables(8, PAGE_SIZE_1G);
    ept_map(&ept, &small, EPT_READ, EPT_UNCACHEABLE);
    ept_map(&ept, &large, RWX, EPT_WRITE_BACK);
    /* SDM Vol. 3C, 29.3.2: root, PDPT, directory, page table in this order */
    assert_int_equal(tables[3 * FRAME_ENTRIES + 1], KIB(20) | 1);
    assert_int_equal(tables[2 * FRAME_ENTRIES + 2], MIB(8) | 0x80 | 6 << 3 | 7);
    assert_int_equal(tables[0], (POOL_BASE + KIB(4)) | 7);
}

static void the_pointer_says_write_back_four_levels_and_no_accessed_bits(void **state)
{
    (void)state;
    set_up_tables(1, PAGE_SIZE_1G);
    assert_int_equal(ept_pointer(&ept), POOL_BASE | 0x1E);
}

static void addresses_beyond_48_bits_are_holes(void **state)
{
    (void)state;
    const struct ept_range first = range(0, MIB(2), MIB(2));
    set_up_tables(8, PAGE_SIZE_1G);
    ept_map(&ept, &first, RWX, EPT_WRITE_BACK);
    assert_maps(0, MIB(2), RWX);
    for (unsigned bit = EPT_ADDRESS_BITS; bit < 64; bit++)
        assert_hole(1ull << bit);
    assert_hole(UINT64_MAX);
}

static void invalid_ranges_are_told_from_valid_ones(void **state)
{
    (void)state;
    const struct ept_range good[] = {
        range(0, 0, KIB(4)), range(0, 0, ADDRESS_LIMIT),
        range(ADDRESS_LIMIT - KIB(4), (1ull << 52) - KIB(4), KIB(4)),
    };
    const struct ept_range bad[] = {
        range(0, 0, 0), range(1, 0, KIB(4)), range(0, 8, KIB(4)), range(0, 0, 100),
        range(ADDRESS_LIMIT, 0, KIB(4)), range(ADDRESS_LIMIT - KIB(4), 0, KIB(8)),
        range(0, 1ull << 52, KIB(4)), range(0, 1ull << 53, KIB(4)),
        range(0, (1ull << 52) - KIB(4), KIB(8)),
        range(KIB(4), 0, UINT64_MAX - KIB(4) + 1), range(0, KIB(4), 1ull << 63),
        range(UINT64_MAX - KIB(4) + 1, 0, KIB(8)),
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(ept_range_is_valid(&good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(ept_range_is_valid(&bad[i]));
}

/* ---- What must never happen ---- */

static void map_it(void *mapped)
{
    ept_map(&ept, mapped, RWX, EPT_WRITE_BACK);
}

static void what_is_mapped_is_never_mapped_again(void **state)
{
    (void)state;
    struct ept_range small = range(MIB(2), MIB(2), KIB(4));
    struct ept_range large = range(MIB(4), MIB(4), MIB(2));
    struct ept_range inside = range(MIB(5), MIB(99), KIB(4));
    struct ept_range around = range(MIB(2), MIB(6), MIB(2));
    struct ept_range beside = range(MIB(2) + KIB(4), MIB(6), KIB(4));
    set_up_tables(16, PAGE_SIZE_1G);
    ept_map(&ept, &small, RWX, EPT_WRITE_BACK);
    ept_map(&ept, &large, RWX, EPT_WRITE_BACK);
    assert_true(dies(map_it, &small));
    assert_true(dies(map_it, &large));
    assert_true(dies(map_it, &inside));
    assert_true(dies(map_it, &around));
    assert_false(dies(map_it, &beside));
}

/* A page is no table, not even one whose address happens to be a table's. */
static void a_page_is_never_taken_for_a_table(void **state)
{
    (void)state;
    struct ept_range large = range(MIB(4), POOL_BASE, MIB(2));
    struct ept_range inside = range(MIB(5), MIB(99), KIB(4));
    set_up_tables(16, PAGE_SIZE_1G);
    ept_map(&ept, &large, RWX, EPT_WRITE_BACK);
    assert_true(dies(map_it, &inside));
    assert_maps(MIB(5), POOL_BASE + MIB(1), RWX);
}

static void map_write_only(void *mapped)
{
    ept_map(&ept, mapped, EPT_WRITE, EPT_WRITE_BACK);
}

static void rights_that_a_cpu_refuses_are_refused(void **state)
{
    (void)state;
    struct ept_range small = range(MIB(2), MIB(2), KIB(4));
    set_up_tables(16, PAGE_SIZE_1G);
    assert_true(dies(map_write_only, &small));
    assert_false(dies(map_it, &small));
}

static void one_frame_less_than_needed_is_not_enough(void **state)
{
    (void)state;
    struct ept_range small = range(MIB(2), MIB(2), KIB(4));
    unsigned needed = ept_frames_needed(&small, 1, ept_shape(PAGE_SIZE_1G));
    set_up_tables(needed - 1, PAGE_SIZE_1G);
    assert_true(dies(map_it, &small));
    set_up_tables(needed, PAGE_SIZE_1G);
    assert_false(dies(map_it, &small));
}

static void look_up(void *gpa)
{
    hpa_t hpa;
    uint64_t rights;
    ept_lookup(&ept, GPA(*(uint64_t *)gpa), &hpa, &rights);
}

static void a_walk_never_leaves_the_pool_whatever_a_table_says(void **state)
{
    (void)state;
    uint64_t gpa = GIB(512);
    set_up_tables(4, PAGE_SIZE_1G);
    tables[1] = (POOL_BASE + KIB(4)) | 7; /* in the pool, but not taken */
    assert_true(dies(look_up, &gpa));
    tables[1] = (POOL_BASE - KIB(4)) | 7;
    assert_true(dies(look_up, &gpa));
    tables[1] = GIB(1) | 7;
    assert_true(dies(look_up, &gpa));
    tables[1] = GIB(1); /* no rights: a hole, whatever else it says */
    assert_false(dies(look_up, &gpa));
    assert_hole(gpa);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_mapping_agrees_with_the_model_and_all_else_is_a_hole),
        cmocka_unit_test(between_any_two_stores_a_walk_finds_the_old_or_the_new),
        cmocka_unit_test(pages_are_as_large_as_the_alignment_allows),
        cmocka_unit_test(pages_of_1_gib_are_used_only_where_the_cpu_knows_them),
        cmocka_unit_test(no_page_is_larger_than_the_largest),
        cmocka_unit_test(with_three_levels_addresses_end_at_512_gib),
        cmocka_unit_test(what_the_levels_do_not_reach_is_never_mapped),
        cmocka_unit_test(tables_of_no_possible_shape_are_never_made),
        cmocka_unit_test(tables_of_three_levels_are_no_guests),
        cmocka_unit_test(differently_aligned_ends_are_mapped_by_small_pages),
        cmocka_unit_test(tables_that_ranges_share_are_counted_once),
        cmocka_unit_test(what_is_movable_never_wants_more_tables_and_touches_nothing_else),
        cmocka_unit_test(tables_that_are_empty_are_used_again),
        cmocka_unit_test(what_is_not_mapped_is_not_unmapped),
        cmocka_unit_test(a_leaf_holds_address_rights_and_type_and_nothing_else),
        cmocka_unit_test(the_pointer_says_write_back_four_levels_and_no_accessed_bits),
        cmocka_unit_test(addresses_beyond_48_bits_are_holes),
        cmocka_unit_test(invalid_ranges_are_told_from_valid_ones),
        cmocka_unit_test(what_is_mapped_is_never_mapped_again),
        cmocka_unit_test(a_page_is_never_taken_for_a_table),
        cmocka_unit_test(rights_that_a_cpu_refuses_are_refused),
        cmocka_unit_test(one_frame_less_than_needed_is_not_enough),
        cmocka_unit_test(a_walk_never_leaves_the_pool_whatever_a_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
