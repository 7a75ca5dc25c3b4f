; SPDX-License-Identifier: MIT
;
; A test guest that is nothing but bytes, entered in the mode that MODE says (16,
; 32 or 64), at ORIGIN. It says what it found, "flatMODE: ok TEXT" or "flatMODE:
; FAIL TEXT", and powers off when a letter is typed. For 16 bits it is a boot
; sector.

%define COM1 0x3F8
%define LINE_STATUS COM1 + 5
%define PM1A_CONTROL 0x604
%define POWER_OFF 5 << 10 | 1 << 13
%define POLL_TURNS 5000         ; between two looks for a letter: each is an exit

bits MODE
org ORIGIN

; Where a text begins, and what the stack holds.
%if MODE == 16
  %define TEXT_REGISTER si
  %define STACK_REGISTER ax
  %define PUSH_FLAGS pushf
%elif MODE == 32
  %define TEXT_REGISTER esi
  %define STACK_REGISTER eax
  %define PUSH_FLAGS pushf
%else
  %define TEXT_REGISTER esi
  %define STACK_REGISTER rax
  %define PUSH_FLAGS pushfq
%endif

; Says the text, ok if the flag that `jump` looks at is set.
%macro report 2                 ; jump, text
    %1 %%good
    mov TEXT_REGISTER, fail
    call say
    jmp %%text
%%good:
    mov TEXT_REGISTER, good
    call say
%%text:
    mov TEXT_REGISTER, %%string
    call say
    jmp %%next
%%string: db %2, 13, 10, 0
%%next:
%endmacro

begin:
%if MODE == 16
    mov bx, dx
%endif
    call here                   ; there is a stack
here:
    pop STACK_REGISTER
    cmp STACK_REGISTER, here
    report je, "instruction pointer"

%if MODE == 16
    mov ax, cs
    test ax, ax
    report jz, "CS"
    cmp bl, 0x80
    report je, "DL"
    smsw ax
    test al, 1
    report jz, "real mode"
    mov ax, 0xFFFF
    mov es, ax
    mov ax, [es:0x7E10 - 2]     ; 1 MiB and 7DFE
    cmp ax, 0xAA55
    report jne, "A20"
%else
  %if MODE == 32
    mov eax, cr0
    test eax, 0x80000000
    report jz, "32-bit mode without paging"
    mov eax, cs
    cmp eax, 0x10
    report je, "flat code"
  %else
    mov ecx, 0xC0000080
    rdmsr
    test eax, 1 << 10
    report jnz, "64-bit mode"
    mov rax, 0x1FFFFFFFFFF
    bt rax, 40                  ; no 64-bit operand outside of this mode
    report jc, "64-bit registers"
    mov eax, 0xFFC00000         ; near the end of what is mapped
    mov al, [rax]
    cmp al, 0xFF                ; nothing is there
    report je, "4 GiB are mapped"
  %endif
%endif

    PUSH_FLAGS
    pop STACK_REGISTER
    test ah, 2
    report jz, "interrupts off"

    mov TEXT_REGISTER, ready
    call say
.wait:
    mov ecx, POLL_TURNS
.turn:
    dec ecx
    jnz .turn
    mov dx, LINE_STATUS
    in al, dx
    test al, 1
    jz .wait
    mov dx, PM1A_CONTROL
    mov ax, POWER_OFF
    out dx, ax
    jmp $

say:
    mov dx, LINE_STATUS
    in al, dx
    test al, 0x20
    jz say
    mov al, [TEXT_REGISTER]
    test al, al
    jz .end
    mov dx, COM1
    out dx, al
    inc TEXT_REGISTER
    jmp say
.end:
    ret

%defstr MODE_TEXT MODE
good: db "flat", MODE_TEXT, ": ok ", 0
fail: db "flat", MODE_TEXT, ": FAIL ", 0
ready: db "flat", MODE_TEXT, ": ready", 13, 10, 0

%if MODE == 16
    times 510 - ($ - begin) db 0
    dw 0xAA55
%endif
