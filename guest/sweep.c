/* SPDX-License-Identifier: MIT
 *
 * The hostile guest: it tries every address outside its memory, all ports, the
 * MSR ranges, every destination of an IPI, and the instructions that are not
 * its to use. Everything must answer as if nothing were there, and nothing may
 * end. That nobody else noticed is what guest/witness.c beside it says.
 *
 * What legitimately ends or changes the guest itself is listed as data and left
 * out; guest/triple.c does those.
 */
#include "guest/lib.h"

#include "arch/spec/apic.h"
#include "arch/spec/cpuid.h"
#include "hv/guest_ports.h"

const char guest_name[] = "sweep";

#define ALL_ONES 0xFFFFFFFFu
#define PATTERN 0x5A5AA5A5u
#define COMPLAINTS_MAX 5

/* What one sweep found: how many places, and the first few that are wrong. */
struct tally {
    const char *what;
    uint64_t places;
    uint64_t wrong;
};

static void tally_wrong(struct tally *tally, const char *how, uint64_t where, uint64_t value)
{
    if (tally->wrong++ < COMPLAINTS_MAX)
        say("%s %llx: %s: %llx", tally->what, (unsigned long long)where, how,
            (unsigned long long)value);
}

static void tally_report(const struct tally *tally, const char *good)
{
    if (tally->wrong)
        (void)report(false, "%s: %llu wrong of %llu", tally->what,
                     (unsigned long long)tally->wrong, (unsigned long long)tally->places);
    else
        (void)report(true, "%s: %llu %s", tally->what, (unsigned long long)tally->places, good);
}

/* What came although nothing should have. */
static volatile uint64_t interrupts, nmis;

bool guest_interrupted(struct frame *frame)
{
    if (frame->vector == VECTOR_NMI) {
        nmis++;
        return true;
    }
    if (frame->vector < 32)
        return false;
    interrupts++;
    end_of_interrupt();
    return true;
}

/* ---- Memory ---- */

#define ECAM_FUNCTION 0x1000ull /* of its host bridge; the others are empty */

static bool is_own_memory(uint64_t address)
{
    struct e820_entry range;

    for (unsigned i = 0; ram_range(i, &range); i++)
        if (address - range.base < range.bytes)
            return true;
    return address - IOAPIC_BASE < APIC_PAGE_SIZE || address - GUEST_ECAM_BASE < ECAM_FUNCTION;
}

static void try_hole(struct tally *tally, uint64_t address)
{
    if (is_own_memory(address))
        return;
    tally->places++;
    uint32_t before = load32(address);
    store32(address, PATTERN);
    uint32_t after = load32(address);
    if (before != ALL_ONES)
        tally_wrong(tally, "read", address, before);
    if (after != ALL_ONES)
        tally_wrong(tally, "kept a write", address, after);
}

static void try_holes(struct tally *tally, uint64_t begin, uint64_t end, uint64_t step)
{
    for (uint64_t at = begin; at < end; at += step)
        try_hole(tally, at);
}

#define LEGACY_HOLE 0xA0000ull
#define LEGACY_HOLE_END 0xE0000ull
#define FIRMWARE 0xFE000000ull

static void sweep_memory(void)
{
    struct tally tally = { .what = "memory" };
    unsigned bits = cpuid(CPUID_ADDRESS_SIZES, 0).eax & 0xFF;

    try_holes(&tally, LEGACY_HOLE, LEGACY_HOLE_END, PAGE_SIZE_4K);
    try_holes(&tally, ram_low_end(), GIB(64), PAGE_SIZE_2M);
    try_holes(&tally, GUEST_ECAM_BASE, GUEST_ECAM_BASE + GUEST_ECAM_BYTES, PAGE_SIZE_4K);
    try_holes(&tally, FIRMWARE, GIB(4), PAGE_SIZE_4K);
    for (unsigned bit = 36; bit < bits; bit++)
        try_holes(&tally, (1ull << bit) - PAGE_SIZE_2M, (1ull << bit) + GIB(1), MIB(128));
    try_hole(&tally, (1ull << bits) - sizeof(uint32_t));
    tally_report(&tally, "addresses outside of its memory read ones and keep nothing");
}

/* Everything that it is told is its own it also uses: if any of that were
 * somebody else's, the witness would find out. */
#define LOADER_END 0x20000ull /* below: the loader's (hv/linux.c) */

static void fill_range(struct tally *tally, uint64_t begin, uint64_t end)
{
    for (uint64_t at = begin; at < end; at += sizeof(uint64_t))
        TAKE64(at) = ~at;
    for (uint64_t at = begin; at < end; at += sizeof(uint64_t), tally->places++)
        if (TAKE64(at) != ~at)
            tally_wrong(tally, "lost a write", at, TAKE64(at));
}

static void fill_own_memory(void)
{
    struct tally tally = { .what = "own memory" };
    struct e820_entry range;

    for (unsigned i = 0; ram_range(i, &range); i++) {
        uint64_t mine = range.base < MIB(1) ? LOADER_END : guest_image_end_address();
        fill_range(&tally, range.base < mine ? mine : range.base, range.base + range.bytes);
    }
    tally_report(&tally, "words keep what is written");
}

/* ---- Ports ---- */

struct port_range { uint16_t first, last; };

/* Its own console, clock and interrupts, and what ends it. */
static const struct port_range not_written[] = {
    { GUEST_PORT_PIC_MASTER, GUEST_PORT_PIC_MASTER + 1 },
    { GUEST_PORT_PIC_SLAVE, GUEST_PORT_PIC_SLAVE + 1 },
    { GUEST_PORT_I8042_DATA, GUEST_PORT_I8042_DATA },
    { GUEST_PORT_I8042_COMMAND, GUEST_PORT_I8042_COMMAND },
    { GUEST_PORT_RTC_INDEX, GUEST_PORT_RTC_DATA },
    { GUEST_PORT_SYSTEM_CONTROL_A, GUEST_PORT_SYSTEM_CONTROL_A },
    { GUEST_PORT_COM2, GUEST_PORT_COM2 + GUEST_COM_PORTS - 1 },
    { GUEST_PORT_COM1, GUEST_PORT_COM1 + GUEST_COM_PORTS - 1 },
    { GUEST_PORT_COM2, GUEST_PORT_COM2 + GUEST_COM_PORTS - 1 },
    { GUEST_PORT_PM1A_CONTROL, GUEST_PORT_PM1A_CONTROL + GUEST_PM1A_CONTROL_BYTES - 1 },
    { GUEST_PORT_RESET, GUEST_PORT_RESET },
};

