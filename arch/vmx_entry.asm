; SPDX-License-Identifier: MIT
;
; The way into a guest and back, and a CPU's sleep. One routine, so that the
; path of an exit can be read from top to bottom.
;
;   vmx_loop --> VM entry ~~~ guest ~~~> vmx_exit_entry --> vmx_exit() --+
;      ^ |                                                               |
;      | +-- mailbox not empty: cpu_service() --+                        |
;      +----------------------------------------+------------------------+
;
; The host stack is empty each time around: RSP is the CPU's stack top at
; vmx_loop, at the VM entry, and (from HOST_RSP) at the VM exit. A VM entry
; that fails goes on behind the instruction with the guest's registers, so that
; path uses RSP and GS alone, neither of which the guest has loaded.

extern vmx_exit, vmx_entry_failed, vmcs_access_refused, cpu_service, cpu_main

%define CPU_VCPU 8
%define CPU_REQUESTS 16
%define CPU_STACK_TOP 24
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

section .text
bits 64

; _Noreturn void cpu_run(void): leaves the boot stack for the CPU's own.
global cpu_run
cpu_run:
    mov rsp, [gs:CPU_STACK_TOP]
    xor ebp, ebp
    call cpu_main

; HOST_RIP while the VMX-preemption timer is on: the mailbox is served before the
; next entry, as the timer must be set anew.
global vmx_exit_entry_timed
vmx_exit_entry_timed:
    lock or dword [gs:CPU_REQUESTS], REQUEST_TIMER

; HOST_RIP.
global vmx_exit_entry
vmx_exit_entry:
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
    xor ebp, ebp
    call vmx_exit
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
