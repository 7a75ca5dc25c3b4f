/* SPDX-License-Identifier: MIT
 *
 * The host's address space. Every mapping is NX unless it is text, and none is
 * both writable and executable. Address 0 and everything below FFFFFF00... is
 * unmapped, so a guest's address that leaks into a pointer faults.
 *
 *   FFFFFFFF80000000  image: text R-X, rodata R--, data RW-, symbols R--
 *   FFFFFF0300000000  the screen, RW-, write-combining (text: uncached)
 *   FFFFFF0200000000  PCI configuration space, RW-, uncached
 *   FFFFFF01C0000000  stacks: each between unmapped guard pages
 *   FFFFFF00C0000000  boot modules, R--, uncompressed as GRUB loaded them
 *   FFFFFF00800FF000  the record that a panic leaves, RW-
 *   FFFFFF0080000000  device registers, RW-, uncached: IOAPICs, remapping units, a
 *                     serial port in memory
 *   FFFFFF0040000000  windows: eight 2 MiB pages a CPU, each where it was last
 *                     pointed; the only sight of guest RAM and, by the last of
 *                     them, uncached, of registers of guests' devices
 *   FFFFFF0000000000  arena, RW-: CPUs, VMs, VMCSs, EPT frames, console rings
 */
#pragma once

#define ARENA_VIRTUAL 0xFFFFFF0000000000ull
#define WINDOW_VIRTUAL 0xFFFFFF0040000000ull
#define DEVICE_VIRTUAL 0xFFFFFF0080000000ull
#define RECORD_VIRTUAL (VTD_VIRTUAL - 0x1000ull)
#define VTD_VIRTUAL (DEVICE_VIRTUAL + 0x100000ull) /* remapping units */
#define VTD_STRIDE 0x8000ull
#define SELFTEST_VIRTUAL (DEVICE_VIRTUAL + 0x200000ull)
#define MODULE_VIRTUAL 0xFFFFFF00C0000000ull
#define STACK_VIRTUAL 0xFFFFFF01C0000000ull
#define PCI_CONFIG_VIRTUAL 0xFFFFFF0200000000ull
#define SERIAL_VIRTUAL (DEVICE_VIRTUAL + 0x3FE00000ull) /* the last pages of the device registers */
#define SCREEN_VIRTUAL 0xFFFFFF0300000000ull
#define IMAGE_VIRTUAL 0xFFFFFFFF80000000ull

#define ARENA_BYTES_MAX (WINDOW_VIRTUAL - ARENA_VIRTUAL)
#define MODULE_BYTES_MAX (STACK_VIRTUAL - MODULE_VIRTUAL)
#define PCI_CONFIG_BYTES_MAX 0x100000000ull

/* A CPU's stacks: normal, double fault, NMI; an unmapped page below each. */
#define STACK_BYTES 0x4000ull
#define STACKS_PER_CPU 3
#define STACK_STRIDE (STACK_BYTES + 0x1000ull)

#define WINDOWS_PER_CPU 8
