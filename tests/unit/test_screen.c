/* SPDX-License-Identifier: MIT
 *
 * hv/screen*.c: what a terminal shows, and that a guest cannot change lines of
 * the hypervisor. Rows are compared as text; a row of the hypervisor's colours
 * begins with '#' here, one with both begins with '!'.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "hv/screen.h"
#include "hv/screen_text.h"

#define COLUMNS 24
#define ROWS 6
#define LINE "[bulkhead k2p9] "

static struct screen screen;
static char shown[COLUMNS + 2];

static int setup(void **state)
{
    (void)state;
    screen_init(&screen, COLUMNS, ROWS);
    return 0;
}

static void guest(const char *text)
{
    screen_guest_text(&screen, (const uint8_t *)text, strlen(text));
    assert_true(screen_is_valid(&screen));
}

static void own(const char *text)
{
    screen_own_text(&screen, (const uint8_t *)text, strlen(text));
    assert_true(screen_is_valid(&screen));
}

static screen_cell_t cell(unsigned row, unsigned column)
{
    return screen.cells[row * screen.columns + column];
}

static uint8_t colours(unsigned row, unsigned column)
{
    return screen_cell_colours(cell(row, column));
}

static const char *row(unsigned number)
{
    unsigned owned = 0;
    size_t length = 0;

    for (unsigned i = 0; i < COLUMNS; i++)
        owned += colours(number, i) == SCREEN_COLOURS_OWN;
    if (owned != 0)
        shown[length++] = owned == COLUMNS ? '#' : '!';
    size_t start = length;
    for (unsigned i = 0; i < COLUMNS; i++)
        shown[length++] = (char)screen_cell_glyph(cell(number, i));
    while (length > start && shown[length - 1] == ' ')
        length--;
    shown[length] = '\0';
    return shown;
}

static void test_text_wraps_and_scrolls(void **state)
{
    (void)state;
    guest("one\r\ntwo\r\n123456789012345678901234567");
    assert_string_equal(row(0), "one");
    assert_string_equal(row(1), "two");
    assert_string_equal(row(2), "123456789012345678901234");
    assert_string_equal(row(3), "567");
    guest("\r\nfour\r\nfive\r\nsix");
    assert_string_equal(row(0), "two");
    assert_string_equal(row(5), "six");
    assert_int_equal(screen.cursor.row, 5);
    assert_int_equal(screen.cursor.column, 3);
}

static void test_a_full_row_wraps_with_the_next_character_only(void **state)
{
    (void)state;
    guest("123456789012345678901234\r\nnext");
    assert_string_equal(row(1), "next");
    guest("\x1b[?7l\x1b[3;1H1234567890123456789012345678");
    assert_string_equal(row(2), "123456789012345678901238");
    assert_string_equal(row(3), "");
}

static void test_control_characters_move_the_cursor(void **state)
{
    (void)state;
    guest("abc\bX\tT\rY\a\x7f");
    assert_string_equal(row(0), "YbX     T");
}

static void test_cursor_moves_stay_on_the_screen(void **state)
{
    (void)state;
    guest("\x1b[99;99HZ\x1b[H\x1b[99A\x1b[99DA\x1b[3;5fB\x1b[2CC\x1b[2DD\x1b[BE\x1b[AF\x1b[9GG\x1b[5dH");
    assert_int_equal(screen_cell_glyph(cell(5, 23)), 'Z');
    assert_int_equal(screen_cell_glyph(cell(0, 0)), 'A');
    assert_string_equal(row(2), "    B DCG");
    assert_string_equal(row(3), "       E");
    assert_string_equal(row(4), "         H");
    guest("\x1b[2;3Hx\x1b" "7\x1b[6;6H\x1b" "8y\x1b[s\x1b[H\x1b[uz");
    assert_string_equal(row(1), "  xyz");
}

static void test_erasing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROWS; i++)
        guest(i == 0 ? "aaaaaaaa" : "\r\naaaaaaaa");
    guest("\x1b[3;4H\x1b[K\x1b[4;4H\x1b[1K\x1b[5;1H\x1b[2K\x1b[6;3H\x1b[3X");
    assert_string_equal(row(2), "aaa");
    assert_string_equal(row(3), "    aaaa");
    assert_string_equal(row(4), "");
    assert_string_equal(row(5), "aa   aaa");
    guest("\x1b[2;2H\x1b[J");
    assert_string_equal(row(0), "aaaaaaaa");
    assert_string_equal(row(1), "a");
    assert_string_equal(row(5), "");
    guest("\x1b[1J");
    assert_string_equal(row(0), "");
    guest("x\x1b[2J");
    assert_string_equal(row(1), "");
}

static void test_rows_and_cells_are_inserted_and_deleted(void **state)
{
    (void)state;
    guest("0\r\n1\r\n2\r\n3\r\n4\r\n5\x1b[2;1H\x1b[2L");
    assert_string_equal(row(1), "");
    assert_string_equal(row(3), "1");
    assert_string_equal(row(5), "3");
    guest("\x1b[M\x1b[1Mabcdef\x1b[2;3H\x1b[2P");
    assert_string_equal(row(1), "abef");
    guest("\x1b[3@");
    assert_string_equal(row(1), "ab   ef");
    guest("\x1b[99P");
    assert_string_equal(row(1), "ab");
}

static void test_only_the_region_scrolls(void **state)
{
    (void)state;
    guest("0\r\n1\r\n2\r\n3\r\n4\r\n5\x1b[2;4r\x1b[4;1Hd\n\rn");
    assert_string_equal(row(0), "0");
    assert_string_equal(row(1), "2");
    assert_string_equal(row(2), "d");
    assert_string_equal(row(3), "n");
    assert_string_equal(row(4), "4");
    guest("\x1b[2;1H\x1bM^");
    assert_string_equal(row(1), "^");
    assert_string_equal(row(3), "d");
    guest("\x1b[6;1H\n\nz");
    assert_string_equal(row(5), "z");
    guest("\x1b[3;3r\x1b[5;2r\x1b[99;99r"); /* no regions: it stays as it was */
    assert_int_equal(screen.top, 1);
    assert_int_equal(screen.bottom, 4);
    guest("\x1b[r\x1b[2S\x1b[T");
    assert_string_equal(row(0), "");
    assert_string_equal(row(4), "z");
}

static void test_colours(void **state)
{
    (void)state;
    guest("a\x1b[31mb\x1b[1;44mc\x1b[7md\x1b[0;8me\x1b[0;92;103mf\x1b[38;5;196;48;5;21mg"
          "\x1b[38;2;0;0;255;49mh\x1b[mi\x1b[38;5;255mj\x1b[90;39mk");
    static const uint8_t wanted[] = { 0x07, 0x04, 0x1C, 0x41, 0x00, 0x6A, 0x1C, 0x09, 0x07, 0x0F,
                                      0x07 };
    for (unsigned i = 0; i < sizeof wanted; i++)
        assert_int_equal(colours(0, i), wanted[i]);
}

static void test_characters_of_several_bytes(void **state)
{
    (void)state;
    guest("\xe2\x94\x8c\xe2\x94\x80\xe2\x95\x97\xe2\x80\x99|\xc3\xa4|\xc3|\xff\xff\xff|\xe2\x94");
    static const uint8_t wanted[] = { 0xDA, 0xC4, 0xBF, '\'', '|', '?', '|', '?', '|', '?', '?',
                                      '?', '|' };
    for (unsigned i = 0; i < sizeof wanted; i++)
        assert_int_equal(screen_cell_glyph(cell(0, i)), wanted[i]);
    guest("\x80|");
    assert_int_equal(screen_cell_glyph(cell(0, 13)), 0xC4);
    guest("\x1b(0lqk\x1b(Bq");
    assert_int_equal(screen_cell_glyph(cell(0, 15)), 0xDA);
    assert_int_equal(screen_cell_glyph(cell(0, 16)), 0xC4);
    assert_int_equal(screen_cell_glyph(cell(0, 18)), 'q');
}

