/* SPDX-License-Identifier: MIT
 *
 * See config_after.h.
 */
#include "hv/config_after.h"

#include "hv/config_list.h"
#include "hv/guest_ports.h"
#include "hv/text.h"

#define NOBODY UINT32_MAX

/* NOBODY, too, where names are wrong: it may be meant to be one of those. */
static uint32_t find_guest(const struct config *config, const char *name, bool *all_named)
{
    uint32_t found = NOBODY;

    *all_named = true;
    for (uint32_t i = 0; i < config->vm_count; i++) {
        if (config->vms[i].name[0] == '\0')
            *all_named = false;
        else if (found == NOBODY && text_equal(config->vms[i].name, name))
            found = i;
    }
    return found;
}

static void report_unknown(const struct config *config, const struct vm_config *vm,
                           const struct config_after *after, struct findings *findings)
{
    struct config_list list = { .length = 0 };

    for (uint32_t i = 0; i < config->vm_count; i++)
        if (&config->vms[i] != vm)
            config_list_add(&list, config->vms[i].name);
    findings_add(findings, SEVERITY_ERROR, after->at, vm->name,
                 "there is no guest \"%s\"; the others are: %s", after->name,
                 config_list_end(&list));
}

static void resolve(const struct config *config, struct vm_config *vm, struct findings *findings)
{
    for (uint32_t i = 0; i < vm->after_count; i++) {
        const struct config_after *after = &vm->after_names[i];
        bool all_named;
        uint32_t guest = find_guest(config, after->name, &all_named);

        if (guest == NOBODY && all_named)
            report_unknown(config, vm, after, findings);
        else if (guest != NOBODY && &config->vms[guest] == vm)
            findings_add(findings, SEVERITY_ERROR, after->at, vm->name,
                         "the guest would wait for itself; remove it from the list");
        else if (guest != NOBODY)
            vm->after |= 1u << guest;
    }
}

static void check_watchdog_port(const struct vm_config *vm, enum vm_key key, uint16_t port,
                                struct findings *findings)
{
    if (vm->watchdog && guest_port_is_watchdog(port))
        findings_add(findings, SEVERITY_ERROR, vm->at[key], vm->name,
                     "port 0x%x is one of the watchdog's in line %u; choose another", port,
                     vm->at[VM_WATCHDOG].line);
}

/* What does not go together within one guest. */
static void check_keys(const struct vm_config *vm, struct findings *findings)
{
    if (vm->start_manual && vm->at[VM_AFTER].line != 0)
        findings_add(findings, SEVERITY_ERROR, vm->at[VM_AFTER], vm->name,
                     "a guest that the user starts waits for no other; remove \"after\" or "
                     "\"start\"");
    if (vm->at[VM_READY].line != 0 && vm->at[VM_READY_PORT].line != 0)
        findings_add(findings, SEVERITY_ERROR, vm->at[VM_READY_PORT], vm->name,
                     "\"ready\" in line %u says already when the guest is ready; remove one of "
                     "the two", vm->at[VM_READY].line);
    if (vm->ready_port != 0 && vm->ready_port == vm->exit_port)
        findings_add(findings, SEVERITY_ERROR, vm->at[VM_READY_PORT], vm->name,
                     "port 0x%x is the exit port, too; choose another", vm->ready_port);
    check_watchdog_port(vm, VM_EXIT_PORT, vm->exit_port, findings);
    check_watchdog_port(vm, VM_READY_PORT, vm->ready_port, findings);
}

/* By guest, whom it waits for, by way of others, too. */
static void close_over(const struct config *config, uint32_t waits[CONFIG_VMS_MAX])
{
    for (uint32_t i = 0; i < config->vm_count; i++)
        waits[i] = config->vms[i].after;
    for (uint32_t via = 0; via < config->vm_count; via++)
        for (uint32_t i = 0; i < config->vm_count; i++)
            if (waits[i] & 1u << via)
                waits[i] |= waits[via];
}

/* Once for each circle, at the first guest of it. */
static void report_circles(const struct config *config, const uint32_t waits[CONFIG_VMS_MAX],
                           struct findings *findings)
{
    uint32_t told = 0;

    for (uint32_t i = 0; i < config->vm_count; i++) {
        const struct vm_config *vm = &config->vms[i];
        struct config_list list = { .length = 0 };

        if (!(waits[i] & 1u << i) || told & 1u << i)
            continue;
        for (uint32_t j = 0; j < config->vm_count; j++) {
            if (!(waits[i] & 1u << j) || !(waits[j] & 1u << i))
                continue;
            told |= 1u << j;
            config_list_add(&list, config->vms[j].name);
        }
        findings_add(findings, SEVERITY_ERROR, vm->at[VM_AFTER], vm->name,
                     "these wait for each other, and none would start: %s; break the circle",
                     config_list_end(&list));
    }
}

void config_check_after(struct config *config, struct findings *findings)
{
    uint32_t waits[CONFIG_VMS_MAX];

    for (uint32_t i = 0; i < config->vm_count; i++) {
        resolve(config, &config->vms[i], findings);
        check_keys(&config->vms[i], findings);
    }
    close_over(config, waits);
    report_circles(config, waits, findings);
}
