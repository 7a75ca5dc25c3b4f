/* SPDX-License-Identifier: MIT
 *
 * See monitor_json.h.
 */
#include "hv/monitor_json.h"

#include "hv/exit.h"
#include "hv/pci_address.h"
#include "hv/readiness.h"
#include "hv/text.h"
#include "hv/version.h"
#include "hv/vm_life.h"

/* Goes up when a reader of the one before would go wrong. */
#define FORMAT 1u

static void type(struct json *json, const char *name)
{
    json_text(json, "type", name);
}

static void text_or_null(struct json *json, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0')
        json_text(json, key, text);
    else
        json_null(json, key);
}

static void guest(struct json *json, const struct vm *vm)
{
    json_text(json, "guest", vm->config->name);
}

static void vcpu_of(struct json *json, const struct vcpu *vcpu)
{
    guest(json, vcpu->vm);
    json_number(json, "vcpu", vcpu->index);
}

void monitor_json_hello(struct json *json, const struct monitor *monitor)
{
    type(json, "hello");
    json_number(json, "format", FORMAT);
    json_text(json, "version", BULKHEAD_VERSION);
    json_text(json, "seat", monitor->seat == MONITOR_AT_MANAGER ? "manager" : "console");
    text_or_null(json, "token", monitor->request.token);
}

static void done(struct json *json, const struct monitor *monitor)
{
    type(json, "done");
    json_text(json, "command", monitor_rows[monitor->request.command].name);
}

void monitor_json_done(struct json *json, const struct monitor *monitor, bool interrupted)
{
    done(json, monitor);
    if (interrupted)
        json_bool(json, "interrupted", true);
}

void monitor_json_ordered(struct json *json, const struct monitor *monitor, const struct vm *vm,
                          const char *what)
{
    done(json, monitor);
    guest(json, vm);
    json_text(json, "what", what);
}

void monitor_json_error(struct json *json, const struct monitor_error *error)
{
    type(json, "error");
    json_text(json, "what", error->what);
    text_or_null(json, "nearest", error->nearest);
}

void monitor_json_not_in(struct json *json, const struct vm *vm)
{
    const char *state = monitor_state_word(vm);
    struct monitor_error error = { .nearest = NULL };

    text_format(error.what, sizeof error.what, "%s is %s", vm->config->name, state);
    monitor_json_error(json, &error);
    guest(json, vm);
    json_text(json, "state", state);
}

void monitor_json_lost(struct json *json, const char *what, uint64_t count)
{
    type(json, "lost");
    json_text(json, "what", what);
    json_number(json, "count", count);
}

void monitor_json_command(struct json *json, const struct monitor_row *row)
{
    type(json, "command");
    json_text(json, "name", row->name);
    json_text(json, "arguments", monitor_arguments_text(row->arguments));
    json_text(json, "help", row->help);
}

static void names(struct json *json, const char *key, uint32_t guests)
{
    json_array(json, key);
    for (unsigned i = 0; i < vm_count; i++)
        if (guests & 1u << i)
            json_text(json, NULL, vms[i]->config->name);
    json_close(json);
}

static void end_of(struct json *json, const char *key, const struct vm_last *last)
{
    if (last->end == VM_END_NONE) {
        json_null(json, key);
        return;
    }
    json_object(json, key);
    json_text(json, "cause", change_cause_word(last->end));
    text_or_null(json, "reason", last->reason);
    json_number(json, "status", last->status);
    json_close(json);
}

void monitor_json_guest(struct json *json, struct monitor *monitor, const struct vm *vm)
{
    uint64_t now = machine_tsc();

    type(json, "guest");
    json_text(json, "name", vm->config->name);
    json_number(json, "number", vm->index + 1u);
    json_text(json, "state", monitor_state_word(vm));
    json_array(json, "cpus");
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        json_number(json, NULL, vm->vcpus[i]->cpu);
    json_close(json);
    json_number(json, "memory_bytes", vm->memory.bytes);
    json_number(json, "uptime_s", monitor_uptime_seconds(vm, now));
    json_number(json, "exits_a_second", monitor_exits_a_second(monitor, vm, now));
    json_number(json, "starts", vm->starts);
    json_bool(json, "ready", atomic_load(&vm->ready) && atomic_load(&vm->state) == VM_RUNNING);
    json_bool(json, "manager", vm->config->manager);
    names(json, "waits_for", atomic_load(&vm->waits_for) & READINESS_GUESTS);
    end_of(json, "last_end", &vm->last);
}

