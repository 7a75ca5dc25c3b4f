/* SPDX-License-Identifier: MIT
 *
 * See mtrr.h.
 */
#include "arch/mtrr.h"

#include "arch/insn.h"
#include "arch/spec/cpuid.h"
#include "arch/spec/msr.h"
#include "arch/spec/mtrr.h"

void mtrrs_read(struct mtrrs *mtrrs)
{
    bool has = cpuid(CPUID_FEATURES, 0).edx & CPUID_1_EDX_MTRR;
    unsigned address_bits = cpuid(CPUID_ADDRESS_SIZES, 0).eax & 0xFF;
    unsigned pairs = has ? rdmsr(IA32_MTRRCAP) & MTRRCAP_VARIABLE_COUNT : 0;

    mtrrs_init(mtrrs, has ? rdmsr(IA32_MTRR_DEF_TYPE) : 0);
    for (unsigned i = 0; i < pairs; i++)
        mtrrs_add(mtrrs, rdmsr(IA32_MTRR_PHYSBASE0 + 2 * i), rdmsr(IA32_MTRR_PHYSMASK0 + 2 * i),
                  address_bits);
}
