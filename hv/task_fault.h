/* SPDX-License-Identifier: MIT
 *
 * How the steps of a task switch fail: false, and the exception with an error code
 * that names a selector.
 */
#pragma once

#include "arch/spec/segment.h"
#include "hv/vcpu.h"

static inline bool task_fault(struct verdict *fault, uint8_t vector, uint16_t selector)
{
    *fault = (struct verdict){ .kind = VERDICT_INJECT, .vector = vector, .has_error_code = true,
                               .error_code = selector & SELECTOR_IN_ERROR_CODE };
    return false;
}
