/* SPDX-License-Identifier: MIT
 *
 * The monitor's answers about guests: "list", "show" and "dump".
 */
#include "hv/exit.h"
#include "hv/machine.h"
#include "hv/monitor_json.h"
#include "hv/monitor_state.h"
#include "hv/pci_address.h"
#include "hv/readiness.h"
#include "hv/text.h"
#include "hv/vm_life.h"

#define SHOWN_EXITS 8u
#define PATIENCE_SECONDS 2u
#define MICROSECONDS 1000000u /* of a second */

typedef unsigned long long ull;

const char *monitor_state_word(const struct vm *vm)
{
    switch (atomic_load(&vm->state)) {
    case VM_STOPPED:
        return atomic_load(&vm->waits_for) & READINESS_HELD ? "waiting" : "stopped";
    case VM_ENDING: return "ending";
    case VM_RUNNING: break;
    }
    return atomic_load(&vm->paused) ? "paused" : "running";
}

static uint64_t exits_of(const struct vm *vm)
{
    uint64_t exits = 0;

    for (unsigned i = 0; i < vm->vcpu_count; i++)
        exits += recorder_exits(vm->vcpus[i]->recorder);
    return exits;
}

uint64_t monitor_exits_a_second(struct monitor *monitor, const struct vm *vm, uint64_t now)
{
    struct monitor_rate *rate = &monitor->rates[vm->index];
    uint64_t exits = exits_of(vm);
    bool same_life = rate->starts == vm->starts && exits >= rate->exits;
    uint64_t before = same_life ? rate->exits : 0;
    uint64_t ticks = now - (same_life ? rate->tsc : vm->started_tsc);

    *rate = (struct monitor_rate){ exits, now, vm->starts };
    return ticks / 1000 == 0 ? 0 : (exits - before) * (monitor_hz() / 1000) / (ticks / 1000);
}

uint64_t monitor_uptime_seconds(const struct vm *vm, uint64_t now)
{
    bool alive = atomic_load(&vm->state) == VM_RUNNING && now > vm->started_tsc;
    return alive ? (now - vm->started_tsc) / monitor_hz() : 0;
}

#define CPUS_SIZE (CONFIG_VCPUS_MAX * 3)

/* "0,1" */
static const char *cpus_text(char to[static CPUS_SIZE], const struct vm *vm)
{
    size_t length = 0;

    for (unsigned i = 0; i < vm->vcpu_count; i++)
        length += text_format(to + length, CPUS_SIZE - length, "%s%u", i != 0 ? "," : "",
                              vm->vcpus[i]->cpu);
    return to;
}

static void say_waits(struct monitor_text *text, const char *separator, const struct vm *vm)
{
    char names[CONFIG_VMS_MAX * (CONFIG_NAME_SIZE + 1)];

    if (readiness_names(vm, names, sizeof names) != 0)
        monitor_say(text, "%swaits for %s", separator, names);
}

enum monitor_step monitor_list_step(struct monitor *monitor, struct monitor_text *text)
{
    unsigned row = monitor->place.item++;
    uint64_t now = machine_tsc();

    if (row == 0 && monitor->json)
        return MONITOR_SKIP;
    if (row == 0) {
        monitor_say(text, "%-16s %-8s %-12s %8s %9s %10s %8s", "guest", "state", "CPUs", "memory",
                    "uptime", "exits/s", "restarts");
        return MONITOR_LINE;
    }
    if (row > vm_count)
        return MONITOR_DONE;
    const struct vm *vm = vms[row - 1];
    char memory[16], cpus[CPUS_SIZE];
    if (monitor->json) {
        monitor_json_guest(&text->json, monitor, vm);
        return MONITOR_LINE;
    }
    text_bytes(memory, sizeof memory, vm->memory.bytes);
    monitor_say(text, "%-16s %-8s %-12s %8s %8llus %10llu %8u", vm->config->name, monitor_state_word(vm),
                cpus_text(cpus, vm), memory, (ull)monitor_uptime_seconds(vm, now),
                (ull)monitor_exits_a_second(monitor, vm, now),
                vm->starts != 0 ? vm->starts - 1 : 0);
    say_waits(text, "  ", vm);
    return MONITOR_LINE;
}

