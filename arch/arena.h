/* SPDX-License-Identifier: MIT
 *
 * The hypervisor's working memory besides the image: one block taken from the
 * boot memory map, sized for the machine and the configuration, handed out
 * once and never taken back. Zeroed.
 */
#pragma once

#include "hv/addr.h"

void arena_init(hpa_t base, uint64_t bytes);
void *arena_take(uint64_t bytes, uint64_t align);
hpa_t arena_hpa(const void *address);
uint64_t arena_used(void);
