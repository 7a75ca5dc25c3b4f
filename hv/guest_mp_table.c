/* SPDX-License-Identifier: MIT
 *
 * See guest_mp_table.h. The MADT is found as a kernel would find it, by RSDP and
 * RSDT; its entries become those of the MP table, kind by kind in the order that
 * the specification wants.
 */
#include "hv/guest_mp_table.h"

#include "arch/spec/acpi_tables.h"
#include "arch/spec/mp_table.h"
#include "hv/check.h"
#include "hv/text.h"

#define MADT_BYTES_MAX 512
#define TABLE_BYTES_MAX 1024
#define ISA_IRQS 16
#define CASCADE_IRQ 2 /* of the second 8259, and nobody else's */
#define BUS_PCI 0
#define BUS_ISA 1
#define LAPIC_VERSION 0x14 /* an integrated one, with x2APIC's registers or without */
#define IOAPIC_VERSION_82093AA 0x11

struct madt {
    uint8_t bytes[MADT_BYTES_MAX]; /* a struct acpi_madt, and entries behind it */
    uint32_t length;
};

struct table {
    uint8_t bytes[TABLE_BYTES_MAX];
    uint32_t length;
    uint16_t entries;
};

static uint8_t checksum(const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;
    uint8_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + byte[i]);
    return (uint8_t)-sum;
}

/* ---- The MADT ---- */

static void read_guest(const struct guest_memory *memory, uint64_t at, void *to, size_t bytes)
{
    CHECK(guest_memory_read(memory, to, GPA(at), bytes));
}

static void read_madt(const struct guest_memory *memory, gpa_t at, struct madt *madt)
{
    struct acpi_rsdp rsdp;
    struct acpi_header rsdt, header;

    read_guest(memory, at.value, &rsdp, sizeof rsdp);
    read_guest(memory, rsdp.rsdt, &rsdt, sizeof rsdt);
    for (uint32_t offset = sizeof rsdt; offset < rsdt.length; offset += sizeof(uint32_t)) {
        uint32_t table;

        read_guest(memory, rsdp.rsdt + offset, &table, sizeof table);
        read_guest(memory, table, &header, sizeof header);
        if (memcmp(header.signature, "APIC", sizeof header.signature) != 0)
            continue;
        CHECK(header.length <= sizeof madt->bytes);
        madt->length = header.length;
        read_guest(memory, table, madt->bytes, header.length);
        return;
    }
    CHECK(!"the guest's ACPI tables have a MADT");
}

/* The entry of this type that comes `index`th, or NULL. */
static const void *find(const struct madt *madt, uint8_t type, unsigned index)
{
    for (uint32_t at = sizeof(struct acpi_madt); at < madt->length; at += madt->bytes[at + 1]) {
        CHECK(madt->bytes[at + 1] >= 2);
        if (madt->bytes[at] == type && index-- == 0)
            return madt->bytes + at;
    }
    return NULL;
}

static const struct acpi_madt *head(const struct madt *madt)
{
    return (const struct acpi_madt *)madt->bytes;
}

/* ---- The table ---- */

static void put(struct table *table, const void *entry, size_t bytes)
{
    CHECK(bytes <= sizeof table->bytes - table->length);
    memcpy(table->bytes + table->length, entry, bytes);
    table->length += (uint32_t)bytes;
    table->entries++;
}

static void put_processors(struct table *table, const struct madt *madt,
                           struct guest_mp_processor processor)
{
    const struct acpi_madt_lapic *lapic;

    for (unsigned i = 0; (lapic = find(madt, MADT_LAPIC, i)) != NULL; i++) {
        const struct mp_processor entry = {
            .type = MP_PROCESSOR,
            .apic_id = lapic->apic_id,
            .apic_version = LAPIC_VERSION,
            .flags = MP_PROCESSOR_ENABLED | (i == 0 ? MP_PROCESSOR_BOOT : 0),
            .signature = processor.signature,
            .features = processor.features,
        };
        put(table, &entry, sizeof entry);
    }
}

static void put_bus(struct table *table, uint8_t bus, const char *name)
{
    struct mp_bus entry = { .type = MP_BUS, .bus = bus };

    memcpy(entry.name, name, sizeof entry.name);
    put(table, &entry, sizeof entry);
}

