/* SPDX-License-Identifier: MIT
 *
 * Guest-physical addresses where a guest has no RAM: the registers of its
 * emulated devices, and an empty bus, which reads as ones and swallows writes.
 */
#pragma once

#include <stdbool.h>
#include "hv/lapic_page.h"
#include "hv/vcpu.h"

/* Behind the page of the vCPU's own local APIC, which lies in front of whatever
 * else is there. */
uint64_t device_memory_read_other(struct vcpu *vcpu, gpa_t gpa, unsigned bytes);
void device_memory_write_other(struct vcpu *vcpu, gpa_t gpa, unsigned bytes, uint64_t value);

/* Of 1, 2, 4 or 8 bytes, which lie in one page. */
uint64_t device_memory_read(struct vcpu *vcpu, gpa_t gpa, unsigned bytes);
void device_memory_write(struct vcpu *vcpu, gpa_t gpa, unsigned bytes, uint64_t value);

/* A device answers there, or the vCPU's own local APIC. */
bool device_memory_has(const struct vcpu *vcpu, gpa_t gpa);
