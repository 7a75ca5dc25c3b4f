/* SPDX-License-Identifier: MIT
 *
 * The interval timer: what the data sheet draws, and everything once more
 * against a model that does what a counter does at each pulse of its clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/pit.h"
#include "hv/ticks.h"

enum { COUNTER_0 = 0x40, COUNTER_1 = 0x41, COUNTER_2 = 0x42, CONTROL = 0x43 };
enum { LOW = 0x10, HIGH = 0x20, BOTH = 0x30, BCD = 1 };
enum { GATE_2 = 1, SPEAKER = 2, REFRESH = 0x10, OUTPUT_2 = 0x20 };

static struct pit pit;
static uint64_t now;

static int fresh(void **state)
{
    (void)state;
    now = 123456789;
    pit_init(&pit, now);
    return 0;
}

static void control(uint8_t value) { pit_write(&pit, CONTROL, value, now); }
static void write(uint16_t port, uint8_t value) { pit_write(&pit, port, value, now); }
static uint8_t get(uint16_t port) { return pit_read(&pit, port, now); }
static bool out_2(void) { return pit_read_61(&pit, now) & OUTPUT_2; }
static void gate_2(bool high) { pit_write_61(&pit, high ? GATE_2 : 0, now); }

static void write_both(uint16_t port, uint16_t value)
{
    write(port, (uint8_t)value);
    write(port, (uint8_t)(value >> 8));
}

static uint16_t get_both(uint16_t port)
{
    uint8_t low = get(port);
    return (uint16_t)(low | get(port) << 8);
}

static uint16_t latched(unsigned counter)
{
    control((uint8_t)(counter << 6));
    return get_both((uint16_t)(COUNTER_0 + counter));
}

static bool rose(void) { return pit_take_rise(&pit, now); }

/* ---- One behaviour each ---- */

static void firmware_has_set_it_to_18_hz(void **state)
{
    (void)state;
    assert_false(rose());
    now += 65536;
    assert_false(rose());
    assert_int_equal(pit_next_rise(&pit), now + 1);
    now += 1;
    assert_true(rose());
    assert_false(rose());
    control(0xE2); /* read back: status of counter 0 */
    assert_int_equal(get(COUNTER_0), 0x80 | 0x36);
}

static void terminal_count_rises_once_a_pulse_after_the_count(void **state)
{
    (void)state;
    control(BOTH | 0 << 1);
    assert_false(pit_is_high(&pit, now));
    assert_int_equal(pit_next_rise(&pit), PIT_NEVER);
    write_both(COUNTER_0, 1000);
    assert_int_equal(pit_next_rise(&pit), now + 1001);
    now += 1000;
    assert_int_equal(latched(0), 1);
    assert_false(pit_is_high(&pit, now));
    assert_false(rose());
    now += 1;
    assert_true(pit_is_high(&pit, now));
    assert_true(rose());
    assert_int_equal(pit_next_rise(&pit), PIT_NEVER);
    assert_int_equal(latched(0), 0);
    now += 1; /* it counts on, and never rises again */
    assert_int_equal(latched(0), 0xFFFF);
    now += 200000;
    assert_false(rose());
    assert_true(pit_is_high(&pit, now));
}

static void the_first_of_two_bytes_stops_the_terminal_count(void **state)
{
    (void)state;
    control(BOTH | 0 << 1);
    write_both(COUNTER_0, 10);
    now += 20;
    assert_true(pit_is_high(&pit, now));
    write(COUNTER_0, 10);
    assert_false(pit_is_high(&pit, now));
    now += 100;
    assert_int_equal(pit_next_rise(&pit), PIT_NEVER);
    write(COUNTER_0, 0);
    (void)rose();
    now += 11;
    assert_true(rose());
}

static void a_write_says_whether_counter_0_goes_on_in_another_way(void **state)
{
    (void)state;
    assert_true(pit_write(&pit, CONTROL, BOTH | 2 << 1, now));
    assert_false(pit_write(&pit, COUNTER_0, 10, now));
    assert_true(pit_write(&pit, COUNTER_0, 0, now));
    assert_false(pit_write(&pit, CONTROL, 0, now)); /* a latch */
    assert_false(pit_write(&pit, CONTROL, 0xC2, now)); /* read back */
    assert_false(pit_write(&pit, CONTROL, 0x80 | LOW, now));
    assert_false(pit_write(&pit, COUNTER_2, 1, now));
    assert_true(pit_write(&pit, CONTROL, BOTH | 0 << 1, now));
    assert_true(pit_write(&pit, COUNTER_0, 10, now));
}

