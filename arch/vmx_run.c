/* SPDX-License-Identifier: MIT
 *
 * What arch/vmx_entry.asm calls besides hv/: a failed entry, a mailbox to serve.
 */
#include "arch/host.h"
#include "arch/host_keyboard.h"
#include "arch/insn.h"
#include "arch/machine_halt.h"
#include "arch/panic.h"
#include "arch/vmcs.h"
#include "arch/vmx.h"
#include "arch/vtd.h"
#include "hv/console.h"
#include "hv/monitor.h"
#include "hv/recorder.h"
#include "hv/vm_life.h"

/* SDM Vol. 3C, 31.4 "VM Instruction Error Numbers": only our own bug leads
 * here, as everything that a guest decides is checked behind the entry. */
void vmx_entry_failed(void)
{
    panic("VM entry failed on CPU %u: VM-instruction error %u", this_cpu()->number,
          vmcs_read_32(VMCS_VM_INSTRUCTION_ERROR));
}

void vmcs_access_refused(uint64_t encoding, const char *instruction)
{
    panic("%s of VMCS field %llx was refused: VM-instruction error %u", instruction,
          (unsigned long long)encoding, vmcs_read_32(VMCS_VM_INSTRUCTION_ERROR));
}

static uint32_t take_requests(struct cpu *cpu)
{
    return atomic_exchange(&cpu->requests, 0);
}

/* And the remapping units, which call as the console does. One CPU only, so that
 * guests which send NMIs to themselves cost no other CPU a wait for a lock. */
static void serve_console(const struct cpu *cpu, uint32_t requests)
{
    if (!(requests & REQUEST_NMI_CAME) || cpu->number != host.console_cpu)
        return;
    console_service();
    monitor_service();
    vtd_serve_faults();
    host_keyboard_report();
}

static void serve_manager(const struct vcpu *vcpu, uint32_t requests)
{
    if (requests & REQUEST_MANAGE && vcpu->state != VCPU_OFF)
        monitor_manager_service();
}

static void stop_if_halted(void)
{
    while (atomic_load(&machine_halted))
        halt();
}

/* Timed apart from the exit that may have led here. */
static void serve(struct cpu *cpu, uint32_t requests)
{
    if (requests == 0)
        return;
    uint64_t began = rdtsc();
    serve_console(cpu, requests);
    serve_manager(cpu->vcpu, requests);
    vcpu_serve(cpu->vcpu, requests);
    recorder_count(&cpu->recorder.times[RECORDER_SERVICE], rdtsc() - began);
}

void cpu_service(void)
{
    struct cpu *cpu = this_cpu();
    struct vcpu *vcpu = cpu->vcpu;
    for (;;) {
        stop_if_halted();
        uint32_t requests = take_requests(cpu);
        serve(cpu, requests);
        if (vcpu_may_run(vcpu))
            return;
        cpu_sleep();
    }
}

void cpu_main(void)
{
    struct cpu *cpu = this_cpu();
    if (atomic_load(&cpu->state) == CPU_READY)
        vmx_enable(cpu);
    if (cpu->vcpu) {
        vmx_prepare_vcpu(cpu);
        cpu_service(); /* until the vCPU is started */
        vmx_loop();
    }
    for (;;) {
        stop_if_halted();
        serve_console(cpu, take_requests(cpu));
        cpu_sleep();
    }
}
