/* SPDX-License-Identifier: MIT
 *
 * See usb_handoff.h. The list of capabilities of an EHCI is in configuration space, that
 * of an xHCI in memory; what is in them is the same.
 */
#include "hv/usb_handoff.h"

#include <stdbool.h>

#include "arch/spec/pci.h"
#include "arch/spec/usb.h"
#include "hv/machine.h"

#define DOUBLEWORD sizeof(uint32_t)
#define WAIT_MS 1000

/* More than fit into configuration space; an xHCI has a few. */
#define CAPABILITIES_MAX 64

/* A controller's list: in memory, or in configuration space. */
struct list {
    const struct pci_function *function;
    bool in_memory;
    uint64_t end; /* offsets below it can be read */
};

static hpa_t memory_at(const struct pci_function *function, uint64_t offset)
{
    return HPA(function->bars[0].base + offset);
}

static uint32_t read(const struct list *list, uint64_t at)
{
    if (list->in_memory)
        return (uint32_t)machine_register_read(memory_at(list->function, at), DOUBLEWORD);
    return machine_pci_read(list->function->address, (unsigned)at, DOUBLEWORD);
}

static void write(const struct list *list, uint64_t at, uint32_t value)
{
    if (list->in_memory)
        machine_register_write(memory_at(list->function, at), DOUBLEWORD, value);
    else
        machine_pci_write(list->function->address, (unsigned)at, DOUBLEWORD, value);
}

/* The legacy support capability; 0: there is none. */
static uint64_t find(const struct list *list, uint64_t at)
{
    for (unsigned i = 0; i < CAPABILITIES_MAX; i++) {
        if (at == 0 || at % DOUBLEWORD != 0 || at + USB_LEGACY_CONTROL + DOUBLEWORD > list->end)
            return 0;
        uint32_t head = read(list, at);
        if ((head & USB_CAPABILITY_ID) == USB_CAPABILITY_LEGACY)
            return at;
        uint64_t next = head >> USB_CAPABILITY_NEXT_SHIFT & 0xFF;
        if (next == 0)
            return 0;
        at = list->in_memory ? at + next * DOUBLEWORD : next;
    }
    return 0;
}

static bool firmware_owns(const struct list *list, uint64_t at)
{
    return read(list, at) & USB_LEGACY_FIRMWARE_OWNS;
}

static void wait_for_firmware(const struct list *list, uint64_t at, uint64_t tsc_hz)
{
    uint64_t begin = machine_tsc();

    while (firmware_owns(list, at) && machine_tsc() - begin < tsc_hz / 1000 * WAIT_MS)
        __builtin_ia32_pause();
}

static enum usb_handoff hand_over(const struct list *list, uint64_t at, uint32_t enables,
                                  uint64_t tsc_hz)
{
    enum usb_handoff result = USB_HANDOFF_NONE;
    uint32_t head = read(list, at);

    if (head & USB_LEGACY_FIRMWARE_OWNS) {
        write(list, at, head | USB_LEGACY_SYSTEM_OWNS);
        wait_for_firmware(list, at, tsc_hz);
        result = firmware_owns(list, at) ? USB_HANDOFF_TAKEN : USB_HANDOFF_GIVEN;
        if (result == USB_HANDOFF_TAKEN)
            write(list, at, (head & ~USB_LEGACY_FIRMWARE_OWNS) | USB_LEGACY_SYSTEM_OWNS);
    }
    uint32_t control = read(list, at + USB_LEGACY_CONTROL);
    write(list, at + USB_LEGACY_CONTROL, (control & ~enables) | USB_LEGACY_EVENTS);
    return result;
}

static enum usb_handoff from_configuration(const struct pci_function *function, uint64_t tsc_hz)
{
    struct list list = { function, false, PCI_CONFIG_BYTES };
    uint32_t parameters =
        (uint32_t)machine_register_read(memory_at(function, EHCI_HCCPARAMS), DOUBLEWORD);
    uint64_t at = find(&list, parameters >> EHCI_EECP_SHIFT & 0xFF);

    return at < PCI_HEADER_BYTES ? USB_HANDOFF_NONE
                                 : hand_over(&list, at, EHCI_LEGACY_ENABLES, tsc_hz);
}

static enum usb_handoff from_memory(const struct pci_function *function, uint64_t tsc_hz)
{
    struct list list = { function, true, 1ull << function->bars[0].size_shift };
    uint32_t parameters =
        (uint32_t)machine_register_read(memory_at(function, XHCI_HCCPARAMS1), DOUBLEWORD);
    uint64_t at = find(&list, (uint64_t)(parameters >> XHCI_XECP_SHIFT) * DOUBLEWORD);

    return at == 0 ? USB_HANDOFF_NONE : hand_over(&list, at, XHCI_LEGACY_ENABLES, tsc_hz);
}

/* Nobody is asked. Its interrupt as INTx is what each driver would turn on here. */
static void silence_uhci(const struct pci_function *function)
{
    machine_pci_write(function->address, UHCI_LEGACY, 2, UHCI_LEGACY_EVENTS | UHCI_LEGACY_INTX);
}

/* Its registers can be reached. */
static bool has_memory(const struct pci_function *function)
{
    const struct pci_bar *bar = &function->bars[0];

    return function->command & PCI_COMMAND_MEMORY && bar->base != 0 &&
           (bar->space == PCI_SPACE_MEMORY_32 || bar->space == PCI_SPACE_MEMORY_64) &&
           1ull << bar->size_shift >= XHCI_HCCPARAMS1 + DOUBLEWORD;
}

enum usb_handoff usb_handoff(const struct pci_function *function, uint64_t tsc_hz)
{
    if (function->class_code != PCI_CLASS_USB)
        return USB_HANDOFF_NONE;
    if (function->interface == USB_INTERFACE_UHCI)
        silence_uhci(function);
    if (function->interface == USB_INTERFACE_EHCI && has_memory(function))
        return from_configuration(function, tsc_hz);
    if (function->interface == USB_INTERFACE_XHCI && has_memory(function))
        return from_memory(function, tsc_hz);
    return USB_HANDOFF_NONE;
}
