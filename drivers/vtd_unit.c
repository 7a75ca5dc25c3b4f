/* SPDX-License-Identifier: MIT
 *
 * See vtd_unit.h. VT-d specification, 6.5.2 "Queued Invalidation Interface", 10
 * "Software Considerations", 11.4 "Register Descriptions".
 *
 * Only queued invalidation is used: a unit that remaps interrupts has it ("11.4.3
 * Extended Capability Register", IR). Each batch ends with a wait descriptor, which
 * stores its number when all before it is done.
 */
#include "drivers/vtd_unit.h"

#include "arch/insn.h"
#include "arch/spec/apic.h"
#include "arch/spec/vtd.h"
#include "drivers/mmio.h"

#define POLLS_MAX 2000000u /* an access to the unit each: a good part of a second */
#define QUEUE_BYTES 4096u
#define QUEUE_DESCRIPTORS (QUEUE_BYTES / 16)

static volatile uint32_t *word(const struct vtd_unit *unit, unsigned offset)
{
    return (volatile uint32_t *)(unit->registers + offset);
}

static uint32_t read_32(const struct vtd_unit *unit, unsigned offset)
{
    return mmio_read32(word(unit, offset));
}

static void write_32(const struct vtd_unit *unit, unsigned offset, uint32_t value)
{
    mmio_write32(word(unit, offset), value);
}

/* "11.2 Register Location": a quadword may be accessed as two doublewords. */
static uint64_t read_64(const struct vtd_unit *unit, unsigned offset)
{
    uint32_t low = read_32(unit, offset);
    return (uint64_t)read_32(unit, offset + 4) << 32 | low;
}

static void write_64(const struct vtd_unit *unit, unsigned offset, uint64_t value)
{
    write_32(unit, offset, (uint32_t)value);
    write_32(unit, offset + 4, (uint32_t)(value >> 32));
}

void vtd_unit_open(struct vtd_unit *unit, volatile uint8_t *registers)
{
    *unit = (struct vtd_unit){ .registers = registers };
    unit->cap = read_64(unit, VTD_CAP);
    unit->ecap = read_64(unit, VTD_ECAP);
}

static bool fail(struct vtd_unit *unit, const char *at)
{
    unit->failed_at = at;
    return false;
}

/* Until the bits of GSTS read as wanted. */
static bool wait_status(struct vtd_unit *unit, uint32_t bits, bool wanted, const char *what)
{
    for (unsigned i = 0; i < POLLS_MAX; i++)
        if (((read_32(unit, VTD_GSTS) & bits) != 0) == wanted)
            return true;
    return fail(unit, what);
}

/* "11.4.4 Global Command Register": one bit at a time, the lasting ones as they are. */
static bool command(struct vtd_unit *unit, uint32_t bit, bool on, const char *what)
{
    uint32_t lasting = read_32(unit, VTD_GSTS) & VTD_LASTING & ~bit;
    write_32(unit, VTD_GCMD, lasting | (on ? bit : 0));
    return wait_status(unit, bit, on, what);
}

/* "11.4.4 Global Command Register", WBF: the status bit falls when it is done. */
static bool flush_write_buffer(struct vtd_unit *unit)
{
    if (!(unit->cap & VTD_CAP_WRITE_BUFFER_FLUSH))
        return true;
    uint32_t lasting = read_32(unit, VTD_GSTS) & VTD_LASTING;
    write_32(unit, VTD_GCMD, lasting | VTD_FLUSH_WRITE_BUFFER);
    return wait_status(unit, VTD_FLUSH_WRITE_BUFFER, false, "flushing its write buffer");
}

/* ---- Faults ---- */

static unsigned fault_offset(const struct vtd_unit *unit, unsigned number)
{
    unsigned first = (unsigned)(unit->cap >> VTD_CAP_FAULTS_AT_SHIFT) & VTD_CAP_FAULTS_AT;
    return first * VTD_FAULT_BYTES + number * VTD_FAULT_BYTES;
}

static unsigned fault_count(const struct vtd_unit *unit)
{
    return ((unsigned)(unit->cap >> VTD_CAP_FAULTS_SHIFT) & VTD_CAP_FAULTS) + 1;
}

bool vtd_unit_take_fault(struct vtd_unit *unit, uint64_t *low, uint64_t *high)
{
    uint32_t status = read_32(unit, VTD_FSTS);
    if (unit->failed_at != NULL || !(status & VTD_FSTS_PENDING))
        return false;
    unsigned first = status >> VTD_FSTS_FIRST_SHIFT & VTD_FSTS_FIRST;
    for (unsigned i = 0; i < fault_count(unit); i++) {
        unsigned at = fault_offset(unit, (first + i) % fault_count(unit));
        *high = read_64(unit, at + 8);
        if (!(*high & VTD_FAULT_RECORDED))
            continue;
        *low = read_64(unit, at);
        write_32(unit, at + 12, (uint32_t)(VTD_FAULT_RECORDED >> 32));
        return true;
    }
    return false;
}

bool vtd_unit_faults_lost(struct vtd_unit *unit)
{
    if (unit->failed_at != NULL || !(read_32(unit, VTD_FSTS) & VTD_FSTS_OVERFLOW))
        return false;
    write_32(unit, VTD_FSTS, VTD_FSTS_OVERFLOW);
    return true;
}

static void clear_faults(struct vtd_unit *unit)
{
    uint64_t low, high;
    for (unsigned i = 0; i < fault_count(unit); i++)
        (void)vtd_unit_take_fault(unit, &low, &high);
    write_32(unit, VTD_FSTS, VTD_FSTS_OVERFLOW | VTD_FSTS_QUEUE);
}

void vtd_unit_call_no_more(struct vtd_unit *unit)
{
    write_32(unit, VTD_FECTL, VTD_FECTL_MASKED);
}

bool vtd_unit_call_on_fault(struct vtd_unit *unit, uint32_t apic_id)
{
    uint32_t data = (uint32_t)DELIVERY_NMI << VTD_EVENT_DELIVERY_SHIFT;
    uint32_t high = apic_id & VTD_EVENT_DESTINATION_HIGH;
    write_32(unit, VTD_FEDATA, data);
    write_32(unit, VTD_FEADDR, VTD_MESSAGE_ADDRESS
             | (apic_id & ~VTD_EVENT_DESTINATION_HIGH) << VTD_EVENT_DESTINATION_SHIFT);
    if (unit->ecap & VTD_ECAP_EXTENDED_INTERRUPTS)
        write_32(unit, VTD_FEUADDR, high);
    else if (high != 0)
        return false;
    if (read_32(unit, VTD_FEDATA) != data)
        return false;
    write_32(unit, VTD_FECTL, 0);
    return true;
}

/* ---- Invalidation ---- */

static void push(struct vtd_unit *unit, uint64_t low, uint64_t high)
{
    uint64_t *descriptor = unit->queue + 2 * unit->tail;
    descriptor[0] = low;
    descriptor[1] = high;
    cache_line_flush(descriptor);
    unit->tail = (unit->tail + 1) % QUEUE_DESCRIPTORS;
}

/* "6.5.4 Invalidation Request Errors": the queue stands still. */
static bool queue_error(const struct vtd_unit *unit)
{
    return read_32(unit, VTD_FSTS) & VTD_FSTS_QUEUE;
}

/* Lets the unit do what was pushed, and waits until it is done. The queue is empty at
 * the start of each batch, so there is room. */
static bool finish(struct vtd_unit *unit, const char *what)
{
    uint32_t number = ++unit->waits;
    push(unit, VTD_INVALIDATION_WAIT | VTD_WAIT_STORES | VTD_WAIT_FENCE
         | (uint64_t)number << VTD_WAIT_DATA_SHIFT, unit->done_hpa.value);
    fence();
    write_64(unit, VTD_IQT, (uint64_t)unit->tail << VTD_QUEUE_SHIFT);
    for (unsigned i = 0; i < POLLS_MAX; i++) {
        if (*(volatile uint32_t *)unit->done == number)
            return true;
        if (queue_error(unit))
            break;
    }
    return fail(unit, what);
}

static void push_contexts(struct vtd_unit *unit, uint64_t which)
{
    push(unit, VTD_INVALIDATE_CONTEXTS | which, 0);
}

/* Where the unit can, what is on its way to memory gets there first. */
static void push_translations(struct vtd_unit *unit, uint64_t which)
{
    uint64_t drains = (unit->cap & VTD_CAP_DRAINS_WRITES ? VTD_INVALIDATE_DRAIN_WRITES : 0)
        | (unit->cap & VTD_CAP_DRAINS_READS ? VTD_INVALIDATE_DRAIN_READS : 0);
    push(unit, VTD_INVALIDATE_IOTLB | which | drains, 0);
}

static uint64_t one_domain(uint16_t domain)
{
    return VTD_INVALIDATE_DOMAIN | (uint64_t)domain << VTD_INVALIDATE_DOMAIN_SHIFT;
}

