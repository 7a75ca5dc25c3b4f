/* SPDX-License-Identifier: MIT
 *
 * See guest_acpi.h. Tables are made one after the other in a buffer and put
 * into the BIOS area from its beginning on; the RSDP, at the very beginning, is
 * written last, when all addresses are known.
 *
 * The machine is always in ACPI mode (SMI_CMD is 0). ISA interrupts reach the
 * pair of 8259s (PCAT_COMPAT is 1) and the IOAPIC, where all but the interval
 * timer's have the pin of their number.
 */
#include "hv/guest_acpi.h"

#include "arch/spec/acpi_tables.h"
#include "arch/spec/apic.h"
#include "hv/aml.h"
#include "hv/check.h"
#include "hv/guest_ports.h"
#include "hv/text.h"

#define TABLE_ALIGN 64 /* what the FACS asks for; the RSDP asks for 16 */
#define AML_BYTES_MAX 3072

/* ---- Where tables go ---- */

struct area {
    const struct guest_memory *memory;
    uint64_t next;
};

static uint32_t area_put(struct area *area, const void *table, size_t bytes)
{
    uint64_t at = area->next;

    area->next = align_up(at + bytes, TABLE_ALIGN);
    CHECK(area->next <= GUEST_MP_AREA);
    CHECK(guest_memory_write(area->memory, GPA(at), table, bytes));
    return (uint32_t)at;
}

static uint8_t checksum(const void *table, size_t bytes)
{
    const uint8_t *byte = table;
    uint8_t sum = 0;

    for (size_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + byte[i]);
    return (uint8_t)-sum;
}

static struct acpi_header table_header(const char *signature, uint8_t revision)
{
    struct acpi_header header = {
        .revision = revision,
        .oem_id = "BLKHD",
        .oem_revision = 1,
        .creator_revision = 1,
    };
    memcpy(header.signature, signature, sizeof header.signature);
    memcpy(header.oem_table_id, "BULKHEAD", sizeof header.oem_table_id);
    memcpy(header.creator_id, "BLKH", sizeof header.creator_id);
    return header;
}

/* Puts length and checksum into the header, with which the table begins. */
static uint32_t area_put_table(struct area *area, struct acpi_header *table, size_t bytes)
{
    table->length = (uint32_t)bytes;
    table->checksum = 0;
    table->checksum = checksum(table, bytes);
    return area_put(area, table, bytes);
}

/* ---- DSDT ---- */

static void describe_power_off(struct aml *aml)
{
    aml_open_t s5 = aml_open_package(aml, "_S5_", 4);
    aml_integer(aml, GUEST_S5_SLEEP_TYPE); /* for PM1a control */
    aml_integer(aml, GUEST_S5_SLEEP_TYPE); /* for PM1b control */
    aml_integer(aml, 0);
    aml_integer(aml, 0);
    aml_close(aml, s5);
}

/* The MADT refers to a processor by this _UID. */
static void describe_processor(struct aml *aml, unsigned index)
{
    char name[5];
    text_format(name, sizeof name, "C%03X", index);

    aml_open_t device = aml_open_device(aml, name);
    aml_name_string(aml, "_HID", "ACPI0007");
    aml_name_integer(aml, "_UID", index);
    aml_close(aml, device);
}

/* ACPI Specification 6.5, "6.2.13 _PRT (PCI Routing Table)" */
static void describe_routes(struct aml *aml, const struct guest_acpi_pci *pci)
{
    aml_open_t table = aml_open_package(aml, "_PRT", (uint8_t)pci->route_count);

    for (unsigned i = 0; i < pci->route_count; i++) {
        aml_open_t route = aml_open_element(aml, 4);
        aml_integer(aml, (uint32_t)pci->routes[i].device << 16 | 0xFFFF); /* all functions */
        aml_integer(aml, pci->routes[i].intx);
        aml_integer(aml, 0); /* no link device */
        aml_integer(aml, pci->routes[i].pin);
        aml_close(aml, route);
    }
    aml_close(aml, table);
}

/* One bus; all ports but those of the configuration mechanism; memory where the
 * guest's functions have theirs. */
static void describe_pci(struct aml *aml, const struct guest_acpi_pci *pci)
{
    aml_open_t device = aml_open_device(aml, "PCI0");
    aml_name_eisa_id(aml, "_HID", "PNP0A03");
    aml_name_integer(aml, "_UID", 0);
    aml_name_integer(aml, "_BBN", 0);

    struct aml_resources resources = aml_open_resources(aml);
    aml_bus_window(aml, 0, 0);
    aml_io(aml, GUEST_PORT_PCI_ADDRESS, 8);
    aml_io_window(aml, 0, GUEST_PORT_PCI_ADDRESS - 1);
    aml_io_window(aml, GUEST_PORT_PCI_ADDRESS + 8, UINT16_MAX);
    for (unsigned i = 0; i < pci->window_count; i++)
        aml_memory_window(aml, pci->windows[i].first, pci->windows[i].last);
    aml_close_resources(aml, resources);
    if (pci->route_count > 0)
        describe_routes(aml, pci);
    aml_close(aml, device);
}

