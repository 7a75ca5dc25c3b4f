/* SPDX-License-Identifier: MIT
 *
 * Every way out of a guest, decided on one page.
 */
#pragma once

#include "hv/vcpu.h"

/* What happens after this exit: `reason` is the whole VMCS field, with its high
 * bits, as it stands in the record of the exit; behind this the record names a row
 * of the recorder. Handlers read what else they need of it from the VMCS. */
struct verdict exit_dispatch(struct vcpu *vcpu, uint32_t reason);

/* The name of a basic exit reason, for reports; "unknown" for one that no
 * manual of ours names. */
const char *exit_reason_name(uint32_t basic_reason);
