/* SPDX-License-Identifier: MIT
 *
 * Reserved regions (RMRR): hv/dma_reserved.h has the rules.
 */
#include "arch/vtd_state.h"

#include "arch/host.h"
#include "hv/log.h"

static bool names(const struct dmar_reserved *region, unsigned function)
{
    return dmar_scopes_name(&host.acpi.dmar, region->segment, region->scopes, &host.pci, function);
}

static bool admit(const struct vtd_sources *sources)
{
    if (sources->unit == DMAR_NO_UNIT)
        return false;
    for (unsigned i = 0; i < sources->count; i++) {
        hpa_t root = vtd.roots[sources->unit];
        if (dma_source_domain(&vtd.frames, root, sources->ids[i]) == 0
            && !dma_source_attach(&vtd.frames, root, sources->ids[i], &vtd.firmware))
            return false;
    }
    return true;
}

/* The functions of a region go on reaching it as long as they are nobody's. */
static void admit_firmware(unsigned number)
{
    const struct dmar_reserved *region = &host.acpi.dmar.reserved[number];
    for (unsigned i = 0; i < host.pci.count; i++) {
        if (!names(region, i))
            continue;
        const struct vtd_sources sources = vtd_sources_of(i);
        if (!admit(&sources))
            log_line(LOG_WARNING, "VT-d: a device of the reserved region at %llx is blocked: it has no "
                     "unit, or there is no room", (unsigned long long)region->first_byte);
    }
}

void vtd_start_reserved(const struct memory_range *memory, unsigned count)
{
    for (unsigned i = 0; i < host.acpi.dmar.reserved_count; i++) {
        const struct dmar_reserved *region = &host.acpi.dmar.reserved[i];
        struct dma_reserved *reserved = &vtd.reserved[i];
        *reserved = dma_reserved_make(region->first_byte, region->last_byte, memory, count,
                                      dma_address_end(&vtd.limits));
        if (reserved->honoured
            && dma_domain_map(&vtd.firmware, &reserved->range) == DMA_MAPPED)
            admit_firmware(i);
        else
            log_line(LOG_WARNING, "VT-d: the reserved region %llx-%llx is refused, as it reaches into "
                     "RAM or another one, or is out of reach; its devices are blocked",
                     (unsigned long long)region->first_byte, (unsigned long long)region->last_byte);
    }
}

const char *vtd_reserved_problem(unsigned function, unsigned vm)
{
    for (unsigned i = 0; i < host.acpi.dmar.reserved_count; i++) {
        const char *problem = names(&host.acpi.dmar.reserved[i], function)
            ? dma_reserved_problem(&vtd.reserved[i], vm) : NULL;
        if (problem != NULL)
            return problem;
    }
    return NULL;
}

/* A region that was mapped before one is refused does not matter: none of the guest's
 * functions uses it, and it is nobody's memory. */
const char *vtd_map_reserved(unsigned function, unsigned vm)
{
    for (unsigned i = 0; i < host.acpi.dmar.reserved_count; i++) {
        if (!names(&host.acpi.dmar.reserved[i], function))
            continue;
        switch (dma_domain_map(&vtd.domains[vm], &vtd.reserved[i].range)) {
        case DMA_MAPPED:
            vtd.reserved[i].owner = (uint8_t)vm;
            break;
        case DMA_MAP_OVERLAPS:
            return "a region that the firmware reserves for it (RMRR) lies at an address where the guest has memory";
        case DMA_MAP_FULL:
            return "the firmware reserves more regions for it (RMRR) than this version can map";
        }
    }
    return vtd_forget_domain(VTD_DOMAIN_OF_VM(vm)) ? NULL : "a remapping unit does not answer";
}
