/* SPDX-License-Identifier: MIT
 *
 * The security policy on one page: for each exit reason, what the guest
 * observes. There is no default case, so a reason added to the enum does not
 * compile until somebody has decided about it here.
 *
 * SDM Vol. 3D, Appendix C "VMX Basic Exit Reasons".
 */
#include "hv/exit.h"

#include "arch/spec/cr.h"
#include "hv/cpuid.h"
#include "hv/cr.h"
#include "hv/event.h"
#include "hv/hypercall.h"
#include "hv/mmio.h"
#include "hv/msr.h"
#include "hv/ports.h"
#include "hv/task_switch.h"
#include "hv/vm_life.h"

/* Not inlined, so that what goes on pays for nothing of it. */
__attribute__((noinline, cold))
static struct verdict crash(struct vcpu *vcpu, const char *reason)
{
    vm_crash(vcpu, reason);
    return END;
}

/* What is left in the record is a row of the recorder.
 * Flags beside the basic reason: SDM Vol. 3C, 28.2.1 "Basic VM-Exit Information".
 * But for the one of a failed entry they change nothing: they tell of bus locks,
 * of enclaves and of SMM, none of which is asked for. */
static struct verdict unusual(struct vcpu *vcpu, uint32_t reason)
{
    uint32_t basic = reason & EXIT_REASON_BASIC_MASK;
    vcpu->exit->reason = basic < EXIT_REASON_COUNT ? basic : RECORDER_UNKNOWN;
    if (reason & EXIT_REASON_ENTRY_FAILURE) /* which leaves the launch state alone */
        return crash(vcpu, "the processor refused its state at VM entry");
    if (basic < EXIT_REASON_COUNT)
        return exit_dispatch(vcpu, basic);
    vcpu->launched = true;
    return crash(vcpu, "an exit reason that this version does not know");
}

/* Not inlined: a verdict then stays in one register from the handler on. */
__attribute__((noinline))
struct verdict exit_dispatch(struct vcpu *vcpu, uint32_t reason)
{
    if (reason >= EXIT_REASON_COUNT)
        return unusual(vcpu, reason);
    vcpu->launched = true;

    switch ((enum exit_reason)reason) {
    /* Emulated. */
    case EXIT_CPUID: return cpuid_exit(vcpu);
    case EXIT_IO_INSTRUCTION: return ports_exit(vcpu);
    case EXIT_RDMSR: return msr_read_exit(vcpu);
    case EXIT_WRMSR: return msr_write_exit(vcpu);
    case EXIT_CR_ACCESS: return cr_exit(vcpu);
    case EXIT_XSETBV: return xsetbv_exit(vcpu);
    case EXIT_EPT_VIOLATION: return mmio_exit(vcpu);
    case EXIT_VMCALL: return hypercall_exit(vcpu);
    case EXIT_TASK_SWITCH: return task_switch_exit(vcpu);

    /* Caches stay coherent without these: a guest's memory is write-back, and
     * no device of its own bypasses them. INVD must not lose other VMs' lines. */
    case EXIT_WBINVD:
    case EXIT_INVD: return ADVANCE;

    /* Forbidden: CPUID does not offer them, and they fault as on a CPU without. */
    case EXIT_VMCLEAR:
    case EXIT_VMLAUNCH:
    case EXIT_VMPTRLD:
    case EXIT_VMPTRST:
    case EXIT_VMREAD:
    case EXIT_VMRESUME:
    case EXIT_VMWRITE:
    case EXIT_VMXOFF:
    case EXIT_VMXON:
    case EXIT_INVEPT:
    case EXIT_INVVPID:
    case EXIT_GETSEC:
    case EXIT_MWAIT:
    case EXIT_MONITOR:
    case EXIT_ENCLS:
    case EXIT_ENCLV:
    case EXIT_PCONFIG:
    case EXIT_SEAMCALL:
    case EXIT_TDCALL: return INJECT_UD;

    /* No performance counter is offered: #GP(0) for every counter number. */
    case EXIT_RDPMC: return INJECT_GP0;

    /* Asked for by us. */
    case EXIT_EXCEPTION_OR_NMI: return event_exception_exit(vcpu);
    case EXIT_NMI_WINDOW: return event_nmi_window_exit(vcpu);
    case EXIT_INTERRUPT_WINDOW: return event_interrupt_window_exit(vcpu);
    case EXIT_PREEMPTION_TIMER: return RESUME; /* the mailbox is served: machine_timer_set() */

    /* The guest's end. */
    case EXIT_TRIPLE_FAULT: return crash(vcpu, "triple fault");
    case EXIT_EPT_MISCONFIGURATION:
        return crash(vcpu, "its EPT tables are malformed: this is a bug of Bulkhead");

    /* Never sent to a CPU that runs guests: INIT and SIPI are emulated. From
     * outside the machine's own CPUs only hardware could send one. */
    case EXIT_INIT_SIGNAL:
    case EXIT_SIPI: return crash(vcpu, "the machine reset one of its CPUs");

    /* Cannot occur: the control that asks for it is clear (SDM Vol. 3C, 26.1
     * "Instructions that Cause VM Exits" and 26.2 "Other Causes of VM Exits"),
     * or the mode is never entered (SMM reasons: dual-monitor treatment). */
    case EXIT_EXTERNAL_INTERRUPT:
    case EXIT_IO_SMI:
    case EXIT_OTHER_SMI:
    case EXIT_HLT:
    case EXIT_INVLPG:
    case EXIT_RDTSC:
    case EXIT_RSM:
    case EXIT_MOV_DR:
    case EXIT_ENTRY_FAILURE_GUEST_STATE:
    case EXIT_ENTRY_FAILURE_MSR_LOADING:
    case EXIT_MONITOR_TRAP_FLAG:
    case EXIT_PAUSE:
    case EXIT_ENTRY_FAILURE_MACHINE_CHECK:
    case EXIT_TPR_BELOW_THRESHOLD:
    case EXIT_APIC_ACCESS:
    case EXIT_VIRTUALIZED_EOI:
    case EXIT_GDTR_OR_IDTR_ACCESS:
    case EXIT_LDTR_OR_TR_ACCESS:
    case EXIT_RDTSCP:
    case EXIT_APIC_WRITE:
    case EXIT_RDRAND:
    case EXIT_INVPCID:
    case EXIT_VMFUNC:
    case EXIT_RDSEED:
    case EXIT_PML_FULL:
    case EXIT_XSAVES:
    case EXIT_XRSTORS:
    case EXIT_SPP_RELATED:
    case EXIT_UMWAIT:
    case EXIT_TPAUSE:
    case EXIT_LOADIWKEY:
    case EXIT_ENQCMD_PASID:
    case EXIT_ENQCMDS_PASID:
    case EXIT_BUS_LOCK:
    case EXIT_INSTRUCTION_TIMEOUT:
    case EXIT_RDMSRLIST:
    case EXIT_WRMSRLIST:
        return crash(vcpu, "an exit that no control asks for");
    }
    return crash(vcpu, "an exit reason that this version does not know");
}
