/* SPDX-License-Identifier: MIT
 *
 * See exit_report.h.
 */
#include "hv/exit_report.h"

#include "hv/exit.h"
#include "hv/log.h"
#include "hv/vm.h"

static void report_vcpu(struct vcpu *vcpu)
{
    for (unsigned reason = 0; reason < EXIT_REASON_COUNT; reason++) {
        if (vcpu->exits[reason] != 0)
            log_line(LOG_DEBUG, "%s: vCPU %u: %llu exits by %s", vcpu->vm->config->name,
                     vcpu->index, (unsigned long long)vcpu->exits[reason],
                     exit_reason_name(reason));
        vcpu->exits[reason] = 0;
    }
}

void exit_report(struct vm *vm)
{
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        report_vcpu(vm->vcpus[i]);
}
