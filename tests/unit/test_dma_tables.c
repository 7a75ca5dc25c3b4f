/* SPDX-License-Identifier: MIT
 *
 * hv/dma_tables.c and hv/dma_limits.c. What a remapping unit sees is a second copy of
 * the tables, into which only published bytes come; a walk that is written here after
 * the specification, and not with the code's own helpers, looks at that copy each
 * time that something was published: it finds the old or the new, never a third.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/vtd.h"
#include "hv/dma_limits.h"
#include "hv/dma_tables.h"
#include "hv/machine.h"
#include "tests/fake/dies.h"

#define FRAMES 160
#define BASE MIB(64)
#define QUADS (FRAMES * FRAME_ENTRIES)
#define SOURCE 0x0318 /* 03:03.0 */

static _Alignas(4096) uint64_t memory[QUADS];
static uint64_t seen[QUADS]; /* by units */
static struct frames frames;
static hpa_t root;
static struct dma_domain red, blue;

static const struct ept_shape three = { .levels = 3, .largest = 2, .table_rights = 3 };
static const struct ept_shape four = { .levels = 4, .largest = 1, .table_rights = 3 };

static const struct ept_range ranges[] = {
    { { 0 }, { GIB(1) }, 0xA0000 },
    { { MIB(1) }, { GIB(1) + MIB(1) }, MIB(63) },
    { { GIB(4) }, { GIB(3) }, GIB(1) },
};

/* ---- A unit's walk, after "3.7 Second-Stage Translation" ---- */

enum outcome { NOTHING, WRONG, REACHES };

static uint64_t quad(uint64_t address)
{
    assert_in_range(address, BASE, BASE + FRAMES * PAGE_SIZE_4K - 8);
    return seen[(address - BASE) / 8];
}

static enum outcome walk(uint16_t source, uint64_t address, uint64_t *hpa, uint16_t *domain)
{
    uint64_t bus = quad(root.value + (source >> 8) * 16u);
    if (!(bus & 1))
        return NOTHING;
    uint64_t context = (bus & ~0xFFFull) + (source & 0xFF) * 16u;
    uint64_t low = quad(context), high = quad(context + 8);
    if (!(low & 1))
        return NOTHING;
    if ((low & 0xFFE) != 0 || ((high & 7) != 1 && (high & 7) != 2) || (high & ~0xFFFF07ull) != 0
        || (quad(root.value + (source >> 8) * 16u + 8) | (bus & 0xFFE)) != 0)
        return WRONG;
    *domain = (uint16_t)(high >> 8);
    unsigned level = (high & 7) == 1 ? 2 : 3;
    if (address >> (21 + 9 * level) != 0)
        return NOTHING;
    for (uint64_t table = low & ~0xFFFull;; level--) {
        uint64_t entry = quad(table + (address >> (12 + 9 * level)) % 512 * 8);
        uint64_t page = 1ull << (12 + 9 * level);
        if ((entry & 3) == 0)
            return NOTHING;
        if ((entry & 3) != 3 || (entry & 0xF7C) != 0)
            return WRONG;
        if (level == 0 || entry & 0x80) {
            *hpa = (entry & ~0xFFFull) + address % page;
            return (entry & (page - 1) & ~0xFFFull) == 0 ? REACHES : WRONG;
        }
        table = entry & ~0xFFFull;
    }
}

static void assert_reaches(uint16_t source, uint64_t address, uint64_t expected, uint16_t id)
{
    uint64_t hpa = 0;
    uint16_t domain = 0;
    assert_int_equal(walk(source, address, &hpa, &domain), REACHES);
    assert_int_equal(hpa, expected);
    assert_int_equal(domain, id);
}

static void assert_blocked(uint16_t source, uint64_t address)
{
    uint64_t hpa;
    uint16_t domain;
    assert_int_equal(walk(source, address, &hpa, &domain), NOTHING);
}

/* ---- What is published ---- */

static struct {
    bool watched;
    bool held; /* nothing arrives */
    unsigned times;
    bool arrived;
} watch;

