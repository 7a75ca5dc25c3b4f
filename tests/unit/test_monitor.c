/* SPDX-License-Identifier: MIT
 *
 * hv/monitor*.c on the console, with VMs that do not run: what is typed is
 * answered, however little the wire takes at a time, and a visit is short.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/changes.h"
#include "hv/console.h"
#include "hv/log.h"
#include "hv/manager.h"
#include "hv/monitor.h"
#include "hv/monitor_command.h"
#include "hv/monitor_state.h"
#include "hv/owners.h"
#include "hv/version.h"
#include "hv/vm_life.h"
#include "tests/fake/machine.h"

#define HZ 100000000u
#define BASE GIB(1)
#define VMS 2

static struct vm_config configs[VMS];
static struct vm vm_of[VMS];
static struct vcpu vcpus[VMS][2];
static struct recorder recorders[VMS][2];
static _Alignas(RECORDER_RING_BYTES) uint8_t rings[VMS][2][RECORDER_RING_BYTES];
static uint8_t output[VMS][CONSOLE_OUTPUT_BYTES], input[VMS][CONSOLE_INPUT_BYTES];
static size_t longest_visit; /* bytes */

static void make_vm(unsigned v)
{
    struct vm *vm = &vm_of[v];
    memset(vm, 0, sizeof *vm);
    configs[v] = (struct vm_config){ .console = true };
    snprintf(configs[v].name, sizeof configs[v].name, "guest-%c", 'a' + v);
    strcpy(configs[v].kernel, "vmlinuz");
    vm->config = &configs[v];
    vm->index = v;
    vm->memory = (struct guest_memory)GUEST_MEMORY_COMPACT(BASE + v * MIB(2), MIB(2));
    vm->vcpu_count = 2;
    vm->starts = 1;
    atomic_store(&vm->state, VM_RUNNING);
    timers_init(&vm->timers, HZ);
    denied_init(&vm->denied);
    for (unsigned i = 0; i < 2; i++) {
        memset(rings[v][i], 0, RECORDER_RING_BYTES);
        recorder_reset(&recorders[v][i]);
        vcpus[v][i] = (struct vcpu){ .vm = vm, .index = i, .cpu = v * 2 + i,
                                     .state = VCPU_RUNNING, .recorder = &recorders[v][i],
                                     .exit = (struct exit_record *)rings[v][i] };
        vm->vcpus[i] = &vcpus[v][i];
    }
    vms[v] = vm;
    console_attach(vm, output[v], CONSOLE_OUTPUT_BYTES, input[v], CONSOLE_INPUT_BYTES);
}

static int set_up(void **state)
{
    (void)state;
    fake_reset(BASE, VMS * MIB(2));
    fake.tsc = 10 * (uint64_t)HZ;
    console_init();
    monitor_init(NULL);
    log_code_set("TEST");
    vm_count = VMS;
    for (unsigned v = 0; v < VMS; v++)
        make_vm(v);
    longest_visit = 0;
    monitor_service(); /* closed: forgets an answer */
    return 0;
}

/* The CPUs of guests answer what they are asked. True: the manager's was called. */
static bool serve_requests(void)
{
    bool manages = false;

    for (unsigned i = 0; i < fake.record_count; i++) {
        const struct fake_record *record = &fake.records[i];
        if (record->kind == FAKE_REQUEST && record->value & REQUEST_SNAPSHOT)
            snapshot_take(&vcpus[record->where / 2][record->where % 2]);
        manages |= record->kind == FAKE_REQUEST && record->where == 0 &&
                   record->value & REQUEST_MANAGE;
    }
    fake.record_count = 0;
    return manages;
}

/* Types, and lets the wire take `room` bytes a visit until nothing comes; what was
 * shown is returned. */
static const char *answer(const char *keys, size_t room)
{
    static char shown[sizeof fake.console_output + 1];
    size_t from = fake.console_output_bytes, before;

    memcpy(fake.console_input + fake.console_input_bytes, keys, strlen(keys));
    fake.console_input_bytes += strlen(keys);
    unsigned idle = 0;
    do {
        before = fake.console_output_bytes;
        unsigned calls = fake.console_calls;
        fake.console_room = room;
        console_service();
        size_t served = fake.console_output_bytes;
        monitor_service();
        size_t made = fake.console_output_bytes - served;
        longest_visit = made > longest_visit ? made : longest_visit;
        serve_requests();
        bool quiet = fake.console_output_bytes == before && fake.console_calls == calls;
        idle = quiet ? idle + 1 : 0;
    } while (idle < 3);
    size_t count = fake.console_output_bytes - from;
    memcpy(shown, fake.console_output + from, count);
    shown[count] = '\0';
    return shown;
}

