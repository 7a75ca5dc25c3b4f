/* SPDX-License-Identifier: MIT
 *
 * See cpu.h.
 */
#include "arch/cpu.h"

#include "arch/arena.h"
#include "arch/cpu_features.h"
#include "arch/cpu_identity.h"
#include "arch/descriptors.h"
#include "arch/host.h"
#include "arch/insn.h"
#include "arch/lapic.h"
#include "arch/layout.h"
#include "arch/mtrr.h"
#include "arch/paging.h"
#include "arch/vmx.h"
#include "arch/window.h"
#include "hv/check.h"

_Static_assert(offsetof(struct cpu, vcpu) == 8, "CPU_VCPU in arch/vmx_entry.asm");
_Static_assert(offsetof(struct cpu, requests) == 16, "CPU_REQUESTS in arch/*.asm");
_Static_assert(offsetof(struct cpu, stack_top) == 24, "CPU_STACK_TOP in arch/vmx_entry.asm");
_Static_assert(offsetof(struct cpu, recorder) == 32, "CPU_TIMES in arch/vmx_entry.asm");
_Static_assert(offsetof(struct vcpu, launched) == 128, "LAUNCHED in arch/vmx_entry.asm");
_Static_assert(offsetof(struct vcpu, exit) == 136, "EXIT in arch/vmx_entry.asm");
_Static_assert(offsetof(struct exit_record, rip) == 0 && offsetof(struct exit_record, qualification) == 8
               && offsetof(struct exit_record, reason) == 16
               && offsetof(struct exit_record, cycles) == 20
               && offsetof(struct exit_record, tsc) == 24, "RECORD_... in arch/vmx_entry.asm");
_Static_assert(offsetof(struct exit_times, excess) == 0 && offsetof(struct exit_times, shortest) == 8
               && offsetof(struct exit_times, span) == 12
               && offsetof(struct exit_times, histogram) == 16, "TIMES_... in arch/vmx_entry.asm");
_Static_assert(VERDICT_RESUME == 0 && VERDICT_ADVANCE == 1, "VERDICT_... in arch/vmx_entry.asm");
_Static_assert(REQUEST_NMI_CAME == 1, "REQUEST_NMI_CAME in arch/exception_entry.asm");
_Static_assert(REQUEST_TIMER == 64, "REQUEST_TIMER in arch/vmx_entry.asm");

struct cpu *cpus[CPUS_MAX];
unsigned cpu_count;

/* Three stacks, an unmapped page below each; the first one's top is returned,
 * the others' follow at STACK_STRIDE. */
static uint64_t map_stacks(unsigned number)
{
    uint64_t slot = STACK_VIRTUAL + number * STACKS_PER_CPU * STACK_STRIDE;
    for (unsigned i = 0; i < STACKS_PER_CPU; i++) {
        hpa_t memory = arena_hpa(arena_take(STACK_BYTES, PAGE_SIZE_4K));
        uint64_t bottom = slot + i * STACK_STRIDE + PAGE_SIZE_4K;
        paging_map(bottom, memory, STACK_BYTES, PAGE_READ_WRITE);
    }
    return slot + STACK_STRIDE;
}

struct cpu *cpu_create(uint32_t apic_id)
{
    CHECK(cpu_count < CPUS_MAX);
    struct cpu *cpu = arena_take(sizeof *cpu, 64);
    cpu->self = cpu;
    cpu->number = cpu_count;
    cpu->apic_id = apic_id;
    cpu->identity.apic_id = apic_id;
    recorder_reset(&cpu->recorder);
    cpu->stack_top = map_stacks(cpu->number);
    window_init(cpu);
    cpu->vmxon_region = arena_take(PAGE_SIZE_4K, PAGE_SIZE_4K);
    cpu->vmcs = arena_take(PAGE_SIZE_4K, PAGE_SIZE_4K);
    cpus[cpu_count++] = cpu;
    return cpu;
}

static bool mtrrs_differ(void)
{
    struct mtrrs own;
    mtrrs_read(&own);
    return !mtrrs_same(&own, &host.mtrrs);
}

void cpu_start(struct cpu *cpu)
{
    paging_activate();
    descriptors_load(cpu);
    cpu_identity_read(&cpu->identity);
    cpu->mtrrs_differ = mtrrs_differ();
    cpu->tsc_adjust_is_zero = cpu_features.tsc_adjust && rdmsr(IA32_TSC_ADJUST) == 0;
    if (!cpu_features.x2apic) {
        vmx_read_capabilities(&cpu->capabilities);
        atomic_store(&cpu->state, CPU_UNFIT);
        return;
    }
    lapic_host_enable();
    vmx_read_capabilities(&cpu->capabilities);
    bool fit = preflight_passes(&cpu->capabilities);
    atomic_store(&cpu->state, fit ? CPU_READY : CPU_UNFIT);
}
