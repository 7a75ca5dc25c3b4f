/* SPDX-License-Identifier: MIT
 *
 * Instructions of every family on memory that is none: each is executed by the
 * processor on RAM, and again on an address without RAM, where the hypervisor
 * has to do it. Registers and flags must be the same after both, and so must a
 * device's register and the bytes of RAM. In 16, 32 and 64-bit code, with bases of
 * segments, across pages, with faults, and with counts that have no end.
 */
#include "guest/local_apic.h"

#include "arch/spec/cpuid.h"
#include "hv/text.h"

const char guest_name[] = "operands";

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define HOLE 0xD0000000ull      /* reads as ones */
#define UNMAPPED 0x200000000ull /* linear, in no table */
#define TIMER_VECTOR 0x40

/* ---- Running code with registers of our choice ---- */

enum mode { MODE_16, MODE_32, MODE_64, MODE_COUNT };

static const unsigned mode_bits[] = { 16, 32, 64 };

struct context {
    uint64_t rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, rflags;
    uint64_t data; /* selector for DS and ES */
};

/* In the order of the numbers below. */
static uint64_t gdt[8] __attribute__((aligned(8))) = {
    [2] = 0x00AF9B000000FFFF, /* as the library's */
    [3] = 0x00CF93000000FFFF,
    [4] = 0x008F9B000000FFFF, /* 16-bit code */
    [5] = 0x00CF9B000000FFFF, /* 32-bit code */
};

#define CODE_64 0x10
#define DATA_FLAT 0x18
#define DATA_BASED 0x30
#define DATA_SMALL 0x38

static const uint16_t code_selectors[] = { 0x20, 0x28, CODE_64 };

void runner_run(struct context *context);
extern const uint8_t runner_back[];

struct __attribute__((packed)) far_pointer { uint32_t offset; uint16_t selector; };
struct far_pointer runner_target;
uint64_t runner_rsp;

asm(".text\nrunner_run:\n"
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "mov %rdi, runner_context(%rip)\n"
    "mov %rsp, runner_rsp(%rip)\n"
    "mov 72(%rdi), %eax; mov %eax, %ds; mov %eax, %es\n"
    "pushq 64(%rdi); popfq\n"
    "mov 0(%rdi), %rax; mov 8(%rdi), %rcx; mov 16(%rdi), %rdx; mov 24(%rdi), %rbx\n"
    "mov 32(%rdi), %rbp; mov 40(%rdi), %rsi; mov 56(%rdi), %r8; mov 48(%rdi), %rdi\n"
    "lcall *runner_target(%rip)\n"
    ".globl runner_back\nrunner_back:\n"
    "mov %rdi, runner_rdi(%rip)\n"
    "mov runner_context(%rip), %rdi\n"
    "pushfq; popq 64(%rdi); cld\n"
    "mov %rax, 0(%rdi); mov %rcx, 8(%rdi); mov %rdx, 16(%rdi); mov %rbx, 24(%rdi)\n"
    "mov %rbp, 32(%rdi); mov %rsi, 40(%rdi); mov %r8, 56(%rdi)\n"
    "mov runner_rdi(%rip), %rax; mov %rax, 48(%rdi)\n"
    "mov $0x18, %eax; mov %eax, %ds; mov %eax, %es\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "ret\n"
    ".local runner_context\n.comm runner_context,8,8\n"
    ".local runner_rdi\n.comm runner_rdi,8,8\n");

static volatile bool expecting; /* code of ours runs */
static volatile uint64_t fault, fault_error, fault_cr2;
static volatile uint64_t ticks;

bool guest_interrupted(struct frame *frame)
{
    if (frame->vector == TIMER_VECTOR) {
        ticks++;
        apic_write(XAPIC_EOI, 0);
    } else if (!expecting || frame->vector > 31) {
        return false;
    } else {
        fault = frame->vector;
        fault_error = frame->error_code;
        fault_cr2 = cr2_read();
    }
    if (!expecting)
        return true;
    frame->rip = (uint64_t)runner_back;
    frame->cs = CODE_64;
    frame->ss = DATA_FLAT;
    frame->rsp = runner_rsp;
    return true;
}

