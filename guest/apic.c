/* SPDX-License-Identifier: MIT
 *
 * The guest that holds its local APIC against the manual: modes, timer, priorities,
 * interrupts between three vCPUs in every way of naming one, errors.
 *
 * vCPU 0 asks the questions. The others wait for what it has to say: orders in
 * memory, and interrupts, which they count. What is typed at it, a letter: a
 * answers all questions, i sends INIT to itself, which must start the guest
 * again, q ends it.
 */
#include "guest/local_apic.h"

#include "arch/spec/cpuid.h"
#include "hv/text.h"

const char guest_name[] = "apic";

#define VCPUS 3
#define VECTORS 256
#define PATIENCE_TICKS 20000000ull
#define SETTLE_TICKS 40000ull /* many times what an IPI takes */

/* A vCPU as the others see it. */
enum order { ORDER_NONE, ORDER_READ, ORDER_WRITE, ORDER_RDMSR, ORDER_WRMSR };

static volatile struct station {
    unsigned lives;
    unsigned came[VECTORS];
    unsigned nmis;
    bool was_in_service; /* the last one that came */
    enum order order;    /* set last, by vCPU 0; cleared when it is done */
    uint64_t where, value;
} stations[VCPUS];

/* The letter's answers begin in the state in which the guest was started. */
void guest_apic_init(void)
{
}

bool guest_interrupted(struct frame *frame)
{
    volatile struct station *me = &stations[apic_id()];
    unsigned vector = (unsigned)frame->vector;

    if (vector == VECTOR_NMI) {
        me->nmis++;
        return true;
    }
    if (vector < 32)
        return false;
    me->was_in_service = apic_read(XAPIC_ISR0 + vector / 32 * 16) >> vector % 32 & 1;
    me->came[vector]++;
    apic_write(XAPIC_EOI, 0);
    return true;
}

static void obey(volatile struct station *me)
{
    switch (me->order) {
    case ORDER_NONE: return;
    case ORDER_READ: me->value = apic_read((unsigned)me->where); break;
    case ORDER_WRITE: apic_write((unsigned)me->where, (uint32_t)me->value); break;
    case ORDER_RDMSR: me->value = rdmsr((enum msr)me->where); break;
    case ORDER_WRMSR: me->value = try_wrmsr((uint32_t)me->where, me->value); break;
    }
    me->order = ORDER_NONE;
}

void guest_ap_main(void)
{
    volatile struct station *me = &stations[apic_id()];

    me->lives++;
    interrupts_on();
    for (;;) {
        obey(me);
        cpu_pause();
    }
}

/* ---- Asking ---- */

static bool in_time(uint64_t begin)
{
    cpu_pause();
    return rdtsc() - begin < PATIENCE_TICKS;
}

/* Returns what was read; of ORDER_WRMSR, the vector of its fault or NO_FAULT. */
static uint64_t let(unsigned vcpu, enum order order, uint64_t where, uint64_t value)
{
    volatile struct station *station = &stations[vcpu];
    uint64_t begin = rdtsc();

    station->where = where;
    station->value = value;
    station->order = order;
    while (station->order != ORDER_NONE)
        if (!in_time(begin)) {
            (void)report(false, "vCPU %u does not obey", vcpu);
            return ~0ull;
        }
    return station->value;
}

static uint32_t ap_read(unsigned vcpu, unsigned offset)
{
    return (uint32_t)let(vcpu, ORDER_READ, offset, 0);
}

static void ap_write(unsigned vcpu, unsigned offset, uint32_t value)
{
    (void)let(vcpu, ORDER_WRITE, offset, value);
}

/* What the questions of one group found: the first few that are wrong are said. */
static unsigned asked, wrong;

static void check(bool good, const char *what, uint64_t is)
{
    asked++;
    if (!good && wrong++ < 5)
        say("wrong: %s: %llx", what, (unsigned long long)is);
}

#define CHECK_EQUAL(is, expected, what)                  \
    do {                                                 \
        uint64_t value_ = (is);                          \
        check(value_ == (uint64_t)(expected), what, value_); \
    } while (0)

static void report_group(const char *name)
{
    (void)report(wrong == 0, "%s: %u answers, %u wrong", name, asked, wrong);
    asked = wrong = 0;
}

/* ---- Waiting for interrupts ---- */

static void forget(void)
{
    for (unsigned i = 0; i < VCPUS; i++) {
        for (unsigned vector = 0; vector < VECTORS; vector++)
            stations[i].came[vector] = 0;
        stations[i].nmis = 0;
    }
}

static void settle(void)
{
    interrupts_on();
    for (uint64_t begin = rdtsc(); rdtsc() - begin < SETTLE_TICKS;)
        cpu_pause();
    interrupts_off();
}

/* Ticks until it came to vCPU 0; 0: it did not. */
static uint64_t wait_for(unsigned vector)
{
    uint64_t begin = rdtsc();

    interrupts_on();
    while (!stations[0].came[vector] && in_time(begin))
        ;
    interrupts_off();
    return stations[0].came[vector] ? rdtsc() - begin : 0;
}

#define IPI_VECTOR 0x51

/* The vCPUs, a bit each, that got exactly one of this and nothing else. */
static unsigned who_got(unsigned vector, bool nmi)
{
    unsigned set = 0;

    for (unsigned i = 0; i < VCPUS; i++) {
        unsigned others = 0;
        for (unsigned v = 0; v < VECTORS; v++)
            others += stations[i].came[v];
        unsigned fixed = stations[i].came[vector];
        check(others - fixed == 0 && fixed + stations[i].nmis <= 1, "too many", i);
        if (nmi ? stations[i].nmis : fixed)
            set |= 1u << i;
    }
    return set;
}

static unsigned reached(uint32_t destination, uint32_t flags)
{
    forget();
    apic_send(destination, APIC_COMMAND(DELIVERY_FIXED) | flags | IPI_VECTOR);
    settle();
    return who_got(IPI_VECTOR, false);
}

static unsigned reached_by_nmi(uint32_t destination, uint32_t flags)
{
    forget();
    apic_send(destination, APIC_COMMAND(DELIVERY_NMI) | flags);
    settle();
    return who_got(IPI_VECTOR, true);
}

/* ---- Begin ---- */

static void check_begin(void)
{
    CHECK_EQUAL(rdmsr(IA32_APIC_BASE), 0xFEE00900, "IA32_APIC_BASE");
    CHECK_EQUAL(apic_read(XAPIC_ID), 0, "id");
    CHECK_EQUAL(apic_read(XAPIC_VERSION), 0x50014, "version");
    CHECK_EQUAL(apic_read(XAPIC_SIVR), 0x1FF, "SVR");
    CHECK_EQUAL(apic_read(XAPIC_LVT_LINT0), 0x700, "LINT0: ExtINT");
    CHECK_EQUAL(apic_read(XAPIC_LVT_LINT1), 0x400, "LINT1: NMI");
    CHECK_EQUAL(apic_read(XAPIC_LVT_TIMER), LVT_MASKED, "timer");
    CHECK_EQUAL(apic_read(XAPIC_LVT_ERROR), LVT_MASKED, "error");
    CHECK_EQUAL(apic_read(XAPIC_DFR), 0xFFFFFFFF, "DFR");
    CHECK_EQUAL(apic_read(XAPIC_LDR), 0, "LDR");
    report_group("begin");
}

/* A vCPU's life begins with INIT and ends with the next; a second start-up IPI of
 * another vector is none, as one to a vCPU that runs. */
static void start(unsigned vcpu, unsigned start_ups)
{
    unsigned before = stations[vcpu].lives;
    uint64_t begin = rdtsc();

    apic_send(vcpu, APIC_COMMAND(DELIVERY_INIT));
    for (unsigned i = 0; i < start_ups; i++)
        apic_send(vcpu, APIC_COMMAND(DELIVERY_STARTUP) | (GUEST_SIPI_VECTOR + i));
    while (stations[vcpu].lives == before && in_time(begin))
        ;
    settle();
    CHECK_EQUAL(stations[vcpu].lives, before + 1, "lives");
}

static void check_starts(void)
{
    for (unsigned i = 1; i < VCPUS; i++) {
        start(i, i); /* one with one SIPI, one with two */
        CHECK_EQUAL(let(i, ORDER_RDMSR, IA32_APIC_BASE, 0), 0xFEE00800, "mode of an AP");
        CHECK_EQUAL(ap_read(i, XAPIC_ID), i << XAPIC_ID_SHIFT, "id of an AP");
        CHECK_EQUAL(ap_read(i, XAPIC_SIVR), 0xFF, "SVR of an AP");
        CHECK_EQUAL(ap_read(i, XAPIC_LVT_LINT0), LVT_MASKED, "LINT0 of an AP");
        ap_write(i, XAPIC_SIVR, SIVR_ENABLE | 0xFF);
    }
    apic_send(1, APIC_COMMAND(DELIVERY_STARTUP) | GUEST_SIPI_VECTOR);
    apic_send(1, (uint32_t)(DELIVERY_INIT << ICR_DELIVERY_SHIFT | ICR_TRIGGER_LEVEL));
    settle();
    CHECK_EQUAL(stations[1].lives, 1, "lives after a late SIPI and a de-assert");
    CHECK_EQUAL(ap_read(1, XAPIC_ID), 1u << XAPIC_ID_SHIFT, "it still runs");
    report_group("INIT and SIPI");
}

/* ---- Timer, in the mode that is ---- */

