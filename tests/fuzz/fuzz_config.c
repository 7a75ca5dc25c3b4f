/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: any bytes as a configuration, against machines of several sizes.
 *
 * Beyond what the sanitizers see, it holds the result to its promise: without
 * an error every guest has a name, CPUs of its own and memory of its own, and
 * every finding lies inside the text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hv/check.h"
#include "hv/config.h"
#include "hv/text.h"
#include "tests/fake/images.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void describe_machine(struct inventory *inventory, unsigned variant)
{
    static uint8_t kernel[FAKE_BZIMAGE_BYTES];
    const struct inventory_module modules[] = {
        { .name = "vmlinuz", .bytes = kernel, .size = sizeof kernel },
        { .name = "initrd.img", .bytes = kernel, .size = sizeof kernel / 2 },
        { .name = "k", .size = 0 },
    };

    fake_bzimage(kernel, MIB(1), MIB(1));
    *inventory = (struct inventory){ .cpu_count = 1 + variant % 9 };
    inventory->region_count = variant % 4;
    for (uint32_t i = 0; i < inventory->region_count; i++)
        inventory->regions[i] = (struct memory_region){
            .base = HPA(GIB(2 * i) + i * KIB(4)),
            .bytes = MIB(100) << 2 * (variant % 3),
        };
    inventory->module_count = 3;
    memcpy(inventory->modules, modules, sizeof(modules));
}

static bool lies_in_a_region(const struct inventory *inventory, const struct vm_config *vm)
{
    for (uint32_t i = 0; i < inventory->region_count; i++) {
        const struct memory_region *region = &inventory->regions[i];

        if (vm->memory_base.value >= region->base.value &&
            vm->memory_base.value + vm->memory_bytes <= region->base.value + region->bytes)
            return true;
    }
    return false;
}

static bool are_apart(const struct vm_config *a, const struct vm_config *b)
{
    for (uint32_t i = 0; i < a->cpu_count; i++)
        for (uint32_t j = 0; j < b->cpu_count; j++)
            if (a->cpus[i] == b->cpus[j])
                return false;
    return !text_equal(a->name, b->name) &&
           (a->memory_base.value + a->memory_bytes <= b->memory_base.value ||
            b->memory_base.value + b->memory_bytes <= a->memory_base.value);
}

static void require_complete(const struct config *config, const struct inventory *inventory)
{
    CHECK(config->vm_count >= 1 && config->vm_count <= CONFIG_VMS_MAX);
    for (uint32_t i = 0; i < config->vm_count; i++) {
        const struct vm_config *vm = &config->vms[i];

        CHECK(vm->name[0] != '\0' && vm->kernel[0] != '\0');
        CHECK(vm->cpu_count >= 1 && vm->cpu_count <= CONFIG_VCPUS_MAX);
        for (uint32_t j = 0; j < vm->cpu_count; j++) {
            CHECK(vm->cpus[j] < inventory->cpu_count);
            for (uint32_t k = 0; k < j; k++)
                CHECK(vm->cpus[k] != vm->cpus[j]);
        }
        CHECK(vm->memory_bytes >= CONFIG_MEMORY_MIN && vm->memory_bytes % MIB(2) == 0);
        CHECK(vm->memory_base.value % MIB(2) == 0);
        CHECK(lies_in_a_region(inventory, vm));
        for (uint32_t j = 0; j < i; j++)
            CHECK(are_apart(&config->vms[j], vm));
    }
}

static void require_sensible(const struct findings *findings, const char *text, size_t length)
{
    char line[FINDING_LINE_SIZE];
    uint32_t lines = 1;

    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    for (uint32_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->list[i];

        CHECK(finding->place.line <= lines);
        CHECK(finding->place.line == 0 || finding->place.column >= 1);
        CHECK(finding->place.column <= length + 1);
        finding_format(line, sizeof(line), finding, "config");
        for (size_t j = 0; line[j] != '\0'; j++)
            CHECK(line[j] >= ' ' && line[j] <= '~');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config config;
    static struct findings findings;
    static struct inventory inventory;
    const char *text = (const char *)data + 1;

    if (size == 0)
        return 0;
    findings_clear(&findings);
    config_parse(text, size - 1, &config, &findings);
    describe_machine(&inventory, data[0]);
    config_check(&config, &inventory, &findings);
    require_sensible(&findings, text, size - 1);
    if (findings.error_count == 0)
        require_complete(&config, &inventory);
    return 0;
}
