/* SPDX-License-Identifier: MIT
 *
 * See pit.h. Intel 8254 data sheet, "Programming the 8254" and "Mode
 * Definitions"; its rule that a count is loaded by the CLK pulse behind the
 * write, and counts from the next one, is why a count starts a tick later.
 */
#include "hv/pit.h"

#include "hv/guest_ports.h"

enum pit_mode {
    MODE_TERMINAL_COUNT = 0,
    MODE_ONE_SHOT = 1,
    MODE_RATE = 2,
    MODE_SQUARE_WAVE = 3,
    MODE_SOFTWARE_STROBE = 4,
    MODE_HARDWARE_STROBE = 5,
};

enum pit_access { ACCESS_LATCH = 0, ACCESS_LOW = 1, ACCESS_HIGH = 2, ACCESS_BOTH = 3 };

enum {
    CONTROL_BCD = 1u << 0,
    CONTROL_MODE_SHIFT = 1,
    CONTROL_MODE_MASK = 7,
    CONTROL_ACCESS_SHIFT = 4,
    CONTROL_ACCESS_MASK = 3,
    CONTROL_COUNTER_SHIFT = 6,
    CONTROL_LASTING = 0x3F,

    READ_BACK = 3, /* in place of a counter's number */
    READ_BACK_NO_COUNT = 1u << 5,
    READ_BACK_NO_STATUS = 1u << 4,
    READ_BACK_COUNTERS_SHIFT = 1,

    STATUS_OUTPUT = 1u << 7,
    STATUS_NULL_COUNT = 1u << 6,

    PORT_61_GATE_2 = 1u << 0,
    PORT_61_LASTING = 0x0F,
    PORT_61_REFRESH = 1u << 4,
    PORT_61_OUTPUT_2 = 1u << 5,
};

#define REFRESH_TICKS 18 /* 15 us: of counter 1, which refreshed the RAM */
#define BINARY_MODULUS 0x10000u
#define DECIMAL_MODULUS 10000u

static enum pit_access access_in(uint8_t control)
{
    return (enum pit_access)(control >> CONTROL_ACCESS_SHIFT & CONTROL_ACCESS_MASK);
}

static bool is_periodic(const struct pit_counter *counter)
{
    return counter->mode == MODE_RATE || counter->mode == MODE_SQUARE_WAVE;
}

static bool is_triggered_by_gate(const struct pit_counter *counter)
{
    return counter->mode == MODE_ONE_SHOT || counter->mode == MODE_HARDWARE_STROBE;
}

/* ---- What a counter is at a tick ---- */

/* The count has arrived in the counter. */
static bool is_loaded(const struct pit_counter *counter, uint64_t tick)
{
    return counter->count != 0 && (counter->paused || tick >= counter->start);
}

/* CLK pulses since then. */
static uint64_t counted(const struct pit_counter *counter, uint64_t tick)
{
    if (counter->paused)
        return counter->counted;
    return tick > counter->start ? tick - counter->start : 0;
}

/* The square wave is high for the longer half of an odd count. */
static uint32_t high_half(uint32_t count)
{
    return (count + 1) / 2;
}

static bool output(const struct pit_counter *counter, uint64_t tick)
{
    bool halted = counter->paused || counter->count == 1;
    uint64_t pulses = counted(counter, tick);

    if (!is_loaded(counter, tick))
        return counter->before;
    switch ((enum pit_mode)counter->mode) {
    case MODE_TERMINAL_COUNT:
    case MODE_ONE_SHOT: return pulses >= counter->count;
    case MODE_RATE: return halted || pulses % counter->count != counter->count - 1;
    case MODE_SQUARE_WAVE: return halted || pulses % counter->count < high_half(counter->count);
    case MODE_SOFTWARE_STROBE:
    case MODE_HARDWARE_STROBE: return pulses != counter->count;
    }
    return true;
}

/* How often the output has risen since the count was written. */
static uint64_t rises(const struct pit_counter *counter, uint64_t tick)
{
    uint64_t pulses = counted(counter, tick);

    if (counter->count == 0)
        return 0;
    switch ((enum pit_mode)counter->mode) {
    case MODE_TERMINAL_COUNT:
    case MODE_ONE_SHOT: return pulses >= counter->count;
    case MODE_RATE:
    case MODE_SQUARE_WAVE: return counter->count > 1 ? pulses / counter->count : 0;
    case MODE_SOFTWARE_STROBE:
    case MODE_HARDWARE_STROBE:
        /* Written during a strobe, it ends that one. */
        return (pulses > counter->count) + (is_loaded(counter, tick) && !counter->before);
    }
    return 0;
}

