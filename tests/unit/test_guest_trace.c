/* SPDX-License-Identifier: MIT
 *
 * hv/guest_trace.c: chains of frame pointers as guests leave them, in memory of 2 MiB.
 * In 64-bit mode it is mapped at KERNEL by one large page. An access outside of the
 * guest's memory stops the fake machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/guest_trace.h"
#include "hv/vm.h"
#include "tests/fake/cpuid_host.h"
#include "tests/fake/machine.h"

#define BASE GIB(1)
#define BYTES MIB(2)
#define KERNEL 0xFFFFFFFF80000000ull
#define PML4 0x1000u
#define PDPT 0x2000u
#define PD 0x3000u
#define P_RW_A 0x23u
#define PS_D 0xC0u

static struct vm vm;
static struct vcpu vcpu;
static struct guest_trace trace;

static void put(uint64_t at, uint64_t value, unsigned bytes)
{
    memcpy(fake.memory + at, &value, bytes);
}

static void set_up_memory(void)
{
    struct cpuid_host host = fake_cpuid_host_full();
    struct cpuid_guest_facts facts = fake_cpuid_facts(1);

    fake_reset(BASE, BYTES);
    memset(&vcpu, 0, sizeof vcpu);
    vcpu.vm = &vm;
    vm.memory = (struct guest_memory)GUEST_MEMORY_COMPACT(BASE, BYTES);
    cpuid_table_build(&vm.cpuid, &host, &facts);
    machine_vmwrite_natural(VMCS_GUEST_RIP, 0x100400);
}

static int in_64_bit_mode(void **state)
{
    (void)state;
    set_up_memory();
    put(PML4 + 511 * 8, PDPT | P_RW_A, 8);
    put(PDPT + 510 * 8, PD | P_RW_A, 8);
    put(PD, P_RW_A | PS_D, 8);
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE | CR0_PG);
    machine_vmwrite_natural(VMCS_GUEST_CR3, PML4);
    machine_vmwrite_natural(VMCS_GUEST_CR4, CR4_PAE);
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, EFER_LME | EFER_LMA);
    machine_vmwrite_32(VMCS_GUEST_CS_ACCESS_RIGHTS, ACCESS_RIGHTS_L);
    machine_vmwrite_natural(VMCS_GUEST_RIP, KERNEL + 0x100400);
    vcpu.gpr[GPR_RBP] = KERNEL + 0x8000;
    return 0;
}

static int in_32_bit_mode(void **state)
{
    (void)state;
    set_up_memory();
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE);
    machine_vmwrite_32(VMCS_GUEST_CS_ACCESS_RIGHTS, ACCESS_RIGHTS_DB);
    machine_vmwrite_32(VMCS_GUEST_CS_LIMIT, UINT32_MAX);
    vcpu.gpr[GPR_RBP] = 0x8000;
    return 0;
}

/* A frame of 64-bit code, by offsets from KERNEL. */
static void frame(uint64_t at, uint64_t next, uint64_t back)
{
    put(at, KERNEL + next, 8);
    put(at + 8, KERNEL + back, 8);
}

static void frame_32(uint64_t at, uint32_t next, uint32_t back)
{
    put(at, next, 4);
    put(at + 4, back, 4);
}

static void take(void)
{
    guest_trace_take(&vcpu, &trace);
}

static void assert_trace(enum guest_trace_end end, uint64_t next, unsigned count,
                         const uint64_t *addresses)
{
    take();
    assert_int_equal(trace.end, end);
    assert_int_equal(trace.next, next);
    assert_int_equal(trace.count, count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(trace.address[i], addresses[i]);
}

#define TRACE_IS(end, next, ...)                                            \
    do {                                                                    \
        const uint64_t is[] = { __VA_ARGS__ };                              \
        assert_trace((end), (next), sizeof is / sizeof is[0], is);          \
    } while (0)

static void frames_are_followed_through_the_guests_paging(void **state)
{
    (void)state;
    frame(0x8000, 0x8040, 0x100500);
    frame(0x8040, 0x8100, 0x100600);
    put(0x8100, 0, 8);
    put(0x8108, KERNEL + 0x100700, 8);
    TRACE_IS(GUEST_TRACE_WHOLE, 0, KERNEL + 0x100400, KERNEL + 0x100500, KERNEL + 0x100600,
             KERNEL + 0x100700);
}

static void frames_of_32_bit_code_are_followed(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RBP] |= 0xBAD00000000;
    frame_32(0x8000, 0x8040, 0x100500);
    frame_32(0x8040, 0, 0x100600);
    TRACE_IS(GUEST_TRACE_WHOLE, 0, 0x100400, 0x100500, 0x100600);
}

