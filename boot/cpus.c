/* SPDX-License-Identifier: MIT
 *
 * Finds the machine's CPUs and starts them. CPU 0 is the one that boots;
 * the others follow in the order of the firmware's table.
 */
#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "arch/host.h"
#include "arch/insn.h"
#include "arch/smp.h"
#include "arch/time.h"
#include "boot/boot.h"
#include "hv/log.h"

#define INITIAL_APIC_ID_SHIFT 24

_Static_assert(ACPI_CPUS_MAX <= CPUS_MAX, "as many as can be told can be used");

static uint32_t boot_apic_id(void)
{
    if (cpuid(0, 0).eax >= 0xB && cpuid(0xB, 0).ebx)
        return cpuid(0xB, 0).edx;
    return cpuid(1, 0).ebx >> INITIAL_APIC_ID_SHIFT;
}

void boot_cpus_create(void)
{
    uint32_t ids[ACPI_CPUS_MAX];
    unsigned count = acpi_cpu_order(&host.acpi, boot_apic_id(), ids);
    unsigned told = host.acpi.cpu_count + host.acpi.cpus_ignored;
    if (!host.acpi.madt_found)
        log_line(LOG_WARNING, "the firmware has no ACPI table of CPUs (MADT): only this one is used. "
                 "Enable ACPI and all cores (also \"ACPI APIC support\") in the BIOS setup");
    if (told > count)
        log_line(LOG_WARNING, "this machine has %u CPUs; %u of them are used, which is the most that "
                 "Bulkhead can", told, count);
    for (unsigned i = 0; i < count; i++)
        cpu_create(ids[i]);
}

/* Those that did not answer are no CPUs of this machine; the rest close up. */
static void drop_absent(void)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < cpu_count; i++) {
        if (atomic_load(&cpus[i]->state) == CPU_ABSENT) {
            log_line(LOG_WARNING, "the CPU with APIC id %u did not answer and is not used",
                     cpus[i]->apic_id);
            continue;
        }
        cpus[i]->number = kept;
        cpus[kept++] = cpus[i];
    }
    cpu_count = kept;
}

static void report_mtrrs(void)
{
    for (unsigned i = 1; i < cpu_count; i++)
        if (cpus[i]->mtrrs_differ)
            log_line(LOG_WARNING, "CPU %u: its MTRRs differ from those of CPU 0, which is a "
                     "mistake of the firmware; the hypervisor may be slow there", i);
}

void boot_cpus_start(const struct boot *boot)
{
    if (!cpu_features.x2apic) {
        cpu_count = 1; /* preflight says why the machine is refused */
        return;
    }
    time_init();
    smp_start_all(boot->trampoline);
    drop_absent();
    report_mtrrs();
    log_line(LOG_INFO, "%u CPUs; TSC %llu kHz, local APIC timer %llu kHz", cpu_count,
             (unsigned long long)tsc_hz / 1000, (unsigned long long)lapic_timer_hz / 1000);
}
