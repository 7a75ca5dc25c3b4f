/* SPDX-License-Identifier: MIT
 *
 * Guest-physical addresses where a guest has no RAM: the registers of its
 * emulated devices, and an empty bus, which reads as ones and swallows writes.
 */
#pragma once

#include <stdint.h>

#include "hv/addr.h"

struct vcpu;

/* Of 1, 2, 4 or 8 bytes, which lie in one page. */
uint64_t device_memory_read(struct vcpu *vcpu, gpa_t gpa, unsigned bytes);
void device_memory_write(struct vcpu *vcpu, gpa_t gpa, unsigned bytes, uint64_t value);
