/* SPDX-License-Identifier: MIT
 *
 * Interrupt lines, the deadlines of the devices behind them, and the way of an
 * external interrupt into the boot vCPU: hv/irq.c, hv/timers.c and hv/event.c
 * over the fake machine, whose TSC runs at a hundred ticks a microsecond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/apic.h"
#include "arch/spec/cr.h"
#include "hv/event.h"
#include "hv/irq.h"
#include "hv/ticks.h"
#include "hv/vm.h"
#include "tests/fake/machine.h"
#include "tests/fake/reports.h"

#define HZ 100000000ull
#define BOOT_CPU 3
#define IRQ_0 0x20
#define INJECTED_0 (0x80000000u | IRQ_0)

static struct vm vm;
static struct vcpu vcpus[2];

/* In place of hv/vm_life.c: nobody starts or ends here. */
void vm_begin(struct vm *vm_of) { (void)vm_of; }
void vm_vcpu_started(struct vcpu *vcpu) { (void)vcpu; }
void vm_vcpu_parks(struct vcpu *vcpu) { (void)vcpu; }
void vm_vcpu_parked(struct vcpu *vcpu) { (void)vcpu; }

static unsigned asked(uint32_t requests)
{
    unsigned count = 0;
    for (unsigned i = 0; i < fake.record_count; i++)
        if (fake.records[i].kind == FAKE_REQUEST && fake.records[i].value == requests) {
            assert_int_equal(fake.records[i].where, BOOT_CPU);
            count++;
        }
    fake.record_count = 0;
    return count;
}

static unsigned sent(uint8_t vector)
{
    unsigned count = 0;
    for (unsigned i = 0; i < fake.record_count; i++)
        count += fake.records[i].kind == FAKE_INTERRUPT && fake.records[i].value == vector;
    fake.record_count = 0;
    return count;
}

static void initialize_pic(uint8_t master_mask, uint8_t slave_mask)
{
    static const uint16_t ports[] = { 0x20, 0x21, 0x21, 0x21, 0xA0, 0xA1, 0xA1, 0xA1 };
    static const uint8_t words[] = { 0x11, IRQ_0, 4, 1, 0x11, IRQ_0 + 8, 2, 1 };
    for (unsigned i = 0; i < 8; i++)
        irq_pic_write(&vm, ports[i], words[i]);
    irq_pic_write(&vm, 0x21, master_mask);
    irq_pic_write(&vm, 0xA1, slave_mask);
}

/* As firmware leaves a boot CPU's LINT0. */
static void open_virtual_wire(unsigned vcpu)
{
    atomic_store(&vcpus[vcpu].lapic.mode, LAPIC_XAPIC);
    atomic_store(&vcpus[vcpu].lapic.lvt[LAPIC_LVT_LINT0], LVT_EXTINT);
}

static int fresh(void **state)
{
    (void)state;
    fake_reset(0, 0);
    fake_reports_reset();
    memset(&vm, 0, sizeof vm);
    memset(vcpus, 0, sizeof vcpus);
    fake.tsc = 7 * HZ;
    vm.vcpu_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        vm.vcpus[i] = &vcpus[i];
        vcpus[i].vm = &vm;
        vcpus[i].index = i;
        vcpus[i].cpu = BOOT_CPU + i;
        vcpus[i].state = VCPU_RUNNING;
        atomic_store(&vcpus[i].lapic.mode, LAPIC_XAPIC);
        atomic_store(&vcpus[i].lapic.svr, SIVR_ENABLE | 0xFF);
        atomic_store(&vcpus[i].lapic.lvt[LAPIC_LVT_LINT0], LVT_MASKED);
    }
    open_virtual_wire(0);
    timers_init(&vm.timers, HZ);
    ioapic_init(&vm.ioapic, 2);
    pic_init(&vm.pic);
    cmos_init(&vm.cmos, 7, ticks_at(fake.tsc, HZ, RTC_HZ));
    timers_reset(&vm);
    initialize_pic(0xFF, 0xFF);
    fake.timer = MACHINE_TIMER_OFF;
    fake.record_count = 0;
    return 0;
}

/* The boot vCPU's CPU looks at its mailbox. */
static void serve(uint32_t requests)
{
    machine_vmwrite_32(VMCS_ENTRY_INTERRUPTION_INFO, 0); /* as the last entry left it */
    vcpu_serve(&vcpus[0], requests);
}