static void has(const char *text, const char *wanted)
{
    if (strstr(text, wanted) == NULL)
        fail_msg("%s is not in: %s", wanted, text);
}

/* As a machine does it: somebody comes for the key, and again only where something
 * calls him. The wire takes all that it is offered. */
static const char *answer_on_calls(const char *key)
{
    static char shown[sizeof fake.console_output + 1];
    size_t from = fake.console_output_bytes;
    unsigned calls = fake.console_calls - 1;

    fake.console_input[fake.console_input_bytes++] = (uint8_t)*key;
    while (fake.console_calls != calls || fake.console_transmit_wanted) {
        calls = fake.console_calls;
        fake.console_room = SIZE_MAX;
        console_service();
        monitor_service();
        serve_requests();
    }
    size_t count = fake.console_output_bytes - from;
    memcpy(shown, fake.console_output + from, count);
    shown[count] = '\0';
    return shown;
}

static const char *order_on_calls(const char *line)
{
    for (; line[1] != '\0'; line++)
        answer_on_calls(line);
    return answer_on_calls(line);
}

static void the_key_opens_it_and_ctrl_d_leaves_it(void **state)
{
    (void)state;
    has(answer("\x1dm", 16), "monitor: \"help\" lists what it knows");
    assert_true(console_monitor_is_open());
    has(answer("\r", 16), "monitor> ");
    has(answer("\x04", 16), "console: guest-a (guest 1)");
    assert_false(console_monitor_is_open());
}

static void help_lists_all_commands(void **state)
{
    (void)state;
    answer("\x1dm", 16);
    const char *text = answer("help\r", 16);
    for (unsigned i = 0; i < MONITOR_COMMAND_COUNT; i++)
        has(text, monitor_rows[i].help);
    has(text, "Ctrl-C ends an answer\r\n");
}

static void list_names_each_guest(void **state)
{
    (void)state;
    answer("\x1dm", 16);
    const char *text = answer("list\r", 16);
    has(text, "guest-a          running  0,1             2 MiB       10s");
    has(text, "guest-b          running  2,3");
    atomic_store(&vm_of[1].state, VM_STOPPED);
    has(answer("list\r", 16), "guest-b          stopped");
    atomic_store(&vm_of[0].paused, true);
    has(answer("list\r", 16), "guest-a          paused");
}

static void show_tells_registers_exits_and_denied_accesses(void **state)
{
    (void)state;
    machine_vmwrite_natural(VMCS_GUEST_RIP, 0x123456789ull);
    vcpus[1][1].gpr[GPR_R15] = 0xFEDCBAull;
    *vcpus[1][0].exit = (struct exit_record){ .rip = 0xABCDE, .reason = 10, .cycles = 77,
                                              .tsc = fake.tsc - HZ };
    atomic_store(&vm_of[1].denied.slots[3], (uint64_t)(DENIED_MSR_READ + 1) << 56 | 0x1AD);
    answer("\x1dm", 16);
    const char *text = answer("show guest-b\r", 16);
    has(text, "guest-b: running, up 10 s, started once\r\n");
    has(text, "vCPU 0 on CPU 2: running");
    has(text, "RIP 0000000123456789");
    has(text, "R15 0000000000fedcba");
    has(text, "vCPU 0    0: -1000000 us CPUID, RIP abcde, qualification 0, 77 ticks");
    has(text, "denied: read of MSR 1ad");
    atomic_store(&vm_of[1].paused, true);
    text = answer("show guest-b\r", 16);
    has(text, "guest-b: paused");
    has(text, "vCPU 0 on CPU 2: held by the pause");
}

static void show_tells_what_is_left_of_the_watchdogs_time(void **state)
{
    (void)state;
    answer("\x1dm", 16);
    assert_null(strstr(answer("show guest-b\r", 16), "watchdog"));
    configs[1].watchdog = configs[1].restart.watched = true;
    configs[1].silence_seconds = 60;
    vm_of[1].watchdog.device_until = fake.tsc + 12 * (uint64_t)HZ;
    vm_of[1].watchdog.silence_until = MACHINE_TIMER_OFF;
    const char *text = answer("show guest-b\r", 16);
    has(text, "  watchdog:  device 12 s left  console off");
    has(text, "on-reset, at most 5 in 60 s");
    vm_of[1].watchdog.silence_until = fake.tsc - 1;
    has(answer("show guest-b\r", 16), "console 0 s left");
    vm_of[1].watchdog.held = true;
    has(answer("show guest-b\r", 16), "  watchdog:  held by the pause");
    atomic_store(&vm_of[1].state, VM_STOPPED);
    assert_null(strstr(answer("show guest-b\r", 16), "watchdog"));
}

