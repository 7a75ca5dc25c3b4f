/* SPDX-License-Identifier: MIT
 *
 * The real machine behind hv/machine.h.
 */
#include "hv/machine.h"

#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "arch/host.h"
#include "arch/insn.h"
#include "arch/lapic.h"
#include "arch/machine_halt.h"
#include "arch/panic.h"
#include "arch/spec/cr.h"
#include "arch/vmx.h"
#include "arch/window.h"
#include "arch/xsave.h"
#include "drivers/power.h"
#include "drivers/serial.h"
#include "hv/vm.h"

void machine_request(unsigned cpu, uint32_t requests)
{
    struct cpu *target = cpus[cpu];
    atomic_fetch_or(&target->requests, requests);
    if (target != this_cpu())
        lapic_host_send(target->apic_id, DELIVERY_NMI, 0);
}

void machine_console_call(void)
{
    machine_request(host.console_cpu, REQUEST_NMI_CAME);
}

void machine_interrupt(unsigned cpu, uint8_t vector)
{
    lapic_host_send(cpus[cpu]->apic_id, DELIVERY_FIXED, vector);
}

/* Every processor with VT-x has CLFLUSH; lines of 64 bytes are the smallest there are. */
void machine_memory_publish(const void *at, size_t bytes)
{
    const uint64_t line = 64;
    uint64_t end = (uint64_t)at + bytes;
    for (uint64_t byte = align_down((uint64_t)at, line); byte < end; byte += line)
        cache_line_flush((const void *)byte);
    fence();
}

void machine_nmi_taken(void)
{
    nmi_unblock();
    atomic_fetch_or(&this_cpu()->requests, REQUEST_NMI_CAME);
}

uint64_t machine_msr_read(enum msr msr) { return rdmsr(msr); }
void machine_msr_write(enum msr msr, uint64_t value) { wrmsr(msr, value); }
void machine_xcr0_write(uint64_t value) { xcr0_write(value); }
void machine_cr2_write(uint64_t value) { cr2_write(value); }
uint64_t machine_dr6_read(void) { return dr6_read(); }
void machine_dr6_write(uint64_t value) { dr6_write(value); }
void machine_xmm_read(unsigned reg, uint8_t to[static MACHINE_XMM_BYTES]) { xmm_read(reg, to); }
void machine_xmm_write(unsigned reg, const uint8_t from[static MACHINE_XMM_BYTES]) { xmm_write(reg, from); }
uint64_t machine_tsc(void) { return rdtsc(); }
void machine_timer_set(uint64_t tsc) { vmx_timer_set(this_cpu(), tsc); }

#define DR6_RESET 0xFFFF0FF0ull

void machine_guest_reset(void)
{
    static const enum msr passed[] = { IA32_STAR, IA32_LSTAR, IA32_CSTAR, IA32_FMASK,
                                       IA32_KERNEL_GS_BASE };
    window_begin(&this_cpu()->vcpu->vm->memory);
    machine_translations_flush();
    machine_interrupts_drain();
    xsave_reset();
    dr_reset();
    dr6_write(DR6_RESET);
    cr2_write(0);
    for (unsigned i = 0; i < sizeof passed / sizeof passed[0]; i++)
        wrmsr(passed[i], 0);
    if (cpu_features.rdtscp)
        wrmsr(IA32_TSC_AUX, 0);
    if (cpu_features.spec_ctrl)
        wrmsr(IA32_SPEC_CTRL, 0);
    if (cpu_features.xsaves)
        wrmsr(IA32_XSS, 0);
}

void machine_translations_flush(void)
{
    vmx_flush_translations(this_cpu());
}

void machine_interrupts_drain(void)
{
    lapic_host_drain();
}

size_t machine_console_write(const uint8_t *bytes, size_t count)
{
    return host.serial_present ? serial_write(bytes, count) : count;
}

int machine_console_read(void)
{
    return host.serial_present ? serial_read() : -1;
}

void machine_console_want_transmit(bool wanted)
{
    if (host.serial_present)
        serial_interrupt_on_transmit(wanted);
}

void machine_console_want_receive(bool wanted)
{
    if (!host.serial_present)
        return;
    serial_receive_pause(!wanted);
    serial_interrupt_on_receive(wanted);
}

void machine_console_acknowledge(void)
{
    if (host.serial_present)
        serial_interrupt_acknowledge();
}

void machine_end(enum machine_end end)
{
    if (host.serial_present)
        serial_finish();
    if (end == MACHINE_POWER_OFF)
        power_off(&host.acpi);
    else
        power_reset(&host.acpi);
    halt_machine(end == MACHINE_POWER_OFF
                 ? "this machine offers no ACPI power-off; it can be switched off now"
                 : "this machine cannot be reset by software; it can be switched off now");
}
