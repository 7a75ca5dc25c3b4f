/* SPDX-License-Identifier: MIT
 *
 * See xsave.h. SDM Vol. 1, chapter 13 "Managing State Using the XSAVE Feature Set".
 *
 * XSAVEC and XSAVES are tried before guests are told of them, because a processor
 * that gets their format wrong destroys what guests compute: Bochs 2.7 puts the
 * first component behind the legacy area, into the header, and a kernel that
 * restores it finds a header that it may not load.
 */
#include "arch/xsave.h"

#include <stddef.h>

#include "arch/cpu_features.h"
#include "arch/insn.h"
#include "arch/spec/cr.h"
#include "hv/text.h"

#define MXCSR_RESET 0x1F80u
#define FCW_RESET 0x37Fu
#define PATTERN 0x5A

/* SDM Vol. 1, 13.4 "XSAVE Area": AVX is the first component behind the header, at
 * the same place in both formats. */
struct xsave_area {
    uint16_t fcw;
    uint8_t reserved[22];
    uint32_t mxcsr;
    uint8_t registers[484];
    uint64_t xstate_bv; /* the header: a clear bit stands for the initial state */
    uint64_t xcomp_bv;
    uint64_t header_reserved[6];
    uint8_t avx[256];
};
_Static_assert(offsetof(struct xsave_area, mxcsr) == 24 &&
               offsetof(struct xsave_area, xstate_bv) == 512 &&
               offsetof(struct xsave_area, avx) == 576, "SDM Vol. 1, Table 13-1");

void xsave_reset(void)
{
    static const struct xsave_area initial __attribute__((aligned(64))) = {
        .fcw = FCW_RESET, .mxcsr = MXCSR_RESET };

    if (cpu_features.xsave) {
        xcr0_write(cpu_features.xcr0_supported);
        xrstor(&initial, cpu_features.xcr0_supported);
        xcr0_write(XCR0_X87);
    }
    fxrstor(&initial);
}

bool xsave_compacts(void)
{
    struct xsave_area area __attribute__((aligned(64))) = {
        .fcw = FCW_RESET, .mxcsr = MXCSR_RESET, .xstate_bv = XCR0_AVX };
    uint8_t loaded[sizeof area.avx];

    if (!cpu_features.xsavec)
        return false;
    if (!(cpu_features.xcr0_supported & XCR0_AVX))
        return true;
    memset(area.avx, PATTERN, sizeof area.avx);
    memcpy(loaded, area.avx, sizeof loaded);
    xcr0_write(XCR0_X87 | XCR0_SSE | XCR0_AVX);
    xrstor(&area, XCR0_X87 | XCR0_SSE | XCR0_AVX);
    memset(area.avx, 0, sizeof area.avx);
    xsavec(&area, XCR0_X87 | XCR0_SSE | XCR0_AVX);
    xsave_reset();
    return memcmp(area.avx, loaded, sizeof loaded) == 0;
}
