/* SPDX-License-Identifier: MIT
 *
 * hv/panic_record.c: what a panic says is shown by the next boot, once; anything
 * else that memory may hold is not. A reset is imitated: of the page only what
 * was published is still there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "hv/log.h"
#include "hv/log_ring.h"
#include "hv/memory_map.h"
#include "hv/panic_record.h"
#include "hv/uart.h"
#include "tests/fake/terminal.h"

#define LINE "[bulkhead TEST] "
#define FOUND LINE "the hypervisor stopped before this boot; its last lines were:\r\n"

static struct panic_record page, ram;

/* In place of hv/uart.c. */
void uart_refresh(struct uart *of)
{
    (void)of;
}

void __wrap_machine_memory_publish(const void *at, size_t bytes);
void __wrap_machine_memory_publish(const void *at, size_t bytes)
{
    assert_ptr_equal(at, &page);
    assert_int_equal(bytes, sizeof page);
    ram = page;
}

static int set_up(void **state)
{
    (void)state;
    fake_terminal_reset();
    memset(&page, 0, sizeof page);
    memset(&ram, 0, sizeof ram);
    panic_record_use(&page);
    return 0;
}

/* What the next boot says. */
static const char *next_boot(void)
{
    page = ram;
    fake_terminal_clear();
    (void)fake_terminal_shown();
    panic_record_show();
    return fake_terminal_shown();
}

static void panic_with(const char *text)
{
    panic_record_begin();
    log_line(LOG_ERROR, "%s", text);
    panic_record_write();
}

static uint32_t hash(uint32_t sum, const void *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum = (sum ^ ((const uint8_t *)bytes)[i]) * 16777619u;
    return sum;
}

/* A record in memory that somebody made so that its sum is right. */
static void forge(const char *text, uint32_t length)
{
    panic_with("a real one");
    ram.length = length;
    memcpy(ram.text, text, length);
    ram.checksum = hash(hash(hash(2166136261u, &ram.version, 4), &ram.length, 4), text, length);
}

static void assert_nothing_is_shown(void)
{
    static const struct panic_record erased;
    assert_string_equal(next_boot(), "");
    assert_memory_equal(&ram, &erased, sizeof ram);
}

static void the_next_boot_shows_a_record_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 9; i++)
        log_line(LOG_INFO, "before %u", i);
    panic_record_begin();
    log_line(LOG_ERROR, "a bug: \xC3\xA9");
    log_line(LOG_ERROR, "halted");
    panic_record_write();
    assert_string_equal(next_boot(), FOUND
                        LINE "  | before 1\r\n" LINE "  | before 2\r\n" LINE "  | before 3\r\n"
                        LINE "  | before 4\r\n" LINE "  | before 5\r\n" LINE "  | before 6\r\n"
                        LINE "  | before 7\r\n" LINE "  | before 8\r\n"
                        LINE "  | a bug: ??\r\n" LINE "  | halted\r\n");
    assert_nothing_is_shown();
}

static void a_quiet_log_does_not_hide_it(void **state)
{
    (void)state;
    log_level_set(LOG_ERROR);
    panic_with("a bug");
    assert_non_null(strstr(next_boot(), "  | a bug\r\n"));
    log_level_set(LOG_INFO);
}

static void a_forged_record_with_a_right_sum_is_shown_as_text(void **state)
{
    (void)state;
    forge("a\n\nb\n", 5);
    assert_string_equal(next_boot(), FOUND LINE "  | a\r\n" LINE "  | \r\n" LINE "  | b\r\n");
}

static void of_many_lines_the_last_are_kept(void **state)
{
    (void)state;
    panic_record_begin();
    for (unsigned i = 0; i < 3 * PANIC_RECORD_LINES_MAX; i++)
        log_line(LOG_ERROR, "line %u.", i);
    panic_record_write();
    const char *shown = next_boot();
    assert_null(strstr(shown, "line 95."));
    assert_non_null(strstr(shown, FOUND LINE "  | line 96."));
    assert_non_null(strstr(shown, "line 143."));
}

static void of_long_lines_so_many_are_kept_as_fit(void **state)
{
    char line[LOG_RING_TEXT];
    (void)state;
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    panic_record_begin();
    for (unsigned i = 0; i < PANIC_RECORD_LINES_MAX; i++)
        log_line(LOG_ERROR, "%s", line);
    panic_record_write();
    assert_int_equal(page.length, PANIC_RECORD_TEXT / LOG_RING_TEXT * LOG_RING_TEXT);
    assert_memory_equal(next_boot(), FOUND, strlen(FOUND));
}

