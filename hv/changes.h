/* SPDX-License-Identifier: MIT
 *
 * What has become of guests, one change after the other, for whoever watches.
 * Changes are numbered from 0; those that had to give way are known by their
 * numbers, so what a watcher has missed can be said. Nobody waits for a watcher.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/monitor_seat.h"
#include "hv/restart.h"

struct vm;

#define CHANGES_KEPT 128u

enum change_kind {
    CHANGE_STARTED, /* its boot vCPU begins */
    CHANGE_READY,   /* see hv/readiness.h */
    CHANGE_PAUSED,
    CHANGE_RESUMED,
    CHANGE_ENDED,   /* a life is over; `cause` says how, and whether it starts again */
    CHANGE_STOPPED, /* it stays so until somebody starts it */
};

struct change {
    enum change_kind kind;
    unsigned vm;
    enum vm_end cause;  /* of an end, as are the next two */
    const char *reason;
    uint32_t status;
    uint64_t tsc;
};

/* From any CPU; any lock but the console's may be held. Calls those who watch. Of what
 * is no end, `cause` is VM_END_NONE and `reason` NULL. */
void changes_add(const struct vm *vm, enum change_kind kind, enum vm_end cause,
                 const char *reason);

/* Whether whoever sits there is called for each. */
void changes_watch(enum monitor_seat seat, bool watches);

/* The number of the next one. */
uint64_t changes_next(void);

/* False: it has given way, or has not come yet. */
bool changes_read(uint64_t number, struct change *change);

/* "started", ...; "crash", ... */
const char *change_word(enum change_kind kind);
const char *change_cause_word(enum vm_end cause);
