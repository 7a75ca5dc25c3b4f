/* SPDX-License-Identifier: MIT
 *
 * See lib.h. Physical memory is mapped one to one below 4 GiB; anything above is
 * looked at through one window of 2 MiB behind it, so that addresses without
 * memory can be tried whatever pages the processor offers.
 */
#include "guest/lib.h"

#include "arch/spec/apic.h"
#include "arch/spec/cpuid.h"
#include "arch/spec/linux_boot.h"
#include "hv/bytes.h"
#include "hv/check.h"
#include "hv/guest_ports.h"
#include "hv/text.h"

#define LINE_SIZE 256
#define SPURIOUS_VECTOR 0xFF

extern const uint8_t guest_trampoline[], guest_trampoline_end[], guest_trampoline_cr3[],
    guest_trampoline_iret[], guest_early_nmi[], guest_stubs[];
extern const uint64_t guest_fixups[], guest_fixups_end[];
extern uint8_t guest_end[];
extern const uint8_t guest_faulted[];

/* Called by start.asm. */
_Noreturn void guest_start(const uint8_t *boot_params);
_Noreturn void guest_ap_start(void);
void guest_interrupt(struct frame *frame);

static const uint8_t *boot_params;
static unsigned failures;
static _Atomic unsigned vcpus_started;

/* ---- Console ---- */

enum { UART_FIFO_CONTROL = 2, UART_LINE_CONTROL = 3, UART_LINE_STATUS = 5 };
enum { FIFO_ENABLE = 0x01, LINE_8N1 = 0x03, STATUS_DATA = 1u << 0, STATUS_EMPTY = 1u << 5 };
#define UART_FIFO 16

bool print_politely = true;

static void put_bytes(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (print_politely && i % UART_FIFO == 0)
            while (!(in8(GUEST_PORT_COM1 + UART_LINE_STATUS) & STATUS_EMPTY))
                cpu_pause();
        out8(GUEST_PORT_COM1, (uint8_t)bytes[i]);
    }
}

static void put_line(const char *verdict, const char *format, va_list arguments)
{
    char line[LINE_SIZE];
    size_t length = text_format(line, sizeof line - 2, "%s: %s", guest_name, verdict);

    length += text_format_list(line + length, sizeof line - 2 - length, format, arguments);
    line[length++] = '\r';
    line[length++] = '\n';
    put_bytes(line, length);
}

void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    put_line("", format, arguments);
    va_end(arguments);
}

bool report(bool good, const char *format, ...)
{
    va_list arguments;

    if (!good)
        failures++;
    va_start(arguments, format);
    put_line(good ? "ok " : "FAIL ", format, arguments);
    va_end(arguments);
    return good;
}

void say_done(void)
{
    uint64_t begin = rdtsc();

    if (failures)
        say("done, %u failures", failures);
    else
        say("done");
    while (rdtsc() - begin < tsc_hz() / 2)
        cpu_pause();
}

int read_typed(void)
{
    if (!(in8(GUEST_PORT_COM1 + UART_LINE_STATUS) & STATUS_DATA))
        return -1;
    return in8(GUEST_PORT_COM1);
}

/* Of the sources shared with the hypervisor. */
_Noreturn void check_failed(const char *expression, const char *file, unsigned line)
{
    (void)report(false, "CHECK(%s) in %s:%u", expression, file, line);
    power_off();
}

/* ---- What the loader told ---- */

bool ram_range(unsigned index, struct e820_entry *range)
{
    unsigned count = boot_params[BOOT_PARAMS_E820_ENTRIES];

    for (unsigned i = 0; i < count && i < BOOT_PARAMS_E820_MAX; i++) {
        memcpy(range, boot_params + BOOT_PARAMS_E820_TABLE + i * sizeof *range, sizeof *range);
        if (range->type == E820_USABLE && index-- == 0)
            return true;
    }
    return false;
}

uint64_t ram_low_end(void)
{
    struct e820_entry range;
    uint64_t end = 0;

    for (unsigned i = 0; ram_range(i, &range); i++)
        if (range.base + range.bytes <= IDENTITY_END)
            end = range.base + range.bytes;
    return end;
}

uint64_t guest_image_end_address(void)
{
    return (uint64_t)guest_end;
}

static const char *cmdline(void)
{
    return (const char *)(uint64_t)little_32(boot_params + SETUP_CMD_LINE_PTR);
}

static uint64_t decimal(const char *text)
{
    uint64_t value = 0;

    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    return value;
}

uint64_t cmdline_number(const char *word, uint64_t otherwise)
{
    size_t length = strlen(word);

    for (const char *at = cmdline(); *at; at++)
        if ((at == cmdline() || at[-1] == ' ') && memcmp(at, word, length) == 0 &&
            at[length] == '=')
            return decimal(at + length + 1);
    return otherwise;
}

