/* SPDX-License-Identifier: MIT
 *
 * The DMAR as a pure function on bytes; drivers/dmar.h cites its specification.
 *
 * Whatever is left out makes the result incomplete: who programs the units must
 * know that, because an unread scope is one that protects nobody.
 */
#include "drivers/acpi_entries.h"
#include "hv/bytes.h"
#include "hv/text.h"

enum {
    DMAR_HOST_ADDRESS_WIDTH = 36, /* less one */
    DMAR_FLAGS = 37,
    DMAR_INTR_REMAP = 1u << 0,
    DMAR_X2APIC_OPT_OUT = 1u << 1,
    DMAR_DMA_CTRL_PLATFORM_OPT_IN = 1u << 2,
};

enum dmar_entry_type {
    DMAR_DRHD = 0,
    DMAR_RMRR = 1,
    DMAR_ATSR = 2,
    DMAR_RHSA = 3,
    DMAR_ANDD = 4,
};

/* Bytes of each before its device scopes or its name. */
enum { DRHD_BYTES = 16, RMRR_BYTES = 24, ATSR_BYTES = 8, RHSA_BYTES = 20, ANDD_BYTES = 8 };

enum { DRHD_INCLUDE_PCI_ALL = 1u << 0, ATSR_ALL_PORTS = 1u << 0 };

enum { SCOPE_BYTES = 6, STEP_BYTES = 2 };

static void leave_out(const struct acpi_entries *entry, enum acpi_problem_kind kind)
{
    acpi_complain(entry->reader, kind, entry->offset);
    entry->reader->machine->dmar.complete = false;
}

static const uint8_t *bytes_of(const struct acpi_entries *entry)
{
    return entry->reader->table + entry->offset;
}

static void read_scope(const struct acpi_entries *entry)
{
    struct dmar *dmar = &entry->reader->machine->dmar;
    size_t steps = (entry->bytes - SCOPE_BYTES) / STEP_BYTES;
    if (dmar->scope_count == DMAR_SCOPES_MAX || steps > DMAR_STEPS_MAX) {
        leave_out(entry, ACPI_TOO_MANY);
        return;
    }
    const uint8_t *bytes = bytes_of(entry);
    struct dmar_scope *scope = &dmar->scopes[dmar->scope_count++];
    *scope = (struct dmar_scope){ .type = bytes[0], .id = bytes[4], .bus = bytes[5],
                                  .step_count = (uint8_t)steps };
    memcpy(scope->path, bytes + SCOPE_BYTES, STEP_BYTES * steps);
}

/* What follows the first `skip` bytes of an entry. */
static struct dmar_scopes read_scopes(const struct acpi_entries *entry, size_t skip)
{
    struct dmar *dmar = &entry->reader->machine->dmar;
    unsigned first = dmar->scope_count;
    struct acpi_entries scopes = { entry->reader, .field_bytes = 1, .next = entry->offset + skip,
                                   .end = entry->offset + entry->bytes };
    while (acpi_entry_next(&scopes)) {
        if (scopes.bytes < SCOPE_BYTES + STEP_BYTES)
            leave_out(&scopes, ACPI_ENTRY);
        else
            read_scope(&scopes);
    }
    if (scopes.broken)
        dmar->complete = false;
    return (struct dmar_scopes){ (uint8_t)first, (uint8_t)(dmar->scope_count - first) };
}

static void read_drhd(const struct acpi_entries *entry)
{
    struct dmar *dmar = &entry->reader->machine->dmar;
    const uint8_t *bytes = bytes_of(entry);
    uint64_t registers = little_64(bytes + 8);
    if (dmar->unit_count == DMAR_UNITS_MAX) {
        leave_out(entry, ACPI_TOO_MANY);
        return;
    }
    if (registers == 0 || registers % PAGE_SIZE_4K != 0) {
        leave_out(entry, ACPI_VALUE);
        return;
    }
    dmar->units[dmar->unit_count++] = (struct dmar_unit){
        .registers = HPA(registers),
        .segment = little_16(bytes + 6),
        .all_others = (bytes[4] & DRHD_INCLUDE_PCI_ALL) != 0,
        .scopes = read_scopes(entry, DRHD_BYTES),
    };
}

static void read_rmrr(const struct acpi_entries *entry)
{
    struct dmar *dmar = &entry->reader->machine->dmar;
    const uint8_t *bytes = bytes_of(entry);
    uint64_t first = little_64(bytes + 8), last = little_64(bytes + 16);
    if (dmar->reserved_count == DMAR_RESERVED_MAX) {
        leave_out(entry, ACPI_TOO_MANY);
        return;
    }
    if (first > last) {
        leave_out(entry, ACPI_VALUE);
        return;
    }
    dmar->reserved[dmar->reserved_count++] = (struct dmar_reserved){
        .first_byte = first,
        .last_byte = last,
        .segment = little_16(bytes + 6),
        .scopes = read_scopes(entry, RMRR_BYTES),
    };
}

static void read_atsr(const struct acpi_entries *entry)
{
    struct dmar *dmar = &entry->reader->machine->dmar;
    const uint8_t *bytes = bytes_of(entry);
    if (dmar->ats_count == DMAR_ATS_MAX) {
        leave_out(entry, ACPI_TOO_MANY);
        return;
    }
    dmar->ats[dmar->ats_count++] = (struct dmar_ats){
        .segment = little_16(bytes + 6),
        .all_ports = (bytes[4] & ATSR_ALL_PORTS) != 0,
        .scopes = read_scopes(entry, ATSR_BYTES),
    };
}

/* RHSAs come behind all DRHDs: "8.2 Remapping Structure Types". */
static void read_rhsa(const struct acpi_entries *entry)
{
    struct dmar *dmar = &entry->reader->machine->dmar;
    uint64_t registers = little_64(bytes_of(entry) + 8);
    for (unsigned i = 0; i < dmar->unit_count; i++)
        if (dmar->units[i].registers.value == registers) {
            dmar->units[i].has_proximity = true;
            dmar->units[i].proximity = little_32(bytes_of(entry) + 16);
            return;
        }
    acpi_complain(entry->reader, ACPI_VALUE, entry->offset);
}

static void read_andd(const struct acpi_entries *entry)
{
    struct dmar *dmar = &entry->reader->machine->dmar;
    const uint8_t *bytes = bytes_of(entry);
    if (dmar->name_count == DMAR_NAMES_MAX) {
        acpi_complain(entry->reader, ACPI_TOO_MANY, entry->offset); /* a name is only shown */
        return;
    }
    struct dmar_name *name = &dmar->names[dmar->name_count++];
    *name = (struct dmar_name){ .id = bytes[7] };
    for (size_t i = 0; i < DMAR_NAME_SIZE - 1 && ANDD_BYTES + i < entry->bytes; i++) {
        uint8_t letter = bytes[ANDD_BYTES + i];
        if (letter == '\0')
            return;
        name->text[i] = letter > ' ' && letter <= '~' ? (char)letter : '?';
    }
}

/* What an entry of this type needs at least; unknown types need nothing. */
static size_t dmar_entry_bytes(unsigned type)
{
    switch (type) {
    case DMAR_DRHD:
        return DRHD_BYTES;
    case DMAR_RMRR:
        return RMRR_BYTES;
    case DMAR_ATSR:
        return ATSR_BYTES;
    case DMAR_RHSA:
        return RHSA_BYTES;
    case DMAR_ANDD:
        return ANDD_BYTES;
    default:
        return 0;
    }
}

static void read_dmar_entry(const struct acpi_entries *entry)
{
    switch (entry->type) {
    case DMAR_DRHD:
        read_drhd(entry);
        return;
    case DMAR_RMRR:
        read_rmrr(entry);
        return;
    case DMAR_ATSR:
        read_atsr(entry);
        return;
    case DMAR_RHSA:
        read_rhsa(entry);
        return;
    case DMAR_ANDD:
        read_andd(entry);
        return;
    default:
        return;
    }
}

void acpi_parse_dmar(const uint8_t *table, size_t bytes, hpa_t address,
                     struct acpi_machine *machine, struct acpi_problems *problems)
{
    if (bytes < ACPI_DMAR_BYTES_MIN)
        return;
    const struct acpi_reader reader = { table, bytes, address, machine, problems };
    uint8_t flags = table[DMAR_FLAGS];
    machine->dmar.found = true;
    machine->dmar.complete = true;
    machine->dmar.address_bits = (uint8_t)(table[DMAR_HOST_ADDRESS_WIDTH] + 1);
    machine->dmar.interrupt_remapping = (flags & DMAR_INTR_REMAP) != 0;
    machine->dmar.x2apic_opt_out = (flags & DMAR_X2APIC_OPT_OUT) != 0;
    machine->dmar.dma_opt_in = (flags & DMAR_DMA_CTRL_PLATFORM_OPT_IN) != 0;

    struct acpi_entries entries = { &reader, .field_bytes = 2, .next = ACPI_DMAR_BYTES_MIN,
                                    .end = bytes };
    while (acpi_entry_next(&entries)) {
        if (entries.bytes < dmar_entry_bytes(entries.type))
            leave_out(&entries, ACPI_ENTRY);
        else
            read_dmar_entry(&entries);
    }
    if (entries.broken)
        machine->dmar.complete = false;
}
