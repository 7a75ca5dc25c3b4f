/* SPDX-License-Identifier: MIT
 *
 * See screen.h: characters and what stands between them. A guest's bytes go
 * through a parser, the hypervisor's through none, as they hold nothing but
 * characters and line ends; so a guest that stopped in the middle of an escape
 * sequence swallows nothing of a line of the hypervisor.
 *
 * ECMA-48 5th edition, "5.4 Control sequences" and "8.3 Definition of control
 * functions"; DEC VT100 User Guide, "3 Programmer Information"; xterm's
 * "Control Sequences".
 */
#include "hv/screen.h"

#include "hv/screen_cells.h"
#include "hv/screen_text.h"
#include "hv/text.h"
#include "hv/utf8.h"

#define TAB_COLUMNS 8
#define NUMBER_MAX 9999

enum {
    BEL = 0x07,
    BS = 0x08,
    HT = 0x09,
    LF = 0x0A,
    VT = 0x0B,
    FF = 0x0C,
    CR = 0x0D,
    CAN = 0x18,
    SUB = 0x1A,
    ESC = 0x1B,
    DEL = 0x7F,
};

static const struct screen_pen pen_at_start = {
    .foreground = SCREEN_COLOURS_GUEST & 0xF, .background = SCREEN_COLOURS_GUEST >> 4 };

static unsigned clamp(unsigned value, unsigned min, unsigned max)
{
    return value < min ? min : value > max ? max : value;
}

void screen_guest_new(struct screen *screen)
{
    screen->cursor_hidden = screen->no_wrap = false;
    screen->top = 0;
    screen->bottom = screen->rows;
    screen->pen = pen_at_start;
    screen->saved = (struct screen_saved){ .pen = pen_at_start };
    screen->parser = (struct screen_parser){ .state = SCREEN_TEXT };
}

/* As at power-on, for ESC c: the hypervisor's lines go, too. */
static void reset(struct screen *screen)
{
    screen_guest_new(screen);
    screen->cursor = (struct screen_place){ 0, 0 };
    for (unsigned row = 0; row < screen->rows; row++)
        screen_row_fill(screen, row, 0, screen->columns, SCREEN_COLOURS_GUEST);
}

void screen_init(struct screen *screen, unsigned columns, unsigned rows)
{
    memset(screen, 0, sizeof *screen);
    screen->columns = clamp(columns, SCREEN_COLUMNS_MIN, SCREEN_COLUMNS_MAX);
    screen->rows = clamp(rows, SCREEN_ROWS_MIN, SCREEN_ROWS_MAX);
    reset(screen);
}

void screen_cursor_set(struct screen *screen, unsigned row, unsigned column)
{
    screen->cursor = (struct screen_place){ clamp(row, 0, screen->rows - 1),
                                            clamp(column, 0, screen->columns - 1) };
}

void screen_cursor_save(struct screen *screen)
{
    screen->saved = (struct screen_saved){ screen->cursor, screen->pen };
}

void screen_cursor_restore(struct screen *screen)
{
    screen->pen = screen->saved.pen;
    screen_cursor_set(screen, screen->saved.cursor.row, screen->saved.cursor.column);
}

void screen_line_feed(struct screen *screen)
{
    struct screen_rows rows = { screen->top, screen->bottom };

    if (screen->cursor.row + 1 == screen->bottom)
        screen_rows_up(screen, rows, 1, screen_pen_colours(&screen->pen) & 0xF7);
    else if (screen->cursor.row + 1 < screen->rows)
        screen->cursor.row++;
}

static void reverse_line_feed(struct screen *screen)
{
    struct screen_rows rows = { screen->top, screen->bottom };

    if (screen->cursor.row == screen->top)
        screen_rows_down(screen, rows, 1, screen_pen_colours(&screen->pen) & 0xF7);
    else if (screen->cursor.row > 0)
        screen->cursor.row--;
}

static void put_glyph(struct screen *screen, uint8_t glyph)
{
    if (screen->cursor.column == screen->columns) {
        screen->cursor.column = 0;
        screen_line_feed(screen);
    }
    screen_cell_put(screen, screen->cursor,
                    (screen_cell_t)(screen_pen_colours(&screen->pen) << 8 | glyph));
    if (screen->cursor.column + 1 < screen->columns || !screen->no_wrap)
        screen->cursor.column++;
}

