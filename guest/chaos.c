/* SPDX-License-Identifier: MIT
 *
 * A guest that does anything: random instructions in ring 3, and in ring 0 what
 * only a kernel can try, with random operands: ports, MSRs, control registers,
 * VMX instructions, interrupts, memory that is not there. What comes is a
 * function of "seed=" on its command line, and it goes on for "ticks=" of the
 * TSC. The claim is about the others: they and the hypervisor do not notice.
 *
 * It begins when a letter is typed at it, and takes care of one thing only, to
 * survive itself: ends of the guest are left out, and what its own way back
 * needs is restored after each step.
 */
#include "guest/lib.h"

#include "arch/spec/apic.h"
#include "hv/guest_memory.h"
#include "hv/guest_ports.h"
#include "hv/text.h"

const char guest_name[] = "chaos";

/* ---- Chance: Marsaglia's xorshift of 64 bits ---- */

static uint64_t chance_state;

static uint64_t chance(void)
{
    chance_state ^= chance_state << 13;
    chance_state ^= chance_state >> 7;
    chance_state ^= chance_state << 17;
    return chance_state;
}

/* 0 to limit - 1 */
static uint32_t below(uint32_t limit)
{
    return (uint32_t)(chance() >> 32) % limit;
}

/* Mostly few bits, so that not everything is reserved bits. */
static uint64_t bits(void)
{
    switch (below(4)) {
    case 0: return 0;
    case 1: return 1ull << below(64);
    case 2: return chance() & chance() & chance();
    default: return chance();
    }
}

/* ---- Ring 3: one page of code, one of data that is the stack, too ---- */

#define USER_BASE (1ull << 39) /* the second entry of the PML4 */
#define USER_PAGES 2
#define CODE_BYTES 4096
#define USER_BITS 7ull /* user, writable, present */

static uint8_t user_memory[USER_PAGES][CODE_BYTES] __attribute__((aligned(4096)));
static uint64_t user_pdpt[512] __attribute__((aligned(4096)));
static uint64_t user_directory[512] __attribute__((aligned(4096)));
static uint64_t user_table[512] __attribute__((aligned(4096)));

enum { CODE_64 = 0x10, DATA = 0x18, USER_DATA = 0x2B, USER_64 = 0x33, USER_32 = 0x3B, TSS = 0x40 };

#define TSS_BYTES 104

static uint8_t interrupt_stack[0x4000] __attribute__((aligned(16)));
static struct {
    uint32_t reserved;
    uint64_t rsp0;
    uint8_t rest[TSS_BYTES - 14];
    uint16_t io_map; /* behind the limit: ring 3 has no port */
} __attribute__((packed)) tss = { .io_map = TSS_BYTES };
static uint64_t descriptors[10];

/* SDM Vol. 3A, 7.2.3 "TSS Descriptor in 64-bit mode" */
static void load_descriptors(void)
{
    uint64_t base = (uint64_t)&tss;
    struct descriptor_table table = { sizeof descriptors - 1, (uint64_t)descriptors };

    tss.rsp0 = (uint64_t)interrupt_stack + sizeof interrupt_stack;
    descriptors[CODE_64 / 8] = 0x00AF9B000000FFFF;
    descriptors[DATA / 8] = 0x00CF93000000FFFF;
    descriptors[USER_DATA / 8] = 0x00CFF3000000FFFF;
    descriptors[USER_64 / 8] = 0x00AFFB000000FFFF;
    descriptors[USER_32 / 8] = 0x00CFFB000000FFFF;
    descriptors[TSS / 8] = (TSS_BYTES - 1) | (base & 0xFFFFFF) << 16 | 0x89ull << 40 |
                           (base >> 24 & 0xFF) << 56;
    descriptors[TSS / 8 + 1] = base >> 32;
    asm volatile("lgdt %0; ltr %w1" : : "m"(table), "r"(TSS));
}

static void map_user_memory(void)
{
    uint64_t *pml4 = (uint64_t *)(cr3_read() & ~0xFFFull);

    for (unsigned i = 0; i < USER_PAGES; i++)
        user_table[i] = (uint64_t)user_memory[i] | USER_BITS;
    user_directory[0] = (uint64_t)user_table | USER_BITS;
    user_pdpt[0] = (uint64_t)user_directory | USER_BITS;
    pml4[USER_BASE >> 39] = (uint64_t)user_pdpt | USER_BITS;
}

