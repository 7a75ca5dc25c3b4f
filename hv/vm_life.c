/* SPDX-License-Identifier: MIT
 *
 * See vm_life.h.
 */
#include "hv/vm_life.h"

#include "arch/spec/cpuid.h"
#include "hv/assigned.h"
#include "hv/changes.h"
#include "hv/check.h"
#include "hv/console.h"
#include "hv/crash_report.h"
#include "hv/exit_report.h"
#include "hv/guest_acpi.h"
#include "hv/guest_mp_table.h"
#include "hv/guest_ports.h"
#include "hv/log.h"
#include "hv/machine.h"
#include "hv/manager.h"
#include "hv/ports.h"
#include "hv/readiness.h"

struct vm *vms[CONFIG_VMS_MAX];
unsigned vm_count;

/* Looks at a mark that another CPU is in the middle of, which takes a few
 * instructions: seconds, whatever firmware does in between. */
#define MARK_POLLS_MAX (1u << 27)

/* Lines about restarts of a guest. */
#define RESTARTS_TOLD_MAX 10u
#define RESTARTS_TOLD_SECONDS 10u

/* Reports of how it ended by an error, each with a block of lines for a vCPU. More than
 * the limit that holds where the user has set none lets happen. */
#define REPORTS_TOLD_MAX 10u
#define REPORTS_TOLD_SECONDS 60u
_Static_assert(RESTART_LIMIT_OF_CRASHES < REPORTS_TOLD_MAX &&
               RESTART_SECONDS_OF_CRASHES <= REPORTS_TOLD_SECONDS, "none of these is untold");

#define RUN_ENDED "the user ended the run"
#define USER_STOPS "the user's command \"stop\""
#define USER_RESTARTS "the user's command \"restart\""

static enum when_all_stopped when_all_stopped;
static _Atomic unsigned vms_running;
static _Atomic bool any_crashed;
static _Atomic uint32_t exit_status; /* the first of a guest that is not 0 */
/* Somebody ended the run: how the machine ends, whatever the policy. */
enum run_end { RUN_GOES_ON, RUN_POWERS_OFF, RUN_REBOOTS };
static _Atomic enum run_end run_end;
static _Atomic bool machine_ended;

static bool starts_by_itself(const struct vm *vm)
{
    return !vm->config->start_manual && vm->config->after == 0;
}

void vm_life_init(enum when_all_stopped policy)
{
    when_all_stopped = policy;
    for (unsigned i = 0; i < vm_count; i++) {
        readiness_init(vms[i]);
        vms_running += starts_by_itself(vms[i]);
    }
}

static bool mark_end(struct vm *vm, enum vm_end end, const char *reason, uint32_t status);

static void ask_all(const struct vm *vm, uint32_t requests)
{
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        machine_request(vm->vcpus[i]->cpu, requests);
}

static void reset_devices(struct vm *vm)
{
    lock_acquire(&vm->lock);
    readiness_begin(vm);
    uart_init(&vm->com1, vm, GUEST_IRQ_COM1,
              readiness_wants_output(vm) ? UART_WIRE_WATCHED : UART_WIRE_CONSOLE);
    uart_init(&vm->com2, vm, GUEST_IRQ_COM2,
              vm->config->manager ? UART_WIRE_MANAGER : UART_WIRE_NOTHING);
    if (vm->config->manager)
        manager_reset();
    lines_mask_all(vm);
    ioapic_init(&vm->ioapic, (uint8_t)guest_acpi_ioapic_id(vm->vcpu_count));
    pic_init(&vm->pic);
    timers_reset(vm);
    ports_reset(vm);
    i8042_init(&vm->i8042);
    pci_init(&vm->pci);
    if (vm->pci.assigned != NULL)
        assigned_start(vm->pci.assigned);
    lock_release(&vm->lock);
}

static void build_tables(struct vm *vm)
{
    const struct cpuid_registers *told = &vm->cpuid.basic[CPUID_FEATURES];
    const struct guest_mp_processor processor = { told->eax, told->edx };

    struct guest_acpi_pci pci = { .route_count = 0 };

    if (vm->pci.assigned != NULL)
        assigned_describe(vm->pci.assigned, &pci);
    vm->boot.rsdp = guest_acpi_build(&vm->memory, vm->vcpu_count, &pci);
    guest_mp_table_build(&vm->memory, vm->boot.rsdp, processor);
}

void vm_start(struct vm *vm)
{
    reset_devices(vm);
    build_tables(vm);
    vm->entry = guest_kind_load(&vm->memory, &vm->boot, &vm->plan);

    vm->starts++;
    atomic_store(&vm->vcpus_waiting, 0);
    atomic_store(&vm->vcpus_alive, vm->vcpu_count);
    atomic_store(&vm->end_reason, NULL);
    atomic_store(&vm->paused, false);
    atomic_store(&vm->state, VM_RUNNING);
    atomic_store(&vm->end, VM_END_NONE); /* from here on it can end */
    console_vm_started(vm->index);

    if (vm->vcpu_count == 1)
        machine_request(vm->vcpus[0]->cpu, REQUEST_START);
    for (unsigned i = 1; i < vm->vcpu_count; i++)
        machine_request(vm->vcpus[i]->cpu, REQUEST_START);

    /* What ends it may have come while it was between two lives. */
    if (atomic_load(&run_end) != RUN_GOES_ON)
        (void)mark_end(vm, VM_END_POWEROFF, RUN_ENDED, 0);
    else if (atomic_exchange(&vm->stop_asked, false))
        (void)mark_end(vm, VM_END_STOP, USER_STOPS, 0);
}

static void say_wait(const struct vm *vm)
{
    char names[CONFIG_VMS_MAX * (CONFIG_NAME_SIZE + 1)];

    if (readiness_names(vm, names, sizeof names) != 0)
        log_line(LOG_INFO, "%s: waits for %s", vm->config->name, names);
    else
        log_line(LOG_INFO, "%s: waits for \"start %s\" in the monitor", vm->config->name,
                 vm->config->name);
}

unsigned vm_start_all(void)
{
    unsigned started = 0;

    for (unsigned i = 0; i < vm_count; i++) {
        if (!starts_by_itself(vms[i])) {
            say_wait(vms[i]);
            console_vm_stopped(i);
            continue;
        }
        vm_start(vms[i]);
        started++;
    }
    return started;
}

void vm_vcpu_started(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    if (vcpu->index == 0) {
        vm->started_tsc = machine_tsc();
        changes_add(vm, CHANGE_STARTED, VM_END_NONE, NULL);
        readiness_started(vm);
        return;
    }
    if (atomic_fetch_add(&vm->vcpus_waiting, 1) + 1 == vm->vcpu_count - 1)
        machine_request(vm->vcpus[0]->cpu, REQUEST_START);
}

static bool has_report(struct vm *vm, enum vm_end end)
{
    uint64_t period = REPORTS_TOLD_SECONDS * vm->timers.tsc_hz;

    return (end == VM_END_CRASH || end == VM_END_WATCHDOG) &&
           quota_take(&vm->reports_told, REPORTS_TOLD_MAX, machine_tsc(), period,
                      &vm->reports_untold);
}

/* False: it is ending already, for another reason. As soon as `end` is set vCPUs
 * may park, so this CPU is the only one here until the reason is there, and after
 * that it writes nothing: finish() waits for that. */
static bool mark_end(struct vm *vm, enum vm_end end, const char *reason, uint32_t status)
{
    enum vm_end none = VM_END_NONE;
    if (!atomic_compare_exchange_strong(&vm->end, &none, end))
        return false;
    atomic_store(&vm->state, VM_ENDING);
    vm->exit_status = status;
    vm->ended_tsc = machine_tsc();
    changes_add(vm, CHANGE_ENDED, end, reason);
    vm->end_has_report = has_report(vm, end);
    atomic_store(&vm->end_reason, reason);
    ask_all(vm, REQUEST_STOP); /* in a next life this STOP means nothing */
    return true;
}

void vm_end(struct vm *vm, enum vm_end end, const char *reason)
{
    (void)mark_end(vm, end, reason, 0);
}

void vm_exit(struct vm *vm, uint32_t status)
{
    (void)mark_end(vm, VM_END_EXIT, "exit port", status);
}

static void report(struct vcpu *vcpu, const char *reason)
{
    struct vm *vm = vcpu->vm;

    if (!vm->end_has_report)
        return;
    if (vm->reports_untold != 0)
        log_line(LOG_WARNING, "%s: %u reports before this one are not listed", vm->config->name,
                 vm->reports_untold);
    vm->reports_untold = 0;
    crash_report(vcpu, reason);
}

void vm_crash(struct vcpu *vcpu, const char *reason)
{
    if (mark_end(vcpu->vm, VM_END_CRASH, reason, 0))
        report(vcpu, reason);
}

static void say_end(void)
{
    uint32_t status = atomic_load(&exit_status);
    if (atomic_load(&any_crashed))
        log_line(LOG_ERROR, "end: crashed");
    else if (status != 0)
        log_line(LOG_ERROR, "end: status %u", status);
    else
        log_line(LOG_ERROR, "end: ok");
}

static void end_machine(void)
{
    enum run_end end = atomic_load(&run_end);
    bool by_policy = end == RUN_GOES_ON;

    if (by_policy && when_all_stopped == WHEN_ALL_STOPPED_WAIT) {
        log_line(LOG_INFO, "all guests have stopped; Ctrl-] q powers the machine off");
        return;
    }
    if (atomic_exchange(&machine_ended, true))
        return;
    bool power_off = by_policy ? when_all_stopped == WHEN_ALL_STOPPED_POWEROFF
                               : end == RUN_POWERS_OFF;
    say_end();
    console_flush();
    machine_end(power_off ? MACHINE_POWER_OFF : MACHINE_REBOOT);
}

void vm_stop_all(enum machine_end machine_end)
{
    atomic_store(&run_end, machine_end == MACHINE_POWER_OFF ? RUN_POWERS_OFF : RUN_REBOOTS);
    for (unsigned i = 0; i < vm_count; i++)
        if (atomic_load(&vms[i]->state) == VM_RUNNING)
            (void)mark_end(vms[i], VM_END_POWEROFF, RUN_ENDED, 0);
    if (atomic_load(&vms_running) == 0)
        end_machine();
}

bool vm_command_start(struct vm *vm)
{
    if (atomic_load(&vm->state) != VM_STOPPED)
        return false;
    if (atomic_load(&vm->waits_for) & READINESS_HELD)
        (void)vm_release(vm, READINESS_GUESTS);
    else
        machine_request(vm->vcpus[0]->cpu, REQUEST_BEGIN);
    return true;
}

/* Of a guest that resets itself all the time, it is nearly always ending. */
bool vm_command_stop(struct vm *vm)
{
    if (atomic_load(&vm->state) == VM_STOPPED)
        return false;
    if (atomic_load(&vm->state) != VM_RUNNING || !mark_end(vm, VM_END_STOP, USER_STOPS, 0))
        atomic_store(&vm->stop_asked, true);
    return true;
}

bool vm_command_restart(struct vm *vm)
{
    return atomic_load(&vm->state) == VM_RUNNING && mark_end(vm, VM_END_RESTART, USER_RESTARTS, 0);
}

/* If it ends meanwhile the next life begins unpaused, or the pause is of that. */
bool vm_command_pause(struct vm *vm, bool paused)
{
    if (atomic_load(&vm->state) != VM_RUNNING || atomic_exchange(&vm->paused, paused) == paused)
        return false;
    ask_all(vm, REQUEST_LOOK | REQUEST_DEVICES);
    changes_add(vm, paused ? CHANGE_PAUSED : CHANGE_RESUMED, VM_END_NONE, NULL);
    return true;
}

static void count_no_more(void)
{
    if (atomic_fetch_sub(&vms_running, 1) == 1)
        end_machine();
}

/* It is counted before it is released: the guest that it waited for may end at once,
 * and must not be the last then. */
bool vm_release(struct vm *vm, uint32_t guests)
{
    uint32_t for_nobody = READINESS_HELD;

    atomic_fetch_add(&vms_running, 1);
    atomic_fetch_and(&vm->waits_for, ~guests);
    if (!atomic_compare_exchange_strong(&vm->waits_for, &for_nobody, READINESS_RELEASED)) {
        count_no_more();
        return false;
    }
    machine_request(vm->vcpus[0]->cpu, REQUEST_BEGIN);
    return true;
}

/* It counts as running before anybody looks whether none does. */
void vm_begin(struct vm *vm)
{
    if (atomic_load(&vm->state) != VM_STOPPED)
        return;
    if (atomic_exchange(&vm->waits_for, 0) != READINESS_RELEASED)
        atomic_fetch_add(&vms_running, 1);
    atomic_store(&vm->stop_asked, false); /* of the last life */
    if (atomic_load(&run_end) == RUN_GOES_ON)
        vm_start(vm);
    else
        count_no_more();
}

static void zero_memory(const struct vm *vm)
{
    machine_memory_zero(vm->memory.base, vm->memory.bytes);
}

/* Parts of the machine that it owns must not go on for a guest that is no more. A
 * function may take a second for its reset; nothing of the VM runs meanwhile that would
 * need the lock, and the console's CPU, which may be another guest's, could want it. */
static void stop_parts(struct vm *vm)
{
    lock_acquire(&vm->lock);
    lines_mask_all(vm);
    lock_release(&vm->lock);
    if (vm->pci.assigned != NULL)
        assigned_stop(vm->pci.assigned);
}

/* As soon as it is marked the user can start it again. */
static void stopped_for_good(struct vm *vm)
{
    console_vm_stopped(vm->index);
    changes_add(vm, CHANGE_STOPPED, vm->last.end, vm->last.reason);
    atomic_store(&vm->state, VM_STOPPED);
    if (atomic_load(&run_end) == RUN_GOES_ON)
        readiness_say_stopped(vm);
    count_no_more();
}

/* Waits for mark_end() on another CPU. */
static const char *end_reason(const struct vm *vm)
{
    for (unsigned i = 0; i < MARK_POLLS_MAX; i++) {
        const char *reason = atomic_load(&vm->end_reason);
        if (reason != NULL)
            return reason;
        __builtin_ia32_pause();
    }
    CHECK(!"the end of a VM has a reason");
    return NULL;
}

static void end_of_a_crash(const struct vm *vm, const char *reason)
{
    atomic_store(&any_crashed, true);
    log_line(LOG_ERROR, "%s: stopped after an error (%s)", vm->config->name, reason);
    if (!vm->end_has_report)
        log_line(LOG_WARNING, "%s: the latest %u reports, this one among them, are not listed; see "
                 "\"show %s\" in the monitor", vm->config->name, vm->reports_told.refused,
                 vm->config->name);
}

static void end_with_status(const struct vm *vm)
{
    uint32_t status = vm->exit_status;
    uint32_t none = 0;
    if (status != 0)
        (void)atomic_compare_exchange_strong(&exit_status, &none, status);
    log_line(status != 0 ? LOG_ERROR : LOG_INFO, "%s: ended with status %u", vm->config->name,
             status);
}

/* A guest that restarts again and again does not fill the log, nor the ring behind
 * it, which takes lines of all levels. */
static bool restart_is_told(struct vm *vm, uint32_t *untold)
{
    uint64_t period = RESTARTS_TOLD_SECONDS * vm->timers.tsc_hz;
    return quota_take(&vm->restarts_told, RESTARTS_TOLD_MAX, machine_tsc(), period, untold);
}

static void say_restart(const struct vm *vm, const char *reason, uint32_t untold)
{
    if (untold != 0)
        log_line(LOG_WARNING, "%s: %u restarts before this one are not listed", vm->config->name,
                 untold);
    log_line(LOG_INFO, "%s: restarts (%s)", vm->config->name, reason);
}

static void say_stop(const struct vm *vm, enum vm_end end, const char *reason)
{
    if (end == VM_END_CRASH || end == VM_END_WATCHDOG)
        end_of_a_crash(vm, reason);
    else if (end == VM_END_EXIT)
        end_with_status(vm);
    else if (end == VM_END_POWEROFF)
        log_line(LOG_INFO, "%s: powered off (%s)", vm->config->name, reason);
    else
        log_line(LOG_INFO, "%s: stopped (%s)", vm->config->name, reason);
}

/* Instead of a start that is one too many. */
static void end_restarts(const struct vm *vm)
{
    struct restart_rule rule = restart_rule_in_force(&vm->config->restart);

    log_line(LOG_ERROR, "%s: it was restarted %u times within %u s; it stays stopped",
             vm->config->name, rule.limit, rule.seconds);
    if (rule.then != RESTART_THEN_STOP)
        vm_stop_all(rule.then == RESTART_THEN_POWEROFF ? MACHINE_POWER_OFF : MACHINE_REBOOT);
}

static enum restart_decision decide(struct vm *vm, enum vm_end end)
{
    if (atomic_exchange(&vm->stop_asked, false) || atomic_load(&run_end) != RUN_GOES_ON)
        return RESTART_NO;
    return restart_decide(&vm->config->restart, &vm->restarts, end, machine_tsc(),
                          vm->timers.tsc_hz);
}

/* Runs on the CPU of the last vCPU to park. */
static void finish(struct vm *vm)
{
    const char *reason = end_reason(vm);
    enum vm_end end = atomic_load(&vm->end);
    enum restart_decision decision = decide(vm, end);

    vm->last = (struct vm_last){ end, reason, vm->exit_status };
    bool goes_on = decision == RESTART_YES;
    uint32_t untold = 0;
    bool told = !goes_on || restart_is_told(vm, &untold);

    if (told)
        exit_report(vm);
    learn_report(vm, goes_on);
    stop_parts(vm);
    zero_memory(vm);
    if (goes_on) {
        if (told)
            say_restart(vm, reason, untold);
        vm_start(vm);
        return;
    }
    say_stop(vm, end, reason);
    if (decision == RESTART_TOO_OFTEN)
        end_restarts(vm);
    stopped_for_good(vm);
}

/* One behind the other, so that no report is cut in two. */
void vm_vcpu_parks(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;

    if (atomic_load(&vm->end) != VM_END_WATCHDOG || vcpu->state != VCPU_RUNNING)
        return;
    const char *reason = end_reason(vm);
    lock_acquire(&vm->lock);
    report(vcpu, reason);
    lock_release(&vm->lock);
}

void vm_vcpu_parked(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    unsigned before = atomic_fetch_sub(&vm->vcpus_alive, 1);
    CHECK(before > 0);
    if (before == 1)
        finish(vm);
}
