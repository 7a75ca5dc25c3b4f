/* SPDX-License-Identifier: MIT
 *
 * A parsed configuration against the machine: its CPUs, memory and modules.
 *
 * Listed CPUs are claimed before any count takes its share of the rest, so that
 * the order of the guests in the file does not matter to a list.
 */
#include "hv/config.h"

#include "hv/config_after.h"
#include "hv/config_images.h"
#include "hv/config_list.h"
#include "hv/config_memory.h"
#include "hv/guest_ports.h"
#include "hv/config_owners.h"
#include "hv/text.h"

#define NOBODY UINT32_MAX

/* Who owns each CPU: an index of a guest, or NOBODY. */
struct claims {
    uint32_t cpu_count;
    uint32_t owner[CONFIG_CPUS_MAX];
};

static void check_names(const struct config *config, struct findings *findings)
{
    for (uint32_t i = 1; i < config->vm_count; i++) {
        const struct vm_config *vm = &config->vms[i];

        for (uint32_t j = 0; j < i && vm->name[0] != '\0'; j++) {
            if (!text_equal(config->vms[j].name, vm->name))
                continue;
            findings_add(findings, SEVERITY_ERROR, vm->at[VM_NAME], vm->name,
                         "the guest in line %u has this name already; choose another",
                         config->vms[j].header.line);
            break;
        }
    }
}

/* The machine's COM2 would be in the place of the one that leads to the monitor. */
static void check_com2(const struct vm_config *vm, struct findings *findings)
{
    for (uint32_t i = 0; i < vm->parts.port_count; i++) {
        const struct config_range *range = &vm->parts.ports[i];

        if (range->first < GUEST_PORT_COM2 + GUEST_COM_PORTS && range->last >= GUEST_PORT_COM2)
            findings_add(findings, SEVERITY_ERROR, range->at, vm->name,
                         "a manager has its monitor at the second serial port (\"manager\" in line "
                         "%u), and cannot own the machine's; remove one of the two",
                         vm->at[VM_MANAGER].line);
    }
}

static void check_manager(const struct config *config, struct findings *findings)
{
    const struct vm_config *first = NULL;

    for (uint32_t i = 0; i < config->vm_count; i++) {
        const struct vm_config *vm = &config->vms[i];

        if (vm->manager)
            check_com2(vm, findings);
        if (vm->manager && first != NULL)
            findings_add(findings, SEVERITY_ERROR, vm->at[VM_MANAGER], vm->name,
                         "\"manager\" in line %u makes vm \"%s\" the manager, and there can be "
                         "one; remove one of the two", first->at[VM_MANAGER].line, first->name);
        else if (vm->manager)
            first = vm;
    }
}

static void claim_listed(struct claims *claims, const struct config *config)
{
    for (uint32_t i = 0; i < CONFIG_CPUS_MAX; i++)
        claims->owner[i] = NOBODY;
    for (uint32_t i = 0; i < config->vm_count; i++) {
        const struct vm_config *vm = &config->vms[i];

        for (uint32_t j = 0; vm->cpus_listed && j < vm->cpu_count; j++)
            if (vm->cpus[j] < claims->cpu_count && claims->owner[vm->cpus[j]] == NOBODY)
                claims->owner[vm->cpus[j]] = i;
    }
}

static uint32_t free_cpus(const struct claims *claims, struct config_list *list)
{
    uint32_t count = 0;
    char number[8];

    for (uint32_t i = 0; i < claims->cpu_count; i++) {
        if (claims->owner[i] != NOBODY)
            continue;
        count++;
        text_format(number, sizeof(number), "%u", i);
        config_list_add(list, number);
    }
    return count;
}

static void report_absent(const struct claims *claims, const struct vm_config *vm, uint32_t cpu,
                          struct findings *findings)
{
    char present[32] = "CPU 0 only";

    if (claims->cpu_count > 1)
        text_format(present, sizeof(present), "CPUs 0 to %u", claims->cpu_count - 1);
    findings_add(findings, SEVERITY_ERROR, vm->cpu_at[cpu], vm->name,
                 "CPU %u does not exist; this machine has %s", vm->cpus[cpu], present);
}

static void report_taken(const struct claims *claims, const struct config *config,
                         const struct vm_config *vm, uint32_t cpu, struct findings *findings)
{
    const struct vm_config *owner = &config->vms[claims->owner[vm->cpus[cpu]]];
    bool named = owner->name[0] != '\0';
    struct config_list list = { .length = 0 };

    free_cpus(claims, &list);
    findings_add(findings, SEVERITY_ERROR, vm->cpu_at[cpu], vm->name,
                 "CPU %u already belongs to %s%s%s in line %u; free: %s", vm->cpus[cpu],
                 named ? "vm \"" : "the guest", owner->name, named ? "\"" : "",
                 owner->header.line, config_list_end(&list));
}

static void check_listed(const struct claims *claims, const struct config *config,
                         struct findings *findings)
{
    for (uint32_t i = 0; i < config->vm_count; i++) {
        const struct vm_config *vm = &config->vms[i];

        for (uint32_t j = 0; vm->cpus_listed && j < vm->cpu_count; j++) {
            if (vm->cpus[j] >= claims->cpu_count)
                report_absent(claims, vm, j, findings);
            else if (claims->owner[vm->cpus[j]] != i)
                report_taken(claims, config, vm, j, findings);
        }
    }
}

/* The lowest free CPUs, of which there are enough. */
static void take_free(struct claims *claims, struct vm_config *vm, uint32_t index)
{
    uint32_t taken = 0;

    for (uint32_t i = 0; i < claims->cpu_count && taken < vm->cpu_count; i++) {
        if (claims->owner[i] != NOBODY)
            continue;
        claims->owner[i] = index;
        vm->cpus[taken++] = (uint16_t)i;
    }
}

static void take_counted(struct claims *claims, struct config *config, struct findings *findings)
{
    for (uint32_t i = 0; i < config->vm_count; i++) {
        struct vm_config *vm = &config->vms[i];
        struct config_list list = { .length = 0 };
        uint32_t count = free_cpus(claims, &list);

        if (vm->cpus_listed || vm->cpu_count == 0)
            continue;
        if (vm->cpu_count <= count)
            take_free(claims, vm, i);
        else
            findings_add(findings, SEVERITY_ERROR, vm->at[VM_CPUS], vm->name,
                         "not enough CPUs: this guest asks for %u, and %u of the machine's %u %s "
                         "free for it", vm->cpu_count, count, claims->cpu_count,
                         count == 1 ? "is" : "are");
    }
}

static void check_cpus(struct config *config, const struct inventory *inventory,
                       struct findings *findings)
{
    struct claims claims = { .cpu_count = inventory->cpu_count };

    if (claims.cpu_count > CONFIG_CPUS_MAX)
        claims.cpu_count = CONFIG_CPUS_MAX;
    claim_listed(&claims, config);
    check_listed(&claims, config, findings);
    take_counted(&claims, config, findings);
}

void config_check(struct config *config, const struct inventory *inventory,
                  struct findings *findings)
{
    check_names(config, findings);
    check_manager(config, findings);
    config_check_after(config, findings);
    check_cpus(config, inventory, findings);
    config_place_memory(config, inventory, findings);
    config_check_owners(config, inventory, findings);
    config_check_images(config, inventory, findings);
}
