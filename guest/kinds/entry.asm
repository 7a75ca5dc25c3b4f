; SPDX-License-Identifier: MIT
;
; Where a 32-bit test guest begins: the header of its boot protocol, one of
; MULTIBOOT1, ADDRESSES (that, with the header's address fields), MULTIBOOT2, PVH
; and LINUX; then what the processor was like at the entry, for C to look at.

bits 32

extern kind_main, kind_begin, kind_file_end, kind_end, kind_paragraphs, kind_bytes

%ifdef ADDRESSES
  %define MULTIBOOT1
  %define FLAGS 0x10003         ; modules on pages, memory, addresses
%else
  %define FLAGS 7               ; modules on pages, memory, a video mode
%endif

%ifdef MULTIBOOT1
%define MAGIC 0x1BADB002
section .header progbits alloc noexec nowrite align=4
header:
    dd MAGIC, FLAGS, -(MAGIC + FLAGS) & 0xFFFFFFFF
  %ifdef ADDRESSES
    dd header, kind_begin, kind_file_end, kind_end, entry
  %else
    dd 0, 0, 0, 0, 0
  %endif
    dd 0, 1024, 768, 32         ; the video mode, which there is none of
%endif

%ifdef MULTIBOOT2
%define MAGIC 0xE85250D6
section .header progbits alloc noexec nowrite align=8
header:
    dd MAGIC, 0, header_end - header, -(MAGIC + header_end - header) & 0xFFFFFFFF
    dw 1, 0                     ; information that is required
    dd 32
    dd 1, 3, 4, 6, 9, 15
    dw 4, 1                     ; a screen, if there is one
    dd 12, 3
    dd 0
    dw 5, 0                     ; a framebuffer, which is a wish
    dd 20, 1024, 768, 32
    dd 0
    dw 6, 0                     ; modules on pages
    dd 8
    dw 0, 0
    dd 8
header_end:
%endif

%ifdef PVH
section .note note alloc noexec nowrite align=4
    dd 4, 4, 1
    db "GNU", 0
    dd 0
    dd 4, 4, 18
    db "Xen", 0
    dd entry
%endif

%ifdef LINUX
; Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"
section .setup progbits alloc noexec nowrite align=16
setup:
    times 0x1F1 db 0
    db 1
    dw 0
    dd kind_paragraphs
    times 0x1FE - ($ - setup) db 0
    dw 0xAA55
    db 0xEB, setup_end - setup - 0x202
    db "HdrS"
    dw 0x020C
    times 0x211 - ($ - setup) db 0
    db 1                        ; loaded high
    times 0x22C - ($ - setup) db 0
    dd 0x7FFFFFFF               ; highest address of an initrd
    dd 4096, 0                  ; not relocatable, no 64-bit entry
    dd 255                      ; characters of a command line
    times 0x258 - ($ - setup) db 0
    dq 0x100000
    dd kind_bytes
    dd 0
setup_end:
    times 0x400 - ($ - setup) db 0

section .header progbits alloc exec nowrite align=16
    jmp entry                   ; the 32-bit entry is the first byte
%endif

section .text
global entry
entry:
    mov [state.eax], eax
    mov [state.ebx], ebx
    mov [state.esi], esi
    mov [state.esp], esp
    push eax                    ; there is a stack
    pop eax
    mov esp, stack_end
    pushfd
    pop dword [state.eflags]
    mov eax, cr0
    mov [state.cr0], eax
    mov eax, cr4
    mov [state.cr4], eax
    mov [state.cs], cs
    mov [state.ds], ds
    mov eax, ds                 ; the segments can be loaded again
    mov ds, eax
    mov es, eax
    mov ss, eax
    push cs
    push .again
    retf
.again:
    push state
    call kind_main
    ud2

section .data align=4
state:
.eax: dd 0
.ebx: dd 0
.esi: dd 0
.esp: dd 0
.eflags: dd 0
.cr0: dd 0
.cr4: dd 0
.cs: dd 0
.ds: dd 0

section .bss nobits alloc noexec write align=16
    resb 0x4000
stack_end:
