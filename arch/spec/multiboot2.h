/* SPDX-License-Identifier: MIT
 *
 * Numbers of the boot protocol. Multiboot2 Specification 2.0,
 * "3.1 OS image format", "3.6 Boot information".
 * Offsets are from the start of a tag, whose first eight bytes are its type
 * and its size; the next tag starts at the next multiple of eight.
 */
#pragma once

#include <stdint.h>

#define MULTIBOOT2_HEADER_MAGIC 0xE85250D6u /* in the image */
#define MULTIBOOT2_LOADER_MAGIC 0x36D76289u /* in EAX at entry */

enum multiboot2_tag {
    MULTIBOOT2_TAG_END = 0,
    MULTIBOOT2_TAG_COMMAND_LINE = 1,
    MULTIBOOT2_TAG_LOADER_NAME = 2,
    MULTIBOOT2_TAG_MODULE = 3,
    MULTIBOOT2_TAG_BASIC_MEMORY = 4,
    MULTIBOOT2_TAG_MEMORY_MAP = 6,
    MULTIBOOT2_TAG_FRAMEBUFFER = 8,
    MULTIBOOT2_TAG_ELF_SECTIONS = 9,
    MULTIBOOT2_TAG_EFI32_SYSTEM_TABLE = 11,
    MULTIBOOT2_TAG_EFI64_SYSTEM_TABLE = 12,
    MULTIBOOT2_TAG_ACPI_OLD = 14,
    MULTIBOOT2_TAG_ACPI_NEW = 15,
    MULTIBOOT2_TAG_EFI_BOOT_SERVICES = 18,
    MULTIBOOT2_TAG_LOAD_BASE = 21,
    MULTIBOOT2_TAG_LAST = 21, /* none beyond it has a meaning yet */
};

/* "3.1.1 The layout of Multiboot2 header": 4 bytes each, and tags behind them */
#define MULTIBOOT2_SEARCH_BYTES 32768u /* the header lies in these */
enum {
    MULTIBOOT2_HEADER_ARCHITECTURE = 4, /* 0: 32-bit protected mode of i386 */
    MULTIBOOT2_HEADER_LENGTH = 8,       /* tags included */
    MULTIBOOT2_HEADER_CHECKSUM = 12,
    MULTIBOOT2_HEADER_BYTES = 16,
};

/* "3.1.3 General tag structure" of the header: type and flags of 2 bytes, size */
enum {
    MULTIBOOT2_HEADER_TAG_FLAGS = 2,
    MULTIBOOT2_HEADER_TAG_SIZE = 4,
    MULTIBOOT2_HEADER_TAG_OPTIONAL = 1u << 0, /* in the flags */
};

enum multiboot2_header_tag {
    MULTIBOOT2_HEADER_TAG_END = 0,
    MULTIBOOT2_HEADER_TAG_INFORMATION = 1,
    MULTIBOOT2_HEADER_TAG_ADDRESS = 2,
    MULTIBOOT2_HEADER_TAG_ENTRY = 3,
    MULTIBOOT2_HEADER_TAG_CONSOLE = 4,
    MULTIBOOT2_HEADER_TAG_FRAMEBUFFER = 5,
    MULTIBOOT2_HEADER_TAG_MODULE_ALIGN = 6,
    MULTIBOOT2_HEADER_TAG_EFI_BOOT_SERVICES = 7,
    MULTIBOOT2_HEADER_TAG_ENTRY_EFI32 = 8,
    MULTIBOOT2_HEADER_TAG_ENTRY_EFI64 = 9,
    MULTIBOOT2_HEADER_TAG_RELOCATABLE = 10,
};

/* What they hold, 4 bytes each */
enum {
    MULTIBOOT2_INFORMATION_TYPES = 8,
    MULTIBOOT2_ADDRESS_HEADER = 8,
    MULTIBOOT2_ADDRESS_LOAD = 12,
    MULTIBOOT2_ADDRESS_LOAD_END = 16,
    MULTIBOOT2_ADDRESS_BSS_END = 20,
    MULTIBOOT2_ADDRESS_BYTES = 24,
    MULTIBOOT2_ENTRY_ADDRESS = 8,
    MULTIBOOT2_ENTRY_BYTES = 12,
    MULTIBOOT2_CONSOLE_FLAGS = 8, /* bit 0: one is required */
    MULTIBOOT2_CONSOLE_BYTES = 12,
    MULTIBOOT2_RELOCATABLE_MIN = 8,
    MULTIBOOT2_RELOCATABLE_MAX = 12,
    MULTIBOOT2_RELOCATABLE_ALIGN = 16,
    MULTIBOOT2_RELOCATABLE_PREFERENCE = 20, /* 1: lowest address, 2: highest */
    MULTIBOOT2_RELOCATABLE_BYTES = 24,
};

#define MULTIBOOT2_CONSOLE_REQUIRED 1u
#define MULTIBOOT2_PREFER_HIGHEST 2u
#define MULTIBOOT2_LOAD_FROM_START UINT32_MAX /* as load address: the file's start */

#define MULTIBOOT2_ALIGNMENT 8
#define MULTIBOOT2_INFO_HEADER_BYTES 8
#define MULTIBOOT2_TAG_HEADER_BYTES 8

/* "3.6.6 Modules": start, end, string */
enum { MULTIBOOT2_MODULE_START = 8, MULTIBOOT2_MODULE_END = 12, MULTIBOOT2_MODULE_STRING = 16 };

/* "3.6.8 Memory map": entry size, entry version, entries */
enum {
    MULTIBOOT2_MAP_ENTRY_SIZE = 8,
    MULTIBOOT2_MAP_ENTRIES = 16,
    /* from the start of an entry */
    MULTIBOOT2_ENTRY_BASE = 0,
    MULTIBOOT2_ENTRY_LENGTH = 8,
    MULTIBOOT2_ENTRY_TYPE = 16,
    MULTIBOOT2_ENTRY_BYTES_MIN = 24,
};

/* "3.6.12 Framebuffer info". GRUB pads the fixed part to 32 bytes, one more
 * than the specification's table adds up to; the colours follow there. */
enum {
    MULTIBOOT2_FRAMEBUFFER_ADDRESS = 8,
    MULTIBOOT2_FRAMEBUFFER_PITCH = 16,
    MULTIBOOT2_FRAMEBUFFER_WIDTH = 20,
    MULTIBOOT2_FRAMEBUFFER_HEIGHT = 24,
    MULTIBOOT2_FRAMEBUFFER_BPP = 28,
    MULTIBOOT2_FRAMEBUFFER_TYPE = 29,
    MULTIBOOT2_FRAMEBUFFER_BYTES_MIN = 30,
    MULTIBOOT2_FRAMEBUFFER_COLORS = 32,
    MULTIBOOT2_FRAMEBUFFER_RGB_BYTES_MIN = 38,
};

enum multiboot2_framebuffer {
    MULTIBOOT2_FRAMEBUFFER_INDEXED = 0,
    MULTIBOOT2_FRAMEBUFFER_RGB = 1,
    MULTIBOOT2_FRAMEBUFFER_TEXT = 2,
};
