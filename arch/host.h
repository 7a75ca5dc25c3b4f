/* SPDX-License-Identifier: MIT
 *
 * What boot found out about the machine and later parts still need.
 */
#pragma once

#include <stdbool.h>

#include "drivers/acpi.h"
#include "hv/mtrr.h"
#include "hv/pci_function.h"

struct host {
    bool serial_present;
    bool serial_polled; /* its interrupt reaches nobody: a tick looks after it */
    bool keyboard_present;
    unsigned console_cpu; /* takes the console's interrupt, an NMI */
    struct mtrrs mtrrs; /* of the boot CPU; the others' should be the same */
    struct acpi_machine acpi;
    struct pci_inventory pci;
};

extern struct host host;
