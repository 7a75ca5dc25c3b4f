/* SPDX-License-Identifier: MIT
 *
 * The TOML reader: each test gives it a text and compares what it read, one
 * line for each item and for each error, with what was to be read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/check.h"
#include "hv/toml.h"
#include "hv/utf8.h"

void check_failed(const char *expression, const char *file, unsigned line)
{
    fprintf(stderr, "CHECK failed: %s (%s:%u)\n", expression, file, line);
    abort();
}

static struct findings findings;
static char result[16384];

static void result_add(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void result_add(const char *format, ...)
{
    size_t length = strlen(result);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(result + length, sizeof(result) - length, format, arguments);
    va_end(arguments);
}

static void show_value(const struct toml_value *value)
{
    switch (value->type) {
    case TOML_BROKEN:
        result_add("broken");
        break;
    case TOML_STRING:
        result_add("<%s>", value->string);
        break;
    case TOML_INTEGER:
        result_add("%lld", (long long)value->integer);
        break;
    case TOML_BOOLEAN:
        result_add("%s", value->boolean ? "yes" : "no");
        break;
    case TOML_ARRAY:
        result_add("list");
        break;
    }
    result_add(" at %u:%u\n", value->place.line, value->place.column);
}

static void show_item(const struct toml_item *item)
{
    switch (item->kind) {
    case TOML_TABLE:
        result_add("[%s]%s\n", item->name, item->faulty ? "?" : "");
        break;
    case TOML_TABLE_ARRAY:
        result_add("[[%s]]%s\n", item->name, item->faulty ? "?" : "");
        break;
    case TOML_KEY:
        result_add("%s = ", item->name);
        show_value(&item->value);
        break;
    case TOML_ELEMENT:
        result_add("- ");
        show_value(&item->value);
        break;
    case TOML_ARRAY_END:
        result_add("end%s\n", item->faulty ? "?" : "");
        break;
    case TOML_END:
        break;
    }
}

static void show_findings(void)
{
    char line[FINDING_LINE_SIZE];

    for (uint32_t i = 0; i < findings.count; i++) {
        finding_format(line, sizeof(line), &findings.list[i], "!");
        result_add("%s\n", line);
    }
}

static void read_bytes(const char *text, size_t length)
{
    static struct toml_item item;
    struct toml toml;
    char *exact = malloc(length + 1); /* so that reading beyond it is seen */

    assert_non_null(exact);
    memcpy(exact, text, length);
    exact = realloc(exact, length > 0 ? length : 1);
    result[0] = '\0';
    findings_clear(&findings);
    toml_start(&toml, exact, length, &findings);
    do {
        toml_next(&toml, &item);
        show_item(&item);
    } while (item.kind != TOML_END);
    free(exact);
    show_findings();
}

static void reads(const char *text, const char *expected)
{
    read_bytes(text, strlen(text));
    assert_string_equal(result, expected);
}

/* `value` behind "k = " gives no value and this error. */
static void refuses_value(const char *value, const char *column_and_text)
{
    char text[512], expected[512];

    snprintf(text, sizeof(text), "k = %s\nnext = 1\n", value);
    snprintf(expected, sizeof(expected), "k = broken at 1:5\nnext = 1 at 2:8\n!:1:%s\n",
             column_and_text);
    reads(text, expected);
}

static void tables_and_keys_are_read_in_order(void **state)
{
    (void)state;
    reads("top = 1\n[hypervisor]\nlog = \"info\"\n\n[[vm]]\nname = 'a'\n[[ vm ]]\n[ x ]\n",
          "top = 1 at 1:7\n[hypervisor]\nlog = <info> at 3:7\n[[vm]]\nname = <a> at 6:8\n[[vm]]\n"
          "[x]\n");
}

static void comments_blanks_and_either_line_end_are_skipped(void **state)
{
    (void)state;
    reads("# c\r\n\r\n \t a\t=\t1 # d\r\n[t] # e\n  [[u]]#f\nb=2#g\n#h",
          "a = 1 at 3:8\n[t]\n[[u]]\nb = 2 at 6:3\n");
    reads("", "");
    reads("\n", "");
    reads("a = 1", "a = 1 at 1:5\n");
}