static void half_a_count_is_forgotten_with_its_control_word(void **state)
{
    (void)state;
    control(BOTH | 2 << 1);
    write(COUNTER_0, 0x34);
    control(HIGH | 2 << 1);
    write(COUNTER_0, 0x12);
    now += 1;
    assert_int_equal(pit.counters[0].count, 0x1200);
}

static void the_rate_generator_is_periodic(void **state)
{
    (void)state;
    control(BOTH | 2 << 1);
    write_both(COUNTER_0, 1193);
    uint64_t begin = now + 1;
    assert_true(pit_is_high(&pit, now));
    assert_false(rose());
    for (uint64_t period = 1; period < 100; period++) {
        assert_int_equal(pit_next_rise(&pit), begin + period * 1193);
        now = begin + period * 1193 - 1;
        assert_false(pit_is_high(&pit, now)); /* low for one pulse */
        assert_int_equal(latched(0), 1);
        assert_false(rose());
        now++;
        assert_true(pit_is_high(&pit, now));
        assert_int_equal(latched(0), 1193);
        assert_true(rose());
    }
    now += 1193 * 1000000ull; /* however long nobody looks: one rise */
    assert_true(rose());
    assert_false(rose());
}

static void a_new_rate_begins_with_the_next_period(void **state)
{
    (void)state;
    control(BOTH | 2 << 1);
    write_both(COUNTER_0, 100);
    uint64_t begin = now + 1;
    now = begin + 130;
    assert_true(rose());
    write_both(COUNTER_0, 1000);
    assert_int_equal(pit_next_rise(&pit), begin + 200);
    now = begin + 199;
    assert_false(rose());
    now = begin + 200;
    assert_true(rose());
    assert_int_equal(latched(0), 1000);
    assert_int_equal(pit_next_rise(&pit), begin + 1200);
}

static void the_square_wave_is_high_for_the_longer_half(void **state)
{
    (void)state;
    control(BOTH | 3 << 1);
    write_both(COUNTER_0, 5);
    uint64_t begin = now + 1;
    static const bool high[] = { true, true, true, false, false };
    static const uint16_t value[] = { 4, 2, 0, 4, 2 };
    for (unsigned i = 0; i < 50; i++) {
        now = begin + i;
        assert_int_equal(pit_is_high(&pit, now), high[i % 5]);
        assert_int_equal(latched(0), value[i % 5]);
        assert_int_equal(rose(), i != 0 && i % 5 == 0);
    }
}

static void the_software_strobe_is_low_for_one_pulse(void **state)
{
    (void)state;
    control(BOTH | 4 << 1); /* how Linux asks for one interrupt */
    write_both(COUNTER_0, 50);
    assert_int_equal(pit_next_rise(&pit), now + 52);
    now += 50;
    assert_true(pit_is_high(&pit, now));
    now += 1;
    assert_false(pit_is_high(&pit, now));
    assert_false(rose());
    now += 1;
    assert_true(pit_is_high(&pit, now));
    assert_true(rose());
    now += 1000000;
    assert_false(rose());
    assert_int_equal(pit_next_rise(&pit), PIT_NEVER);
}

static void counters_0_and_1_are_never_triggered_by_their_gates(void **state)
{
    (void)state;
    control(BOTH | 1 << 1);
    write_both(COUNTER_0, 50);
    now += 100000;
    assert_true(pit_is_high(&pit, now));
    assert_int_equal(pit_next_rise(&pit), PIT_NEVER);
    control(BOTH | 5 << 1);
    write_both(COUNTER_0, 50);
    now += 100000;
    assert_false(rose());
    assert_int_equal(pit_next_rise(&pit), PIT_NEVER);
}

/* How the frequency of the TSC is measured. */
static void counter_2_is_gated_and_seen_by_port_61(void **state)
{
    (void)state;
    gate_2(false);
    control(0x80 | BOTH | 0 << 1);
    write_both(COUNTER_2, 11932);
    now += 100000;
    assert_false(out_2());
    gate_2(true);
    now += 11931;
    assert_false(out_2());
    now += 1;
    assert_true(out_2());
}

static void a_low_gate_pauses_a_terminal_count(void **state)
{
    (void)state;
    gate_2(true);
    control(0x80 | BOTH | 0 << 1);
    write_both(COUNTER_2, 100);
    now += 61;
    gate_2(false);
    now += 1000;
    assert_int_equal(latched(2), 40);
    gate_2(true);
    now += 39;
    assert_false(out_2());
    now += 1;
    assert_true(out_2());
}

