; SPDX-License-Identifier: MIT
;
; Where calls.c begins when it is a kernel of 64 bits by the PVH protocol: at the
; address where this lies, which becomes one of two at which memory is mapped. The
; other one is that at which everything else is linked.
;
;     0 ..                  4 MiB, as they are
;     FFFFFFFF80000000 ..   the same

extern kind_main

section .note note alloc noexec nowrite align=4
    dd 4, 4, 18
    db "Xen", 0
    dd entry

%define PRESENT 3               ; and writable
%define LARGE 0x83

section .boot progbits alloc exec write align=4096
pml4:
    dq pdpt + PRESENT
    times 510 dq 0
    dq pdpt + PRESENT
pdpt:
    dq pd + PRESENT
    times 509 dq 0
    dq pd + PRESENT
    dq 0
pd:
    dq LARGE, 0x200000 + LARGE
    times 510 dq 0

gdt:
    dq 0, 0x00209A0000000000    ; code of 64 bits
gdt_pointer:
    dw $ - gdt - 1
    dd gdt

bits 32
global entry
entry:
    mov eax, pml4
    mov cr3, eax
    mov eax, cr4
    or eax, 1 << 5              ; PAE
    mov cr4, eax
    mov ecx, 0xC0000080         ; IA32_EFER
    rdmsr
    or eax, 1 << 8              ; LME
    wrmsr
    mov eax, cr0
    or eax, 1 << 31             ; PG
    mov cr0, eax
    lgdt [gdt_pointer]
    jmp 8:in_64_bit_mode

bits 64
in_64_bit_mode:
    mov rsp, stack_end
    xor ebp, ebp
    xor edi, edi
    mov rax, kind_main
    call rax
    ud2

section .bss nobits alloc noexec write align=16
    resb 0x4000
stack_end:
