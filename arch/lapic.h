/* SPDX-License-Identifier: MIT
 *
 * The calling CPU's own local APIC, in x2APIC mode.
 */
#pragma once

#include <stdint.h>

#include "arch/spec/apic.h"

/* Enters x2APIC mode and masks every local source. */
void lapic_host_enable(void);

/* Sends to one CPU by APIC id; the vector counts for DELIVERY_FIXED and
 * DELIVERY_STARTUP. */
void lapic_host_send(uint32_t apic_id, enum apic_delivery_mode mode, uint8_t vector);

/* Masks all sources, stops the timer, and takes whatever is pending. */
void lapic_host_drain(void);
