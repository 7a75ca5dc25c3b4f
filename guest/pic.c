/* SPDX-License-Identifier: MIT
 *
 * The modes of the pair of 8259As, by interrupts that really come: the interval
 * timer at input 0, the second serial port at input 3, the clock at the slave's
 * input 0. Intel 8259A data sheet, "Operation Command Words".
 */
#include "guest/isa.h"

const char guest_name[] = "pic";

#define VECTOR 0x40
#define ALL_MASKED 0xFFFFu
#define OPEN(irq) (ALL_MASKED & ~(1u << (irq)))
#define INPUT(irq) (1u << (irq))

/* OCW2 and OCW3 */
enum { EOI = 0x20, ROTATE_ON_EOI = 0xA0, SET_LOWEST = 0xC0, POLL = 0x0C, READ_REQUESTS = 0x0A,
       READ_IN_SERVICE = 0x0B, SPECIAL_MASK_ON = 0x68, SPECIAL_MASK_OFF = 0x48 };

#define PIT_ONE_SHOT 0x30
#define PIT_SHORT 64u /* of its ticks */

#define COM2_IER (GUEST_PORT_COM2 + 1)
#define COM2_IIR (GUEST_PORT_COM2 + 2)
#define COM2_MCR (GUEST_PORT_COM2 + 4)
#define OUT2 8
#define TRANSMITTER_EMPTY 2

enum { RTC_A = 0x0A, RTC_B = 0x0B, RTC_C = 0x0C };
#define RTC_A_8192_HZ 0x23
#define RTC_B_PERIODIC 0x40
#define RTC_B_24_HOURS 0x02

static volatile unsigned came, came_inside, others;
static volatile uint8_t first;
static volatile uint16_t in_service;
static volatile bool lets_in;
static volatile uint8_t eoi;

static uint8_t read_register(uint16_t chip, uint8_t which)
{
    out8(chip, which);
    return in8(chip);
}

static void timer_asks(void)
{
    out8(GUEST_PORT_PIT_CONTROL, PIT_ONE_SHOT);
    out8(GUEST_PORT_PIT, PIT_SHORT);
    out8(GUEST_PORT_PIT, 0);
}

static void com2_asks(void)
{
    out8(COM2_IER, TRANSMITTER_EMPTY);
}

static void com2_is_served(void)
{
    (void)in8(COM2_IIR);
    out8(COM2_IER, 0);
}

static void clock_is_served(void)
{
    cmos_write(RTC_B, RTC_B_24_HOURS);
    (void)cmos_read(RTC_C);
}

/* A millisecond, or until something comes. */
static void listen(void)
{
    unsigned before = came;

    interrupts_on();
    for (uint64_t begin = rdtsc(); came == before && rdtsc() - begin < tsc_hz() / 1000;)
        cpu_pause();
    interrupts_off();
}

static void serve(unsigned irq)
{
    if (irq == GUEST_IRQ_COM2)
        com2_is_served();
    if (irq == GUEST_IRQ_RTC)
        clock_is_served();
}

bool guest_interrupted(struct frame *frame)
{
    unsigned irq = (unsigned)frame->vector - VECTOR;

    if (irq != GUEST_IRQ_PIT && irq != GUEST_IRQ_COM2 && irq != GUEST_IRQ_RTC) {
        others++;
        return false;
    }
    if (came++ == 0) {
        first = (uint8_t)irq;
        in_service = (uint16_t)(read_register(GUEST_PORT_PIC_MASTER, READ_IN_SERVICE) |
                                read_register(GUEST_PORT_PIC_SLAVE, READ_IN_SERVICE) << 8);
    }
    serve(irq);
    if (lets_in && irq == GUEST_IRQ_PIT) {
        lets_in = false;
        com2_asks();
        listen();
        came_inside = came - 1;
    }
    if (eoi != 0 && irq >= 8)
        out8(GUEST_PORT_PIC_SLAVE, eoi);
    if (eoi != 0)
        out8(GUEST_PORT_PIC_MASTER, eoi);
    return true;
}

static void begin(uint8_t icw4, uint16_t mask, uint8_t how_to_end)
{
    com2_is_served();
    pic_init_as(icw4, VECTOR, mask);
    came = came_inside = 0;
    in_service = 0;
    lets_in = false;
    eoi = how_to_end;
}

/* What comes while the timer is in service: `expected` of the serial port. */
static void timer_lets_in(unsigned expected, const char *how)
{
    lets_in = true;
    timer_asks();
    listen();
    (void)report(came > 0 && first == GUEST_IRQ_PIT && came_inside == expected,
                 "%u of a lower input while the timer is in service, %s", came_inside, how);
    listen();
    (void)report(came == 2, "both came in the end: %u", came);
}

