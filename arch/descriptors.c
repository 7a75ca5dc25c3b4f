/* SPDX-License-Identifier: MIT
 *
 * See descriptors.h.
 * SDM Vol. 3A, 3.4.5 "Segment Descriptors", 6.14.1 "64-Bit Mode IDT".
 */
#include "arch/descriptors.h"

#include "arch/insn.h"
#include "arch/layout.h"
#include "arch/spec/cr.h"

#define VECTORS 256
#define GATE_PRESENT_INTERRUPT 0x8E00ull

struct idt_gate { uint64_t low, high; };
_Static_assert(sizeof(struct idt_gate) == 16, "an interrupt gate of 64-bit mode");

static struct idt_gate idt[VECTORS] __attribute__((aligned(16)));
static struct idt_gate drain_idt[VECTORS] __attribute__((aligned(16)));

/* SDM Vol. 3A, 11.5.2 "Valid Interrupt Vectors": a local APIC delivers 16 to
 * 255, of which 16 to 31 are exceptions' vectors, too. */
#define INTERRUPT_FIRST 16
#define EXCEPTION_END 32

/* arch/exception_entry.asm: one stub a vector, each 16 bytes long. */
extern const char exception_stubs[];
#define STUB_BYTES 16
extern const char nmi_entry[];

static struct idt_gate gate(uint64_t handler, unsigned ist)
{
    uint64_t low = (handler & 0xFFFF) | (uint64_t)GDT_CODE << 16
        | ((uint64_t)ist | GATE_PRESENT_INTERRUPT) << 32 | (handler >> 16 & 0xFFFF) << 48;
    return (struct idt_gate){ low, handler >> 32 };
}

static void make_drain_idt(void)
{
    for (unsigned vector = 0; vector < VECTORS; vector++)
        drain_idt[vector] = idt[vector];
    for (unsigned vector = INTERRUPT_FIRST; vector < EXCEPTION_END; vector++)
        drain_idt[vector] = idt[EXCEPTION_END];
}

void descriptors_init(void)
{
    for (unsigned vector = 0; vector < VECTORS; vector++)
        idt[vector] = gate((uint64_t)exception_stubs + vector * STUB_BYTES, 0);
    idt[VECTOR_DF] = gate((uint64_t)exception_stubs + VECTOR_DF * STUB_BYTES, IST_DOUBLE_FAULT);
    idt[VECTOR_NMI] = gate((uint64_t)nmi_entry, IST_NMI);
    make_drain_idt();
}

void descriptors_load_drain_idt(void)
{
    lidt(&(struct descriptor_table){ sizeof drain_idt - 1, (uint64_t)drain_idt });
}

uint64_t descriptors_idt_base(void)
{
    return (uint64_t)idt;
}

void descriptors_load_idt(void)
{
    lidt(&(struct descriptor_table){ sizeof idt - 1, (uint64_t)idt });
}

void descriptors_load(struct cpu *cpu)
{
    uint64_t base = (uint64_t)&cpu->tss;
    uint64_t limit = sizeof cpu->tss - 1;
    cpu->tss.io_map_base = sizeof cpu->tss;
    cpu->tss.ist[IST_DOUBLE_FAULT - 1] = cpu->stack_top + STACK_STRIDE;
    cpu->tss.ist[IST_NMI - 1] = cpu->stack_top + 2 * STACK_STRIDE;

    cpu->gdt[GDT_CODE / 8] = 0x00AF9B000000FFFF;
    cpu->gdt[GDT_DATA / 8] = 0x00CF93000000FFFF;
    cpu->gdt[GDT_TSS / 8] = limit | (base & 0xFFFFFF) << 16 | 0x89ull << 40 | (base >> 24 & 0xFF) << 56;
    cpu->gdt[GDT_TSS / 8 + 1] = base >> 32;

    lgdt(&(struct descriptor_table){ sizeof cpu->gdt - 1, (uint64_t)cpu->gdt });
    segments_load(GDT_CODE, GDT_DATA);
    ltr(GDT_TSS);
    descriptors_load_idt();
    wrmsr(IA32_GS_BASE, (uint64_t)cpu);
}