uint64_t monitor_microseconds(uint64_t ticks)
{
    uint64_t hz = monitor_hz();

    return ticks / hz * MICROSECONDS + ticks % hz * MICROSECONDS / hz;
}

uint64_t monitor_seconds_until(uint64_t tsc)
{
    uint64_t now = machine_tsc();

    return tsc > now ? (tsc - now) / monitor_hz() : 0;
}

const char *monitor_policy_word(enum restart_policy policy)
{
    switch (policy) {
    case RESTART_NEVER: return "never";
    case RESTART_ON_RESET: return "on-reset";
    case RESTART_ON_CRASH: return "on-crash";
    case RESTART_ALWAYS: return "always";
    }
    return "?";
}

static void say_devices(struct monitor_text *text, const struct vm_config *config)
{
    char address[PCI_ADDRESS_SIZE];

    for (unsigned i = 0; i < config->parts.device_count; i++) {
        pci_address_format(address, config->parts.devices[i].address);
        monitor_say(text, "%s %s", i == 0 ? "; devices" : "", address);
    }
}

static void say_left(struct monitor_text *text, const char *what, uint64_t until)
{
    if (until == MACHINE_TIMER_OFF)
        monitor_say(text, "  %s off", what);
    else
        monitor_say(text, "  %s %llu s left", what, (ull)monitor_seconds_until(until));
}

static void say_watchdog(struct monitor_text *text, const struct vm *vm)
{
    monitor_say(text, "  watchdog:");
    if (vm->watchdog.held) {
        monitor_say(text, "  held by the pause");
        return;
    }
    if (vm->config->watchdog)
        say_left(text, "device", vm->watchdog.device_until);
    if (vm->config->silence_seconds != 0)
        say_left(text, "console", vm->watchdog.silence_until);
}

static bool is_watched(const struct vm *vm)
{
    return vm->config->restart.watched && atomic_load(&vm->state) == VM_RUNNING;
}

static enum monitor_step show_partition_json(const struct vm *vm, struct monitor *monitor,
                                             struct monitor_text *text)
{
    unsigned item = monitor->place.item++;

    switch (item) {
    case 0: monitor_json_guest(&text->json, monitor, vm); return MONITOR_LINE;
    case 1: monitor_json_partition(&text->json, vm); return MONITOR_LINE;
    case 2:
        if (!is_watched(vm))
            return MONITOR_SKIP;
        monitor_json_watchdog(&text->json, vm);
        return MONITOR_LINE;
    default:
        return monitor_json_part(&text->json, vm, item - 3) ? MONITOR_LINE : MONITOR_DONE;
    }
}

static void say_times(struct monitor_text *text, unsigned count)
{
    if (count == 1)
        monitor_say(text, "once");
    else
        monitor_say(text, "%u times", count);
}

static enum monitor_step show_partition(const struct vm *vm, struct monitor_place *place,
                                        struct monitor_text *text)
{
    struct restart_rule rule = restart_rule_in_force(&vm->config->restart);
    char memory[16], cpus[CPUS_SIZE];

    switch (place->item++) {
    case 0:
        monitor_say(text, "%s: %s, up %llu s, started ", vm->config->name, monitor_state_word(vm),
                    (ull)monitor_uptime_seconds(vm, machine_tsc()));
        say_times(text, vm->starts);
        if (vm->starts > 1 && vm->started_tsc > vm->ended_tsc)
            monitor_say(text, ", the last time in %llu us",
                        (ull)monitor_microseconds(vm->started_tsc - vm->ended_tsc));
        return MONITOR_LINE;
    case 1:
        text_bytes(memory, sizeof memory, vm->memory.bytes);
        monitor_say(text, "  CPUs %s; memory %s at %llx; kernel %s; %s console",
                    cpus_text(cpus, vm), memory, (ull)vm->memory.base.value, vm->config->kernel,
                    vm->config->console ? "has a" : "no");
        say_devices(text, vm->config);
        return MONITOR_LINE;
    case 2:
    case 3:
        return monitor_say_parts(text, &vm->config->parts, place->item - 3);
    case 4:
        monitor_say(text, "  restarts: %s", monitor_policy_word(rule.policy));
        if (rule.limit != 0)
            monitor_say(text, ", at most %u in %u s", rule.limit, rule.seconds);
        say_waits(text, "; ", vm);
        return MONITOR_LINE;
    case 5:
        if (!is_watched(vm))
            return MONITOR_SKIP;
        say_watchdog(text, vm);
        return MONITOR_LINE;
    default:
        return MONITOR_DONE;
    }
}

