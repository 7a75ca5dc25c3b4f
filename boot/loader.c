/* SPDX-License-Identifier: MIT
 *
 * What the boot loader left in memory: its information structure, and the
 * configuration among its modules. All of it lies below 4 GiB, where the boot
 * map shows memory as it is.
 */
#include "arch/spec/multiboot2.h"
#include "boot/boot.h"
#include "hv/text.h"

/* Physical memory below 4 GiB, before boot_memory_map(). */
static const uint8_t *at(uint64_t physical)
{
    return (const uint8_t *)physical;
}

enum multiboot2_status loader_read(struct boot *boot, uint32_t magic, uint32_t info_address)
{
    if (magic != MULTIBOOT2_LOADER_MAGIC)
        return MULTIBOOT2_TOTAL_SIZE;
    const uint8_t *info = at(info_address);
    uint32_t size = *(const uint32_t *)info;
    boot->info_address = HPA(info_address);
    return multiboot2_parse(info, size, &boot->info);
}

void loader_read_config(struct boot *boot)
{
    findings_clear(&boot->findings);
    for (unsigned i = 0; i < boot->info.module_count; i++) {
        const struct boot_module *module = &boot->info.modules[i];
        if (!text_equal(module->name, CONFIG_MODULE))
            continue;
        boot->config_found = true;
        config_parse((const char *)at(module->start.value),
                     module->end.value - module->start.value, &boot->config, &boot->findings);
        return;
    }
    config_parse("", 0, &boot->config, &boot->findings);
}
