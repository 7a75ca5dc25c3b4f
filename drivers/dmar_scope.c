/* SPDX-License-Identifier: MIT
 *
 * See dmar_scope.h. VT-d specification, 8.3 "DMA Remapping Hardware Unit Definition
 * Structure" and 8.3.1 "Device Scope Structure".
 */
#include "drivers/dmar_scope.h"

#include "hv/pci_topology.h"

static bool find(const struct dmar_scope *scope, uint16_t segment,
                 const struct pci_inventory *pci, struct pci_address *out)
{
    struct pci_address start = { .segment = segment, .bus = scope->bus };
    return pci_path_find(pci, start, scope->path, scope->step_count, out);
}

/* The function itself, or for the scope of a bridge, one of those above. */
static bool scope_names(const struct dmar_scope *scope, uint16_t segment,
                        const struct pci_inventory *pci, unsigned function)
{
    struct pci_address named;
    if (scope->type != DMAR_SCOPE_ENDPOINT && scope->type != DMAR_SCOPE_BRIDGE)
        return false;
    if (!find(scope, segment, pci, &named))
        return false;
    unsigned at = function;
    while (!pci_same_address(pci->functions[at].address, named)) {
        at = pci->functions[at].parent; /* which is a lower number */
        if (scope->type != DMAR_SCOPE_BRIDGE || at == PCI_NO_PARENT)
            return false;
    }
    return true;
}

bool dmar_scopes_name(const struct dmar *dmar, uint16_t segment, struct dmar_scopes scopes,
                      const struct pci_inventory *pci, unsigned function)
{
    if (pci->functions[function].address.segment != segment)
        return false;
    for (unsigned i = 0; i < scopes.count; i++)
        if (scope_names(&dmar->scopes[scopes.first + i], segment, pci, function))
            return true;
    return false;
}

uint32_t dmar_unit_of(const struct dmar *dmar, const struct pci_inventory *pci,
                      unsigned function)
{
    uint32_t others = DMAR_NO_UNIT;
    for (unsigned i = 0; i < dmar->unit_count; i++) {
        const struct dmar_unit *unit = &dmar->units[i];
        if (dmar_scopes_name(dmar, unit->segment, unit->scopes, pci, function))
            return i;
        if (unit->all_others && unit->segment == pci->functions[function].address.segment)
            others = i;
    }
    return others;
}

bool dmar_ioapic_source(const struct dmar *dmar, const struct pci_inventory *pci, uint8_t id,
                        uint16_t *source)
{
    for (unsigned i = 0; i < dmar->unit_count; i++) {
        struct dmar_scopes scopes = dmar->units[i].scopes;
        for (unsigned k = 0; k < scopes.count; k++) {
            const struct dmar_scope *scope = &dmar->scopes[scopes.first + k];
            struct pci_address at;
            if (scope->type != DMAR_SCOPE_IOAPIC || scope->id != id
                || !find(scope, dmar->units[i].segment, pci, &at))
                continue;
            *source = (uint16_t)(at.bus << 8 | at.function);
            return true;
        }
    }
    return false;
}
