/* SPDX-License-Identifier: MIT
 *
 * The guest's UART on the real console and IOAPIC, with the fake machine's wire
 * outside: what a driver sees, and that every byte goes through in order.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/apic.h"
#include "hv/console.h"
#include "hv/guest_ports.h"
#include "hv/manager.h"
#include "hv/vm.h"
#include "tests/fake/interrupts.h"
#include "tests/fake/terminal.h"

#define VECTOR 0x24
#define RING_MAX (128u << 10)

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };
enum { DLAB = 0x80, LOOP = 0x10, OUT2 = 8, OUT1 = 4, RTS = 2, DTR = 1 };
enum { READY = 0x60, DATA_READY = 1, OVERRUN = 2 };
enum { NONE = 1, SENT = 2, RECEIVED = 4, LINE_STATUS = 6, TIMEOUT = 0xC };

static const struct vm_config configs[2] = { { .name = "ada" }, { .name = "bob" } };
static struct vm vms_here[2];
static struct vm *const vm = &vms_here[0];
static struct uart *const uart = &vms_here[0].com1;
static uint8_t outputs[2][RING_MAX];
static uint8_t inputs[2][RING_MAX];

static void begin(size_t output_bytes, size_t input_bytes)
{
    fake_terminal_reset();
    fake_interrupts_reset();
    for (unsigned i = 0; i < 2; i++) {
        vms_here[i].config = &configs[i];
        vms_here[i].index = i;
        vms_here[i].state = VM_RUNNING;
        uart_init(&vms_here[i].com1, &vms_here[i], GUEST_IRQ_COM1, UART_WIRE_CONSOLE);
        ioapic_init(&vms_here[i].ioapic, 1);
        pic_init(&vms_here[i].pic);
        console_attach(&vms_here[i], outputs[i], output_bytes, inputs[i], input_bytes);
        console_vm_started(i);
    }
    ioapic_write(vm, IOAPIC_IOREGSEL, 4, IOAPIC_REDIRECTION + 2 * GUEST_IRQ_COM1);
    ioapic_write(vm, IOAPIC_IOWIN, 4, VECTOR);
    console_use_interrupts();
    (void)fake_terminal_shown();
}

static int fresh(void **state)
{
    (void)state;
    begin(4096, 4096);
    return 0;
}

static void type(const char *keys, size_t count)
{
    fake_terminal_type(keys, count);
    console_service();
}

static uint8_t cause(void)
{
    return uart_read(uart, IIR) & 0xF;
}

static void the_state_after_reset_is_quiet_and_ready(void **state)
{
    (void)state;
    assert_int_equal(uart_read(uart, IER), 0);
    assert_int_equal(uart_read(uart, IIR), NONE);
    assert_int_equal(uart_read(uart, LCR), 0);
    assert_int_equal(uart_read(uart, MCR), 0);
    assert_int_equal(uart_read(uart, LSR), READY);
    assert_int_equal(uart_read(uart, MSR), 0xB0);
    assert_int_equal(fake_interrupts.count, 0);
}

static void registers_keep_what_a_16550a_keeps(void **state)
{
    (void)state;
    uart_write(uart, IER, 0xF0);
    assert_int_equal(uart_read(uart, IER), 0);
    uart_write(uart, IER, 0x0D);
    assert_int_equal(uart_read(uart, IER), 0x0D);
    uart_write(uart, SCR, 0xA5);
    assert_int_equal(uart_read(uart, SCR), 0xA5);
    uart_write(uart, MCR, 0xEF);
    assert_int_equal(uart_read(uart, MCR), 0x0F);
    uart_write(uart, LCR, 0xFF);
    assert_int_equal(uart_read(uart, LCR), 0xFF);
}

static void the_divisor_is_behind_dlab(void **state)
{
    (void)state;
    uart_write(uart, IER, 5);
    uart_write(uart, LCR, DLAB | 3);
    uart_write(uart, 0, 12);
    uart_write(uart, 1, 34);
    assert_int_equal(uart_read(uart, 0), 12);
    assert_int_equal(uart_read(uart, 1), 34);
    uart_write(uart, LCR, 3);
    assert_int_equal(uart_read(uart, IER), 5);
    assert_string_equal(fake_terminal_shown(), "");
}

static void fifos_show_in_the_identification(void **state)
{
    (void)state;
    uart_write(uart, FCR, 0xC7);
    assert_int_equal(uart_read(uart, IIR), 0xC0 | NONE);
    uart_write(uart, FCR, 0);
    assert_int_equal(uart_read(uart, IIR), NONE);
}

static void status_registers_ignore_writes(void **state)
{
    (void)state;
    uart_write(uart, LSR, 0);
    uart_write(uart, MSR, 0);
    assert_int_equal(uart_read(uart, LSR), READY);
    assert_int_equal(uart_read(uart, MSR), 0xB0);
}

static void loopback_connects_outputs_to_inputs(void **state)
{
    (void)state;
    uart_write(uart, MCR, LOOP | OUT2 | RTS);
    assert_int_equal(uart_read(uart, MSR) & 0xF0, 0x90);
    uart_write(uart, MCR, LOOP | OUT1 | DTR);
    assert_int_equal(uart_read(uart, MSR) & 0xF0, 0x60);
}

static void loopback_returns_what_is_sent_and_nobody_else_hears_it(void **state)
{
    (void)state;
    uart_write(uart, LCR, 3);
    uart_write(uart, FCR, 1);
    uart_write(uart, MCR, LOOP);
    type("typed", 5);
    assert_int_equal(uart_read(uart, LSR), READY);
    for (unsigned i = 0; i < UART_FIFO_BYTES; i++)
        uart_write(uart, DATA, (uint8_t)('a' + i));
    assert_int_equal(uart_read(uart, LSR), READY | DATA_READY);
    uart_write(uart, DATA, 'X');
    assert_int_equal(uart_read(uart, LSR), READY | DATA_READY | OVERRUN);
    assert_int_equal(uart_read(uart, LSR), READY | DATA_READY);
    for (unsigned i = 0; i < UART_FIFO_BYTES; i++)
        assert_int_equal(uart_read(uart, DATA), 'a' + i);
    assert_int_equal(uart_read(uart, LSR), READY);
    uart_write(uart, MCR, 0);
    assert_int_equal(uart_read(uart, DATA), 't');
    assert_string_equal(fake_terminal_shown(), "");
}

static void without_fifos_loopback_holds_the_latest_byte(void **state)
{
    (void)state;
    uart_write(uart, LCR, 3);
    uart_write(uart, MCR, LOOP);
    uart_write(uart, DATA, 'a');
    uart_write(uart, DATA, 'b');
    assert_int_equal(uart_read(uart, LSR), READY | DATA_READY | OVERRUN);
    assert_int_equal(uart_read(uart, DATA), 'b');
    assert_int_equal(uart_read(uart, LSR), READY);
}

static void clearing_the_receiver_clears_loopback_and_keeps_what_was_typed(void **state)
{
    (void)state;
    uart_write(uart, LCR, 3);
    type("k", 1);
    uart_write(uart, FCR, 1);
    uart_write(uart, MCR, LOOP);
    uart_write(uart, DATA, 'a');
    uart_write(uart, FCR, 0xC1);
    assert_int_equal(uart_read(uart, LSR), READY | DATA_READY);
    uart_write(uart, FCR, 3);
    assert_int_equal(uart_read(uart, LSR), READY);
    uart_write(uart, DATA, 'a');
    uart_write(uart, FCR, 0); /* also without FIFOs, by their going */
    assert_int_equal(uart_read(uart, LSR), READY);
    uart_write(uart, MCR, 0);
    uart_write(uart, FCR, 7);
    assert_int_equal(uart_read(uart, DATA), 'k');
}

