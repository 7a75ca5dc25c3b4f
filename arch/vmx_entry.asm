; SPDX-License-Identifier: MIT
;
; The way into a guest and back, and a CPU's sleep. One routine, so that the
; path of an exit can be read from top to bottom.
;
;   vmx_loop --> VM entry ~~~ guest ~~~> vmx_exit_entry
;      ^ |                                  | exit_dispatch() -> verdict
;      | |                                  | vcpu_done() or vcpu_apply()
;      | +-- mailbox not empty:             | counts the exit
;      |       cpu_service() --+            |
;      +-----------------------+------------+
;
; Between, the exit is recorded as hv/recorder.h says. The fields read for that
; are in every VMCS, so the VMREADs cannot fail. RBX to R15 are the routine's own
; across the calls, since the guest's are saved.
;
; The host stack is empty each time around: RSP is the CPU's stack top at
; vmx_loop, at the VM entry, and (from HOST_RSP) at the VM exit. A VM entry
; that fails goes on behind the instruction with the guest's registers, so that
; path uses RSP and GS alone, neither of which the guest has loaded.

extern exit_dispatch, vcpu_done, vcpu_apply, recorder_extreme, learn_begin
extern vmx_entry_failed, vmcs_access_refused, cpu_service, cpu_main

%define CPU_SELF 0
%define CPU_VCPU 8
%define CPU_REQUESTS 16
%define CPU_STACK_TOP 24
%define CPU_TIMES 32
%define REQUEST_TIMER 64

; struct vcpu: gpr[] in hardware encoding order at 0, then these.
%define RAX 0
%define RCX 8
%define RDX 16
%define RBX 24
%define RBP 40
%define RSI 48
%define RDI 56
%define R8 64
%define R9 72
%define R10 80
%define R11 88
%define R12 96
%define R13 104
%define R14 112
%define R15 120
%define LAUNCHED 128
%define EXIT 136

; struct exit_record
%define RECORD_RIP 0
%define RECORD_QUALIFICATION 8
%define RECORD_REASON 16
%define RECORD_CYCLES 20
%define RECORD_TSC 24
%define RECORD_BYTES 32

; struct exit_times
%define TIMES_EXCESS 0
%define TIMES_SHORTEST 8
%define TIMES_SPAN 12
%define TIMES_HISTOGRAM 16
%define TIMES_BYTES 272

%define VERDICT_ADVANCE 1

%define VMCS_EXIT_REASON 0x4402
%define VMCS_EXIT_QUALIFICATION 0x6400
%define VMCS_GUEST_RIP 0x681E

section .text
bits 64

; The guest's registers go into its vCPU, of which RDI is left.
%macro SAVE_GUEST 0
    push rax
    mov rax, [gs:CPU_VCPU]
    mov [rax + RCX], rcx
    mov [rax + RDX], rdx
    mov [rax + RBX], rbx
    mov [rax + RBP], rbp
    mov [rax + RSI], rsi
    mov [rax + RDI], rdi
    mov [rax + R8], r8
    mov [rax + R9], r9
    mov [rax + R10], r10
    mov [rax + R11], r11
    mov [rax + R12], r12
    mov [rax + R13], r13
    mov [rax + R14], r14
    mov [rax + R15], r15
    pop qword [rax + RAX]
    mov rdi, rax
%endmacro

; _Noreturn void cpu_run(void): leaves the boot stack for the CPU's own.
global cpu_run
cpu_run:
    mov rsp, [gs:CPU_STACK_TOP]
    xor ebp, ebp
    call cpu_main

; HOST_RIP of a guest with log = "learn": what the exit touches is noted first. The
; mailbox is served as if the timer were on, which may be so; there it is told what
; became of the exit.
global vmx_exit_entry_learning
vmx_exit_entry_learning:
    lock or dword [gs:CPU_REQUESTS], REQUEST_TIMER
    SAVE_GUEST
    xor ebp, ebp
    call learn_begin
    mov rdi, [gs:CPU_VCPU]
    jmp saved

; HOST_RIP while the VMX-preemption timer is on: the mailbox is served before the
; next entry, as the timer must be set anew.
global vmx_exit_entry_timed
vmx_exit_entry_timed:
    lock or dword [gs:CPU_REQUESTS], REQUEST_TIMER

; HOST_RIP.
global vmx_exit_entry
vmx_exit_entry:
    SAVE_GUEST
    xor ebp, ebp