static uint32_t injected(void)
{
    return machine_vmread_32(VMCS_ENTRY_INTERRUPTION_INFO);
}

static bool window(void)
{
    return machine_vmread_32(VMCS_PRIMARY_CONTROLS) & PRIMARY_INTERRUPT_WINDOW_EXITING;
}

static void interrupts_on(bool on)
{
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, on ? RFLAGS_IF | 2 : 2);
}

static void program_pit(uint8_t mode, uint16_t count)
{
    timers_pit_write(&vm, 0x43, (uint8_t)(0x30 | mode << 1));
    timers_pit_write(&vm, 0x40, (uint8_t)count);
    timers_pit_write(&vm, 0x40, (uint8_t)(count >> 8));
}

static void open_pin_2(uint8_t vector)
{
    ioapic_write(&vm, IOAPIC_IOREGSEL, 4, IOAPIC_REDIRECTION + 2 * 2);
    ioapic_write(&vm, IOAPIC_IOWIN, 4, vector);
}

/* ---- Lines ---- */

static void a_line_ends_at_both_controllers(void **state)
{
    (void)state;
    initialize_pic(0xEF, 0xFF);
    fake.record_count = 0;
    irq_set_line(&vm, 4, true);
    assert_int_equal(vm.ioapic.lines & 1u << 4, 1u << 4);
    assert_true(pic_requests(&vm.pic));
    assert_int_equal(asked(REQUEST_DEVICES), 1);
    irq_set_line(&vm, 4, true);
    assert_int_equal(asked(REQUEST_DEVICES), 0);
    irq_set_line(&vm, 4, false);
    assert_int_equal(vm.ioapic.lines & 1u << 4, 0);
    assert_false(pic_requests(&vm.pic));
    irq_set_line(&vm, 0, false);
    irq_set_line(&vm, 0, true);
    assert_int_equal(vm.ioapic.lines, 1u << 2);
}

static void nobody_is_called_where_lint0_is_closed(void **state)
{
    (void)state;
    initialize_pic(0xEF, 0xFF);
    vcpus[0].lapic.lvt[LAPIC_LVT_LINT0] = LVT_MASKED | LVT_EXTINT;
    fake.record_count = 0;
    irq_set_line(&vm, 4, true);
    assert_int_equal(asked(REQUEST_DEVICES), 0);
    interrupts_on(true);
    serve(REQUEST_DEVICES);
    assert_int_equal(injected(), 0);
    assert_false(window());
    vcpus[0].lapic.lvt[LAPIC_LVT_LINT0] = DELIVERY_NMI << LVT_DELIVERY_SHIFT;
    serve(REQUEST_DEVICES);
    assert_int_equal(injected(), 0);
    open_virtual_wire(0);
    serve(REQUEST_DEVICES);
    assert_int_equal(injected(), INJECTED_0 + 4);
}

static void unmasking_and_ends_of_interrupts_call(void **state)
{
    (void)state;
    irq_set_line(&vm, 4, true);
    assert_int_equal(asked(REQUEST_DEVICES), 0);
    irq_pic_write(&vm, 0x21, 0xEF);
    assert_int_equal(asked(REQUEST_DEVICES), 1);
    interrupts_on(true);
    serve(REQUEST_DEVICES);
    assert_int_equal(injected(), INJECTED_0 + 4);
    irq_set_line(&vm, 4, false);
    irq_set_line(&vm, 4, true);
    assert_int_equal(asked(REQUEST_DEVICES), 0);
    irq_pic_write(&vm, 0x20, 0x20);
    assert_int_equal(asked(REQUEST_DEVICES), 1);
}

/* ---- External interrupts ---- */

static void an_interrupt_waits_for_whatever_blocks_it(void **state)
{
    (void)state;
    static const struct { uint64_t rflags; uint32_t blocking; } blocked[] = {
        { 2, 0 }, { RFLAGS_IF | 2, BLOCKING_BY_STI }, { RFLAGS_IF | 2, BLOCKING_BY_MOV_SS },
    };
    for (unsigned i = 0; i < 3; i++) {
        fresh(NULL);
        initialize_pic(0xEF, 0xFF);
        machine_vmwrite_natural(VMCS_GUEST_RFLAGS, blocked[i].rflags);
        machine_vmwrite_32(VMCS_GUEST_INTERRUPTIBILITY, blocked[i].blocking);
        irq_set_line(&vm, 4, true);
        serve(REQUEST_DEVICES);
        assert_int_equal(injected(), 0);
        assert_true(window());

        interrupts_on(true);
        machine_vmwrite_32(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_BY_NMI);
        assert_int_equal(event_interrupt_window_exit(&vcpus[0]).kind, VERDICT_RESUME);
        assert_int_equal(injected(), INJECTED_0 + 4);
        assert_false(window());
        assert_int_equal(pic_acknowledge(&vm.pic), IRQ_0 + 7); /* it was acknowledged */
    }
}