/* What does not become well-formed, however it goes on, is one '?'. */
static void put_part(struct screen *screen, uint8_t byte)
{
    struct screen_parser *parser = &screen->parser;
    uint32_t code_point;

    parser->character[parser->character_bytes++] = byte;
    if (utf8_read((const char *)parser->character, parser->character_bytes, &code_point) != 0)
        put_glyph(screen, screen_glyph(code_point));
    else if (parser->character_bytes == UTF8_BYTES_MAX)
        put_glyph(screen, '?');
    else
        return;
    parser->character_bytes = 0;
}

static void put_byte(struct screen *screen, uint8_t byte)
{
    struct screen_parser *parser = &screen->parser;

    if (parser->character_bytes != 0 && (byte & 0xC0) != 0x80) {
        parser->character_bytes = 0;
        put_glyph(screen, '?');
    }
    if (byte >= 0x80)
        put_part(screen, byte);
    else if (byte != DEL)
        put_glyph(screen, screen->pen.line_drawing ? screen_line_glyph(byte) : byte);
}

static void tab(struct screen *screen)
{
    unsigned column = (screen->cursor.column / TAB_COLUMNS + 1) * TAB_COLUMNS;
    screen->cursor.column = clamp(column, 0, screen->columns - 1);
}

/* They act in the middle of a sequence, too. */
static void control_character(struct screen *screen, uint8_t byte)
{
    switch (byte) {
    case BS:
        if (screen->cursor.column == screen->columns)
            screen->cursor.column--;
        if (screen->cursor.column > 0)
            screen->cursor.column--;
        return;
    case HT:
        tab(screen);
        return;
    case LF:
    case VT:
    case FF:
        screen_line_feed(screen);
        return;
    case CR:
        screen->cursor.column = 0;
        return;
    case CAN:
    case SUB:
        screen->parser.state = SCREEN_TEXT;
        return;
    default: /* BEL and what else makes no mark */
        return;
    }
}

/* Returns the state that follows. */
static enum screen_state escape(struct screen *screen, uint8_t byte)
{
    switch (byte) {
    case '[':
        screen->parser.question = false;
        screen->parser.number_count = 0;
        memset(screen->parser.numbers, 0, sizeof screen->parser.numbers);
        return SCREEN_CONTROL;
    case ']': /* a title */
    case 'P': case 'X': case '^': case '_':
        return SCREEN_STRING;
    case '(':
        return SCREEN_CHARSET;
    case '7':
        screen_cursor_save(screen);
        return SCREEN_TEXT;
    case '8':
        screen_cursor_restore(screen);
        return SCREEN_TEXT;
    case 'D':
        screen_line_feed(screen);
        return SCREEN_TEXT;
    case 'E':
        screen->cursor.column = 0;
        screen_line_feed(screen);
        return SCREEN_TEXT;
    case 'M':
        reverse_line_feed(screen);
        return SCREEN_TEXT;
    case 'c':
        reset(screen);
        return SCREEN_TEXT;
    default:
        return byte >= 0x20 && byte < 0x30 ? SCREEN_ESCAPE_SKIP : SCREEN_TEXT;
    }
}

static void control_digit(struct screen_parser *parser, uint8_t byte)
{
    unsigned last = parser->number_count < SCREEN_NUMBERS_MAX ? parser->number_count
                                                              : SCREEN_NUMBERS_MAX - 1;
    parser->numbers[last] = clamp(parser->numbers[last] * 10 + (byte - '0'), 0, NUMBER_MAX);
}

/* Between ESC [ and the final byte. number_count counts what is complete. */
static enum screen_state control_byte(struct screen *screen, uint8_t byte)
{
    struct screen_parser *parser = &screen->parser;

    if (byte >= '0' && byte <= '9') {
        control_digit(parser, byte);
        return SCREEN_CONTROL;
    }
    if (byte == ';') {
        if (parser->number_count < SCREEN_NUMBERS_MAX)
            parser->number_count++;
        return SCREEN_CONTROL;
    }
    if (byte == '?' && parser->number_count == 0) {
        parser->question = true;
        return SCREEN_CONTROL;
    }
    if (byte < 0x40)
        return SCREEN_CONTROL_SKIP;
    if (parser->number_count < SCREEN_NUMBERS_MAX)
        parser->number_count++;
    screen_control(screen, byte);
    return SCREEN_TEXT;
}

