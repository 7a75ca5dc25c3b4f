/* SPDX-License-Identifier: MIT
 *
 * DMA and interrupt remapping of the whole machine: which memory each PCI
 * function reaches, and which interrupts it may raise. All VT-d units are driven
 * together, by one set of tables.
 *
 * Off until vtd_start() finds that every unit can do what is needed; then every
 * function is blocked, DMA and interrupts, until it is attached and given interrupts.
 * The exception are functions that a reserved region (RMRR) names: until they are
 * first attached they reach these regions and nothing else.
 *
 * Functions are named by their number in host.pci, guests by their VM index.
 * What is called while guests run may be called on any CPU, also with a VM's
 * lock held; it takes a lock of its own inside, waits at most for the units'
 * invalidations (microseconds; with a limit), and logs nothing but a unit's
 * failure. Locks: a VM's before this one, the console's behind it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/ept.h"
#include "hv/frames.h"
#include "hv/irte.h"
#include "hv/memory_map.h"

#define VTD_NO_INTERRUPT UINT32_MAX

/* ---- Boot ---- */

/* Bytes of tables that vtd_start() and the domains of guests with this much memory
 * together want; 0 if the firmware's tables have no unit. */
uint64_t vtd_table_bytes(uint64_t guests_memory_bytes, unsigned guests);

/* Turns remapping on, with all tables in `frames`. `memory` is the firmware's map: no
 * reserved region and no unit may be in usable RAM. False: there are no units that can
 * be used, and vtd_absence() says why. They are as the firmware left them, or, if one of
 * them could not be turned off or on, off as far as they answer. */
bool vtd_start(struct frames frames, const struct memory_range *memory, unsigned count)
    __attribute__((warn_unused_result));
bool vtd_is_on(void);
const char *vtd_absence(void);

/* "2 units, 48 bits, pages up to 1 GiB, APIC ids of 32 bits" */
#define VTD_TEXT_SIZE 96
void vtd_describe(char to[static VTD_TEXT_SIZE]);

/* From now on a unit that recorded a fault calls this CPU by an NMI. */
void vtd_call_on_faults(uint32_t apic_id);

/* The domain of a guest: functions that are attached to it will reach these ranges
 * of the guest's addresses (guest_memory_ranges()), by the largest pages there are,
 * and nothing else. The name is for reports. Returns NULL, or why it cannot be. Once
 * for each guest. */
const char *vtd_domain_create(unsigned vm, const char *name, const struct ept_range *ranges,
                              unsigned count) __attribute__((warn_unused_result));

/* ---- A function's memory, at boot and while guests run ---- */

/* The function, by whatever requester id its requests carry behind bridges, reaches
 * the guest's domain, and its reserved regions (RMRR) one to one. Ends a quarantine.
 * Bus mastering and reset are the caller's. Returns NULL, or why not, and then nothing
 * has changed: a reserved region overlaps usable RAM or the guest's addresses or is
 * another guest's already, no unit is responsible for the function, or an id of it is
 * another guest's. At boot the answer is final; later it is the same again. */
const char *vtd_attach(unsigned function, unsigned vm) __attribute__((warn_unused_result));

/* Blocked again, and its interrupts are cleared; functions behind the same
 * conventional bridge share a requester id and are blocked with it. When it returns
 * true no request of the function is under way to the guest's memory. False: a unit
 * did not answer, which was logged; the memory must not be used for another. */
bool vtd_detach(unsigned function) __attribute__((warn_unused_result));

/* It had too many faults: blocked, and its bus mastering was turned off. That must
 * stay so until the function was reset and attached again. */
bool vtd_is_quarantined(unsigned function);

/* ---- Interrupts: hv/irte.h has the types ---- */

/* `count` interrupts that follow each other and that this function alone can raise; all
 * are clear. Returns the first one's index, or VTD_NO_INTERRUPT:
 * no more are left. Given once, at boot; they stay the function's. */
uint32_t vtd_interrupts_allocate(unsigned function, unsigned count);

/* The same for one input of an IOAPIC, by the id that the MADT gives that. */
uint32_t vtd_ioapic_interrupt_allocate(uint8_t ioapic_id);

/* From now on that is what the interrupt does; whether the destination is the owner's
 * CPU is the caller's to know. False: it is clear. The interrupt cannot be (no legal
 * vector, no such APIC id), its function is quarantined, or a unit did not answer,
 * which was logged. irte_message() and irte_redirection() tell what to write into the
 * function or the IOAPIC, before or after. */
bool vtd_interrupt_set(uint32_t index, const struct vtd_interrupt *interrupt)
    __attribute__((warn_unused_result));

/* Blocked: the message does nothing but leave a fault. */
bool vtd_interrupt_clear(uint32_t index) __attribute__((warn_unused_result));

/* ---- Faults ---- */

/* Looks at what the units recorded: logs it with device and guest, a few lines of each
 * function, and quarantines a function with too many. Called when an NMI came to the
 * console's CPU, which is how a unit calls; nothing happens where VT-d is off. */
void vtd_serve_faults(void);
