/* SPDX-License-Identifier: MIT
 *
 * See config_images.h.
 */
#include "hv/config_images.h"

#include "hv/check.h"
#include "hv/config_keys.h"
#include "hv/config_list.h"
#include "hv/guest_acpi.h"
#include "hv/guest_kind.h"
#include "hv/text.h"

const struct inventory_module *inventory_module(const struct inventory *inventory,
                                                const char *name)
{
    for (uint32_t i = 0; i < inventory->module_count && name[0] != '\0'; i++)
        if (text_equal(inventory->modules[i].name, name))
            return &inventory->modules[i];
    return NULL;
}

static struct span span_of(const struct inventory *inventory, const char *name)
{
    const struct inventory_module *module = inventory_module(inventory, name);

    return module != NULL ? (struct span){ module->bytes, module->size }
                          : (struct span){ NULL, 0 };
}

struct guest_boot config_guest_boot(const struct vm_config *vm, const struct inventory *inventory)
{
    struct guest_boot boot = {
        .kind = vm->kind,
        .flat = vm->flat,
        .kernel = span_of(inventory, vm->kernel),
        .initrd = span_of(inventory, vm->initrd),
        .cmdline = vm->cmdline,
        .module_count = vm->module_count,
        .rsdp = GPA(GUEST_ACPI_RSDP),
    };

    if (vm->at[VM_ENTRY].line == 0)
        boot.flat.entry = vm->flat.load_address;
    for (uint32_t i = 0; i < vm->module_count; i++)
        boot.modules[i] = (struct guest_module){
            .file = span_of(inventory, vm->modules[i].file),
            .string = vm->modules_text + vm->modules[i].string,
        };
    return boot;
}

/* False: it was named, and it is not there, which is reported. */
static bool check_present(const struct vm_config *vm, const char *name, struct place place,
                          const struct inventory *inventory, struct findings *findings)
{
    struct config_list list = { .length = 0 };

    if (name[0] == '\0' || inventory_module(inventory, name) != NULL)
        return true;
    for (uint32_t i = 0; i < inventory->module_count; i++)
        config_list_add(&list, inventory->modules[i].name);
    findings_add(findings, SEVERITY_ERROR, place, vm->name,
                 "there is no image \"%s\"; present: %s", excerpt(name, strlen(name)).text,
                 config_list_end(&list));
    return false;
}

static bool check_all_present(const struct vm_config *vm, const struct inventory *inventory,
                              struct findings *findings)
{
    bool kernel = check_present(vm, vm->kernel, vm->at[VM_KERNEL], inventory, findings);
    bool initrd = check_present(vm, vm->initrd, vm->at[VM_INITRD], inventory, findings);
    bool modules = true;

    for (uint32_t i = 0; i < vm->module_count; i++) {
        const struct config_module *module = &vm->modules[i];
        modules = check_present(vm, module->file, module->at, inventory, findings) && modules;
    }
    return kernel && initrd && modules;
}

/* A flat image says nothing about itself, so the configuration does; any other
 * file says it all. */
static bool check_flat(const struct vm_config *vm, struct findings *findings)
{
    static const enum vm_key keys[] = { VM_LOAD_ADDRESS, VM_MODE, VM_ENTRY };
    const struct key_rows rows = config_keys(SECTION_VM);
    bool flat = vm->kind == GUEST_KIND_FLAT;
    bool good = true;

    if (vm->start_wrong)
        return false;
    for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct key_row *row = &rows.rows[keys[i]];
        bool given = vm->at[keys[i]].line != 0;

        if (given && !flat)
            findings_add(findings, SEVERITY_ERROR, vm->at[keys[i]], vm->name,
                         "\"%s\" is for flat images; add format = \"flat\" or remove this line",
                         row->name);
        else if (!given && flat && keys[i] != VM_ENTRY)
            findings_add(findings, SEVERITY_ERROR, vm->at[VM_FORMAT], vm->name,
                         "a flat image needs \"%s\"; add a line as in: %s", row->name,
                         row->example);
        else
            continue;
        good = false;
    }
    return good;
}

struct guest_memory config_guest_memory(const struct vm_config *vm)
{
    uint64_t base = vm->memory_base.value;

    if (vm->memory_bytes == 0)
        return (struct guest_memory)GUEST_MEMORY_COMPACT(0, CONFIG_MEMORY_MAX);
    if (vm->parts.dma_unprotected && base != 0)
        return (struct guest_memory)GUEST_MEMORY_IDENTICAL(base, vm->memory_bytes);
    return (struct guest_memory)GUEST_MEMORY_COMPACT(base, vm->memory_bytes);
}

static enum vm_key key_about(enum refusal_about about)
{
    switch (about) {
    case ABOUT_KERNEL:
        return VM_KERNEL;
    case ABOUT_INITRD:
        return VM_INITRD;
    case ABOUT_MODULES:
        return VM_MODULES;
    case ABOUT_CMDLINE:
        return VM_CMDLINE;
    }
    CHECK(!"a key that a refusal is about");
    return VM_KERNEL;
}

static void check_start(const struct vm_config *vm, const struct inventory *inventory,
                        struct findings *findings)
{
    const struct guest_memory memory = config_guest_memory(vm);
    struct guest_boot boot = config_guest_boot(vm, inventory);
    struct guest_plan plan;
    struct refusal refusal;

    if (!guest_kind_prepare(&memory, &boot, &plan, &refusal))
        findings_add(findings, SEVERITY_ERROR, vm->at[key_about(refusal.about)], vm->name, "%s",
                     refusal.text);
}

void config_check_images(const struct config *config, const struct inventory *inventory,
                         struct findings *findings)
{
    for (uint32_t i = 0; i < config->vm_count; i++) {
        const struct vm_config *vm = &config->vms[i];

        bool present = check_all_present(vm, inventory, findings);

        if (check_flat(vm, findings) && present && vm->kernel[0] != '\0')
            check_start(vm, inventory, findings);
    }
}