static void integers_are_decimal_or_hexadecimal(void **state)
{
    (void)state;
    reads("a = 0\nb = -0\nc = +17\nd = 1_000_000\ne = 0xDEAD_beef\nf = 0x00ff\n",
          "a = 0 at 1:5\nb = 0 at 2:5\nc = 17 at 3:5\nd = 1000000 at 4:5\ne = 3735928559 at 5:5\n"
          "f = 255 at 6:5\n");
    reads("a = 9223372036854775807\nb = -9223372036854775808\nc = 0x7fffffffffffffff\n",
          "a = 9223372036854775807 at 1:5\nb = -9223372036854775808 at 2:5\n"
          "c = 9223372036854775807 at 3:5\n");
}

static void integers_beyond_64_bits_are_refused(void **state)
{
    (void)state;
    refuses_value("9223372036854775808",
                  "5: error: the number 9223372036854775808 is too large; at most 64 bits are "
                  "possible");
    refuses_value("-9223372036854775809",
                  "5: error: the number -9223372036854775809 is too large; at most 64 bits are "
                  "possible");
    refuses_value("0x8000000000000000",
                  "5: error: the number 0x8000000000000000 is too large; at most 64 bits are "
                  "possible");
    refuses_value("99999999999999999999999999999999999999",
                  "5: error: the number 99999999999999999999999999999999999999 is too large; at "
                  "most 64 bits are possible");
}

static void malformed_numbers_are_refused(void **state)
{
    static const char *const numbers[] = { "1__0", "_1", "1_", "0x", "0x_1", "+0x1", "0xfg", "--1",
                                           "+", "12a", "0X1", "1,5" };

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char text[64];

        snprintf(text, sizeof(text), "k = %s\n", numbers[i]);
        read_bytes(text, strlen(text));
        assert_int_equal(findings.error_count, 1);
    }
    refuses_value("007", "5: error: a number has no leading zeros; remove them from 007");
    refuses_value("0o17", "5: error: octal and binary numbers are not supported; write a decimal "
                          "or 0x number");
    refuses_value("0b11", "5: error: octal and binary numbers are not supported; write a decimal "
                          "or 0x number");
}

static void booleans_are_read_in_small_letters_only(void **state)
{
    (void)state;
    reads("a = true\nb = false\n", "a = yes at 1:5\nb = no at 2:5\n");
    refuses_value("True",
                  "5: error: True is not a value; write true or false, in small letters");
    refuses_value("FALSE",
                  "5: error: FALSE is not a value; write true or false, in small letters");
    refuses_value("yes", "5: error: yes is not a value; write true or false, or \"yes\" if it is a "
                         "string");
    refuses_value("Off", "5: error: Off is not a value; write true or false, or \"Off\" if it is a "
                         "string");
    refuses_value("only", "5: error: only is not a value; if it is a string, put it in quotes: "
                          "\"only\"");
}

static void basic_strings_have_escapes_and_literal_ones_have_none(void **state)
{
    (void)state;
    reads("a = \"q\\\"b\\\\s\\tt\\u00e9\\U0001F600\"\n", "a = <q\"b\\s\tt\xc3\xa9\xf0\x9f\x98\x80> at 1:5\n");
    reads("a = \"\\b\\n\\f\\r\"\n", "a = <\b\n\f\r> at 1:5\n");
    reads("a = 'C:\\x \"q\" # no comment'\nb = \"\" # c\nc = ''\n",
          "a = <C:\\x \"q\" # no comment> at 1:5\nb = <> at 2:5\nc = <> at 3:5\n");
}