/* Where something of its own answers. */
static const struct port_range owned[] = {
    { GUEST_PORT_PIC_MASTER, GUEST_PORT_PIC_MASTER + 1 },
    { GUEST_PORT_PIC_SLAVE, GUEST_PORT_PIC_SLAVE + 1 },
    { GUEST_PORT_ELCR, GUEST_PORT_ELCR + 1 },
    { GUEST_PORT_PIT, GUEST_PORT_PIT_CONTROL },
    { GUEST_PORT_I8042_DATA, GUEST_PORT_SYSTEM_CONTROL_B },
    { GUEST_PORT_I8042_COMMAND, GUEST_PORT_I8042_COMMAND },
    { GUEST_PORT_RTC_INDEX, GUEST_PORT_RTC_DATA },
    { GUEST_PORT_SYSTEM_CONTROL_A, GUEST_PORT_SYSTEM_CONTROL_A },
    { GUEST_PORT_COM2, GUEST_PORT_COM2 + GUEST_COM_PORTS - 1 },
    { GUEST_PORT_COM1, GUEST_PORT_COM1 + GUEST_COM_PORTS - 1 },
    { GUEST_PORT_COM2, GUEST_PORT_COM2 + GUEST_COM_PORTS - 1 },
    { GUEST_PORT_PM1A_EVENT, GUEST_PORT_PM1A_CONTROL + GUEST_PM1A_CONTROL_BYTES - 1 },
    { GUEST_PORT_PM_TIMER, GUEST_PORT_PM_TIMER + GUEST_PM_TIMER_BYTES - 1 },
    { GUEST_PORT_PCI_ADDRESS, GUEST_PORT_PCI_DATA + 3 },
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static bool touches(const struct port_range *ranges, size_t count, unsigned port, unsigned bytes)
{
    for (size_t i = 0; i < count; i++)
        if (port <= ranges[i].last && port + bytes > ranges[i].first)
            return true;
    return false;
}

static uint32_t port_read(uint16_t port, unsigned bytes)
{
    switch (bytes) {
    case 1: return in8(port) | 0xFFFFFF00u;
    case 2: return in16(port) | 0xFFFF0000u;
    default: return in32(port);
    }
}

static void port_write(uint16_t port, unsigned bytes)
{
    switch (bytes) {
    case 1: out8(port, (uint8_t)PATTERN); break;
    case 2: out16(port, (uint16_t)PATTERN); break;
    default: out32(port, PATTERN); break;
    }
}

static void try_port(struct tally *tally, uint16_t port, unsigned bytes)
{
    bool own = touches(owned, COUNT(owned), port, bytes);

    tally->places++;
    if (!touches(not_written, COUNT(not_written), port, bytes))
        port_write(port, bytes);
    uint32_t value = port_read(port, bytes);
    if (!own && value != ALL_ONES)
        tally_wrong(tally, "read", port, value);
}

static void sweep_ports(void)
{
    struct tally tally = { .what = "ports" };

    for (unsigned port = 0; port <= UINT16_MAX; port++)
        for (unsigned bytes = 1; bytes <= 4; bytes *= 2)
            try_port(&tally, (uint16_t)port, bytes);
    tally_report(&tally, "accesses answered by nobody or by its own devices");
}

/* A string input fills the guest's memory with what the port reads. */
static void sweep_string_ports(void)
{
    struct tally tally = { .what = "string ports" };
    uint32_t words[4] = { 0 };
    void *to = words;
    uint64_t count = 0;

    asm volatile("rep insl" : "+D"(to), "+c"(count) : "d"(0x5000) : "memory");
    if (to != words || words[0] != 0)
        tally_wrong(&tally, "a count of zero moved", (uint64_t)to - (uint64_t)words, words[0]);
    count = COUNT(words);
    asm volatile("rep insl" : "+D"(to), "+c"(count) : "d"(0x5000) : "memory");
    for (unsigned i = 0; i < COUNT(words); i++, tally.places++)
        if (words[i] != ALL_ONES)
            tally_wrong(&tally, "read", i, words[i]);
    const void *from = words;
    count = COUNT(words);
    asm volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(0x5000) : "memory");
    if (count != 0 || from != words + COUNT(words))
        tally_wrong(&tally, "an output stopped", 0x5000, count);
    tally_report(&tally, "words read ones");
}

/* ---- PCI ---- */

#define PCI_ENABLE (1u << 31)
#define PCI_DEVICES (256 * 32)

static void sweep_pci(void)
{
    struct tally tally = { .what = "PCI" };
    unsigned present = 0;

    for (uint32_t device = 0; device < PCI_DEVICES; device++, tally.places++) {
        out32(GUEST_PORT_PCI_ADDRESS, PCI_ENABLE | device << 11);
        uint32_t id = in32(GUEST_PORT_PCI_DATA);
        if (id == ALL_ONES)
            continue;
        present++;
        if (device != 0)
            tally_wrong(&tally, "a device", device, id);
    }
    if (present != 1)
        tally_wrong(&tally, "not one host bridge but", 0, present);
    tally_report(&tally, "devices looked for, and none but its host bridge");
}

/* ---- MSRs ---- */

struct msr_range { uint32_t first, last; };

static const struct msr_range msr_ranges[] = {
    { 0, 0x1FFF },
    { 0x40000000, 0x400000FF },
    { 0x80000000, 0x80000003 },
    { 0xC0000000, 0xC0001FFF },
    { 0xC0010000, 0xC00100FF },
    { 0xFFFFFFF0, 0xFFFFFFFF },
};

/* Writing these does what they are for: it sends interrupts. */
static bool sends_interrupts(uint32_t msr)
{
    return msr == IA32_X2APIC_ICR || msr == IA32_X2APIC_SELF_IPI;
}

struct msr_counts { uint64_t readable, writable; };

/* Either the access works, or it is #GP. */
static bool worked(struct tally *tally, const char *access, uint32_t msr, unsigned vector)
{
    if (vector != NO_FAULT && vector != VECTOR_GP)
        tally_wrong(tally, access, msr, vector);
    return vector == NO_FAULT;
}

/* Ones first, then what was there. */
static void try_msr(struct tally *tally, struct msr_counts *counts, uint32_t msr)
{
    uint64_t value = 0;
    bool readable = worked(tally, "read: vector", msr, try_rdmsr(msr, &value));

    tally->places++;
    counts->readable += readable;
    if (sends_interrupts(msr))
        return;
    (void)worked(tally, "write of ones: vector", msr, try_wrmsr(msr, UINT64_MAX));
    counts->writable += worked(tally, "write: vector", msr, try_wrmsr(msr, value));
}

