/* SPDX-License-Identifier: MIT
 *
 * Owns two parts of the machine as they are: its second serial port and its clock,
 * each with ports and interrupt. It prints by interrupts, one byte each, what the
 * test reads on the other side of the wire, and counts the clock's periods; then
 * it tries entries of its IOAPIC that must not reach the machine's.
 */
#include "arch/spec/apic.h"
#include "guest/lib.h"
#include "hv/guest_ports.h"

const char guest_name[] = "raw";

#define COM2 0x2F8
#define COM2_IRQ 3
#define COM2_VECTOR 0x50
#define CLOCK_VECTOR 0x60
#define ACCESSES 20000

enum { DATA = 0, INTERRUPT_ENABLE = 1, LINE_CONTROL = 3, MODEM_CONTROL = 4, SCRATCH = 7 };
enum { WHEN_EMPTY = 2, EIGHT_BITS = 3, SPEED_DIVISOR = 0x80, INTERRUPT_OUT = 8 };
enum { CLOCK_A = 10, CLOCK_B = 11, CLOCK_C = 12, RATE_1024_HZ = 0x26, PERIODIC = 0x42 };

static const char text[] = "what the guest owns it drives by itself\n";
static volatile unsigned sent, bytes_asked, periods;
static unsigned others;

static uint8_t clock_read(uint8_t index)
{
    out8(GUEST_PORT_RTC_INDEX, index);
    return in8(GUEST_PORT_RTC_DATA);
}

static void clock_write(uint8_t index, uint8_t value)
{
    out8(GUEST_PORT_RTC_INDEX, index);
    out8(GUEST_PORT_RTC_DATA, value);
}

static void send_next(void)
{
    (void)in8(COM2 + 2); /* acknowledges */
    bytes_asked++;
    if (sent < sizeof text - 1)
        out8(COM2 + DATA, (uint8_t)text[sent++]);
}

bool guest_interrupted(struct frame *frame)
{
    if (frame->vector == COM2_VECTOR) {
        send_next();
    } else if (frame->vector == CLOCK_VECTOR) {
        (void)clock_read(CLOCK_C);
        periods++;
    } else {
        others++;
        return false;
    }
    end_of_interrupt();
    return true;
}

static void write_pin(unsigned pin, uint32_t low)
{
    store32(IOAPIC_BASE + IOAPIC_IOREGSEL, IOAPIC_REDIRECTION + 2 * pin);
    store32(IOAPIC_BASE + IOAPIC_IOWIN, low);
}

/* More accesses than the hypervisor counts exits by ports in the whole run. */
static void ports_pass(void)
{
    unsigned wrong = 0;
    for (unsigned i = 0; i < ACCESSES / 2; i++) {
        out8(COM2 + SCRATCH, (uint8_t)i);
        wrong += in8(COM2 + SCRATCH) != (uint8_t)i;
    }
    (void)report(wrong == 0, "its serial port keeps %u values", ACCESSES / 2);
}

static void serial_port_interrupts(void)
{
    out8(COM2 + LINE_CONTROL, SPEED_DIVISOR | EIGHT_BITS);
    out8(COM2 + DATA, 1);
    out8(COM2 + INTERRUPT_ENABLE, 0);
    out8(COM2 + LINE_CONTROL, EIGHT_BITS);
    write_pin(COM2_IRQ, COM2_VECTOR);
    out8(COM2 + MODEM_CONTROL, INTERRUPT_OUT);
    out8(COM2 + INTERRUPT_ENABLE, WHEN_EMPTY);
    uint64_t begin = rdtsc();
    while (bytes_asked < sizeof text && rdtsc() - begin < tsc_hz())
        wait_for_interrupt();
    out8(COM2 + INTERRUPT_ENABLE, 0);
    (void)report(bytes_asked == sizeof text, "%u interrupts of its serial port of %u", bytes_asked,
                 (unsigned)sizeof text);
}

static unsigned periods_in(uint64_t ticks)
{
    uint64_t begin = rdtsc();
    (void)clock_read(CLOCK_C);
    periods = 0;
    while (rdtsc() - begin < ticks)
        asm volatile("sti; nop; cli" : : : "memory");
    return periods;
}

static void clock_interrupts(void)
{
    write_pin(GUEST_IRQ_RTC, CLOCK_VECTOR);
    clock_write(CLOCK_A, RATE_1024_HZ);
    clock_write(CLOCK_B, PERIODIC);
    unsigned count = periods_in(tsc_hz() / 8);
    (void)report(count >= 126 && count <= 130, "%u periods of its clock in an eighth of a second",
                 count);
}

/* NMI, SMI, INIT, ExtINT, no vector, no such vCPU: none may leave the guest. */
static void impossible_entries(void)
{
    static const uint32_t modes[] = { 2, 4, 5, 7 };
    unsigned count = 0;

    for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        write_pin(GUEST_IRQ_RTC, modes[i] << REDIRECTION_DELIVERY_SHIFT | CLOCK_VECTOR);
        count += periods_in(tsc_hz() / 64);
    }
    write_pin(GUEST_IRQ_RTC, 3);
    count += periods_in(tsc_hz() / 64);
    store32(IOAPIC_BASE + IOAPIC_IOREGSEL, IOAPIC_REDIRECTION + 2 * GUEST_IRQ_RTC + 1);
    store32(IOAPIC_BASE + IOAPIC_IOWIN, 1u << 24);
    write_pin(GUEST_IRQ_RTC, CLOCK_VECTOR);
    count += periods_in(tsc_hz() / 64);
    (void)report(count == 0, "%u periods through entries that are refused", count);
}

void guest_main(void)
{
    ports_pass();
    serial_port_interrupts();
    clock_interrupts();
    impossible_entries();
    clock_write(CLOCK_B, 2);
    (void)report(others == 0, "nothing else came");
    say_done();
}