/* ---- Memory ---- */

#define TABLE_ENTRIES 512
#define IDENTITY_GIB (IDENTITY_END / GIB(1))
#define PAGE_BITS (1ull << 7 | 3) /* 2 MiB, writable, present */
#define TABLE_BITS 3ull
#define WINDOW IDENTITY_END

static uint64_t pml4[TABLE_ENTRIES] __attribute__((aligned(4096)));
static uint64_t pdpt[TABLE_ENTRIES] __attribute__((aligned(4096)));
static uint64_t directories[IDENTITY_GIB + 1][TABLE_ENTRIES] __attribute__((aligned(4096)));

static void memory_init(void)
{
    uint64_t *window = directories[IDENTITY_GIB];

    pml4[0] = (uint64_t)pdpt | TABLE_BITS;
    for (uint64_t gib = 0; gib < IDENTITY_GIB; gib++) {
        pdpt[gib] = (uint64_t)directories[gib] | TABLE_BITS;
        for (uint64_t i = 0; i < TABLE_ENTRIES; i++)
            directories[gib][i] = GIB(gib) + i * PAGE_SIZE_2M + PAGE_BITS;
    }
    pdpt[IDENTITY_GIB] = (uint64_t)window | TABLE_BITS;
    cr3_write((uint64_t)pml4);
}

volatile void *physical_window(uint64_t address)
{
    static uint64_t shown;
    uint64_t page = align_down(address, PAGE_SIZE_2M);

    if (page != shown) {
        directories[IDENTITY_GIB][0] = page | PAGE_BITS;
        invlpg((const volatile void *)WINDOW);
        shown = page;
    }
    return (volatile void *)(WINDOW + address - page);
}

/* ---- Interrupts ---- */

struct gate {
    uint16_t offset_low, selector;
    uint16_t type, offset_middle;
    uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "SDM Vol. 3A, 6.14.1 64-Bit Mode IDT");

#define INTERRUPT_GATE 0x8E00
#define CODE_SELECTOR 0x10
#define STUB_BYTES 16

static struct gate idt[256];

static struct gate gate(uint64_t handler)
{
    return (struct gate){ (uint16_t)handler, CODE_SELECTOR, INTERRUPT_GATE,
                          (uint16_t)(handler >> 16), (uint32_t)(handler >> 32), 0 };
}

static void idt_init(void)
{
    for (unsigned i = 0; i < 256; i++)
        idt[i] = gate((uint64_t)guest_stubs + i * STUB_BYTES);
}

static void idt_load(void)
{
    struct descriptor_table table = { sizeof idt - 1, (uint64_t)idt };
    lidt(&table);
}

/* Whether a try_*() function did it: it goes on where it returns. */
static bool recover(struct frame *frame)
{
    for (const uint64_t *at = guest_fixups; at < guest_fixups_end; at++) {
        if (*at != frame->rip)
            continue;
        frame->rax = frame->vector;
        frame->rip = (uint64_t)guest_faulted;
        return true;
    }
    return false;
}

/* A guest that expects nothing. */
__attribute__((weak)) bool guest_interrupted(struct frame *frame)
{
    (void)frame;
    return false;
}

#define FIRST_INTERRUPT 32

void guest_interrupt(struct frame *frame)
{
    bool exception = frame->vector < FIRST_INTERRUPT && frame->vector != VECTOR_NMI;

    if (exception && recover(frame))
        return;
    if (guest_interrupted(frame))
        return;
    (void)report(false, "unexpected vector %u at %llx, error code %llx, CR2 %llx",
                 (unsigned)frame->vector, (unsigned long long)frame->rip,
                 (unsigned long long)frame->error_code, (unsigned long long)cr2_read());
    if (exception)
        power_off();
    if (frame->vector != VECTOR_NMI)
        end_of_interrupt();
}

/* ---- Local APIC ---- */

__attribute__((weak)) void guest_apic_init(void)
{
    uint64_t base = rdmsr(IA32_APIC_BASE);

    if (!(base & APIC_BASE_EXTD))
        wrmsr(IA32_APIC_BASE, base | APIC_BASE_EN | APIC_BASE_EXTD);
    wrmsr(IA32_X2APIC_SIVR, SIVR_ENABLE | SPURIOUS_VECTOR);
    wrmsr(IA32_X2APIC_TPR, 0);
}

uint32_t vcpu_number(void)
{
    return (uint32_t)rdmsr(IA32_X2APIC_APICID);
}

void send_icr(uint32_t destination, uint32_t low)
{
    wrmsr(IA32_X2APIC_ICR, (uint64_t)destination << 32 | low);
}

