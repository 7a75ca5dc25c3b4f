/* SPDX-License-Identifier: MIT
 *
 * See smp.h. SDM Vol. 3A, 10.4.4.1 "Typical BSP Initialization Sequence".
 */
#include "arch/smp.h"

#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "arch/insn.h"
#include "arch/lapic.h"
#include "arch/paging.h"
#include "arch/spec/cr.h"
#include "arch/time.h"
#include "arch/window.h"

#define INIT_WAIT_US 10000
#define SIPI_WAIT_US 200
#define ANSWER_POLL_US 100
#define ANSWER_POLLS_MAX 2000 /* 200 ms */

extern const uint8_t trampoline_start[], trampoline_end[];
extern const uint8_t trampoline_cr3[], trampoline_efer[], trampoline_stack[], trampoline_cpu[],
    trampoline_entry[];

static _Atomic bool released;
static _Atomic(struct cpu *) answered;

static _Noreturn void smp_ap_main(struct cpu *cpu)
{
    cpu_start(cpu);
    atomic_store(&answered, cpu);
    while (!atomic_load(&released))
        cpu_pause();
    cpu_run();
}

static void set_slot(uint8_t *page, const uint8_t *slot, uint64_t value)
{
    *(uint64_t *)(page + (slot - trampoline_start)) = value;
}

static void fill_trampoline(uint8_t *page, struct cpu *cpu)
{
    copy_bytes(page, trampoline_start, (uint64_t)(trampoline_end - trampoline_start));
    set_slot(page, trampoline_cr3, paging_root());
    set_slot(page, trampoline_efer, EFER_LME | (cpu_features.nx ? EFER_NXE : 0));
    set_slot(page, trampoline_stack, cpu->stack_top);
    set_slot(page, trampoline_cpu, (uint64_t)cpu);
    set_slot(page, trampoline_entry, (uint64_t)smp_ap_main);
}

static bool has_answered(const struct cpu *cpu, unsigned polls)
{
    for (unsigned i = 0; i < polls; i++) {
        if (atomic_load(&answered) == cpu)
            return true;
        wait_us(ANSWER_POLL_US);
    }
    return false;
}

static void start(struct cpu *cpu, hpa_t page)
{
    uint8_t vector = (uint8_t)(page.value >> 12);
    fill_trampoline(window_at(&this_cpu()->windows[WINDOW_COPY], page), cpu);
    lapic_host_send(cpu->apic_id, DELIVERY_INIT, 0);
    wait_us(INIT_WAIT_US);
    lapic_host_send(cpu->apic_id, DELIVERY_STARTUP, vector);
    if (has_answered(cpu, SIPI_WAIT_US / ANSWER_POLL_US))
        return;
    lapic_host_send(cpu->apic_id, DELIVERY_STARTUP, vector);
    (void)has_answered(cpu, ANSWER_POLLS_MAX);
}

void smp_start_all(hpa_t page)
{
    paging_map_trampoline(page);
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpus[i] != this_cpu())
            start(cpus[i], page);
    paging_unmap_trampoline();
}

void smp_release_all(void)
{
    atomic_store(&released, true);
}