static void set_base(unsigned selector, uint64_t base, uint32_t limit)
{
    gdt[selector / 8] = 0x0040930000000000 | (limit & 0xFFFF) |
                        (uint64_t)(limit >> 16 & 0xF) << 48 | (base & 0xFFFFFF) << 16 |
                        (base >> 24 & 0xFF) << 56;
    if (limit > 0xFFFFF)
        gdt[selector / 8] = (gdt[selector / 8] & ~(0xFull << 48)) | 0x008F00000000FFFF;
}

#define CODE_MAX 32
static uint8_t code[CODE_MAX] __attribute__((aligned(64)));

/* The vector of its fault, or NO_FAULT. */
static unsigned run(enum mode mode, const uint8_t *bytes, size_t count, struct context *context)
{
    size_t at = 0;
    for (; at < count; at++)
        code[at] = bytes[at];
    if (mode == MODE_16)
        code[at++] = 0x66;
    code[at] = 0xCB; /* far return, by 32 bits */
    runner_target = (struct far_pointer){ (uint32_t)(uint64_t)code, code_selectors[mode] };
    fault = NO_FAULT;
    expecting = true;
    runner_run(context);
    expecting = false;
    return (unsigned)fault;
}

/* ---- Forms ---- */

#define FLAGS_ALL RFLAGS_STATUS
#define NO_AF RFLAGS_AF
#define NO_OF RFLAGS_OF
enum { BYTE = 1, IMMEDIATE_8 = 2, IMMEDIATE = 4, LOCKABLE = 8 };

struct form {
    uint16_t opcode;     /* with 0F before it, if that is in the upper byte */
    uint16_t undefined;  /* flags */
    uint8_t reg;         /* the field of ModRM */
    uint8_t flags;
};

#define MUL_FLAGS (RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF)
#define BIT_FLAGS (RFLAGS_PF | RFLAGS_AF | RFLAGS_SF | RFLAGS_OF)
#define SCAN_FLAGS (FLAGS_ALL & ~RFLAGS_ZF)