static void describe_com(struct aml *aml, unsigned number, uint16_t port, uint8_t irq)
{
    char name[5];
    text_format(name, sizeof name, "COM%u", number);

    aml_open_t device = aml_open_device(aml, name);
    aml_name_eisa_id(aml, "_HID", "PNP0501");
    aml_name_integer(aml, "_UID", number);

    struct aml_resources resources = aml_open_resources(aml);
    aml_io(aml, port, GUEST_COM_PORTS);
    aml_irq_edge(aml, irq);
    aml_close_resources(aml, resources);
    aml_close(aml, device);
}

static void describe_rtc(struct aml *aml)
{
    aml_open_t device = aml_open_device(aml, "RTC0");
    aml_name_eisa_id(aml, "_HID", "PNP0B00");

    struct aml_resources resources = aml_open_resources(aml);
    aml_io(aml, GUEST_PORT_RTC_INDEX, 2);
    aml_irq_edge(aml, GUEST_IRQ_RTC);
    aml_close_resources(aml, resources);
    aml_close(aml, device);
}

static uint32_t build_dsdt(struct area *area, unsigned vcpus, const struct guest_acpi_pci *pci)
{
    struct {
        struct acpi_header header;
        uint8_t bytes[AML_BYTES_MAX];
    } ACPI_PACKED dsdt;
    struct aml aml = { .bytes = dsdt.bytes, .size = sizeof dsdt.bytes };

    dsdt.header = table_header("DSDT", 2); /* 2: integers have 64 bits */
    describe_power_off(&aml);
    aml_open_t system_bus = aml_open_scope(&aml, "_SB_");
    for (unsigned i = 0; i < vcpus; i++)
        describe_processor(&aml, i);
    describe_pci(&aml, pci);
    describe_com(&aml, 1, GUEST_PORT_COM1, GUEST_IRQ_COM1);
    describe_com(&aml, 2, GUEST_PORT_COM2, GUEST_IRQ_COM2);
    describe_rtc(&aml);
    aml_close(&aml, system_bus);
    return area_put_table(area, &dsdt.header, sizeof dsdt.header + aml.used);
}

/* ---- FADT and FACS ---- */

static uint32_t build_facs(struct area *area)
{
    struct acpi_facs facs = {
        .signature = { 'F', 'A', 'C', 'S' },
        .length = sizeof facs,
        .version = 2,
    };
    return area_put(area, &facs, sizeof facs);
}

static struct acpi_address io_register(uint16_t port, uint8_t bytes, uint8_t access)
{
    return (struct acpi_address){ .space = ACPI_ADDRESS_IO, .bit_width = (uint8_t)(bytes * 8),
                                  .access_size = access, .address = port };
}

static void describe_pm1(struct acpi_fadt *fadt)
{
    fadt->sci_int = GUEST_IRQ_SCI;
    fadt->pm1a_evt_blk = GUEST_PORT_PM1A_EVENT;
    fadt->pm1_evt_len = GUEST_PM1A_EVENT_BYTES;
    fadt->x_pm1a_evt_blk =
        io_register(GUEST_PORT_PM1A_EVENT, GUEST_PM1A_EVENT_BYTES, ACPI_ACCESS_WORD);
    fadt->pm1a_cnt_blk = GUEST_PORT_PM1A_CONTROL;
    fadt->pm1_cnt_len = GUEST_PM1A_CONTROL_BYTES;
    fadt->x_pm1a_cnt_blk =
        io_register(GUEST_PORT_PM1A_CONTROL, GUEST_PM1A_CONTROL_BYTES, ACPI_ACCESS_WORD);
    fadt->pm_tmr_blk = GUEST_PORT_PM_TIMER;
    fadt->pm_tmr_len = GUEST_PM_TIMER_BYTES;
    fadt->x_pm_tmr_blk =
        io_register(GUEST_PORT_PM_TIMER, GUEST_PM_TIMER_BYTES, ACPI_ACCESS_DOUBLEWORD);
}

static uint32_t build_fadt(struct area *area, uint32_t dsdt, uint32_t facs)
{
    struct acpi_fadt fadt = {
        .header = table_header("FACP", 6),
        .firmware_ctrl = facs, /* and x_firmware_ctrl is 0: only one may be used */
        .dsdt = dsdt,
        .x_dsdt = dsdt,
        .p_lvl2_lat = FADT_P_LVL2_LAT_MAX + 1,
        .p_lvl3_lat = FADT_P_LVL3_LAT_MAX + 1,
        .century = GUEST_CMOS_CENTURY,
        .iapc_boot_arch = FADT_BOOT_LEGACY_DEVICES | FADT_BOOT_8042 | FADT_BOOT_VGA_NOT_PRESENT,
        .flags = FADT_WBINVD | FADT_PROC_C1 | FADT_PWR_BUTTON | FADT_SLP_BUTTON | FADT_FIX_RTC |
                 FADT_TMR_VAL_EXT | FADT_RESET_REG_SUP | FADT_HEADLESS,
        .reset_reg = io_register(GUEST_PORT_RESET, 1, ACPI_ACCESS_BYTE),
        .reset_value = GUEST_RESET_VALUE,
    };
    memcpy(fadt.hypervisor_vendor, "Bulkhead", sizeof fadt.hypervisor_vendor);
    describe_pm1(&fadt);
    return area_put_table(area, &fadt.header, sizeof fadt);
}

