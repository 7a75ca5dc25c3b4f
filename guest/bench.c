/* SPDX-License-Identifier: MIT
 *
 * What operations cost, by the TSC: on Bochs one tick is one instruction, so the
 * cost of an exit is what the hypervisor executes for it.
 *
 * Each operation is timed in batches, and so is the same loop without it, because
 * the TSC of two emulated CPUs moves in steps. For each there is one line
 * "bench: op=NAME min=N median=N", in hundredths of a tick. Run on the bare
 * machine (guest/native), the lines say what is native; tools/bench.py
 * subtracts. mmio_read and mmio_write are of the IOAPIC's index, which leaves it at
 * the first redirection entry for ioapic_read and ioapic_write. "trace=1" on the command line does each operation once, between
 * two XCHG BX, BX, at which Bochs' debugger stops.
 */
#include "guest/local_apic.h"

#include "arch/spec/apic.h"
#include "arch/spec/cpuid.h"
#include "hv/guest_ports.h"

const char guest_name[] = "bench";

#define BATCH 100
#define SAMPLES 51
#define HUNDREDTHS 100
#define UNOWNED_PORT 0x5000
#define COM1_SCRATCH (GUEST_PORT_COM1 + 7)

#define SELF_VECTOR 0x40
#define PING_VECTOR 0x41  /* to the other vCPU, which only takes it */
#define RELAY_VECTOR 0x42 /* to the other vCPU, which answers with PONG_VECTOR */
#define PONG_VECTOR 0x43
#define TIMER_VECTOR 0x44

/* A loop of `count` times what comes before `instruction` and it. */
#define LOOP(count, before, instruction)                                                 \
    do {                                                                                 \
        uint64_t left = (count);                                                         \
        asm volatile("1:\n\t" before "\n\t" instruction "\n\t"                           \
                     "dec %0\n\tjnz 1b"                                                  \
                     : "+r"(left) : "r"(memory_operand), "r"(ioapic_operand)             \
                     : "rax", "rbx", "rcx", "rdx", "memory", "cc");                      \
    } while (0)

/* Operations that are one instruction and what it needs in its registers. The
 * second operand of the loop is an address in memory, the third the IOAPIC. */
#define OPERATIONS(O)                                                                     \
    O(cpuid, "xor %%eax, %%eax; xor %%ecx, %%ecx", "cpuid")                               \
    O(cpuid_1, "mov $1, %%eax; xor %%ecx, %%ecx", "cpuid")                                \
    O(rdmsr, "mov $0x1A0, %%ecx", "rdmsr")                                                \
    O(wrmsr, "mov $0x140, %%ecx; xor %%eax, %%eax; xor %%edx, %%edx", "wrmsr")            \
    O(in_emulated, "mov $0x3FF, %%edx", "in %%dx, %%al")                                  \
    O(out_emulated, "mov $0x3FF, %%edx", "out %%al, %%dx")                                \
    O(in_unowned, "mov $0x5000, %%edx", "in %%dx, %%al")                                  \
    O(out_unowned, "mov $0x5000, %%edx", "out %%al, %%dx")                                \
    O(pic_end, "mov $0x20, %%eax", "out %%al, $0x20")                                     \
    O(pic_mask_read, "", "in $0x21, %%al")                                                \
    O(pic_mask_write, "mov $0xFF, %%eax", "out %%al, $0x21")                              \
    O(pit_latch, "xor %%eax, %%eax", "out %%al, $0x43")                                   \
    O(pit_read, "", "in $0x40, %%al")                                                     \
    O(pit_write, "xor %%eax, %%eax", "out %%al, $0x42")                                   \
    O(port_61_read, "", "in $0x61, %%al")                                                 \
    O(cmos_index, "xor %%eax, %%eax", "out %%al, $0x70")                                  \
    O(cmos_read, "", "in $0x71, %%al")                                                    \
    O(com2_in, "mov $0x2FF, %%edx", "in %%dx, %%al")                                      \
    O(pci_address, "mov $0xCF8, %%edx; mov $0x80000000, %%eax", "out %%eax, %%dx")        \
    O(pci_data, "mov $0xCFC, %%edx", "in %%dx, %%eax")                                    \
    O(cr0_write, "mov %%cr0, %%rax; xor $0x20, %%eax", "mov %%rax, %%cr0")                \
    O(cr4_write, "mov %%cr4, %%rax; xor $0x40, %%eax", "mov %%rax, %%cr4")                \
    O(vmcall, "xor %%eax, %%eax", "vmcall")                                               \
    O(mmio_read, "", "movl (%2), %%eax")                                                  \
    O(mmio_write, "mov $0x10, %%eax", "movl %%eax, (%2)")                                 \
    O(ioapic_read, "", "movl 0x10(%2), %%eax")                                            \
    O(ioapic_write, "mov $0x10000, %%eax", "movl %%eax, 0x10(%2)")                        \
    O(unassigned_read, "mov $0xD0000010, %%eax", "movl (%%rax), %%eax")                     \
    O(unassigned_write, "mov $0xD0000010, %%eax", "movl %%eax, (%%rax)")                    \
    O(crossing_write, "mov $0xD0000FFE, %%eax", "movl %%eax, (%%rax)")                      \
    O(unassigned_or, "mov $0xD0000010, %%eax", "orl %%eax, (%%rax)")                        \
    O(icr_other, "mov $0x830, %%ecx; mov $0x41, %%eax; mov $1, %%edx", "wrmsr")           \
    O(eoi, "mov $0x80B, %%ecx; xor %%eax, %%eax; xor %%edx, %%edx", "wrmsr")              \
    O(tsc_deadline, "mov $0x6E0, %%ecx; mov $-1, %%eax; mov $0xFFFF, %%edx", "wrmsr")     \
    O(tpr, "mov $0x808, %%ecx; xor %%eax, %%eax; xor %%edx, %%edx", "wrmsr")              \
    O(cr3_write, "mov %%cr3, %%rax", "mov %%rax, %%cr3")                                  \
    O(cr8_write, "xor %%eax, %%eax", "mov %%rax, %%cr8")                                  \
    O(invlpg, "", "invlpg (%1)")                                                          \
    O(rdtsc, "", "rdtsc")                                                                 \
    O(pause, "", "pause")                                                                 \
    O(wbinvd, "", "wbinvd")                                                               \
    O(xapic_read, "mov $0xFEE00000, %%ebx", "movl 0x80(%%rbx), %%eax")                    \
    O(xapic_write, "mov $0xFEE00000, %%ebx; xor %%eax, %%eax", "movl %%eax, 0x80(%%rbx)") \
    O(xapic_eoi, "mov $0xFEE00000, %%ebx; xor %%eax, %%eax", "movl %%eax, 0xB0(%%rbx)")   \
    O(xapic_icr, "mov $0xFEE00000, %%ebx; mov $0x41, %%eax", "movl %%eax, 0x300(%%rbx)")

