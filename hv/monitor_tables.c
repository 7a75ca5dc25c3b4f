/* SPDX-License-Identifier: MIT
 *
 * The monitor's answers that are tables: "help", "log", "stats", "trace",
 * "devices", "memory" and "watch".
 */
#include "hv/exit.h"
#include "hv/inventory_print.h"
#include "hv/log_ring.h"
#include "hv/machine.h"
#include "hv/monitor_json.h"
#include "hv/monitor_state.h"
#include "hv/owners.h"
#include "hv/pci_address.h"
#include "hv/pci_class.h"
#include "hv/text.h"
#include "hv/vm_life.h"

typedef unsigned long long ull;

enum monitor_step monitor_help_step(struct monitor *monitor, struct monitor_text *text)
{
    unsigned number = monitor->place.item++;
    bool is_manager = monitor->seat == MONITOR_AT_MANAGER;

    if (number == MONITOR_COMMAND_COUNT && !monitor->json) {
        monitor_say(text, "Tab completes, Up and Down go through earlier lines, Ctrl-C ends an answer");
        return MONITOR_LINE;
    }
    if (number >= MONITOR_COMMAND_COUNT)
        return MONITOR_DONE;
    const struct monitor_row *row = &monitor_rows[number];
    if (is_manager && row->right == MANAGER_MAY_NOT)
        return MONITOR_SKIP;
    if (monitor->json)
        monitor_json_command(&text->json, row);
    else
        monitor_say(text, "  %-8s %-12s %s%s", row->name, monitor_arguments_text(row->arguments),
                row->help, is_manager && row->right == MANAGER_ITSELF ? "; itself only" : "");
    return MONITOR_LINE;
}

/* Lines of a guest begin with its name. */
static bool is_about(const char *line, const struct vm *vm)
{
    size_t length = strlen(vm->config->name);

    return strlen(line) > length && memcmp(line, vm->config->name, length) == 0 &&
           line[length] == ':';
}

/* `at` is the number of the next line, from the first that is still there on. */
enum monitor_step monitor_log_step(struct monitor *monitor, struct monitor_text *text)
{
    struct monitor_place *place = &monitor->place;
    unsigned vm = monitor->request.vm;
    uint64_t next = log_ring_next();
    uint64_t first = next > LOG_RING_LINES ? next - LOG_RING_LINES : 0;
    char line[LOG_RING_TEXT];

    if (place->stage == 0) {
        place->stage = 1;
        place->until = next; /* what comes meanwhile is another answer's */
    }
    if (place->at < first) {
        if (monitor->json)
            monitor_json_lost(&text->json, "lines", first - place->at);
        else
            monitor_say(text, "(%llu lines before this are lost)", (ull)(first - place->at));
        place->at = first;
        return MONITOR_LINE;
    }
    if (place->at >= place->until)
        return MONITOR_DONE;
    uint64_t number = place->at++;
    if (!log_ring_read(number, line) || (vm != MONITOR_ANY_VM && !is_about(line, vms[vm])))
        return MONITOR_SKIP;
    if (monitor->json)
        monitor_json_line(&text->json, number, line);
    else
        monitor_say(text, "%5llu %s", (ull)number, line);
    return MONITOR_LINE;
}

const char *monitor_exit_name(unsigned row)
{
    return row == RECORDER_SERVICE ? "calls by other CPUs"
           : row == RECORDER_UNKNOWN ? "unknown"
                                     : exit_reason_name(row);
}

/* The bar of the largest bucket of a histogram. */
static const char bar[] = "########################################";

static uint64_t most_of(const struct exit_times *times)
{
    uint64_t most = 1;

    for (unsigned i = 0; i < RECORDER_BUCKETS; i++)
        if (times->histogram[i] > most)
            most = times->histogram[i];
    return most;
}

/* The next bucket, from `from` on, that has any: its ticks, how many, and a bar, which is
 * never nothing. Returns one more than where to go on, or 0 if there is none. */
static unsigned say_bucket(struct monitor_text *text, const struct exit_times *times, unsigned from)
{
    for (unsigned i = from; i < RECORDER_BUCKETS; i++) {
        uint64_t count = times->histogram[i], most = most_of(times);
        if (count == 0)
            continue;
        uint64_t length = (count * (sizeof bar - 1) + most - 1) / most;
        monitor_say(text, "  %13llu to %-11llu %12llu %.*s", 1ull << i, (2ull << i) - 1,
                    (ull)count, (int)length, bar);
        return i + 2;
    }
    return 0;
}

static enum monitor_step stats_row(const struct vcpu *vcpu, struct monitor *monitor,
                                   struct monitor_text *text)
{
    struct monitor_place *place = &monitor->place;
    const struct exit_times *times = &vcpu->recorder->times[place->item];
    struct exit_summary summary = recorder_summary(times);

    if (summary.count == 0) {
        place->item++;
        return MONITOR_SKIP;
    }
    if (monitor->json) {
        monitor_json_exits(&text->json, vcpu, place->item++);
        return MONITOR_LINE;
    }
    if (place->stage > 0) {
        place->stage = say_bucket(text, times, place->stage - 1);
        if (place->stage > 0)
            return MONITOR_LINE;
        place->item++;
        return MONITOR_SKIP;
    }
    place->stage = 1;
    monitor_say(text, "  %-28s %12llu %8u %8llu %10u", monitor_exit_name(place->item), (ull)summary.count,
                summary.shortest, (ull)(summary.sum / summary.count), summary.longest);
    return MONITOR_LINE;
}

/* `at`: the vCPU's headline was written; `stage`: so was a reason's, and it is one more
 * than the next bucket. */
enum monitor_step monitor_stats_step(struct monitor *monitor, struct monitor_text *text)
{
    struct monitor_place *place = &monitor->place;
    unsigned only = monitor->request.vm;

    if (place->vm >= vm_count)
        return MONITOR_DONE;
    const struct vm *vm = vms[place->vm];
    if (place->vcpu == vm->vcpu_count || (only != MONITOR_ANY_VM && only != place->vm)) {
        place->vm++;
        place->vcpu = 0;
        return MONITOR_SKIP;
    }
    if (place->at == 0) {
        place->at = 1;
        if (monitor->json)
            return MONITOR_SKIP;
        char who[CONFIG_NAME_SIZE + 16];
        text_format(who, sizeof who, "%s: vCPU %u", vm->config->name, place->vcpu);
        monitor_say(text, "%-30s %12s %8s %8s %10s", who, "count", "min", "mean", "max ticks");
        return MONITOR_LINE;
    }
    if (place->item < RECORDER_ROWS)
        return stats_row(vm->vcpus[place->vcpu], monitor, text);
    place->vcpu++;
    place->item = 0;
    place->at = 0;
    return MONITOR_SKIP;
}

bool monitor_say_exit(struct monitor *monitor, struct monitor_text *text,
                      const struct vcpu *vcpu, unsigned back)
{
    struct monitor_place *place = &monitor->place;
    struct exit_record record;

    if (place->item == 0) {
        place->last = recorder_last(vcpu);
        place->asked = machine_tsc();
    }
    if (!recorder_look(place->last, back, &record))
        return false;
    if (record.tsc > place->asked) {
        place->overwritten++;
        return false;
    }
    uint64_t ago = monitor_microseconds(place->asked - record.tsc);
    if (monitor->json)
        monitor_json_exit(&text->json, vcpu, &record, back, ago);
    else
        monitor_say(text, "  vCPU %u %4u: -%llu us %s, RIP %llx, qualification %llx, %u ticks",
                vcpu->index, back, (ull)ago,
                monitor_exit_name(record.reason), (ull)record.rip, (ull)record.qualification,
                record.cycles);
    return true;
}

/* A guest that runs may make exits faster than the wire takes them. A program sees it
 * by their numbers. */
static enum monitor_step end_trace(struct monitor *monitor, struct monitor_text *text)
{
    struct monitor_place *place = &monitor->place;
    unsigned vcpu = place->vcpu++, overwritten = place->overwritten;

    place->item = 0;
    place->overwritten = 0;
    if (overwritten == 0 || monitor->json)
        return MONITOR_SKIP;
    monitor_say(text, "  vCPU %u: %u more gave way to newer ones meanwhile; of a paused guest all are "
                "shown", vcpu, overwritten);
    return MONITOR_LINE;
}

/* Oldest first. */
enum monitor_step monitor_trace_step(struct monitor *monitor, struct monitor_text *text)
{
    struct monitor_place *place = &monitor->place;
    const struct vm *vm = vms[monitor->request.vm];

    if (place->vcpu == vm->vcpu_count)
        return MONITOR_DONE;
    if (place->item == RECORDER_SHOWN_MAX)
        return end_trace(monitor, text);
    unsigned back = RECORDER_SHOWN_MAX - 1 - place->item;
    bool there = monitor_say_exit(monitor, text, vm->vcpus[place->vcpu], back);
    place->item++;
    return there ? MONITOR_LINE : MONITOR_SKIP;
}

static const char *owner_of(struct pci_address address)
{
    for (unsigned i = 0; i < vm_count; i++)
        for (unsigned j = 0; j < vms[i]->config->parts.device_count; j++)
            if (pci_same_address(vms[i]->config->parts.devices[j].address, address))
                return vms[i]->config->name;
    return NULL;
}

/* Each guest's, in two lines. */
static enum monitor_step other_parts_row(unsigned row, struct monitor_text *text)
{
    if (row / 2 >= vm_count)
        return MONITOR_DONE;
    const struct vm_config *config = vms[row / 2]->config;
    enum monitor_step step = monitor_say_parts(text, &config->parts, row % 2);
    if (step == MONITOR_LINE)
        monitor_say(text, "  %s", config->name);
    return step;
}

enum monitor_step monitor_devices_step(struct monitor *monitor, struct monitor_text *text)
{
    unsigned row = monitor->place.item++;
    unsigned functions = monitor_pci != NULL ? monitor_pci->count : 0;

    if (row == 0 && monitor->json)
        return MONITOR_SKIP;
    if (row == 0) {
        monitor_say(text, "the console's UART and the IOAPICs: the hypervisor's");
        return MONITOR_LINE;
    }
    if (row > functions && monitor->json)
        return MONITOR_DONE;
    if (row > functions)
        return other_parts_row(row - functions - 1, text);
    const struct pci_function *function = &monitor_pci->functions[row - 1];
    const char *owner = owner_of(function->address);
    bool is_quarantined = machine_dma_is_quarantined(function);
    if (monitor->json) {
        monitor_json_function(&text->json, function, owner, is_quarantined);
        return MONITOR_LINE;
    }
    char address[PCI_ADDRESS_SIZE];
    pci_address_format(address, function->address);
    monitor_say(text, "%s  %04x:%04x  group %u  %s%s", address, function->vendor_id,
                function->device_id, function->group, owner != NULL ? owner : "nobody",
                is_quarantined ? ", quarantined" : "");
    return MONITOR_LINE;
}

enum monitor_step monitor_memory_step(struct monitor *monitor, struct monitor_text *text)
{
    struct owned piece;
    char size[16];

    if (!owners_next(monitor->place.at, &piece)) {
        if (monitor->place.stage++ != 0 || owners_omitted() == 0)
            return MONITOR_DONE;
        if (monitor->json)
            monitor_json_lost(&text->json, "pieces", owners_omitted());
        else
            monitor_say(text, "(%u pieces are not listed)", owners_omitted());
        return MONITOR_LINE;
    }
    monitor->place.at = piece.end;
    if (monitor->json) {
        monitor_json_memory(&text->json, &piece);
        return MONITOR_LINE;
    }
    text_bytes(size, sizeof size, piece.end - piece.base);
    monitor_say(text, "%012llx-%012llx %12s  %s", (ull)piece.base, (ull)piece.end - 1, size,
                piece.owner != NULL ? piece.owner : "free");
    return MONITOR_LINE;
}

static void say_change(struct monitor_text *text, const struct change *change)
{
    monitor_say(text, "%s: %s", vms[change->vm]->config->name, change_word(change->kind));
    if (change->cause != VM_END_NONE)
        monitor_say(text, " (%s: %s)", change_cause_word(change->cause), change->reason);
}

/* From now on, and without an end. `at` is the number of the next change. */
enum monitor_step monitor_watch_step(struct monitor *monitor, struct monitor_text *text)
{
    struct monitor_place *place = &monitor->place;
    struct change change;

    if (place->stage == 0) {
        place->stage = 1;
        changes_watch(monitor->seat, true);
        place->at = changes_next();
    }
    uint64_t next = changes_next();
    uint64_t first = next > CHANGES_KEPT ? next - CHANGES_KEPT : 0;
    if (place->at < first) {
        if (monitor->json)
            monitor_json_lost(&text->json, "changes", first - place->at);
        else
            monitor_say(text, "(%llu changes before this are lost)", (ull)(first - place->at));
        place->at = first;
        return MONITOR_LINE;
    }
    if (!changes_read(place->at, &change))
        return MONITOR_WAIT;
    if (monitor->json)
        monitor_json_change(&text->json, place->at, &change);
    else
        say_change(text, &change);
    place->at++;
    return MONITOR_LINE;
}
