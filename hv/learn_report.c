/* SPDX-License-Identifier: MIT
 *
 * The list of hv/learn.h in words, one line a place.
 */
#include "hv/learn.h"

#include "hv/log.h"
#include "hv/machine.h"
#include "hv/text.h"
#include "hv/vm.h"

#define SECONDS_BETWEEN_LISTS 60u

static const char *const kind_names[LEARN_KIND_COUNT] = {
    [LEARN_CPUID] = "cpuid",           [LEARN_MSR_READ] = "rdmsr",
    [LEARN_MSR_WRITE] = "wrmsr",       [LEARN_PORT_READ] = "in",
    [LEARN_PORT_WRITE] = "out",        [LEARN_PAGE_READ] = "read-page",
    [LEARN_PAGE_WRITE] = "write-page",
};

static void say_place(const char *name, const struct learn_place *place)
{
    char where[32];
    uint32_t subleaf = place->kind == LEARN_CPUID ? place->where >> 32 : 0;
    uint64_t number = place->kind == LEARN_CPUID ? (uint32_t)place->where : place->where;
    if (subleaf)
        text_format(where, sizeof where, "0x%llx/%u", (unsigned long long)number, subleaf);
    else
        text_format(where, sizeof where, "0x%llx", (unsigned long long)number);
    log_line(LOG_ERROR, "%s: %-10s %-12s times %llu, refused %llu, first from 0x%llx", name,
             kind_names[place->kind], where, (unsigned long long)place->times,
             (unsigned long long)place->refused, (unsigned long long)place->first_rip);
}

/* At the highest level: whoever asks for the list wants to see it. */
static void say_list(const struct learn *learn, const char *name)
{
    log_line(LOG_ERROR, "%s: it touched %u places:", name, learn->count);
    for (uint32_t i = 0; i < learn->count; i++)
        say_place(name, &learn->places[i]);
    for (unsigned kind = 0; kind < LEARN_KIND_COUNT; kind++)
        if (learn->lost[kind])
            log_line(LOG_ERROR, "%s: %-10s %llu accesses more, to places that the list has no room "
                     "for", name, kind_names[kind], (unsigned long long)learn->lost[kind]);
}

static void forget(struct learn *learn)
{
    learn->count = 0;
    for (unsigned kind = 0; kind < LEARN_KIND_COUNT; kind++)
        learn->lost[kind] = 0;
}

void learn_report(struct vm *vm, bool goes_on)
{
    uint64_t period = SECONDS_BETWEEN_LISTS * vm->timers.tsc_hz;
    const char *name = vm->config->name;
    struct learn *learn = vm->learn;
    uint32_t untold = 0;

    if (!learn)
        return;
    bool may = quota_take(&learn->told, 1, machine_tsc(), period, &untold);
    if (untold != 0)
        log_line(LOG_ERROR, "%s: %u lists before this one are not shown", name, untold);
    if (may || !goes_on)
        say_list(learn, name);
    forget(learn);
}
