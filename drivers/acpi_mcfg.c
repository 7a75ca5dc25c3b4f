/* SPDX-License-Identifier: MIT
 *
 * The MCFG as a pure function on bytes. PCI Firmware Specification 3.3, "4.1.2
 * MCFG Table Description".
 */
#include "drivers/acpi_entries.h"
#include "hv/bytes.h"

enum { ALLOCATION_BYTES = 16 };

static bool possible(const struct acpi_ecam *ecam)
{
    uint64_t bytes = (ecam->last_bus + 1u) * ACPI_ECAM_BUS_BYTES;
    return ecam->base.value != 0 && ecam->base.value % ACPI_ECAM_BUS_BYTES == 0
        && ecam->base.value <= UINT64_MAX - bytes && ecam->first_bus <= ecam->last_bus;
}

static bool has_bus_of(const struct acpi_machine *machine, const struct acpi_ecam *ecam)
{
    for (unsigned i = 0; i < machine->ecam_count; i++) {
        const struct acpi_ecam *other = &machine->ecam[i];
        if (other->segment == ecam->segment && other->first_bus <= ecam->last_bus
            && ecam->first_bus <= other->last_bus)
            return true;
    }
    return false;
}

static void read_allocation(const struct acpi_reader *reader, size_t offset)
{
    const uint8_t *bytes = reader->table + offset;
    struct acpi_machine *machine = reader->machine;
    struct acpi_ecam ecam = { .base = HPA(little_64(bytes)), .segment = little_16(bytes + 8),
                              .first_bus = bytes[10], .last_bus = bytes[11] };
    if (machine->ecam_count == ACPI_ECAM_MAX)
        acpi_complain(reader, ACPI_TOO_MANY, offset);
    else if (!possible(&ecam))
        acpi_complain(reader, ACPI_VALUE, offset);
    else if (has_bus_of(machine, &ecam))
        acpi_complain(reader, ACPI_DUPLICATE, offset);
    else
        machine->ecam[machine->ecam_count++] = ecam;
}

void acpi_parse_mcfg(const uint8_t *table, size_t bytes, hpa_t address,
                     struct acpi_machine *machine, struct acpi_problems *problems)
{
    if (bytes < ACPI_MCFG_BYTES_MIN)
        return;
    const struct acpi_reader reader = { table, bytes, address, machine, problems };
    machine->mcfg_found = true;
    size_t offset = ACPI_MCFG_BYTES_MIN;
    for (; bytes - offset >= ALLOCATION_BYTES; offset += ALLOCATION_BYTES)
        read_allocation(&reader, offset);
    if (offset != bytes)
        acpi_complain(&reader, ACPI_ENTRY, offset);
}
