/* SPDX-License-Identifier: MIT
 *
 * See pci_topology.h. All of it is about records; nothing is read from a device.
 *
 * PCI Express Base Specification 5.0, 6.12 "Access Control Services (ACS)";
 * PCI Express to PCI/PCI-X Bridge Specification 1.0, 2.3 "Assignment of
 * Requester ID and Tag by the Bridge".
 */
#include "hv/pci_topology.h"

#include "arch/spec/pci.h"

static bool has_buses(const struct pci_function *function)
{
    return function->secondary_bus != 0;
}

static bool leads_to(const struct pci_function *bridge, uint16_t segment, uint8_t bus)
{
    return has_buses(bridge) && bridge->address.segment == segment
        && bridge->secondary_bus <= bus && bus <= bridge->subordinate_bus;
}

uint16_t pci_bridge_to(const struct pci_inventory *pci, uint16_t segment, uint8_t bus)
{
    uint16_t innermost = PCI_NO_PARENT;
    for (unsigned i = 0; i < pci->count; i++) {
        const struct pci_function *bridge = &pci->functions[i];
        if (leads_to(bridge, segment, bus)
            && (innermost == PCI_NO_PARENT
                || bridge->secondary_bus > pci->functions[innermost].secondary_bus))
            innermost = (uint16_t)i;
    }
    return innermost;
}

static bool is_above(const struct pci_inventory *pci, unsigned above, unsigned below)
{
    while (pci->functions[below].parent != PCI_NO_PARENT) { /* which is a lower number */
        below = pci->functions[below].parent;
        if (below == above)
            return true;
    }
    return false;
}

/* Marks the bridges before this one that claim one of its buses. */
static bool mark_clashes(struct pci_inventory *pci, unsigned number)
{
    struct pci_function *bridge = &pci->functions[number];
    for (unsigned i = 0; i < number; i++) {
        struct pci_function *other = &pci->functions[i];
        if (!has_buses(other) || other->address.segment != bridge->address.segment
            || other->subordinate_bus < bridge->secondary_bus
            || bridge->subordinate_bus < other->secondary_bus || is_above(pci, i, number))
            continue;
        other->flags |= PCI_SHARES_BUSES;
        bridge->flags |= PCI_SHARES_BUSES;
    }
    return bridge->flags & PCI_SHARES_BUSES;
}

static enum pci_problem_kind lead_nowhere(struct pci_function *bridge, enum pci_problem_kind why)
{
    bridge->secondary_bus = bridge->subordinate_bus = 0;
    return why;
}

enum pci_problem_kind pci_bridge_check(struct pci_inventory *pci, unsigned number)
{
    struct pci_function *bridge = &pci->functions[number];
    bool beyond = false;
    if (!has_buses(bridge))
        return lead_nowhere(bridge, PCI_BRIDGE_UNSET);
    if (bridge->secondary_bus <= bridge->address.bus
        || bridge->subordinate_bus < bridge->secondary_bus)
        return lead_nowhere(bridge, PCI_BRIDGE_BACK);
    if (bridge->parent != PCI_NO_PARENT) {
        uint8_t last = pci->functions[bridge->parent].subordinate_bus;
        if (bridge->secondary_bus > last)
            return lead_nowhere(bridge, PCI_BRIDGE_BEYOND);
        beyond = bridge->subordinate_bus > last;
        if (beyond)
            bridge->subordinate_bus = last;
    }
    if (mark_clashes(pci, number))
        return PCI_BRIDGE_CLASH;
    return beyond ? PCI_BRIDGE_BEYOND : PCI_PROBLEM_NONE;
}

static bool is_express(const struct pci_function *function)
{
    return function->flags & PCI_IS_EXPRESS;
}

static bool is_upstream_port(const struct pci_function *function)
{
    return is_express(function) && function->port_type == PCI_PORT_UPSTREAM;
}

bool pci_is_downstream_port(const struct pci_function *function)
{
    return is_express(function)
        && (function->port_type == PCI_PORT_ROOT || function->port_type == PCI_PORT_DOWNSTREAM
            || function->port_type == PCI_PORT_PCI_TO_EXPRESS);
}

static bool isolates(const struct pci_function *function)
{
    return function->flags & PCI_ISOLATES;
}

/* A switch is as good as the worst of its downstream ports: a request that one of
 * them does not redirect reaches what is below all the others. */
static bool switch_isolates(const struct pci_inventory *pci, unsigned upstream)
{
    const struct pci_function *port = &pci->functions[upstream];
    if (port->flags & PCI_IS_MULTI_FUNCTION && !isolates(port))
        return false;
    for (unsigned i = upstream + 1; i < pci->count; i++)
        if (pci->functions[i].parent == upstream
            && !(pci_is_downstream_port(&pci->functions[i]) && isolates(&pci->functions[i])))
            return false;
    return true;
}

/* Everything behind this bridge can reach each other and the bridge, or is seen
 * under one requester id. */
static bool mixes(const struct pci_inventory *pci, unsigned bridge)
{
    const struct pci_function *function = &pci->functions[bridge];
    if (function->flags & PCI_SHARES_BUSES)
        return true;
    if (is_upstream_port(function))
        return !switch_isolates(pci, bridge);
    return !(pci_is_downstream_port(function) && isolates(function));
}

/* While groups are made, `group` is the number of an earlier member, or its own. */
static unsigned first_member(const struct pci_inventory *pci, unsigned number)
{
    while (pci->functions[number].group != number)
        number = pci->functions[number].group;
    return number;
}

static void join(struct pci_inventory *pci, unsigned a, unsigned b)
{
    a = first_member(pci, a);
    b = first_member(pci, b);
    if (a < b)
        pci->functions[b].group = (uint16_t)a;
    else
        pci->functions[a].group = (uint16_t)b;
}

static void join_with_bridges_above(struct pci_inventory *pci, unsigned number)
{
    unsigned bridge = pci->functions[number].parent;
    for (; bridge != PCI_NO_PARENT; bridge = pci->functions[bridge].parent)
        if (mixes(pci, bridge))
            join(pci, number, bridge);
}

/* Below a port all functions are one device's, whatever ARI makes of their
 * numbers. */
static bool same_device(const struct pci_inventory *pci, const struct pci_function *a,
                        const struct pci_function *b)
{
    if (a->address.segment != b->address.segment || a->address.bus != b->address.bus)
        return false;
    return pci_device(a->address) == pci_device(b->address)
        || (a->parent != PCI_NO_PARENT && pci_is_downstream_port(&pci->functions[a->parent]));
}

static bool clash(const struct pci_function *a, const struct pci_function *b)
{
    return a->flags & b->flags & PCI_SHARES_BUSES && a->address.segment == b->address.segment
        && a->secondary_bus <= b->subordinate_bus && b->secondary_bus <= a->subordinate_bus;
}

static void join_with_earlier(struct pci_inventory *pci, unsigned number)
{
    const struct pci_function *function = &pci->functions[number];
    for (unsigned i = 0; i < number; i++) {
        const struct pci_function *other = &pci->functions[i];
        bool apart = isolates(function) && isolates(other);
        if ((same_device(pci, other, function) && !apart) || clash(other, function))
            join(pci, i, number);
    }
}

static void number_groups(struct pci_inventory *pci)
{
    uint16_t next = 0;
    for (unsigned i = 0; i < pci->count; i++) {
        struct pci_function *function = &pci->functions[i];
        /* An earlier member has its final number already. */
        function->group = function->group == i ? next++ : pci->functions[function->group].group;
    }
}

void pci_make_groups(struct pci_inventory *pci)
{
    for (unsigned i = 0; i < pci->count; i++)
        pci->functions[i].group = (uint16_t)i;
    for (unsigned i = 0; i < pci->count; i++) {
        join_with_bridges_above(pci, i);
        join_with_earlier(pci, i);
    }
    number_groups(pci);
}

const struct pci_function *pci_function_at(const struct pci_inventory *pci,
                                           struct pci_address address)
{
    for (unsigned i = 0; i < pci->count; i++)
        if (pci_same_address(pci->functions[i].address, address))
            return &pci->functions[i];
    return NULL;
}

bool pci_path_find(const struct pci_inventory *pci, struct pci_address start,
                   const uint8_t *path, unsigned steps, struct pci_address *out)
{
    struct pci_address at = start;
    for (unsigned i = 0; i < steps; i++) {
        if (path[2 * i] >= PCI_DEVICES || path[2 * i + 1] >= PCI_FUNCTIONS)
            return false;
        at.function = (uint8_t)(path[2 * i] << 3 | path[2 * i + 1]);
        if (i + 1 == steps)
            break;
        const struct pci_function *bridge = pci_function_at(pci, at);
        if (bridge == NULL || !has_buses(bridge))
            return false;
        at.bus = bridge->secondary_bus;
    }
    *out = at;
    return steps > 0;
}
