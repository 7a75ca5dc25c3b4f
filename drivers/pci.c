/* SPDX-License-Identifier: MIT
 *
 * See pci.h. Every bus is looked at, in ascending order, whether a bridge leads
 * to it or not: so it needs no recursion, ends whatever bridges say, and finds
 * root buses that only interpreted ACPI code would name.
 */
#include "drivers/pci.h"

#include "arch/spec/pci.h"
#include "drivers/pci_config.h"
#include "hv/pci_topology.h"
#include "hv/text.h"

void pci_problem_add(struct pci_inventory *pci, enum pci_problem_kind kind,
                     struct pci_address address)
{
    if (pci->problem_count == PCI_PROBLEMS_MAX)
        pci->problems_more++;
    else
        pci->problems[pci->problem_count++] = (struct pci_problem){ kind, address };
}

/* 0 is what some chipsets answer for nobody. */
static bool is_there(struct pci_address address, uint32_t *id)
{
    *id = pci_config_read(address, PCI_VENDOR_ID, 4);
    uint16_t vendor = (uint16_t)*id;
    return vendor != PCI_NO_VENDOR && vendor != 0;
}

static void check_bridge(struct pci_inventory *pci, unsigned number)
{
    const struct pci_function *function = &pci->functions[number];
    if (function->header != PCI_HEADER_BRIDGE && function->header != PCI_HEADER_CARDBUS)
        return;
    enum pci_problem_kind problem = pci_bridge_check(pci, number);
    if (problem != PCI_PROBLEM_NONE)
        pci_problem_add(pci, problem, function->address);
}

/* The record, or NULL if nobody is there or there is no room. */
static const struct pci_function *look_at(struct pci_inventory *pci, struct pci_address address,
                                          uint16_t parent)
{
    uint32_t id;
    if (!is_there(address, &id))
        return NULL;
    if (pci->count == PCI_FUNCTIONS_MAX) {
        pci->ignored++;
        return NULL;
    }
    struct pci_function *function = &pci->functions[pci->count];
    *function = (struct pci_function){ .address = address, .vendor_id = (uint16_t)id,
                                       .device_id = (uint16_t)(id >> 16), .parent = parent };
    pci_function_read(function, pci);
    check_bridge(pci, pci->count++);
    return function;
}

/* Up to 256 functions, each naming the next, which has a higher number. */
static void look_at_ari_functions(struct pci_inventory *pci, const struct pci_function *first,
                                  uint16_t parent)
{
    struct pci_address address = first->address;
    const struct pci_function *function = first;
    while (function != NULL && function->ari != 0) {
        uint8_t next = (uint8_t)pci_config_read(address, function->ari + PCI_ARI_NEXT_FUNCTION, 1);
        if (next <= address.function)
            return;
        address.function = next;
        function = look_at(pci, address, parent);
    }
}

static void look_at_device(struct pci_inventory *pci, struct pci_address address, uint16_t parent)
{
    const struct pci_function *first = look_at(pci, address, parent);
    if (first == NULL)
        return;
    if (parent != PCI_NO_PARENT && pci->functions[parent].flags & PCI_FORWARDS_ARI
        && first->ari != 0) {
        look_at_ari_functions(pci, first, parent);
        return;
    }
    if (!(first->flags & PCI_IS_MULTI_FUNCTION))
        return;
    for (unsigned i = 1; i < PCI_FUNCTIONS; i++) {
        address.function++;
        (void)look_at(pci, address, parent);
    }
}

/* On a link there is one device. Some answer to every device number. */
static void look_at_bus(struct pci_inventory *pci, uint16_t segment, uint8_t bus)
{
    uint16_t parent = pci_bridge_to(pci, segment, bus);
    bool link = parent != PCI_NO_PARENT && pci_is_downstream_port(&pci->functions[parent]);
    for (unsigned device = 0; device < (link ? 1 : PCI_DEVICES); device++)
        look_at_device(pci, (struct pci_address){ segment, bus, (uint8_t)(device << 3) }, parent);
}

void pci_scan(struct pci_inventory *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < pci_config_range_count(); i++) {
        struct pci_range range = pci_config_range(i);
        for (unsigned bus = range.first_bus; bus <= range.last_bus; bus++)
            look_at_bus(out, range.segment, (uint8_t)bus);
    }
    pci_make_groups(out);
}
