; SPDX-License-Identifier: MIT
;
; An AP's way from its start-up IPI to C. Copied to a free page below 640 KiB;
; arch/smp.c fills the slots at its end for one AP at a time.
;
;   CS = page / 16, IP = 0, real mode
;     | own GDT, CR0.PE
;     v
;   32-bit protected mode, flat
;     | CR4.PAE, CR3 = the hypervisor's map (below 4 GiB), EFER.LME+NXE, CR0.PG
;     v
;   64-bit mode, still in this page, which is mapped to itself for now
;     | RSP = the CPU's stack, RDI = its struct cpu
;     v
;   smp_ap_main(cpu), at the image's linked address

section .rodata
global trampoline_start, trampoline_end
global trampoline_cr3, trampoline_efer, trampoline_stack, trampoline_cpu, trampoline_entry

bits 16
trampoline_start:
    cli
    cld
    mov ax, cs
    mov ds, ax
    xor ebx, ebx
    mov bx, ax
    shl ebx, 4                  ; linear address of this page
    lea eax, [ebx + gdt - trampoline_start]
    mov [gdt_pointer + 2 - trampoline_start], eax
    lea eax, [ebx + protected - trampoline_start]
    mov [far_32 - trampoline_start], eax
    lea eax, [ebx + long_mode - trampoline_start]
    mov [far_64 - trampoline_start], eax
    o32 lgdt [gdt_pointer - trampoline_start]
    mov eax, cr0
    or eax, 1                   ; PE
    and eax, ~(1 << 30 | 1 << 29) ; CD, NW
    mov cr0, eax
    jmp far dword [far_32 - trampoline_start]

bits 32
protected:
    mov ax, 0x10
    mov ds, ax
    mov eax, cr4
    or eax, 1 << 5              ; PAE
    mov cr4, eax
    mov eax, [ebx + trampoline_cr3 - trampoline_start]
    mov cr3, eax
    mov ecx, 0xC0000080         ; IA32_EFER
    xor edx, edx
    mov eax, [ebx + trampoline_efer - trampoline_start]
    wrmsr
    mov eax, cr0
    or eax, 1 << 31             ; PG
    mov cr0, eax
    jmp far dword [ebx + far_64 - trampoline_start]

bits 64
long_mode:
    xor eax, eax
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov rsp, [rbx + trampoline_stack - trampoline_start]
    mov rdi, [rbx + trampoline_cpu - trampoline_start]
    mov rax, [rbx + trampoline_entry - trampoline_start]
    xor ebp, ebp
    call rax

align 8
gdt:
    dq 0
    dq 0x00CF9A000000FFFF       ; 08: 32-bit code
    dq 0x00CF92000000FFFF       ; 10: data
    dq 0x00AF9A000000FFFF       ; 18: 64-bit code
gdt_end:
gdt_pointer:
    dw gdt_end - gdt - 1
    dd 0
far_32:
    dd 0
    dw 0x08
far_64:
    dd 0
    dw 0x18
align 8
trampoline_cr3:     dq 0
trampoline_efer:    dq 0
trampoline_stack:   dq 0
trampoline_cpu:     dq 0
trampoline_entry:   dq 0
trampoline_end:
