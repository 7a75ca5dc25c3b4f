/* SPDX-License-Identifier: MIT
 *
 * A kernel by the PVH protocol: prints what its start info holds.
 */
#include "guest/kinds/kinds.h"

#include "arch/spec/pvh.h"

const char kind_name[] = "pvh";

static const char *text(uint64_t address)
{
    return (const char *)(uint32_t)address;
}

void kind_main(const struct state *state)
{
    const struct pvh_start_info *info = (const struct pvh_start_info *)state->ebx;
    const struct pvh_module *module = (const struct pvh_module *)(uint32_t)info->modules;
    const struct pvh_memory *memory = (const struct pvh_memory *)(uint32_t)info->memory_map;

    check_state(state, 0);
    report(info->magic == PVH_START_MAGIC && info->version == 1 && info->flags == 0,
           "start info of version 1");
    say_command_line(text(info->cmdline));
    for (uint32_t i = 0; i < info->memory_map_entries; i++)
        say_memory(memory[i].address, memory[i].bytes, memory[i].type);
    for (uint32_t i = 0; i < info->module_count; i++)
        say_module(i, (uint32_t)module[i].address, (uint32_t)module[i].bytes,
                   text(module[i].cmdline));
    report(rsdp_is_good((uint32_t)info->rsdp), "RSDP");
    report(find_rsdp() == info->rsdp, "RSDP in the BIOS area");
    report(*(const uint32_t *)0x200000 == 0x0FA20FA2, "physical addresses count");
    dirty(0x200000, 4);
    dirty(state->ebx, 512);
    finish();
}
