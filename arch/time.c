/* SPDX-License-Identifier: MIT
 *
 * See time.h. PIT channel 2, gated by port 61h, is the reference: it needs no
 * interrupt and every PC has it. What CPUID says is held against it, because
 * emulators pass on the frequencies of the processor that they imitate.
 *
 * SDM Vol. 2A, CPUID leaf 15H "Time Stamp Counter and Nominal Core Crystal
 * Clock Information Leaf"; Intel 8254 data sheet, "Mode 0: Interrupt on
 * Terminal Count".
 */
#include "arch/time.h"

#include "arch/insn.h"
#include "arch/spec/apic.h"
#include "hv/log.h"

#define PIT_HZ 1193182u
#define PIT_CHANNEL_2 0x42
#define PIT_COMMAND 0x43
#define PIT_CHANNEL_2_MODE_0 0xB0
#define PORT_61_GATE 0x01
#define PORT_61_SPEAKER 0x02
#define PORT_61_OUT 0x20
#define MEASURE_TICKS 23864u /* 20 ms */
#define WAIT_TICKS_MAX (1ull << 33) /* of the TSC: some seconds */
#define DEVIATION_MAX 50            /* of what is told, as a part: 2 % */

#define DIVIDE_BY_1 0xB
#define FALLBACK_HZ 1000000000u

uint64_t tsc_hz;
uint64_t lapic_timer_hz;

struct frequencies {
    uint64_t tsc_hz, lapic_timer_hz; /* 0: unknown */
};

static struct frequencies told(void)
{
    if (cpuid(0, 0).eax < 0x15)
        return (struct frequencies){ 0, 0 };
    struct cpuid_result leaf = cpuid(0x15, 0);
    if (!leaf.eax || !leaf.ebx || !leaf.ecx)
        return (struct frequencies){ 0, 0 };
    return (struct frequencies){ (uint64_t)leaf.ecx * leaf.ebx / leaf.eax, leaf.ecx };
}

static void pit_start(uint16_t ticks)
{
    out8(0x61, (uint8_t)((in8(0x61) & ~(PORT_61_SPEAKER | PORT_61_GATE))));
    out8(PIT_COMMAND, PIT_CHANNEL_2_MODE_0);
    out8(PIT_CHANNEL_2, (uint8_t)ticks);
    out8(PIT_CHANNEL_2, (uint8_t)(ticks >> 8));
    out8(0x61, in8(0x61) | PORT_61_GATE);
}

/* False: the PIT does not count. */
static bool pit_wait(uint64_t begin)
{
    while (!(in8(0x61) & PORT_61_OUT))
        if (rdtsc() - begin > WAIT_TICKS_MAX)
            return false;
    return true;
}

/* To whole 10 kHz: the measurement is no better, and clocks are round. */
static uint64_t per_second(uint64_t in_measurement)
{
    uint64_t hz = in_measurement * PIT_HZ / MEASURE_TICKS;
    return (hz + 5000) / 10000 * 10000;
}

static struct frequencies measured(void)
{
    wrmsr(IA32_X2APIC_DIV_CONF, DIVIDE_BY_1);
    pit_start(MEASURE_TICKS);
    wrmsr(IA32_X2APIC_INIT_COUNT, UINT32_MAX);
    uint64_t begin = rdtsc();
    bool counted = pit_wait(begin);
    uint64_t end = rdtsc();
    uint64_t lapic_ticks = UINT32_MAX - rdmsr(IA32_X2APIC_CUR_COUNT);
    wrmsr(IA32_X2APIC_INIT_COUNT, 0);
    if (!counted)
        return (struct frequencies){ 0, 0 };
    return (struct frequencies){ per_second(end - begin), per_second(lapic_ticks) };
}

static bool agree(uint64_t a, uint64_t b)
{
    uint64_t difference = a > b ? a - b : b - a;
    return difference <= a / DEVIATION_MAX;
}

/* What is told is exact, if it is true. */
void time_init(void)
{
    struct frequencies by_cpuid = told(), by_pit = measured(), taken = by_cpuid;

    if (by_cpuid.tsc_hz && by_pit.tsc_hz && !agree(by_cpuid.tsc_hz, by_pit.tsc_hz)) {
        log_line(LOG_WARNING, "CPUID says that the TSC has %llu Hz, the PIT says %llu Hz, "
                 "which is taken", (unsigned long long)by_cpuid.tsc_hz,
                 (unsigned long long)by_pit.tsc_hz);
        taken = by_pit;
    } else if (!by_cpuid.tsc_hz) {
        taken = by_pit;
    }
    tsc_hz = taken.tsc_hz ? taken.tsc_hz : FALLBACK_HZ;
    lapic_timer_hz = taken.lapic_timer_hz ? taken.lapic_timer_hz : FALLBACK_HZ;
}

void wait_us(uint64_t microseconds)
{
    uint64_t end = rdtsc() + microseconds * (tsc_hz / 1000000);
    while (rdtsc() < end)
        cpu_pause();
}
