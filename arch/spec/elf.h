/* SPDX-License-Identifier: MIT
 *
 * Executable files: offsets in a file's header, in a program header, in a section
 * header and in a symbol, and the numbers in them that matter to a loader of
 * kernels. System V Application Binary Interface, edition 4.1, "4 Object Files",
 * "5 Program Loading and Dynamic Linking"; ELF-64 Object File Format 1.5.
 */
#pragma once

/* "ELF Header", where both classes agree */
enum {
    ELF_MAGIC = 0,      /* 4 */
    ELF_CLASS = 4,      /* 1 */
    ELF_DATA = 5,       /* 1 */
    ELF_TYPE = 16,      /* 2 */
    ELF_MACHINE = 18,   /* 2 */
    ELF_VERSION = 20,   /* 4 */
    ELF_ENTRY = 24,     /* 4 or 8 */
};

#define ELF_MAGIC_VALUE 0x464C457Fu /* 7F "ELF" */
#define ELF_CLASS_32 1u
#define ELF_CLASS_64 2u
#define ELF_DATA_LITTLE 1u
#define ELF_VERSION_CURRENT 1u

enum { ELF_TYPE_EXEC = 2, ELF_TYPE_DYN = 3 };
enum { ELF_MACHINE_386 = 3, ELF_MACHINE_X86_64 = 62 };

enum {
    ELF32_PHOFF = 28, ELF32_SHOFF = 32, /* 4 */
    ELF32_PHENTSIZE = 42, ELF32_PHNUM = 44, ELF32_SHENTSIZE = 46, ELF32_SHNUM = 48, /* 2 */
    ELF32_SHSTRNDX = 50, /* 2 */
    ELF32_HEADER_BYTES = 52,

    ELF64_PHOFF = 32, ELF64_SHOFF = 40, /* 8 */
    ELF64_PHENTSIZE = 54, ELF64_PHNUM = 56, ELF64_SHENTSIZE = 58, ELF64_SHNUM = 60, /* 2 */
    ELF64_SHSTRNDX = 62, /* 2 */
    ELF64_HEADER_BYTES = 64,
};

/* "Program Header" */
enum {
    ELF_P_TYPE = 0, /* 4 */

    ELF32_P_OFFSET = 4, ELF32_P_VADDR = 8, ELF32_P_PADDR = 12, ELF32_P_FILESZ = 16,
    ELF32_P_MEMSZ = 20, ELF32_P_ALIGN = 28, /* 4 */
    ELF32_PROGRAM_HEADER_BYTES = 32,

    ELF64_P_OFFSET = 8, ELF64_P_VADDR = 16, ELF64_P_PADDR = 24, ELF64_P_FILESZ = 32,
    ELF64_P_MEMSZ = 40, ELF64_P_ALIGN = 48, /* 8 */
    ELF64_PROGRAM_HEADER_BYTES = 56,
};

enum { ELF_PT_LOAD = 1, ELF_PT_NOTE = 4 };

/* "Section Header" */
enum {
    ELF_SH_TYPE = 4, /* 4 */

    ELF32_SH_ADDR = 12, ELF32_SH_OFFSET = 16, ELF32_SH_SIZE = 20, ELF32_SH_LINK = 24,
    ELF32_SH_ADDRALIGN = 32, ELF32_SH_ENTSIZE = 36, /* 4 */
    ELF32_SECTION_HEADER_BYTES = 40,

    ELF64_SH_LINK = 40, /* 4 */
    ELF64_SH_ADDR = 16, ELF64_SH_OFFSET = 24, ELF64_SH_SIZE = 32, ELF64_SH_ADDRALIGN = 48,
    ELF64_SH_ENTSIZE = 56, /* 8 */
    ELF64_SECTION_HEADER_BYTES = 64,
};

enum { ELF_SHT_NULL = 0, ELF_SHT_SYMTAB = 2, ELF_SHT_STRTAB = 3, ELF_SHT_NOBITS = 8 };

/* "Symbol Table" */
enum {
    ELF_ST_NAME = 0, /* 4 */

    ELF32_ST_VALUE = 4, ELF32_ST_SIZE = 8, /* 4 */
    ELF32_ST_INFO = 12, /* 1 */
    ELF32_ST_SHNDX = 14, /* 2 */
    ELF32_SYMBOL_BYTES = 16,

    ELF64_ST_INFO = 4, /* 1 */
    ELF64_ST_SHNDX = 6, /* 2 */
    ELF64_ST_VALUE = 8, ELF64_ST_SIZE = 16, /* 8 */
    ELF64_SYMBOL_BYTES = 24,
};

#define ELF_ST_TYPE_MASK 0xFu /* in ST_INFO */
enum { ELF_STT_NOTYPE = 0, ELF_STT_FUNC = 2 };
enum { ELF_SHN_UNDEF = 0, ELF_SHN_LORESERVE = 0xFF00 };

/* "Note Section": sizes of name and descriptor, type, name, descriptor */
enum { ELF_NOTE_NAME_BYTES = 0, ELF_NOTE_DESC_BYTES = 4, ELF_NOTE_TYPE = 8, ELF_NOTE_NAME = 12 };
