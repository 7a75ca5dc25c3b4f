/* SPDX-License-Identifier: MIT
 *
 * Extended page tables: what of the machine's memory a guest can reach.
 *
 *      guest-physical address
 *      47      39 38      30 29      21 20      12 11         0
 *     +----------+----------+----------+----------+------------+
 *     |  slot 3  |  slot 2  |  slot 1  |  slot 0  |   offset   |
 *     +----+-----+----+-----+----+-----+----+-----+------------+
 *          |          |          |          |
 *      level 3    level 2    level 1    level 0
 *      PML4       PDPT       directory  page table
 *     +-------+  +-------+  +-------+  +-------+
 *     |       |  |       |  |       |  | LEAF  +--> 4 KiB page
 *     | TABLE +->| TABLE +->| TABLE +->| HOLE  |
 *     | HOLE  |  | HOLE  |  | HOLE  |  +-------+
 *     +-------+  | LEAF  |  | LEAF  +-------------> 2 MiB page
 *         ^      +---+---+  +-------+
 *       root         +----------------------------> 1 GiB page
 *
 * Levels are counted from the pages up, 0 being 4 KiB, so that a page of level
 * n has 4 KiB << 9n. The manual counts tables from the root down.
 *
 * The tables of DMA remapping (hv/dma_tables.h) are of this make, too, and begin at
 * level 2 where units walk three levels.
 *
 * This file knows three kinds of entry and makes two of them, in entry_table()
 * and entry_leaf(). Only ept_map() stores them, and only over holes; what unmaps
 * stores holes.
 */
#include "hv/ept.h"

#include "hv/check.h"

enum {
    LEVEL_4K = 0,
    LEVEL_2M = 1,
    LEVEL_1G = 2,
    LEVEL_COUNT = 4,
};

_Static_assert(EPT_TABLE_ENTRIES == FRAME_ENTRIES, "a table fills a frame");
_Static_assert(12 + LEVEL_COUNT * EPT_TABLE_BITS == EPT_ADDRESS_BITS, "the drawing above");

/* ---- Entries ---- */

typedef struct { uint64_t value; } ept_entry_t;
_Static_assert(sizeof(ept_entry_t) == 8, "SDM Vol. 3C, 29.3.2 \"EPT Translation Mechanism\"");

enum entry_kind { ENTRY_HOLE, ENTRY_TABLE, ENTRY_LEAF };

/* "Not present" is what the manual calls an entry that grants no right at all,
 * whatever its other bits are. */
static enum entry_kind entry_kind(ept_entry_t entry, unsigned level)
{
    if ((entry.value & EPT_RIGHTS) == 0)
        return ENTRY_HOLE;
    if (level == LEVEL_4K || (entry.value & EPT_LARGE) != 0)
        return ENTRY_LEAF;
    return ENTRY_TABLE;
}

static hpa_t entry_address(ept_entry_t entry)
{
    return HPA(entry.value & EPT_ADDRESS_MASK);
}

/* Grants all rights: what a page allows is written in its leaf alone. */
static ept_entry_t entry_table(hpa_t table, uint64_t all_rights)
{
    CHECK((table.value & ~EPT_ADDRESS_MASK) == 0);
    return (ept_entry_t){ table.value | all_rights };
}

static ept_entry_t entry_leaf(hpa_t page, unsigned level, uint64_t rights,
                              enum ept_memory_type type)
{
    CHECK((page.value & ~EPT_ADDRESS_MASK) == 0);
    uint64_t large = level == LEVEL_4K ? 0 : EPT_LARGE;
    return (ept_entry_t){ page.value | large | rights |
                          (uint64_t)type << EPT_MEMORY_TYPE_SHIFT };
}

/* ---- Shapes, levels and ranges ---- */

struct ept_shape ept_shape(uint64_t largest_page)
{
    CHECK(largest_page == PAGE_SIZE_4K || largest_page == PAGE_SIZE_2M ||
          largest_page == PAGE_SIZE_1G);
    uint8_t level = LEVEL_4K;
    if (largest_page >= PAGE_SIZE_2M)
        level = largest_page == PAGE_SIZE_1G ? LEVEL_1G : LEVEL_2M;
    return (struct ept_shape){ .levels = LEVEL_COUNT, .largest = level,
                               .table_rights = EPT_RIGHTS };
}

