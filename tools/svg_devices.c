/* SPDX-License-Identifier: MIT
 *
 * Devices of the machine: a box for each PCI function, where it is known which there
 * are, else for each one that a guest asks for; and a line for each guest that owns
 * ports, interrupts or addresses.
 */
#include "hv/pci_address.h"
#include "hv/text.h"
#include "tools/svg_grid.h"
#include "tools/svg_sections.h"

#define COLUMNS 10 /* "0000:00:1f.2" fits */
#define PARTS_SIZE 512
#define PARTS_X (SVG_MARGIN + 52)
#define SPACE 20

struct list {
    char text[PARTS_SIZE];
    size_t length;
};

static void add(struct list *list, const char *kind, uint32_t index, uint64_t first, uint64_t last)
{
    const char *before = index > 0 ? ", " : list->length > 0 ? "; " : "";

    list->length += text_format(list->text + list->length, PARTS_SIZE - list->length,
                                last > first ? "%s%s%llx-%llx" : "%s%s%llx", before,
                                index > 0 ? "" : kind, (unsigned long long)first,
                                (unsigned long long)last);
}

/* "ports 2f8-2ff, 378; interrupts 3; addresses fed00000-fed00fff" */
static void list_parts(struct list *list, const struct config_parts *parts)
{
    list->length = 0;
    list->text[0] = '\0';
    for (uint32_t i = 0; i < parts->port_count; i++)
        add(list, "ports ", i, parts->ports[i].first, parts->ports[i].last);
    for (uint32_t i = 0; i < parts->irq_count; i++)
        list->length += text_format(list->text + list->length, PARTS_SIZE - list->length, "%s%u",
                                    i > 0 ? ", " : list->length > 0 ? "; interrupts "
                                                                    : "interrupts ",
                                    parts->irqs[i].irq);
    for (uint32_t i = 0; i < parts->mmio_count; i++)
        add(list, "addresses ", i, parts->mmio[i].first, parts->mmio[i].last);
}

static bool has(const struct vm_config *vm, struct pci_address address)
{
    for (uint32_t i = 0; i < vm->parts.device_count; i++)
        if (pci_same_address(vm->parts.devices[i].address, address))
            return true;
    return false;
}

static void draw_function(struct svg_grid *grid, const struct svg_subject *subject,
                          const struct pci_function *function)
{
    const struct config *config = subject->config;
    char address[PCI_ADDRESS_SIZE], ids[16], group[16];
    int owner = SVG_FREE;

    for (uint32_t i = 0; i < config->vm_count; i++)
        if (has(&config->vms[i], function->address))
            owner = (int)i;
    pci_address_format(address, function->address);
    snprintf(ids, sizeof(ids), "%04x:%04x", function->vendor_id, function->device_id);
    snprintf(group, sizeof(group), "group %u", function->group);
    svg_grid_box(grid, address, ids, owner, owner == SVG_FREE ? "" : config->vms[owner].name,
                 group);
}

static void draw_asked_for(struct svg_grid *grid, const struct svg_subject *subject)
{
    char address[PCI_ADDRESS_SIZE];

    for (uint32_t i = 0; i < subject->config->vm_count; i++) {
        const struct vm_config *vm = &subject->config->vms[i];

        for (uint32_t j = 0; j < vm->parts.device_count; j++) {
            pci_address_format(address, vm->parts.devices[j].address);
            svg_grid_box(grid, address, "", (int)i, vm->name, "");
        }
    }
}

static double draw_functions(FILE *to, const struct svg_subject *subject, double y)
{
    struct svg_grid grid = {
        .to = to,
        .y = y,
        .kind = "device",
        .columns = COLUMNS,
        .two_lines = subject->pci != NULL,
    };

    if (subject->pci == NULL)
        draw_asked_for(&grid, subject);
    else
        for (unsigned i = 0; i < subject->pci->count; i++)
            draw_function(&grid, subject, &subject->pci->functions[i]);
    return svg_grid_end(&grid);
}

static double draw_parts(FILE *to, const struct svg_subject *subject, double y)
{
    double parts_x = PARTS_X + svg_name_width(subject) + SPACE;
    struct list list;

    for (uint32_t i = 0; i < subject->config->vm_count; i++) {
        const struct vm_config *vm = &subject->config->vms[i];

        list_parts(&list, &vm->parts);
        if (list.length == 0)
            continue;
        y += SVG_ROW;
        svg_begin(to, "parts", vm->name);
        svg_tooltip(to, "%s: %s", vm->name, list.text);
        svg_swatch(to, SVG_MARGIN, y, (int)i);
        svg_text(to, SVG_CELL, SVG_START, PARTS_X, y, "%s", vm->name);
        svg_text(to, SVG_CELL, SVG_START, parts_x, y, "%s", list.text);
        svg_end(to);
    }
    return y;
}

double svg_draw_devices(FILE *to, const struct svg_subject *subject, double y)
{
    double begin = y + 14;
    double end = draw_parts(to, subject, draw_functions(to, subject, begin));

    svg_text(to, SVG_HEADING, SVG_START, SVG_MARGIN, y, "Devices");
    y = end > begin ? end + SVG_ROW + 4 : y + 26;
    if (subject->pci != NULL)
        svg_text(to, SVG_FAINT, SVG_START, SVG_MARGIN, y,
                 "PCI functions of one group can only be given to the same guest.");
    else
        svg_text(to, SVG_FAINT, SVG_START, SVG_MARGIN, y,
                 "%s--inventory SAVED shows the machine's PCI functions.",
                 end > begin ? "" : "No guest owns one. ");
    return y + 2 * SVG_ROW;
}
