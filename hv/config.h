/* SPDX-License-Identifier: MIT
 *
 * The partition of the machine, as one text file says it.
 *
 * config_parse reads the text and config_check holds it against the machine;
 * both report all that is wrong and never stop at the first error. Only when
 * neither added an error is the configuration complete: every guest then owns
 * CPUs and a block of memory that nobody else has, and its images exist.
 * docs/configuration.md is the user's description.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/addr.h"
#include "hv/console_place.h"
#include "hv/findings.h"
#include "hv/guest_boot.h"
#include "hv/inventory.h"
#include "hv/log.h"
#include "hv/restart.h"

#define CONFIG_VMS_MAX 8
#define CONFIG_VCPUS_MAX 8  /* of one guest */
#define CONFIG_CPUS_MAX 64  /* of the machine */

#define CONFIG_NAME_SIZE 32     /* sizes include the terminator */
#define CONFIG_IMAGE_SIZE 64
#define CONFIG_READY_SIZE 64
#define CONFIG_CMDLINE_SIZE 2048 /* as Linux on x86 */
#define CONFIG_MODULES_TEXT_SIZE 4096 /* all command lines of a guest's modules */

#define CONFIG_DEVICES_MAX 16 /* of one guest, each of these */
#define CONFIG_PORTS_MAX 16
#define CONFIG_IRQS_MAX 15
#define CONFIG_MMIO_MAX 8

#define CONFIG_MEMORY_STEP MIB(2)
#define CONFIG_MEMORY_MIN MIB(16)
#define CONFIG_MEMORY_MAX GIB(1024)

/* What the machine does when its last guest has stopped. */
enum when_all_stopped { WHEN_ALL_STOPPED_POWEROFF, WHEN_ALL_STOPPED_REBOOT, WHEN_ALL_STOPPED_WAIT };

/* What the hypervisor does instead of starting guests. */
enum selftest { SELFTEST_NONE, SELFTEST_VTD };

/* The keys of the two tables, in the order of the reference. */
enum hypervisor_key {
    HYPERVISOR_CONSOLE_PORT,
    HYPERVISOR_CONSOLE_SPEED,
    HYPERVISOR_SCREEN,
    HYPERVISOR_LOG,
    HYPERVISOR_INVENTORY,
    HYPERVISOR_WHEN_ALL_STOPPED,
    HYPERVISOR_SELFTEST,
    HYPERVISOR_KEY_COUNT
};

enum vm_key {
    VM_NAME,
    VM_CPUS,
    VM_MEMORY,
    VM_KERNEL,
    VM_FORMAT,
    VM_INITRD,
    VM_MODULES,
    VM_CMDLINE,
    VM_LOAD_ADDRESS,
    VM_ENTRY,
    VM_MODE,
    VM_CONSOLE,
    VM_MANAGER,
    VM_EXIT_PORT,
    VM_START,
    VM_AFTER,
    VM_READY,
    VM_READY_PORT,
    VM_RESTART,
    VM_RESTART_LIMIT,
    VM_RESTART_THEN,
    VM_WATCHDOG,
    VM_WATCHDOG_SILENCE,
    VM_LOG,
    VM_LARGE_PAGES,
    VM_DEVICES,
    VM_PORTS,
    VM_IRQS,
    VM_MMIO,
    VM_DMA,
    VM_KEY_COUNT
};

struct hypervisor_config {
    struct console_place console; /* where the UART is */
    uint32_t console_speed; /* bits per second, a divisor of 115200 */
    bool screen; /* show the console on the screen, too */
    enum log_level log;
    bool inventory; /* show what the machine has */
    enum when_all_stopped when_all_stopped;
    enum selftest selftest;
    struct place header; /* line 0: the table is not there, all is default */
    struct place at[HYPERVISOR_KEY_COUNT]; /* line 0: not given */
};

/* One of `modules`: a file, and what the kernel is told about it. */
struct config_module {
    char file[CONFIG_IMAGE_SIZE]; /* empty: its entry is wrong */
    uint16_t string;              /* where in modules_text its command line begins */
    struct place at;
};

