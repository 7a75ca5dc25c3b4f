/* SPDX-License-Identifier: MIT
 *
 * For every exit reason of the manual that a guest can do something about: does
 * it, and says by the reason's number whether what it observes is right. Also
 * what would exit if somebody asked for it, which here must not. The test beside
 * it (tests/boot/test_exits.py) holds the numbers against hv/exit.c, and what the
 * hypervisor counted against both.
 */
#include "guest/lib.h"

#include "arch/spec/apic.h"
#include "arch/spec/cpuid.h"
#include "arch/spec/exit_reason.h"
#include "arch/spec/msr.h"
#include "hv/guest_ports.h"

const char guest_name[] = "exits";

#define TIMER_VECTOR 0x41
#define PIC_VECTOR 0x50
#define PIC_EOI 0x20
#define PIT_TICKS 2000u
#define PIT_TERMINAL_COUNT 0x30
#define RESULT_SIZE 64

static volatile unsigned timers, pic_interrupts, nmis, steps;
static volatile bool sends_another_nmi;

bool guest_interrupted(struct frame *frame)
{
    switch (frame->vector) {
    case TIMER_VECTOR:
        timers++;
        end_of_interrupt();
        return true;
    case PIC_VECTOR:
        pic_interrupts++;
        out8(GUEST_PORT_PIC_MASTER, PIC_EOI);
        return true;
    case VECTOR_DB:
        steps++;
        frame->rflags &= ~RFLAGS_TF;
        return true;
    case VECTOR_NMI:
        nmis++;
        if (sends_another_nmi) {
            sends_another_nmi = false;
            send_icr(vcpu_number(), DELIVERY_NMI << ICR_DELIVERY_SHIFT |
                                        (uint32_t)ICR_LEVEL_ASSERT);
        }
        return true;
    }
    return false;
}

static void did(enum exit_reason reason, bool good, const char *what)
{
    (void)report(good, "reason %u: %s", (unsigned)reason, what);
}

/* ---- Instructions that fault, or do nothing ---- */

static uint8_t operand[PAGE_SIZE_4K] __attribute__((aligned(4096)));

static void instructions(void)
{
    const struct { enum exit_reason reason; unsigned vector, expected; const char *what; } tried[] = {
        { EXIT_VMXON, try_vmxon(operand), VECTOR_UD, "VMXON is #UD" },
        { EXIT_VMXOFF, try_vmxoff(), VECTOR_UD, "VMXOFF is #UD" },
        { EXIT_VMCLEAR, try_vmclear(operand), VECTOR_UD, "VMCLEAR is #UD" },
        { EXIT_VMPTRLD, try_vmptrld(operand), VECTOR_UD, "VMPTRLD is #UD" },
        { EXIT_VMPTRST, try_vmptrst(operand), VECTOR_UD, "VMPTRST is #UD" },
        { EXIT_VMREAD, try_vmread(0), VECTOR_UD, "VMREAD is #UD" },
        { EXIT_VMWRITE, try_vmwrite(0), VECTOR_UD, "VMWRITE is #UD" },
        { EXIT_VMLAUNCH, try_vmlaunch(), VECTOR_UD, "VMLAUNCH is #UD" },
        { EXIT_VMRESUME, try_vmresume(), VECTOR_UD, "VMRESUME is #UD" },
        { EXIT_INVEPT, try_invept(operand), VECTOR_UD, "INVEPT is #UD" },
        { EXIT_INVVPID, try_invvpid(operand), VECTOR_UD, "INVVPID is #UD" },
        { EXIT_VMFUNC, try_vmfunc(), VECTOR_UD, "VMFUNC is #UD" },
        { EXIT_GETSEC, try_getsec(), VECTOR_UD, "GETSEC is #UD" },
        { EXIT_RSM, try_rsm(), VECTOR_UD, "RSM is #UD" },
        { EXIT_ENCLS, try_encls(), VECTOR_UD, "ENCLS is #UD" },
        { EXIT_ENCLV, try_enclv(), VECTOR_UD, "ENCLV is #UD" },
        { EXIT_PCONFIG, try_pconfig(), VECTOR_UD, "PCONFIG is #UD" },
        { EXIT_SEAMCALL, try_seamcall(), VECTOR_UD, "SEAMCALL is #UD" },
        { EXIT_TDCALL, try_tdcall(), VECTOR_UD, "TDCALL is #UD" },
        { EXIT_MONITOR, try_monitor(), VECTOR_UD, "MONITOR is #UD" },
        { EXIT_MWAIT, try_mwait(), VECTOR_UD, "MWAIT is #UD" },
        { EXIT_UMWAIT, try_umwait(), VECTOR_UD, "UMWAIT is #UD" },
        { EXIT_TPAUSE, try_tpause(), VECTOR_UD, "TPAUSE is #UD" },
        { EXIT_LOADIWKEY, try_loadiwkey(), VECTOR_UD, "LOADIWKEY is #UD" },
        { EXIT_ENQCMD_PASID, try_enqcmd(operand), VECTOR_UD, "ENQCMD is #UD" },
        { EXIT_ENQCMDS_PASID, try_enqcmds(operand), VECTOR_UD, "ENQCMDS is #UD" },
        { EXIT_RDMSRLIST, try_rdmsrlist(), VECTOR_UD, "RDMSRLIST is #UD" },
        { EXIT_WRMSRLIST, try_wrmsrlist(), VECTOR_UD, "WRMSRLIST is #UD" },
        { EXIT_URDMSR, try_urdmsr(), VECTOR_UD, "URDMSR is #UD" },
        { EXIT_UWRMSR, try_uwrmsr(), VECTOR_UD, "UWRMSR is #UD" },
        { EXIT_RDMSR_IMMEDIATE, try_rdmsr_immediate(), VECTOR_UD, "RDMSR imm is #UD" },
        { EXIT_WRMSR_IMMEDIATE, try_wrmsr_immediate(), VECTOR_UD, "WRMSRNS imm is #UD" },
        { EXIT_RDPMC, try_rdpmc(), VECTOR_GP, "RDPMC is #GP" },
        { EXIT_VMCALL, try_vmcall(12345), NO_FAULT, "VMCALL answers" },
        { EXIT_INVD, try_invd(), NO_FAULT, "INVD" },
        { EXIT_WBINVD, try_wbinvd(), NO_FAULT, "WBINVD" },
        { EXIT_INVLPG, try_invlpg(operand), NO_FAULT, "INVLPG" },
        { EXIT_MOV_DR, try_mov_dr(), NO_FAULT, "MOV from DR0" },
        { EXIT_GDTR_OR_IDTR_ACCESS, try_sgdt(operand), NO_FAULT, "SGDT" },
        { EXIT_LDTR_OR_TR_ACCESS, try_sldt(), NO_FAULT, "SLDT" },
    };

    for (unsigned i = 0; i < sizeof tried / sizeof tried[0]; i++)
        did(tried[i].reason, tried[i].vector == tried[i].expected, tried[i].what);
}