static const struct form forms[] = {
    { 0x84, NO_AF, 1, BYTE }, { 0x85, NO_AF, 1, 0 },
    { 0x86, 0, 1, BYTE | LOCKABLE }, { 0x87, 0, 1, LOCKABLE },
    { 0x88, 0, 1, BYTE }, { 0x89, 0, 1, 0 }, { 0x8A, 0, 1, BYTE }, { 0x8B, 0, 1, 0 },
    { 0x88, 0, 5, BYTE }, { 0x8A, 0, 5, BYTE }, /* CH */
    { 0xC6, 0, 0, BYTE | IMMEDIATE_8 }, { 0xC7, 0, 0, IMMEDIATE },
    { 0x69, MUL_FLAGS, 1, IMMEDIATE }, { 0x6B, MUL_FLAGS, 1, IMMEDIATE_8 },
    { 0xF6, NO_AF, 0, BYTE | IMMEDIATE_8 }, { 0xF7, NO_AF, 0, IMMEDIATE },
    { 0xF6, 0, 2, BYTE | LOCKABLE }, { 0xF7, 0, 2, LOCKABLE },
    { 0xF6, 0, 3, BYTE | LOCKABLE }, { 0xF7, 0, 3, LOCKABLE },
    { 0xF6, MUL_FLAGS, 4, BYTE }, { 0xF7, MUL_FLAGS, 4, 0 },
    { 0xF6, MUL_FLAGS, 5, BYTE }, { 0xF7, MUL_FLAGS, 5, 0 },
    { 0xF7, FLAGS_ALL, 6, 0 },
    { 0xFE, 0, 0, BYTE | LOCKABLE }, { 0xFF, 0, 0, LOCKABLE },
    { 0xFE, 0, 1, BYTE | LOCKABLE }, { 0xFF, 0, 1, LOCKABLE },
    { 0x0FA3, BIT_FLAGS, 2, 0 }, { 0x0FAB, BIT_FLAGS, 2, LOCKABLE }, /* bit 127 */
    { 0x0FB3, BIT_FLAGS, 2, LOCKABLE }, { 0x0FBB, BIT_FLAGS, 2, LOCKABLE },
    { 0x0FBA, BIT_FLAGS, 4, IMMEDIATE_8 }, { 0x0FBA, BIT_FLAGS, 5, IMMEDIATE_8 | LOCKABLE },
    { 0x0FBA, BIT_FLAGS, 6, IMMEDIATE_8 | LOCKABLE },
    { 0x0FBA, BIT_FLAGS, 7, IMMEDIATE_8 | LOCKABLE },
    { 0x0FBC, SCAN_FLAGS, 1, 0 }, { 0x0FBD, SCAN_FLAGS, 1, 0 },
    { 0x0FA4, NO_AF | NO_OF, 2, IMMEDIATE_8 }, { 0x0FAC, NO_AF | NO_OF, 2, IMMEDIATE_8 },
    { 0x0FA5, NO_AF | NO_OF, 2, 0 }, { 0x0FAD, NO_AF | NO_OF, 2, 0 },
    { 0x0FAF, MUL_FLAGS, 1, 0 },
    { 0x0FB0, 0, 1, BYTE | LOCKABLE }, { 0x0FB1, 0, 1, LOCKABLE },
    { 0x0FC0, 0, 1, BYTE | LOCKABLE }, { 0x0FC1, 0, 1, LOCKABLE },
    { 0x0FB6, 0, 1, 0 }, { 0x0FB7, 0, 1, 0 }, { 0x0FBE, 0, 1, 0 }, { 0x0FBF, 0, 1, 0 },
    { 0x0FC7, 0, 1, LOCKABLE },
    { 0x0F42, 0, 1, 0 }, { 0x0F4F, 0, 1, 0 }, { 0x0F94, 0, 0, 0 }, { 0x0F9C, 0, 0, 0 },
    { 0x8C, 0, 3, 0 },
};

/* Also: the eight operations with ModRM in four forms and three with immediates,
 * and the shifts by an immediate, by 1 and by CL. */
#define ARITHMETIC_FORMS (8 * 7)
#define SHIFT_FORMS (8 * 6)
#define FORM_COUNT (COUNT(forms) + ARITHMETIC_FORMS + SHIFT_FORMS)

static struct form arithmetic_form(unsigned index)
{
    unsigned operation = index / 7, which = index % 7;
    uint16_t undefined = operation == 1 || operation == 4 || operation == 6 ? NO_AF : 0;
    uint8_t lockable = operation == 7 ? 0 : LOCKABLE;

    if (which < 4)
        return (struct form){ (uint16_t)(operation * 8 + which), undefined, 1,
                              (uint8_t)((which & 1 ? 0 : BYTE) | (which < 2 ? lockable : 0)) };
    if (which == 4)
        return (struct form){ 0x80, undefined, (uint8_t)operation,
                              (uint8_t)(BYTE | IMMEDIATE_8 | lockable) };
    if (which == 5)
        return (struct form){ 0x81, undefined, (uint8_t)operation,
                              (uint8_t)(IMMEDIATE | lockable) };
    return (struct form){ 0x83, undefined, (uint8_t)operation, (uint8_t)(IMMEDIATE_8 | lockable) };
}

/* C0 C1 D0 D1 D2 D3; by 1, OF is defined. */
static struct form shift_form(unsigned index)
{
    static const uint8_t opcodes[] = { 0xC0, 0xC1, 0xD0, 0xD1, 0xD2, 0xD3 };
    unsigned which = index % 6;
    uint16_t undefined = which == 2 || which == 3 ? NO_AF : NO_AF | NO_OF;

    return (struct form){ opcodes[which], undefined, (uint8_t)(index / 6),
                          (uint8_t)((which & 1 ? 0 : BYTE) | (which < 2 ? IMMEDIATE_8 : 0)) };
}

