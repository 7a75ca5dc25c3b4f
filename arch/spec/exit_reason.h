/* SPDX-License-Identifier: MIT
 *
 * Basic exit reasons and exit qualifications.
 * SDM Vol. 3D, Appendix C "VMX Basic Exit Reasons" and
 * Vol. 3C, 28.2.1 "Basic VM-Exit Information".
 */
#pragma once

#include <stdint.h>

enum exit_reason {
    EXIT_EXCEPTION_OR_NMI = 0,
    EXIT_EXTERNAL_INTERRUPT = 1,
    EXIT_TRIPLE_FAULT = 2,
    EXIT_INIT_SIGNAL = 3,
    EXIT_SIPI = 4,
    EXIT_IO_SMI = 5,
    EXIT_OTHER_SMI = 6,
    EXIT_INTERRUPT_WINDOW = 7,
    EXIT_NMI_WINDOW = 8,
    EXIT_TASK_SWITCH = 9,
    EXIT_CPUID = 10,
    EXIT_GETSEC = 11,
    EXIT_HLT = 12,
    EXIT_INVD = 13,
    EXIT_INVLPG = 14,
    EXIT_RDPMC = 15,
    EXIT_RDTSC = 16,
    EXIT_RSM = 17,
    EXIT_VMCALL = 18,
    EXIT_VMCLEAR = 19,
    EXIT_VMLAUNCH = 20,
    EXIT_VMPTRLD = 21,
    EXIT_VMPTRST = 22,
    EXIT_VMREAD = 23,
    EXIT_VMRESUME = 24,
    EXIT_VMWRITE = 25,
    EXIT_VMXOFF = 26,
    EXIT_VMXON = 27,
    EXIT_CR_ACCESS = 28,
    EXIT_MOV_DR = 29,
    EXIT_IO_INSTRUCTION = 30,
    EXIT_RDMSR = 31,
    EXIT_WRMSR = 32,
    EXIT_ENTRY_FAILURE_GUEST_STATE = 33,
    EXIT_ENTRY_FAILURE_MSR_LOADING = 34,
    EXIT_MWAIT = 36,
    EXIT_MONITOR_TRAP_FLAG = 37,
    EXIT_MONITOR = 39,
    EXIT_PAUSE = 40,
    EXIT_ENTRY_FAILURE_MACHINE_CHECK = 41,
    EXIT_TPR_BELOW_THRESHOLD = 43,
    EXIT_APIC_ACCESS = 44,
    EXIT_VIRTUALIZED_EOI = 45,
    EXIT_GDTR_OR_IDTR_ACCESS = 46,
    EXIT_LDTR_OR_TR_ACCESS = 47,
    EXIT_EPT_VIOLATION = 48,
    EXIT_EPT_MISCONFIGURATION = 49,
    EXIT_INVEPT = 50,
    EXIT_RDTSCP = 51,
    EXIT_PREEMPTION_TIMER = 52,
    EXIT_INVVPID = 53,
    EXIT_WBINVD = 54,
    EXIT_XSETBV = 55,
    EXIT_APIC_WRITE = 56,
    EXIT_RDRAND = 57,
    EXIT_INVPCID = 58,
    EXIT_VMFUNC = 59,
    EXIT_ENCLS = 60,
    EXIT_RDSEED = 61,
    EXIT_PML_FULL = 62,
    EXIT_XSAVES = 63,
    EXIT_XRSTORS = 64,
    EXIT_PCONFIG = 65,
    EXIT_SPP_RELATED = 66,
    EXIT_UMWAIT = 67,
    EXIT_TPAUSE = 68,
    EXIT_LOADIWKEY = 69,
    EXIT_ENCLV = 70,
    EXIT_ENQCMD_PASID = 72,
    EXIT_ENQCMDS_PASID = 73,
    EXIT_BUS_LOCK = 74,
    EXIT_INSTRUCTION_TIMEOUT = 75,
    EXIT_SEAMCALL = 76,
    EXIT_TDCALL = 77,
    EXIT_RDMSRLIST = 78,
    EXIT_WRMSRLIST = 79,
    EXIT_URDMSR = 80,
    EXIT_UWRMSR = 81,
    EXIT_RDMSR_IMMEDIATE = 84, /* RDMSR and WRMSRNS with the MSR's number in the instruction */
    EXIT_WRMSR_IMMEDIATE = 85,
};