static void loopback_carries_as_many_bits_as_a_character_has(void **state)
{
    (void)state;
    static const uint8_t received[] = { 0x1F, 0x3F, 0x7F, 0xFF };

    uart_write(uart, MCR, LOOP);
    for (uint8_t length = 0; length < 4; length++) {
        uart_write(uart, LCR, length);
        uart_write(uart, DATA, 0xFF);
        assert_int_equal(uart_read(uart, DATA), received[length]);
    }
}

static void modem_lines_that_change_are_told_once(void **state)
{
    (void)state;
    uart_write(uart, MCR, LOOP | RTS | DTR | OUT2);
    assert_int_equal(uart_read(uart, MSR), 0xB0);
    uart_write(uart, MCR, LOOP | RTS | OUT1);
    assert_int_equal(uart_read(uart, MSR), 0x50 | 0x0A); /* DSR and DCD fell; RI rose */
    uart_write(uart, MCR, LOOP | RTS);
    assert_int_equal(uart_read(uart, MSR), 0x10 | 0x04); /* RI fell */
    assert_int_equal(uart_read(uart, MSR), 0x10);
}

static void causes_come_in_their_priority(void **state)
{
    (void)state;
    uart_write(uart, MCR, LOOP | RTS);
    uart_write(uart, DATA, 'a');
    uart_write(uart, DATA, 'b');
    uart_write(uart, IER, 0xF);
    assert_int_equal(cause(), LINE_STATUS);
    (void)uart_read(uart, LSR);
    assert_int_equal(cause(), RECEIVED);
    (void)uart_read(uart, DATA);
    assert_int_equal(cause(), SENT); /* and reading that takes it away */
    assert_int_equal(cause(), 0);
    (void)uart_read(uart, MSR);
    assert_int_equal(cause(), NONE);
}