static struct form form_at(unsigned index)
{
    if (index < COUNT(forms))
        return forms[index];
    index -= COUNT(forms);
    return index < ARITHMETIC_FORMS ? arithmetic_form(index) : shift_form(index - ARITHMETIC_FORMS);
}

/* With [RBX], [EBX] or [BX]. Returns the length. */
static size_t encode(const struct form *form, enum mode mode, uint8_t prefix, uint8_t *bytes)
{
    bool narrow = (mode == MODE_16) != (prefix == 0x66);
    size_t at = 0;

    if (prefix)
        bytes[at++] = prefix;
    if (form->opcode >> 8)
        bytes[at++] = 0x0F;
    bytes[at++] = (uint8_t)form->opcode;
    bytes[at++] = (uint8_t)(form->reg << 3 | (mode == MODE_16 ? 7 : 3));
    if (form->flags & IMMEDIATE_8)
        bytes[at++] = 0x03;
    if (form->flags & IMMEDIATE)
        for (unsigned i = 0; i < (narrow ? 2u : 4u); i++)
            bytes[at++] = (uint8_t)(0x91 + 7 * i);
    return at;
}

/* ---- The same on RAM and elsewhere ---- */

static uint8_t ram[64] __attribute__((aligned(64)));

static unsigned wrong;

static void complain(const char *what, enum mode mode, const uint8_t *bytes, size_t count,
                     uint64_t expected, uint64_t found)
{
    char text[3 * CODE_MAX + 1] = "";
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += text_format(text + length, sizeof text - length, " %02x", bytes[i]);
    if (wrong++ < 8)
        say("%s, %u bits,%s: %llx, not %llx", what, mode_bits[mode], text,
            (unsigned long long)found, (unsigned long long)expected);
}

static struct context begin_context(enum mode mode, uint64_t address)
{
    struct context context = {
        .rax = 0x81234567, .rcx = 0x8765C305, .rdx = 0x7F, .rbp = 0x1111, .rsi = 0x2222,
        .rdi = 0x3333, .r8 = 0x4444, .rflags = RFLAGS_FIXED | RFLAGS_OF | RFLAGS_CF,
        .rbx = address, .data = DATA_FLAT,
    };
    if (mode == MODE_64) {
        context.rax |= 0x1122334400000000;
        return context;
    }
    /* By a base: BX has 16 bits only. */
    set_base(DATA_BASED, address - 0x24, 0xFFFFFFFF);
    context.rbx = 0x24;
    context.data = DATA_BASED;
    return context;
}

static void compare(enum mode mode, const uint8_t *bytes, size_t count, uint64_t undefined,
                    const struct context *expected, const struct context *found)
{
    const uint64_t mask = mode == MODE_64 ? UINT64_MAX : UINT32_MAX;
    const uint64_t flags = FLAGS_ALL & ~undefined;

    if ((expected->rax ^ found->rax) & mask)
        complain("RAX", mode, bytes, count, expected->rax, found->rax);
    if ((expected->rcx ^ found->rcx) & mask)
        complain("RCX", mode, bytes, count, expected->rcx, found->rcx);
    if ((expected->rdx ^ found->rdx) & mask)
        complain("RDX", mode, bytes, count, expected->rdx, found->rdx);
    if ((expected->rflags ^ found->rflags) & flags)
        complain("flags", mode, bytes, count, expected->rflags & flags, found->rflags & flags);
}

/* In RAM that holds the same, then there. Returns the vector of the second. */
static unsigned run_both(const struct form *form, enum mode mode, uint8_t prefix, uint64_t address)
{
    uint8_t bytes[CODE_MAX];
    size_t count = encode(form, mode, prefix, bytes);
    struct context expected = begin_context(mode, (uint64_t)ram);
    unsigned vector = run(mode, bytes, count, &expected);
    struct context found = begin_context(mode, address);
    unsigned there = run(mode, bytes, count, &found);

    if (vector != there)
        complain("fault", mode, bytes, count, vector, there);
    else if (vector == NO_FAULT)
        compare(mode, bytes, count, form->undefined, &expected, &found);
    return there;
}

