/* SPDX-License-Identifier: MIT
 *
 * The page: title, then one section below the other. Its height is known at the
 * end and stands at the beginning, so the sections are kept until then.
 */
#include "tools/check_svg.h"

#include <stdlib.h>

#include "hv/text.h"
#include "tools/svg_draw.h"
#include "tools/svg_sections.h"

static const char *plural(uint32_t count)
{
    return count == 1 ? "" : "s";
}

static double draw_title(FILE *to, const struct svg_subject *subject, double y)
{
    char cpus[32] = "CPUs not told";
    char memory[48] = "memory not told";
    uint32_t guests = subject->config->vm_count;
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < subject->inventory->region_count; i++)
        bytes += align_down(subject->inventory->regions[i].bytes, MIB(1));
    if (subject->cpus_known)
        text_format(cpus, sizeof(cpus), "%u CPU%s", subject->inventory->cpu_count,
                    plural(subject->inventory->cpu_count));
    if (subject->memory_known) {
        size_t length = text_bytes(memory, sizeof(memory), bytes);
        text_copy(memory + length, sizeof(memory) - length, " of memory for guests");
    }
    svg_text(to, SVG_TITLE, SVG_START, SVG_MARGIN, y, "%s", subject->name);
    svg_text(to, SVG_FAINT, SVG_START, SVG_MARGIN, y + 24, "%u guest%s; the machine: %s, %s",
             guests, plural(guests), cpus, memory);
    return y + 72;
}

static double draw_page(FILE *to, const struct svg_subject *subject)
{
    double y = draw_title(to, subject, 54);

    y = svg_draw_guests(to, subject, y) + 16;
    y = svg_draw_cpus(to, subject, y) + 16;
    y = svg_draw_devices(to, subject, y) + 16;
    return svg_draw_memory(to, subject, y);
}

static void put_page(FILE *to, const char *page, const struct svg_subject *subject, double height)
{
    fprintf(to,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"%u\" height=\"%.0f\" "
            "viewBox=\"0 0 %u %.0f\" font-family=\"'DejaVu Sans Mono', Menlo, Consolas, "
            "'Liberation Mono', monospace\">\n", SVG_WIDTH, height, SVG_WIDTH, height);
    svg_tooltip(to, "Bulkhead: %s", subject->name);
    svg_definitions(to);
    fprintf(to, "<rect width=\"%u\" height=\"%.0f\" fill=\"#fff\"/>\n%s</svg>\n", SVG_WIDTH, height,
            page);
}

bool check_svg_write(FILE *to, const struct svg_subject *subject)
{
    char *page = NULL;
    size_t size;
    FILE *sections = open_memstream(&page, &size);

    if (sections == NULL)
        return false;
    double height = draw_page(sections, subject);
    bool good = ferror(sections) == 0;
    good = fclose(sections) == 0 && good;
    if (good)
        put_page(to, page, subject, height);
    free(page);
    return good && fflush(to) == 0 && ferror(to) == 0;
}