#define EXIT_REASON_COUNT 86

/* Bits of the 32-bit exit reason above the basic reason. */
enum {
    EXIT_REASON_BASIC_MASK = 0xFFFF,
    EXIT_REASON_BUS_LOCK = 1u << 26,
    EXIT_REASON_ENTRY_FAILURE = 1u << 31,
};

/* Table 28-3 "Exit Qualification for Control-Register Accesses" */
enum {
    CR_QUALIFICATION_NUMBER_MASK = 0xF,
    CR_QUALIFICATION_TYPE_SHIFT = 4,
    CR_QUALIFICATION_TYPE_MASK = 3,
    CR_QUALIFICATION_LMSW_MEMORY = 1u << 6,
    CR_QUALIFICATION_GPR_SHIFT = 8,
    CR_QUALIFICATION_GPR_MASK = 0xF,
    CR_QUALIFICATION_LMSW_SOURCE_SHIFT = 16,
};
enum cr_access_type { CR_MOV_TO = 0, CR_MOV_FROM = 1, CR_CLTS = 2, CR_LMSW = 3 };

/* Table 28-2 "Exit Qualification for Task Switches" */
enum {
    TASK_QUALIFICATION_SELECTOR_MASK = 0xFFFF, /* of the new task's TSS */
    TASK_QUALIFICATION_SOURCE_SHIFT = 30,
    TASK_QUALIFICATION_SOURCE_MASK = 3,
};
enum task_switch_source { TASK_BY_CALL = 0, TASK_BY_IRET = 1, TASK_BY_JMP = 2, TASK_BY_GATE = 3 };

/* Table 28-5 "Exit Qualification for I/O Instructions" */
enum {
    IO_QUALIFICATION_SIZE_MASK = 7, /* size in bytes minus 1 */
    IO_QUALIFICATION_IN = 1u << 3,
    IO_QUALIFICATION_STRING = 1u << 4,
    IO_QUALIFICATION_REP = 1u << 5,
    IO_QUALIFICATION_IMMEDIATE = 1u << 6,
    IO_QUALIFICATION_PORT_SHIFT = 16,
};

/* Table 28-7 "Exit Qualification for EPT Violations" */
enum {
    EPT_QUALIFICATION_READ = 1u << 0,
    EPT_QUALIFICATION_WRITE = 1u << 1,
    EPT_QUALIFICATION_FETCH = 1u << 2,
    EPT_QUALIFICATION_READABLE = 1u << 3,
    EPT_QUALIFICATION_WRITABLE = 1u << 4,
    EPT_QUALIFICATION_EXECUTABLE = 1u << 5,
    EPT_QUALIFICATION_LINEAR_VALID = 1u << 7,
    EPT_QUALIFICATION_FINAL_ACCESS = 1u << 8, /* clear: access to a guest paging structure */
    EPT_QUALIFICATION_NMI_UNBLOCKED_BY_IRET = 1u << 12,
};

/* VM-exit instruction information for INS and OUTS: SDM Vol. 3C, Table 28-8 */
enum {
    IO_INFO_ADDRESS_SIZE_SHIFT = 7, /* 0: 16 bits, 1: 32 bits, 2: 64 bits */
    IO_INFO_ADDRESS_SIZE_MASK = 7,
    IO_INFO_SEGMENT_SHIFT = 15, /* ES, CS, SS, DS, FS, GS */
    IO_INFO_SEGMENT_MASK = 7,
};
