/* SPDX-License-Identifier: MIT
 *
 * Loads a Linux kernel, or whatever comes as a bzImage, by the 64-bit entry of
 * the Linux boot protocol.
 *
 * First linux_prepare: checks everything and decides every address, writes
 * nothing and says what is wrong in a user's words. Then linux_load, which
 * cannot fail. Both depend on their arguments only, so a guest is started again
 * from the same images as often as it likes. Images are trusted to be run, not
 * to be well-formed: no byte outside of a span is ever read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/addr.h"
#include "hv/entry_state.h"
#include "hv/guest_memory.h"
#include "hv/span.h"

enum linux_status {
    LINUX_OK,
    /* the image alone */
    LINUX_NOT_BZIMAGE,
    LINUX_PROTOCOL_TOO_OLD,
    LINUX_NOT_LOADED_HIGH,
    LINUX_NO_64BIT_ENTRY,
    LINUX_BAD_HEADER_SIZE,
    LINUX_BAD_ADDRESS,
    LINUX_BAD_ALIGNMENT,
    LINUX_NO_CODE,
    LINUX_TRUNCATED,
    /* the image in this guest */
    LINUX_CMDLINE_TOO_LONG,
    LINUX_MEMORY_TOO_SMALL,
    LINUX_INITRD_TOO_LARGE,
    LINUX_STATUS_COUNT
};

/* What is wrong, with the numbers that a user wants to know. */
struct linux_result {
    enum linux_status status;
    uint64_t is;
    uint64_t limit; /* what it must be at least, or at most */
};

/* The facts of a good image. */
struct linux_image {
    uint32_t setup_bytes;    /* the protected-mode part begins here */
    uint32_t kernel_bytes;   /* its size */
    uint32_t header_end;     /* the setup header is [SETUP_SECTS, header_end) */
    uint16_t protocol;
    uint64_t load_address;   /* the preferred one, see linux_image.c */
    uint64_t runtime_bytes;  /* contiguous RAM that it needs from there on */
    uint64_t initrd_max;     /* highest address an initrd's byte may have */
    uint32_t cmdline_max;    /* characters, without the terminator */
};

/* What to start. */
struct linux_boot {
    struct span kernel;
    struct span initrd; /* size 0: none */
    const char *cmdline;
    gpa_t rsdp;               /* of the guest's ACPI tables; 0: none */
};

/* All that linux_prepare decided. */
struct linux_plan {
    struct linux_image image;
    uint32_t cmdline_bytes; /* terminator included */
    gpa_t initrd;
};

/* Whether a file can be started at all, in any guest. */
struct linux_result linux_image_check(struct span kernel, struct linux_image *image);

/* Whether it fits into this guest, and how. On any status but LINUX_OK, `plan`
 * is unspecified. */
struct linux_result linux_prepare(const struct guest_memory *memory,
                                  const struct linux_boot *boot, struct linux_plan *plan);

/* Writes what the plan says into the guest's memory, which is zero before. RSI
 * of the result is the address of boot_params. */
struct entry_state linux_load(const struct guest_memory *memory, const struct linux_boot *boot,
                              const struct linux_plan *plan);

/* A few words that fit after a colon, "no Linux boot header"; NULL if OK. */
const char *linux_status_text(enum linux_status status);

/* A whole sentence: what is wrong and what would be right, with numbers. */
#define LINUX_RESULT_TEXT_SIZE 160
size_t linux_result_text(char *to, size_t size, struct linux_result result);