/* It counts by two, twice a period, and an odd count begins with one less. */
static uint32_t square_wave_value(uint32_t count, uint32_t phase)
{
    uint32_t first_half = 2 * high_half(count), done = 2 * phase;

    return (count & ~1u) - (done < first_half ? done : done - first_half);
}

/* What the counting element holds, or more by multiples of the modulus. */
__attribute__((always_inline))
static inline uint32_t element(const struct pit_counter *counter, uint64_t tick, uint32_t modulus)
{
    uint64_t pulses = counted(counter, tick);

    if (counter->count == 0)
        return 0;
    switch ((enum pit_mode)counter->mode) {
    case MODE_RATE: return counter->count - (uint32_t)(pulses % counter->count);
    case MODE_SQUARE_WAVE:
        return square_wave_value(counter->count, (uint32_t)(pulses % counter->count));
    case MODE_TERMINAL_COUNT:
    case MODE_ONE_SHOT:
    case MODE_SOFTWARE_STROBE:
    case MODE_HARDWARE_STROBE: break;
    }
    return counter->count + modulus - (uint32_t)(pulses % modulus);
}

static uint16_t to_bcd(uint32_t value)
{
    return (uint16_t)(value / 1000 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 |
                      value % 10);
}

static uint16_t value_at(const struct pit_counter *counter, uint64_t tick)
{
    if (counter->control & CONTROL_BCD)
        return to_bcd(element(counter, tick, DECIMAL_MODULUS) % DECIMAL_MODULUS);
    return (uint16_t)element(counter, tick, BINARY_MODULUS);
}

/* ---- How it goes on ---- */

/* A new count of a periodic mode begins with the period, or the half of it. */
static void reload(struct pit_counter *counter)
{
    bool low = !output(counter, counter->reload_at);

    counter->count = counter->next;
    counter->start = counter->reload_at;
    if (low && counter->mode == MODE_SQUARE_WAVE)
        counter->start -= high_half(counter->count);
    counter->seen = counter->reload_at;
    counter->reload_at = 0;
}

static void note_rises(struct pit_counter *counter, uint64_t until)
{
    if (!counter->paused && rises(counter, until) != rises(counter, counter->seen))
        counter->rose = true;
    counter->seen = until;
}

static void take_next(struct pit_counter *counter)
{
    note_rises(counter, counter->reload_at);
    reload(counter);
}

static inline bool reload_is_due(const struct pit_counter *counter, uint64_t now)
{
    return counter->reload_at != 0 && now >= counter->reload_at;
}

/* Before it is read. */
static inline void settle(struct pit_counter *counter, uint64_t now)
{
    if (reload_is_due(counter, now))
        take_next(counter);
}

static void advance(struct pit_counter *counter, uint64_t now)
{
    settle(counter, now);
    note_rises(counter, now);
}

/* Around whatever makes another output of one that is settled: returns what it is
 * before. */
static bool change_begins(struct pit_counter *counter, uint64_t now)
{
    note_rises(counter, now);
    return output(counter, now);
}

static void change_ends(struct pit_counter *counter, bool was_high, uint64_t now)
{
    if (!was_high && output(counter, now))
        counter->rose = true;
}

/* Loads the count that was written last. */
static void begin(struct pit_counter *counter, bool was_high, uint64_t now)
{
    counter->before = counter->mode != MODE_TERMINAL_COUNT && was_high;
    counter->count = counter->next;
    counter->start = now + 1;
    counter->counted = 0;
    counter->paused = !counter->gate && !is_triggered_by_gate(counter);
    counter->reload_at = 0;
}

/* The end of the period that runs, or of the half of a square wave. */
static uint64_t period_end(const struct pit_counter *counter, uint64_t now)
{
    uint64_t phase = counted(counter, now) % counter->count;
    uint64_t end = counter->count;

    if (counter->mode == MODE_SQUARE_WAVE && phase < high_half(counter->count))
        end = high_half(counter->count);
    return now - phase + end;
}

static uint32_t count_from(const struct pit_counter *counter, uint16_t value)
{
    if (!(counter->control & CONTROL_BCD))
        return value != 0 ? value : BINARY_MODULUS;

    uint32_t digits = (value >> 12) * 1000u + (value >> 8 & 15) * 100u + (value >> 4 & 15) * 10u +
                      (value & 15);
    return digits != 0 ? digits : DECIMAL_MODULUS;
}

/* Both tell whether its output will be another. */