static void a_rising_gate_starts_the_one_shot(void **state)
{
    (void)state;
    gate_2(false);
    control(0x80 | BOTH | 1 << 1);
    write_both(COUNTER_2, 100);
    now += 50;
    assert_true(out_2());
    gate_2(true);
    assert_true(out_2());
    now += 1;
    assert_false(out_2());
    gate_2(false); /* which it does not mind */
    now += 60;
    gate_2(true); /* again from the beginning */
    assert_false(out_2());
    now += 100;
    assert_false(out_2());
    now += 1;
    assert_true(out_2());
}

static void port_61_keeps_four_bits_and_shows_two(void **state)
{
    (void)state;
    pit_write_61(&pit, 0xFF, now);
    assert_int_equal(pit_read_61(&pit, now) & 0x0F, 0x0F);
    assert_int_equal(pit_read_61(&pit, now) & 0xC0, 0);
    unsigned changes = 0;
    for (unsigned i = 0; i < 1193; i++) {
        uint8_t before = pit_read_61(&pit, now++);
        changes += (before ^ pit_read_61(&pit, now)) >> 4 & 1;
    }
    assert_in_range(changes, 66, 67); /* of the RAM's refresh, in a millisecond */
}

static void a_latched_count_stands_until_it_is_read(void **state)
{
    (void)state;
    control(BOTH | 2 << 1);
    write_both(COUNTER_0, 0x1234);
    now += 1;
    control(0x00);
    now += 0x100;
    control(0x00); /* the first one counts */
    assert_int_equal(get_both(COUNTER_0), 0x1234);
    assert_int_equal(get_both(COUNTER_0), 0x1134);
}

static void bytes_go_one_by_one_as_the_control_word_says(void **state)
{
    (void)state;
    control(HIGH | 2 << 1);
    write(COUNTER_0, 0x12);
    now += 1;
    assert_int_equal(get(COUNTER_0), 0x12);
    now += 0x200;
    assert_int_equal(get(COUNTER_0), 0x10);
    control(0x00);
    assert_int_equal(get(COUNTER_0), 0x10);
    control(LOW | 2 << 1);
    write(COUNTER_0, 0x12);
    now += 3;
    assert_int_equal(get(COUNTER_0), 0x10);
    control(BOTH | 2 << 1);
    write_both(COUNTER_0, 0x5678);
    now += 1;
    assert_int_equal(get(COUNTER_0), 0x78);
    assert_int_equal(get(COUNTER_0), 0x56);
    assert_int_equal(pit_read(&pit, CONTROL, now), 0xFF);
}

static void reading_back_latches_several_and_status_comes_first(void **state)
{
    (void)state;
    control(BOTH | 2 << 1);
    control(0x80 | BOTH | 3 << 1 | BCD);
    gate_2(true);
    write_both(COUNTER_2, 0x0100);
    control(0xC0 | 0x0A); /* status and count of 0 and 2 */
    assert_int_equal(get(COUNTER_0), 0x80 | 0x40 | 0x34); /* null count */
    assert_int_equal(get(COUNTER_2), 0x80 | 0x40 | 0x37);
    write_both(COUNTER_0, 100);
    now += 61;
    control(0xC0 | 0x20 | 0x0A); /* status alone; what was latched before stays */
    assert_int_equal(get(COUNTER_0), 0x80 | 0x34);
    assert_int_equal(get(COUNTER_2), 0x37); /* output low */
    (void)get_both(COUNTER_2);
    control(0xC0 | 0x10 | 0x0A); /* counts alone */
    now += 7;
    (void)get_both(COUNTER_0);
    assert_int_equal(get_both(COUNTER_2), 0x0080); /* ten pulses into the low half */
    control(0xC0 | 0x30 | 0x0E); /* nothing */
    assert_int_equal(get(COUNTER_0), 100 - 67);
}

static void decimal_counts_wrap_at_9999(void **state)
{
    (void)state;
    control(BOTH | 0 << 1 | BCD);
    write_both(COUNTER_0, 0x1000);
    now += 2;
    assert_int_equal(latched(0), 0x0999);
    now += 1000;
    assert_int_equal(latched(0), 0x9999);
    write_both(COUNTER_0, 0); /* 10000 */
    assert_int_equal(pit_next_rise(&pit), now + 10001);
    control(LOW | 2 << 1 | BCD);
    write(COUNTER_0, 0x42);
    assert_int_equal(pit_next_rise(&pit), now + 43);
}

static void a_control_word_that_lifts_the_output_is_an_edge(void **state)
{
    (void)state;
    control(BOTH | 0 << 1);
    assert_false(rose());
    control(BOTH | 2 << 1);
    assert_true(rose());
    control(BOTH | 2 << 1);
    assert_false(rose());
}