/* Of red's: nothing, or all of it. */
static void assert_nothing_or_all(void)
{
    uint64_t hpa;
    uint16_t domain;
    bool there = walk(SOURCE, 0, &hpa, &domain) != NOTHING;
    assert_true(there || !watch.arrived);
    watch.arrived = there;
    for (unsigned i = 0; there && i < 3; i++) {
        uint64_t last = ranges[i].bytes - 8;
        assert_reaches(SOURCE, ranges[i].gpa.value, ranges[i].hpa.value, red.id);
        assert_reaches(SOURCE, ranges[i].gpa.value + last, ranges[i].hpa.value + last, red.id);
    }
    assert_blocked(SOURCE + 1, 0);
    assert_blocked(SOURCE + 0x100, 0);
}

void __wrap_machine_memory_publish(const void *at, size_t bytes);
void __wrap_machine_memory_publish(const void *at, size_t bytes)
{
    size_t offset = (size_t)((const uint8_t *)at - (const uint8_t *)memory);
    assert_true(offset + bytes <= sizeof memory);
    if (watch.held)
        return;
    memcpy((uint8_t *)seen + offset, at, bytes);
    watch.times++;
    if (watch.watched)
        assert_nothing_or_all();
}

static void make_domain(struct dma_domain *domain, uint16_t id, struct ept_shape shape)
{
    dma_domain_init(domain, id, frames_split(&frames, dma_domain_frames(ranges, 3, shape)), shape);
}

static void fill(struct dma_domain *domain)
{
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(dma_domain_map(domain, &ranges[i]), DMA_MAPPED);
}

static int set_up(void **state)
{
    (void)state;
    memset(&watch, 0, sizeof watch);
    memset(memory, 0xA5, sizeof memory);
    memset(seen, 0xA5, sizeof seen); /* what was not published is garbage */
    frames_init(&frames, memory, HPA(BASE), FRAMES);
    root = frames_take(&frames);
    machine_memory_publish(frames_find(&frames, root), PAGE_SIZE_4K);
    make_domain(&red, 2, three);
    make_domain(&blue, 3, four);
    fill(&red);
    return 0;
}

/* ---- Claims ---- */

static void everything_is_blocked_until_it_is_attached(void **state)
{
    (void)state;
    for (unsigned source = 0; source <= 0xFFFF; source += 7)
        assert_blocked((uint16_t)source, 0);
    assert_int_equal(dma_source_domain(&frames, root, SOURCE), 0);
}

static void at_any_time_a_unit_sees_nothing_or_the_whole_domain(void **state)
{
    (void)state;
    watch.watched = true;
    watch.times = 0;
    assert_true(dma_source_attach(&frames, root, SOURCE, &red));
    assert_true(watch.arrived);
    assert_int_equal(watch.times, 4); /* table, its link, the entry's halves */
    watch.arrived = false;
    dma_source_detach(&frames, root, SOURCE, false);
    assert_blocked(SOURCE, 0);
}

/* A store into a table may leave the cache before the table that it links. */
static void a_table_that_is_linked_too_early_holds_nothing(void **state)
{
    (void)state;
    const struct ept_range region = { GPA(GIB(2)), HPA(GIB(2)), KIB(12) };
    const unsigned link = (GIB(2) >> 30) * 8;
    assert_true(dma_source_attach(&frames, root, SOURCE, &red));
    uint64_t *root_of_red = frames_find(&red.tables.frames, red.tables.root);
    watch.held = true;
    assert_int_equal(dma_domain_map(&red, &region), DMA_MAPPED);
    watch.held = false;
    machine_memory_publish((uint8_t *)root_of_red + link, 8);
    assert_blocked(SOURCE, GIB(2));
    assert_blocked(SOURCE, GIB(3) - 1);
}

static void a_device_reaches_its_guest_and_nothing_else(void **state)
{
    (void)state;
    assert_true(dma_source_attach(&frames, root, SOURCE, &red));
    for (uint64_t page = 0; page < MIB(80); page += PAGE_SIZE_4K) {
        bool ram = page < 0xA0000 || (page >= MIB(1) && page < MIB(64));
        if (ram)
            assert_reaches(SOURCE, page, GIB(1) + page, 2);
        else
            assert_blocked(SOURCE, page);
    }
    assert_reaches(SOURCE, GIB(5) - 1, GIB(4) - 1, 2);
    assert_blocked(SOURCE, GIB(5));
    assert_blocked(SOURCE, BASE);        /* the tables' own address */
    assert_blocked(SOURCE, GIB(512));    /* beyond three levels */
}