static void a_cause_that_is_not_enabled_is_not_told(void **state)
{
    (void)state;
    uart_write(uart, MCR, LOOP | RTS);
    uart_write(uart, DATA, 'a');
    uart_write(uart, DATA, 'b'); /* received, sent, an overrun and a modem line */
    uart_write(uart, IER, 0);
    assert_int_equal(cause(), NONE);
    uart_write(uart, IER, 1);
    assert_int_equal(cause(), RECEIVED);
    uart_write(uart, IER, 2);
    assert_int_equal(cause(), SENT);
    uart_write(uart, IER, 4);
    assert_int_equal(cause(), LINE_STATUS);
    uart_write(uart, IER, 8);
    assert_int_equal(cause(), 0);
}

static void fewer_bytes_than_the_trigger_level_come_as_a_timeout(void **state)
{
    (void)state;
    uart_write(uart, IER, 1);
    uart_write(uart, FCR, 0x81); /* 8 */
    type("1234567", 7);
    assert_int_equal(cause(), TIMEOUT);
    type("8", 1);
    assert_int_equal(cause(), RECEIVED);
    (void)uart_read(uart, DATA);
    assert_int_equal(cause(), TIMEOUT);
    uart_write(uart, FCR, 0);
    assert_int_equal(cause(), RECEIVED);
}

static void input_raises_the_interrupt_once_until_all_is_read(void **state)
{
    (void)state;
    uart_write(uart, MCR, OUT2);
    uart_write(uart, IER, 1);
    type("ab", 2);
    assert_int_equal(fake_interrupts.count, 1);
    assert_int_equal(fake_interrupts.vector, VECTOR);
    type("c", 1);
    (void)uart_read(uart, DATA);
    (void)uart_read(uart, DATA);
    assert_int_equal(fake_interrupts.count, 1);
    (void)uart_read(uart, DATA);
    type("d", 1);
    assert_int_equal(fake_interrupts.count, 2);
}

static void out2_gates_the_interrupt(void **state)
{
    (void)state;
    uart_write(uart, IER, 1);
    type("a", 1);
    assert_int_equal(fake_interrupts.count, 0);
    uart_write(uart, MCR, OUT2);
    assert_int_equal(fake_interrupts.count, 1);
    uart_write(uart, MCR, OUT2 | LOOP);
    uart_write(uart, MCR, OUT2);
    assert_int_equal(fake_interrupts.count, 2);
}

static void enabling_the_transmitter_interrupt_raises_it(void **state)
{
    (void)state;
    uart_write(uart, MCR, OUT2);
    uart_write(uart, IER, 2);
    assert_int_equal(fake_interrupts.count, 1);
    assert_int_equal(cause(), SENT);
    assert_int_equal(cause(), NONE);
    uart_write(uart, IER, 2); /* enabled already */
    assert_int_equal(cause(), NONE);
    uart_write(uart, IER, 0);
    uart_write(uart, IER, 2);
    assert_int_equal(fake_interrupts.count, 2);
    assert_int_equal(cause(), SENT);
}

static void a_burst_of_bytes_raises_one_interrupt(void **state)
{
    (void)state;
    uart_write(uart, MCR, OUT2);
    uart_write(uart, IER, 2);
    assert_int_equal(cause(), SENT);
    fake_interrupts.count = 0;
    for (unsigned i = 0; i < UART_FIFO_BYTES; i++)
        uart_write(uart, DATA, 'a');
    assert_int_equal(fake_interrupts.count, 1);
    assert_int_equal(cause(), SENT);
    assert_int_equal(cause(), NONE);
}

