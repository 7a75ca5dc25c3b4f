; SPDX-License-Identifier: MIT
;
; Ways into the hypervisor that are not VM exits: exceptions (all of them our
; bugs), NMIs (somebody wants this CPU to look at its mailbox), and interrupts
; that were meant for a guest that has ended, drained by lapic_host_drain().
;
; Exception frame as struct exception_frame has it, from low to high:
;
;       r15 ... rax | vector | error code | rip | cs | rflags | rsp | ss
;       ^ rsp                              ^ pushed by the CPU
;
; The CPU aligns RSP to 16 before it pushes: SDM Vol. 3A, 6.14.2 "64-Bit Mode
; Stack Frame".

extern exception_handler
extern vmx_loop, vmx_loop_end
extern cpu_sleep, cpu_sleep_end, cpu_sleep_out

%define REQUEST_NMI_CAME 1
%define CPU_REQUESTS 16

%define X2APIC_EOI 0x80B

section .text
bits 64

; Vectors with an error code: SDM Vol. 3A, Table 6-1.
%define WITH_ERROR_CODE ((1 << 8) | (1 << 10) | (1 << 11) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 17) | (1 << 21) | (1 << 29) | (1 << 30))

align 16
global exception_stubs
exception_stubs:
%assign vector 0
%rep 256
    align 16
    %if vector < 32
        %if ((WITH_ERROR_CODE >> vector) & 1) == 0
            push 0
        %endif
        push vector
        jmp near exception_common
    %else
        jmp near drained_interrupt
    %endif
    %assign vector vector + 1
%endrep
    align 16

exception_common:
    push rax
    push rcx
    push rdx
    push rbx
    push rbp
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    cld
    mov rdi, rsp
    and rsp, -16
    call exception_handler      ; does not return

drained_interrupt:
    push rax
    push rcx
    push rdx
    mov ecx, X2APIC_EOI
    xor eax, eax
    xor edx, edx
    wrmsr
    pop rdx
    pop rcx
    pop rax
    iretq

; Between looking at the mailbox and the VM entry or the HLT, an NMI must make
; the CPU look again. The handler does so by moving RIP back: those two
; stretches of code keep nothing in registers that a restart would miss.
global nmi_entry
nmi_entry:
    push rax
    push rcx
    lock or dword [gs:CPU_REQUESTS], REQUEST_NMI_CAME
    mov rax, [rsp + 16]         ; RIP
    mov rcx, vmx_loop
    cmp rax, rcx
    jb .sleeping
    mov rcx, vmx_loop_end
    cmp rax, rcx
    jae .sleeping
    mov rcx, vmx_loop
    mov [rsp + 16], rcx
    jmp .done
.sleeping:
    mov rcx, cpu_sleep
    cmp rax, rcx
    jb .done
    mov rcx, cpu_sleep_end
    cmp rax, rcx
    jae .done
    mov rcx, cpu_sleep_out
    mov [rsp + 16], rcx
.done:
    pop rcx
    pop rax
    iretq
