/* SPDX-License-Identifier: MIT
 *
 * Entries of an ACPI table, each with its type and its length in front: what the
 * readers of MADT and DMAR have in common.
 *
 * An entry is handed out only if all of it lies in the table. One of impossible
 * length is complained about and ends the list, because nothing says where the
 * next one would begin.
 */
#pragma once

#include "drivers/acpi.h"

/* One table being read; what is said of it names it. */
struct acpi_reader {
    const uint8_t *table;
    size_t bytes;
    hpa_t address;
    struct acpi_machine *machine;
    struct acpi_problems *problems;
};

/* `offset`: of the entry in the table. */
void acpi_complain(const struct acpi_reader *reader, enum acpi_problem_kind kind, size_t offset);

struct acpi_entries {
    const struct acpi_reader *reader;
    size_t field_bytes; /* of the type, and of the length behind it: 1 or 2 */
    size_t next;        /* where the next entry begins */
    size_t end;         /* at most the table's */
    bool broken;        /* it ended before that */
    /* The entry, once acpi_entry_next() said that there is one. */
    size_t offset;
    size_t bytes; /* at least 2 * field_bytes */
    unsigned type;
};

bool acpi_entry_next(struct acpi_entries *entries);
