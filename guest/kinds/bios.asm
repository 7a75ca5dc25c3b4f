; SPDX-License-Identifier: MIT
;
; A Multiboot kernel that is a BIOS to its first module, a bzImage which is entered
; in real mode: it puts the parts of the file where Linux' boot protocol says, itself
; at the end of conventional memory, and offers as much of a BIOS' services as iPXE
; uses. Screen and keyboard are at COM1; there is no disk.
;
; The services keep all registers but those in which they return something.

%define MULTIBOOT_MAGIC 0x1BADB002
%define MULTIBOOT_FLAGS (1 << 16 | 1 << 1) ; the addresses below are valid; memory is told
%define INFO_UPPER_KIB 8
%define INFO_MODULES 24
%define INFO_MAP_BYTES 44
%define INFO_MAP 48
%define RANGE_BYTES 20                  ; base, length, type: as INT 15h has them
%define RANGES_MAX 8

%define SETUP_SEGMENT 0x1000            ; of the bzImage's part for real mode
%define SETUP (SETUP_SEGMENT << 4)
%define KERNEL 0x100000                 ; of the rest
%define SECTOR_BYTES 512
%define SETUP_SECTORS 0x1F1             ; in the file, and so on
%define LOADER_TYPE 0x210
%define LOADER_UNKNOWN 0xFF
%define STACK_TOP 0xE000

%define STACK 0x7C00                    ; until the kernel has its own

%define BIOS_SEGMENT 0x9F00
%define BIOS (BIOS_SEGMENT << 4)
%define BIOS_KIB 4

%define DATA 0x400                      ; what a BIOS leaves there for others to read
%define DATA_BYTES 0x100
%define DATA_EXTENDED DATA + 0x0E
%define DATA_KIB DATA + 0x13
%define DATA_TICKS DATA + 0x6C
%define DATA_MIDNIGHT DATA + 0x70
%define DATA_LETTER_HEIGHT DATA + 0x85
%define TICKS_A_DAY 0x1800B0

%define COM1 0x3F8
%define LINE_STATUS COM1 + 5
%define LINE_RECEIVED 1
%define LINE_EMPTY 0x20
%define PIC_1 0x20
%define PIC_2 0xA0
%define END_OF_INTERRUPT 0x20
%define PM1A_CONTROL 0x604
%define POWER_OFF (5 << 10 | 1 << 13)
%define PCI_ADDRESS 0xCF8
%define PCI_DATA 0xCFC

%define NO_FUNCTION 0x86                ; in AH
%define PCI_NO_FUNCTION 0x81

; Where something of the last section is before it is put in its place.
%define loaded(label) (section..bios.start + (label - bios_begin))

; ---- From Multiboot to real mode ----

bits 32
org LOAD
section .text

header:
    dd MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS) & 0xFFFFFFFF
    dd header, LOAD, 0, 0, start        ; all of the file

gdt:
    dq 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF
    dq 0x00009B000000FFFF | (BIOS << 16), 0x000093000000FFFF
gdt_pointer:
    dw $ - gdt - 1
    dd gdt

; What there is. The 8259 raises 0Fh when a tick is over before it could be delivered.
vectors:
    dw 0x00, exception, 0x06, exception, 0x08, tick, 0x0F, ignore, 0x10, video
    dw 0x15, system, 0x16, keyboard, 0x18, nothing_to_start, 0x1A, pci, 0x1C, ignore
vectors_end:

start:
    cld
    mov esp, STACK
    lgdt [gdt_pointer]                  ; the loader's is where other things go
    jmp 0x08:.flat
.flat:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    call take_memory
    call place_kernel
    mov esi, loaded(bios_begin)
    mov edi, BIOS
    mov ecx, bios_end - bios_begin
    rep movsb
    call write_vectors
    call write_data
    jmp 0x18:to_real

; EBX: Multiboot's information.
take_memory:
    mov eax, [ebx + INFO_UPPER_KIB]
    mov [loaded(upper_kib)], eax
    mov esi, [ebx + INFO_MAP]
    mov edx, [ebx + INFO_MAP_BYTES]
    add edx, esi
    mov edi, loaded(ranges)
.range:
    cmp esi, edx
    jae .done
    mov eax, [esi]                      ; bytes of this entry, besides these four
    add esi, 4
    push esi
    mov ecx, RANGE_BYTES
    rep movsb
    pop esi
    add esi, eax
    inc dword [loaded(range_count)]
    jmp .range
.done:
    mov dword [loaded(ranges) + 8], BIOS ; the first range ends here
    ret

; EBX: Multiboot's information.
place_kernel:
    mov eax, [ebx + INFO_MODULES]
    mov esi, [eax]
    mov edx, [eax + 4]                  ; where the file ends
    movzx ecx, byte [esi + SETUP_SECTORS]
    inc ecx                             ; the boot sector
    imul ecx, SECTOR_BYTES
    mov edi, SETUP
    rep movsb
    mov edi, KERNEL
    mov ecx, edx
    sub ecx, esi
    rep movsb
    mov byte [SETUP + LOADER_TYPE], LOADER_UNKNOWN
    ret

write_vectors:
    xor edi, edi
    mov eax, (BIOS_SEGMENT << 16) + unknown
    mov ecx, 256
    rep stosd
    mov esi, vectors
.vector:
    movzx edi, word [esi]
    mov ax, [esi + 2]
    mov [edi * 4], ax
    add esi, 4
    cmp esi, vectors_end
    jb .vector
    ret

write_data:
    mov edi, DATA
    mov ecx, DATA_BYTES
    xor eax, eax
    rep stosb
    mov word [DATA_EXTENDED], BIOS_SEGMENT
    mov word [DATA_KIB], BIOS / 1024
    mov byte [DATA_LETTER_HEIGHT], 16
    ret

; ---- What stays: a segment of its own ----

section .bios follows=.text align=16 vstart=0
bits 16

bios_begin:
    db BIOS_KIB                         ; as the extended data area begins

to_real:
    mov ax, 0x20
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov fs, ax
    mov gs, ax
    lidt [cs:vector_table]
    mov eax, cr0
    and al, ~1
    mov cr0, eax
    jmp BIOS_SEGMENT:.real
.real:
    xor ax, ax
    mov ss, ax
    mov sp, STACK
    mov ds, ax
    call start_devices
    mov ax, SETUP_SEGMENT
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov gs, ax
    mov ss, ax
    mov sp, STACK_TOP
    jmp SETUP_SEGMENT + SECTOR_BYTES / 16:0

vector_table:
    dw 256 * 4 - 1
    dd 0

; Each port and what is written to it.
device_values:
    dw PIC_1, 0x11, PIC_1 + 1, 0x08, PIC_1 + 1, 4, PIC_1 + 1, 1
    dw PIC_2, 0x11, PIC_2 + 1, 0x70, PIC_2 + 1, 2, PIC_2 + 1, 1
    dw PIC_1 + 1, 0xFA, PIC_2 + 1, 0xFF ; the tick, and nothing else
    dw 0x43, 0x36, 0x40, 0, 0x40, 0     ; 18.2 times a second
    dw COM1 + 3, 0x83, COM1, 1, COM1 + 1, 0, COM1 + 3, 3, COM1 + 2, 1, COM1 + 4, 3
device_values_end:

start_devices:
    mov si, device_values
.next:
    mov dx, [cs:si]
    mov al, [cs:si + 2]
    out dx, al
    add si, 4
    cmp si, device_values_end
    jb .next
    ret

; ---- The tick ----

tick:
    push ax
    push ds
    xor ax, ax
    mov ds, ax
    inc dword [DATA_TICKS]
    cmp dword [DATA_TICKS], TICKS_A_DAY
    jb .same_day
    mov dword [DATA_TICKS], 0
    mov byte [DATA_MIDNIGHT], 1
.same_day:
    int 0x1C
    mov al, END_OF_INTERRUPT
    out PIC_1, al
    pop ds
    pop ax
ignore:
    iret

; ---- Services ----

; [BP + 2]: IP, CS and flags of the caller, whose carry flag is cleared.
%macro service 0
    push bp
    mov bp, sp
    and byte [bp + 6], ~1
%endmacro

done:
    pop bp
    iret

; With what AH has.
failed:
    or byte [bp + 6], 1
    jmp done

unknown:
    service
no_function:
    mov ah, NO_FUNCTION
    jmp failed

; INT 10h. The attribute of a place is the one written last, wherever that was.
video:
    service
    cmp ah, 0x0E
    je .write
    cmp ah, 0x09
    je .attribute
    cmp ah, 0x08
    je .read
    cmp ah, 0x02
    je .move
    cmp ah, 0x06
    je .clear
    jmp done
.write:
    call put
    jmp done
.read:
    mov ah, [cs:attribute]
    mov al, ' '
    jmp done
.attribute:
    mov [cs:attribute], bl
    call put_attribute
    jmp done
.move:
    push ax
    call put_escape
    mov al, dh
    inc al
    call put_number
    mov al, ';'
    call put
    mov al, dl
    inc al
    call put_number
    mov al, 'H'
    call put
    pop ax
    jmp done
.clear:
    push ax
    call put_escape
    mov al, '2'
    call put
    mov al, 'J'
    call put
    pop ax
    jmp done

; BL: attribute. In a terminal's colours red is bit 0 and blue bit 2.
put_attribute:
    push ax
    push bx
    call put_escape
    mov al, bl
    shr al, 3
    and al, 1                           ; bold
    call put_number
    mov al, ';'
    call put
    mov al, '3'
    call put
    call put_colour
    mov al, ';'
    call put
    mov al, '4'
    call put
    shr bl, 4
    call put_colour
    mov al, 'm'
    call put
    pop bx
    pop ax
    ret

