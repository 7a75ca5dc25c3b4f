/* SPDX-License-Identifier: MIT
 *
 * See readiness.h.
 */
#include "hv/readiness.h"

#include "hv/changes.h"
#include "hv/log.h"
#include "hv/text.h"
#include "hv/vm_life.h"

_Static_assert(CONFIG_VMS_MAX < 30 && CONFIG_READY_SIZE - 1 <= TEXT_SEARCH_MAX, "they fit");

static uint32_t bit_of(const struct vm *vm)
{
    return 1u << vm->index;
}

static bool waits_for(const struct vm *waiting, const struct vm *vm)
{
    return atomic_load(&waiting->waits_for) & bit_of(vm);
}

void readiness_init(struct vm *vm)
{
    uint32_t after = vm->config->after;

    atomic_store(&vm->waits_for, after != 0 ? READINESS_HELD | after : 0);
}

bool readiness_wants_output(const struct vm *vm)
{
    bool waited_for = false;

    for (unsigned i = 0; i < vm_count; i++)
        waited_for |= waits_for(vms[i], vm);
    return (waited_for && vm->config->ready[0] != '\0') || vm->config->silence_seconds != 0;
}

void readiness_begin(struct vm *vm)
{
    atomic_store(&vm->ready, false);
    if (vm->config->ready[0] != '\0')
        text_search_init(&vm->ready_search, vm->config->ready);
}

void readiness_reached(struct vm *vm)
{
    if (atomic_load(&vm->ready) || atomic_exchange(&vm->ready, true))
        return;
    changes_add(vm, CHANGE_READY, VM_END_NONE, NULL);
    for (unsigned i = 0; i < vm_count; i++)
        if (waits_for(vms[i], vm) && vm_release(vms[i], bit_of(vm)))
            log_line(LOG_INFO, "%s: starts, as %s is ready", vms[i]->config->name,
                     vm->config->name);
}

static bool is_ready_text(struct vm *vm, uint8_t byte)
{
    return vm->config->ready[0] != '\0' && text_search_byte(&vm->ready_search, byte);
}

bool readiness_output(struct vm *vm, uint8_t byte)
{
    if (!atomic_load(&vm->ready)) {
        if (!is_ready_text(vm, byte))
            return true;
        readiness_reached(vm);
    }
    watchdog_heard(vm);
    return vm->config->silence_seconds != 0;
}

void readiness_started(struct vm *vm)
{
    if (vm->config->ready[0] == '\0' && vm->config->ready_port == 0)
        readiness_reached(vm);
}

void readiness_say_stopped(const struct vm *vm)
{
    for (unsigned i = 0; i < vm_count; i++)
        if (waits_for(vms[i], vm))
            log_line(LOG_WARNING, "%s: waits for %s, which has stopped; \"start NAME\" in the "
                     "monitor starts either", vms[i]->config->name, vm->config->name);
}

size_t readiness_names(const struct vm *vm, char *to, size_t size)
{
    uint32_t waits = atomic_load(&vm->waits_for);
    size_t length = 0;

    to[0] = '\0';
    for (unsigned i = 0; i < vm_count; i++)
        if (waits & bit_of(vms[i]))
            length += text_format(to + length, size - length, "%s%s", length != 0 ? ", " : "",
                                  vms[i]->config->name);
    return length;
}