static void guest_byte(struct screen *screen, uint8_t byte)
{
    struct screen_parser *parser = &screen->parser;

    if (byte == ESC) {
        parser->character_bytes = 0;
        parser->state = SCREEN_ESCAPE;
        return;
    }
    if (parser->state == SCREEN_STRING) {
        if (byte == BEL || byte == CAN || byte == SUB)
            parser->state = SCREEN_TEXT;
        return;
    }
    if (byte < 0x20) {
        control_character(screen, byte);
        return;
    }
    switch (parser->state) {
    case SCREEN_TEXT:
    case SCREEN_STRING:
        put_byte(screen, byte);
        return;
    case SCREEN_ESCAPE:
        parser->state = escape(screen, byte);
        return;
    case SCREEN_ESCAPE_SKIP:
        if (byte >= 0x30)
            parser->state = SCREEN_TEXT;
        return;
    case SCREEN_CHARSET:
        screen->pen.line_drawing = byte == '0';
        parser->state = SCREEN_TEXT;
        return;
    case SCREEN_CONTROL:
        parser->state = control_byte(screen, byte);
        return;
    case SCREEN_CONTROL_SKIP:
        if (byte >= 0x40)
            parser->state = SCREEN_TEXT;
        return;
    }
}

void screen_guest_text(struct screen *screen, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        guest_byte(screen, bytes[i]);
}

/* Down a row on the whole screen, whatever the guest lets scroll. */
static void own_line_feed(struct screen *screen)
{
    if (screen->cursor.row + 1 < screen->rows)
        screen->cursor.row++;
    else
        screen_rows_up(screen, (struct screen_rows){ 0, screen->rows }, 1, SCREEN_COLOURS_GUEST);
}

static void own_row(struct screen *screen)
{
    screen->cursor.column = 0;
    screen_row_fill(screen, screen->cursor.row, 0, screen->columns, SCREEN_COLOURS_OWN);
}

/* Clamped, because a bug of ours may be reported in the middle of anything. */
static void begin_own_line(struct screen *screen)
{
    screen->cursor.row = clamp(screen->cursor.row, 0, screen->rows - 1);
    if (screen->cursor.column != 0)
        own_line_feed(screen);
    own_row(screen);
    screen->in_own_line = true;
}

static void own_byte(struct screen *screen, uint8_t byte)
{
    if (byte == LF && screen->in_own_line) {
        screen->in_own_line = false;
        screen->cursor.column = 0;
        own_line_feed(screen);
        return;
    }
    if (byte < 0x20 || byte == DEL || (byte & 0xC0) == 0x80)
        return;
    if (!screen->in_own_line)
        begin_own_line(screen);
    if (screen->cursor.column >= screen->columns) {
        own_line_feed(screen);
        own_row(screen);
    }
    uint8_t glyph = byte < 0x80 ? byte : '?'; /* one for each character */
    screen_cell_put(screen, screen->cursor,
                    (screen_cell_t)(SCREEN_COLOURS_OWN << 8 | glyph));
    screen->cursor.column++;
}

void screen_own_text(struct screen *screen, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        own_byte(screen, bytes[i]);
}

bool screen_is_valid(const struct screen *screen)
{
    return screen->columns >= SCREEN_COLUMNS_MIN && screen->columns <= SCREEN_COLUMNS_MAX
        && screen->rows >= SCREEN_ROWS_MIN && screen->rows <= SCREEN_ROWS_MAX
        && screen->cursor.row < screen->rows && screen->cursor.column <= screen->columns
        && screen->saved.cursor.row < screen->rows
        && screen->saved.cursor.column <= screen->columns
        && screen->top < screen->bottom && screen->bottom <= screen->rows
        && screen->pen.foreground < 16 && screen->pen.background < 8
        && screen->parser.number_count <= SCREEN_NUMBERS_MAX
        && screen->parser.character_bytes < UTF8_BYTES_MAX;
}
