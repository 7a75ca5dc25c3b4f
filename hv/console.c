/* SPDX-License-Identifier: MIT
 *
 * See console.h: the entrances, each of which takes the lock and lets go of it.
 * What moves bytes out is in console_drain.c, in is console_receive.c, and who
 * has the focus console_focus.c.
 *
 * Whoever must wait for the wire takes the lock anew for each look, so that a
 * slow wire keeps nobody else out.
 */
#include "hv/console.h"

#include <stdatomic.h>

#include "hv/check.h"
#include "hv/console_drain.h"
#include "hv/console_focus.h"
#include "hv/console_receive.h"
#include "hv/console_state.h"
#include "hv/log.h"
#include "hv/machine.h"
#include "hv/screen.h"
#include "hv/uart.h"
#include "hv/vm.h"
#include "hv/vm_life.h"

#define LINES_BYTES (16u << 10)
#define ANSWERS_BYTES (2u << 10)
#define MONITOR_OUTPUT_BYTES (4u << 10)
#define MONITOR_INPUT_BYTES (4u << 10)

/* Looks at a wire that takes nothing before it counts as dead: each reads a
 * port, about a microsecond, and a second in all. */
#define WAIT_POLLS_MAX (1u << 20)

static struct console the_console;
static uint8_t line_bytes[LINES_BYTES], answer_bytes[ANSWERS_BYTES];
static uint8_t monitor_output[MONITOR_OUTPUT_BYTES], monitor_input[MONITOR_INPUT_BYTES];
static _Atomic bool panicking;

static struct console *enter(void)
{
    if (!atomic_load_explicit(&panicking, memory_order_relaxed))
        lock_acquire(&the_console.lock);
    return &the_console;
}

static void release(void)
{
    if (!atomic_load_explicit(&panicking, memory_order_relaxed))
        lock_release(&the_console.lock);
}

/* Who printed draws, a part at a time, so that no other CPU waits for a whole screen;
 * and once all of it, as what others print meanwhile they draw themselves. */
static void leave(void)
{
    bool draws = the_console.draws;

    the_console.draws = false;
    release();
    for (unsigned part = 0; draws && part < SCREEN_PARTS_MAX; part++) {
        (void)enter();
        draws = machine_console_show();
        release();
    }
}

static struct console_guest *guest_of(struct console *console, unsigned vm)
{
    CHECK(vm < CONFIG_VMS_MAX);
    return &console->guests[vm];
}

void console_init(void)
{
    the_console = (struct console){ .focus = CONSOLE_NO_FOCUS };
    atomic_store(&panicking, false);
    console_wire_init(&the_console.wire);
    console_ring_init(&the_console.wire.lines, line_bytes, sizeof line_bytes);
    console_ring_init(&the_console.wire.answers, answer_bytes, sizeof answer_bytes);
    console_ring_init(&the_console.monitor_output, monitor_output, sizeof monitor_output);
    console_ring_init(&the_console.monitor_input, monitor_input, sizeof monitor_input);
}

/* Synchronous: nobody will come back for what is left. */
static void flush_in_panic(void)
{
    if (atomic_load(&panicking))
        console_flush();
}

void console_attach(struct vm *vm, uint8_t *output, size_t output_bytes, uint8_t *input,
                    size_t input_bytes)
{
    struct console *console = enter();
    struct console_guest *guest = guest_of(console, vm->index);

    CHECK(output_bytes >= UART_FIFO_BYTES);
    *guest = (struct console_guest){ .vm = vm };
    console_ring_init(&guest->output, output, output_bytes);
    console_ring_init(&guest->input, input, input_bytes);
    if (console->focus == CONSOLE_NO_FOCUS)
        console_focus_set(console, vm->index);
    leave();
}

void console_progress(void)
{
    console_drain(enter());
    leave();
}

void console_use_interrupts(void)
{
    struct console *console = enter();

    console->interrupts = true;
    console_wire_end_boot(&console->wire);
    console_drain(console);
    leave();
}

void console_panic(void)
{
    atomic_store(&panicking, true);
    the_console.interrupts = false;
}

void console_vm_started(unsigned vm)
{
    struct console *console = enter();

    guest_of(console, vm)->stopped = false;
    if (console->focus == vm)
        console->leaving = false;
    leave();
}

void console_vm_stopped(unsigned vm)
{
    struct console *console = enter();
    struct console_guest *guest = guest_of(console, vm);

    guest->stopped = true;
    if (guest == console_focused(console) && guest->vm != NULL) {
        console->leaving = !console->ending;
        console_receive_resume(console);
        console_drain(console);
    }
    leave();
}

/* Tells the VMs what happened to their UARTs, with the console's lock free. */
static void attend(struct console *console, uint32_t attention)
{
    for (unsigned i = 0; i < CONFIG_VMS_MAX; i++) {
        struct vm *vm = console->guests[i].vm;
        if (!(attention & 1u << i) || atomic_load(&vm->state) != VM_RUNNING)
            continue;
        lock_acquire(&vm->lock);
        uart_refresh(&vm->com1);
        lock_release(&vm->lock);
    }
}

void console_service(void)
{
    struct console *console = enter();

    console_drain(console);
    console_receive(console);
    console_drain(console);
    machine_console_acknowledge();
    uint32_t attention = console->attention;
    bool quit = console->quit;
    console->attention = 0;
    console->quit = false;
    leave();

    attend(console, attention);
    if (quit)
        vm_stop_all(MACHINE_POWER_OFF);
}

static size_t waiting_bytes(struct console *console)
{
    struct console_ring *shown = console_shown(console);

    return console_wire_own_count(&console->wire) +
           (shown != NULL ? console_ring_count(shown) : 0);
}

void console_flush(void)
{
    struct console *console = enter();
    size_t budget = 2 * waiting_bytes(console); /* what waits, and line breaks between */
    leave();

    for (unsigned polls = 0; budget != 0 && polls < WAIT_POLLS_MAX; polls++) {
        console = enter();
        size_t sent = console_drain(console);
        bool done = waiting_bytes(console) == 0;
        leave();
        if (done)
            return;
        if (sent != 0)
            polls = 0;
        budget -= sent < budget ? sent : budget;
    }
}

/* For what waits already somebody comes back. But where the wire takes all, moving it
 * is work, and whoever writes does it, lest he keep the console's CPU at it for ever. */
static void start_wire(struct console *console)
{
    if (!console->transmit_wanted || console->eager)
        console_drain(console);
}

static void put_bytes(struct console_ring *ring, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        console_ring_put(ring, (uint8_t)bytes[i]);
}

static bool put_line(struct console *console, const char *text, size_t length)
{
    if (console_ring_room(&console->wire.lines) < length)
        console_drain(console);
    if (console_ring_room(&console->wire.lines) < length)
        return false;
    put_bytes(&console->wire.lines, text, length);
    start_wire(console);
    return true;
}

/* Out of focus there is always room. */
static bool has_room(struct console *console, struct console_guest *guest)
{
    if (guest != console_focused(console))
        return true;
    if (console_ring_room(&guest->output) == 0)
        console_drain(console);
    return console_ring_room(&guest->output) != 0;
}

static bool put_output(struct console *console, struct console_guest *guest, uint8_t byte)
{
    if (guest != console_focused(console)) {
        guest->overwritten += console_ring_put_over(&guest->output, byte);
        return true;
    }
    if (!has_room(console, guest))
        return false;
    console_ring_put(&guest->output, byte);
    start_wire(console);
    return true;
}

/* A wire that was found dead is not waited for again until it takes a byte. */
static unsigned polls_max(const struct console *console)
{
    return console->stalled ? 1 : WAIT_POLLS_MAX;
}

void console_line(const char *text, size_t length)
{
    bool done = false;
    unsigned limit = 1;

    for (unsigned polls = 0; !done && polls < limit; polls++) {
        struct console *console = enter();
        limit = polls_max(console);
        done = put_line(console, text, length);
        if (!done && polls + 1 >= limit) {
            console->lines_lost++;
            console->stalled = true;
        }
        leave();
    }
    flush_in_panic();
}

static struct console_status status_of(struct console *console, struct console_guest *guest)
{
    bool ready = true;

    if (guest == console_focused(console)) {
        if (console_ring_room(&guest->output) < UART_FIFO_BYTES)
            console_drain(console);
        ready = console_ring_room(&guest->output) >= UART_FIFO_BYTES;
        guest->wants_room = !ready;
    }
    return (struct console_status){ .output_ready = ready,
                                    .input_waiting = console_ring_count(&guest->input) };
}

struct console_status console_status(unsigned vm)
{
    struct console *console = enter();
    struct console_status status = status_of(console, guest_of(console, vm));

    leave();
    return status;
}

struct console_status console_output(unsigned vm, uint8_t byte)
{
    struct console *console = enter();
    struct console_guest *guest = guest_of(console, vm);
    bool taken = guest->vm == NULL || put_output(console, guest, byte);

    if (!taken && console->stalled) {
        guest->lost++;
        taken = true;
    }
    struct console_status status = status_of(console, guest);
    status.output_taken = taken;
    leave();
    return status;
}

void console_wait_for_room(unsigned vm)
{
    bool done = false;
    unsigned limit = 1;

    for (unsigned polls = 0; !done && polls < limit; polls++) {
        struct console *console = enter();
        limit = polls_max(console);
        done = has_room(console, guest_of(console, vm));
        if (!done && polls + 1 >= limit)
            console->stalled = true;
        leave();
    }
}

int console_input_take(unsigned vm)
{
    struct console *console = enter();
    struct console_guest *guest = guest_of(console, vm);
    uint8_t byte;
    int taken = -1;

    if (console_ring_peek(&guest->input, &byte, 1) != 0) {
        console_ring_drop(&guest->input, 1);
        taken = byte;
        console_receive_taken(console, guest);
    }
    leave();
    return taken;
}

bool console_focus(unsigned vm)
{
    struct console *console = enter();
    bool has_one = guest_of(console, vm)->vm != NULL;

    if (has_one) {
        console_focus_set(console, vm);
        console_drain(console);
    }
    leave();
    return has_one;
}

bool console_monitor_is_open(void)
{
    bool is_open = enter()->monitor;

    leave();
    return is_open;
}

void console_monitor_close(void)
{
    struct console *console = enter();

    if (console->focus != CONSOLE_NO_FOCUS)
        console_focus_set(console, console->focus);
    console_drain(console);
    leave();
}

size_t console_monitor_room(void)
{
    size_t room = console_ring_room(&enter()->monitor_output);

    leave();
    return room;
}

void console_monitor_write(const char *text, size_t length)
{
    struct console *console = enter();

    for (size_t i = 0; i < length && console_ring_room(&console->monitor_output) != 0; i++)
        console_ring_put(&console->monitor_output, (uint8_t)text[i]);
    start_wire(console);
    leave();
}

bool console_monitor_is_idle(void)
{
    struct console *console = enter();
    bool idle = !console_wire_waits(&console->wire, console_shown(console));

    leave();
    return idle;
}

size_t console_monitor_line_room(void)
{
    size_t room = console_ring_room(&enter()->wire.lines);

    leave();
    return room > LINES_BYTES / 2 ? room - LINES_BYTES / 2 : 0;
}

void console_monitor_line(const char *text, size_t length)
{
    static const char end[2] = { '\r', '\n' };
    char prefix[LOG_PREFIX_SIZE];
    size_t prefix_length = log_prefix(prefix);
    struct console *console = enter();
    struct console_ring *lines = &console->wire.lines;

    if (console_ring_room(lines) >= prefix_length + length + sizeof end) {
        put_bytes(lines, prefix, prefix_length);
        put_bytes(lines, text, length);
        put_bytes(lines, end, sizeof end);
    }
    start_wire(console);
    leave();
}

int console_monitor_take(void)
{
    struct console_ring *input = &enter()->monitor_input;
    uint8_t byte;
    int taken = -1;

    if (console_ring_peek(input, &byte, 1) != 0) {
        console_ring_drop(input, 1);
        taken = byte;
    }
    leave();
    return taken;
}

bool console_monitor_interrupted(void)
{
    bool found = console_ring_drop_through(&enter()->monitor_input, CONSOLE_INTERRUPT);

    leave();
    return found;
}