static void check_vmx_msrs(struct tally *tally)
{
    uint64_t value;

    for (uint32_t msr = IA32_VMX_BASIC; msr <= IA32_VMX_VMFUNC; msr++)
        if (try_rdmsr(msr, &value) != VECTOR_GP)
            tally_wrong(tally, "VMX is shown", msr, value);
    if (try_rdmsr(IA32_FEATURE_CONTROL, &value) == NO_FAULT &&
        (value & (FEATURE_CONTROL_VMX_IN_SMX | FEATURE_CONTROL_VMX_OUTSIDE_SMX)))
        tally_wrong(tally, "VMX is allowed", IA32_FEATURE_CONTROL, value);
}

static void sweep_msrs(void)
{
    struct tally tally = { .what = "MSRs" };
    struct msr_counts counts = { 0, 0 };

    for (unsigned i = 0; i < COUNT(msr_ranges); i++)
        for (uint64_t msr = msr_ranges[i].first; msr <= msr_ranges[i].last; msr++)
            try_msr(&tally, &counts, (uint32_t)msr);
    check_vmx_msrs(&tally);
    say("%llu MSRs readable, %llu writable", (unsigned long long)counts.readable,
        (unsigned long long)counts.writable);
    tally_report(&tally, "numbers work or raise #GP, and none shows VMX");
}

/* ---- Instructions ---- */

static uint8_t operand[PAGE_SIZE_4K] __attribute__((aligned(4096)));

static void expect(struct tally *tally, unsigned number, const char *instruction, unsigned vector,
                   unsigned expected)
{
    tally->places++;
    if (vector != expected)
        tally_wrong(tally, instruction, number, vector);
}

static void sweep_instructions(void)
{
    struct tally tally = { .what = "instruction" };
    const struct { const char *name; unsigned vector, expected; } tried[] = {
        { "VMXON", try_vmxon(operand), VECTOR_UD },
        { "VMXOFF", try_vmxoff(), VECTOR_UD },
        { "VMCLEAR", try_vmclear(operand), VECTOR_UD },
        { "VMPTRLD", try_vmptrld(operand), VECTOR_UD },
        { "VMPTRST", try_vmptrst(operand), VECTOR_UD },
        { "VMREAD", try_vmread(0), VECTOR_UD },
        { "VMWRITE", try_vmwrite(0), VECTOR_UD },
        { "VMLAUNCH", try_vmlaunch(), VECTOR_UD },
        { "VMRESUME", try_vmresume(), VECTOR_UD },
        { "INVEPT", try_invept(operand), VECTOR_UD },
        { "INVVPID", try_invvpid(operand), VECTOR_UD },
        { "VMFUNC", try_vmfunc(), VECTOR_UD },
        { "GETSEC", try_getsec(), VECTOR_UD },
        { "RSM", try_rsm(), VECTOR_UD },
        { "ENCLS", try_encls(), VECTOR_UD },
        { "PCONFIG", try_pconfig(), VECTOR_UD },
        { "SEAMCALL", try_seamcall(), VECTOR_UD },
        { "TDCALL", try_tdcall(), VECTOR_UD },
        { "MONITOR", try_monitor(), VECTOR_UD },
        { "MWAIT", try_mwait(), VECTOR_UD },
        { "RDPMC", try_rdpmc(), VECTOR_GP },
        { "INVD", try_invd(), NO_FAULT },
        { "WBINVD", try_wbinvd(), NO_FAULT },
    };

    for (unsigned i = 0; i < COUNT(tried); i++)
        expect(&tally, i, tried[i].name, tried[i].vector, tried[i].expected);
    for (uint32_t number = 0; number < 512; number++)
        expect(&tally, number, "VMCALL", try_vmcall(number), NO_FAULT);
    tally_report(&tally, "instructions do what a processor without VMX does");
}

/* INVD throws lines away, but not what was written before. */
static void sweep_caches(void)
{
    struct tally tally = { .what = "cache" };

    for (unsigned i = 0; i < COUNT(operand); i++)
        operand[i] = (uint8_t)i;
    (void)try_invd();
    for (unsigned i = 0; i < COUNT(operand); i++, tally.places++)
        if (((volatile uint8_t *)operand)[i] != (uint8_t)i)
            tally_wrong(&tally, "lost a write", i, operand[i]);
    tally_report(&tally, "bytes survive INVD");
}

