/* SPDX-License-Identifier: MIT
 *
 * EPT violations: a guest touched guest-physical memory that it does not have.
 * Either an emulated device lives there, or nothing does, and then it behaves
 * like an empty bus: reads give ones, writes vanish.
 */
#pragma once

struct vcpu;
struct verdict;

struct verdict mmio_exit(struct vcpu *vcpu);
