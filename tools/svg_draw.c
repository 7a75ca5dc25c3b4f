/* SPDX-License-Identifier: MIT
 *
 * The elements of the picture. Fills differ in lightness and in pattern, and text
 * never stands on a pattern.
 */
#include "tools/svg_draw.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "hv/config.h"
#include "hv/utf8.h"

#define TEXT_MAX 1024
#define REPLACEMENT 0xfffd

static const struct fill {
    const char *light;
    const char *dark;
    const char *pattern; /* a path in a tile of 8 by 8 */
} fills[CONFIG_VMS_MAX] = {
    { "#ec9a86", "#a33a20", "" },
    { "#a9cdf0", "#2f6aa8", "M-2 2L2 -2M0 8L8 0M6 10L10 6" },
    { "#9bd3a5", "#2c7a3d", "M1 2h2M5 6h2" },
    { "#f7dd88", "#94730a", "M0 4h8" },
    { "#c9aee0", "#66388f", "M4 0v8" },
    { "#a2dfe2", "#1b7478", "M0 0L8 8M0 8L8 0" },
    { "#f4b56c", "#99560a", "M-2 6L2 10M0 0L8 8M6 -2L10 2" },
    { "#f6c3d9", "#9c3566", "M0 4h8M4 0v8" },
};

static const struct text_style {
    unsigned size;
    const char *weight;
    const char *colour;
} text_styles[] = {
    [SVG_TITLE] = { 22, "bold", "#111" },
    [SVG_HEADING] = { 15, "bold", "#111" },
    [SVG_CELL] = { 12, "normal", "#111" },
    [SVG_BOLD] = { 12, "bold", "#111" },
    [SVG_FAINT] = { 12, "normal", "#555" },
};

static void define_guest(FILE *to, unsigned guest)
{
    const struct fill *fill = &fills[guest];

    fprintf(to,
            "<pattern id=\"guest%u\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"
            "<rect width=\"8\" height=\"8\" fill=\"%s\"/>", guest, fill->light);
    if (fill->pattern[0] != '\0')
        fprintf(to, "<path d=\"%s\" stroke=\"%s\" stroke-width=\"1.2\" fill=\"none\"/>",
                fill->pattern, fill->dark);
    fputs("</pattern>\n", to);
}

void svg_definitions(FILE *to)
{
    fputs("<defs>\n", to);
    for (unsigned i = 0; i < CONFIG_VMS_MAX; i++)
        define_guest(to, i);
    fputs("<pattern id=\"gap\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
          "<rect width=\"6\" height=\"6\" fill=\"#fff\"/>"
          "<path d=\"M-1 1L1 -1M0 6L6 0M5 7L7 5\" stroke=\"#999\"/></pattern>\n</defs>\n", to);
}

/* XML 1.0, "2.2 Characters": not the control characters but for three, and not these two. */
static bool is_xml(uint32_t point)
{
    return (point >= 0x20 || point == '\t' || point == '\n' || point == '\r') &&
           point != 0xfffe && point != 0xffff;
}

static void put_character(FILE *to, const char *bytes, size_t length)
{
    switch (bytes[0]) {
    case '&':
        fputs("&amp;", to);
        break;
    case '<':
        fputs("&lt;", to);
        break;
    case '>':
        fputs("&gt;", to);
        break;
    case '"':
        fputs("&quot;", to);
        break;
    default:
        fwrite(bytes, 1, length, to);
    }
}

/* At most so many characters; those of Asian scripts take two places. */
static void put_escaped(FILE *to, const char *text, unsigned places)
{
    size_t left = strlen(text);
    unsigned used = 0;

    while (left > 0) {
        uint32_t point = REPLACEMENT;
        char bytes[UTF8_BYTES_MAX];
        size_t length = utf8_read(text, left, &point);

        text += length == 0 ? 1 : length;
        left -= length == 0 ? 1 : length;
        if (length == 0 || !is_xml(point))
            point = REPLACEMENT;
        used += point < 0x1100 || point == REPLACEMENT ? 1 : 2;
        if (used > places || (used == places && left > 0)) {
            fputs("…", to);
            return;
        }
        put_character(to, bytes, utf8_write(bytes, point));
    }
}

void svg_text(FILE *to, enum svg_style style, enum svg_anchor anchor, double x, double y,
              const char *format, ...)
{
    static const char *const anchors[] = {
        [SVG_START] = "start", [SVG_MIDDLE] = "middle", [SVG_END] = "end",
    };
    const struct text_style *look = &text_styles[style];
    char text[TEXT_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fprintf(to, "<text x=\"%.2f\" y=\"%.2f\" font-size=\"%u\" font-weight=\"%s\" fill=\"%s\" "
                "text-anchor=\"%s\">", x, y, look->size, look->weight, look->colour,
            anchors[anchor]);
    double width = anchor == SVG_START ? SVG_RIGHT - x : SVG_RIGHT - SVG_MARGIN;
    put_escaped(to, text, (unsigned)(width / (look->size * SVG_CHARACTER / 12)));
    fputs("</text>\n", to);
}

void svg_tooltip(FILE *to, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fputs("<title>", to);
    put_escaped(to, text, TEXT_MAX);
    fputs("</title>\n", to);
}

void svg_begin(FILE *to, const char *kind, const char *owner)
{
    fprintf(to, "<g class=\"%s\" data-owner=\"", kind);
    put_escaped(to, owner, CONFIG_NAME_SIZE);
    fputs("\">\n", to);
}

void svg_end(FILE *to)
{
    fputs("</g>\n", to);
}

void svg_box(FILE *to, struct svg_rectangle at, int fill)
{
    char paint[24] = "#fff";
    const char *edge = "#333";

    if (fill >= 0) {
        snprintf(paint, sizeof(paint), "url(#guest%d)", fill);
        edge = fills[fill].dark;
    } else if (fill == SVG_GAP) {
        snprintf(paint, sizeof(paint), "url(#gap)");
        edge = "#999";
    } else if (fill == SVG_FREE) {
        snprintf(paint, sizeof(paint), "#eee");
        edge = "#999";
    }
    fprintf(to, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\" "
                "stroke=\"%s\"/>\n", at.x, at.y, at.width, at.height, paint, edge);
}

void svg_swatch(FILE *to, double x, double y, int fill)
{
    svg_box(to, (struct svg_rectangle){ x, y - 11, 24, 14 }, fill);
    if (fill >= 0)
        svg_text(to, SVG_BOLD, SVG_START, x + 34, y, "%c", 'A' + fill);
}

void svg_tag(FILE *to, struct svg_rectangle in, int guest, const char *name)
{
    double middle = in.x + in.width / 2;
    double base = in.y + in.height / 2 + 4;
    double width = ((double)strlen(name) + 2) * SVG_CHARACTER + 12;
    bool named = width <= in.width - 8;

    if (!named)
        width = SVG_CHARACTER + 12;
    fprintf(to, "<rect class=\"tag\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"18\" rx=\"9\" "
                "fill=\"#fff\" stroke=\"%s\"/>\n", middle - width / 2, base - 13, width,
            fills[guest].dark);
    svg_text(to, SVG_BOLD, SVG_MIDDLE, middle, base, named ? "%c %s" : "%c", 'A' + guest, name);
}
