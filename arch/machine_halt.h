/* SPDX-License-Identifier: MIT
 *
 * Set once, when the machine stops for good: no CPU enters a guest any more.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

extern _Atomic bool machine_halted;
