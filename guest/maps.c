/* SPDX-License-Identifier: MIT
 *
 * What a guest is told of its machine, more than once: the ACPI tables, the MP
 * table, the memory map and the devices themselves must say the same. Then every
 * processor that they name is started.
 */
#include "arch/spec/acpi_tables.h"
#include "arch/spec/apic.h"
#include "arch/spec/mp_table.h"
#include "guest/isa.h"
#include "hv/guest_memory.h"
#include "hv/text.h"

const char guest_name[] = "maps";

#define BIOS_END 0x100000ull
#define ISA_IRQS 16
#define CASCADE 2
#define BUS_ISA 1
#define PROCESSORS_MAX 32
#define NONE 0xFFu

/* ---- The tables, as a kernel finds them ---- */

static const void *at(uint64_t address)
{
    return (const void *)address;
}

static bool sums_to_zero(const void *table, size_t bytes)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)table)[i]);
    return sum == 0;
}

static const void *find_in_bios(uint64_t from, const char *signature, size_t length)
{
    for (uint64_t address = from; address < BIOS_END; address += 16)
        if (memcmp(at(address), signature, length) == 0)
            return at(address);
    return NULL;
}

/* The RSDT's table of that signature, if the XSDT has it in the same place. */
static const void *acpi_table(const struct acpi_rsdp *rsdp, const char *signature)
{
    const struct acpi_header *rsdt = at(rsdp->rsdt), *xsdt = at(rsdp->xsdt);
    unsigned count = (unsigned)((rsdt->length - sizeof *rsdt) / sizeof(uint32_t));

    for (unsigned i = 0; i < count; i++) {
        uint32_t narrow;
        uint64_t wide;
        memcpy(&narrow, (const uint8_t *)(rsdt + 1) + i * sizeof narrow, sizeof narrow);
        memcpy(&wide, (const uint8_t *)(xsdt + 1) + i * sizeof wide, sizeof wide);
        const struct acpi_header *table = at(narrow);
        if (memcmp(table->signature, signature, sizeof table->signature) == 0)
            return narrow == wide && sums_to_zero(table, table->length) ? table : NULL;
    }
    return NULL;
}

/* ---- What both kinds of table say, in one form ---- */

struct told {
    uint32_t processors; /* a bit for each APIC id that is enabled */
    unsigned ioapics;
    uint8_t ioapic_id;
    uint32_t ioapic_address, lapic_address;
    uint8_t pins[ISA_IRQS]; /* of the IOAPIC, or NONE */
    uint16_t flags[ISA_IRQS];
    uint8_t nmi_lint, extint_lint;
};

static void take_override(struct told *told, const struct acpi_madt_override *override)
{
    for (unsigned irq = 0; irq < ISA_IRQS; irq++)
        if (irq == override->gsi && irq != override->source)
            told->pins[irq] = NONE; /* another has its pin */
    told->pins[override->source] = (uint8_t)override->gsi;
    told->flags[override->source] = override->flags;
}

static void take_madt_entry(struct told *told, const uint8_t *entry)
{
    const struct acpi_madt_lapic *lapic = (const void *)entry;
    const struct acpi_madt_ioapic *ioapic = (const void *)entry;

    switch (entry[0]) {
    case MADT_LAPIC:
        if (lapic->flags & MADT_LAPIC_ENABLED)
            told->processors |= 1u << lapic->apic_id % PROCESSORS_MAX;
        break;
    case MADT_IOAPIC:
        told->ioapics++;
        told->ioapic_id = ioapic->ioapic_id;
        told->ioapic_address = ioapic->address;
        break;
    case MADT_OVERRIDE: take_override(told, (const void *)entry); break;
    case MADT_LAPIC_NMI:
        told->nmi_lint = ((const struct acpi_madt_lapic_nmi *)entry)->lint;
        break;
    }
}

static struct told from_madt(const struct acpi_madt *madt)
{
    const uint8_t *entry = (const uint8_t *)(madt + 1);
    const uint8_t *end = (const uint8_t *)madt + madt->header.length;
    struct told told = { .lapic_address = madt->lapic_address, .nmi_lint = NONE };

    for (uint8_t irq = 0; irq < ISA_IRQS; irq++)
        told.pins[irq] = irq == CASCADE && (madt->flags & MADT_PCAT_COMPAT) ? (uint8_t)NONE : irq;
    told.extint_lint = madt->flags & MADT_PCAT_COMPAT ? 0 : NONE;
    for (; entry < end && entry[1] != 0; entry += entry[1])
        take_madt_entry(&told, entry);
    return told;
}

