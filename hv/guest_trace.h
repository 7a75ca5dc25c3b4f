/* SPDX-License-Identifier: MIT
 *
 * Where a vCPU is, and who called that: the guest's chain of frame pointers.
 *
 *     RBP ---> | the caller's RBP | ---> | its caller's RBP | ---> 0
 *              | return address   |      | return address   |
 *
 * All of it is the guest's memory, read through its own paging by the checked walk,
 * which leads to its RAM and nothing else. Each frame must lie above the one before,
 * so no chain is a loop, and GUEST_TRACE_MAX of them are enough. Who calls a function
 * that has made no frame yet is left out, but for a call to where no code is.
 */
#pragma once

#include "hv/vcpu.h"

#define GUEST_TRACE_MAX 16u

/* Why there is no further frame. */
enum guest_trace_end {
    GUEST_TRACE_WHOLE,      /* the frame pointer, or the return address, is 0 */
    GUEST_TRACE_LONG,       /* there are more than are followed */
    GUEST_TRACE_UNREADABLE, /* no memory is where it should be */
    GUEST_TRACE_ASTRAY,     /* it is not above the one before, or not aligned */
    GUEST_TRACE_NO_CODE,    /* its return address cannot be one */
    GUEST_TRACE_16_BIT,     /* code that knows no such frames */
};

struct guest_trace {
    unsigned count;
    uint64_t address[GUEST_TRACE_MAX]; /* linear; the first one is RIP's, the others where
                                        * calls return to */
    enum guest_trace_end end;
    uint64_t next; /* the frame at which it ended */
};

/* Of the vCPU whose VMCS is current. Leaves CR2 as it is. */
void guest_trace_take(const struct vcpu *vcpu, struct guest_trace *trace);
