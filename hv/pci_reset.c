/* SPDX-License-Identifier: MIT
 *
 * See pci_reset.h. PCI Express Base Specification 5.0, 6.6 "PCI Express Reset - Rules";
 * PCI Advanced Capabilities ECN for Conventional PCI, 27 July 2006; PCI Bus Power
 * Management Interface Specification 1.2, 5.4 "Power State Transition".
 */
#include "hv/pci_reset.h"

#include <stddef.h>

#include "arch/spec/pci.h"
#include "hv/machine.h"

#define PENDING_WAIT_MS 100
#define RESET_WAIT_MS 100 /* until it may be asked for anything */
#define BUS_RESET_MS 2
#define ANSWER_WAIT_MS 1000
#define POWER_WAIT_MS 10

struct kept_register {
    uint8_t offset, bytes;
};

/* What a reset clears and the machine needs: BARs first, by their numbers; the command
 * last. */
static const struct kept_register kept_in_header[] = {
    { 0x10, 4 }, { 0x14, 4 }, { 0x18, 4 }, { 0x1C, 4 }, { 0x20, 4 }, { 0x24, 4 }, { 0x30, 4 },
    { PCI_CACHE_LINE_SIZE, 2 }, { PCI_INTERRUPT_LINE, 1 }, { PCI_COMMAND, 2 },
};
#define KEPT_IN_HEADER (sizeof kept_in_header / sizeof kept_in_header[0])

struct kept {
    uint32_t header[KEPT_IN_HEADER];
    uint32_t express_control; /* sizes of packets, which all on the way agree about */
};

static uint32_t read(const struct pci_function *function, unsigned offset, unsigned bytes)
{
    return machine_pci_read(function->address, offset, bytes);
}

static void write(const struct pci_function *function, unsigned offset, unsigned bytes,
                  uint32_t value)
{
    machine_pci_write(function->address, offset, bytes, value);
}

/* As boot found them: the guest may have made the function forget or move them, by
 * registers of its own. */
static void know_bars(const struct pci_function *function, struct kept *kept)
{
    for (unsigned i = 0; i < PCI_BAR_ROM; i++) {
        const struct pci_bar *bar = &function->bars[i];
        if (bar->space == PCI_SPACE_NONE || bar->base == 0)
            continue;
        kept->header[i] = (uint32_t)bar->base;
        if (bar->space == PCI_SPACE_MEMORY_64)
            kept->header[i + 1] = (uint32_t)(bar->base >> 32);
    }
}

static void keep(const struct pci_function *function, struct kept *kept)
{
    for (size_t i = 0; i < KEPT_IN_HEADER; i++)
        kept->header[i] = read(function, kept_in_header[i].offset, kept_in_header[i].bytes);
    know_bars(function, kept);
    if (function->express != 0)
        kept->express_control = read(function, function->express + PCI_EXPRESS_DEVICE_CONTROL, 2);
}

/* Isolation groups are true by it, so it is on whatever it was before. */
static void turn_on_acs(const struct pci_function *function)
{
    unsigned control = function->acs + PCI_ACS_CONTROL;

    if (function->acs != 0)
        write(function, control, 2, read(function, control, 2) |
              (read(function, function->acs + PCI_ACS_CAPABILITY, 2) & PCI_ACS_WANTED));
}

static void restore(const struct pci_function *function, const struct kept *kept)
{
    turn_on_acs(function);
    if (function->express != 0)
        write(function, function->express + PCI_EXPRESS_DEVICE_CONTROL, 2, kept->express_control);
    for (size_t i = 0; i < KEPT_IN_HEADER; i++)
        write(function, kept_in_header[i].offset, kept_in_header[i].bytes, kept->header[i]);
}

static bool is_over(uint64_t begin, uint64_t tsc_hz, unsigned ms)
{
    return machine_tsc() - begin >= tsc_hz / 1000 * ms;
}

static void wait_ms(uint64_t tsc_hz, unsigned ms)
{
    uint64_t begin = machine_tsc();

    while (!is_over(begin, tsc_hz, ms))
        __builtin_ia32_pause();
}

/* Requests that are on their way must not come back to a function that is reset. A
 * question may take as long as a wait. */
static void wait_for_pending(const struct pci_function *function, unsigned status, uint32_t bit,
                             uint64_t tsc_hz)
{
    uint64_t begin = machine_tsc();

    while (read(function, status, 1) & bit && !is_over(begin, tsc_hz, PENDING_WAIT_MS))
        wait_ms(tsc_hz, 1);
}

/* "2.3.1 Configuration Request Retry Status": ones, until it is ready. */
static void wait_for_answer(const struct pci_function *function, uint64_t tsc_hz)
{
    wait_ms(tsc_hz, RESET_WAIT_MS);
    uint64_t begin = machine_tsc();
    while (read(function, PCI_VENDOR_ID, 2) == PCI_NO_VENDOR &&
           !is_over(begin, tsc_hz, ANSWER_WAIT_MS))
        wait_ms(tsc_hz, 1);
}

