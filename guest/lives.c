/* SPDX-License-Identifier: MIT
 *
 * A guest that starts again as often as its command line says, "lives=1000", and then
 * says how often it lived. It counts in CMOS RAM, the one memory of a PC that a reset
 * leaves alone. Each life looks whether the last page of its memory is clean, and
 * leaves it dirty.
 */
#include "guest/isa.h"

#include "hv/guest_ports.h"

const char guest_name[] = "lives";

#define COUNT_LOW 0x40
#define COUNT_HIGH 0x41
#define DIRT 0xD1D1D1D1D1D1D1D1ull

/* What a life before this one has left there. */
static uint64_t dirty_words(void)
{
    uint64_t end = ram_low_end(), dirty = 0;

    for (uint64_t at = end - PAGE_SIZE_4K; at < end; at += sizeof(uint64_t)) {
        dirty += TAKE64(at) != 0;
        TAKE64(at) = DIRT;
    }
    return dirty;
}

void guest_main(void)
{
    uint64_t lives = cmdline_number("lives", 1);
    unsigned count = cmos_read(COUNT_LOW) + (cmos_read(COUNT_HIGH) << 8) + 1;
    uint64_t dirty = dirty_words();

    cmos_write(COUNT_LOW, (uint8_t)count);
    cmos_write(COUNT_HIGH, (uint8_t)(count >> 8));
    if (dirty != 0)
        (void)report(false, "life %u found %llu dirty words", count, (unsigned long long)dirty);
    if (count < lives)
        reboot();
    say("life %u goes on", count);
    idle();
}
