/* SPDX-License-Identifier: MIT
 *
 * What a guest is started from, again and again: its images, none of which a
 * guest can change, and what goes with them.
 */
#pragma once

#include "hv/addr.h"
#include "hv/entry_state.h"
#include "hv/span.h"

#define GUEST_MODULES_MAX 16

enum guest_kind {
    GUEST_KIND_ANY, /* the kernel's file tells */
    GUEST_KIND_LINUX,
    GUEST_KIND_MULTIBOOT2,
    GUEST_KIND_MULTIBOOT,
    GUEST_KIND_PVH,
    GUEST_KIND_FLAT, /* no file says so: the configuration does */
};

/* A file that the kernel finds in its memory. */
struct guest_module {
    struct span file;
    const char *string; /* its command line */
};

/* Where a flat image goes and how it is entered. */
struct guest_flat {
    uint64_t load_address;
    uint64_t entry;
    enum entry_mode mode;
};

struct guest_boot {
    enum guest_kind kind;
    struct guest_flat flat; /* GUEST_KIND_FLAT */
    struct span kernel;
    struct span initrd; /* size 0: none */
    const char *cmdline;
    unsigned module_count;
    struct guest_module modules[GUEST_MODULES_MAX];
    gpa_t rsdp; /* of the guest's ACPI tables; 0: none */
};
