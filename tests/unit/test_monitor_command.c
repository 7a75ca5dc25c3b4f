/* SPDX-License-Identifier: MIT
 *
 * hv/monitor_command.c: what lines mean, what wrong ones are answered with, and
 * how words go on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/monitor_command.h"

static const struct monitor_names names = { 3, { "web-1", "web-2", "control" } };

static void assert_request(const char *line, enum monitor_command command, unsigned vm)
{
    struct monitor_request request;
    struct monitor_error error;
    assert_int_equal(monitor_parse(line, &names, &request, &error), MONITOR_PARSED);
    assert_int_equal(request.command, command);
    assert_int_equal(request.vm, vm);
}

static void assert_wrong(const char *line, const char *wanted)
{
    struct monitor_request request;
    struct monitor_error error;
    assert_int_equal(monitor_parse(line, &names, &request, &error), MONITOR_WRONG);
    assert_string_equal(error.what, wanted);
}

static void a_line_is_a_request(void **state)
{
    struct monitor_request request;
    struct monitor_error error;
    (void)state;
    assert_request("list", MONITOR_LIST, MONITOR_ANY_VM);
    assert_request("  show   web-2 ", MONITOR_SHOW, 1);
    assert_request("log", MONITOR_LOG, MONITOR_ANY_VM);
    assert_request("log control", MONITOR_LOG, 2);
    assert_request("dump web-1 0x1000 64", MONITOR_DUMP, 0);
    assert_int_equal(monitor_parse("dump web-1 0xFEED 65536", &names, &request, &error),
                     MONITOR_PARSED);
    assert_int_equal(request.address, 0xFEED);
    assert_int_equal(request.length, 65536);
    assert_int_equal(monitor_parse("   ", &names, &request, &error), MONITOR_EMPTY);
    assert_int_equal(monitor_parse("", &names, &request, &error), MONITOR_EMPTY);
}

static void every_command_is_known_by_its_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MONITOR_COMMAND_COUNT; i++) {
        char line[64];
        bool is_switch = monitor_rows[i].arguments == MONITOR_TAKES_SWITCH;
        bool vm = monitor_rows[i].arguments != MONITOR_TAKES_NOTHING && !is_switch;
        bool range = monitor_rows[i].arguments == MONITOR_TAKES_VM_AND_RANGE;
        strcpy(line, monitor_rows[i].name);
        strcat(line, is_switch ? " on" : vm ? " control" : "");
        strcat(line, range ? " 0 1" : "");
        assert_request(line, (enum monitor_command)i, vm ? 2 : MONITOR_ANY_VM);
    }
}

static void a_wrong_line_is_answered_with_what_would_be_right(void **state)
{
    (void)state;
    assert_wrong("lits", "there is no command \"lits\"; did you mean \"list\"?");
    assert_wrong("restrat web-1", "there is no command \"restrat\"; did you mean \"restart\"?");
    assert_wrong("xyzzyxyzzy", "there is no command \"xyzzyxyzzy\"; see \"help\"");
    assert_wrong("show web-3", "there is no guest \"web-3\"; did you mean \"web-1\"?");
    assert_wrong("show contrl", "there is no guest \"contrl\"; did you mean \"control\"?");
    assert_wrong("show", "write it as: show VM");
    assert_wrong("show web-1 web-2", "write it as: show VM");
    assert_wrong("list web-1", "write it as: list");
    assert_wrong("log web-1 x", "write it as: log [VM]");
    assert_wrong("dump web-1 0", "write it as: dump VM ADDR LEN");
    static const char *const bad[] = { "x 1", "0 x", "0 0", "0 65537", "0x 1", "-1 1", "0 1x",
                                       "0x10000000000000000 1", "18446744073709551616 1" };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[80] = "dump web-1 ";
        strcat(line, bad[i]);
        assert_wrong(line, "ADDR and LEN are numbers, LEN from 1 to 65536, as in: dump web-1 "
                           "0x100000 64");
    }
}

static void a_switch_takes_a_word_of_the_callers(void **state)
{
    struct monitor_request request;
    struct monitor_error error;
    (void)state;
    assert_int_equal(monitor_parse("json on 0123-abc", &names, &request, &error), MONITOR_PARSED);
    assert_true(request.on);
    assert_string_equal(request.token, "0123-abc");
    assert_int_equal(monitor_parse("json off", &names, &request, &error), MONITOR_PARSED);
    assert_false(request.on);
    assert_string_equal(request.token, "");
    assert_wrong("json", "write it as: json on|off");
    assert_wrong("json maybe", "write it as: json on, or json off; a word of up to 32 letters may "
                               "follow");
    assert_wrong("json on 012345678901234567890123456789012", "write it as: json on, or json off; a "
                 "word of up to 32 letters may follow");
}

static void an_error_names_the_word_that_was_meant(void **state)
{
    struct monitor_request request;
    struct monitor_error error;
    (void)state;
    monitor_parse("lits", &names, &request, &error);
    assert_string_equal(error.nearest, "list");
    monitor_parse("show contrl", &names, &request, &error);
    assert_string_equal(error.nearest, "control");
    monitor_parse("xyzzyxyzzy", &names, &request, &error);
    assert_null(error.nearest);
    monitor_parse("show", &names, &request, &error);
    assert_null(error.nearest);
}

static const char *refusal(const char *line, unsigned manager, struct monitor_request *request)
{
    static struct monitor_error error;
    assert_int_equal(monitor_parse(line, &names, request, &error), MONITOR_PARSED);
    return monitor_manager_may(request, manager, &error) ? NULL : error.what;
}

/* The whole policy, so that a command more must be decided about here, too. */
static void a_manager_may_manage_lives_and_see_itself(void **state)
{
    static const char *const own[] = { "log", "trace", "dump" };
    static const char *const all[] = { "help", "list", "show", "start", "stop", "restart", "resume",
                                       "nmi", "stats", "devices", "memory", "watch", "json" };
    static const char *const never[] = { "console", "reboot", "poweroff", "exit" };
    struct monitor_request request;
    unsigned decided = 1; /* pause */
    (void)state;
    for (unsigned i = 0; i < MONITOR_COMMAND_COUNT; i++) {
        const struct monitor_row *row = &monitor_rows[i];
        char mine[64], others[64];
        bool is_switch = row->arguments == MONITOR_TAKES_SWITCH;
        bool vm = row->arguments != MONITOR_TAKES_NOTHING && !is_switch;
        bool range = row->arguments == MONITOR_TAKES_VM_AND_RANGE;
        snprintf(mine, sizeof mine, "%s%s%s", row->name,
                 is_switch ? " on" : vm ? " control" : "", range ? " 0 1" : "");
        snprintf(others, sizeof others, "%s%s%s", row->name,
                 is_switch ? " on" : vm ? " web-1" : "", range ? " 0 1" : "");
        bool may_mine = refusal(mine, 2, &request) == NULL;
        bool may_others = refusal(others, 2, &request) == NULL;
        for (unsigned j = 0; j < sizeof own / sizeof own[0]; j++)
            if (!strcmp(own[j], row->name)) {
                assert_true(may_mine && !may_others);
                decided++;
            }
        for (unsigned j = 0; j < sizeof all / sizeof all[0]; j++)
            if (!strcmp(all[j], row->name)) {
                assert_true(may_mine && may_others);
                decided++;
            }
        for (unsigned j = 0; j < sizeof never / sizeof never[0]; j++)
            if (!strcmp(never[j], row->name)) {
                assert_true(!may_mine && !may_others);
                decided++;
            }
    }
    assert_int_equal(decided, MONITOR_COMMAND_COUNT);
    assert_null(refusal("pause web-2", 2, &request));
    assert_string_equal(refusal("pause control", 2, &request), "a manager cannot \"pause\" itself: "
                        "it could not take that back; the user at the console can");
    assert_string_equal(refusal("dump web-1 0 1", 2, &request), "a manager may \"dump\" itself "
                        "only; of others, that is for the user at the console");
    assert_string_equal(refusal("poweroff", 2, &request), "\"poweroff\" is for the user at the "
                        "console, not for a manager");
    assert_null(refusal("log", 2, &request));
    assert_int_equal(request.vm, 2);
    assert_null(refusal("stats", 2, &request));
    assert_int_equal(request.vm, MONITOR_ANY_VM);
}

static void assert_completes(const char *line, const char *more, unsigned count,
                             const char *candidates)
{
    char is[CONFIG_NAME_SIZE + 1], listed[MONITOR_CANDIDATES_SIZE];
    assert_int_equal(monitor_complete(line, &names, is, listed), count);
    assert_string_equal(is, more);
    if (candidates)
        assert_string_equal(listed, candidates);
}

static void a_word_goes_on_as_far_as_it_is_clear(void **state)
{
    (void)state;
    assert_completes("li", "st ", 1, "list");
    assert_completes("res", "", 2, "restart  resume");
    assert_completes("rest", "art ", 1, "restart");
    assert_completes("show ", "", 3, "web-1  web-2  control");
    assert_completes("show w", "eb-", 2, "web-1  web-2");
    assert_completes("show web-2", " ", 1, "web-2");
    assert_completes("show c", "ontrol ", 1, "control");
    assert_completes("list w", "", 0, "");
    assert_completes("shw w", "", 0, "");
    assert_completes("show web-1 w", "", 0, "");
    assert_completes("q", "", 0, "");
    assert_completes("", "", MONITOR_COMMAND_COUNT, NULL);
}

static void any_line_is_taken(void **state)
{
    struct monitor_request request;
    struct monitor_error error;
    char more[CONFIG_NAME_SIZE + 1], listed[MONITOR_CANDIDATES_SIZE];
    (void)state;
    for (unsigned seed = 0; seed < 20000; seed++) {
        char line[121];
        unsigned length = (unsigned)rand() % 121;
        for (unsigned i = 0; i < length; i++)
            line[i] = " dumpshowweb-1 0x9 "[rand() % 19];
        line[length] = '\0';
        if (monitor_parse(line, &names, &request, &error) == MONITOR_PARSED)
            assert_true(request.command < MONITOR_COMMAND_COUNT && request.vm <= MONITOR_ANY_VM);
        monitor_complete(line, &names, more, listed);
        assert_true(strlen(more) <= CONFIG_NAME_SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_a_request),
        cmocka_unit_test(every_command_is_known_by_its_name),
        cmocka_unit_test(a_wrong_line_is_answered_with_what_would_be_right),
        cmocka_unit_test(a_switch_takes_a_word_of_the_callers),
        cmocka_unit_test(an_error_names_the_word_that_was_meant),
        cmocka_unit_test(a_manager_may_manage_lives_and_see_itself),
        cmocka_unit_test(a_word_goes_on_as_far_as_it_is_clear),
        cmocka_unit_test(any_line_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
