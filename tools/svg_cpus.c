/* SPDX-License-Identifier: MIT
 *
 * The row of CPUs: a box for each one of the machine. Where the machine's CPUs are
 * not known there is a box for each CPU that a guest names, and one for each guest
 * that takes any.
 */
#include "tools/svg_draw.h"
#include "tools/svg_sections.h"

#define BOX_HEIGHT 62
#define BOX_HEAD 24 /* above the owner's part */
#define BOX_SPACE 10
#define COLUMNS_MIN 8
#define COLUMNS_MAX 16 /* "CPU 63" needs the box that is left */

struct row {
    FILE *to;
    double y; /* of the first line of boxes */
    unsigned columns;
    unsigned drawn;
};

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

static void draw_box(struct row *row, const char *label, int owner, const char *name)
{
    double step = (SVG_RIGHT - SVG_MARGIN + BOX_SPACE) / (double)row->columns;
    struct svg_rectangle at = {
        .x = SVG_MARGIN + row->drawn % row->columns * step,
        .y = row->y + row->drawn / row->columns * (BOX_HEIGHT + BOX_SPACE),
        .width = step - BOX_SPACE,
        .height = BOX_HEIGHT,
    };
    struct svg_rectangle lower = { at.x, at.y + BOX_HEAD, at.width, BOX_HEIGHT - BOX_HEAD };

    svg_begin(row->to, "cpu", name);
    svg_tooltip(row->to, owner == SVG_FREE ? "%s: free, sleeps" : "%s: %s", label, name);
    svg_box(row->to, at, SVG_WHITE);
    svg_box(row->to, lower, owner);
    svg_text(row->to, SVG_CELL, SVG_MIDDLE, at.x + at.width / 2, at.y + 16, "%s", label);
    if (owner == SVG_FREE)
        svg_text(row->to, SVG_FAINT, SVG_MIDDLE, at.x + at.width / 2,
                 lower.y + lower.height / 2 + 4, "free");
    else
        svg_tag(row->to, lower, owner, name);
    svg_end(row->to);
    row->drawn++;
}

double svg_draw_cpus(FILE *to, const struct svg_subject *subject, double y)
{
    const struct config *config = subject->config;
    unsigned count = count_boxes(subject);
    struct row row = {
        .to = to,
        .y = y + 14,
        .columns = count < COLUMNS_MIN ? COLUMNS_MIN : count < COLUMNS_MAX ? count : COLUMNS_MAX,
    };
    char label[16];

    svg_text(to, SVG_HEADING, SVG_START, SVG_MARGIN, y, "CPUs");
    for (unsigned cpu = 0; cpu < subject->inventory->cpu_count; cpu++) {
        int owner = owner_of(subject, cpu);

        snprintf(label, sizeof(label), "CPU %u", cpu);
        if (is_shown(subject, cpu))
            draw_box(&row, label, owner, owner == SVG_FREE ? "" : config->vms[owner].name);
    }
    for (uint32_t i = 0; i < config->vm_count; i++) {
        snprintf(label, sizeof(label), "any %u", config->vms[i].cpu_count);
        if (is_any(subject, i))
            draw_box(&row, label, (int)i, config->vms[i].name);
    }
    y = row.y + (row.drawn + row.columns - 1) / row.columns * (BOX_HEIGHT + BOX_SPACE) + 10;
    if (!subject->cpus_known) {
        svg_text(to, SVG_FAINT, SVG_START, SVG_MARGIN, y,
                 "--cpus N or --inventory SAVED shows the machine's other CPUs, and which ones "
                 "\"any\" are.");
        y += SVG_ROW;
    }
    return y + SVG_ROW;
}
