/* SPDX-License-Identifier: MIT
 *
 * A guest of several vCPUs: finds them in the MP table and in the MADT, as
 * kernels old and new do, and starts them all. Each says who it is.
 */
#include "guest/lib.h"

#include <stdatomic.h>

#include "arch/spec/acpi_tables.h"
#include "arch/spec/cpuid.h"
#include "arch/spec/mp_table.h"
#include "hv/guest_memory.h"
#include "hv/text.h"

const char guest_name[] = "smp";

#define VCPUS_MAX 8

/* Processors by APIC id, as a table lists them. */
struct listed {
    unsigned count;
    uint8_t ids[VCPUS_MAX];
};

static _Atomic uint32_t arrived; /* a bit for each APIC id */
static _Atomic uint32_t strange; /* those whose CPUID says another id */

static void list(struct listed *listed, uint8_t id)
{
    if (listed->count < VCPUS_MAX)
        listed->ids[listed->count] = id;
    listed->count++;
}

static bool begins_with(const void *at, const char *signature)
{
    return memcmp(at, signature, strlen(signature)) == 0;
}

/* A structure that lies at a multiple of 16 in the BIOS area, or NULL. */
static const void *find_in_bios(uint64_t begin, const char *signature)
{
    for (uint64_t at = begin; at < GUEST_BIOS_AREA_END; at += 16)
        if (begins_with((const void *)at, signature))
            return (const void *)at;
    return NULL;
}

static struct listed in_mp_table(void)
{
    const struct mp_pointer *pointer = find_in_bios(GUEST_MP_AREA, "_MP_");
    struct listed listed = { .count = 0 };

    if (pointer == NULL)
        return listed;
    const struct mp_header *header = (const void *)(uint64_t)pointer->table;
    const uint8_t *entry = (const uint8_t *)(header + 1);
    for (unsigned i = 0; i < header->entry_count; i++) {
        if (entry[0] == MP_PROCESSOR)
            list(&listed, entry[1]);
        entry += entry[0] == MP_PROCESSOR ? sizeof(struct mp_processor) : sizeof(struct mp_bus);
    }
    return listed;
}

static const struct acpi_madt *find_madt(void)
{
    const struct acpi_rsdp *rsdp = find_in_bios(GUEST_BIOS_AREA, "RSD PTR ");

    if (rsdp == NULL)
        return NULL;
    const struct acpi_header *rsdt = (const void *)(uint64_t)rsdp->rsdt;
    const uint32_t *table = (const uint32_t *)(rsdt + 1);
    for (uint32_t i = 0; i < (rsdt->length - sizeof *rsdt) / sizeof *table; i++)
        if (begins_with((const void *)(uint64_t)table[i], "APIC"))
            return (const void *)(uint64_t)table[i];
    return NULL;
}

static struct listed in_madt(void)
{
    const struct acpi_madt *madt = find_madt();
    struct listed listed = { .count = 0 };

    if (madt == NULL)
        return listed;
    const uint8_t *end = (const uint8_t *)madt + madt->header.length;
    for (const uint8_t *entry = (const uint8_t *)(madt + 1); entry < end; entry += entry[1])
        if (entry[0] == MADT_LAPIC)
            list(&listed, ((const struct acpi_madt_lapic *)entry)->apic_id);
    return listed;
}

/* By the APIC, and by CPUID in the two places where it tells the id. */
static void arrive(void)
{
    uint32_t id = vcpu_number();

    if (cpuid(CPUID_FEATURES, 0).ebx >> 24 != id || cpuid(CPUID_TOPOLOGY, 0).edx != id)
        atomic_fetch_or(&strange, 1u << id);
    atomic_fetch_or(&arrived, 1u << id);
}

void guest_ap_main(void)
{
    arrive();
}

void guest_main(void)
{
    struct listed old = in_mp_table(), new = in_madt();
    uint32_t all = (1u << new.count) - 1;

    arrive();
    report(new.count >= 1 && new.count <= VCPUS_MAX, "%u vCPUs in the MADT", new.count);
    report(old.count == new.count && memcmp(old.ids, new.ids, new.count) == 0,
           "the same in the MP table");
    for (unsigned i = 1; i < new.count && i < VCPUS_MAX; i++)
        report(guest_start_vcpu(new.ids[i]), "vCPU %u starts", new.ids[i]);
    for (uint64_t begin = rdtsc(); atomic_load(&arrived) != all && rdtsc() - begin < tsc_hz();)
        cpu_pause();
    report(atomic_load(&arrived) == all, "%u vCPUs run", new.count);
    report(atomic_load(&strange) == 0, "CPUID tells each its own number");
    say_done();
    power_off();
}