static void fill_ram(uint8_t byte)
{
    for (unsigned i = 0; i < sizeof ram; i++)
        ((volatile uint8_t *)ram)[i] = byte;
}

/* Unassigned memory: ones, whatever was written. */
static void every_form_in_a_hole(uint64_t address, const char *where)
{
    static const uint8_t prefixes[] = { 0, 0x66, 0xF0, 0x48 };
    unsigned forms_run = 0;

    wrong = 0;
    for (enum mode mode = 0; mode < MODE_COUNT; mode++)
        for (unsigned i = 0; i < FORM_COUNT; i++)
            for (unsigned p = 0; p < COUNT(prefixes); p++) {
                struct form form = form_at(i);
                if ((prefixes[p] == 0xF0 && !(form.flags & LOCKABLE)) ||
                    (prefixes[p] == 0x48 && mode != MODE_64) ||
                    (prefixes[p] == 0x48 && form.opcode == 0x0FC7 && address % 16 != 0))
                    continue;
                fill_ram(0xFF);
                (void)run_both(&form, mode, prefixes[p], address);
                forms_run++;
            }
    (void)report(wrong == 0, "%u forms %s do what they do in RAM", forms_run, where);
}

/* ---- Devices whose registers keep what is written ---- */

/* IOREGSEL, a byte; and the initial count of the APIC timer, 32 bits. */
static void forms_on_register(bool is_byte, uint64_t address)
{
    for (enum mode mode = 0; mode < MODE_COUNT; mode++)
        for (unsigned i = 0; i < FORM_COUNT; i++) {
            struct form form = form_at(i);
            uint8_t prefix = mode == MODE_16 && !is_byte ? 0x66 : 0;
            bool is_pair = form.opcode == 0x0FC7;
            bool is_odd = form.opcode == 0x0F94 || form.opcode == 0x0F9C || form.opcode == 0x8C;
            if (!!(form.flags & BYTE) != is_byte || is_pair || is_odd)
                continue;
            fill_ram(0);
            ram[0] = 0x83;
            if (is_byte)
                *(volatile uint8_t *)address = 0x83;
            else
                store32(address, 0x83);
            (void)run_both(&form, mode, prefix, address);
            uint32_t left = is_byte ? *(volatile uint8_t *)address : load32(address);
            uint32_t expected = is_byte ? ram[0] : load32((uint64_t)ram);
            if (left != expected)
                complain("register", mode, (const uint8_t *)&form.opcode, 2, expected, left);
        }
}

static void every_form_on_registers(void)
{
    wrong = 0;
    forms_on_register(true, IOAPIC_BASE + IOAPIC_IOREGSEL);
    forms_on_register(false, apic_page() + XAPIC_INIT_COUNT);
    store32(apic_page() + XAPIC_INIT_COUNT, 0);
    (void)report(wrong == 0, "forms on registers of IOAPIC and local APIC leave in them what "
                             "they leave in RAM");
}

/* ---- Pages ---- */

/* RAM below, nothing above: the end of RAM is such a place. */
static void writes_across_the_end_of_ram(void)
{
    uint64_t end = ram_low_end();
    struct context context = begin_context(MODE_64, end - 2);
    static const uint8_t store[] = { 0x89, 0x03 }, add[] = { 0x01, 0x03 }, load[] = { 0x8B, 0x13 };
    bool good;

    TAKE8(end - 1) = TAKE8(end - 2) = 0;
    good = run(MODE_64, store, sizeof store, &context) == NO_FAULT;
    good = good && TAKE8(end - 2) == 0x67 && TAKE8(end - 1) == 0x45;
    context = begin_context(MODE_64, end - 2);
    good = good && run(MODE_64, load, sizeof load, &context) == NO_FAULT &&
           context.rdx == 0xFFFF4567;
    context = begin_context(MODE_64, end - 2); /* FFFF4567 + 81234567 */
    good = good && run(MODE_64, add, sizeof add, &context) == NO_FAULT &&
           TAKE8(end - 2) == 0xCE && TAKE8(end - 1) == 0x8A && (context.rflags & RFLAGS_CF);
    (void)report(good, "an access across the end of RAM reaches both sides");
}