/* Loads the registers of a frame but RSP, and goes to where it says; comes back
 * by ring_3_left, which guest_interrupted() makes the place to return to. */
void ring_3_run(const struct frame *frame);
extern const uint8_t ring_3_left[];
uint64_t ring_3_rsp;

asm(".text\n"
    "ring_3_run:\n"
    "    push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "    mov %rsp, ring_3_rsp\n"
    "    pushq 168(%rdi); pushq 160(%rdi); pushq 152(%rdi); pushq 144(%rdi); pushq 136(%rdi)\n"
    "    mov %rdi, %rax\n"
    "    mov 0(%rax), %r15; mov 8(%rax), %r14; mov 16(%rax), %r13; mov 24(%rax), %r12\n"
    "    mov 32(%rax), %r11; mov 40(%rax), %r10; mov 48(%rax), %r9; mov 56(%rax), %r8\n"
    "    mov 64(%rax), %rdi; mov 72(%rax), %rsi; mov 80(%rax), %rbp; mov 88(%rax), %rbx\n"
    "    mov 96(%rax), %rdx; mov 104(%rax), %rcx; mov 112(%rax), %rax\n"
    "    iretq\n"
    ".global ring_3_left\n"
    "ring_3_left:\n"
    "    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "    ret\n");

/* Interrupts with exceptions' vectors would come without their error code. */
#define FIRST_VECTOR 32u
#define TIMER_VECTOR 0x40
#define RUN_TICKS 2000
#define RFLAGS_USER 0x202ull /* IF; IOPL is 0 */
#define RFLAGS_RANDOM 0x240DD5ull /* status flags, TF, DF, AC, ID */

static uint64_t came_back; /* from ring 3, by any interrupt or exception */

bool guest_interrupted(struct frame *frame)
{
    bool interrupt = frame->vector >= FIRST_VECTOR;

    if (interrupt)
        end_of_interrupt();
    if ((frame->cs & 3) == 3) {
        came_back++;
        *frame = (struct frame){ .rip = (uint64_t)ring_3_left, .cs = CODE_64, .rflags = 2,
                                 .rsp = ring_3_rsp, .ss = DATA };
        return true;
    }
    return interrupt || frame->vector == VECTOR_NMI;
}

static void randomize(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(chance() >> 32);
}

/* Instructions of interest that pure chance would seldom hit. */
static void sprinkle(uint8_t *code)
{
    static const uint8_t likely[][4] = {
        { 0x0F, 0xA2 }, { 0x0F, 0x01, 0xC1 }, { 0x0F, 0x01, 0xD0 }, { 0x0F, 0x31 },
        { 0x0F, 0x05 }, { 0x0F, 0x34 }, { 0xF4 }, { 0xCD, 0x80 }, { 0x0F, 0x01, 0xF9 },
        { 0x0F, 0x01, 0xD4 }, { 0x0F, 0xAE, 0xF0 }, { 0x0F, 0xC7, 0xF0 }, { 0x9D }, { 0x0F, 0x0B },
    };
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t *from = likely[below(sizeof likely / sizeof likely[0])];
        uint8_t *to = code + below(CODE_BYTES - 4);
        for (unsigned n = 0; n < 4 && from[n]; n++)
            to[n] = from[n];
    }
}

static uint64_t user_value(void)
{
    return below(2) ? chance() : USER_BASE + below(USER_PAGES * CODE_BYTES);
}

static void step_in_ring_3(void)
{
    struct frame frame;

    randomize(user_memory[0] + below(CODE_BYTES - 64), 64);
    sprinkle(user_memory[0]);
    for (uint64_t *at = &frame.r15; at <= &frame.rax; at++)
        *at = user_value();
    frame.rip = USER_BASE + below(CODE_BYTES);
    frame.cs = below(4) ? USER_64 : USER_32;
    frame.rflags = RFLAGS_USER | (bits() & RFLAGS_RANDOM);
    frame.rsp = USER_BASE + USER_PAGES * CODE_BYTES - 8 * below(64);
    frame.ss = USER_DATA;
    timer_deadline_mode(TIMER_VECTOR);
    timer_deadline(rdtsc() + RUN_TICKS);
    asm volatile("mov %w0, %%ds; mov %w0, %%es" : : "r"(USER_DATA));
    ring_3_run(&frame);
    asm volatile("mov %w0, %%ds; mov %w0, %%es" : : "r"(DATA));
}

/* ---- Ring 0 ---- */

/* Ports by which this guest would end, or its console be filled. */
static bool is_port_left_out(uint16_t port)
{
    static const struct { uint16_t first, last; } ranges[] = {
        { GUEST_PORT_I8042_DATA, GUEST_PORT_I8042_COMMAND },
        { GUEST_PORT_SYSTEM_CONTROL_A, GUEST_PORT_SYSTEM_CONTROL_A },
        { GUEST_PORT_COM1, GUEST_PORT_COM1 + GUEST_COM_PORTS - 1 },
        { GUEST_PORT_PM1A_CONTROL, GUEST_PORT_PM1A_CONTROL + GUEST_PM1A_CONTROL_BYTES - 1 },
        { GUEST_PORT_RESET, GUEST_PORT_RESET },
    };
    for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (port <= ranges[i].last && port + 3 >= ranges[i].first)
            return true;
    return false;
}

static uint16_t any_port(void)
{
    uint16_t port;

    do
        port = below(2) ? (uint16_t)chance() : (uint16_t)below(0x1000);
    while (is_port_left_out(port));
    return port;
}

static void step_port(void)
{
    uint16_t port = any_port();
    uint32_t value = (uint32_t)bits();

    switch (below(6)) {
    case 0: (void)in8(port); break;
    case 1: (void)in16(port); break;
    case 2: (void)in32(port); break;
    case 3: out8(port, (uint8_t)value); break;
    case 4: out16(port, (uint16_t)value); break;
    case 5: out32(port, value); break;
    }
}

static void step_string_port(void)
{
    void *buffer = user_memory[1];
    uint64_t count = below(64);

    if (below(2))
        asm volatile("rep insb" : "+D"(buffer), "+c"(count) : "d"(any_port()) : "memory");
    else
        asm volatile("rep outsl" : "+S"(buffer), "+c"(count) : "d"(any_port()) : "memory");
}

static uint32_t any_msr(void)
{
    switch (below(5)) {
    case 0: return below(0x200);
    case 1: return IA32_APIC_BASE + below(0x500);
    case 2: return 0x800 + below(0x100);
    case 3: return 0xC0000000 + below(0x200);
    default: return (uint32_t)chance();
    }
}

/* Nobody sends it: Bochs' EOI does not end an interrupt of the spurious vector. */
#define SPURIOUS_VECTOR 0x0F

/* What the way back from ring 3 needs. The APIC goes by way of its other mode. */
static void restore_msrs(void)
{
    uint64_t base = rdmsr(IA32_APIC_BASE) & ~(uint64_t)APIC_BASE_EXTD;

    if (!(rdmsr(IA32_APIC_BASE) & APIC_BASE_EXTD)) {
        (void)try_wrmsr(IA32_APIC_BASE, base | APIC_BASE_EN);
        (void)try_wrmsr(IA32_APIC_BASE, base | APIC_BASE_EN | APIC_BASE_EXTD);
    }
    wrmsr(IA32_X2APIC_SIVR, SIVR_ENABLE | SPURIOUS_VECTOR);
    wrmsr(IA32_X2APIC_TPR, 0);
    (void)try_wrmsr(IA32_EFER, EFER_LME | EFER_LMA);
    wrmsr(IA32_SYSENTER_CS, 0);
    wrmsr(IA32_DEBUGCTL, 0);
}

#define ICR_MODE_MASK (7u << ICR_DELIVERY_SHIFT)

/* An INIT or a start-up at itself would be its end. */
static bool is_msr_write_left_out(uint32_t msr, uint64_t value)
{
    unsigned mode = (value & ICR_MODE_MASK) >> ICR_DELIVERY_SHIFT;

    return msr == IA32_X2APIC_ICR && (mode == DELIVERY_INIT || mode == DELIVERY_STARTUP);
}

static void step_msr(void)
{
    uint32_t msr = any_msr();
    uint64_t value;

    if (below(2)) {
        (void)try_rdmsr(msr, &value);
        return;
    }
    value = msr >= 0x800 && msr < 0x840 ? bits() | FIRST_VECTOR : bits();
    if (!is_msr_write_left_out(msr, value))
        (void)try_wrmsr(msr, value);
    restore_msrs();
}

