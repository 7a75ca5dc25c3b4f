/* SPDX-License-Identifier: MIT
 *
 * See restart.h.
 */
#include "hv/restart.h"

#include "hv/check.h"
#include "hv/text.h"

static bool asks_for_start(enum restart_policy policy, enum vm_end end)
{
    switch (end) {
    case VM_END_REBOOT:
    case VM_END_WATCHDOG:
        return policy != RESTART_NEVER;
    case VM_END_CRASH:
        return policy == RESTART_ON_CRASH || policy == RESTART_ALWAYS;
    case VM_END_POWEROFF:
    case VM_END_EXIT:
        return policy == RESTART_ALWAYS;
    case VM_END_NONE:
    case VM_END_STOP:
    case VM_END_RESTART:
        break;
    }
    return false;
}

struct restart_rule restart_rule_in_force(const struct restart_rule *rule)
{
    struct restart_rule in_force = *rule;
    bool may_loop = asks_for_start(rule->policy, VM_END_CRASH) ||
                    (rule->watched && asks_for_start(rule->policy, VM_END_WATCHDOG));

    if (rule->limit == 0 && may_loop) {
        in_force.limit = RESTART_LIMIT_OF_CRASHES;
        in_force.seconds = RESTART_SECONDS_OF_CRASHES;
    }
    CHECK(in_force.limit <= RESTART_LIMIT_MAX && in_force.seconds <= RESTART_SECONDS_MAX);
    return in_force;
}

/* As many as are allowed happened within the time. */
static bool limit_is_reached(const struct restart_rule *rule,
                             const struct restart_history *history, uint64_t tsc,
                             uint64_t tsc_hz)
{
    if (rule->limit == 0 || history->count < rule->limit)
        return false;
    uint64_t first = history->tsc[(history->count - rule->limit) % RESTART_LIMIT_MAX];
    return tsc - first < rule->seconds * tsc_hz;
}

/* Digits for a number from 1 to `max`; moves `text` behind them. 0: they are not. */
static uint32_t read_number(const char **text, uint32_t max)
{
    uint32_t number = 0;

    for (; **text >= '0' && **text <= '9' && number <= max; (*text)++)
        number = number * 10 + (uint32_t)(**text - '0');
    return number <= max ? number : 0;
}

bool restart_seconds_read(const char *text, uint32_t *seconds)
{
    uint32_t number = read_number(&text, RESTART_SECONDS_MAX);

    if (number == 0 || !text_equal(text, "s"))
        return false;
    *seconds = number;
    return true;
}

bool restart_limit_read(const char *text, uint32_t *limit, uint32_t *seconds)
{
    uint32_t starts = read_number(&text, RESTART_LIMIT_MAX);
    bool has_in = starts != 0 && strlen(text) > 4 && memcmp(text, " in ", 4) == 0;

    if (!has_in)
        return false;
    if (!restart_seconds_read(text + 4, seconds))
        return false;
    *limit = starts;
    return true;
}

enum restart_decision restart_decide(const struct restart_rule *rule,
                                     struct restart_history *history, enum vm_end end,
                                     uint64_t tsc, uint64_t tsc_hz)
{
    struct restart_rule in_force = restart_rule_in_force(rule);

    if (end == VM_END_RESTART)
        return RESTART_YES;
    if (!asks_for_start(rule->policy, end))
        return RESTART_NO;
    if (limit_is_reached(&in_force, history, tsc, tsc_hz))
        return RESTART_TOO_OFTEN;
    history->tsc[history->count++ % RESTART_LIMIT_MAX] = tsc;
    return RESTART_YES;
}
