/* SPDX-License-Identifier: MIT
 *
 * What the test guests share: a console, a map of all physical addresses,
 * exceptions from which one recovers, a local APIC, further vCPUs, and the ways
 * to end.
 *
 * A guest defines guest_name and guest_main; it prints lines "NAME: ok TEXT",
 * "NAME: FAIL TEXT", and "NAME: done" when it is through. All of it runs on a
 * bare machine, too, where tools/bench.py measures what things cost natively.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/insn.h"
#include "arch/spec/cr.h"
#include "arch/spec/e820.h"
#include "hv/addr.h"

/* ---- By the guest ---- */

extern const char guest_name[];
void guest_main(void);

/* A further vCPU, once guest_start_vcpu() was called for it. */
void guest_ap_main(void);

/* As the stubs of start.asm push it. */
struct frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector;
    uint64_t error_code;
    uint64_t rip, cs, rflags, rsp, ss;
};

/* Interrupts, NMIs and exceptions that no try_*() caught. False: not expected. */
bool guest_interrupted(struct frame *frame);

/* ---- Console ---- */

/* "NAME: " and a line. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* False: it writes to its UART without asking whether that has room. */
extern bool print_politely;

/* "NAME: ok ..." or "NAME: FAIL ...", counted. Returns `good`. */
bool report(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "NAME: done", with the number of failures if there are any. Returns when it has
 * been shown: a report of what ends the guest then does not cut it in two. */
void say_done(void);

/* A byte that was typed, or -1. */
int read_typed(void);

/* ---- What the loader told ---- */

/* The RAM that starts at this address, or false. `index` counts from 0. */
bool ram_range(unsigned index, struct e820_entry *range);

/* The first address behind all RAM below 4 GiB, and behind this guest itself. */
uint64_t ram_low_end(void);
uint64_t guest_image_end_address(void);

/* The value behind "WORD=" on the command line, or `otherwise`. */
uint64_t cmdline_number(const char *word, uint64_t otherwise);

/* ---- Memory ---- */

#define IDENTITY_END GIB(4)
volatile void *physical_window(uint64_t address);

/* A physical address, below 4 GiB for good, else until the next call. */
static inline volatile void *physical(uint64_t address)
{
    return address < IDENTITY_END ? (volatile void *)address : physical_window(address);
}

#define TAKE8(address) (*(volatile uint8_t *)physical(address))
#define TAKE32(address) (*(volatile uint32_t *)physical(address))
#define TAKE64(address) (*(volatile uint64_t *)physical(address))

/* Plain moves, whatever the compiler would like to make of an access. */
static inline uint32_t load32(uint64_t address)
{
    uint32_t value;
    asm volatile("movl (%1), %0" : "=r"(value) : "r"(physical(address)) : "memory");
    return value;
}

static inline void store32(uint64_t address, uint32_t value)
{
    asm volatile("movl %0, (%1)" : : "r"(value), "r"(physical(address)) : "memory");
}

/* ---- Instructions that may fault: the vector, or NO_FAULT ---- */

#define NO_FAULT 256u

unsigned try_rdmsr(uint32_t number, uint64_t *value);
unsigned try_wrmsr(uint32_t number, uint64_t value);
unsigned try_xsetbv(uint32_t number, uint64_t value);
unsigned try_vmcall(uint32_t number);
unsigned try_cr0(uint64_t value);
unsigned try_cr4(uint64_t value);
unsigned try_vmxon(const void *operand);
unsigned try_vmxoff(void);
unsigned try_vmclear(const void *operand);
unsigned try_vmptrld(const void *operand);
unsigned try_vmptrst(void *operand);
unsigned try_vmread(uint64_t field);
unsigned try_vmwrite(uint64_t field);
unsigned try_vmlaunch(void);
unsigned try_vmresume(void);
unsigned try_invept(const void *operand);
unsigned try_invvpid(const void *operand);
unsigned try_vmfunc(void);
unsigned try_getsec(void);
unsigned try_rsm(void);
unsigned try_encls(void);
unsigned try_pconfig(void);
unsigned try_seamcall(void);
unsigned try_tdcall(void);
unsigned try_invd(void);
unsigned try_wbinvd(void);
unsigned try_monitor(void);
unsigned try_mwait(void);
unsigned try_rdpmc(void);
unsigned try_enclv(void);
unsigned try_umwait(void);
unsigned try_tpause(void);
unsigned try_loadiwkey(void);
unsigned try_enqcmd(const void *operand);
unsigned try_enqcmds(const void *operand);
unsigned try_rdmsrlist(void);
unsigned try_wrmsrlist(void);
unsigned try_urdmsr(void);
unsigned try_uwrmsr(void);
unsigned try_rdmsr_immediate(void);
unsigned try_wrmsr_immediate(void);
unsigned try_invpcid(const void *operand, uint64_t type);
unsigned try_rdrand(void);
unsigned try_rdseed(void);
unsigned try_rdtscp(void);
unsigned try_mov_dr(void);
unsigned try_invlpg(const void *operand);
unsigned try_sgdt(void *operand);
unsigned try_sldt(void);
unsigned try_xsaves(void *operand);
unsigned try_xrstors(const void *operand);

/* ---- Local APIC, in x2APIC mode; guest/local_apic.h has the others ---- */

/* Each vCPU's first step. The library's goes to x2APIC mode and enables the APIC;
 * a guest that wants another begin has one of its own. */
void guest_apic_init(void);

uint32_t vcpu_number(void);
void send_icr(uint32_t destination, uint32_t low);
void send_self(uint8_t vector);
void end_of_interrupt(void);
void timer_deadline_mode(uint8_t vector);
void timer_deadline(uint64_t tsc);

/* Ticks of the TSC in a second, as CPUID tells; 100 MHz where it does not. */
uint64_t tsc_hz(void);

/* Starts a vCPU by INIT and SIPI, by its APIC id; true if it arrived in C. */
bool guest_start_vcpu(uint32_t apic_id);

/* For a guest that sends them itself: the vector of the SIPI, once that page is
 * filled. */
#define GUEST_SIPI_VECTOR 1
void guest_fill_trampoline(void);

/* ---- Ends ---- */

_Noreturn void power_off(void);
_Noreturn void reboot(void);
_Noreturn void triple_fault(void);
_Noreturn void idle(void);

/* STI and HLT as a pair: nothing can come between them. CLI after it. */
static inline void wait_for_interrupt(void)
{
    asm volatile("sti; hlt; cli" : : : "memory");
}
