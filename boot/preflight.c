/* SPDX-License-Identifier: MIT
 *
 * Tells the user, feature by feature, whether and how this machine can run
 * guests. Every CPU is asked; one that differs from the first is named.
 */
#include "arch/cpu.h"
#include "arch/panic.h"
#include "arch/vtd.h"
#include "boot/boot.h"
#include "hv/log.h"

static void print_row(const struct preflight_finding *finding)
{
    bool missing = finding->need == NEED_REQUIRED && !finding->present;
    log_line(missing ? LOG_ERROR : LOG_INFO, "  %-32s %-8s  %-3s  %s", finding->name,
             finding->need == NEED_REQUIRED ? "required" : "optional",
             finding->present ? "yes" : "NO", finding->consequence);
}

static void print_table(const struct vmx_capabilities *capabilities)
{
    log_line(LOG_INFO, "preflight: what guests need, and what this machine has");
    for (unsigned i = 0; i < preflight_count(); i++) {
        struct preflight_finding finding = preflight_finding(capabilities, i);
        print_row(&finding);
    }
    print_row(&(struct preflight_finding){
        .name = "DMA and interrupt remapping", .need = NEED_OPTIONAL, .present = vtd_is_on(),
        .consequence = vtd_is_on() ? "no device reaches memory that is not its own"
                                   : "no device can be kept to a guest: see the reason above" });
}

static void print_differences(const struct cpu *cpu)
{
    for (unsigned i = 0; i < preflight_count(); i++) {
        struct preflight_finding here = preflight_finding(&cpu->capabilities, i);
        struct preflight_finding first = preflight_finding(&cpus[0]->capabilities, i);
        if (here.present != first.present) {
            log_line(LOG_WARNING, "CPU %u differs from CPU 0:", cpu->number);
            print_row(&here);
        }
    }
}

/* Last, so that it stands on the smallest screen. */
static void print_advice(const struct cpu *cpu)
{
    const char *advice[PREFLIGHT_ADVICE_MAX];
    unsigned count = preflight_advice(&cpu->capabilities, advice);
    for (unsigned i = 0; i < count; i++)
        log_line(LOG_ERROR, "to do: %s", advice[i]);
}

void boot_preflight(void)
{
    const struct cpu *unfit = NULL;
    print_table(&cpus[0]->capabilities);
    for (unsigned i = 0; i < cpu_count; i++) {
        print_differences(cpus[i]);
        if (unfit == NULL && atomic_load(&cpus[i]->state) != CPU_READY)
            unfit = cpus[i];
    }
    if (unfit == NULL)
        return;
    print_advice(unfit);
    halt_machine("this machine cannot run guests, for the reasons marked NO above");
}
