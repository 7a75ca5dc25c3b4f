/* SPDX-License-Identifier: MIT
 *
 * hv/dma_reserved.c: no byte of RAM is ever in a region that is honoured.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "hv/dma_reserved.h"

#define END (1ull << 39)

static const struct memory_range memory[] = {
    { { 0 }, 0x9F000, MEMORY_USABLE },
    { { MIB(1) }, MIB(100), MEMORY_USABLE },
    { { MIB(101) }, MIB(8), MEMORY_RESERVED },
    { { MIB(109) }, MIB(1), MEMORY_ACPI_NVS },
    { { MIB(200) }, 0, MEMORY_USABLE },
    { { UINT64_MAX - 100 }, 4096, MEMORY_USABLE }, /* nonsense */
};

static bool is_honoured(uint64_t first_byte, uint64_t last_byte)
{
    return dma_reserved_make(first_byte, last_byte, memory, sizeof memory / sizeof memory[0], END)
        .honoured;
}

static void a_region_beside_ram_is_honoured_in_whole_pages(void **state)
{
    (void)state;
    struct dma_reserved made = dma_reserved_make(MIB(101) + 100, MIB(102) + 5, memory, 6, END);
    assert_true(made.honoured);
    assert_int_equal(made.range.gpa.value, MIB(101));
    assert_int_equal(made.range.hpa.value, MIB(101));
    assert_int_equal(made.range.bytes, MIB(1) + KIB(4));
    assert_true(is_honoured(MIB(101), MIB(110) - 1));
    assert_true(is_honoured(MIB(200), MIB(201) - 1));
}

static void a_byte_of_ram_is_enough_to_refuse(void **state)
{
    (void)state;
    assert_false(is_honoured(MIB(101) - 1, MIB(102)));
    assert_false(is_honoured(MIB(50), MIB(50)));
    assert_false(is_honoured(0xA0000, MIB(1)));
    assert_true(is_honoured(0xA0000, MIB(1) - 1));
    assert_false(is_honoured(0x9F000 - 1, 0x9FFFF));
    assert_false(is_honoured(0, END - 1)); /* around all of it */
}

/* The map may end inside a page of which a region has the rest. */
static void a_page_that_is_partly_ram_is_ram(void **state)
{
    (void)state;
    const struct memory_range odd = { HPA(MIB(3)), 0x1800, MEMORY_USABLE };
    assert_false(dma_reserved_make(MIB(3) + 0x1900, MIB(3) + 0x1FFF, &odd, 1, END).honoured);
    assert_true(dma_reserved_make(MIB(3) + 0x2000, MIB(3) + 0x2FFF, &odd, 1, END).honoured);
}

static void what_units_cannot_reach_is_refused(void **state)
{
    (void)state;
    assert_true(is_honoured(END - KIB(4), END - 1));
    assert_false(is_honoured(END - KIB(4), END));
    assert_false(is_honoured(MIB(101), UINT64_MAX));
}

/* Against a page by page comparison. */
static void no_honoured_region_ever_holds_ram(void **state)
{
    (void)state;
    srand(1);
    for (unsigned round = 0; round < 20000; round++) {
        uint64_t first = (uint64_t)rand() % MIB(120), last = first + (uint64_t)rand() % MIB(4);
        bool ram = false;
        for (uint64_t page = first / 4096; page <= last / 4096; page++)
            ram |= page < 0x9F || (page >= MIB(1) / 4096 && page < MIB(101) / 4096);
        assert_int_equal(is_honoured(first, last), !ram);
    }
}

static void a_region_is_one_guests(void **state)
{
    (void)state;
    struct dma_reserved made = dma_reserved_make(MIB(101), MIB(102), memory, 6, END);
    assert_null(dma_reserved_problem(&made, 0));
    made.owner = 3;
    assert_null(dma_reserved_problem(&made, 3));
    assert_non_null(dma_reserved_problem(&made, 0));
    made = dma_reserved_make(0, 0, memory, 6, END);
    assert_non_null(dma_reserved_problem(&made, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_region_beside_ram_is_honoured_in_whole_pages),
        cmocka_unit_test(a_byte_of_ram_is_enough_to_refuse),
        cmocka_unit_test(a_page_that_is_partly_ram_is_ram),
        cmocka_unit_test(what_units_cannot_reach_is_refused),
        cmocka_unit_test(no_honoured_region_ever_holds_ram),
        cmocka_unit_test(a_region_is_one_guests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
