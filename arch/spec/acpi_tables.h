/* SPDX-License-Identifier: MIT
 *
 * Layouts of the ACPI tables that a guest is given.
 * ACPI Specification 6.5, "5.2 ACPI System Description Tables". The FADT and
 * MADT are of the versions that ACPI 6.0 defined; nothing later is needed.
 */
#pragma once

#include <stdint.h>

#define ACPI_PACKED __attribute__((packed))

/* "5.2.6 System Description Table Header" */
struct acpi_header {
    char signature[4];
    uint32_t length;
    uint8_t revision;
    uint8_t checksum; /* makes the sum of all bytes of the table 0 */
    char oem_id[6];
    char oem_table_id[8];
    uint32_t oem_revision;
    char creator_id[4];
    uint32_t creator_revision;
} ACPI_PACKED;
_Static_assert(sizeof(struct acpi_header) == 36, "5.2.6");

/* "5.2.5.3 Root System Description Pointer (RSDP) Structure" */
struct acpi_rsdp {
    char signature[8];
    uint8_t checksum; /* of the first 20 bytes */
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum; /* of all */
    uint8_t reserved[3];
} ACPI_PACKED;
_Static_assert(sizeof(struct acpi_rsdp) == 36, "5.2.5.3");

#define ACPI_RSDP_BYTES_1_0 20u

/* "5.2.3.2 Generic Address Structure" */
struct acpi_address {
    uint8_t space;
    uint8_t bit_width;
    uint8_t bit_offset;
    uint8_t access_size;
    uint64_t address;
} ACPI_PACKED;
_Static_assert(sizeof(struct acpi_address) == 12, "5.2.3.2");

enum { ACPI_ADDRESS_IO = 1 };
enum { ACPI_ACCESS_BYTE = 1, ACPI_ACCESS_WORD = 2, ACPI_ACCESS_DOUBLEWORD = 3 };

/* "5.2.9 Fixed ACPI Description Table (FADT)" */
struct acpi_fadt {
    struct acpi_header header;
    uint32_t firmware_ctrl;
    uint32_t dsdt;
    uint8_t reserved_44;
    uint8_t preferred_pm_profile;
    uint16_t sci_int;
    uint32_t smi_cmd;
    uint8_t acpi_enable;
    uint8_t acpi_disable;
    uint8_t s4bios_req;
    uint8_t pstate_cnt;
    uint32_t pm1a_evt_blk;
    uint32_t pm1b_evt_blk;
    uint32_t pm1a_cnt_blk;
    uint32_t pm1b_cnt_blk;
    uint32_t pm2_cnt_blk;
    uint32_t pm_tmr_blk;
    uint32_t gpe0_blk;
    uint32_t gpe1_blk;
    uint8_t pm1_evt_len;
    uint8_t pm1_cnt_len;
    uint8_t pm2_cnt_len;
    uint8_t pm_tmr_len;
    uint8_t gpe0_blk_len;
    uint8_t gpe1_blk_len;
    uint8_t gpe1_base;
    uint8_t cst_cnt;
    uint16_t p_lvl2_lat; /* microseconds; beyond the maximum: no such state */
    uint16_t p_lvl3_lat;
    uint16_t flush_size;
    uint16_t flush_stride;
    uint8_t duty_offset;
    uint8_t duty_width;
    uint8_t day_alrm;
    uint8_t mon_alrm;
    uint8_t century;
    uint16_t iapc_boot_arch;
    uint8_t reserved_111;
    uint32_t flags;
    struct acpi_address reset_reg;
    uint8_t reset_value;
    uint16_t arm_boot_arch;
    uint8_t minor_version;
    uint64_t x_firmware_ctrl;
    uint64_t x_dsdt;
    struct acpi_address x_pm1a_evt_blk;
    struct acpi_address x_pm1b_evt_blk;
    struct acpi_address x_pm1a_cnt_blk;
    struct acpi_address x_pm1b_cnt_blk;
    struct acpi_address x_pm2_cnt_blk;
    struct acpi_address x_pm_tmr_blk;
    struct acpi_address x_gpe0_blk;
    struct acpi_address x_gpe1_blk;
    struct acpi_address sleep_control_reg;
    struct acpi_address sleep_status_reg;
    char hypervisor_vendor[8];
} ACPI_PACKED;
_Static_assert(sizeof(struct acpi_fadt) == 276, "5.2.9");

#define FADT_P_LVL2_LAT_MAX 100
#define FADT_P_LVL3_LAT_MAX 1000

