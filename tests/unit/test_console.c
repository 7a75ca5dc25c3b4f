/* SPDX-License-Identifier: MIT
 *
 * The console with the fake machine's wire at one end and guests at the other.
 *
 * The model: guest g's output byte i is a function of g and i, and the wire is
 * read back like a user would: hypervisor lines, line breaks, and bytes of the
 * guest whose name was last announced. Every byte that is not accounted for, or
 * comes out of order, fails the test.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "hv/console.h"
#include "hv/console_wire.h"
#include "hv/log.h"
#include "hv/vm.h"
#include "tests/fake/terminal.h"

#define GUESTS 3
#define RING_MAX (256u << 10)
#define PREFIX "\x1D"
#define LINE "[bulkhead TEST] "

static const struct vm_config configs[GUESTS] = {
    { .name = "ada" }, { .name = "bob" }, { .name = "cyd" }
};
static struct vm guests[GUESTS];
static uint8_t outputs[GUESTS][RING_MAX];
static uint8_t inputs[GUESTS][RING_MAX];
static unsigned refreshed[GUESTS];

void uart_refresh(struct uart *uart)
{
    refreshed[uart->vm->index]++;
}

static void attach(unsigned count, size_t output_bytes, size_t input_bytes)
{
    for (unsigned i = 0; i < count; i++) {
        guests[i].com1.vm = &guests[i];
        console_attach(&guests[i], outputs[i], output_bytes, inputs[i], input_bytes);
        console_vm_started(i);
    }
}

static int fresh(void **state)
{
    (void)state;
    fake_terminal_reset();
    memset(refreshed, 0, sizeof refreshed);
    for (unsigned i = 0; i < GUESTS; i++) {
        guests[i].config = &configs[i];
        guests[i].index = i;
        guests[i].state = VM_RUNNING;
    }
    return 0;
}

static void write_byte(unsigned vm, uint8_t byte)
{
    while (!console_output(vm, byte).output_taken)
        console_wait_for_room(vm);
}

static void say(unsigned vm, const char *text)
{
    for (; *text; text++)
        write_byte(vm, (uint8_t)*text);
}

static void type(const char *keys)
{
    fake_terminal_type(keys, strlen(keys));
    console_service();
}

static void take(unsigned vm, const char *expected)
{
    for (; *expected; expected++)
        assert_int_equal(console_input_take(vm), *expected);
    assert_int_equal(console_input_take(vm), -1);
}

static void the_first_guest_has_the_focus_and_the_keys_are_shown(void **state)
{
    (void)state;
    attach(2, 4096, 4096);
    console_flush();
    const char *shown = fake_terminal_shown();
    assert_non_null(strstr(shown, LINE "console: ada (guest 1)"));
    assert_non_null(strstr(shown, "Ctrl-]"));
    assert_null(strstr(shown, "bob"));
    console_use_interrupts();
    say(0, "hello\n");
    say(1, "unseen\n");
    assert_string_equal(fake_terminal_shown(), "hello\n");
}

static void a_switch_names_the_guest_and_replays_what_was_not_seen(void **state)
{
    (void)state;
    attach(2, 4096, 4096);
    console_use_interrupts();
    say(1, "one\ntwo\n");
    (void)fake_terminal_shown();
    type(PREFIX "n");
    console_flush();
    const char *shown = fake_terminal_shown();
    assert_ptr_equal(strstr(shown, LINE "console: bob (guest 2)"), shown);
    assert_non_null(strstr(shown, "\r\none\ntwo\n"));
    type(PREFIX "1" PREFIX "2");
    console_flush();
    assert_null(strstr(fake_terminal_shown(), "one"));
}

/* Or it would keep the console's CPU, which may be another guest's, for ever: there
 * each visit asks for the next one while anything waits. */
static void on_a_wire_that_takes_all_a_guest_pays_for_its_own_output(void **state)
{
    (void)state;
    attach(2, 1u << 16, 4096);
    console_use_interrupts();
    for (unsigned i = 0; i < 1u << 16; i++)
        console_output(1, 'x');
    fake_terminal_clear();
    type(PREFIX "2");
    assert_true(fake.console_transmit_wanted);
    unsigned written = 0;
    for (; fake.console_transmit_wanted && written < 1u << 16; written++)
        write_byte(1, 'y');
    assert_true(written <= 64);
}

