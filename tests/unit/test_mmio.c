/* SPDX-License-Identifier: MIT
 *
 * hv/mmio.c: EPT violations by real instruction bytes in guest memory, with a
 * register for an IOAPIC, and what each move leaves in the guest's registers.
 * What is no plain move goes to hv/emulate.c, whose test is test_emulate.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/device_memory.h"
#include "hv/mmio.h"
#include "hv/vm.h"
#include "tests/fake/cpuid_host.h"
#include "tests/fake/machine.h"
#include "tests/fake/reports.h"

#define CODE 0x1000
#define TABLES 0x4000
#define NOWHERE 0xD0000000

static struct vm vm;
static struct vcpu vcpu;

/* In place of the IOAPIC and of vcpu.c. */
static struct { uint64_t offset, value; size_t bytes; unsigned reads, writes; } device;
static struct { unsigned count, length; } advanced;

void lines_apic_changed(struct vm *of)
{
    (void)of;
}

void ioapic_end_of_interrupt(struct vm *of, uint8_t vector)
{
    (void)of;
    (void)vector;
}

uint64_t ioapic_read(const struct ioapic *ioapic, uint64_t offset, size_t bytes)
{
    assert_ptr_equal(ioapic, &vm.ioapic);
    assert_int_equal(vm.lock.next - vm.lock.serving, 1);
    device.offset = offset;
    device.bytes = bytes;
    device.reads++;
    return device.value;
}

void ioapic_write(struct vm *of, uint64_t offset, size_t bytes, uint64_t value)
{
    assert_ptr_equal(of, &vm);
    assert_int_equal(vm.lock.next - vm.lock.serving, 1);
    device.offset = offset;
    device.bytes = bytes;
    device.value = value;
    device.writes++;
}

void vcpu_advance(uint32_t length)
{
    advanced.count++;
    advanced.length = length;
}

void vcpu_end_iteration(void) {}

static void put_entry(unsigned table, unsigned index, uint64_t entry)
{
    memcpy(fake.memory + TABLES + table * 0x1000 + index * 8, &entry, sizeof entry);
}

/* The first 2 MiB and the last GiB below 4 GiB, for 64-bit code. */
static void map_one_to_one(void)
{
    put_entry(0, 0, (TABLES + 0x1000) | 3);
    put_entry(1, 0, (TABLES + 0x2000) | 3);
    put_entry(1, 3, GIB(3) | 0x83);
    put_entry(2, 0, 0x83);
}

static int set_up(void **state)
{
    struct cpuid_host host = fake_cpuid_host_full();
    struct cpuid_guest_facts facts = fake_cpuid_facts(1);
    (void)state;
    fake_reset(GIB(1), MIB(2));
    fake_reports_reset();
    memset(&vm, 0, sizeof vm);
    memset(&vcpu, 0, sizeof vcpu);
    memset(&device, 0, sizeof device);
    memset(&advanced, 0, sizeof advanced);
    vcpu.vm = &vm;
    vcpu.lapic.page = LAPIC_NO_PAGE;
    vm.memory = (struct guest_memory)GUEST_MEMORY_COMPACT(GIB(1), MIB(2));
    cpuid_table_build(&vm.cpuid, &host, &facts);
    map_one_to_one();
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE | CR0_PG);
    machine_vmwrite_natural(VMCS_GUEST_CR3, TABLES);
    machine_vmwrite_natural(VMCS_GUEST_CR4, CR4_PAE);
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, EFER_LMA);
    machine_vmwrite_32(VMCS_GUEST_CS_ACCESS_RIGHTS, ACCESS_RIGHTS_L);
    return 0;
}

/* RBX is the address, as in nearly all instructions here. */
static struct verdict violate(uint64_t gpa, bool write, const uint8_t *code, size_t bytes)
{
    vcpu.gpr[GPR_RBX] = gpa;
    machine_vmwrite_natural(VMCS_EXIT_QUALIFICATION,
                            (write ? EPT_QUALIFICATION_WRITE : EPT_QUALIFICATION_READ) |
                                EPT_QUALIFICATION_LINEAR_VALID | EPT_QUALIFICATION_FINAL_ACCESS);
    machine_vmwrite_natural(VMCS_GUEST_RIP, CODE);
    memcpy(fake.memory + CODE, code, bytes);
    machine_vmwrite_64(VMCS_GUEST_PHYSICAL_ADDRESS, gpa);
    return mmio_exit(&vcpu);
}