static size_t take_mp_entry(struct told *told, const uint8_t *entry)
{
    const struct mp_processor *processor = (const void *)entry;
    const struct mp_ioapic *ioapic = (const void *)entry;
    const struct mp_interrupt *interrupt = (const void *)entry;

    switch (entry[0]) {
    case MP_PROCESSOR:
        if (processor->flags & MP_PROCESSOR_ENABLED)
            told->processors |= 1u << processor->apic_id % PROCESSORS_MAX;
        return sizeof *processor;
    case MP_IOAPIC:
        told->ioapics++;
        told->ioapic_id = ioapic->apic_id;
        told->ioapic_address = ioapic->address;
        return sizeof *ioapic;
    case MP_IO_INTERRUPT:
        if (interrupt->bus == BUS_ISA && interrupt->irq < ISA_IRQS) {
            told->pins[interrupt->irq] = interrupt->pin;
            told->flags[interrupt->irq] = interrupt->flags;
        }
        return sizeof *interrupt;
    case MP_LOCAL_INTERRUPT:
        if (interrupt->kind == MP_NMI)
            told->nmi_lint = interrupt->pin;
        if (interrupt->kind == MP_EXTINT)
            told->extint_lint = interrupt->pin;
        return sizeof *interrupt;
    }
    return sizeof(struct mp_bus);
}

static struct told from_mp_table(const struct mp_header *header)
{
    const uint8_t *entry = (const uint8_t *)(header + 1);
    struct told told = { .lapic_address = header->lapic_address, .nmi_lint = NONE,
                         .extint_lint = NONE };

    memset(told.pins, NONE, sizeof told.pins);
    for (unsigned i = 0; i < header->entry_count; i++)
        entry += take_mp_entry(&told, entry);
    (void)report(entry == (const uint8_t *)header + header->length, "the MP table has its length");
    return told;
}

/* ---- Claims ---- */

static void same_interrupts(const struct told *acpi, const struct told *mp)
{
    for (unsigned irq = 0; irq < ISA_IRQS; irq++)
        if (acpi->pins[irq] != mp->pins[irq] || acpi->flags[irq] != mp->flags[irq])
            (void)report(false, "IRQ %u: pin %u flags %x by ACPI, pin %u flags %x by the MP table",
                         irq, acpi->pins[irq], acpi->flags[irq], mp->pins[irq], mp->flags[irq]);
    (void)report(acpi->pins[GUEST_IRQ_PIT] == GUEST_PIN_PIT && acpi->pins[1] == 1,
                 "IRQ 0 is at pin 2, and IRQ 1 at its own");
    (void)report(acpi->nmi_lint == mp->nmi_lint && acpi->extint_lint == mp->extint_lint,
                 "NMI at LINT%u, INTR at LINT%u", mp->nmi_lint, mp->extint_lint);
}

static void same_apics(const struct told *acpi, const struct told *mp)
{
    (void)report(acpi->processors == mp->processors, "processors %x by ACPI, %x by the MP table",
                 acpi->processors, mp->processors);
    (void)report(acpi->ioapics == 1 && mp->ioapics == 1 && acpi->ioapic_id == mp->ioapic_id &&
                     acpi->ioapic_address == mp->ioapic_address,
                 "IOAPIC %u at %x", acpi->ioapic_id, acpi->ioapic_address);
    (void)report(acpi->ioapic_address == IOAPIC_BASE &&
                     ioapic_read(IOAPIC_ID) >> 24 == acpi->ioapic_id,
                 "it is there and has this id: %x", ioapic_read(IOAPIC_ID));
    (void)report(acpi->ioapic_id >= PROCESSORS_MAX ||
                     !(acpi->processors >> acpi->ioapic_id & 1),
                 "which is no processor's");
    (void)report(acpi->lapic_address == mp->lapic_address && acpi->lapic_address == XAPIC_BASE,
                 "local APICs at %x", acpi->lapic_address);
}

/* What is no memory of the guest's, or holds a table. */
static void not_usable(const char *what, uint64_t base, uint64_t bytes)
{
    struct e820_entry range;

    for (unsigned i = 0; ram_range(i, &range); i++)
        if (base < range.base + range.bytes && range.base < base + bytes) {
            (void)report(false, "%s at %llx is in usable memory", what, (unsigned long long)base);
            return;
        }
    (void)report(true, "%s at %llx is not usable memory", what, (unsigned long long)base);
}