/* Nothing writable below E0000h, RAM from there on. */
static void writes_across_the_beginning_of_ram(void)
{
    static const uint8_t store[] = { 0x89, 0x03 };
    const uint64_t begin = 0xE0000;
    uint8_t before = TAKE8(begin), next = TAKE8(begin + 1);
    struct context context = begin_context(MODE_64, begin - 2);
    bool good = run(MODE_64, store, sizeof store, &context) == NO_FAULT &&
                TAKE8(begin) == 0x23 && TAKE8(begin + 1) == 0x81 && TAKE8(begin - 1) == 0xFF;

    TAKE8(begin) = before;
    TAKE8(begin + 1) = next;
    (void)report(good, "an access across the beginning of RAM reaches both sides");
}

/* ---- Strings ---- */

struct places { uint64_t from, to; };

static bool string_is(enum mode mode, const uint8_t *bytes, size_t count, struct places places,
                      uint64_t rcx, struct context *context)
{
    *context = begin_context(mode, HOLE);
    context->rcx = rcx;
    context->rsi = places.from;
    context->rdi = places.to;
    context->data = DATA_FLAT;
    return run(mode, bytes, count, context) == NO_FAULT;
}

static void strings_with_one_side_in_ram(void)
{
    static const uint8_t movs[] = { 0xF3, 0xA5 }, stos[] = { 0xF3, 0xAA }, lods[] = { 0xAD },
                         scas[] = { 0xF3, 0xAE }, cmps[] = { 0xF3, 0xA6 };
    struct context context;
    bool good;

    fill_ram(0);
    good = string_is(MODE_64, movs, 2, (struct places){ HOLE + 0xFF2, (uint64_t)ram }, 9, &context);
    good = good && context.rcx == 0 && context.rdi == (uint64_t)ram + 36 &&
           context.rsi == HOLE + 0xFF2 + 36 && ram[35] == 0xFF && ram[36] == 0;
    good = good && string_is(MODE_64, stos, 2, (struct places){ 0, IOAPIC_BASE }, 1, &context) &&
           TAKE8(IOAPIC_BASE) == 0x67;
    fill_ram(0x10);
    good = good && string_is(MODE_64, movs + 1, 1,
                             (struct places){ (uint64_t)ram, apic_page() + XAPIC_INIT_COUNT }, 1,
                             &context) &&
           load32(apic_page() + XAPIC_INIT_COUNT) == 0x10101010;
    good = good && string_is(MODE_32, lods, 1,
                             (struct places){ apic_page() + XAPIC_INIT_COUNT, 0 }, 1, &context) &&
           (uint32_t)context.rax == 0x10101010;
    store32(apic_page() + XAPIC_INIT_COUNT, 0);
    fill_ram(0xFF);
    ram[20] = 7;
    good = good &&
           string_is(MODE_64, cmps, 2, (struct places){ (uint64_t)ram, HOLE }, 40, &context) &&
           context.rcx == 19 && context.rdi == HOLE + 21;
    good = good && string_is(MODE_64, scas, 2, (struct places){ 0, HOLE }, 40, &context) &&
           context.rcx == 39 && context.rdi == HOLE + 1;
    (void)report(good, "strings with one side in RAM move, compare and count");
}

