/* SPDX-License-Identifier: MIT
 *
 * drivers/framebuffer.c and the font, on memory that notices every store outside
 * it and every read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/insn.h"
#include "drivers/font.h"
#include "drivers/framebuffer.h"
#include "drivers/mmio.h"

#define COLUMNS_MAX 240
#define ROWS_MAX 75

static uint8_t *memory;
static uint64_t memory_bytes;
static unsigned stores;
static uint8_t crtc[256], attribute[32], crtc_index, attribute_index;
static bool attribute_takes_data;

static void store(const volatile void *at, uint32_t value, unsigned bytes)
{
    uint64_t offset = (uint64_t)((const volatile uint8_t *)at - memory);
    assert_true(offset <= memory_bytes && bytes <= memory_bytes - offset);
    assert_int_equal(offset % bytes, 0);
    memcpy(memory + offset, &value, bytes);
    stores++;
}

void mmio_write8(volatile uint8_t *at, uint8_t value) { store(at, value, 1); }
void mmio_write16(volatile uint16_t *at, uint16_t value) { store(at, value, 2); }
void mmio_write32(volatile uint32_t *at, uint32_t value) { store(at, value, 4); }

uint8_t in8(uint16_t port)
{
    if (port == 0x3DA)
        attribute_takes_data = false;
    else
        assert_int_equal(port, 0x3C1);
    return attribute[attribute_index & 0x1F];
}

void out8(uint16_t port, uint8_t value)
{
    if (port == 0x3D4) {
        crtc_index = value;
    } else if (port == 0x3D5) {
        crtc[crtc_index] = value;
    } else {
        assert_int_equal(port, 0x3C0);
        if (attribute_takes_data)
            attribute[attribute_index & 0x1F] = value;
        else
            attribute_index = value;
        attribute_takes_data = !attribute_takes_data;
    }
}

static struct framebuffer_layout pixels(uint32_t width, uint32_t height, uint8_t bits)
{
    struct framebuffer_layout layout = {
        .kind = FRAMEBUFFER_PIXELS, .address = 0xE0000000, .width = width, .height = height,
        .bits_per_pixel = bits, .pitch_bytes = width * ((bits + 7) / 8),
        .red = { 16, 8 }, .green = { 8, 8 }, .blue = { 0, 8 } };
    if (bits == 16) {
        layout.red = (struct framebuffer_colour){ 11, 5 };
        layout.green = (struct framebuffer_colour){ 5, 6 };
        layout.blue = (struct framebuffer_colour){ 0, 5 };
    } else if (bits == 15) {
        layout.red = (struct framebuffer_colour){ 10, 5 };
        layout.green = (struct framebuffer_colour){ 5, 5 };
        layout.blue = (struct framebuffer_colour){ 0, 5 };
    } else if (bits == 30) {
        layout.red = (struct framebuffer_colour){ 20, 10 };
        layout.green = (struct framebuffer_colour){ 10, 10 };
        layout.blue = (struct framebuffer_colour){ 0, 10 };
    }
    return layout;
}

static struct framebuffer on(const struct framebuffer_layout *layout)
{
    struct framebuffer framebuffer;
    assert_null(framebuffer_problem(layout));
    free(memory);
    memory_bytes = framebuffer_bytes(layout);
    memory = malloc(memory_bytes);
    memset(memory, 0xEE, memory_bytes);
    framebuffer_init(&framebuffer, layout, memory, COLUMNS_MAX, ROWS_MAX);
    return framebuffer;
}

static uint32_t pixel(const struct framebuffer_layout *layout, uint32_t x, uint32_t y)
{
    unsigned bytes = (layout->bits_per_pixel + 7) / 8;
    uint32_t value = 0;
    memcpy(&value, memory + y * layout->pitch_bytes + x * bytes, bytes);
    return value;
}

static void test_a_cell_is_drawn_in_every_pixel_format(void **state)
{
    static const struct { uint8_t bits; uint32_t white, red; } formats[] = {
        { 15, 0x7FFF, 0x5400 }, { 16, 0xFFFF, 0xA800 }, { 24, 0xFFFFFF, 0xAA0000 },
        { 30, 0x3FFFFFFF, 0x2AA00000 }, { 32, 0xFFFFFF, 0xAA0000 },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct framebuffer_layout layout = pixels(640, 480, formats[i].bits);
        struct framebuffer framebuffer = on(&layout);
        framebuffer_draw(&framebuffer, 1, 2, &(uint16_t){ 0x4F00 | 'L' }, 1); /* white on red */
        for (unsigned y = 0; y < FONT_ROWS; y++)
            for (unsigned x = 0; x < FONT_COLUMNS; x++) {
                bool lit = font_row('L', y) >> (7 - x) & 1;
                assert_int_equal(pixel(&layout, 16 + x, 16 + y),
                                 lit ? formats[i].white : formats[i].red);
            }
        assert_int_equal(memory[(16 * 640 + 15) * ((formats[i].bits + 7) / 8)], 0xEE);
    }
}

static void test_every_pixel_belongs_to_a_cell_or_is_cleared(void **state)
{
    static const struct { uint32_t width, height; unsigned columns, rows, scale; } sizes[] = {
        { 1024, 768, 128, 48, 1 }, { 1366, 768, 170, 48, 1 }, { 1920, 1080, 240, 67, 1 },
        { 3840, 2160, 240, 67, 2 }, { 2560, 1440, 160, 45, 2 }, { 161, 65, 20, 4, 1 },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct framebuffer_layout layout = pixels(sizes[i].width, sizes[i].height, 32);
        struct framebuffer framebuffer = on(&layout);
        assert_int_equal(framebuffer.columns, sizes[i].columns);
        assert_int_equal(framebuffer.rows, sizes[i].rows);
        assert_int_equal(framebuffer.scale, sizes[i].scale);
        stores = 0;
        framebuffer_clear_rest(&framebuffer);
        for (unsigned row = 0; row < framebuffer.rows; row++)
            for (unsigned column = 0; column < framebuffer.columns; column++)
                framebuffer_draw(&framebuffer, row, column, &(uint16_t){ 0x0700 | 'x' }, 1);
        assert_int_equal(stores, sizes[i].width * sizes[i].height);
        assert_null(memchr(memory, 0xEE, memory_bytes));
    }
}

static void test_large_screens_have_large_points(void **state)
{
    (void)state;
    struct framebuffer_layout layout = pixels(3840, 2160, 32);
    struct framebuffer framebuffer = on(&layout);
    framebuffer_draw(&framebuffer, 0, 1, &(uint16_t){ 0x0F00 | 'R' }, 1);
    for (unsigned y = 0; y < 2 * FONT_ROWS; y++)
        for (unsigned x = 0; x < 2 * FONT_COLUMNS; x++)
            assert_int_equal(pixel(&layout, 16 + x, y) != 0, font_row('R', y / 2) >> (7 - x / 2) & 1);
}

static void test_padding_at_the_end_of_rows_is_left_alone(void **state)
{
    (void)state;
    struct framebuffer_layout layout = pixels(640, 480, 32);
    layout.pitch_bytes = 4096;
    struct framebuffer framebuffer = on(&layout);
    framebuffer_clear_rest(&framebuffer);
    framebuffer_draw(&framebuffer, 29, 79, &(uint16_t){ 0x7000 | ' ' }, 1);
    assert_int_equal(pixel(&layout, 639, 479), 0xAAAAAA);
    assert_int_equal(memory[479 * 4096 + 2560], 0xEE);
}

static void test_a_text_screen_takes_cells_as_they_are(void **state)
{
    (void)state;
    struct framebuffer_layout layout = { .kind = FRAMEBUFFER_TEXT, .address = 0xB8000,
                                         .pitch_bytes = 160, .width = 80, .height = 25 };
    struct framebuffer framebuffer = on(&layout);
    attribute[0x10] = 0x0C; /* blinking, and lines of nine columns */
    attribute_takes_data = true;
    framebuffer_clear_rest(&framebuffer);
    framebuffer_draw(&framebuffer, 24, 79, &(uint16_t){ 0x8F41 }, 1);
    assert_int_equal(framebuffer.columns, 80);
    assert_int_equal(memory[3998] | memory[3999] << 8, 0x8F41);
    assert_int_equal(crtc[0x0A], 0x20);
    assert_int_equal(attribute[0x10], 0x04);
    assert_true(attribute_index & 0x20); /* else the screen is dark */
}

static void test_impossible_layouts_are_refused(void **state)
{
    (void)state;
    struct framebuffer_layout good = pixels(640, 480, 32), bad;
    assert_null(framebuffer_problem(&good));
#define REFUSED(change, why) \
    do { bad = good; bad.change; assert_string_equal(framebuffer_problem(&bad), why); } while (0)
    REFUSED(bits_per_pixel = 8, "its pixels do not have 15 to 32 bits");
    REFUSED(bits_per_pixel = 33, "its pixels do not have 15 to 32 bits");
    REFUSED(width = 0, "its size is impossible");
    REFUSED(height = 0, "its size is impossible");
    REFUSED(width = 16385, "its size is impossible");
    REFUSED(height = 16385, "its size is impossible");
    REFUSED(pitch_bytes = 2556, "its rows are of impossible length");
    REFUSED(pitch_bytes = 1u << 30, "its rows are of impossible length");
    REFUSED(address = 0, "its address is impossible");
    REFUSED(address = 0xE0000002, "its address is impossible");
    REFUSED(address = 1ull << 52, "its address is impossible");
    REFUSED(pitch_bytes = 2562, "its address is impossible");
    REFUSED(red.bits = 0, "a colour lies outside its pixel");
    REFUSED(green.position = 25, "a colour lies outside its pixel");
    REFUSED(blue.bits = 17, "a colour lies outside its pixel");
#undef REFUSED
    good.kind = FRAMEBUFFER_TEXT; /* its colours do not matter */
    good.pitch_bytes = 2 * good.width - 2;
    assert_non_null(framebuffer_problem(&good));
    good.pitch_bytes = 2 * good.width;
    good.red.bits = good.bits_per_pixel = 0;
    assert_null(framebuffer_problem(&good));
}

/* Else a screen could not be read back, and a user could mistake one for another. */
static void test_no_two_glyphs_look_alike(void **state)
{
    (void)state;
    for (unsigned a = ' '; a <= 0xDF; a++) {
        if (a > '~' && a < 0xB0)
            continue;
        for (unsigned b = ' '; b < a; b++) {
            unsigned same = 0;
            for (unsigned y = 0; y < FONT_ROWS; y++)
                same += font_row((uint8_t)a, y) == font_row((uint8_t)b, y);
            if (a <= '~')
                assert_true(same < FONT_ROWS);
        }
    }
    assert_int_equal(font_row(0xC5, 0), 0x10);
    assert_int_equal(font_row(0xC5, 7), 0xFF);
    assert_int_equal(font_row(0xDA, 0), 0x00);
    assert_int_equal(font_row(0xDA, 7), 0x1F);
    assert_int_equal(font_row(0xDA, 15), 0x10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cell_is_drawn_in_every_pixel_format),
        cmocka_unit_test(test_every_pixel_belongs_to_a_cell_or_is_cleared),
        cmocka_unit_test(test_large_screens_have_large_points),
        cmocka_unit_test(test_padding_at_the_end_of_rows_is_left_alone),
        cmocka_unit_test(test_a_text_screen_takes_cells_as_they_are),
        cmocka_unit_test(test_impossible_layouts_are_refused),
        cmocka_unit_test(test_no_two_glyphs_look_alike),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(memory);
    return failed;
}
