/* SPDX-License-Identifier: MIT
 *
 * The list of findings: its order, its bound, and what a finding looks like.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/check.h"
#include "hv/findings.h"

void check_failed(const char *expression, const char *file, unsigned line)
{
    fprintf(stderr, "CHECK failed: %s (%s:%u)\n", expression, file, line);
    abort();
}

static struct findings findings;

static int set_up(void **state)
{
    (void)state;
    memset(&findings, 0xee, sizeof(findings));
    findings_clear(&findings);
    return 0;
}

static struct place at(uint32_t line, uint32_t column)
{
    return (struct place){ line, column };
}

static void add(uint32_t line, uint32_t column, const char *text)
{
    findings_add(&findings, SEVERITY_ERROR, at(line, column), "", "%s", text);
}

static void a_finding_is_one_line_with_place_severity_guest_and_text(void **state)
{
    char line[FINDING_LINE_SIZE];

    (void)state;
    findings_add(&findings, SEVERITY_ERROR, at(12, 8), "web", "CPU %u is wrong; write %s", 3, "2");
    size_t length = finding_format(line, sizeof(line), &findings.list[0], "x.toml");
    assert_string_equal(line, "x.toml:12:8: error: vm \"web\": CPU 3 is wrong; write 2");
    assert_int_equal(length, strlen(line));
}

static void a_finding_about_no_guest_names_none(void **state)
{
    char line[FINDING_LINE_SIZE];

    (void)state;
    findings_add(&findings, SEVERITY_WARNING, at(1, 2), "", "hm");
    finding_format(line, sizeof(line), &findings.list[0], "config");
    assert_string_equal(line, "config:1:2: warning: hm");
}

static void a_finding_without_a_place_has_only_the_file(void **state)
{
    char line[FINDING_LINE_SIZE];

    (void)state;
    add(0, 0, "nothing is there");
    finding_format(line, sizeof(line), &findings.list[0], "config");
    assert_string_equal(line, "config: error: nothing is there");
}

static void findings_are_sorted_by_line_then_column_then_arrival(void **state)
{
    static const char *const expected[] = { "a", "b", "c", "d", "e" };

    (void)state;
    add(3, 1, "d");
    add(2, 9, "b");
    add(3, 1, "e");
    add(0, 0, "a");
    add(2, 10, "c");
    assert_int_equal(findings.count, 5);
    for (int i = 0; i < 5; i++)
        assert_string_equal(findings.list[i].text, expected[i]);
}

static void a_full_list_keeps_the_beginning_of_the_file_and_counts_the_rest(void **state)
{
    (void)state;
    for (uint32_t line = 200; line > 0; line--)
        add(line, 1, "x");
    assert_int_equal(findings.count, FINDINGS_MAX);
    assert_int_equal(findings.omitted, 200 - FINDINGS_MAX);
    assert_int_equal(findings.error_count, 200);
    for (uint32_t i = 0; i < FINDINGS_MAX; i++)
        assert_int_equal(findings.list[i].place.line, i + 1);
    add(201, 1, "last");
    assert_int_equal(findings.omitted, 201 - FINDINGS_MAX);
    assert_string_equal(findings.list[FINDINGS_MAX - 1].text, "x");
}

static void an_error_pushed_out_by_warnings_is_still_counted(void **state)
{
    (void)state;
    add(100, 1, "x");
    for (uint32_t line = 1; line <= FINDINGS_MAX; line++)
        findings_add(&findings, SEVERITY_WARNING, at(line, 1), "", "w");
    assert_int_equal(findings.list[FINDINGS_MAX - 1].severity, SEVERITY_WARNING);
    assert_int_equal(findings.error_count, 1);
    assert_int_equal(findings.warning_count, FINDINGS_MAX);
    assert_int_equal(findings.omitted, 1);
}

static void a_guest_is_named_in_its_lines_where_none_is_named_yet(void **state)
{
    (void)state;
    add(4, 1, "before");
    add(5, 1, "first");
    findings_add(&findings, SEVERITY_ERROR, at(6, 1), "other", "x");
    add(7, 1, "last");
    add(8, 1, "behind");
    findings_name_guest(&findings, 5, 7, "web");
    assert_string_equal(findings.list[0].guest, "");
    assert_string_equal(findings.list[1].guest, "web");
    assert_string_equal(findings.list[2].guest, "other");
    assert_string_equal(findings.list[3].guest, "web");
    assert_string_equal(findings.list[4].guest, "");
}

static void texts_that_are_too_long_are_cut(void **state)
{
    char text[2 * FINDING_TEXT_SIZE];
    char line[FINDING_LINE_SIZE];

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    findings_add(&findings, SEVERITY_ERROR, at(1, 1), text, "%s", text);
    assert_int_equal(strlen(findings.list[0].text), FINDING_TEXT_SIZE - 1);
    assert_int_equal(strlen(findings.list[0].guest), FINDING_GUEST_SIZE - 1);
    assert_int_equal(finding_format(line, sizeof(line), &findings.list[0], text),
                     FINDING_LINE_SIZE - 1);
}

static void the_longest_finding_of_a_configuration_fits_in_a_line(void **state)
{
    char text[FINDING_TEXT_SIZE], guest[FINDING_GUEST_SIZE], line[FINDING_LINE_SIZE + 1];

    (void)state;
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    memset(guest, 'g', sizeof(guest));
    guest[sizeof(guest) - 1] = '\0';
    findings_add(&findings, SEVERITY_WARNING, at(99999, 9999), guest, "%s", text);
    assert_true(finding_format(line, sizeof(line), &findings.list[0], "config") <
                FINDING_LINE_SIZE);
}

static void an_excerpt_is_printable_and_short(void **state)
{
    (void)state;
    assert_string_equal(excerpt("", 0).text, "");
    assert_string_equal(excerpt("web-1", 3).text, "web");
    assert_string_equal(excerpt("a\x1b[2J\xc3\xa4\0b", 9).text, "a?[2J???b");
    assert_string_equal(excerpt("12345678901234567890123456789012345678901234567", 47).text,
                        "12345678901234567890123456789012345678901234567");
    assert_string_equal(excerpt("123456789012345678901234567890123456789012345678", 48).text,
                        "12345678901234567890123456789012345678901234...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_finding_is_one_line_with_place_severity_guest_and_text, set_up),
        cmocka_unit_test_setup(a_finding_about_no_guest_names_none, set_up),
        cmocka_unit_test_setup(a_finding_without_a_place_has_only_the_file, set_up),
        cmocka_unit_test_setup(findings_are_sorted_by_line_then_column_then_arrival, set_up),
        cmocka_unit_test_setup(a_full_list_keeps_the_beginning_of_the_file_and_counts_the_rest,
                               set_up),
        cmocka_unit_test_setup(an_error_pushed_out_by_warnings_is_still_counted, set_up),
        cmocka_unit_test_setup(a_guest_is_named_in_its_lines_where_none_is_named_yet, set_up),
        cmocka_unit_test_setup(texts_that_are_too_long_are_cut, set_up),
        cmocka_unit_test_setup(the_longest_finding_of_a_configuration_fits_in_a_line, set_up),
        cmocka_unit_test(an_excerpt_is_printable_and_short),
    };
    return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
