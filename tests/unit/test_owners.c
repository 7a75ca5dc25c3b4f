/* SPDX-License-Identifier: MIT
 *
 * hv/owners.c: the map is in order, and of free memory what is owned is missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/owners.h"

static void free_memory_is_what_nobody_owns(void **state)
{
    static const struct owned wanted[] = {
        { 0x1000, 0x2000, NULL },   { 0x2000, 0x3000, "a" }, { 0x3000, 0x4000, "b" },
        { 0x4000, 0x5000, NULL },   { 0x6000, 0x7000, "c" }, { 0x7000, 0x8000, NULL },
        { 0x9000, 0xA000, "d" },
    };
    struct owned piece;
    uint64_t at = 0;
    (void)state;
    owners_add(HPA(0x7000), 0x1000, NULL);
    owners_add(HPA(0x9000), 0x1000, "d");
    owners_add(HPA(0x3000), 0x1000, "b");
    owners_add(HPA(0x6000), 0x1000, "c");
    owners_add(HPA(0x1000), 0x4000, NULL);
    owners_add(HPA(0x2000), 0x1000, "a");
    for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_true(owners_next(at, &piece));
        assert_int_equal(piece.base, wanted[i].base);
        assert_int_equal(piece.end, wanted[i].end);
        assert_ptr_equal(piece.owner, wanted[i].owner);
        at = piece.end;
    }
    assert_false(owners_next(at, &piece));
    assert_int_equal(owners_omitted(), 0);
    for (unsigned i = 0; i < 1000; i++)
        owners_add(HPA(0x100000), 0x1000, "many");
    assert_true(owners_omitted() >= 800 && owners_omitted() < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(free_memory_is_what_nobody_owns) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