static void faults_on_the_ram_side(void)
{
    static const uint8_t movs[] = { 0xF3, 0xA5 };
    struct context context;
    bool good;

    good = !string_is(MODE_64, movs, 2, (struct places){ HOLE, UNMAPPED }, 4, &context) &&
           fault == VECTOR_PF && fault_error == PAGE_FAULT_WRITE && fault_cr2 == UNMAPPED &&
           context.rcx == 4 && context.rsi == HOLE;
    (void)report(good, "MOVS to a page that is not mapped: #PF(%llx) at %llx",
                 (unsigned long long)fault_error, (unsigned long long)fault_cr2);
    good = !string_is(MODE_64, movs, 2, (struct places){ UNMAPPED + 8, HOLE }, 4, &context) &&
           fault == VECTOR_PF && fault_error == 0 && fault_cr2 == UNMAPPED + 8;
    (void)report(good, "MOVS from a page that is not mapped: #PF(%llx) at %llx",
                 (unsigned long long)fault_error, (unsigned long long)fault_cr2);
    good = !string_is(MODE_64, movs, 2, (struct places){ HOLE, 1ull << 63 }, 4, &context) &&
           fault == VECTOR_GP && fault_error == 0;
    (void)report(good, "MOVS to an address that is not canonical: #GP");

    set_base(DATA_SMALL, 0, 0xFFF);
    context = begin_context(MODE_32, HOLE);
    context.rsi = 0x24;
    context.rdi = 0x1000;
    static const uint8_t small[] = { 0xB8, DATA_SMALL, 0, 0, 0, 0x8E, 0xC0, 0xA5 };
    good = run(MODE_32, small, sizeof small, &context) == VECTOR_GP && fault_error == 0 &&
           context.rdi == 0x1000;
    (void)report(good, "MOVS beyond the limit of ES: #GP");
}

/* The timer comes, and the string is not through by far. */
static void a_string_without_end_is_interrupted(const char *name, const uint8_t *bytes,
                                                size_t count, uint64_t from, uint64_t to)
{
    struct context context = begin_context(MODE_64, HOLE);
    uint64_t begin = rdtsc();

    context.rcx = UINT64_MAX;
    context.rsi = from;
    context.rdi = to;
    context.rflags |= RFLAGS_IF | RFLAGS_DF;
    ticks = 0;
    store32(apic_page() + XAPIC_LVT_TIMER, TIMER_VECTOR);
    store32(apic_page() + XAPIC_INIT_COUNT, 20000);
    (void)run(MODE_64, bytes, count, &context);
    interrupts_off();
    store32(apic_page() + XAPIC_LVT_TIMER, LVT_MASKED);
    uint64_t done = UINT64_MAX - context.rcx;
    (void)report(ticks == 1 && done > 0 && done < 1000000 && rdtsc() - begin < 100000000,
                 "%s without end is interrupted", name);
}

static void strings_without_end(void)
{
    static const uint8_t stos[] = { 0xF3, 0xAA }, movs[] = { 0xF3, 0xA4 };
    a_string_without_end_is_interrupted("REP STOS", stos, 2, 0, HOLE + 0x1000000);
    a_string_without_end_is_interrupted("REP MOVS", movs, 2, HOLE + 0x1000000,
                                        ram_low_end() / 2);
}

/* ---- Stack, branches, SSE ---- */

static void stack_and_branches(void)
{
    static const uint8_t push_pop[] = { 0xFF, 0x33, 0x5A },              /* push [rbx]; pop rdx */
                         pop[] = { 0x6A, 0x55, 0x8F, 0x03 },             /* push 55h; pop [rbx] */
                         jump[] = { 0xFF, 0x23 };                        /* jmp [rbx] */
    struct context context = begin_context(MODE_64, HOLE);
    bool good = run(MODE_64, push_pop, sizeof push_pop, &context) == NO_FAULT &&
                context.rdx == UINT64_MAX;

    context = begin_context(MODE_32, HOLE);
    good = good && run(MODE_32, push_pop, sizeof push_pop, &context) == NO_FAULT &&
           (uint32_t)context.rdx == UINT32_MAX;
    context = begin_context(MODE_64, HOLE);
    good = good && run(MODE_64, pop, sizeof pop, &context) == NO_FAULT;
    context = begin_context(MODE_32, IOAPIC_BASE);
    static const uint8_t pop_16[] = { 0x66, 0x6A, 0x55, 0x66, 0x8F, 0x03 };
    good = good && run(MODE_32, pop_16, sizeof pop_16, &context) == NO_FAULT &&
           TAKE8(IOAPIC_BASE) == 0x55;
    (void)report(good, "PUSH and POP of memory");
    context = begin_context(MODE_64, HOLE); /* to the last byte of all, where nothing is mapped */
    good = run(MODE_64, jump, sizeof jump, &context) == VECTOR_PF && fault_cr2 == UINT64_MAX;
    (void)report(good, "JMP by memory");
}

