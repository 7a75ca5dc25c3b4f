/* SPDX-License-Identifier: MIT
 *
 * Owns an ISA network card, an NE2000 at 300h, of which it wants the interrupt line
 * alone: level-triggered, and high until its cause is taken away. It treats the line
 * as badly as it can, over four lives that the card counts in a register of its own,
 * as the memory is new in each:
 *
 *   1  turns its local APIC off and on below it; ends in the handler, before the EOI
 *   2  finds the line as it is opened, and nothing before; ends with it pending
 *   3  the same; then each interrupt that it ends makes the next one
 *   4  the user has stopped the storm: finds nothing of it, and ends in order
 */
#include "guest/isa.h"
#include "guest/local_apic.h"

const char guest_name[] = "line";

#define CARD 0x300
#define VECTOR 0x61
#define SPURIOUS 0xFF
#define MARK 0xA5

/* DP8390D data sheet, 10.0 "Internal Registers": page 0, but for the command. */
enum { COMMAND = 0, START_LOW = 8, START_HIGH = 9, COUNT_LOW = 10, COUNT_HIGH = 11, STATUS = 7,
       DATA_CONFIGURATION = 14, INTERRUPT_MASK = 15, DATA = 16 };
enum { MARK_ADDRESS = 1, LIFE_ADDRESS = 2 }; /* page 1: of the station, here for other use */
enum { STOPPED = 0x21, STARTED = 0x22, READ = 0x0A, PAGE_1 = 0x61, BYTES = 0x48, COPIED = 0x40 };

static volatile unsigned came, others;
static volatile bool ends_inside, storms;
static volatile uint32_t mode_seen;

static void card_begin(void)
{
    out8(CARD + COMMAND, STOPPED);
    out8(CARD + DATA_CONFIGURATION, BYTES);
    out8(CARD + INTERRUPT_MASK, COPIED);
}

/* The card asks for an interrupt when a byte of its memory was read. */
static void card_assert(void)
{
    out8(CARD + COMMAND, STARTED);
    out8(CARD + COUNT_LOW, 1);
    out8(CARD + COUNT_HIGH, 0);
    out8(CARD + START_LOW, 0);
    out8(CARD + START_HIGH, 0x40);
    out8(CARD + COMMAND, READ);
    (void)in8(CARD + DATA);
}

static void card_serve(void)
{
    out8(CARD + STATUS, 0xFF);
}

/* The first life finds no mark. */
static unsigned count_life(void)
{
    out8(CARD + COMMAND, PAGE_1);
    bool marked = in8(CARD + MARK_ADDRESS) == MARK;
    unsigned life = marked ? in8(CARD + LIFE_ADDRESS) + 1u : 1;
    out8(CARD + MARK_ADDRESS, MARK);
    out8(CARD + LIFE_ADDRESS, (uint8_t)life);
    out8(CARD + COMMAND, STOPPED);
    return life;
}

bool guest_interrupted(struct frame *frame)
{
    if (frame->vector != VECTOR) {
        others++;
        return false;
    }
    came++;
    mode_seen = apic_read(XAPIC_TMR0 + (VECTOR / 32 << XAPIC_REGISTER_SHIFT));
    if (ends_inside)
        reboot();
    card_serve();
    apic_write(XAPIC_EOI, 0);
    if (storms)
        card_assert();
    return true;
}

static void listen(void)
{
    uint64_t begin = rdtsc();
    while (rdtsc() - begin < tsc_hz() / 256)
        asm volatile("sti; nop; cli" : : : "memory");
}

static void open_line(uint32_t more)
{
    ioapic_write(IOAPIC_REDIRECTION + 2 * (unsigned)cmdline_number("irq", 0), VECTOR | more);
}

static void comes_as_a_level(void)
{
    card_assert();
    listen();
    (void)report(came == 1, "%u interrupt of the card", came);
    (void)report(mode_seen >> VECTOR % 32 & 1, "the local APIC shows it as level-triggered");
}

static void nothing_comes_while_the_apic_is_off(void)
{
    came = 0;
    apic_set_base(0);
    card_assert();
    listen();
    (void)report(came == 0, "%u interrupts while its APIC is off", came);
    apic_set_base(APIC_BASE_EN);
    listen();
    (void)report(came == 0, "%u while software has not enabled it", came);
    apic_write(XAPIC_SIVR, SIVR_ENABLE | SPURIOUS);
    listen();
    (void)report(came == 1, "%u when it is on again", came);
}

/* What an earlier life left in service, pending or asserted is not this one's. One that
 * was stopped in its storm may have left the line low, between two interrupts. */
static void nothing_is_left_over(void)
{
    bool high = in8(CARD + STATUS) & COPIED;

    listen();
    (void)report(came == 0, "%u interrupts before the line is opened", came);
    open_line((uint32_t)REDIRECTION_LEVEL);
    if (!high)
        card_assert();
    listen();
    (void)report(came == 1, "%u when it is opened, %s", came,
                 high ? "which is high yet" : "and goes high");
}

static _Noreturn void end_in_the_handler(void)
{
    ends_inside = true;
    card_assert();
    listen();
    (void)report(false, "the line is dead");
    power_off();
}

static _Noreturn void end_with_it_pending(void)
{
    card_assert();
    reboot();
}

static _Noreturn void storm(void)
{
    say("storms");
    storms = true;
    card_assert();
    listen();
    (void)report(false, "the storm is over");
    power_off();
}

void guest_main(void)
{
    unsigned life = count_life();

    say("life %u", life);
    if (life == 1) {
        card_begin();
        open_line((uint32_t)REDIRECTION_LEVEL);
        comes_as_a_level();
        nothing_comes_while_the_apic_is_off();
        end_in_the_handler();
    }
    nothing_is_left_over();
    if (life == 2)
        end_with_it_pending();
    if (life == 3)
        storm();
    (void)report(others == 0, "nothing else came");
    say_done();
}
