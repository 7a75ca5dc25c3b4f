/* SPDX-License-Identifier: MIT
 *
 * The calling CPU's memory type range registers.
 */
#pragma once

#include "hv/mtrr.h"

/* Off on a CPU that has none. */
void mtrrs_read(struct mtrrs *mtrrs);
