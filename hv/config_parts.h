/* SPDX-License-Identifier: MIT
 *
 * Values of the keys by which a guest gets parts of the machine. Whether the
 * parts are there, and nobody else's, is for hv/config_owners.h.
 */
#pragma once

#include "hv/config.h"
#include "hv/toml.h"

/* One element of `devices`, `ports`, `irqs` or `mmio`. */
void config_add_part(struct config_parts *parts, enum vm_key key, const struct toml_value *value,
                     struct findings *findings);

void config_set_dma(struct config_parts *parts, const struct toml_value *value,
                    struct findings *findings);
