/* SPDX-License-Identifier: MIT
 *
 * See timers.h.
 */
#include "hv/timers.h"

#include "hv/check.h"
#include "hv/guest_ports.h"
#include "hv/irq.h"
#include "hv/machine.h"
#include "hv/ticks.h"
#include "hv/vm.h"

void timers_init(struct timers *timers, uint64_t tsc_hz)
{
    CHECK(tsc_hz >= PM_TIMER_HZ && tsc_hz < 1ull << 40);
    *timers = (struct timers){ .tsc_hz = tsc_hz, .next = MACHINE_TIMER_OFF,
                               .deadline = MACHINE_TIMER_OFF, .wake = MACHINE_TIMER_OFF };
}

/* The CPUs' TSCs may differ by a little. */
static uint64_t tsc_now(struct timers *timers)
{
    uint64_t tsc = machine_tsc();

    if (tsc > timers->seen)
        timers->seen = tsc;
    return timers->seen;
}

static uint64_t pit_now(struct vm *vm)
{
    return ticks_at(tsc_now(&vm->timers), vm->timers.tsc_hz, PIT_HZ);
}

static uint64_t pm_timer_now(struct vm *vm)
{
    return ticks_at(tsc_now(&vm->timers), vm->timers.tsc_hz, PM_TIMER_HZ);
}

static uint64_t rtc_now(struct vm *vm)
{
    return ticks_at(tsc_now(&vm->timers), vm->timers.tsc_hz, RTC_HZ);
}

void timers_reset(struct vm *vm)
{
    vm->timers.next = vm->timers.deadline = vm->timers.wake = MACHINE_TIMER_OFF;
    watchdog_reset(vm);
    pit_init(&vm->pit, pit_now(vm));
    platform_init(&vm->platform, pm_timer_now(vm));
    cmos_reset(&vm->cmos);
}

void timers_look(struct vm *vm)
{
    uint64_t now = pit_now(vm);

    if (pit_take_rise(&vm->pit, now)) {
        irq_set_line(vm, GUEST_IRQ_PIT, false);
        irq_set_line(vm, GUEST_IRQ_PIT, true);
    }
    irq_set_line(vm, GUEST_IRQ_PIT, pit_is_high(&vm->pit, now));
    irq_set_line(vm, GUEST_IRQ_RTC, cmos_interrupt(&vm->cmos, rtc_now(vm)));
    irq_set_line(vm, GUEST_IRQ_SCI, platform_sci(&vm->platform, pm_timer_now(vm)));
}

_Static_assert(PIT_NEVER == MACHINE_TIMER_OFF && PM_TIMER_NEVER == MACHINE_TIMER_OFF &&
               RTC_NEVER == MACHINE_TIMER_OFF, "one never");

/* TSC of a device's next tick that somebody hears. */
static uint64_t event_of(const struct vm *vm, unsigned irq, uint64_t tick, uint32_t hz)
{
    if (tick == MACHINE_TIMER_OFF || !irq_is_heard(vm, irq))
        return MACHINE_TIMER_OFF;
    return ticks_tsc(tick, vm->timers.tsc_hz, hz);
}

static uint64_t next_event(const struct vm *vm)
{
    uint64_t pit = event_of(vm, GUEST_IRQ_PIT, pit_next_rise(&vm->pit), PIT_HZ);
    uint64_t rtc = event_of(vm, GUEST_IRQ_RTC, cmos_next_interrupt(&vm->cmos), RTC_HZ);
    uint64_t sci = event_of(vm, GUEST_IRQ_SCI, platform_next_sci(&vm->platform), PM_TIMER_HZ);

    return ticks_earlier(pit, ticks_earlier(rtc, sci));
}

void timers_changed(struct vm *vm)
{
    timers_look(vm);
    if (next_event(vm) != vm->timers.next)
        machine_request(vm->vcpus[0]->cpu, REQUEST_DEVICES);
}

static void run(struct vm *vm)
{
    struct timers *timers = &vm->timers;

    timers_look(vm);
    if (timers->seen >= timers->deadline)
        timers->not_before = timers->seen + timers->tsc_hz / TIMERS_HZ_MAX;
    timers->next = next_event(vm);
    timers->deadline = timers->next > timers->not_before ? timers->next : timers->not_before;
    timers->wake = ticks_earlier(timers->deadline, watchdog_look(vm));
}

void timers_serve(struct vcpu *vcpu, bool asked)
{
    struct vm *vm = vcpu->vm;
    struct timers *timers = &vm->timers;

    if (asked || machine_tsc() >= timers->wake) {
        lock_acquire(&vm->lock);
        run(vm);
        lock_release(&vm->lock);
    } else if (timers->wake == MACHINE_TIMER_OFF) {
        return;
    }
    machine_timer_set(timers->wake);
}

uint8_t timers_pit_read(struct vm *vm, uint16_t port)
{
    return pit_read(&vm->pit, port, pit_now(vm));
}

void timers_pit_write(struct vm *vm, uint16_t port, uint8_t value)
{
    if (pit_write(&vm->pit, port, value, pit_now(vm)))
        timers_changed(vm);
}

uint8_t timers_61_read(struct vm *vm)
{
    return pit_read_61(&vm->pit, pit_now(vm));
}

void timers_61_write(struct vm *vm, uint8_t value)
{
    pit_write_61(&vm->pit, value, pit_now(vm));
}

/* Not inlined, so that a handler which is all of them together saves no registers for
 * these. */

__attribute__((noinline))
uint32_t timers_platform_read(struct vm *vm, uint16_t port, size_t bytes)
{
    return platform_read(&vm->platform, port, bytes, pm_timer_now(vm));
}

__attribute__((noinline))
enum platform_event timers_platform_write(struct vm *vm, uint16_t port, size_t bytes,
                                          uint32_t value)
{
    enum platform_event event = platform_write(&vm->platform, port, bytes, value,
                                               pm_timer_now(vm));

    timers_changed(vm);
    return event;
}

__attribute__((noinline))
uint8_t timers_cmos_read(struct vm *vm, uint16_t port)
{
    unsigned events = vm->cmos.rtc.events;

    if (port == GUEST_PORT_RTC_INDEX)
        return 0xFF;
    uint8_t value = cmos_read(&vm->cmos, rtc_now(vm));
    if (vm->cmos.rtc.events != events)
        timers_changed(vm);
    return value;
}

__attribute__((noinline))
void timers_cmos_write(struct vm *vm, uint16_t port, uint8_t value)
{
    if (port == GUEST_PORT_RTC_INDEX) {
        cmos_select(&vm->cmos, value);
        return;
    }
    cmos_write(&vm->cmos, value, rtc_now(vm));
    if (cmos_selects_interrupts(&vm->cmos))
        timers_changed(vm);
}
