/* SPDX-License-Identifier: MIT
 *
 * Single steps, shadows, breakpoints and NMIs across instructions that the
 * hypervisor does in the guest's stead: each trap must come where it would come
 * on a processor that does them itself.
 *
 * A piece of code is a row of instructions. It is run with RFLAGS.TF set, or with
 * something else going on, and where the debug exceptions and interrupts came is
 * held against the addresses that were expected.
 */
#include "guest/lib.h"

#include "arch/spec/apic.h"
#include "hv/guest_ports.h"

const char guest_name[] = "steps";

#define INTERRUPT 0x51
#define VMXOFF_BYTES 3
#define DR7_FIXED 0x400ull
#define DR7_GLOBAL_EXECUTE_0 0x402ull
#define DR7_GLOBAL_EXECUTE_1 0x408ull
#define DR7_GLOBAL_READ_WRITE_4_BYTES_0 0xF0402ull
#define DR7_DETECT BIT(13)
#define DR6_NOTHING 0xFFFF0FF0ull
#define DR6_B0 1ull
#define DR6_B1 2ull
#define DR6_BD BIT(13)
#define DR6_BS BIT(14)

/* ---- What came, in this order ---- */

struct event {
    uint64_t vector, rip, dr6, rflags;
};
#define EVENTS_MAX 64
static volatile struct event events[EVENTS_MAX];
static volatile unsigned event_count, nmi_depth, nmi_deepest;
static volatile bool send_nmi_in_nmi, nmi_returns_badly;

static void send_nmi(void)
{
    send_icr(0, DELIVERY_NMI << ICR_DELIVERY_SHIFT | (uint32_t)ICR_LEVEL_ASSERT);
}

static void serve_nmi(struct frame *frame)
{
    nmi_depth++;
    if (nmi_depth > nmi_deepest)
        nmi_deepest = nmi_depth;
    if (send_nmi_in_nmi) {
        send_nmi_in_nmi = false;
        send_nmi();
    }
    if (nmi_returns_badly) {
        nmi_returns_badly = false;
        frame->ss = 0x1230; /* which the general-protection exception repairs */
    }
    nmi_depth--;
}

static const uint64_t data_selector = 0x18;

static void note(const struct frame *frame, uint64_t dr6)
{
    if (event_count < EVENTS_MAX)
        events[event_count] = (struct event){ frame->vector, frame->rip, dr6, frame->rflags };
    event_count++;
}

bool guest_interrupted(struct frame *frame)
{
    uint64_t dr6 = frame->vector == VECTOR_DB ? dr6_read() : 0;

    note(frame, dr6);
    if (frame->vector == VECTOR_DB)
        dr6_write(DR6_NOTHING);
    if (dr6 & (DR6_B0 | DR6_B1)) /* or it would hit again */
        frame->rflags |= RFLAGS_RF;
    switch (frame->vector) {
    case VECTOR_DB:
    case VECTOR_BP:
        return true;
    case VECTOR_NMI:
        serve_nmi(frame);
        return true;
    case VECTOR_GP: /* of the IRET out of an NMI: at its stack is the frame to repair */
        ((uint64_t *)frame->rsp)[4] = data_selector;
        return true;
    case VECTOR_UD:
        frame->rip += VMXOFF_BYTES;
        return true;
    case INTERRUPT:
        end_of_interrupt();
        return true;
    }
    return false;
}

/* ---- Pieces of code ---- */

/* Each instruction's end goes into a table of its piece. */
#define PIECE(name)                                                    \
    ".globl " #name ", " #name "_ends, " #name "_ends_end\n"           \
    ".pushsection .rodata.ends_" #name ",\"a\"\n" #name "_ends:\n.popsection\n" \
    #name ":\n push %rbx\n"
#define END_OF(name) ".pushsection .rodata.ends_" #name "\n .quad 1f\n.popsection\n1:\n"
#define STEP(name, instruction) instruction "\n" END_OF(name)
#define PIECE_END(name)                                                \
    " pop %rbx\n ret\n"                                                \
    ".pushsection .rodata.ends_" #name "\n" #name "_ends_end:\n.popsection\n"

#define TRAP_ON " pushf\n orl $0x100, (%rsp)\n popf\n"
/* The flag counts as it was before an instruction, so POPF still traps. */
#define TRAP_OFF(name) STEP(name, "pushf") STEP(name, "andl $~0x100, (%rsp)") STEP(name, "popf")

