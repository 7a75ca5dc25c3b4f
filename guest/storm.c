/* SPDX-License-Identifier: MIT
 *
 * Two vCPUs that send each other INITs, start-up IPIs, NMIs and interrupts, change
 * their local APICs' modes, move the page of registers about, and write into it
 * what comes to their minds, from a seed. vCPU 0 starts again what has fallen, and
 * ends the storm after a while: then both must answer like any vCPU.
 *
 * Left out is what would end the guest: INIT to vCPU 0, a start at any place, and
 * interrupts with the vectors of exceptions.
 */
#include "guest/local_apic.h"

#include "hv/guest_ports.h"

const char guest_name[] = "storm";

#define VCPUS 3
#define STORM_TICKS 100000000ull
#define REVIVE_TICKS 20000ull
#define PATIENCE_TICKS 50000000ull
#define ANSWER_VECTOR 0x51
#define FIRST_VECTOR 32

static volatile struct station {
    uint64_t acts, lives, interrupts, nmis;
    uint64_t random;
    volatile unsigned answers;
    bool is_calm;
} stations[VCPUS];

static volatile bool over;

static uint64_t chance(unsigned of)
{
    volatile struct station *me = &stations[apic_id()];
    uint64_t random = me->random;

    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    me->random = random;
    return (random >> 16) % of;
}

bool guest_interrupted(struct frame *frame)
{
    volatile struct station *me = &stations[apic_id()];

    if (frame->vector == VECTOR_NMI) {
        me->nmis++;
        return true;
    }
    if (frame->vector < FIRST_VECTOR)
        return false;
    me->interrupts++;
    me->answers += frame->vector == ANSWER_VECTOR;
    apic_write(XAPIC_EOI, 0);
    return true;
}

/* ---- What a vCPU may do ---- */

static uint32_t any_vector(void)
{
    return chance(8) ? FIRST_VECTOR + (uint32_t)chance(256 - FIRST_VECTOR) : (uint32_t)chance(16);
}

static bool is_enabled(void)
{
    return rdmsr(IA32_APIC_BASE) & APIC_BASE_EN;
}

/* Fixed, lowest priority and NMI, to anybody in any way. */
static void send_anything(void)
{
    static const enum apic_delivery_mode modes[] = { DELIVERY_FIXED, DELIVERY_LOWEST_PRIORITY,
                                                     DELIVERY_NMI, DELIVERY_SMI };
    uint32_t flags = (uint32_t)chance(4) << ICR_SHORTHAND_SHIFT |
                     (uint32_t)(chance(2) ? ICR_LOGICAL : 0);
    apic_send((uint32_t)(chance(4) ? chance(VCPUS) : chance(256)),
              APIC_COMMAND(modes[chance(4)]) | flags | any_vector());
}

static void send_init_or_start_up(void)
{
    uint32_t target = 1 + (uint32_t)chance(VCPUS - 1);

    apic_send(target, chance(2) ? APIC_COMMAND(DELIVERY_INIT)
                                : APIC_COMMAND(DELIVERY_STARTUP) | GUEST_SIPI_VECTOR);
}

/* Memory, devices, holes, and where no address is; any mode. Most are #GP. */
static void change_base(void)
{
    static const uint64_t pages[] = { XAPIC_BASE,     XAPIC_BASE, IOAPIC_BASE, GUEST_ECAM_BASE,
                                      0xFD000000ull,  0x100000,   0xC0000,     0xE0000,
                                      0xA0000,        1ull << 60 };
    uint64_t mode = (chance(3) ? APIC_BASE_EN : 0) | (chance(2) ? APIC_BASE_EXTD : 0);

    (void)try_wrmsr(IA32_APIC_BASE, pages[chance(10)] | mode | (chance(50) ? 0 : 1));
}

/* A timer that is too fast would leave no time for anything else. The current
 * count is left alone: Bochs panics if the divisor has changed meanwhile. */
static void touch_register(void)
{
    unsigned offset = (unsigned)chance(0x40) * 16;
    uint32_t value = (uint32_t)chance(1 << 20) << 8 | any_vector();
    uint64_t unused;

    if (offset == XAPIC_ICR_LOW || offset == XAPIC_CUR_COUNT)
        return;
    if (offset == XAPIC_INIT_COUNT)
        value |= 1u << 14;
    if (offset == XAPIC_SIVR)
        value |= SIVR_ENABLE;
    if (!apic_is_x2apic()) {
        store32(apic_page() + offset, value);
        (void)load32(apic_page() + offset);
    } else if (offset != 0x3F0 || (uint8_t)value >= FIRST_VECTOR) {
        (void)try_wrmsr(apic_msr(offset), value);
        (void)try_wrmsr(apic_msr(offset), value & 0xFF);
        (void)try_rdmsr(apic_msr(offset), &unused);
    }
}

