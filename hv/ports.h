/* SPDX-License-Identifier: MIT
 *
 * A guest's I/O ports: which device each one belongs to, and the handler of
 * exits by IN, OUT, INS and OUTS.
 *
 * Every port exits. The ports of the guest's devices are rows of a table; all
 * others read as ones and swallow writes, which is what a PC's bus does where
 * nobody answers, and are reported once each. So is a wide access to a narrow
 * device split into bytes, as that bus does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "hv/vcpu.h"

struct verdict ports_exit(struct vcpu *vcpu);

/* One access of 1, 2 or 4 bytes. Bytes above those of a read are undefined. */
uint32_t ports_read(struct vcpu *vcpu, uint16_t port, size_t bytes);

struct vm;

/* A device of the guest's answers, at least to a part of such an access. */
bool ports_has(const struct vm *vm, uint16_t port, size_t bytes);

/* False: this write has ended the VM. */
bool ports_write(struct vcpu *vcpu, uint16_t port, size_t bytes, uint32_t value);
