/* SPDX-License-Identifier: MIT
 *
 * The last words of a hypervisor that stopped, in a page of memory that the next
 * boot finds again. A reset leaves memory as it was; switching off does not, and
 * then, as before the first panic ever, the page holds anything. So a record
 * counts only if all of it is as panic_record_write() makes one, and is nothing
 * but text even then.
 *
 * The page lies below 640 KiB, where neither GRUB nor a guest writes. A BIOS that
 * offers memory to option ROMs (the POST Memory Manager) clears most of what is below
 * 90000h before it boots, so the page is there; unless the firmware keeps that for
 * itself, when it is at 60000h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/addr.h"

struct memory_map;

#define PANIC_RECORD_TEXT (PAGE_SIZE_4K - 20)
#define PANIC_RECORD_LINES_MAX 48u

struct panic_record {
    uint8_t magic[8];
    uint32_t version;
    uint32_t length;   /* of the text, in bytes */
    uint32_t checksum; /* over version, length and text */
    char text[PANIC_RECORD_TEXT]; /* lines, each ended by \n */
};
_Static_assert(sizeof(struct panic_record) == PAGE_SIZE_4K, "one page");

/* The first place that is free memory; 0: none is. The same in each boot of a machine. */
hpa_t panic_record_place(const struct memory_map *map);

/* Boot. Until then, and where there is no such page, a panic leaves no record. */
void panic_record_use(struct panic_record *page);

/* Shows what an earlier boot left there, if anything, and erases it. */
void panic_record_show(void);

/* In a panic, where log_ring_panic() was called. The lines that are logged from
 * here on go into the record, and the few before. */
void panic_record_begin(void);
void panic_record_write(void);
