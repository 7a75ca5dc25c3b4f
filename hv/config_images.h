/* SPDX-License-Identifier: MIT
 *
 * A guest's images: from the names in the configuration to the files that the
 * machine has, and whether they can be started in that guest.
 */
#pragma once

#include "hv/config.h"
#include "hv/guest_boot.h"
#include "hv/guest_memory.h"

/* What the guest is started from; the RSDP's address is left 0. Images that are
 * not there are empty. */
struct guest_boot config_guest_boot(const struct vm_config *vm,
                                    const struct inventory *inventory);

/* The guest's memory as it was placed; where that is wrong, the largest. */
struct guest_memory config_guest_memory(const struct vm_config *vm);

/* Reports each image that is missing, and each guest that could not be started.
 * Where the guest's memory is wrong, its images are held against the largest. */
void config_check_images(const struct config *config, const struct inventory *inventory,
                         struct findings *findings);
