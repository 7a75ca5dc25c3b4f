/* SPDX-License-Identifier: MIT
 *
 * The functions of hv/machine.h for registers of guests' devices. Seldom used: what
 * guests access all the time is mapped in their EPT.
 */
#include "arch/window.h"
#include "drivers/mmio.h"
#include "hv/check.h"
#include "hv/machine.h"

static void *register_at(hpa_t at, size_t bytes)
{
    CHECK(at.value % bytes == 0);
    return window_at(&this_cpu()->windows[WINDOW_REGISTERS], at);
}

uint64_t machine_register_read(hpa_t at, size_t bytes)
{
    const void *from = register_at(at, bytes);
    switch (bytes) {
    case 1: return mmio_read8(from);
    case 2: return mmio_read16(from);
    case 4: return mmio_read32(from);
    default: return mmio_read64(from);
    }
}

void machine_register_write(hpa_t at, size_t bytes, uint64_t value)
{
    void *to = register_at(at, bytes);
    switch (bytes) {
    case 1: mmio_write8(to, (uint8_t)value); break;
    case 2: mmio_write16(to, (uint16_t)value); break;
    case 4: mmio_write32(to, (uint32_t)value); break;
    default: mmio_write64(to, value); break;
    }
}
