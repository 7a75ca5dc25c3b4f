/* SPDX-License-Identifier: MIT
 *
 * What a guest with `log = "learn"` touches: every MSR, port, CPUID leaf and page
 * without memory that made it exit, emulated or refused, with how often, how often
 * refused, and from where first. The list is shown when the guest ends and begins
 * anew; of a guest that restarts again and again only once a minute, as a list is
 * seconds of a serial line.
 *
 * It is bounded: what does not fit is counted by kind. Such a guest leaves by a
 * door of its own (arch/vmx_entry.asm), so the others pay nothing for it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/config.h"
#include "hv/lock.h"
#include "hv/quota.h"

#define LEARN_PLACES_MAX 512

enum learn_kind {
    LEARN_CPUID, /* where: leaf, and subleaf in the upper half */
    LEARN_MSR_READ,
    LEARN_MSR_WRITE,
    LEARN_PORT_READ,
    LEARN_PORT_WRITE,
    LEARN_PAGE_READ, /* where: guest-physical address of the page */
    LEARN_PAGE_WRITE,
    LEARN_KIND_COUNT
};

struct learn_place {
    enum learn_kind kind;
    uint64_t where;
    uint64_t times, refused; /* of CPUID: all registers were 0 */
    uint64_t first_rip;
};

/* What the exit touches that a vCPU is in; LEARN_KIND_COUNT: nothing of these. */
struct learn_touch {
    enum learn_kind kind;
    uint64_t where;
    bool refused; /* of a port or a page: nobody is there */
    uint64_t rip;
};

struct learn {
    struct lock lock; /* but `touches` are each vCPU's own */
    struct learn_touch touches[CONFIG_VCPUS_MAX];
    uint32_t count;
    struct learn_place places[LEARN_PLACES_MAX]; /* ascending by kind and where */
    uint64_t lost[LEARN_KIND_COUNT]; /* accesses to places that did not fit */
    struct quota told; /* lists of lives behind which another one began */
};

struct vcpu;
struct vm;

void learn_init(struct learn *learn);

/* Around the handling of an exit: before, the registers are as the guest had them;
 * behind, they are as it will see them. A learn_end without a begin does nothing. */
void learn_begin(struct vcpu *vcpu);
void learn_end(struct vcpu *vcpu);

/* The list of a guest that has one is shown, always if the guest does not go on, and
 * begins anew. No vCPU of the VM runs. */
void learn_report(struct vm *vm, bool goes_on);
