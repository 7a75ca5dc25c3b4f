/* SPDX-License-Identifier: MIT
 *
 * See vtd.h. What an entry looks like and whether it may be is decided in hv/dma_*.c
 * and hv/irte.c; here and in the files beside this one it is put together for the
 * machine's units and functions.
 *
 * Each unit has a root table of its own; the interrupt table is shared, since an entry
 * is good for one source id only. A change of it is told to all units: there are few,
 * and it is seldom.
 */
#include "arch/vtd_state.h"

#include "arch/cpu_features.h"
#include "arch/host.h"
#include "arch/insn.h"
#include "arch/layout.h"
#include "arch/paging.h"
#include "arch/spec/cpuid.h"
#include "arch/spec/vtd.h"
#include "hv/check.h"
#include "hv/log.h"
#include "hv/machine.h"
#include "hv/text.h"

#define FRAMES_PER_UNIT 3 /* root, queue, and where waits are answered */
#define CONTEXT_TABLES_MAX 64

struct vtd vtd = { .absence = "it was not looked for" };

bool vtd_is_on(void)
{
    return vtd.on;
}

const char *vtd_absence(void)
{
    return vtd.absence;
}

void vtd_describe(char to[static VTD_TEXT_SIZE])
{
    const struct ept_shape shape = dma_shape(&vtd.limits);
    text_format(to, VTD_TEXT_SIZE, "%u %s, %u bits, pages up to %s, APIC ids of %u bits",
                vtd.unit_count, vtd.unit_count == 1 ? "unit" : "units", 12 + 9 * shape.levels,
                vtd.limits.pages_1g ? "1 GiB" : "2 MiB", vtd.extended ? 32 : 8);
}

/* ---- Units ---- */

static void report_failure(unsigned unit)
{
    log_line(LOG_ERROR, "iommu %u does not answer: waited in vain for its %s; it is asked for "
             "nothing any more", unit, vtd.units[unit].failed_at);
}

/* A step for which a unit was waited: says it, the first time that one failed. */
static bool done(unsigned unit, bool succeeded, const char *failed_before)
{
    if (!succeeded && failed_before == NULL)
        report_failure(unit);
    return succeeded;
}

bool vtd_forget_source(unsigned unit, uint16_t source, uint16_t domain)
{
    const char *before = vtd.units[unit].failed_at;
    return done(unit, vtd_unit_forget_source(&vtd.units[unit], source, domain), before);
}

bool vtd_forget_domain(uint16_t domain)
{
    bool all = true;
    for (unsigned i = 0; i < vtd.unit_count; i++) {
        const char *before = vtd.units[i].failed_at;
        all &= done(i, vtd_unit_forget_domain(&vtd.units[i], domain), before);
    }
    return all;
}

bool vtd_forget_interrupt(uint32_t index)
{
    bool all = true;
    for (unsigned i = 0; i < vtd.unit_count; i++) {
        const char *before = vtd.units[i].failed_at;
        all &= done(i, vtd_unit_forget_interrupt(&vtd.units[i], index), before);
    }
    return all;
}

struct vtd_sources vtd_sources_of(unsigned function)
{
    struct vtd_sources sources = { .unit = dmar_unit_of(&host.acpi.dmar, &host.pci, function) };
    sources.count = dma_sources(&host.pci, function, sources.ids);
    return sources;
}

/* ---- Start ---- */

uint64_t vtd_table_bytes(uint64_t guests_memory_bytes, unsigned guests)
{
    unsigned units = host.acpi.dmar.unit_count;
    if (units == 0)
        return 0;
    uint64_t frames = units * FRAMES_PER_UNIT + IRTE_FRAMES + CONTEXT_TABLES_MAX
        + (guests + 1) * (DMA_SPARE_FRAMES + 10) + guests_memory_bytes / GIB(1);
    return frames * PAGE_SIZE_4K;
}

static volatile uint8_t *map_unit(unsigned number, hpa_t registers)
{
    uint64_t virtual = VTD_VIRTUAL + number * VTD_STRIDE;
    paging_map(virtual, registers, VTD_REGISTERS_BYTES, PAGE_DEVICE);
    return (volatile uint8_t *)virtual;
}

static const char *table_problem(const struct dmar *dmar)
{
    if (!dmar->found || dmar->unit_count == 0)
        return "the firmware's tables have no remapping unit (off in the BIOS setup?)";
    if (!dmar->complete)
        return "the DMAR table is incomplete: a device could belong to another unit";
    if (!dmar->interrupt_remapping)
        return "the DMAR table says that interrupts cannot be remapped";
    return NULL;
}

/* Why a unit's registers cannot be where the DMAR says, or NULL. */
static const char *place_problem(hpa_t registers, const struct memory_range *memory, unsigned count)
{
    uint64_t last = registers.value + PAGE_SIZE_4K - 1;
    if (last >> (cpuid(CPUID_ADDRESS_SIZES, 0).eax & 0xFF))
        return "lies beyond this CPU's addresses";
    if (memory_ranges_hold_ram(memory, count, registers.value, last))
        return "is said to be where RAM is";
    return NULL;
}

