/* SPDX-License-Identifier: MIT
 *
 * hv/cr.c with a model of the processor's rule for MOV to CR0 and CR4 under
 * guest/host masks: every move ends, with the value that the guest wrote in
 * what it reads, or with #GP(0); and the real registers keep what VMX needs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/cr.h"
#include "hv/vm.h"
#include "tests/fake/cpuid_host.h"
#include "tests/fake/machine.h"
#include "tests/fake/reports.h"

static struct vm vm;
static struct vcpu vcpu;
static unsigned retries;

void vcpu_retry(void)
{
    retries++;
}

static void set_up_with(struct cpuid_host host)
{
    struct cpuid_guest_facts facts = fake_cpuid_facts(1);
    fake_reset(0, 0);
    fake_reports_reset();
    memset(&vcpu, 0, sizeof vcpu);
    vcpu.vm = &vm;
    msr_state_reset(&vcpu.msr);
    cpuid_table_build(&vm.cpuid, &host, &facts);
    struct cr_policy policy = cr_policy_for(&vm.cpuid);
    machine_vmwrite_natural(VMCS_CR0_MASK, policy.cr0_mask);
    machine_vmwrite_natural(VMCS_CR4_MASK, policy.cr4_mask);
    cr_set(CR0_PE | CR0_PG | CR0_ET, CR4_PAE);
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, EFER_LME | EFER_LMA);
    machine_vmwrite_32(VMCS_GUEST_CS_ACCESS_RIGHTS, ACCESS_RIGHTS_L);
}

static int set_up(void **state)
{
    (void)state;
    set_up_with(fake_cpuid_host_full());
    return 0;
}

static struct verdict access(enum cr_access_type type, unsigned number, enum gpr gpr)
{
    machine_vmwrite_natural(VMCS_EXIT_QUALIFICATION,
                            number | type << CR_QUALIFICATION_TYPE_SHIFT |
                                gpr << CR_QUALIFICATION_GPR_SHIFT);
    return cr_exit(&vcpu);
}

/* SDM Vol. 3C, 26.3 "Changes to Instruction Behavior in VMX Non-Root Operation".
 * False: #GP(0). */
static bool move(unsigned number, uint64_t value)
{
    enum vmcs_field_natural mask = number ? VMCS_CR4_MASK : VMCS_CR0_MASK;
    enum vmcs_field_natural shadow = number ? VMCS_CR4_READ_SHADOW : VMCS_CR0_READ_SHADOW;
    enum vmcs_field_natural real = number ? VMCS_GUEST_CR4 : VMCS_GUEST_CR0;
    uint64_t owned = machine_vmread_natural(mask);
    vcpu.gpr[GPR_RBX] = value;
    if ((value ^ machine_vmread_natural(shadow)) & owned) {
        retries = 0;
        struct verdict verdict = access(CR_MOV_TO, number, GPR_RBX);
        if (verdict.kind == VERDICT_INJECT) {
            assert_int_equal(verdict.vector, VECTOR_GP);
            assert_true(verdict.has_error_code && verdict.error_code == 0);
            return false;
        }
        assert_int_equal(verdict.kind, VERDICT_RESUME);
        assert_int_equal(retries, 1);
        assert_int_equal((value ^ machine_vmread_natural(shadow)) & owned, 0);
    }
    uint64_t kept = machine_vmread_natural(real) & owned;
    machine_vmwrite_natural(real, kept | (value & ~owned));
    return true;
}

static void cr0_reads_as_written_while_the_cache_stays_on(void **state)
{
    static const uint64_t values[] = { 0x80050033, 0xC0050033, 0xE0050033, 0x60000010,
                                       0x00000011, 0x80000011, 0x80050013 };
    (void)state;
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_true(move(0, values[i]));
        assert_int_equal(cr0_seen(), values[i]);
        uint64_t real = machine_vmread_natural(VMCS_GUEST_CR0);
        assert_int_equal(real & (CR0_CD | CR0_NW | CR0_NE), CR0_NE);
        assert_int_equal((real ^ values[i]) & (CR0_PG | CR0_PE | CR0_WP), 0);
    }
}

static void write_through_with_the_cache_on_is_gp(void **state)
{
    (void)state;
    uint64_t before = cr0_seen();
    assert_false(move(0, 0x80050033 | CR0_NW));
    assert_int_equal(cr0_seen(), before);
}

static void ordinary_changes_of_cr0_do_not_exit(void **state)
{
    (void)state;
    assert_true(move(0, 0x80050033));
    uint64_t owned = machine_vmread_natural(VMCS_CR0_MASK);
    assert_int_equal(owned & (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_WP | CR0_AM | CR0_PG), 0);
    assert_int_equal(machine_vmread_natural(VMCS_CR0_READ_SHADOW) & owned, 0x80050033 & owned);
}

static void each_bit_of_cr4_is_offered_or_gp(void **state)
{
    const uint64_t offered = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE |
                             CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_LA57 |
                             CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE | CR4_SMEP | CR4_SMAP;
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t value = CR4_PAE | BIT(bit);
        assert_int_equal(move(4, value), !!(offered & BIT(bit)));
        if (offered & BIT(bit))
            assert_int_equal(cr4_seen(), value);
        uint64_t real = machine_vmread_natural(VMCS_GUEST_CR4);
        assert_int_equal(real & (CR4_VMXE | CR4_MCE), CR4_VMXE | CR4_MCE);
        assert_int_equal(real & ~(offered | CR4_VMXE), 0);
    }
}

static void a_bit_that_cpuid_does_not_offer_is_gp(void **state)
{
    static const uint64_t gone[] = { CR4_VME, CR4_DE, CR4_OSFXSR, CR4_UMIP, CR4_LA57, CR4_FSGSBASE,
                                     CR4_PCIDE, CR4_OSXSAVE, CR4_SMEP, CR4_SMAP };
    (void)state;
    set_up_with(fake_cpuid_host_bare());
    for (unsigned i = 0; i < sizeof gone / sizeof gone[0]; i++)
        assert_false(move(4, CR4_PAE | gone[i]));
    assert_true(move(4, CR4_PAE | CR4_PGE));
}

static void outside_64_bit_mode_the_upper_half_of_the_register_does_not_count(void **state)
{
    (void)state;
    assert_false(move(4, 0xFF00000000 | CR4_MCE));
    machine_vmwrite_32(VMCS_GUEST_CS_ACCESS_RIGHTS, 0);
    vcpu.gpr[GPR_RBX] = 0xFF00000000 | CR4_MCE;
    assert_int_equal(access(CR_MOV_TO, 4, GPR_RBX).kind, VERDICT_RESUME);
}

static void the_stack_pointer_as_a_source_is_that_of_the_vmcs(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RSP] = CR4_VMXE;
    machine_vmwrite_natural(VMCS_GUEST_RSP, CR4_MCE);
    assert_int_equal(access(CR_MOV_TO, 4, GPR_RSP).kind, VERDICT_RESUME);
    machine_vmwrite_natural(VMCS_GUEST_RSP, CR4_VMXE);
    assert_int_equal(access(CR_MOV_TO, 4, GPR_RSP).kind, VERDICT_INJECT);
}

static void an_access_that_no_control_intercepts_ends_the_guest(void **state)
{
    static const struct { enum cr_access_type type; unsigned number; } accesses[] = {
        { CR_MOV_FROM, 0 }, { CR_MOV_FROM, 3 }, { CR_MOV_TO, 3 }, { CR_MOV_TO, 8 },
        { CR_CLTS, 0 }, { CR_LMSW, 0 },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof accesses / sizeof accesses[0]; i++) {
        fake_reports_reset();
        assert_int_equal(access(accesses[i].type, accesses[i].number, GPR_RAX).kind,
                         VERDICT_END);
        assert_non_null(fake_reports.crash);
    }
}

static bool xsetbv(uint64_t number, uint64_t value)
{
    vcpu.gpr[GPR_RCX] = number;
    vcpu.gpr[GPR_RAX] = 0xABCD00000000 | (uint32_t)value;
    vcpu.gpr[GPR_RDX] = value >> 32;
    fake.record_count = 0;
    struct verdict verdict = xsetbv_exit(&vcpu);
    if (verdict.kind == VERDICT_INJECT) {
        assert_int_equal(fake.record_count, 0);
        return false;
    }
    assert_int_equal(verdict.kind, VERDICT_ADVANCE);
    assert_int_equal(fake.record_count, 1);
    assert_int_equal(fake.records[0].kind, FAKE_XCR0_WRITE);
    assert_int_equal(fake.records[0].value, value);
    assert_int_equal(vcpu.msr.xcr0, value);
    return true;
}

static void xcr0_takes_exactly_the_combinations_that_a_processor_does(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < 0x800; value++)
        assert_int_equal(xsetbv(0, value),
                         value == 1 || value == 3 || value == 7 || value == 0xE7);
    for (unsigned bit = 11; bit < 64; bit++)
        assert_false(xsetbv(0, 7 | BIT(bit)));
    assert_false(xsetbv(1, 7));
    assert_true(xsetbv(0x700000000, 7));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cr0_reads_as_written_while_the_cache_stays_on),
        TEST(write_through_with_the_cache_on_is_gp),
        TEST(ordinary_changes_of_cr0_do_not_exit),
        TEST(each_bit_of_cr4_is_offered_or_gp),
        TEST(a_bit_that_cpuid_does_not_offer_is_gp),
        TEST(outside_64_bit_mode_the_upper_half_of_the_register_does_not_count),
        TEST(the_stack_pointer_as_a_source_is_that_of_the_vmcs),
        TEST(an_access_that_no_control_intercepts_ends_the_guest),
        TEST(xcr0_takes_exactly_the_combinations_that_a_processor_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