/* The ones of the local APIC's page come last, because they want another mode. */
#define FIRST_OF_XAPIC OPERATION_xapic_read

enum operation {
#define NAME(name, before, instruction) OPERATION_##name,
    OPERATIONS(NAME)
#undef NAME
    OPERATION_COUNT
};

static const char *const names[] = {
#define NAME(name, before, instruction) #name,
    OPERATIONS(NAME)
#undef NAME
};

/* With and without the instruction itself. */
static void run(enum operation operation, uint64_t count)
{
    static uint64_t memory;
    const void *memory_operand = &memory;
    const void *ioapic_operand = (const void *)IOAPIC_BASE;

    switch (operation) {
#define CASE(name, before, instruction) \
    case OPERATION_##name: LOOP(count, before, instruction); return;
    OPERATIONS(CASE)
#undef CASE
    case OPERATION_COUNT: return;
    }
}

static void run_empty(enum operation operation, uint64_t count)
{
    static uint64_t memory;
    const void *memory_operand = &memory;
    const void *ioapic_operand = (const void *)IOAPIC_BASE;

    switch (operation) {
#define CASE(name, before, instruction) \
    case OPERATION_##name: LOOP(count, before, ""); return;
    OPERATIONS(CASE)
#undef CASE
    case OPERATION_COUNT: return;
    }
}

/* ---- Samples ---- */

typedef int64_t sample_t[SAMPLES];

static sample_t with, without;

static void sort(sample_t samples)
{
    for (unsigned i = 1; i < SAMPLES; i++)
        for (unsigned j = i; j > 0 && samples[j] < samples[j - 1]; j--) {
            int64_t swapped = samples[j];
            samples[j] = samples[j - 1];
            samples[j - 1] = swapped;
        }
}

/* In each of the two, whatever disturbed a sample is at the upper end. */
static void say_result(const char *name, int64_t operations)
{
    sort(with);
    sort(without);
    say("op=%s min=%lld median=%lld", name,
        (long long)((with[0] - without[0]) * HUNDREDTHS / operations),
        (long long)((with[SAMPLES / 2] - without[SAMPLES / 2]) * HUNDREDTHS / operations));
}

static void measure(enum operation operation)
{
    run(operation, BATCH);
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t begin = rdtsc();
        run(operation, BATCH);
        uint64_t middle = rdtsc();
        run_empty(operation, BATCH);
        with[i] = (int64_t)(middle - begin);
        without[i] = (int64_t)(rdtsc() - middle);
    }
    say_result(names[operation], BATCH);
}

/* ---- Operations that are more than an instruction ---- */

static volatile uint64_t came_tsc; /* when the last interrupt came */
static volatile uint64_t came;     /* how many */

