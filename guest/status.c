/* SPDX-License-Identifier: MIT
 *
 * Ends with the status that its command line says, as test kernels do.
 */
#include "guest/lib.h"

const char guest_name[] = "status";

#define EXIT_PORT 0x501

void guest_main(void)
{
    uint64_t status = cmdline_number("status", 0);

    if (in8(EXIT_PORT) != 0)
        (void)report(false, "the exit port reads something");
    if (status <= UINT8_MAX)
        out8(EXIT_PORT, (uint8_t)status);
    else
        out32(EXIT_PORT, (uint32_t)status);
    (void)report(false, "still running after the exit");
}
