/* SPDX-License-Identifier: MIT
 *
 * hv/watchdog.c by the ports and the mailbox of a guest's two vCPUs, over the fake
 * machine, whose TSC is moved by hand to where its preemption timer would fire.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/apic.h"
#include "hv/console.h"
#include "hv/guest_ports.h"
#include "hv/irq.h"
#include "hv/ports.h"
#include "hv/readiness.h"
#include "hv/vm.h"
#include "tests/fake/machine.h"
#include "tests/fake/reports.h"

#define HZ 100000000ull
#define BOOT_CPU 3
#define STOP GUEST_PORT_WATCHDOG_STOP
#define START GUEST_PORT_WATCHDOG_START
#define READY_PORT 0x510
#define SILENCE_SECONDS 20u

static struct vm_config config;
static struct vm vm;
static struct vcpu vcpus[2];

/* In place of hv/vm_life.c: nobody starts or ends here. */
struct vm *vms[CONFIG_VMS_MAX];
unsigned vm_count;
void vm_begin(struct vm *vm_of) { (void)vm_of; }
void vm_vcpu_started(struct vcpu *vcpu) { (void)vcpu; }
void vm_vcpu_parks(struct vcpu *vcpu) { (void)vcpu; }
void vm_vcpu_parked(struct vcpu *vcpu) { (void)vcpu; }
void vm_stop_all(enum machine_end machine_end) { (void)machine_end; }

bool vm_release(struct vm *vm_of, uint32_t guests)
{
    (void)vm_of;
    (void)guests;
    return false;
}

static void begin_life(void)
{
    vm.end = VM_END_NONE;
    fake_reports.crash = NULL;
    vcpus[0].state = vcpus[1].state = VCPU_RUNNING;
    readiness_begin(&vm);
    timers_reset(&vm);
    ports_reset(&vm);
    uart_init(&vm.com1, &vm, GUEST_IRQ_COM1,
              readiness_wants_output(&vm) ? UART_WIRE_WATCHED : UART_WIRE_CONSOLE);
    readiness_started(&vm);
    fake.timer = MACHINE_TIMER_OFF;
    fake.record_count = 0;
}

static int fresh(void **state)
{
    (void)state;
    fake_reset(0, 0);
    fake_reports_reset();
    console_init();
    memset(&vm, 0, sizeof vm);
    memset(vcpus, 0, sizeof vcpus);
    config = (struct vm_config){ .name = "ada", .watchdog = true };
    fake.tsc = 7 * HZ;
    vm.config = &config;
    vm.state = VM_RUNNING;
    vms[0] = &vm;
    vm_count = 1;
    vm.vcpu_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        vm.vcpus[i] = &vcpus[i];
        vcpus[i].vm = &vm;
        vcpus[i].index = i;
        vcpus[i].cpu = BOOT_CPU + i;
        atomic_store(&vcpus[i].lapic.mode, LAPIC_XAPIC);
        atomic_store(&vcpus[i].lapic.svr, SIVR_ENABLE | 0xFF);
    }
    timers_init(&vm.timers, HZ);
    ioapic_init(&vm.ioapic, 2);
    pic_init(&vm.pic);
    cmos_init(&vm.cmos, 7, 0);
    begin_life();
    return 0;
}

/* How often, and nobody else. */
static unsigned asked(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < fake.record_count; i++)
        if (fake.records[i].kind == FAKE_REQUEST) {
            assert_int_equal(fake.records[i].where, BOOT_CPU);
            assert_int_equal(fake.records[i].value, REQUEST_DEVICES);
            count++;
        }
    fake.record_count = 0;
    return count;
}

/* The boot vCPU's CPU serves what it was asked for, or its timer's exit. */
static void serve(uint32_t requests)
{
    vcpu_serve(&vcpus[0], requests);
}

static bool ended(void)
{
    return vm.end == VM_END_WATCHDOG;
}

static void fire(void)
{
    assert_true(fake.timer != MACHINE_TIMER_OFF && fake.timer >= fake.tsc);
    fake.tsc = fake.timer;
    serve(REQUEST_TIMER);
}

static void write(unsigned vcpu, uint16_t port, uint32_t value)
{
    assert_true(ports_write(&vcpus[vcpu], port, 1, value));
}

static void arm(uint32_t value)
{
    fake.record_count = 0;
    write(0, START, value);
    assert_int_equal(asked(), 1);
    serve(REQUEST_DEVICES);
}

static void watch_silence(void)
{
    config.watchdog = false;
    config.silence_seconds = SILENCE_SECONDS;
    begin_life();
}