static void domains_of_four_levels_are_walked_so(void **state)
{
    (void)state;
    fill(&blue);
    assert_true(dma_source_attach(&frames, root, SOURCE, &blue));
    assert_reaches(SOURCE, GIB(4) + MIB(3), GIB(3) + MIB(3), 3);
    assert_blocked(SOURCE, GIB(512));
}

static void a_source_has_one_domain_at_a_time(void **state)
{
    (void)state;
    fill(&blue);
    assert_true(dma_source_attach(&frames, root, SOURCE, &red));
    assert_false(dma_source_attach(&frames, root, SOURCE, &blue));
    assert_int_equal(dma_source_domain(&frames, root, SOURCE), 2);
    dma_source_detach(&frames, root, SOURCE, false);
    assert_true(dma_source_attach(&frames, root, SOURCE, &blue));
    assert_reaches(SOURCE, MIB(1), GIB(1) + MIB(1), 3);
}

static void a_silent_detach_suppresses_faults_until_the_next_attach(void **state)
{
    (void)state;
    assert_true(dma_source_attach(&frames, root, SOURCE, &red));
    dma_source_detach(&frames, root, SOURCE, true);
    uint64_t context = (quad(root.value + 3 * 16) & ~0xFFFull) + 0x18 * 16;
    assert_int_equal(quad(context), 2);
    assert_blocked(SOURCE, 0);
    assert_true(dma_source_attach(&frames, root, SOURCE, &red));
    assert_int_equal(quad(context) & 3, 1);
}

static void detaching_where_nothing_is_changes_nothing(void **state)
{
    (void)state;
    watch.times = 0;
    dma_source_detach(&frames, root, 0x4400, true);
    assert_int_equal(watch.times, 0);
}

static void without_a_frame_for_the_bus_attaching_fails_and_changes_nothing(void **state)
{
    (void)state;
    assert_true(dma_source_attach(&frames, root, SOURCE, &red));
    while (frames.used < frames.count)
        (void)frames_take(&frames);
    assert_false(dma_source_attach(&frames, root, 0x0400, &red));
    assert_blocked(0x0400, 0);
    assert_true(dma_source_attach(&frames, root, SOURCE + 1, &red)); /* has its table */
}

static void reserved_regions_are_mapped_once_and_never_over_memory(void **state)
{
    (void)state;
    const struct ept_range region = { GPA(GIB(2)), HPA(GIB(2)), KIB(12) };
    const struct ept_range across = { GPA(MIB(64) - KIB(4)), HPA(MIB(64) - KIB(4)), KIB(8) };
    const struct ept_range other = { GPA(GIB(2) + KIB(8)), HPA(GIB(2) + KIB(8)), KIB(8) };
    assert_int_equal(dma_domain_map(&red, &region), DMA_MAPPED);
    assert_int_equal(dma_domain_map(&red, &region), DMA_MAPPED);
    assert_int_equal(dma_domain_map(&red, &across), DMA_MAP_OVERLAPS);
    assert_int_equal(dma_domain_map(&red, &other), DMA_MAP_OVERLAPS);
    assert_true(dma_source_attach(&frames, root, SOURCE, &red));
    assert_reaches(SOURCE, GIB(2) + KIB(12) - 1, GIB(2) + KIB(12) - 1, 2);
    assert_blocked(SOURCE, GIB(2) + KIB(12));
    assert_reaches(SOURCE, MIB(64) - KIB(4), GIB(1) + MIB(64) - KIB(4), 2);
    assert_blocked(SOURCE, MIB(64));
}

static void a_region_that_does_not_fit_the_pool_changes_nothing(void **state)
{
    (void)state;
    unsigned mapped = 0;
    struct ept_range region = { GPA(GIB(8)), HPA(GIB(8)), KIB(4) };
    while (dma_domain_map(&red, &region) == DMA_MAPPED) {
        region.gpa.value += GIB(1);
        region.hpa.value += GIB(1);
        mapped++;
    }
    assert_in_range(mapped, 8, DMA_RANGES_MAX);
    assert_int_equal(dma_domain_map(&red, &region), DMA_MAP_FULL);
    assert_true(dma_source_attach(&frames, root, SOURCE, &red));
    assert_blocked(SOURCE, region.gpa.value);
}

