/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a DMAR or, if the first one is odd, as an MCFG, in a heap block of
 * exactly their size; and whom such a DMAR means, on a machine with a bridge.
 */
#include <stdlib.h>
#include <string.h>

#include "drivers/acpi.h"
#include "drivers/dmar_scope.h"
#include "hv/dma_reserved.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct acpi_machine machine;
static struct acpi_problems problems;

static void require(bool condition)
{
    if (!condition)
        abort();
}

const uint8_t *acpi_map(hpa_t address, size_t bytes)
{
    (void)address;
    (void)bytes;
    return NULL;
}

static void require_scopes(struct dmar_scopes scopes)
{
    require(scopes.first + scopes.count <= (int)machine.dmar.scope_count);
}

static void require_dmar(void)
{
    const struct dmar *dmar = &machine.dmar;
    require(dmar->unit_count <= DMAR_UNITS_MAX && dmar->reserved_count <= DMAR_RESERVED_MAX);
    require(dmar->ats_count <= DMAR_ATS_MAX && dmar->name_count <= DMAR_NAMES_MAX);
    require(dmar->scope_count <= DMAR_SCOPES_MAX);
    for (unsigned i = 0; i < dmar->unit_count; i++)
        require_scopes(dmar->units[i].scopes);
    for (unsigned i = 0; i < dmar->reserved_count; i++) {
        require_scopes(dmar->reserved[i].scopes);
        require(dmar->reserved[i].first_byte <= dmar->reserved[i].last_byte);
    }
    for (unsigned i = 0; i < dmar->ats_count; i++)
        require_scopes(dmar->ats[i].scopes);
    for (unsigned i = 0; i < dmar->scope_count; i++)
        require(dmar->scopes[i].step_count >= 1 && dmar->scopes[i].step_count <= DMAR_STEPS_MAX);
    for (unsigned i = 0; i < dmar->name_count; i++)
        require(memchr(dmar->names[i].text, '\0', DMAR_NAME_SIZE) != NULL);
}

static const struct pci_inventory pci = {
    .count = 3,
    .functions = {
        { .address = { 0, 0, 2 << 3 }, .parent = PCI_NO_PARENT },
        { .address = { 0, 0, 0x1C << 3 }, .parent = PCI_NO_PARENT, .secondary_bus = 1,
          .subordinate_bus = 1 },
        { .address = { 0, 1, 0 }, .parent = 1 },
    },
};

/* A function has a unit of its segment or none; no region that is honoured has RAM. */
static void require_meaning(void)
{
    const struct dmar *dmar = &machine.dmar;
    const struct memory_range ram = { HPA(MIB(1)), GIB(3), MEMORY_USABLE };
    uint16_t source;
    for (unsigned i = 0; i < pci.count; i++) {
        uint32_t unit = dmar_unit_of(dmar, &pci, i);
        require(unit == DMAR_NO_UNIT
                || (unit < dmar->unit_count && dmar->units[unit].segment == 0));
    }
    (void)dmar_ioapic_source(dmar, &pci, 2, &source);
    for (unsigned i = 0; i < dmar->reserved_count; i++) {
        const struct dmar_reserved *region = &dmar->reserved[i];
        struct dma_reserved made = dma_reserved_make(region->first_byte, region->last_byte, &ram,
                                                     1, 1ull << 48);
        require(!made.honoured || ept_range_is_valid(&made.range));
        require(!made.honoured || region->last_byte < MIB(1)
                || region->first_byte >= MIB(1) + GIB(3));
    }
}

static void require_mcfg(void)
{
    require(machine.ecam_count <= ACPI_ECAM_MAX);
    for (unsigned i = 0; i < machine.ecam_count; i++) {
        const struct acpi_ecam *a = &machine.ecam[i];
        require(a->first_bus <= a->last_bus && a->base.value % ACPI_ECAM_BUS_BYTES == 0);
        for (unsigned j = 0; j < i; j++) {
            const struct acpi_ecam *b = &machine.ecam[j];
            require(a->segment != b->segment || a->last_bus < b->first_bus
                    || b->last_bus < a->first_bus);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t bytes = size - 1;
    uint8_t *table = malloc(bytes > 0 ? bytes : 1);
    memcpy(table, data + 1, bytes);
    memset(&machine, 0, sizeof machine);
    memset(&problems, 0, sizeof problems);
    if (data[0] & 1)
        acpi_parse_mcfg(table, bytes, HPA(0x1000), &machine, &problems);
    else
        acpi_parse_dmar(table, bytes, HPA(0x1000), &machine, &problems);
    free(table);
    require_dmar();
    require_mcfg();
    require_meaning();
    return 0;
}
