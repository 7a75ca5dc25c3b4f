/* SPDX-License-Identifier: MIT
 *
 * The clock's three interrupts through IRQ 8, its update flag, and the ACPI PM
 * timer, all held against the TSC.
 */
#include "arch/spec/apic.h"
#include "arch/spec/msr.h"
#include "guest/isa.h"
#include "hv/guest_ports.h"

const char guest_name[] = "rtc";

#define PIC_VECTOR 0x40
#define PIN_VECTOR 0x60
#define PM_TIMER_HZ 3579545ull

enum { SECOND = 0, SECOND_ALARM = 1, MINUTE_ALARM = 3, HOUR_ALARM = 5, A = 10, B = 11, C = 12 };
enum { IN_PROGRESS = 0x80, PERIODIC = 0x40, ALARM = 0x20, UPDATED = 0x10, HOURS_24 = 2 };

static volatile unsigned came;
static volatile uint8_t causes;
static volatile uint64_t came_at;
static unsigned others;

bool guest_interrupted(struct frame *frame)
{
    bool by_pic = frame->vector == PIC_VECTOR + GUEST_IRQ_RTC;

    if (!by_pic && frame->vector != PIN_VECTOR) {
        others++;
        return false;
    }
    came_at = rdtsc();
    causes = cmos_read(C);
    came++;
    if (by_pic) {
        out8(GUEST_PORT_PIC_SLAVE, PIC_EOI);
        out8(GUEST_PORT_PIC_MASTER, PIC_EOI);
    } else {
        end_of_interrupt();
    }
    return true;
}

static void enable(uint8_t events)
{
    came = 0;
    cmos_write(B, events | HOURS_24);
    (void)cmos_read(C);
    came = 0;
}

static void wait_for(unsigned count, uint64_t ticks)
{
    uint64_t begin = rdtsc();

    while (came < count && rdtsc() - begin < ticks)
        wait_for_interrupt();
}

/* This CPU may be the console's, and what is on its way to the screen is drawn by it:
 * longer than the shortest period is. */
static void let_console_finish(uint64_t ticks)
{
    uint64_t begin = rdtsc();

    while (rdtsc() - begin < ticks)
        cpu_pause();
}

static bool is_about(uint64_t measured, uint64_t expected)
{
    uint64_t tolerance = expected / 1000 + 20000;

    return measured + tolerance >= expected && measured <= expected + tolerance;
}

/* The first one may come at once: the flag of a period was set before it was asked
 * for, as in the chip. What follows it is a whole period later than the one before. */
static void periodic(uint8_t rate, unsigned hz, const char *how)
{
    let_console_finish(tsc_hz() / 50); /* a line of this guest */
    cmos_write(A, 0x20 | rate);
    enable(PERIODIC);
    wait_for(2, tsc_hz());
    uint64_t begin = came_at;
    wait_for(2 + hz / 8, tsc_hz());
    (void)report(came == 2 + hz / 8 && (causes & 0xC0) == 0xC0 &&
                     is_about(came_at - begin, tsc_hz() / 8),
                 "%u Hz %s: %u periods in %llu TSC ticks of %llu", hz, how, hz / 8,
                 (unsigned long long)(came_at - begin), (unsigned long long)tsc_hz() / 8);
}

static void update_ended(void)
{
    enable(UPDATED);
    wait_for(1, 2 * tsc_hz());
    uint64_t first = came_at;
    uint8_t second = cmos_read(SECOND);
    wait_for(2, 2 * tsc_hz());
    (void)report(came == 2 && (causes & 0x90) == 0x90 && is_about(came_at - first, tsc_hz()) &&
                     cmos_read(SECOND) != second,
                 "updates end once a second: %llu TSC ticks of %llu",
                 (unsigned long long)(came_at - first), (unsigned long long)tsc_hz());
}

/* Just behind an update, so that the next one is a second away. */
static void update_in_progress(void)
{
    enable(0);
    uint64_t begin = rdtsc();
    while (!(cmos_read(A) & IN_PROGRESS) && rdtsc() - begin < 2 * tsc_hz())
        cpu_pause();
    uint8_t before = cmos_read(SECOND);
    uint64_t rises = rdtsc();
    while ((cmos_read(A) & IN_PROGRESS) && rdtsc() - begin < 3 * tsc_hz())
        cpu_pause();
    uint64_t lasts = rdtsc() - rises;
    (void)report(cmos_read(SECOND) != before && is_about(lasts, tsc_hz() * 2228 / 1000000),
                 "an update is announced for %llu TSC ticks of %llu", (unsigned long long)lasts,
                 (unsigned long long)(tsc_hz() * 2228 / 1000000));
}

static void alarm(void)
{
    uint8_t now = cmos_read(SECOND);
    unsigned seconds = ((now >> 4) * 10u + (now & 15u) + 2) % 60;

    cmos_write(HOUR_ALARM, 0xFF);
    cmos_write(MINUTE_ALARM, 0xFF);
    cmos_write(SECOND_ALARM, (uint8_t)(seconds / 10 << 4 | seconds % 10));
    enable(ALARM);
    wait_for(1, 3 * tsc_hz());
    (void)report(came == 1 && (causes & 0xA0) == 0xA0 &&
                     cmos_read(SECOND) == (uint8_t)(seconds / 10 << 4 | seconds % 10),
                 "the alarm went off at its second, %u time", came);
}

static void pm_timer(void)
{
    uint32_t first = in32(GUEST_PORT_PM_TIMER);
    uint64_t begin = rdtsc();
    while (rdtsc() - begin < tsc_hz() / 10)
        cpu_pause();
    uint64_t ticks = in32(GUEST_PORT_PM_TIMER) - first;
    uint64_t expected = (rdtsc() - begin) * PM_TIMER_HZ / tsc_hz();
    (void)report(is_about(ticks, expected), "the PM timer counted %llu of %llu",
                 (unsigned long long)ticks, (unsigned long long)expected);
}

void guest_main(void)
{
    enable(0);
    let_console_finish(tsc_hz() + tsc_hz() / 2); /* all that boot said */
    pic_init(PIC_VECTOR, (uint16_t)~(1u << 2 | 1u << GUEST_IRQ_RTC));
    periodic(6, 1024, "through the 8259");
    periodic(3, 8192, "through the 8259");
    update_ended();
    update_in_progress();
    alarm();
    enable(0);
    out8(0xA1, 0xFF);
    pin(GUEST_IRQ_RTC, PIN_VECTOR);
    periodic(6, 1024, "through the IOAPIC");
    enable(0);
    pm_timer();
    (void)report(others == 0, "nothing else came");
    say_done();
}