static void sse_moves(void)
{
    const uint64_t from = HOLE, count = apic_page() + XAPIC_INIT_COUNT;
    uint64_t cr0 = cr0_read(), cr4 = cr4_read();
    static const uint8_t load[] = { 0x0F, 0x10, 0x03 }; /* movups xmm0, [rbx] */
    struct context context = begin_context(MODE_64, HOLE);

    cr4_write(cr4 | CR4_OSFXSR);
    fill_ram(0);
    asm volatile("movups (%0), %%xmm3; movups %%xmm3, (%1)\n\t"
                 "xorps %%xmm12, %%xmm12; movlps (%0), %%xmm12; movups %%xmm12, 16(%1)"
                 : : "r"(from), "r"(ram) : "memory");
    bool good = ram[0] == 0xFF && ram[15] == 0xFF && ram[23] == 0xFF && ram[24] == 0;
    asm volatile("movd %1, %%xmm5; movd %%xmm5, (%0)" : : "r"(count), "r"(0x12345678) : "memory");
    good = good && load32(count) == 0x12345678;
    asm volatile("movss (%0), %%xmm9; movups %%xmm9, (%1)" : : "r"(count), "r"(ram) : "memory");
    good = good && load32((uint64_t)ram) == 0x12345678 && load32((uint64_t)ram + 4) == 0;
    store32(count, 0);
    cr0_write(cr0 | CR0_TS);
    good = good && run(MODE_64, load, sizeof load, &context) == VECTOR_NM;
    cr0_write(cr0);
    cr4_write(cr4);
    (void)report(good, "SSE moves");
}

/* ---- Code that changes ---- */

static volatile bool over;

/* Between a store, a load, an addition and an exchange, all of [RBX], and an addition
 * that accesses no memory. All mixtures of their bytes are two bytes long, too. */
void guest_ap_main(void)
{
    static const uint8_t second_bytes[][2] = { { 0x89, 0x03 }, { 0x8B, 0x13 }, { 0x01, 0x03 },
                                               { 0x87, 0x13 }, { 0x01, 0xDB } };
    for (unsigned i = 0; !over; i++) {
        uint16_t word = (uint16_t)(second_bytes[i % 5][0] | second_bytes[i % 5][1] << 8);
        *(volatile uint16_t *)code = word;
    }
    idle();
}

static void code_that_changes(void)
{
    struct context context;
    unsigned faults = 0;

    if (!guest_start_vcpu(1)) {
        (void)report(false, "the second vCPU starts");
        return;
    }
    for (unsigned i = 0; i < 5000; i++) {
        static const uint8_t store[] = { 0x89, 0x03 };
        context = begin_context(MODE_64, HOLE + 8);
        faults += run(MODE_64, store, sizeof store, &context) != NO_FAULT;
    }
    over = true;
    (void)report(faults == 0, "an instruction that another vCPU changes meanwhile is one of them");
}

void guest_main(void)
{
    struct descriptor_table table = { sizeof gdt - 1, (uint64_t)gdt };

    code_that_changes(); /* before anything else changes modes */
    lgdt(&table);
    apic_enter_xapic();
    apic_write(XAPIC_SIVR, SIVR_ENABLE | 0xFF);
    store32(apic_page() + XAPIC_LVT_TIMER, LVT_MASKED);
    every_form_in_a_hole(HOLE + 0x40, "in a hole");
    every_form_in_a_hole(HOLE + 0xFFF, "across two pages of it");
    every_form_on_registers();
    writes_across_the_end_of_ram();
    writes_across_the_beginning_of_ram();
    strings_with_one_side_in_ram();
    faults_on_the_ram_side();
    strings_without_end();
    stack_and_branches();
    sse_moves();
    say_done();
    power_off();
}