static void a_request_that_went_away_closes_the_window(void **state)
{
    (void)state;
    initialize_pic(0xEF, 0xFF);
    irq_set_line(&vm, 4, true);
    serve(REQUEST_DEVICES);
    assert_true(window());
    irq_set_line(&vm, 4, false);
    interrupts_on(true);
    event_interrupt_window_exit(&vcpus[0]);
    assert_int_equal(injected(), 0);
    assert_false(window());
}

static void an_nmi_and_what_is_on_its_way_go_first(void **state)
{
    (void)state;
    initialize_pic(0xEF, 0xFF);
    interrupts_on(true);
    irq_set_line(&vm, 4, true);
    serve(REQUEST_DEVICES | REQUEST_GUEST_NMI);
    assert_int_equal(injected(), 0x80000202);
    assert_true(window());
    event_inject_exception(VECTOR_GP, false, 0);
    event_offer_external_interrupt(&vcpus[0]);
    assert_int_equal(injected(), 0x8000030D);
    assert_true(window());
    machine_vmwrite_32(VMCS_ENTRY_INTERRUPTION_INFO, 0);
    event_interrupt_window_exit(&vcpus[0]);
    assert_int_equal(injected(), INJECTED_0 + 4);
}

static void the_next_one_gets_a_window(void **state)
{
    (void)state;
    initialize_pic(0, 0);
    irq_pic_write(&vm, 0x20, 0x13);
    irq_pic_write(&vm, 0x21, IRQ_0);
    irq_pic_write(&vm, 0x21, 3); /* auto EOI */
    interrupts_on(true);
    irq_set_line(&vm, 4, true);
    irq_set_line(&vm, 5, true);
    serve(REQUEST_DEVICES);
    assert_int_equal(injected(), INJECTED_0 + 4);
    assert_true(window());
}

static void a_halted_guest_takes_it_if_it_can(void **state)
{
    (void)state;
    initialize_pic(0xEF, 0xFF);
    machine_vmwrite_32(VMCS_GUEST_ACTIVITY, ACTIVITY_HLT);
    irq_set_line(&vm, 4, true);
    serve(REQUEST_DEVICES);
    assert_int_equal(injected(), 0);
    assert_int_equal(machine_vmread_32(VMCS_GUEST_ACTIVITY), ACTIVITY_HLT);
    interrupts_on(true);
    serve(REQUEST_DEVICES);
    assert_int_equal(injected(), INJECTED_0 + 4);
    assert_int_equal(machine_vmread_32(VMCS_GUEST_ACTIVITY), ACTIVITY_HLT);
}

static void the_boot_vcpu_alone_takes_them(void **state)
{
    (void)state;
    initialize_pic(0xEF, 0xFF);
    interrupts_on(true);
    irq_set_line(&vm, 4, true);
    open_virtual_wire(1);
    vcpu_serve(&vcpus[1], REQUEST_DEVICES);
    assert_int_equal(injected(), 0);
    vcpus[0].state = VCPU_WAIT_FOR_SIPI;
    serve(REQUEST_DEVICES);
    assert_int_equal(injected(), 0);
}

/* ---- Deadlines ---- */

static void a_timer_that_nobody_hears_has_no_deadline(void **state)
{
    (void)state;
    program_pit(2, 1193);
    assert_int_equal(asked(REQUEST_DEVICES), 0);
    serve(REQUEST_DEVICES);
    assert_int_equal(fake.timer, MACHINE_TIMER_OFF);
    fake.tsc += HZ;
    fake.timer = 0;
    serve(0); /* costs nothing either */
    assert_int_equal(fake.timer, 0);
}

static uint64_t tsc_of(uint64_t tick)
{
    return ticks_tsc(tick, HZ, PIT_HZ);
}