static void a_full_console_is_a_busy_transmitter_until_it_has_drained(void **state)
{
    (void)state;
    begin(64, 64);
    uart_write(uart, MCR, OUT2);
    uart_write(uart, IER, 2);
    (void)cause();
    fake.console_room = 0;
    while (uart_read(uart, LSR) == READY)
        uart_write(uart, DATA, 'a');
    assert_int_equal(uart_read(uart, LSR), 0);
    assert_int_equal(cause(), NONE);
    fake_interrupts.count = 0;
    fake.console_room = UART_FIFO_BYTES;
    console_service();
    assert_int_equal(fake_interrupts.count, 1);
    assert_int_equal(cause(), SENT);
    assert_int_equal(uart_read(uart, LSR), READY);
}

static void a_byte_without_room_is_not_taken_and_changes_nothing(void **state)
{
    (void)state;
    begin(64, 64);
    fake.console_room = 0;
    for (unsigned i = 0; i < 64; i++)
        assert_true(uart_write(uart, DATA, 'a'));
    struct uart before = *uart;
    assert_false(uart_write(uart, DATA, 'b'));
    assert_memory_equal(uart, &before, sizeof before);
    assert_true(uart_write(uart, SCR, before.scratch));
    fake.console_room = 1;
    assert_true(uart_write(uart, DATA, 'c'));
    fake.console_room = 64;
    console_flush();
    assert_string_equal(fake_terminal_shown() + 64, "c");
}

static void a_watched_wire_shows_each_byte_once_until_no_more_is_wanted(void **state)
{
    (void)state;
    begin(64, 64);
    uart_init(uart, vm, GUEST_IRQ_COM1, UART_WIRE_WATCHED);
    fake_terminal_watched = 0;
    fake.console_room = 0;
    for (unsigned i = 0; i < 64; i++)
        assert_true(uart_write(uart, DATA, 'a'));
    assert_false(uart_write(uart, DATA, '!')); /* not taken, so nobody has seen it */
    assert_int_equal(fake_terminal_watched, 64);
    assert_int_equal(uart_read(uart, LSR), 0);
    assert_int_equal(uart_read(uart, MSR), 0xB0);
    fake.console_room = 64;
    console_flush();
    assert_true(uart_write(uart, DATA, '!'));
    assert_int_equal(fake_terminal_watched, 65);
    assert_int_equal(uart->wire, UART_WIRE_CONSOLE);
    assert_true(uart_write(uart, DATA, 'b'));
    assert_int_equal(fake_terminal_watched, 65);
    type("t", 1);
    assert_int_equal(uart_read(uart, DATA), 't');
}

static void a_guest_out_of_focus_never_waits(void **state)
{
    (void)state;
    begin(64, 64);
    fake.console_room = 0;
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(uart_read(&vms_here[1].com1, LSR), READY);
        uart_write(&vms_here[1].com1, DATA, 'b');
    }
}

/* COM2: all that COM1 has, and nobody at the other end. */
static void a_port_without_a_cable_sends_into_nowhere(void **state)
{
    (void)state;
    struct uart *com2 = &vm->com2;

    uart_init(com2, vm, GUEST_IRQ_COM2, UART_WIRE_NOTHING);
    ioapic_write(vm, IOAPIC_IOREGSEL, 4, IOAPIC_REDIRECTION + 2 * GUEST_IRQ_COM2);
    ioapic_write(vm, IOAPIC_IOWIN, 4, VECTOR + 1);
    assert_int_equal(uart_read(com2, MSR), 0);
    uart_write(com2, LCR, 3);
    type("typed", 5);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(uart_read(com2, LSR), READY);
        assert_true(uart_write(com2, DATA, 'x'));
    }
    assert_int_equal(uart_read(com2, DATA), 0);
    assert_string_equal(fake_terminal_shown(), "");
    assert_int_equal(uart_read(uart, DATA), 't');

    assert_int_equal(fake_interrupts.count, 0);
    uart_write(com2, MCR, OUT2);
    uart_write(com2, IER, 2);
    assert_int_equal(fake_interrupts.count, 1);
    assert_int_equal(fake_interrupts.vector, VECTOR + 1);
    assert_int_equal(uart_read(com2, IIR) & 0xF, SENT);
    uart_write(com2, DATA, 'x'); /* and the next one can follow at once */
    assert_int_equal(fake_interrupts.count, 2);

    uart_write(com2, MCR, LOOP | RTS);
    uart_write(com2, DATA, 'y');
    assert_int_equal(uart_read(com2, MSR) & 0xF0, 0x10);
    assert_int_equal(uart_read(com2, DATA), 'y');
}

static unsigned calls_of_the_monitor(void)
{
    unsigned calls = 0;

    for (unsigned i = 0; i < fake.record_count; i++)
        calls += fake.records[i].kind == FAKE_REQUEST && fake.records[i].value == REQUEST_MANAGE;
    fake.record_count = 0;
    return calls;
}

/* COM2 of the manager: back-pressure by the transmitter, and a receiver that never
 * overruns. Who ignores the transmitter loses bytes, which are counted. */
static void a_managers_com2_leads_to_its_monitor(void **state)
{
    (void)state;
    static struct vcpu vcpu;
    struct uart *com2 = &vm->com2;
    char text[4096];

    vm->vcpus[0] = &vcpu;
    manager_init(vm);
    uart_init(com2, vm, GUEST_IRQ_COM2, UART_WIRE_MANAGER);
    ioapic_write(vm, IOAPIC_IOREGSEL, 4, IOAPIC_REDIRECTION + 2 * GUEST_IRQ_COM2);
    ioapic_write(vm, IOAPIC_IOWIN, 4, VECTOR + 1);
    uart_write(com2, MCR, OUT2);
    uart_write(com2, IER, 1);
    assert_int_equal(uart_read(com2, MSR) & 0xF0, 0xB0);
    (void)calls_of_the_monitor();

    unsigned sent = 0;
    for (; uart_read(com2, LSR) == READY; sent++)
        assert_true(uart_write(com2, DATA, (uint8_t)sent));
    assert_in_range(sent, 1000, 1024 - UART_FIFO_BYTES + 1);
    assert_int_equal(calls_of_the_monitor(), sent);
    for (unsigned i = sent; i < 1024 + 5; i++)
        assert_true(uart_write(com2, DATA, (uint8_t)i));
    for (unsigned i = 0; i < 1024; i++)
        assert_int_equal(manager_read(), (uint8_t)i);
    assert_int_equal(manager_read(), -1);
    assert_int_equal(manager_take_lost(), 5);
    assert_int_equal(manager_take_lost(), 0);
    assert_int_equal(uart_read(com2, LSR), READY);

    memset(text, 'm', sizeof text);
    size_t room = manager_room();
    manager_write(text, sizeof text);
    uart_refresh(com2);
    assert_int_equal(fake_interrupts.count, 1);
    assert_int_equal(manager_room(), room - sizeof text);
    (void)calls_of_the_monitor();
    manager_write(text, sizeof text);
    assert_int_equal(manager_room(), 0);
    assert_true(manager_calls_back());
    manager_write("lost", 4);
    for (unsigned i = 0; i < room; i++) {
        assert_int_equal(uart_read(com2, LSR), READY | DATA_READY);
        assert_int_equal(uart_read(com2, DATA), 'm');
    }
    assert_int_equal(uart_read(com2, LSR), READY);
    assert_int_equal(calls_of_the_monitor(), 1); /* once: there is room again */
    assert_false(manager_calls_back());

    uart_write(com2, DATA, 'x');
    uart_write(com2, DATA, CONSOLE_INTERRUPT);
    uart_write(com2, DATA, 'y');
    assert_true(manager_interrupted());
    assert_false(manager_interrupted());
    assert_int_equal(manager_read(), 'y');
    uart_write(com2, DATA, 'z');
    manager_write("z", 1);
    manager_reset();
    assert_int_equal(manager_read(), -1);
    assert_int_equal(uart_read(com2, LSR), READY);
    assert_string_equal(fake_terminal_shown(), "");
}

