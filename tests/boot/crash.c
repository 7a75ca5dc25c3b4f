/* SPDX-License-Identifier: MIT
 *
 * In place of boot/preflight.c, so that a machine without VT-x comes this far, too: a
 * bug of the hypervisor's own, a write through a null pointer two calls deep. Linked
 * into an image that only a test boots.
 */
#include "boot/boot.h"

/* The compiler must not see that nothing is there. */
static volatile uint64_t nowhere;

void crash_by_null_pointer(void);

__attribute__((noinline)) void crash_by_null_pointer(void)
{
    *(volatile uint64_t *)nowhere = 1;
}

void boot_preflight(void)
{
    crash_by_null_pointer();
    nowhere = 0; /* so that the call above is no jump */
}