bool guest_interrupted(struct frame *frame)
{
    uint64_t now = rdtsc();

    if (frame->vector < SELF_VECTOR || frame->vector > TIMER_VECTOR)
        return false;
    if (frame->vector == RELAY_VECTOR) {
        send_icr(0, PONG_VECTOR);
    } else if (frame->vector != PING_VECTOR) {
        came_tsc = now;
        came++;
    }
    end_of_interrupt();
    return true;
}

void guest_ap_main(void)
{
    idle();
}

/* From the write to the first instruction of the handler's C. */
static int64_t self_ipi(void)
{
    interrupts_on();
    uint64_t begin = rdtsc();
    send_self(SELF_VECTOR);
    while (came == 0)
        cpu_pause();
    interrupts_off();
    return (int64_t)(came_tsc - begin);
}

/* To the other vCPU and back, both ways by an IPI. */
static int64_t round_trip(void)
{
    interrupts_on();
    uint64_t begin = rdtsc();
    send_icr(1, RELAY_VECTOR);
    while (came == 0)
        cpu_pause();
    interrupts_off();
    return (int64_t)(came_tsc - begin);
}

#define DEADLINE_TICKS 5000

/* From the deadline to the handler of the timer that ends HLT. */
static int64_t halt_wake(void)
{
    uint64_t deadline = rdtsc() + DEADLINE_TICKS;

    timer_deadline(deadline);
    while (came == 0)
        wait_for_interrupt();
    return (int64_t)(came_tsc - deadline);
}

#define STRING_BYTES 4096

/* 4 KiB to a register of the UART that keeps them from the wire. */
static int64_t rep_outs(void)
{
    static const uint8_t bytes[STRING_BYTES];
    const void *from = bytes;
    uint64_t count = STRING_BYTES;

    uint64_t begin = rdtsc();
    asm volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(COM1_SCRATCH) : "memory");
    return (int64_t)(rdtsc() - begin);
}

enum event { EVENT_SELF_IPI, EVENT_HALT_WAKE, EVENT_REP_OUTS, EVENT_ICR_ROUND_TRIP, EVENT_COUNT };

static const char *const event_names[] = { "self_ipi", "halt_wake", "rep_outs_4k",
                                           "icr_round_trip" };

static int64_t run_event(enum event event)
{
    came = 0;
    switch (event) {
    case EVENT_SELF_IPI: return self_ipi();
    case EVENT_HALT_WAKE: return halt_wake();
    case EVENT_REP_OUTS: return rep_outs();
    case EVENT_ICR_ROUND_TRIP: return round_trip();
    case EVENT_COUNT: break;
    }
    return 0;
}

static void measure_event(enum event event)
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        with[i] = run_event(event);
        without[i] = 0;
    }
    say_result(event_names[event], 1);
}

/* ---- Begin ---- */

static bool bare_machine;

static void stop_debugger(void)
{
    asm volatile("xchg %%bx, %%bx" : : : "memory");
}

#define SETTLE_TICKS 2000000

/* Once the line has been shown, the hypervisor has nothing more to do. */
static void announce_trace(const char *name)
{
    say("trace=%s", name);
    for (uint64_t begin = rdtsc(); rdtsc() - begin < SETTLE_TICKS;)
        cpu_pause();
}

/* Twice before, so that nothing happens for the first time. */
static void trace(enum operation operation)
{
    run(operation, 2);
    announce_trace(names[operation]);
    stop_debugger();
    run(operation, 1);
    stop_debugger();
}

static void trace_event(enum event event)
{
    (void)run_event(event);
    announce_trace(event_names[event]);
    stop_debugger();
    (void)run_event(event);
    stop_debugger();
}

/* VMCALL is #UD on a bare machine, and with one vCPU there is no other. */
static bool applies(enum operation operation, bool two)
{
    if (operation == OPERATION_icr_other || operation == OPERATION_xapic_icr)
        return two;
    return operation != OPERATION_vmcall || !bare_machine;
}

/* Not on a bare machine: Bochs does not enable an APIC again. */
static void measure_xapic(bool two, bool tracing)
{
    apic_enter_xapic();
    apic_write(XAPIC_ICR_HIGH, 1u << XAPIC_ID_SHIFT);
    for (enum operation i = FIRST_OF_XAPIC; i < OPERATION_COUNT; i++)
        if (applies(i, two))
            tracing ? trace(i) : measure(i);
}

void guest_main(void)
{
    bool tracing = cmdline_number("trace", 0);
    bool two = guest_start_vcpu(1);

    bare_machine = !(cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_HYPERVISOR);
    timer_deadline_mode(TIMER_VECTOR);
    for (enum operation i = 0; i < FIRST_OF_XAPIC; i++)
        if (applies(i, two))
            tracing ? trace(i) : measure(i);
    timer_deadline(0);
    for (enum event i = 0; i < EVENT_COUNT; i++)
        if (two || i != EVENT_ICR_ROUND_TRIP)
            tracing ? trace_event(i) : measure_event(i);
    if (!bare_machine)
        measure_xapic(two, tracing);
    say_done();
}