static void a_guest_has_it_only_if_its_configuration_does(void **state)
{
    (void)state;
    for (uint16_t port = STOP; port <= START; port = (uint16_t)(port + START - STOP)) {
        assert_true(ports_has(&vm, port, 1));
        assert_int_equal(ports_read(&vcpus[0], port, 1) & 0xFF, 0xFF);
        assert_int_equal(fake_reports.denied_count, 0);
    }
    config.watchdog = false;
    write(0, START, 15);
    assert_int_equal(fake_reports.denied_where, START);
    assert_false(ports_has(&vm, START, 1));
    assert_int_equal(asked(), 0);
    serve(REQUEST_DEVICES);
    assert_false(ended());
    assert_int_equal(fake.timer, MACHINE_TIMER_OFF);
}

static void the_time_is_thirty_seconds_less_two_a_unit(void **state)
{
    (void)state;
    for (uint32_t value = 0; value < 32; value++) {
        begin_life();
        arm(value);
        assert_int_equal(ended(), value % 16 == 15);
        if (value % 16 == 15)
            continue;
        assert_int_equal(fake.timer, fake.tsc + (30 - 2 * (value % 16)) * HZ);
        fake.tsc = fake.timer - 1;
        serve(REQUEST_TIMER); /* any exit */
        assert_false(ended());
        fire();
        assert_true(ended());
        assert_string_equal(fake_reports.crash, "its watchdog ran out");
    }
}

/* However often it is written, and by whom: the timer fires once a period. */
static void writing_anew_calls_nobody(void **state)
{
    (void)state;
    unsigned fired = 0;
    uint64_t begin = fake.tsc;
    arm(14);
    srand(1);
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t next = fake.tsc + (unsigned)rand() % (HZ / 10);
        if (fake.timer <= next) {
            fire();
            fired++;
        }
        fake.tsc = next;
        write(i % 2, START, 14);
        assert_int_equal(asked(), 0);
    }
    assert_false(ended());
    assert_in_range(fired, 1, (fake.tsc - begin) / (2 * HZ - HZ / 10) + 1);
    for (unsigned i = 0; !ended(); i++) {
        assert_in_range(i, 0, 2);
        fire();
    }
}

static void a_stopped_one_costs_nothing(void **state)
{
    (void)state;
    arm(14);
    write(1, STOP, 0);
    assert_int_equal(asked(), 0);
    fire();
    assert_false(ended());
    assert_int_equal(fake.timer, MACHINE_TIMER_OFF);
    fake.tsc += 100 * HZ;
    serve(0);
    assert_false(ended());
}

static void a_shorter_time_of_another_vcpu_calls_the_boot_vcpu(void **state)
{
    (void)state;
    arm(0);
    write(1, START, 10);
    assert_int_equal(asked(), 1);
    serve(REQUEST_DEVICES);
    assert_int_equal(fake.timer, fake.tsc + 10 * HZ);
}

static void no_timer_of_the_guest_moves_it(void **state)
{
    (void)state;
    timers_pit_write(&vm, GUEST_PORT_PIT_CONTROL, 0x34);
    timers_pit_write(&vm, GUEST_PORT_PIT, 0);
    timers_pit_write(&vm, GUEST_PORT_PIT, 0);
    ioapic_write(&vm, IOAPIC_IOREGSEL, 4, IOAPIC_REDIRECTION + 2 * GUEST_PIN_PIT);
    ioapic_write(&vm, IOAPIC_IOWIN, 4, 0x50);
    write(0, START, 14);
    uint64_t over = fake.tsc + 2 * HZ;
    serve(REQUEST_DEVICES);
    unsigned ticks = 0;
    for (; !ended() && ticks < 100; ticks++)
        fire();
    assert_true(ended());
    assert_int_equal(fake.tsc, over);
    assert_in_range(ticks, 36, 38); /* of the 8254, at 18.2 Hz */
}

static void pause(bool paused)
{
    atomic_store(&vm.paused, paused);
    serve(REQUEST_LOOK | REQUEST_DEVICES);
}

static void a_pause_stops_it_and_begins_it_anew(void **state)
{
    (void)state;
    config.silence_seconds = SILENCE_SECONDS;
    begin_life();
    write(0, GUEST_PORT_COM1, 'a');
    arm(13);
    fake.tsc += 3 * HZ;
    pause(true);
    assert_int_equal(fake.timer, MACHINE_TIMER_OFF);
    fake.tsc += 1000 * HZ;
    serve(REQUEST_SNAPSHOT);
    serve(REQUEST_LOOK | REQUEST_DEVICES);
    assert_false(ended());
    pause(false);
    assert_false(ended());
    assert_int_equal(fake.timer, fake.tsc + 4 * HZ);
    assert_int_equal(vm.watchdog.silence_until, fake.tsc + SILENCE_SECONDS * HZ);
    fire();
    assert_true(ended());
}

