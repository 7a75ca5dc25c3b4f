/* SPDX-License-Identifier: MIT
 *
 * drivers/serial.c on a 16550 with FIFOs, loopback, and an interrupt line whose
 * rising edges are counted: what a lost edge would hang, a count here shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/insn.h"
#include "drivers/mmio.h"
#include "drivers/serial.h"

#define FIFO 16
#define SENT_MAX 4096

static struct {
    bool absent;
    bool no_scratch;
    bool no_loopback;
    bool no_fifo;

    uint8_t interrupt_enable, fifo_control, line_control, modem_control, scratch;
    uint16_t divisor;
    uint8_t received[FIFO];
    unsigned received_count;
    unsigned in_transmit_fifo;
    bool overrun;
    bool transmit_interrupt; /* pends until read or until a byte is written */
    bool line;
    unsigned edges;
    uint8_t sent[SENT_MAX];
    unsigned sent_count;
    unsigned polls_until_sent; /* reads of LSR that still find the wire busy; 0: off */
    unsigned polls;
} uart;

static void update_line(void)
{
    bool line = ((uart.interrupt_enable & 1) != 0 && uart.received_count > 0) ||
                ((uart.interrupt_enable & 2) != 0 && uart.transmit_interrupt);
    if (line && !uart.line)
        uart.edges++;
    uart.line = line;
}

static uint8_t read_data(void)
{
    if (uart.received_count == 0)
        return 0;
    uint8_t byte = uart.received[0];
    memmove(uart.received, uart.received + 1, --uart.received_count);
    return byte;
}

static uint8_t read_interrupt_id(void)
{
    uint8_t fifo = (uart.fifo_control & 1) != 0 && !uart.no_fifo ? 0xC0 : 0;
    if ((uart.interrupt_enable & 1) != 0 && uart.received_count > 0)
        return fifo | 4;
    if ((uart.interrupt_enable & 2) != 0 && uart.transmit_interrupt) {
        uart.transmit_interrupt = false;
        return fifo | 2;
    }
    return fifo | 1;
}

static uint8_t read_line_status(void)
{
    uint8_t status = (uart.received_count > 0 ? 0x01 : 0) | (uart.overrun ? 0x02 : 0) |
                     (uart.in_transmit_fifo == 0 ? 0x60 : 0);
    uart.overrun = false;
    return status;
}

static uint8_t read_modem_status(void)
{
    if ((uart.modem_control & 0x10) == 0 || uart.no_loopback)
        return 0xB0;
    return ((uart.modem_control & 2) != 0 ? 0x10 : 0) | ((uart.modem_control & 1) != 0 ? 0x20 : 0) |
           ((uart.modem_control & 4) != 0 ? 0x40 : 0) | ((uart.modem_control & 8) != 0 ? 0x80 : 0);
}

static uint8_t read_register(uint16_t offset)
{
    switch (offset) {
    case 0:
        return read_data();
    case 1:
        return uart.interrupt_enable;
    case 2:
        return read_interrupt_id();
    case 3:
        return uart.line_control;
    case 4:
        return uart.modem_control;
    case 5:
        uart.polls++;
        if (uart.polls_until_sent != 0 && uart.polls >= uart.polls_until_sent)
            uart.in_transmit_fifo = 0;
        return read_line_status();
    case 6:
        return read_modem_status();
    default:
        return uart.no_scratch ? 0x33 : uart.scratch;
    }
}

/* All tests run on ports, and on registers in memory, which is only pointed at. */
#define MEMORY 0x10000u
static struct serial_place place;

static uint8_t read_at(uint64_t offset)
{
    assert_in_range(offset, 0, 7);
    if (uart.absent)
        return 0xFF;
    uint8_t value = read_register((uint16_t)offset);
    update_line();
    return value;
}

uint8_t in8(uint16_t port)
{
    assert_null(place.base);
    return read_at((uint64_t)port - SERIAL_COM1);
}

uint8_t mmio_read8(const volatile uint8_t *at)
{
    assert_false(place.doublewords);
    return read_at((uintptr_t)at - MEMORY);
}

