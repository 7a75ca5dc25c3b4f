/* SPDX-License-Identifier: MIT
 *
 * The table of guests, which is the legend of the picture.
 */
#include <string.h>

#include "hv/text.h"
#include "tools/svg_draw.h"
#include "tools/svg_sections.h"

/* The longest name, 8 CPUs and a kernel of 63 characters have room. */
#define NAME_X (SVG_MARGIN + 52)
#define MEMORY_WIDTH 90 /* from the longest name to the end of "1048574 MiB" */
#define CPUS_WIDTH 190 /* 8 of two digits, and space */
#define SPACE 20

double svg_name_width(const struct svg_subject *subject)
{
    size_t longest = strlen("not for guests");

    for (uint32_t i = 0; i < subject->config->vm_count; i++) {
        size_t length = strlen(subject->config->vms[i].name);
        longest = length > longest ? length : longest;
    }
    return (double)longest * SVG_CHARACTER;
}

static void draw_guest(FILE *to, const struct svg_subject *subject, uint32_t number, double y)
{
    const struct vm_config *vm = &subject->config->vms[number];
    char cpus[4 * CONFIG_VCPUS_MAX + 8] = "";
    char memory[24];
    size_t length = 0;
    double memory_x = NAME_X + svg_name_width(subject) + MEMORY_WIDTH;

    if (!vm->cpus_listed && !subject->cpus_known)
        text_format(cpus, sizeof(cpus), "any %u", vm->cpu_count);
    else
        for (uint32_t i = 0; i < vm->cpu_count; i++)
            length += text_format(cpus + length, sizeof(cpus) - length, "%s%u", i > 0 ? " " : "",
                                  vm->cpus[i]);
    text_bytes(memory, sizeof(memory), vm->memory_bytes);
    svg_begin(to, "guest", vm->name);
    svg_tooltip(to, "%s: CPUs %s, memory %s, kernel %s, initrd %s, console %s, start %s", vm->name,
                cpus, memory, vm->kernel, vm->initrd[0] != '\0' ? vm->initrd : "none",
                vm->console ? "yes" : "no", vm->start_manual ? "manual" : "auto");
    svg_swatch(to, SVG_MARGIN, y, (int)number);
    svg_text(to, SVG_CELL, SVG_START, NAME_X, y, "%s", vm->name);
    svg_text(to, SVG_CELL, SVG_END, memory_x, y, "%s", memory);
    svg_text(to, SVG_CELL, SVG_START, memory_x + SPACE, y, "%s", cpus);
    svg_text(to, SVG_CELL, SVG_START, memory_x + SPACE + CPUS_WIDTH, y, "%s", vm->kernel);
    svg_end(to);
}

double svg_draw_guests(FILE *to, const struct svg_subject *subject, double y)
{
    double memory_x = NAME_X + svg_name_width(subject) + MEMORY_WIDTH;

    svg_text(to, SVG_HEADING, SVG_START, SVG_MARGIN, y, "Guests");
    svg_text(to, SVG_FAINT, SVG_END, memory_x, y, "MEMORY");
    svg_text(to, SVG_FAINT, SVG_START, memory_x + SPACE, y, "CPUS");
    svg_text(to, SVG_FAINT, SVG_START, memory_x + SPACE + CPUS_WIDTH, y, "KERNEL");
    for (uint32_t i = 0; i < subject->config->vm_count; i++)
        draw_guest(to, subject, i, y + 26 + i * SVG_ROW);
    return y + 26 + subject->config->vm_count * SVG_ROW + SVG_ROW;
}