static void memory(const struct acpi_rsdp *rsdp, const struct acpi_fadt *fadt,
                   const struct acpi_mcfg *mcfg, const struct mp_header *mp)
{
    struct e820_entry range, last = { 0, 0, 0 };
    bool ascending = true;

    for (unsigned i = 0; ram_range(i, &range); i++) {
        ascending = ascending && range.base >= last.base + last.bytes && range.bytes != 0;
        last = range;
    }
    (void)report(ascending && last.bytes != 0, "usable memory ascends, to %llx",
                 (unsigned long long)(last.base + last.bytes));
    not_usable("the RSDP", (uint64_t)rsdp, rsdp->length);
    not_usable("the FADT", (uint64_t)fadt, fadt->header.length);
    not_usable("the FACS", fadt->firmware_ctrl, sizeof(struct acpi_facs));
    not_usable("the DSDT", fadt->dsdt, ((const struct acpi_header *)at(fadt->dsdt))->length);
    not_usable("the MP table", (uint64_t)mp, mp->length);
    not_usable("the hole of the VGA", GUEST_LOW_MEMORY_END, BIOS_END - GUEST_LOW_MEMORY_END);
    not_usable("the IOAPIC", IOAPIC_BASE, APIC_PAGE_SIZE);
    not_usable("the local APIC", XAPIC_BASE, APIC_PAGE_SIZE);
    not_usable("PCI configuration space", mcfg->base,
               (mcfg->last_bus - mcfg->first_bus + 1ull) * GUEST_ECAM_BYTES);
    out32(GUEST_PORT_PCI_ADDRESS, 1u << 31);
    (void)report(in32(GUEST_PORT_PCI_DATA) == load32(mcfg->base), "which says what its ports say");
}

/* The SCI is where the FADT says and of the kind that the MADT says. */
static void fixed_hardware(const struct acpi_fadt *fadt, const struct told *acpi)
{
    (void)report(fadt->sci_int == GUEST_IRQ_SCI && acpi->pins[GUEST_IRQ_SCI] == fadt->sci_int &&
                     acpi->flags[GUEST_IRQ_SCI] == (INTI_ACTIVE_HIGH | INTI_LEVEL),
                 "the SCI is a level at pin %u", fadt->sci_int);
    (void)report(sums_to_zero(at(fadt->dsdt), ((const struct acpi_header *)at(fadt->dsdt))->length),
                 "the DSDT's sum is right");
    (void)report(in16((uint16_t)fadt->pm1a_cnt_blk) & 1, "PM1a control is in ACPI mode");
    uint32_t first = in32((uint16_t)fadt->pm_tmr_blk);
    (void)report(in32((uint16_t)fadt->pm_tmr_blk) != first || in32((uint16_t)fadt->pm_tmr_blk) != first,
                 "the PM timer counts");
}

static void processors(uint32_t named)
{
    unsigned started = 1, count = 0;

    for (uint32_t id = 0; id < PROCESSORS_MAX; id++)
        if (named >> id & 1) {
            count++;
            started += id != vcpu_number() && guest_start_vcpu(id);
        }
    (void)report(started == count && count == cmdline_number("vcpus", 0),
                 "%u of %u processors have started", started, count);
}

void guest_main(void)
{
    const struct acpi_rsdp *rsdp = find_in_bios(GUEST_BIOS_AREA, "RSD PTR ", 8);
    const struct mp_pointer *pointer = find_in_bios(0xF0000, "_MP_", 4);

    if (!report(rsdp && sums_to_zero(rsdp, ACPI_RSDP_BYTES_1_0) && sums_to_zero(rsdp, rsdp->length),
                "the RSDP is in the BIOS area") ||
        !report(pointer && sums_to_zero(pointer, sizeof *pointer), "and so is the MP pointer"))
        return;
    const struct mp_header *mp = at(pointer->table);
    const struct acpi_fadt *fadt = acpi_table(rsdp, "FACP");
    const struct acpi_madt *madt = acpi_table(rsdp, "APIC");
    const struct acpi_mcfg *mcfg = acpi_table(rsdp, "MCFG");
    if (!report(fadt && madt && mcfg && sums_to_zero(mp, mp->length), "all tables are there"))
        return;

    struct told by_acpi = from_madt(madt), by_mp = from_mp_table(mp);
    same_apics(&by_acpi, &by_mp);
    same_interrupts(&by_acpi, &by_mp);
    fixed_hardware(fadt, &by_acpi);
    memory(rsdp, fadt, mcfg, mp);
    processors(by_acpi.processors);
    say_done();
}
