/* SPDX-License-Identifier: MIT
 *
 * Instructions that C cannot say, one function each. Together with
 * arch/vmx_insn.h the only inline assembly in the tree.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/spec/msr.h"

static inline uint8_t in8(uint16_t port)
{
    uint8_t value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint16_t in16(uint16_t port)
{
    uint16_t value;
    asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t in32(uint16_t port)
{
    uint32_t value;
    asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void out8(uint16_t port, uint8_t value)
{
    asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out16(uint16_t port, uint16_t value)
{
    asm volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out32(uint16_t port, uint32_t value)
{
    asm volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint64_t rdmsr(enum msr msr)
{
    uint32_t low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(enum msr msr, uint64_t value)
{
    asm volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline uint64_t rdtsc(void)
{
    uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

struct cpuid_result { uint32_t eax, ebx, ecx, edx; };

static inline struct cpuid_result cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result result;
    asm volatile("cpuid"
                 : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
                 : "a"(leaf), "c"(subleaf));
    return result;
}

static inline uint64_t cr0_read(void)
{
    uint64_t value;
    asm volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static inline uint64_t cr2_read(void)
{
    uint64_t value;
    asm volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

static inline uint64_t cr3_read(void)
{
    uint64_t value;
    asm volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}

static inline uint64_t cr4_read(void)
{
    uint64_t value;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

static inline void cr0_write(uint64_t value)
{
    asm volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

static inline void cr2_write(uint64_t value)
{
    asm volatile("mov %0, %%cr2" : : "r"(value));
}

static inline void cr3_write(uint64_t value)
{
    asm volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline void cr4_write(uint64_t value)
{
    asm volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static inline void dr_reset(void)
{
    asm volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3" : : "r"(0ull));
}

static inline uint64_t dr6_read(void)
{
    uint64_t value;
    asm volatile("mov %%dr6, %0" : "=r"(value));
    return value;
}

static inline void dr6_write(uint64_t value)
{
    asm volatile("mov %0, %%dr6" : : "r"(value));
}

static inline void xcr0_write(uint64_t value)
{
    asm volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/* One of the guest's XMM registers, which no code of the image uses. An instruction
 * names its register, so there is one for each. */
#define EACH_XMM(DO) \
    DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) \
    DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)

static inline void xmm_read(unsigned reg, void *to)
{
#define READ(n) case n: asm volatile("movdqu %%xmm" #n ", (%0)" : : "r"(to) : "memory"); return;
    switch (reg) {
        EACH_XMM(READ)
    }
#undef READ
}

static inline void xmm_write(unsigned reg, const void *from)
{
#define WRITE(n) case n: asm volatile("movdqu (%0), %%xmm" #n : : "r"(from) : "memory"); return;
    switch (reg) {
        EACH_XMM(WRITE)
    }
#undef WRITE
}

/* Legacy x87 and SSE state from a 512-byte, 16-byte aligned FXSAVE image. */
static inline void fxrstor(const void *image)
{
    asm volatile("fxrstor64 (%0)" : : "r"(image) : "memory");
}

/* Extended state from a 64-byte aligned XSAVE image, the components of mask. */
static inline void xrstor(const void *image, uint64_t mask)
{
    asm volatile("xrstor64 (%0)"
                 : : "r"(image), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32)) : "memory");
}

/* The same, saved in the compacted format. */
static inline void xsavec(void *image, uint64_t mask)
{
    asm volatile("xsavec64 (%0)"
                 : : "r"(image), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32)) : "memory");
}

static inline void wbinvd(void)
{
    asm volatile("wbinvd" : : : "memory");
}

/* Writes the line back that holds this byte, and drops it. */
static inline void cache_line_flush(const void *at)
{
    asm volatile("clflush (%0)" : : "r"(at) : "memory");
}

static inline void invlpg(const volatile void *address)
{
    asm volatile("invlpg (%0)" : : "r"(address) : "memory");
}

/* Makes stores to write-combining memory go out. */
static inline void store_fence(void)
{
    asm volatile("sfence" : : : "memory");
}

static inline void cpu_pause(void)
{
    asm volatile("pause");
}

/* Earlier stores are visible before any later instruction starts. */
static inline void fence(void)
{
    asm volatile("mfence; lfence" : : : "memory");
}

static inline void halt(void)
{
    asm volatile("hlt");
}

static inline void interrupts_on(void)
{
    asm volatile("sti");
}

static inline void interrupts_off(void)
{
    asm volatile("cli");
}

struct __attribute__((packed)) descriptor_table { uint16_t limit; uint64_t base; };

static inline void lgdt(const struct descriptor_table *table)
{
    asm volatile("lgdt %0" : : "m"(*table));
}

static inline void lidt(const struct descriptor_table *table)
{
    asm volatile("lidt %0" : : "m"(*table));
}

static inline void ltr(uint16_t selector)
{
    asm volatile("ltr %0" : : "r"(selector));
}

/* Far return to the same place with CS = selector, and the data segments. */
static inline void segments_load(uint16_t code, uint16_t data)
{
    asm volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:"
                 : : "r"((uint64_t)code) : "rax", "memory");
    asm volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%ss; mov %1, %%fs; mov %1, %%gs"
                 : : "r"((uint32_t)data), "r"(0));
}

/* Copies and fills by the string instructions: the fastest on these CPUs
 * (ERMS), and one instruction an element where instructions are counted. */
static inline void copy_bytes(void *to, const void *from, uint64_t bytes)
{
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

static inline void copy_quads(void *to, const void *from, uint64_t quads)
{
    asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(quads) : : "memory");
}

static inline void zero_quads(void *to, uint64_t quads)
{
    asm volatile("rep stosq" : "+D"(to), "+c"(quads) : "a"(0ull) : "memory");
}

/* False: the generator has nothing now. */
static inline bool rdrand(uint64_t *value)
{
    bool given;
    asm volatile("rdrand %1" : "=@ccc"(given), "=r"(*value));
    return given;
}

/* The quadword at the base of GS. */
static inline void *gs_read_0(void)
{
    void *value;
    asm("mov %%gs:0, %0" : "=r"(value));
    return value;
}

static inline void *frame_pointer(void)
{
    void *value;
    asm volatile("mov %%rbp, %0" : "=r"(value));
    return value;
}

/* An IRET to the next instruction. It ends blocking by NMI, which an NMI VM
 * exit leaves behind: SDM Vol. 3C, 28.3.5 "Saving Non-Register State" and Vol. 3A, 6.7.1 "Handling Multiple NMIs". */
static inline void nmi_unblock(void)
{
    asm volatile("mov %%rsp, %%rax\n\t"
                 "mov %%ss, %%ecx\n\t"
                 "pushq %%rcx\n\t"
                 "pushq %%rax\n\t"
                 "pushfq\n\t"
                 "mov %%cs, %%ecx\n\t"
                 "pushq %%rcx\n\t"
                 "leaq 1f(%%rip), %%rax\n\t"
                 "pushq %%rax\n\t"
                 "iretq\n"
                 "1:" : : : "rax", "rcx", "memory", "cc");
}