void monitor_json_partition(struct json *json, const struct vm *vm)
{
    struct restart_rule rule = restart_rule_in_force(&vm->config->restart);

    type(json, "partition");
    guest(json, vm);
    json_hex(json, "memory_base", vm->memory.base.value);
    json_text(json, "kernel", vm->config->kernel);
    json_bool(json, "console", vm->config->console);
    json_text(json, "restart", monitor_policy_word(rule.policy));
    json_number(json, "restart_limit", rule.limit);
    json_number(json, "restart_seconds", rule.seconds);
}

static void left(struct json *json, const char *key, uint64_t until)
{
    if (until == MACHINE_TIMER_OFF)
        json_null(json, key);
    else
        json_number(json, key, monitor_seconds_until(until));
}

void monitor_json_watchdog(struct json *json, const struct vm *vm)
{
    type(json, "watchdog");
    guest(json, vm);
    json_bool(json, "held", vm->watchdog.held);
    left(json, "device_left_s", vm->watchdog.device_until);
    left(json, "console_left_s", vm->watchdog.silence_until);
}

static void owns(struct json *json, const struct vm *vm, const char *what)
{
    type(json, "owns");
    guest(json, vm);
    json_text(json, "what", what);
}

static void owns_function(struct json *json, const struct vm *vm, unsigned number)
{
    char address[PCI_ADDRESS_SIZE];

    pci_address_format(address, vm->config->parts.devices[number].address);
    owns(json, vm, "device");
    json_text(json, "address", address);
}

static void owns_range(struct json *json, const struct vm *vm, const char *what,
                       const struct config_range *range)
{
    owns(json, vm, what);
    json_hex(json, "first", range->first);
    json_hex(json, "last", range->last);
}

bool monitor_json_part(struct json *json, const struct vm *vm, unsigned number)
{
    const struct config_parts *parts = &vm->config->parts;

    if (number < parts->device_count) {
        owns_function(json, vm, number);
        return true;
    }
    number -= parts->device_count;
    if (number < parts->port_count) {
        owns_range(json, vm, "ports", &parts->ports[number]);
        return true;
    }
    number -= parts->port_count;
    if (number < parts->irq_count) {
        owns(json, vm, "irq");
        json_number(json, "irq", parts->irqs[number].irq);
        return true;
    }
    number -= parts->irq_count;
    if (number < parts->mmio_count)
        owns_range(json, vm, "mmio", &parts->mmio[number]);
    return number < parts->mmio_count;
}

void monitor_json_vcpu(struct json *json, const struct vcpu *vcpu, const struct snapshot *s)
{
    type(json, "vcpu");
    vcpu_of(json, vcpu);
    json_number(json, "cpu", vcpu->cpu);
    json_number(json, "exits", recorder_exits(vcpu->recorder));
    if (s == NULL) {
        json_null(json, "registers");
        return;
    }
    json_object(json, "registers");
    json_hex(json, "rip", s->rip);
    json_hex(json, "rsp", s->rsp);
    json_hex(json, "rflags", s->rflags);
    json_hex(json, "cr0", s->cr0);
    json_hex(json, "cr3", s->cr3);
    json_hex(json, "cr4", s->cr4);
    json_hex(json, "efer", s->efer);
    json_hex(json, "cs", s->cs);
    json_hex(json, "cs_base", s->cs_base);
    json_hex(json, "ss", s->ss);
    json_hex(json, "tr", s->tr);
    json_array(json, "gpr"); /* by their numbers; RSP is above */
    for (unsigned i = 0; i < GPR_COUNT; i++)
        json_hex(json, NULL, i == GPR_RSP ? s->rsp : s->gpr[i]);
    json_close(json);
    json_close(json);
}