/* ---- Instructions of which CPUID says whether they are there ---- */

static void did_if_offered(enum exit_reason reason, bool offered, unsigned vector,
                           const char *what)
{
    did(reason, vector == (offered ? NO_FAULT : VECTOR_UD), what);
}

#define XSAVE_COMPACT (1ull << 63)

/* An area in compacted format, with all components in their initial state. */
static void supervisor_state(void)
{
    static uint64_t area[PAGE_SIZE_4K / 8] __attribute__((aligned(64)));
    bool offered = cpuid(CPUID_XSTATE, 1).eax & CPUID_D_1_EAX_XSAVES;
    uint64_t cr4 = cr4_read();

    area[512 / 8 + 1] = XSAVE_COMPACT;
    if (offered)
        cr4_write(cr4 | CR4_OSXSAVE);
    did_if_offered(EXIT_XSAVES, offered, try_xsaves(area), "XSAVES as CPUID says");
    did_if_offered(EXIT_XRSTORS, offered, try_xrstors(area), "XRSTORS as CPUID says");
    cr4_write(cr4);
}

static void offered_instructions(void)
{
    struct cpuid_result one = cpuid(CPUID_FEATURES, 0);
    struct cpuid_result seven = cpuid(CPUID_EXTENDED_FEATURES, 0);
    struct cpuid_result extended = cpuid(CPUID_EXTENDED_SIGNATURE, 0);
    static const uint64_t none[2] __attribute__((aligned(16)));

    did_if_offered(EXIT_RDRAND, one.ecx & CPUID_1_ECX_RDRAND, try_rdrand(),
                   "RDRAND as CPUID says");
    did_if_offered(EXIT_RDSEED, seven.ebx & CPUID_7_EBX_RDSEED, try_rdseed(),
                   "RDSEED as CPUID says");
    did_if_offered(EXIT_RDTSCP, extended.edx & CPUID_EXT_1_EDX_RDTSCP, try_rdtscp(),
                   "RDTSCP as CPUID says");
    did_if_offered(EXIT_INVPCID, seven.ebx & CPUID_7_EBX_INVPCID, try_invpcid(none, 2),
                   "INVPCID as CPUID says");
    supervisor_state();
}

/* ---- What is emulated ---- */

