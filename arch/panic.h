/* SPDX-License-Identifier: MIT
 *
 * The end of the hypervisor by its own fault: says what, where and how it got
 * there, and stops every CPU.
 */
#pragma once

_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The machine cannot or may not go on, through nobody's bug: an unsuitable
 * machine, a wrong configuration. `reason` ends the sentence "halted: ...". */
_Noreturn void halt_machine(const char *reason);