static bool write_count(struct pit_counter *counter, uint16_t value, uint64_t now)
{
    settle(counter, now);
    counter->next = count_from(counter, value);
    if (is_triggered_by_gate(counter))
        return false;
    if (is_periodic(counter) && is_loaded(counter, now) && !counter->paused) {
        counter->reload_at = period_end(counter, now);
    } else {
        bool was_high = change_begins(counter, now);
        begin(counter, was_high, now);
        change_ends(counter, was_high, now);
    }
    return true;
}

/* "Writing the first byte disables counting", in mode 0. */
static bool write_first_byte(struct pit_counter *counter, uint8_t value, uint64_t now)
{
    counter->first_byte = value;
    counter->writes_high = true;
    if (counter->mode != MODE_TERMINAL_COUNT)
        return false;
    settle(counter, now);
    bool was_high = change_begins(counter, now);
    counter->count = 0;
    change_ends(counter, was_high, now);
    return true;
}

static void set_gate(struct pit_counter *counter, bool high, uint64_t now)
{
    if (high == counter->gate)
        return;
    counter->gate = high;
    if (high && (is_periodic(counter) || is_triggered_by_gate(counter))) {
        if (counter->next != 0)
            begin(counter, output(counter, now), now);
    } else if (high) {
        counter->start = now - counter->counted;
        counter->paused = false;
    } else if (!is_triggered_by_gate(counter)) {
        counter->counted = counted(counter, now);
        counter->paused = true;
    }
}

/* ---- Ports ---- */

static bool write_byte(struct pit_counter *counter, uint8_t value, uint64_t now)
{
    if (counter->access == ACCESS_BOTH && !counter->writes_high)
        return write_first_byte(counter, value, now);
    counter->writes_high = false;
    /* Where there is one byte only, the first one is 0. */
    uint16_t count = counter->access == ACCESS_LOW ? value : (uint16_t)(value << 8);
    return write_count(counter, count | counter->first_byte, now);
}

static void latch_count(struct pit_counter *counter, uint64_t now)
{
    if (counter->latched_bytes != 0)
        return;
    counter->latch = value_at(counter, now);
    counter->latched_bytes = counter->access == ACCESS_BOTH ? 2 : 1;
}

static void latch_status(struct pit_counter *counter, uint64_t now)
{
    if (counter->status_latched)
        return;
    bool null_count = !is_loaded(counter, now) || counter->count != counter->next ||
                      counter->reload_at != 0;
    counter->status = counter->control | (output(counter, now) ? STATUS_OUTPUT : 0) |
                      (null_count ? STATUS_NULL_COUNT : 0);
    counter->status_latched = true;
}

static void set_mode(struct pit_counter *counter, uint8_t control, uint64_t now)
{
    unsigned mode = control >> CONTROL_MODE_SHIFT & CONTROL_MODE_MASK;
    settle(counter, now);
    bool was_high = change_begins(counter, now);

    counter->control = control & CONTROL_LASTING;
    counter->mode = (uint8_t)(mode > MODE_HARDWARE_STROBE ? mode - 4 : mode);
    counter->access = (uint8_t)access_in(control);
    counter->before = counter->mode != MODE_TERMINAL_COUNT;
    counter->count = counter->next = 0;
    counter->reload_at = 0;
    counter->writes_high = false;
    counter->first_byte = 0;
    counter->reads_high = counter->access == ACCESS_HIGH;
    counter->latched_bytes = 0;
    counter->status_latched = false;
    counter->paused = !counter->gate && !is_triggered_by_gate(counter);
    counter->counted = 0;
    change_ends(counter, was_high, now);
}

static void read_back(struct pit *pit, uint8_t command, uint64_t now)
{
    for (unsigned i = 0; i < PIT_COUNTERS; i++) {
        if (!(command >> READ_BACK_COUNTERS_SHIFT & 1u << i))
            continue;
        settle(&pit->counters[i], now);
        if (!(command & READ_BACK_NO_COUNT))
            latch_count(&pit->counters[i], now);
        if (!(command & READ_BACK_NO_STATUS))
            latch_status(&pit->counters[i], now);
    }
}

/* Of a port that is not the control word's. */
static struct pit_counter *counter_at(struct pit *pit, uint16_t port)
{
    return &pit->counters[port % 4u];
}

/* As pit_write(). Not inlined, so that counts pay for nothing of it. */
__attribute__((noinline))
static bool write_control(struct pit *pit, uint8_t value, uint64_t now)
{
    unsigned index = value >> CONTROL_COUNTER_SHIFT;

    if (index == READ_BACK) {
        read_back(pit, value, now);
        return false;
    }
    if (access_in(value) != ACCESS_LATCH) {
        set_mode(&pit->counters[index], value, now);
        return index == 0;
    }
    settle(&pit->counters[index], now);
    latch_count(&pit->counters[index], now);
    return false;
}

