/* SPDX-License-Identifier: MIT
 *
 * See monitor.h: what was typed becomes a request, and a request an order at once
 * or an answer in steps.
 */
#include "hv/monitor.h"

#include "hv/console.h"
#include "hv/machine.h"
#include "hv/monitor_json.h"
#include "hv/monitor_state.h"
#include "hv/text.h"
#include "hv/vm_life.h"

/* A crash report a second, at most, and some more at once. */
#define MONITOR_ORDERS_MAX 20u
#define MONITOR_ORDERS_SECONDS 10u

/* Steps that make no line, such as free places of a table. */
#define STEPS_A_VISIT 16u

static struct monitor sessions[MONITOR_SEATS];

const struct pci_inventory *monitor_pci;

void monitor_init(const struct pci_inventory *pci)
{
    monitor_pci = pci;
    memset(sessions, 0, sizeof sessions);
    for (unsigned seat = 0; seat < MONITOR_SEATS; seat++)
        sessions[seat].seat = (enum monitor_seat)seat;
}

void monitor_say(struct monitor_text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    text->length += text_format_list(text->text + text->length, sizeof text->text - text->length,
                                     format, arguments);
    va_end(arguments);
}

uint64_t monitor_hz(void)
{
    return vms[0]->timers.tsc_hz; /* there is a guest, or nothing runs */
}

/* ---- Lines for a user, objects for a program ---- */

static void begin(const struct monitor *monitor, struct monitor_text *text)
{
    text->length = 0;
    if (monitor->json)
        json_begin(&text->json, text->text, sizeof text->text);
}

static void write_line(const struct monitor *monitor, const char *text, size_t length)
{
    monitor_seat_write(monitor->seat, text, length);
    monitor_seat_write(monitor->seat, "\r\n", 2);
}

static void write_object(const struct monitor *monitor, struct monitor_text *text)
{
    static const struct monitor_error too_long = { .what = "this object is longer than a line" };
    size_t length = json_end(&text->json);

    if (length == 0) {
        begin(monitor, text);
        monitor_json_error(&text->json, &too_long);
        length = json_end(&text->json);
    }
    monitor_seat_write_object(monitor->seat, text->text, length);
}

/* What begin() began. */
static void end(const struct monitor *monitor, struct monitor_text *text)
{
    if (monitor->json)
        write_object(monitor, text);
    else
        write_line(monitor, text->text, text->length);
}

static bool has_room(const struct monitor *monitor)
{
    return monitor->json
               ? monitor_seat_object_room(monitor->seat) >= MONITOR_OBJECT_MAX + LOG_PREFIX_SIZE + 2
               : monitor_seat_room(monitor->seat) >= 2 * LOG_LINE_MAX;
}

/* For a user who is there. */
static void draw(const struct monitor *monitor)
{
    char drawn[MONITOR_DRAW_SIZE];

    if (monitor->json || !monitor_seat_is_taken(monitor->seat))
        return;
    monitor_seat_write(monitor->seat, drawn, monitor_line_draw(&monitor->line, drawn));
}

static struct monitor_names names_of_guests(void)
{
    struct monitor_names names = { .count = vm_count };

    for (unsigned i = 0; i < vm_count; i++)
        names.names[i] = vms[i]->config->name;
    return names;
}

static void complete(struct monitor *monitor)
{
    struct monitor_names names = names_of_guests();
    char before[MONITOR_LINE_MAX + 1], more[CONFIG_NAME_SIZE + 1];
    char candidates[MONITOR_CANDIDATES_SIZE];

    text_copy(before, monitor->line.cursor + 1, monitor->line.text);
    unsigned count = monitor_complete(before, &names, more, candidates);
    if (count > 1 && more[0] == '\0') {
        write_line(monitor, "", 0);
        write_line(monitor, candidates, strlen(candidates));
    }
    monitor_line_insert(&monitor->line, more);
    draw(monitor);
}

/* ---- Orders ---- */

static void say_error(const struct monitor *monitor, const struct monitor_error *error)
{
    struct monitor_text text;

    begin(monitor, &text);
    if (monitor->json)
        monitor_json_error(&text.json, error);
    else
        monitor_say(&text, "%s", error->what);
    end(monitor, &text);
}