static void bad_escapes_are_refused_where_they_stand(void **state)
{
    (void)state;
    refuses_value("\"ab\\q\"",
                  "8: error: \"\\q\" is not an escape; write \\\\ for a backslash, or the string in "
                  "single quotes");
    refuses_value("\"\\u12g4\"",
                  "6: error: \\u needs 4 hexadecimal digits, as in \"\\u00E9\"");
    refuses_value("\"\\U0001F60\"",
                  "6: error: \\U needs 8 hexadecimal digits, as in \"\\U000000E9\"");
    refuses_value("\"\\uD800\"", "6: error: U+D800 is not a character that a string can hold");
    refuses_value("\"\\U00110000\"",
                  "6: error: U+110000 is not a character that a string can hold");
    refuses_value("\"\\u0000\"", "6: error: U+0000 is not a character that a string can hold");
}

static void a_string_without_an_end_is_refused(void **state)
{
    (void)state;
    refuses_value("\"abc", "5: error: the string that begins here has no end; write \" behind it, "
                           "on the same line");
    refuses_value("'abc\"", "5: error: the string that begins here has no end; write ' behind it, "
                            "on the same line");
    refuses_value("\"abc\\\"", "5: error: the string that begins here has no end; write \" behind "
                               "it, on the same line");
    refuses_value("\"abc\\", "5: error: the string that begins here has no end; write \" behind it, "
                             "on the same line");
}

static void a_string_holds_2047_bytes_and_no_more(void **state)
{
    static char text[4096], expected[4096];

    (void)state;
    snprintf(text, sizeof(text), "k = \"%0*d\"\n", 2047, 0);
    snprintf(expected, sizeof(expected), "k = <%0*d> at 1:5\n", 2047, 0);
    reads(text, expected);
    snprintf(text, sizeof(text), "k = \"%0*d\"\n", 2048, 0);
    reads(text, "k = broken at 1:5\n!:1:5: error: the string is too long; at most 2047 bytes are "
                "possible\n");
}

static void strings_over_several_lines_are_refused_once(void **state)
{
    (void)state;
    reads("a = \"\"\"one\ntwo = 2 \\\"\"\" \n[three\n\"\"\"\nb = 1\n",
          "a = broken at 1:5\nb = 1 at 5:5\n!:1:5: error: strings over several lines are not "
          "supported; write one line, with one \" on each side\n");
    reads("a = '''\nx\\'''\nb = 1\n",
          "a = broken at 1:5\nb = 1 at 3:5\n!:1:5: error: strings over several lines are not "
          "supported; write one line, with one ' on each side\n");
    reads("a = \"\"\"never", "a = broken at 1:5\n!:1:5: error: strings over several lines are not "
                             "supported; write one line, with one \" on each side\n");
}

static void arrays_give_their_elements_over_any_number_of_lines(void **state)
{
    (void)state;
    reads("a = []\nb = [1, 2,3 ,]\nc = [ # x\n  'p', # y\n\n  \"q\"\n] # z\nd = true\n",
          "a = list at 1:5\nend\n"
          "b = list at 2:5\n- 1 at 2:6\n- 2 at 2:9\n- 3 at 2:11\nend\n"
          "c = list at 3:5\n- <p> at 4:3\n- <q> at 6:3\nend\n"
          "d = yes at 8:5\n");
}

static void faulty_elements_do_not_end_an_array(void **state)
{
    (void)state;
    reads("a = [1,\n 2.5,\n [3, 4],\n {x = 1},\n 5 6,\n ,\n 7\n]\nb = 1\n",
          "a = list at 1:5\n- 1 at 1:6\n- broken at 2:2\n- broken at 3:2\n- broken at 4:2\n"
          "- 5 at 5:2\n- 6 at 5:4\n- broken at 6:2\n- 7 at 7:2\nend\nb = 1 at 9:5\n"
          "!:2:2: error: floating-point numbers are not supported; write a whole number instead of "
          "2.5\n"
          "!:3:2: error: arrays in arrays are not supported; write one list of values\n"
          "!:4:2: error: inline tables are not supported; write a [table] with a key on each "
          "line\n"
          "!:5:4: error: a comma is missing before this element; write a, b\n"
          "!:6:2: error: a value is missing here; write a string in quotes, a number, true or "
          "false, or [ ]\n");
}