/* One of `after`. */
struct config_after {
    char name[CONFIG_NAME_SIZE];
    struct place at;
};

/* One of `devices`. */
struct config_device {
    struct pci_address address;
    bool gsi_given; /* else the firmware's interrupt line says which it is */
    uint32_t gsi;   /* the IOAPIC input of its INTx pin */
    struct place at;
};

/* One of `ports` or `mmio`: first and last port or byte. */
struct config_range {
    uint64_t first;
    uint64_t last;
    struct place at;
};

/* One of `irqs`. */
struct config_irq {
    uint8_t irq;
    struct place at;
};

/* A guest's parts of the machine. */
struct config_parts {
    uint32_t device_count, port_count, irq_count, mmio_count;
    struct config_device devices[CONFIG_DEVICES_MAX];
    struct config_range ports[CONFIG_PORTS_MAX];
    struct config_irq irqs[CONFIG_IRQS_MAX];
    struct config_range mmio[CONFIG_MMIO_MAX]; /* whole pages of 4 KiB */
    bool dma_unprotected; /* its devices may write to all memory */
};

struct vm_config {
    char name[CONFIG_NAME_SIZE];
    uint32_t cpu_count;
    bool cpus_listed;                   /* false: only their number was given */
    uint16_t cpus[CONFIG_VCPUS_MAX];    /* by vCPU; config_check fills it for a number */
    uint64_t memory_bytes;
    hpa_t memory_base;                  /* config_check decides: aligned to 2 MiB */
    char kernel[CONFIG_IMAGE_SIZE];
    enum guest_kind kind;               /* GUEST_KIND_ANY: the kernel's file tells */
    struct guest_flat flat;             /* its keys as given; config_guest_boot completes it */
    bool start_wrong;                   /* how to start it was said wrongly, and reported */
    char initrd[CONFIG_IMAGE_SIZE];     /* empty: none */
    uint32_t module_count;
    struct config_module modules[GUEST_MODULES_MAX];
    uint32_t modules_text_used;
    char modules_text[CONFIG_MODULES_TEXT_SIZE]; /* one string behind the other */
    char cmdline[CONFIG_CMDLINE_SIZE];
    bool console;                       /* it has a UART on the machine's console */
    bool manager;                       /* its COM2 leads to a monitor */
    uint16_t exit_port;                 /* what is written there ends it; 0: none */
    bool start_manual;                  /* the user starts it, in the monitor */
    uint32_t after_count;
    struct config_after after_names[CONFIG_VMS_MAX];
    uint32_t after;                     /* the same, a bit a guest: config_check fills it */
    char ready[CONFIG_READY_SIZE];      /* its console shows this when it is; empty: none */
    uint16_t ready_port;                /* it writes there when it is; 0: none */
    struct restart_rule restart;
    bool watchdog;                      /* it has the device */
    uint32_t silence_seconds;           /* of its console, that end it; 0: for ever */
    bool large_pages;                   /* as given; not given: as the CPUs are */
    bool learns;                        /* all that it touches is listed when it ends */
    struct config_parts parts;
    struct place header;
    struct place at[VM_KEY_COUNT];      /* the key's value; line 0: not given */
    struct place cpu_at[CONFIG_VCPUS_MAX]; /* each listed CPU */
};

struct config {
    struct hypervisor_config hypervisor;
    uint32_t vm_count;
    struct vm_config vms[CONFIG_VMS_MAX];
};

/* Overwrites `config`. Adds to `findings`, which the caller has cleared. */
void config_parse(const char *text, size_t length, struct config *config,
                  struct findings *findings);

/*
 * Completes a parsed configuration for this machine: concrete CPUs, and a base
 * for each guest's memory (one block, of 1 GiB alignment where it is large and
 * there is room). Values that config_parse found wrong are not reported again.
 */
void config_check(struct config *config, const struct inventory *inventory,
                  struct findings *findings);

/* The module of that name, or NULL. */
const struct inventory_module *inventory_module(const struct inventory *inventory,
                                                const char *name);