static void ordered(const struct monitor *monitor, const struct vm *vm, bool done,
                    const char *what)
{
    struct monitor_text text;

    begin(monitor, &text);
    if (monitor->json && done)
        monitor_json_ordered(&text.json, monitor, vm, what);
    else if (monitor->json)
        monitor_json_not_in(&text.json, vm);
    else if (done)
        monitor_say(&text, "%s: %s", vm->config->name, what);
    else
        monitor_say(&text, "%s is %s", vm->config->name, monitor_state_word(vm));
    end(monitor, &text);
}

static void go_to_console(const struct monitor *monitor, const struct vm *vm)
{
    struct monitor_error error = { .nearest = NULL };

    if (console_focus(vm->index))
        return;
    text_format(error.what, sizeof error.what, "%s has no console", vm->config->name);
    say_error(monitor, &error);
}

static void send_nmi(const struct monitor *monitor, const struct vm *vm)
{
    bool running = atomic_load(&vm->state) == VM_RUNNING;

    if (running)
        machine_request(vm->vcpus[0]->cpu, REQUEST_GUEST_NMI);
    ordered(monitor, vm, running, "NMI sent");
}

static void say_done(const struct monitor *monitor, bool interrupted)
{
    struct monitor_text text;

    begin(monitor, &text);
    monitor_json_done(&text.json, monitor, interrupted);
    end(monitor, &text);
}

/* "json off" is still answered as one. */
static void speak_json(struct monitor *monitor)
{
    struct monitor_text text;

    if (!monitor->request.on) {
        if (monitor->json)
            say_done(monitor, false);
        monitor->json = false;
        return;
    }
    monitor->json = true;
    begin(monitor, &text);
    monitor_json_hello(&text.json, monitor);
    end(monitor, &text);
    say_done(monitor, false);
}

static void end_all(const struct monitor *monitor, enum machine_end machine_end)
{
    if (monitor->json)
        say_done(monitor, false);
    vm_stop_all(machine_end);
}

static void leave(const struct monitor *monitor)
{
    if (monitor->json)
        say_done(monitor, false);
    monitor_seat_leave(monitor->seat);
}

/* True: it is done. False: it is answered in steps. */
static bool order(struct monitor *monitor)
{
    const struct monitor_request *request = &monitor->request;
    struct vm *vm = request->vm < vm_count ? vms[request->vm] : NULL;

    switch (request->command) {
    case MONITOR_START: ordered(monitor, vm, vm_command_start(vm), "starts"); return true;
    case MONITOR_STOP: ordered(monitor, vm, vm_command_stop(vm), "stops"); return true;
    case MONITOR_RESTART:
        ordered(monitor, vm, vm_command_restart(vm) || vm_command_start(vm),
                "restarts");
        return true;
    case MONITOR_PAUSE: ordered(monitor, vm, vm_command_pause(vm, true), "paused"); return true;
    case MONITOR_RESUME: ordered(monitor, vm, vm_command_pause(vm, false), "goes on"); return true;
    case MONITOR_NMI: send_nmi(monitor, vm); return true;
    case MONITOR_CONSOLE: go_to_console(monitor, vm); return true;
    case MONITOR_JSON: speak_json(monitor); return true;
    case MONITOR_REBOOT: end_all(monitor, MACHINE_REBOOT); return true;
    case MONITOR_POWEROFF: end_all(monitor, MACHINE_POWER_OFF); return true;
    case MONITOR_EXIT: leave(monitor); return true;
    case MONITOR_HELP:
    case MONITOR_LIST:
    case MONITOR_SHOW:
    case MONITOR_LOG:
    case MONITOR_STATS:
    case MONITOR_TRACE:
    case MONITOR_DEVICES:
    case MONITOR_MEMORY:
    case MONITOR_DUMP:
    case MONITOR_WATCH:
    case MONITOR_COMMAND_COUNT: break;
    }
    return false;
}

static enum monitor_step step(struct monitor *monitor, struct monitor_text *text)
{
    switch (monitor->request.command) {
    case MONITOR_HELP: return monitor_help_step(monitor, text);
    case MONITOR_LIST: return monitor_list_step(monitor, text);
    case MONITOR_SHOW: return monitor_show_step(monitor, text);
    case MONITOR_LOG: return monitor_log_step(monitor, text);
    case MONITOR_STATS: return monitor_stats_step(monitor, text);
    case MONITOR_TRACE: return monitor_trace_step(monitor, text);
    case MONITOR_DEVICES: return monitor_devices_step(monitor, text);
    case MONITOR_MEMORY: return monitor_memory_step(monitor, text);
    case MONITOR_DUMP: return monitor_dump_step(monitor, text);
    case MONITOR_WATCH: return monitor_watch_step(monitor, text);
    case MONITOR_START:
    case MONITOR_STOP:
    case MONITOR_RESTART:
    case MONITOR_PAUSE:
    case MONITOR_RESUME:
    case MONITOR_NMI:
    case MONITOR_CONSOLE:
    case MONITOR_JSON:
    case MONITOR_REBOOT:
    case MONITOR_POWEROFF:
    case MONITOR_EXIT:
    case MONITOR_COMMAND_COUNT: break;
    }
    return MONITOR_DONE;
}

/* Each order is a few lines on the user's console, a crash report perhaps. */
static bool may_order(struct monitor *monitor, struct monitor_error *error)
{
    uint32_t refused;

    if (!monitor_is_order(monitor->request.command) ||
        quota_take(&monitor->orders, MONITOR_ORDERS_MAX, machine_tsc(),
                   MONITOR_ORDERS_SECONDS * monitor_hz(), &refused))
        return true;
    text_format(error->what, MONITOR_ERROR_SIZE, "a manager gives at most %u orders in %u s; wait",
                MONITOR_ORDERS_MAX, MONITOR_ORDERS_SECONDS);
    return false;
}

/* The line as a request that the one who typed it may make. */
static enum monitor_parse_result read_request(struct monitor *monitor,
                                              struct monitor_error *error)
{
    struct monitor_names names = names_of_guests();

    if (monitor->json && monitor->line.cut) {
        text_format(error->what, MONITOR_ERROR_SIZE, "a line has at most %u characters",
                    MONITOR_LINE_MAX);
        return MONITOR_WRONG;
    }
    /* A terminal has echoed an object: an answer to it would come back, too. */
    if (monitor->json && monitor->line.text[0] == '{')
        return MONITOR_EMPTY;
    enum monitor_parse_result result =
        monitor_parse(monitor->line.text, &names, &monitor->request, error);

    if (result == MONITOR_PARSED && monitor->seat == MONITOR_AT_MANAGER &&
        !(monitor_manager_may(&monitor->request, manager_vm()->index, error) &&
          may_order(monitor, error)))
        return MONITOR_WRONG;
    return result;
}

static void enter(struct monitor *monitor)
{
    struct monitor_error error = { .nearest = NULL };

    if (!monitor->json)
        write_line(monitor, "", 0);
    switch (read_request(monitor, &error)) {
    case MONITOR_PARSED:
        monitor->answering = !order(monitor);
        monitor->place = (struct monitor_place){ .stage = 0 };
        break;
    case MONITOR_WRONG: say_error(monitor, &error); break;
    case MONITOR_EMPTY: break;
    }
    monitor_line_next(&monitor->line);
    if (!monitor->answering)
        draw(monitor);
}

/* A letter at the line's end is all there is to draw. */
static void echo(const struct monitor *monitor, uint8_t byte)
{
    if (!monitor->json)
        monitor_seat_write(monitor->seat, (const char *)&byte, 1);
}

static void key(struct monitor *monitor, uint8_t byte)
{
    switch (monitor_line_key(&monitor->line, byte)) {
    case MONITOR_KEY_NOTHING: return;
    case MONITOR_KEY_DRAW: draw(monitor); return;
    case MONITOR_KEY_APPENDED: echo(monitor, byte); return;
    case MONITOR_KEY_ENTER: enter(monitor); return;
    case MONITOR_KEY_COMPLETE:
        if (!monitor->json)
            complete(monitor);
        return;
    case MONITOR_KEY_LEAVE: monitor_seat_leave(monitor->seat); return;
    }
}

