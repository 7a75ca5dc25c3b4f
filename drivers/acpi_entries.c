/* SPDX-License-Identifier: MIT
 *
 * See acpi_entries.h. The position grows with every entry, so a walk ends.
 */
#include "drivers/acpi_entries.h"

#include "hv/bytes.h"

void acpi_complain(const struct acpi_reader *reader, enum acpi_problem_kind kind, size_t offset)
{
    struct acpi_problem problem = { .kind = kind, .address = reader->address,
                                    .offset = (uint32_t)offset };
    acpi_problem_add(reader->problems, problem, (const char *)reader->table);
}

static unsigned field(const struct acpi_entries *entries, size_t number)
{
    const uint8_t *at = entries->reader->table + entries->offset + number * entries->field_bytes;
    return entries->field_bytes == 1 ? at[0] : little_16(at);
}

bool acpi_entry_next(struct acpi_entries *entries)
{
    size_t header_bytes = 2 * entries->field_bytes;
    size_t rest = entries->end - entries->next;
    if (rest == 0)
        return false;

    entries->offset = entries->next;
    entries->bytes = rest < header_bytes ? 0 : field(entries, 1);
    if (entries->bytes < header_bytes || entries->bytes > rest) {
        acpi_complain(entries->reader, ACPI_ENTRY, entries->offset);
        entries->next = entries->end;
        entries->broken = true;
        return false;
    }
    entries->type = field(entries, 0);
    entries->next += entries->bytes;
    return true;
}
