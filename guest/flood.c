/* SPDX-License-Identifier: MIT
 *
 * A guest that floods, with all of its vCPUs: "what=" on its command line is the sum of
 * what it does. Every vCPU does all of it, in turns.
 *
 *   1  its console: bytes for which it does not wait until there is room
 *   2  the log: accesses that are refused, always to another port, MSR or page
 *   4  its watchdog: started and stopped, by each vCPU, with any time
 *   8  resets, by every means, after some rounds
 */
#include "guest/lib.h"

#include "hv/guest_ports.h"

const char guest_name[] = "flood";

enum { CONSOLE = 1, LOG = 2, WATCHDOG = 4, RESETS = 8 };

#define ROUNDS_MIN 200
#define AT_ONCE 15
#define KEYBOARD_RESET 0xFE
#define VCPUS_MAX 8
#define HOLES 0xF0000000ull

static uint64_t what;

static void flood_console(uint64_t round)
{
    for (unsigned i = 0; i < 16; i++)
        out8(GUEST_PORT_COM1, (uint8_t)(i == 15 ? '\n' : 'a' + (round + i) % 26));
}

static void flood_log(uint64_t round)
{
    uint64_t ignored;

    (void)in8((uint16_t)(0x1000 + round % 0xE000));
    out8((uint16_t)(0x1000 + round % 0xE000), 0);
    (void)try_rdmsr((uint32_t)(0xC0020000 + round % 0x10000), &ignored);
    (void)try_wrmsr((uint32_t)(0xC0020000 + round % 0x10000), 0);
    (void)load32(HOLES + round % 0x1000 * PAGE_SIZE_4K);
}

static void flood_watchdog(uint64_t round)
{
    out8(GUEST_PORT_WATCHDOG_START, (uint8_t)(round % AT_ONCE));
    if (round % 3 == 0)
        out8(GUEST_PORT_WATCHDOG_STOP, 0);
}

static void reset(uint64_t how)
{
    switch (how % 4) {
    case 0: reboot();
    case 1: out8(GUEST_PORT_I8042_COMMAND, KEYBOARD_RESET); break;
    case 2: out8(GUEST_PORT_SYSTEM_CONTROL_A, 1); break;
    default: out8(GUEST_PORT_WATCHDOG_START, AT_ONCE); break;
    }
}

_Noreturn static void flood(void)
{
    uint64_t last = ROUNDS_MIN + rdtsc() % ROUNDS_MIN;

    for (uint64_t round = 0;; round++) {
        if (what & CONSOLE)
            flood_console(round);
        if (what & LOG)
            flood_log(round);
        if (what & WATCHDOG)
            flood_watchdog(round);
        if (what & RESETS && round >= last)
            reset(round);
    }
}

void guest_ap_main(void)
{
    flood();
}

void guest_main(void)
{
    what = cmdline_number("what", CONSOLE | LOG | WATCHDOG | RESETS);
    say("floods");
    for (unsigned i = 1; i < VCPUS_MAX && guest_start_vcpu(i); i++)
        continue;
    flood();
}