bool pit_write(struct pit *pit, uint16_t port, uint8_t value, uint64_t now)
{
    if (port == GUEST_PORT_PIT_CONTROL)
        return write_control(pit, value, now);
    return write_byte(counter_at(pit, port), value, now) && port == GUEST_PORT_PIT;
}

/* What was latched is read first, the status before the count. */
static uint8_t read_latched(struct pit_counter *counter)
{
    if (counter->status_latched) {
        counter->status_latched = false;
        return counter->status;
    }
    bool high = counter->access == ACCESS_HIGH ||
                (counter->access == ACCESS_BOTH && counter->latched_bytes == 1);

    counter->latched_bytes--;
    return (uint8_t)(high ? counter->latch >> 8 : counter->latch);
}

static uint8_t read_live(struct pit_counter *counter, uint16_t value)
{
    bool high = counter->reads_high;

    counter->reads_high ^= counter->access == ACCESS_BOTH;
    return (uint8_t)(high ? value >> 8 : value);
}

/* Not inlined, so that what is read often pays for nothing of it. */
__attribute__((noinline))
static uint8_t read_settled(struct pit_counter *counter, uint64_t now)
{
    settle(counter, now);
    return counter->latched_bytes != 0 || counter->status_latched
               ? read_latched(counter)
               : read_live(counter, value_at(counter, now));
}

uint8_t pit_read(struct pit *pit, uint16_t port, uint64_t now)
{
    if (port == GUEST_PORT_PIT_CONTROL)
        return 0xFF; /* nobody drives the bus */

    struct pit_counter *counter = counter_at(pit, port);
    if (reload_is_due(counter, now) || counter->latched_bytes != 0 || counter->status_latched ||
        (counter->control & CONTROL_BCD))
        return read_settled(counter, now);
    return read_live(counter, (uint16_t)element(counter, now, BINARY_MODULUS));
}

uint8_t pit_read_61(struct pit *pit, uint64_t now)
{
    struct pit_counter *counter = &pit->counters[2];

    settle(counter, now);
    return pit->port_61 | (now / REFRESH_TICKS & 1 ? PORT_61_REFRESH : 0) |
           (output(counter, now) ? PORT_61_OUTPUT_2 : 0);
}

void pit_write_61(struct pit *pit, uint8_t value, uint64_t now)
{
    pit->port_61 = value & PORT_61_LASTING;
    advance(&pit->counters[2], now);
    set_gate(&pit->counters[2], value & PORT_61_GATE_2, now);
}

/* ---- Counter 0 as an interrupt ---- */

bool pit_take_rise(struct pit *pit, uint64_t now)
{
    struct pit_counter *counter = &pit->counters[0];

    advance(counter, now);
    bool rose = counter->rose;
    counter->rose = false;
    return rose;
}

bool pit_is_high(const struct pit *pit, uint64_t now)
{
    return output(&pit->counters[0], now);
}

uint64_t pit_next_rise(const struct pit *pit)
{
    const struct pit_counter *counter = &pit->counters[0];
    uint64_t done = rises(counter, counter->seen);

    if (counter->reload_at != 0)
        return counter->reload_at;
    if (counter->count == 0 || is_triggered_by_gate(counter))
        return PIT_NEVER;
    if (is_periodic(counter))
        return counter->count > 1 ? counter->start + (done + 1) * counter->count : PIT_NEVER;
    uint64_t end = counter->start + counter->count + (counter->mode == MODE_SOFTWARE_STROBE);
    return end > counter->seen ? end : PIT_NEVER;
}

/* Control words and counts of the firmware. */
void pit_init(struct pit *pit, uint64_t now)
{
    *pit = (struct pit){ .port_61 = 0 };
    pit->counters[0].gate = pit->counters[1].gate = true;
    pit_write(pit, GUEST_PORT_PIT_CONTROL, 0x36, now);
    pit_write(pit, GUEST_PORT_PIT, 0, now);
    pit_write(pit, GUEST_PORT_PIT, 0, now);
    pit_write(pit, GUEST_PORT_PIT_CONTROL, 0x54, now);
    pit_write(pit, GUEST_PORT_PIT + 1, REFRESH_TICKS, now);
    pit_write(pit, GUEST_PORT_PIT_CONTROL, 0xB6, now);
    for (unsigned i = 0; i < PIT_COUNTERS; i++) {
        pit->counters[i].seen = now;
        pit->counters[i].rose = false;
    }
}
