/* SPDX-License-Identifier: MIT
 *
 * Takes a USB host controller from the firmware, which may be imitating a PS/2 keyboard
 * with it by SMIs, before a guest gets it. A guest could not: what it would write is in
 * configuration space that it does not have, and the firmware's SMIs would fight with
 * its driver.
 */
#pragma once

#include <stdint.h>

struct pci_function;

enum usb_handoff {
    USB_HANDOFF_NONE,  /* no such controller, or the firmware did not own it */
    USB_HANDOFF_GIVEN,
    USB_HANDOFF_TAKEN, /* the firmware did not let go in time, and owns it no more */
};

/* Behind this the controller raises no SMIs. At boot, while the function decodes as the
 * firmware left it; waits for a second at most. */
enum usb_handoff usb_handoff(const struct pci_function *function, uint64_t tsc_hz);