static void a_cpu_that_does_not_answer_is_said_so(void **state)
{
    (void)state;
    answer("\x1dm", 16);
    memcpy(fake.console_input + fake.console_input_bytes, "show guest-a\r", 13);
    fake.console_input_bytes += 13;
    for (unsigned i = 0; i < 100; i++) {
        fake.console_room = 100;
        console_service();
        monitor_service();
    }
    fake.tsc += 3 * (uint64_t)HZ;
    fake.record_count = 0;
    has(answer("", 16), "vCPU 1 does not answer");
}

static void dump_shows_memory_and_where_there_is_none(void **state)
{
    (void)state;
    memcpy(fake.memory + MIB(2) + 0x1000, "Bulkhead\x01", 9);
    answer("\x1dm", 16);
    const char *text = answer("dump guest-b 0x1000 20\r", 16);
    has(text, "000000001000  42 75 6c 6b 68 65 61 64 01 00 00 00 00 00 00 00  Bulkhead........\r\n");
    has(text, "000000001010  00 00 00 00                                      ....\r\n");
    has(answer("dump guest-b 0xA0000 1\r", 16), "0000000a0000  no memory");
    has(answer("dump guest-b 0xffffffffffffffff 2\r", 16), "ffffffffffff  no memory");
}

static void orders_reach_one_vm(void **state)
{
    (void)state;
    answer("\x1dm", 16);
    has(answer("pause guest-b\r", 16), "guest-b: paused");
    assert_true(vm_of[1].paused && !vm_of[0].paused);
    has(answer("pause guest-b\r", 16), "guest-b is paused");
    has(answer("resume guest-b\r", 16), "guest-b: goes on");
    has(answer("start guest-a\r", 16), "guest-a is running");
    has(answer("stop guest-a\r", 16), "guest-a: stops");
    assert_int_equal(vm_of[0].end, VM_END_STOP);
    has(answer("restart guest-b\r", 16), "guest-b: restarts");
    assert_int_equal(vm_of[1].end, VM_END_RESTART);
    has(answer("nmi guest-b\r", 16), "guest-b is ending");
    has(answer("console guest-b\r", 16), "console: guest-b (guest 2)");
    assert_false(console_monitor_is_open());
}

static void nothing_waits_for_a_key_to_be_shown(void **state)
{
    (void)state;
    fake.console_room = SIZE_MAX;
    console_use_interrupts();
    has(order_on_calls("\x1dm"), "monitor> ");
    has(order_on_calls("list\r"), "guest-b          running");
    has(order_on_calls("show guest-b\r"), "activity");
    has(order_on_calls("pause guest-b\r"), "guest-b: paused");
    has(order_on_calls("console guest-b\r"), "console: guest-b (guest 2)");
    has(order_on_calls("\x1dm"), "monitor> ");
    has(order_on_calls("\x04"), "console: guest-b (guest 2)");
}

static void the_log_is_told_again_and_by_guest(void **state)
{
    (void)state;
    log_line(LOG_INFO, "guest-a: said this");
    log_line(LOG_DEBUG, "guest-b: said that");
    fake.console_output_bytes = 0;
    answer("\x1dm", 16);
    const char *text = answer("log\r", 16);
    has(text, "guest-a: said this");
    has(text, "guest-b: said that");
    text = answer("log guest-b\r", 16);
    assert_null(strstr(text, "said this"));
    has(text, "said that");
}

static void a_typo_a_tab_and_the_history_help(void **state)
{
    (void)state;
    answer("\x1dm", 16);
    has(answer("lits\r", 16), "did you mean \"list\"?");
    has(answer("sh\tg\tb\r", 16), "guest-b: running");
    has(answer("\x1b[A\r", 16), "guest-b: running");
    assert_string_equal(answer("\x1b[A\x1b[A", 16), "\rmonitor> show guest-b\x1b[K\rmonitor> lits\x1b[K");
    assert_string_equal(answer("\x1b[B", 16), "\rmonitor> show guest-b\x1b[K");
    assert_string_equal(answer("x\x03", 16), "x\rmonitor> \x1b[K");
    assert_string_equal(answer("ab\x1b[Dc", 16),
                        "ab\rmonitor> ab\x1b[K\x1b[1D\rmonitor> acb\x1b[K\x1b[1D");
    answer("\x03", 16);
    has(answer("res\t", 16), "restart  resume");
    answer("\x03", 16);
}

