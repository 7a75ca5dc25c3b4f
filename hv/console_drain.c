/* SPDX-License-Identifier: MIT
 *
 * See console_drain.h. Invariant while interrupts are in use: whenever
 * something waits to be shown, the transmit interrupt is wanted, so nobody else
 * has to come back for it.
 */
#include "hv/console_drain.h"

#include "hv/console_focus.h"
#include "hv/machine.h"
#include "hv/uart.h"
#include "hv/vm.h"

/* So that nobody waits long for the lock on a wire that takes everything. */
#define STEPS_MAX 64

/* Between two looks at the screen, where there is more to show: TSC ticks, 17 to
 * 67 ms on processors of 4 to 1 GHz. */
#define SHOW_TICKS (1ull << 26)

/* The wire works again: what was lost meanwhile is said. */
static void say_losses(struct console *console)
{
    console->stalled = false;
    for (unsigned i = 0; i < CONFIG_VMS_MAX; i++) {
        struct console_guest *guest = &console->guests[i];
        if (guest->lost == 0)
            continue;
        console_say(console, "%s: %llu bytes of its output were lost: the serial line took nothing",
                    guest->vm->config->name, (unsigned long long)guest->lost);
        guest->lost = 0;
    }
    if (console->lines_lost != 0 && console_ring_count(&console->wire.lines) == 0) {
        console_say(console, "%llu lines of the hypervisor were lost: there was no room for them",
                    (unsigned long long)console->lines_lost);
        console->lines_lost = 0;
    }
}

static void wake_transmitter(struct console *console)
{
    struct console_guest *guest = console_focused(console);

    if (guest != NULL && guest->wants_room &&
        console_ring_room(&guest->output) >= UART_FIFO_BYTES) {
        guest->wants_room = false;
        console->attention |= 1u << console->focus;
    }
}

static void want_transmit(struct console *console)
{
    bool wanted = console->interrupts && console_wire_waits(&console->wire, console_shown(console));

    if (wanted != console->transmit_wanted)
        machine_console_want_transmit(wanted);
    console->transmit_wanted = wanted;
}

/* While more is still to come, which calls here again, the screen need not show
 * each step. It is drawn when the lock is given back. */
static void show(struct console *console)
{
    bool waits = console_wire_waits(&console->wire, console_shown(console));
    uint64_t now = machine_tsc();

    if (!console->unshown || (waits && now - console->shown_tsc < SHOW_TICKS))
        return;
    console->draws = true;
    console->unshown = false;
    console->shown_tsc = now;
}

size_t console_drain(struct console *console)
{
    size_t total = 0;
    unsigned steps = 0;

    for (; steps < STEPS_MAX; steps++) {
        size_t sent = console_wire_send(&console->wire, console_shown(console),
                                        console->monitor ? CONSOLE_WIRE_BEFORE_MONITOR
                                                         : CONSOLE_WIRE_BEFORE_GUEST);
        if (sent == 0)
            break;
        total += sent;
    }
    console->eager = steps == STEPS_MAX;
    if (total != 0) {
        console->unshown = true;
        say_losses(console);
    }
    if (console->leaving && !console_wire_waits(&console->wire, console_shown(console)))
        console_focus_leave(console);
    wake_transmitter(console);
    want_transmit(console);
    show(console);
    return total;
}