static void any_bit_that_changed_spoils_it(void **state)
{
    (void)state;
    panic_with("a bug");
    const struct panic_record good = ram;
    size_t used = offsetof(struct panic_record, text) + good.length;
    for (size_t bit = 0; bit < 8 * used; bit++) {
        ram = good;
        ((uint8_t *)&ram)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_nothing_is_shown();
    }
    ram = good;
    assert_memory_equal(next_boot(), FOUND, strlen(FOUND));
}

static void any_wrong_length_spoils_it(void **state)
{
    (void)state;
    panic_with("a bug");
    const struct panic_record good = ram;
    for (uint32_t length = 0; length < 2 * PAGE_SIZE_4K; length++) {
        ram = good;
        ram.length = length;
        if (length != good.length)
            assert_nothing_is_shown();
    }
    ram = good;
    ram.length = UINT32_MAX;
    assert_nothing_is_shown();
}

static void no_text_is_no_record(void **state)
{
    (void)state;
    forge("", 0);
    assert_nothing_is_shown();
}

static void only_text_is_shown_whatever_the_sum(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[] = { 'a', (char)byte, 'b', '\n' };
        forge(text, sizeof text);
        if ((byte >= ' ' && byte <= '~') || byte == '\n')
            assert_memory_equal(next_boot(), FOUND, strlen(FOUND));
        else
            assert_nothing_is_shown();
    }
}

static void a_line_without_an_end_is_refused(void **state)
{
    (void)state;
    forge("a\nb", 3);
    assert_nothing_is_shown();
}

static void too_many_lines_are_refused(void **state)
{
    char text[PANIC_RECORD_LINES_MAX + 1];
    (void)state;
    memset(text, '\n', sizeof text);
    forge(text, sizeof text);
    assert_nothing_is_shown();
    forge(text, sizeof text - 1);
    assert_memory_equal(next_boot(), FOUND, strlen(FOUND));
}

static void memory_after_power_on_is_nothing(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        memset(&ram, (int)byte, sizeof ram);
        assert_nothing_is_shown();
    }
}

static void without_a_page_nothing_happens(void **state)
{
    (void)state;
    panic_record_use(NULL);
    panic_with("a bug");
    assert_int_equal(page.length, 0);
    assert_string_equal(next_boot(), "");
}

static struct memory_map map_of(uint64_t base, uint64_t bytes)
{
    const struct memory_range range = { .base = HPA(base), .bytes = bytes,
                                        .type = MEMORY_USABLE };
    struct memory_map map;

    memory_map_build(&map, &range, 1);
    return map;
}

static void its_place_is_free_memory(void **state)
{
    struct memory_map all = map_of(0, 0x9FC00), less = map_of(0, 0x90FFF), none = map_of(0, 0x60FFF);
    (void)state;
    assert_int_equal(panic_record_place(&all).value, 0x90000);
    assert_int_equal(panic_record_place(&less).value, 0x60000);
    assert_int_equal(panic_record_place(&none).value, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_next_boot_shows_a_record_once, set_up),
        cmocka_unit_test_setup(a_quiet_log_does_not_hide_it, set_up),
        cmocka_unit_test_setup(a_forged_record_with_a_right_sum_is_shown_as_text, set_up),
        cmocka_unit_test_setup(of_many_lines_the_last_are_kept, set_up),
        cmocka_unit_test_setup(of_long_lines_so_many_are_kept_as_fit, set_up),
        cmocka_unit_test_setup(any_bit_that_changed_spoils_it, set_up),
        cmocka_unit_test_setup(any_wrong_length_spoils_it, set_up),
        cmocka_unit_test_setup(no_text_is_no_record, set_up),
        cmocka_unit_test_setup(only_text_is_shown_whatever_the_sum, set_up),
        cmocka_unit_test_setup(a_line_without_an_end_is_refused, set_up),
        cmocka_unit_test_setup(too_many_lines_are_refused, set_up),
        cmocka_unit_test_setup(memory_after_power_on_is_nothing, set_up),
        cmocka_unit_test_setup(without_a_page_nothing_happens, set_up),
        cmocka_unit_test_setup(its_place_is_free_memory, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