static void a_visit_is_short_and_ctrl_c_ends_an_answer(void **state)
{
    (void)state;
    answer("\x1dm", 16);
    answer("dump guest-a 0x100000 65536", 16);
    longest_visit = 0;
    const char *text = answer("\r", 100000);
    unsigned lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 4096 + 1);
    assert_true(longest_visit < MONITOR_LINES_A_VISIT * 100);
    memcpy(fake.console_input + fake.console_input_bytes, "dump guest-a 0x100000 65536\r\x03", 29);
    fake.console_input_bytes += 29;
    size_t before = fake.console_output_bytes;
    answer("", 16);
    assert_true(fake.console_output_bytes - before < 1000);
}

static void stats_and_trace_tell_what_was_recorded(void **state)
{
    (void)state;
    recorder_count(&recorders[0][0].times[30], 1000);
    for (unsigned i = 0; i < 80; i++)
        recorder_count(&recorders[0][0].times[30], 3000);
    *vcpus[0][1].exit = (struct exit_record){ .rip = 0x77, .reason = RECORDER_UNKNOWN, .tsc = 5 };
    answer("\x1dm", 16);
    const char *text = answer("stats guest-a\r", 16);
    has(text, "guest-a: vCPU 0                       count      min     mean  max ticks\r\n"
              "  I/O instruction                        81     1000     2975       3000\r\n"
              "            512 to 1023                   1 #\r\n"
              "           2048 to 4095                  80 "
              "########################################\r\n"
              "guest-a: vCPU 1 ");
    text = answer("trace guest-a\r", 16);
    has(text, "vCPU 1    0: ");
    assert_null(strstr(text, "gave way"));
    vcpus[0][1].exit->tsc = fake.tsc + 1000; /* it was made while the answer was */
    text = answer("trace guest-a\r", 16);
    has(text, "vCPU 1: 1 more gave way to newer ones meanwhile");
    assert_null(strstr(text, "vCPU 1    0: "));
    has(answer("stats\r", 16), "guest-b: vCPU 1");
}

static void memory_and_devices_are_listed(void **state)
{
    static struct pci_inventory pci = { .count = 1, .functions = { { .vendor_id = 0x8086,
                                                                    .device_id = 0x1237 } } };
    (void)state;
    owners_add(HPA(0x100000), 0x100000, "somebody");
    monitor_init(&pci);
    answer("\x1dm", 16);
    has(answer("memory\r", 16), "000000100000-0000001fffff        1 MiB  somebody");
    has(answer("devices\r", 16), "8086:1237  group 0  nobody\r");
    configs[1].parts.device_count = 1; /* 00:00.0 */
    has(answer("devices\r", 16), "8086:1237  group 0  guest-b\r");
    fake.dma_quarantined = true;
    has(answer("devices\r", 16), "guest-b, quarantined");
    has(answer("show guest-b\r", 16), "console; devices 00:00.0\r");

    configs[0].parts = (struct config_parts){
        .port_count = 2, .ports = { { .first = 0x2F8, .last = 0x2FF }, { .first = 0x70, .last = 0x70 } },
        .irq_count = 1, .irqs = { { .irq = 3 } },
        .mmio_count = 1, .mmio = { { .first = 0xFED00000, .last = 0xFED00FFF } } };
    const char *text = answer("devices\r", 16);
    has(text, "  ports 2f8-2ff 70  interrupts 3  guest-a\r");
    has(text, "  addresses fed00000-fed00fff  guest-a\r");
    text = answer("show guest-a\r", 16);
    has(text, "  ports 2f8-2ff 70  interrupts 3\r");
    has(text, "  addresses fed00000-fed00fff\r");
    configs[0].parts = (struct config_parts){ .irq_count = 1, .irqs = { { .irq = 3 } } };
    text = answer("show guest-a\r", 16);
    has(text, "  interrupts 3\r");
    assert_null(strstr(text, "ports"));
    assert_null(strstr(text, "addresses"));
}

/* guest-a is the manager: writes to its COM2 until all is sent, serves its monitor as its
 * CPU does, and returns what it reads from there. */
