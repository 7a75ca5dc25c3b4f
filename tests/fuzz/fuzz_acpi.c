/* SPDX-License-Identifier: MIT
 *
 * Any bytes as the physical memory that holds the ACPI tables, the RSDP first.
 * Each mapping is a heap block of its own, gone at the next one. Checksums are
 * made right on the way, or no table would ever be read.
 */
#include <stdlib.h>
#include <string.h>

#include "drivers/acpi.h"
#include "hv/bytes.h"

#define RSDP_BYTES 36
#define MAPPED_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *memory;
static size_t memory_bytes;
static uint8_t *mapped;

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void fix_checksum(uint8_t *bytes, size_t count, size_t field)
{
    uint8_t sum = 0;
    bytes[field] = 0;
    for (size_t i = 0; i < count; i++)
        sum = (uint8_t)(sum + bytes[i]);
    bytes[field] = (uint8_t)-sum;
}

const uint8_t *acpi_map(hpa_t address, size_t bytes)
{
    free(mapped);
    mapped = NULL;
    if (address.value > memory_bytes || bytes > memory_bytes - address.value || bytes > MAPPED_MAX)
        return NULL;
    mapped = malloc(bytes > 0 ? bytes : 1);
    memcpy(mapped, memory + address.value, bytes);
    if (bytes >= ACPI_HEADER_BYTES)
        fix_checksum(mapped, bytes, 9);
    return mapped;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct acpi_machine machine;
    static struct acpi_problems problems;
    if (size < RSDP_BYTES)
        return 0;
    uint8_t *rsdp = malloc(RSDP_BYTES);
    memcpy(rsdp, data, RSDP_BYTES);
    memcpy(rsdp, "RSD PTR ", 8);
    fix_checksum(rsdp, 20, 8);
    if (little_32(rsdp + 20) == RSDP_BYTES)
        fix_checksum(rsdp, RSDP_BYTES, 32);

    memory = data;
    memory_bytes = size;
    acpi_read(rsdp, RSDP_BYTES, &machine, &problems);
    free(rsdp);
    free(mapped);
    mapped = NULL;

    require(machine.cpu_count <= ACPI_CPUS_MAX && machine.ioapic_count <= ACPI_IOAPICS_MAX);
    require(machine.override_count <= ACPI_OVERRIDES_MAX);
    require(problems.count <= ACPI_PROBLEMS_MAX && (problems.more == 0 || problems.count > 0));
    require(machine.s5.type_a <= 7 && machine.s5.type_b <= 7);
    require(machine.madt_found || machine.cpu_count == 0);
    require(machine.fadt_found || !machine.s5.present);
    for (unsigned i = 0; i < machine.cpu_count; i++)
        for (unsigned j = 0; j < i; j++)
            require(machine.apic_ids[i] != machine.apic_ids[j]);
    return 0;
}
