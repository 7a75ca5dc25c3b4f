/* SPDX-License-Identifier: MIT
 *
 * INS and OUTS, with and without REP.
 *
 * A part of the string at a time, inside one page: the guest then goes on at
 * the same instruction with RCX, RSI and RDI as far as they got, as after an
 * interrupt between two elements. So no guest keeps a CPU in here for long.
 */
#pragma once

#include "hv/vcpu.h"

struct verdict port_string_exit(struct vcpu *vcpu);
