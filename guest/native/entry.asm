; SPDX-License-Identifier: MIT
;
; The bare-machine counterpart of a guest's start: GRUB enters here in 32-bit
; protected mode; C runs in 64-bit mode on a map of the first 4 GiB; and
; native_enter does by hand what a VM entry does with a guest's registers.

%define HEADER_MAGIC 0xE85250D6
%define EFER 0xC0000080
%define CODE_64 0x10
%define DATA 0x18

extern native_main, native_bss, native_bss_bytes

section .multiboot2 progbits alloc noexec nowrite align=8
header:
    dd HEADER_MAGIC
    dd 0                        ; i386
    dd header_end - header
    dd -(HEADER_MAGIC + header_end - header) & 0xFFFFFFFF
    dw 6, 0                     ; modules on pages
    dd 8
    dw 0, 0
    dd 8
header_end:

section .text
bits 32
global native_entry
native_entry:
    cli
    cld
    mov esi, eax
    mov edi, native_bss
    mov ecx, native_bss_bytes
    xor eax, eax
    rep stosb
    mov esp, stack_top

    mov dword [pml4], pdpt + 3
    mov edi, pdpt
    mov eax, directories + 3
    mov ecx, 4
.next_gib:
    mov [edi], eax
    add edi, 8
    add eax, 4096
    loop .next_gib
    mov edi, directories
    mov eax, 0x83               ; present, writable, 2 MiB
    mov ecx, 4 * 512
.next_page:
    mov [edi], eax
    add edi, 8
    add eax, 0x200000
    loop .next_page

    mov eax, cr4
    or eax, 1 << 5              ; PAE
    mov cr4, eax
    mov eax, pml4
    mov cr3, eax
    mov ecx, EFER
    rdmsr
    or eax, 1 << 8              ; LME
    wrmsr
    mov eax, cr0
    or eax, 1 << 31             ; PG
    mov cr0, eax
    lgdt [gdt_pointer]
    jmp CODE_64:.long_mode
bits 64
.long_mode:
    mov eax, DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov edi, esi                ; the loader's magic
    mov esi, ebx                ; its information structure
    xor ebp, ebp
    call native_main
    ud2

; RDI = struct entry_state: rip, rsi, rsp, cr3, gdt_base, gdt_limit.
; RSI = the TSC value to leave at.
global native_enter
native_enter:
    mov rbx, rdi
    mov rcx, rsi
    mov rax, [rbx + 32]
    mov [gdt_pointer_64 + 2], rax
    mov ax, [rbx + 40]
    mov [gdt_pointer_64], ax
    lgdt [gdt_pointer_64]
    mov rax, [rbx + 24]
    mov cr3, rax
    mov rsp, [rbx + 16]
    mov eax, DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    push qword CODE_64
    push qword [rbx]
    mov rsi, [rbx + 8]
.wait:
    rdtsc
    shl rdx, 32
    or rax, rdx
    cmp rax, rcx
    jb .wait
    xor eax, eax
    xor edx, edx
    retfq

section .data align=8
gdt:
    dq 0, 0
    dq 0x00AF9B000000FFFF       ; CODE_64
    dq 0x00CF93000000FFFF       ; DATA
gdt_end:
gdt_pointer:
    dw gdt_end - gdt - 1
    dd gdt
gdt_pointer_64:
    dw 0
    dq 0

section .bss nobits alloc noexec write align=4096
pml4: resb 4096
pdpt: resb 4096
directories: resb 4 * 4096
stack: resb 0x8000
stack_top:
