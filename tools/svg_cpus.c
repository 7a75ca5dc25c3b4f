/* SPDX-License-Identifier: MIT
 *
 * The row of CPUs: a box for each one of the machine. Where the machine's CPUs are
 * not known there is a box for each CPU that a guest names, and one for each guest
 * that takes any.
 */
#include "tools/svg_grid.h"
#include "tools/svg_sections.h"

#define COLUMNS_MIN 8
#define COLUMNS_MAX 16 /* "CPU 63" needs the box that is left */

/* The guest that has this CPU, or -1. A CPU that only a count brought may be left out. */
static int owner_of(const struct svg_subject *subject, unsigned cpu)
{
    for (uint32_t i = 0; i < subject->config->vm_count; i++) {
        const struct vm_config *vm = &subject->config->vms[i];

        for (uint32_t j = 0; j < vm->cpu_count; j++)
            if (vm->cpus[j] == cpu && (vm->cpus_listed || subject->cpus_known))
                return (int)i;
    }
    return SVG_FREE;
}

static bool is_shown(const struct svg_subject *subject, unsigned cpu)
{
    return subject->cpus_known || owner_of(subject, cpu) != SVG_FREE;
}

static bool is_any(const struct svg_subject *subject, uint32_t vm)
{
    return !subject->cpus_known && !subject->config->vms[vm].cpus_listed;
}

static unsigned count_boxes(const struct svg_subject *subject)
{
    unsigned count = 0;

    for (unsigned cpu = 0; cpu < subject->inventory->cpu_count; cpu++)
        count += is_shown(subject, cpu);
    for (uint32_t i = 0; i < subject->config->vm_count; i++)
        count += is_any(subject, i);
    return count;
}

double svg_draw_cpus(FILE *to, const struct svg_subject *subject, double y)
{
    const struct config *config = subject->config;
    unsigned count = count_boxes(subject);
    struct svg_grid grid = {
        .to = to,
        .y = y + 14,
        .kind = "cpu",
        .columns = count < COLUMNS_MIN ? COLUMNS_MIN : count < COLUMNS_MAX ? count : COLUMNS_MAX,
    };
    char label[16];

    svg_text(to, SVG_HEADING, SVG_START, SVG_MARGIN, y, "CPUs");
    for (unsigned cpu = 0; cpu < subject->inventory->cpu_count; cpu++) {
        int owner = owner_of(subject, cpu);

        snprintf(label, sizeof(label), "CPU %u", cpu);
        if (is_shown(subject, cpu))
            svg_grid_box(&grid, label, "", owner, owner == SVG_FREE ? "" : config->vms[owner].name,
                         "free");
    }
    for (uint32_t i = 0; i < config->vm_count; i++) {
        snprintf(label, sizeof(label), "any %u", config->vms[i].cpu_count);
        if (is_any(subject, i))
            svg_grid_box(&grid, label, "", (int)i, config->vms[i].name, "");
    }
    y = svg_grid_end(&grid) + 10;
    if (!subject->cpus_known) {
        svg_text(to, SVG_FAINT, SVG_START, SVG_MARGIN, y,
                 "--cpus N or --inventory SAVED shows the machine's other CPUs, and which ones "
                 "\"any\" are.");
        y += SVG_ROW;
    }
    return y + SVG_ROW;
}
