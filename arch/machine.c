/* SPDX-License-Identifier: MIT
 *
 * The real machine behind hv/machine.h.
 */
#include "hv/machine.h"

#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "arch/host.h"
#include "arch/host_keyboard.h"
#include "arch/host_screen.h"
#include "arch/insn.h"
#include "arch/lapic.h"
#include "arch/machine_halt.h"
#include "arch/panic.h"
#include "arch/spec/cr.h"
#include "arch/vmx.h"
#include "arch/vtd.h"
#include "arch/window.h"
#include "arch/xsave.h"
#include "drivers/pci_config.h"
#include "drivers/power.h"
#include "drivers/serial.h"
#include "hv/lock.h"
#include "hv/log.h"
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

/* By ports, configuration space has one register for all CPUs. In memory it needs no
 * lock, and must have none: a function in a reset may keep the CPU that reads it waiting
 * for as long as a second, and that is its owner's. */
static struct lock pci_lock;

uint32_t machine_pci_read(struct pci_address address, unsigned offset, size_t bytes)
{
    bool in_turn = pci_config_takes_turns(address);
    if (in_turn)
        lock_acquire(&pci_lock);
    uint32_t value = pci_config_read(address, offset, (unsigned)bytes);
    if (in_turn)
        lock_release(&pci_lock);
    return value;
}

void machine_pci_write(struct pci_address address, unsigned offset, size_t bytes, uint32_t value)
{
    bool in_turn = pci_config_takes_turns(address);
    if (in_turn)
        lock_acquire(&pci_lock);
    pci_config_write(address, offset, (unsigned)bytes, value);
    if (in_turn)
        lock_release(&pci_lock);
}

static unsigned number_of(const struct pci_function *function)
{
    return (unsigned)(function - host.pci.functions);
}

const char *machine_dma_attach(const struct pci_function *function, unsigned vm)
{
    return vtd_is_on() ? vtd_attach(number_of(function), vm) : NULL;
}

/* The memory stays this VM's, so a request that comes late costs nobody else. */
void machine_dma_detach(const struct pci_function *function)
{
    if (vtd_is_on() && !vtd_detach(number_of(function)))
        log_line(LOG_ERROR, "a device's DMA may still be under way when its guest has ended");
}

bool machine_dma_is_quarantined(const struct pci_function *function)
{
    return vtd_is_on() && vtd_is_quarantined(number_of(function));
}

bool machine_message_allocate(const struct pci_function *function, unsigned count, uint32_t *index)
{
    if (!vtd_is_on())
        return false;
    *index = vtd_interrupts_allocate(number_of(function), count);
    return *index != VTD_NO_INTERRUPT;
}

bool machine_message_set(uint32_t index, unsigned cpu, uint8_t vector,
                         struct machine_message *message)
{
    struct vtd_message named = irte_message(index, false);

    *message = (struct machine_message){ named.address, (uint16_t)named.data };
    return vtd_interrupt_set(index, &(struct vtd_interrupt){
        .apic_id = cpus[cpu]->apic_id, .delivery = DELIVERY_FIXED, .vector = vector });
}

void machine_message_clear(uint32_t index)
{
    if (!vtd_interrupt_clear(index))
        log_line(LOG_ERROR, "an interrupt of a device may come once more");
}

uint32_t machine_port_read(uint16_t port, size_t bytes)
{
    return bytes == 1 ? in8(port) : bytes == 2 ? in16(port) : in32(port);
}

void machine_port_write(uint16_t port, size_t bytes, uint32_t value)
{
    if (bytes == 1)
        out8(port, (uint8_t)value);
    else if (bytes == 2)
        out16(port, (uint16_t)value);
    else
        out32(port, value);
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

/* The screen takes everything, so it shows what the wire took. */
size_t machine_console_write(enum machine_author author, const uint8_t *bytes, size_t count)
{
    size_t taken = host.serial_present ? serial_write(bytes, count) : count;
    host_screen_write(author, bytes, taken);
    return taken;
}

bool machine_console_show(void) { return host_screen_show(); }
void machine_console_new_guest(void) { host_screen_new_guest(); }

int machine_console_read(void)
{
    int byte = host.serial_present ? serial_read() : -1;
    return byte < 0 && host.keyboard_present ? host_keyboard_read() : byte;
}

/* Without a UART there is no interrupt of a transmitter: the console is called
 * again for it, as a CPU is for anything. */
static bool transmit_wanted, receive_unwanted;

void machine_console_want_transmit(bool wanted)
{
    transmit_wanted = wanted;
    if (host.serial_polled)
        return;
    if (host.serial_present)
        serial_interrupt_on_transmit(wanted);
    else if (wanted)
        machine_console_call();
}

/* The keyboard's interrupt is the edge at which its first byte came. */
void machine_console_want_receive(bool wanted)
{
    receive_unwanted = !wanted;
    if (host.serial_present) {
        serial_receive_pause(!wanted);
        if (!host.serial_polled)
            serial_interrupt_on_receive(wanted);
    }
    if (wanted && host.keyboard_present)
        machine_console_call();
}

void machine_console_acknowledge(void)
{
    bool more = !host.serial_present && transmit_wanted;
    if (host.serial_present && !host.serial_polled)
        serial_interrupt_acknowledge();
    if (more || (host.keyboard_present && !receive_unwanted && host_keyboard_waits()))
        machine_console_call();
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
