; SPDX-License-Identifier: MIT
;
; From GRUB's jump to C: the multiboot2 header, and the way from 32-bit
; protected mode to 64-bit code at the image's linked address.
;
; GRUB may have loaded the image at any 4 KiB boundary below 4 GiB, so all of
; the 32-bit code computes with the physical base in EBP. The map built here
; serves the boot only: the first 4 GiB one to one (for GRUB's data, modules
; and firmware tables) and the image where it is linked. arch/paging.c builds
; the lasting one.

%define MULTIBOOT2_HEADER_MAGIC 0xE85250D6
%define MULTIBOOT2_LOADER_MAGIC 0x36D76289
%define IMAGE_VIRTUAL 0xFFFFFFFF80000000

; Physical address of a symbol, given the image's physical base in EBP.
%define PHYSICAL(symbol) (ebp + (symbol - IMAGE_VIRTUAL))

extern boot_main

section .multiboot2 progbits alloc exec nowrite align=8
header:
    dd MULTIBOOT2_HEADER_MAGIC
    dd 0                        ; architecture: i386, 32-bit protected mode
    dd header_end - header
    dd -(MULTIBOOT2_HEADER_MAGIC + 0 + (header_end - header)) & 0xFFFFFFFF

    align 8
    dw 10, 0                    ; relocatable
    dd 24
    dd 0x100000                 ; lowest address
    dd 0x7FFFFFFF               ; highest address
    dd 4096                     ; alignment
    dd 1                        ; the lowest that is free

    align 8
    dw 6, 0                     ; align modules to pages
    dd 8

    align 8
    dw 4, 1                     ; EGA text is understood, no screen is required
    dd 12
    dd 2

    align 8
    dw 5, 1                     ; and any framebuffer; optional
    dd 20
    dd 0, 0, 0                  ; of any width, height and depth

    align 8
    dw 0, 0                     ; end
    dd 8
header_end:

section .text
bits 32
global boot_entry
boot_entry:
    cli
    cld
    mov esi, eax
    ; No stack yet: the reserved word of the information structure holds the
    ; one return address that finding out where we are takes.
    lea esp, [ebx + 8]
    call .here
.here:
    pop ebp
    sub ebp, .here - IMAGE_VIRTUAL
    lea esp, [PHYSICAL(boot_stack_top)]

    call fill_page_tables

    mov eax, 1 << 5             ; PAE, and nothing that firmware left on
    mov cr4, eax
    lea eax, [PHYSICAL(boot_pml4)]
    mov cr3, eax
    mov ecx, 0xC0000080         ; IA32_EFER
    rdmsr
    or eax, 1 << 8              ; LME
    wrmsr
    mov eax, cr0
    or eax, 1 << 31             ; PG
    mov cr0, eax

    lea eax, [PHYSICAL(boot_gdt)]
    mov [PHYSICAL(boot_gdt_pointer) + 2], eax
    lgdt [PHYSICAL(boot_gdt_pointer)]
    lea eax, [PHYSICAL(.long_mode)]
    push dword 0x08
    push eax
    retf

bits 64
.long_mode:
    mov rax, .high
    jmp rax
.high:
    mov rax, boot_gdt           ; where it will still be mapped later
    mov rcx, boot_gdt_pointer
    mov [rcx + 2], rax
    lgdt [rcx]
    xor eax, eax
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov fs, eax
    mov gs, eax
    mov rsp, boot_stack_top
    mov edi, esi                ; loader's magic
    mov esi, ebx                ; information structure, physical
    mov edx, ebp                ; physical base of the image
    xor ebp, ebp                ; the backtrace ends here
    call boot_main
.stop:
    hlt
    jmp .stop

bits 32
; boot_pml4[0] and [511] lead to the two maps described above.
fill_page_tables:
    lea eax, [PHYSICAL(boot_pdpt_low) + 3]
    mov [PHYSICAL(boot_pml4)], eax
    lea eax, [PHYSICAL(boot_pdpt_high) + 3]
    mov [PHYSICAL(boot_pml4) + 511 * 8], eax
    lea eax, [PHYSICAL(boot_pd_high) + 3]
    mov [PHYSICAL(boot_pdpt_high) + 510 * 8], eax
    lea eax, [PHYSICAL(boot_pt_high) + 3]
    mov [PHYSICAL(boot_pd_high)], eax

    lea edi, [PHYSICAL(boot_pdpt_low)]
    lea eax, [PHYSICAL(boot_pd_low) + 3]
    mov ecx, 4
.directory:
    mov [edi], eax
    add edi, 8
    add eax, 4096
    loop .directory

    lea edi, [PHYSICAL(boot_pd_low)]
    mov eax, 0x83               ; present, writable, 2 MiB page
    mov ecx, 4 * 512
.low_page:
    mov [edi], eax
    add edi, 8
    add eax, 1 << 21
    loop .low_page

    lea edi, [PHYSICAL(boot_pt_high)]
    lea eax, [ebp + 3]
    mov ecx, 512
.image_page:
    mov [edi], eax
    add edi, 8
    add eax, 4096
    loop .image_page
    ret

section .data align=8
boot_gdt:
    dq 0
    dq 0x00AF9A000000FFFF       ; 64-bit code
boot_gdt_end:
boot_gdt_pointer:
    dw boot_gdt_end - boot_gdt - 1
    dd 0
    dd 0

section .bss nobits alloc noexec write align=4096
boot_pml4:      resb 4096
boot_pdpt_low:  resb 4096
boot_pdpt_high: resb 4096
boot_pd_low:    resb 4 * 4096
boot_pd_high:   resb 4096
boot_pt_high:   resb 4096
boot_stack:     resb 16384
boot_stack_top:
