/* SPDX-License-Identifier: MIT
 *
 * See delivery.h. SDM Vol. 3A, 6.13 "Error Code" and 6.15 "Exception and Interrupt
 * Reference", "Interrupt 8—Double Fault Exception (#DF)", Tables 6-4 and 6-5.
 */
#include "hv/delivery.h"

#include "arch/spec/cr.h"
#include "hv/machine.h"
#include "hv/vm_life.h"

#define ERROR_CODE_EXT 1u

struct delivery delivery_read(void)
{
    uint32_t information = machine_vmread_32(VMCS_IDT_VECTORING_INFO);
    bool has_error_code = information & EVENT_HAS_ERROR_CODE;

    return (struct delivery){
        .exists = information & EVENT_VALID,
        .type = (information & EVENT_TYPE_MASK) >> EVENT_TYPE_SHIFT,
        .vector = (uint8_t)(information & EVENT_VECTOR_MASK),
        .has_error_code = has_error_code,
        .error_code = has_error_code ? machine_vmread_32(VMCS_IDT_VECTORING_ERROR_CODE) : 0,
    };
}

bool delivery_is_by_instruction(const struct delivery *delivery)
{
    return delivery->exists && (delivery->type == EVENT_SOFTWARE_INTERRUPT ||
                                delivery->type == EVENT_PRIVILEGED_SOFTWARE_EXCEPTION ||
                                delivery->type == EVENT_SOFTWARE_EXCEPTION);
}

/* Of what the program did not ask for by INT n, INT3 or INTO. */
static bool is_external(const struct delivery *delivery)
{
    return delivery->exists && delivery->type != EVENT_SOFTWARE_INTERRUPT &&
           delivery->type != EVENT_SOFTWARE_EXCEPTION;
}

enum class { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE_FAULT };

static enum class class_of(uint8_t vector)
{
    switch (vector) {
    case VECTOR_DE:
    case VECTOR_TS:
    case VECTOR_NP:
    case VECTOR_SS:
    case VECTOR_GP:
    case VECTOR_CP: return CONTRIBUTORY;
    case VECTOR_PF:
    case VECTOR_VE: return PAGE_FAULT;
    case VECTOR_DF: return DOUBLE_FAULT;
    default: return BENIGN;
    }
}

static enum class class_of_delivery(const struct delivery *delivery)
{
    return delivery->exists && delivery->type == EVENT_HARDWARE_EXCEPTION
               ? class_of(delivery->vector)
               : BENIGN;
}

static bool has_selector(uint8_t vector)
{
    return vector >= VECTOR_TS && vector <= VECTOR_GP;
}

struct verdict delivery_fault(struct vcpu *vcpu, const struct delivery *delivery,
                              struct verdict fault)
{
    enum class first = class_of_delivery(delivery);
    enum class second = class_of(fault.vector);

    if (first == DOUBLE_FAULT && second != BENIGN) {
        vm_crash(vcpu, "triple fault");
        return END;
    }
    if ((first == CONTRIBUTORY && second == CONTRIBUTORY) ||
        (first == PAGE_FAULT && second != BENIGN))
        return (struct verdict){ .kind = VERDICT_INJECT, .vector = VECTOR_DF,
                                 .has_error_code = true };
    if (is_external(delivery) && has_selector(fault.vector))
        fault.error_code |= ERROR_CODE_EXT;
    return fault;
}
