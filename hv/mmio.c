/* SPDX-License-Identifier: MIT
 *
 * See mmio.h. The processor says which guest-physical address was touched; the
 * instruction says what with. Nothing is skipped: an access that is not done
 * here as the processor would have done it ends the guest with a report.
 *
 * SDM Vol. 3C, 28.2.1 "Basic VM-Exit Information", Table 28-7 "Exit
 * Qualification for EPT Violations".
 */
#include "hv/mmio.h"

#include "arch/spec/cr.h"
#include "hv/decode.h"
#include "hv/device_memory.h"
#include "hv/emulate.h"
#include "hv/guest_paging.h"
#include "hv/guest_register.h"
#include "hv/machine.h"
#include "hv/vm.h"
#include "hv/vm_life.h"

__attribute__((noinline, cold))
static struct verdict crash(struct vcpu *vcpu, const char *reason)
{
    vm_crash(vcpu, reason);
    return END;
}

static uint64_t value_to_store(const struct vcpu *vcpu, const struct decoded *decoded)
{
    if (decoded->kind == DECODE_STORE_IMMEDIATE)
        return decoded->immediate;
    uint64_t value = guest_register_read(vcpu, decoded->reg) >> (decoded->high_byte ? 8 : 0);
    return value & guest_size_mask(decoded->memory_size);
}

static uint64_t sign_extended(const struct decoded *decoded, uint64_t value)
{
    unsigned unused = 64 - 8 * decoded->memory_size;
    value = (uint64_t)((int64_t)(value << unused) >> unused);
    return value & guest_size_mask(decoded->register_size);
}

/* SDM Vol. 1, 3.4.1.1 "General-Purpose Registers in 64-Bit Mode": 32-bit results
 * clear the upper half, smaller ones leave the rest of the register. */
static void store_loaded(struct vcpu *vcpu, const struct decoded *decoded, uint64_t value)
{
    if (decoded->sign_extend)
        value = sign_extended(decoded, value);
    if (decoded->register_size >= 4)
        guest_register_write(vcpu, decoded->reg, value);
    else
        guest_register_write_part(vcpu, decoded->reg, decoded->register_size,
                                  decoded->high_byte, value);
}

/* Where an access may be that certainly lies in one page: not at its first byte,
 * where the second part of one may be that began in the page before, and not so
 * near to its end that it could go on in the next. */
#define INSIDE_BYTES (PAGE_SIZE_4K - 1 - DECODE_ACCESS_MAX)

static bool begins_a_page(const struct vcpu *vcpu, const struct code *code)
{
    unsigned base;
    return decode_is_by_register(code, &base) && vcpu->gpr[base] % PAGE_SIZE_4K == 0;
}

/* For what is not inside the local APIC's page. At the first byte of the IOAPIC's is
 * a register that guests use all the time. */
static bool lies_in_page(const struct vcpu *vcpu, gpa_t gpa, enum decode_mode mode,
                         const struct code *code)
{
    uint64_t offset = gpa.value % PAGE_SIZE_4K;
    if (offset != 0)
        return offset <= INSIDE_BYTES;
    return gpa.value != vcpu->lapic.page && mode == DECODE_64 && begins_a_page(vcpu, code);
}

/* The guest observes the device's register, or an empty bus: ones, and writes
 * that vanish. */
static struct verdict execute(struct vcpu *vcpu, uint64_t qualification, enum decode_mode mode,
                              const struct code *code, const struct decoded *decoded)
{
    gpa_t gpa = GPA(machine_vmread_64(VMCS_GUEST_PHYSICAL_ADDRESS));
    uint64_t inside_lapic = gpa.value - vcpu->lapic.page - 1;
    bool stores = decoded->kind != DECODE_LOAD;
    unsigned bytes = decoded->memory_size;
    /* Another vCPU may have changed the instruction since it was executed; the
     * guest then executes what is there now. */
    if (stores != !!(qualification & EPT_QUALIFICATION_WRITE))
        return RESUME;
    if (inside_lapic < INSIDE_BYTES) {
        if (stores)
            lapic_page_write(vcpu, inside_lapic + 1, bytes, value_to_store(vcpu, decoded));
        else
            store_loaded(vcpu, decoded, lapic_page_read(vcpu, inside_lapic + 1, bytes) &
                                            guest_size_mask(bytes));
    } else if (!lies_in_page(vcpu, gpa, mode, code)) {
        return emulate(vcpu, code);
    } else if (stores) {
        device_memory_write_other(vcpu, gpa, bytes, value_to_store(vcpu, decoded));
    } else {
        store_loaded(vcpu, decoded, device_memory_read_other(vcpu, gpa, bytes));
    }

    /* For EPT violations the manual leaves the exit's instruction length
     * undefined: SDM Vol. 3C, 28.2.5 "Information for VM Exits Due to
     * Instruction Execution". */
    vcpu_advance(decoded->length);
    return RESUME;
}

