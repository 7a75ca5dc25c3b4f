/* SPDX-License-Identifier: MIT
 *
 * The machine's memory at boot: what is free, what the hypervisor takes for
 * itself, and the map that lasts. Between boot_memory_init() and
 * boot_memory_map() the boot map of boot/entry.asm is still in use, so
 * firmware tables can be read where they lie.
 */
#include "arch/arena.h"
#include "arch/cpu.h"
#include "arch/host.h"
#include "arch/layout.h"
#include "arch/mtrr.h"
#include "arch/paging.h"
#include "arch/panic.h"
#include "boot/boot.h"
#include "drivers/acpi.h"
#include "hv/assigned.h"
#include "hv/console.h"
#include "hv/io_bitmap.h"
#include "hv/log.h"
#include "hv/owners.h"
#include "hv/panic_record.h"
#include "hv/text.h"
#include "hv/vm.h"

#define BOOT_MAP_END GIB(4)

extern const char image_start[], image_end[];

const uint8_t *acpi_map(hpa_t address, size_t bytes)
{
    if (address.value >= BOOT_MAP_END || bytes > BOOT_MAP_END - address.value)
        return NULL;
    return (const uint8_t *)address.value;
}

/* An upper bound of what the tables of this much guest memory take, of 4 KiB pages. */
static uint64_t ept_bytes_max(uint64_t memory_bytes)
{
    return (memory_bytes / PAGE_SIZE_2M + memory_bytes / GIB(1) + 10) * PAGE_SIZE_4K;
}

/* Of a BAR of 8 GiB, where there are no pages of 1 GiB. hv/config_devices.c refuses
 * a larger one. */
#define TABLES_OF_A_BAR 10

/* The same for parts of the machine: a bitmap of ports, and of each range of memory
 * the ways to both of its ends and all tables between. */
static uint64_t parts_bytes_max(const struct config_parts *parts)
{
    bool ports = parts->port_count > 0 || parts->device_count > 0;
    uint64_t bytes = ports ? IO_BITMAP_BYTES + PAGE_SIZE_4K : 0;
    if (parts->device_count > 0)
        bytes += align_up(sizeof(struct assigned), PAGE_SIZE_4K)
            + parts->device_count * PCI_BARS * TABLES_OF_A_BAR * PAGE_SIZE_4K;
    for (unsigned i = 0; i < parts->mmio_count; i++) {
        uint64_t large_pages = (parts->mmio[i].last - parts->mmio[i].first) / PAGE_SIZE_2M;
        bytes += (large_pages / EPT_TABLE_ENTRIES + 8) * PAGE_SIZE_4K;
    }
    return bytes;
}

static uint64_t arena_bytes_for(const struct config *config)
{
    uint64_t per_cpu = sizeof(struct cpu) + STACKS_PER_CPU * STACK_BYTES + 6 * PAGE_SIZE_4K;
    uint64_t bytes = (host.acpi.cpu_count + 1) * per_cpu;
    bytes += RECORDER_RING_BYTES; /* their alignment */
    for (unsigned i = 0; i < config->vm_count; i++)
        bytes += config->vms[i].cpu_count * RECORDER_RING_BYTES + sizeof(struct vm) + CONFIG_VCPUS_MAX * sizeof(struct vcpu)
            + ept_bytes_max(config->vms[i].memory_bytes) + MSR_BITMAP_COUNT * MSR_BITMAP_SIZE
            + CONSOLE_OUTPUT_BYTES + CONSOLE_INPUT_BYTES + 4 * PAGE_SIZE_4K
            + parts_bytes_max(&config->vms[i].parts)
            + (config->vms[i].learns ? sizeof(struct learn) : 0);
    return align_up(bytes + boot_remapping_bytes(config), PAGE_SIZE_2M);
}

static void report_acpi(const struct acpi_problems *problems)
{
    for (unsigned i = 0; i < problems->count; i++)
        log_line(LOG_WARNING, "ACPI table %s at %llx: %s", problems->list[i].table,
                 (unsigned long long)problems->list[i].address.value,
                 acpi_problem_text(problems->list[i].kind));
}

bool boot_memory_holds_ram(const struct boot *boot, uint64_t first, uint64_t end)
{
    return memory_ranges_hold_ram(boot->info.memory, boot->info.memory_count, first, end - 1);
}

/* Leaves only what is write-back. */
static void trim_memory(struct memory_map *map)
{
    struct memory_region out;

    mtrrs_read(&host.mtrrs);
    if (!host.mtrrs.on)
        log_line(LOG_WARNING, "the firmware has left the MTRRs off, so the hypervisor runs "
                 "without cache");
    if (host.mtrrs.ignored > 0)
        log_line(LOG_WARNING, "%u MTRRs are not understood: memory may be given to guests that "
                 "the firmware wants uncached", host.mtrrs.ignored);
    while (mtrrs_trim(&host.mtrrs, map, &out))
        log_line(LOG_WARNING, "%llu KiB of RAM at %llx are not used: the firmware's MTRRs do not "
                 "make them write-back", (unsigned long long)out.bytes >> 10,
                 (unsigned long long)out.base.value);
}