static void ask_for_snapshots(struct monitor *monitor, const struct vm *vm)
{
    struct monitor_place *place = &monitor->place;

    for (unsigned i = 0; i < vm->vcpu_count; i++) {
        place->taken[i] = atomic_load(&vm->vcpus[i]->snapshots[monitor->seat].taken);
        snapshot_ask(vm->vcpus[i], monitor->seat);
    }
    place->until = machine_tsc() + PATIENCE_SECONDS * monitor_hz();
}

static const char *vcpu_state_word(const struct vcpu *vcpu)
{
    switch (vcpu->state) {
    case VCPU_OFF: return "off";
    case VCPU_RUNNING: return atomic_load(&vcpu->vm->paused) ? "held by the pause" : "running";
    case VCPU_WAIT_FOR_SIPI: return "waits for a start-up IPI";
    }
    return "?";
}

#define REGISTER_LINES 8u

static const char *const gpr_names[GPR_COUNT] = { "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI",
                                                  "RDI", "R8 ", "R9 ", "R10", "R11", "R12", "R13",
                                                  "R14", "R15" };

static void say_gprs(const struct snapshot *s, unsigned first, struct monitor_text *text)
{
    monitor_say(text, "   ");
    for (unsigned i = first; i < first + 4; i++)
        monitor_say(text, " %s %016llx ", gpr_names[i], (ull)(i == GPR_RSP ? s->rsp : s->gpr[i]));
}

static void say_registers(const struct vcpu *vcpu, const struct snapshot *s, unsigned line,
                          struct monitor_text *text)
{
    if (line == 0)
        monitor_say(text, "  vCPU %u on CPU %u: %s, exits %llu", vcpu->index, vcpu->cpu,
                    vcpu_state_word(vcpu), (ull)recorder_exits(vcpu->recorder));
    else if (line == 1)
        monitor_say(text, "    RIP %016llx  RSP %016llx  RFLAGS %llx", (ull)s->rip, (ull)s->rsp,
                    (ull)s->rflags);
    else if (line < 6)
        say_gprs(s, line * 4 - 8, text);
    else if (line == 6)
        monitor_say(text, "    CR0 %llx  CR3 %llx  CR4 %llx  EFER %llx", (ull)s->cr0, (ull)s->cr3,
                    (ull)s->cr4, (ull)s->efer);
    else
        monitor_say(text, "    CS %x base %llx rights %x  SS %x  TR %x  interruptibility %x  "
                    "activity %u", s->cs, (ull)s->cs_base, s->cs_rights, s->ss, s->tr,
                    s->interruptibility, s->activity);
}

static enum monitor_step show_registers(const struct vm *vm, struct monitor *monitor,
                                        struct monitor_text *text)
{
    struct monitor_place *place = &monitor->place;

    if (place->vcpu == vm->vcpu_count)
        return MONITOR_DONE;
    const struct vcpu *vcpu = vm->vcpus[place->vcpu];
    const struct snapshot *snapshot = &vcpu->snapshots[monitor->seat];
    bool taken = atomic_load(&snapshot->taken) != place->taken[place->vcpu];
    if (!taken && machine_tsc() < place->until)
        return MONITOR_WAIT;
    if (monitor->json) {
        place->vcpu++;
        monitor_json_vcpu(&text->json, vcpu, taken ? snapshot : NULL);
        return MONITOR_LINE;
    }
    if (!taken) {
        place->vcpu++;
        monitor_say(text, "  vCPU %u does not answer", vcpu->index);
        return MONITOR_LINE;
    }
    say_registers(vcpu, snapshot, place->item, text);
    if (++place->item == REGISTER_LINES) {
        place->item = 0;
        place->vcpu++;
    }
    return MONITOR_LINE;
}

static enum monitor_step show_exits(const struct vm *vm, struct monitor *monitor,
                                    struct monitor_text *text)
{
    struct monitor_place *place = &monitor->place;

