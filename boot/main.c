/* SPDX-License-Identifier: MIT
 *
 * The machine's start, step by step. The boot CPU does all of it; the others
 * join at boot_cpus_start() and wait until everything is ready.
 */
#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "arch/descriptors.h"
#include "arch/host.h"
#include "arch/insn.h"
#include "arch/lines.h"
#include "arch/panic.h"
#include "arch/smp.h"
#include "arch/time.h"
#include "boot/boot.h"
#include "hv/console.h"
#include "hv/log.h"
#include "hv/vm_life.h"

struct host host;
static struct boot boot;

/* Called by boot/entry.asm: the loader's magic, its information structure, and
 * where it put the image, all physical. */
_Noreturn void boot_main(uint32_t magic, uint32_t info_address, uint32_t image_address);

_Noreturn void boot_main(uint32_t magic, uint32_t info_address, uint32_t image_address)
{
    boot.tsc_at_entry = rdtsc();
    boot.image = HPA(image_address);
    cpu_features_read();
    descriptors_init();
    descriptors_load_idt();

    enum multiboot2_status loaded = loader_read(&boot, magic, info_address);
    loader_read_config(&boot);
    boot_console_init(&boot);
    if (loaded != MULTIBOOT2_OK)
        halt_machine(multiboot2_status_text(loaded));

    console_flush();

    boot_memory_init(&boot);
    boot_memory_map(&boot);
    boot_cpus_create();
    cpu_start(cpus[0]);
    boot_cpus_start(&boot);
    boot_inventory(&boot);
    lines_init();
    boot_remapping(&boot);
    boot_own_parts(&boot);
    boot_selftest(&boot);
    boot_preflight();
    boot_partition(&boot);
    boot_console_interrupts(&boot);
    log_line(LOG_INFO, "%u guests start, %llu ticks after the boot loader", vm_start_all(),
             (unsigned long long)(rdtsc() - boot.tsc_at_entry));
    log_line(LOG_DEBUG, "guests start at TSC %llu", (unsigned long long)rdtsc());
    smp_release_all();
    cpu_run();
}
