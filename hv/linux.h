/* SPDX-License-Identifier: MIT
 *
 * Loads a Linux kernel, or whatever comes as a bzImage, by the 64-bit entry of
 * the Linux boot protocol, or by the 32-bit entry where it has no other. See
 * hv/guest_kind.h for what prepare and load promise.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/addr.h"
#include "hv/entry_state.h"
#include "hv/guest_boot.h"
#include "hv/guest_memory.h"
#include "hv/refusal.h"

/* The facts of a good image. */
struct linux_image {
    uint32_t setup_bytes;    /* the protected-mode part begins here */
    uint32_t kernel_bytes;   /* its size */
    uint32_t header_end;     /* the setup header is [SETUP_SECTS, header_end) */
    uint16_t protocol;
    bool entry_64;           /* else it has the 32-bit entry only */
    uint64_t load_address;   /* the preferred one, see linux_image.c */
    bool moves;              /* it runs at every other multiple of its alignment, too */
    uint64_t alignment;      /* a power of two */
    uint64_t runtime_bytes;  /* contiguous RAM that it needs from there on */
    uint64_t initrd_max;     /* highest address an initrd's byte may have */
    uint32_t cmdline_max;    /* characters, without the terminator */
};

/* All that linux_prepare decided. */
struct linux_plan {
    struct linux_image image;
    uint32_t cmdline_bytes; /* terminator included */
    gpa_t initrd;
};

/* Whether a file says that it is a bzImage. */
bool linux_is_bzimage(struct span kernel);

/* Whether a file can be started at all, in any guest. */
bool linux_image_check(struct span kernel, struct linux_image *image, struct refusal *refusal);

bool linux_prepare(const struct guest_memory *memory, const struct guest_boot *boot,
                   struct linux_plan *plan, struct refusal *refusal);

/* RSI of the result is the address of boot_params. */
struct entry_state linux_load(const struct guest_memory *memory, const struct guest_boot *boot,
                              const struct linux_plan *plan);
