/* SPDX-License-Identifier: MIT
 *
 * The second serial port, to which nothing is connected: its registers as a
 * 16550A has them, its loopback, and its interrupt by both controllers. The first
 * one, on which this is reported, keeps its own registers meanwhile.
 */
#include "guest/isa.h"

const char guest_name[] = "serial";

#define PIC_VECTOR 0x40
#define PIN_VECTOR 0x60
#define FIFO_BYTES 16
#define ONE_STOP 3 /* eight bits, no parity */

enum { DATA, IER, IIR, LCR, MCR, LSR, MODEM, SCRATCH, FCR = IIR };
enum { DLAB = 0x80 };
enum { DTR = 1, RTS = 2, OUT1 = 4, OUT2 = 8, LOOP = 0x10 };
enum { DATA_READY = 1, OVERRUN = 2, EMPTY = 0x60 };
enum { CAUSE_MODEM = 0, CAUSE_NONE = 1, CAUSE_EMPTY = 2, CAUSE_DATA = 4, CAUSE_LINE = 6,
       CAUSE_TIMEOUT = 12 };

static volatile unsigned by_pic, by_pin;
static volatile uint8_t cause;
static unsigned others;

static uint8_t get(unsigned reg)
{
    return in8((uint16_t)(GUEST_PORT_COM2 + reg));
}

static void set(unsigned reg, uint8_t value)
{
    out8((uint16_t)(GUEST_PORT_COM2 + reg), value);
}

bool guest_interrupted(struct frame *frame)
{
    if (frame->vector == PIC_VECTOR + GUEST_IRQ_COM2) {
        by_pic++;
        cause = get(IIR) & 0xF;
        out8(GUEST_PORT_PIC_MASTER, PIC_EOI);
    } else if (frame->vector == PIN_VECTOR) {
        by_pin++;
        cause = get(IIR) & 0xF;
        end_of_interrupt();
    } else {
        others++;
        return false;
    }
    return true;
}

static void registers(void)
{
    out8(GUEST_PORT_COM1 + SCRATCH, 0x5A);
    set(SCRATCH, 0xA5);
    (void)report(get(SCRATCH) == 0xA5 && in8(GUEST_PORT_COM1 + SCRATCH) == 0x5A,
                 "each port has a scratch register of its own");
    set(LCR, DLAB | ONE_STOP);
    set(DATA, 12);
    set(IER, 34);
    bool latched = get(DATA) == 12 && get(IER) == 34;
    set(LCR, ONE_STOP);
    (void)report(latched && get(IER) == 0 && get(LCR) == ONE_STOP, "the divisor is behind DLAB");
    set(FCR, 0);
    uint8_t without = get(IIR);
    set(FCR, 1);
    (void)report(without == CAUSE_NONE && get(IIR) == (0xC0 | CAUSE_NONE), "FIFOs go on: %x, %x",
                 without, get(IIR));
    (void)report(get(MODEM) == 0 && get(LSR) == EMPTY, "nobody is at the other end: %x, %x",
                 get(MODEM), get(LSR));
    for (unsigned i = 0; i < 100; i++)
        set(DATA, 'x');
    (void)report(get(LSR) == EMPTY, "what is sent goes away");
}

static void loopback(void)
{
    bool right = true;

    set(MCR, LOOP | OUT2 | RTS);
    uint8_t lines = get(MODEM) & 0xF0;
    set(MCR, LOOP | OUT1 | DTR);
    (void)report(lines == 0x90 && (get(MODEM) & 0xF0) == 0x60, "modem lines come back");
    for (unsigned i = 0; i < FIFO_BYTES + 1; i++)
        set(DATA, (uint8_t)('a' + i));
    uint8_t status = get(LSR);
    for (unsigned i = 0; i < FIFO_BYTES; i++)
        right &= get(DATA) == 'a' + i;
    (void)report(right && status == (EMPTY | DATA_READY | OVERRUN) && get(LSR) == EMPTY,
                 "sixteen bytes come back and the next is an overrun: %x", status);

    set(MCR, LOOP);
    (void)get(MODEM);
    set(MCR, LOOP | RTS);
    set(DATA, 'a');
    set(IER, 0xF);
    set(FCR, 0x41); /* four bytes */
    uint8_t first = get(IIR) & 0xF;
    for (unsigned i = 0; i < FIFO_BYTES; i++)
        set(DATA, 'b');
    uint8_t second = get(IIR) & 0xF;
    (void)get(LSR);
    uint8_t third = get(IIR) & 0xF;
    set(FCR, 0x43);
    uint8_t fourth = get(IIR) & 0xF, fifth = get(IIR) & 0xF;
    (void)get(MODEM);
    set(IER, 0);
    (void)report(first == CAUSE_TIMEOUT && second == CAUSE_LINE && third == CAUSE_DATA &&
                     fourth == CAUSE_EMPTY && fifth == CAUSE_MODEM && get(IIR) == (0xC0 | CAUSE_NONE),
                 "causes come in their order: %x %x %x %x %x", first, second, third, fourth, fifth);
    set(MCR, 0);
}

static void raise_and_lower(void)
{
    interrupts_on();
    set(IER, 2);
    cpu_pause();
    set(IER, 0);
    interrupts_off();
}

static void interrupts(void)
{
    pic_init(PIC_VECTOR, (uint16_t)~(1u << GUEST_IRQ_COM2));
    raise_and_lower();
    (void)report(by_pic == 0, "without OUT2 there is no interrupt");
    set(MCR, OUT2);
    raise_and_lower();
    (void)report(by_pic == 1 && cause == CAUSE_EMPTY, "IRQ 3 by the 8259: %u", by_pic);
    pic_mask(0xFFFF);
    pin(GUEST_IRQ_COM2, PIN_VECTOR);
    raise_and_lower();
    (void)report(by_pic == 1 && by_pin == 1, "IRQ 3 by the IOAPIC: %u", by_pin);
    pin(GUEST_IRQ_COM2, REDIRECTION_MASKED);
    (void)report(others == 0, "nothing else came: %u", others);
}

void guest_main(void)
{
    registers();
    loopback();
    interrupts();
    say_done();
}
