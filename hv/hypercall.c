/* SPDX-License-Identifier: MIT
 *
 * See hypercall.h.
 */
#include "hv/hypercall.h"

/* KVM_ENOSYS: "this hypercall does not exist", in RAX. */
#define HYPERCALL_UNKNOWN ((uint64_t)-1000)

struct verdict hypercall_exit(struct vcpu *vcpu)
{
    vcpu->gpr[GPR_RAX] = HYPERCALL_UNKNOWN;
    return ADVANCE;
}
