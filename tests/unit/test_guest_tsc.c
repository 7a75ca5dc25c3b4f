/* SPDX-License-Identifier: MIT
 *
 * hv/guest_tsc.c beside a model: a processor whose deadline compares with the
 * TSC that the guest reads, as on a bare machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/guest_tsc.h"
#include "hv/vm.h"
#include "tests/fake/cpuid_host.h"
#include "tests/fake/machine.h"

#define NATIVE 0x1000
#define MOVED 0x4000

static struct vm vm;
static struct vcpu vcpu;

static void set_up_with(struct cpuid_host host)
{
    struct cpuid_guest_facts facts = fake_cpuid_facts(1);
    fake_reset(0, 0);
    fake.tsc = 1000000;
    memset(&vm, 0, sizeof vm);
    memset(&vcpu, 0, sizeof vcpu);
    vcpu.vm = &vm;
    cpuid_table_build(&vm.cpuid, &host, &facts);
    for (unsigned i = 0; i < MSR_BITMAP_COUNT; i++)
        vm.msr_bitmaps[i] = HPA(0x1000 * (i + 1));
    machine_vmwrite_64(VMCS_TSC_OFFSET, 77);
    guest_tsc_reset(&vcpu);
    msr_bitmap_choose(&vcpu);
}

static int set_up(void **state)
{
    (void)state;
    set_up_with(fake_cpuid_host_full());
    return 0;
}

static uint64_t guest_tsc(void)
{
    return fake.tsc + machine_vmread_64(VMCS_TSC_OFFSET);
}

static bool exits(void)
{
    return machine_vmread_64(VMCS_MSR_BITMAP) == MOVED;
}

/* As the guest writes and reads 6E0h: with an exit or without. */
static void guest_writes_deadline(uint64_t value)
{
    if (exits())
        guest_tsc_deadline_write(&vcpu, value);
    else
        machine_msr_write(IA32_TSC_DEADLINE, value);
}

static uint64_t guest_reads_deadline(void)
{
    return exits() ? guest_tsc_deadline_read(&vcpu) : machine_msr_read(IA32_TSC_DEADLINE);
}

/* The hardware: whether its timer fires now. It is disarmed by that. */
static bool fires(void)
{
    uint64_t deadline = machine_msr_read(IA32_TSC_DEADLINE);
    if (!deadline || fake.tsc < deadline)
        return false;
    machine_msr_write(IA32_TSC_DEADLINE, 0);
    return true;
}

static void a_reset_gives_the_machines_time(void **state)
{
    (void)state;
    assert_int_equal(machine_vmread_64(VMCS_TSC_OFFSET), 0);
    guest_tsc_write(&vcpu, 5);
    guest_writes_deadline(100);
    assert_true(exits());
    guest_tsc_reset(&vcpu);
    msr_bitmap_choose(&vcpu);
    assert_int_equal(guest_tsc(), fake.tsc);
    assert_int_equal(vcpu.msr.tsc_offset | vcpu.msr.tsc_deadline, 0);
    assert_false(exits());
}

static void a_write_sets_the_tsc_and_moves_tsc_adjust_as_much(void **state)
{
    static const uint64_t values[] = { 0, 1, 999999, 1000000, 1000001, 1ull << 40, UINT64_MAX };
    (void)state;
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint64_t before = guest_tsc(), adjust = vcpu.msr.tsc_offset;
        guest_tsc_write(&vcpu, values[i]);
        assert_int_equal(guest_tsc(), values[i]);
        assert_int_equal(vcpu.msr.tsc_offset - adjust, values[i] - before);
        assert_int_equal(exits(), values[i] != fake.tsc);
    }
}

static void a_write_of_tsc_adjust_moves_the_tsc_as_much(void **state)
{
    static const uint64_t values[] = { 1, 5000, -(uint64_t)5000, 1ull << 63, 0 };
    (void)state;
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint64_t before = guest_tsc(), adjust = vcpu.msr.tsc_offset;
        guest_tsc_adjust_write(&vcpu, values[i]);
        assert_int_equal(guest_tsc() - before, values[i] - adjust);
        assert_int_equal(vcpu.msr.tsc_offset, values[i]);
        assert_int_equal(exits(), values[i] != 0);
    }
}

static void without_an_offset_the_deadline_is_the_guests_alone(void **state)
{
    (void)state;
    guest_tsc_adjust_write(&vcpu, 0);
    assert_int_equal(fake.record_count, 0);
    assert_false(exits());
    guest_writes_deadline(1000500);
    guest_tsc_write(&vcpu, fake.tsc);
    assert_int_equal(guest_reads_deadline(), 1000500);
}

static void a_deadline_fires_at_the_guests_time(void **state)
{
    (void)state;
    guest_tsc_write(&vcpu, 100);
    guest_writes_deadline(600);
    assert_int_equal(guest_reads_deadline(), 600);
    fake.tsc += 499;
    assert_false(fires());
    fake.tsc += 1;
    assert_true(fires());
    assert_int_equal(guest_reads_deadline(), 0);
}

static void a_deadline_that_has_passed_fires_at_once(void **state)
{
    (void)state;
    guest_tsc_write(&vcpu, 1ull << 50);
    guest_writes_deadline(1);
    assert_true(fires());
    guest_writes_deadline(1ull << 50);
    assert_true(fires());
}

static void a_deadline_of_zero_disarms(void **state)
{
    (void)state;
    guest_tsc_write(&vcpu, 100);
    guest_writes_deadline(600);
    guest_writes_deadline(0);
    assert_int_equal(machine_msr_read(IA32_TSC_DEADLINE), 0);
    assert_int_equal(guest_reads_deadline(), 0);
}

static void a_deadline_at_the_end_of_time_never_fires_and_reads_as_written(void **state)
{
    (void)state;
    guest_tsc_write(&vcpu, 0);
    guest_writes_deadline(UINT64_MAX);
    assert_int_equal(guest_reads_deadline(), UINT64_MAX);
    fake.tsc += 1ull << 60;
    assert_false(fires());
}

static void what_is_armed_follows_the_guests_clock(void **state)
{
    (void)state;
    guest_writes_deadline(1000500);         /* natively */
    guest_tsc_write(&vcpu, 1000400);        /* 400 ahead */
    assert_int_equal(guest_reads_deadline(), 1000500);
    fake.tsc += 99;
    assert_false(fires());
    fake.tsc += 1;
    assert_true(fires());

    guest_writes_deadline(guest_tsc() + 1000);
    guest_tsc_write(&vcpu, guest_tsc() + 2000); /* past it */
    assert_true(fires());

    guest_writes_deadline(guest_tsc() + 1000);
    guest_tsc_adjust_write(&vcpu, 0);       /* back to the machine's */
    assert_false(exits());
    assert_int_equal(guest_reads_deadline(), guest_tsc() + 1000 + 2400);
}

static void what_has_fired_is_not_armed_again(void **state)
{
    (void)state;
    guest_tsc_write(&vcpu, 0);
    guest_writes_deadline(10);
    fake.tsc += 10;
    assert_true(fires());
    guest_tsc_write(&vcpu, 50);
    assert_int_equal(guest_reads_deadline(), 0);
    assert_false(fires());
    guest_tsc_adjust_write(&vcpu, 0);
    assert_false(fires());
}

static void a_deadline_that_fired_but_still_reads_is_not_armed_again(void **state)
{
    (void)state;
    guest_writes_deadline(1000500);
    fake.tsc = 1000500;
    guest_tsc_write(&vcpu, 0);
    assert_int_equal(machine_msr_read(IA32_TSC_DEADLINE), 1000500);
    assert_int_equal(guest_reads_deadline(), 0);
}

/* Its MSR would fault on the machine as well. */
static void a_guest_without_the_deadline_never_touches_it(void **state)
{
    (void)state;
    set_up_with(fake_cpuid_host_bare());
    guest_tsc_write(&vcpu, 0);
    guest_tsc_adjust_write(&vcpu, 55);
    guest_tsc_adjust_write(&vcpu, 0);
    assert_int_equal(fake.record_count, 0);
}

/* Any sequence, against the comparison that a bare machine makes. */
static void a_timer_never_fires_early_nor_late(void **state)
{
    uint64_t armed = 0; /* in the guest's time; 0: not */
    (void)state;
    srand(7);
    for (unsigned i = 0; i < 200000; i++) {
        uint64_t amount = (uint64_t)rand() % 3000;
        fake.record_count = 0;
        switch (rand() % 4) {
        case 0: guest_tsc_write(&vcpu, guest_tsc() + amount - 1500); break;
        case 1: guest_tsc_adjust_write(&vcpu, amount % 3 ? amount - 1500 : 0); break;
        case 2:
            armed = amount % 5 ? guest_tsc() + amount - 500 : 0;
            guest_writes_deadline(armed);
            break;
        case 3: fake.tsc += amount; break;
        }
        bool due = armed && guest_tsc() >= armed;
        assert_int_equal(fires(), due);
        if (due)
            armed = 0;
        assert_int_equal(guest_reads_deadline(), armed);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reset_gives_the_machines_time),
        TEST(a_write_sets_the_tsc_and_moves_tsc_adjust_as_much),
        TEST(a_write_of_tsc_adjust_moves_the_tsc_as_much),
        TEST(without_an_offset_the_deadline_is_the_guests_alone),
        TEST(a_deadline_fires_at_the_guests_time),
        TEST(a_deadline_that_has_passed_fires_at_once),
        TEST(a_deadline_of_zero_disarms),
        TEST(a_deadline_at_the_end_of_time_never_fires_and_reads_as_written),
        TEST(what_is_armed_follows_the_guests_clock),
        TEST(what_has_fired_is_not_armed_again),
        TEST(a_deadline_that_fired_but_still_reads_is_not_armed_again),
        TEST(a_guest_without_the_deadline_never_touches_it),
        TEST(a_timer_never_fires_early_nor_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
