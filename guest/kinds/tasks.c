/* SPDX-License-Identifier: MIT
 *
 * Task switches by hardware, seen from inside: by CALL and JMP to a TSS and to a
 * task gate, by interrupts, exceptions and NMIs through task gates, and back by
 * IRET and JMP; 32 and 16 bits, ring 3, virtual-8086 mode, two address spaces, with
 * 32-bit paging and with PAE; faults in the old task and in the new one; a double
 * fault on a broken stack. A Multiboot kernel.
 */
#include "guest/kinds/kinds.h"

#include "arch/insn.h"
#include "arch/spec/cr.h"
#include "arch/spec/multiboot1.h"

const char kind_name[] = "tasks";

#define REGISTER(name)                                           \
    static inline uint32_t get_##name(void)                      \
    {                                                            \
        uint32_t value;                                          \
        asm volatile("mov %%" #name ", %0" : "=r"(value));       \
        return value;                                            \
    }                                                            \
    static inline void set_##name(uint32_t value)                \
    {                                                            \
        asm volatile("mov %0, %%" #name : : "r"(value) : "memory"); \
    }
REGISTER(cr0)
REGISTER(cr3)
REGISTER(cr4)
REGISTER(dr6)

static inline uint32_t fault_address(void)
{
    uint32_t value;
    asm volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

/* Selectors of our GDT; the first two are those of the loader's. */
enum {
    CODE = 0x10, DATA = 0x18, USER_CODE = 0x20 | 3, USER_DATA = 0x28 | 3,
    MAIN = 0x30, OTHER = 0x38, SMALL = 0x40, RESCUE = 0x48, VIRTUAL = 0x50, HOME = 0x58,
    GATE = 0x60, BROKEN = 0x68, CODE_16 = 0x70, DATA_16 = 0x78, LOCAL_TABLE = 0x80,
    GDT_ENTRIES = 0x88 / 8,
};
#define LOCAL_DATA 0x04

/* Vectors of ours. */
enum { BY_GATE = 0x40, GO_HOME = 0x42, INTERRUPT = 0x50 };

struct tss {
    uint16_t link, unused;
    uint32_t esp0, ss0, esp1, ss1, esp2, ss2, cr3;
    uint32_t eip, eflags, gpr[8];
    uint32_t es, cs, ss, ds, fs, gs, ldt;
    uint16_t trap, io_map;
};
_Static_assert(sizeof(struct tss) == 0x68, "SDM Vol. 3A, 8.2.1 Task-State Segment (TSS)");

struct tss_16 {
    uint16_t link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags, gpr[8], es, cs, ss, ds, ldt;
};
_Static_assert(sizeof(struct tss_16) == 0x2C, "SDM Vol. 3A, 8.6 16-Bit Task-State Segment (TSS)");

enum { EAX, ECX, EDX, EBX, ESP };
#define STACK_BYTES 4096

static volatile struct tss main_tss, other_tss, rescue_tss, virtual_tss, home_tss, broken_tss;
static volatile struct tss_16 small_tss;
static uint8_t other_stack[STACK_BYTES], rescue_stack[STACK_BYTES], home_stack[STACK_BYTES],
    broken_stack[STACK_BYTES], small_stack[STACK_BYTES], ring_0_stack[STACK_BYTES];
static volatile uint64_t gdt[GDT_ENTRIES] __attribute__((aligned(8)));
static volatile uint64_t ldt[1] __attribute__((aligned(8)));
static volatile uint64_t idt[256] __attribute__((aligned(8)));

/* ---- Code that tasks begin with ---- */

extern const char task_entry[], task_error_entry[], home_entry[], user_entry[];
extern const char small_entry[], virtual_entry[], virtual_entry_end[];
void (*volatile task_body)(void);
volatile uint32_t task_error_code, user_was_here, small_was_here;

asm(".globl task_entry, task_error_entry, home_entry, user_entry\n"
    "task_entry: call *task_body\n"
    "   iret\n"
    "   jmp task_entry\n"
    "task_error_entry: popl task_error_code\n"
    "   call *task_body\n"
    "   iret\n"
    "   jmp task_error_entry\n"
    /* For what cannot come back by itself: to MAIN, whose switch was by JMP. */
    "home_entry: ljmp $0x30, $0\n"
    "   jmp home_entry\n"
    "user_entry: mov %cs, %eax\n"
    "   mov %eax, user_was_here\n"
    "   int $0x42\n"
    "   jmp user_entry\n"
    ".code16\n"
    ".globl small_entry, virtual_entry, virtual_entry_end\n"
    "small_entry: mov %sp, %ss:0\n" /* the segment begins with what it tells */
    "   mov %bx, %ss:2\n"
    "   iret\n"
    "   jmp small_entry\n"
    "virtual_entry: mov %cs, %ax\n"
    "   mov %ax, 0x100\n"
    "   mov %ss, %ax\n"
    "   mov %ax, 0x102\n"
    "   int $0x42\n"
    "   jmp virtual_entry\n"
    "virtual_entry_end:\n"
    ".code32\n");

/* ---- Tables ---- */

#define FLAT(access) (0x00CF00000000FFFFull | (uint64_t)(access) << 40)

static uint64_t segment(uint32_t base, uint32_t limit, uint32_t access)
{
    return (limit & 0xFFFF) | (uint64_t)(base & 0xFFFFFF) << 16 | (uint64_t)access << 40 |
           (uint64_t)(base >> 24) << 56;
}

static uint64_t tss(const volatile void *at, uint32_t bytes)
{
    return segment((uint32_t)at, bytes - 1, bytes < sizeof(struct tss) ? 0x81 : 0x89);
}

static uint64_t task_gate(uint16_t selector, unsigned dpl)
{
    return (uint64_t)selector << 16 | (uint64_t)(0x85 | dpl << 5) << 40;
}

static uint64_t interrupt_gate(const char *handler)
{
    uint32_t at = (uint32_t)handler;
    return (at & 0xFFFF) | (uint64_t)CODE << 16 | (uint64_t)0x8E << 40 |
           (uint64_t)(at >> 16) << 48;
}

static bool is_busy(uint16_t selector)
{
    return gdt[selector / 8] >> 41 & 1;
}

static void not_busy(uint16_t selector)
{
    gdt[selector / 8] &= ~(1ull << 41);
}

/* A task at ring 0 in the address space of this one. */
static void make_task(volatile struct tss *task, const char *entry, uint8_t *stack)
{
    volatile uint32_t *bytes = (volatile uint32_t *)task;

    for (unsigned i = 0; i < sizeof *task / 4; i++)
        bytes[i] = 0;
    task->eip = (uint32_t)entry;
    task->eflags = 2;
    task->gpr[ESP] = (uint32_t)stack + STACK_BYTES;
    task->cs = CODE;
    task->ss = task->ds = task->es = DATA;
    task->cr3 = get_cr3();
    task->esp0 = (uint32_t)ring_0_stack + STACK_BYTES;
    task->ss0 = DATA;
    task->io_map = sizeof *task;
}

static void load_tables(void)
{
    struct __attribute__((packed)) { uint16_t limit; uint32_t base; } gdtr, idtr;

    gdt[CODE / 8] = FLAT(0x9A);
    gdt[DATA / 8] = FLAT(0x92);
    gdt[USER_CODE / 8] = FLAT(0xFA);
    gdt[USER_DATA / 8] = FLAT(0xF2);
    gdt[MAIN / 8] = tss(&main_tss, sizeof main_tss);
    gdt[OTHER / 8] = tss(&other_tss, sizeof other_tss);
    gdt[SMALL / 8] = tss(&small_tss, sizeof small_tss);
    gdt[RESCUE / 8] = tss(&rescue_tss, sizeof rescue_tss);
    gdt[VIRTUAL / 8] = tss(&virtual_tss, sizeof virtual_tss);
    gdt[HOME / 8] = tss(&home_tss, sizeof home_tss);
    gdt[BROKEN / 8] = tss(&broken_tss, sizeof broken_tss);
    gdt[GATE / 8] = task_gate(OTHER, 0);
    gdt[CODE_16 / 8] = segment((uint32_t)small_entry, 0xFFFF, 0x9A);
    gdt[DATA_16 / 8] = segment((uint32_t)small_stack, STACK_BYTES - 1, 0x92);
    gdt[LOCAL_TABLE / 8] = segment((uint32_t)ldt, sizeof ldt - 1, 0x82);
    ldt[0] = FLAT(0x92);
    gdtr.limit = sizeof gdt - 1;
    gdtr.base = (uint32_t)gdt;
    idtr.limit = sizeof idt - 1;
    idtr.base = (uint32_t)idt;
    asm volatile("lgdt %0; lidt %1" : : "m"(gdtr), "m"(idtr));
    asm volatile("ltr %w0" : : "r"(MAIN));
}

/* ---- Paging: two address spaces that differ in one page ---- */

#define PAGE_BITS 0x83u /* 4 or 2 MiB, writable, present */
#define USER 4u
#define PLACE 0x80000000u /* where they differ */

static volatile uint32_t directories[2][1024] __attribute__((aligned(4096)));
static volatile uint64_t pdpts[2][512] __attribute__((aligned(4096)));
static volatile uint64_t pae_directories[2][4][512] __attribute__((aligned(4096)));
static const uint32_t pages[2] = { 0x800000, 0xC00000 };

static void build_paging(void)
{
    for (uint32_t space = 0; space < 2; space++) {
        for (uint32_t i = 0; i < 1024; i++)
            directories[space][i] = i << 22 | PAGE_BITS | USER;
        directories[space][PLACE >> 22] = pages[space] | PAGE_BITS;
        directories[space][(PLACE >> 22) + 1] = 0;
        for (uint32_t i = 0; i < 4 * 512; i++)
            pae_directories[space][i / 512][i % 512] = i << 21 | PAGE_BITS | USER;
        pae_directories[space][2][0] = pages[space] | PAGE_BITS;
        pae_directories[space][2][2] = 0; /* PLACE + 4 MiB */
        for (uint32_t i = 0; i < 4; i++)
            pdpts[space][i] = (uint32_t)pae_directories[space][i] | 1;
        *(volatile uint32_t *)pages[space] = 0x5ACE0000 + space;
    }
}

static uint32_t space_of(unsigned space)
{
    return get_cr4() & CR4_PAE ? (uint32_t)pdpts[space] : (uint32_t)directories[space];
}

static uint32_t place(void)
{
    return *(volatile uint32_t *)PLACE;
}

static void turn_paging_on(bool pae)
{
    set_cr0(get_cr0() & ~(uint32_t)CR0_PG);
    set_cr4(pae ? CR4_PAE : CR4_PSE);
    main_tss.cr3 = space_of(0); /* which no switch saves */
    set_cr3(space_of(0));
    set_cr0(get_cr0() | (uint32_t)(CR0_PG | CR0_WP));
}

/* ---- What a task sees ---- */

static volatile struct {
    unsigned times;
    uint32_t eflags, cr0, esp, place, tr;
    bool main_is_busy, other_is_busy;
    uint32_t dr6;
} seen;

static uint32_t eflags(void)
{
    uint32_t value;
    asm volatile("pushf; pop %0" : "=r"(value));
    return value;
}

static uint32_t task_register(void)
{
    uint32_t value;
    asm volatile("str %0" : "=r"(value));
    return value & 0xFFFF;
}

static void look(void)
{
    seen.times++;
    seen.eflags = eflags();
    seen.cr0 = get_cr0();
    asm volatile("mov %%esp, %0" : "=r"(seen.esp));
    seen.tr = task_register();
    seen.main_is_busy = is_busy(MAIN);
    seen.other_is_busy = is_busy(OTHER);
    if (get_cr0() & CR0_PG)
        seen.place = place();
}

static bool was_nested(unsigned times)
{
    return seen.times == times && (seen.eflags & RFLAGS_NT) && (seen.cr0 & CR0_TS) &&
           seen.main_is_busy && seen.other_is_busy && other_tss.link == MAIN && seen.tr == OTHER;
}

/* In the old task again, which is as it was. */
static bool is_back(void)
{
    return task_register() == MAIN && is_busy(MAIN) && !is_busy(OTHER) && !(eflags() & RFLAGS_NT);
}

static void begin(void)
{
    seen.times = 0;
    task_error_code = 0;
    make_task(&other_tss, task_entry, other_stack);
    not_busy(OTHER);
    task_body = look;
    asm volatile("clts");
}

/* ---- Ways to switch ---- */

static void call_and_jump(void)
{
    uint32_t marks[2] = { 0x11223344, 0x55667788 };

    begin();
    other_tss.gpr[EBX] = 0xCAFE;
    asm volatile("lcall $0x38, $0" : "+S"(marks[0]), "+D"(marks[1]) : : "memory", "eax", "ecx", "edx");
    report(was_nested(1) && is_back(), "CALL to a TSS nests, IRET returns");
    report(marks[0] == 0x11223344 && marks[1] == 0x55667788 && (get_cr0() & CR0_TS),
           "registers are back, TS is set");
    report(other_tss.eip == (uint32_t)task_entry + 7 && !(other_tss.eflags & RFLAGS_NT),
           "IRET leaves its own task behind itself and without NT");
    asm volatile("lcall $0x38, $0" : : : "memory", "eax", "ecx", "edx");
    report(was_nested(2) && is_back(), "the task goes on where it left");
    asm volatile("lcall $0x60, $0" : : : "memory", "eax", "ecx", "edx");
    report(was_nested(3) && is_back(), "CALL through a task gate");
}

static void jump_home(void)
{
    look();
    asm volatile("ljmp $0x30, $0");
}

static void jump(void)
{
    begin();
    task_body = jump_home;
    other_tss.link = 0x7777;
    asm volatile("ljmp $0x38, $0" : : : "memory", "eax", "ecx", "edx");
    report(seen.times == 1 && !(seen.eflags & RFLAGS_NT) && !seen.main_is_busy &&
               seen.other_is_busy && other_tss.link == 0x7777 && is_back(),
           "JMP to a TSS and back");
}

static void local_table(void)
{
    uint32_t selector;

    begin();
    other_tss.ldt = LOCAL_TABLE;
    other_tss.ds = LOCAL_DATA;
    asm volatile("lcall $0x38, $0" : : : "memory", "eax", "ecx", "edx");
    asm volatile("sldt %0" : "=r"(selector));
    report(seen.times == 1 && is_back() && (selector & 0xFFFF) == 0, "segments of an LDT");
}

static void interrupts(void)
{
    begin();
    idt[BY_GATE] = task_gate(OTHER, 0);
    asm volatile("int $0x40" : : : "memory", "eax", "ecx", "edx");
    report(was_nested(1) && is_back(), "INT n through a task gate, and behind it");

    begin();
    idt[VECTOR_BP] = task_gate(OTHER, 0);
    asm volatile("int3" : : : "memory", "eax", "ecx", "edx");
    report(was_nested(1) && is_back(), "INT3 through a task gate, and behind it");

    begin();
    idt[VECTOR_DB] = task_gate(OTHER, 0);
    asm volatile(".byte 0xF1" : : : "memory", "eax", "ecx", "edx");
    report(was_nested(1) && is_back(), "INT1 through a task gate, and behind it");
}

/* ---- By the local APIC ---- */

#define APIC_PAGE 0xFEE00000u
enum { APIC_EOI = 0xB0, APIC_SIVR = 0xF0, APIC_ICR = 0x300, APIC_ICR_HIGH = 0x310 };
#define NMI_TO_DESTINATION 0x4400u
#define FIXED_TO_SELF (0x44000u | INTERRUPT)

static volatile uint32_t *apic(uint32_t offset)
{
    return (volatile uint32_t *)(APIC_PAGE + offset);
}

static void end_interrupt(void)
{
    look();
    *apic(APIC_EOI) = 0;
}

static void external_interrupt(void)
{
    *apic(APIC_SIVR) = 0x1FF;
    begin();
    task_body = end_interrupt;
    idt[INTERRUPT] = task_gate(OTHER, 0);
    *apic(APIC_ICR) = FIXED_TO_SELF;
    asm volatile("sti; nop; nop; cli" : : : "memory", "eax", "ecx", "edx");
    report(was_nested(1) && is_back() && !(seen.eflags & RFLAGS_IF),
           "an interrupt through a task gate");
}

/* The second NMI comes behind the IRET, that is to say in the old task. */
static void nmi_in_nmi(void)
{
    look();
    if (seen.times == 1) {
        *apic(APIC_ICR) = NMI_TO_DESTINATION;
        for (unsigned i = 0; i < 1000; i++)
            cpu_pause();
        seen.place = seen.times;
    }
}

static void nmi(void)
{
    begin();
    task_body = nmi_in_nmi;
    idt[VECTOR_NMI] = task_gate(OTHER, 0);
    *apic(APIC_ICR_HIGH) = 0;
    *apic(APIC_ICR) = NMI_TO_DESTINATION;
    for (unsigned i = 0; i < 1000; i++)
        cpu_pause();
    report(was_nested(2) && is_back(), "an NMI through a task gate");
    report(seen.place != 2, "NMIs wait for the IRET of the task");
}

/* ---- Exceptions ---- */

/* Where the old task goes on, in place of the instruction that failed. */
volatile uint32_t go_on_at;
#define FAILING(instruction) "movl $1f, go_on_at\n" instruction "\n1:"

static void go_on(void)
{
    look();
    main_tss.eip = go_on_at;
}

static void exception_with_error_code(void)
{
    begin();
    other_tss.eip = (uint32_t)task_error_entry;
    task_body = go_on;
    idt[VECTOR_GP] = task_gate(OTHER, 0);
    asm volatile(FAILING("mov %w0, %%fs") : : "r"(0x1230) : "memory", "ecx", "edx");
    report(was_nested(1) && task_error_code == 0x1230 && is_back(),
           "an exception through a task gate, with its error code");
    report(seen.esp + 4 == (uint32_t)other_stack + STACK_BYTES, "which IRET does not find");
    report(main_tss.eflags & RFLAGS_RF, "the old task has RF set");
}

static void debug_home(void)
{
    look();
    seen.dr6 = get_dr6();
    other_tss.trap = 0; /* or the return to it would trap again */
}

static void trap_bit(void)
{
    begin();
    make_task(&rescue_tss, task_entry, rescue_stack);
    not_busy(RESCUE);
    idt[VECTOR_DB] = task_gate(RESCUE, 0);
    other_tss.trap = 1;
    other_tss.eip = (uint32_t)home_entry; /* the debug exception comes before it */
    task_body = debug_home;
    set_dr6(0);
    asm volatile("ljmp $0x38, $0" : : : "memory", "eax", "ecx", "edx");
    report(seen.times == 1 && seen.tr == RESCUE && (seen.dr6 & BIT(15)) &&
               rescue_tss.link == OTHER && is_back(),
           "the T bit traps before the first instruction");
    set_dr6(0);
}

/* ---- Other kinds of tasks ---- */

static void sixteen_bits(void)
{
    volatile uint16_t *told = (volatile uint16_t *)small_stack;

    begin();
    small_tss = (struct tss_16){ .ip = 0, .flags = 2, .cs = CODE_16, .ss = DATA_16,
                                 .ds = DATA, .es = DATA };
    small_tss.gpr[ESP] = STACK_BYTES;
    small_tss.gpr[EBX] = 0xBEEF;
    asm volatile("lcall $0x40, $0" : : : "memory");
    report(told[0] == STACK_BYTES && told[1] == 0xBEEF && small_tss.link == MAIN &&
               task_register() == MAIN && !is_busy(SMALL) && is_busy(MAIN),
           "a TSS of 16 bits, there and back");
    asm volatile("lcall $0x40, $0" : : : "memory");
    report(task_register() == MAIN && small_tss.ip > 0, "and again");
}

static void ring_3(void)
{
    begin();
    make_task(&home_tss, home_entry, home_stack);
    not_busy(HOME);
    idt[GO_HOME] = task_gate(HOME, 3);
    other_tss.eip = (uint32_t)user_entry;
    other_tss.cs = USER_CODE;
    other_tss.ss = other_tss.ds = other_tss.es = USER_DATA;
    user_was_here = 0;
    asm volatile("ljmp $0x38, $0" : : : "memory", "eax", "ecx", "edx");
    report(user_was_here == USER_CODE && task_register() == MAIN && home_tss.link == OTHER,
           "a task at ring 3");
    report(other_tss.cs == USER_CODE && other_tss.eip > (uint32_t)user_entry, "which was saved");
}

#define VIRTUAL_PAGE 0x8000u

static void virtual_8086(void)
{
    volatile uint16_t *told = (volatile uint16_t *)(VIRTUAL_PAGE + 0x100);

    for (uint32_t i = 0; i < (uint32_t)(virtual_entry_end - virtual_entry); i++)
        ((volatile uint8_t *)VIRTUAL_PAGE)[i] = (uint8_t)virtual_entry[i];
    make_task(&home_tss, home_entry, home_stack);
    not_busy(HOME);
    idt[GO_HOME] = task_gate(HOME, 3);
    make_task(&virtual_tss, (const char *)0, ring_0_stack);
    not_busy(VIRTUAL);
    virtual_tss.eflags = (uint32_t)(RFLAGS_VM | RFLAGS_IOPL) | 2;
    virtual_tss.cs = virtual_tss.ds = VIRTUAL_PAGE >> 4;
    virtual_tss.ss = 0x900;
    virtual_tss.gpr[ESP] = 0x100;
    asm volatile("ljmp $0x50, $0" : : : "memory", "eax", "ecx", "edx");
    report(told[0] == VIRTUAL_PAGE >> 4 && told[1] == 0x900 && task_register() == MAIN,
           "a task in virtual-8086 mode");
    report((virtual_tss.eflags & RFLAGS_VM) && virtual_tss.cs == VIRTUAL_PAGE >> 4,
           "which was saved as such");
}

/* ---- Address spaces ---- */

static void address_spaces(const char *text)
{
    begin();
    other_tss.cr3 = space_of(1);
    (void)place();
    asm volatile("lcall $0x38, $0" : : : "memory", "eax", "ecx", "edx");
    report(was_nested(1) && seen.place == 0x5ACE0001 && place() == 0x5ACE0000 && is_back() &&
               get_cr3() == space_of(0),
           text);
}

/* ---- Faults ---- */

static volatile uint32_t fault_link, fault_cr2, fault_eip;

/* What went wrong is behind us: the task that did it is abandoned. */
static void fault_home(void)
{
    look();
    fault_link = rescue_tss.link;
    fault_cr2 = fault_address();
    fault_eip = rescue_tss.link == MAIN ? main_tss.eip : broken_tss.eip;
    rescue_tss.eflags = 2;
    asm volatile("ljmp $0x30, $0");
}

static void faults_go_to_rescue(unsigned vector)
{
    begin();
    make_task(&rescue_tss, task_error_entry, rescue_stack);
    not_busy(RESCUE);
    make_task(&broken_tss, task_entry, broken_stack);
    not_busy(BROKEN);
    gdt[BROKEN / 8] = tss(&broken_tss, sizeof broken_tss);
    task_body = fault_home;
    idt[vector] = task_gate(RESCUE, 0);
}

static void jump_to_broken(void)
{
    asm volatile("ljmp $0x68, $0" : : : "memory", "eax", "ecx", "edx");
}

static void faults_of_a_new_task(void)
{
    static const struct {
        uint8_t vector;
        uint16_t cs, ss, ds, ldt;
        uint32_t error_code;
        const char *text;
    } table[] = {
        { VECTOR_TS, CODE, DATA, DATA, DATA, DATA, "#TS by the LDT of a new task" },
        { VECTOR_TS, CODE, CODE, DATA, 0, CODE, "#TS by its SS" },
        { VECTOR_TS, DATA, DATA, DATA, 0, DATA, "#TS by its CS" },
        { VECTOR_TS, CODE, DATA, 0x88, 0, 0x88, "#TS by its DS" },
        { VECTOR_NP, CODE, DATA, CODE_16, 0, CODE_16, "#NP by its DS" },
        { VECTOR_SS, CODE, DATA_16, DATA, 0, DATA_16, "#SS by its SS" },
    };

    gdt[CODE_16 / 8] &= ~(1ull << 47);
    gdt[DATA_16 / 8] &= ~(1ull << 47);
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        faults_go_to_rescue(table[i].vector);
        broken_tss.cs = table[i].cs;
        broken_tss.ss = table[i].ss;
        broken_tss.ds = table[i].ds;
        broken_tss.ldt = table[i].ldt;
        jump_to_broken();
        report(seen.times == 1 && task_error_code == table[i].error_code &&
                   fault_link == BROKEN && fault_eip == (uint32_t)task_entry &&
                   task_register() == MAIN,
               table[i].text);
    }
    load_tables();
}

static void look_and_go_on(void)
{
    seen.times++;
    fault_cr2 = fault_address();
    fault_link = rescue_tss.link;
    main_tss.eip = go_on_at;
}

static void faults_of_the_old_task(void)
{
    faults_go_to_rescue(VECTOR_TS);
    task_body = look_and_go_on;
    gdt[BROKEN / 8] = tss(&broken_tss, sizeof broken_tss) - 1; /* a byte too short */
    asm volatile(FAILING("ljmp $0x68, $0") : : : "memory", "eax", "ecx", "edx");
    report(seen.times == 1 && task_error_code == BROKEN && fault_link == MAIN &&
               task_register() == MAIN,
           "#TS in the old task by a short TSS");

    faults_go_to_rescue(VECTOR_PF);
    task_body = look_and_go_on;
    gdt[BROKEN / 8] = segment(PLACE + 0x400000, sizeof(struct tss) - 1, 0x89);
    asm volatile(FAILING("ljmp $0x68, $0") : : : "memory", "eax", "ecx", "edx");
    report(seen.times == 1 && fault_cr2 == PLACE + 0x400000 && fault_link == MAIN &&
               task_register() == MAIN,
           "#PF in the old task by its address");
}

/* A page fault on a stack that is not there. The stack is in EBX meanwhile. */
static void double_fault(void)
{
    faults_go_to_rescue(VECTOR_DF);
    task_error_code = 1;
    task_body = look_and_go_on;
    idt[VECTOR_PF] = interrupt_gate(task_entry);
    asm volatile("mov %%esp, %%ebx\n"
                 "mov %0, %%esp\n"
                 FAILING("push %%eax") "\n"
                 "mov %%ebx, %%esp"
                 : : "r"(PLACE + 0x400800) : "memory", "ebx", "ecx", "edx");
    report(seen.times == 1 && task_error_code == 0 && task_register() == MAIN &&
               main_tss.gpr[ESP] == PLACE + 0x400800,
           "a double fault through a task gate, on a broken stack");
}

/* ---- All ---- */

static void all_ways(void)
{
    call_and_jump();
    jump();
    local_table();
    interrupts();
    external_interrupt();
    nmi();
    exception_with_error_code();
    trap_bit();
    sixteen_bits();
    ring_3();
    virtual_8086();
}

void kind_main(const struct state *state)
{
    check_state(state, MULTIBOOT1_LOADER_MAGIC);
    build_paging();
    load_tables();
    all_ways();
    turn_paging_on(false);
    address_spaces("an address space each, 32-bit paging");
    faults_of_a_new_task();
    faults_of_the_old_task();
    double_fault();
    turn_paging_on(true);
    address_spaces("an address space each, PAE paging");
    double_fault();
    all_ways();
    finish();
}
