/* SPDX-License-Identifier: MIT
 *
 * See apic_vm.h.
 */
#include "tests/fake/apic_vm.h"

#include <string.h>

#include "hv/check.h"
#include "hv/lapic_base.h"
#include "tests/fake/cpuid_host.h"
#include "tests/fake/machine.h"
#include "tests/fake/reports.h"

#define TABLES 16

struct vm apic_vm;
struct vcpu apic_vcpus[APIC_VCPUS];

static void map_ram(void)
{
    static uint64_t tables[TABLES][FRAME_ENTRIES] __attribute__((aligned(4096)));
    struct ept_range ram = { GPA(0), HPA(GIB(1)), APIC_VM_RAM };
    struct frames frames;

    memset(tables, 0, sizeof tables);
    frames_init(&frames, &tables[0][0], HPA(GIB(2)), TABLES);
    ept_init(&apic_vm.ept, frames, ept_shape(PAGE_SIZE_2M));
    ept_map(&apic_vm.ept, &ram, EPT_READ | EPT_WRITE | EPT_EXECUTE, EPT_WRITE_BACK);
}

void apic_vm_make(enum lapic_mode mode)
{
    struct cpuid_host host = fake_cpuid_host_full();
    struct cpuid_guest_facts facts = fake_cpuid_facts(APIC_VCPUS);

    fake_reset(0, 0);
    fake_reports_reset();
    memset(&apic_vm, 0, sizeof apic_vm);
    memset(apic_vcpus, 0, sizeof apic_vcpus);
    apic_vm.vcpu_count = APIC_VCPUS;
    for (unsigned i = 0; i < MSR_BITMAP_COUNT; i++)
        apic_vm.msr_bitmaps[i] = HPA(0x1000 * (i + 1));
    cpuid_table_build(&apic_vm.cpuid, &host, &facts);
    map_ram();
    for (unsigned i = 0; i < APIC_VCPUS; i++) {
        struct vcpu *vcpu = &apic_vcpus[i];
        apic_vm.vcpus[i] = vcpu;
        vcpu->vm = &apic_vm;
        vcpu->index = i;
        vcpu->cpu = APIC_CPU_OF(i);
        lapic_start(vcpu);
        lapic_svr_write(vcpu, SIVR_ENABLE | 0xFF);
        if (mode == LAPIC_X2APIC)
            CHECK(lapic_base_write(vcpu, vcpu->lapic.base | APIC_BASE_EXTD));
        if (mode == LAPIC_DISABLED)
            CHECK(lapic_base_write(vcpu, vcpu->lapic.base & ~(uint64_t)APIC_BASE_EN));
    }
    fake.record_count = 0;
}

unsigned apic_reached(enum fake_record_kind kind, uint64_t value)
{
    unsigned set = 0;

    for (unsigned i = 0; i < fake.record_count; i++) {
        const struct fake_record *record = &fake.records[i];
        if (record->kind == FAKE_MSR_WRITE)
            continue;
        unsigned index = (unsigned)(record->where - 10) / 3;
        CHECK(record->kind == kind && record->value == value);
        CHECK((record->where - 10) % 3 == 0 && index < APIC_VCPUS);
        CHECK(!(set >> index & 1));
        set |= 1u << index;
    }
    fake.record_count = 0;
    return set;
}
