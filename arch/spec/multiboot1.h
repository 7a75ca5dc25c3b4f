/* SPDX-License-Identifier: MIT
 *
 * Offsets and numbers of the boot protocol. Multiboot Specification 0.6.96,
 * "3.1 OS image format", "3.2 Machine state", "3.3 Boot information format".
 */
#pragma once

#define MULTIBOOT1_HEADER_MAGIC 0x1BADB002u /* in the image */
#define MULTIBOOT1_LOADER_MAGIC 0x2BADB002u /* in EAX at entry */
#define MULTIBOOT1_SEARCH_BYTES 8192u       /* the header lies in these */
#define MULTIBOOT1_HEADER_ALIGN 4u

/* "3.1.1 The layout of Multiboot header": 4 bytes each */
enum {
    MULTIBOOT1_MAGIC = 0,
    MULTIBOOT1_FLAGS = 4,
    MULTIBOOT1_CHECKSUM = 8,
    MULTIBOOT1_HEADER_BYTES_MIN = 12,
    /* with MULTIBOOT1_ADDRESSES */
    MULTIBOOT1_HEADER_ADDR = 12,
    MULTIBOOT1_LOAD_ADDR = 16,
    MULTIBOOT1_LOAD_END_ADDR = 20,
    MULTIBOOT1_BSS_END_ADDR = 24,
    MULTIBOOT1_ENTRY_ADDR = 28,
    MULTIBOOT1_ADDRESSES_END = 32,
};

/* "3.1.2 The magic fields of Multiboot header": bits 0 to 15 are requirements */
enum {
    MULTIBOOT1_PAGE_ALIGN = 1u << 0,
    MULTIBOOT1_MEMORY_INFO = 1u << 1,
    MULTIBOOT1_VIDEO_MODE = 1u << 2,
    MULTIBOOT1_UNKNOWN_REQUIREMENTS = 0xFFF8u,
    MULTIBOOT1_ADDRESSES = 1u << 16,
};

/* "3.3 Boot information format": indices of 4-byte fields */
enum {
    MULTIBOOT1_INFO_FLAGS = 0,
    MULTIBOOT1_INFO_MEM_LOWER = 1,
    MULTIBOOT1_INFO_MEM_UPPER = 2,
    MULTIBOOT1_INFO_CMDLINE = 4,
    MULTIBOOT1_INFO_MODS_COUNT = 5,
    MULTIBOOT1_INFO_MODS_ADDR = 6,
    MULTIBOOT1_INFO_SECTIONS_NUM = 7,
    MULTIBOOT1_INFO_SECTIONS_SIZE = 8,
    MULTIBOOT1_INFO_SECTIONS_ADDR = 9,
    MULTIBOOT1_INFO_SECTIONS_NAMES = 10,
    MULTIBOOT1_INFO_MMAP_LENGTH = 11,
    MULTIBOOT1_INFO_MMAP_ADDR = 12,
    MULTIBOOT1_INFO_LOADER_NAME = 16,
    MULTIBOOT1_INFO_WORDS = 30, /* all fields there are, the screen's included */
};

/* Bits of MULTIBOOT1_INFO_FLAGS: which fields are there */
enum {
    MULTIBOOT1_HAS_MEMORY = 1u << 0,
    MULTIBOOT1_HAS_CMDLINE = 1u << 2,
    MULTIBOOT1_HAS_MODS = 1u << 3,
    MULTIBOOT1_HAS_SECTIONS = 1u << 5,
    MULTIBOOT1_HAS_MMAP = 1u << 6,
    MULTIBOOT1_HAS_LOADER_NAME = 1u << 9,
};

/* An entry of the memory map: the size of what follows, then as INT 15h, E820h */
#define MULTIBOOT1_MMAP_ENTRY_SIZE 20u