void monitor_json_exit(struct json *json, const struct vcpu *vcpu, const struct exit_record *record,
                       unsigned back, uint64_t ago_us)
{
    type(json, "exit");
    vcpu_of(json, vcpu);
    json_number(json, "back", back);
    json_number(json, "ago_us", ago_us);
    json_text(json, "reason", monitor_exit_name(record->reason));
    json_hex(json, "rip", record->rip);
    json_hex(json, "qualification", record->qualification);
    json_number(json, "ticks", record->cycles);
}

void monitor_json_denied(struct json *json, const struct vm *vm, enum denied_kind kind,
                         uint64_t where)
{
    type(json, "denied");
    guest(json, vm);
    json_text(json, "access", denied_kind_name(kind));
    json_hex(json, "where", where);
}

void monitor_json_withheld(struct json *json, const struct vm *vm)
{
    type(json, "withheld");
    guest(json, vm);
    json_text(json, "what", "registers and exits");
}

void monitor_json_line(struct json *json, uint64_t number, const char *text)
{
    type(json, "line");
    json_number(json, "number", number);
    json_text(json, "text", text);
}

void monitor_json_exits(struct json *json, const struct vcpu *vcpu, unsigned row)
{
    const struct exit_times *times = &vcpu->recorder->times[row];
    struct exit_summary summary = recorder_summary(times);

    type(json, "exits");
    vcpu_of(json, vcpu);
    json_text(json, "reason", monitor_exit_name(row));
    json_number(json, "count", summary.count);
    json_number(json, "min_ticks", summary.shortest);
    json_number(json, "sum_ticks", summary.sum);
    json_number(json, "max_ticks", summary.longest);
    json_array(json, "histogram"); /* pairs: from 2^first on, so many */
    for (unsigned i = 0; i < RECORDER_BUCKETS; i++) {
        if (times->histogram[i] == 0)
            continue;
        json_array(json, NULL);
        json_number(json, NULL, i);
        json_number(json, NULL, times->histogram[i]);
        json_close(json);
    }
    json_close(json);
}

void monitor_json_function(struct json *json, const struct pci_function *function,
                           const char *owner, bool is_quarantined)
{
    char address[PCI_ADDRESS_SIZE];

    pci_address_format(address, function->address);
    type(json, "device");
    json_text(json, "address", address);
    json_hex(json, "vendor", function->vendor_id);
    json_hex(json, "device", function->device_id);
    json_number(json, "group", function->group);
    text_or_null(json, "owner", owner);
    json_bool(json, "quarantined", is_quarantined);
}

void monitor_json_memory(struct json *json, const struct owned *piece)
{
    type(json, "memory");
    json_hex(json, "base", piece->base);
    json_number(json, "bytes", piece->end - piece->base);
    text_or_null(json, "owner", piece->owner);
}

void monitor_json_bytes(struct json *json, const struct vm *vm, gpa_t from, const uint8_t *bytes,
                        size_t count)
{
    char hex[2 * MONITOR_DUMP_LINE_BYTES + 1] = "";

    for (size_t i = 0; i < count; i++)
        text_format(hex + 2 * i, sizeof hex - 2 * i, "%02x", bytes[i]);
    type(json, "bytes");
    guest(json, vm);
    json_hex(json, "address", from.value);
    text_or_null(json, "hex", hex);
}

void monitor_json_change(struct json *json, uint64_t number, const struct change *change)
{
    struct vm_last end = { change->cause, change->reason, change->status };

    type(json, "change");
    json_number(json, "number", number);
    json_number(json, "time_us", monitor_microseconds(change->tsc));
    guest(json, vms[change->vm]);
    json_text(json, "change", change_word(change->kind));
    end_of(json, "end", &end);
}
