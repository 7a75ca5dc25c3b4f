/* SPDX-License-Identifier: MIT
 *
 * The interval timer and the two ways of its interrupt: through the pair of
 * 8259As as an external interrupt, and through the IOAPIC. Times are measured
 * with the TSC.
 */
#include <stdatomic.h>

#include "arch/spec/apic.h"
#include "arch/spec/msr.h"
#include "guest/isa.h"
#include "hv/guest_ports.h"

const char guest_name[] = "timers";

#define PIT_HZ 1193182ull
#define PIT_PERIOD 11932u /* a hundredth of a second */
#define PIC_VECTOR 0x40
#define PIN_VECTOR 0x60
#define TICKS_MAX 64

enum { RATE = 0x34, SQUARE_WAVE = 0x36, TERMINAL_COUNT = 0x30, STROBE = 0x38 };

static volatile unsigned ticks, nmis, pulses;
static uint64_t tick_at[TICKS_MAX];
static volatile bool by_pic;
static unsigned others;

static void take_tick(void)
{
    if (ticks < TICKS_MAX)
        tick_at[ticks] = rdtsc();
    ticks++;
}

bool guest_interrupted(struct frame *frame)
{
    if (frame->vector == PIC_VECTOR) {
        by_pic = true;
        take_tick();
        out8(GUEST_PORT_PIC_MASTER, PIC_EOI);
    } else if (frame->vector == PIN_VECTOR) {
        by_pic = false;
        take_tick();
        end_of_interrupt();
    } else if (frame->vector == PIC_VECTOR + GUEST_IRQ_COM1) {
        pulses++;
        (void)in8(GUEST_PORT_COM1 + 2); /* the cause, which ends it */
        out8(GUEST_PORT_PIC_MASTER, PIC_EOI);
    } else if (frame->vector == VECTOR_NMI) {
        nmis++;
    } else {
        others++;
        return false;
    }
    return true;
}

static void pit(uint8_t mode, unsigned count)
{
    out8(GUEST_PORT_PIT_CONTROL, mode);
    out8(GUEST_PORT_PIT, (uint8_t)count);
    out8(GUEST_PORT_PIT, (uint8_t)(count >> 8));
}

static uint64_t tsc_of(uint64_t pit_ticks)
{
    return pit_ticks * tsc_hz() / PIT_HZ;
}

/* Within one part in a thousand, and what an exit takes. */
static bool is_about(uint64_t measured, uint64_t expected)
{
    uint64_t tolerance = expected / 1000 + 20000;

    return measured + tolerance >= expected && measured <= expected + tolerance;
}

/* The first two may be an old edge and its first period. */
static bool measure_ticks(unsigned count, const char *how)
{
    ticks = 0;
    uint64_t begin = rdtsc();
    while (ticks < count && rdtsc() - begin < tsc_hz())
        wait_for_interrupt();
    unsigned periods = count - 3;
    uint64_t measured = tick_at[count - 1] - tick_at[2];
    return report(ticks == count && is_about(measured, tsc_of((uint64_t)periods * PIT_PERIOD)),
                  "%u periods %s took %llu TSC ticks of %llu", periods, how,
                  (unsigned long long)measured,
                  (unsigned long long)tsc_of((uint64_t)periods * PIT_PERIOD));
}

static void stop(void)
{
    pit(TERMINAL_COUNT, 0);
    pic_mask(0xFFFF);
    pin(GUEST_PIN_PIT, REDIRECTION_MASKED);
}

static void through_the_pic(void)
{
    (void)report(rdmsr(IA32_X2APIC_LVT_LINT0) == LVT_EXTINT, "LINT0 is a virtual wire");
    pic_init(PIC_VECTOR, 0xFFFF);
    pit(RATE, PIT_PERIOD);
    pic_mask(0xFFFE);
    (void)measure_ticks(43, "through the 8259");
    (void)report(by_pic, "they came from the 8259");
    pit(SQUARE_WAVE, PIT_PERIOD);
    (void)measure_ticks(23, "of a square wave");
}

/* With IF clear the guest takes nothing, and one interrupt waits. */
static void while_interrupts_are_off(void)
{
    pit(RATE, PIT_PERIOD);
    uint64_t begin = rdtsc();

    while (rdtsc() - begin < tsc_of(3 * PIT_PERIOD))
        cpu_pause();
    ticks = 0;
    asm volatile("sti; nop; cli" : : : "memory");
    (void)report(ticks == 1, "one tick of three waited for STI: %u", ticks);
}

static void while_the_guest_computes(void)
{
    uint64_t begin = rdtsc();

    ticks = 0;
    interrupts_on();
    while (rdtsc() - begin < tsc_of(5 * PIT_PERIOD) + tsc_of(PIT_PERIOD) / 2)
        cpu_pause();
    interrupts_off();
    (void)report(ticks == 5 || ticks == 6, "a guest that does not halt is interrupted: %u", ticks);
}