static void segments_have_their_bases_and_limits(void **state)
{
    (void)state;
    machine_vmwrite_natural(VMCS_GUEST_CS_BASE, 0xFFF00000);
    machine_vmwrite_natural(VMCS_GUEST_SS_BASE, 0x10000);
    machine_vmwrite_32(VMCS_GUEST_CS_LIMIT, 0x1FFFFF);
    frame_32(0x18000, 0x8040, 0x1FFFFF);
    frame_32(0x18040, 0x8080, 0x200000);
    TRACE_IS(GUEST_TRACE_NO_CODE, 0x8040, 0x400, 0xFFFFF);
}

static void a_frame_pointer_of_zero_and_a_return_to_zero_are_the_end(void **state)
{
    (void)state;
    frame(0x8000, 0x8040, 0x100500);
    frame(0x8040, 0x8080, -KERNEL);
    TRACE_IS(GUEST_TRACE_WHOLE, KERNEL + 0x8040, KERNEL + 0x100400, KERNEL + 0x100500);
    vcpu.gpr[GPR_RBP] = 0;
    TRACE_IS(GUEST_TRACE_WHOLE, 0, KERNEL + 0x100400);
}

static void a_loop_ends_at_once(void **state)
{
    (void)state;
    frame(0x8000, 0x8000, 0x100500);
    TRACE_IS(GUEST_TRACE_ASTRAY, KERNEL + 0x8000, KERNEL + 0x100400, KERNEL + 0x100500);
    frame(0x8000, 0x8040, 0x100500);
    frame(0x8040, 0x8000, 0x100600);
    TRACE_IS(GUEST_TRACE_ASTRAY, KERNEL + 0x8000, KERNEL + 0x100400, KERNEL + 0x100500,
             KERNEL + 0x100600);
}

static void no_more_than_the_most_are_followed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        frame(0x8000 + i * 16, 0x8000 + (i + 1) * 16, 0x100500 + i);
    take();
    assert_int_equal(trace.count, GUEST_TRACE_MAX);
    assert_int_equal(trace.end, GUEST_TRACE_LONG);
    assert_int_equal(trace.address[GUEST_TRACE_MAX - 1], KERNEL + 0x100500 + GUEST_TRACE_MAX - 2);
}

static void a_frame_without_memory_ends_it(void **state)
{
    (void)state;
    static const uint64_t without[] = {
        0x200000,               /* not mapped */
        0x7FF80000000,          /* no canonical address, from KERNEL on */
        0x1FFFF8,               /* the return address is beyond the memory */
    };
    for (unsigned i = 0; i < 3; i++) {
        frame(0x8000, without[i], 0x100500);
        take();
        assert_int_equal(trace.count, 2);
        assert_int_equal(trace.end, without[i] == 0x7FF80000000 ? GUEST_TRACE_ASTRAY
                                                                 : GUEST_TRACE_UNREADABLE);
    }
    vcpu.gpr[GPR_RBP] = 0x800000000000;
    TRACE_IS(GUEST_TRACE_UNREADABLE, 0x800000000000, KERNEL + 0x100400);
}

/* The tables map a device of the guest's, or are nowhere themselves. */
static void no_address_without_ram_is_read(void **state)
{
    (void)state;
    static const uint64_t places[] = { 0xFEC00000, 0xFEE00000, 0xE0000000 };
    for (unsigned i = 0; i < 3; i++) {
        put(PD, places[i] | P_RW_A | PS_D, 8);
        TRACE_IS(GUEST_TRACE_UNREADABLE, KERNEL + 0x8000, KERNEL + 0x100400);
        put(PD, P_RW_A | PS_D, 8);
        put(PDPT + 510 * 8, places[i] | P_RW_A, 8);
        TRACE_IS(GUEST_TRACE_UNREADABLE, KERNEL + 0x8000, KERNEL + 0x100400);
        put(PDPT + 510 * 8, PD | P_RW_A, 8);
    }
    vcpu.gpr[GPR_RBP] = KERNEL + 0xA0000; /* where a PC has its screen */
    TRACE_IS(GUEST_TRACE_UNREADABLE, KERNEL + 0xA0000, KERNEL + 0x100400);
}