static void test_what_is_not_understood_leaves_no_mark(void **state)
{
    (void)state;
    guest("a\x1b]0;title\a" "b\x1b]2;t\x1b\\c\x1b[?2004h\x1b[>0c\x1b[6n\x1b[1;2;3;4;5;6;7;8;9;10;11;12;13;14;"
          "15;16;17;18m\x1b#8d\x1b=\x1b>e\x1b[12\x18" "f\x1b%Gg\x1b[999999999999Ch");
    assert_int_equal(screen_cell_glyph(cell(0, 23)), 'h');
    assert_string_equal(row(0), "abcdefg                h");
}

static void test_own_lines_fill_their_rows(void **state)
{
    (void)state;
    guest("login: \x1b[31;8m\x1b[2;3r\x1b[1;8Hx");
    own(LINE "a line that is longer\r\n");
    assert_string_equal(row(0), "login: x");
    assert_string_equal(row(1), "#" LINE "a line t");
    assert_string_equal(row(2), "#hat is longer");
    guest("g");
    assert_string_equal(row(3), "g");
    assert_int_equal(colours(3, 0), 0x00); /* the guest's colours are still its own */
    screen_guest_new(&screen);
    guest("h");
    assert_int_equal(colours(3, 1), SCREEN_COLOURS_GUEST);
}

static void test_own_lines_scroll_the_whole_screen(void **state)
{
    (void)state;
    guest("0\x1b[2;3r\x1b[6;1H");
    own(LINE "1\r\n" LINE "2\r\n");
    assert_string_equal(row(0), "");
    assert_string_equal(row(3), "#" LINE "1");
    assert_string_equal(row(4), "#" LINE "2");
    assert_string_equal(row(5), "");
}

static void test_half_a_sequence_of_a_guest_swallows_nothing(void **state)
{
    static const char *const halves[] = { "\x1b", "\x1b[", "\x1b[3", "\x1b[?", "\x1b]0;", "\x1bP",
                                          "\x1b(", "\x1b#", "\xe2\x94", "\x1b[ " };
    for (unsigned i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        setup(state);
        guest(halves[i]);
        own(LINE "whole\r\n");
        assert_string_equal(row(0), "#" LINE "whole");
    }
    setup(state);
    guest("\x1b[3");
    own(LINE "\r\n");
    guest("1mred");
    assert_int_equal(colours(1, 0), 0x04);
}

static void test_no_guest_can_make_the_hypervisors_background(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        char text[64];
        snprintf(text, sizeof text, "\x1b[H\x1b[7;1;5;%um\x1b[48;5;%um\x1b[K#\x1b[27m#", i, i);
        guest(text);
        for (unsigned j = 0; j < COLUMNS; j++)
            assert_int_equal(colours(0, j) & SCREEN_BACKGROUND_OWN, 0);
    }
}

/* After each attempt the row is whole, gone, or has a part that looks otherwise. */
static void test_a_guest_cannot_change_a_line_unseen(void **state)
{
    static const char *const attempts[] = {
        "\x1b[2;20Hxx", "\x1b[2;20H\x1b[K", "\x1b[2;20H\x1b[1P", "\x1b[2;20H\x1b[1@",
        "\x1b[2;20H\x1b[1X", "\x1b[2;1H\x1b[1K", "\x1b[2;1H\x1b[M", "\x1b[2;1H\x1b[L",
        "\x1b[1;1H\x1b[M", "\x1b[H\x1bM", "\x1b[T", "\x1b[1;3r\x1b[3;1H\n", "\x1b[2;4r\x1b[S",
        "\x1b[2;20H\x1b[8m  ",
    };
    for (unsigned i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        setup(state);
        guest("first\r\n");
        own(LINE "all ok\r\n");
        guest(attempts[i]);
        for (unsigned j = 0; j < ROWS; j++)
            if (row(j)[0] == '#')
                assert_string_equal(row(j), "#" LINE "all ok");
        if (strstr(attempts[i], "\x1bM") || strstr(attempts[i], "\x1b[T")
            || strstr(attempts[i], "\x1b[2;1H\x1b[L") || strstr(attempts[i], "\x1b[S"))
            for (unsigned j = 0; j < ROWS; j++)
                assert_true(row(j)[0] != '#'); /* it would have moved */
        if (strchr(attempts[i], 'P') || strchr(attempts[i], '@') || strchr(attempts[i], 'M'))
            for (unsigned j = 0; j < ROWS; j++)
                assert_true(row(j)[0] != '!');
    }
}

static void test_own_text_has_no_way_to_move(void **state)
{
    (void)state;
    own(LINE "\x1b[2J\x9b" "2J\xc3\xa4\r\n");
    assert_string_equal(row(0), "#" LINE "[2J2J?");
}

/* Draws all changes into a copy; returns how many there were. */
static screen_cell_t copy[ROWS * COLUMNS];
static unsigned draw(void)
{
    struct screen_change change;
    unsigned count = 0;

    while (screen_next_change(&screen, &change)) {
        assert_true(change.place.row < ROWS && change.count > 0);
        assert_true(change.place.column + change.count <= COLUMNS);
        for (unsigned i = 0; i < change.count; i++, count++)
            copy[change.place.row * COLUMNS + change.place.column + i] = change.cells[i];
    }
    return count;
}

static void test_only_what_looks_different_is_drawn(void **state)
{
    (void)state;
    assert_int_equal(draw(), ROWS * COLUMNS);
    assert_int_equal(draw(), 0);
    guest("a");
    assert_int_equal(draw(), 2); /* it, and the cursor */
    guest("\r\nb\r\nb\r\nb\r\nb\r\nb");
    assert_int_equal(draw(), 7); /* the cursor's old place, too */
    guest("\r\n"); /* a goes, the last b gives way to the cursor, and its old place */
    assert_int_equal(draw(), 3);
    guest("\x1b[?25l");
    assert_int_equal(draw(), 1);
    assert_memory_equal(copy, screen.cells, sizeof copy);
    screen_redraw(&screen);
    assert_int_equal(draw(), ROWS * COLUMNS);
}

static void test_sizes_are_cut_to_the_limits(void **state)
{
    (void)state;
    screen_init(&screen, 1, 1);
    assert_int_equal(screen.columns, SCREEN_COLUMNS_MIN);
    assert_int_equal(screen.rows, SCREEN_ROWS_MIN);
    screen_init(&screen, 9999, 9999);
    guest("\x1b[9999;9999Hx\n\n\x1b[9999L\x1b[9999P");
    assert_int_equal(screen.columns, SCREEN_COLUMNS_MAX);
    assert_int_equal(screen.rows, SCREEN_ROWS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_text_wraps_and_scrolls, setup),
        cmocka_unit_test_setup(test_a_full_row_wraps_with_the_next_character_only, setup),
        cmocka_unit_test_setup(test_control_characters_move_the_cursor, setup),
        cmocka_unit_test_setup(test_cursor_moves_stay_on_the_screen, setup),
        cmocka_unit_test_setup(test_erasing, setup),
        cmocka_unit_test_setup(test_rows_and_cells_are_inserted_and_deleted, setup),
        cmocka_unit_test_setup(test_only_the_region_scrolls, setup),
        cmocka_unit_test_setup(test_colours, setup),
        cmocka_unit_test_setup(test_characters_of_several_bytes, setup),
        cmocka_unit_test_setup(test_what_is_not_understood_leaves_no_mark, setup),
        cmocka_unit_test_setup(test_own_lines_fill_their_rows, setup),
        cmocka_unit_test_setup(test_own_lines_scroll_the_whole_screen, setup),
        cmocka_unit_test_setup(test_half_a_sequence_of_a_guest_swallows_nothing, setup),
        cmocka_unit_test_setup(test_no_guest_can_make_the_hypervisors_background, setup),
        cmocka_unit_test_setup(test_a_guest_cannot_change_a_line_unseen, setup),
        cmocka_unit_test_setup(test_own_text_has_no_way_to_move, setup),
        cmocka_unit_test_setup(test_only_what_looks_different_is_drawn, setup),
        cmocka_unit_test_setup(test_sizes_are_cut_to_the_limits, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