static void make_domain_0(void *unused)
{
    (void)unused;
    make_domain(&blue, 0, three);
}

static void domain_0_is_nobodys(void **state)
{
    (void)state;
    assert_true(dies(make_domain_0, NULL));
}

/* ---- Limits ---- */

#define CAP_GOOD (6ull | 3ull << 9 | 47ull << 16 | 3ull << 34)
#define ECAP_GOOD (1ull << 1 | 1ull << 3 | 1ull << 4)

static void the_weakest_unit_decides(void **state)
{
    (void)state;
    struct dma_limits limits = dma_limits_none();
    assert_null(dma_limits_add(&limits, CAP_GOOD, ECAP_GOOD));
    assert_int_equal(dma_shape(&limits).levels, 4);
    assert_int_equal(dma_shape(&limits).largest, 2);
    assert_int_equal(dma_address_end(&limits), 1ull << 48);
    assert_true(limits.extended_interrupts);
    assert_null(dma_limits_add(&limits, (CAP_GOOD & ~(1ull << 10 | 1ull << 35 | 63ull << 16))
                               | 38ull << 16, ECAP_GOOD & ~(1ull << 4)));
    assert_int_equal(dma_shape(&limits).levels, 3);
    assert_int_equal(dma_shape(&limits).largest, 1);
    assert_int_equal(dma_shape(&limits).table_rights, 3);
    assert_int_equal(dma_address_end(&limits), 1ull << 39);
    assert_false(limits.extended_interrupts);
    assert_non_null(dma_limits_add(&limits, CAP_GOOD & ~(1ull << 9), ECAP_GOOD));
}

static void what_cannot_be_done_without_is_named(void **state)
{
    (void)state;
    const struct { uint64_t cap, ecap; const char *text; } rows[] = {
        { UINT64_MAX, UINT64_MAX, "does not answer at its address" },
        { 0, 0, "does not answer at its address" },
        { CAP_GOOD, ECAP_GOOD & ~(1ull << 1), "has no queued invalidation" },
        { CAP_GOOD, ECAP_GOOD & ~(1ull << 3), "has no interrupt remapping" },
        { CAP_GOOD & ~(1ull << 34), ECAP_GOOD, "has no pages of 2 MiB" },
        { CAP_GOOD & ~(3ull << 9), ECAP_GOOD,
          "has no table width that this version and the other units know" },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dma_limits limits = dma_limits_none();
        assert_string_equal(dma_limits_add(&limits, rows[i].cap, rows[i].ecap), rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(everything_is_blocked_until_it_is_attached, set_up),
        cmocka_unit_test_setup(at_any_time_a_unit_sees_nothing_or_the_whole_domain, set_up),
        cmocka_unit_test_setup(a_table_that_is_linked_too_early_holds_nothing, set_up),
        cmocka_unit_test_setup(a_device_reaches_its_guest_and_nothing_else, set_up),
        cmocka_unit_test_setup(domains_of_four_levels_are_walked_so, set_up),
        cmocka_unit_test_setup(a_source_has_one_domain_at_a_time, set_up),
        cmocka_unit_test_setup(a_silent_detach_suppresses_faults_until_the_next_attach, set_up),
        cmocka_unit_test_setup(detaching_where_nothing_is_changes_nothing, set_up),
        cmocka_unit_test_setup(without_a_frame_for_the_bus_attaching_fails_and_changes_nothing, set_up),
        cmocka_unit_test_setup(reserved_regions_are_mapped_once_and_never_over_memory, set_up),
        cmocka_unit_test_setup(a_region_that_does_not_fit_the_pool_changes_nothing, set_up),
        cmocka_unit_test_setup(domain_0_is_nobodys, set_up),
        cmocka_unit_test(the_weakest_unit_decides),
        cmocka_unit_test(what_cannot_be_done_without_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