#define DECLARE(name)                                                  \
    void name(void);                                                   \
    extern const uint64_t name##_ends[], name##_ends_end[];

DECLARE(emulated)
DECLARE(strings)
DECLARE(behind_mov_ss)
DECLARE(behind_sti)
DECLARE(stepped_nmi)
DECLARE(sti_and_cpuid)
DECLARE(sti_and_cr0)
DECLARE(mov_ss_and_icr)
DECLARE(watched_mov_ss)
DECLARE(broken_at)
DECLARE(broken_pair)
DECLARE(broken_fault)
DECLARE(broken_string)
DECLARE(detected)
DECLARE(int1)

volatile uint32_t watched = 0x18;
uint8_t string_bytes[8] = "";

asm(PIECE(emulated) TRAP_ON
    STEP(emulated, "xor %eax, %eax")
    STEP(emulated, "cpuid")
    STEP(emulated, "mov $0x3FD, %edx")
    STEP(emulated, "in %dx, %al")
    STEP(emulated, "in $0x61, %al")
    STEP(emulated, "out %al, $0x80")
    STEP(emulated, "mov $0x1B, %ecx")
    STEP(emulated, "rdmsr")
    STEP(emulated, "wrmsr")
    STEP(emulated, "mov $0xFEC00000, %ebx")
    STEP(emulated, "mov (%rbx), %eax")
    STEP(emulated, "mov %eax, (%rbx)")
    STEP(emulated, "wbinvd")
    STEP(emulated, "invd")
    STEP(emulated, "mov %cr0, %rax")
    STEP(emulated, "bts $30, %rax")
    STEP(emulated, "mov %rax, %cr0")
    STEP(emulated, "btr $30, %rax")
    STEP(emulated, "mov %rax, %cr0")
    STEP(emulated, "mov $0x7FFFFFFF, %eax")
    STEP(emulated, "vmcall")
    STEP(emulated, "nop")
    TRAP_OFF(emulated) PIECE_END(emulated)

    /* A trap behind each element, at the instruction, and one behind it. */
    PIECE(strings) TRAP_ON
    STEP(strings, "mov $string_bytes, %rsi")
    STEP(strings, "mov $0x80, %edx")
    STEP(strings, "mov $3, %ecx")
    END_OF(strings) END_OF(strings)
    STEP(strings, "rep outsb")
    STEP(strings, "nop")
    TRAP_OFF(strings) PIECE_END(strings)

    PIECE(behind_mov_ss) " mov $0x18, %ebx\n xor %eax, %eax\n" TRAP_ON
    STEP(behind_mov_ss, "nop")
    " mov %ebx, %ss\n" /* no trap here */
    STEP(behind_mov_ss, "cpuid")
    STEP(behind_mov_ss, "nop")
    TRAP_OFF(behind_mov_ss) PIECE_END(behind_mov_ss)

    PIECE(behind_sti) " xor %eax, %eax\n" TRAP_ON
    STEP(behind_sti, "sti")
    STEP(behind_sti, "cpuid")
    STEP(behind_sti, "cli")
    TRAP_OFF(behind_sti) PIECE_END(behind_sti)

    PIECE(stepped_nmi) " mov $0x830, %ecx\n mov $0x4400, %eax\n xor %edx, %edx\n"
    TRAP_ON
    STEP(stepped_nmi, "nop")
    STEP(stepped_nmi, "wrmsr")
    STEP(stepped_nmi, "nop")
    TRAP_OFF(stepped_nmi) PIECE_END(stepped_nmi)

    PIECE(sti_and_cpuid) " xor %eax, %eax\n sti\n"
    STEP(sti_and_cpuid, "cpuid")
    " nop\n cli\n" PIECE_END(sti_and_cpuid)

    PIECE(sti_and_cr0) " mov %cr0, %rax\n bts $30, %rax\n sti\n"
    STEP(sti_and_cr0, "mov %rax, %cr0")
    " nop\n cli\n btr $30, %rax\n mov %rax, %cr0\n" PIECE_END(sti_and_cr0)

    PIECE(mov_ss_and_icr)
    " mov $0x18, %ebx\n mov $0x830, %ecx\n mov $0x40051, %eax\n xor %edx, %edx\n sti\n nop\n"
    " mov %ebx, %ss\n"
    STEP(mov_ss_and_icr, "wrmsr")
    " nop\n cli\n" PIECE_END(mov_ss_and_icr)

    PIECE(watched_mov_ss) " xor %eax, %eax\n mov watched, %ss\n"
    STEP(watched_mov_ss, "cpuid")
    " nop\n" PIECE_END(watched_mov_ss)

    PIECE(broken_at) " xor %eax, %eax\n"
    STEP(broken_at, "nop")
    " cpuid\n" PIECE_END(broken_at)

    PIECE(broken_pair) " xor %eax, %eax\n" END_OF(broken_pair)
    STEP(broken_pair, "cpuid")
    " nop\n" PIECE_END(broken_pair)

    PIECE(broken_fault) " xor %eax, %eax\n" END_OF(broken_fault)
    " vmxoff\n" PIECE_END(broken_fault)

    /* To where no memory is, in several parts. */
    PIECE(broken_string) " mov $0xD0000000, %edi\n mov $100, %ecx\n" END_OF(broken_string)
    " rep stosb\n"
    PIECE_END(broken_string)

    PIECE(detected)
    STEP(detected, "nop")
    " mov %rax, %dr0\n" PIECE_END(detected)

    PIECE(int1)
    STEP(int1, ".byte 0xF1")
    STEP(int1, "int3")
    PIECE_END(int1));

