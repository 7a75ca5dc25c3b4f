/* SPDX-License-Identifier: MIT
 *
 * A guest that leaves interrupts pending where a life ends: it resets by port
 * CF9h, or sends INIT to its second vCPU. Among the vectors are those that an
 * interrupt may have and that exceptions have, too: SDM Vol. 3A, 11.5.2 "Valid
 * Interrupt Vectors" begins with 16. Nothing here ever enables interrupts.
 *
 * What is typed at it, a letter: r leaves them and resets, i does the INIT, q
 * ends it.
 */
#include "guest/lib.h"

#include "arch/spec/apic.h"

const char guest_name[] = "pending";

#define AP 1
#define VECTORS_PER_REGISTER 32
#define REGISTERS 8
#define WAIT_TICKS 100000000ull

/* First of the exceptions' with and without an error code, #MC, and the last;
 * then interrupts' own, first, any, and last. */
static const uint8_t vectors[] = { 16, 17, 18, 31, 32, 0x30, 0xFF };
#define VECTOR_COUNT (sizeof vectors / sizeof vectors[0])

static volatile unsigned ap_lives;
static volatile bool ap_was_clean;
static volatile bool ap_has_all;

static bool is_pending(uint8_t vector)
{
    uint64_t irr = rdmsr(IA32_X2APIC_IRR0 + vector / VECTORS_PER_REGISTER);

    return irr >> vector % VECTORS_PER_REGISTER & 1;
}

static bool all_are_pending(void)
{
    bool all = true;

    for (unsigned i = 0; i < VECTOR_COUNT; i++)
        all &= is_pending(vectors[i]);
    return all;
}

static bool none_is_pending(void)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < REGISTERS; i++)
        any |= rdmsr(IA32_X2APIC_IRR0 + i);
    return any == 0;
}

static void leave_pending_and_reset(void)
{
    for (unsigned i = 0; i < VECTOR_COUNT; i++)
        send_self(vectors[i]);
    if (!all_are_pending())
        (void)report(false, "interrupts are not pending");
    reboot();
}

/* In its first life it waits for all of them, with interrupts off, until the
 * INIT comes. */
void guest_ap_main(void)
{
    ap_was_clean = none_is_pending();
    ap_lives++;
    while (!all_are_pending())
        cpu_pause();
    ap_has_all = true;
    for (;;)
        cpu_pause();
}

static void init_while_pending(void)
{
    uint64_t begin = rdtsc();

    (void)report(guest_start_vcpu(AP), "the second vCPU came up");
    for (unsigned i = 0; i < VECTOR_COUNT; i++)
        send_icr(AP, DELIVERY_FIXED << ICR_DELIVERY_SHIFT | (uint32_t)ICR_LEVEL_ASSERT |
                     vectors[i]);
    while (!ap_has_all && rdtsc() - begin < WAIT_TICKS)
        cpu_pause();
    (void)report(ap_has_all, "interrupts are pending at the second vCPU");
    (void)report(guest_start_vcpu(AP), "the second vCPU came up again after INIT");
    while (ap_lives < 2 && rdtsc() - begin < 2 * WAIT_TICKS)
        cpu_pause();
    (void)report(ap_lives == 2 && ap_was_clean, "nothing is pending there after INIT");
}

void guest_main(void)
{
    (void)report(none_is_pending(), "nothing is pending at the start");
    say("ready");
    for (;;) {
        switch (read_typed()) {
        case 'r': leave_pending_and_reset(); break;
        case 'i': init_while_pending(); break;
        case 'q': say_done(); power_off();
        }
    }
}
