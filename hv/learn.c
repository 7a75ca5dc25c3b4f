/* SPDX-License-Identifier: MIT
 *
 * See learn.h: the list, and how what an exit touched gets into it.
 */
#include "hv/learn.h"

#include "arch/spec/cr.h"
#include "hv/machine.h"
#include "hv/text.h"
#include "hv/vm.h"

static bool is_before(const struct learn_place *place, const struct learn_touch *touch)
{
    return place->kind != touch->kind ? place->kind < touch->kind : place->where < touch->where;
}

/* The first place that is not before it. */
static uint32_t find(const struct learn *learn, const struct learn_touch *touch)
{
    uint32_t low = 0, high = learn->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (is_before(&learn->places[middle], touch))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* NULL: it does not fit. */
static struct learn_place *place_of(struct learn *learn, const struct learn_touch *touch)
{
    uint32_t at = find(learn, touch);
    struct learn_place *place = &learn->places[at];
    if (at < learn->count && place->kind == touch->kind && place->where == touch->where)
        return place;
    if (learn->count == LEARN_PLACES_MAX)
        return NULL;
    memmove(place + 1, place, (learn->count - at) * sizeof *place);
    learn->count++;
    *place = (struct learn_place){ touch->kind, touch->where, 0, 0, touch->rip };
    return place;
}

static void remember(struct learn *learn, const struct learn_touch *touch, bool refused)
{
    lock_acquire(&learn->lock);
    struct learn_place *place = place_of(learn, touch);
    if (place) {
        place->times++;
        place->refused += refused;
    } else {
        learn->lost[touch->kind]++;
    }
    lock_release(&learn->lock);
}

void learn_init(struct learn *learn)
{
    for (unsigned i = 0; i < CONFIG_VCPUS_MAX; i++)
        learn->touches[i].kind = LEARN_KIND_COUNT;
}

static bool is_answered_with_a_fault(void)
{
    uint32_t event = machine_vmread_32(VMCS_ENTRY_INTERRUPTION_INFO);
    return (event & EVENT_VALID) && (event & EVENT_VECTOR_MASK) == VECTOR_GP;
}

/* Of ports and pages it was known before. */
static bool is_refused(const struct vcpu *vcpu, const struct learn_touch *touch)
{
    if (touch->kind == LEARN_CPUID)
        return !(vcpu->gpr[GPR_RAX] | vcpu->gpr[GPR_RBX] | vcpu->gpr[GPR_RCX] |
                 vcpu->gpr[GPR_RDX]);
    if (touch->kind == LEARN_MSR_READ || touch->kind == LEARN_MSR_WRITE)
        return is_answered_with_a_fault();
    return touch->refused;
}

void learn_end(struct vcpu *vcpu)
{
    struct learn *learn = vcpu->vm->learn;
    struct learn_touch *touch = &learn->touches[vcpu->index];
    if (touch->kind != LEARN_KIND_COUNT)
        remember(learn, touch, is_refused(vcpu, touch));
    touch->kind = LEARN_KIND_COUNT;
}