static void registers_show_who_asks_and_who_is_served(void)
{
    begin(PIC_ICW4_8086, OPEN(GUEST_IRQ_COM2), EOI);
    com2_asks();
    (void)report(read_register(GUEST_PORT_PIC_MASTER, READ_REQUESTS) == INPUT(GUEST_IRQ_COM2),
                 "a request shows");
    listen();
    (void)report(came == 1 && in_service == INPUT(GUEST_IRQ_COM2), "in service: %x", in_service);
    (void)report(read_register(GUEST_PORT_PIC_MASTER, READ_IN_SERVICE) == 0, "and then not");
}

static void the_slave_is_behind_input_2(void)
{
    begin(PIC_ICW4_8086, OPEN(GUEST_IRQ_RTC) & OPEN(2), EOI);
    clock_is_served();
    cmos_write(RTC_A, RTC_A_8192_HZ);
    cmos_write(RTC_B, RTC_B_24_HOURS | RTC_B_PERIODIC);
    listen();
    (void)report(came == 1 && first == GUEST_IRQ_RTC &&
                     in_service == (INPUT(2) | INPUT(GUEST_IRQ_RTC)),
                 "the clock is in service at both: %x", in_service);
}

static void nesting(void)
{
    begin(PIC_ICW4_8086, OPEN(GUEST_IRQ_PIT) & OPEN(GUEST_IRQ_COM2), EOI);
    timer_lets_in(0, "fully nested");
    begin(PIC_ICW4_8086, OPEN(GUEST_IRQ_PIT) & OPEN(GUEST_IRQ_COM2), EOI);
    out8(GUEST_PORT_PIC_MASTER, SET_LOWEST | GUEST_IRQ_PIT);
    timer_lets_in(1, "which has the lowest priority");
}

/* The special mask lets all others in while an input that is masked is in service. */
static void special_mask(void)
{
    begin(PIC_ICW4_8086, OPEN(GUEST_IRQ_PIT), 0);
    timer_asks();
    listen();
    pic_mask(OPEN(GUEST_IRQ_COM2));
    com2_asks();
    listen();
    (void)report(came == 1, "an input in service holds back lower ones: %u", came);
    out8(GUEST_PORT_PIC_MASTER, SPECIAL_MASK_ON);
    listen();
    (void)report(came == 2, "not with the special mask: %u", came);
    out8(GUEST_PORT_PIC_MASTER, SPECIAL_MASK_OFF);
    out8(GUEST_PORT_PIC_MASTER, EOI);
    out8(GUEST_PORT_PIC_MASTER, EOI);
}

static void auto_eoi(void)
{
    begin(PIC_ICW4_8086 | PIC_ICW4_AUTO_EOI, OPEN(GUEST_IRQ_PIT) & OPEN(GUEST_IRQ_COM2), 0);
    timer_lets_in(1, "which auto-EOI has ended");
    (void)report(in_service == 0, "nothing is in service: %x", in_service);
}

static void rotation_on_eoi(void)
{
    begin(PIC_ICW4_8086, OPEN(GUEST_IRQ_PIT), ROTATE_ON_EOI);
    timer_asks();
    listen();
    pic_mask(OPEN(GUEST_IRQ_PIT) & OPEN(GUEST_IRQ_COM2));
    eoi = EOI;
    came = 0;
    timer_lets_in(1, "which rotation has put last");
}

static void polling(void)
{
    begin(PIC_ICW4_8086, OPEN(GUEST_IRQ_COM2), EOI);
    (void)report(read_register(GUEST_PORT_PIC_MASTER, POLL) >> 7 == 0, "a poll finds nothing");
    com2_asks();
    uint8_t found = read_register(GUEST_PORT_PIC_MASTER, POLL);
    (void)report(found == (0x80 | GUEST_IRQ_COM2), "a poll finds the serial port: %x", found);
    listen();
    (void)report(came == 0, "which is served by that: %u", came);
    com2_is_served();
    out8(GUEST_PORT_PIC_MASTER, EOI);
}

void guest_main(void)
{
    out8(COM2_MCR, OUT2);
    registers_show_who_asks_and_who_is_served();
    the_slave_is_behind_input_2();
    nesting();
    special_mask();
    auto_eoi();
    rotation_on_eoi();
    polling();
    (void)report(others == 0, "nothing else came: %u", others);
    say_done();
}