static void tables_that_lead_to_themselves_are_walked_once(void **state)
{
    (void)state;
    put(PML4 + 511 * 8, PML4 | P_RW_A, 8);
    put(PML4 + 510 * 8, PML4 | P_RW_A, 8);
    put(PML4, PML4 | P_RW_A, 8);
    machine_vmwrite_natural(VMCS_GUEST_RSP, 1); /* no stack either */
    take();
    assert_int_equal(trace.count, 1);
}

static void what_cannot_be_a_frame_ends_it(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RBP] = KERNEL + 0x8004;
    TRACE_IS(GUEST_TRACE_ASTRAY, KERNEL + 0x8004, KERNEL + 0x100400);
    vcpu.gpr[GPR_RBP] = KERNEL + 0x8000;
    frame(0x8000, 0x8040, 0x00FF000000100500 - KERNEL);
    TRACE_IS(GUEST_TRACE_NO_CODE, KERNEL + 0x8000, KERNEL + 0x100400);
}

static void a_call_to_where_no_code_is_was_made_by_who_is_on_the_stack(void **state)
{
    (void)state;
    frame(0x8000, 0, 0x100500);
    put(0x8000, 0, 8);
    put(0x7FF0, KERNEL + 0x100600, 8);
    machine_vmwrite_natural(VMCS_GUEST_RSP, KERNEL + 0x7FF0);
    TRACE_IS(GUEST_TRACE_WHOLE, 0, KERNEL + 0x100400, KERNEL + 0x100500);
    machine_vmwrite_natural(VMCS_GUEST_RIP, 0);
    TRACE_IS(GUEST_TRACE_WHOLE, 0, 0, KERNEL + 0x100600, KERNEL + 0x100500);
    put(0x7FF0, 0x00FF000000100600, 8);
    TRACE_IS(GUEST_TRACE_WHOLE, 0, 0, KERNEL + 0x100500);
    machine_vmwrite_natural(VMCS_GUEST_RSP, KERNEL + 0x7FF1);
    TRACE_IS(GUEST_TRACE_WHOLE, 0, 0, KERNEL + 0x100500);
    machine_vmwrite_natural(VMCS_GUEST_RSP, 0xFEE00000);
    TRACE_IS(GUEST_TRACE_WHOLE, 0, 0, KERNEL + 0x100500);
}

/* The caller and 15 frames. */
static void the_most_counts_such_a_caller(void **state)
{
    (void)state;
    frame(0x8000, 0x8000, 0x100500);
    for (unsigned i = 0; i < 100; i++)
        frame(0x8000 + i * 16, 0x8000 + (i + 1) * 16, 0x100500 + i);
    machine_vmwrite_natural(VMCS_GUEST_RIP, 0);
    machine_vmwrite_natural(VMCS_GUEST_RSP, KERNEL + 0x8008);
    take();
    assert_int_equal(trace.count, GUEST_TRACE_MAX);
    assert_int_equal(trace.end, GUEST_TRACE_LONG);
}

static void code_of_16_bits_has_no_frames(void **state)
{
    (void)state;
    machine_vmwrite_32(VMCS_GUEST_CS_ACCESS_RIGHTS, 0);
    frame_32(0x8000, 0x8040, 0x100500);
    TRACE_IS(GUEST_TRACE_16_BIT, 0x8000, 0x100400);
}

static void neither_cr2_nor_anything_else_is_changed(void **state)
{
    (void)state;
    frame(0x8000, 0x400000, 0x100500);
    take();
    assert_int_equal(trace.end, GUEST_TRACE_UNREADABLE);
    assert_int_equal(fake.record_count, 0);
}

#define IN_64(name) cmocka_unit_test_setup(name, in_64_bit_mode)
#define IN_32(name) cmocka_unit_test_setup(name, in_32_bit_mode)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_64(frames_are_followed_through_the_guests_paging),
        IN_32(frames_of_32_bit_code_are_followed),
        IN_32(segments_have_their_bases_and_limits),
        IN_64(a_frame_pointer_of_zero_and_a_return_to_zero_are_the_end),
        IN_64(a_loop_ends_at_once),
        IN_64(no_more_than_the_most_are_followed),
        IN_64(a_frame_without_memory_ends_it),
        IN_64(no_address_without_ram_is_read),
        IN_64(tables_that_lead_to_themselves_are_walked_once),
        IN_64(what_cannot_be_a_frame_ends_it),
        IN_64(a_call_to_where_no_code_is_was_made_by_who_is_on_the_stack),
        IN_64(the_most_counts_such_a_caller),
        IN_32(code_of_16_bits_has_no_frames),
        IN_64(neither_cr2_nor_anything_else_is_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