static void the_pic_hears_the_pit(void **state)
{
    (void)state;
    uint64_t first = ticks_at(fake.tsc, HZ, PIT_HZ) + 1 + 1193;
    program_pit(2, 1193);
    irq_pic_write(&vm, 0x21, 0xFE);
    assert_true(asked(REQUEST_DEVICES) > 0);
    interrupts_on(true);
    serve(REQUEST_DEVICES);
    serve(0); /* 18.2 Hz had left an edge */
    irq_pic_write(&vm, 0x20, 0x20);
    fake.record_count = 0;
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(fake.timer, tsc_of(first + i * 1193));
        fake.tsc = fake.timer - 1;
        serve(REQUEST_TIMER);
        assert_int_equal(asked(REQUEST_DEVICES), 0);
        fake.tsc++;
        serve(REQUEST_TIMER);
        assert_int_equal(asked(REQUEST_DEVICES), 1);
        serve(REQUEST_DEVICES);
        assert_int_equal(injected(), INJECTED_0);
        irq_pic_write(&vm, 0x20, 0x20);
    }
}

static void the_ioapic_hears_the_pit_at_pin_2(void **state)
{
    (void)state;
    uint64_t end = ticks_at(fake.tsc, HZ, PIT_HZ) + 1 + 100 + 1;
    program_pit(4, 100);
    open_pin_2(0x50);
    assert_int_equal(asked(REQUEST_DEVICES), 1);
    serve(REQUEST_DEVICES);
    assert_int_equal(fake.timer, tsc_of(end));
    fake.tsc = tsc_of(end);
    serve(REQUEST_TIMER);
    assert_int_equal(sent(0x50), 1);
    assert_int_equal(fake.timer, MACHINE_TIMER_OFF);
    program_pit(4, 100);
    serve(REQUEST_DEVICES);
    assert_true(fake.timer != MACHINE_TIMER_OFF);
    fake.record_count = 0;
    open_pin_2(0x50 | 1); /* another vector: nothing to tell */
    assert_int_equal(asked(REQUEST_DEVICES), 0);
    ioapic_write(&vm, IOAPIC_IOWIN, 4, REDIRECTION_MASKED);
    assert_int_equal(asked(REQUEST_DEVICES), 1);
    serve(REQUEST_DEVICES);
    assert_int_equal(fake.timer, MACHINE_TIMER_OFF);
}

/* What the IOAPIC was closed to is lost; the 8259 remembers an edge. */
static void opening_finds_the_lines_as_they_are(void **state)
{
    (void)state;
    program_pit(2, 1193);
    fake.tsc += HZ;
    open_pin_2(0x50);
    assert_int_equal(sent(0x50), 0);
    assert_int_equal(irq_pic_read(&vm, 0x20) & 1, 1);
    irq_pic_write(&vm, 0x20, 0x11);
    for (unsigned i = 0; i < 3; i++)
        irq_pic_write(&vm, 0x21, i == 0 ? IRQ_0 : i == 1 ? 4 : 1);
    irq_pic_write(&vm, 0x21, 0xFF);
    assert_int_equal(irq_pic_read(&vm, 0x20) & 1, 0);
    fake.tsc += HZ / 100;
    assert_int_equal(irq_pic_read(&vm, 0x20) & 1, 1);
}

/* The SCI, at pin 9 and at the slave. */
static void a_carry_of_the_pm_timer_interrupts(void **state)
{
    (void)state;
    uint64_t carry = 1ull << 31;
    timers_platform_write(&vm, 0x602, 2, 1);
    serve(REQUEST_DEVICES);
    assert_int_equal(fake.timer, MACHINE_TIMER_OFF);
    ioapic_write(&vm, IOAPIC_IOREGSEL, 4, IOAPIC_REDIRECTION + 2 * 9);
    ioapic_write(&vm, IOAPIC_IOWIN, 4, 0x59 | (uint32_t)REDIRECTION_LEVEL);
    serve(REQUEST_DEVICES);
    assert_int_equal(fake.timer, ticks_tsc(carry, HZ, PM_TIMER_HZ));
    fake.tsc = fake.timer;
    serve(REQUEST_TIMER);
    serve(REQUEST_LEVEL);
    assert_int_equal(sent(0x59), 1);
    assert_int_equal(fake.timer, MACHINE_TIMER_OFF); /* until it is cleared */
    assert_int_equal(timers_platform_read(&vm, 0x600, 2), 1);
    timers_platform_write(&vm, 0x600, 2, 1);
    serve(REQUEST_DEVICES);
    assert_int_equal(fake.timer, ticks_tsc(2 * carry, HZ, PM_TIMER_HZ));
    initialize_pic(0xFB, 0xFD);
    ioapic_write(&vm, IOAPIC_IOWIN, 4, REDIRECTION_MASKED);
    fake.tsc = fake.timer;
    fake.record_count = 0;
    serve(REQUEST_TIMER);
    assert_true(asked(REQUEST_DEVICES) > 0);
    assert_int_equal(pic_acknowledge(&vm.pic), IRQ_0 + 9);
    uint32_t ticks = timers_platform_read(&vm, 0x608, 4);
    fake.tsc += HZ;
    assert_int_equal(timers_platform_read(&vm, 0x608, 4) - ticks, PM_TIMER_HZ);
}

