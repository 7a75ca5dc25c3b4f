/* SPDX-License-Identifier: MIT
 *
 * The time-stamp counter: that writes take effect on the vCPU that makes them and
 * on no other, that the APIC's timer keeps the guest's time whatever it is, that
 * INIT keeps it and RESET does not. A letter then says how it goes on.
 */
#include <stdatomic.h>

#include "arch/spec/cpuid.h"
#include "arch/spec/msr.h"
#include "guest/lib.h"

const char guest_name[] = "tsc";

#define SECOND 1 /* the other vCPU's APIC id */
#define TIMER_VECTOR 0x40
#define LATE_TICKS 20000u  /* what two exits and an interrupt take, at most */
#define WAIT_TICKS 1000000u

static volatile bool fired;
static volatile uint64_t fired_at;

bool guest_interrupted(struct frame *frame)
{
    if (frame->vector != TIMER_VECTOR)
        return false;
    fired_at = rdtsc();
    fired = true;
    end_of_interrupt();
    return true;
}

static uint64_t rdtscp(uint32_t *aux)
{
    uint32_t low, high;
    asm volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(*aux));
    return (uint64_t)high << 32 | low;
}

/* ---- The second vCPU ---- */

#define SECOND_ADJUST 0x123456789ull
#define SECOND_AUX 0x22222222u

static _Atomic unsigned second_starts;
static _Atomic uint64_t second_adjust, second_aux, second_tsc;

/* At its first start it changes what it found; at the second it says what is left. */
void guest_ap_main(void)
{
    uint32_t aux;

    atomic_store(&second_adjust, rdmsr(IA32_TSC_ADJUST));
    atomic_store(&second_tsc, rdtscp(&aux));
    atomic_store(&second_aux, aux);
    if (atomic_load(&second_starts) == 0) {
        wrmsr(IA32_TSC_ADJUST, SECOND_ADJUST);
        wrmsr(IA32_TSC_AUX, SECOND_AUX);
    }
    atomic_fetch_add(&second_starts, 1);
}

static bool start_second(void)
{
    unsigned before = atomic_load(&second_starts);
    uint64_t begin = rdtsc();

    (void)guest_start_vcpu(SECOND);
    while (atomic_load(&second_starts) == before && rdtsc() - begin < tsc_hz())
        cpu_pause();
    return atomic_load(&second_starts) != before;
}

/* ---- Claims ---- */

static void begins_with_the_machines_time(void)
{
    (void)report(cpuid(CPUID_EXTENDED_FEATURES, 0).ebx & CPUID_7_EBX_TSC_ADJUST,
                 "CPUID offers TSC_ADJUST");
    (void)report(rdmsr(IA32_TSC_ADJUST) == 0, "TSC_ADJUST is 0 at the start");
    (void)report(start_second() && second_adjust == 0 && second_aux == 0,
                 "and at the second vCPU's: %llx, TSC_AUX %llx",
                 (unsigned long long)second_adjust, (unsigned long long)second_aux);
}

static bool is_shortly_after(uint64_t tsc, uint64_t before)
{
    return tsc - before < LATE_TICKS;
}

static void a_write_sets_the_counter(uint64_t value)
{
    uint64_t before = rdtsc(), adjust = rdmsr(IA32_TSC_ADJUST);
    uint32_t aux;

    wrmsr(IA32_TSC, value);
    bool all = is_shortly_after(rdtsc(), value) && is_shortly_after(rdtscp(&aux), value) &&
               is_shortly_after(rdmsr(IA32_TSC), value);
    uint64_t moved = rdmsr(IA32_TSC_ADJUST) - adjust;
    (void)report(all && value - before - moved < LATE_TICKS,
                 "IA32_TSC = %llx is what RDTSC, RDTSCP and RDMSR go on from",
                 (unsigned long long)value);
}

static void a_write_of_tsc_adjust_moves_it(uint64_t value)
{
    uint64_t adjust = rdmsr(IA32_TSC_ADJUST), before = rdtsc();

    wrmsr(IA32_TSC_ADJUST, value);
    (void)report(is_shortly_after(rdtsc(), before + value - adjust) &&
                     rdmsr(IA32_TSC_ADJUST) == value,
                 "TSC_ADJUST = %llx moves the counter as much", (unsigned long long)value);
}

