/* SPDX-License-Identifier: MIT
 *
 * The MADT as a pure function on bytes. ACPI Specification 6.5, "5.2.12
 * Multiple APIC Description Table (MADT)".
 */
#include "drivers/acpi_entries.h"
#include "hv/bytes.h"

enum {
    MADT_LAPIC_ADDRESS = 36,
    MADT_FLAGS = 40,
    MADT_PCAT_COMPAT = 1u << 0,
    MADT_ENTRIES = ACPI_MADT_BYTES_MIN,
    MADT_CPU_ENABLED = 1u << 0,
};

enum madt_entry_type {
    MADT_LAPIC = 0,
    MADT_IOAPIC = 1,
    MADT_INTERRUPT_OVERRIDE = 2,
    MADT_NMI_SOURCE = 3,
    MADT_LAPIC_NMI = 4,
    MADT_LAPIC_ADDRESS_OVERRIDE = 5,
    MADT_X2APIC = 9,
    MADT_X2APIC_NMI = 10,
};

/* Interrupt flags: "5.2.12.5 Interrupt Source Override Structure"; 0 in either
 * field is the bus's own default, which for ISA is active high and edge. */
enum {
    INTI_POLARITY_MASK = 3,
    INTI_ACTIVE_LOW = 3,
    INTI_TRIGGER_MASK = 3u << 2,
    INTI_LEVEL = 3u << 2,
};

static void add_cpu(const struct acpi_reader *reader, uint32_t apic_id, size_t offset)
{
    struct acpi_machine *machine = reader->machine;
    for (unsigned i = 0; i < machine->cpu_count; i++)
        if (machine->apic_ids[i] == apic_id) {
            acpi_complain(reader, ACPI_DUPLICATE, offset);
            return;
        }
    if (machine->cpu_count == ACPI_CPUS_MAX)
        machine->cpus_ignored++; /* not a problem of the table's */
    else
        machine->apic_ids[machine->cpu_count++] = apic_id;
}

/* "5.2.12.2 Processor Local APIC Structure"; id FFh addresses all CPUs. */
static void read_lapic(const struct acpi_reader *reader, size_t offset)
{
    const uint8_t *entry = reader->table + offset;
    if ((little_32(entry + 4) & MADT_CPU_ENABLED) != 0 && entry[3] != 0xFF)
        add_cpu(reader, entry[3], offset);
}

/* "5.2.12.12 Processor Local x2APIC Structure" */
static void read_x2apic(const struct acpi_reader *reader, size_t offset)
{
    const uint8_t *entry = reader->table + offset;
    if ((little_32(entry + 8) & MADT_CPU_ENABLED) != 0 && little_32(entry + 4) != 0xFFFFFFFF)
        add_cpu(reader, little_32(entry + 4), offset);
}

/* "5.2.12.3 I/O APIC Structure" */
static void read_ioapic(const struct acpi_reader *reader, size_t offset)
{
    const uint8_t *entry = reader->table + offset;
    struct acpi_machine *machine = reader->machine;
    if (machine->ioapic_count == ACPI_IOAPICS_MAX) {
        machine->ioapics_ignored++;
        acpi_complain(reader, ACPI_TOO_MANY, offset);
        return;
    }
    machine->ioapics[machine->ioapic_count++] = (struct acpi_ioapic){
        .id = entry[2],
        .address = HPA(little_32(entry + 4)),
        .gsi_base = little_32(entry + 8),
    };
}

static void read_override(const struct acpi_reader *reader, size_t offset)
{
    const uint8_t *entry = reader->table + offset;
    struct acpi_machine *machine = reader->machine;
    if (machine->override_count == ACPI_OVERRIDES_MAX) {
        acpi_complain(reader, ACPI_TOO_MANY, offset);
        return;
    }
    uint16_t flags = little_16(entry + 8);
    bool low = (flags & INTI_POLARITY_MASK) == INTI_ACTIVE_LOW;
    bool level = (flags & INTI_TRIGGER_MASK) == INTI_LEVEL;
    machine->overrides[machine->override_count++] = (struct acpi_override){
        .irq = entry[3],
        .gsi = little_32(entry + 4),
        .polarity = low ? ACPI_ACTIVE_LOW : ACPI_ACTIVE_HIGH,
        .trigger = level ? ACPI_LEVEL : ACPI_EDGE,
    };
}

