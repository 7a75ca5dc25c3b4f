/* SPDX-License-Identifier: MIT
 *
 * See operand.h.
 */
#include "hv/operand.h"

#include "hv/check.h"
#include "hv/device_memory.h"
#include "hv/machine.h"
#include "hv/vm.h"
#include "hv/vm_life.h"

#define PIECE_MAX 8

static bool find_part(struct vcpu *vcpu, const struct guest_mode *mode, gla_t at,
                      enum guest_access access, struct operand_part *part,
                      struct verdict *refused)
{
    struct guest_fault fault;
    enum guest_linear found = guest_walk_simply(vcpu, mode, at, access, &part->gpa)
                                  ? GUEST_LINEAR_OK
                                  : guest_walk(vcpu, mode, at, access, &part->gpa, &fault);

    switch (found) {
    case GUEST_LINEAR_OK:
        part->is_ram = guest_memory_translate_in_page(&vcpu->vm->memory, part->gpa, &part->ram);
        return true;
    case GUEST_LINEAR_FAULT:
        if (fault.verdict.kind == VERDICT_INJECT && fault.verdict.vector == VECTOR_PF)
            machine_cr2_write(fault.gla.value);
        *refused = fault.verdict;
        return false;
    case GUEST_LINEAR_NOT_RAM: break;
    }
    vm_crash(vcpu, "its paging structures are at an address without memory");
    *refused = END;
    return false;
}

bool operand_find(struct vcpu *vcpu, const struct guest_mode *mode, gla_t at, size_t bytes,
                  enum guest_access access, struct operand *operand, struct verdict *refused)
{
    size_t room = PAGE_SIZE_4K - (at.value & (PAGE_SIZE_4K - 1));

    CHECK(bytes > 0 && bytes <= OPERAND_BYTES_MAX);
    operand->part_count = bytes > room ? 2 : 1;
    operand->parts[0].bytes = bytes > room ? room : bytes;
    operand->parts[1].bytes = bytes - operand->parts[0].bytes;
    return find_part(vcpu, mode, at, access, &operand->parts[0], refused) &&
           (operand->part_count == 1 ||
            find_part(vcpu, mode, GLA(at.value + room), access, &operand->parts[1], refused));
}

bool operand_is_ram(const struct operand *operand)
{
    return operand->parts[0].is_ram && (operand->part_count == 1 || operand->parts[1].is_ram);
}

/* ---- Devices ---- */

static bool is_power_of_two(size_t bytes)
{
    return (bytes & (bytes - 1)) == 0;
}

/* Of what is left of a part, how much at once. */
static unsigned piece_bytes(gpa_t gpa, size_t left, bool is_whole)
{
    if (is_whole && is_power_of_two(left) && left <= PIECE_MAX)
        return (unsigned)left;
    unsigned bytes = PIECE_MAX;
    while (bytes > left || (!is_whole && (gpa.value & (bytes - 1))))
        bytes /= 2;
    return bytes;
}

static void read_device(struct vcpu *vcpu, const struct operand_part *part, bool is_whole,
                        uint8_t *to)
{
    for (size_t done = 0; done < part->bytes;) {
        gpa_t gpa = GPA(part->gpa.value + done);
        unsigned bytes = piece_bytes(gpa, part->bytes - done, is_whole);
        uint64_t value = device_memory_read(vcpu, gpa, bytes);
        for (unsigned i = 0; i < bytes; i++)
            to[done++] = (uint8_t)(value >> 8 * i);
    }
}

static void write_device(struct vcpu *vcpu, const struct operand_part *part, bool is_whole,
                         const uint8_t *from)
{
    for (size_t done = 0; done < part->bytes;) {
        gpa_t gpa = GPA(part->gpa.value + done);
        unsigned bytes = piece_bytes(gpa, part->bytes - done, is_whole);
        uint64_t value = 0;
        for (unsigned i = 0; i < bytes; i++)
            value |= (uint64_t)from[done++] << 8 * i;
        device_memory_write(vcpu, gpa, bytes, value);
    }
}

/* ---- All of it ---- */

void operand_read(struct vcpu *vcpu, const struct operand *operand, void *to)
{
    uint8_t *at = to;
    for (unsigned i = 0; i < operand->part_count; i++) {
        const struct operand_part *part = &operand->parts[i];
        if (part->is_ram)
            machine_memory_read(at, part->ram, part->bytes);
        else
            read_device(vcpu, part, operand->part_count == 1, at);
        at += part->bytes;
    }
}

void operand_write(struct vcpu *vcpu, const struct operand *operand, const void *from)
{
    const uint8_t *at = from;
    for (unsigned i = 0; i < operand->part_count; i++) {
        const struct operand_part *part = &operand->parts[i];
        if (part->is_ram)
            machine_memory_write(part->ram, at, part->bytes);
        else
            write_device(vcpu, part, operand->part_count == 1, at);
        at += part->bytes;
    }
}
