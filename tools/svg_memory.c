/* SPDX-License-Identifier: MIT
 *
 * The bar of memory, low addresses above, and beside it a table with a line for each
 * part of it. Blocks and free memory are to scale, but never too low to be seen;
 * gaps, which can be a thousand times as large as all memory, are not.
 *
 * A line of the table stands where its part is, or below the line before it.
 */
#include "hv/text.h"
#include "tools/memory_parts.h"
#include "tools/svg_draw.h"
#include "tools/svg_sections.h"

#define BAR_HEIGHT 360.0 /* of all that is to scale */
#define BAR_WIDTH 270 /* the longest name fits */
#define PART_HEIGHT_MIN 4
#define GAP_HEIGHT 12
#define TAG_SPACE 24 /* what a guest's name in the bar needs */

#define LINE_X (SVG_MARGIN + BAR_WIDTH + 40)
#define NAME_X (LINE_X + 52)
#define SIZE_WIDTH 100 /* "67108862 MiB", and space */
#define RANGE_SPACE 30

struct bar {
    FILE *to;
    const struct svg_subject *subject;
    double bytes_per_pixel;
    double size_x; /* where sizes end */
    bool raised;  /* a part is higher than to scale */
    bool has_gap;
    double y;     /* where the next part begins */
    double text_y; /* above this base line no further text fits */
};

static double scale_of(const struct memory_parts *parts)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < parts->count; i++)
        if (parts->list[i].owner != MEMORY_PART_GAP)
            bytes += parts->list[i].end - parts->list[i].start;
    return (double)bytes / BAR_HEIGHT;
}

static double height_of(struct bar *bar, const struct memory_part *part)
{
    double height = (double)(part->end - part->start) / bar->bytes_per_pixel;

    if (part->owner == MEMORY_PART_GAP) {
        bar->has_gap = true;
        return GAP_HEIGHT;
    }
    if (height >= PART_HEIGHT_MIN)
        return height;
    bar->raised = true;
    return PART_HEIGHT_MIN;
}

static const char *kind_of(const struct memory_part *part)
{
    return part->owner == MEMORY_PART_GAP ? "gap" :
           part->owner == MEMORY_PART_FREE ? "free" : "block";
}

static int fill_of(const struct memory_part *part)
{
    return part->owner == MEMORY_PART_GAP ? SVG_GAP :
           part->owner == MEMORY_PART_FREE ? SVG_FREE : part->owner;
}

/* The part's line of the table, and a line that leads to it from the bar. */
static void draw_line(struct bar *bar, const struct memory_part *part, const char *name,
                      const char *size, double middle)
{
    double y = middle + 4 > bar->text_y ? middle + 4 : bar->text_y;
    enum svg_style style = part->owner >= 0 ? SVG_CELL : SVG_FAINT;

    fprintf(bar->to, "<path d=\"M%d %.2fh8L%d %.2fh8\" stroke=\"#999\" fill=\"none\"/>\n",
            SVG_MARGIN + BAR_WIDTH, middle, LINE_X - 12, y - 4);
    svg_swatch(bar->to, LINE_X, y, fill_of(part));
    svg_text(bar->to, style, SVG_START, NAME_X, y, "%s", name);
    svg_text(bar->to, style, SVG_END, bar->size_x, y, "%s", size);
    if (bar->subject->memory_known)
        svg_text(bar->to, style, SVG_START, bar->size_x + RANGE_SPACE, y, "%llx-%llx",
                 (unsigned long long)part->start, (unsigned long long)part->end - 1);
    bar->text_y = y + SVG_ROW;
}

static void draw_part(struct bar *bar, const struct memory_part *part)
{
    const char *owner = part->owner >= 0 ? bar->subject->config->vms[part->owner].name : "";
    const char *name = part->owner >= 0 ? owner :
                       part->owner == MEMORY_PART_FREE ? "free" : "not for guests";
    struct svg_rectangle at = { SVG_MARGIN, bar->y, BAR_WIDTH, height_of(bar, part) };
    char size[24];

    text_bytes(size, sizeof(size), part->end - part->start);
    svg_begin(bar->to, kind_of(part), owner);
    if (bar->subject->memory_known)
        svg_tooltip(bar->to, "%s: %s from %llx to %llx", name, size,
                    (unsigned long long)part->start, (unsigned long long)part->end - 1);
    else
        svg_tooltip(bar->to, "%s: %s", name, size);
    svg_box(bar->to, at, fill_of(part));
    if (part->owner >= 0 && at.height >= TAG_SPACE)
        svg_tag(bar->to, at, part->owner, name);
    draw_line(bar, part, name, size, at.y + at.height / 2);
    svg_end(bar->to);
    bar->y += at.height;
}

static void note(struct bar *bar, const char *text)
{
    svg_text(bar->to, SVG_FAINT, SVG_START, SVG_MARGIN, bar->y, "%s", text);
    bar->y += SVG_ROW;
}

static void draw_notes(struct bar *bar)
{
    double mib = bar->bytes_per_pixel / (double)MIB(1);
    char line[160];

    snprintf(line, sizeof(line), "To scale: a pixel of height is %.3g MiB.%s", mib,
             bar->has_gap ? " The hatched gaps are not to scale; no guest can be there." : "");
    note(bar, line);
    if (bar->raised) {
        snprintf(line, sizeof(line), "What has less than %.3g MiB is drawn larger than it is, to "
                                     "be seen.", mib * PART_HEIGHT_MIN);
        note(bar, line);
    }
    if (!bar->subject->memory_known)
        note(bar, "Only the guests' memory is shown, in the file's order; --inventory SAVED "
                  "shows where it lies, and what is free.");
    else if (!bar->subject->addresses_known) {
        char base[24];
        text_bytes(base, sizeof(base), bar->subject->inventory->regions[0].base.value);
        snprintf(line, sizeof(line), "The addresses are those of a machine with all its memory in "
                                     "one block from %s on; see --inventory SAVED.", base);
        note(bar, line);
    }
}

static void draw_head(const struct bar *bar, double y)
{
    svg_text(bar->to, SVG_HEADING, SVG_START, SVG_MARGIN, y, "Memory");
    svg_text(bar->to, SVG_FAINT, SVG_START, NAME_X, y, "OWNER");
    svg_text(bar->to, SVG_FAINT, SVG_END, bar->size_x, y, "SIZE");
    if (bar->subject->memory_known)
        svg_text(bar->to, SVG_FAINT, SVG_START, bar->size_x + RANGE_SPACE, y, "ADDRESSES");
}

double svg_draw_memory(FILE *to, const struct svg_subject *subject, double y)
{
    static struct memory_parts parts;
    struct bar bar = { .to = to, .subject = subject, .y = y + 14, .text_y = y + 26 };

    if (subject->memory_known)
        memory_parts_list(&parts, subject->config, subject->inventory);
    else
        memory_parts_stack(&parts, subject->config);
    if (parts.count == 0)
        return y;
    bar.bytes_per_pixel = scale_of(&parts);
    bar.size_x = NAME_X + svg_name_width(subject) + SIZE_WIDTH;
    draw_head(&bar, y);
    for (uint32_t i = 0; i < parts.count; i++)
        draw_part(&bar, &parts.list[i]);
    bar.y = (bar.y > bar.text_y - SVG_ROW ? bar.y : bar.text_y - SVG_ROW) + 26;
    draw_notes(&bar);
    return bar.y + SVG_ROW;
}
