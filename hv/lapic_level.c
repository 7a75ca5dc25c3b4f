/* SPDX-License-Identifier: MIT
 *
 * See lapic_level.h. SDM Vol. 3A, 11.8.4 "Interrupt Acceptance for Fixed
 * Interrupts", and 11.8.5 "Signaling Interrupt Servicing Completion".
 */
#include "hv/lapic_level.h"

#include "hv/machine.h"
#include "hv/msr.h"
#include "hv/vm.h"

#define WORD_BITS 32
#define NONE (-1)

static bool accepts(const struct lapic *lapic)
{
    return atomic_load(&lapic->svr) & SIVR_ENABLE;
}

bool lapic_level_send(struct vcpu *vcpu, uint8_t vector)
{
    if (!accepts(&vcpu->lapic))
        return false;
    atomic_fetch_or(&vcpu->lapic.level_sent[vector / WORD_BITS], 1u << vector % WORD_BITS);
    machine_request(vcpu->cpu, REQUEST_LEVEL);
    return true;
}

/* The interrupt itself comes behind the next VM entry. */
static void take_vector(struct vcpu *vcpu, unsigned vector)
{
    struct lapic *lapic = &vcpu->lapic;
    uint32_t bit = 1u << vector % WORD_BITS;

    if (!(lapic->level[vector / WORD_BITS] & bit))
        lapic->level_count++;
    lapic->level[vector / WORD_BITS] |= bit;
    machine_interrupt(vcpu->cpu, (uint8_t)vector);
}

void lapic_level_take(struct vcpu *vcpu)
{
    struct lapic *lapic = &vcpu->lapic;

    for (unsigned i = 0; i < LAPIC_VECTOR_WORDS; i++) {
        uint32_t sent = atomic_exchange(&lapic->level_sent[i], 0);
        for (; sent != 0 && accepts(lapic); sent &= sent - 1)
            take_vector(vcpu, i * WORD_BITS + (unsigned)__builtin_ctz(sent));
    }
    msr_bitmap_choose(vcpu);
}

void lapic_level_forget(struct vcpu *vcpu)
{
    struct lapic *lapic = &vcpu->lapic;

    for (unsigned i = 0; i < LAPIC_VECTOR_WORDS; i++) {
        atomic_store(&lapic->level_sent[i], 0);
        lapic->level[i] = 0;
    }
    lapic->level_count = 0;
    msr_bitmap_choose(vcpu);
}

/* What an EOI ends: the vector of highest priority, which is the largest number. */
static int highest_in_service(void)
{
    for (unsigned i = LAPIC_VECTOR_WORDS; i-- > 0;) {
        uint32_t word = (uint32_t)machine_msr_read((enum msr)(IA32_X2APIC_ISR0 + i));
        if (word)
            return (int)(i * WORD_BITS + WORD_BITS - 1) - __builtin_clz(word);
    }
    return NONE;
}

/* Whether the interrupt was level-triggered, which it is no more. */
static bool forget_vector(struct lapic *lapic, unsigned vector)
{
    uint32_t bit = 1u << vector % WORD_BITS;

    if (!(lapic->level[vector / WORD_BITS] & bit))
        return false;
    lapic->level[vector / WORD_BITS] &= ~bit;
    lapic->level_count--;
    return true;
}

void lapic_level_end(struct vcpu *vcpu)
{
    int vector = highest_in_service();

    machine_msr_write(IA32_X2APIC_EOI, 0);
    if (vector == NONE || !forget_vector(&vcpu->lapic, (unsigned)vector))
        return;
    msr_bitmap_choose(vcpu);
    lock_acquire(&vcpu->vm->lock);
    ioapic_end_of_interrupt(vcpu->vm, (uint8_t)vector);
    lock_release(&vcpu->vm->lock);
}
