/* SPDX-License-Identifier: MIT
 *
 * CPUID, CR4 and MSRs tell one story: for each feature that brings a bit of CR4 or
 * an MSR, the guest has all of them or none. The table is from the manual.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/cr.h"
#include "hv/cr.h"
#include "hv/vm.h"
#include "tests/fake/cpuid_host.h"
#include "tests/fake/machine.h"
#include "tests/fake/reports.h"

static struct vm vm;
static struct vcpu vcpu;
static uint8_t bitmap[MSR_BITMAP_SIZE];

enum reg { EAX, EBX, ECX, EDX };

/* Bits of one register of a leaf, and what is there only with any of them. */
static const struct feature {
    uint32_t leaf, subleaf;
    enum reg reg;
    uint32_t bits;
    uint64_t cr4;
    uint32_t msr; /* 0: none */
} features[] = {
    { 1, 0, EDX, 1u << 1, CR4_VME | CR4_PVI, 0 },
    { 1, 0, EDX, 1u << 2, CR4_DE, 0 },
    { 1, 0, EDX, 1u << 24, CR4_OSFXSR | CR4_OSXMMEXCPT, 0 },
    { 1, 0, ECX, 1u << 17, CR4_PCIDE, 0 },
    { 1, 0, ECX, 1u << 24, 0, 0x6E0 },
    { 1, 0, ECX, 1u << 26, CR4_OSXSAVE, 0 },
    { 7, 0, EBX, 1u << 0, CR4_FSGSBASE, 0 },
    { 7, 0, EBX, 1u << 7, CR4_SMEP, 0 },
    { 7, 0, EBX, 1u << 20, CR4_SMAP, 0 },
    { 7, 0, ECX, 1u << 2, CR4_UMIP, 0 },
    { 7, 0, ECX, 1u << 16, CR4_LA57, 0 },
    { 7, 0, EDX, 1u << 26 | 1u << 27 | 1u << 31, 0, 0x48 },
    { 7, 0, EDX, 1u << 26, 0, 0x49 },
    { 7, 0, EDX, 1u << 28, 0, 0x10B },
    { 7, 0, EDX, 1u << 29, 0, 0x10A },
    { 0xD, 1, EAX, 1u << 3, 0, 0xDA0 },
    { 0x80000001, 0, EDX, 1u << 27, 0, 0xC0000103 },
};
#define FEATURES (sizeof features / sizeof features[0])

/* In place of hv/vcpu.c. */
void vcpu_retry(void)
{
}

static uint32_t *reg_of(struct cpuid_registers *registers, enum reg reg)
{
    return reg == EAX   ? &registers->eax
           : reg == EBX ? &registers->ebx
           : reg == ECX ? &registers->ecx
                        : &registers->edx;
}

static void build(const struct cpuid_host *host)
{
    struct cpuid_guest_facts facts = fake_cpuid_facts(1);
    fake_reset(0, 0);
    fake_reports_reset();
    memset(&vcpu, 0, sizeof vcpu);
    vcpu.vm = &vm;
    vcpu.lapic.cpuid_1_edx = UINT32_MAX;
    cpuid_table_build(&vm.cpuid, host, &facts);
    msr_state_reset(&vcpu.msr);
    msr_bitmap_build(bitmap, &vm.cpuid, MSR_BITMAP_X2APIC);
}

static struct cpuid_host without(const struct feature *feature)
{
    struct cpuid_host host = fake_cpuid_host_full();
    for (unsigned i = 0; i < CPUID_QUERY_COUNT; i++)
        if (cpuid_query(i).leaf == feature->leaf && cpuid_query(i).subleaf == feature->subleaf)
            *reg_of(&host.entry[i], feature->reg) &= ~feature->bits;
    return host;
}

static bool is_offered(const struct feature *feature)
{
    vcpu.gpr[GPR_RAX] = feature->leaf;
    vcpu.gpr[GPR_RCX] = feature->subleaf;
    (void)cpuid_exit(&vcpu);
    static const enum gpr gprs[] = { GPR_RAX, GPR_RBX, GPR_RCX, GPR_RDX };
    return vcpu.gpr[gprs[feature->reg]] & feature->bits;
}

static bool passes(uint32_t msr)
{
    return !(bitmap[(msr >= 0xC0000000 ? 1024 : 0) + (msr & 0x1FFF) / 8] >> msr % 8 & 1);
}

static bool has_msr(uint32_t msr)
{
    vcpu.gpr[GPR_RCX] = msr;
    return passes(msr) || msr_read_exit(&vcpu).kind == VERDICT_ADVANCE;
}

static void assert_all_or_none(const struct feature *feature, bool all)
{
    uint64_t owned = cr_policy_for(&vm.cpuid).cr4_mask;
    assert_int_equal(is_offered(feature), all);
    assert_int_equal(owned & feature->cr4, all ? 0 : feature->cr4);
    if (feature->msr)
        assert_int_equal(has_msr(feature->msr), all);
}

static void a_feature_comes_with_its_bits_of_cr4_and_its_msr(void **state)
{
    struct cpuid_host host = fake_cpuid_host_full();
    (void)state;
    build(&host);
    for (unsigned i = 0; i < FEATURES; i++)
        assert_all_or_none(&features[i], true);
}

static void without_it_they_are_gone(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FEATURES; i++) {
        struct cpuid_host host = without(&features[i]);
        build(&host);
        assert_all_or_none(&features[i], false);
    }
}

/* Bits of CR4 whose features are hidden, and those that have no name yet. */
static void what_cpuid_hides_cr4_refuses(void **state)
{
    struct cpuid_host host = fake_cpuid_host_full();
    uint64_t all = CR4_TSD | CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCE;
    (void)state;
    build(&host);
    for (unsigned i = 0; i < FEATURES; i++)
        all |= features[i].cr4;
    assert_int_equal(cr_policy_for(&vm.cpuid).cr4_mask, ~all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_feature_comes_with_its_bits_of_cr4_and_its_msr),
        cmocka_unit_test(without_it_they_are_gone),
        cmocka_unit_test(what_cpuid_hides_cr4_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
