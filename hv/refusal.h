/* SPDX-License-Identifier: MIT
 *
 * Why a guest cannot be started, in words for whoever chose its images: what is
 * wrong, at which offset, and what would be right. A loader says the first
 * thing that it finds.
 */
#pragma once

#include <stdbool.h>

#include "hv/findings.h"
#include "hv/guest_memory.h"

/* What the user would change. */
enum refusal_about { ABOUT_KERNEL, ABOUT_INITRD, ABOUT_MODULES, ABOUT_CMDLINE };

struct refusal {
    enum refusal_about about;
    char text[FINDING_TEXT_SIZE];
};

void refusal_say(struct refusal *refusal, enum refusal_about about, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The file ends at this offset, and should not: says that, and then what is
 * missing. */
void refusal_say_truncated(struct refusal *refusal, size_t end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* All are false, so that a check can end with `return refuse(...)`. */
#define refuse(refusal, ...) (refusal_say((refusal), ABOUT_KERNEL, __VA_ARGS__), false)
#define refuse_about(refusal, about, ...) (refusal_say((refusal), (about), __VA_ARGS__), false)
#define refuse_truncated(refusal, end, ...) \
    (refusal_say_truncated((refusal), (end), __VA_ARGS__), false)

/* The kernel needs RAM up to the address `end`, which this guest has not. */
bool refuse_memory(struct refusal *refusal, const struct guest_memory *memory, uint64_t end);