put_colour:
    mov al, bl
    and al, 2
    test bl, 4
    jz .no_red
    or al, 1
.no_red:
    test bl, 1
    jz .no_blue
    or al, 4
.no_blue:
    add al, '0'
    jmp put

put_escape:
    mov al, 27
    call put
    mov al, '['
    jmp put

; AL, in decimal.
put_number:
    aam
    test ah, ah
    jz .ones
    push ax
    mov al, ah
    call put_number
    pop ax
.ones:
    add al, '0'

; AL.
put:
    push dx
    push ax
    mov dx, LINE_STATUS
.wait:
    in al, dx
    test al, LINE_EMPTY
    jz .wait
    pop ax
    mov dx, COM1
    out dx, al
    pop dx
    ret

; INT 15h.
system:
    service
    cmp ax, 0xE820
    je .map
    cmp ax, 0xE801
    je .sizes
    cmp ah, 0x88
    je .size
    cmp ah, 0x24
    jne no_function
    cmp al, 0x03                        ; A20: on, off, is it on, by which means
    ja no_function
    mov ah, 0
    cmp al, 0x02
    jb done
    ja .means
    mov al, 1
    jmp done
.means:
    mov bx, 3
    jmp done
.size:
    mov eax, [cs:upper_kib]
    cmp eax, 0xFFFF
    jbe done
    mov ax, 0xFFFF
    jmp done
.sizes:
    mov ebx, [cs:upper_kib]
    mov eax, 15 * 1024
    sub ebx, eax
    jae .above_16m
    add ax, bx
    xor ebx, ebx
.above_16m:
    shr ebx, 6
    mov cx, ax
    mov dx, bx
    jmp done
.map:
    cmp bx, [cs:range_count]
    jae no_function
    push si
    push di
    push ds
    push cs
    pop ds
    imul si, bx, RANGE_BYTES
    add si, ranges
    mov cx, RANGE_BYTES
    cld
    rep movsb
    pop ds
    pop di
    pop si
    mov eax, 'PAMS'
    mov ecx, RANGE_BYTES
    inc bx
    movzx ebx, bx
    cmp bx, [cs:range_count]
    jb done
    xor ebx, ebx
    jmp done

; INT 16h.
keyboard:
    service
    and ah, ~0x10
    jz .wait
    cmp ah, 0x01
    je .look
    jmp no_function
.wait:
    call typed_key
    jnz .take
    sti
    hlt                                 ; the tick ends it
    jmp .wait
.take:
    mov word [cs:typed], 0
    jmp done
.look:
    or byte [bp + 6], 0x40
    call typed_key
    jz done
    and byte [bp + 6], ~0x40
    jmp done

; AX, and not ZF, if there is a key.
typed_key:
    mov ax, [cs:typed]
    test ax, ax
    jnz .have
    push dx
    mov dx, LINE_STATUS
    in al, dx
    test al, LINE_RECEIVED
    mov ax, 0
    jz .none
    mov dx, COM1
    in al, dx
    mov [cs:typed], ax
.none:
    pop dx
    test ax, ax
.have:
    ret

; INT 1Ah. BX: function. DI: register. (E)CX: value.
pci:
    service
    cmp ax, 0xB101
    je .present
    cmp ax, 0xB108
    jb .unknown
    cmp ax, 0xB10A
    ja .unknown
    push dx
    push ax
    movzx eax, bx
    shl eax, 8
    or eax, 1 << 31
    mov dx, di
    mov al, dl
    and al, ~3
    mov dx, PCI_ADDRESS
    out dx, eax
    mov dx, di
    and dx, 3
    add dx, PCI_DATA
    pop ax
    cmp al, 0x09
    ja .read
    je .read_word
    in al, dx
    mov cl, al
    jmp .done
.read_word:
    in ax, dx
    mov cx, ax
    jmp .done
.read:
    in eax, dx
    mov ecx, eax
.done:
    pop dx
    mov ah, 0
    jmp done
.present:
    mov ax, 0x0001                      ; by ports CF8h and CFCh
    mov bx, 0x0210
    mov cl, 0                           ; the last bus
    mov edx, 'PCI '
    jmp done
.unknown:
    mov ah, PCI_NO_FUNCTION
    jmp failed

; INT 18h.
nothing_to_start:
    mov si, .text
    jmp end_with
.text: db 13, 10, "bios: nothing else to start", 13, 10, 0

exception:
    mov si, .text
    jmp end_with
.text: db 13, 10, "bios: FAIL exception", 13, 10, 0

; CS:SI: what is said.
end_with:
    mov al, [cs:si]
    inc si
    test al, al
    jz .off
    call put
    jmp end_with
.off:
    mov dx, PM1A_CONTROL
    mov ax, POWER_OFF
    out dx, ax
    hlt

attribute: db 7
typed: dw 0
upper_kib: dd 0
range_count: dd 0
ranges: times RANGES_MAX * RANGE_BYTES db 0
bios_end:
