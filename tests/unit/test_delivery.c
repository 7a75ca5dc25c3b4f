/* SPDX-License-Identifier: MIT
 *
 * hv/delivery.c: what a fault becomes that was met while an event was delivered.
 * The expectation for two exceptions is written out as a table of the manual's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/cr.h"
#include "hv/delivery.h"
#include "hv/vm.h"
#include "tests/fake/machine.h"
#include "tests/fake/reports.h"

static struct vm vm;
static struct vcpu vcpu;

static int set_up(void **state)
{
    (void)state;
    fake_reset(0, 0);
    fake_reports_reset();
    memset(&vcpu, 0, sizeof vcpu);
    vcpu.vm = &vm;
    return 0;
}

static struct verdict meets(uint32_t information, uint8_t vector)
{
    machine_vmwrite_32(VMCS_IDT_VECTORING_INFO, information);
    struct delivery delivery = delivery_read();
    return delivery_fault(&vcpu, &delivery,
                          (struct verdict){ .kind = VERDICT_INJECT, .vector = vector,
                                            .has_error_code = true, .error_code = 0x50 });
}

static void the_event_is_read_as_the_exit_tells_it(void **state)
{
    (void)state;
    machine_vmwrite_32(VMCS_IDT_VECTORING_INFO, 0x80000B0E);
    machine_vmwrite_32(VMCS_IDT_VECTORING_ERROR_CODE, 7);
    struct delivery delivery = delivery_read();
    assert_true(delivery.exists && delivery.has_error_code);
    assert_int_equal(delivery.type, EVENT_HARDWARE_EXCEPTION);
    assert_int_equal(delivery.vector, 14);
    assert_int_equal(delivery.error_code, 7);

    machine_vmwrite_32(VMCS_IDT_VECTORING_INFO, 0x00000B0E);
    assert_false(delivery_read().exists);
    machine_vmwrite_32(VMCS_IDT_VECTORING_INFO, 0x80000303);
    assert_int_equal(delivery_read().error_code, 0);
}

static void what_an_instruction_did_is_behind_it(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < 7; type++) {
        machine_vmwrite_32(VMCS_IDT_VECTORING_INFO, EVENT_VALID | type << EVENT_TYPE_SHIFT);
        struct delivery delivery = delivery_read();
        assert_int_equal(delivery_is_by_instruction(&delivery), type >= 4);
    }
    machine_vmwrite_32(VMCS_IDT_VECTORING_INFO, 4u << EVENT_TYPE_SHIFT);
    struct delivery none = delivery_read();
    assert_false(delivery_is_by_instruction(&none));
}

static void two_exceptions_make_a_double_fault_as_the_table_says(void **state)
{
    enum { SERIAL, DOUBLE, SHUTDOWN };
    static const uint8_t seconds[] = { VECTOR_UD, VECTOR_GP, VECTOR_PF };
    static const struct {
        uint8_t first;
        uint8_t becomes[3]; /* #UD, #GP, #PF */
    } table[] = {
        { VECTOR_DE, { SERIAL, DOUBLE, SERIAL } }, { VECTOR_DB, { SERIAL, SERIAL, SERIAL } },
        { VECTOR_BP, { SERIAL, SERIAL, SERIAL } }, { VECTOR_UD, { SERIAL, SERIAL, SERIAL } },
        { VECTOR_NM, { SERIAL, SERIAL, SERIAL } }, { VECTOR_DF, { SERIAL, SHUTDOWN, SHUTDOWN } },
        { VECTOR_TS, { SERIAL, DOUBLE, SERIAL } }, { VECTOR_NP, { SERIAL, DOUBLE, SERIAL } },
        { VECTOR_SS, { SERIAL, DOUBLE, SERIAL } }, { VECTOR_GP, { SERIAL, DOUBLE, SERIAL } },
        { VECTOR_PF, { SERIAL, DOUBLE, DOUBLE } }, { VECTOR_AC, { SERIAL, SERIAL, SERIAL } },
        { VECTOR_VE, { SERIAL, DOUBLE, DOUBLE } }, { VECTOR_CP, { SERIAL, DOUBLE, SERIAL } },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++)
        for (unsigned second = 0; second < 3; second++) {
            fake_reports_reset();
            struct verdict verdict = meets(0x80000300 | table[i].first, seconds[second]);
            if (table[i].becomes[second] == SHUTDOWN) {
                assert_int_equal(verdict.kind, VERDICT_END);
                assert_string_equal(fake_reports.crash, "triple fault");
                continue;
            }
            assert_int_equal(verdict.kind, VERDICT_INJECT);
            assert_null(fake_reports.crash);
            assert_int_equal(verdict.vector, table[i].becomes[second] == DOUBLE
                                                 ? VECTOR_DF : seconds[second]);
            if (verdict.vector == VECTOR_DF)
                assert_true(verdict.has_error_code && verdict.error_code == 0);
        }
}

static void a_fault_behind_an_interrupt_is_itself(void **state)
{
    static const uint32_t events[] = { 0x80000030, 0x80000202, 0x8000040D, 0x80000603 };
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(meets(events[i], VECTOR_GP).vector, VECTOR_GP);
}

static void the_error_code_tells_whether_the_event_came_from_outside(void **state)
{
    (void)state;
    assert_int_equal(meets(0x80000030, VECTOR_GP).error_code, 0x51); /* interrupt */
    assert_int_equal(meets(0x80000202, VECTOR_NP).error_code, 0x51); /* NMI */
    assert_int_equal(meets(0x80000306, VECTOR_SS).error_code, 0x51); /* #UD */
    assert_int_equal(meets(0x80000501, VECTOR_TS).error_code, 0x51); /* INT1 */
    assert_int_equal(meets(0x80000430, VECTOR_GP).error_code, 0x50); /* INT n */
    assert_int_equal(meets(0x80000603, VECTOR_GP).error_code, 0x50); /* INT3 */
    assert_int_equal(meets(0x00000030, VECTOR_GP).error_code, 0x50); /* nothing */
    assert_int_equal(meets(0x80000030, VECTOR_PF).error_code, 0x50);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_event_is_read_as_the_exit_tells_it),
        TEST(what_an_instruction_did_is_behind_it),
        TEST(two_exceptions_make_a_double_fault_as_the_table_says),
        TEST(a_fault_behind_an_interrupt_is_itself),
        TEST(the_error_code_tells_whether_the_event_came_from_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