static void cmos(uint8_t index, uint8_t value)
{
    timers_cmos_write(&vm, 0x70, index);
    timers_cmos_write(&vm, 0x71, value);
}

static uint8_t cmos_get(uint8_t index)
{
    timers_cmos_write(&vm, 0x70, index);
    assert_int_equal(timers_cmos_read(&vm, 0x70), 0xFF);
    return timers_cmos_read(&vm, 0x71);
}

/* 1,024 Hz: each period the next deadline begins with the reading of register C. */
static void the_clock_interrupts_periodically(void **state)
{
    (void)state;
    initialize_pic(0xFB, 0xFE);
    cmos(0x0B, 0x42);
    assert_true(asked(REQUEST_DEVICES) > 0);
    interrupts_on(true);
    serve(REQUEST_DEVICES);
    for (uint64_t i = 1; i < 100; i++) {
        assert_int_equal(fake.timer, ticks_tsc((7 * 1024 + i) * 32, HZ, RTC_HZ));
        fake.tsc = fake.timer;
        fake.record_count = 0;
        serve(REQUEST_TIMER);
        assert_int_equal(fake.timer, MACHINE_TIMER_OFF);
        assert_true(asked(REQUEST_DEVICES) > 0);
        serve(REQUEST_DEVICES);
        assert_int_equal(injected(), INJECTED_0 + 8);
        assert_int_equal(cmos_get(0x0C) & 0xC0, 0xC0);
        irq_pic_write(&vm, 0xA0, 0x20);
        irq_pic_write(&vm, 0x20, 0x20);
        serve(REQUEST_DEVICES);
    }
    irq_pic_write(&vm, 0xA1, 0xFF); /* nobody hears it any more */
    serve(REQUEST_DEVICES);
    assert_int_equal(fake.timer, MACHINE_TIMER_OFF);
}

static void the_clock_interrupts_through_the_ioapic(void **state)
{
    (void)state;
    ioapic_write(&vm, IOAPIC_IOREGSEL, 4, IOAPIC_REDIRECTION + 2 * 8);
    ioapic_write(&vm, IOAPIC_IOWIN, 4, 0x58);
    cmos(0x0B, 0x12); /* update-ended */
    serve(REQUEST_DEVICES);
    assert_int_equal(fake.timer, 8 * HZ);
    fake.tsc = fake.timer;
    serve(REQUEST_TIMER);
    assert_int_equal(sent(0x58), 1);
    (void)cmos_get(0x32); /* reading anything else changes nothing */
    assert_int_equal(asked(REQUEST_DEVICES), 0);
    (void)cmos_get(0x0C);
    assert_int_equal(asked(REQUEST_DEVICES), 1);
}

/* Ticks that nobody could take are one interrupt. */
static void missed_periods_are_one_edge(void **state)
{
    (void)state;
    program_pit(2, 1193);
    open_pin_2(0x50);
    serve(REQUEST_DEVICES);
    fake.record_count = 0;
    fake.tsc += 100 * HZ;
    serve(REQUEST_TIMER);
    assert_int_equal(sent(0x50), 1);
    assert_true(fake.timer > fake.tsc && fake.timer <= fake.tsc + HZ / 500);
}

static void the_fastest_timer_leaves_the_guest_time_to_run(void **state)
{
    (void)state;
    program_pit(2, 2);
    open_pin_2(0x50);
    serve(REQUEST_DEVICES);
    uint64_t begin = fake.tsc;
    unsigned exits = 0;
    for (; fake.tsc < begin + HZ / 10; exits++) {
        assert_true(fake.timer > fake.tsc);
        fake.tsc = fake.timer;
        serve(REQUEST_TIMER);
        assert_int_equal(sent(0x50), 1);
    }
    assert_in_range(exits, TIMERS_HZ_MAX / 10 - 2, TIMERS_HZ_MAX / 10 + 1);
}

