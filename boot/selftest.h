/* SPDX-License-Identifier: MIT
 *
 * What the parts of the self-test share: boot/selftest.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct edu;

/* One claim: a line, and a mark if it does not hold. */
void expect(bool holds, const char *what);

/* One that was not used before; each is seen to come once. */
uint8_t next_vector(void);
bool becomes_pending(uint8_t vector);

/* Leads the interrupt to such a vector, or nowhere (0). */
uint8_t lead(uint32_t index);

/* The device sends the message with that index; does the vector come? */
bool raises(const struct edu *edu, uint32_t index, uint8_t vector);

/* MSI-X of the machine's first Intel 82574, which QEMU has as e1000e, as a guest with it
 * has it. `other` is another function, `index` an interrupt of that. False: the machine
 * has no such card. */
bool selftest_msix(const struct edu *other, uint32_t index);