static const char *manage(const char *keys)
{
    static char read[1 << 16];
    struct vm *vm = manager_vm();
    size_t length = 0;
    bool called = true;

    while (*keys != '\0' || called) {
        if (*keys != '\0' && uart_read(&vm->com2, 5) & 0x20)
            assert_true(uart_write(&vm->com2, 0, (uint8_t)*keys++));
        called = serve_requests();
        if (called)
            monitor_manager_service();
        while (uart_read(&vm->com2, 5) & 1 && length < sizeof read - 1)
            read[length++] = (char)uart_read(&vm->com2, 0);
    }
    read[length] = '\0';
    return read;
}

static void become_manager(void)
{
    configs[0].manager = true;
    manager_init(&vm_of[0]);
    uart_init(&vm_of[0].com2, &vm_of[0], 3, UART_WIRE_MANAGER);
    fake.record_count = 0;
}

static void a_manager_asks_on_its_com2(void **state)
{
    (void)state;
    become_manager();
    assert_string_equal(manage(""), "");
    has(manage("list\r"), "guest-b          running");
    has(manage("lits\r"), "did you mean \"list\"?");
    has(manage("help\r"), "restart  VM");
    assert_null(strstr(manage("help\r"), "poweroff"));
    has(manage("stats guest-b\r"), "guest-b: vCPU 0");
    has(manage("pause guest-b\r"), "guest-b: paused");
    assert_true(vm_of[1].paused);
    has(manage("pause guest-a\r"), "cannot \"pause\" itself");
    assert_false(vm_of[0].paused);
    has(manage("reboot\r"), "for the user at the console");
    has(manage("stop guest-a\r"), "guest-a: stops");
    assert_int_equal(vm_of[0].end, VM_END_STOP);
    assert_int_equal(fake.console_calls, 0); /* all of it is its own CPU's work */
    assert_int_equal(fake.console_output_bytes, 0);
}

static void a_manager_sees_its_own_registers_and_no_others(void **state)
{
    (void)state;
    become_manager();
    machine_vmwrite_natural(VMCS_GUEST_RIP, 0x123456789ull);
    *vcpus[0][0].exit = (struct exit_record){ .rip = 0xABCDE, .reason = 10, .tsc = 1 };
    *vcpus[1][0].exit = (struct exit_record){ .rip = 0xABCDE, .reason = 10, .tsc = 1 };
    log_line(LOG_INFO, "guest-a: mine");
    log_line(LOG_INFO, "guest-b: not mine");
    log_line(LOG_INFO, "  RAX of somebody");
    const char *text = manage("show guest-a\r");
    has(text, "RIP 0000000123456789");
    has(text, "RIP abcde");
    text = manage("show guest-b\r");
    has(text, "guest-b: running");
    has(text, "registers and exits: for the user at the console");
    assert_null(strstr(text, "RIP"));
    text = manage("log\r");
    has(text, "guest-a: mine");
    assert_null(strstr(text, "guest-b"));
    assert_null(strstr(text, "RAX"));
    has(manage("log guest-b\r"), "a manager may \"log\" itself only");
}

static void a_managers_orders_are_so_many_a_time(void **state)
{
    (void)state;
    become_manager();
    for (unsigned i = 0; i < 10; i++) {
        has(manage("pause guest-b\r"), "paused");
        has(manage("resume guest-b\r"), "goes on");
    }
    has(manage("pause guest-b\r"), "a manager gives at most 20 orders in 10 s; wait");
    assert_false(vm_of[1].paused);
    has(manage("list\r"), "running");
    manager_reset(); /* it may start again as often as it likes */
    has(manage("pause guest-b\r"), "a manager gives at most 20 orders in 10 s; wait");
    assert_false(vm_of[1].paused);
    fake.tsc += 10 * (uint64_t)HZ;
    has(manage("pause guest-b\r"), "paused");
}

static void a_life_of_the_manager_begins_a_session(void **state)
{
    (void)state;
    become_manager();
    manage("list");
    manager_reset();
    has(manage("\r"), "monitor> ");
    assert_null(strstr(manage("\x1b[A\r"), "list"));
}

static void both_sessions_answer_at_the_same_time(void **state)
{
    (void)state;
    become_manager();
    machine_vmwrite_natural(VMCS_GUEST_RIP, 0x123456789ull);
    answer("\x1dm", 16);
    memcpy(fake.console_input + fake.console_input_bytes, "show guest-a\r", 13);
    fake.console_input_bytes += 13;
    console_service();
    monitor_service();
    has(manage("show guest-a\r"), "RIP 0000000123456789");
    has(answer("", 16), "RIP 0000000123456789");
}

