/* SPDX-License-Identifier: MIT
 *
 * See vm_life.h.
 */
#include "hv/vm_life.h"

#include "arch/spec/cpuid.h"
#include "hv/check.h"
#include "hv/console.h"
#include "hv/crash_report.h"
#include "hv/exit_report.h"
#include "hv/guest_acpi.h"
#include "hv/guest_mp_table.h"
#include "hv/guest_ports.h"
#include "hv/log.h"
#include "hv/machine.h"

struct vm *vms[CONFIG_VMS_MAX];
unsigned vm_count;

/* Looks at a mark that another CPU is in the middle of, which takes a few
 * instructions: seconds, whatever firmware does in between. */
#define MARK_POLLS_MAX (1u << 27)

static enum when_all_stopped when_all_stopped;
static _Atomic unsigned vms_running;
static _Atomic bool any_crashed;
static _Atomic uint32_t exit_status; /* the first of a guest that is not 0 */
static _Atomic bool user_ended; /* the user's key: power off, whatever the policy */
static _Atomic bool machine_ended;

void vm_life_init(enum when_all_stopped policy)
{
    when_all_stopped = policy;
    atomic_store(&vms_running, vm_count);
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
    uart_init(&vm->com1, vm, GUEST_IRQ_COM1, UART_WIRE_CONSOLE);
    uart_init(&vm->com2, vm, GUEST_IRQ_COM2, UART_WIRE_NOTHING);
    ioapic_init(&vm->ioapic, (uint8_t)guest_acpi_ioapic_id(vm->vcpu_count));
    pic_init(&vm->pic);
    timers_reset(vm);
    i8042_init(&vm->i8042);
    pci_init(&vm->pci);
    lock_release(&vm->lock);
}

static void build_tables(struct vm *vm)
{
    const struct cpuid_registers *told = &vm->cpuid.basic[CPUID_FEATURES];
    const struct guest_mp_processor processor = { told->eax, told->edx };

    vm->boot.rsdp = guest_acpi_build(&vm->memory, vm->vcpu_count);
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
    atomic_store(&vm->state, VM_RUNNING);
    atomic_store(&vm->end, VM_END_NONE); /* from here on it can end */
    console_vm_started(vm->index);

    if (vm->vcpu_count == 1)
        machine_request(vm->vcpus[0]->cpu, REQUEST_START);
    for (unsigned i = 1; i < vm->vcpu_count; i++)
        machine_request(vm->vcpus[i]->cpu, REQUEST_START);

    /* vm_stop_all() may have looked while this VM was between two lives. */
    if (atomic_load(&user_ended))
        (void)mark_end(vm, VM_END_POWEROFF, "the user ended the run", 0);
}

void vm_vcpu_started(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    if (vcpu->index == 0)
        return;
    if (atomic_fetch_add(&vm->vcpus_waiting, 1) + 1 == vm->vcpu_count - 1)
        machine_request(vm->vcpus[0]->cpu, REQUEST_START);
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

void vm_crash(struct vcpu *vcpu, const char *reason)
{
    if (mark_end(vcpu->vm, VM_END_CRASH, reason, 0))
        crash_report(vcpu, reason);
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
    bool power_off = when_all_stopped == WHEN_ALL_STOPPED_POWEROFF || atomic_load(&user_ended);
    if (when_all_stopped == WHEN_ALL_STOPPED_WAIT && !atomic_load(&user_ended)) {
        log_line(LOG_INFO, "all guests have stopped; Ctrl-] q powers the machine off");
        return;
    }
    if (atomic_exchange(&machine_ended, true))
        return;
    say_end();
    console_flush();
    machine_end(power_off ? MACHINE_POWER_OFF : MACHINE_REBOOT);
}

void vm_stop_all(void)
{
    atomic_store(&user_ended, true);
    for (unsigned i = 0; i < vm_count; i++)
        if (atomic_load(&vms[i]->state) == VM_RUNNING)
            (void)mark_end(vms[i], VM_END_POWEROFF, "the user ended the run", 0);
    if (atomic_load(&vms_running) == 0)
        end_machine();
}

static void zero_memory(const struct vm *vm)
{
    machine_memory_zero(vm->memory.base, vm->memory.bytes);
}

static void stopped_for_good(struct vm *vm)
{
    atomic_store(&vm->state, VM_STOPPED);
    console_vm_stopped(vm->index);
    if (atomic_fetch_sub(&vms_running, 1) == 1)
        end_machine();
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

/* Runs on the CPU of the last vCPU to park. */
static void finish(struct vm *vm)
{
    const char *reason = end_reason(vm);
    enum vm_end end = atomic_load(&vm->end);
    bool restart = end == VM_END_REBOOT && !atomic_load(&user_ended);

    exit_report(vm);
    zero_memory(vm);
    if (restart) {
        log_line(LOG_INFO, "%s: restarts (%s)", vm->config->name, reason);
        vm_start(vm);
        return;
    }
    if (end == VM_END_CRASH)
        end_of_a_crash(vm, reason);
    else if (end == VM_END_EXIT)
        end_with_status(vm);
    else
        log_line(LOG_INFO, "%s: powered off (%s)", vm->config->name, reason);
    stopped_for_good(vm);
}

void vm_vcpu_parked(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    unsigned before = atomic_fetch_sub(&vm->vcpus_alive, 1);
    CHECK(before > 0);
    if (before == 1)
        finish(vm);
}
