/* SPDX-License-Identifier: MIT
 *
 * Reads what hv/cpu_identity.h describes, on the CPU that calls.
 */
#pragma once

#include "hv/cpu_identity.h"

/* All but the APIC id. */
void cpu_identity_read(struct cpu_identity *identity);