bool ept_shape_is_valid(struct ept_shape shape)
{
    return shape.levels <= LEVEL_COUNT && shape.largest < shape.levels &&
           shape.largest <= LEVEL_1G && (shape.table_rights & ~(uint64_t)EPT_RIGHTS) == 0 &&
           (shape.table_rights & EPT_READ) != 0;
}

static unsigned level_root(struct ept_shape shape)
{
    return shape.levels - 1u;
}

/* What one entry of a table of this level covers. */
static uint64_t level_bytes(unsigned level)
{
    return PAGE_SIZE_4K << (level * EPT_TABLE_BITS);
}

/* What is behind the root's last entry: no table translates it. */
static bool beyond(struct ept_shape shape, uint64_t gpa)
{
    return gpa / level_bytes(level_root(shape)) >= EPT_TABLE_ENTRIES;
}

static unsigned level_slot(unsigned level, gpa_t gpa)
{
    return (unsigned)(gpa.value / level_bytes(level) % EPT_TABLE_ENTRIES);
}

bool ept_range_is_valid(const struct ept_range *range)
{
    uint64_t gpa_limit = 1ull << EPT_ADDRESS_BITS;
    uint64_t hpa_limit = EPT_ADDRESS_MASK + PAGE_SIZE_4K;
    uint64_t all = range->gpa.value | range->hpa.value | range->bytes;

    return all % PAGE_SIZE_4K == 0 && range->bytes != 0 &&
           range->gpa.value < gpa_limit && range->bytes <= gpa_limit - range->gpa.value &&
           range->hpa.value < hpa_limit && range->bytes <= hpa_limit - range->hpa.value;
}

/* The largest page that can begin where the range begins. Both counting and
 * mapping ask here, so that they cannot disagree. */
static unsigned range_leaf_level(const struct ept_range *range, struct ept_shape shape)
{
    unsigned level = shape.largest;
    uint64_t addresses = range->gpa.value | range->hpa.value;

    while (level > LEVEL_4K &&
           (addresses % level_bytes(level) != 0 || range->bytes < level_bytes(level)))
        level--;
    return level;
}

/* How much of the range one table of its leaves' level maps, from where it begins. No
 * larger page can begin in between: that takes an address where a table begins. */
static uint64_t range_in_table(const struct ept_range *range, unsigned level)
{
    uint64_t page = level_bytes(level);
    uint64_t in_table = level_bytes(level + 1) - range->gpa.value % level_bytes(level + 1);
    uint64_t whole = range->bytes / page * page;

    return in_table < whole ? in_table : whole;
}

/* What is left of the range behind its first `bytes`. */
static struct ept_range range_behind(const struct ept_range *range, uint64_t bytes)
{
    return (struct ept_range){
        .gpa = GPA(range->gpa.value + bytes),
        .hpa = HPA(range->hpa.value + bytes),
        .bytes = range->bytes - bytes,
    };
}

/* ---- Prepare: count ---- */

/* For each level, which of its tables was counted last: the first, second ...
 * in the order of addresses. Ranges come in that order, so the last is enough. */
struct tables_counted {
    uint64_t last[LEVEL_COUNT - 1];
    unsigned count;
};

/* The tables on the way to a leaf, below the root. */
static void count_tables(struct tables_counted *counted, gpa_t gpa, unsigned leaf_level,
                         unsigned root_level)
{
    for (unsigned level = leaf_level; level < root_level; level++) {
        uint64_t table = gpa.value / level_bytes(level + 1);
        if (counted->last[level] != table) {
            counted->last[level] = table;
            counted->count++;
        }
    }
}

