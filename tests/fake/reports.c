/* SPDX-License-Identifier: MIT
 *
 * See reports.h.
 */
#include "tests/fake/reports.h"

struct fake_reports fake_reports;

void fake_reports_reset(void)
{
    fake_reports = (struct fake_reports){ .denied_count = 0 };
}

void denied_report(struct vcpu *vcpu, enum denied_kind kind, uint64_t where, uint64_t rip)
{
    (void)vcpu;
    fake_reports.denied_count++;
    fake_reports.denied_kind = kind;
    fake_reports.denied_where = where;
    fake_reports.denied_rip = rip;
}

void denied_report_expected(struct vcpu *vcpu, enum denied_kind kind, uint64_t where, uint64_t rip)
{
    fake_reports.expected_count++;
    denied_report(vcpu, kind, where, rip);
}

void vm_end(struct vm *vm, enum vm_end end, const char *reason)
{
    vm->end = end;
    fake_reports.crash = reason;
}

void vm_crash(struct vcpu *vcpu, const struct exit *exit, const char *reason)
{
    (void)exit;
    vm_end(vcpu->vm, VM_END_CRASH, reason);
}