bool vtd_unit_forget_source(struct vtd_unit *unit, uint16_t source, uint16_t domain)
{
    if (unit->failed_at != NULL || !flush_write_buffer(unit))
        return false;
    push_contexts(unit, VTD_INVALIDATE_FUNCTION | (uint64_t)domain << VTD_INVALIDATE_DOMAIN_SHIFT
                  | (uint64_t)source << VTD_INVALIDATE_SOURCE_SHIFT);
    push_translations(unit, one_domain(domain));
    return finish(unit, "forgetting a function's domain");
}

bool vtd_unit_forget_domain(struct vtd_unit *unit, uint16_t domain)
{
    if (unit->failed_at != NULL || !flush_write_buffer(unit))
        return false;
    push_translations(unit, one_domain(domain));
    return finish(unit, "forgetting a domain's pages");
}

bool vtd_unit_forget_interrupt(struct vtd_unit *unit, uint32_t index)
{
    if (unit->failed_at != NULL || !flush_write_buffer(unit))
        return false;
    push(unit, VTD_INVALIDATE_INTERRUPTS | VTD_INVALIDATE_ONE_INTERRUPT
         | (uint64_t)index << VTD_INVALIDATE_INDEX_SHIFT, 0);
    return finish(unit, "forgetting an interrupt");
}

/* ---- On and off ---- */

static bool stop_protecting_regions(struct vtd_unit *unit)
{
    const uint32_t enable = 1u << 31, status = 1u << 0; /* "11.4.8.1 Protected Memory Enable" */
    if (!(unit->cap & (VTD_CAP_PROTECTED_LOW | VTD_CAP_PROTECTED_HIGH)))
        return true;
    write_32(unit, VTD_PMEN, read_32(unit, VTD_PMEN) & ~enable);
    for (unsigned i = 0; i < POLLS_MAX; i++)
        if (!(read_32(unit, VTD_PMEN) & status))
            return true;
    return fail(unit, "ending its protected regions");
}

bool vtd_unit_stop(struct vtd_unit *unit)
{
    vtd_unit_call_no_more(unit);
    if (!command(unit, VTD_TRANSLATION, false, "turning DMA remapping off")
        || !command(unit, VTD_INTERRUPT_REMAPPING, false, "turning interrupt remapping off")
        || !command(unit, VTD_QUEUED_INVALIDATION, false, "turning its queue off"))
        return false;
    clear_faults(unit);
    return true;
}

static bool start_queue(struct vtd_unit *unit)
{
    write_64(unit, VTD_IQT, 0);
    write_64(unit, VTD_IQA, unit->queue_hpa.value); /* 256 descriptors of 16 bytes */
    return command(unit, VTD_QUEUED_INVALIDATION, true, "turning its queue on");
}

static bool set_root(struct vtd_unit *unit, hpa_t root)
{
    write_64(unit, VTD_RTADDR, root.value);
    if (!command(unit, VTD_SET_ROOT, true, "taking the root table"))
        return false;
    push_contexts(unit, VTD_INVALIDATE_GLOBAL);
    push_translations(unit, VTD_INVALIDATE_GLOBAL);
    return finish(unit, "forgetting all domains");
}

static bool set_interrupts(struct vtd_unit *unit, const struct vtd_unit_tables *tables)
{
    write_64(unit, VTD_IRTA, tables->interrupts.value | (tables->interrupts_shift - 1)
             | (tables->extended_interrupts ? VTD_IRTA_EXTENDED : 0));
    if (!command(unit, VTD_SET_INTERRUPT_TABLE, true, "taking the interrupt table"))
        return false;
    push(unit, VTD_INVALIDATE_INTERRUPTS, 0);
    return finish(unit, "forgetting all interrupts");
}

bool vtd_unit_start(struct vtd_unit *unit, const struct vtd_unit_tables *tables)
{
    unit->queue = tables->queue;
    unit->queue_hpa = tables->queue_hpa;
    unit->done = tables->done;
    unit->done_hpa = tables->done_hpa;
    return flush_write_buffer(unit) && start_queue(unit) && set_root(unit, tables->root)
        && set_interrupts(unit, tables)
        && command(unit, VTD_COMPATIBLE_INTERRUPTS, false, "blocking interrupts of the old format")
        && command(unit, VTD_INTERRUPT_REMAPPING, true, "turning interrupt remapping on")
        && command(unit, VTD_TRANSLATION, true, "turning DMA remapping on")
        && stop_protecting_regions(unit);
}
