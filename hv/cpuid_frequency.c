/* SPDX-License-Identifier: MIT
 *
 * See cpuid_frequency.h. TSC frequency = ECX * EBX / EAX, APIC timer frequency
 * = ECX: SDM Vol. 2A, "CPUID—CPU Identification", leaf 15h "Time Stamp Counter
 * and Nominal Core Crystal Clock Information Leaf".
 */
#include "hv/cpuid_frequency.h"

/* Leaf 15h is what it says only if it is complete and agrees with what was
 * measured: firmware of virtual machines passes on that of another processor. */
static bool is_true(struct cpuid_registers native, uint64_t tsc_hz)
{
    if (!native.eax || !native.ebx || !native.ecx)
        return false;
    if ((uint64_t)native.ecx / 1000 * native.ebx > UINT32_MAX)
        return false;
    uint64_t told_hz = (uint64_t)native.ecx * native.ebx / native.eax;
    uint64_t apart = told_hz > tsc_hz ? told_hz - tsc_hz : tsc_hz - told_hz;
    return apart <= tsc_hz / 100;
}

#define DENOMINATOR_MAX 65535u
#define CRYSTAL_TRIES 11u /* up to 5 kHz from what was measured */

/* TSC = crystal * numerator / denominator, in kHz, off by error / denominator. */
struct fraction { uint64_t crystal, numerator, denominator, error; };

/* The nearest fraction for this crystal, if it is nearer than `best`. */
static struct fraction nearest(uint64_t tsc, uint64_t crystal, struct fraction best)
{
    uint64_t denominator_max = UINT32_MAX / tsc;
    if (denominator_max > DENOMINATOR_MAX)
        denominator_max = DENOMINATOR_MAX;
    for (uint64_t denominator = 1; denominator <= denominator_max && best.error; denominator++) {
        uint64_t exact = denominator * tsc;
        uint64_t numerator = (exact + crystal / 2) / crystal;
        uint64_t here = crystal * numerator;
        uint64_t error = here > exact ? here - exact : exact - here;
        if (numerator == 0 || here > UINT32_MAX)
            continue;
        if (best.denominator == 0 || error * best.denominator < best.error * denominator)
            best = (struct fraction){ crystal, numerator, denominator, error };
    }
    return best;
}

/*
 * Guests compute ECX * EBX / EAX in kHz with 32 bits, so ECX is told in whole
 * kHz and ECX / 1000 * EBX stays below 2^32. Where no such fraction gives the
 * TSC's measured frequency to the kHz, a crystal some kHz away is told instead:
 * clocks run on the TSC, and the APIC's timer is rarely used by its frequency.
 */
static struct cpuid_registers frequencies(uint64_t tsc_hz, uint64_t lapic_timer_hz)
{
    uint64_t tsc = (tsc_hz + 500) / 1000;
    uint64_t crystal = (lapic_timer_hz + 500) / 1000;
    if (!tsc || crystal <= CRYSTAL_TRIES || tsc > UINT32_MAX || crystal > UINT32_MAX / 1000 / 2)
        return (struct cpuid_registers){ 0, 0, 0, 0 };
    struct fraction best = { .denominator = 0, .error = UINT64_MAX };
    for (unsigned i = 0; i < CRYSTAL_TRIES && best.error >= best.denominator; i++)
        best = nearest(tsc, i % 2 ? crystal + (i + 1) / 2 : crystal - i / 2, best);
    return (struct cpuid_registers){ (uint32_t)best.denominator, (uint32_t)best.numerator,
                                     (uint32_t)best.crystal * 1000, 0 };
}

struct cpuid_registers cpuid_frequencies(struct cpuid_registers native, uint64_t tsc_hz,
                                         uint64_t lapic_timer_hz)
{
    return is_true(native, tsc_hz) ? native : frequencies(tsc_hz, lapic_timer_hz);
}

struct cpuid_registers cpuid_clock_rate(uint64_t tsc_hz)
{
    uint32_t mhz = (uint32_t)((tsc_hz + 500000) / 1000000) & 0xFFFF;
    return (struct cpuid_registers){ mhz, mhz, 0, 0 };
}
