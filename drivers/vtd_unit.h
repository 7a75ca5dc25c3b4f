/* SPDX-License-Identifier: MIT
 *
 * One remapping unit's registers: turning it on and off, telling it that a table
 * changed, and reading what it blocked.
 *
 * Every wait has a limit. A unit that does not answer in time has failed: it says for
 * what it was waited, and is asked for nothing any more, so no later caller waits.
 * What goes into tables is decided elsewhere (hv/dma_tables.h, hv/irte.h).
 * One CPU at a time; the caller sees to that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/addr.h"

struct vtd_unit {
    volatile uint8_t *registers; /* VTD_REGISTERS_BYTES, uncached */
    uint64_t cap, ecap;
    uint64_t *queue; /* a page: the invalidation queue */
    hpa_t queue_hpa;
    unsigned tail;   /* the next descriptor */
    uint64_t *done;  /* where wait descriptors store their number */
    hpa_t done_hpa;
    uint32_t waits;  /* so many were asked for */
    const char *failed_at; /* NULL: the unit works */
};

/* What the unit reads; all of it is zeroed memory of the hypervisor. */
struct vtd_unit_tables {
    hpa_t root;
    hpa_t interrupts;
    unsigned interrupts_shift; /* of their number */
    bool extended_interrupts;
    uint64_t *queue, *done; /* a page each */
    hpa_t queue_hpa, done_hpa;
};

/* Only reads what the unit can do. */
void vtd_unit_open(struct vtd_unit *unit, volatile uint8_t *registers);

/* Off, whatever the firmware left: nothing is remapped, nothing recorded. */
bool vtd_unit_stop(struct vtd_unit *unit);

/* For a unit that is off: from now on everything that the tables do not allow is
 * blocked, interrupts in the old format included. */
bool vtd_unit_start(struct vtd_unit *unit, const struct vtd_unit_tables *tables);

/* A recorded fault calls this CPU by an NMI; or it does not (false), for the unit has
 * no such bits. */
bool vtd_unit_call_on_fault(struct vtd_unit *unit, uint32_t apic_id);
void vtd_unit_call_no_more(struct vtd_unit *unit);

/* Forgets what it knows of a source and of the domain that this was in, and lets end
 * what is under way. */
bool vtd_unit_forget_source(struct vtd_unit *unit, uint16_t source, uint16_t domain);
bool vtd_unit_forget_domain(struct vtd_unit *unit, uint16_t domain);
bool vtd_unit_forget_interrupt(struct vtd_unit *unit, uint32_t index);

/* Takes the oldest fault that is recorded. False: there is none. */
bool vtd_unit_take_fault(struct vtd_unit *unit, uint64_t *low, uint64_t *high);

/* Behind the faults that were taken: more came than could be recorded? */
bool vtd_unit_faults_lost(struct vtd_unit *unit);
