/* SPDX-License-Identifier: MIT
 *
 * See dma_tables.h. VT-d specification, 3.4.2 "Legacy Mode Address Translation" and 9
 * "Translation Structure Formats".
 */
#include "hv/dma_tables.h"

#include "arch/spec/vtd.h"
#include "hv/check.h"
#include "hv/machine.h"
#include "hv/text.h"

/* ---- Domains ---- */

unsigned dma_domain_frames(const struct ept_range *ranges, unsigned count,
                           struct ept_shape shape)
{
    return ept_frames_needed(ranges, count, shape) + DMA_SPARE_FRAMES;
}

/* Units may look past the CPUs' caches. */
static void publish_tables(const struct dma_domain *domain)
{
    const struct frames *frames = &domain->tables.frames;
    machine_memory_publish(frames->tables, frames->used * PAGE_SIZE_4K);
}

/* Those that are not taken yet, too: a link may leave the cache before the table
 * that it names. */
static void publish_holes(const struct frames *frames)
{
    memset(frames->tables, 0, frames->count * PAGE_SIZE_4K);
    machine_memory_publish(frames->tables, frames->count * PAGE_SIZE_4K);
}

void dma_domain_init(struct dma_domain *domain, uint16_t id, struct frames frames,
                     struct ept_shape shape)
{
    CHECK(id != 0);
    *domain = (struct dma_domain){ .id = id };
    publish_holes(&frames);
    ept_init(&domain->tables, frames, shape);
}

static bool same(const struct ept_range *a, const struct ept_range *b)
{
    return a->gpa.value == b->gpa.value && a->hpa.value == b->hpa.value && a->bytes == b->bytes;
}

static bool overlap(const struct ept_range *a, const struct ept_range *b)
{
    return a->gpa.value < b->gpa.value + b->bytes && b->gpa.value < a->gpa.value + a->bytes;
}

enum dma_map_status dma_domain_map(struct dma_domain *domain, const struct ept_range *range)
{
    const struct frames *frames = &domain->tables.frames;
    for (unsigned i = 0; i < domain->range_count; i++) {
        if (same(&domain->ranges[i], range))
            return DMA_MAPPED;
        if (overlap(&domain->ranges[i], range))
            return DMA_MAP_OVERLAPS;
    }
    if (domain->range_count == DMA_RANGES_MAX
        || ept_frames_needed(range, 1, domain->tables.shape) > frames->count - frames->used)
        return DMA_MAP_FULL;
    ept_map(&domain->tables, range, EPT_READ | EPT_WRITE, EPT_UNCACHEABLE);
    domain->ranges[domain->range_count++] = *range;
    publish_tables(domain);
    return DMA_MAPPED;
}

/* ---- Sources ---- */

static void store(uint64_t *at, uint64_t value)
{
    frames_store(at, value);
    machine_memory_publish(at, sizeof *at);
}

static uint64_t *root_entry(const struct frames *frames, hpa_t root, uint16_t source)
{
    return frames_find(frames, root) + (source >> 8) * VTD_ENTRY_QUADS;
}

/* NULL: the bus has no table. */
static uint64_t *context_entry(const struct frames *frames, hpa_t root, uint16_t source)
{
    uint64_t bus = *root_entry(frames, root, source);
    if (!(bus & VTD_ROOT_PRESENT))
        return NULL;
    return frames_find(frames, HPA(bus & VTD_TABLE_ADDRESS)) + (source & 0xFF) * VTD_ENTRY_QUADS;
}

/* All of it blocked before it is linked. */
static bool make_context_table(struct frames *frames, hpa_t root, uint16_t source)
{
    if (frames->used == frames->count)
        return false;
    hpa_t table = frames_take(frames);
    machine_memory_publish(frames_find(frames, table), PAGE_SIZE_4K);
    store(root_entry(frames, root, source), table.value | VTD_ROOT_PRESENT);
    return true;
}

bool dma_source_attach(struct frames *frames, hpa_t root, uint16_t source,
                       const struct dma_domain *domain)
{
    uint64_t *entry = context_entry(frames, root, source);
    if (entry == NULL && make_context_table(frames, root, source))
        entry = context_entry(frames, root, source);
    if (entry == NULL || entry[0] & VTD_CONTEXT_PRESENT)
        return false;
    uint64_t width = domain->tables.shape.levels == 3 ? VTD_CONTEXT_WIDTH_39
                                                      : VTD_CONTEXT_WIDTH_48;
    store(&entry[1], width | (uint64_t)domain->id << VTD_CONTEXT_DOMAIN_SHIFT);
    store(&entry[0], domain->tables.root.value | VTD_CONTEXT_PRESENT);
    return true;
}

void dma_source_detach(const struct frames *frames, hpa_t root, uint16_t source, bool silent)
{
    uint64_t *entry = context_entry(frames, root, source);
    if (entry == NULL)
        return;
    store(&entry[0], silent ? VTD_CONTEXT_SILENT : 0);
    store(&entry[1], 0);
}

uint16_t dma_source_domain(const struct frames *frames, hpa_t root, uint16_t source)
{
    const uint64_t *entry = context_entry(frames, root, source);
    if (entry == NULL || !(entry[0] & VTD_CONTEXT_PRESENT))
        return 0;
    return (uint16_t)(entry[1] >> VTD_CONTEXT_DOMAIN_SHIFT);
}
