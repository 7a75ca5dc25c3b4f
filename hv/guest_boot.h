/* SPDX-License-Identifier: MIT
 *
 * What a guest is started from, again and again: its images, none of which a
 * guest can change, and what goes with them.
 */
#pragma once

#include "hv/addr.h"
#include "hv/span.h"

struct guest_boot {
    struct span kernel;
    struct span initrd; /* size 0: none */
    const char *cmdline;
    gpa_t rsdp; /* of the guest's ACPI tables; 0: none */
};
