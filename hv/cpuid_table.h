/* SPDX-License-Identifier: MIT
 *
 * Inside of hv/cpuid.h: the table of a VM, for the two files that fill it and
 * answer from it.
 */
#pragma once

#include "hv/cpuid.h"

/* Where the table keeps a leaf; NULL: nowhere, and its registers are 0. */
const struct cpuid_registers *cpuid_find(const struct cpuid_table *table, uint32_t leaf,
                                         uint32_t subleaf);

/* Bytes of an XSAVE area with the components of `xcr0`, at least those of x87
 * and SSE: SDM Vol. 1, 13.4.3 "Extended Region of an XSAVE Area". */
uint32_t cpuid_xsave_size(const struct cpuid_table *table, uint64_t xcr0, bool compacted);
