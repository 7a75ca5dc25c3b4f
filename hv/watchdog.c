/* SPDX-License-Identifier: MIT
 *
 * See watchdog.h.
 */
#include "hv/watchdog.h"

#include "hv/guest_ports.h"
#include "hv/machine.h"
#include "hv/ticks.h"
#include "hv/vm.h"

#define SECONDS_MAX 30u
#define SECONDS_PER_UNIT 2u
#define UNITS 0xFu

void watchdog_reset(struct vm *vm)
{
    vm->watchdog = (struct watchdog){ .device_until = MACHINE_TIMER_OFF,
                                      .silence_until = MACHINE_TIMER_OFF,
                                      .next = MACHINE_TIMER_OFF };
}

static uint64_t silence_end(const struct vm *vm)
{
    return machine_tsc() + vm->config->silence_seconds * vm->timers.tsc_hz;
}

/* A deadline before the one that is waited for is told. */
static void tell(const struct vm *vm, uint64_t deadline)
{
    if (deadline < vm->watchdog.next)
        machine_request(vm->vcpus[0]->cpu, REQUEST_DEVICES);
}

void watchdog_write(struct vm *vm, uint16_t port, uint32_t value)
{
    struct watchdog *watchdog = &vm->watchdog;

    if (port == GUEST_PORT_WATCHDOG_STOP) {
        watchdog->device_until = MACHINE_TIMER_OFF;
        return;
    }
    watchdog->period = (SECONDS_MAX - SECONDS_PER_UNIT * (value & UNITS)) * vm->timers.tsc_hz;
    watchdog->device_until = machine_tsc() + watchdog->period;
    tell(vm, watchdog->device_until);
}

void watchdog_heard(struct vm *vm)
{
    if (vm->config->silence_seconds == 0)
        return;
    vm->watchdog.silence_until = silence_end(vm);
    tell(vm, vm->watchdog.silence_until);
}

static void begin_anew(struct vm *vm)
{
    struct watchdog *watchdog = &vm->watchdog;

    if (watchdog->device_until != MACHINE_TIMER_OFF)
        watchdog->device_until = machine_tsc() + watchdog->period;
    if (watchdog->silence_until != MACHINE_TIMER_OFF)
        watchdog->silence_until = silence_end(vm);
}

/* NULL: it is not. */
static const char *why_over(const struct watchdog *watchdog)
{
    uint64_t now = machine_tsc();

    if (now >= watchdog->device_until)
        return "its watchdog ran out";
    if (now >= watchdog->silence_until)
        return "its console was silent for too long";
    return NULL;
}

uint64_t watchdog_look(struct vm *vm)
{
    struct watchdog *watchdog = &vm->watchdog;
    bool was_held = watchdog->held;

    watchdog->next = MACHINE_TIMER_OFF;
    watchdog->held = atomic_load(&vm->paused);
    if (watchdog->held)
        return MACHINE_TIMER_OFF;
    if (was_held)
        begin_anew(vm);
    watchdog->over = why_over(watchdog);
    if (watchdog->over == NULL)
        watchdog->next = ticks_earlier(watchdog->device_until, watchdog->silence_until);
    return watchdog->next;
}