#define VIOLATE(gpa, write, ...) \
    violate(gpa, write, (const uint8_t[]){ __VA_ARGS__ }, \
            sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void assert_done(struct verdict verdict, unsigned length)
{
    assert_int_equal(verdict.kind, VERDICT_RESUME);
    assert_int_equal(advanced.count, 1);
    assert_int_equal(advanced.length, length);
    advanced.count = 0;
    assert_null(fake_reports.crash);
}

static void a_load_from_nowhere_reads_ones_and_is_reported(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RAX] = 0x1122334455667788;
    assert_done(VIOLATE(NOWHERE, false, 0x8B, 0x03), 2); /* mov eax, [rbx] */
    assert_int_equal(vcpu.gpr[GPR_RAX], 0xFFFFFFFF);
    assert_int_equal(fake_reports.denied_kind, DENIED_MEMORY_READ);
    assert_int_equal(fake_reports.denied_where, NOWHERE);
    assert_int_equal(fake_reports.denied_rip, CODE);
}

static void a_store_to_nowhere_vanishes_and_is_reported(void **state)
{
    (void)state;
    assert_done(VIOLATE(NOWHERE + 8, true, 0x89, 0x03), 2); /* mov [rbx], eax */
    assert_int_equal(fake_reports.denied_kind, DENIED_MEMORY_WRITE);
    assert_int_equal(fake_reports.denied_where, NOWHERE + 8);
    assert_int_equal(device.writes, 0);
}

static void the_ioapic_page_is_the_ioapic_and_no_byte_more(void **state)
{
    (void)state;
    device.value = 0x12345678;
    assert_done(VIOLATE(IOAPIC_BASE + 0x10, false, 0x8B, 0x03), 2);
    assert_int_equal(vcpu.gpr[GPR_RAX], 0x12345678);
    assert_int_equal(device.offset, 0x10);
    assert_int_equal(device.bytes, 4);
    assert_int_equal(fake_reports.denied_count, 0);
    assert_int_equal(vm.lock.next, vm.lock.serving);
    assert_done(VIOLATE(IOAPIC_BASE - 1, false, 0x8A, 0x03), 2);
    assert_done(VIOLATE(IOAPIC_BASE + 0x1000, false, 0x8A, 0x03), 2);
    assert_int_equal(device.reads, 1);
    assert_int_equal(fake_reports.denied_count, 2);
    assert_true(device_memory_has(&vcpu, GPA(IOAPIC_BASE)) &&
                device_memory_has(&vcpu, GPA(IOAPIC_BASE + 0xFFF)));
    assert_false(device_memory_has(&vcpu, GPA(IOAPIC_BASE - 1)) ||
                 device_memory_has(&vcpu, GPA(IOAPIC_BASE + 0x1000)));
}

/* Put where the IOAPIC is: the vCPU sees its own APIC there. */
static void the_page_of_the_local_apic_lies_in_front_of_a_device(void **state)
{
    (void)state;
    vcpu.lapic.page = IOAPIC_BASE;
    assert_done(VIOLATE(IOAPIC_BASE + 0x30, false, 0x8B, 0x03), 2);
    assert_int_equal(vcpu.gpr[GPR_RAX], 0x50014);
    vcpu.gpr[GPR_RAX] = 0x12345678;
    assert_done(VIOLATE(IOAPIC_BASE + 0xD0, true, 0x89, 0x03), 2);
    assert_int_equal(vcpu.lapic.ldr, 0x12000000);
    assert_int_equal(device.reads + device.writes, 0);
    assert_done(VIOLATE(IOAPIC_BASE + 0x1000, false, 0x8B, 0x03), 2);
    assert_int_equal(fake_reports.denied_count, 1);
}

static void a_store_takes_its_value_from_the_register_or_the_instruction(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RCX] = 0xAABBCCDD11223344;
    assert_done(VIOLATE(IOAPIC_BASE, true, 0x48, 0x89, 0x0B), 3);
    assert_int_equal(device.value, 0xAABBCCDD11223344);
    assert_done(VIOLATE(IOAPIC_BASE, true, 0x66, 0x89, 0x0B), 3);
    assert_int_equal(device.value, 0x3344);
    assert_done(VIOLATE(IOAPIC_BASE, true, 0x88, 0x2B), 2); /* ch */
    assert_int_equal(device.value, 0x33);
    assert_int_equal(device.bytes, 1);
    assert_done(VIOLATE(IOAPIC_BASE + 0x10, true, 0xC7, 0x43, 0x00, 0xFE, 0xFF, 0xFF, 0xFF), 7);
    assert_int_equal(device.value, 0xFFFFFFFE);
    machine_vmwrite_natural(VMCS_GUEST_RSP, 0x8877);
    assert_done(VIOLATE(IOAPIC_BASE, true, 0x89, 0x23), 2); /* esp */
    assert_int_equal(device.value, 0x8877);
}

static void a_load_extends_into_its_register_as_the_processor_does(void **state)
{
    static const struct { uint8_t code[5]; unsigned length; uint64_t expected; } loads[] = {
        { { 0x8A, 0x0B }, 2, 0x11223344556677F2 },             /* mov cl, [rbx] */
        { { 0x8A, 0x2B }, 2, 0x112233445566F288 },             /* mov ch, [rbx] */
        { { 0x66, 0x8B, 0x0B }, 3, 0x112233445566F1F2 },       /* mov cx, [rbx] */
        { { 0x8B, 0x0B }, 2, 0x84F3F1F2 },                     /* mov ecx, [rbx] */
        { { 0x48, 0x8B, 0x0B }, 3, 0x8182838484F3F1F2 },       /* mov rcx, [rbx] */
        { { 0x0F, 0xB6, 0x0B }, 3, 0xF2 },                     /* movzx ecx, byte */
        { { 0x66, 0x0F, 0xBE, 0x0B }, 4, 0x112233445566FFF2 }, /* movsx cx, byte */
        { { 0x0F, 0xBF, 0x0B }, 3, 0xFFFFF1F2 },               /* movsx ecx, word */
        { { 0x48, 0x0F, 0xBE, 0x0B }, 4, 0xFFFFFFFFFFFFFFF2 }, /* movsx rcx, byte */
        { { 0x48, 0x63, 0x0B }, 3, 0xFFFFFFFF84F3F1F2 },       /* movsxd rcx, dword */
    };
    (void)state;
    for (unsigned i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        device.value = 0x8182838484F3F1F2;
        vcpu.gpr[GPR_RCX] = 0x1122334455667788;
        assert_done(violate(IOAPIC_BASE, false, loads[i].code, sizeof loads[i].code),
                    loads[i].length);
        assert_int_equal(vcpu.gpr[GPR_RCX], loads[i].expected);
    }
    device.value = 0x42;
    assert_done(VIOLATE(IOAPIC_BASE, false, 0x8B, 0x23), 2); /* mov esp, [rbx] */
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RSP), 0x42);
}

static void code_is_decoded_in_the_size_of_its_segment(void **state)
{
    (void)state;
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, 0);
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE);
    machine_vmwrite_natural(VMCS_GUEST_CS_BASE, 0x500);
    memcpy(fake.memory + 0x500 + CODE, (const uint8_t[]){ 0x8B, 0x07 }, 2); /* mov ax, [bx] */
    device.value = 0x99887766;
    machine_vmwrite_32(VMCS_GUEST_CS_ACCESS_RIGHTS, 0);
    assert_done(VIOLATE(IOAPIC_BASE + 0x10, false, 0xCC), 2);
    assert_int_equal(device.bytes, 2);
    machine_vmwrite_32(VMCS_GUEST_CS_ACCESS_RIGHTS, ACCESS_RIGHTS_DB);
    assert_done(VIOLATE(IOAPIC_BASE + 0x10, false, 0xCC), 2);
    assert_int_equal(device.bytes, 4);
}

/* The page before is RAM, and the processor reports where the rest is. */
static void a_move_that_began_in_the_page_before_is_done_in_both(void **state)
{
    (void)state;
    put_entry(1, 3, 0);
    put_entry(2, 8, (TABLES + 0x3000) | 3);
    put_entry(3, 0, 0x100000 | 3);
    put_entry(3, 1, IOAPIC_BASE | 3);
    vcpu.gpr[GPR_RAX] = 0x44332211;
    assert_done(VIOLATE(IOAPIC_BASE, true, 0x89, 0x04, 0x25, 0xFE, 0x0F, 0x00, 0x01), 7);
    assert_int_equal(fake.memory[0x100FFE] | fake.memory[0x100FFF] << 8, 0x2211);
    assert_int_equal(device.bytes, 2);
    assert_int_equal(device.value, 0x4433);
    device.value = 0x66;
    assert_done(VIOLATE(IOAPIC_BASE, false, 0x8B, 0x04, 0x25, 0xFF, 0x0F, 0x00, 0x01), 7);
    assert_int_equal(vcpu.gpr[GPR_RAX] & 0xFFFF, 0x6622);
}

/* mov eax, [...] in the last bytes of the IOAPIC's page, and behind it nothing. */
static void a_move_that_goes_on_in_the_next_page_is_done_in_both(void **state)
{
    (void)state;
    device.value = 0x7766;
    assert_done(VIOLATE(IOAPIC_BASE + 0xFFE, false, 0x8B, 0x03), 2);
    assert_int_equal(device.offset, 0xFFE);
    assert_int_equal(device.bytes, 2);
    assert_int_equal(vcpu.gpr[GPR_RAX], 0xFFFF7766);
    assert_int_equal(fake_reports.denied_where, IOAPIC_BASE + 0x1000);
    fake_reports_reset();
    assert_done(VIOLATE(IOAPIC_BASE + 0xFFC, false, 0x8B, 0x03), 2);
    assert_int_equal(device.bytes, 4);
    assert_int_equal(fake_reports.denied_count, 0);
}

