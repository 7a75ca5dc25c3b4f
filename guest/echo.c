/* SPDX-License-Identifier: MIT
 *
 * Says each byte that is typed at it again, and behind Ctrl-D how many those were and
 * what comes out when they are added up. It sleeps when there are none, and looks again
 * a thousand times a second. "slow=1" takes at most 8 bytes each time, so that what is
 * pasted has to wait.
 */
#include "guest/lib.h"

#include "hv/guest_ports.h"

const char guest_name[] = "echo";

#define END 4
#define LINE_STATUS (GUEST_PORT_COM1 + 5)
#define TRANSMITTER_EMPTY 0x20
#define PRIME 16777619u
#define BASIS 2166136261u
#define TIMER_VECTOR 0x40
#define LOOKS_PER_SECOND 1000
#define SLOW_BYTES 8

static uint32_t sum = BASIS;
static unsigned count;

bool guest_interrupted(struct frame *frame)
{
    if (frame->vector != TIMER_VECTOR)
        return false;
    end_of_interrupt();
    return true;
}

static void sleep(void)
{
    timer_deadline(rdtsc() + tsc_hz() / LOOKS_PER_SECOND);
    wait_for_interrupt();
}

static void put(uint8_t byte)
{
    while (!(in8(LINE_STATUS) & TRANSMITTER_EMPTY))
        sleep();
    out8(GUEST_PORT_COM1, byte);
}

static void take(uint8_t byte)
{
    if (byte == END) {
        say("%u bytes, sum %x", count, sum);
        sum = BASIS;
        count = 0;
        return;
    }
    sum = (sum ^ byte) * PRIME;
    count++;
    put(byte);
}

void guest_main(void)
{
    unsigned at_once = cmdline_number("slow", 0) ? SLOW_BYTES : UINT32_MAX;

    timer_deadline_mode(TIMER_VECTOR);
    say("listens");
    for (;;) {
        int byte;
        for (unsigned i = 0; i < at_once && (byte = read_typed()) >= 0; i++)
            take((uint8_t)byte);
        sleep();
    }
}