/* "5.2.9.3 IA-PC Boot Architecture Flags" */
enum {
    FADT_BOOT_LEGACY_DEVICES = 1u << 0,
    FADT_BOOT_8042 = 1u << 1,
    FADT_BOOT_VGA_NOT_PRESENT = 1u << 2,
    FADT_BOOT_MSI_NOT_SUPPORTED = 1u << 3,
    FADT_BOOT_CMOS_RTC_NOT_PRESENT = 1u << 5,
};

/* "5.2.9 Fixed ACPI Description Table (FADT)", fixed feature flags */
enum {
    FADT_WBINVD = 1u << 0,
    FADT_PROC_C1 = 1u << 2,
    FADT_PWR_BUTTON = 1u << 4, /* there is none in the fixed registers */
    FADT_SLP_BUTTON = 1u << 5, /* likewise */
    FADT_FIX_RTC = 1u << 6,    /* RTC wake status is not in the fixed registers */
    FADT_TMR_VAL_EXT = 1u << 8, /* the PM timer has 32 bits */
    FADT_RESET_REG_SUP = 1u << 10,
    FADT_HEADLESS = 1u << 12,
};

/* "5.2.10 Firmware ACPI Control Structure (FACS)" */
struct acpi_facs {
    char signature[4];
    uint32_t length;
    uint32_t hardware_signature;
    uint32_t firmware_waking_vector;
    uint32_t global_lock;
    uint32_t flags;
    uint64_t x_firmware_waking_vector;
    uint8_t version;
    uint8_t reserved_33[3];
    uint32_t ospm_flags;
    uint8_t reserved_40[24];
} ACPI_PACKED;
_Static_assert(sizeof(struct acpi_facs) == 64, "5.2.10");

/* "5.2.12 Multiple APIC Description Table (MADT)" */
struct acpi_madt {
    struct acpi_header header;
    uint32_t lapic_address;
    uint32_t flags;
} ACPI_PACKED;
_Static_assert(sizeof(struct acpi_madt) == 44, "5.2.12");

#define MADT_PCAT_COMPAT 1u /* a pair of 8259s is there */

enum { MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_OVERRIDE = 2, MADT_LAPIC_NMI = 4 };

/* "5.2.12.2 Processor Local APIC Structure" */
struct acpi_madt_lapic {
    uint8_t type;
    uint8_t length;
    uint8_t processor_uid;
    uint8_t apic_id;
    uint32_t flags; /* bit 0: enabled */
} ACPI_PACKED;
_Static_assert(sizeof(struct acpi_madt_lapic) == 8, "5.2.12.2");

#define MADT_LAPIC_ENABLED 1u

/* "5.2.12.3 I/O APIC Structure" */
struct acpi_madt_ioapic {
    uint8_t type;
    uint8_t length;
    uint8_t ioapic_id;
    uint8_t reserved;
    uint32_t address;
    uint32_t gsi_base;
} ACPI_PACKED;
_Static_assert(sizeof(struct acpi_madt_ioapic) == 12, "5.2.12.3");

/* "5.2.12.5 Interrupt Source Override Structure" */
struct acpi_madt_override {
    uint8_t type;
    uint8_t length;
    uint8_t bus; /* 0: ISA */
    uint8_t source;
    uint32_t gsi;
    uint16_t flags;
} ACPI_PACKED;
_Static_assert(sizeof(struct acpi_madt_override) == 10, "5.2.12.5");

/* "Table 5.26: MPS INTI Flags" */
enum { INTI_ACTIVE_HIGH = 1u << 0, INTI_LEVEL = 3u << 2 };

/* "5.2.12.7 Local APIC NMI Structure" */
struct acpi_madt_lapic_nmi {
    uint8_t type;
    uint8_t length;
    uint8_t processor_uid; /* FF: all */
    uint16_t flags;
    uint8_t lint;
} ACPI_PACKED;
_Static_assert(sizeof(struct acpi_madt_lapic_nmi) == 6, "5.2.12.7");

#define MADT_ALL_PROCESSORS 0xFFu

/* PCI Firmware Specification 3.3, "4.1.2 MCFG Table Description" */
struct acpi_mcfg {
    struct acpi_header header;
    uint8_t reserved[8];
    uint64_t base; /* where bus 0 would be */
    uint16_t segment;
    uint8_t first_bus;
    uint8_t last_bus;
    uint8_t reserved_too[4];
} ACPI_PACKED;
_Static_assert(sizeof(struct acpi_mcfg) == 60, "4.1.2");
