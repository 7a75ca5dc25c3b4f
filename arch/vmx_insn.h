/* SPDX-License-Identifier: MIT
 *
 * The VMX instructions, each with its outcome as a value.
 * SDM Vol. 3C, 31.2 "Conventions": CF = VMfailInvalid, ZF = VMfailValid.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/spec/vmcs.h"
#include "hv/addr.h"

static inline bool vmx_on(hpa_t region)
{
    bool failed;
    asm volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region.value) : "memory");
    return !failed;
}

static inline bool vmx_clear(hpa_t vmcs)
{
    bool failed;
    asm volatile("vmclear %1" : "=@ccbe"(failed) : "m"(vmcs.value) : "memory");
    return !failed;
}

static inline bool vmx_load(hpa_t vmcs)
{
    bool failed;
    asm volatile("vmptrld %1" : "=@ccbe"(failed) : "m"(vmcs.value) : "memory");
    return !failed;
}

/* Raw access by encoding; the typed accessors in arch/vmcs.h are what the rest of
 * the tree uses. A field that the processor refuses goes to arch/vmx_entry.asm,
 * which finds the encoding in RDX and does not come back: only our own bug can
 * name such a field, and exits do too many accesses to look at each result. */
static inline uint64_t vmx_read(uint64_t encoding)
{
    uint64_t value;
    asm volatile("vmread %1, %0\n\tjbe vmread_refused" : "=r"(value) : "d"(encoding) : "cc");
    return value;
}

static inline void vmx_write(uint64_t encoding, uint64_t value)
{
    asm volatile("vmwrite %1, %0\n\tjbe vmwrite_refused"
                 : : "d"(encoding), "r"(value) : "cc", "memory");
}

enum invept_type { INVEPT_SINGLE_CONTEXT = 1, INVEPT_ALL_CONTEXTS = 2 };
enum invvpid_type { INVVPID_SINGLE_CONTEXT = 1, INVVPID_ALL_CONTEXTS = 2 };

static inline bool vmx_invept(enum invept_type type, uint64_t ept_pointer)
{
    bool failed;
    struct { uint64_t ept_pointer, reserved; } descriptor = { ept_pointer, 0 };
    asm volatile("invept %1, %2"
                 : "=@ccbe"(failed) : "m"(descriptor), "r"((uint64_t)type) : "memory");
    return !failed;
}

static inline bool vmx_invvpid(enum invvpid_type type, uint16_t vpid)
{
    bool failed;
    struct { uint64_t vpid, address; } descriptor = { vpid, 0 };
    asm volatile("invvpid %1, %2"
                 : "=@ccbe"(failed) : "m"(descriptor), "r"((uint64_t)type) : "memory");
    return !failed;
}
