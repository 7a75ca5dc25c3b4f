/* SPDX-License-Identifier: MIT
 *
 * See kinds.h.
 */
#include "guest/kinds/kinds.h"

#include <stdarg.h>
#include <stddef.h>

#include "arch/insn.h"
#include "hv/guest_ports.h"

enum { UART_LINE_CONTROL = 3, UART_LINE_STATUS = 5, LINE_8N1 = 3 };
enum { STATUS_DATA = 1u << 0, STATUS_EMPTY = 1u << 5 };

/* Between two looks for a letter, as each is an exit, at which an emulator is slow. */
#define POLL_PAUSES 5000u

#define FAR_VALUE 0x0FA20FA2u
#define FAR_PHYSICAL 0x200000u

/* Behind the file's end; made dirty before a restart. */
static volatile uint32_t cleared[1024];

__attribute__((section(".far"), used)) static const uint32_t far_value = FAR_VALUE;

static volatile uint32_t *physical(uint32_t address)
{
    return (volatile uint32_t *)address;
}

/* ---- Console ---- */

static void put(char letter)
{
    while (!(in8(GUEST_PORT_COM1 + UART_LINE_STATUS) & STATUS_EMPTY))
        cpu_pause();
    out8(GUEST_PORT_COM1, (uint8_t)letter);
}

static void put_text(const char *text)
{
    while (*text)
        put(*text++);
}

static void put_hex(uint64_t value)
{
    int shift = 60;

    while (shift > 0 && !(value >> shift & 0xF))
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        put("0123456789abcdef"[value >> shift & 0xF]);
}

void say(const char *format, ...)
{
    va_list arguments;

    put_text(kind_name);
    put_text(": ");
    va_start(arguments, format);
    for (; *format; format++) {
        if (*format != '%') {
            put(*format);
            continue;
        }
        format++;
        if (*format == 's')
            put_text(va_arg(arguments, const char *));
        else if (*format == 'x')
            put_hex(va_arg(arguments, uint32_t));
        else
            put_hex(va_arg(arguments, uint64_t));
    }
    va_end(arguments);
    put_text("\r\n");
}

void report(bool good, const char *text)
{
    say("%s %s", good ? "ok" : "FAIL", text);
}

/* ---- What was given ---- */

/* Otherwise an odd MiB is the one before. */
static bool a20_is_on(void)
{
    volatile uint32_t *odd = physical(0x300100), *even = physical(0x200100);

    *odd = 1;
    *even = 2;
    return *odd == 1;
}

void check_state(const struct state *state, uint32_t eax)
{
    bool zero = true;

    out8(GUEST_PORT_COM1 + UART_LINE_CONTROL, LINE_8N1);
    for (uint32_t i = 0; i < sizeof cleared / sizeof cleared[0]; i++)
        zero = zero && cleared[i] == 0;
    report(state->eax == eax, "EAX");
    report((state->cr0 & 0x80000001u) == 1 && state->cr4 == 0, "protected mode without paging");
    report((state->eflags & 0x20200u) == 0, "interrupts off");
    report(state->cs == 0x10 && state->ds == 0x18, "segments from a GDT");
    report(state->esp >= 0x1000, "a stack");
    report(zero, "memory behind the file is zero");
    report(a20_is_on(), "A20");
    for (uint32_t i = 0; i < sizeof cleared / sizeof cleared[0]; i++)
        cleared[i] = 0xD1D1D1D1;
}

void say_command_line(const char *text)
{
    say("command line \"%s\"", text);
}

void say_memory(uint64_t base, uint64_t bytes, uint32_t type)
{
    say("memory %q %q %x", base, bytes, type);
}

void say_module(uint32_t index, uint32_t begin, uint32_t bytes, const char *text)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < bytes; i++)
        sum = sum * 31 + ((const volatile uint8_t *)begin)[i];
    say("module %x page %x bytes %x sum %x \"%s\"", index, begin & 0xFFF, bytes, sum, text);
    dirty(begin, bytes);
}

static bool sums_to_zero(uint32_t address, uint32_t bytes)
{
    uint8_t sum = 0;

    for (uint32_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + ((const volatile uint8_t *)address)[i]);
    return sum == 0;
}

bool rsdp_is_good(uint32_t address)
{
    return *physical(address) == 0x20445352 && *physical(address + 4) == 0x20525450 &&
           sums_to_zero(address, 20) && sums_to_zero(address, 36);
}

#define BIOS_AREA 0xE0000u
#define BIOS_AREA_END 0x100000u

uint32_t find_rsdp(void)
{
    for (uint32_t at = BIOS_AREA; at < BIOS_AREA_END; at += 16)
        if (*physical(at) == 0x20445352 && rsdp_is_good(at))
            return at;
    return 0;
}

/* ---- The end ---- */

static struct {
    uint32_t begin, bytes;
} written[16];
static uint32_t written_count;

void dirty(uint32_t begin, uint32_t bytes)
{
    if (written_count < sizeof written / sizeof written[0]) {
        written[written_count].begin = begin;
        written[written_count++].bytes = bytes;
    }
}

static void soil(void)
{
    for (uint32_t i = 0; i < written_count; i++)
        for (uint32_t at = 0; at < written[i].bytes; at++)
            ((volatile uint8_t *)written[i].begin)[at] = 0xD1;
}

_Noreturn void finish(void)
{
    say("ready");
    for (;;) {
        uint8_t letter = 0;

        if (in8(GUEST_PORT_COM1 + UART_LINE_STATUS) & STATUS_DATA)
            letter = in8(GUEST_PORT_COM1);
        if (letter == 'r') {
            soil();
            out8(GUEST_PORT_RESET, GUEST_RESET_VALUE);
        }
        if (letter == 'p')
            out16(GUEST_PORT_PM1A_CONTROL, GUEST_S5_SLEEP_TYPE << 10 | 1u << 13);
        for (unsigned i = 0; i < POLL_PAUSES; i++)
            cpu_pause();
    }
}
