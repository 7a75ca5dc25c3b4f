/* SPDX-License-Identifier: MIT
 *
 * Level-triggered interrupts of the IOAPIC: they come again until their cause is
 * gone, the IOAPIC and the local APIC show them, and when all is over an EOI costs
 * no exit, as before. The line is the second serial port's, which is high while
 * its transmitter is empty and that interrupt is enabled.
 */
#include <stdatomic.h>

#include "guest/isa.h"
#include "guest/local_apic.h"

const char guest_name[] = "level";

#define VECTOR 0x61
#define SELF_VECTOR 0x62
#define IER (GUEST_PORT_COM2 + 1)
#define MCR (GUEST_PORT_COM2 + 4)
#define OUT2 8
#define TRANSMITTER_EMPTY 2
#define LEVEL ((uint32_t)REDIRECTION_LEVEL)
#define REMOTE_IRR ((uint32_t)REDIRECTION_REMOTE_IRR)
#define MASKED ((uint32_t)REDIRECTION_MASKED)
#define LOW (IOAPIC_REDIRECTION + 2 * GUEST_IRQ_COM2)

/* Emulated, Bochs' EOI is a handful of instructions; an exit is more than a hundred. */
#define NO_EXIT_TICKS 60

static volatile unsigned came, nmis, wanted;
static volatile uint32_t entry_seen, mode_seen;
static volatile uint64_t eoi_ticks;
static atomic_uint came_there;
static volatile bool served_there;
static unsigned others;

static uint32_t mode_register(void)
{
    return apic_read(XAPIC_TMR0 + (VECTOR / 32 << XAPIC_REGISTER_SHIFT));
}

static void timed_end(void)
{
    uint64_t begin = rdtsc();

    end_of_interrupt();
    eoi_ticks = rdtsc() - begin;
}

/* The cause is taken away when it has come as often as is wanted. */
static void take_level(void)
{
    came++;
    entry_seen = ioapic_read(LOW);
    mode_seen = mode_register();
    if (came == wanted)
        out8(IER, 0);
    apic_write(XAPIC_EOI, 0);
}

bool guest_interrupted(struct frame *frame)
{
    if (frame->vector == VECTOR && apic_id() != 0) {
        came_there++;
        out8(IER, 0);
        end_of_interrupt();
        served_there = true;
    } else if (frame->vector == VECTOR) {
        take_level();
    } else if (frame->vector == SELF_VECTOR) {
        timed_end();
    } else if (frame->vector == VECTOR_NMI) {
        nmis++;
        out8(IER, 0);
    } else {
        others++;
        return false;
    }
    return true;
}

static void raise_until(unsigned times)
{
    came = 0;
    wanted = times;
    out8(IER, TRANSMITTER_EMPTY);
}

static void let_come(void)
{
    interrupts_on();
    for (unsigned i = 0; i < 1000 && came < wanted; i++)
        cpu_pause();
    for (unsigned i = 0; i < 100; i++)
        cpu_pause();
    interrupts_off();
}

/* Of an interrupt that is an edge. */
static uint64_t time_an_eoi(void)
{
    eoi_ticks = 0;
    interrupts_on();
    send_self(SELF_VECTOR);
    cpu_pause();
    interrupts_off();
    return eoi_ticks;
}

static bool is_over(void)
{
    return !(ioapic_read(LOW) & REMOTE_IRR) && !(mode_register() & 1u << VECTOR % 32);
}

static void again_until_served(const char *how)
{
    pin(GUEST_IRQ_COM2, VECTOR | LEVEL);
    raise_until(3);
    let_come();
    (void)report(came == 3, "%s: a level comes again until it is served: %u", how, came);
    (void)report((entry_seen & REMOTE_IRR) && (mode_seen & 1u << VECTOR % 32),
                 "%s: it shows while it is in service: %x, %x", how, entry_seen, mode_seen);
    (void)report(is_over(), "%s: and does not when it is over", how);
}

static void edge_once(void)
{
    pin(GUEST_IRQ_COM2, VECTOR);
    raise_until(3);
    let_come();
    (void)report(came == 1 && !(entry_seen & REMOTE_IRR) && !(mode_seen & 1u << VECTOR % 32),
                 "an edge comes once: %u", came);
    out8(IER, 0);
}

static void mask_holds_it_back(void)
{
    pin(GUEST_IRQ_COM2, VECTOR | LEVEL | MASKED);
    raise_until(1);
    let_come();
    unsigned masked = came;
    pin(GUEST_IRQ_COM2, VECTOR | LEVEL);
    let_come();
    (void)report(masked == 0 && came == 1, "a mask holds a level back: %u, %u", masked, came);
}

/* Pending at the local APIC, it is no longer the IOAPIC's to hold back. */
static void mask_comes_too_late(void)
{
    raise_until(1);
    cpu_pause();
    pin(GUEST_IRQ_COM2, VECTOR | LEVEL | MASKED);
    let_come();
    (void)report(came == 1 && is_over(), "a mask behind the interrupt is too late: %u", came);
}

/* How kernels end a level that their local APIC took for an edge. */
static void edge_takes_remote_irr_away(void)
{
    pin(GUEST_IRQ_COM2, VECTOR | LEVEL);
    raise_until(1);
    uint32_t before = ioapic_read(LOW);
    pin(GUEST_IRQ_COM2, VECTOR | MASKED);
    uint32_t after = ioapic_read(LOW);
    (void)report((before & REMOTE_IRR) && !(after & REMOTE_IRR),
                 "an edge takes Remote IRR away: %x, %x", before, after);
    let_come();
}

static void elsewhere(void)
{
    served_there = false;
    ioapic_write(LOW + 1, 1u << 24);
    pin(GUEST_IRQ_COM2, VECTOR | LEVEL);
    out8(IER, TRANSMITTER_EMPTY);
    for (uint64_t begin = rdtsc(); !served_there && rdtsc() - begin < tsc_hz();)
        cpu_pause();
    (void)report(came_there == 1 && is_over(), "another vCPU takes one: %u", came_there);
    ioapic_write(LOW + 1, 0);
}

static void nmi_is_an_edge(void)
{
    pin(GUEST_IRQ_COM2, (DELIVERY_NMI << REDIRECTION_DELIVERY_SHIFT) | LEVEL);
    out8(IER, TRANSMITTER_EMPTY);
    cpu_pause();
    out8(IER, 0);
    (void)report(nmis == 1 && is_over(), "an NMI is an edge whatever the entry says: %u", nmis);
}

void guest_ap_main(void)
{
    interrupts_on();
    idle();
}

void guest_main(void)
{
    bool two = guest_start_vcpu(1);

    out8(MCR, OUT2);
    uint64_t before = time_an_eoi();
    again_until_served("x2APIC");
    (void)report(before < NO_EXIT_TICKS && time_an_eoi() < NO_EXIT_TICKS,
                 "an edge's EOI takes %llu ticks before and %llu behind a level",
                 (unsigned long long)before, (unsigned long long)eoi_ticks);
    edge_once();
    mask_holds_it_back();
    mask_comes_too_late();
    edge_takes_remote_irr_away();
    if (two)
        elsewhere();
    nmi_is_an_edge();
    apic_enter_xapic(); /* by way of a disabled APIC, which resets it */
    apic_write(XAPIC_SIVR, SIVR_ENABLE | 0xFF);
    again_until_served("xAPIC");
    pin(GUEST_IRQ_COM2, MASKED);
    (void)report(two && others == 0, "nothing else came: %u", others);
    say_done();
}