static void wait_until_fired(uint64_t limit)
{
    uint64_t begin = rdtsc();

    while (!fired && rdtsc() - begin < limit)
        asm volatile("sti; nop; cli" : : : "memory");
}

static void the_timer_keeps_this_time(const char *when)
{
    uint64_t deadline = rdtsc() + WAIT_TICKS;

    fired = false;
    timer_deadline(deadline);
    bool kept = rdmsr(IA32_TSC_DEADLINE) == deadline;
    wait_until_fired(10 * WAIT_TICKS);
    (void)report(kept && fired && is_shortly_after(fired_at, deadline),
                 "a deadline %s fires %llu ticks behind its time", when,
                 (unsigned long long)(fired_at - deadline));
    if (rdmsr(IA32_TSC_ADJUST)) /* natively it may read otherwise in an emulator */
        (void)report(rdmsr(IA32_TSC_DEADLINE) == 0, "and reads 0 then");
}

static void a_passed_deadline_fires_at_once(void)
{
    fired = false;
    timer_deadline(rdtsc() - 1);
    uint64_t begin = rdtsc();
    wait_until_fired(WAIT_TICKS);
    (void)report(fired && is_shortly_after(fired_at, begin), "a deadline that has passed fires");
}

/* Armed, then the counter is moved by this much: SDM Vol. 3A, 11.5.4.1. */
static void an_armed_timer_follows_the_counter(int64_t ticks)
{
    uint64_t deadline = rdtsc() + WAIT_TICKS;

    fired = false;
    timer_deadline(deadline);
    wrmsr(IA32_TSC_ADJUST, rdmsr(IA32_TSC_ADJUST) + (uint64_t)ticks);
    uint64_t expected = ticks > (int64_t)WAIT_TICKS ? rdtsc() : deadline;
    wait_until_fired(10 * WAIT_TICKS);
    (void)report(fired && is_shortly_after(fired_at, expected),
                 "a timer that is armed when the counter moves by %s%llu fires in time",
                 ticks < 0 ? "-" : "", (unsigned long long)(ticks < 0 ? -ticks : ticks));
}

static void each_vcpu_has_its_own(void)
{
    uint64_t adjust = rdmsr(IA32_TSC_ADJUST);
    uint32_t aux;

    (void)rdtscp(&aux);
    (void)report(adjust == 0 && aux == 0, "the second vCPU's writes changed nothing here");
    wrmsr(IA32_TSC_AUX, 0x11111111);
    (void)rdtscp(&aux);
    (void)report(aux == 0x11111111, "RDTSCP gives this vCPU's TSC_AUX");
    uint64_t begin = rdtsc();
    bool arrived = start_second();
    (void)report(arrived && second_adjust == SECOND_ADJUST && second_aux == SECOND_AUX,
                 "INIT kept the second vCPU's: %llx, TSC_AUX %llx",
                 (unsigned long long)second_adjust, (unsigned long long)second_aux);
    (void)report(second_tsc - begin - SECOND_ADJUST < WAIT_TICKS * 10,
                 "and its counter goes on from there");
}

static void end_as_typed(void)
{
    say("ready");
    for (;;) {
        int typed = read_typed();
        if (typed == 'r')
            reboot();
        if (typed == 'q')
            return;
    }
}

void guest_main(void)
{
    begins_with_the_machines_time();
    each_vcpu_has_its_own();
    timer_deadline_mode(TIMER_VECTOR);
    the_timer_keeps_this_time("of the machine's time");
    an_armed_timer_follows_the_counter(400000);
    the_timer_keeps_this_time("ahead of the machine");
    a_passed_deadline_fires_at_once();
    a_write_sets_the_counter(0);
    the_timer_keeps_this_time("that begins at 0");
    an_armed_timer_follows_the_counter(2 * WAIT_TICKS);
    an_armed_timer_follows_the_counter(-400000);
    a_write_sets_the_counter(1ull << 60);
    the_timer_keeps_this_time("far ahead");
    a_write_sets_the_counter(UINT64_MAX - 10 * WAIT_TICKS);
    the_timer_keeps_this_time("at the end of time");
    a_write_of_tsc_adjust_moves_it(5000000000);
    a_write_of_tsc_adjust_moves_it(0);
    the_timer_keeps_this_time("of the machine's time again");
    end_as_typed();
    say_done();
}
