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
     * no device of its own bypasses them: hv/assigned_life.c. INVD must not lose other VMs' lines. */
    case EXIT_WBINVD:
    case EXIT_INVD: return ADVANCE;

    /* Forbidden: CPUID does not offer them, and they fault as on a CPU without. Most
     * exit whatever the controls say: SDM Vol. 3C, 26.1.2 "Instructions That Cause
     * VM Exits Unconditionally". */
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
    case EXIT_SEAMCALL:
    case EXIT_TDCALL:
    case EXIT_RDMSR_IMMEDIATE: /* by the MSR bitmap, like RDMSR */
    case EXIT_WRMSR_IMMEDIATE:
    /* By controls of ours: "MWAIT exiting", "MONITOR exiting", "ENCLS exiting" and
     * "ENCLV exiting". */
    case EXIT_MWAIT:
    case EXIT_MONITOR:
    case EXIT_ENCLS:
    case EXIT_ENCLV: return INJECT_UD;

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

    /* Cannot occur: the control that asks for it is clear in hv/preflight.c and in
     * every VMCS (SDM Vol. 3C, 26.1.3 "Instructions That Cause VM Exits
     * Conditionally", and 26.2 "Other Causes of VM Exits"). By control: */
    case EXIT_EXTERNAL_INTERRUPT:     /* external-interrupt exiting */
    case EXIT_HLT:                    /* HLT exiting */
    case EXIT_INVLPG:                 /* INVLPG exiting */
    case EXIT_INVPCID:                /* the same */
    case EXIT_RDTSC:                  /* RDTSC exiting */
    case EXIT_RDTSCP:                 /* the same */
    case EXIT_MOV_DR:                 /* MOV-DR exiting */
    case EXIT_MONITOR_TRAP_FLAG:      /* monitor trap flag; no MTF is injected */
    case EXIT_PAUSE:                  /* PAUSE exiting, PAUSE-loop exiting */
    case EXIT_TPR_BELOW_THRESHOLD:    /* use TPR shadow */
    case EXIT_APIC_ACCESS:            /* virtualize APIC accesses */
    case EXIT_APIC_WRITE:             /* APIC-register virtualization */
    case EXIT_VIRTUALIZED_EOI:        /* virtual-interrupt delivery */
    case EXIT_GDTR_OR_IDTR_ACCESS:    /* descriptor-table exiting */
    case EXIT_LDTR_OR_TR_ACCESS:      /* the same */
    case EXIT_RDRAND:                 /* RDRAND exiting */
    case EXIT_RDSEED:                 /* RDSEED exiting */
    case EXIT_VMFUNC:                 /* enable VM functions: #UD */
    case EXIT_PML_FULL:               /* enable PML */
    case EXIT_XSAVES:                 /* enable XSAVES: #UD, or no bit of the XSS-exiting bitmap */
    case EXIT_XRSTORS:                /* the same */
    case EXIT_PCONFIG:                /* enable PCONFIG: #UD */
    case EXIT_SPP_RELATED:            /* sub-page write permissions for EPT */
    case EXIT_UMWAIT:                 /* enable user wait and pause: #UD */
    case EXIT_TPAUSE:                 /* the same */
    case EXIT_ENQCMD_PASID:           /* PASID translation */
    case EXIT_ENQCMDS_PASID:          /* the same */
    case EXIT_BUS_LOCK:               /* VMM bus-lock detection */
    case EXIT_INSTRUCTION_TIMEOUT:    /* instruction timeout: the notify window */
    case EXIT_LOADIWKEY:              /* activate tertiary controls */
    case EXIT_RDMSRLIST:              /* the same: #UD */
    case EXIT_WRMSRLIST:              /* the same: #UD */

    /* Cannot occur, whatever the controls: user MSRs wait for IA32_USER_MSR_CTL,
     * which no row of hv/msr.c has (Vol. 2B, "URDMSR—User Read from Model-Specific
     * Register"); SMM's exits for the dual-monitor treatment, which nobody
     * activates, and RSM outside SMM is #UD (Vol. 3C, 32.15 "Dual-Monitor Treatment
     * of SMIs and SMM"); failed entries have bit 31 set (27.8 "VM-Entry Failures
     * During or After Loading Guest State") and were decided above. */
    case EXIT_URDMSR:
    case EXIT_UWRMSR:
    case EXIT_IO_SMI:
    case EXIT_OTHER_SMI:
    case EXIT_RSM:
    case EXIT_ENTRY_FAILURE_GUEST_STATE:
    case EXIT_ENTRY_FAILURE_MSR_LOADING:
    case EXIT_ENTRY_FAILURE_MACHINE_CHECK:
        return crash(vcpu, "an exit that no control asks for");
    }
    return crash(vcpu, "an exit reason that this version does not know");
}