/* ---- Interrupts ---- */

#define IPI_VECTOR 0x55
#define DESTINATIONS 256

static const enum apic_delivery_mode modes[] = {
    DELIVERY_FIXED, DELIVERY_LOWEST_PRIORITY, DELIVERY_SMI,
    DELIVERY_NMI,   DELIVERY_INIT,            DELIVERY_STARTUP,
};

static void send(struct tally *tally, uint32_t destination, uint32_t low)
{
    unsigned vector = try_wrmsr(IA32_X2APIC_ICR, (uint64_t)destination << 32 | low);

    tally->places++;
    if (vector != NO_FAULT && vector != VECTOR_GP)
        tally_wrong(tally, "vector", destination, vector);
}

/* To everybody but itself, whichever way a destination is written. */
static void send_everywhere(struct tally *tally, enum apic_delivery_mode mode)
{
    uint32_t low = (uint32_t)mode << ICR_DELIVERY_SHIFT | (uint32_t)ICR_LEVEL_ASSERT | IPI_VECTOR;

    for (uint32_t destination = 0; destination < DESTINATIONS; destination++) {
        if (destination != vcpu_number())
            send(tally, destination, low);
        /* Logical: cluster and set. Its own is bit 0 of cluster 0. */
        send(tally, destination << 16 | 0xFFFE, low | (uint32_t)ICR_LOGICAL);
        if (destination != 0)
            send(tally, destination << 16 | 0xFFFF, low | (uint32_t)ICR_LOGICAL);
    }
    send(tally, 0, low | SHORTHAND_ALL_BUT_SELF << ICR_SHORTHAND_SHIFT);
}

static void take_pending(void)
{
    for (unsigned i = 0; i < 16; i++)
        asm volatile("sti; nop; cli");
}

static void sweep_icr(void)
{
    struct tally tally = { .what = "IPI" };

    for (unsigned i = 0; i < COUNT(modes); i++)
        send_everywhere(&tally, modes[i]);
    for (unsigned bit = 0; bit < 32; bit++)
        if (ICR_X2APIC_RESERVED >> bit & 1 &&
            try_wrmsr(IA32_X2APIC_ICR, 1ull << bit | 0xFEull << 32) != VECTOR_GP)
            tally_wrong(&tally, "a reserved bit was taken", bit, 0);
    take_pending();
    if (interrupts || nmis)
        tally_wrong(&tally, "came back to the sender", interrupts, nmis);
    tally_report(&tally, "sent to nobody of its own, and none came back");
}

/* What must come: so that the silence above means something. */
static void check_own_interrupts(void)
{
    interrupts = nmis = 0;
    send_icr(X2APIC_BROADCAST, (uint32_t)ICR_LEVEL_ASSERT | IPI_VECTOR);
    take_pending();
    send_self(IPI_VECTOR);
    take_pending();
    send_icr(vcpu_number(), DELIVERY_NMI << ICR_DELIVERY_SHIFT | (uint32_t)ICR_LEVEL_ASSERT);
    take_pending();
    (void)report(interrupts == 2 && nmis == 1, "its own IPIs arrive: %llu fixed, %llu NMI",
                 (unsigned long long)interrupts, (unsigned long long)nmis);
}

/* ---- CPUID and control registers ---- */

static const struct { uint32_t first, last; } leaves[] = {
    { 0, 0x40 },
    { 0x40000000, 0x40000110 },
    { 0x80000000, 0x80000020 },
    { 0xFFFFFFF0, 0xFFFFFFFE },
};
#define SUBLEAVES 8

static void sweep_cpuid(void)
{
    struct tally tally = { .what = "CPUID" };
    struct cpuid_result one = cpuid(CPUID_FEATURES, 0);
    struct cpuid_result seven = cpuid(CPUID_EXTENDED_FEATURES, 0);

    for (unsigned i = 0; i < COUNT(leaves); i++)
        for (uint32_t leaf = leaves[i].first; leaf <= leaves[i].last; leaf++)
            for (uint32_t subleaf = 0; subleaf < SUBLEAVES; subleaf++, tally.places++)
                (void)cpuid(leaf, subleaf);
    if (one.ecx & (CPUID_BIT(5) | CPUID_BIT(6)))
        tally_wrong(&tally, "VMX or SMX is offered", CPUID_FEATURES, one.ecx);
    if (!(one.ecx & CPUID_1_ECX_HYPERVISOR))
        tally_wrong(&tally, "no hypervisor is told", CPUID_FEATURES, one.ecx);
    if (seven.ebx & CPUID_BIT(2))
        tally_wrong(&tally, "SGX is offered", CPUID_EXTENDED_FEATURES, seven.ebx);
    tally_report(&tally, "leaves answer, and none offers VMX, SMX or SGX");
}