/* However the address is written, an access that begins a page is whole. */
static void a_move_at_the_beginning_of_a_page_is_whole(void **state)
{
    static const struct { uint8_t code[8]; unsigned length; } forms[] = {
        { { 0x8B, 0x03 }, 2 },                                     /* [rbx] */
        { { 0x64, 0x8B, 0x03 }, 3 },                               /* fs:[rbx] */
        { { 0x41, 0x8B, 0x02 }, 3 },                               /* [r10] */
        { { 0x8B, 0x43, 0x00 }, 3 },                               /* [rbx + 0] */
        { { 0x8B, 0x04, 0x23 }, 3 },                               /* by SIB */
        { { 0x67, 0x8B, 0x03 }, 3 },                               /* [ebx] */
    };
    (void)state;
    vcpu.gpr[GPR_R10] = IOAPIC_BASE;
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        device.bytes = 0;
        assert_done(violate(IOAPIC_BASE, false, forms[i].code, sizeof forms[i].code),
                    forms[i].length);
        assert_int_equal(device.offset, 0);
        assert_int_equal(device.bytes, 4);
    }
}

static void an_instruction_that_changed_meanwhile_is_executed_again(void **state)
{
    (void)state;
    /* the violation was a write, but a load stands there now */
    assert_int_equal(VIOLATE(IOAPIC_BASE, true, 0x8B, 0x03).kind, VERDICT_RESUME);
    assert_int_equal(VIOLATE(IOAPIC_BASE, false, 0x89, 0x03).kind, VERDICT_RESUME);
    assert_int_equal(advanced.count + device.reads + device.writes, 0);
    assert_null(fake_reports.crash);
}

static void what_is_no_move_is_emulated_or_ends_the_guest(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RAX] = 2;
    device.value = 1;
    assert_done(VIOLATE(IOAPIC_BASE, true, 0x01, 0x03), 2); /* add [rbx], eax */
    assert_int_equal(device.value, 3);
    assert_int_equal(device.reads + device.writes, 2);
    assert_int_equal(VIOLATE(NOWHERE, true, 0xD9, 0x03).kind, VERDICT_END); /* fld */
    assert_non_null(fake_reports.crash);
    assert_int_equal(advanced.count, 0);
}

static enum verdict_kind end_of(uint64_t qualification)
{
    machine_vmwrite_natural(VMCS_EXIT_QUALIFICATION, qualification);
    machine_vmwrite_natural(VMCS_GUEST_RIP, CODE);
    fake_reports_reset();
    machine_vmwrite_64(VMCS_GUEST_PHYSICAL_ADDRESS, NOWHERE);
    enum verdict_kind kind = mmio_exit(&vcpu).kind;
    assert_non_null(fake_reports.crash);
    return kind;
}

static void accesses_without_an_instruction_end_the_guest(void **state)
{
    const uint64_t access = EPT_QUALIFICATION_LINEAR_VALID | EPT_QUALIFICATION_FINAL_ACCESS;
    (void)state;
    assert_int_equal(end_of(access | EPT_QUALIFICATION_FETCH), VERDICT_END);
    assert_int_equal(end_of(EPT_QUALIFICATION_LINEAR_VALID | EPT_QUALIFICATION_READ), VERDICT_END);
    assert_int_equal(end_of(EPT_QUALIFICATION_READ), VERDICT_END);
    machine_vmwrite_32(VMCS_IDT_VECTORING_INFO, 0x8000030E);
    fake.memory[CODE] = 0x8B;
    assert_int_equal(end_of(access | EPT_QUALIFICATION_READ), VERDICT_END);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_load_from_nowhere_reads_ones_and_is_reported),
        TEST(a_store_to_nowhere_vanishes_and_is_reported),
        TEST(the_ioapic_page_is_the_ioapic_and_no_byte_more),
        TEST(the_page_of_the_local_apic_lies_in_front_of_a_device),
        TEST(a_store_takes_its_value_from_the_register_or_the_instruction),
        TEST(a_load_extends_into_its_register_as_the_processor_does),
        TEST(code_is_decoded_in_the_size_of_its_segment),
        TEST(an_instruction_that_changed_meanwhile_is_executed_again),
        TEST(a_move_that_began_in_the_page_before_is_done_in_both),
        TEST(a_move_that_goes_on_in_the_next_page_is_done_in_both),
        TEST(a_move_at_the_beginning_of_a_page_is_whole),
        TEST(what_is_no_move_is_emulated_or_ends_the_guest),
        TEST(accesses_without_an_instruction_end_the_guest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