#define UNCLOSED(place) \
    "!:" place ": error: the list that begins here has no end; write ] behind its last element\n"

static void an_array_without_an_end_does_not_swallow_the_next_statement(void **state)
{
    (void)state;
    reads("a = [1, 2\nb = 1\n", "a = list at 1:5\n- 1 at 1:6\n- 2 at 1:9\nend?\nb = 1 at 2:5\n"
                                UNCLOSED("1:5"));
    reads("a = [1,\n[[vm]]\n", "a = list at 1:5\n- 1 at 1:6\nend?\n[[vm]]\n" UNCLOSED("1:5"));
    reads("a = [\n\n  # x\n  [table] # y\n", "a = list at 1:5\nend?\n[table]\n" UNCLOSED("1:5"));
    reads("a = [", "a = list at 1:5\nend?\n" UNCLOSED("1:5"));
    reads("a = [1", "a = list at 1:5\n- 1 at 1:6\nend?\n" UNCLOSED("1:5"));
    reads("a = [1,\n [2],\n true\n]\n",
          "a = list at 1:5\n- 1 at 1:6\n- broken at 2:2\n- yes at 3:2\nend\n"
          "!:2:2: error: arrays in arrays are not supported; write one list of values\n");
}

static void unsupported_values_say_what_to_write_instead(void **state)
{
    (void)state;
    refuses_value("1979-05-27T07:32:00Z", "5: error: dates and times are not supported; write a "
                                          "string, \"1979-05-27T07:32:00Z\"");
    refuses_value("07:32:00",
                  "5: error: dates and times are not supported; write a string, \"07:32:00\"");
    refuses_value("1979-05-27 07:32:00",
                  "5: error: dates and times are not supported; write a string, \"1979-05-27\"");
    refuses_value("3.14", "5: error: floating-point numbers are not supported; write a whole "
                          "number instead of 3.14");
    refuses_value("-1e-9", "5: error: floating-point numbers are not supported; write a whole "
                           "number instead of -1e-9");
    refuses_value("+inf", "5: error: floating-point numbers are not supported; write a whole "
                          "number instead of +inf");
    refuses_value("nan", "5: error: floating-point numbers are not supported; write a whole number "
                         "instead of nan");
    refuses_value("{ a = 1, b = 2 }", "5: error: inline tables are not supported; write a [table] "
                                      "with a key on each line");
    refuses_value("vmlinuz-6.1",
                  "5: error: vmlinuz-6.1 is not a value; if it is a string, put it in quotes: "
                  "\"vmlinuz-6.1\"");
    refuses_value("256M", "5: error: 256M is not a value; if it is a string, put it in quotes: "
                          "\"256M\"");
    refuses_value("/boot/x", "5: error: /boot/x is not a value; if it is a string, put it in "
                             "quotes: \"/boot/x\"");
}

static void a_missing_value_is_an_error_behind_the_equals_sign(void **state)
{
    (void)state;
    refuses_value("", "5: error: a value is missing here; write a string in quotes, a number, "
                      "true or false, or [ ]");
    refuses_value("# 1", "5: error: a value is missing here; write a string in quotes, a number, "
                         "true or false, or [ ]");
}

static void text_behind_a_value_or_header_is_an_error(void **state)
{
    (void)state;
    reads("a = 1 b = 2\nc = \"x\"y\n[t] u\nd = [1] 2\n",
          "a = 1 at 1:5\nc = <x> at 2:5\n[t]?\nd = list at 4:5\n- 1 at 4:6\nend\n"
          "!:1:7: error: unexpected text after the value; begin a new line, or a comment with #\n"
          "!:2:8: error: unexpected text after the value; begin a new line, or a comment with #\n"
          "!:3:5: error: unexpected text after the table's name; begin a new line, or a comment "
          "with #\n"
          "!:4:9: error: unexpected text after the list; begin a new line, or a comment with #\n");
}

