/* SPDX-License-Identifier: MIT
 *
 * The registers of a guest's local APIC as it sees them in xAPIC mode: a page
 * of physical memory, a register every 16 bytes.
 *
 * SDM Vol. 3A, 11.4.1 "The Local APIC Block Diagram" wants aligned accesses of 32
 * bits and leaves all others undefined. Here a read gives the bytes that lie in a
 * register and 0 for the rest, so that a narrow read sees part of the register
 * and a wide one what follows it; a write that is not of 32 bits at the beginning
 * of a register does nothing, and is reported.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct vcpu;

/* `offset` from the beginning of the page; `bytes` is 1 to 8 and may reach behind
 * its end. */
uint64_t lapic_page_read(struct vcpu *vcpu, uint64_t offset, size_t bytes);
void lapic_page_write(struct vcpu *vcpu, uint64_t offset, size_t bytes, uint64_t value);
