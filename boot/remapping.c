/* SPDX-License-Identifier: MIT
 *
 * Turns DMA and interrupt remapping on before any guest exists, so that from then on
 * no device that firmware or boot loader left active writes to memory, and says what
 * follows where that cannot be.
 */
#include "arch/arena.h"
#include "arch/host.h"
#include "arch/vtd.h"
#include "boot/boot.h"
#include "hv/log.h"

uint64_t boot_remapping_bytes(const struct config *config)
{
    uint64_t memory = 0;
    for (unsigned i = 0; i < config->vm_count; i++)
        memory += config->vms[i].memory_bytes;
    unsigned guests = config->hypervisor.selftest == SELFTEST_NONE ? config->vm_count
                                                                   : SELFTEST_GUESTS;
    return vtd_table_bytes(memory, guests);
}

static struct frames take_frames(const struct config *config)
{
    struct frames frames = { .count = 0 };
    uint64_t bytes = boot_remapping_bytes(config);
    if (bytes == 0)
        return frames;
    uint64_t *tables = arena_take(bytes, PAGE_SIZE_4K);
    frames_init(&frames, tables, arena_hpa(tables), (unsigned)(bytes / PAGE_SIZE_4K));
    return frames;
}

void boot_remapping(const struct boot *boot)
{
    if (host.acpi.dmar.x2apic_opt_out)
        log_line(LOG_WARNING, "the firmware asks to leave x2APIC off (DMAR opt-out); guests need it, so it "
                 "is used");
    if (!vtd_start(take_frames(&boot->config), boot->info.memory, boot->info.memory_count)) {
        log_line(LOG_INFO, "VT-d is not used: %s", vtd_absence());
        return;
    }
    char text[VTD_TEXT_SIZE];
    vtd_describe(text);
    log_line(LOG_INFO, "VT-d is on: %s", text);
}
