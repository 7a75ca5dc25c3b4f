/* SPDX-License-Identifier: MIT
 *
 * A virtual CPU: the registers that the VMCS does not hold, the state machine
 * of its life, and the mailbox requests that move it.
 *
 *            START (BSP)                 INIT
 *     OFF ---------------> RUNNING ------------> WAIT_FOR_SIPI
 *      |                    ^   |                  |   ^  |
 *      |  START (AP)        |   | STOP             |   |  | STOP
 *      +--------------------|---|----------------- | --+  |
 *      ^                    +---|----- SIPI -------+      |
 *      +------------------------+-------------------------+
 *
 * A paused VM's vCPUs keep their states and stay in the mailbox, where they go on
 * serving requests: vcpu_may_run(). The guest's time goes on meanwhile.
 *
 * Each vCPU owns one CPU. Only that CPU writes `state` and everything else
 * here; others ask it by machine_request(). `sipi` alone is written by the
 * sender, before the request. INIT to the boot vCPU does what firmware would: it
 * goes on where the guest has ordered (hv/warm_reset.h), or this life of the VM ends.
 */
#pragma once

#include "arch/spec/exit_reason.h"
#include "hv/addr.h"
#include "hv/lapic.h"
#include "hv/msr.h"
#include "hv/recorder.h"
#include "hv/snapshot.h"

struct vm;

/* Mailbox requests to a CPU. */
enum {
    REQUEST_NMI_CAME = 1u << 0, /* an NMI arrived: look at the console */
    REQUEST_START = 1u << 1,    /* the VM starts */
    REQUEST_STOP = 1u << 2,     /* the VM ends: park */
    REQUEST_INIT = 1u << 3,     /* INIT from a vCPU of the same VM */
    REQUEST_SIPI = 1u << 4,     /* start-up IPI, vector in sipi */
    REQUEST_GUEST_NMI = 1u << 5, /* NMI for the guest */
    REQUEST_TIMER = 1u << 6,    /* an exit while the preemption timer is on */
    REQUEST_DEVICES = 1u << 7,  /* to the boot vCPU: a deadline, or what the PIC asks, is new */
    REQUEST_LEVEL = 1u << 8,    /* level-triggered interrupts: hv/lapic_level.h */
    REQUEST_BEGIN = 1u << 9,    /* to the boot vCPU of a stopped VM: it starts */
    REQUEST_LOOK = 1u << 10,    /* it was paused, or goes on */
    REQUEST_SNAPSHOT = 1u << 11, /* of its registers: hv/snapshot.h */
    REQUEST_FORGET = 1u << 12,  /* the translations cached for the guest */
    REQUEST_MANAGE = 1u << 13   /* to the manager's boot vCPU: hv/manager.h */
};

/* Hardware encoding order, as in ModRM and exit qualifications. */
enum gpr {
    GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI,
    GPR_R8, GPR_R9, GPR_R10, GPR_R11, GPR_R12, GPR_R13, GPR_R14, GPR_R15,
    GPR_COUNT
};

enum vcpu_state { VCPU_OFF, VCPU_RUNNING, VCPU_WAIT_FOR_SIPI };

struct vcpu {
    uint64_t gpr[GPR_COUNT]; /* offset 0: arch/vmx_entry.asm; RSP lives in the VMCS */
    uint64_t launched;       /* offset 128: VMRESUME, not VMLAUNCH */
    struct exit_record *exit; /* offset 136: the last one, in the recorder's ring */

    struct vm *vm;
    unsigned index; /* in the VM; also its APIC id there */
    unsigned cpu;   /* host CPU number */
    enum vcpu_state state;
    _Atomic uint16_t sipi; /* the first since INIT: VCPU_SIPI and its vector, or 0 */
    bool nmi_pending; /* waits for the guest's NMI blocking to end */

    struct lapic lapic;
    struct msr_state msr;

    struct recorder *recorder; /* of its exits: its CPU's */
    struct snapshot snapshots[MONITOR_SEATS]; /* by who asks */
};

#define VCPU_SIPI 0x100u

/* What happens next, decided by a handler and done by vcpu_done() or vcpu_apply(). */
enum verdict_kind {
    VERDICT_RESUME,  /* run the guest again where it is */
    VERDICT_ADVANCE, /* the instruction is done: go behind it */
    VERDICT_INJECT,  /* it faults: vector, and error code where there is one */
    VERDICT_END,     /* the VM ends; vm_end_*() has said how */
};

struct verdict {
    enum verdict_kind kind;
    uint8_t vector;
    bool has_error_code;
    uint16_t error_code;
};
_Static_assert(sizeof(struct verdict) == 8, "returned in one register: every exit has one");

/* The vCPU's CPU serves its mailbox: in hv/vcpu.c. */
void vcpu_serve(struct vcpu *vcpu, uint32_t requests);

/* Whether the guest is entered now. */
bool vcpu_may_run(const struct vcpu *vcpu);

/* VERDICT_ADVANCE: goes behind the instruction that exited at `rip`. By itself, as
 * it is what most exits end with. */
void vcpu_done(uint64_t rip);

/* Does what a handler decided otherwise. */
void vcpu_apply(struct verdict verdict);

/* Goes behind an instruction of `length` bytes that the hypervisor has done, for
 * exits that do not tell the length: VERDICT_ADVANCE takes it from the VMCS. */
void vcpu_advance(uint32_t length);

/* The guest executes its instruction again, with the shadows that it has. A trap
 * behind it that the exit has left pending comes then. */
void vcpu_retry(void);

/* Some elements of a repeated string instruction are done, and it goes on: what
 * comes in between is no end of it (RF), but a step, and the end of shadows. SDM
 * Vol. 3B, 18.3.1.1 "Instruction-Breakpoint Exception Condition". */
void vcpu_end_iteration(void);

#define RESUME ((struct verdict){ .kind = VERDICT_RESUME })
#define ADVANCE ((struct verdict){ .kind = VERDICT_ADVANCE })
#define END ((struct verdict){ .kind = VERDICT_END })
#define INJECT_UD ((struct verdict){ .kind = VERDICT_INJECT, .vector = VECTOR_UD })
#define INJECT_GP0 \
    ((struct verdict){ .kind = VERDICT_INJECT, .vector = VECTOR_GP, .has_error_code = true })