/* Of what was typed. While an answer is being made a Ctrl-C alone counts. */
static void read_keys(struct monitor *monitor)
{
    for (unsigned i = 0; i < MONITOR_KEYS_A_VISIT; i++) {
        bool listens = monitor_seat_is_taken(monitor->seat) && !monitor->answering &&
                       has_room(monitor);
        int byte = listens ? monitor_seat_read(monitor->seat) : -1;
        if (byte < 0)
            return;
        key(monitor, (uint8_t)byte);
    }
    monitor_seat_call(monitor->seat); /* there may be more, and nothing else calls */
}

static void stop_answer(struct monitor *monitor)
{
    monitor->answering = false;
    changes_watch(monitor->seat, false);
}

/* There is room: nothing was written since somebody looked. */
static void finish_answer(struct monitor *monitor, bool interrupted)
{
    stop_answer(monitor);
    if (monitor->json)
        say_done(monitor, interrupted);
    draw(monitor);
}

/* True: a line was written. */
static bool answer(struct monitor *monitor)
{
    for (unsigned i = 0; i < STEPS_A_VISIT; i++) {
        struct monitor_text text;
        begin(monitor, &text);
        switch (step(monitor, &text)) {
        case MONITOR_LINE: end(monitor, &text); return true;
        case MONITOR_SKIP: break;
        case MONITOR_WAIT: return false;
        case MONITOR_DONE: finish_answer(monitor, false); return false;
        }
    }
    monitor_seat_call(monitor->seat); /* there may be more, and nothing else calls */
    return false;
}

static void answer_some(struct monitor *monitor)
{
    for (unsigned i = 0; i < MONITOR_LINES_A_VISIT && monitor->answering; i++)
        if (!has_room(monitor) || !answer(monitor))
            return;
    if (monitor->answering && !monitor_seat_calls_back(monitor->seat))
        monitor_seat_call(monitor->seat); /* the wire has taken all at once */
}

static void open(struct monitor *monitor)
{
    monitor->was_open = true;
    monitor->json = false;
    monitor->line.escape = 0;
    draw(monitor);
}

static void serve(struct monitor *monitor)
{
    if (!monitor_seat_is_taken(monitor->seat)) {
        monitor->was_open = false;
        stop_answer(monitor);
        return;
    }
    if (!monitor->was_open && monitor->seat == MONITOR_AT_CONSOLE)
        open(monitor);
    if (monitor->answering && has_room(monitor) && monitor_seat_interrupted(monitor->seat))
        finish_answer(monitor, true);
    read_keys(monitor);
    answer_some(monitor);
    if (!monitor->answering)
        read_keys(monitor);
}

void monitor_service(void)
{
    serve(&sessions[MONITOR_AT_CONSOLE]);
}

static void say_lost(const struct monitor *monitor)
{
    struct monitor_text text;
    uint64_t lost = !monitor->answering && has_room(monitor) ? manager_take_lost() : 0;

    if (lost == 0)
        return;
    begin(monitor, &text);
    if (monitor->json)
        monitor_json_lost(&text.json, "bytes", lost);
    else
        monitor_say(&text, "%llu bytes that you sent were lost: there was no room for them",
                    (unsigned long long)lost);
    end(monitor, &text);
}

/* Nothing is said before something was asked: a guest whose terminal echoes what it
 * reads would answer it. */
void monitor_manager_service(void)
{
    struct monitor *monitor = &sessions[MONITOR_AT_MANAGER];
    struct vm *vm = manager_vm();

    if (monitor->life != manager_lives()) {
        struct quota orders = monitor->orders; /* a new life has no more of them */
        stop_answer(monitor);
        memset(monitor, 0, sizeof *monitor);
        monitor->orders = orders;
        monitor->seat = MONITOR_AT_MANAGER;
        monitor->life = manager_lives();
    }
    serve(monitor);
    say_lost(monitor);
    lock_acquire(&vm->lock);
    uart_refresh(&vm->com2);
    lock_release(&vm->lock);
}