static void what_was_overwritten_out_of_focus_is_counted(void **state)
{
    (void)state;
    attach(2, 64, 4096);
    console_use_interrupts();
    for (unsigned i = 0; i < 100; i++)
        console_output(1, (uint8_t)('A' + i % 26));
    (void)fake_terminal_shown();
    type(PREFIX "2");
    console_flush();
    const char *shown = fake_terminal_shown();
    assert_non_null(strstr(shown, "bob: 36 bytes of its output were not kept"));
    assert_non_null(strstr(shown, "\r\nKLMNOP"));
    assert_int_equal(shown[strlen(shown) - 1], 'A' + 99 % 26);
}

static void a_line_of_the_hypervisor_breaks_a_guests_line(void **state)
{
    (void)state;
    attach(1, 4096, 4096);
    console_use_interrupts();
    (void)fake_terminal_shown();
    say(0, "half");
    log_line(LOG_INFO, "note %u", 7u);
    say(0, "other half\n");
    log_line(LOG_INFO, "next");
    assert_string_equal(fake_terminal_shown(),
                        "half\r\n" LINE "note 7\r\nother half\n" LINE "next\r\n");
}

/* So that a screen can show who wrote what: all of a line, and nothing else. */
static void the_machine_is_told_who_wrote_each_byte(void **state)
{
    (void)state;
    attach(1, 4096, 4096);
    console_use_interrupts();
    size_t begin = fake.console_output_bytes;
    say(0, "half");
    log_line(LOG_INFO, "ours");
    say(0, "rest");
    for (size_t i = begin; i < fake.console_output_bytes; i++) {
        bool ours = i >= begin + strlen("half\r\n") && i < fake.console_output_bytes - strlen("rest");
        assert_int_equal(fake.console_authors[i], ours ? MACHINE_HYPERVISOR : MACHINE_GUEST);
    }
}

static void the_machine_is_told_when_the_guest_changes(void **state)
{
    (void)state;
    attach(2, 4096, 4096);
    console_use_interrupts();
    unsigned before = fake.console_new_guests;
    type(PREFIX "1");
    assert_int_equal(fake.console_new_guests, before);
    type(PREFIX "2");
    assert_int_equal(fake.console_new_guests, before + 1);
    type(PREFIX "m");
    assert_int_equal(fake.console_new_guests, before + 2);
    console_monitor_close(); /* to the same guest, but not from it */
    assert_int_equal(fake.console_new_guests, before + 3);
}

static void everything_is_shown_in_the_end_and_not_each_step(void **state)
{
    (void)state;
    attach(1, 4096, 4096);
    console_use_interrupts();
    say(0, "one");
    assert_int_equal(fake.console_shown, fake.console_output_bytes);
    fake.console_room = 4;
    say(0, "twothree");
    fake.console_room = 1;
    console_service();
    assert_int_not_equal(fake.console_shown, fake.console_output_bytes);
    fake.tsc += 1ull << 26;
    fake.console_room = 1;
    console_service();
    assert_int_equal(fake.console_shown, fake.console_output_bytes); /* some time has passed */
    fake.console_room = 100;
    console_service();
    assert_int_equal(fake.console_shown, fake.console_output_bytes); /* nothing waits */
}

static void a_screen_is_drawn_in_parts_and_once(void **state)
{
    (void)state;
    attach(1, 4096, 4096);
    console_use_interrupts();
    fake.console_parts = 3;
    say(0, "one");
    assert_int_equal(fake.console_shown, fake.console_output_bytes);
    fake.console_parts = 100000; /* others print all the time, and draw that themselves */
    say(0, "two");
    assert_in_range(fake.console_parts, 99000, 100000 - 240 * 75 / 128);
}

