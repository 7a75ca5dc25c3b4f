/* SPDX-License-Identifier: MIT
 *
 * Writing into a guest's RAM for loaders, which have proved beforehand that the
 * place is RAM: these cannot fail.
 */
#pragma once

#include "hv/guest_memory.h"

void guest_put(const struct guest_memory *memory, uint64_t at, const void *bytes, size_t size);
void guest_put_64(const struct guest_memory *memory, uint64_t at, uint64_t value);

/* At any alignment. */
void guest_put_zeros(const struct guest_memory *memory, uint64_t at, uint64_t bytes);
