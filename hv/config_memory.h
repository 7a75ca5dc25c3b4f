/* SPDX-License-Identifier: MIT
 *
 * Where in the machine's memory each guest's block lies.
 */
#pragma once

#include "hv/config.h"

/*
 * Gives each guest with a size its base: aligned to 2 MiB, inside one free
 * region, overlapping no other guest's. Reports each one that finds no place.
 * Large guests come first and each takes the smallest region that holds it; a
 * partition that only a cleverer order would fit in is refused.
 */
void config_place_memory(struct config *config, const struct inventory *inventory,
                         struct findings *findings);
