/* SPDX-License-Identifier: MIT
 *
 * What the 32-bit test guests share, each of which is started by another boot
 * protocol: it prints what it was given, for the test to judge, says itself what
 * it can judge, "NAME: ok TEXT" or "NAME: FAIL TEXT", and ends as it is told by
 * one typed letter.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* As entry.asm found the processor. */
struct state {
    uint32_t eax, ebx, esi, esp, eflags, cr0, cr4, cs, ds;
};

/* By the guest: its name, and what it does. */
extern const char kind_name[];
void kind_main(const struct state *state);

/* "NAME: " and a line. Understands %s, %x (32 bits) and %q (64 bits, in hex). */
void say(const char *format, ...);
void report(bool good, const char *text);

/* What every kernel of these kinds may expect of the processor and its memory. */
void check_state(const struct state *state, uint32_t eax);

/* One line for each, in the same form whatever the protocol. */
void say_command_line(const char *text);
void say_memory(uint64_t base, uint64_t bytes, uint32_t type);
void say_module(uint32_t index, uint32_t begin, uint32_t bytes, const char *text);

/* Whether an RSDP is at this address, right in every byte of it. */
bool rsdp_is_good(uint32_t address);

/* The RSDP where a BIOS has it; 0: there is none. */
uint32_t find_rsdp(void);

/* "NAME: ready", then: p powers off, r resets after making all memory dirty that
 * the loader wrote, or was asked to by dirty(). */
_Noreturn void finish(void);
void dirty(uint32_t begin, uint32_t bytes);