unsigned ept_frames_needed(const struct ept_range *ranges, unsigned count, struct ept_shape shape)
{
    struct tables_counted counted = { .last = { UINT64_MAX, UINT64_MAX, UINT64_MAX } };
    uint64_t end = 0;

    for (unsigned i = 0; i < count; i++) {
        struct ept_range rest = ranges[i];
        CHECK(ept_range_is_valid(&rest) && rest.gpa.value >= end);
        end = rest.gpa.value + rest.bytes;
        while (rest.bytes > 0) {
            unsigned level = range_leaf_level(&rest, shape);
            count_tables(&counted, rest.gpa, level, level_root(shape));
            rest = range_behind(&rest, range_in_table(&rest, level));
        }
    }
    return 1 + counted.count;
}

/* ---- Commit: map ---- */

void ept_init(struct ept *ept, struct frames frames, struct ept_shape shape)
{
    CHECK(ept_shape_is_valid(shape));
    *ept = (struct ept){ .frames = frames, .shape = shape };
    ept->root = frames_take(&ept->frames);
}

static uint64_t *table_slot(const struct ept *ept, hpa_t table, unsigned level, gpa_t gpa)
{
    return frames_find(&ept->frames, table) + level_slot(level, gpa);
}

/* A free movable frame is all holes; its first one has the next frame's address. Each
 * level has a list of its own. */
static hpa_t take_frame(struct ept *ept, unsigned level)
{
    hpa_t frame = ept->movable_free[level];

    if (!ept->has_movable)
        return frames_take(&ept->frames);
    CHECK(frame.value != 0);
    uint64_t *entries = frames_find(&ept->frames, frame);
    ept->movable_free[level] = entry_address((ept_entry_t){ entries[0] });
    frames_store(&entries[0], 0);
    return frame;
}

static void give_frame_back(struct ept *ept, hpa_t frame, unsigned level)
{
    frames_store(frames_find(&ept->frames, frame), ept->movable_free[level].value);
    ept->movable_free[level] = frame;
}

/* The table of that level on the way to an address; tables that are missing
 * are made. A new one is all holes before it is linked. */
static hpa_t table_for(struct ept *ept, gpa_t gpa, unsigned wanted_level)
{
    hpa_t table = ept->root;

    for (unsigned level = level_root(ept->shape); level > wanted_level; level--) {
        uint64_t *slot = table_slot(ept, table, level, gpa);
        ept_entry_t entry = { *slot };
        CHECK(entry_kind(entry, level) != ENTRY_LEAF);
        if (entry_kind(entry, level) == ENTRY_HOLE) {
            entry = entry_table(take_frame(ept, level - 1), ept->shape.table_rights);
            frames_store(slot, entry.value);
        }
        table = entry_address(entry);
    }
    return table;
}

/* `bytes` of pages that one table maps, like the first one. */
static void map_in_table(struct ept *ept, gpa_t gpa, uint64_t bytes, unsigned level,
                         ept_entry_t leaf)
{
    uint64_t *slot = table_slot(ept, table_for(ept, gpa, level), level, gpa);
    uint64_t page = level_bytes(level);

    for (; bytes > 0; bytes -= page) {
        CHECK(entry_kind((ept_entry_t){ *slot }, level) == ENTRY_HOLE);
        frames_store(slot++, leaf.value);
        leaf.value += page;
    }
}

/* SDM Vol. 3C, 29.3.3.1 "EPT Misconfigurations": an entry that can be written
 * or, on CPUs without execute-only pages, executed, can be read as well. */
static bool rights_are_valid(uint64_t rights)
{
    return (rights & ~EPT_RIGHTS) == 0 && (rights & EPT_READ) != 0;
}

void ept_map(struct ept *ept, const struct ept_range *range, uint64_t rights,
             enum ept_memory_type type)
{
    struct ept_range rest = *range;

    CHECK(ept_range_is_valid(range));
    CHECK(!beyond(ept->shape, range->gpa.value + range->bytes - 1));
    CHECK(rights_are_valid(rights));
    while (rest.bytes > 0) {
        unsigned level = range_leaf_level(&rest, ept->shape);
        uint64_t bytes = range_in_table(&rest, level);
        map_in_table(ept, rest.gpa, bytes, level, entry_leaf(rest.hpa, level, rights, type));
        rest = range_behind(&rest, bytes);
    }
}