void send_self(uint8_t vector)
{
    wrmsr(IA32_X2APIC_SELF_IPI, vector);
}

void end_of_interrupt(void)
{
    wrmsr(IA32_X2APIC_EOI, 0);
}

#define LVT_TSC_DEADLINE (2u << 17)

void timer_deadline_mode(uint8_t vector)
{
    wrmsr(IA32_X2APIC_LVT_TIMER, LVT_TSC_DEADLINE | vector);
}

void timer_deadline(uint64_t tsc)
{
    wrmsr(IA32_TSC_DEADLINE, tsc);
}

#define TSC_HZ_UNKNOWN 100000000u

uint64_t tsc_hz(void)
{
    if (cpuid(0, 0).eax < CPUID_TSC)
        return TSC_HZ_UNKNOWN;
    struct cpuid_result told = cpuid(CPUID_TSC, 0);
    if (!told.eax || !told.ebx || !told.ecx)
        return TSC_HZ_UNKNOWN;
    return (uint64_t)told.ecx * told.ebx / told.eax;
}

#define TRAMPOLINE (GUEST_SIPI_VECTOR * 0x1000ull)
#define START_TIMEOUT_TICKS 100000000ull
#define INIT_TICKS 10000ull /* a bare machine's CPU takes its INIT within that */

__attribute__((weak)) void guest_ap_main(void)
{
}

_Noreturn void guest_ap_start(void)
{
    idt_load();
    guest_apic_init();
    vcpus_started++;
    guest_ap_main();
    idle();
}

/* Where the processor finds the NMI's entry at address 0: SDM Vol. 3B, 21.1.4
 * "Interrupt and Exception Handling", and the IDT of 64-bit mode. */
#define REAL_MODE_NMI (VECTOR_NMI * 4)
#define LONG_MODE_NMI (VECTOR_NMI * sizeof(struct gate))

void guest_fill_trampoline(void)
{
    struct gate early = gate((uint64_t)guest_early_nmi);
    uint32_t words[sizeof early / sizeof(uint32_t)];

    memcpy((void *)TRAMPOLINE, guest_trampoline,
           (size_t)(guest_trampoline_end - guest_trampoline));
    store32(TRAMPOLINE + (uint64_t)(guest_trampoline_cr3 - guest_trampoline),
            (uint32_t)cr3_read());
    store32(REAL_MODE_NMI, (uint32_t)(TRAMPOLINE >> 4 << 16) |
                               (uint32_t)(guest_trampoline_iret - guest_trampoline));
    memcpy(words, &early, sizeof words);
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        store32(LONG_MODE_NMI + i * sizeof(uint32_t), words[i]);
}

bool guest_start_vcpu(uint32_t apic_id)
{
    unsigned before = vcpus_started;
    uint64_t begin = rdtsc();

    guest_fill_trampoline();
    send_icr(apic_id, DELIVERY_INIT << ICR_DELIVERY_SHIFT | (uint32_t)ICR_LEVEL_ASSERT);
    while (rdtsc() - begin < INIT_TICKS)
        cpu_pause();
    send_icr(apic_id, DELIVERY_STARTUP << ICR_DELIVERY_SHIFT | GUEST_SIPI_VECTOR);
    while (vcpus_started == before && rdtsc() - begin < START_TIMEOUT_TICKS)
        cpu_pause();
    return vcpus_started != before;
}

/* ---- Begin and ends ---- */

_Noreturn void guest_start(const uint8_t *params)
{
    boot_params = params;
    memory_init();
    idt_init();
    idt_load();
    guest_apic_init();
    out8(GUEST_PORT_COM1 + UART_LINE_CONTROL, LINE_8N1);
    out8(GUEST_PORT_COM1 + UART_FIFO_CONTROL, FIFO_ENABLE);
    guest_main();
    power_off();
}

_Noreturn void idle(void)
{
    for (;;)
        wait_for_interrupt();
}

/* Nothing more runs if the write did what it should. */
static _Noreturn void survived(const char *how)
{
    (void)report(false, "still running after %s", how);
    for (;;) {
        interrupts_off();
        halt();
    }
}

#define SLEEP_ENABLE (1u << 13)

_Noreturn void power_off(void)
{
    out16(GUEST_PORT_PM1A_CONTROL, GUEST_S5_SLEEP_TYPE << 10 | SLEEP_ENABLE);
    survived("a power-off");
}

_Noreturn void reboot(void)
{
    out8(GUEST_PORT_RESET, GUEST_RESET_VALUE);
    survived("a reset by CF9h");
}

_Noreturn void triple_fault(void)
{
    struct descriptor_table none = { 0, 0 };

    lidt(&none);
    asm volatile("ud2");
    survived("a triple fault");
}