#define TIMER_VECTOR 0x61
#define TIMER_PERIODIC (1u << 17)
#define TIMER_TSC_DEADLINE (1u << 18)
#define DIVIDE_BY_1 0xBu
#define DIVIDE_BY_2 0x0u
#define COUNT 100000u

static void check_one_shot(void)
{
    forget();
    apic_write(XAPIC_DIV_CONF, DIVIDE_BY_2);
    CHECK_EQUAL(apic_read(XAPIC_DIV_CONF), DIVIDE_BY_2, "divide configuration");
    apic_write(XAPIC_DIV_CONF, DIVIDE_BY_1);
    apic_write(XAPIC_LVT_TIMER, TIMER_VECTOR);
    apic_write(XAPIC_INIT_COUNT, COUNT);
    CHECK_EQUAL(apic_read(XAPIC_INIT_COUNT), COUNT, "initial count");
    uint32_t first = apic_read(XAPIC_CUR_COUNT);
    uint32_t second = apic_read(XAPIC_CUR_COUNT);
    check(first < COUNT && second < first && second > 0, "current count", second);
    check(wait_for(TIMER_VECTOR) > 0, "one-shot", 0);
    check(stations[0].was_in_service, "in service", 0);
    settle();
    CHECK_EQUAL(stations[0].came[TIMER_VECTOR], 1, "one-shot comes once");
    CHECK_EQUAL(apic_read(XAPIC_CUR_COUNT), 0, "current count at the end");
}

static void check_periodic(void)
{
    forget();
    apic_write(XAPIC_LVT_TIMER, TIMER_PERIODIC | TIMER_VECTOR);
    apic_write(XAPIC_INIT_COUNT, COUNT);
    uint64_t begin = rdtsc();
    interrupts_on();
    while (stations[0].came[TIMER_VECTOR] < 4 && in_time(begin))
        ;
    interrupts_off();
    uint64_t took = rdtsc() - begin;
    check(took > 4 * COUNT - COUNT / 2 && took < 5 * COUNT, "four periods", took);
    apic_write(XAPIC_INIT_COUNT, 0);
    settle();
    forget();
    for (unsigned i = 0; i < 2 * COUNT / SETTLE_TICKS; i++)
        settle();
    CHECK_EQUAL(stations[0].came[TIMER_VECTOR], 0, "stopped");
}

static void check_masked_timer(void)
{
    forget();
    apic_write(XAPIC_LVT_TIMER, LVT_MASKED | TIMER_VECTOR);
    apic_write(XAPIC_INIT_COUNT, 1000);
    settle();
    CHECK_EQUAL(stations[0].came[TIMER_VECTOR], 0, "masked");
    CHECK_EQUAL(apic_read(XAPIC_CUR_COUNT), 0, "it counts all the same");
}

static void check_deadline(void)
{
    forget();
    apic_write(XAPIC_LVT_TIMER, TIMER_TSC_DEADLINE | TIMER_VECTOR);
    uint64_t deadline = rdtsc() + COUNT;
    timer_deadline(deadline);
    check(wait_for(TIMER_VECTOR) > 0, "deadline", 0);
    check(rdtsc() >= deadline, "not before the deadline", rdtsc() - deadline);
    settle();
    CHECK_EQUAL(stations[0].came[TIMER_VECTOR], 1, "deadline comes once");
    apic_write(XAPIC_LVT_TIMER, LVT_MASKED | TIMER_VECTOR);
}

static void check_timer(const char *mode)
{
    check_one_shot();
    check_periodic();
    check_masked_timer();
    check_deadline();
    report_group(mode);
}

/* ---- Priorities, in the mode that is ---- */

#define LOW 0x52
#define HIGH 0x72

static uint32_t is_pending(unsigned vector)
{
    return apic_read(XAPIC_ISR0 + 0x100 + vector / 32 * 16) >> vector % 32 & 1;
}

static void send_self_by_shorthand(unsigned vector)
{
    apic_send(0, APIC_COMMAND(DELIVERY_FIXED) | SHORTHAND_SELF << ICR_SHORTHAND_SHIFT | vector);
}

static void cr8_write(uint64_t value)
{
    asm volatile("mov %0, %%cr8" : : "r"(value) : "memory");
}

static uint64_t cr8_read(void)
{
    uint64_t value;
    asm volatile("mov %%cr8, %0" : "=r"(value));
    return value;
}

static void check_priorities(const char *mode)
{
    forget();
    apic_write(XAPIC_TPR, 0x80);
    CHECK_EQUAL(cr8_read(), 8, "CR8 is the task priority");
    CHECK_EQUAL(apic_read(XAPIC_PPR), 0x80, "processor priority");
    send_self_by_shorthand(LOW);
    send_self_by_shorthand(HIGH);
    CHECK_EQUAL(is_pending(LOW) + is_pending(HIGH), 2, "pending");
    settle();
    CHECK_EQUAL(stations[0].came[LOW] + stations[0].came[HIGH], 0, "above all");
    cr8_write(5);
    CHECK_EQUAL(apic_read(XAPIC_TPR), 0x50, "the task priority is CR8");
    settle();
    CHECK_EQUAL(stations[0].came[LOW], 0, "not above the task priority");
    CHECK_EQUAL(stations[0].came[HIGH], 1, "above the task priority");
    apic_write(XAPIC_TPR, 0);
    settle();
    CHECK_EQUAL(stations[0].came[LOW], 1, "at last");
    CHECK_EQUAL(is_pending(LOW) + is_pending(HIGH), 0, "nothing pending");
    report_group(mode);
}

/* ---- Destinations ---- */

#define SHORT(shorthand) ((uint32_t)(shorthand) << ICR_SHORTHAND_SHIFT)
#define LOGICAL ((uint32_t)ICR_LOGICAL)
#define LOWEST ((uint32_t)DELIVERY_LOWEST_PRIORITY << ICR_DELIVERY_SHIFT)
#define EVERYBODY ((1u << VCPUS) - 1)

/* What is the same in both modes; broadcast is as wide as the mode has it. */
static void check_physical(uint32_t broadcast)
{
    for (unsigned i = 0; i < VCPUS; i++)
        CHECK_EQUAL(reached(i, 0), 1u << i, "physical");
    CHECK_EQUAL(reached(VCPUS, 0), 0, "nobody");
    CHECK_EQUAL(reached(broadcast, 0), EVERYBODY, "broadcast");
    CHECK_EQUAL(reached(2, SHORT(SHORTHAND_SELF)), 1, "self");
    CHECK_EQUAL(reached(2, SHORT(SHORTHAND_ALL)), EVERYBODY, "all");
    CHECK_EQUAL(reached(0, SHORT(SHORTHAND_ALL_BUT_SELF)), EVERYBODY & ~1u, "all but self");
    for (unsigned i = 0; i < VCPUS; i++)
        CHECK_EQUAL(reached_by_nmi(i, 0), 1u << i, "NMI");
    CHECK_EQUAL(reached_by_nmi(0, SHORT(SHORTHAND_ALL_BUT_SELF)), EVERYBODY & ~1u, "NMI to others");
    CHECK_EQUAL(reached_by_nmi(0, SHORT(SHORTHAND_SELF)), 0, "no NMI to oneself by shorthand");
}

static void place_all(uint32_t dfr, const uint8_t ldr[static VCPUS])
{
    apic_write(XAPIC_DFR, dfr);
    apic_write(XAPIC_LDR, (uint32_t)ldr[0] << LDR_SHIFT);
    for (unsigned i = 1; i < VCPUS; i++) {
        ap_write(i, XAPIC_DFR, dfr);
        ap_write(i, XAPIC_LDR, (uint32_t)ldr[i] << LDR_SHIFT);
    }
}

static void check_flat(void)
{
    static const uint8_t flat[VCPUS] = { 0x01, 0x20, 0x80 };

    CHECK_EQUAL(reached(0xFF, LOGICAL), 0, "no LDR is set");
    place_all(DFR_FLAT, flat);
    CHECK_EQUAL(apic_read(XAPIC_LDR), 0x01000000, "LDR");
    CHECK_EQUAL(reached(0x20, LOGICAL), 2, "flat, one");
    CHECK_EQUAL(reached(0x81, LOGICAL), 5, "flat, two");
    CHECK_EQUAL(reached(0xFF, LOGICAL), EVERYBODY, "flat, all");
    CHECK_EQUAL(reached(0x5E, LOGICAL), 0, "flat, none");
    CHECK_EQUAL(reached(0xA0, LOGICAL | LOWEST), 2, "flat, lowest priority");
    CHECK_EQUAL(reached_by_nmi(0x80, LOGICAL), 4, "flat, NMI");
}

static void check_cluster(void)
{
    static const uint8_t cluster[VCPUS] = { 0x11, 0x12, 0x21 };

    place_all(DFR_CLUSTER, cluster);
    CHECK_EQUAL(apic_read(XAPIC_DFR), DFR_CLUSTER, "DFR");
    CHECK_EQUAL(reached(0x12, LOGICAL), 2, "cluster, one");
    CHECK_EQUAL(reached(0x1F, LOGICAL), 3, "cluster, all of it");
    CHECK_EQUAL(reached(0x21, LOGICAL), 4, "another cluster");
    CHECK_EQUAL(reached(0x31, LOGICAL), 0, "no such cluster");
    CHECK_EQUAL(reached(0xFF, LOGICAL), EVERYBODY, "all clusters");
    CHECK_EQUAL(reached(0x1F, LOGICAL | LOWEST), 1, "cluster, lowest priority");
}

static void check_x2apic_logical(void)
{
    for (unsigned i = 1; i < VCPUS; i++)
        CHECK_EQUAL(ap_read(i, XAPIC_LDR), 1u << i, "LDR");
    CHECK_EQUAL(reached(0x2, LOGICAL), 2, "cluster, one");
    CHECK_EQUAL(reached(0x5, LOGICAL), 5, "cluster, two");
    CHECK_EQUAL(reached(0x10007, LOGICAL), 0, "no such cluster");
    CHECK_EQUAL(reached(X2APIC_BROADCAST, LOGICAL), EVERYBODY, "all clusters");
    CHECK_EQUAL(reached(0x6, LOGICAL | LOWEST), 2, "cluster, lowest priority");
    forget();
    wrmsr(IA32_X2APIC_SELF_IPI, IPI_VECTOR);
    settle();
    CHECK_EQUAL(who_got(IPI_VECTOR, false), 1, "SELF IPI");
}

/* ---- Errors, in the mode that is ---- */

#define ERROR_VECTOR 0x62

static uint32_t errors(void)
{
    apic_write(XAPIC_ESR, 0);
    return apic_read(XAPIC_ESR);
}

static void check_errors(const char *mode)
{
    bool x2apic = apic_is_x2apic();

    (void)errors();
    ap_write(2, XAPIC_ESR, 0);
    forget();
    apic_write(XAPIC_LVT_ERROR, ERROR_VECTOR);
    apic_send(2, APIC_COMMAND(DELIVERY_FIXED) | 15);
    settle();
    CHECK_EQUAL(stations[0].came[ERROR_VECTOR], 1, "error interrupt");
    CHECK_EQUAL(apic_read(XAPIC_ESR), 0, "ESR before it is written");
    CHECK_EQUAL(errors(), APIC_ERROR_SEND_ILLEGAL_VECTOR, "sender");
    CHECK_EQUAL(errors(), 0, "read once");
    ap_write(2, XAPIC_ESR, 0);
    CHECK_EQUAL(ap_read(2, XAPIC_ESR), APIC_ERROR_RECEIVE_ILLEGAL_VECTOR, "receiver");
    apic_send(0, APIC_COMMAND(DELIVERY_FIXED) | 0);
    CHECK_EQUAL(errors(), APIC_ERROR_SEND_ILLEGAL_VECTOR | APIC_ERROR_RECEIVE_ILLEGAL_VECTOR, "both");
    if (!x2apic) {
        CHECK_EQUAL(apic_read(0x040), 0, "reserved register");
        CHECK_EQUAL(errors(), APIC_ERROR_ILLEGAL_REGISTER, "read of it");
        apic_write(0xFF0, 0);
        CHECK_EQUAL(errors(), APIC_ERROR_ILLEGAL_REGISTER, "write of one");
        apic_write(XAPIC_ID, 0x07000000);
        CHECK_EQUAL(apic_read(XAPIC_ID), 0, "id stays");
        CHECK_EQUAL(errors(), 0, "a write of a read-only register");
    }
    apic_write(XAPIC_LVT_ERROR, LVT_MASKED);
    settle();
    report_group(mode);
}

/* ---- Disabled by software, in the mode that is ---- */

static void check_software_disable(const char *mode)
{
    apic_write(XAPIC_LVT_TIMER, TIMER_VECTOR);
    apic_write(XAPIC_SIVR, 0xEF);
    CHECK_EQUAL(apic_read(XAPIC_SIVR), 0xEF, "SVR");
    CHECK_EQUAL(apic_read(XAPIC_LVT_TIMER), LVT_MASKED | TIMER_VECTOR, "timer masked");
    apic_write(XAPIC_LVT_LINT1, 0x400);
    CHECK_EQUAL(apic_read(XAPIC_LVT_LINT1), LVT_MASKED | 0x400, "no write opens an entry");
    apic_write(XAPIC_SIVR, SIVR_ENABLE | 0xFF);
    CHECK_EQUAL(apic_read(XAPIC_LVT_LINT1), LVT_MASKED | 0x400, "it stays masked");
    apic_write(XAPIC_LVT_LINT1, 0x400);
    CHECK_EQUAL(apic_read(XAPIC_LVT_LINT1), 0x400, "until it is written");

    ap_write(1, XAPIC_SIVR, 0xFF);
    CHECK_EQUAL(reached(1, 0), 0, "no fixed interrupt");
    CHECK_EQUAL(reached(0, SHORT(SHORTHAND_ALL)), EVERYBODY & ~2u, "to the others");
    CHECK_EQUAL(reached_by_nmi(1, 0), 2, "but NMI");
    ap_write(1, XAPIC_SIVR, SIVR_ENABLE | 0xFF);
    CHECK_EQUAL(reached(1, 0), 2, "enabled again");
    report_group(mode);
}

/* ---- Modes ---- */

static void expect_base(uint64_t value, bool allowed, const char *what)
{
    CHECK_EQUAL(try_wrmsr(IA32_APIC_BASE, value), allowed ? NO_FAULT : VECTOR_GP, what);
    if (allowed)
        CHECK_EQUAL(rdmsr(IA32_APIC_BASE), value, what);
    CHECK_EQUAL(!!(cpuid(CPUID_FEATURES, 0).edx & CPUID_1_EDX_APIC),
                !!(rdmsr(IA32_APIC_BASE) & APIC_BASE_EN), "CPUID.1:EDX.APIC");
    CHECK_EQUAL(!!(cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_X2APIC), 1, "CPUID.1:ECX.x2APIC");
}

#define BASE (XAPIC_BASE | APIC_BASE_BSP)
#define ENABLED (BASE | APIC_BASE_EN)
#define X2APIC (ENABLED | APIC_BASE_EXTD)
#define INVALID (BASE | APIC_BASE_EXTD)

/* Outside x2APIC mode none of its MSRs is there. */
static void check_no_x2apic_msrs(void)
{
    uint64_t value;

    for (uint32_t msr = X2APIC_MSR_FIRST; msr <= X2APIC_MSR_LAST; msr++) {
        CHECK_EQUAL(try_rdmsr(msr, &value), VECTOR_GP, "an MSR of the x2APIC");
        CHECK_EQUAL(try_wrmsr(msr, 0), VECTOR_GP, "an MSR of the x2APIC");
    }
}

/* Nothing is where the page was. */
static void check_no_page(void)
{
    for (unsigned offset = 0; offset < APIC_PAGE_SIZE; offset += 16)
        CHECK_EQUAL(load32(XAPIC_BASE + offset), 0xFFFFFFFF, "the page");
    store32(XAPIC_BASE + XAPIC_TPR, 0xFF);
    CHECK_EQUAL(cr8_read(), 0, "a write to the page");
}

static void check_mode_changes(void)
{
    expect_base(INVALID, false, "xAPIC to invalid");
    expect_base(ENABLED, true, "xAPIC to xAPIC");
    check_no_x2apic_msrs();
    expect_base(X2APIC, true, "xAPIC to x2APIC");
    check_no_page();
    expect_base(ENABLED, false, "x2APIC to xAPIC");
    expect_base(INVALID, false, "x2APIC to invalid");
    expect_base(X2APIC, true, "x2APIC to x2APIC");
    expect_base(BASE, true, "x2APIC to disabled");
    check_no_page();
    check_no_x2apic_msrs();
    expect_base(X2APIC, false, "disabled to x2APIC");
    expect_base(INVALID, false, "disabled to invalid");
    expect_base(ENABLED, true, "disabled to xAPIC");
    CHECK_EQUAL(apic_read(XAPIC_SIVR), 0xFF, "SVR, enabled again");
    expect_base(BASE, true, "xAPIC to disabled");
    expect_base(ENABLED, true, "disabled to xAPIC");
    report_group("modes");
}

/* What a change to x2APIC mode keeps. */
static void check_what_stays(void)
{
    apic_write(XAPIC_SIVR, SIVR_ENABLE | 0xFF);
    apic_write(XAPIC_TPR, 0x20);
    apic_write(XAPIC_LVT_LINT1, 0x400);
    apic_write(XAPIC_LVT_TIMER, LVT_MASKED | TIMER_VECTOR);
    apic_write(XAPIC_LDR, 0xFF000000);
    apic_write(XAPIC_ICR_HIGH, 0x0F000000); /* nobody */
    apic_write(XAPIC_ICR_LOW, IPI_VECTOR);
    apic_set_base(APIC_BASE_EN | APIC_BASE_EXTD);
    CHECK_EQUAL(rdmsr(IA32_X2APIC_SIVR), SIVR_ENABLE | 0xFF, "SVR");
    CHECK_EQUAL(rdmsr(IA32_X2APIC_TPR), 0x20, "TPR");
    CHECK_EQUAL(rdmsr(IA32_X2APIC_LVT_LINT1), 0x400, "LINT1");
    CHECK_EQUAL(rdmsr(IA32_X2APIC_LVT_TIMER), LVT_MASKED | TIMER_VECTOR, "timer");
    CHECK_EQUAL(rdmsr(IA32_X2APIC_LDR), 1, "the LDR is another");
    CHECK_EQUAL(rdmsr(IA32_X2APIC_ICR), IPI_VECTOR, "the upper half of the ICR is lost");
    wrmsr(IA32_X2APIC_TPR, 0);
    report_group("what x2APIC mode keeps");
}

/* Reserved bits and registers that x2APIC mode does not have. */
static void check_x2apic_faults(void)
{
    static const uint32_t missing[] = { 0x800, 0x801, 0x804, 0x807, 0x809, 0x80C, 0x80E, 0x829,
                                        0x82F, 0x831, 0x83A, 0x83D, 0x840, 0x8FF };
    uint64_t value;

    for (unsigned i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        CHECK_EQUAL(try_rdmsr(missing[i], &value), VECTOR_GP, "read of no register");
        CHECK_EQUAL(try_wrmsr(missing[i], 0), VECTOR_GP, "write of no register");
    }
    CHECK_EQUAL(try_wrmsr(IA32_X2APIC_APICID, 0), VECTOR_GP, "id");
    CHECK_EQUAL(try_wrmsr(IA32_X2APIC_VERSION, 0), VECTOR_GP, "version");
    CHECK_EQUAL(try_wrmsr(IA32_X2APIC_LDR, 0), VECTOR_GP, "LDR");
    CHECK_EQUAL(try_wrmsr(IA32_X2APIC_ESR, 1), VECTOR_GP, "ESR");
    CHECK_EQUAL(try_wrmsr(IA32_X2APIC_SIVR, 0x3FF), VECTOR_GP, "SVR");
    CHECK_EQUAL(try_wrmsr(IA32_X2APIC_TPR, 0x100), VECTOR_GP, "TPR");
    CHECK_EQUAL(try_wrmsr(IA32_X2APIC_LVT_LINT0, 1u << 17), VECTOR_GP, "LINT0");
    CHECK_EQUAL(try_wrmsr(IA32_X2APIC_ICR, 1u << 13 | 0xFEull << 32), VECTOR_GP, "ICR");
    CHECK_EQUAL(try_rdmsr(IA32_X2APIC_EOI, &value), VECTOR_GP, "read of EOI");
    CHECK_EQUAL(try_wrmsr(IA32_X2APIC_EOI, 1), VECTOR_GP, "EOI");
    report_group("faults of x2APIC mode");
}

/* INIT leaves the mode and resets the rest. */
static void check_init_in_x2apic_mode(void)
{
    ap_write(2, XAPIC_LVT_LINT1, 0x400);
    start(2, 1);
    CHECK_EQUAL(let(2, ORDER_RDMSR, IA32_APIC_BASE, 0), 0xFEE00C00, "mode after INIT");
    CHECK_EQUAL(ap_read(2, XAPIC_LVT_LINT1), LVT_MASKED, "LINT1 after INIT");
    CHECK_EQUAL(ap_read(2, XAPIC_SIVR), 0xFF, "SVR after INIT");
    CHECK_EQUAL(reached(2, 0), 0, "nothing before it is enabled");
    ap_write(2, XAPIC_SIVR, SIVR_ENABLE | 0xFF);
    CHECK_EQUAL(reached(2, 0), 4, "it is enabled");
    report_group("INIT in x2APIC mode");
}

/* ---- Disabled ---- */

static void check_disabled(void)
{
    CHECK_EQUAL(let(1, ORDER_WRMSR, IA32_APIC_BASE, XAPIC_BASE), NO_FAULT, "disabled");
    CHECK_EQUAL(reached(1, 0), 0, "IPI to a disabled APIC");
    CHECK_EQUAL(reached_by_nmi(1, 0), 0, "NMI to a disabled APIC");
    apic_send(1, APIC_COMMAND(DELIVERY_INIT));
    settle();
    CHECK_EQUAL(let(1, ORDER_RDMSR, IA32_APIC_BASE, 0), XAPIC_BASE, "INIT to a disabled APIC");
    CHECK_EQUAL(let(1, ORDER_WRMSR, IA32_APIC_BASE, XAPIC_BASE | APIC_BASE_EN), NO_FAULT, "again");
    ap_write(1, XAPIC_SIVR, SIVR_ENABLE | 0xFF);
    CHECK_EQUAL(reached(1, 0), 2, "IPI to an APIC that is enabled again");
    report_group("another one's disabled APIC");
}

static void check_own_disabled(void)
{
    forget();
    send_self_by_shorthand(IPI_VECTOR);
    check(is_pending(IPI_VECTOR), "pending", 0);
    apic_write(XAPIC_LVT_TIMER, TIMER_VECTOR);
    apic_write(XAPIC_INIT_COUNT, SETTLE_TICKS / 2);
    apic_set_base(0);
    settle();
    CHECK_EQUAL(stations[0].came[IPI_VECTOR], 0, "what was pending is gone");
    CHECK_EQUAL(stations[0].came[TIMER_VECTOR], 0, "the timer stands");
    apic_set_base(APIC_BASE_EN);
    CHECK_EQUAL(apic_read(XAPIC_INIT_COUNT), 0, "initial count");
    CHECK_EQUAL(apic_read(XAPIC_LVT_TIMER), LVT_MASKED, "timer");
    apic_write(XAPIC_SIVR, SIVR_ENABLE | 0xFF);
    CHECK_EQUAL(reached(0, SHORT(SHORTHAND_SELF)), 1, "it works again");
    report_group("its own disabled APIC");
}

