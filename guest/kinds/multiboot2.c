/* SPDX-License-Identifier: MIT
 *
 * A kernel by the Multiboot2 protocol, in an ELF file of 64 bits: prints what its
 * information structure holds.
 */
#include "guest/kinds/kinds.h"

#include "arch/spec/multiboot2.h"

const char kind_name[] = "multiboot2";

static uint32_t modules, seen;

static void say_map(const uint32_t *tag)
{
    uint32_t entry_bytes = tag[2];
    uint32_t end = (uint32_t)tag + tag[1];

    for (uint32_t at = (uint32_t)(tag + 4); at < end; at += entry_bytes) {
        const uint32_t *entry = (const uint32_t *)at;
        say_memory(entry[0] | (uint64_t)entry[1] << 32, entry[2] | (uint64_t)entry[3] << 32,
                   entry[4]);
    }
}

/* Of 64 bits: sh_addr at 16. */
static void check_sections(const uint32_t *tag)
{
    const uint32_t *names = (const uint32_t *)((uint32_t)(tag + 5) + tag[4] * tag[3]);
    const char *own_name = (const char *)(names[4] + names[0]);

    report(names[4] != 0 && own_name[0] == '.' && own_name[1] == 's' && own_name[2] == 'h',
           "names of sections");
}

static void say_tag(const uint32_t *tag)
{
    seen |= 1u << tag[0];
    switch (tag[0]) {
    case MULTIBOOT2_TAG_COMMAND_LINE:
        say_command_line((const char *)(tag + 2));
        break;
    case MULTIBOOT2_TAG_LOADER_NAME:
        say("loader \"%s\"", (const char *)(tag + 2));
        break;
    case MULTIBOOT2_TAG_MODULE:
        say_module(modules++, tag[2], tag[3] - tag[2], (const char *)(tag + 4));
        break;
    case MULTIBOOT2_TAG_BASIC_MEMORY:
        say("lower %x upper %x", tag[2], tag[3]);
        break;
    case MULTIBOOT2_TAG_MEMORY_MAP:
        say_map(tag);
        break;
    case MULTIBOOT2_TAG_ELF_SECTIONS:
        check_sections(tag);
        break;
    case MULTIBOOT2_TAG_ACPI_NEW:
        report(rsdp_is_good((uint32_t)(tag + 2)), "RSDP copy");
        break;
    }
}

#define EXPECTED_TAGS                                                                     \
    (1u << MULTIBOOT2_TAG_COMMAND_LINE | 1u << MULTIBOOT2_TAG_LOADER_NAME |               \
     1u << MULTIBOOT2_TAG_MODULE | 1u << MULTIBOOT2_TAG_BASIC_MEMORY |                    \
     1u << MULTIBOOT2_TAG_MEMORY_MAP | 1u << MULTIBOOT2_TAG_ELF_SECTIONS |                \
     1u << MULTIBOOT2_TAG_ACPI_OLD | 1u << MULTIBOOT2_TAG_ACPI_NEW)

void kind_main(const struct state *state)
{
    uint32_t at = state->ebx + MULTIBOOT2_INFO_HEADER_BYTES;
    uint32_t end = state->ebx + *(const uint32_t *)state->ebx;

    check_state(state, MULTIBOOT2_LOADER_MAGIC);
    report(state->ebx % 8 == 0, "information at a multiple of 8");
    while (*(const uint32_t *)at != MULTIBOOT2_TAG_END && at < end) {
        say_tag((const uint32_t *)at);
        at += (((const uint32_t *)at)[1] + 7) & ~7u;
    }
    report(at + MULTIBOOT2_TAG_HEADER_BYTES == end, "end tag at the end");
    report(seen == EXPECTED_TAGS, "tags");
    report(*(const uint32_t *)0x200000 == 0x0FA20FA2, "physical addresses count");
    report(find_rsdp() != 0, "RSDP in the BIOS area");
    dirty(0x200000, 4);
    dirty(state->ebx, end - state->ebx);
    finish();
}
