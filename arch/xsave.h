/* SPDX-License-Identifier: MIT
 *
 * Extended processor state: what a guest finds in it at its start, and whether
 * the processor keeps it as its manual says.
 */
#pragma once

#include <stdbool.h>

/* x87, SSE and every XSAVE component of the calling CPU as after RESET. */
void xsave_reset(void);

/* XSAVEC of the calling CPU puts the state of AVX where XRSTOR looks for it. True
 * without AVX, false without XSAVEC. Leaves the state as after RESET. */
bool xsave_compacts(void);
