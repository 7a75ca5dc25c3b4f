/* SPDX-License-Identifier: MIT
 *
 * Whether a guest that has ended starts again by itself.
 *
 *                       never   on-reset   on-crash   always
 *   reset               no      yes        yes        yes
 *   watchdog            no      yes        yes        yes
 *   crash               no      no         yes        yes
 *   power-off, exit     no      no         no         yes
 *
 * A watchdog resets a PC, and whoever asked for one wants the guest to go on; where
 * the guest stays stopped all the same, it has crashed.
 *
 * A limit stops what would go on for ever: so many starts within a time, and
 * one of three things instead of the next one. Where crashes or a watchdog restart
 * a guest there always is one. What the user does in the monitor is not counted,
 * and no rule holds the user back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum restart_policy { RESTART_ON_RESET, RESTART_NEVER, RESTART_ON_CRASH, RESTART_ALWAYS };

/* Instead of a start beyond the limit. */
enum restart_then { RESTART_THEN_STOP, RESTART_THEN_POWEROFF, RESTART_THEN_REBOOT };

#define RESTART_LIMIT_MAX 100u      /* starts */
#define RESTART_SECONDS_MAX 86400u
#define RESTART_LIMIT_OF_CRASHES 5u /* where none is given */
#define RESTART_SECONDS_OF_CRASHES 60u

struct restart_rule {
    enum restart_policy policy;
    uint32_t limit;   /* starts within `seconds`; 0: none was given */
    uint32_t seconds;
    enum restart_then then;
    bool watched;     /* a watchdog can end the guest */
};

/* When it was started by itself, the latest ones: a ring. */
struct restart_history {
    uint64_t tsc[RESTART_LIMIT_MAX];
    uint32_t count;
};

/* How a life ended; VM_END_NONE: it has not. */
enum vm_end {
    VM_END_NONE,
    VM_END_POWEROFF,
    VM_END_REBOOT,   /* by any of the means that a PC has */
    VM_END_WATCHDOG, /* hv/watchdog.h */
    VM_END_EXIT,     /* its exit port */
    VM_END_CRASH,
    VM_END_STOP,     /* the user's command */
    VM_END_RESTART,  /* likewise */
};

enum restart_decision { RESTART_NO, RESTART_YES, RESTART_TOO_OFTEN };

/* "3 in 60s". False, and nothing changed: it is not one. */
bool restart_limit_read(const char *text, uint32_t *limit, uint32_t *seconds);

/* The same for "60s". */
bool restart_seconds_read(const char *text, uint32_t *seconds);

/* A yes is noted in the history. */
enum restart_decision restart_decide(const struct restart_rule *rule,
                                     struct restart_history *history, enum vm_end end,
                                     uint64_t tsc, uint64_t tsc_hz);

/* The limit that holds, where one is not given, too. 0 starts: none. */
struct restart_rule restart_rule_in_force(const struct restart_rule *rule);
