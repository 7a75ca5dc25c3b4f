/* SPDX-License-Identifier: MIT
 *
 * The guest's interval timer, an Intel 8254 at ports 40h to 43h, and port 61h,
 * by which software sees and gates counter 2. The gates of counters 0 and 1 are
 * high, as on a PC's board; a speaker is not there.
 *
 * Nothing runs here: a counter is the tick at which its count was loaded, and
 * what it shows follows from the tick that is now. Times are ticks of PIT_HZ;
 * of one PIT they never go back. A count that cannot be (1 in the modes 2 and
 * 3) never ends.
 *
 * The caller holds the VM's lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PIT_HZ 1193182u
#define PIT_COUNTERS 3
#define PIT_NEVER UINT64_MAX

struct pit_counter {
    uint64_t start;     /* tick at which the count was loaded; not while paused */
    uint64_t reload_at; /* tick at which `next` takes the place of `count`; 0: none */
    uint64_t seen;      /* last tick at which the output was looked at */
    uint32_t count;     /* what is counted down from; 0: nothing is */
    uint32_t next;      /* last one written; 0: none since the control word */
    uint64_t counted;   /* while paused: how far it had come */
    bool paused;        /* by its gate */
    bool gate;
    bool before;        /* output until the count is loaded */
    bool rose;          /* output, since pit_take_rise() */

    uint8_t control;    /* bits 5:0 of the control word, and two fields of it: */
    uint8_t mode;       /* enum pit_mode */
    uint8_t access;     /* enum pit_access */
    bool writes_high;   /* the next byte written is the second of two */
    bool reads_high;
    uint8_t first_byte;
    uint8_t latched_bytes; /* of `latch`, not yet read */
    uint16_t latch;
    bool status_latched;
    uint8_t status;
} __attribute__((aligned(64))); /* a power of two: a counter is found by a shift */

struct pit {
    struct pit_counter counters[PIT_COUNTERS];
    uint8_t port_61; /* bits 3:0, as written */
};

/* As a PC's firmware leaves it: 18.2 Hz at the output of counter 0. */
void pit_init(struct pit *pit, uint64_t now);

/* `port` is 40h to 43h. A write returns whether counter 0 goes on in another way:
 * what was asked of it below is new. */
uint8_t pit_read(struct pit *pit, uint16_t port, uint64_t now);
bool pit_write(struct pit *pit, uint16_t port, uint8_t value, uint64_t now);

uint8_t pit_read_61(struct pit *pit, uint64_t now);
void pit_write_61(struct pit *pit, uint8_t value, uint64_t now);

/* Counter 0, whose output is IRQ 0: whether it has risen since it was asked last,
 * once or more often. */
bool pit_take_rise(struct pit *pit, uint64_t now);

/* Behind pit_take_rise() at this tick: whether it is high, and the next tick at
 * which it can rise. */
bool pit_is_high(const struct pit *pit, uint64_t now);
uint64_t pit_next_rise(const struct pit *pit);
