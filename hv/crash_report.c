/* SPDX-License-Identifier: MIT
 *
 * See crash_report.h. All output goes through log_line, so it is bounded and
 * reads the same on every output. Nothing of it is trusted: code bytes come
 * through the guest's own paging by the checked walk.
 */
#include "hv/crash_report.h"

#include "hv/exit.h"
#include "hv/guest_paging.h"
#include "hv/log.h"
#include "hv/machine.h"
#include "hv/text.h"
#include "hv/trace_report.h"
#include "hv/vm.h"

#define EXITS_REPORTED 8u
#define CODE_TEXT_SIZE (GUEST_CODE_BYTES * 3 + 1)

static const char *code_text(struct vcpu *vcpu, uint64_t linear, char text[static CODE_TEXT_SIZE])
{
    struct guest_mode mode = guest_mode_read();
    uint8_t bytes[GUEST_CODE_BYTES];
    size_t got = 0;
    struct guest_fault fault;

    (void)guest_linear_fetch(vcpu, &mode, GLA(linear), bytes, &got, &fault);
    if (got == 0)
        return "cannot be read";
    size_t at = 0;
    for (size_t i = 0; i < got; i++)
        at += text_format(text + at, CODE_TEXT_SIZE - at, i ? " %02x" : "%02x", bytes[i]);
    return text;
}

static void report_registers(const struct vcpu *vcpu)
{
    const uint64_t *gpr = vcpu->gpr;
    log_line(LOG_ERROR, "  RAX %016llx  RBX %016llx  RCX %016llx  RDX %016llx",
             (unsigned long long)gpr[GPR_RAX], (unsigned long long)gpr[GPR_RBX],
             (unsigned long long)gpr[GPR_RCX], (unsigned long long)gpr[GPR_RDX]);
    log_line(LOG_ERROR, "  RSI %016llx  RDI %016llx  RBP %016llx  RSP %016llx",
             (unsigned long long)gpr[GPR_RSI], (unsigned long long)gpr[GPR_RDI],
             (unsigned long long)gpr[GPR_RBP],
             (unsigned long long)machine_vmread_natural(VMCS_GUEST_RSP));
    for (unsigned i = GPR_R8; i < GPR_COUNT; i += 4)
        log_line(LOG_ERROR, "  R%-2u %016llx  R%-2u %016llx  R%-2u %016llx  R%-2u %016llx",
                 i, (unsigned long long)gpr[i], i + 1, (unsigned long long)gpr[i + 1],
                 i + 2, (unsigned long long)gpr[i + 2], i + 3, (unsigned long long)gpr[i + 3]);
}

static void report_control(void)
{
    log_line(LOG_ERROR, "  CR0 %llx  CR3 %llx  CR4 %llx  EFER %llx",
             (unsigned long long)machine_vmread_natural(VMCS_GUEST_CR0),
             (unsigned long long)machine_vmread_natural(VMCS_GUEST_CR3),
             (unsigned long long)machine_vmread_natural(VMCS_GUEST_CR4),
             (unsigned long long)machine_vmread_64(VMCS_GUEST_IA32_EFER));
    log_line(LOG_ERROR, "  CS %x base %llx rights %x  SS %x  TR %x  GDTR %llx  IDTR %llx",
             machine_vmread_16(VMCS_GUEST_CS_SELECTOR),
             (unsigned long long)machine_vmread_natural(VMCS_GUEST_CS_BASE),
             machine_vmread_32(VMCS_GUEST_CS_ACCESS_RIGHTS),
             machine_vmread_16(VMCS_GUEST_SS_SELECTOR),
             machine_vmread_16(VMCS_GUEST_TR_SELECTOR),
             (unsigned long long)machine_vmread_natural(VMCS_GUEST_GDTR_BASE),
             (unsigned long long)machine_vmread_natural(VMCS_GUEST_IDTR_BASE));
}

/* Those before this one, newest first. */
static void report_exits(const struct vcpu *vcpu)
{
    struct exit_record record;

    for (unsigned back = 1; back <= EXITS_REPORTED && recorder_look(vcpu->exit, back, &record); back++)
        log_line(LOG_ERROR, "  %u before: %s, RIP %llx, qualification %llx, %llu ticks earlier",
                 back, exit_reason_name(record.reason), (unsigned long long)record.rip,
                 (unsigned long long)record.qualification,
                 (unsigned long long)(vcpu->exit->tsc - record.tsc));
}

void crash_report(struct vcpu *vcpu, const char *reason)
{
    uint32_t basic = machine_vmread_32(VMCS_EXIT_REASON) & EXIT_REASON_BASIC_MASK;
    uint64_t rip = machine_vmread_natural(VMCS_GUEST_RIP);
    char code[CODE_TEXT_SIZE];

    log_line(LOG_ERROR, "%s: vCPU %u: %s", vcpu->vm->config->name, vcpu->index, reason);
    log_line(LOG_ERROR, "  exit reason %u (%s), qualification %llx, guest-physical %llx",
             basic, exit_reason_name(basic), (unsigned long long)machine_vmread_natural(VMCS_EXIT_QUALIFICATION),
             (unsigned long long)machine_vmread_64(VMCS_GUEST_PHYSICAL_ADDRESS));
    log_line(LOG_ERROR, "  RIP %016llx  RFLAGS %llx  interruptibility %x  activity %u",
             (unsigned long long)rip,
             (unsigned long long)machine_vmread_natural(VMCS_GUEST_RFLAGS),
             machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY),
             machine_vmread_32(VMCS_GUEST_ACTIVITY));
    report_registers(vcpu);
    report_control();
    uint64_t linear = machine_vmread_natural(VMCS_GUEST_CS_BASE) + rip;
    log_line(LOG_ERROR, "  code at RIP: %s", code_text(vcpu, linear, code));
    trace_report(vcpu);
    report_exits(vcpu);
}
