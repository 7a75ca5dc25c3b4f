; SPDX-License-Identifier: MIT
;
; A Multiboot kernel that starts a payload of coreboot's, its first module: Debian
; has GRUB for that platform, not for Multiboot. It writes coreboot's table of memory
; out of what Multiboot tells, puts the payload's segments where they belong, and
; jumps. Checksums of the table are 0, at which GRUB does not look.
;
; Linked above all that it copies: GRUB's segments are in the first MiBs.

%define MULTIBOOT_MAGIC 0x1BADB002
%define MULTIBOOT_FLAGS (1 << 16)         ; the addresses below are valid
%define INFO_MODULES 24
%define INFO_MAP_BYTES 44
%define INFO_MAP 48

%define TABLE 0x500                     ; where payloads look for it
%define TABLE_HEADER_BYTES 24
%define TAG_MEMORY 1
%define RECORD TABLE + TABLE_HEADER_BYTES
%define RANGE_BYTES 20                  ; base, length, type: as in Multiboot's map

%define ELF_ENTRY 24
%define ELF_HEADERS 28
%define ELF_HEADER_BYTES 42
%define ELF_HEADER_COUNT 44
%define SEGMENT_OFFSET 4
%define SEGMENT_ADDRESS 12
%define SEGMENT_FILE_BYTES 16
%define SEGMENT_MEMORY_BYTES 20

bits 32
org LOAD

header:
    dd MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS) & 0xFFFFFFFF
    dd header, LOAD, end, stack_top, start

gdt:
    dq 0, 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF
gdt_pointer:
    dw $ - gdt - 1
    dd gdt

start:
    cld
    mov esp, stack_top
    lgdt [gdt_pointer]                  ; the loader's is where the payload goes
    call write_table
    mov eax, [ebx + INFO_MODULES]
    mov ebx, [eax]                      ; where the first module begins
    movzx ecx, word [ebx + ELF_HEADER_COUNT]
    mov edx, [ebx + ELF_HEADERS]
    add edx, ebx
.segment:
    cmp dword [edx], 1                  ; PT_LOAD
    jne .next
    call load_segment
.next:
    movzx eax, word [ebx + ELF_HEADER_BYTES]
    add edx, eax
    loop .segment
    jmp [ebx + ELF_ENTRY]

; EBX: Multiboot's information.
write_table:
    mov esi, [ebx + INFO_MAP]
    mov edx, [ebx + INFO_MAP_BYTES]
    add edx, esi
    mov edi, RECORD + 8
.range:
    cmp esi, edx
    jae .ranges_done
    mov eax, [esi]                      ; bytes of this entry, besides these four
    add esi, 4
    push esi
    mov ecx, RANGE_BYTES
    rep movsb
    pop esi
    add esi, eax
    jmp .range
.ranges_done:
    sub edi, RECORD
    mov dword [RECORD], TAG_MEMORY
    mov [RECORD + 4], edi
    mov dword [TABLE], 'LBIO'
    mov dword [TABLE + 4], TABLE_HEADER_BYTES
    mov dword [TABLE + 8], 0
    mov [TABLE + 12], edi
    mov dword [TABLE + 16], 0
    mov dword [TABLE + 20], 1           ; records
    ret

; EBX: the file. EDX: the segment's header.
load_segment:
    push ecx
    mov esi, [edx + SEGMENT_OFFSET]
    add esi, ebx
    mov edi, [edx + SEGMENT_ADDRESS]
    mov ecx, [edx + SEGMENT_FILE_BYTES]
    rep movsb
    mov ecx, [edx + SEGMENT_MEMORY_BYTES]
    sub ecx, [edx + SEGMENT_FILE_BYTES]
    xor eax, eax
    rep stosb
    pop ecx
    ret
end:

absolute end
    resb 4096
stack_top:
