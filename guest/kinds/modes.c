/* SPDX-License-Identifier: MIT
 *
 * All modes of the processor and the ways between them, with instructions in each
 * that exit: real mode, virtual-8086 mode with and without VME, 64-bit mode and
 * back, five levels of paging where CPUID offers them; and the bits of CR0 and CR4.
 * A Multiboot kernel.
 */
#include "guest/kinds/kinds.h"

#include "arch/insn.h"
#include "arch/spec/cpuid.h"
#include "arch/spec/cr.h"
#include "arch/spec/multiboot1.h"

const char kind_name[] = "modes";

/* Selectors; the first two are those of the loader's. */
enum { CODE = 0x10, DATA = 0x18, CODE_16 = 0x20, DATA_16 = 0x28, CODE_64 = 0x30, TSS = 0x38,
       GDT_ENTRIES = 8 };

#define LOW 0x9000u   /* where the code of 16 bits runs */
#define TOLD 0x500u   /* where it tells what it saw */
#define IVT_ENTRY(vector) (4u * (vector))

static volatile uint64_t gdt[GDT_ENTRIES] __attribute__((aligned(8)));
static volatile uint64_t idt[256] __attribute__((aligned(8)));

/* A TSS with both bitmaps: SDM Vol. 3A, 21.3.3.4 "Method 5: Software Interrupt
 * Handling" of interrupts to redirect, and of ports. */
#define REDIRECTION_BYTES 32
#define IO_BYTES 0x2000
static volatile struct {
    uint32_t link, esp0, ss0, unused[22];
    uint16_t trap, io_map;
    uint8_t redirection[REDIRECTION_BYTES], io[IO_BYTES + 1];
} tss;
static uint8_t ring_0_stack[4096];

/* ---- Code of other modes ---- */

extern const char low_begin[], low_end[], real_part[], real_handler[], virtual_part[],
    virtual_cli[], virtual_port[], virtual_handler[], virtual_int[];
extern const char gp_entry[], counting_entry[], call_low[], call_long[];
volatile uint32_t saved_esp, recover_at, gp_count, gp_eip, gp_cs, gp_eflags, gp_code, counted;
volatile uint32_t long_told[6], long_cr3, long_cr4;
struct __attribute__((packed)) table { uint16_t limit; uint32_t base; };
volatile struct table our_idt, real_idt = { 0x3FF, 0 };

asm(".globl low_begin, low_end, real_part, real_handler, virtual_part, virtual_cli\n"
    ".globl virtual_port, virtual_handler, virtual_int, gp_entry, counting_entry\n"
    ".globl call_low, call_long\n"
    ".code16\n"
    "low_begin:\n"
    /* Comes from CODE_16, and goes to real mode. */
    "real_part:\n"
    "   mov $0x28, %ax\n mov %ax, %ds\n mov %ax, %es\n mov %ax, %ss\n"
    "   mov %cr0, %eax\n and $0xFE, %al\n mov %eax, %cr0\n"
    "   ljmp $0x900, $1f - low_begin\n"
    "1: xor %ax, %ax\n mov %ax, %ds\n mov %ax, %ss\n mov $0x8F00, %sp\n"
    "   int $0x60\n"
    "   xor %eax, %eax\n cpuid\n mov %eax, 0x504\n"
    "   mov $0x3FD, %dx\n in %dx, %al\n mov %al, 0x508\n"
    "   smsw %ax\n mov %ax, 0x50A\n"
    "   mov $0x1B, %ecx\n rdmsr\n mov %eax, 0x50C\n"
    "   mov %cr0, %eax\n or $1, %al\n mov %eax, %cr0\n"
    "   ljmpl $0x10, $back_from_low\n"
    "real_handler: incw %cs:handled - low_begin\n"
    "   mov %cs:handled - low_begin, %ax\n mov %ax, 0x500\n"
    "   iret\n"
    "handled: .word 0\n"
    /* Virtual-8086 mode; HLT is the way out. */
    "virtual_part:\n"
    "   pushf\n pop %ax\n mov %ax, 0x510\n"
    "   xor %eax, %eax\n cpuid\n mov %eax, 0x514\n"
    "   mov $0x3FD, %dx\n in %dx, %al\n mov %al, 0x518\n"
    "   hlt\n"
    "virtual_cli: cli\n hlt\n"
    "virtual_port: in $0x61, %al\n hlt\n"
    "virtual_int: sti\n pushf\n pop %ax\n mov %ax, 0x51A\n"
    "   int $0x61\n mov %bx, 0x51C\n hlt\n"
    "virtual_handler: mov $0x1234, %bx\n iret\n"
    "low_end:\n"

    ".code32\n"
    /* Through the segment of 16 bits to LOW + EAX, and back here. */
    "call_low: pusha\n mov %esp, saved_esp\n lidt real_idt\n"
    "   pushl $0x20\n push %eax\n lretl\n"
    "back_from_low: mov $0x18, %ax\n mov %ax, %ds\n mov %ax, %es\n mov %ax, %ss\n"
    "   mov saved_esp, %esp\n lidt our_idt\n popa\n ret\n"

    /* 64-bit mode and back, without paging in between. */
    "call_long: pusha\n"
    "   mov long_cr4, %eax\n mov %eax, %cr4\n"
    "   mov long_cr3, %eax\n mov %eax, %cr3\n"
    "   mov $0xC0000080, %ecx\n rdmsr\n or $0x100, %eax\n wrmsr\n"
    "   mov %cr0, %eax\n or $0x80000000, %eax\n mov %eax, %cr0\n"
    "   ljmp $0x30, $1f\n"
    ".code64\n"
    "1: mov $0x123456789ABCDEF0, %rbx\n mov %rbx, long_told(%rip)\n"
    "   mov $0xC0000080, %ecx\n rdmsr\n mov %eax, long_told + 8(%rip)\n"
    "   mov $0x1B, %ecx\n rdmsr\n mov %eax, long_told + 12(%rip)\n"
    "   xor %eax, %eax\n cpuid\n mov %eax, long_told + 16(%rip)\n"
    "   mov %cr4, %rax\n mov %eax, long_told + 20(%rip)\n"
    "   pushq $0x10\n lea 1f(%rip), %rax\n push %rax\n lretq\n"
    ".code32\n"
    "1: mov %cr0, %eax\n and $0x7FFFFFFF, %eax\n mov %eax, %cr0\n"
    "   mov $0xC0000080, %ecx\n rdmsr\n and $~0x100, %eax\n wrmsr\n"
    "   xor %eax, %eax\n mov %eax, %cr4\n"
    "   popa\n ret\n"

    /* Out of virtual-8086 mode: to who entered it. At ring 0: over the instruction. */
    "gp_entry: push %eax\n mov $0x18, %ax\n mov %ax, %ds\n mov %ax, %es\n pop %eax\n"
    "   popl gp_code\n incl gp_count\n"
    "   testl $0x20000, 8(%esp)\n jnz 1f\n"
    "   push %eax\n mov recover_at, %eax\n mov %eax, 4(%esp)\n pop %eax\n iret\n"
    "1: popl gp_eip\n popl gp_cs\n popl gp_eflags\n"
    "   mov saved_esp, %esp\n popa\n ret\n"
    "counting_entry: incl counted\n iret\n"

    /* Into virtual-8086 mode: EFLAGS in EAX, IP in EDX. */
    ".globl call_virtual\n"
    "call_virtual: pusha\n mov %esp, saved_esp\n"
    "   pushl $0\n pushl $0\n pushl $0\n pushl $0\n" /* GS, FS, DS, ES */
    "   pushl $0x700\n pushl $0x100\n"               /* SS:SP */
    "   push %eax\n pushl $0x900\n push %edx\n iret\n");

#define VIRTUAL_INT_OFFSET 6u /* of its INT n */
#define IN_LOW(label) ((uint32_t)((label) - low_begin))

static void run_low(const char *label)
{
    asm volatile("call call_low" : : "a"(IN_LOW(label)) : "memory");
}

static void run_virtual(const char *label, uint32_t eflags)
{
    gp_count = 0;
    asm volatile("call call_virtual" : : "a"(eflags | (uint32_t)RFLAGS_VM | 2),
                 "d"(IN_LOW(label)) : "memory");
}

/* ---- Registers ---- */