/* Bits that no CPUID here offers: LA57, VMXE, SMXE, key locker, PKE, CET, PKS,
 * UINTR, and all that have no name. */
#define CR4_NEVER (CR4_LA57 | CR4_VMXE | CR4_SMXE | CR4_KL | CR4_PKE | CR4_CET | CR4_PKS | \
                   CR4_UINTR | BIT(15) | ~(BIT(26) - 1))

static void sweep_control_registers(void)
{
    struct tally tally = { .what = "control register" };
    uint64_t cr0 = cr0_read(), cr4 = cr4_read();

    for (unsigned bit = 0; bit < 64; bit++)
        if (CR4_NEVER >> bit & 1)
            expect(&tally, bit, "CR4 bit", try_cr4(cr4 | BIT(bit)), VECTOR_GP);
    for (unsigned bit = 32; bit < 64; bit++)
        expect(&tally, bit, "CR0 bit", try_cr0(cr0 | BIT(bit)), VECTOR_GP);
    expect(&tally, 29, "CR0.NW without CD", try_cr0(cr0 | CR0_NW), VECTOR_GP);
    expect(&tally, 30, "CR0.CD", try_cr0(cr0 | CR0_CD), NO_FAULT);
    expect(&tally, 29, "CR0.CD and NW", try_cr0(cr0 | CR0_CD | CR0_NW), NO_FAULT);
    expect(&tally, 5, "CR0.NE", try_cr0(cr0 & ~CR0_NE), NO_FAULT);
    expect(&tally, 0, "CR0", try_cr0(cr0), NO_FAULT);
    expect(&tally, 0, "CR4", try_cr4(cr4), NO_FAULT);
    if (cr0_read() != cr0 || cr4_read() != cr4)
        tally_wrong(&tally, "is not what it was", cr0_read(), cr4_read());
    tally_report(&tally, "values are taken or raise #GP");
}

static void sweep_xcr0(void)
{
    struct tally tally = { .what = "XSETBV" };
    static const uint64_t bad[] = {
        0, XCR0_SSE, XCR0_X87 | XCR0_AVX, XCR0_X87 | XCR0_BNDREGS, XCR0_X87 | XCR0_OPMASK,
        XCR0_X87 | BIT(8), XCR0_X87 | BIT(9), XCR0_X87 | BIT(17), XCR0_X87 | BIT(63),
    };
    uint64_t cr4 = cr4_read();

    expect(&tally, 0, "without OSXSAVE", try_xsetbv(0, XCR0_X87), VECTOR_UD);
    if (!(cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_XSAVE)) {
        tally_report(&tally, "writes: there is no XSAVE");
        return;
    }
    expect(&tally, 0, "CR4.OSXSAVE", try_cr4(cr4 | CR4_OSXSAVE), NO_FAULT);
    for (unsigned i = 0; i < COUNT(bad); i++)
        expect(&tally, i, "a value that no CPUID offers", try_xsetbv(0, bad[i]), VECTOR_GP);
    expect(&tally, 1, "XCR1", try_xsetbv(1, XCR0_X87), VECTOR_GP);
    expect(&tally, 0, "x87 alone", try_xsetbv(0, XCR0_X87), NO_FAULT);
    expect(&tally, 0, "CR4", try_cr4(cr4), NO_FAULT);
    tally_report(&tally, "writes are taken or raise #GP");
}

void guest_main(void)
{
    uint64_t begin = rdtsc();

    fill_own_memory();
    sweep_memory();
    sweep_ports();
    sweep_string_ports();
    sweep_pci();
    sweep_msrs();
    sweep_instructions();
    sweep_caches();
    sweep_icr();
    check_own_interrupts();
    sweep_cpuid();
    sweep_control_registers();
    sweep_xcr0();
    say("took %llu ms", (unsigned long long)((rdtsc() - begin) / (tsc_hz() / 1000)));
    say_done();
}
