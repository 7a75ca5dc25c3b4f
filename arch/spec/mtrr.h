/* SPDX-License-Identifier: MIT
 *
 * Memory type range registers: what firmware says of physical memory.
 * SDM Vol. 3A, 12.11 "Memory Type Range Registers (MTRRs)".
 */
#pragma once

/* 12.11.1 "MTRR Feature Identification" */
#define MTRRCAP_VARIABLE_COUNT 0xFFull /* bits 7:0 */
#define MTRRCAP_FIX (1ull << 8)
#define MTRRCAP_WC (1ull << 10)

/* 12.11.2.1 "IA32_MTRR_DEF_TYPE MSR" */
#define MTRR_TYPE 0xFFull /* bits 7:0; in a base register, too */
#define MTRR_FIXED_ENABLE (1ull << 10)
#define MTRR_ENABLE (1ull << 11)

/* 12.11.2.3 "Variable Range MTRRs": pairs of registers from here on. */
#define MTRR_PHYSMASK_VALID (1ull << 11)
#define MTRR_ADDRESS_MASK 0x000FFFFFFFFFF000ull

/* Table 12-8 "Memory Types That Can Be Encoded in MTRRs" */
enum mtrr_type {
    MTRR_UNCACHEABLE = 0,
    MTRR_WRITE_COMBINING = 1,
    MTRR_WRITE_THROUGH = 4,
    MTRR_WRITE_PROTECTED = 5,
    MTRR_WRITE_BACK = 6,
};