/* What Linux 6.1's drivers/tty/serial/8250 tries to find out what it has. */
static void linux_finds_a_16550a(void **state)
{
    (void)state;
    uart_write(uart, IER, 0);
    assert_int_equal(uart_read(uart, IER) & 0xF, 0);
    uart_write(uart, IER, 0xF);
    assert_int_equal(uart_read(uart, IER) & 0xF, 0xF);
    uart_write(uart, IER, 0);
    uart_write(uart, MCR, LOOP | 0xA);
    assert_int_equal(uart_read(uart, MSR) & 0xF0, 0x90);
    uart_write(uart, MCR, 0);
    uart_write(uart, LCR, 0xBF);
    uart_write(uart, FCR, 0);
    uart_write(uart, LCR, 0);
    uart_write(uart, FCR, 1);
    assert_int_equal(uart_read(uart, IIR) >> 6, 3);
    uart_write(uart, LCR, 0x80); /* a 16650 has its EFR here, which reads 0 */
    assert_int_not_equal(uart_read(uart, IIR), 0);
    uart_write(uart, LCR, 0xBF);
    assert_int_not_equal(uart_read(uart, IIR), 0);
    uart_write(uart, LCR, 0);
    uart_write(uart, FCR, 0x21); /* a 16750 shows its 64-byte FIFO */
    assert_int_equal(uart_read(uart, IIR) >> 5, 6);
    /* No interrupt lost on the transmitter: UART_BUG_THRE and UART_BUG_TXEN. */
    uart_write(uart, IER, 2);
    assert_int_equal(cause(), SENT);
    uart_write(uart, IER, 0);
    uart_write(uart, IER, 2);
    assert_int_equal(cause(), SENT);
}

/* The model: an interrupt-driven driver that sends and receives as it is told
 * to by IIR, and is called only when the interrupt came. */

struct driver {
    uint64_t to_send, sent;
    uint64_t received;
    unsigned interrupts_seen;
    bool sending;
};

static uint8_t sent_byte(uint64_t index)
{
    return (uint8_t)('!' + index % 90);
}

static void send_fifo(struct driver *driver)
{
    if (!(uart_read(uart, LSR) & 0x20))
        return;
    for (unsigned i = 0; i < UART_FIFO_BYTES && driver->sent < driver->to_send; i++)
        uart_write(uart, DATA, sent_byte(driver->sent++));
    if (driver->sent == driver->to_send) {
        driver->sending = false;
        uart_write(uart, IER, 1);
    }
}

static void receive_some(struct driver *driver)
{
    while (uart_read(uart, LSR) & DATA_READY)
        assert_int_equal(uart_read(uart, DATA), sent_byte(driver->received++));
}

static void interrupt(struct driver *driver)
{
    for (;;) {
        switch (cause()) {
        case RECEIVED:
        case TIMEOUT:
            receive_some(driver);
            break;
        case SENT:
            send_fifo(driver);
            break;
        default:
            return;
        }
    }
}

static void serve_interrupts(struct driver *driver)
{
    while (driver->interrupts_seen != fake_interrupts.count) {
        driver->interrupts_seen = fake_interrupts.count;
        interrupt(driver);
    }
}

static void random_step(struct driver *driver, uint64_t *typed)
{
    switch (rand() % 4) {
    case 0:
        driver->to_send += (uint64_t)rand() % 100;
        if (!driver->sending && driver->sent < driver->to_send) {
            driver->sending = true;
            uart_write(uart, IER, 3);
        }
        break;
    case 1:
        for (int i = rand() % 60; i > 0 && *typed < 60000; i--) {
            char byte = (char)sent_byte((*typed)++);
            fake_terminal_type(&byte, 1);
        }
        break;
    case 2:
        fake.console_room = (size_t)rand() % 200;
        break;
    case 3:
        console_service();
        break;
    }
    if (rand() % 3 == 0)
        serve_interrupts(driver);
}

static void a_driver_by_interrupts_alone_sends_and_receives_everything(void **state)
{
    (void)state;
    srand(3);
    for (unsigned round = 0; round < 20; round++) {
        struct driver driver = { .sent = 0 };
        uint64_t typed = 0;

        begin(32u << round % 5, 32u << round % 4);
        uart_write(uart, FCR, 0xC1);
        uart_write(uart, MCR, OUT2);
        uart_write(uart, IER, 1);
        for (unsigned i = 0; i < 5000; i++)
            random_step(&driver, &typed);
        for (unsigned i = 0; i < 100000; i++) {
            fake.console_room = 100;
            console_service();
            serve_interrupts(&driver);
        }
        assert_int_equal(driver.sent, driver.to_send);
        assert_int_equal(driver.received, typed);
        const char *shown = fake_terminal_shown();
        assert_int_equal(strlen(shown), driver.sent);
        for (uint64_t i = 0; i < driver.sent; i++)
            assert_int_equal(shown[i], sent_byte(i));
    }
}

