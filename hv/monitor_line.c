/* SPDX-License-Identifier: MIT
 *
 * See monitor_line.h. Keys are those of readline and of VT100 terminals (ECMA-48,
 * 5.4 "Control sequences"); what means nothing is ignored, and a sequence that is
 * not known is ignored as a whole.
 */
#include "hv/monitor_line.h"

#include "hv/check.h"
#include "hv/text.h"

#define CTRL(letter) ((letter) & 0x1F)
#define ESCAPE 0x1B
#define DELETE 0x7F
#define OTHER_PARAMETER 0xFF /* of more than one digit */

static void set(struct monitor_line *line, const char *text)
{
    text_copy(line->text, sizeof line->text, text);
    line->cursor = line->length = (unsigned)strlen(line->text);
}

static void erase(struct monitor_line *line, unsigned from, unsigned to)
{
    CHECK(from <= to && to <= line->length);
    memmove(line->text + from, line->text + to, line->length - to + 1);
    line->length -= to - from;
    line->cursor = from;
}

void monitor_line_insert(struct monitor_line *line, const char *text)
{
    for (; *text != '\0' && line->length < MONITOR_LINE_MAX; text++) {
        memmove(line->text + line->cursor + 1, line->text + line->cursor,
                line->length - line->cursor + 1);
        line->text[line->cursor++] = *text;
        line->length++;
    }
    line->cut |= *text != '\0';
}

/* To an older line, or with -1 to a newer one. */
static void walk(struct monitor_line *line, int step)
{
    unsigned there = line->entered < MONITOR_HISTORY ? line->entered : MONITOR_HISTORY;
    unsigned back = line->back + (unsigned)step;

    if (back > there) /* also below 0 */
        return;
    if (line->back == 0)
        text_copy(line->kept, sizeof line->kept, line->text);
    line->back = back;
    set(line, back == 0 ? line->kept : line->history[(line->entered - back) % MONITOR_HISTORY]);
}

static unsigned word_start(const struct monitor_line *line)
{
    unsigned at = line->cursor;

    while (at > 0 && line->text[at - 1] == ' ')
        at--;
    while (at > 0 && line->text[at - 1] != ' ')
        at--;
    return at;
}

static void go_to(struct monitor_line *line, unsigned at)
{
    if (at <= line->length) /* also not below 0 */
        line->cursor = at;
}

static enum monitor_key_result finish_sequence(struct monitor_line *line, uint8_t final)
{
    switch (final) {
    case 'A': walk(line, 1); break;
    case 'B': walk(line, -1); break;
    case 'C': go_to(line, line->cursor + 1); break;
    case 'D': go_to(line, line->cursor - 1); break;
    case 'H': go_to(line, 0); break;
    case 'F': go_to(line, line->length); break;
    case '~':
        if (line->parameter == '1' || line->parameter == '7')
            go_to(line, 0);
        else if (line->parameter == '4' || line->parameter == '8')
            go_to(line, line->length);
        else if (line->parameter == '3' && line->cursor < line->length)
            erase(line, line->cursor, line->cursor + 1);
        break;
    default: return MONITOR_KEY_NOTHING;
    }
    return MONITOR_KEY_DRAW;
}

/* ESC, then [ or O, parameters, and a final byte. */
static enum monitor_key_result sequence(struct monitor_line *line, uint8_t byte)
{
    if (line->escape == 1) {
        line->escape = byte == '[' || byte == 'O' ? 2 : 0;
        line->parameter = 0;
        return MONITOR_KEY_NOTHING;
    }
    if (byte >= 0x40 && byte <= 0x7E) {
        line->escape = 0;
        return finish_sequence(line, byte);
    }
    if (byte < ' ')
        line->escape = 0;
    else
        line->parameter = line->parameter == 0 ? byte : OTHER_PARAMETER;
    return MONITOR_KEY_NOTHING;
}

static enum monitor_key_result control(struct monitor_line *line, uint8_t byte)
{
    switch (byte) {
    case '\r':
    case '\n': return MONITOR_KEY_ENTER;
    case '\t': return MONITOR_KEY_COMPLETE;
    case ESCAPE: line->escape = 1; return MONITOR_KEY_NOTHING;
    case CTRL('A'): go_to(line, 0); break;
    case CTRL('E'): go_to(line, line->length); break;
    case CTRL('B'): go_to(line, line->cursor - 1); break;
    case CTRL('F'): go_to(line, line->cursor + 1); break;
    case CTRL('P'): walk(line, 1); break;
    case CTRL('N'): walk(line, -1); break;
    case CTRL('U'): erase(line, 0, line->cursor); break;
    case CTRL('W'): erase(line, word_start(line), line->cursor); break;
    case CTRL('L'): break;
    case CTRL('C'): set(line, ""); line->back = 0; line->cut = false; break;
    case CTRL('K'):
        line->length = line->cursor;
        line->text[line->length] = '\0';
        break;
    case CTRL('D'):
        if (line->length == 0)
            return MONITOR_KEY_LEAVE;
        if (line->cursor < line->length)
            erase(line, line->cursor, line->cursor + 1);
        break;
    case CTRL('H'):
    case DELETE:
        if (line->cursor > 0)
            erase(line, line->cursor - 1, line->cursor);
        break;
    default: return MONITOR_KEY_NOTHING;
    }
    return MONITOR_KEY_DRAW;
}

enum monitor_key_result monitor_line_key(struct monitor_line *line, uint8_t byte)
{
    if (line->escape != 0)
        return sequence(line, byte);
    if (byte < ' ' || byte == DELETE)
        return control(line, byte);
    if (byte > '~')
        return MONITOR_KEY_NOTHING;
    unsigned before = line->length;
    monitor_line_insert(line, (const char[]){ (char)byte, '\0' });
    return line->length != before && line->cursor == line->length ? MONITOR_KEY_APPENDED
                                                                  : MONITOR_KEY_DRAW;
}

void monitor_line_next(struct monitor_line *line)
{
    const char *last = line->history[(line->entered - 1) % MONITOR_HISTORY];
    bool repeated = line->entered != 0 && text_equal(last, line->text);

    if (line->length != 0 && !repeated)
        text_copy(line->history[line->entered++ % MONITOR_HISTORY], sizeof line->kept, line->text);
    line->back = 0;
    line->cut = false;
    set(line, "");
}

size_t monitor_line_draw(const struct monitor_line *line, char to[static MONITOR_DRAW_SIZE])
{
    size_t length = text_format(to, MONITOR_DRAW_SIZE, "\r" MONITOR_PROMPT "%s\x1b[K", line->text);

    if (line->cursor < line->length)
        length += text_format(to + length, MONITOR_DRAW_SIZE - length, "\x1b[%uD",
                              line->length - line->cursor);
    return length;
}
