/* SPDX-License-Identifier: MIT
 *
 * A virtual machine: its partition, its emulated devices, and its life from
 * start to end. See hv/vcpu.h for the CPUs' part of the state machine.
 *
 * The last vCPU to park finishes the end: it reports, zeroes the memory, and
 * starts the VM again or leaves it stopped.
 */
#pragma once

#include <stdatomic.h>

#include "hv/cmos.h"
#include "hv/config.h"
#include "hv/cpuid.h"
#include "hv/denied.h"
#include "hv/ept.h"
#include "hv/guest_kind.h"
#include "hv/guest_memory.h"
#include "hv/i8042.h"
#include "hv/ioapic.h"
#include "hv/learn.h"
#include "hv/lines.h"
#include "hv/lock.h"
#include "hv/pci.h"
#include "hv/pic.h"
#include "hv/pit.h"
#include "hv/platform.h"
#include "hv/quota.h"
#include "hv/text_search.h"
#include "hv/timers.h"
#include "hv/uart.h"
#include "hv/vcpu.h"
#include "hv/watchdog.h"

enum vm_state { VM_STOPPED, VM_RUNNING, VM_ENDING };

struct vm_last {
    enum vm_end end; /* VM_END_NONE: there was none */
    const char *reason;
    uint32_t status;
};

struct vm {
    const struct vm_config *config;
    unsigned index;
    _Atomic enum vm_state state;
    _Atomic enum vm_end end; /* the first vCPU to end the VM decides */
    _Atomic unsigned vcpus_alive;   /* started and not yet parked */
    _Atomic unsigned vcpus_waiting; /* APs that have arrived at their start */
    uint32_t exit_status;           /* of VM_END_EXIT */
    const char *_Atomic end_reason; /* NULL until the mark of the end is complete */
    struct vm_last last;            /* life: how it ended */
    unsigned starts; /* how often it was started since boot */
    struct restart_history restarts; /* by itself */
    struct quota restarts_told, reports_told;
    bool end_has_report; /* set before end_reason */
    uint32_t reports_untold; /* before that one */
    _Atomic uint32_t waits_for; /* see hv/readiness.h */
    _Atomic bool ready;         /* in this life */
    struct text_search ready_search; /* over its console's output; under `lock` */
    _Atomic bool stop_asked; /* by the user, while it was ending */
    _Atomic bool paused;  /* by the user; its vCPUs stay in the mailbox */
    uint64_t ended_tsc;   /* the mark of the last end */
    uint64_t started_tsc; /* its boot vCPU's first instruction of this life */

    struct guest_boot boot; /* what it is started from, again and again */
    struct guest_plan plan;
    struct entry_state entry; /* of the first vCPU */

    struct guest_memory memory;
    struct ept ept;
    struct cpuid_table cpuid;
    hpa_t msr_bitmaps[MSR_BITMAP_COUNT]; /* MSR_BITMAP_SIZE bytes each, page-aligned */
    bool has_more_ports; /* than every guest has */
    hpa_t io_bitmap; /* IO_BITMAP_BYTES, page-aligned; 0: it owns no port */

    struct lock lock; /* over the devices below */
    struct uart com1, com2;
    struct ioapic ioapic;
    struct lines lines;
    struct pic pic;
    struct pit pit;
    struct timers timers;
    struct watchdog watchdog;
    struct i8042 i8042;
    struct cmos cmos;
    struct pci_host pci;
    struct platform_ports platform;
    struct denied denied;
    struct learn *learn; /* NULL: it is not asked for */

    unsigned vcpu_count;
    struct vcpu *vcpus[CONFIG_VCPUS_MAX];
};
