/* SPDX-License-Identifier: MIT
 *
 * A guest that writes to its watchdog, as long as it is well, and says a word each
 * half second; until a typed letter says how it hangs.
 *
 * 'a' lets a second vCPU write to the watchdog, and hang after a while: the boot vCPU
 * then sleeps and takes its timer's interrupts as before.
 */
#include "guest/lib.h"

#include "hv/guest_ports.h"

const char guest_name[] = "watchdog";

#define TIMER_VECTOR 0x40
#define TICKS_PER_SECOND 20
#define TICKS_PER_WORD 10
#define TWO_SECONDS 14 /* to the watchdog */
#define AT_ONCE 15
#define AP_WRITES 20
#define BATCH 1000

static uint64_t ticks, deadline;
static bool well = true;     /* it writes to the watchdog */
static bool talks = true;

static void next_tick(void)
{
    deadline += tsc_hz() / TICKS_PER_SECOND;
    timer_deadline(deadline);
}

bool guest_interrupted(struct frame *frame)
{
    if (frame->vector != TIMER_VECTOR)
        return false;
    ticks++;
    next_tick();
    end_of_interrupt();
    return true;
}

static void start(uint8_t value)
{
    out8(GUEST_PORT_WATCHDOG_START, value);
}

static void wait_ticks(uint64_t count)
{
    for (uint64_t end = rdtsc() + count * tsc_hz() / TICKS_PER_SECOND; rdtsc() < end;)
        cpu_pause();
}

/* An NMI of the hypervisor's ends a HLT on some machines. */
_Noreturn static void sleep_for_ever(void)
{
    interrupts_off();
    for (;;)
        halt();
}

void guest_ap_main(void)
{
    for (unsigned i = 0; i < AP_WRITES; i++) {
        start(TWO_SECONDS);
        wait_ticks(1);
    }
    sleep_for_ever();
}

static uint64_t cost_of_cpuid(void)
{
    uint64_t begin = rdtsc();

    for (unsigned i = 0; i < BATCH; i++)
        (void)cpuid(0, 0);
    return (rdtsc() - begin) / BATCH;
}

/* What an exit costs while the watchdog runs, and while it does not. */
static void measure(void)
{
    start(TWO_SECONDS);
    uint64_t running = cost_of_cpuid();
    out8(GUEST_PORT_WATCHDOG_STOP, 0);
    wait_ticks(3 * TICKS_PER_SECOND); /* its time is over, so it costs nothing any more */
    say("cpuid: %llu ticks, %llu while it runs", (unsigned long long)cost_of_cpuid(),
        (unsigned long long)running);
    start(TWO_SECONDS);
}

static void hang_by(int letter)
{
    switch (letter) {
    case 'h': sleep_for_ever();
    case 's': interrupts_off(); asm volatile("1: jmp 1b"); break;
    case 'i': timer_deadline(0); interrupts_on(); asm volatile("1: jmp 1b"); break;
    case 'a': well = false; (void)report(guest_start_vcpu(1), "the second vCPU writes"); return;
    case 'l': well = false; return; /* lives on, but does not write */
    case 'z': start(AT_ONCE); break;
    case 'q': talks = false; return;
    case 'd': out8(GUEST_PORT_WATCHDOG_STOP, 0); well = false; return;
    case 'm': measure(); return;
    default: say("h HLT, s spin, i spin with interrupts, a AP, l lives on, z at once, q quiet, d stop, "
                 "m measure");
             return;
    }
    (void)report(false, "still running after '%c'", letter);
}

void guest_main(void)
{
    say("ready");
    timer_deadline_mode(TIMER_VECTOR);
    deadline = rdtsc();
    next_tick();
    for (;;) {
        uint64_t before = ticks;
        wait_for_interrupt();
        if (ticks == before)
            continue;
        if (well)
            start(TWO_SECONDS);
        if (talks && ticks % TICKS_PER_WORD == 0)
            say("tick %llu", (unsigned long long)ticks);
        int letter = read_typed();
        if (letter > ' ') {
            say("doing %c", letter);
            hang_by(letter);
        }
    }
}
