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
#include "hv/vm.h"

/* Each life of a guest begins so. Here, so that what begins one need not have all
 * devices with it. */
static inline void ports_reset(struct vm *vm)
{
    const struct vm_config *config = vm->config;

    vm->has_more_ports = config->exit_port != 0 || config->ready_port != 0 || config->watchdog ||
                         vm->pci.assigned != NULL;
}

struct verdict ports_exit(struct vcpu *vcpu);

/* One access of 1, 2 or 4 bytes. Bytes above those of a read are undefined. */
uint32_t ports_read(struct vcpu *vcpu, uint16_t port, size_t bytes);

/* A device of the guest's answers, at least to a part of such an access. */
bool ports_has(const struct vm *vm, uint16_t port, size_t bytes);

/* False: this write has ended the VM. */
bool ports_write(struct vcpu *vcpu, uint16_t port, size_t bytes, uint32_t value);
