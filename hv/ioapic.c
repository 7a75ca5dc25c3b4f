/* SPDX-License-Identifier: MIT
 *
 * See ioapic.h. Registers as in the Intel 82093AA data sheet, 3.0 "Register
 * Description"; the version is that part's, 11h, which has no EOI register.
 * Polarity is stored and read back, and changes nothing: a line is high when its
 * device asserts it, and entries that contradict the tables on this work all the
 * same.
 */
#include "hv/ioapic.h"

#include "arch/spec/apic.h"
#include "hv/check.h"
#include "hv/guest_ports.h"
#include "hv/lapic_ipi.h"
#include "hv/vm.h"

#define VERSION 0x11u
#define MAX_ENTRY_SHIFT 16
#define ID_SHIFT 24
#define ID_MASK 0xFu
#define FIRST_FIXED_VECTOR 16

#define HALVES_OF(pin) (3ull << 2 * (pin))
#define HALVES_OF_TIMERS \
    (HALVES_OF(GUEST_PIN_PIT) | HALVES_OF(GUEST_IRQ_RTC) | HALVES_OF(GUEST_IRQ_SCI))

#define LOW_WRITABLE (0x1FFFFu & ~(uint32_t)(REDIRECTION_PENDING | REDIRECTION_REMOTE_IRR))
#define HIGH_WRITABLE 0xFF000000u /* the destination */

void ioapic_init(struct ioapic *ioapic, uint8_t id)
{
    *ioapic = (struct ioapic){ .id = id & ID_MASK };
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        ioapic->entries[pin] = REDIRECTION_MASKED;
}

/* A fixed interrupt below vector 16 does not exist, SMIs are not the guest's to
 * send, and INTR of the 8259s is at the boot vCPU's LINT0, at no pin, so no vector
 * stands behind ExtINT: such entries deliver nothing. */
static bool is_deliverable(enum apic_delivery_mode mode, uint8_t vector)
{
    switch (mode) {
    case DELIVERY_FIXED:
    case DELIVERY_LOWEST_PRIORITY:
        return vector >= FIRST_FIXED_VECTOR;
    case DELIVERY_NMI:
    case DELIVERY_INIT:
        return true;
    case DELIVERY_SMI:
    case DELIVERY_STARTUP:
    case DELIVERY_EXTINT:
        return false;
    }
    return false;
}

static enum apic_delivery_mode mode_of(uint64_t entry)
{
    return (enum apic_delivery_mode)(entry >> REDIRECTION_DELIVERY_SHIFT &
                                     REDIRECTION_DELIVERY_MASK);
}

/* "NMI ... always treated as an edge triggered interrupt even if it is programmed as
 * a level triggered interrupt", and INIT likewise. */
static bool is_level(uint64_t entry)
{
    return (entry & REDIRECTION_LEVEL) &&
           (mode_of(entry) == DELIVERY_FIXED || mode_of(entry) == DELIVERY_LOWEST_PRIORITY);
}

/* An interrupt that a level has sent is with the APIC until its EOI. */
static void deliver(struct vm *vm, uint64_t *entry)
{
    uint8_t vector = *entry & REDIRECTION_VECTOR_MASK;
    enum apic_delivery_mode mode = mode_of(*entry);
    uint32_t destination = lapic_destination_8((uint8_t)(*entry >> REDIRECTION_DESTINATION_SHIFT));
    bool logical = *entry & REDIRECTION_LOGICAL;

    if (!is_deliverable(mode, vector) || (*entry & REDIRECTION_REMOTE_IRR))
        return;
    if (!is_level(*entry))
        lapic_deliver(vm, destination, logical, mode, vector);
    else if (lapic_deliver_level(vm, destination, logical, mode, vector))
        *entry |= REDIRECTION_REMOTE_IRR;
}

void ioapic_set_line(struct vm *vm, unsigned pin, bool high)
{
    struct ioapic *ioapic = &vm->ioapic;

    CHECK(pin < IOAPIC_PINS);
    bool was_high = ioapic->lines >> pin & 1;
    if (high == was_high)
        return;
    ioapic->lines ^= 1u << pin;
    /* An edge on a masked pin is lost, as the data sheet says. */
    if (high && !(ioapic->entries[pin] & REDIRECTION_MASKED))
        deliver(vm, &ioapic->entries[pin]);
}

/* A level is looked at again where something else may have changed. */
static void deliver_level(struct vm *vm, unsigned pin)
{
    uint64_t *entry = &vm->ioapic.entries[pin];

    if (is_level(*entry) && !(*entry & REDIRECTION_MASKED) && (vm->ioapic.lines >> pin & 1))
        deliver(vm, entry);
}

/* An edge takes Remote IRR away, as kernels know. */
static void write_half(struct vm *vm, unsigned index, uint32_t value)
{
    uint32_t *half = &vm->ioapic.halves[index];

    if (index % 2) {
        *half = value & HIGH_WRITABLE;
    } else {
        value &= LOW_WRITABLE;
        *half = is_level(value) ? value | (*half & REDIRECTION_REMOTE_IRR) : value;
    }
    if (lines_has(&vm->lines, index / 2))
        lines_changed(vm, index / 2);
    else
        deliver_level(vm, index / 2);
}

/* A pin that nobody heard is not up to date; what it did meanwhile is lost. Not
 * inlined, so that other pins do not pay for it. */
__attribute__((noinline))
static void write_timed_half(struct vm *vm, unsigned index, uint32_t value)
{
    timers_look(vm);
    write_half(vm, index, value);
    timers_changed(vm);
}

static void write_register(struct vm *vm, uint32_t value)
{
    unsigned index = vm->ioapic.select - IOAPIC_REDIRECTION;

    if (index < 2 * IOAPIC_PINS && !(HALVES_OF_TIMERS >> index & 1))
        write_half(vm, index, value);
    else if (index < 2 * IOAPIC_PINS)
        write_timed_half(vm, index, value);
    else if (vm->ioapic.select == IOAPIC_ID)
        vm->ioapic.id = value >> ID_SHIFT & ID_MASK;
}

/* The message of an EOI names no pin: it ends all of that vector. */
void ioapic_end_of_interrupt(struct vm *vm, uint8_t vector)
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t *entry = &vm->ioapic.entries[pin];
        if ((*entry & REDIRECTION_VECTOR_MASK) != vector || !(*entry & REDIRECTION_REMOTE_IRR))
            continue;
        *entry &= ~REDIRECTION_REMOTE_IRR;
        deliver_level(vm, pin);
    }
}

/* The arbitration id is a copy of the id; what does not exist reads as 0. */
static uint32_t read_register(const struct ioapic *ioapic)
{
    unsigned index = ioapic->select - IOAPIC_REDIRECTION;

    if (index < 2 * IOAPIC_PINS)
        return ioapic->halves[index];
    if (ioapic->select == IOAPIC_ID || ioapic->select == IOAPIC_ARBITRATION)
        return (uint32_t)ioapic->id << ID_SHIFT;
    if (ioapic->select == IOAPIC_VERSION)
        return VERSION | (IOAPIC_PINS - 1u) << MAX_ENTRY_SHIFT;
    return 0;
}

uint64_t ioapic_read(const struct ioapic *ioapic, uint64_t offset, size_t bytes)
{
    if (offset == IOAPIC_IOREGSEL && bytes <= sizeof(uint32_t))
        return ioapic->select;
    if (offset == IOAPIC_IOWIN && bytes == sizeof(uint32_t))
        return read_register(ioapic);
    return UINT64_MAX;
}

void ioapic_write(struct vm *vm, uint64_t offset, size_t bytes, uint64_t value)
{
    if (offset == IOAPIC_IOREGSEL && bytes <= sizeof(uint32_t))
        vm->ioapic.select = (uint8_t)value;
    else if (offset == IOAPIC_IOWIN && bytes == sizeof(uint32_t))
        write_register(vm, (uint32_t)value);
}
