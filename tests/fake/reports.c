/* SPDX-License-Identifier: MIT
 *
 * See reports.h.
 */
#include "tests/fake/reports.h"

#include "hv/machine.h"

struct fake_reports fake_reports;

void fake_reports_reset(void)
{
    fake_reports = (struct fake_reports){ .denied_count = 0 };
}

void denied_report(struct vcpu *vcpu, enum denied_kind kind, uint64_t where)
{
    (void)vcpu;
    fake_reports.denied_count++;
    fake_reports.denied_kind = kind;
    fake_reports.denied_where = where;
    fake_reports.denied_rip = machine_vmread_natural(VMCS_GUEST_RIP);
}

void denied_report_expected(struct vcpu *vcpu, enum denied_kind kind, uint64_t where)
{
    fake_reports.expected_count++;
    denied_report(vcpu, kind, where);
}

void vm_end(struct vm *vm, enum vm_end end, const char *reason)
{
    vm->end = end;
    fake_reports.crash = reason;
}

void vm_exit(struct vm *vm, uint32_t status)
{
    vm->end = VM_END_EXIT;
    vm->exit_status = status;
}

void vm_crash(struct vcpu *vcpu, const char *reason)
{
    vm_end(vcpu->vm, VM_END_CRASH, reason);
}
