/* SPDX-License-Identifier: MIT
 *
 * Who owns which part of the machine: each one guest, or nobody.
 */
#pragma once

#include "hv/config.h"

/* Reports all that is asked for and is not there, is the hypervisor's, belongs to
 * another guest, or could not be kept apart from another owner's. */
void config_check_owners(const struct config *config, const struct inventory *inventory,
                         struct findings *findings);

/* ---- Its two parts ---- */

/* hv/config_raw.c: ports, interrupts and ranges of memory. */
void config_check_raw(const struct config *config, const struct inventory *inventory,
                      struct findings *findings);

/* hv/config_devices.c: PCI functions. */
void config_check_devices(const struct config *config, const struct inventory *inventory,
                          struct findings *findings);

/* The guest that lists this function, first; NULL: none. */
const struct vm_config *config_owner_of(const struct config *config, struct pci_address address);

/* The IOAPICs' input of a function's INTx: as the configuration says, or that of the ISA
 * interrupt to which the firmware has routed it. False: it has none, or nobody knows. */
bool config_device_gsi(const struct inventory *inventory, const struct config_device *device,
                       uint32_t *gsi);

/* Whether a BAR's memory, in whole pages, or its ports touch [first, last]. */
bool config_bar_touches(const struct pci_bar *bar, bool io, uint64_t first, uint64_t last);

/* Whether the console's serial port is there, as the configuration places it: one
 * on a PCI card is that function's. */
bool config_console_touches(const struct console_place *console, bool io, uint64_t first,
                            uint64_t last);

/* What is in [first, last] for which nothing can be given to a guest; or NULL. */
const char *config_no_registers(const struct inventory *inventory, bool io, uint64_t first,
                                uint64_t last);

/* What the hypervisor has in [first, last] of such a list; or NULL. */
const char *config_own_range(const struct inventory_own *own, uint32_t count, uint64_t first,
                             uint64_t last);

/* "vm "web" in line 7", for a finding. */
struct owner_text {
    char text[64];
};
struct owner_text config_owner_text(const struct vm_config *vm);
