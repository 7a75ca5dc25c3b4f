/* SPDX-License-Identifier: MIT
 *
 * How firmware hands a USB host controller over to an operating system. EHCI for
 * Universal Serial Bus 1.0, 2.1.7 "USBLEGSUP" and 2.1.8 "USBLEGCTLSTS"; eXtensible Host
 * Controller Interface 1.2, 7.1 "USB Legacy Support Capability"; Universal Host
 * Controller Interface Design Guide 1.1, 5.2.1 "Legacy Support Register".
 */
#pragma once

/* The interface byte of class 0C03h */
enum usb_interface {
    USB_INTERFACE_UHCI = 0x00,
    USB_INTERFACE_EHCI = 0x20,
    USB_INTERFACE_XHCI = 0x30,
};

/* Registers in memory that say where the list of capabilities begins: an offset in
 * configuration space, and one of doublewords from BAR 0 on. */
#define EHCI_HCCPARAMS 0x08
#define EHCI_EECP_SHIFT 8
#define XHCI_HCCPARAMS1 0x10
#define XHCI_XECP_SHIFT 16

/* The first doubleword of a capability: id, and where the next one is, an offset of
 * configuration space or doublewords from here on. */
#define USB_CAPABILITY_ID 0xFFu
#define USB_CAPABILITY_NEXT_SHIFT 8
#define USB_CAPABILITY_LEGACY 1u
#define USB_LEGACY_FIRMWARE_OWNS (1u << 16)
#define USB_LEGACY_SYSTEM_OWNS (1u << 24)

/* The second one: what raises SMIs, and what has, which a 1 that is written clears */
#define USB_LEGACY_CONTROL 4
#define EHCI_LEGACY_ENABLES 0x0000E03Fu
#define XHCI_LEGACY_ENABLES 0x0000E011u
#define USB_LEGACY_EVENTS 0xE0000000u

/* UHCI has a word in configuration space: all events, and its interrupt as INTx */
#define UHCI_LEGACY 0xC0
#define UHCI_LEGACY_EVENTS 0x8F00u
#define UHCI_LEGACY_INTX 0x2000u
