/* SPDX-License-Identifier: MIT
 *
 * The Linux boot protocol on x86: offsets into an image's setup header, which
 * are at the same time offsets into boot_params (the "zero page").
 * Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header",
 * "32-bit Boot Protocol" and "64-bit Boot Protocol";
 * Documentation/arch/x86/zero-page.rst.
 */
#pragma once

#include <stdint.h>

#define LINUX_SECTOR_SIZE 512u
#define LINUX_SETUP_SECTORS_DEFAULT 4u /* where setup_sects says 0 */
#define LINUX_PARAGRAPH_SIZE 16u       /* unit of syssize */

/* boot_params outside of the setup header */
enum {
    BOOT_PARAMS_ACPI_RSDP_ADDR = 0x070, /* 8 bytes */
    BOOT_PARAMS_E820_ENTRIES = 0x1E8,   /* 1 byte */
    BOOT_PARAMS_E820_TABLE = 0x2D0,     /* struct e820_entry each */
    BOOT_PARAMS_SIZE = 0x1000,
};
#define BOOT_PARAMS_E820_MAX 128u

/* Setup header */
enum {
    SETUP_SECTS = 0x1F1,          /* 1 */
    SETUP_SYSSIZE = 0x1F4,        /* 4 */
    SETUP_VID_MODE = 0x1FA,       /* 2 */
    SETUP_BOOT_FLAG = 0x1FE,      /* 2 */
    SETUP_JUMP = 0x200,           /* 2: EB, then the header's end minus 0x202 */
    SETUP_HEADER = 0x202,         /* 4 */
    SETUP_VERSION = 0x206,        /* 2 */
    SETUP_TYPE_OF_LOADER = 0x210, /* 1 */
    SETUP_LOADFLAGS = 0x211,      /* 1 */
    SETUP_CODE32_START = 0x214,   /* 4 */
    SETUP_RAMDISK_IMAGE = 0x218,  /* 4 */
    SETUP_RAMDISK_SIZE = 0x21C,   /* 4 */
    SETUP_CMD_LINE_PTR = 0x228,   /* 4 */
    SETUP_INITRD_ADDR_MAX = 0x22C,     /* 4 */
    SETUP_KERNEL_ALIGNMENT = 0x230,    /* 4 */
    SETUP_RELOCATABLE_KERNEL = 0x234,  /* 1 */
    SETUP_XLOADFLAGS = 0x236,     /* 2 */
    SETUP_CMDLINE_SIZE = 0x238,   /* 4 */
    SETUP_PREF_ADDRESS = 0x258,   /* 8 */
    SETUP_INIT_SIZE = 0x260,      /* 4 */
    SETUP_END_MAX = 0x290,        /* room for it in boot_params */
};

/* Where the header of a protocol version ends, at least. */
enum {
    SETUP_END_2_04 = 0x230, /* INITRD_ADDR_MAX */
    SETUP_END_2_05 = 0x235, /* KERNEL_ALIGNMENT, RELOCATABLE_KERNEL */
    SETUP_END_2_06 = 0x23C, /* CMDLINE_SIZE */
    SETUP_END_2_10 = 0x264, /* PREF_ADDRESS, INIT_SIZE */
    SETUP_END_2_12 = 0x268, /* XLOADFLAGS */
};

#define SETUP_BOOT_FLAG_MAGIC 0xAA55u
#define SETUP_HEADER_MAGIC 0x53726448u /* "HdrS" */
#define SETUP_JUMP_SHORT 0xEBu
#define SETUP_VERSION_2_04 0x0204u     /* the first with 4 bytes of SYSSIZE */
#define SETUP_VERSION_2_05 0x0205u
#define SETUP_VERSION_2_06 0x0206u
#define SETUP_VERSION_2_10 0x020Au
#define SETUP_VERSION_2_12 0x020Cu
#define SETUP_CMDLINE_SIZE_2_04 255u   /* where there is no CMDLINE_SIZE */
#define SETUP_LOADER_UNDEFINED 0xFFu   /* no identifier was assigned to us */
#define SETUP_VID_MODE_NORMAL 0xFFFFu

#define LOADFLAGS_LOADED_HIGH 0x01u    /* bzImage */
#define XLOADFLAGS_KERNEL_64 0x01u     /* has the 64-bit entry point */

#define LINUX_ENTRY_32 0x000u          /* from the protected-mode part's start */
#define LINUX_ENTRY_64 0x200u

/* Selectors at both entry points. */
#define LINUX_BOOT_CS 0x10u
#define LINUX_BOOT_DS 0x18u