/* "5.2.12.6 Non-Maskable Interrupt (NMI) Source Structure" */
static void read_nmi_source(const struct acpi_reader *reader, size_t offset)
{
    struct acpi_machine *machine = reader->machine;
    if (machine->nmi_source_count == ACPI_NMI_SOURCES_MAX)
        acpi_complain(reader, ACPI_TOO_MANY, offset);
    else
        machine->nmi_sources[machine->nmi_source_count++] = little_32(reader->table + offset + 4);
}

/* Which local APICs it is about does not matter here. `input` is 0 or 1, for
 * "5.2.12.7 Local APIC NMI Structure" and "5.2.12.13 Local x2APIC NMI Structure". */
static void read_lapic_nmi(const struct acpi_reader *reader, size_t offset, uint8_t input)
{
    if (input > 1)
        acpi_complain(reader, ACPI_VALUE, offset);
    else
        reader->machine->nmi_inputs |= (uint8_t)(1u << input);
}

/* What an entry of this type needs at least; unknown types need nothing. */
static size_t madt_entry_bytes(unsigned type)
{
    switch (type) {
    case MADT_LAPIC_NMI:
        return 6;
    case MADT_LAPIC:
    case MADT_NMI_SOURCE:
        return 8;
    case MADT_IOAPIC:
    case MADT_LAPIC_ADDRESS_OVERRIDE:
    case MADT_X2APIC_NMI:
        return 12;
    case MADT_INTERRUPT_OVERRIDE:
        return 10;
    case MADT_X2APIC:
        return 16;
    default:
        return 0;
    }
}

static void read_madt_entry(const struct acpi_reader *reader, const struct acpi_entries *entry)
{
    size_t offset = entry->offset;
    switch (entry->type) {
    case MADT_LAPIC:
        read_lapic(reader, offset);
        return;
    case MADT_X2APIC:
        read_x2apic(reader, offset);
        return;
    case MADT_IOAPIC:
        read_ioapic(reader, offset);
        return;
    case MADT_INTERRUPT_OVERRIDE:
        read_override(reader, offset);
        return;
    case MADT_NMI_SOURCE:
        read_nmi_source(reader, offset);
        return;
    case MADT_LAPIC_NMI:
        read_lapic_nmi(reader, offset, reader->table[offset + 5]);
        return;
    case MADT_X2APIC_NMI:
        read_lapic_nmi(reader, offset, reader->table[offset + 8]);
        return;
    case MADT_LAPIC_ADDRESS_OVERRIDE:
        reader->machine->lapic_address = HPA(little_64(reader->table + offset + 4));
        return;
    default:
        return;
    }
}

void acpi_parse_madt(const uint8_t *table, size_t bytes, hpa_t address,
                     struct acpi_machine *machine, struct acpi_problems *problems)
{
    if (bytes < ACPI_MADT_BYTES_MIN)
        return;
    const struct acpi_reader reader = { table, bytes, address, machine, problems };
    machine->madt_found = true;
    machine->lapic_address = HPA(little_32(table + MADT_LAPIC_ADDRESS));
    machine->legacy_pics = (little_32(table + MADT_FLAGS) & MADT_PCAT_COMPAT) != 0;

    struct acpi_entries entries = { &reader, .field_bytes = 1, .next = MADT_ENTRIES, .end = bytes };
    while (acpi_entry_next(&entries)) {
        if (entries.bytes < madt_entry_bytes(entries.type))
            acpi_complain(&reader, ACPI_ENTRY, entries.offset);
        else
            read_madt_entry(&reader, &entries);
    }
}