uint32_t mmio_read32(const volatile uint32_t *at)
{
    assert_true(place.doublewords && (uintptr_t)at % 4 == 0);
    return 0xABCDEF00u | read_at(((uintptr_t)at - MEMORY) / 4);
}

static void write_data(uint8_t value)
{
    assert_true(uart.in_transmit_fifo < (uart.no_fifo ? 1 : FIFO));
    assert_true(uart.sent_count < SENT_MAX);
    uart.in_transmit_fifo++;
    uart.transmit_interrupt = false;
    uart.sent[uart.sent_count++] = value;
}

static void write_register(uint16_t offset, uint8_t value)
{
    bool divisor = (uart.line_control & 0x80) != 0;
    switch (offset) {
    case 0:
        if (divisor)
            uart.divisor = (uint16_t)((uart.divisor & 0xFF00) | value);
        else
            write_data(value);
        break;
    case 1:
        if (divisor) {
            uart.divisor = (uint16_t)((uart.divisor & 0xFF) | value << 8);
            break;
        }
        if ((value & ~uart.interrupt_enable & 2) != 0 && uart.in_transmit_fifo == 0)
            uart.transmit_interrupt = true;
        uart.interrupt_enable = value;
        break;
    case 2:
        uart.fifo_control = value;
        if ((value & 2) != 0)
            uart.received_count = 0;
        break;
    case 3:
        uart.line_control = value;
        break;
    case 4:
        uart.modem_control = value;
        break;
    case 7:
        uart.scratch = value;
        break;
    default:
        break;
    }
}

static void write_at(uint64_t offset, uint32_t value)
{
    assert_in_range(offset, 0, 7);
    assert_in_range(value, 0, 0xFF);
    if (uart.absent)
        return;
    write_register((uint16_t)offset, (uint8_t)value);
    update_line();
}

void out8(uint16_t port, uint8_t value)
{
    assert_null(place.base);
    write_at((uint64_t)port - SERIAL_COM1, value);
}

void mmio_write8(volatile uint8_t *at, uint8_t value)
{
    assert_false(place.doublewords);
    write_at((uintptr_t)at - MEMORY, value);
}

void mmio_write32(volatile uint32_t *at, uint32_t value)
{
    assert_true(place.doublewords && (uintptr_t)at % 4 == 0);
    write_at(((uintptr_t)at - MEMORY) / 4, value);
}

static void byte_arrives(uint8_t byte)
{
    if (uart.received_count == FIFO)
        uart.overrun = true;
    else
        uart.received[uart.received_count++] = byte;
    update_line();
}

static void fifo_is_sent(void)
{
    uart.in_transmit_fifo = 0;
    uart.transmit_interrupt = true;
    update_line();
}

static int setup(void **state)
{
    (void)state;
    memset(&uart, 0, sizeof uart);
    uart.interrupt_enable = 0x0F;
    return 0;
}

static void init_sets_speed_format_and_lines(void **state)
{
    (void)state;
    assert_true(serial_init(place, 0x123));
    assert_int_equal(uart.divisor, 0x123);
    assert_int_equal(uart.line_control, 3);
    assert_int_equal(uart.modem_control, 0x0B);
    assert_int_equal(uart.interrupt_enable, 0);
    assert_int_equal(uart.fifo_control, 0x81);
    assert_int_equal(uart.sent_count, 0);
}

static void what_was_typed_before_init_is_not_lost(void **state)
{
    (void)state;
    byte_arrives('a');
    assert_true(serial_init(place, 1));
    assert_int_equal(serial_read(), 'a');
}

static void an_absent_uart_is_noticed_and_swallows_everything(void **state)
{
    (void)state;
    uart.absent = true;
    assert_false(serial_init(place, 1));
    assert_true(serial_transmitter_ready());
    assert_int_equal(serial_write((const uint8_t *)"lost", 4), 4);
    assert_int_equal(serial_read(), -1);
    serial_interrupt_on_receive(true);
    serial_interrupt_acknowledge();
    serial_receive_pause(true);
    assert_int_equal(serial_overruns(), 0);
}