/* Reads all units before any is changed. */
static const char *open_units(const struct dmar *dmar, const struct memory_range *memory,
                              unsigned count)
{
    vtd.limits = dma_limits_none();
    for (unsigned i = 0; i < dmar->unit_count; i++) {
        const char *problem = place_problem(dmar->units[i].registers, memory, count);
        if (problem != NULL) {
            log_line(LOG_WARNING, "iommu %u %s", i, problem);
            return "one of the units is not where the DMAR table says";
        }
        vtd_unit_open(&vtd.units[i], map_unit(i, dmar->units[i].registers));
        vtd.unit_count++;
        problem = dma_limits_add(&vtd.limits, vtd.units[i].cap, vtd.units[i].ecap);
        if (problem != NULL) {
            log_line(LOG_WARNING, "iommu %u %s", i, problem);
            return "one of the units cannot do what is needed";
        }
    }
    return NULL;
}

static bool stop_units(void)
{
    bool all = true;
    for (unsigned i = 0; i < vtd.unit_count; i++)
        all &= done(i, vtd_unit_stop(&vtd.units[i]), NULL);
    return all;
}

static void make_tables(void)
{
    const struct ept_shape shape = dma_shape(&vtd.limits);
    struct frames interrupts = frames_split(&vtd.frames, IRTE_FRAMES);
    vtd.interrupts = interrupts.tables;
    memset(vtd.interrupts, 0, IRTE_FRAMES * PAGE_SIZE_4K);
    machine_memory_publish(vtd.interrupts, IRTE_FRAMES * PAGE_SIZE_4K);
    for (unsigned i = 0; i < vtd.unit_count; i++) {
        vtd.roots[i] = frames_take(&vtd.frames);
        machine_memory_publish(frames_find(&vtd.frames, vtd.roots[i]), PAGE_SIZE_4K);
    }
    dma_domain_init(&vtd.firmware, VTD_DOMAIN_OF_FIRMWARE,
                    frames_split(&vtd.frames, dma_domain_frames(NULL, 0, shape)), shape);
    vtd.extended = vtd.limits.extended_interrupts && cpu_features.x2apic;
}

static bool start_unit(unsigned number, hpa_t interrupts)
{
    hpa_t queue = frames_take(&vtd.frames), answers = frames_take(&vtd.frames);
    struct vtd_unit_tables tables = {
        .root = vtd.roots[number], .interrupts = interrupts,
        .interrupts_shift = IRTE_COUNT_SHIFT, .extended_interrupts = vtd.extended,
        .queue = frames_find(&vtd.frames, queue), .queue_hpa = queue,
        .done = frames_find(&vtd.frames, answers), .done_hpa = answers,
    };
    return done(number, vtd_unit_start(&vtd.units[number], &tables), NULL);
}

static const char *start(struct frames frames, const struct memory_range *memory, unsigned count)
{
    const char *problem = table_problem(&host.acpi.dmar);
    if (problem == NULL)
        problem = open_units(&host.acpi.dmar, memory, count);
    if (problem != NULL)
        return problem;
    if (!stop_units())
        return "a unit cannot be turned off";
    vtd.frames = frames;
    hpa_t interrupts = frames.base; /* the first that are taken */
    make_tables();
    vtd_start_reserved(memory, count);
    for (unsigned i = 0; i < vtd.unit_count; i++)
        if (!start_unit(i, interrupts)) {
            (void)stop_units();
            return "a unit cannot be turned on";
        }
    return NULL;
}

bool vtd_start(struct frames frames, const struct memory_range *memory, unsigned count)
{
    for (unsigned i = 0; i < PCI_FUNCTIONS_MAX; i++)
        vtd.functions[i].owner = VTD_NOBODY;
    vtd.absence = start(frames, memory, count);
    vtd.on = vtd.absence == NULL;
    return vtd.on;
}

void vtd_call_on_faults(uint32_t apic_id)
{
    for (unsigned i = 0; vtd.on && i < vtd.unit_count; i++)
        if (!vtd_unit_call_on_fault(&vtd.units[i], apic_id))
            log_line(LOG_WARNING, "iommu %u cannot call by NMI: its faults are seen when the "
                     "console is served", i);
}

const char *vtd_domain_create(unsigned vm, const char *name, const struct ept_range *ranges,
                              unsigned count)
{
    const struct ept_shape shape = dma_shape(&vtd.limits);
    struct dma_domain *domain = &vtd.domains[vm];
    CHECK(vtd.on && domain->id == 0 && count > 0);
    const struct ept_range *last = &ranges[count - 1];
    if (last->gpa.value + last->bytes > dma_address_end(&vtd.limits))
        return "the guest has more memory than the remapping units can address";
    dma_domain_init(domain, VTD_DOMAIN_OF_VM(vm),
                    frames_split(&vtd.frames, dma_domain_frames(ranges, count, shape)), shape);
    for (unsigned i = 0; i < count; i++)
        CHECK(dma_domain_map(domain, &ranges[i]) == DMA_MAPPED);
    vtd.names[vm] = name;
    return NULL;
}