/* What was not started stays so. */
static void a_pause_starts_nothing(void **state)
{
    (void)state;
    pause(true);
    pause(false);
    assert_int_equal(fake.timer, MACHINE_TIMER_OFF);
}

static void a_life_begins_with_a_stopped_one(void **state)
{
    (void)state;
    arm(0);
    pause(true);
    atomic_store(&vm.paused, false);
    begin_life();
    fake.tsc += 100 * HZ;
    serve(0);
    serve(REQUEST_DEVICES);
    assert_false(ended());
    assert_int_equal(fake.timer, MACHINE_TIMER_OFF);
}

static void silence_counts_from_the_last_byte(void **state)
{
    (void)state;
    watch_silence();
    assert_int_equal(vm.com1.wire, UART_WIRE_WATCHED);
    fake.tsc += 1000 * HZ;
    serve(REQUEST_DEVICES);
    assert_int_equal(fake.timer, MACHINE_TIMER_OFF); /* it has said nothing yet */
    write(0, GUEST_PORT_COM1, 'a');
    assert_int_equal(asked(), 1);
    serve(REQUEST_DEVICES);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t next = fake.tsc + HZ;
        if (fake.timer <= next)
            fire();
        fake.tsc = next;
        write(1, GUEST_PORT_COM1, 'b');
        write(1, GUEST_PORT_COM1 + 7, 'b'); /* no byte */
        assert_int_equal(asked(), 0);
    }
    assert_false(ended());
    uint64_t over = fake.tsc + SILENCE_SECONDS * HZ;
    while (!ended())
        fire();
    assert_int_equal(fake.tsc, over);
    assert_string_equal(fake_reports.crash, "its console was silent for too long");
}

static void silence_counts_once_the_guest_is_ready(void **state)
{
    (void)state;
    watch_silence();
    strcpy(config.ready, "up");
    begin_life();
    write(0, GUEST_PORT_COM1, 'u');
    assert_int_equal(asked(), 0);
    write(0, GUEST_PORT_COM1, 'p');
    assert_int_equal(asked(), 1);
    write(0, GUEST_PORT_COM1, 'x');
    assert_int_equal(vm.com1.wire, UART_WIRE_WATCHED);
    assert_int_equal(vm.watchdog.silence_until, fake.tsc + SILENCE_SECONDS * HZ);
}

static void a_write_to_the_ready_port_is_a_sign_of_life(void **state)
{
    (void)state;
    watch_silence();
    config.ready_port = READY_PORT;
    begin_life();
    write(0, GUEST_PORT_COM1, 'u');
    assert_int_equal(asked(), 0);
    write(0, READY_PORT, 1);
    assert_int_equal(asked(), 1);
    serve(REQUEST_DEVICES);
    fake.tsc += 10 * HZ;
    write(0, READY_PORT, 1);
    fire();
    assert_false(ended());
    assert_int_equal(fake.timer, fake.tsc + 10 * HZ);
    fake.tsc += 5 * HZ;
    write(0, GUEST_PORT_COM1, 'u');
    fire();
    assert_int_equal(fake.timer, fake.tsc + 15 * HZ);
}

static void both_are_watched_at_once(void **state)
{
    (void)state;
    config.silence_seconds = SILENCE_SECONDS;
    begin_life();
    write(0, GUEST_PORT_COM1, 'a');
    arm(14);
    assert_int_equal(fake.timer, fake.tsc + 2 * HZ);
    write(0, STOP, 0);
    fire();
    assert_int_equal(fake.timer, fake.tsc + (SILENCE_SECONDS - 2) * HZ);
    fire();
    assert_true(ended());
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_guest_has_it_only_if_its_configuration_does),
        TEST(the_time_is_thirty_seconds_less_two_a_unit),
        TEST(writing_anew_calls_nobody),
        TEST(a_stopped_one_costs_nothing),
        TEST(a_shorter_time_of_another_vcpu_calls_the_boot_vcpu),
        TEST(no_timer_of_the_guest_moves_it),
        TEST(a_pause_stops_it_and_begins_it_anew),
        TEST(a_pause_starts_nothing),
        TEST(a_life_begins_with_a_stopped_one),
        TEST(silence_counts_from_the_last_byte),
        TEST(silence_counts_once_the_guest_is_ready),
        TEST(a_write_to_the_ready_port_is_a_sign_of_life),
        TEST(both_are_watched_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
