/* SPDX-License-Identifier: MIT
 *
 * Starts the application processors, one after the other, by INIT-SIPI-SIPI.
 * Before any VMXON: a CPU in VMX root operation must never get an INIT.
 */
#pragma once

#include "hv/addr.h"

/* Starts every CPU in cpus[] but the calling one, with a bounded wait each. A
 * CPU that does not answer stays CPU_ABSENT. `page` is free and below 1 MiB. */
void smp_start_all(hpa_t page);

/* Lets the started CPUs go on to cpu_run(). */
void smp_release_all(void);
