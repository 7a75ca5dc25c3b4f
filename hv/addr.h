/* SPDX-License-Identifier: MIT
 *
 * The address spaces, as types that do not mix.
 *
 * A host-physical, a guest-physical and a guest-linear address are all 64-bit
 * numbers and none may ever be taken for another: mistaking one is an escape.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Address on the machine's bus. */
typedef struct { uint64_t value; } hpa_t;

/* Address on a guest's bus; EPT maps it to an hpa_t, or to nothing. */
typedef struct { uint64_t value; } gpa_t;

/* Address that a guest's instruction forms; the guest's paging maps it. */
typedef struct { uint64_t value; } gla_t;

#define HPA(address) ((hpa_t){ (address) })
#define GPA(address) ((gpa_t){ (address) })
#define GLA(address) ((gla_t){ (address) })

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

#define PAGE_SIZE_4K KIB(4)
#define PAGE_SIZE_2M MIB(2)
#define PAGE_SIZE_1G GIB(1)

static inline uint64_t align_down(uint64_t value, uint64_t power_of_two)
{
    return value & ~(power_of_two - 1);
}

/* The caller knows that the result does not exceed 64 bits. */
static inline uint64_t align_up(uint64_t value, uint64_t power_of_two)
{
    return align_down(value + power_of_two - 1, power_of_two);
}