/* All that a session says as objects, for test_json_lines.py to read if it asks. */
static void keep(const char *text)
{
    const char *path = getenv("MONITOR_JSON_LINES");
    FILE *file = path != NULL ? fopen(path, "a") : NULL;

    if (file == NULL)
        return;
    fputs(text, file);
    fclose(file);
}

static const char *manage_json(const char *line)
{
    const char *text = manage(line);

    keep(text);
    return text;
}

static void a_program_is_answered_with_objects(void **state)
{
    static struct pci_inventory pci = { .count = 1, .functions = { { .vendor_id = 0x8086,
                                                                    .device_id = 0x1237 } } };
    (void)state;
    monitor_init(&pci);
    owners_add(HPA(0x300000), 0x1000, "a \"quoted\\owner\"");
    become_manager();
    machine_vmwrite_natural(VMCS_GUEST_RIP, 0x123456789ull);
    recorder_count(&recorders[1][0].times[30], 1000);
    *vcpus[0][0].exit = (struct exit_record){ .rip = 0xABCDE, .reason = 10, .tsc = 1 };
    atomic_store(&vm_of[1].denied.slots[3], (uint64_t)(DENIED_MSR_READ + 1) << 56 | 0x1AD);
    vm_of[1].last = (struct vm_last){ VM_END_CRASH, "a \"bad\" \xC3\xA9 \xFF end", 7 };
    has(manage("json on 5eed\n"), "{\"type\":\"hello\",\"format\":1,\"version\":\"" BULKHEAD_VERSION
        "\",\"seat\":\"manager\",\"token\":\"5eed\"}\n{\"type\":\"done\",\"command\":\"json\"}\n");
    has(manage_json("list\n"), "{\"type\":\"guest\",\"name\":\"guest-b\",\"number\":2,\"state\":"
        "\"running\",\"cpus\":[2,3],\"memory_bytes\":2097152,\"uptime_s\":10,");
    has(manage_json("list\r\n"), "\"last_end\":{\"cause\":\"crash\",\"reason\":\"a \\\"bad\\\" "
        "\\u00e9 \\ufffd end\",\"status\":7}}\n{\"type\":\"done\",\"command\":\"list\"}\n");
    has(manage_json("show guest-a\n"), "\"registers\":{\"rip\":\"0x123456789\",");
    has(manage_json("show guest-b\n"), "{\"type\":\"withheld\",\"guest\":\"guest-b\",");
    has(manage_json("show guest-b\n"), "{\"type\":\"denied\",\"guest\":\"guest-b\",\"access\":"
        "\"read of MSR\",\"where\":\"0x1ad\"}");
    has(manage_json("trace guest-a\n"), "\"reason\":\"CPUID\",\"rip\":\"0xabcde\",");
    has(manage_json("stats\n"), "\"count\":1,\"min_ticks\":1000,\"sum_ticks\":1000,\"max_ticks\":1000,"
        "\"histogram\":[[9,1]]}");
    log_line(LOG_INFO, "guest-a: said \"this\\that\" \xE2\x82\xAC \xFE");
    has(manage_json("log\n"), "\"text\":\"guest-a: said \\\"this\\\\that\\\" \\u20ac \\ufffd\"}");
    has(manage_json("devices\n"), "\"vendor\":\"0x8086\",\"device\":\"0x1237\",");
    has(manage_json("memory\n"), "\"owner\":\"a \\\"quoted\\\\owner\\\"\"}");
    has(manage_json("dump guest-a 0x1000 4\n"), "\"address\":\"0x1000\",\"hex\":\"00000000\"}");
    has(manage_json("dump guest-a 0xA0000 4\n"), "\"hex\":null}");
    has(manage_json("help\n"), "{\"type\":\"command\",\"name\":\"list\",\"arguments\":\"\",");
    has(manage_json("lits\n"), "{\"type\":\"error\",\"what\":\"there is no command \\\"lits\\\"; did you "
        "mean \\\"list\\\"?\",\"nearest\":\"list\"}\n");
    has(manage_json("pause guest-b\n"), "{\"type\":\"done\",\"command\":\"pause\",\"guest\":\"guest-b\","
        "\"what\":\"paused\"}\n");
    has(manage_json("pause guest-b\n"), "{\"type\":\"error\",\"what\":\"guest-b is paused\",\"nearest\":null,"
        "\"guest\":\"guest-b\",\"state\":\"paused\"}\n");
    has(manage_json("reboot\n"), "\"what\":\"\\\"reboot\\\" is for the user at the console, not for a "
        "manager\",\"nearest\":null}\n");
    assert_string_equal(manage("\n\r\n \t\n"), "");
    assert_string_equal(manage("{\"type\":\"done\"}\n"), ""); /* an echo */
    has(manage_json("json off\n"), "{\"type\":\"done\",\"command\":\"json\"}\n");
    has(manage("list\n"), "guest-b          paused");
}

