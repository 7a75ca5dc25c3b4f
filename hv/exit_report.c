/* SPDX-License-Identifier: MIT
 *
 * See exit_report.h.
 */
#include "hv/exit_report.h"

#include "hv/exit.h"
#include "hv/log.h"
#include "hv/vm.h"

static void report_vcpu(const struct vcpu *vcpu)
{
    for (unsigned reason = 0; reason <= RECORDER_UNKNOWN; reason++) {
        struct exit_summary summary = recorder_summary(&vcpu->recorder->times[reason]);
        if (summary.count != 0)
            log_line(LOG_DEBUG, "%s: vCPU %u: %llu exits by %s", vcpu->vm->config->name,
                     vcpu->index, (unsigned long long)summary.count, exit_reason_name(reason));
    }
}

void exit_report(const struct vm *vm)
{
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        report_vcpu(vm->vcpus[i]);
}