static void registers_and_devices(void)
{
    uint64_t value = 0, cr0 = cr0_read(), cr4 = cr4_read();

    did(EXIT_CPUID, cpuid(CPUID_HYPERVISOR, 0).ebx == 0x6B6C7542, "CPUID names Bulkhead");
    did(EXIT_RDMSR, try_rdmsr(IA32_MTRRCAP, &value) == NO_FAULT &&
                        try_rdmsr(IA32_VMX_BASIC, &value) == VECTOR_GP, "RDMSR reads or is #GP");
    did(EXIT_WRMSR, try_wrmsr(IA32_BIOS_SIGN_ID, 0) == NO_FAULT &&
                        try_wrmsr(IA32_MTRRCAP, 0) == VECTOR_GP, "WRMSR writes or is #GP");
    cr0_write(cr0 | CR0_CD);
    did(EXIT_CR_ACCESS, cr0_read() == (cr0 | CR0_CD), "MOV to CR0");
    cr0_write(cr0);
    did(EXIT_IO_INSTRUCTION, in8(0x5000) == 0xFF, "IN from nobody reads ones");
    store32(IOAPIC_BASE + IOAPIC_IOREGSEL, 1);
    did(EXIT_EPT_VIOLATION, load32(IOAPIC_BASE + IOAPIC_IOREGSEL) == 1, "the IOAPIC answers");
    if (!(cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_XSAVE)) {
        did(EXIT_XSETBV, try_xsetbv(0, XCR0_X87) == VECTOR_UD, "XSETBV is #UD");
        return;
    }
    cr4_write(cr4 | CR4_OSXSAVE);
    did(EXIT_XSETBV, try_xsetbv(0, XCR0_X87) == NO_FAULT &&
                         try_xsetbv(0, 0) == VECTOR_GP, "XSETBV sets or is #GP");
    cr4_write(cr4);
}

/* ---- Events ---- */

static void single_step(void)
{
    asm volatile("pushfq; orq %0, (%%rsp); popfq; nop" : : "i"(RFLAGS_TF) : "memory", "cc");
    did(EXIT_EXCEPTION_OR_NMI, steps == 1, "a single step traps once");
}

static void nmi_behind_nmi(void)
{
    sends_another_nmi = true;
    send_icr(vcpu_number(), DELIVERY_NMI << ICR_DELIVERY_SHIFT | (uint32_t)ICR_LEVEL_ASSERT);
    for (unsigned i = 0; i < 16; i++)
        cpu_pause();
    did(EXIT_NMI_WINDOW, nmis == 2, "an NMI within an NMI comes behind it");
}

static void pic_init(void)
{
    static const uint8_t ports[] = { 0x20, 0xA0, 0x21, 0xA1, 0x21, 0xA1, 0x21, 0xA1, 0x21, 0xA1 };
    static const uint8_t words[] = { 0x11, 0x11, PIC_VECTOR, PIC_VECTOR + 8, 4, 2, 1, 1, 0xFE,
                                     0xFF };

    for (unsigned i = 0; i < sizeof ports; i++)
        out8(ports[i], words[i]);
}

/* The PIT counts down while interrupts are off; what it asks for waits for STI. */
static void interrupt_behind_sti(void)
{
    pic_init();
    out8(GUEST_PORT_PIT_CONTROL, PIT_TERMINAL_COUNT);
    out8(GUEST_PORT_PIT, (uint8_t)PIT_TICKS);
    out8(GUEST_PORT_PIT, PIT_TICKS >> 8);
    uint64_t end = rdtsc() + tsc_hz() / 100; /* asked once: CPUID exits */
    while (rdtsc() < end)
        cpu_pause();
    unsigned early = pic_interrupts;
    asm volatile("sti; nop; nop; cli" : : : "memory");
    did(EXIT_INTERRUPT_WINDOW, early == 0 && pic_interrupts == 1,
        "the PIT's interrupt waits for STI");
    did(EXIT_PREEMPTION_TIMER, pic_interrupts == 1, "the PIT counted meanwhile");
    out8(GUEST_PORT_PIC_MASTER + 1, 0xFF);
}

static void halt_until_timer(void)
{
    timer_deadline_mode(TIMER_VECTOR);
    timer_deadline(rdtsc() + 100000);
    while (timers == 0)
        wait_for_interrupt();
    did(EXIT_HLT, timers == 1, "HLT lasts until the timer");
    did(EXIT_EXTERNAL_INTERRUPT, timers == 1, "its interrupt arrives");
}

/* ---- What could exit, and does not ---- */

static void write_across_lines(void)
{
    uint32_t *split = (uint32_t *)(operand + 62);
    asm volatile("lock addl $1, %0" : "+m"(*split));
}

static void unnoticed(void)
{
    uint64_t before = rdtsc();

    did(EXIT_RDTSC, rdtsc() > before, "RDTSC goes on");
    for (unsigned i = 0; i < 5000; i++)
        cpu_pause();
    did(EXIT_PAUSE, true, "PAUSE, often");
    asm volatile("mov %0, %%cr8" : : "r"(8ull));
    asm volatile("mov %0, %%cr8" : : "r"(0ull));
    did(EXIT_TPR_BELOW_THRESHOLD, true, "CR8");
    wrmsr(IA32_X2APIC_TPR, 0);
    did(EXIT_APIC_WRITE, rdmsr(IA32_X2APIC_TPR) == 0, "the local APIC's TPR");
    end_of_interrupt();
    did(EXIT_VIRTUALIZED_EOI, true, "the local APIC's EOI");
    write_across_lines();
    did(EXIT_BUS_LOCK, true, "a locked access across cache lines");
}

void guest_main(void)
{
    instructions();
    offered_instructions();
    registers_and_devices();
    single_step();
    nmi_behind_nmi();
    interrupt_behind_sti();
    halt_until_timer();
    unnoticed();
    say_done();
}