static void unsupported_and_malformed_keys_are_refused(void **state)
{
    (void)state;
    reads("\"a\" = 1\n'b' = 2\na.b = 3\n= 4\nname: 5\nalone\n, x\nlast = 6\n",
          "a = broken at 3:1\nname = broken at 5:1\nalone = broken at 6:1\nlast = 6 at 8:8\n"
          "!:1:1: error: keys in quotes are not supported; write the key without quotes\n"
          "!:2:1: error: keys in quotes are not supported; write the key without quotes\n"
          "!:3:2: error: keys with dots are not supported; write a [table] and the key in it\n"
          "!:4:1: error: a key is missing before =; write key = value\n"
          "!:5:5: error: = is missing after \"name\"; write name = value\n"
          "!:6:6: error: = is missing after \"alone\"; write alone = value\n"
          "!:7:1: error: unexpected ,; write key = value, [table], [[table]] or a # comment\n");
}

static void faulty_headers_are_reported_and_still_begin_a_table(void **state)
{
    (void)state;
    reads("[a.b]\n[[vm]\n[c\n[]\n[\"d\"]\n[[e] ]\n[[ [f]]\n[g]]\n",
          "[a]?\n[[vm]]?\n[c]?\n[]?\n[]?\n[[e]]?\n[[]]?\n[g]?\n"
          "!:1:3: error: tables in tables are not supported; write one name without a dot\n"
          "!:2:5: error: ]] is missing after the table's name; write [[vm]]\n"
          "!:3:3: error: ] is missing after the table's name; write [c]\n"
          "!:4:2: error: a table's name is missing; write letters, digits, _ and -, without "
          "quotes\n"
          "!:5:2: error: a table's name is missing; write letters, digits, _ and -, without "
          "quotes\n"
          "!:6:4: error: ]] is missing after the table's name; write [[e]]\n"
          "!:7:4: error: a table's name is missing; write letters, digits, _ and -, without "
          "quotes\n"
          "!:8:4: error: unexpected text after the table's name; begin a new line, or a comment "
          "with #\n");
}

static void bytes_that_are_not_utf8_are_refused_anywhere(void **state)
{
    (void)state;
    reads("# \xff\na = \"\xc3\"\nb = \xe2\x82\nc = 1\n",
          "a = broken at 2:5\nb = broken at 3:5\nc = 1 at 4:5\n"
          "!:1:3: error: byte FFh is not UTF-8; save the file as UTF-8\n"
          "!:2:6: error: byte C3h is not UTF-8; save the file as UTF-8\n"
          "!:3:5: error: byte E2h is not UTF-8; save the file as UTF-8\n");
}

static void control_characters_are_refused_anywhere(void **state)
{
    static const char zero[] = "a = \"x\0y\"\n";

    (void)state;
    reads("# a\x01\nb = \"\x1b[2J\"\nc = 1\rd = 2\n# \x7f\n\t# tab\t\n",
          "b = broken at 2:5\nc = broken at 3:5\n"
          "!:1:4: error: control character 01h is not allowed here; remove it\n"
          "!:2:6: error: control character 1Bh is not allowed here; remove it\n"
          "!:3:6: error: control character 0Dh is not allowed here; remove it\n"
          "!:4:3: error: control character 7Fh is not allowed here; remove it\n");
    read_bytes(zero, sizeof(zero) - 1);
    assert_string_equal(result, "a = broken at 1:5\n"
                                "!:1:7: error: control character 00h is not allowed here; remove "
                                "it\n");
}

static void a_byte_order_mark_is_refused(void **state)
{
    (void)state;
    reads("\xef\xbb\xbf" "a = 1\nb = 2\n",
          "b = 2 at 2:5\n!:1:1: error: the file begins with a byte order mark; save it as UTF-8 "
          "without one\n");
}

static void columns_count_characters_and_not_bytes(void **state)
{
    (void)state;
    reads("a = \"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\" x\n",
          "a = <\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80> at 1:5\n"
          "!:1:11: error: unexpected text after the value; begin a new line, or a comment with "
          "#\n");
}

static void a_line_gets_one_error_at_most(void **state)
{
    (void)state;
    reads("a = \"\\q \\w\" x\nb = [1.5, x, {}] y\n",
          "a = broken at 1:5\nb = list at 2:5\n- broken at 2:6\n- broken at 2:11\n"
          "- broken at 2:14\nend\n"
          "!:1:6: error: \"\\q\" is not an escape; write \\\\ for a backslash, or the string in "
          "single quotes\n"
          "!:2:6: error: floating-point numbers are not supported; write a whole number instead of "
          "1.5\n");
}

static void the_end_stays_the_end(void **state)
{
    static struct toml_item item;
    struct toml toml;

    (void)state;
    findings_clear(&findings);
    toml_start(&toml, "a=1", 3, &findings);
    toml_next(&toml, &item);
    assert_int_equal(item.kind, TOML_KEY);
    for (int i = 0; i < 3; i++) {
        toml_next(&toml, &item);
        assert_int_equal(item.kind, TOML_END);
    }
}

static void every_code_point_is_written_and_read_back(void **state)
{
    char bytes[UTF8_BYTES_MAX];

    (void)state;
    for (uint32_t code_point = 0; code_point <= UNICODE_MAX + 1; code_point++) {
        bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
        size_t length = utf8_write(bytes, code_point);
        uint32_t back = UINT32_MAX;

        if (surrogate || code_point > UNICODE_MAX) {
            assert_int_equal(length, 0);
            continue;
        }
        assert_int_equal(utf8_read(bytes, length, &back), length);
        assert_int_equal(back, code_point);
        assert_int_equal(utf8_read(bytes, length - 1, &back), 0);
    }
}

static void sequences_that_are_not_the_shortest_are_no_utf8(void **state)
{
    static const char *const sequences[] = {
        "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
        "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xc3(", "\xe2\x82(", "\xff",
    };
    uint32_t code_point;

    (void)state;
    for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++)
        assert_int_equal(utf8_read(sequences[i], strlen(sequences[i]), &code_point), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_and_keys_are_read_in_order),
        cmocka_unit_test(comments_blanks_and_either_line_end_are_skipped),
        cmocka_unit_test(integers_are_decimal_or_hexadecimal),
        cmocka_unit_test(integers_beyond_64_bits_are_refused),
        cmocka_unit_test(malformed_numbers_are_refused),
        cmocka_unit_test(booleans_are_read_in_small_letters_only),
        cmocka_unit_test(basic_strings_have_escapes_and_literal_ones_have_none),
        cmocka_unit_test(bad_escapes_are_refused_where_they_stand),
        cmocka_unit_test(a_string_without_an_end_is_refused),
        cmocka_unit_test(a_string_holds_2047_bytes_and_no_more),
        cmocka_unit_test(strings_over_several_lines_are_refused_once),
        cmocka_unit_test(arrays_give_their_elements_over_any_number_of_lines),
        cmocka_unit_test(faulty_elements_do_not_end_an_array),
        cmocka_unit_test(an_array_without_an_end_does_not_swallow_the_next_statement),
        cmocka_unit_test(unsupported_values_say_what_to_write_instead),
        cmocka_unit_test(a_missing_value_is_an_error_behind_the_equals_sign),
        cmocka_unit_test(text_behind_a_value_or_header_is_an_error),
        cmocka_unit_test(unsupported_and_malformed_keys_are_refused),
        cmocka_unit_test(faulty_headers_are_reported_and_still_begin_a_table),
        cmocka_unit_test(bytes_that_are_not_utf8_are_refused_anywhere),
        cmocka_unit_test(control_characters_are_refused_anywhere),
        cmocka_unit_test(a_byte_order_mark_is_refused),
        cmocka_unit_test(columns_count_characters_and_not_bytes),
        cmocka_unit_test(a_line_gets_one_error_at_most),
        cmocka_unit_test(the_end_stays_the_end),
        cmocka_unit_test(every_code_point_is_written_and_read_back),
        cmocka_unit_test(sequences_that_are_not_the_shortest_are_no_utf8),
    };
    return cmocka_run_group_tests_name("toml", tests, NULL, NULL);
}