static uint8_t put_ioapic(struct table *table, const struct madt *madt)
{
    const struct acpi_madt_ioapic *ioapic = find(madt, MADT_IOAPIC, 0);

    CHECK(ioapic != NULL);
    const struct mp_ioapic entry = {
        MP_IOAPIC, ioapic->ioapic_id, IOAPIC_VERSION_82093AA, MP_IOAPIC_ENABLED, ioapic->address,
    };
    put(table, &entry, sizeof entry);
    return ioapic->ioapic_id;
}

/* Where an ISA interrupt goes. False: nowhere, for another has its pin. */
static bool route(const struct madt *madt, uint8_t irq, struct mp_interrupt *entry)
{
    const struct acpi_madt_override *override;
    bool taken = irq == CASCADE_IRQ && (head(madt)->flags & MADT_PCAT_COMPAT);

    for (unsigned i = 0; (override = find(madt, MADT_OVERRIDE, i)) != NULL; i++) {
        if (override->source == irq) {
            entry->pin = (uint8_t)override->gsi;
            entry->flags = override->flags;
            return true;
        }
        taken = taken || override->gsi == irq;
    }
    entry->pin = irq;
    return !taken;
}

static void put_isa_interrupts(struct table *table, const struct madt *madt, uint8_t ioapic)
{
    for (uint8_t irq = 0; irq < ISA_IRQS; irq++) {
        struct mp_interrupt entry = {
            .type = MP_IO_INTERRUPT, .kind = MP_INT, .bus = BUS_ISA, .irq = irq,
            .apic_id = ioapic,
        };
        if (route(madt, irq, &entry))
            put(table, &entry, sizeof entry);
    }
}

/* The 8259s' interrupt comes at LINT0, where there are any; NMI as the MADT says. */
static void put_local_interrupts(struct table *table, const struct madt *madt)
{
    const struct acpi_madt_lapic_nmi *nmi = find(madt, MADT_LAPIC_NMI, 0);
    struct mp_interrupt entry = {
        .type = MP_LOCAL_INTERRUPT, .kind = MP_EXTINT, .bus = BUS_ISA, .apic_id = MP_ALL_LAPICS,
    };

    if (head(madt)->flags & MADT_PCAT_COMPAT)
        put(table, &entry, sizeof entry);
    CHECK(nmi != NULL);
    entry.kind = MP_NMI;
    entry.flags = nmi->flags;
    entry.pin = nmi->lint;
    put(table, &entry, sizeof entry);
}

static void put_header(struct table *table, uint32_t lapic_address)
{
    struct mp_header header = {
        .length = (uint16_t)table->length,
        .specification = MP_SPECIFICATION_1_4,
        .entry_count = table->entries,
        .lapic_address = lapic_address,
    };
    memcpy(header.signature, "PCMP", sizeof header.signature);
    memcpy(header.oem, "BULKHEAD", sizeof header.oem);
    memcpy(header.product, "VIRTUAL PC  ", sizeof header.product);
    memcpy(table->bytes, &header, sizeof header);
    header.checksum = checksum(table->bytes, table->length);
    memcpy(table->bytes, &header, sizeof header);
}

void guest_mp_table_build(const struct guest_memory *memory, gpa_t rsdp,
                          struct guest_mp_processor processor)
{
    struct madt madt;
    struct table table = { .length = sizeof(struct mp_header) };
    struct mp_pointer pointer = {
        .signature = { '_', 'M', 'P', '_' },
        .table = GUEST_MP_AREA + sizeof pointer,
        .length = sizeof pointer / 16,
        .specification = MP_SPECIFICATION_1_4,
    };

    read_madt(memory, rsdp, &madt);
    put_processors(&table, &madt, processor);
    put_bus(&table, BUS_PCI, "PCI   ");
    put_bus(&table, BUS_ISA, "ISA   ");
    put_isa_interrupts(&table, &madt, put_ioapic(&table, &madt));
    put_local_interrupts(&table, &madt);
    put_header(&table, head(&madt)->lapic_address);
    pointer.checksum = checksum(&pointer, sizeof pointer);
    CHECK(guest_memory_write(memory, GPA(GUEST_MP_AREA), &pointer, sizeof pointer));
    CHECK(guest_memory_write(memory, GPA(pointer.table), table.bytes, table.length));
}