static void step_control_register(void)
{
    uint64_t cr0 = cr0_read(), cr4 = cr4_read();

    if (below(2))
        (void)try_cr0(cr0 ^ bits());
    else
        (void)try_cr4(cr4 ^ bits());
    (void)try_cr4(cr4);
    (void)try_cr0(cr0);
}

static void step_vmx(void)
{
    void *operand = below(2) ? (void *)user_memory[1] : (void *)(chance() & 0xFFFFFFF8);

    switch (below(16)) {
    case 0: (void)try_vmxon(operand); break;
    case 1: (void)try_vmclear(operand); break;
    case 2: (void)try_vmptrld(operand); break;
    case 3: (void)try_vmptrst(user_memory[1]); break;
    case 4: (void)try_vmread(chance()); break;
    case 5: (void)try_vmwrite(chance()); break;
    case 6: (void)try_vmlaunch(); break;
    case 7: (void)try_vmresume(); break;
    case 8: (void)try_invept(operand); break;
    case 9: (void)try_invvpid(operand); break;
    case 10: (void)try_vmfunc(); break;
    case 11: (void)try_getsec(); break;
    case 12: (void)try_encls(); break;
    case 13: (void)try_vmcall((uint32_t)chance()); break;
    case 14: (void)try_invd(); break;
    case 15: (void)try_xsetbv(below(3), bits()); break;
    }
}

static void step_cpuid(void)
{
    uint32_t base = below(2) ? 0 : below(2) ? 0x80000000 : 0x40000000;

    (void)cpuid(base + below(0x40), below(16));
    (void)cpuid((uint32_t)chance(), (uint32_t)chance());
}

/* Close behind its own memory is that of a neighbour, if it can be reached at all. */
#define NEIGHBOURS_BYTES 0x10000000u
#define ACCESSES 32u

static uint64_t address_without_memory(void)
{
    uint64_t low_end = ram_low_end();

    switch (below(5)) {
    case 0: return GUEST_LOW_MEMORY_END + below(GUEST_BIOS_AREA - GUEST_LOW_MEMORY_END - 8);
    case 1: return 0xFEC00000 + below(0x300000);
    case 2: return GUEST_MEMORY_HIGH + (chance() & 0x3FFFFFFFFF);
    case 3: return low_end + below(NEIGHBOURS_BYTES);
    default: return low_end + chance() % (IDENTITY_END - low_end - 8);
    }
}

static void step_memory(void)
{
    for (unsigned i = 0; i < ACCESSES; i++) {
        uint64_t address = address_without_memory() & ~7ull;

        if (below(2))
            (void)load32(address);
        else
            store32(address, (uint32_t)bits());
    }
}

/* Then the local APIC gets a moment to deliver what it has. */
static void step_interrupt(void)
{
    uint64_t low = (bits() & UINT32_MAX & ~(uint64_t)ICR_MODE_MASK) | FIRST_VECTOR;
    uint64_t icr = (uint64_t)below(3) << 32 | low;

    if (below(2))
        send_self((uint8_t)(FIRST_VECTOR + below(256 - FIRST_VECTOR)));
    else
        (void)try_wrmsr(IA32_X2APIC_ICR,
                        icr | (below(2) ? DELIVERY_NMI << ICR_DELIVERY_SHIFT : 0));
    asm volatile("sti; nop; nop; cli");
}

static void step(void)
{
    switch (below(16)) {
    case 0: step_port(); break;
    case 1: step_string_port(); break;
    case 2: step_msr(); break;
    case 3: step_control_register(); break;
    case 4: step_vmx(); break;
    case 5: step_cpuid(); break;
    case 6: step_memory(); break;
    case 7: step_interrupt(); break;
    default: step_in_ring_3(); break;
    }
}

void guest_main(void)
{
    uint64_t ticks = cmdline_number("ticks", 100000000);
    uint64_t steps = 0;

    chance_state = cmdline_number("seed", 1) * 0x9E3779B97F4A7C15ull + 1;
    load_descriptors();
    map_user_memory();
    restore_msrs();
    say("ready");
    timer_deadline_mode(TIMER_VECTOR);
    while (read_typed() < ' ') {
        timer_deadline(rdtsc() + tsc_hz() / 100);
        wait_for_interrupt();
    }
    for (uint64_t begin = rdtsc(); rdtsc() - begin < ticks; steps++)
        step();
    (void)report(came_back > 0, "%llu steps, %llu of them in ring 3", (unsigned long long)steps,
                 (unsigned long long)came_back);
    say_done();
    power_off();
}