/* Whatever is not simple. Not inlined, so that what is simple pays for nothing of it. */
__attribute__((noinline))
static struct verdict emulate_other(struct vcpu *vcpu, uint64_t qualification,
                                    enum decode_mode mode, const struct code *code)
{
    struct decoded decoded;
    if (decode_may_be_move(code, mode) && decode(code, mode, &decoded) == DECODE_OK)
        return execute(vcpu, qualification, mode, code, &decoded);
    return emulate(vcpu, code);
}

__attribute__((always_inline))
static inline struct verdict emulate_as(struct vcpu *vcpu, uint64_t qualification,
                                        const struct guest_mode *mode,
                                        enum decode_mode decode_mode, uint64_t code_base)
{
    gla_t from = GLA(code_base + machine_vmread_natural(VMCS_GUEST_RIP));
    struct code code;
    struct decoded decoded;
    struct guest_fault fault;
    switch (guest_linear_fetch(vcpu, mode, from, code.bytes, &code.count, &fault)) {
    case GUEST_LINEAR_OK: break;
    case GUEST_LINEAR_FAULT: return fault.verdict; /* unmapped by another vCPU meanwhile */
    case GUEST_LINEAR_NOT_RAM:
        return crash(vcpu, "it executes from an address without memory");
    }
    if (decode_mode == DECODE_64 && decode_simply(&code, &decoded))
        return execute(vcpu, qualification, decode_mode, &code, &decoded);
    return emulate_other(vcpu, qualification, decode_mode, &code);
}

/* CS has a base outside 64-bit mode only, and addresses wrap there. */
__attribute__((noinline))
static struct verdict emulate_16_or_32(struct vcpu *vcpu, uint64_t qualification)
{
    struct guest_mode mode = guest_mode_read();
    return emulate_as(vcpu, qualification, &mode,
                      mode.cs_rights & ACCESS_RIGHTS_DB ? DECODE_32 : DECODE_16,
                      machine_vmread_natural(VMCS_GUEST_CS_BASE));
}

/* Flattened, as it is one path that nearly all accesses go. */
__attribute__((flatten))
static struct verdict emulate_move(struct vcpu *vcpu, uint64_t qualification)
{
    struct guest_mode mode = guest_mode_read();
    if (!guest_mode_is_64_bit(&mode))
        return emulate_16_or_32(vcpu, qualification);
    return emulate_as(vcpu, qualification, &mode, DECODE_64, 0);
}

/*
 * Three accesses have no instruction that could be finished here. On a real
 * machine all of them read ones and end in a triple fault sooner or later; here
 * the guest ends at once, with a report that names the cause.
 */
__attribute__((noinline)) /* other exits shall not pay for its registers */
struct verdict mmio_exit(struct vcpu *vcpu)
{
    const uint64_t access = EPT_QUALIFICATION_LINEAR_VALID | EPT_QUALIFICATION_FINAL_ACCESS;
    uint64_t qualification = machine_vmread_natural(VMCS_EXIT_QUALIFICATION);
    if (machine_vmread_32(VMCS_IDT_VECTORING_INFO) & EVENT_VALID)
        return crash(vcpu, "the delivery of an event touched an address without memory");
    if (qualification & EPT_QUALIFICATION_FETCH)
        return crash(vcpu, "it executes from an address without memory");
    if ((qualification & access) != access)
        return crash(vcpu, "its paging structures are at an address without memory");
    return emulate_move(vcpu, qualification);
}