/* ---- Where the page is ---- */

#define HOLE 0xFD000000ull

static void check_page_at(uint64_t address, const char *what)
{
    expect_base(address | APIC_BASE_BSP | APIC_BASE_EN, true, what);
    CHECK_EQUAL(load32(address + XAPIC_VERSION), 0x50014, what);
    CHECK_EQUAL(reached(0, SHORT(SHORTHAND_SELF)), 1, what);
}

static void check_moves(void)
{
    unsigned bits = cpuid(CPUID_ADDRESS_SIZES, 0).eax & 0xFF;
    uint64_t flags = APIC_BASE_BSP | APIC_BASE_EN;

    check_page_at(HOLE, "in a hole");
    CHECK_EQUAL(load32(XAPIC_BASE + XAPIC_VERSION), 0xFFFFFFFF, "where it was");
    check_page_at(IOAPIC_BASE, "in front of the IOAPIC");
    CHECK_EQUAL(load32(IOAPIC_BASE), 0, "APIC register 0 is reserved");
    check_page_at((1ull << bits) - APIC_PAGE_SIZE, "at the end of the address space");
    expect_base(1ull << bits | flags, false, "beyond it");
    expect_base(XAPIC_BASE | flags | 1, false, "a reserved bit");
    expect_base(XAPIC_BASE | flags | 1u << 9, false, "a reserved bit");
    expect_base(0 | flags, false, "over memory");
    expect_base(0x200000 | flags, false, "over memory");
    expect_base(0xC0000 | flags, false, "over the empty ROMs");
    check_page_at(XAPIC_BASE, "back");
    (void)errors();
    report_group("moves of the page");
}

/* Accesses that are not of aligned doublewords do no harm. */
static void check_sizes(void)
{
    volatile uint8_t *page = physical(XAPIC_BASE);
    uint32_t sivr = apic_read(XAPIC_SIVR);

    CHECK_EQUAL(*(volatile uint16_t *)(page + XAPIC_VERSION + 2), 5, "a word");
    CHECK_EQUAL(page[XAPIC_VERSION], 0x14, "a byte");
    CHECK_EQUAL(*(volatile uint64_t *)(page + XAPIC_VERSION), 0x50014, "a quadword");
    CHECK_EQUAL(load32(XAPIC_BASE + XAPIC_VERSION + 4), 0, "behind a register");
    for (unsigned offset = 0; offset < APIC_PAGE_SIZE; offset += 4) {
        page[offset + 1] = 0xFF;
        *(volatile uint16_t *)(page + offset) = 0xFFFF;
        *(volatile uint64_t *)(page + offset) = ~0ull;
        if (offset % 16)
            store32(XAPIC_BASE + offset, 0xFFFFFFFF);
    }
    CHECK_EQUAL(apic_read(XAPIC_SIVR), sivr, "SVR");
    CHECK_EQUAL(apic_read(XAPIC_TPR), 0, "TPR");
    (void)errors();
    report_group("sizes");
}

/* ---- All ---- */

static void all_to_x2apic(void)
{
    for (unsigned i = 1; i < VCPUS; i++)
        (void)let(i, ORDER_WRMSR, IA32_APIC_BASE, XAPIC_BASE | APIC_BASE_EN | APIC_BASE_EXTD);
}

static void answer(void)
{
    static bool answered;

    if (answered)
        return;
    answered = true;
    guest_fill_trampoline();
    check_begin();
    check_starts();
    check_timer("timer, xAPIC");
    check_priorities("priorities, xAPIC");
    check_physical(0xFF);
    check_flat();
    check_cluster();
    report_group("destinations, xAPIC");
    check_errors("errors, xAPIC");
    check_software_disable("disabled by software, xAPIC");
    check_disabled();
    check_own_disabled();
    check_moves();
    check_sizes();
    check_mode_changes();
    check_what_stays();
    CHECK_EQUAL(reached(1, 0), 2, "to a vCPU in another mode");
    all_to_x2apic();
    check_timer("timer, x2APIC");
    check_priorities("priorities, x2APIC");
    check_physical(X2APIC_BROADCAST);
    check_x2apic_logical();
    report_group("destinations, x2APIC");
    check_errors("errors, x2APIC");
    check_software_disable("disabled by software, x2APIC");
    check_x2apic_faults();
    check_init_in_x2apic_mode();
    say("answered");
}

static void init_self(void)
{
    apic_send(0, APIC_COMMAND(DELIVERY_INIT));
    settle();
    (void)report(false, "still running after INIT");
}

void guest_main(void)
{
    interrupts_off();
    say("ready");
    for (;;) {
        switch (read_typed()) {
        case 'a': answer(); break;
        case 'i': init_self(); break;
        case 'q': say_done(); power_off();
        }
    }
}
