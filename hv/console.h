/* SPDX-License-Identifier: MIT
 *
 * One physical console for all guests and for the hypervisor.
 *
 * One guest is in focus: the user's input is its input, and its output is shown
 * as fast as the wire takes it, with back-pressure and never a loss. Output of
 * the others is kept, the latest that fits, and replayed when they come into
 * focus. The hypervisor's own lines go between, always whole and always at the
 * start of a line.
 *
 * Locks. One lock guards all of this, and is taken last: the functions for the
 * UART are called with that VM's lock held and take the console's inside. They
 * never wait for the wire: console_service() wants that VM's lock, too, and may
 * run on another guest's CPU.
 * Nothing here takes a VM's lock while it holds the console's: input and the
 * news that there is room again are put down under the console's lock, and
 * console_service() tells the VMs after it has let go of it. Hence there is no
 * circle, however CPUs meet here.
 *
 * A guest with `console = false` is never attached: its UART is there and
 * always ready, its output goes nowhere, and it has no input.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;

/* Recommended sizes of the buffers that console_attach() is given. */
#define CONSOLE_OUTPUT_BYTES (64u << 10)
#define CONSOLE_INPUT_BYTES (128u << 10)

/* Before the first line is logged. */
void console_init(void);

/* Boot, before any vCPU runs. Sizes are powers of two; the buffers stay the
 * console's. The first VM attached comes into focus, and the keys are shown. */
void console_attach(struct vm *vm, uint8_t *output, size_t output_bytes, uint8_t *input,
                    size_t input_bytes);

/* Boot, where no interrupt comes: writes what the wire takes now. Long work
 * calls it now and then, so that its time is the wire's, too. */
void console_progress(void);

/* From here on the machine calls console_service() at each interrupt. Until
 * then a line goes out as far as the wire takes it at once, and the rest with
 * later lines, by console_progress(), or by console_flush(). */
void console_use_interrupts(void);

/* The machine is about to stop, perhaps with the console's lock held here: from
 * now on no lock is taken and output is synchronous again. */
void console_panic(void);

/* A VM that starts, or starts again, can have the focus; one that has stopped
 * for good gives it up once all its output was shown. By VM index. */
void console_vm_started(unsigned vm);
void console_vm_stopped(unsigned vm);

/* Reads all input and writes what the wire takes. On any CPU, with no lock
 * held. May call vm_stop_all().
 *
 * Limit: while the input of the guest in focus is full nothing is read, and no
 * interrupt comes for input, the console's keys among it. If that guest takes
 * nothing for a while its input is dropped instead, but only a call can notice
 * that: the machine should call this about every second then. */
void console_service(void);

/* Writes everything that waits to be shown; gives up on a wire that takes
 * nothing. */
void console_flush(void);

/* The hypervisor's line, with its line end: hv/log.c. Any lock but this one may
 * be held. */
void console_line(const char *text, size_t length);

/* The UART's side, by VM index, with that VM's lock held. */
struct console_status {
    bool output_ready; /* room for UART_FIFO_BYTES; if not, uart_refresh() follows */
    bool output_taken; /* of console_output() */
    size_t input_waiting;
};
struct console_status console_status(unsigned vm);

/* The status after it. Where there is no room the byte is not taken, and comes
 * again behind console_wait_for_room(); on a dead wire it is lost, and counted. */
struct console_status console_output(unsigned vm, uint8_t byte);
int console_input_take(unsigned vm); /* a byte or -1 */

/* Shows that guest's console. False: it has none. */
bool console_focus(unsigned vm);

/* The monitor's side. Its lines go out as a guest's do; what there is no room for is
 * not taken, so whoever writes asks first. What is typed at it is kept, the first
 * that fits. */
bool console_monitor_is_open(void);
void console_monitor_close(void); /* back to the guest that had the focus, if any */
size_t console_monitor_room(void);
bool console_monitor_is_idle(void); /* all that waited has gone out */
void console_monitor_write(const char *text, size_t length);
int console_monitor_take(void); /* a byte or -1 */

/* A line of the hypervisor's, whole and behind its prefix, for programs that must not
 * take a guest's output for it. Half the room for such lines is kept for the log. */
size_t console_monitor_line_room(void);
void console_monitor_line(const char *text, size_t length);

/* Whether a Ctrl-C was typed; it and what came before it is gone then. */
#define CONSOLE_INTERRUPT 3
bool console_monitor_interrupted(void);

/* With no lock held: until the wire has taken a byte, or counts as dead. */
void console_wait_for_room(unsigned vm);