static uint32_t get_cr0(void)
{
    uint32_t value;
    asm volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static uint32_t get_cr4(void)
{
    uint32_t value;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

/* False: #GP(0). */
static bool try_cr0(uint32_t value)
{
    gp_count = 0;
    asm volatile("movl $1f, recover_at\nmov %0, %%cr0\n1:" : : "r"(value) : "memory");
    return gp_count == 0;
}

static bool try_cr4(uint32_t value)
{
    gp_count = 0;
    asm volatile("movl $1f, recover_at\nmov %0, %%cr4\n1:" : : "r"(value) : "memory");
    return gp_count == 0;
}

/* ---- Tables ---- */

/* The compiler takes low addresses for mistakes. */
static volatile void *physical(uint32_t at)
{
    asm("" : "+r"(at));
    return (volatile void *)at;
}

static uint16_t told_16(uint32_t at)
{
    return *(volatile uint16_t *)physical(at);
}

static uint32_t told_32(uint32_t at)
{
    return *(volatile uint32_t *)physical(at);
}

static uint64_t gate(const char *handler)
{
    uint32_t at = (uint32_t)handler;
    return (at & 0xFFFF) | (uint64_t)CODE << 16 | (uint64_t)0xEE << 40 |
           (uint64_t)(at >> 16) << 48;
}

static void load_tables(void)
{
    struct table gdtr = { sizeof gdt - 1, (uint32_t)gdt };

    gdt[CODE / 8] = 0x00CF9B000000FFFF;
    gdt[DATA / 8] = 0x00CF93000000FFFF;
    gdt[CODE_16 / 8] = 0x00009B000000FFFF | (uint64_t)LOW << 16;
    gdt[DATA_16 / 8] = 0x000093000000FFFF;
    gdt[CODE_64 / 8] = 0x00AF9B000000FFFF;
    gdt[TSS / 8] = ((uint64_t)0x89 << 40) | (sizeof tss - 1) | (uint64_t)(uint32_t)&tss << 16;
    idt[VECTOR_GP] = gate(gp_entry);
    idt[VECTOR_OF] = gate(counting_entry);
    our_idt = (struct table){ sizeof idt - 1, (uint32_t)idt };
    tss.esp0 = (uint32_t)ring_0_stack + sizeof ring_0_stack;
    tss.ss0 = DATA;
    tss.io_map = (uint16_t)((uint32_t)tss.io - (uint32_t)&tss);
    tss.io[0x61 / 8] |= 1 << 0x61 % 8; /* the one port that is not allowed */
    tss.io[IO_BYTES] = 0xFF;
    asm volatile("lgdt %0; lidt our_idt" : : "m"(gdtr));
    asm volatile("ltr %w0" : : "r"(TSS));
}

static void fill_low_memory(void)
{
    for (uint32_t i = 0; i < (uint32_t)(low_end - low_begin); i++)
        ((volatile uint8_t *)LOW)[i] = (uint8_t)low_begin[i];
    *(volatile uint32_t *)physical(IVT_ENTRY(0x60)) = LOW >> 4 << 16 | IN_LOW(real_handler);
    *(volatile uint32_t *)physical(IVT_ENTRY(0x61)) = LOW >> 4 << 16 | IN_LOW(virtual_handler);
}

/* ---- The claims ---- */

static void real_mode(void)
{
    static uint32_t interrupts;

    for (uint32_t i = 0; i < 2; i++) {
        run_low(real_part);
        report(told_16(TOLD) == ++interrupts && (told_16(0x50A) & 1) == 0 && (get_cr0() & 1),
               "real mode and back, with an interrupt");
        report(told_32(0x504) >= 0xD && (told_16(0x508) & 0x60) == 0x60 &&
                   (told_32(0x50C) & 0xFFFFF000) == 0xFEE00000,
               "CPUID, IN and RDMSR in real mode");
    }
}

static void virtual_mode(void)
{
    run_virtual(virtual_part, (uint32_t)RFLAGS_IOPL);
    report(gp_count == 1 && gp_cs == LOW >> 4 && (gp_eflags & RFLAGS_VM) &&
               (told_16(0x510) & RFLAGS_IOPL) == RFLAGS_IOPL,
           "virtual-8086 mode, and out of it by HLT");
    report(told_32(0x514) >= 0xD && (told_16(0x518) & 0x60) == 0x60,
           "CPUID and IN in virtual-8086 mode");
    run_virtual(virtual_port, 0);
    report(gp_eip == IN_LOW(virtual_port) && gp_code == 0, "a port that is not allowed is #GP");
    run_virtual(virtual_cli, 0);
    report(gp_eip == IN_LOW(virtual_cli), "CLI without VME is #GP");
}

static void virtual_mode_extensions(void)
{
    if (!(cpuid(1, 0).edx & CPUID_1_EDX_VME)) {
        report(!try_cr4(CR4_VME), "VME is not offered, and #GP");
        return;
    }
    report(try_cr4(CR4_VME), "VME");
    run_virtual(virtual_cli, (uint32_t)BIT(19));
    report(gp_eip == IN_LOW(virtual_cli) + 1 && !(gp_eflags & BIT(19)), "CLI with VME clears VIF");
    run_virtual(virtual_int, 0);
    report((told_16(0x51A) & RFLAGS_IF) && told_16(0x51C) == 0x1234 && (gp_eflags & BIT(19)),
           "STI sets VIF, INT n goes to the handler of the 8086 program");
    tss.redirection[0x61 / 8] |= 1 << 0x61 % 8;
    run_virtual(virtual_int, 0);
    report(gp_count == 1 && gp_code == 0 && gp_eip == IN_LOW(virtual_int) + VIRTUAL_INT_OFFSET,
           "or is #GP, if it is to be redirected");
    tss.redirection[0x61 / 8] = 0;
    (void)try_cr4(0);
}

/* ---- 64-bit mode: the first 2 MiB and more, one to one ---- */

static volatile uint64_t levels[4][512] __attribute__((aligned(4096)));

static void long_mode(uint32_t cr4, const char *text)
{
    unsigned top = cr4 & CR4_LA57 ? 3 : 2;

    for (unsigned i = 0; i < 16; i++)
        levels[0][i] = (uint64_t)i << 21 | 0x83;
    for (unsigned i = 1; i <= top; i++)
        levels[i][0] = (uint32_t)levels[i - 1] | 3;
    long_cr3 = (uint32_t)levels[top];
    long_cr4 = cr4;
    for (unsigned i = 0; i < 6; i++)
        long_told[i] = 0;
    asm volatile("call call_long" : : : "memory");
    report(long_told[0] == 0x9ABCDEF0 && long_told[1] == 0x12345678 &&
               (long_told[2] & (EFER_LME | EFER_LMA)) == (EFER_LME | EFER_LMA) &&
               (long_told[3] & 0xFFFFF000) == 0xFEE00000 && long_told[4] >= 0xD &&
               long_told[5] == cr4 && !(get_cr0() & CR0_PG) && get_cr4() == 0,
           text);
}

static void five_levels(void)
{
    if (cpuid(7, 0).ecx & CPUID_7_ECX_LA57)
        long_mode((uint32_t)(CR4_PAE | CR4_LA57), "five levels of paging");
    else
        report(!try_cr4((uint32_t)CR4_LA57), "no five levels of paging, as CPUID says");
}

/* ---- Control registers ---- */

static void control_register_0(void)
{
    uint32_t before = get_cr0();

    report(try_cr0(before | (uint32_t)CR0_CD) && get_cr0() == (before | CR0_CD) &&
               try_cr0(before | (uint32_t)(CR0_CD | CR0_NW)) &&
               get_cr0() == (before | CR0_CD | CR0_NW) && try_cr0(before) && get_cr0() == before,
           "CD and NW as they are written");
    report(!try_cr0(before | (uint32_t)CR0_NW) && get_cr0() == before, "NW without CD is #GP");
    report(!try_cr0((before | (uint32_t)CR0_PG) & ~(uint32_t)CR0_PE) && get_cr0() == before,
           "PG without PE is #GP");
    report(try_cr0(before ^ (uint32_t)CR0_NE) && get_cr0() == (before ^ CR0_NE) &&
               try_cr0(before),
           "NE as it is written");
}

static bool is_offered(unsigned bit)
{
    struct cpuid_result one = cpuid(1, 0), seven = cpuid(7, 0);

    switch (bit) {
    case 0:
    case 1: return one.edx & CPUID_1_EDX_VME;
    case 3: return one.edx & CPUID_1_EDX_DE;
    case 2:
    case 4:
    case 5:
    case 6:
    case 7:
    case 8: return true;
    case 9:
    case 10: return one.edx & CPUID_1_EDX_FXSR;
    case 11: return seven.ecx & CPUID_7_ECX_UMIP;
    case 12: return seven.ecx & CPUID_7_ECX_LA57;
    case 16: return seven.ebx & CPUID_7_EBX_FSGSBASE;
    case 18: return one.ecx & CPUID_1_ECX_XSAVE;
    case 20: return seven.ebx & CPUID_7_EBX_SMEP;
    case 21: return seven.ebx & CPUID_7_EBX_SMAP;
    }
    return false; /* VMXE, SMXE, and PCIDE outside of 64-bit mode among them */
}

static void control_register_4(void)
{
    bool right = true;

    for (unsigned bit = 0; bit < 32; bit++) {
        bool offered = is_offered(bit);
        bool taken = try_cr4(1u << bit);

        if (taken != offered || get_cr4() != (taken ? 1u << bit : 0)) {
            say("wrong: bit %x", bit);
            right = false;
        }
        (void)try_cr4(0);
    }
    report(right, "each bit of CR4 as CPUID offers it");
}

static void overflow(void)
{
    counted = 0;
    asm volatile("mov $0x7F, %%al\nadd $1, %%al\ninto" : : : "eax", "memory");
    report(counted == 1, "INTO");
}

void kind_main(const struct state *state)
{
    check_state(state, MULTIBOOT1_LOADER_MAGIC);
    load_tables();
    fill_low_memory();
    real_mode();
    virtual_mode();
    virtual_mode_extensions();
    long_mode((uint32_t)CR4_PAE, "64-bit mode and back");
    five_levels();
    control_register_0();
    control_register_4();
    overflow();
    real_mode();
    finish();
}
