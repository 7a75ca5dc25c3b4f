/* SPDX-License-Identifier: MIT
 *
 * See pvh.h.
 */
#include "hv/pvh.h"

#include "arch/spec/pvh.h"
#include "hv/bytes.h"
#include "hv/check.h"

static bool from_note(struct span kernel, struct image_plan *plan, struct refusal *refusal)
{
    struct span entry;

    *plan = (struct image_plan){ .is_elf = true, .mode = ENTRY_PROTECTED };
    if (!elf_open(kernel, &plan->elf, refusal) ||
        !elf_check_segments(&plan->elf, &plan->begin, &plan->end, refusal))
        return false;
    plan->elf.section_count = 0; /* they are not told */
    if (!elf_note(&plan->elf, PVH_NOTE_OWNER, PVH_NOTE_PHYS32_ENTRY, &entry))
        return refuse(refusal, "the ELF file is no kernel that Bulkhead knows: it has no Multiboot "
                      "or Multiboot2 header and no PVH entry note (Xen, type 18)");
    if (entry.size < sizeof(uint32_t))
        return refuse(refusal, "the PVH entry note is damaged: it has %zu bytes", entry.size);
    plan->entry = entry.size < sizeof(uint64_t) ? little_32(entry.bytes) : little_64(entry.bytes);
    return (plan->entry >= plan->begin && plan->entry < plan->end) ||
           refuse(refusal, "the entry point %llxh of the PVH note lies outside of the kernel, "
                  "which lies from %llxh to %llxh", (unsigned long long)plan->entry,
                  (unsigned long long)plan->begin, (unsigned long long)plan->end);
}

/* ---- The start info ---- */

static uint64_t write_modules(struct guest_writer *writer, const struct guest_boot *boot,
                              const struct image_plan *plan)
{
    struct pvh_module list[GUEST_MODULES_MAX] = { 0 };

    if (boot->module_count == 0)
        return 0;
    for (unsigned i = 0; i < boot->module_count; i++)
        list[i] = (struct pvh_module){
            .address = plan->modules[i].value,
            .bytes = boot->modules[i].file.size,
            .cmdline = writer_string(writer, boot->modules[i].string),
        };
    writer_align(writer, sizeof(uint64_t));
    return writer_bytes(writer, list, boot->module_count * sizeof list[0]);
}

static uint32_t write_memory(struct guest_writer *writer, const struct guest_memory *memory)
{
    struct e820_entry entries[GUEST_MEMORY_E820_MAX];
    unsigned count = guest_memory_e820(memory, entries);

    for (unsigned i = 0; i < count; i++) {
        const struct pvh_memory entry = { entries[i].base, entries[i].bytes, entries[i].type, 0 };
        writer_bytes(writer, &entry, sizeof entry);
    }
    return count;
}

static void write_info(struct guest_writer *writer, const struct guest_memory *memory,
                       const struct guest_boot *boot, const struct image_plan *plan)
{
    struct pvh_start_info info = {
        .magic = PVH_START_MAGIC,
        .version = PVH_START_VERSION,
        .module_count = boot->module_count,
        .rsdp = boot->rsdp.value,
    };
    uint64_t at = writer_skip(writer, sizeof info);

    info.cmdline = writer_string(writer, boot->cmdline);
    info.modules = write_modules(writer, boot, plan);
    writer_align(writer, sizeof(uint64_t));
    info.memory_map = writer->at;
    info.memory_map_entries = write_memory(writer, memory);
    writer_put(writer, at, &info, sizeof info);
}

/* ---- Prepare and load ---- */

bool pvh_prepare(const struct guest_memory *memory, const struct guest_boot *boot,
                 struct image_plan *plan, struct refusal *refusal)
{
    struct guest_writer counter = { .memory = NULL };

    if (!from_note(boot->kernel, plan, refusal))
        return false;
    write_info(&counter, memory, boot, plan);
    return image_place(memory, boot, counter.at, plan, refusal);
}

struct entry_state pvh_load(const struct guest_memory *memory, const struct guest_boot *boot,
                            const struct image_plan *plan)
{
    struct guest_writer writer = { .memory = memory, .at = plan->info.value };
    struct entry_state entry = image_load(memory, boot, plan);

    write_info(&writer, memory, boot, plan);
    CHECK(writer.at == plan->info.value + plan->info_bytes);
    entry.rbx = plan->info.value;
    return entry;
}