static void either_proof_of_a_uart_will_do(void **state)
{
    (void)state;
    uart.no_scratch = true;
    assert_true(serial_init(place, 1));
    assert_int_equal(uart.modem_control, 0x0B);
    uart.no_loopback = true;
    assert_false(serial_init(place, 1));
    uart.no_scratch = false;
    assert_true(serial_init(place, 1));
}

static void an_empty_fifo_takes_sixteen_bytes_and_a_busy_one_none(void **state)
{
    (void)state;
    uint8_t text[40];
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)i;
    assert_true(serial_init(place, 1));
    assert_int_equal(serial_write(text, sizeof text), 16);
    assert_false(serial_transmitter_ready());
    assert_int_equal(serial_write(text + 16, 24), 0);
    fifo_is_sent();
    assert_true(serial_transmitter_ready());
    assert_int_equal(serial_write(text + 16, 24), 16);
    fifo_is_sent();
    assert_int_equal(serial_write(text + 32, 8), 8);
    assert_memory_equal(uart.sent, text, sizeof text);
    assert_int_equal(serial_write(text, 0), 0);
}

static void a_uart_without_fifo_takes_one_byte(void **state)
{
    (void)state;
    uart.no_fifo = true;
    assert_true(serial_init(place, 1));
    assert_int_equal(serial_write((const uint8_t *)"ab", 2), 1);
}

static void received_bytes_come_in_order_and_then_none(void **state)
{
    (void)state;
    assert_true(serial_init(place, 1));
    assert_int_equal(serial_read(), -1);
    byte_arrives('a');
    byte_arrives(0xFF);
    assert_int_equal(serial_read(), 'a');
    assert_int_equal(serial_read(), 0xFF);
    assert_int_equal(serial_read(), -1);
}

static void a_uart_that_goes_away_swallows_and_gives_nothing(void **state)
{
    (void)state;
    assert_true(serial_init(place, 1));
    uart.absent = true;
    assert_int_equal(serial_write((const uint8_t *)"lost", 4), 4);
    assert_int_equal(serial_read(), -1);
    assert_int_equal(serial_overruns(), 0);
    serial_interrupt_acknowledge();
}

static void interrupts_are_enabled_one_by_one(void **state)
{
    (void)state;
    assert_true(serial_init(place, 1));
    serial_interrupt_on_receive(true);
    assert_int_equal(uart.interrupt_enable, 1);
    serial_interrupt_on_transmit(true);
    assert_int_equal(uart.interrupt_enable, 3);
    serial_interrupt_on_receive(false);
    assert_int_equal(uart.interrupt_enable, 2);
    serial_interrupt_on_transmit(false);
    assert_int_equal(uart.interrupt_enable, 0);
}

static void wanting_the_transmit_interrupt_again_raises_nothing(void **state)
{
    (void)state;
    assert_true(serial_init(place, 1));
    serial_interrupt_on_transmit(true);
    assert_int_equal(uart.edges, 1);
    (void)read_at(2);
    serial_interrupt_on_transmit(true);
    assert_int_equal(uart.edges, 1);
}

static void acknowledging_with_nothing_pending_raises_no_edge(void **state)
{
    (void)state;
    assert_true(serial_init(place, 1));
    serial_interrupt_on_receive(true);
    byte_arrives('x');
    assert_int_equal(uart.edges, 1);
    assert_int_equal(serial_read(), 'x');
    serial_interrupt_acknowledge();
    assert_int_equal(uart.edges, 1);
    assert_false(uart.line);
}

static void a_byte_that_comes_before_the_acknowledge_raises_a_new_edge(void **state)
{
    (void)state;
    assert_true(serial_init(place, 1));
    serial_interrupt_on_receive(true);
    byte_arrives('x');
    assert_int_equal(serial_read(), 'x');
    byte_arrives('y');
    unsigned edges = uart.edges;
    serial_interrupt_acknowledge();
    assert_int_equal(uart.edges, edges + 1);
    assert_int_equal(serial_read(), 'y');
}

