/* SPDX-License-Identifier: MIT
 *
 * See pci_class.h. PCI Code and ID Assignment Specification 1.11, 1 "Class
 * Codes".
 */
#include "hv/pci_class.h"

#include "arch/spec/pci.h"
#include "hv/text.h"

struct class_row {
    uint16_t class_code;
    char name[22];
};

static const struct class_row rows[] = {
    { 0x0100, "SCSI controller" },
    { 0x0101, "IDE controller" },
    { 0x0104, "RAID controller" },
    { 0x0106, "SATA controller" },
    { 0x0107, "SAS controller" },
    { 0x0108, "NVMe controller" },
    { 0x0200, "Ethernet controller" },
    { 0x0280, "network controller" },
    { 0x0300, "VGA controller" },
    { 0x0302, "3D controller" },
    { 0x0380, "display controller" },
    { 0x0401, "audio device" },
    { 0x0403, "HD audio device" },
    { 0x0480, "multimedia device" },
    { 0x0500, "RAM" },
    { 0x0580, "memory controller" },
    { 0x0600, "host bridge" },
    { 0x0601, "ISA bridge" },
    { 0x0604, "PCI bridge" },
    { 0x0607, "CardBus bridge" },
    { 0x0680, "bridge" },
    { 0x0700, "serial port" },
    { 0x0780, "communication device" },
    { 0x0800, "interrupt controller" },
    { 0x0805, "SD host controller" },
    { 0x0806, "IOMMU" },
    { 0x0807, "event collector" },
    { 0x0880, "system peripheral" },
    { 0x0C00, "FireWire controller" },
    { 0x0C03, "USB controller" },
    { 0x0C04, "Fibre Channel" },
    { 0x0C05, "SMBus controller" },
    { 0x0D11, "Bluetooth controller" },
    { 0x1080, "encryption device" },
    { 0x1180, "signal processor" },
    { 0x1200, "accelerator" },
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

/* A bridge of Express is better known by its place. */
static const char *port_name(uint8_t port_type)
{
    switch (port_type) {
    case PCI_PORT_ROOT:
        return "root port";
    case PCI_PORT_UPSTREAM:
        return "switch upstream";
    case PCI_PORT_DOWNSTREAM:
        return "switch downstream";
    default:
        return "PCI bridge";
    }
}

const char *pci_class_name(const struct pci_function *function)
{
    if (function->class_code == PCI_CLASS_PCI_BRIDGE && function->flags & PCI_IS_EXPRESS)
        return port_name(function->port_type);
    for (unsigned i = 0; i < ROW_COUNT; i++)
        if (rows[i].class_code == function->class_code)
            return rows[i].name;
    return NULL;
}

bool pci_class_find(const char *name, uint16_t *class_code)
{
    for (unsigned i = 0; i < ROW_COUNT; i++)
        if (text_equal(rows[i].name, name)) {
            *class_code = rows[i].class_code;
            return true;
        }
    for (uint8_t type = 0; type <= PCI_EXPRESS_PORT_TYPE; type++)
        if (text_equal(port_name(type), name)) {
            *class_code = PCI_CLASS_PCI_BRIDGE;
            return true;
        }
    return false;
}