static void a_program_is_told_what_a_guest_owns(void **state)
{
    struct config_parts *parts = &configs[1].parts;
    (void)state;
    become_manager();
    manage("json on\n");
    has(manage_json("show guest-b\n"), "\"restart_seconds\":0}\n{\"type\":\"withheld\",");
    parts->device_count = parts->port_count = parts->irq_count = parts->mmio_count = 1;
    parts->devices[0].address = (struct pci_address){ .function = 0x1F << 3 | 2 };
    parts->ports[0] = (struct config_range){ .first = 0x2F8, .last = 0x2FF };
    parts->irqs[0].irq = 3;
    parts->mmio[0] = (struct config_range){ .first = 0xFED00000, .last = 0xFED00FFF };
    configs[1].watchdog = configs[1].restart.watched = true;
    vm_of[1].watchdog.device_until = fake.tsc + 12 * (uint64_t)HZ;
    vm_of[1].watchdog.silence_until = MACHINE_TIMER_OFF;
    has(manage_json("show guest-b\n"),
        "{\"type\":\"watchdog\",\"guest\":\"guest-b\",\"held\":false,\"device_left_s\":12,"
        "\"console_left_s\":null}\n"
        "{\"type\":\"owns\",\"guest\":\"guest-b\",\"what\":\"device\",\"address\":\"00:1f.2\"}\n"
        "{\"type\":\"owns\",\"guest\":\"guest-b\",\"what\":\"ports\",\"first\":\"0x2f8\","
        "\"last\":\"0x2ff\"}\n"
        "{\"type\":\"owns\",\"guest\":\"guest-b\",\"what\":\"irq\",\"irq\":3}\n"
        "{\"type\":\"owns\",\"guest\":\"guest-b\",\"what\":\"mmio\",\"first\":\"0xfed00000\","
        "\"last\":\"0xfed00fff\"}\n{\"type\":\"withheld\",");
}

static void a_line_that_was_cut_is_no_command(void **state)
{
    char line[200] = "stop guest-b";
    (void)state;
    become_manager();
    manage("json on\n");
    memset(line + 12, ' ', 150);
    strcpy(line + 150, "x\n");
    has(manage_json(line), "{\"type\":\"error\",\"what\":\"a line has at most 120 characters\",");
    assert_int_equal(vm_of[1].state, VM_RUNNING);
    has(manage_json("nmi guest-b\n"), "\"done\"");
}

static void the_longest_objects_fit(void **state)
{
    static char name[CONFIG_NAME_SIZE];
    char text[200];
    (void)state;
    become_manager();
    memset(name, 'n', sizeof name - 1);
    strcpy(configs[0].name, name);
    for (unsigned i = 0; i < GPR_COUNT; i++)
        vcpus[0][0].gpr[i] = UINT64_MAX - i;
    for (unsigned field = 0; field < 0x7000; field++) {
        if (field >= 0x6800)
            machine_vmwrite_natural((enum vmcs_field_natural)field, UINT64_MAX);
    }
    for (unsigned i = 0; i < RECORDER_BUCKETS; i++)
        recorders[0][0].times[30].histogram[i] = UINT64_MAX / 2 + i;
    memset(text, 0xFF, sizeof text);
    memcpy(text, name, sizeof name - 1);
    text[sizeof name - 1] = ':';
    text[sizeof text - 1] = '\0';
    log_line(LOG_INFO, "%s", text);
    manage("json on\n");
    snprintf(text, sizeof text, "show %s\n", name);
    has(manage_json(text), "\"registers\":{");
    snprintf(text, sizeof text, "stats %s\n", name);
    has(manage_json(text), "[31,");
    has(manage_json("log\n"), "\\ufffd\\ufffd\\ufffd");
    assert_null(strstr(manage("list\n"), "longer than a line"));
}