saved:
    add word [rdi + EXIT], RECORD_BYTES
    mov rbx, [rdi + EXIT]       ; this exit's record
    rdtsc
    mov [rbx + RECORD_TSC], eax
    mov [rbx + RECORD_TSC + 4], edx
    mov edx, VMCS_GUEST_RIP
    vmread [rbx + RECORD_RIP], rdx
    mov edx, VMCS_EXIT_QUALIFICATION
    vmread [rbx + RECORD_QUALIFICATION], rdx
    mov edx, VMCS_EXIT_REASON
    vmread rsi, rdx
    mov [rbx + RECORD_REASON], esi
    call exit_dispatch
    cmp eax, VERDICT_ADVANCE
    jne not_done
    mov rdi, [rbx + RECORD_RIP]
    call vcpu_done
applied:
    rdtsc
    sub eax, [rbx + RECORD_TSC]
    mov [rbx + RECORD_CYCLES], eax
    imul edx, [rbx + RECORD_REASON], TIMES_BYTES
    sub eax, [gs:rdx + CPU_TIMES + TIMES_SHORTEST]
    cmp eax, [gs:rdx + CPU_TIMES + TIMES_SPAN]
    ja extreme
counted:
    bsr ecx, [rbx + RECORD_CYCLES]
    inc qword [gs:rdx + rcx * 8 + CPU_TIMES + TIMES_HISTOGRAM]
    add [gs:rdx + CPU_TIMES + TIMES_EXCESS], rax
    ; on to the next round

; Called by cpu_main() with a vCPU whose VMCS is current, so the first exit
; drops that frame. Requests are served first.
global vmx_loop
vmx_loop:
    cmp dword [gs:CPU_REQUESTS], 0
    jne service
    mov rax, [gs:CPU_VCPU]
    mov rcx, [rax + RCX]
    mov rdx, [rax + RDX]
    mov rbx, [rax + RBX]
    mov rbp, [rax + RBP]
    mov rsi, [rax + RSI]
    mov rdi, [rax + RDI]
    mov r8, [rax + R8]
    mov r9, [rax + R9]
    mov r10, [rax + R10]
    mov r11, [rax + R11]
    mov r12, [rax + R12]
    mov r13, [rax + R13]
    mov r14, [rax + R14]
    mov r15, [rax + R15]
    cmp qword [rax + LAUNCHED], 0
    mov rax, [rax + RAX]        ; leaves the flags
    je launch
    vmresume
    jmp entry_failed
launch:
    vmlaunch
; An NMI before the VM entry restarts at vmx_loop; behind it, it must not.
global vmx_loop_end
vmx_loop_end:
entry_failed:
    xor ebp, ebp
    call vmx_entry_failed
    jmp vmx_loop

service:
    xor ebp, ebp
    call cpu_service
    jmp vmx_loop

; RAX is the verdict, its kind in the low half.
not_done:
    test eax, eax
    jz applied                  ; VERDICT_RESUME
    mov rdi, rax
    call vcpu_apply
    jmp applied

; RDX is the offset of the reason's times. A shortest or longest one is new: behind
; the call it is within what was seen, and not 0.
extreme:
    mov r12d, edx
    mov rdi, [gs:CPU_SELF]
    lea rdi, [rdi + rdx + CPU_TIMES]
    mov rsi, rbx
    call recorder_extreme
    mov edx, r12d
    mov eax, [rbx + RECORD_CYCLES]
    sub eax, [gs:rdx + CPU_TIMES + TIMES_SHORTEST]
    jmp counted

; Where a VMREAD or VMWRITE of arch/vmx_insn.h jumps when the processor refuses it:
; the field's encoding is in RDX.
global vmread_refused, vmwrite_refused
vmread_refused:
    lea rsi, [rel vmread_name]
    jmp access_refused
vmwrite_refused:
    lea rsi, [rel vmwrite_name]
access_refused:
    mov rdi, rdx
    and rsp, -16
    call vmcs_access_refused

section .rodata
vmread_name: db "VMREAD", 0
vmwrite_name: db "VMWRITE", 0

section .text

; void cpu_sleep(void): until an NMI, unless the mailbox has something.
global cpu_sleep
cpu_sleep:
    cmp dword [gs:CPU_REQUESTS], 0
    jne cpu_sleep_out
    hlt
global cpu_sleep_end
cpu_sleep_end:
global cpu_sleep_out
cpu_sleep_out:
    ret
