/* SPDX-License-Identifier: MIT
 *
 * PCI functions of the machine on a guest's own bus 0, as devices 1, 2, 3 ...
 *
 * What a guest's driver does all the time, reading and writing registers, needs no
 * exit: memory BARs are mapped in the guest's EPT, I/O BARs pass by its bitmap of
 * ports. What it does seldom exits: configuration space. There the machine's
 * function answers, except for this:
 *
 *   command       the two bits that turn decoding on are the guest's alone: they
 *                 decide whether its BARs are mapped. The machine's are always on
 *   BARs          are the guest's alone: they say where in the guest's address space
 *                 the registers are. The machine's never change
 *   expansion ROM is mapped, read-only, while the guest has it on; only then it is on in
 *                 the machine. Its decoder may be one that the function's BARs need:
 *                 then these do not answer meanwhile, as the specification has it
 *   capabilities  only those that a row names; of them none can be written but MSI and
 *                 MSI-X, which are emulated
 *   header type   a single function; the interrupt line is a byte that is kept
 *   what is behind the header and no capability reads as 0, but for hv/pci_private.h
 *
 * A memory BAR is mapped where nothing else of the guest is, but for the pages of an
 * MSI-X table, which are emulated (hv/assigned_memory.h); an I/O BAR that was moved
 * away from the machine's ports is reached by exits. A page is the smallest piece that
 * can be mapped, so a memory BAR has one page at least.
 *
 * The caller holds the VM's lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/assigned_msi.h"
#include "hv/assigned_msix.h"
#include "hv/config.h"
#include "hv/ept.h"
#include "hv/io_bitmap.h"
#include "hv/pci_function.h"
#include "hv/pci_private.h"

struct vm;

#define ASSIGNED_CAPABILITIES_MAX 8
#define ASSIGNED_BARS PCI_BARS /* the expansion ROM, which may not be shown, is the last */
#define ASSIGNED_NO_PIN 0

struct assigned_capability {
    uint8_t offset;
    uint8_t bytes;
    uint8_t id;
};

struct assigned_function {
    const struct pci_function *function; /* as the machine has it */
    uint8_t pin;            /* of the guest's IOAPIC, for its INTx; or ASSIGNED_NO_PIN */
    uint8_t reset;          /* enum pci_reset_kind */
    bool has_rom;           /* that it is shown */
    bool blocked;           /* nothing keeps its DMA to the guest: it has none */
    uint8_t capability_count;
    struct assigned_capability capabilities[ASSIGNED_CAPABILITIES_MAX];

    /* As the guest writes them. */
    uint16_t command;       /* decoding only */
    uint8_t interrupt_line;
    bool rom_on;
    struct assigned_msi msi;
    struct assigned_msix msix;
    uint64_t bars[ASSIGNED_BARS]; /* addresses; of a 64-bit BAR the whole one */

    uint64_t home[ASSIGNED_BARS]; /* where they are at each start */
    uint64_t mapped_at[ASSIGNED_BARS]; /* where a memory BAR is mapped; 0: nowhere */
    uint32_t private_home[PCI_PRIVATE_WRITTEN_MAX]; /* as the firmware left them */
};

struct assigned {
    struct vm *vm;
    const struct pci_inventory *pci; /* the machine's */
    unsigned count;
    unsigned msix_budget;    /* entries that its functions may have yet */
    struct assigned_function functions[CONFIG_DEVICES_MAX];
    uint8_t *io_bitmap;      /* the VM's, IO_BITMAP_BYTES, writable; NULL: no ports */
};

/* Adds the EPT frames of each level that this function's BARs take at most, with and
 * without the pages of its MSI-X table. */
void assigned_frames(const struct pci_function *function, struct ept_shape shape,
                     unsigned frames[static EPT_TABLE_LEVELS]);

/* At boot: one function more, whose DMA stops until the guest begins; with its expansion
 * ROM, if that can be (hv/assigned_rom.h). The EPT of the VM has everything else mapped. */
const struct assigned_function *assigned_add(struct assigned *assigned,
                                             const struct pci_function *function, uint8_t pin,
                                             bool has_rom);

/* The guest begins: BARs are at home, DMA is off. */
void assigned_start(struct assigned *assigned);

/* What the guest's tables say of them. */
struct guest_acpi_pci;
void assigned_describe(const struct assigned *assigned, struct guest_acpi_pci *pci);

/* The guest ends: DMA and interrupts of its functions stop before its memory is
 * anybody else's, and each is reset as far as it can be, which may take a second each.
 * None of its vCPUs runs, and the lock is not held. */
void assigned_stop(struct assigned *assigned);

/* `device` counts from 1 on; `bytes` from `offset` on lie in one doubleword. */
uint32_t assigned_config_read(const struct assigned *assigned, unsigned device, unsigned offset,
                              size_t bytes);
void assigned_config_write(struct assigned *assigned, unsigned device, unsigned offset,
                           size_t bytes, uint32_t value);

/* I/O BARs that are elsewhere than in the machine. False: none is there. */
bool assigned_port_read(const struct assigned *assigned, uint16_t port, size_t bytes,
                        uint32_t *value);
bool assigned_port_write(const struct assigned *assigned, uint16_t port, size_t bytes,
                         uint32_t value);
