/* SPDX-License-Identifier: MIT
 *
 * What the firmware's ACPI tables say about this machine: CPUs, IOAPICs,
 * interrupt overrides and NMIs, PCI configuration space, DMA remapping, how to
 * power off and how to reset.
 *
 * Nothing is interpreted: AML is not run, the one value needed from it (_S5) is
 * found by its bytes. A broken table is listed as a problem and left out; the
 * others still count. Physical memory is reached through acpi_map() alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/dmar.h"
#include "hv/addr.h"

#define ACPI_CPUS_MAX 64
#define ACPI_IOAPICS_MAX 8
#define ACPI_OVERRIDES_MAX 16
#define ACPI_NMI_SOURCES_MAX 4
#define ACPI_ECAM_MAX 16
#define ACPI_PROBLEMS_MAX 16
#define ACPI_TABLE_BYTES_MAX MIB(4)

/* Provided by the caller. Makes [address, address + bytes) readable, at most
 * ACPI_TABLE_BYTES_MAX, any alignment; NULL if that is not memory to read. The
 * pointer is used until the next call only, so one window is enough. */
const uint8_t *acpi_map(hpa_t address, size_t bytes);

struct acpi_ioapic {
    uint8_t id;
    hpa_t address;
    uint32_t gsi_base;
};

enum acpi_polarity { ACPI_ACTIVE_HIGH, ACPI_ACTIVE_LOW };
enum acpi_trigger { ACPI_EDGE, ACPI_LEVEL };

/* Where an ISA interrupt arrives. */
struct acpi_override {
    uint8_t irq;
    uint32_t gsi;
    enum acpi_polarity polarity;
    enum acpi_trigger trigger;
};

/* Configuration space in memory: 1 MiB for each bus, from the place of bus 0 on,
 * even where that bus is not among those that are there. */
struct acpi_ecam {
    hpa_t base;
    uint16_t segment;
    uint8_t first_bus;
    uint8_t last_bus;
};

#define ACPI_ECAM_BUS_BYTES MIB(1)

/* ACPI Specification 6.5, "5.2.3.2 Generic Address Structure" */
enum acpi_space { ACPI_SPACE_MEMORY = 0, ACPI_SPACE_IO = 1, ACPI_SPACE_PCI = 2 };

struct acpi_reset {
    bool present;
    uint8_t space; /* enum acpi_space */
    uint64_t address;
    uint8_t value;
};

/* Soft-off: SLP_TYP values for PM1a_CNT and PM1b_CNT. */
struct acpi_s5 {
    bool present;
    uint8_t type_a;
    uint8_t type_b;
};

struct acpi_machine {
    bool rsdp_found;
    hpa_t rsdp_address; /* 0 if the loader gave a copy */
    uint8_t revision;   /* of the RSDP: 0 is ACPI 1.0 */

    bool madt_found;
    hpa_t lapic_address;
    bool legacy_pics; /* a PIC pair, to be masked */
    uint32_t apic_ids[ACPI_CPUS_MAX]; /* enabled processors, in the MADT's order */
    unsigned cpu_count;
    unsigned cpus_ignored; /* enabled, but more than fit */
    struct acpi_ioapic ioapics[ACPI_IOAPICS_MAX];
    unsigned ioapic_count;
    unsigned ioapics_ignored;
    struct acpi_override overrides[ACPI_OVERRIDES_MAX];
    unsigned override_count;
    uint32_t nmi_sources[ACPI_NMI_SOURCES_MAX]; /* GSIs that are wired to be NMIs */
    unsigned nmi_source_count;
    uint8_t nmi_inputs; /* bit n: LINTn of some local APIC is an NMI */

    bool fadt_found;
    uint16_t pm1a_control; /* I/O ports; 0: none */
    uint16_t pm1b_control;
    uint16_t smi_command; /* 0: always in ACPI mode */
    uint8_t acpi_enable;
    struct acpi_reset reset;
    uint8_t century_register; /* in CMOS; 0: none */
    hpa_t dsdt_address;
    struct acpi_s5 s5;

    bool mcfg_found;
    struct acpi_ecam ecam[ACPI_ECAM_MAX]; /* no bus is in two of them */
    unsigned ecam_count;

    struct dmar dmar;
};

enum acpi_problem_kind {
    ACPI_NO_RSDP,      /* neither from the loader nor in the BIOS area */
    ACPI_UNREADABLE,   /* lies where there is no memory */
    ACPI_SIGNATURE,    /* is another table than was expected */
    ACPI_LENGTH,       /* shorter than its kind, or absurdly long */
    ACPI_CHECKSUM,
    ACPI_ENTRY,        /* an entry of impossible length: lost, and maybe the rest with it */
    ACPI_VALUE,        /* an entry that says what cannot be */
    ACPI_DUPLICATE,    /* a second one; the first counts */
    ACPI_TOO_MANY,     /* more entries of a kind than fit */
    ACPI_NO_S5,        /* soft-off values were not found */
};

struct acpi_problem {
    enum acpi_problem_kind kind;
    char table[5]; /* signature, with unprintable bytes as '?' */
    hpa_t address;
    uint32_t offset; /* in the table, of the entry that is the problem; else 0 */
};

struct acpi_problems {
    struct acpi_problem list[ACPI_PROBLEMS_MAX];
    unsigned count;
    unsigned more; /* not listed */
};

const char *acpi_problem_text(enum acpi_problem_kind kind);

/* Adds to the list; signature points to four bytes of any content. */
void acpi_problem_add(struct acpi_problems *problems, struct acpi_problem problem,
                      const char *signature);

/* Walks all tables. rsdp is the loader's copy, or NULL with 0 to search the
 * BIOS area. Both results are written whole; no table at all is a result, too:
 * rsdp_found and madt_found are false and the problems say why. */
void acpi_read(const uint8_t *rsdp, size_t rsdp_bytes, struct acpi_machine *machine,
               struct acpi_problems *problems);

/* The APIC ids of the CPUs in the order of their numbers: the boot CPU, whether
 * the MADT has it or not, then the others as the MADT lists them. `ids` has room
 * for ACPI_CPUS_MAX; returns how many there are. */
unsigned acpi_cpu_order(const struct acpi_machine *machine, uint32_t boot_id, uint32_t *ids);

/* ISA interrupt to GSI: the MADT's override, or the ISA default. */
struct acpi_override acpi_isa_interrupt(const struct acpi_machine *machine, uint8_t irq);

/* The pure parts, a file for each table. Each takes a whole table, header included and
 * checksum right, and never reads outside it. Fields that an older, shorter
 * table does not have are absent. */
#define ACPI_HEADER_BYTES 36
#define ACPI_MADT_BYTES_MIN 44
#define ACPI_FADT_BYTES_MIN 116
#define ACPI_MCFG_BYTES_MIN 44
#define ACPI_DMAR_BYTES_MIN 48

void acpi_parse_madt(const uint8_t *table, size_t bytes, hpa_t address,
                     struct acpi_machine *machine, struct acpi_problems *problems);
void acpi_parse_mcfg(const uint8_t *table, size_t bytes, hpa_t address,
                     struct acpi_machine *machine, struct acpi_problems *problems);
void acpi_parse_dmar(const uint8_t *table, size_t bytes, hpa_t address,
                     struct acpi_machine *machine, struct acpi_problems *problems);
void acpi_parse_fadt(const uint8_t *table, size_t bytes, struct acpi_machine *machine);
bool acpi_find_s5(const uint8_t *table, size_t bytes, struct acpi_s5 *out);
