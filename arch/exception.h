/* SPDX-License-Identifier: MIT
 *
 * An exception in the hypervisor itself. arch/exception_entry.asm draws the
 * frame.
 */
#pragma once

#include <stdint.h>

struct exception_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error_code;
    uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct exception_frame) == 22 * 8, "as exception_entry.asm pushes it");

_Noreturn void exception_handler(const struct exception_frame *frame);