static void an_illegal_count_of_1_stands_still(void **state)
{
    (void)state;
    for (unsigned mode = 2; mode <= 3; mode++) {
        control((uint8_t)(LOW | mode << 1));
        write(COUNTER_0, 1);
        (void)rose();
        assert_int_equal(pit_next_rise(&pit), PIT_NEVER);
        now += 1000;
        assert_false(rose());
        assert_true(pit_is_high(&pit, now));
        write(COUNTER_0, 50);
        now += 100;
        assert_true(rose());
    }
}

/* ---- Against a model that counts ---- */

struct model {
    unsigned mode;
    uint32_t modulus, count, element;
    bool gate, output, full, load, counting, triggered;
    bool fresh; /* `full` since the last pulse: the element is not settled */
    unsigned rises;
};

static struct model model;

static void model_mode(unsigned mode, bool decimal)
{
    model = (struct model){ .mode = mode, .modulus = decimal ? 10000 : 65536,
                            .gate = model.gate, .rises = model.rises + (mode && !model.output),
                            .output = mode != 0 };
}

static void model_count(uint32_t count)
{
    model.count = count;
    model.full = true;
    if (model.mode == 0)
        model.output = false;
    if (model.mode == 0 || model.mode == 4 || (model.mode <= 3 && model.mode >= 2 && !model.counting))
        model.load = true;
}

static void model_gate(bool high)
{
    bool rise = high && !model.gate;
    model.gate = high;
    if (rise && model.full && model.mode != 0 && model.mode != 4)
        model.load = true;
    if (!high && (model.mode == 2 || model.mode == 3)) {
        model.output = true;
        model.counting = false;
    }
}

static void model_load(void)
{
    model.load = false;
    model.element = model.count;
    model.counting = true;
    model.triggered = true;
    if (model.mode == 1)
        model.output = false;
    else if (model.mode != 0)
        model.output = true;
    if (model.mode == 3)
        model.element &= ~1u;
}

static uint32_t running; /* the count in progress of the periodic modes */

static void model_pulse(void)
{
    bool was_high = model.output;

    if (model.load) {
        bool gated = model.mode == 2 || model.mode == 3;
        if (!gated || model.gate) {
            model_load();
            running = model.count;
        }
    } else if (model.counting && model.mode == 2 && model.gate && running > 1) {
        if (model.element == 1) {
            model.element = running = model.count;
            model.output = true;
        } else {
            model.element--;
            model.output = model.element != 1;
        }
    } else if (model.counting && model.mode == 3 && model.gate && running > 1) {
        uint32_t last = running % 2 && model.output ? 0 : 2;
        if (model.element == last) {
            running = model.count;
            model.element = running & ~1u;
            model.output = !model.output;
        } else {
            model.element -= 2;
        }
    } else if (model.counting && (model.mode & 3) < 2 &&
               (model.gate || model.mode == 1 || model.mode == 5)) {
        model.element = (model.element + model.modulus - 1) % model.modulus;
        bool end = model.element == 0 && model.triggered;
        if (model.mode <= 1)
            model.output |= end;
        else
            model.output = !end;
        if (end)
            model.triggered = false;
    }
    model.rises += model.output && !was_high;
    model.fresh = false;
}

static uint8_t bcd(unsigned value) { return (uint8_t)(value / 10 << 4 | value % 10); }

/* One byte counts, so that a period ends often. */
static void random_step(unsigned counter, bool *decimal)
{
    uint16_t port = (uint16_t)(COUNTER_0 + counter);
    unsigned kind = (unsigned)rand() % 64;

    if (kind == 0) {
        unsigned mode = (unsigned)rand() % 6;
        *decimal = rand() % 2;
        control((uint8_t)(counter << 6 | LOW | mode << 1 | *decimal));
        model_mode(mode, *decimal);
    } else if (kind < 3) {
        unsigned count = (unsigned)rand() % 40 + 2;
        write(port, *decimal ? bcd(count) : (uint8_t)count);
        model_count(count);
        model.fresh = true;
    } else if (kind < 6 && counter == 2) {
        bool high = rand() % 2;
        gate_2(high);
        model_gate(high);
        model.fresh = true;
    }
}

static void look(unsigned counter, bool decimal)
{
    uint16_t port = (uint16_t)(COUNTER_0 + counter);

    if (counter == 0) {
        assert_int_equal(rose(), model.rises != 0);
        assert_int_equal(pit_is_high(&pit, now), model.output);
        model.rises = 0;
    } else {
        assert_int_equal(out_2(), model.output);
    }
    if (model.counting && !model.fresh && !model.load && model.gate) {
        uint8_t low = (uint8_t)model.element;
        assert_int_equal(get(port), decimal ? bcd(model.element % 100) : low);
    }
}

static void random_use_is_as_if_each_pulse_were_counted(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 400; seed++) {
        unsigned counter = seed % 2 ? 2 : 0;
        bool decimal = false;
        srand(seed);
        fresh(NULL);
        model.gate = counter == 0;
        model.output = true;
        gate_2(false);
        control((uint8_t)(counter << 6 | LOW | 2 << 1));
        (void)rose();
        model_mode(2, false);
        model.rises = 0;
        for (unsigned i = 0; i < 3000; i++) {
            random_step(counter, &decimal);
            for (unsigned pulses = (unsigned)rand() % 3 ? 1 : (unsigned)rand() % 90; pulses;
                 pulses--) {
                now++;
                model_pulse();
            }
            look(counter, decimal);
        }
    }
}

/* Whatever is asked of it, the next rise is where the output rises. */
static void the_next_rise_is_where_the_output_rises(void **state)
{
    (void)state;
    srand(8254);
    for (unsigned i = 0; i < 20000; i++) {
        if (rand() % 4 == 0)
            control((uint8_t)(LOW | rand() % 6 << 1));
        write(COUNTER_0, (uint8_t)rand());
        (void)rose();
        for (unsigned looks = 0; looks < 4; looks++) {
            uint64_t next = pit_next_rise(&pit);
            if (next == PIT_NEVER) {
                now += 1000;
                assert_false(rose());
                break;
            }
            assert_true(next > now && next <= now + 65538);
            now = next - 1;
            assert_false(rose());
            now = next;
            (void)rose(); /* or only the middle of a square wave */
        }
        now += (uint64_t)rand() % 300;
    }
}

/* ---- Ticks ---- */

static void ticks_do_not_drift(void **state)
{
    (void)state;
    static const uint64_t tsc_hz[] = { 1193182, 100000000, 2099999999, 3600000000, 16000000001 };
    for (unsigned i = 0; i < 5; i++) {
        uint64_t hz = tsc_hz[i];
        assert_int_equal(ticks_at(0, hz, PIT_HZ), 0);
        assert_int_equal(ticks_at(hz - 1, hz, PIT_HZ), PIT_HZ - 1);
        assert_int_equal(ticks_at(hz * 31536000, hz, PIT_HZ), 31536000ull * PIT_HZ);
        srand(i);
        for (unsigned j = 0; j < 100000; j++) {
            uint64_t tsc = (uint64_t)rand() << 25 ^ (uint64_t)rand();
            unsigned __int128 product = (unsigned __int128)tsc * PIT_HZ;
            uint64_t ticks = ticks_at(tsc, hz, PIT_HZ);
            assert_true(ticks == (uint64_t)(product / hz));
            uint64_t first = ticks_tsc(ticks, hz, PIT_HZ);
            assert_true(first <= tsc && ticks_at(first, hz, PIT_HZ) == ticks);
            assert_true(first == 0 || ticks_at(first - 1, hz, PIT_HZ) == ticks - 1);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(firmware_has_set_it_to_18_hz),
        TEST(terminal_count_rises_once_a_pulse_after_the_count),
        TEST(the_first_of_two_bytes_stops_the_terminal_count),
        TEST(a_write_says_whether_counter_0_goes_on_in_another_way),
        TEST(half_a_count_is_forgotten_with_its_control_word),
        TEST(the_rate_generator_is_periodic),
        TEST(a_new_rate_begins_with_the_next_period),
        TEST(the_square_wave_is_high_for_the_longer_half),
        TEST(the_software_strobe_is_low_for_one_pulse),
        TEST(counters_0_and_1_are_never_triggered_by_their_gates),
        TEST(counter_2_is_gated_and_seen_by_port_61),
        TEST(a_low_gate_pauses_a_terminal_count),
        TEST(a_rising_gate_starts_the_one_shot),
        TEST(port_61_keeps_four_bits_and_shows_two),
        TEST(a_latched_count_stands_until_it_is_read),
        TEST(bytes_go_one_by_one_as_the_control_word_says),
        TEST(reading_back_latches_several_and_status_comes_first),
        TEST(decimal_counts_wrap_at_9999),
        TEST(a_control_word_that_lifts_the_output_is_an_edge),
        TEST(an_illegal_count_of_1_stands_still),
        TEST(random_use_is_as_if_each_pulse_were_counted),
        TEST(the_next_rise_is_where_the_output_rises),
        TEST(ticks_do_not_drift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
