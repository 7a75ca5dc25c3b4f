/* SPDX-License-Identifier: MIT
 *
 * From the boot loader's information structure to struct boot_info.
 *
 * Pure: bytes in, values out, and no byte outside the span is read. Strings are
 * copied, so the structure's memory may be reused afterwards. Addresses in it
 * are reported, not followed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/spec/multiboot2.h"
#include "hv/addr.h"
#include "hv/memory_map.h"

#define BOOT_MODULES_MAX 64
#define BOOT_MODULE_NAME_MAX 64 /* with its terminator */
#define BOOT_MEMORY_RANGES_MAX 128
#define BOOT_TEXT_MAX 512 /* command line and loader name, with terminator */
#define BOOT_RSDP_MAX 36  /* ACPI 2.0 and later */

struct boot_module {
    hpa_t start;
    hpa_t end;                       /* first byte behind it */
    char name[BOOT_MODULE_NAME_MAX]; /* first word of its string; may be "" */
    bool name_cut;                   /* the name was longer than fits */
};

/* Position and width of a colour in a pixel, in bits. */
struct boot_color {
    uint8_t position;
    uint8_t bits;
};

struct boot_framebuffer {
    bool present;
    hpa_t address;
    uint32_t pitch_bytes;
    uint32_t width; /* pixels, or characters for a text screen */
    uint32_t height;
    uint8_t bits_per_pixel;
    uint8_t type; /* enum multiboot2_framebuffer */
    struct boot_color red, green, blue; /* MULTIBOOT2_FRAMEBUFFER_RGB only */
};

struct boot_rsdp {
    uint8_t bytes[BOOT_RSDP_MAX];
    size_t size;     /* 0: the loader gave none */
    uint8_t version; /* 1: old tag, 2: new tag, which wins if both are there */
};

struct boot_info {
    uint32_t total_bytes; /* of the structure, to be reserved while it is read */
    size_t error_offset;  /* where in it the parser gave up */

    char loader_name[BOOT_TEXT_MAX];
    char command_line[BOOT_TEXT_MAX];
    bool command_line_cut;

    struct boot_module modules[BOOT_MODULES_MAX];
    unsigned module_count;
    unsigned modules_ignored; /* more than fit */

    struct memory_range memory[BOOT_MEMORY_RANGES_MAX];
    unsigned memory_count;
    unsigned memory_ignored; /* usable ranges more than fit */

    struct boot_rsdp rsdp;
    struct boot_framebuffer framebuffer;

    bool efi; /* started by UEFI firmware */
    hpa_t efi_system_table;
    bool efi_boot_services; /* the loader left them running */
};

enum multiboot2_status {
    MULTIBOOT2_OK,
    MULTIBOOT2_TOTAL_SIZE,    /* less than a header, or more than the span */
    MULTIBOOT2_NO_END,        /* the structure ends without an end tag */
    MULTIBOOT2_TAG_SIZE,      /* a tag is smaller than its kind, or leaves the structure */
    MULTIBOOT2_UNTERMINATED,  /* a string without its terminator */
    MULTIBOOT2_MODULE_RANGE,  /* a module ends before it starts */
    MULTIBOOT2_ENTRY_SIZE,    /* memory map entries of impossible size */
    MULTIBOOT2_MEMORY_RANGES, /* more unusable ranges than fit: no safe map */
};

/* On any status but MULTIBOOT2_OK, out holds what came before error_offset, so
 * that the reason can be shown on the screen it names. */
enum multiboot2_status multiboot2_parse(const uint8_t *info, size_t size, struct boot_info *out)
    __attribute__((warn_unused_result));

const char *multiboot2_status_text(enum multiboot2_status status);
