/* SPDX-License-Identifier: MIT
 *
 * The machine's PCI functions as boot found them: where each one is, what it is,
 * how it is reached, and whom it can reach.
 *
 * One record a function, in the order of segment, bus and function, so a bridge
 * comes before all that is behind it. Records do not change after boot. They say
 * what cannot be read again without harm (sizes of BARs) or is asked for often;
 * for the rest they have the capability's offset.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/addr.h"

#define PCI_FUNCTIONS_MAX 256
#define PCI_PROBLEMS_MAX 16

struct pci_address {
    uint16_t segment;
    uint8_t bus;
    uint8_t function; /* device in bits 7:3; with ARI all of it is the function */
};

static inline unsigned pci_device(struct pci_address address)
{
    return address.function >> 3;
}

static inline bool pci_same_address(struct pci_address a, struct pci_address b)
{
    return a.segment == b.segment && a.bus == b.bus && a.function == b.function;
}

/* "00:1f.2", or "0001:00:1f.2" outside segment 0, with terminator. */
#define PCI_ADDRESS_SIZE 13

/* Buses of a segment that can be looked at. */
struct pci_range {
    uint16_t segment;
    uint8_t first_bus;
    uint8_t last_bus;
};

enum pci_space { PCI_SPACE_NONE, PCI_SPACE_IO, PCI_SPACE_MEMORY_32, PCI_SPACE_MEMORY_64 };

struct pci_bar {
    uint64_t base; /* 0: the firmware assigned none */
    uint8_t space; /* enum pci_space; of a 64-bit BAR, the next one is NONE */
    uint8_t size_shift; /* it has 2^size_shift bytes, or ports */
    bool prefetchable;
};

#define PCI_BARS 7
#define PCI_BAR_ROM 6 /* the expansion ROM's place among them */

enum pci_flags {
    PCI_IS_MULTI_FUNCTION = 1u << 0,
    PCI_IS_EXPRESS = 1u << 1,
    PCI_RESETS_ALONE = 1u << 2,   /* function-level reset */
    PCI_ISOLATES = 1u << 3,       /* ACS: sends all requests on towards the root */
    PCI_FORWARDS_ARI = 1u << 4,   /* of a port: the one device below has up to 256 functions */
    PCI_SHARES_BUSES = 1u << 5,   /* of a bridge: another one claims some of its buses, too */
};

#define PCI_NO_PARENT 0xFFFF

struct pci_function {
    struct pci_address address;
    uint16_t vendor_id;
    uint16_t device_id;
    uint16_t class_code; /* class and subclass: enum pci_class */
    uint8_t interface;
    uint8_t revision;
    uint8_t header;      /* enum pci_header */
    uint8_t port_type;   /* enum pci_port_type; only if it is Express */
    uint16_t flags;      /* enum pci_flags */
    uint16_t command;    /* as the firmware left it: decoding, bus mastering */

    uint16_t parent;     /* number of the bridge above, or PCI_NO_PARENT */
    uint16_t group;      /* functions of one group cannot be kept apart */
    uint8_t secondary_bus; /* of a bridge: buses behind it; 0: it leads nowhere */
    uint8_t subordinate_bus;

    uint8_t interrupt_pin;  /* 1 to 4 for INTA to INTD; 0: none */
    uint8_t interrupt_line; /* the firmware's: input of the 8259 pair, FFh: none */

    /* Offsets of capabilities; 0: there is none. */
    uint8_t express;
    uint8_t power;
    uint8_t advanced;
    uint8_t msi;
    uint8_t msix;
    uint16_t acs;
    uint16_t ari;
    uint16_t ats;
    uint16_t sriov;
    uint16_t msix_vectors;
    uint16_t virtual_functions; /* at most */

    struct pci_bar bars[PCI_BARS];
};

enum pci_problem_kind {
    PCI_PROBLEM_NONE,
    PCI_BRIDGE_UNSET,    /* no bus behind it */
    PCI_BRIDGE_BACK,     /* says that it leads back to where it is, or to fewer than no buses */
    PCI_BRIDGE_BEYOND,   /* claims buses that no bridge above leads to */
    PCI_BRIDGE_CLASH,    /* claims buses of another bridge */
    PCI_UNKNOWN_HEADER,
    PCI_ENDLESS_CAPABILITIES,
    PCI_IMPOSSIBLE_BAR,
};

struct pci_problem {
    enum pci_problem_kind kind;
    struct pci_address address;
};

struct pci_inventory {
    unsigned count;
    unsigned ignored; /* functions beyond PCI_FUNCTIONS_MAX, one of a device at least */
    unsigned problem_count;
    unsigned problems_more; /* not listed */
    struct pci_problem problems[PCI_PROBLEMS_MAX];
    struct pci_function functions[PCI_FUNCTIONS_MAX];
};