static void a_sent_fifo_raises_one_edge_until_more_is_written(void **state)
{
    (void)state;
    assert_true(serial_init(place, 1));
    assert_int_equal(serial_write((const uint8_t *)"ab", 2), 2);
    serial_interrupt_on_transmit(true);
    assert_int_equal(uart.edges, 0);
    fifo_is_sent();
    assert_int_equal(uart.edges, 1);
    assert_int_equal(serial_write((const uint8_t *)"cd", 2), 2);
    serial_interrupt_acknowledge();
    assert_int_equal(uart.edges, 1);
    fifo_is_sent();
    assert_int_equal(uart.edges, 2);
    serial_interrupt_on_transmit(false);
    serial_interrupt_acknowledge();
    assert_int_equal(uart.edges, 2);
    assert_false(uart.line);
}

static void a_pause_drops_rts_and_nothing_else(void **state)
{
    (void)state;
    assert_true(serial_init(place, 1));
    serial_receive_pause(true);
    assert_int_equal(uart.modem_control, 0x09);
    serial_receive_pause(false);
    assert_int_equal(uart.modem_control, 0x0B);
}

static void lost_bytes_are_counted(void **state)
{
    (void)state;
    assert_true(serial_init(place, 1));
    for (unsigned i = 0; i < 20; i++)
        byte_arrives((uint8_t)i);
    while (serial_read() >= 0)
        continue;
    assert_int_equal(serial_overruns(), 1);
    assert_int_equal(serial_read(), -1);
    assert_int_equal(serial_overruns(), 1);
}

static void finishing_waits_for_the_last_byte_but_not_for_ever(void **state)
{
    (void)state;
    assert_true(serial_init(place, 1));
    assert_int_equal(serial_write((const uint8_t *)"ab", 2), 2);
    uart.polls = 0;
    uart.polls_until_sent = 5;
    serial_finish();
    assert_int_equal(uart.polls, 5);
    assert_int_equal(uart.in_transmit_fifo, 0);

    uart.polls_until_sent = 0;
    assert_int_equal(serial_write((const uint8_t *)"c", 1), 1);
    serial_finish(); /* a wire that takes nothing */
    assert_int_equal(uart.in_transmit_fifo, 1);
    uart.absent = true;
    serial_finish();
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(init_sets_speed_format_and_lines),
        TEST(what_was_typed_before_init_is_not_lost),
        TEST(an_absent_uart_is_noticed_and_swallows_everything),
        TEST(either_proof_of_a_uart_will_do),
        TEST(an_empty_fifo_takes_sixteen_bytes_and_a_busy_one_none),
        TEST(a_uart_without_fifo_takes_one_byte),
        TEST(received_bytes_come_in_order_and_then_none),
        TEST(a_uart_that_goes_away_swallows_and_gives_nothing),
        TEST(interrupts_are_enabled_one_by_one),
        TEST(wanting_the_transmit_interrupt_again_raises_nothing),
        TEST(acknowledging_with_nothing_pending_raises_no_edge),
        TEST(a_byte_that_comes_before_the_acknowledge_raises_a_new_edge),
        TEST(a_sent_fifo_raises_one_edge_until_more_is_written),
        TEST(a_pause_drops_rts_and_nothing_else),
        TEST(lost_bytes_are_counted),
        TEST(finishing_waits_for_the_last_byte_but_not_for_ever),
    };
    volatile uint8_t *base = (volatile uint8_t *)MEMORY;
    place = (struct serial_place){ .port = SERIAL_COM1 };
    int failed = cmocka_run_group_tests_name("ports", tests, NULL, NULL);
    place = (struct serial_place){ .base = base };
    failed += cmocka_run_group_tests_name("bytes in memory", tests, NULL, NULL);
    place = (struct serial_place){ .base = base, .doublewords = true };
    return failed + cmocka_run_group_tests_name("doublewords in memory", tests, NULL, NULL);
}
