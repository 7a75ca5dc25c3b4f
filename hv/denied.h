/* SPDX-License-Identifier: MIT
 *
 * What a guest was refused, said once per guest and cause.
 *
 * A cause is a kind of access and a port, an MSR or a page. The set is bounded:
 * when it is full one line says that further causes are not listed, so a guest
 * that sweeps everything costs DENIED_MAX + 1 lines and no more. What the guest
 * observes was decided by the caller and is told in the line.
 *
 * The set lives as long as the machine runs: a guest that restarts is not
 * reported for the same causes again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DENIED_MAX 64
#define DENIED_SLOTS (2 * DENIED_MAX)

struct vcpu;

enum denied_kind {
    DENIED_PORT_READ,    /* where: port */
    DENIED_PORT_WRITE,
    DENIED_MSR_READ,     /* where: MSR */
    DENIED_MSR_WRITE,
    DENIED_IPI,          /* where: low half of the ICR, DENIED_IPI_BITS of it */
    DENIED_MEMORY_READ,  /* where: guest-physical address; the cause is its page */
    DENIED_MEMORY_WRITE,
    DENIED_APIC_WRITE,   /* the same, in the page of its local APIC */
};

/* Delivery mode and shorthand: vectors are no causes of their own. */
#define DENIED_IPI_BITS 0xC0700u

/* A hash set. Slots go from 0 to a cause once and stay, so looking one up needs
 * no lock; the VM's lock is for adding. */
struct denied {
    uint32_t count;       /* of causes */
    _Atomic bool is_full; /* and that was said */
    _Atomic uint64_t slots[DENIED_SLOTS];
};

void denied_init(struct denied *denied);

/* What is in a slot, below DENIED_SLOTS. False: nothing. From any CPU. */
bool denied_look(const struct denied *denied, unsigned slot, enum denied_kind *kind,
                 uint64_t *where);
const char *denied_kind_name(enum denied_kind kind);

/* By the vCPU whose exit is being handled: the report names its RIP. Takes the
 * VM's lock for a new cause: call it without. */
void denied_report(struct vcpu *vcpu, enum denied_kind kind, uint64_t where);

/* The same at level debug: for what every PC kernel tries and does not miss. */
void denied_report_expected(struct vcpu *vcpu, enum denied_kind kind, uint64_t where);
