/* SPDX-License-Identifier: MIT
 *
 * Configuration space of a PCI function, by the specifications' names.
 * PCI Local Bus Specification 3.0, 6 "Configuration Space"; PCI-to-PCI Bridge
 * Architecture Specification 1.2, 3.2 "PCI-to-PCI Bridge Configuration Space
 * Header Format"; PCI Express Base Specification 5.0, 7 "Software Initialization
 * and Configuration". Only what some code names is listed.
 */
#pragma once

#include <stdint.h>

#define PCI_DEVICES 32
#define PCI_FUNCTIONS 8
#define PCI_HEADER_BYTES 0x40
#define PCI_CONFIG_BYTES 0x100   /* of a conventional function */
#define PCI_EXTENDED_BYTES 0x1000 /* of an Express function */

/* Ports of configuration mechanism #1: PCI Local Bus Specification 3.0,
 * 3.2.2.3.2 "Software Generation of Configuration Transactions". */
#define PCI_CONFIG_ADDRESS 0xCF8
#define PCI_CONFIG_DATA 0xCFC
#define PCI_CONFIG_ENABLE (1u << 31)

enum pci_register {
    PCI_VENDOR_ID = 0x00,
    PCI_DEVICE_ID = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_REVISION_ID = 0x08, /* and three bytes of class behind it */
    PCI_CACHE_LINE_SIZE = 0x0C,
    PCI_LATENCY_TIMER = 0x0D,
    PCI_HEADER_TYPE = 0x0E,
    PCI_BAR0 = 0x10,
    PCI_CAPABILITIES_POINTER = 0x34,
    PCI_INTERRUPT_LINE = 0x3C,
    PCI_INTERRUPT_PIN = 0x3D,
    PCI_EXTENDED_CAPABILITIES = 0x100,

    /* Header type 0 */
    PCI_SUBSYSTEM_IDS = 0x2C,
    PCI_EXPANSION_ROM = 0x30,
    /* Header type 1, and the bus numbers of type 2 */
    PCI_SECONDARY_BUS = 0x19,
    PCI_SUBORDINATE_BUS = 0x1A,
    PCI_BRIDGE_EXPANSION_ROM = 0x38,
    PCI_BRIDGE_CONTROL = 0x3E,
    /* Header type 2 */
    PCI_CARDBUS_CAPABILITIES_POINTER = 0x14,
};

#define PCI_NO_VENDOR 0xFFFF

#define PCI_COMMAND_IO (1u << 0)
#define PCI_COMMAND_MEMORY (1u << 1)
#define PCI_COMMAND_BUS_MASTER (1u << 2)
#define PCI_COMMAND_SERR (1u << 8)
#define PCI_COMMAND_INTX_DISABLE (1u << 10)

#define PCI_BRIDGE_SECONDARY_RESET (1u << 6)

#define PCI_STATUS_CAPABILITIES (1u << 4)
#define PCI_STATUS_ERRORS 0xF900u /* a 1 that is written clears */

#define PCI_HEADER_MULTI_FUNCTION (1u << 7)
#define PCI_HEADER_LAYOUT 0x7Fu
enum pci_header { PCI_HEADER_FUNCTION = 0, PCI_HEADER_BRIDGE = 1, PCI_HEADER_CARDBUS = 2 };

/* Base address registers */
#define PCI_BAR_IO (1u << 0)
#define PCI_BAR_IO_FLAGS 0x3u
#define PCI_BAR_TYPE 0x6u
#define PCI_BAR_TYPE_64 0x4u
#define PCI_BAR_TYPE_RESERVED 0x6u
#define PCI_BAR_PREFETCHABLE (1u << 3)
#define PCI_BAR_MEMORY_FLAGS 0xFu
#define PCI_ROM_ENABLE (1u << 0)
#define PCI_ROM_FLAGS 0x7FFu

/* Class and subclass in one number. PCI Code and ID Assignment Specification
 * 1.11, 1 "Class Codes". */
enum pci_class {
    PCI_CLASS_IDE = 0x0101,
    PCI_CLASS_VGA = 0x0300,
    PCI_CLASS_HOST_BRIDGE = 0x0600,
    PCI_CLASS_PCI_BRIDGE = 0x0604,
    PCI_CLASS_CARDBUS_BRIDGE = 0x0607,
    PCI_CLASS_USB = 0x0C03,
};

enum pci_base_class {
    PCI_BASE_CLASS_MEMORY = 0x05,
    PCI_BASE_CLASS_BRIDGE = 0x06,
    PCI_BASE_CLASS_SYSTEM = 0x08,
};

/* PCI Code and ID Assignment Specification 1.11, 2 "Capability IDs" */
enum pci_capability {
    PCI_CAPABILITY_POWER = 0x01,
    PCI_CAPABILITY_MSI = 0x05,
    PCI_CAPABILITY_SUBSYSTEM = 0x0D,
    PCI_CAPABILITY_EXPRESS = 0x10,
    PCI_CAPABILITY_MSIX = 0x11,
    PCI_CAPABILITY_SATA = 0x12,
    PCI_CAPABILITY_ADVANCED_FEATURES = 0x13,
};

/* … and 3 "Extended Capability IDs" */
enum pci_extended_capability {
    PCI_EXTENDED_ACS = 0x0D,
    PCI_EXTENDED_ARI = 0x0E,
    PCI_EXTENDED_ATS = 0x0F,
    PCI_EXTENDED_SRIOV = 0x10,
};

/* MSI: 7.7.1 "MSI Capability Structures", with an address of 64 bits */
#define PCI_MSI_CONTROL 2
#define PCI_MSI_ENABLE (1u << 0)
#define PCI_MSI_MESSAGES (7u << 4) /* how many are used, as a power of two */
#define PCI_MSI_WIDE (1u << 7)
#define PCI_MSI_MASKABLE (1u << 8) /* mask bits lie behind the data */
#define PCI_MSI_ADDRESS 4
#define PCI_MSI_ADDRESS_HIGH 8
#define PCI_MSI_DATA_32 8
#define PCI_MSI_DATA_64 12

/* PCI Bus Power Management Interface Specification 1.2, 3.2 "Power Management
 * Register Block Definition": D1, D2 and PME in its first doubleword */
#define PCI_POWER_STATES 0xFE000000u
#define PCI_POWER_CONTROL 4
#define PCI_POWER_STATE 3u
#define PCI_POWER_STATE_D3 3u
#define PCI_POWER_NO_SOFT_RESET (1u << 3)

/* MSI-X: 7.7.2.2 "Message Control Register for MSI-X" */
#define PCI_MSIX_CONTROL 2
#define PCI_MSIX_ENABLE (1u << 15)
#define PCI_MSIX_MASK_ALL (1u << 14)
#define PCI_MSIX_TABLE_SIZE 0x7FFu /* less one */
#define PCI_MSIX_TABLE 4   /* where: a BAR's number, and an offset there */
#define PCI_MSIX_PENDING 8
#define PCI_MSIX_BAR 7u

/* 7.7.2.5 "Message Address Register for MSI-X Table Entries" and those behind it */
#define PCI_MSIX_ENTRY_BYTES 16u
#define PCI_MSIX_ENTRY_ADDRESS 0
#define PCI_MSIX_ENTRY_ADDRESS_HIGH 4
#define PCI_MSIX_ENTRY_DATA 8
#define PCI_MSIX_ENTRY_CONTROL 12
#define PCI_MSIX_ENTRY_MASKED 1u

/* 7.5.3 "PCI Express Capability Structure" */
#define PCI_EXPRESS_CAPABILITIES 2
#define PCI_EXPRESS_PORT_TYPE_SHIFT 4
#define PCI_EXPRESS_PORT_TYPE 0xFu
#define PCI_EXPRESS_DEVICE_CAPABILITIES 4
#define PCI_EXPRESS_DEVICE_FLR (1u << 28)
#define PCI_EXPRESS_DEVICE_CONTROL 8
#define PCI_EXPRESS_ERROR_REPORTING 0xFu
#define PCI_EXPRESS_NO_SNOOP (1u << 11) /* enabled */
#define PCI_EXPRESS_INITIATE_FLR (1u << 15)
#define PCI_EXPRESS_DEVICE_STATUS 10
#define PCI_EXPRESS_PENDING (1u << 5)
#define PCI_EXPRESS_DEVICE_CONTROL_2 0x28
#define PCI_EXPRESS_ARI_FORWARDING (1u << 5)

enum pci_port_type {
    PCI_PORT_ENDPOINT = 0,
    PCI_PORT_LEGACY_ENDPOINT = 1,
    PCI_PORT_ROOT = 4,
    PCI_PORT_UPSTREAM = 5,
    PCI_PORT_DOWNSTREAM = 6,
    PCI_PORT_EXPRESS_TO_PCI = 7,
    PCI_PORT_PCI_TO_EXPRESS = 8,
    PCI_PORT_INTEGRATED_ENDPOINT = 9,
    PCI_PORT_EVENT_COLLECTOR = 10,
};

/* PCI Conventional Advanced Features ECN, 6.8.6 "Advanced Features" */
#define PCI_ADVANCED_FEATURES_CAPABILITIES 3
#define PCI_ADVANCED_FEATURES_FLR (1u << 1)
#define PCI_ADVANCED_FEATURES_CONTROL 4
#define PCI_ADVANCED_FEATURES_INITIATE_FLR (1u << 0)
#define PCI_ADVANCED_FEATURES_STATUS 5
#define PCI_ADVANCED_FEATURES_PENDING (1u << 0)

/* 7.7.8 "ACS Extended Capability" */
#define PCI_ACS_CAPABILITY 4
#define PCI_ACS_CONTROL 6
#define PCI_ACS_SOURCE_VALIDATION (1u << 0)
#define PCI_ACS_REQUEST_REDIRECT (1u << 2)
#define PCI_ACS_COMPLETION_REDIRECT (1u << 3)
#define PCI_ACS_UPSTREAM_FORWARDING (1u << 4)
/* What sends all requests on towards the root. */
#define PCI_ACS_WANTED (PCI_ACS_SOURCE_VALIDATION | PCI_ACS_REQUEST_REDIRECT \
                        | PCI_ACS_COMPLETION_REDIRECT | PCI_ACS_UPSTREAM_FORWARDING)

/* 7.8.8 "ARI Extended Capability": the next function in the ARI capability register */
#define PCI_ARI_NEXT_FUNCTION 5

/* 9.3.3 "SR-IOV Extended Capability" */
#define PCI_SRIOV_TOTAL_VFS 0x0E
