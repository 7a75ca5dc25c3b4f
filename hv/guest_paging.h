/* SPDX-License-Identifier: MIT
 *
 * Guest-linear addresses: the walk of a guest's own paging structures, with
 * the checks and faults of the processor, for the few instructions that the
 * hypervisor finishes in the guest's stead.
 *
 * The tables are the guest's, so they may say anything and change at any time.
 * Each entry is read once, through guest_memory_translate, which gives nothing
 * but the VM's own RAM; the depth is at most five.
 */
#pragma once

#include <stddef.h>

#include "hv/addr.h"
#include "hv/guest_mode.h"
#include "hv/vcpu.h"

enum guest_linear {
    GUEST_LINEAR_OK,
    GUEST_LINEAR_FAULT,  /* `fault.verdict` is what happens; CR2 is set */
    GUEST_LINEAR_NOT_RAM /* `fault.gpa` is an address without RAM */
};

struct guest_fault {
    struct verdict verdict;
    gla_t gla; /* that the exception is about */
    gpa_t gpa;
};

/* Longest range of one access. */
#define GUEST_LINEAR_BYTES_MAX 4096

/* All bytes or none: both pages of a crossing are translated before the first
 * byte moves. `bytes` is 1 to GUEST_LINEAR_BYTES_MAX. */
enum guest_linear guest_linear_read(const struct vcpu *vcpu, const struct guest_mode *mode,
                                    gla_t from, void *to, size_t bytes,
                                    struct guest_fault *fault);
enum guest_linear guest_linear_write(const struct vcpu *vcpu, const struct guest_mode *mode,
                                     gla_t to, const void *from, size_t bytes,
                                     struct guest_fault *fault);

/* The bytes of one instruction, and what may follow it. */
#define GUEST_CODE_BYTES 16

/* Instruction bytes from `from`; fewer than all, in *got, if what follows a
 * page boundary cannot be fetched. Not OK only if *got is 0. */
enum guest_linear guest_linear_fetch(const struct vcpu *vcpu, const struct guest_mode *mode,
                                     gla_t from, uint8_t to[static GUEST_CODE_BYTES], size_t *got,
                                     struct guest_fault *fault);
