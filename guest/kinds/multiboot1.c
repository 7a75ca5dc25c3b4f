/* SPDX-License-Identifier: MIT
 *
 * A kernel by the Multiboot protocol: prints what its information structure
 * holds. Linked twice, see entry.asm.
 */
#include "guest/kinds/kinds.h"

#include "arch/spec/multiboot1.h"

#ifdef ADDRESSES
const char kind_name[] = "addresses";
#define IS_ELF false
#else
const char kind_name[] = "multiboot1";
#define IS_ELF true
#endif

#define HAS (MULTIBOOT1_HAS_MEMORY | MULTIBOOT1_HAS_CMDLINE | MULTIBOOT1_HAS_MODS | \
             MULTIBOOT1_HAS_MMAP | MULTIBOOT1_HAS_LOADER_NAME |                     \
             (IS_ELF ? MULTIBOOT1_HAS_SECTIONS : 0))

static const uint32_t *words(uint32_t address)
{
    return (const uint32_t *)address;
}

static void say_map(const uint32_t *info)
{
    uint32_t at = info[MULTIBOOT1_INFO_MMAP_ADDR];
    uint32_t end = at + info[MULTIBOOT1_INFO_MMAP_LENGTH];

    for (; at < end; at += words(at)[0] + 4) {
        const uint32_t *entry = words(at);
        say_memory(entry[1] | (uint64_t)entry[2] << 32, entry[3] | (uint64_t)entry[4] << 32,
                   entry[5]);
    }
}

static void say_modules(const uint32_t *info)
{
    const uint32_t *list = words(info[MULTIBOOT1_INFO_MODS_ADDR]);

    for (uint32_t i = 0; i < info[MULTIBOOT1_INFO_MODS_COUNT]; i++, list += 4)
        say_module(i, list[0], list[1] - list[0], (const char *)list[2]);
}

/* The symbols are loaded, and the section with the sections' names too. */
static void check_sections(const uint32_t *info)
{
    uint32_t names_index = info[MULTIBOOT1_INFO_SECTIONS_NAMES];
    const uint32_t *names = words(info[MULTIBOOT1_INFO_SECTIONS_ADDR] +
                                  names_index * info[MULTIBOOT1_INFO_SECTIONS_SIZE]);
    const char *own_name = (const char *)(names[3] + names[0]); /* sh_addr, sh_name */

    report(names[3] != 0 && own_name[0] == '.' && own_name[1] == 's' && own_name[2] == 'h',
           "names of sections");
}

void kind_main(const struct state *state)
{
    const uint32_t *info = words(state->ebx);

    check_state(state, MULTIBOOT1_LOADER_MAGIC);
    report(info[MULTIBOOT1_INFO_FLAGS] == HAS, "flags");
    say("lower %x upper %x", info[MULTIBOOT1_INFO_MEM_LOWER], info[MULTIBOOT1_INFO_MEM_UPPER]);
    say("loader \"%s\"", (const char *)info[MULTIBOOT1_INFO_LOADER_NAME]);
    say_command_line((const char *)info[MULTIBOOT1_INFO_CMDLINE]);
    say_map(info);
    say_modules(info);
    if (IS_ELF) {
        check_sections(info);
        report(*words(0x200000) == 0x0FA20FA2, "physical addresses count");
        dirty(0x200000, 4);
    }
    report(find_rsdp() != 0, "RSDP in the BIOS area");
    dirty(state->ebx, 512);
    finish();
}
