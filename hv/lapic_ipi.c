/* SPDX-License-Identifier: MIT
 *
 * See lapic_ipi.h. SDM Vol. 3A, 11.6 "Issuing Interprocessor Interrupts", and
 * 11.12.9 "ICR Operation in x2APIC Mode".
 *
 * Two vCPUs may do anything at the same time, and one may change its mode while
 * another one sends to it: then the message arrives, or is lost, as on the bus.
 */
#include "hv/lapic_ipi.h"

#include "arch/spec/cr.h"
#include "hv/denied.h"
#include "hv/lapic.h"
#include "hv/lapic_level.h"
#include "hv/machine.h"
#include "hv/vm.h"

/* ---- Which vCPU is meant ---- */

/* SDM Vol. 3A, 11.6.2.2 "Logical Destination Mode". A model that is neither flat
 * nor cluster is reserved, and nothing matches in it. */
static bool xapic_matches(const struct lapic *lapic, uint32_t destination)
{
    uint32_t dfr = atomic_load(&lapic->dfr);
    uint8_t own = (uint8_t)(atomic_load(&lapic->ldr) >> LDR_SHIFT);
    uint8_t named = (uint8_t)destination;
    if (destination > 0xFF && destination != X2APIC_BROADCAST)
        return false;
    if (dfr == DFR_FLAT)
        return own & named;
    if (dfr == DFR_CLUSTER)
        return named == 0xFF || (own >> 4 == named >> 4 && (own & named & 0xF));
    return false;
}

static bool x2apic_matches(unsigned index, uint32_t destination)
{
    uint32_t own = x2apic_logical_id(index);
    return destination == X2APIC_BROADCAST ||
           (own >> 16 == destination >> 16 && (own & destination & 0xFFFF));
}

static bool matches(const struct vcpu *vcpu, uint32_t destination)
{
    switch (atomic_load(&vcpu->lapic.mode)) {
    case LAPIC_X2APIC: return x2apic_matches(vcpu->index, destination);
    case LAPIC_XAPIC: return xapic_matches(&vcpu->lapic, destination);
    case LAPIC_DISABLED: return false;
    }
    return false;
}

static uint32_t all(const struct vm *vm)
{
    return (uint32_t)(BIT(vm->vcpu_count) - 1);
}

/* The vCPUs that a destination names, a bit each. */
static uint32_t targets(const struct vm *vm, uint32_t destination, bool logical)
{
    uint32_t set = 0;
    if (!logical && destination == X2APIC_BROADCAST)
        return all(vm);
    if (!logical)
        return destination < vm->vcpu_count ? 1u << destination : 0;
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        if (matches(vm->vcpus[i], destination))
            set |= 1u << i;
    return set;
}

bool lapic_is_named(const struct vm *vm, uint32_t destination, bool logical)
{
    return targets(vm, destination, logical) != 0;
}

/* ---- What arrives there ---- */

/* A disabled APIC has SVR's enable bit clear, too. */
static bool accepts_fixed(const struct vcpu *vcpu)
{
    return atomic_load_explicit(&vcpu->lapic.svr, memory_order_relaxed) & SIVR_ENABLE;
}

struct vcpu *lapic_first_target(const struct vm *vm, uint32_t destination, bool logical)
{
    for (uint32_t set = targets(vm, destination, logical); set != 0; set &= set - 1) {
        struct vcpu *vcpu = vm->vcpus[__builtin_ctz(set)];
        if (accepts_fixed(vcpu))
            return vcpu;
    }
    return NULL;
}

static void deliver_fixed(struct vcpu *target, uint8_t vector)
{
    if (!accepts_fixed(target))
        return;
    if (vector >= VECTOR_FIRST_LEGAL)
        machine_interrupt(target->cpu, vector);
    else
        lapic_error(target, APIC_ERROR_RECEIVE_ILLEGAL_VECTOR);
}

/* Start-up IPIs that came before and were not served yet are void. */
static void deliver_init(struct vcpu *target)
{
    atomic_store(&target->sipi, 0);
    machine_request(target->cpu, REQUEST_INIT);
}

/* The first one since INIT counts, and only if the vCPU waits for it. */
static void deliver_sipi(struct vcpu *target, uint8_t vector)
{
    uint16_t none = 0;
    (void)atomic_compare_exchange_strong(&target->sipi, &none, (uint16_t)(VCPU_SIPI | vector));
    machine_request(target->cpu, REQUEST_SIPI);
}

/* An APIC that software has disabled by its SVR still takes everything but fixed
 * interrupts; one that IA32_APIC_BASE disables is not on the bus. */
static void deliver_to(struct vcpu *target, enum apic_delivery_mode mode, uint8_t vector)
{
    if (atomic_load(&target->lapic.mode) == LAPIC_DISABLED)
        return;
    switch (mode) {
    case DELIVERY_FIXED:
    case DELIVERY_LOWEST_PRIORITY: deliver_fixed(target, vector); return;
    case DELIVERY_NMI: machine_request(target->cpu, REQUEST_GUEST_NMI); return;
    case DELIVERY_INIT: deliver_init(target); return;
    case DELIVERY_STARTUP: deliver_sipi(target, vector); return;
    case DELIVERY_SMI: /* there is no SMM */
    case DELIVERY_EXTINT: return;
    }
}

/* The lowest priority: one of the APICs that accept it. Task priorities of other
 * CPUs are theirs alone to read, and the manual calls the choice model specific;
 * it is the one with the lowest number. SDM Vol. 3A, 11.6.2.4 "Lowest Priority
 * Delivery Mode". */
static uint32_t first_to_accept(const struct vm *vm, uint32_t set)
{
    for (; set; set &= set - 1)
        if (accepts_fixed(vm->vcpus[__builtin_ctz(set)]))
            return set & -set;
    return 0;
}

static void deliver_to_all(const struct vm *vm, uint32_t set, enum apic_delivery_mode mode,
                           uint8_t vector)
{
    if (mode == DELIVERY_LOWEST_PRIORITY)
        set = first_to_accept(vm, set);
    for (; set; set &= set - 1) /* at most CONFIG_VCPUS_MAX bits */
        deliver_to(vm->vcpus[__builtin_ctz(set)], mode, vector);
}

void lapic_deliver(struct vm *vm, uint32_t destination, bool logical,
                   enum apic_delivery_mode mode, uint8_t vector)
{
    deliver_to_all(vm, targets(vm, destination, logical), mode, vector);
}

bool lapic_deliver_level(struct vm *vm, uint32_t destination, bool logical,
                         enum apic_delivery_mode mode, uint8_t vector)
{
    uint32_t set = targets(vm, destination, logical);
    bool taken = false;

    if (mode == DELIVERY_LOWEST_PRIORITY)
        set = first_to_accept(vm, set);
    for (; set; set &= set - 1) /* at most CONFIG_VCPUS_MAX bits */
        taken |= lapic_level_send(vm->vcpus[__builtin_ctz(set)], vector);
    return taken;
}

/* ---- The interrupt command register ---- */

static enum apic_delivery_mode delivery_of(uint32_t command)
{
    return command >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK;
}

static enum icr_shorthand shorthand_of(uint32_t command)
{
    return command >> ICR_SHORTHAND_SHIFT & ICR_SHORTHAND_MASK;
}

/* Nobody's mode of delivery here, or nobody's to oneself: SDM Vol. 3A, Table 11-3
 * "Valid Combinations for the Pentium 4 and Intel Xeon Processors' Local xAPIC
 * Interrupt Command Register". */
static bool is_lost(uint32_t command)
{
    bool to_self = shorthand_of(command) == SHORTHAND_SELF || shorthand_of(command) == SHORTHAND_ALL;
    switch (delivery_of(command)) {
    case DELIVERY_FIXED: return false;
    case DELIVERY_LOWEST_PRIORITY:
    case DELIVERY_NMI:
    case DELIVERY_INIT:
    case DELIVERY_STARTUP: return to_self;
    case DELIVERY_SMI:
    case DELIVERY_EXTINT: return true;
    }
    return true;
}

static bool has_illegal_vector(uint32_t command)
{
    enum apic_delivery_mode mode = delivery_of(command);
    return (mode == DELIVERY_FIXED || mode == DELIVERY_LOWEST_PRIORITY) &&
           (uint8_t)command < VECTOR_FIRST_LEGAL;
}

/* The de-assert message of INIT only ever set arbitration ids. */
static bool is_deassert(uint32_t command)
{
    return delivery_of(command) == DELIVERY_INIT && (command & ICR_TRIGGER_LEVEL) &&
           !(command & ICR_LEVEL_ASSERT);
}

static uint32_t addressed(const struct vcpu *vcpu, uint32_t destination, uint32_t command)
{
    uint32_t self = 1u << vcpu->index;
    switch (shorthand_of(command)) {
    case SHORTHAND_NONE: return targets(vcpu->vm, destination, command & ICR_LOGICAL);
    case SHORTHAND_SELF: return self;
    case SHORTHAND_ALL: return all(vcpu->vm);
    case SHORTHAND_ALL_BUT_SELF: return all(vcpu->vm) & ~self;
    }
    return 0;
}

/* Not inlined, so that the frequent case does not pay for its registers. */
__attribute__((noinline))
static void send_any(struct vcpu *vcpu, uint32_t destination, uint32_t command)
{
    if (is_lost(command)) {
        denied_report(vcpu, DENIED_IPI, command & DENIED_IPI_BITS);
        return;
    }
    if (has_illegal_vector(command))
        lapic_error(vcpu, APIC_ERROR_SEND_ILLEGAL_VECTOR);
    if (!is_deassert(command))
        deliver_to_all(vcpu->vm, addressed(vcpu, destination, command), delivery_of(command),
                       (uint8_t)command);
}

/* Bits that are 0 in a command that is a fixed interrupt to one vCPU by its number:
 * reserved ones, shorthand, destination mode and delivery mode. */
#define ICR_NOT_PLAIN \
    (~(uint32_t)(ICR_TRIGGER_LEVEL | ICR_LEVEL_ASSERT | ICR_PENDING | ICR_VECTOR_MASK))

/* The frequent case takes no detour. */
static inline bool send_plain(const struct vcpu *vcpu, uint32_t destination, uint32_t command)
{
    const struct vm *vm = vcpu->vm;
    if ((command & ICR_NOT_PLAIN) || destination >= vm->vcpu_count ||
        (uint8_t)command < VECTOR_FIRST_LEGAL)
        return false;
    deliver_fixed(vm->vcpus[destination], (uint8_t)command);
    return true;
}

/* The guest observes the interrupt at its targets, and in the error status that
 * fixed interrupts with vectors 0 to 15 do not exist. */
void lapic_send(struct vcpu *vcpu, uint32_t destination, uint32_t command)
{
    if (!send_plain(vcpu, destination, command))
        send_any(vcpu, destination, command);
}

/* The guest observes the same, or #GP(0) for reserved bits. */
bool lapic_icr_write(struct vcpu *vcpu, uint64_t value)
{
    struct lapic *lapic = &vcpu->lapic;
    if (!lapic_is_x2apic(lapic) || (value & ICR_X2APIC_RESERVED))
        return false;
    lapic->icr_low = (uint32_t)(value & ~ICR_PENDING);
    lapic->icr_high = (uint32_t)(value >> 32);
    lapic_send(vcpu, lapic->icr_high, (uint32_t)value);
    return true;
}
