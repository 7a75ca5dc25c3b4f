/* SPDX-License-Identifier: MIT
 *
 * A bzImage without a 64-bit entry: prints what its boot parameters hold.
 */
#include "guest/kinds/kinds.h"

#include "arch/spec/e820.h"
#include "arch/spec/linux_boot.h"
#include "hv/bytes.h"

const char kind_name[] = "linux32";

void kind_main(const struct state *state)
{
    const uint8_t *params = (const uint8_t *)state->esi;
    const uint8_t *entry = params + BOOT_PARAMS_E820_TABLE;
    uint32_t initrd = little_32(params + SETUP_RAMDISK_IMAGE);

    check_state(state, 0);
    report(state->ebx == 0, "EBX");
    report(little_32(params + SETUP_HEADER) == SETUP_HEADER_MAGIC, "setup header");
    say_command_line((const char *)little_32(params + SETUP_CMD_LINE_PTR));
    for (uint32_t i = 0; i < params[BOOT_PARAMS_E820_ENTRIES]; i++, entry += 20)
        say_memory(little_64(entry), little_64(entry + 8), little_32(entry + 16));
    if (initrd)
        say_module(0, initrd, little_32(params + SETUP_RAMDISK_SIZE), "");
    report(rsdp_is_good(little_32(params + BOOT_PARAMS_ACPI_RSDP_ADDR)), "RSDP");
    dirty(state->esi, BOOT_PARAMS_SIZE);
    finish();
}