/* ---- What is expected ---- */

static void begin(void)
{
    event_count = 0;
    dr6_write(DR6_NOTHING);
}

static bool came(unsigned index, uint64_t vector, uint64_t rip)
{
    return index < event_count && events[index].vector == vector && events[index].rip == rip;
}

/* Exactly a single-step trap at each of these addresses. */
static bool stepped(const uint64_t *ends, const uint64_t *end)
{
    unsigned count = (unsigned)(end - ends);
    bool good = event_count == count;

    for (unsigned i = 0; i < event_count && i < EVENTS_MAX; i++) {
        bool right = i < count && came(i, VECTOR_DB, ends[i]) && events[i].dr6 ==
                     (DR6_NOTHING | DR6_BS);
        if (!right)
            say("wrong: %u. of %u: vector %llu at %llx, not %llx, DR6 %llx", i, event_count,
                (unsigned long long)events[i].vector, (unsigned long long)events[i].rip,
                i < count ? (unsigned long long)ends[i] : 0,
                (unsigned long long)events[i].dr6);
        good = good && right;
    }
    return good;
}

#define STEPS(name, text)                                              \
    do {                                                               \
        begin();                                                       \
        name();                                                        \
        (void)report(stepped(name##_ends, name##_ends_end), text);     \
    } while (0)

static bool once(uint64_t vector, uint64_t rip)
{
    bool good = event_count == 1 && came(0, vector, rip);

    if (!good)
        say("wrong: %u came, the first is vector %llu at %llx, not %llx", event_count,
            (unsigned long long)events[0].vector, (unsigned long long)events[0].rip,
            (unsigned long long)rip);
    return good;
}

/* ---- The claims ---- */

static void single_steps(void)
{
    STEPS(emulated, "a trap behind each instruction");
    STEPS(strings, "a trap behind each element of a string");
    STEPS(behind_mov_ss, "no trap behind MOV SS, one behind the next instruction");
    STEPS(behind_sti, "a trap behind STI");
}

static void interrupt_shadows(void)
{
    begin();
    send_self(INTERRUPT);
    sti_and_cpuid();
    (void)report(once(INTERRUPT, sti_and_cpuid_ends[0]), "an interrupt waits for one instruction");

    begin();
    send_self(INTERRUPT);
    sti_and_cr0();
    (void)report(once(INTERRUPT, sti_and_cr0_ends[0]), "also if that is executed twice");

    begin();
    mov_ss_and_icr();
    (void)report(once(INTERRUPT, mov_ss_and_icr_ends[0]), "and no longer");
}

static void breakpoints(void)
{
    begin();
    asm volatile("mov %0, %%dr0" : : "r"(&watched));
    asm volatile("mov %0, %%dr7" : : "r"(DR7_GLOBAL_READ_WRITE_4_BYTES_0));
    watched_mov_ss();
    asm volatile("mov %0, %%dr7" : : "r"(DR7_FIXED));
    (void)report(once(VECTOR_DB, watched_mov_ss_ends[0]) && (events[0].dr6 & DR6_B0) &&
                     !(events[0].dr6 & DR6_BS),
                 "a breakpoint at MOV SS traps behind the next instruction");

    begin();
    asm volatile("mov %0, %%dr0" : : "r"(broken_at_ends[0]));
    asm volatile("mov %0, %%dr7" : : "r"(DR7_GLOBAL_EXECUTE_0));
    broken_at();
    (void)report(once(VECTOR_DB, broken_at_ends[0]) && (events[0].dr6 & DR6_B0) &&
                     !(events[0].rflags & RFLAGS_RF),
                 "a breakpoint at an instruction hits once");

    begin();
    asm volatile("mov %0, %%dr0; mov %1, %%dr1" : : "r"(broken_pair_ends[0]),
                 "r"(broken_pair_ends[1]));
    asm volatile("mov %0, %%dr7" : : "r"(DR7_GLOBAL_EXECUTE_0 | DR7_GLOBAL_EXECUTE_1));
    broken_pair();
    (void)report(event_count == 2 && came(0, VECTOR_DB, broken_pair_ends[0]) &&
                     came(1, VECTOR_DB, broken_pair_ends[1]),
                 "and so does one at the next instruction");

    begin();
    asm volatile("mov %0, %%dr7" : : "r"(DR7_GLOBAL_EXECUTE_0));
    asm volatile("mov %0, %%dr0" : : "r"(broken_fault_ends[0]));
    broken_fault();
    (void)report(event_count == 2 && came(0, VECTOR_DB, broken_fault_ends[0]) &&
                     came(1, VECTOR_UD, broken_fault_ends[0]) && (events[1].rflags & RFLAGS_RF),
                 "also if the instruction faults");

    begin();
    asm volatile("mov %0, %%dr0" : : "r"(broken_string_ends[0]));
    asm volatile("mov %0, %%dr7" : : "r"(DR7_GLOBAL_EXECUTE_0));
    broken_string();
    (void)report(once(VECTOR_DB, broken_string_ends[0]),
                 "also if it is a string that is done in parts");

    begin();
    asm volatile("mov %0, %%dr7" : : "r"(DR7_FIXED | DR7_DETECT));
    detected();
    (void)report(once(VECTOR_DB, detected_ends[0]) && (events[0].dr6 & DR6_BD) &&
                     (events[0].rflags & RFLAGS_RF),
                 "general detect, off in its handler");

    begin();
    int1();
    (void)report(event_count == 2 && came(0, VECTOR_DB, int1_ends[0]) &&
                     events[0].dr6 == DR6_NOTHING && came(1, VECTOR_BP, int1_ends[1]),
                 "INT1 and INT3, behind themselves");
}

/* The handlers of the library and their IRET are not stepped through: the NMI comes
 * on the first instruction of the debug exception's handler. */
static void nmis(void)
{
    begin();
    stepped_nmi();
    bool steps = came(0, VECTOR_DB, stepped_nmi_ends[0]) && came(2, VECTOR_DB, stepped_nmi_ends[1]);
    bool nmi = event_count > 3 && events[1].vector == VECTOR_NMI;
    (void)report(steps && nmi && came(3, VECTOR_DB, stepped_nmi_ends[2]),
                 "an NMI behind the trap that is pending, which is not lost");

    begin();
    nmi_deepest = 0;
    send_nmi_in_nmi = true;
    send_nmi();
    (void)report(event_count == 2 && events[1].vector == VECTOR_NMI && nmi_deepest == 1,
                 "an NMI waits for the IRET of another one");

    begin();
    nmi_deepest = 0;
    send_nmi_in_nmi = true;
    nmi_returns_badly = true;
    send_nmi();
    (void)report(event_count == 3 && events[0].vector == VECTOR_NMI &&
                     events[1].vector == VECTOR_NMI && events[2].vector == VECTOR_GP,
                 "an IRET that faults lets it come");
}

static void faults(void)
{
    (void)report(try_rdpmc() == VECTOR_GP && try_monitor() == VECTOR_UD &&
                     try_mwait() == VECTOR_UD && try_invd() == NO_FAULT &&
                     try_wbinvd() == NO_FAULT,
                 "RDPMC, MONITOR, MWAIT, INVD and WBINVD");
    (void)report(try_xsetbv(0, 0) == VECTOR_GP || try_xsetbv(0, 0) == VECTOR_UD, "XSETBV");
}

void guest_main(void)
{
    single_steps();
    interrupt_shadows();
    breakpoints();
    nmis();
    faults();
    say_done();
}
