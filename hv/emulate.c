/* SPDX-License-Identifier: MIT
 *
 * See emulate.h.
 */
#include "hv/emulate.h"

#include "hv/emulation.h"
#include "hv/guest_paging.h"
#include "hv/vm_life.h"

static struct verdict crash(struct vcpu *vcpu, const char *reason)
{
    vm_crash(vcpu, reason);
    return END;
}

static enum decode_mode decode_mode(const struct emulation *emulation)
{
    if (emulation->is_64)
        return DECODE_64;
    return emulation->mode.cs_rights & ACCESS_RIGHTS_DB ? DECODE_32 : DECODE_16;
}

/* CS has a base outside 64-bit mode only, and addresses wrap there. */
static gla_t code_at(const struct emulation *emulation, uint64_t rip)
{
    if (emulation->is_64)
        return GLA(rip);
    return GLA((guest_segment_base(SEGMENT_CS) + rip) & UINT32_MAX);
}

/* It goes on in a page that could not be read: what the processor finds there now
 * is a fault, no RAM, or, if all is well meanwhile, the rest. */
static struct verdict fetch_rest(const struct emulation *emulation, uint64_t rip)
{
    struct guest_fault fault;
    struct code unused;

    switch (guest_linear_fetch(emulation->vcpu, &emulation->mode, code_at(emulation, rip),
                               unused.bytes, &unused.count, &fault)) {
    case GUEST_LINEAR_OK: return RESUME;
    case GUEST_LINEAR_FAULT: return fault.verdict;
    case GUEST_LINEAR_NOT_RAM: break;
    }
    return crash(emulation->vcpu, "it executes from an address without memory");
}

static struct verdict execute(struct emulation *emulation)
{
    enum operation operation = emulation->instruction.operation;
    if (instruction_is_string(&emulation->instruction))
        return emulate_string(emulation);
    if (operation >= OPERATION_PUSH && operation <= OPERATION_RET)
        return emulate_stack(emulation);
    if (operation == OPERATION_SSE_LOAD || operation == OPERATION_SSE_STORE)
        return emulate_sse(emulation);
    return emulate_memory(emulation);
}

struct verdict emulate(struct vcpu *vcpu, const struct code *code)
{
    struct emulation emulation = { .vcpu = vcpu, .mode = guest_mode_read() };

    emulation.is_64 = guest_mode_is_64_bit(&emulation.mode);
    switch (instruction_decode(code, decode_mode(&emulation), &emulation.instruction)) {
    case INSTRUCTION_OK: return execute(&emulation);
    case INSTRUCTION_TRUNCATED:
        return fetch_rest(&emulation, machine_vmread_natural(VMCS_GUEST_RIP) + code->count);
    case INSTRUCTION_TOO_LONG: return INJECT_GP0;
    case INSTRUCTION_BAD_LOCK: return INJECT_UD;
    case INSTRUCTION_NO_MEMORY: return RESUME; /* it was another one when it exited */
    case INSTRUCTION_UNSUPPORTED: break;
    }
    return crash(vcpu,
                 "an access to an address without memory by an instruction that is not emulated");
}
