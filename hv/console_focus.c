/* SPDX-License-Identifier: MIT
 *
 * See console_focus.h. A guest that comes into focus is named first, then how
 * much of its output was not kept, and what was follows from its ring.
 */
#include "hv/console_focus.h"

#include <stdarg.h>

#include "hv/console_receive.h"
#include "hv/log.h"
#include "hv/machine.h"
#include "hv/vm.h"

void console_say(struct console *console, const char *format, ...)
{
    struct console_wire *wire = &console->wire;
    struct console_ring *lines = console->interrupts ? &wire->answers : &wire->lines;
    char line[LOG_WHOLE_LINE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    size_t length = log_compose(line, format, arguments);
    va_end(arguments);
    if (console_ring_room(lines) < length) {
        console->lines_lost++;
        return;
    }
    for (size_t i = 0; i < length; i++)
        console_ring_put(lines, (uint8_t)line[i]);
}

/* Out of focus there is always room. Half a sequence is nobody else's. */
static void lose_focus(struct console *console)
{
    struct console_guest *guest = console_focused(console);

    machine_console_new_guest();
    console->leaving = false;
    if (guest != NULL && guest->wants_room) {
        guest->wants_room = false;
        console->attention |= 1u << console->focus;
    }
}

void console_focus_set(struct console *console, unsigned vm)
{
    struct console_guest *guest = &console->guests[vm];

    if (vm != console->focus || console->monitor)
        lose_focus(console);
    console->monitor = false;
    console_wire_end_line(&console->wire);
    console->focus = vm;
    console_receive_resume(console);
    guest->stopped_was_said = false;
    console_say(console, "console: %s (guest %u)%s. %s", guest->vm->config->name, vm + 1,
                guest->stopped ? ", which has stopped" : "", CONSOLE_KEYS_HELP);
    if (guest->overwritten != 0)
        console_say(console, "%s: %llu bytes of its output were not kept; the latest %u follow",
                    guest->vm->config->name, (unsigned long long)guest->overwritten,
                    console_ring_count(&guest->output));
    guest->overwritten = 0;
}

void console_focus_monitor(struct console *console)
{
    if (!console->monitor) {
        lose_focus(console);
        console_wire_end_line(&console->wire);
        console_receive_resume(console);
    }
    console->monitor = true;
    console_say(console, "monitor: \"help\" lists what it knows; Ctrl-D leaves it");
}

void console_focus_next(struct console *console)
{
    for (unsigned i = 1; i <= CONFIG_VMS_MAX; i++) {
        unsigned vm = (console->focus + i) % CONFIG_VMS_MAX;
        if (console->guests[vm].vm != NULL) {
            console_focus_set(console, vm);
            return;
        }
    }
}

void console_focus_leave(struct console *console)
{
    console->leaving = false;
    for (unsigned i = 1; i < CONFIG_VMS_MAX; i++) {
        unsigned vm = (console->focus + i) % CONFIG_VMS_MAX;
        if (console->guests[vm].vm != NULL && !console->guests[vm].stopped) {
            console_focus_set(console, vm);
            return;
        }
    }
}
