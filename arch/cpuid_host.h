/* SPDX-License-Identifier: MIT
 *
 * The calling CPU's answers to every CPUID leaf that guests' tables are made of.
 */
#pragma once

#include "hv/cpuid.h"

void cpuid_host_read(struct cpuid_host *host);
