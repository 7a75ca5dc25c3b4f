/* SPDX-License-Identifier: MIT
 *
 * See cpuid_host.h.
 */
#include "arch/cpuid_host.h"

#include "arch/insn.h"

void cpuid_host_read(struct cpuid_host *host)
{
    for (unsigned i = 0; i < CPUID_QUERY_COUNT; i++) {
        struct cpuid_query query = cpuid_query(i);
        struct cpuid_result result = cpuid(query.leaf, query.subleaf);
        host->entry[i] = (struct cpuid_registers){ result.eax, result.ebx, result.ecx, result.edx };
    }
}