/* CPUs that meet here: two guests' vCPUs, the CPU that serves the console, and
 * one with something to log. A deadlock is a test that does not end. */

#define THREAD_BYTES 20000u

static void *guest_thread(void *argument)
{
    struct uart *guest = argument;
    uint64_t received = 0;

    for (unsigned i = 0; i < THREAD_BYTES;) {
        lock_acquire(&guest->vm->lock);
        if (uart_read(guest, LSR) & 0x20)
            uart_write(guest, DATA, sent_byte(i++));
        if (uart_read(guest, LSR) & DATA_READY && uart_read(guest, DATA) != sent_byte(received++))
            abort();
        lock_release(&guest->vm->lock);
        sched_yield();
    }
    return NULL;
}

static void *service_thread(void *argument)
{
    for (unsigned i = 0; i < *(unsigned *)argument; i++) {
        console_service();
        sched_yield();
    }
    return NULL;
}

static void *log_thread(void *argument)
{
    for (unsigned i = 0; i < *(unsigned *)argument; i++) {
        log_line(LOG_INFO, "line %u", i);
        sched_yield();
    }
    return NULL;
}

static void cpus_that_meet_in_the_console_neither_deadlock_nor_lose_a_byte(void **state)
{
    (void)state;
    unsigned services = 2000, lines = 500, next = 0;
    pthread_t threads[4];

    begin(256, 256);
    uart_write(uart, MCR, OUT2);
    uart_write(uart, IER, 3);
    for (unsigned i = 0; i < 30000; i++) {
        char byte = (char)sent_byte(i);
        fake_terminal_type(&byte, 1);
    }
    pthread_create(&threads[0], NULL, guest_thread, &vms_here[0].com1);
    pthread_create(&threads[1], NULL, guest_thread, &vms_here[1].com1);
    pthread_create(&threads[2], NULL, service_thread, &services);
    pthread_create(&threads[3], NULL, log_thread, &lines);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    console_flush();
    for (const char *at = fake_terminal_shown(); *at;) {
        bool line = strncmp(at, "[bulkhead TEST] line ", 21) == 0;
        if (line || *at == '\r')
            at = strchr(at, '\n') + 1;
        else
            assert_int_equal(*at++, sent_byte(next++));
    }
    assert_int_equal(next, THREAD_BYTES);
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_state_after_reset_is_quiet_and_ready),
        TEST(registers_keep_what_a_16550a_keeps),
        TEST(the_divisor_is_behind_dlab),
        TEST(fifos_show_in_the_identification),
        TEST(status_registers_ignore_writes),
        TEST(loopback_connects_outputs_to_inputs),
        TEST(loopback_returns_what_is_sent_and_nobody_else_hears_it),
        TEST(without_fifos_loopback_holds_the_latest_byte),
        TEST(clearing_the_receiver_clears_loopback_and_keeps_what_was_typed),
        TEST(loopback_carries_as_many_bits_as_a_character_has),
        TEST(modem_lines_that_change_are_told_once),
        TEST(causes_come_in_their_priority),
        TEST(a_cause_that_is_not_enabled_is_not_told),
        TEST(fewer_bytes_than_the_trigger_level_come_as_a_timeout),
        TEST(input_raises_the_interrupt_once_until_all_is_read),
        TEST(out2_gates_the_interrupt),
        TEST(enabling_the_transmitter_interrupt_raises_it),
        TEST(a_burst_of_bytes_raises_one_interrupt),
        TEST(a_full_console_is_a_busy_transmitter_until_it_has_drained),
        TEST(a_byte_without_room_is_not_taken_and_changes_nothing),
        TEST(a_watched_wire_shows_each_byte_once_until_no_more_is_wanted),
        TEST(a_guest_out_of_focus_never_waits),
        TEST(a_port_without_a_cable_sends_into_nowhere),
        TEST(a_managers_com2_leads_to_its_monitor),
        TEST(linux_finds_a_16550a),
        TEST(a_driver_by_interrupts_alone_sends_and_receives_everything),
        TEST(cpus_that_meet_in_the_console_neither_deadlock_nor_lose_a_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
