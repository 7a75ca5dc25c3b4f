/* SPDX-License-Identifier: MIT
 *
 * The machine's free RAM: a short sorted list of physical regions, from which
 * everything that the hypervisor and the guests own is carved, once, at start.
 *
 * Invariant (memory_map_is_valid): regions are whole pages, sorted, not empty,
 * and neither overlap nor touch. Whatever a firmware says, a byte that any
 * entry calls unusable, or that was reserved or taken, is in no region. When
 * the list is full the smallest piece is lost, and counted: too little memory
 * is safe, too much is not. Nothing is ever given back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/addr.h"

/* ACPI Specification 6.5, "15.1 INT 15H, E820H - Query System Address Map";
 * Multiboot2 uses the same numbers. Every other number is as good as reserved. */
enum memory_type {
    MEMORY_USABLE = 1,
    MEMORY_RESERVED = 2,
    MEMORY_ACPI_TABLES = 3, /* RAM, but the tables are read after boot, too */
    MEMORY_ACPI_NVS = 4,
    MEMORY_BAD = 5,
};

/* A range as the firmware tells it: any alignment, any overlap. */
struct memory_range {
    hpa_t base;
    uint64_t bytes;
    uint32_t type; /* enum memory_type, or what the firmware invented */
};

/* Is a byte from the first to the last in a usable range? */
bool memory_ranges_hold_ram(const struct memory_range *ranges, size_t count, uint64_t first_byte,
                            uint64_t last_byte);

struct memory_region {
    hpa_t base;
    uint64_t bytes;
};

#define MEMORY_REGIONS_MAX 128
#define MEMORY_NO_LIMIT UINT64_MAX

struct memory_map {
    struct memory_region regions[MEMORY_REGIONS_MAX];
    unsigned count;
    uint64_t bytes_lost; /* free, but the list was full */
};

bool memory_map_is_valid(const struct memory_map *map);

/* All usable ranges without all others, in whichever order they come. */
void memory_map_build(struct memory_map *map, const struct memory_range *ranges, size_t count);

/* Takes out every page that the range touches, whether free or not. */
void memory_map_reserve(struct memory_map *map, hpa_t base, uint64_t bytes);

/* Gives up what is free below 1 MiB, for firmware that uses it in silence, but
 * for one page below 640 KiB where a CPU can start in real mode. Call it after
 * all that lies there was reserved. False: no such page. */
bool memory_map_drop_low(struct memory_map *map, hpa_t *trampoline);

/* Takes bytes (rounded up to pages), aligned to a power of two, that end at or
 * below the limit. False and unchanged if no region holds them. */
bool memory_map_take(struct memory_map *map, uint64_t bytes, uint64_t align, uint64_t below_limit,
                     hpa_t *out);

/* Whether all of the range is free. */
bool memory_map_holds(const struct memory_map *map, hpa_t base, uint64_t bytes);

uint64_t memory_map_total(const struct memory_map *map);

/* The most that one memory_map_take() with this alignment could get, in
 * multiples of the alignment. */
uint64_t memory_map_largest(const struct memory_map *map, uint64_t align, uint64_t below_limit);
