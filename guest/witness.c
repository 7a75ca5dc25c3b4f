/* SPDX-License-Identifier: MIT
 *
 * The neighbour that must not notice anything. It fills its memory with a
 * pattern that depends on the address, verifies a share of it at each tick of
 * its own timer, and counts every interrupt, NMI and exception that it did not
 * ask for.
 *
 * "intact N" comes each second, N its age in seconds. What is typed at it: "status"
 * is answered with a summary, "flood" with many numbered lines, "rude" with
 * as many for which it does not wait until its UART is ready, "quit" ends it, and
 * of anything else it says the bytes.
 */
#include "guest/lib.h"

#include "hv/text.h"

const char guest_name[] = "witness";

#define TICKS_PER_SECOND 100
#define SHARES 64 /* of the memory, one a tick */
#define TIMER_VECTOR 0x40
#define FAILURES_SHOWN_MAX 10
#define COMMAND_SIZE 16
#define FLOOD_LINES 1500 /* more than the hypervisor keeps */

/* A tick that comes later than this was kept from us. */
#define LATE_MAX_PERIODS 5

struct witness {
    uint64_t begin, end;       /* the memory under watch */
    uint64_t next;             /* address to verify from */
    uint64_t period_ticks;     /* of the TSC, between two ticks */
    uint64_t deadline;
    uint64_t ticks;
    uint64_t late_max;         /* TSC ticks */
    uint64_t unexpected, nmis; /* that nobody here asked for */
    uint64_t broken;           /* words of memory */
    uint64_t passes;           /* over all of the memory */
    uint64_t seconds_said;
    unsigned failures_shown;
    char command[COMMAND_SIZE];
    size_t command_length;
};

static struct witness witness;

static void complain(const char *what, uint64_t where, uint64_t is)
{
    if (witness.failures_shown++ < FAILURES_SHOWN_MAX)
        (void)report(false, "%s %llx: %llx", what, (unsigned long long)where,
                     (unsigned long long)is);
}

static void take_tick(void)
{
    uint64_t late = rdtsc() - witness.deadline;

    if (late > witness.late_max)
        witness.late_max = late;
    if (late > LATE_MAX_PERIODS * witness.period_ticks)
        complain("tick late, number and TSC ticks", witness.ticks, late);
    witness.ticks++;
    witness.deadline += witness.period_ticks;
    timer_deadline(witness.deadline);
    end_of_interrupt();
}

bool guest_interrupted(struct frame *frame)
{
    if (frame->vector == TIMER_VECTOR && rdtsc() >= witness.deadline) {
        take_tick();
        return true;
    }
    if (frame->vector == VECTOR_NMI)
        witness.nmis++;
    witness.unexpected++;
    return false;
}

static uint64_t pattern(uint64_t address)
{
    return address * 0x9E3779B97F4A7C15ull ^ address >> 7;
}

static void fill_memory(void)
{
    witness.begin = align_up(guest_image_end_address(), PAGE_SIZE_4K);
    witness.end = ram_low_end();
    witness.next = witness.begin;
    for (uint64_t at = witness.begin; at < witness.end; at += sizeof(uint64_t))
        TAKE64(at) = pattern(at);
}

static void verify_share(void)
{
    uint64_t share = align_up((witness.end - witness.begin) / SHARES, sizeof(uint64_t));
    uint64_t left = witness.end - witness.next;
    uint64_t end = witness.next + (share < left ? share : left);

    for (uint64_t at = witness.next; at < end; at += sizeof(uint64_t)) {
        uint64_t is = TAKE64(at);
        if (is == pattern(at))
            continue;
        witness.broken++;
        complain("memory changed at", at, is);
        TAKE64(at) = pattern(at);
    }
    witness.next = end;
    if (end == witness.end) {
        witness.passes++;
        witness.next = witness.begin;
    }
}

static void say_status(void)
{
    say("status ticks=%llu passes=%llu broken=%llu unexpected=%llu nmis=%llu late_max=%llu",
        (unsigned long long)witness.ticks, (unsigned long long)witness.passes,
        (unsigned long long)witness.broken, (unsigned long long)witness.unexpected,
        (unsigned long long)witness.nmis, (unsigned long long)witness.late_max);
}

static void say_each_second(void)
{
    uint64_t seconds = witness.ticks / TICKS_PER_SECOND;

    if (seconds == witness.seconds_said)
        return;
    witness.seconds_said = seconds;
    if (!witness.broken && !witness.unexpected)
        say("intact %llu", (unsigned long long)seconds);
}

static void flood(bool polite)
{
    print_politely = polite;
    for (unsigned i = 1; i <= FLOOD_LINES; i++)
        say("flood %u of %u: none of these lines may be missing", i, FLOOD_LINES);
    print_politely = true;
}

static void say_bytes(void)
{
    char text[2 * COMMAND_SIZE + 1];

    for (size_t i = 0; i < witness.command_length; i++)
        text_format(text + 2 * i, 3, "%02x", (uint8_t)witness.command[i]);
    say("heard %s", text);
}

static void obey(void)
{
    witness.command[witness.command_length] = '\0';
    if (text_equal(witness.command, "status")) {
        say_status();
    } else if (text_equal(witness.command, "flood")) {
        flood(true);
    } else if (text_equal(witness.command, "rude")) {
        flood(false);
    } else if (text_equal(witness.command, "quit")) {
        say_done();
        power_off();
    } else if (witness.command_length) {
        say_bytes();
    }
    witness.command_length = 0;
}

static void listen(void)
{
    for (int letter = read_typed(); letter >= 0; letter = read_typed()) {
        if (letter == '\r' || letter == '\n')
            obey();
        else if (witness.command_length + 1 < COMMAND_SIZE)
            witness.command[witness.command_length++] = (char)letter;
    }
}

static void start_timer(void)
{
    witness.period_ticks = tsc_hz() / TICKS_PER_SECOND;
    witness.deadline = rdtsc() + witness.period_ticks;
    timer_deadline_mode(TIMER_VECTOR);
    timer_deadline(witness.deadline);
}

/* HLT ends with a tick only: nothing else comes to this guest. */
void guest_main(void)
{
    fill_memory();
    say("watching %llu KiB", (unsigned long long)(witness.end - witness.begin) / KIB(1));
    start_timer();
    for (;;) {
        uint64_t before = witness.ticks;
        wait_for_interrupt();
        if (witness.ticks == before)
            continue;
        verify_share();
        listen();
        say_each_second();
    }
}
