/* SPDX-License-Identifier: MIT
 *
 * The steps of boot/main.c that are more than a call, each in a file of its
 * own, and what one leaves for the next.
 */
#pragma once

#include "boot/multiboot2.h"
#include "drivers/framebuffer.h"
#include "drivers/serial.h"
#include "hv/config.h"
#include "hv/findings.h"
#include "hv/memory_map.h"
#include "hv/vm.h"

/* The boot module that is the configuration, and no guest's image. */
#define CONFIG_MODULE "config"

/* It was so many seconds since 1970-01-01 00:00:00 UTC at that TSC. */
struct boot_clock {
    uint64_t seconds;
    uint64_t tsc;
};

struct boot {
    uint64_t tsc_at_entry;
    hpa_t image;
    hpa_t info_address;
    struct boot_info info;
    bool config_found;
    struct memory_map memory;
    hpa_t trampoline;
    hpa_t record_page; /* 0: none is free */
    struct config config;
    struct findings findings;
    struct inventory inventory;
    struct boot_clock clock; /* the host's, read once */
    struct serial_place serial; /* memory is where it is physically */
    const char *serial_problem; /* why there is none, or NULL */
    struct framebuffer_layout screen;
    const char *screen_problem; /* why there is none, or NULL */
};

/* boot/loader.c: what GRUB left us. Both before the console is up. */
enum multiboot2_status loader_read(struct boot *boot, uint32_t magic, uint32_t info_address);
void loader_read_config(struct boot *boot);

/* boot/console.c */
void boot_console_init(struct boot *boot);
bool boot_console_route(const struct boot *boot); /* its interrupt, to host.console_cpu */
void boot_console_interrupts(const struct boot *boot);

/* boot/serial.c: the serial port that the configuration names, and how it goes to
 * the lasting map, before and behind its activation. */
void boot_serial_init(struct boot *boot);
void boot_serial_map(const struct boot *boot);
void boot_serial_mapped(const struct boot *boot);
void boot_serial_report(const struct boot *boot);

/* boot/screen.c: the screen that the boot loader handed over; how it goes to the
 * lasting map, before and behind its activation. */
void boot_screen_init(struct boot *boot);
void boot_screen_map(const struct boot *boot);
void boot_screen_mapped(const struct boot *boot);
void boot_screen_report(const struct boot *boot);

/* boot/memory.c: the free memory, the arena, and the lasting map. */
bool boot_memory_holds_ram(const struct boot *boot, uint64_t first, uint64_t end);
void boot_memory_init(struct boot *boot);
void boot_memory_map(struct boot *boot);

/* boot/cpus.c */
void boot_cpus_create(void);
void boot_cpus_start(const struct boot *boot);

/* boot/inventory.c: finds the PCI functions, shows what the machine has. */
void boot_inventory(struct boot *boot);

/* boot/remapping.c: VT-d, and the bytes of the arena that it takes. */
void boot_remapping(const struct boot *boot);
uint64_t boot_remapping_bytes(const struct config *config);

/* boot/selftest.c: if the configuration asks for it, drives VT-d with devices that are
 * made for it, and ends the machine. */
#define SELFTEST_GUESTS 2
#define SELFTEST_GUEST_BYTES MIB(4)
void boot_selftest(struct boot *boot);

/* boot/preflight.c: prints the table; halts on an unsuitable machine. */
void boot_preflight(void);

/* boot/parts.c: parts of the machine for guests. The first lists what no guest can
 * own; frames are those that mapping them takes at most, beyond the RAM's. */
void boot_own_parts(struct boot *boot);
unsigned boot_parts_frames(const struct vm_config *config);
void boot_give_parts(const struct boot *boot, struct vm *vm);

/* boot/partition.c: checks the configuration against the machine and makes the
 * VMs; halts with all findings if anything is wrong. */
void boot_partition(struct boot *boot);