static void lint0_is_the_door(void)
{
    wrmsr(IA32_X2APIC_LVT_LINT0, LVT_EXTINT | LVT_MASKED);
    ticks = 0;
    interrupts_on();
    uint64_t begin = rdtsc();
    while (rdtsc() - begin < tsc_of(3 * PIT_PERIOD))
        cpu_pause();
    unsigned masked = ticks;
    wrmsr(IA32_X2APIC_LVT_LINT0, LVT_EXTINT);
    cpu_pause();
    unsigned opened = ticks;
    interrupts_off();
    (void)report(masked == 0 && opened == 1, "LINT0 holds back and lets through: %u, %u", masked,
                 opened);
}

static void beside_an_nmi(void)
{
    uint64_t begin = rdtsc();

    while (rdtsc() - begin < tsc_of(2 * PIT_PERIOD))
        cpu_pause();
    ticks = nmis = 0;
    send_icr(vcpu_number(), DELIVERY_NMI << ICR_DELIVERY_SHIFT | (uint32_t)ICR_LEVEL_ASSERT);
    asm volatile("sti; nop; cli" : : : "memory");
    (void)report(ticks == 1 && nmis == 1, "an NMI and an interrupt: %u, %u", nmis, ticks);
}

/* The UART's "transmitter empty" at IRQ 4. */
static void another_device(void)
{
    pit(TERMINAL_COUNT, 0);
    pic_mask((uint16_t)~(1u << GUEST_IRQ_COM1));
    pulses = 0;
    interrupts_on();
    out8(GUEST_PORT_COM1 + 4, 0x0B);
    out8(GUEST_PORT_COM1 + 1, 2);
    cpu_pause();
    out8(GUEST_PORT_COM1 + 1, 0);
    interrupts_off();
    (void)report(pulses == 1, "the UART interrupts through the 8259: %u", pulses);
}

static void one_shot(uint8_t mode, const char *name)
{
    pic_mask(0xFFFE);
    pit(mode, 60000);
    ticks = 0;
    interrupts_on(); /* an edge that was left */
    cpu_pause();
    interrupts_off();
    ticks = 0;
    pit(mode, 60000);
    uint64_t begin = rdtsc();
    interrupts_on();
    while (rdtsc() - begin < tsc_of(180000))
        cpu_pause();
    interrupts_off();
    (void)report(ticks == 1 && is_about(tick_at[0] - begin, tsc_of(60000)),
                 "%s: %u interrupt, after %llu TSC ticks of %llu", name, ticks,
                 (unsigned long long)(tick_at[0] - begin), (unsigned long long)tsc_of(60000));
}

static void through_the_ioapic(void)
{
    pic_mask(0xFFFF);
    wrmsr(IA32_X2APIC_LVT_LINT0, LVT_EXTINT | LVT_MASKED);
    pin(GUEST_PIN_PIT, PIN_VECTOR);
    pit(RATE, PIT_PERIOD);
    (void)measure_ticks(43, "through the IOAPIC");
    (void)report(!by_pic, "they came from the IOAPIC");
}

/* How kernels measure the TSC. */
static void counter_2(void)
{
    out8(0x61, in8(0x61) & 0xFC);
    out8(0x43, 0xB0);
    out8(0x42, 59659 & 0xFF);
    out8(0x42, 59659 >> 8);
    out8(0x61, in8(0x61) | 1);
    uint64_t begin = rdtsc();
    while (!(in8(0x61) & 0x20))
        cpu_pause();
    uint64_t measured = rdtsc() - begin;
    (void)report(is_about(measured, tsc_of(59659)), "counter 2 counted 50 ms in %llu TSC ticks",
                 (unsigned long long)measured);
}

static unsigned read_counter_0(void)
{
    out8(0x43, 0);
    unsigned low = in8(0x40);
    return low | (unsigned)in8(0x40) << 8;
}

static void reading(void)
{
    pit(RATE, 0);
    unsigned first = read_counter_0();
    uint64_t begin = rdtsc();
    while (rdtsc() - begin < tsc_of(10000))
        cpu_pause();
    unsigned passed = (first - read_counter_0()) & 0xFFFF;
    (void)report(passed >= 10000 && passed < 10300, "counter 0 went down by %u", passed);
}

static _Atomic bool programmed;

void guest_ap_main(void)
{
    pit(RATE, PIT_PERIOD);
    pin(GUEST_PIN_PIT, PIN_VECTOR);
    atomic_store(&programmed, true);
}

/* The boot vCPU sleeps already when the other one programs the timer. */
static void by_another_vcpu(void)
{
    stop();
    if (!report(guest_start_vcpu(1), "a second vCPU runs"))
        return;
    (void)measure_ticks(23, "that another vCPU asked for");
    (void)report(atomic_load(&programmed), "it was the other vCPU");
}

void guest_main(void)
{
    through_the_pic();
    while_interrupts_are_off();
    while_the_guest_computes();
    lint0_is_the_door();
    beside_an_nmi();
    another_device();
    one_shot(TERMINAL_COUNT, "terminal count");
    one_shot(STROBE, "software strobe");
    through_the_ioapic();
    stop();
    counter_2();
    reading();
    by_another_vcpu();
    stop();
    (void)report(others == 0, "nothing else came");
    say_done();
}
