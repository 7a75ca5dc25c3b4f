/* SPDX-License-Identifier: MIT
 *
 * See port_string.h. The exit comes before the processor has looked at the
 * string's memory, so the checks of segment and paging are made here: SDM
 * Vol. 3C, 26.1.1 "Relative Priority of Faults and VM Exits". The ports
 * themselves the processor has allowed.
 */
#include "hv/port_string.h"

#include "arch/spec/cr.h"
#include "hv/guest_paging.h"
#include "hv/guest_segment.h"
#include "hv/machine.h"
#include "hv/operand.h"
#include "hv/ports.h"

/* At most this much of a string at one exit. */
#define BYTES_MAX 512

struct string {
    struct guest_mode mode;
    bool in;
    bool repeated;
    bool down;            /* towards lower addresses */
    bool single_step;     /* a trap behind each element */
    uint16_t port;
    unsigned bytes;       /* of an element */
    enum segment_register segment;
    uint64_t mask;        /* of the address size */
    uint64_t count;       /* elements still to do */
    uint64_t offset;      /* of the next element, in its segment */
    uint64_t linear;      /* its address */
};

/* Table 28-8 "Format of the VM-Exit Instruction-Information Field as Used for
 * INS and OUTS": 0 is 16 bits, 1 is 32, 2 is 64. */
static uint64_t address_mask(uint32_t information)
{
    switch (information >> IO_INFO_ADDRESS_SIZE_SHIFT & IO_INFO_ADDRESS_SIZE_MASK) {
    case 0:
        return UINT16_MAX;
    case 1:
        return UINT32_MAX;
    default:
        return UINT64_MAX;
    }
}

static enum segment_register segment_of(uint32_t information)
{
    return (enum segment_register)(information >> IO_INFO_SEGMENT_SHIFT & IO_INFO_SEGMENT_MASK);
}

static enum gpr index_register(const struct string *string)
{
    return string->in ? GPR_RDI : GPR_RSI;
}

static struct string string_of(const struct vcpu *vcpu)
{
    uint64_t qualification = machine_vmread_natural(VMCS_EXIT_QUALIFICATION);
    uint32_t information = machine_vmread_32(VMCS_EXIT_INSTRUCTION_INFO);
    uint64_t mask = address_mask(information);
    uint64_t rflags = machine_vmread_natural(VMCS_GUEST_RFLAGS);
    bool in = qualification & IO_QUALIFICATION_IN;
    bool repeated = qualification & IO_QUALIFICATION_REP;

    /* INS always writes to ES, and its segment field is undefined. */
    return (struct string){
        .mode = guest_mode_read(),
        .in = in,
        .repeated = repeated,
        .down = rflags & RFLAGS_DF,
        .single_step = rflags & RFLAGS_TF,
        .port = (uint16_t)(qualification >> IO_QUALIFICATION_PORT_SHIFT),
        .bytes = (qualification & IO_QUALIFICATION_SIZE_MASK) + 1,
        .segment = in ? SEGMENT_ES : segment_of(information),
        .mask = mask,
        .count = repeated ? vcpu->gpr[GPR_RCX] & mask : 1,
        .offset = vcpu->gpr[in ? GPR_RDI : GPR_RSI] & mask,
        .linear = machine_vmread_natural(VMCS_GUEST_LINEAR_ADDRESS),
    };
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How many elements lie in this page and before the offset wraps; an element
 * that crosses into the next page is done by itself. */
static uint64_t elements_at_once(const struct string *string)
{
    uint64_t in_page = string->linear % PAGE_SIZE_4K;
    uint64_t to_page_end = PAGE_SIZE_4K - in_page;
    uint64_t most;

    if (to_page_end < string->bytes)
        return 1;
    if (string->down)
        most = smaller(in_page, string->offset) / string->bytes + 1;
    else
        most = smaller(to_page_end, string->mask - string->offset) / string->bytes;
    most = smaller(most, BYTES_MAX / string->bytes);
    return most == 0 ? 1 : smaller(most, string->count);
}

/* Lowers *elements to what the segment allows; false if that is none. */
static bool fit_segment(const struct string *string, uint64_t *elements)
{
    uint64_t more = (*elements - 1) * string->bytes;
    uint64_t first = string->down ? string->offset - more : string->offset;

    if (guest_mode_is_64_bit(&string->mode) ||
        guest_segment_allows(string->segment, string->in, first,
                             first + more + string->bytes - 1))
        return true;
    *elements = 1;
    return guest_segment_allows(string->segment, string->in, string->offset,
                                string->offset + string->bytes - 1);
}

static uint64_t in_register(uint64_t old, uint64_t value, uint64_t mask)
{
    return mask == UINT16_MAX ? (old & ~mask) | (value & mask) : value & mask;
}

/* Moves the registers behind that many elements. */
static struct verdict proceed(struct vcpu *vcpu, const struct string *string, uint64_t elements)
{
    uint64_t *index = &vcpu->gpr[index_register(string)];
    uint64_t *rcx = &vcpu->gpr[GPR_RCX];
    uint64_t moved = elements * string->bytes;