static void a_wire_that_takes_single_bytes_still_gets_whole_lines(void **state)
{
    (void)state;
    attach(1, 4096, 4096);
    console_use_interrupts();
    (void)fake_terminal_shown();
    fake.console_room = 2;
    say(0, "guest");
    log_line(LOG_INFO, "a");
    log_line(LOG_INFO, "b");
    say(0, "more");
    assert_true(fake.console_transmit_wanted);
    for (unsigned i = 0; i < 200; i++) {
        fake.console_room = 1;
        console_service();
    }
    assert_false(fake.console_transmit_wanted);
    assert_string_equal(fake_terminal_shown(),
                        "guestmore\r\n" LINE "a\r\n" LINE "b\r\n");
}

static void a_line_of_the_guest_goes_on_before_a_line_of_ours(void **state)
{
    (void)state;
    attach(1, 4096, 4096);
    console_use_interrupts();
    (void)fake_terminal_shown();
    fake.console_room = 2;
    say(0, "one\ntwo");
    log_line(LOG_INFO, "ours");
    fake.console_room = 1000;
    console_flush();
    assert_string_equal(fake_terminal_shown(), "one\n" LINE "ours\r\ntwo");
}

static void a_line_without_an_end_does_not_hold_ours_back(void **state)
{
    (void)state;
    attach(1, 4096, 4096);
    console_use_interrupts();
    (void)fake_terminal_shown();
    fake.console_room = 1;
    for (unsigned i = 0; i < 2000; i++)
        console_output(0, 'x');
    log_line(LOG_INFO, "ours");
    fake.console_room = 4000;
    console_flush();
    const char *shown = fake_terminal_shown();
    const char *ours = strstr(shown, "\r\n" LINE "ours\r\n");
    assert_non_null(ours);
    assert_true(ours - shown < 300);
    assert_int_equal(strlen(shown), 2000 + strlen("\r\n" LINE "ours\r\n"));
}

/* More lines than the wire takes in a second, by whoever causes them. */
static void flood_the_log(void)
{
    fake.console_room = 0;
    for (unsigned i = 0; i < 250; i++)
        log_line(LOG_INFO, "line %02u of many, 52 bytes with its prefix", i % 100);
}

/* All that the wire then takes, a FIFO at a time. */
static const char *shown_by_fifos(void)
{
    while (fake.console_transmit_wanted) {
        fake.console_room = 16;
        console_service();
    }
    return fake_terminal_shown();
}

static void assert_lines_are_whole(const char *shown, unsigned lines)
{
    for (; lines > 0; lines--, shown++) {
        shown = strstr(shown, LINE "line ");
        assert_non_null(shown);
        assert_memory_equal(shown + strlen(LINE "line 00"), " of many, 52 bytes with its prefix\r\n", 36);
    }
}

static void an_answer_to_a_key_goes_before_the_logs_lines(void **state)
{
    (void)state;
    attach(2, 4096, 4096);
    console_use_interrupts();
    (void)fake_terminal_shown();
    flood_the_log();
    fake.console_room = 30; /* and the first line is on the wire */
    console_service();
    type(PREFIX "2");
    const char *shown = shown_by_fifos();
    const char *answer = strstr(shown, LINE "console: bob");
    assert_non_null(answer);
    assert_true(answer - shown <= 2 * 60);
    assert_lines_are_whole(shown, 250);
}

static void output_waits_for_so_many_lines_and_then_takes_turns(unsigned max)
{
    const char *shown = shown_by_fifos();
    const char *end = strstr(shown, "end of output\r\n");
    size_t output = 0, lines = 0;

    assert_non_null(end);
    for (const char *at = shown; at < end; at = strchr(at, '\n') + 1)
        *(strncmp(at, LINE, strlen(LINE)) == 0 ? &lines : &output) += strchr(at, '\n') + 1 - at;
    assert_true(lines >= max && lines <= output + max + 400);
    assert_lines_are_whole(shown, 250);
}

static void lines_do_not_keep_the_monitor_from_the_wire(void **state)
{
    (void)state;
    attach(1, 4096, 4096);
    console_use_interrupts();
    type(PREFIX "m");
    (void)fake_terminal_shown();
    flood_the_log();
    for (unsigned i = 0; i < 40; i++)
        console_monitor_write("a row of a table\r\n", 18);
    console_monitor_write("end of output\r\n", 15);
    output_waits_for_so_many_lines_and_then_takes_turns(CONSOLE_WIRE_BEFORE_MONITOR);
}

static void nothing_comes_between_the_lines_of_boot(void **state)
{
    (void)state;
    attach(1, 8192, 4096);
    (void)fake_terminal_shown();
    flood_the_log();
    console_use_interrupts();
    for (unsigned i = 0; i < 300; i++)
        say(0, "a row of a table\r\n");
    const char *shown = shown_by_fifos();
    const char *row = strstr(shown, "a row");
    assert_non_null(row);
    assert_null(strstr(row, LINE));
    assert_lines_are_whole(shown, 250);
}

static void lines_do_not_keep_a_guest_from_the_wire(void **state)
{
    (void)state;
    attach(1, 8192, 4096);
    console_use_interrupts();
    (void)fake_terminal_shown();
    flood_the_log();
    for (unsigned i = 0; i < 300; i++)
        say(0, "a row of a table\r\n");
    say(0, "end of output\r\n");
    output_waits_for_so_many_lines_and_then_takes_turns(CONSOLE_WIRE_BEFORE_GUEST);
}

static void control_characters_cannot_forge_a_line(void **state)
{
    (void)state;
    log_line(LOG_INFO, "%s", "name\r\n[bulkhead TEST] forged\x1B[2J");
    assert_string_equal(fake_terminal_shown(), LINE "name??[bulkhead TEST] forged?[2J\r\n");
}

static void lines_below_the_level_are_not_shown(void **state)
{
    (void)state;
    log_line(LOG_DEBUG, "debug");
    log_level_set(LOG_WARNING);
    log_line(LOG_INFO, "info");
    log_line(LOG_WARNING, "warning");
    assert_string_equal(fake_terminal_shown(), LINE "warning\r\n");
}

static void a_long_line_is_cut_and_still_ends(void **state)
{
    (void)state;
    char text[2 * LOG_LINE_MAX];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_line(LOG_INFO, "%s", text);
    const char *shown = fake_terminal_shown();
    assert_int_equal(strlen(shown), strlen(LINE) + LOG_LINE_MAX + 2);
    assert_string_equal(shown + strlen(shown) - 3, "x\r\n");
}

static void keys_reach_the_guest_in_focus_only(void **state)
{
    (void)state;
    attach(2, 4096, 4096);
    type("abc" PREFIX "n" "de" PREFIX "1" "f");
    take(0, "abcf");
    take(1, "de");
    assert_int_not_equal(refreshed[0], 0);
    assert_int_not_equal(refreshed[1], 0);
}

static void the_prefix_twice_is_the_prefix_for_the_guest(void **state)
{
    (void)state;
    attach(2, 4096, 4096);
    type("a" PREFIX PREFIX "n");
    take(0, "a\x1Dn");
}

static void unknown_keys_and_absent_guests_are_told(void **state)
{
    (void)state;
    attach(1, 4096, 4096);
    (void)fake_terminal_shown();
    type(PREFIX "x");
    assert_non_null(strstr(fake_terminal_shown(), "next guest"));
    type(PREFIX "?");
    assert_non_null(strstr(fake_terminal_shown(), "next guest"));
    type(PREFIX "7");
    assert_non_null(strstr(fake_terminal_shown(), "there is no guest 7"));
    take(0, "");
}

static void the_quit_key_stops_all_guests_once(void **state)
{
    (void)state;
    attach(2, 4096, 4096);
    type(PREFIX "q");
    assert_int_equal(fake_terminal.stop_all_count, 1);
    console_service();
    assert_int_equal(fake_terminal.stop_all_count, 1);
}

static void a_stopped_guest_gives_the_focus_away_after_its_last_words(void **state)
{
    (void)state;
    attach(3, 4096, 4096);
    console_use_interrupts();
    console_vm_stopped(1);
    (void)fake_terminal_shown();
    fake.console_room = 0;
    say(0, "last words\n");
    say(2, "here\n");
    console_vm_stopped(0);
    assert_string_equal(fake_terminal_shown(), "");
    fake.console_room = sizeof fake.console_output;
    console_service();
    console_flush();
    const char *shown = fake_terminal_shown();
    assert_memory_equal(shown, "last words\n" LINE "console: cyd (guest 3)", 40);
    assert_non_null(strstr(shown, "\r\nhere\n"));
}

static void the_last_guest_keeps_the_focus_and_typing_to_it_is_answered(void **state)
{
    (void)state;
    attach(1, 4096, 4096);
    console_use_interrupts();
    console_vm_stopped(0);
    (void)fake_terminal_shown();
    type("abc");
    assert_string_equal(fake_terminal_shown(), LINE "ada has stopped and reads nothing. "
                        "Ctrl-] then: n next guest, 1-8 guest by number, m monitor, q end the run, "
                        "? these keys, Ctrl-] a Ctrl-] for the guest\r\n");
    console_vm_started(0);
    type("d");
    take(0, "d");
}

static void a_guest_that_the_user_ended_does_not_pass_the_focus_on(void **state)
{
    (void)state;
    attach(2, 4096, 4096);
    console_use_interrupts();
    type(PREFIX "q");
    (void)fake_terminal_shown();
    console_vm_stopped(0);
    console_service();
    assert_string_equal(fake_terminal_shown(), "");
}

static void a_guest_without_a_console_is_always_ready_and_never_heard(void **state)
{
    (void)state;
    attach(1, 4096, 4096);
    console_use_interrupts();
    (void)fake_terminal_shown();
    say(1, "nobody hears this\n");
    assert_true(console_status(1).output_ready);
    assert_int_equal(console_status(1).input_waiting, 0);
    assert_int_equal(console_input_take(1), -1);
    assert_string_equal(fake_terminal_shown(), "");
}

static void a_full_ring_makes_the_guest_wait_and_room_wakes_it(void **state)
{
    (void)state;
    attach(2, 64, 64);
    console_use_interrupts();
    fake.console_room = 0;
    unsigned written = 0;
    for (; console_status(0).output_ready; written++)
        console_output(0, (uint8_t)('a' + written % 26));
    assert_int_equal(written, 64 - UART_FIFO_BYTES + 1);
    assert_int_equal(refreshed[0], 0);
    assert_true(fake.console_transmit_wanted);
    fake.console_room = UART_FIFO_BYTES;
    console_service();
    assert_int_equal(refreshed[0], 1);
    assert_true(console_status(0).output_ready);
}

static void a_guest_that_waits_for_room_is_woken_when_it_loses_the_focus(void **state)
{
    (void)state;
    attach(2, 64, 64);
    console_use_interrupts();
    fake.console_room = 0;
    while (console_status(0).output_ready)
        console_output(0, 'a');
    type(PREFIX "2");
    assert_int_equal(refreshed[0], 1);
    assert_true(console_status(0).output_ready);
}

static void a_write_without_room_is_lost_on_a_dead_wire_only_and_said_once(void **state)
{
    (void)state;
    attach(1, 64, 64);
    console_use_interrupts();
    (void)fake_terminal_shown();
    fake.console_room = 30;
    for (unsigned i = 0; i < 94; i++)
        assert_true(console_output(0, (uint8_t)('a' + i % 26)).output_taken);
    assert_false(console_output(0, 'x').output_taken);
    for (unsigned i = 0; i < 5; i++)
        write_byte(0, 'x');
    fake.console_room = sizeof fake.console_output;
    console_service();
    console_service();
    const char *shown = fake_terminal_shown();
    for (unsigned i = 0; i < 94; i++)
        assert_int_equal(shown[i], 'a' + i % 26);
    assert_string_equal(shown + 94, "\r\n" LINE "ada: 5 bytes of its output were lost: "
                                    "the serial line took nothing\r\n");
}

static void lines_without_room_are_counted(void **state)
{
    (void)state;
    attach(1, 64, 64);
    console_use_interrupts();
    fake.console_room = 0;
    for (unsigned i = 0; i < 2000; i++)
        log_line(LOG_INFO, "line %u", i);
    fake.console_room = sizeof fake.console_output;
    console_flush();
    console_service();
    const char *shown = fake_terminal_shown();
    unsigned lines = 0;
    for (const char *at = shown; (at = strstr(at, LINE "line ")); at++)
        lines++;
    char expected[80];
    snprintf(expected, sizeof expected, LINE "%u lines of the hypervisor were lost", 2000 - lines);
    assert_true(lines > 100 && lines < 2000);
    assert_non_null(strstr(shown, expected));
}

static void before_interrupts_work_a_line_is_out_when_the_call_returns(void **state)
{
    (void)state;
    log_line(LOG_INFO, "early");
    assert_string_equal(fake_terminal_shown(), LINE "early\r\n");
    assert_false(fake.console_transmit_wanted);
}

static void panic_where_the_check_failed(int signal_number)
{
    (void)signal_number;
    console_panic();
    fake.console_room = sizeof fake.console_output;
    log_line(LOG_ERROR, "panic");
    _exit(strcmp(fake_terminal_shown(), LINE "panic\r\nguest\n") ? 1 : 0);
}

/* A CHECK of the console's own fails while it holds its lock. */
static void a_panic_needs_no_lock_and_shows_everything(void **state)
{
    (void)state;
    int status = -1;

    attach(1, 4096, 4096);
    console_use_interrupts();
    (void)fake_terminal_shown();
    fake.console_room = 0;
    say(0, "guest\n");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(10); /* in case it waits for the lock */
        signal(SIGABRT, panic_where_the_check_failed);
        console_output(CONFIG_VMS_MAX, 'x');
        _exit(2);
    }
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* 64 KiB at once, into a ring of any size, with a guest of any speed. */
static void paste(size_t ring, unsigned reads_per_service)
{
    static char pasted[sizeof fake.console_input];
    size_t got = 0;

    fresh(NULL);
    attach(1, 4096, ring);
    console_use_interrupts();
    for (size_t i = 0; i < sizeof pasted; i++)
        pasted[i] = (char)('!' + i % 89);
    fake_terminal_type(pasted, sizeof pasted);
    console_service();
    assert_true(console_status(0).input_waiting == (ring < sizeof pasted ? ring : sizeof pasted));
    while (got < sizeof pasted) {
        for (unsigned i = 0; i < reads_per_service; i++) {
            int byte = console_input_take(0);
            if (byte < 0)
                break;
            assert_int_equal(byte, pasted[got++]);
        }
        console_service();
    }
    assert_int_equal(console_input_take(0), -1);
}

static void a_pasted_64_kib_arrives_whole_however_slow_the_guest(void **state)
{
    (void)state;
    paste(128u << 10, 1);
    paste(128u << 10, 256);
    paste(4096, 1);
    paste(4096, 100);
    paste(64, 1);
    paste(64, 64);
}

static void a_guest_that_never_reads_does_not_take_the_keys_with_it(void **state)
{
    (void)state;
    attach(2, 4096, 64);
    console_use_interrupts();
    (void)fake_terminal_shown();
    char pasted[100];
    memset(pasted, 'p', sizeof pasted);
    fake_terminal_type(pasted, sizeof pasted);
    type(PREFIX "2");
    assert_string_equal(fake_terminal_shown(), ""); /* it may just be slow */
    fake.tsc += 1ull << 33;
    console_service();
    console_flush();
    const char *shown = fake_terminal_shown();
    assert_non_null(strstr(shown, "ada does not read its input"));
    assert_non_null(strstr(shown, "console: bob"));
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(console_input_take(0), 'p');
    assert_int_equal(console_input_take(0), -1);
    assert_non_null(strstr(fake_terminal_shown(), "reads its input again; 36 bytes were dropped"));
    type(PREFIX "1" "x");
    take(0, "x");
}

static void a_guest_that_reads_now_and_then_is_waited_for(void **state)
{
    (void)state;
    attach(1, 4096, 64);
    console_use_interrupts();
    (void)fake_terminal_shown();
    char pasted[80];
    memset(pasted, 'p', sizeof pasted);
    fake_terminal_type(pasted, sizeof pasted);
    for (unsigned i = 0; i < sizeof pasted; i++) {
        console_service();
        fake.tsc += 3ull << 30;
        assert_int_equal(console_input_take(0), 'p');
    }
    assert_string_equal(fake_terminal_shown(), "");
}

/* The model. */

struct model {
    uint64_t written[GUESTS];
    uint64_t shown[GUESTS]; /* read back, or announced as not kept */
    unsigned announced;     /* whose output the wire carries */
    uint64_t lines_logged;
    uint64_t lines_seen;
};

static uint8_t model_byte(unsigned guest, uint64_t index)
{
    if (index % 23 == 22)
        return '\n';
    return (uint8_t)(0x80 + 0x20 * guest + index % 31);
}

static const char *read_line(struct model *model, const char *at)
{
    const char *end = strstr(at, "\r\n");
    unsigned number;
    unsigned long long count;
    char name[8];

    assert_non_null(end);
    at += strlen(LINE);
    if (sscanf(at, "console: %*s (guest %u)", &number) == 1) {
        model->announced = number - 1;
    } else if (sscanf(at, "%3s: %llu bytes of its output were not kept", name, &count) == 2) {
        assert_string_equal(name, configs[model->announced].name);
        model->shown[model->announced] += count;
    } else if (sscanf(at, "line %llu", &count) == 1) {
        assert_int_equal(count, model->lines_seen++);
    } else {
        fail_msg("unexpected: %.60s", at);
    }
    return end + 2;
}

static void read_wire(struct model *model, const char *at)
{
    bool line_start = true;

    while (*at) {
        if (strncmp(at, LINE, strlen(LINE)) == 0) {
            assert_true(line_start);
            at = read_line(model, at);
        } else if (at[0] == '\r') {
            assert_false(line_start);
            assert_memory_equal(at, "\r\n" LINE, strlen("\r\n" LINE));
            at += 2;
            line_start = true;
        } else {
            unsigned guest = model->announced;
            assert_int_equal((uint8_t)*at, model_byte(guest, model->shown[guest]++));
            line_start = *at++ == '\n';
        }
    }
}

static void random_step(struct model *model)
{
    unsigned guest = (unsigned)rand() % GUESTS;
    unsigned count = (unsigned)rand() % 40;

    switch (rand() % 12) {
    default:
        for (; count > 0 && console_status(guest).output_ready; count--)
            console_output(guest, model_byte(guest, model->written[guest]++));
        break;
    case 6:
    case 7:
        fake.console_room = (size_t)rand() % 50;
        break;
    case 8:
    case 9:
        console_service();
        break;
    case 10:
        if (rand() % 20 == 0) /* lines have their own, bounded, room */
            type((const char *[]){ PREFIX "1", PREFIX "2", PREFIX "3", PREFIX "n" }[rand() % 4]);
        break;
    case 11:
        if (rand() % 4 == 0 && model->lines_logged - model->lines_seen < 100)
            log_line(LOG_INFO, "line %llu", (unsigned long long)model->lines_logged++);
        break;
    }
    /* An interrupt comes whenever it is wanted and the wire is free. */
    if (fake.console_transmit_wanted && fake.console_room > 0)
        console_service();
}

static void run_model(size_t ring, unsigned steps)
{
    struct model model = { .announced = 0 };

    fresh(NULL);
    attach(GUESTS, ring, 4096);
    console_use_interrupts();
    while (steps-- > 0 && fake.console_output_bytes < sizeof fake.console_output / 2)
        random_step(&model);
    fake.console_room = sizeof fake.console_output;
    for (unsigned i = 0; i < 2 * GUESTS; i++) {
        type(PREFIX "n");
        console_flush();
    }
    read_wire(&model, fake_terminal_shown());
    assert_int_equal(model.lines_seen, model.lines_logged);
    for (unsigned i = 0; i < GUESTS; i++)
        assert_int_equal(model.shown[i], model.written[i]);
}

static void every_byte_comes_out_in_order_whatever_the_wire_and_the_user_do(void **state)
{
    (void)state;
    srand(1);
    for (unsigned i = 0; i < 30; i++)
        run_model(16u << i % 8, 20000);
}

static void random_keys_reach_the_guests_in_order(void **state)
{
    (void)state;
    uint64_t typed[2] = { 0 }, taken[2] = { 0 };
    unsigned focus = 0;

    srand(2);
    attach(2, 4096, 64);
    while (fake.console_input_bytes + 64 < sizeof fake.console_input) {
        if (rand() % 20 == 0) {
            focus = (unsigned)rand() % 2;
            fake_terminal_type(focus ? PREFIX "2" : PREFIX "1", 2);
        }
        for (int i = rand() % 40; i > 0; i--) {
            char byte = (char)('A' + typed[focus]++ % 57);
            fake_terminal_type(&byte, 1);
        }
        for (unsigned guest = 0; guest < 2; guest++) {
            console_service();
            for (int i = rand() % 60; i > 0; i--) {
                int byte = console_input_take(guest);
                if (byte >= 0)
                    assert_int_equal(byte, 'A' + taken[guest]++ % 57);
            }
        }
    }
    for (unsigned i = 0; i < 100000; i++) {
        console_service();
        int byte = console_input_take(i % 2);
        if (byte >= 0)
            assert_int_equal(byte, 'A' + taken[i % 2]++ % 57);
    }
    assert_int_equal(taken[0], typed[0]);
    assert_int_equal(taken[1], typed[1]);
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_guest_has_the_focus_and_the_keys_are_shown),
        TEST(a_switch_names_the_guest_and_replays_what_was_not_seen),
        TEST(on_a_wire_that_takes_all_a_guest_pays_for_its_own_output),
        TEST(what_was_overwritten_out_of_focus_is_counted),
        TEST(a_line_of_the_hypervisor_breaks_a_guests_line),
        TEST(the_machine_is_told_who_wrote_each_byte),
        TEST(the_machine_is_told_when_the_guest_changes),
        TEST(everything_is_shown_in_the_end_and_not_each_step),
        TEST(a_screen_is_drawn_in_parts_and_once),
        TEST(a_screen_is_drawn_in_parts_and_once),
        TEST(a_wire_that_takes_single_bytes_still_gets_whole_lines),
        TEST(a_line_of_the_guest_goes_on_before_a_line_of_ours),
        TEST(a_line_without_an_end_does_not_hold_ours_back),
        TEST(an_answer_to_a_key_goes_before_the_logs_lines),
        TEST(lines_do_not_keep_the_monitor_from_the_wire),
        TEST(nothing_comes_between_the_lines_of_boot),
        TEST(lines_do_not_keep_a_guest_from_the_wire),
        TEST(control_characters_cannot_forge_a_line),
        TEST(lines_below_the_level_are_not_shown),
        TEST(a_long_line_is_cut_and_still_ends),
        TEST(keys_reach_the_guest_in_focus_only),
        TEST(the_prefix_twice_is_the_prefix_for_the_guest),
        TEST(unknown_keys_and_absent_guests_are_told),
        TEST(the_quit_key_stops_all_guests_once),
        TEST(a_stopped_guest_gives_the_focus_away_after_its_last_words),
        TEST(the_last_guest_keeps_the_focus_and_typing_to_it_is_answered),
        TEST(a_guest_that_the_user_ended_does_not_pass_the_focus_on),
        TEST(a_guest_without_a_console_is_always_ready_and_never_heard),
        TEST(a_full_ring_makes_the_guest_wait_and_room_wakes_it),
        TEST(a_guest_that_waits_for_room_is_woken_when_it_loses_the_focus),
        TEST(a_write_without_room_is_lost_on_a_dead_wire_only_and_said_once),
        TEST(lines_without_room_are_counted),
        TEST(before_interrupts_work_a_line_is_out_when_the_call_returns),
        TEST(a_panic_needs_no_lock_and_shows_everything),
        TEST(a_pasted_64_kib_arrives_whole_however_slow_the_guest),
        TEST(a_guest_that_never_reads_does_not_take_the_keys_with_it),
        TEST(a_guest_that_reads_now_and_then_is_waited_for),
        TEST(every_byte_comes_out_in_order_whatever_the_wire_and_the_user_do),
        TEST(random_keys_reach_the_guests_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
