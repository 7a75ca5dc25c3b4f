/* SPDX-License-Identifier: MIT
 *
 * What of the machine's memory a device can reach: the tables that remapping units
 * walk, from a request's source (bus, device, function) to a page.
 *
 *     root table --bus--> context table --function--> domain's tables --> page
 *       of a unit           one a bus                   as hv/ept.c draws them
 *
 * Invariant: whatever is not written here is blocked. Entries of a root table and of
 * a domain are written once, over holes. A context entry is made present only where
 * it was absent, its second half first, and each of these stores is where units see
 * it before the next one is made. A domain's pool is all holes to units from the
 * start, so whichever of its stores they see first, a walk ends in nothing or at a
 * page of the domain.
 * All tables are in pools of the hypervisor's memory, which no domain maps.
 */
#pragma once

#include "hv/ept.h"

#define DMA_RANGES_MAX 12 /* a guest's memory and its reserved regions */
#define DMA_SPARE_FRAMES 24 /* for tables of the reserved regions of one domain */

struct dma_domain {
    struct ept tables;
    uint16_t id; /* which units tag their caches with; 0: not made */
    unsigned range_count;
    struct ept_range ranges[DMA_RANGES_MAX]; /* all that is mapped */
};

/* The frames of a domain with these ranges and with room for reserved regions. */
unsigned dma_domain_frames(const struct ept_range *ranges, unsigned count,
                           struct ept_shape shape);

/* A domain that maps nothing. The pool is its own. */
void dma_domain_init(struct dma_domain *domain, uint16_t id, struct frames frames,
                     struct ept_shape shape);

enum dma_map_status { DMA_MAPPED, DMA_MAP_OVERLAPS, DMA_MAP_FULL };

/* Reading and writing. A range that is mapped already is MAPPED; one that overlaps
 * another changes nothing, and so does one for which no frames are left. */
enum dma_map_status dma_domain_map(struct dma_domain *domain, const struct ept_range *range)
    __attribute__((warn_unused_result));

/* Requests of this source go to the domain. False: it has one already, or no frame is
 * left in the pool for its bus. Units cache absent entries only if they say so
 * (caching mode). */
bool dma_source_attach(struct frames *frames, hpa_t root, uint16_t source,
                       const struct dma_domain *domain) __attribute__((warn_unused_result));

/* Blocked again, and if `silent`, without faults. The units still cache what was there.
 * A bus without a table is blocked, but not silently. */
void dma_source_detach(const struct frames *frames, hpa_t root, uint16_t source, bool silent);

/* The domain's id, or 0: blocked. */
uint16_t dma_source_domain(const struct frames *frames, hpa_t root, uint16_t source);