static void act(void)
{
    switch (chance(12)) {
    case 0: change_base(); break;
    case 1: apic_write(XAPIC_SIVR, SIVR_ENABLE | 0xFF); break;
    case 2:
    case 3: touch_register(); break;
    case 4: send_init_or_start_up(); break;
    default: send_anything(); break;
    }
}

/* Back to what a vCPU is normally, whatever it was in the middle of. */
static void calm_down(volatile struct station *me)
{
    if (!is_enabled() || !apic_is_x2apic())
        apic_enter_x2apic();
    wrmsr(IA32_X2APIC_TPR, 0);
    wrmsr(IA32_X2APIC_LVT_TIMER, LVT_MASKED);
    wrmsr(IA32_X2APIC_LVT_ERROR, LVT_MASKED);
    wrmsr(IA32_X2APIC_SIVR, SIVR_ENABLE | 0xFF);
    me->is_calm = true;
}

/* A life of a vCPU begins in whatever mode the last one ended. */
void guest_apic_init(void)
{
    if (apic_id() == 0)
        apic_enter_x2apic();
    if (apic_id() == 0)
        wrmsr(IA32_X2APIC_SIVR, SIVR_ENABLE | 0xFF);
}

void guest_ap_main(void)
{
    volatile struct station *me = &stations[apic_id()];

    me->lives++;
    while (!over) {
        act();
        me->acts++;
        asm volatile("sti; nop; cli");
    }
    calm_down(me);
    idle();
}

/* ---- vCPU 0 ---- */

static void start(unsigned vcpu)
{
    apic_send(vcpu, APIC_COMMAND(DELIVERY_INIT));
    apic_send(vcpu, APIC_COMMAND(DELIVERY_STARTUP) | GUEST_SIPI_VECTOR);
}

static void wait(uint64_t ticks)
{
    interrupts_on();
    for (uint64_t begin = rdtsc(); rdtsc() - begin < ticks;)
        cpu_pause();
    interrupts_off();
}

/* Whoever has done nothing for a while waits for somebody to start it. */
static void let_it_rage(void)
{
    uint64_t before[VCPUS] = { 0 };

    for (uint64_t begin = rdtsc(); rdtsc() - begin < STORM_TICKS;) {
        for (unsigned i = 1; i < VCPUS; i++) {
            if (stations[i].acts == before[i])
                start(i);
            before[i] = stations[i].acts;
        }
        wait(REVIVE_TICKS);
    }
}

static bool calms_down(unsigned vcpu)
{
    for (uint64_t begin = rdtsc(); rdtsc() - begin < PATIENCE_TICKS;) {
        if (stations[vcpu].is_calm)
            return true;
        wait(REVIVE_TICKS * 10);
        if (!stations[vcpu].is_calm)
            start(vcpu);
    }
    return false;
}

static bool answers(unsigned vcpu)
{
    unsigned before = stations[vcpu].answers;

    apic_send(vcpu, APIC_COMMAND(DELIVERY_FIXED) | ANSWER_VECTOR);
    for (uint64_t begin = rdtsc(); rdtsc() - begin < PATIENCE_TICKS;)
        if (stations[vcpu].answers != before)
            return true;
    return false;
}

void guest_main(void)
{
    uint64_t seed = cmdline_number("seed", 1);

    guest_fill_trampoline();
    for (unsigned i = 1; i < VCPUS; i++)
        stations[i].random = seed * 0x9E3779B97F4A7C15ull + i;
    let_it_rage();
    over = true;
    for (unsigned i = 1; i < VCPUS; i++) {
        volatile struct station *station = &stations[i];
        say("vCPU %u: %llu acts in %llu lives, %llu interrupts, %llu NMIs", i,
            (unsigned long long)station->acts, (unsigned long long)station->lives,
            (unsigned long long)station->interrupts, (unsigned long long)station->nmis);
        (void)report(calms_down(i) && answers(i), "vCPU %u answers after the storm", i);
    }
    say_done();
}
