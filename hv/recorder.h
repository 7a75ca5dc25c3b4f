/* SPDX-License-Identifier: MIT
 *
 * The flight recorder, always on: the last exits of each vCPU one by one, and
 * for each reason how many there were and how long they took, from the exit to
 * where the guest's registers are loaded again.
 *
 * arch/vmx_entry.asm writes it at each exit, in as few instructions as can be,
 * which is why it looks as it does. A record is as large as divides 64 KiB, and
 * the ring has that size and alignment, so that adding to the low word of the
 * pointer is all it takes to go on. A time is kept as what it exceeds the
 * shortest one by: one comparison then sees a new shortest and a new longest,
 * and recorder_extreme() is called for those alone. Nothing is sampled and
 * nothing left out: a histogram adds up to the number of exits.
 *
 * Each CPU writes its own; others read it at any time, and may see one exit half
 * told. A handler that takes 2^32 ticks of the TSC (a second or more) is told as
 * what it takes beyond that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/spec/exit_reason.h"

struct vcpu;

struct exit_record {
    uint64_t rip;
    uint64_t qualification; /* what there was when the reason gives none is of no meaning */
    uint32_t reason; /* basic, or RECORDER_UNKNOWN */
    uint32_t cycles;
    uint64_t tsc;    /* of the exit; 0: this place was not used yet */
};
_Static_assert(sizeof(struct exit_record) == 32, "arch/vmx_entry.asm; divides 64 KiB");

#define RECORDER_RING_BYTES 0x10000u /* also its alignment */
#define RECORDER_RECORDS (RECORDER_RING_BYTES / sizeof(struct exit_record))
/* As many can be read without one being overwritten meanwhile. */
#define RECORDER_SHOWN_MAX 256u

#define RECORDER_BUCKETS 32u
struct exit_times {
    uint64_t excess;   /* sum of cycles - shortest */
    uint32_t shortest; /* UINT32_MAX: none yet */
    uint32_t span;     /* longest - shortest */
    uint64_t histogram[RECORDER_BUCKETS]; /* by the highest bit of the cycles */
};
_Static_assert(sizeof(struct exit_times) == 272, "arch/vmx_entry.asm");

/* Rows behind those of the reasons. */
#define RECORDER_UNKNOWN EXIT_REASON_COUNT /* a reason without number */
#define RECORDER_SERVICE (EXIT_REASON_COUNT + 1) /* no exits: visits to the mailbox */
#define RECORDER_ROWS (EXIT_REASON_COUNT + 2)

struct recorder {
    struct exit_times times[RECORDER_ROWS];
};

/* What the times of one reason say. */
struct exit_summary {
    uint64_t count;
    uint64_t sum;
    uint32_t shortest, longest;
};

/* Before the first exit, and of each life. The records stay. */
void recorder_reset(struct recorder *recorder);

/* Called by arch/vmx_entry.asm, before the exit is counted. */
void recorder_extreme(struct exit_times *times, struct exit_record *record);

/* Counts a visit that is no exit. */
void recorder_count(struct exit_times *times, uint64_t cycles);

struct exit_summary recorder_summary(const struct exit_times *times);

/* All exits of all reasons; of this life. */
uint64_t recorder_exits(const struct recorder *recorder);

/* The newest record of a vCPU now. */
const struct exit_record *recorder_last(const struct vcpu *vcpu);

/* The record `back` ones before `last`. False: there were not so many. `back` is less
 * than RECORDER_SHOWN_MAX. Much later there may be a newer one in its place. */
bool recorder_look(const struct exit_record *last, unsigned back, struct exit_record *record);
