/* SPDX-License-Identifier: MIT
 *
 * hv/json.c: what is written is the object that was meant, in ASCII, or nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/json.h"

static char line[256];
static struct json json;

static int begin(void **state)
{
    (void)state;
    json_begin(&json, line, sizeof line);
    return 0;
}

static void ends_as(const char *wanted)
{
    assert_int_equal(json_end(&json), strlen(wanted));
    assert_string_equal(line, wanted);
}

static void an_object_may_be_empty(void **state)
{
    (void)state;
    ends_as("{}");
}

static void members_are_of_every_kind(void **state)
{
    (void)state;
    json_text(&json, "a", "text");
    json_number(&json, "b", 42);
    json_hex(&json, "c", UINT64_MAX);
    json_bool(&json, "d", true);
    json_bool(&json, "e", false);
    json_null(&json, "f");
    ends_as("{\"a\":\"text\",\"b\":42,\"c\":\"0xffffffffffffffff\",\"d\":true,\"e\":false,\"f\":null}");
}

static void arrays_and_objects_nest(void **state)
{
    (void)state;
    json_array(&json, "a");
    json_close(&json);
    json_array(&json, "b");
    json_number(&json, NULL, 1);
    json_array(&json, NULL);
    json_number(&json, NULL, 2);
    json_number(&json, NULL, 3);
    json_close(&json);
    json_close(&json);
    json_object(&json, "c");
    json_text(&json, "d", "");
    json_close(&json);
    json_object(&json, "e");
    ends_as("{\"a\":[],\"b\":[1,[2,3]],\"c\":{\"d\":\"\"},\"e\":{}}");
}

static void texts_are_escaped(void **state)
{
    (void)state;
    json_text(&json, "a", "\"\\/\b\n\x1b\x7f~ ");
    json_text(&json, "b", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    ends_as("{\"a\":\"\\\"\\\\/\\u0008\\u000a\\u001b\\u007f~ \","
            "\"b\":\"\\u00e9\\u20ac\\ud83d\\ude00\"}");
}

static void what_is_no_utf_8_is_replaced(void **state)
{
    (void)state;
    json_text(&json, "a", "\xff\xc3(\xed\xa0\x80\xf4\x90\x80\x80\xc0\x80\xe2\x82");
    ends_as("{\"a\":\"\\ufffd\\ufffd(\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"
            "\\ufffd\\ufffd\"}");
}

static void numbers_stay_within_what_readers_keep(void **state)
{
    (void)state;
    json_number(&json, "a", (1ull << 53) - 1);
    json_number(&json, "b", UINT64_MAX);
    ends_as("{\"a\":9007199254740991,\"b\":9007199254740992}");
}

/* At each size there is the whole object or none, and no byte behind the buffer. */
static void what_does_not_fit_is_no_object(void **state)
{
    char small[64];
    const char *whole = "{\"a\":\"\\u001b\\\"\",\"b\":[1,2]}";
    (void)state;
    for (size_t size = 1; size < sizeof small; size++) {
        memset(small, '#', sizeof small);
        json_begin(&json, small, size);
        json_text(&json, "a", "\x1b\"");
        json_array(&json, "b");
        json_number(&json, NULL, 1);
        json_number(&json, NULL, 2);
        size_t length = json_end(&json);
        assert_int_equal(length, size > strlen(whole) ? strlen(whole) : 0);
        if (length != 0)
            assert_string_equal(small, whole);
        for (size_t i = size; i < sizeof small; i++)
            assert_int_equal(small[i], '#');
    }
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_object_may_be_empty),
        TEST(members_are_of_every_kind),
        TEST(arrays_and_objects_nest),
        TEST(texts_are_escaped),
        TEST(what_is_no_utf_8_is_replaced),
        TEST(numbers_stay_within_what_readers_keep),
        TEST(what_does_not_fit_is_no_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