/* A guest may print the same: only what is behind the code is the hypervisor's. */
static void on_the_console_objects_are_lines_of_the_hypervisor(void **state)
{
    (void)state;
    answer("\x1dm", 16);
    const char *text = answer("json on n0nce\r", 16);
    has(text, "[bulkhead TEST] {\"type\":\"hello\",");
    has(text, "\"seat\":\"console\",\"token\":\"n0nce\"}\r\n");
    text = answer("list\r", 16);
    has(text, "[bulkhead TEST] {\"type\":\"guest\",\"name\":\"guest-a\",");
    has(text, "[bulkhead TEST] {\"type\":\"done\",\"command\":\"list\"}\r\n");
    assert_null(strstr(text, "monitor>"));
    assert_string_equal(answer("a\x08\t", 16), "");
    size_t first = fake.console_output_bytes;
    answer("dump guest-a 0x1000 64\r", 7);
    for (size_t i = first; i < fake.console_output_bytes; i++)
        assert_int_equal(fake.console_authors[i], MACHINE_HYPERVISOR);
    has(answer("exit\r", 16), "[bulkhead TEST] {\"type\":\"done\",\"command\":\"exit\"}\r\n");
    assert_false(console_monitor_is_open());
    answer("\x1dm", 16); /* and who comes next is no program */
    has(answer("list\r", 16), "guest-b          running");
}

static void times_are_right_after_years(void **state)
{
    uint64_t ten_years = 10ull * 365 * 24 * 60 * 60;

    (void)state;
    assert_int_equal(monitor_microseconds(HZ / 2), 500000);
    timers_init(&vm_of[0].timers, 4000000007);
    assert_int_equal(monitor_microseconds(4000000007 * ten_years + 2000000004),
                     ten_years * 1000000 + 500000);
}

static void a_watcher_is_told_of_each_change(void **state)
{
    (void)state;
    become_manager();
    manage("json on\n");
    assert_string_equal(manage_json("watch\n"), "");
    has(manage_json(""), "");
    vm_command_pause(&vm_of[1], true);
    const char *text = manage_json("");
    has(text, "\"guest\":\"guest-b\",\"change\":\"paused\",\"end\":null}\n");
    vm_end(&vm_of[1], VM_END_POWEROFF, "ACPI \"S5\"");
    has(manage_json(""), "\"change\":\"ended\",\"end\":{\"cause\":\"poweroff\",\"reason\":\"ACPI \\\"S5\\\"\","
        "\"status\":0}}\n");
    for (unsigned i = 0; i < CHANGES_KEPT + 5; i++)
        changes_add(&vm_of[1], CHANGE_READY, VM_END_NONE, NULL);
    has(manage_json(""), "{\"type\":\"lost\",\"what\":\"changes\",\"count\":5}\n");
    has(manage_json("list\x03"), "{\"type\":\"done\",\"command\":\"watch\",\"interrupted\":true}\n");
    changes_add(&vm_of[1], CHANGE_READY, VM_END_NONE, NULL);
    assert_int_equal(fake.record_count, 0); /* nobody is called any more */
    assert_string_equal(manage(""), "");
    answer("\x1dm", 16);
    answer("watch\r", 16);
    unsigned calls = fake.console_calls;
    vm_end(&vm_of[0], VM_END_CRASH, "triple fault");
    assert_int_equal(fake.console_calls, calls + 1);
    has(answer("", 16), "guest-a: ended (crash: triple fault)");
    has(answer("\x03", 16), "monitor> ");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_key_opens_it_and_ctrl_d_leaves_it),
        TEST(help_lists_all_commands),
        TEST(list_names_each_guest),
        TEST(show_tells_registers_exits_and_denied_accesses),
        TEST(show_tells_what_is_left_of_the_watchdogs_time),
        TEST(a_cpu_that_does_not_answer_is_said_so),
        TEST(dump_shows_memory_and_where_there_is_none),
        TEST(orders_reach_one_vm),
        TEST(nothing_waits_for_a_key_to_be_shown),
        TEST(the_log_is_told_again_and_by_guest),
        TEST(a_typo_a_tab_and_the_history_help),
        TEST(a_visit_is_short_and_ctrl_c_ends_an_answer),
        TEST(stats_and_trace_tell_what_was_recorded),
        TEST(memory_and_devices_are_listed),
        TEST(a_manager_asks_on_its_com2),
        TEST(a_manager_sees_its_own_registers_and_no_others),
        TEST(a_managers_orders_are_so_many_a_time),
        TEST(a_life_of_the_manager_begins_a_session),
        TEST(both_sessions_answer_at_the_same_time),
        TEST(a_program_is_answered_with_objects),
        TEST(a_program_is_told_what_a_guest_owns),
        TEST(a_line_that_was_cut_is_no_command),
        TEST(the_longest_objects_fit),
        TEST(on_the_console_objects_are_lines_of_the_hypervisor),
        TEST(times_are_right_after_years),
        TEST(a_watcher_is_told_of_each_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
