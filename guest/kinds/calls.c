/* SPDX-License-Identifier: MIT
 *
 * A kernel that has its symbols and ends three calls deep, for what the report of
 * its end tells of them. Linked twice: with entry.asm for 32 bits without paging, and
 * with calls64.asm for 64 bits in the upper half of the address space.
 */
#include "guest/kinds/kinds.h"

const char kind_name[] = "calls";

/* No IDT is loaded, so this is a triple fault. */
static void innermost(void)
{
    __builtin_trap();
}

static void in_the_middle(void)
{
    innermost();
}

static void outermost(void)
{
    in_the_middle();
}

void kind_main(const struct state *state)
{
    (void)state;
    outermost();
}
