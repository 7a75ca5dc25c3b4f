/* SPDX-License-Identifier: MIT
 *
 * Every way out of a guest, decided on one page.
 */
#pragma once

#include "hv/vcpu.h"

/* What happens after this exit. Counts it, too. */
struct verdict exit_dispatch(struct vcpu *vcpu, const struct exit *exit);

/* The name of a basic exit reason, for reports; "unknown" for one that no
 * manual of ours names. */
const char *exit_reason_name(uint32_t basic_reason);
