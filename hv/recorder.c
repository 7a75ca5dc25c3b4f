/* SPDX-License-Identifier: MIT
 *
 * See recorder.h. Values that another CPU may be writing are read as a whole.
 */
#include "hv/recorder.h"

#include "hv/check.h"
#include "hv/vcpu.h"

#define READ(value) __atomic_load_n(&(value), __ATOMIC_RELAXED)

void recorder_reset(struct recorder *recorder)
{
    for (unsigned i = 0; i < RECORDER_ROWS; i++)
        recorder->times[i] = (struct exit_times){ .shortest = UINT32_MAX };
}

static uint64_t count_of(const struct exit_times *times)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < RECORDER_BUCKETS; i++)
        count += READ(times->histogram[i]);
    return count;
}

/* Zero ticks would have no place in the histogram. Behind this `cycles` is within
 * what was seen, so the comparison in arch/vmx_entry.asm passes. */
void recorder_extreme(struct exit_times *times, struct exit_record *record)
{
    uint32_t cycles = record->cycles ? record->cycles : 1;
    uint32_t longest = times->shortest + times->span;
    uint64_t count = count_of(times);

    record->cycles = cycles;
    if (count == 0)
        times->shortest = longest = cycles;
    if (cycles < times->shortest) {
        times->excess += count * (times->shortest - cycles);
        times->shortest = cycles;
    }
    times->span = (cycles > longest ? cycles : longest) - times->shortest;
}

void recorder_count(struct exit_times *times, uint64_t cycles)
{
    struct exit_record record = { .cycles = cycles < UINT32_MAX ? (uint32_t)cycles : UINT32_MAX };

    recorder_extreme(times, &record);
    times->excess += record.cycles - times->shortest;
    times->histogram[31 - __builtin_clz(record.cycles)]++;
}

struct exit_summary recorder_summary(const struct exit_times *times)
{
    struct exit_summary summary = { .count = count_of(times) };

    if (summary.count == 0)
        return summary;
    summary.shortest = READ(times->shortest);
    summary.longest = summary.shortest + READ(times->span);
    summary.sum = READ(times->excess) + summary.count * summary.shortest;
    return summary;
}

uint64_t recorder_exits(const struct recorder *recorder)
{
    uint64_t count = 0;

    for (unsigned i = 0; i <= RECORDER_UNKNOWN; i++)
        if (READ(recorder->times[i].shortest) != UINT32_MAX) /* most never occur */
            count += count_of(&recorder->times[i]);
    return count;
}

const struct exit_record *recorder_last(const struct vcpu *vcpu)
{
    return READ(vcpu->exit);
}

bool recorder_look(const struct exit_record *last, unsigned back, struct exit_record *record)
{
    CHECK(back < RECORDER_SHOWN_MAX);
    uintptr_t ring = (uintptr_t)last & ~(uintptr_t)(RECORDER_RING_BYTES - 1);
    uintptr_t at = ((uintptr_t)last - back * sizeof *record) & (RECORDER_RING_BYTES - 1);
    const struct exit_record *from = (const struct exit_record *)(ring + at);

    record->rip = READ(from->rip);
    record->qualification = READ(from->qualification);
    record->reason = READ(from->reason);
    record->cycles = READ(from->cycles);
    record->tsc = READ(from->tsc);
    return record->tsc != 0;
}
