/* SPDX-License-Identifier: MIT
 *
 * See irte.h. VT-d specification, 5.1 "Interrupt Remapping".
 */
#include "hv/irte.h"

#include "arch/spec/vtd.h"
#include "hv/check.h"
#include "hv/frames.h"
#include "hv/machine.h"

#define XAPIC_BROADCAST 0xFFu

bool irte_can_be(const struct vtd_interrupt *interrupt, bool extended)
{
    if (interrupt->apic_id >= (extended ? X2APIC_BROADCAST : XAPIC_BROADCAST))
        return false;
    return interrupt->delivery == DELIVERY_NMI
        || (interrupt->delivery == DELIVERY_FIXED && interrupt->vector >= VECTOR_FIRST_LEGAL);
}

struct irte irte_make(const struct vtd_interrupt *interrupt, uint16_t source, bool extended)
{
    CHECK(irte_can_be(interrupt, extended));
    bool nmi = interrupt->delivery == DELIVERY_NMI;
    unsigned shift = extended ? VTD_IRTE_DESTINATION_SHIFT : VTD_IRTE_XAPIC_DESTINATION_SHIFT;
    return (struct irte){
        .low = VTD_IRTE_PRESENT | (interrupt->level && !nmi ? VTD_IRTE_LEVEL : 0)
            | (uint64_t)interrupt->delivery << VTD_IRTE_DELIVERY_SHIFT
            | (uint64_t)(nmi ? 0 : interrupt->vector) << VTD_IRTE_VECTOR_SHIFT
            | (uint64_t)interrupt->apic_id << shift,
        .high = VTD_IRTE_CHECK_SOURCE | source,
    };
}

static void store(uint64_t *at, uint64_t value)
{
    frames_store(at, value);
    machine_memory_publish(at, sizeof *at);
}

void irte_store(uint64_t *at, struct irte entry)
{
    if (at[1] != entry.high) {
        store(&at[0], 0);
        store(&at[1], entry.high);
    }
    store(&at[0], entry.low);
}

void irte_clear(uint64_t *at)
{
    store(&at[0], 0);
    store(&at[1], 0);
}

struct vtd_message irte_message(uint32_t index, bool subhandle)
{
    return (struct vtd_message){
        .address = VTD_MESSAGE_ADDRESS | (index & 0x7FFF) << VTD_MESSAGE_HANDLE_SHIFT
            | VTD_MESSAGE_REMAPPABLE | (subhandle ? VTD_MESSAGE_SUBHANDLE : 0)
            | (index >> 15 & 1) << VTD_MESSAGE_HANDLE_BIT_15_SHIFT,
        .data = 0,
    };
}

/* The vector is the entry's, too: an EOI finds the pin by it. */
uint64_t irte_redirection(uint32_t index, uint8_t vector, bool level, bool active_low)
{
    return (uint64_t)(index & 0x7FFF) << VTD_REDIRECTION_HANDLE_SHIFT
        | VTD_REDIRECTION_REMAPPABLE
        | (uint64_t)(index >> 15 & 1) << VTD_REDIRECTION_HANDLE_BIT_15_SHIFT
        | (level ? REDIRECTION_LEVEL : 0) | (active_low ? REDIRECTION_ACTIVE_LOW : 0) | vector;
}