    *index = in_register(*index, string->down ? *index - moved : *index + moved, string->mask);
    if (!string->repeated)
        return ADVANCE;
    *rcx = in_register(*rcx, string->count - elements, string->mask);
    if (string->count == elements)
        return ADVANCE;
    vcpu_end_iteration();
    return RESUME;
}

static uint32_t element_get(const uint8_t *from, unsigned bytes)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint32_t)from[i] << 8 * i;
    return value;
}

static void element_put(uint8_t *to, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

/* The place in the buffer of the n-th element to be done. */
static uint8_t *element_at(uint8_t *buffer, const struct string *string, uint64_t elements,
                           uint64_t n)
{
    return buffer + (string->down ? elements - 1 - n : n) * string->bytes;
}

static uint64_t lowest_address(const struct string *string, uint64_t elements)
{
    return string->linear - (string->down ? (elements - 1) * string->bytes : 0);
}

/* The element is not, or not all, in RAM: it comes from a device's registers or
 * goes there. */
static struct verdict one_at_device(struct vcpu *vcpu, const struct string *string)
{
    struct verdict refused;
    struct operand operand;
    uint8_t buffer[sizeof(uint32_t)];

    if (!operand_find(vcpu, &string->mode, GLA(string->linear), string->bytes,
                      string->in ? GUEST_WRITE : GUEST_READ, &operand, &refused))
        return refused;
    if (string->in) {
        element_put(buffer, ports_read(vcpu, string->port, string->bytes), string->bytes);
        operand_write(vcpu, &operand, buffer);
    } else {
        operand_read(vcpu, &operand, buffer);
        uint32_t value = element_get(buffer, string->bytes);
        if (!ports_write(vcpu, string->port, string->bytes, value))
            return END;
    }
    return proceed(vcpu, string, 1);
}

static struct verdict send(struct vcpu *vcpu, const struct string *string, uint64_t elements)
{
    uint8_t buffer[BYTES_MAX];
    size_t bytes = elements * string->bytes;
    struct guest_fault fault;

    switch (guest_linear_read(vcpu, &string->mode, GLA(lowest_address(string, elements)), buffer,
                              bytes, &fault)) {
    case GUEST_LINEAR_OK:
        break;
    case GUEST_LINEAR_FAULT:
        return fault.verdict;
    case GUEST_LINEAR_NOT_RAM:
        return one_at_device(vcpu, string);
    }
    for (uint64_t n = 0; n < elements; n++) {
        uint32_t value = element_get(element_at(buffer, string, elements, n), string->bytes);
        if (!ports_write(vcpu, string->port, string->bytes, value))
            return END;
    }
    return proceed(vcpu, string, elements);
}

/* Reading a port may change the device, so the memory is tried first, with
 * zeros. */
static struct verdict receive(struct vcpu *vcpu, const struct string *string, uint64_t elements)
{
    gla_t to = GLA(lowest_address(string, elements));
    size_t bytes = elements * string->bytes;
    uint8_t buffer[BYTES_MAX] = { 0 };
    struct guest_fault fault;

    switch (guest_linear_write(vcpu, &string->mode, to, buffer, bytes, &fault)) {
    case GUEST_LINEAR_OK:
        break;
    case GUEST_LINEAR_FAULT:
        return fault.verdict;
    case GUEST_LINEAR_NOT_RAM:
        return one_at_device(vcpu, string);
    }
    for (uint64_t n = 0; n < elements; n++)
        element_put(element_at(buffer, string, elements, n),
                    ports_read(vcpu, string->port, string->bytes), string->bytes);
    /* Another vCPU may have unmapped it since. */
    if (guest_linear_write(vcpu, &string->mode, to, buffer, bytes, &fault) == GUEST_LINEAR_FAULT)
        return fault.verdict;
    return proceed(vcpu, string, elements);
}

struct verdict port_string_exit(struct vcpu *vcpu)
{
    struct string string = string_of(vcpu);

    if (string.count == 0)
        return ADVANCE;
    uint64_t elements = string.single_step ? 1 : elements_at_once(&string);
    if (!fit_segment(&string, &elements))
        return guest_segment_fault(string.segment);
    if (guest_segment_is_misaligned(&string.mode, string.linear, string.bytes))
        return INJECT_AC0;
    return string.in ? receive(vcpu, &string, elements) : send(vcpu, &string, elements);
}
