; SPDX-License-Identifier: MIT
;
; Where a test guest begins: the header that makes it a bzImage, the 64-bit
; entry, the way of a further vCPU from real mode to C, a stub for each of the
; 256 vectors, and the functions that try an instruction that may fault.
;
; Everything runs at ring 0 on flat segments, linked where the header asks to be
; loaded (guest.ld). The loader's map of the first 4 GiB serves until C has
; built its own.

%define SETUP_BYTES 0x400
%define PROTOCOL 0x020F
%define LOADED_HIGH 0x01
%define KERNEL_64 0x01
%define CMDLINE_MAX 2047
%define INITRD_MAX 0x7FFFFFFF

%define CODE_64 0x10
%define DATA 0x18
%define CODE_16 (TRAMPOLINE >> 4) ; what CS is after a start-up IPI

%define EFER 0xC0000080
%define TRAMPOLINE 0x1000       ; vector 1 of a start-up IPI
%define TRAMPOLINE_STACK 0x7000
%define AP_STACK_BYTES 0x4000
%define NO_FAULT 256

extern guest_start, guest_ap_start, guest_interrupt
extern guest_load_address, guest_paragraphs, guest_runtime_bytes, guest_bss, guest_bss_quads

; Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header". What is
; zero is the loader's to fill, or meant for other entries.
section .setup progbits alloc noexec nowrite align=16
header:
    times 0x1F1 db 0
    db SETUP_BYTES / 512 - 1
    dw 0
    dd guest_paragraphs
    dw 0
    dw 0xFFFF
    dw 0
    dw 0xAA55
    db 0xEB, header_end - header - 0x202
    db "HdrS"
    dw PROTOCOL
    times 0x211 - ($ - header) db 0
    db LOADED_HIGH
    dw 0
    dd guest_load_address
    times 0x22C - ($ - header) db 0
    dd INITRD_MAX
    dd 4096                     ; alignment; not relocatable
    db 0, 0
    dw KERNEL_64
    dd CMDLINE_MAX
    times 0x258 - ($ - header) db 0
    dq guest_load_address
    dd guest_runtime_bytes
    dd 0, 0
header_end:
    times SETUP_BYTES - ($ - header) db 0

section .entry progbits alloc exec nowrite align=16
bits 64
image:
    ud2                         ; the 32-bit entry: nobody comes this way
    times 0x200 - ($ - image) db 0xCC

; RSI = boot_params.
global entry_64
entry_64:
    cld
    mov rsp, boot_stack_top
    mov rbx, rsi
    mov rdi, guest_bss
    mov rcx, guest_bss_quads
    xor eax, eax
    rep stosq
    lgdt [gdt_pointer]
    call load_segments
    mov rdi, rbx
    xor ebp, ebp
    call guest_start
    ud2

load_segments:
    mov eax, DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    pop rax
    push qword CODE_64
    push rax
    retfq

; Copied to TRAMPOLINE by C. A start-up IPI enters it in real mode, and it goes to
; long mode in one step. An NMI may come at any place: until C has loaded its IDT,
; the one at address 0 counts, whose NMI is entry 2 at 8 in real mode, and entry 2
; at 20h in long mode (guest_fill_trampoline). Each returns at once, the second one
; to 16-bit code by a descriptor with the number that CS has from real mode.
global guest_trampoline, guest_trampoline_end, guest_trampoline_cr3, guest_trampoline_iret
global guest_early_nmi
section .text
bits 16
guest_trampoline:
    cli
    mov ax, DATA
    mov ss, ax
    mov esp, TRAMPOLINE_STACK
    o32 lgdt [cs:trampoline_gdt_pointer - guest_trampoline]
    mov eax, 1 << 5             ; PAE
    mov cr4, eax
    mov eax, [cs:guest_trampoline_cr3 - guest_trampoline]
    mov cr3, eax
    mov ecx, EFER
    rdmsr
    or eax, 1 << 8              ; LME
    wrmsr
    mov eax, cr0
    or eax, 1 << 31 | 1         ; PG, PE
    mov cr0, eax
    jmp dword CODE_64:ap_64
guest_trampoline_iret:
    iret
trampoline_gdt_pointer:
    dw gdt_end - gdt - 1
    dd gdt
guest_trampoline_cr3:
    dd 0
guest_trampoline_end:

bits 64
guest_early_nmi:
    iretq

; The stacks lie one behind the other, by APIC id: a vCPU that is started again has
; the one that it had.
ap_64:
    mov eax, 1
    cpuid
    shr ebx, 24
    imul rsp, rbx, AP_STACK_BYTES
    add rsp, ap_stacks
    xor ebp, ebp
    call guest_ap_start
    ud2

; ---- Interrupts ----

; A stub a vector, all of one size. The processor pushes an error code at 8, 10
; to 14, 17, 21, 29 and 30; for the others we do.
global guest_stubs
align 16
guest_stubs:
%assign vector 0
%rep 256
    align 16
  %if vector != 8 && (vector < 10 || vector > 14) && vector != 17 && vector != 21 && vector != 29 && vector != 30
    push qword 0
  %endif
    push qword vector
    jmp near any_vector
  %assign vector vector + 1
%endrep

    align 16
; struct frame in lib.h
any_vector:
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
    call guest_interrupt
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rbp
    pop rbx
    pop rdx
    pop rcx
    pop rax
    add rsp, 16                 ; vector and error code
    iretq

; ---- Instructions that may fault ----

; A fault at an instruction given to TRY continues at guest_faulted with the
; vector in RAX: so the function that tried it returns the vector.
%macro TRY 1+
%%at:
    %1
    [section .fixups]
    dq %%at
    __SECT__
%endmacro

%macro TRY_PLAIN 2+             ; name, instruction
global try_%1
try_%1:
    TRY %2
    mov eax, NO_FAULT
    ret
%endmacro

global guest_faulted
guest_faulted:
    ret

global try_rdmsr                ; number, where its value goes
try_rdmsr:
    mov ecx, edi
    TRY rdmsr
    shl rdx, 32
    or rax, rdx
    mov [rsi], rax
    mov eax, NO_FAULT
    ret

global try_wrmsr                ; number, value
try_wrmsr:
    mov ecx, edi
    mov eax, esi
    mov rdx, rsi
    shr rdx, 32
    TRY wrmsr
    mov eax, NO_FAULT
    ret

global try_xsetbv               ; number, value
try_xsetbv:
    mov ecx, edi
    mov eax, esi
    mov rdx, rsi
    shr rdx, 32
    TRY xsetbv
    mov eax, NO_FAULT
    ret

global try_vmcall               ; number; its answer is thrown away
try_vmcall:
    mov eax, edi
    TRY vmcall
    mov eax, NO_FAULT
    ret

    TRY_PLAIN cr0, mov cr0, rdi
    TRY_PLAIN cr4, mov cr4, rdi
    TRY_PLAIN vmxon, vmxon [rdi]
    TRY_PLAIN vmxoff, vmxoff
    TRY_PLAIN vmclear, vmclear [rdi]
    TRY_PLAIN vmptrld, vmptrld [rdi]
    TRY_PLAIN vmptrst, vmptrst [rdi]
    TRY_PLAIN vmread, vmread rax, rdi
    TRY_PLAIN vmwrite, vmwrite rdi, rax
    TRY_PLAIN vmlaunch, vmlaunch
    TRY_PLAIN vmresume, vmresume
    TRY_PLAIN invept, invept rax, [rdi]
    TRY_PLAIN invvpid, invvpid rax, [rdi]
    TRY_PLAIN vmfunc, vmfunc
    TRY_PLAIN getsec, getsec
    TRY_PLAIN rsm, rsm
    TRY_PLAIN encls, encls
    TRY_PLAIN pconfig, db 0x0F, 0x01, 0xC5
    TRY_PLAIN seamcall, db 0x66, 0x0F, 0x01, 0xCF
    TRY_PLAIN tdcall, db 0x66, 0x0F, 0x01, 0xCC
    TRY_PLAIN invd, invd
    TRY_PLAIN wbinvd, wbinvd
    TRY_PLAIN enclv, db 0x0F, 0x01, 0xC0
    TRY_PLAIN umwait, db 0xF2, 0x0F, 0xAE, 0xF0
    TRY_PLAIN tpause, db 0x66, 0x0F, 0xAE, 0xF0
    TRY_PLAIN loadiwkey, db 0xF3, 0x0F, 0x38, 0xDC, 0xC1
    TRY_PLAIN enqcmd, db 0xF2, 0x0F, 0x38, 0xF8, 0x07
    TRY_PLAIN enqcmds, db 0xF3, 0x0F, 0x38, 0xF8, 0x07
    TRY_PLAIN rdmsrlist, db 0xF2, 0x0F, 0x01, 0xC6
    TRY_PLAIN wrmsrlist, db 0xF3, 0x0F, 0x01, 0xC6
    TRY_PLAIN urdmsr, db 0xF2, 0x0F, 0x38, 0xF8, 0xC1
    TRY_PLAIN uwrmsr, db 0xF3, 0x0F, 0x38, 0xF8, 0xC1
    TRY_PLAIN rdmsr_immediate, db 0xC4, 0xE7, 0x7B, 0xF6, 0xC0, 0x1B, 0, 0, 0
    TRY_PLAIN wrmsr_immediate, db 0xC4, 0xE7, 0x7A, 0xF6, 0xC0, 0x1B, 0, 0, 0
    TRY_PLAIN invpcid, invpcid rsi, [rdi]
    TRY_PLAIN rdrand, rdrand rax
    TRY_PLAIN rdseed, rdseed rax
    TRY_PLAIN rdtscp, rdtscp
    TRY_PLAIN mov_dr, mov rax, dr0
    TRY_PLAIN invlpg, invlpg [rdi]
    TRY_PLAIN sgdt, sgdt [rdi]
    TRY_PLAIN sldt, sldt eax

; These take ECX, EDX and EAX as they come: zero.
%macro TRY_WITH_ZEROS 2+
global try_%1
try_%1:
    xor eax, eax
    xor ecx, ecx
    xor edx, edx
    TRY %2
    mov eax, NO_FAULT
    ret
%endmacro

    TRY_WITH_ZEROS xsaves, xsaves [rdi]
    TRY_WITH_ZEROS xrstors, xrstors [rdi]
    TRY_WITH_ZEROS monitor, monitor
    TRY_WITH_ZEROS mwait, mwait
    TRY_WITH_ZEROS rdpmc, rdpmc

section .data align=16
gdt:
    dq 0, 0
    dq 0x00AF9B000000FFFF       ; CODE_64
    dq 0x00CF93000000FFFF       ; DATA
    times (CODE_16 - ($ - gdt)) / 8 dq 0
    dq 0x00009B000000FFFF | TRAMPOLINE << 16 ; CODE_16
gdt_end:
gdt_pointer:
    dw gdt_end - gdt - 1
    dq gdt


section .bss nobits alloc noexec write align=16
boot_stack: resb 0x8000
boot_stack_top:
ap_stacks: resb 7 * AP_STACK_BYTES