    if (place->vcpu == vm->vcpu_count)
        return MONITOR_DONE;
    unsigned back = SHOWN_EXITS - 1 - place->item;
    bool there = monitor_say_exit(monitor, text, vm->vcpus[place->vcpu], back);
    if (++place->item == SHOWN_EXITS) {
        place->item = 0;
        place->vcpu++;
    }
    return there ? MONITOR_LINE : MONITOR_SKIP;
}

static enum monitor_step show_denied(const struct vm *vm, struct monitor *monitor,
                                     struct monitor_text *text)
{
    struct monitor_place *place = &monitor->place;
    enum denied_kind kind;
    uint64_t where;

    if (place->item == DENIED_SLOTS)
        return MONITOR_DONE;
    if (!denied_look(&vm->denied, place->item++, &kind, &where))
        return MONITOR_SKIP;
    if (monitor->json)
        monitor_json_denied(&text->json, vm, kind, where);
    else
        monitor_say(text, "  denied: %s %llx", denied_kind_name(kind), (ull)where);
    return MONITOR_LINE;
}

/* What a manager is not shown of others. */
static bool state_is_shown(const struct monitor *monitor, const struct vm *vm)
{
    return monitor->seat != MONITOR_AT_MANAGER || vm == manager_vm();
}

static enum monitor_step leave_state_out(const struct vm *vm, struct monitor *monitor,
                                         struct monitor_text *text)
{
    monitor->place.stage = 3;
    if (monitor->json)
        monitor_json_withheld(&text->json, vm);
    else
        monitor_say(text, "  registers and exits: for the user at the console");
    return MONITOR_LINE;
}

enum monitor_step monitor_show_step(struct monitor *monitor, struct monitor_text *text)
{
    const struct vm *vm = vms[monitor->request.vm];
    struct monitor_place *place = &monitor->place;
    enum monitor_step step = MONITOR_DONE;

    switch (place->stage) {
    case 0:
        step = monitor->json ? show_partition_json(vm, monitor, text)
                             : show_partition(vm, place, text);
        break;
    case 1: step = show_registers(vm, monitor, text); break;
    case 2: step = show_exits(vm, monitor, text); break;
    case 3: step = show_denied(vm, monitor, text); break;
    default: return MONITOR_DONE;
    }
    if (step != MONITOR_DONE)
        return step;
    place->stage++;
    place->item = place->vcpu = 0;
    if (place->stage == 1 && !state_is_shown(monitor, vm))
        return leave_state_out(vm, monitor, text);
    if (place->stage == 1)
        ask_for_snapshots(monitor, vm);
    return MONITOR_SKIP;
}

static char printable(uint8_t byte)
{
    return byte >= ' ' && byte <= '~' ? (char)byte : '.';
}

/* None: there is no memory. */
static void say_bytes(struct monitor_text *text, gpa_t from, const uint8_t *bytes, size_t count)
{
    monitor_say(text, "%012llx ", (ull)from.value);
    if (count == 0) {
        monitor_say(text, " no memory");
        return;
    }
    for (size_t i = 0; i < MONITOR_DUMP_LINE_BYTES; i++)
        if (i < count)
            monitor_say(text, " %02x", bytes[i]);
        else
            monitor_say(text, "   ");
    monitor_say(text, "  ");
    for (size_t i = 0; i < count; i++)
        monitor_say(text, "%c", printable(bytes[i]));
}

enum monitor_step monitor_dump_step(struct monitor *monitor, struct monitor_text *text)
{
    const struct vm *vm = vms[monitor->request.vm];
    uint64_t done = monitor->place.at;
    uint64_t left = monitor->request.length - done;
    size_t count = left < MONITOR_DUMP_LINE_BYTES ? (size_t)left : MONITOR_DUMP_LINE_BYTES;
    uint8_t bytes[MONITOR_DUMP_LINE_BYTES];

    if (left == 0)
        return MONITOR_DONE;
    monitor->place.at += count;
    gpa_t from = GPA(monitor->request.address + done);
    bool there = guest_memory_read(&vm->memory, bytes, from, count);
    if (monitor->json)
        monitor_json_bytes(&text->json, vm, from, bytes, there ? count : 0);
    else
        say_bytes(text, from, bytes, there ? count : 0);
    return MONITOR_LINE;
}