void boot_memory_init(struct boot *boot)
{
    static struct acpi_problems problems;
    const struct boot_info *info = &boot->info;

    memory_map_build(&boot->memory, info->memory, info->memory_count);
    memory_map_reserve(&boot->memory, boot->image, (uint64_t)(image_end - image_start));
    memory_map_reserve(&boot->memory, boot->info_address, info->total_bytes);
    for (unsigned i = 0; i < info->module_count; i++)
        memory_map_reserve(&boot->memory, info->modules[i].start,
                           info->modules[i].end.value - info->modules[i].start.value);
    if (boot->screen_problem == NULL)
        memory_map_reserve(&boot->memory, HPA(boot->screen.address),
                           framebuffer_bytes(&boot->screen));
    boot->record_page = panic_record_place(&boot->memory);
    memory_map_reserve(&boot->memory, boot->record_page, sizeof(struct panic_record));
    if (!memory_map_drop_low(&boot->memory, &boot->trampoline))
        halt_machine("no free page below 640 KiB, where the other CPUs must begin");
    trim_memory(&boot->memory);

    acpi_read(info->rsdp.size ? info->rsdp.bytes : NULL, info->rsdp.size, &host.acpi, &problems);
    report_acpi(&problems);

    uint64_t bytes = arena_bytes_for(&boot->config);
    hpa_t base;
    if (!memory_map_take(&boot->memory, bytes, PAGE_SIZE_2M, MEMORY_NO_LIMIT, &base))
        halt_machine("no free memory for the hypervisor itself");
    paging_init(boot->image);
    arena_init(base, bytes);
    owners_add(boot->image, (uint64_t)(image_end - image_start), "the hypervisor's image");
    owners_add(base, bytes, "the hypervisor's tables and buffers");
    if (boot->screen_problem == NULL)
        owners_add(HPA(boot->screen.address), framebuffer_bytes(&boot->screen), "the screen");
}

/* Modules go to the lasting map, and into the inventory for the configuration.
 * Each lies at the same distance from a 2 MiB boundary as in physical memory,
 * so that large pages map it. */
static void map_modules(struct boot *boot)
{
    struct inventory *inventory = &boot->inventory;
    uint64_t next = MODULE_VIRTUAL;

    for (unsigned i = 0; i < boot->info.module_count; i++) {
        const struct boot_module *module = &boot->info.modules[i];
        if (text_equal(module->name, CONFIG_MODULE))
            continue;
        uint64_t size = module->end.value - module->start.value;
        uint64_t skip = module->start.value % PAGE_SIZE_4K;
        hpa_t first = HPA(module->start.value - skip);
        uint64_t virtual = next + first.value % PAGE_SIZE_2M;
        uint64_t bytes = align_up(skip + size, PAGE_SIZE_4K);
        if (bytes > MODULE_VIRTUAL + MODULE_BYTES_MAX - virtual)
            halt_machine("the boot modules are larger than 4 GiB together");
        paging_map(virtual, first, bytes, PAGE_READ);
        owners_add(module->start, size, module->name);
        inventory->modules[inventory->module_count++] = (struct inventory_module){
            .name = module->name, .bytes = (const uint8_t *)(virtual + skip), .size = size };
        next = align_up(virtual + bytes, PAGE_SIZE_2M);
    }
}

static void map_record(const struct boot *boot)
{
    if (boot->record_page.value == 0) {
        log_line(LOG_WARNING, "no page that outlives a reset is free memory: a panic would leave no "
                 "record for the next boot");
        return;
    }
    paging_map(RECORD_VIRTUAL, boot->record_page, sizeof(struct panic_record), PAGE_READ_WRITE);
    owners_add(boot->record_page, sizeof(struct panic_record), "the record of a panic");
    panic_record_use((struct panic_record *)RECORD_VIRTUAL);
}

void boot_memory_map(struct boot *boot)
{
    map_modules(boot);
    boot_screen_map(boot);
    boot_serial_map(boot);
    paging_activate();
    boot_serial_mapped(boot);
    boot_screen_mapped(boot);
    map_record(boot);
    panic_record_show();
    struct inventory *inventory = &boot->inventory;
    for (unsigned i = 0; i < boot->memory.count; i++) {
        const struct memory_region *region = &boot->memory.regions[i];
        inventory->regions[inventory->region_count++] = *region;
        owners_add(region->base, region->bytes, NULL);
    }
}