/* ---- What is movable ---- */

void ept_movable_frames(uint64_t bytes, struct ept_shape shape,
                        unsigned frames[static EPT_TABLE_LEVELS])
{
    bool pages_1g = shape.largest == LEVEL_1G;
    uint64_t gigabytes = align_up(bytes, PAGE_SIZE_1G) / PAGE_SIZE_1G;

    frames[LEVEL_4K] += bytes < PAGE_SIZE_2M;
    frames[LEVEL_2M] += pages_1g && bytes >= PAGE_SIZE_1G ? 0 : (unsigned)gigabytes;
    frames[LEVEL_1G] += (unsigned)(align_up(gigabytes, EPT_TABLE_ENTRIES) / EPT_TABLE_ENTRIES);
}

void ept_begin_movable(struct ept *ept, const unsigned frames[static EPT_TABLE_LEVELS])
{
    CHECK(!ept->has_movable && ept->shape.largest >= LEVEL_2M);
    ept->movable_begin = HPA(ept->frames.base.value + ept->frames.used * PAGE_SIZE_4K);
    for (unsigned level = 0; level < EPT_TABLE_LEVELS; level++)
        for (unsigned i = 0; i < frames[level]; i++)
            give_frame_back(ept, frames_take(&ept->frames), level);
    ept->has_movable = true;
}

static bool is_empty(const uint64_t *entries)
{
    for (unsigned i = 0; i < EPT_TABLE_ENTRIES; i++)
        if (entries[i] != 0)
            return false;
    return true;
}

/* From a table of this level up: those that are all holes are not linked any more. */
static void unlink_empty(struct ept *ept, gpa_t gpa, unsigned level)
{
    for (; level < level_root(ept->shape); level++) {
        hpa_t table = table_for(ept, gpa, level);
        if (table.value < ept->movable_begin.value || !is_empty(frames_find(&ept->frames, table)))
            return;
        frames_store(table_slot(ept, table_for(ept, gpa, level + 1), level + 1, gpa), 0);
        give_frame_back(ept, table, level);
    }
}

void ept_unmap(struct ept *ept, const struct ept_range *range)
{
    struct ept_range rest = *range;

    CHECK(ept->has_movable && ept_range_is_valid(range));
    while (rest.bytes > 0) {
        unsigned level = range_leaf_level(&rest, ept->shape);
        uint64_t *slot = table_slot(ept, table_for(ept, rest.gpa, level), level, rest.gpa);
        gpa_t gpa = rest.gpa;
        CHECK(entry_kind((ept_entry_t){ *slot }, level) == ENTRY_LEAF);
        frames_store(slot, 0);
        rest = range_behind(&rest, level_bytes(level));
        if (rest.bytes == 0 || level_slot(level, rest.gpa) == 0)
            unlink_empty(ept, gpa, level);
    }
}

/* ---- Look up ---- */

/* Ends at level 0 at the latest: there, an entry is never a table. */
bool ept_lookup(const struct ept *ept, gpa_t gpa, hpa_t *hpa, uint64_t *rights)
{
    hpa_t table = ept->root;
    uint64_t granted = EPT_RIGHTS;

    if (beyond(ept->shape, gpa.value))
        return false;
    for (unsigned level = level_root(ept->shape);; level--) {
        ept_entry_t entry = { *table_slot(ept, table, level, gpa) };
        granted &= entry.value;
        switch (entry_kind(entry, level)) {
        case ENTRY_HOLE:
            return false;
        case ENTRY_TABLE:
            table = entry_address(entry);
            break;
        case ENTRY_LEAF:
            *hpa = HPA(entry_address(entry).value + gpa.value % level_bytes(level));
            *rights = granted;
            return true;
        }
    }
}

uint64_t ept_pointer(const struct ept *ept)
{
    CHECK(ept->shape.levels == LEVEL_COUNT);
    return ept->root.value | EPTP_WALK_LENGTH_4 | EPTP_MEMORY_TYPE_WB;
}