static void a_shorter_deadline_of_another_vcpu_calls_the_boot_vcpu(void **state)
{
    (void)state;
    open_pin_2(0x50);
    program_pit(4, 60000);
    serve(REQUEST_DEVICES);
    uint64_t before = fake.timer;
    fake.record_count = 0;
    program_pit(4, 100);
    assert_true(asked(REQUEST_DEVICES) > 0);
    serve(REQUEST_DEVICES);
    assert_true(fake.timer < before);
    timers_pit_write(&vm, 0x43, 0); /* a latch changes nothing */
    timers_pit_write(&vm, 0x43, 0xB6);
    timers_61_write(&vm, 3);
    (void)timers_pit_read(&vm, 0x40);
    assert_int_equal(asked(REQUEST_DEVICES), 0);
}

static void half_a_count_calls_nobody_but_in_mode_0(void **state)
{
    (void)state;
    open_pin_2(0x50);
    program_pit(2, 60000);
    serve(REQUEST_DEVICES);
    fake.record_count = 0;
    timers_pit_write(&vm, 0x40, 100);
    assert_int_equal(asked(REQUEST_DEVICES), 0);
    timers_pit_write(&vm, 0x40, 0);
    assert_true(asked(REQUEST_DEVICES) > 0);
    program_pit(0, 60000);
    serve(REQUEST_DEVICES);
    assert_true(fake.timer != MACHINE_TIMER_OFF);
    fake.record_count = 0;
    timers_pit_write(&vm, 0x40, 100); /* the count stops */
    assert_true(asked(REQUEST_DEVICES) > 0);
    serve(REQUEST_DEVICES);
    assert_int_equal(fake.timer, MACHINE_TIMER_OFF);
}

static void time_never_goes_back(void **state)
{
    (void)state;
    program_pit(2, 10000);
    fake.tsc += HZ / 1000;
    timers_pit_write(&vm, 0x43, 0);
    uint8_t low = timers_pit_read(&vm, 0x40);
    uint16_t first = (uint16_t)(low | timers_pit_read(&vm, 0x40) << 8);
    fake.tsc -= HZ / 2000; /* a CPU whose TSC lags behind */
    timers_pit_write(&vm, 0x43, 0);
    low = timers_pit_read(&vm, 0x40);
    assert_int_equal((uint16_t)(low | timers_pit_read(&vm, 0x40) << 8), first);
}

static void a_life_begins_without_a_deadline(void **state)
{
    (void)state;
    program_pit(2, 1193);
    open_pin_2(0x50);
    serve(REQUEST_DEVICES);
    assert_true(fake.timer != MACHINE_TIMER_OFF);
    ioapic_init(&vm.ioapic, 2);
    pic_init(&vm.pic);
    timers_reset(&vm);
    serve(0);
    assert_int_equal(vm.timers.deadline, MACHINE_TIMER_OFF);
    serve(REQUEST_DEVICES);
    assert_int_equal(fake.timer, MACHINE_TIMER_OFF);
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_ends_at_both_controllers),
        TEST(nobody_is_called_where_lint0_is_closed),
        TEST(unmasking_and_ends_of_interrupts_call),
        TEST(an_interrupt_waits_for_whatever_blocks_it),
        TEST(a_request_that_went_away_closes_the_window),
        TEST(an_nmi_and_what_is_on_its_way_go_first),
        TEST(the_next_one_gets_a_window),
        TEST(a_halted_guest_takes_it_if_it_can),
        TEST(the_boot_vcpu_alone_takes_them),
        TEST(a_timer_that_nobody_hears_has_no_deadline),
        TEST(the_pic_hears_the_pit),
        TEST(the_ioapic_hears_the_pit_at_pin_2),
        TEST(opening_finds_the_lines_as_they_are),
        TEST(a_carry_of_the_pm_timer_interrupts),
        TEST(the_clock_interrupts_periodically),
        TEST(the_clock_interrupts_through_the_ioapic),
        TEST(missed_periods_are_one_edge),
        TEST(the_fastest_timer_leaves_the_guest_time_to_run),
        TEST(a_shorter_deadline_of_another_vcpu_calls_the_boot_vcpu),
        TEST(half_a_count_calls_nobody_but_in_mode_0),
        TEST(time_never_goes_back),
        TEST(a_life_begins_without_a_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
