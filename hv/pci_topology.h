/* SPDX-License-Identifier: MIT
 *
 * Which bridge leads to which bus, and which functions cannot be kept apart.
 *
 * An isolation group is a set of functions that may reach each other, by DMA or
 * by answering to another's requester id, without passing the root complex with
 * its DMA remapping. A group has one owner. In doubt functions share a group:
 * a bridge that says nothing of ACS does not isolate.
 */
#pragma once

#include "hv/pci_function.h"

/* The innermost bridge that leads to this bus, or PCI_NO_PARENT: a root bus. */
uint16_t pci_bridge_to(const struct pci_inventory *pci, uint16_t segment, uint8_t bus);

/* Holds a bridge's bus numbers, just read, against the bridges before it, and
 * takes from the record what cannot be. */
enum pci_problem_kind pci_bridge_check(struct pci_inventory *pci, unsigned bridge);

/* A bridge with a link below it, and on that one device. */
bool pci_is_downstream_port(const struct pci_function *function);

/* Gives each function its group; groups are numbered by their first function. */
void pci_make_groups(struct pci_inventory *pci);

/* Where a path ends: the DMAR names functions by the bus where it starts and then
 * device and function of each of the `steps`, all but the last one bridges. Who
 * is there need not be a function of this inventory. False: a bridge is missing. */
bool pci_path_find(const struct pci_inventory *pci, struct pci_address start,
                   const uint8_t *path, unsigned steps, struct pci_address *out);

/* The record of an address, or NULL. */
const struct pci_function *pci_function_at(const struct pci_inventory *pci,
                                           struct pci_address address);