static void reset_function(const struct pci_function *function, uint64_t tsc_hz)
{
    unsigned control = function->express + PCI_EXPRESS_DEVICE_CONTROL;

    wait_for_pending(function, function->express + PCI_EXPRESS_DEVICE_STATUS, PCI_EXPRESS_PENDING,
                     tsc_hz);
    write(function, control, 2, read(function, control, 2) | PCI_EXPRESS_INITIATE_FLR);
    wait_for_answer(function, tsc_hz);
}

static void reset_advanced(const struct pci_function *function, uint64_t tsc_hz)
{
    wait_for_pending(function, function->advanced + PCI_ADVANCED_FEATURES_STATUS,
                     PCI_ADVANCED_FEATURES_PENDING, tsc_hz);
    write(function, function->advanced + PCI_ADVANCED_FEATURES_CONTROL, 1,
          PCI_ADVANCED_FEATURES_INITIATE_FLR);
    wait_for_answer(function, tsc_hz);
}

static void reset_by_power(const struct pci_function *function, uint64_t tsc_hz)
{
    unsigned control = function->power + PCI_POWER_CONTROL;
    uint32_t value = read(function, control, 2) & ~(uint32_t)PCI_POWER_STATE;

    write(function, control, 2, value | PCI_POWER_STATE_D3);
    wait_ms(tsc_hz, POWER_WAIT_MS);
    write(function, control, 2, value);
    wait_ms(tsc_hz, POWER_WAIT_MS);
}

static void reset_bus(const struct pci_function *bridge, const struct pci_function *function,
                      uint64_t tsc_hz)
{
    uint32_t control = read(bridge, PCI_BRIDGE_CONTROL, 2);

    write(bridge, PCI_BRIDGE_CONTROL, 2, control | PCI_BRIDGE_SECONDARY_RESET);
    wait_ms(tsc_hz, BUS_RESET_MS);
    write(bridge, PCI_BRIDGE_CONTROL, 2, control & ~PCI_BRIDGE_SECONDARY_RESET);
    wait_for_answer(function, tsc_hz);
}

/* The bridge above, if nothing else is behind it; or NULL. */
static const struct pci_function *bridge_of_its_own(const struct pci_inventory *pci,
                                                    const struct pci_function *function)
{
    if (function->parent == PCI_NO_PARENT || pci->ignored != 0)
        return NULL;
    const struct pci_function *bridge = &pci->functions[function->parent];
    for (unsigned i = 0; i < pci->count; i++) {
        const struct pci_address other = pci->functions[i].address;
        if (&pci->functions[i] != function && other.segment == bridge->address.segment &&
            other.bus >= bridge->secondary_bus && other.bus <= bridge->subordinate_bus)
            return NULL;
    }
    return bridge->header == PCI_HEADER_BRIDGE ? bridge : NULL;
}

enum pci_reset_kind pci_reset_kind(const struct pci_inventory *pci,
                                   const struct pci_function *function)
{
    if (function->express != 0 &&
        read(function, function->express + PCI_EXPRESS_DEVICE_CAPABILITIES, 4) &
            PCI_EXPRESS_DEVICE_FLR)
        return PCI_RESET_FUNCTION;
    if (function->advanced != 0 && function->flags & PCI_RESETS_ALONE)
        return PCI_RESET_ADVANCED;
    if (function->power != 0 &&
        !(read(function, function->power + PCI_POWER_CONTROL, 2) & PCI_POWER_NO_SOFT_RESET))
        return PCI_RESET_POWER;
    return bridge_of_its_own(pci, function) != NULL ? PCI_RESET_BUS : PCI_RESET_NONE;
}

const char *pci_reset_name(enum pci_reset_kind kind)
{
    switch (kind) {
    case PCI_RESET_NONE:
        return "no reset";
    case PCI_RESET_FUNCTION:
    case PCI_RESET_ADVANCED:
        return "function-level reset";
    case PCI_RESET_POWER:
        return "reset by power state";
    case PCI_RESET_BUS:
        return "reset of its bus";
    }
    return "";
}

void pci_reset(const struct pci_inventory *pci, const struct pci_function *function,
               enum pci_reset_kind kind, uint64_t tsc_hz)
{
    struct kept kept = { .express_control = 0 };

    keep(function, &kept);
    switch (kind) {
    case PCI_RESET_NONE:
        return;
    case PCI_RESET_FUNCTION:
        reset_function(function, tsc_hz);
        break;
    case PCI_RESET_ADVANCED:
        reset_advanced(function, tsc_hz);
        break;
    case PCI_RESET_POWER:
        reset_by_power(function, tsc_hz);
        break;
    case PCI_RESET_BUS:
        reset_bus(bridge_of_its_own(pci, function), function, tsc_hz);
        break;
    }
    restore(function, &kept);
}