/* ---- MADT ---- */

struct guest_madt {
    struct acpi_madt madt;
    struct acpi_madt_ioapic ioapic;
    struct acpi_madt_override pit;
    struct acpi_madt_override sci;
    struct acpi_madt_lapic_nmi nmi;
    struct acpi_madt_lapic lapics[GUEST_ACPI_VCPUS_MAX];
} ACPI_PACKED;

static uint32_t build_madt(struct area *area, unsigned vcpus)
{
    struct guest_madt table = {
        .madt = { .header = table_header("APIC", 3), .lapic_address = XAPIC_BASE,
                  .flags = MADT_PCAT_COMPAT },
        .ioapic = { .type = MADT_IOAPIC, .length = sizeof table.ioapic,
                    .ioapic_id = (uint8_t)guest_acpi_ioapic_id(vcpus), .address = IOAPIC_BASE },
        .pit = { .type = MADT_OVERRIDE, .length = sizeof table.pit, .source = GUEST_IRQ_PIT,
                 .gsi = GUEST_PIN_PIT },
        .sci = { .type = MADT_OVERRIDE, .length = sizeof table.sci, .source = GUEST_IRQ_SCI,
                 .gsi = GUEST_IRQ_SCI, .flags = INTI_ACTIVE_HIGH | INTI_LEVEL },
        .nmi = { .type = MADT_LAPIC_NMI, .length = sizeof table.nmi,
                 .processor_uid = MADT_ALL_PROCESSORS, .lint = 1 },
    };

    for (unsigned i = 0; i < vcpus; i++)
        table.lapics[i] = (struct acpi_madt_lapic){
            .type = MADT_LAPIC, .length = sizeof table.lapics[i], .processor_uid = (uint8_t)i,
            .apic_id = (uint8_t)i, .flags = MADT_LAPIC_ENABLED,
        };
    return area_put_table(area, &table.madt.header,
                          offsetof(struct guest_madt, lapics) + vcpus * sizeof table.lapics[0]);
}

static uint32_t build_mcfg(struct area *area)
{
    struct acpi_mcfg table = { .header = table_header("MCFG", 1), .base = GUEST_ECAM_BASE };

    return area_put_table(area, &table.header, sizeof table);
}

/* ---- The roots ---- */

#define ROOT_TABLES 3

static uint32_t build_rsdt(struct area *area, const uint32_t tables[static ROOT_TABLES])
{
    struct {
        struct acpi_header header;
        uint32_t tables[ROOT_TABLES];
    } ACPI_PACKED rsdt = { table_header("RSDT", 1), { tables[0], tables[1], tables[2] } };

    return area_put_table(area, &rsdt.header, sizeof rsdt);
}

static uint32_t build_xsdt(struct area *area, const uint32_t tables[static ROOT_TABLES])
{
    struct {
        struct acpi_header header;
        uint64_t tables[ROOT_TABLES];
    } ACPI_PACKED xsdt = { table_header("XSDT", 1), { tables[0], tables[1], tables[2] } };

    return area_put_table(area, &xsdt.header, sizeof xsdt);
}

static void build_rsdp(const struct guest_memory *memory, uint32_t rsdt, uint32_t xsdt)
{
    struct acpi_rsdp rsdp = {
        .oem_id = "BLKHD",
        .revision = 2,
        .rsdt = rsdt,
        .length = sizeof rsdp,
        .xsdt = xsdt,
    };
    memcpy(rsdp.signature, "RSD PTR ", sizeof rsdp.signature);
    rsdp.checksum = checksum(&rsdp, ACPI_RSDP_BYTES_1_0);
    rsdp.extended_checksum = checksum(&rsdp, sizeof rsdp);
    CHECK(guest_memory_write(memory, GPA(GUEST_ACPI_RSDP), &rsdp, sizeof rsdp));
}

gpa_t guest_acpi_build(const struct guest_memory *memory, unsigned vcpus,
                       const struct guest_acpi_pci *pci)
{
    struct area area = { memory, align_up(GUEST_ACPI_RSDP + sizeof(struct acpi_rsdp),
                                          TABLE_ALIGN) };

    CHECK(vcpus >= 1 && vcpus <= GUEST_ACPI_VCPUS_MAX);
    uint32_t dsdt = build_dsdt(&area, vcpus, pci);
    uint32_t facs = build_facs(&area);
    uint32_t fadt = build_fadt(&area, dsdt, facs);
    uint32_t madt = build_madt(&area, vcpus);
    uint32_t mcfg = build_mcfg(&area);
    const uint32_t tables[ROOT_TABLES] = { fadt, madt, mcfg };
    uint32_t rsdt = build_rsdt(&area, tables);
    uint32_t xsdt = build_xsdt(&area, tables);
    build_rsdp(memory, rsdt, xsdt);
    return GPA(GUEST_ACPI_RSDP);
}
