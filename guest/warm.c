/* SPDX-License-Identifier: MIT
 *
 * Resets of the processors that keep memory: with a shutdown code in CMOS RAM and
 * an address at 40:67 the boot vCPU goes on there in real mode, after an INIT, and
 * after the keyboard controller's and port 92h's resets; the other vCPU then waits
 * for a start-up IPI. The address is that of the library's trampoline, so this
 * vCPU comes back to C as one that was started.
 */
#include "guest/lib.h"

#include "arch/spec/apic.h"
#include "hv/guest_ports.h"

const char guest_name[] = "warm";

#define BEAT_TICKS 100000ull
#define CMOS_SHUTDOWN 0x0F
#define RESUME_ADDRESS 0x467

enum { INIT_TO_ITSELF, KEYBOARD_CONTROLLER, FAST_RESET, INIT_BY_ANOTHER, WAYS };
static const char *const ways[WAYS] = {
    "INIT to itself", "a reset by the keyboard controller", "a reset by port 92h",
    "INIT by another vCPU",
};

static volatile unsigned way;
static volatile uint64_t kept;
static volatile uint64_t beats; /* of the other vCPU */
static volatile bool shall_send;

static uint8_t shutdown_code(void)
{
    out8(GUEST_PORT_RTC_INDEX, CMOS_SHUTDOWN);
    return in8(GUEST_PORT_RTC_INDEX + 1);
}

static void init_to(uint32_t vcpu)
{
    send_icr(vcpu, DELIVERY_INIT << ICR_DELIVERY_SHIFT | (uint32_t)ICR_LEVEL_ASSERT);
}

static _Noreturn void reset(void)
{
    guest_fill_trampoline();
    out8(GUEST_PORT_RTC_INDEX, CMOS_SHUTDOWN);
    out8(GUEST_PORT_RTC_INDEX + 1, way % 2 ? 0x05 : 0x0A);
    store32(RESUME_ADDRESS, GUEST_SIPI_VECTOR << 8 << 16);
    kept = 0x1234 + way;
    switch (way) {
    case INIT_TO_ITSELF: init_to(0); break;
    case KEYBOARD_CONTROLLER: out8(0x64, 0xFE); break;
    case FAST_RESET: out8(0x92, 3); break;
    case INIT_BY_ANOTHER: shall_send = true; break;
    }
    for (;;)
        cpu_pause();
}

static bool other_beats(void)
{
    uint64_t before = beats;

    for (uint64_t begin = rdtsc(); rdtsc() - begin < BEAT_TICKS;)
        cpu_pause();
    return beats != before;
}

/* The boot vCPU again, or the other one. */
void guest_ap_main(void)
{
    if (vcpu_number() != 0) {
        while (!shall_send)
            beats++;
        shall_send = false;
        init_to(0);
        return;
    }
    (void)report(kept == 0x1234 + way && shutdown_code() == 0, "%s keeps memory", ways[way]);
    if (way == INIT_TO_ITSELF)
        (void)report(other_beats(), "%s: the other vCPU goes on", ways[way]);
    else if (way != INIT_BY_ANOTHER)
        (void)report(!other_beats() && guest_start_vcpu(1) && other_beats(),
                     "%s: the other vCPU waits for a start-up IPI", ways[way]);
    way++;
    if (way < WAYS)
        reset();
    say_done();
    power_off();
}

void guest_main(void)
{
    (void)report(guest_start_vcpu(1), "the other vCPU");
    reset();
}
