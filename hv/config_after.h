/* SPDX-License-Identifier: MIT
 *
 * Which guests a guest starts after: names become guests, each of which can be
 * ready before it.
 */
#pragma once

#include "hv/config.h"

/* Fills `after` of each guest: no guest waits for itself, however far around. Adds
 * to `findings` what is wrong with `after`, `ready` and `ready_port`. */
void config_check_after(struct config *config, struct findings *findings);
