/* SPDX-License-Identifier: MIT
 *
 * hv/guest_paging.c against a naive model: memory full of random entries, in
 * which every paging mode with every combination of protections is walked. The
 * model has its tables of shifts and reserved bits written out from SDM Vol.
 * 3A, 4.3 to 4.6, and the outcome includes all of memory, flags set by the walk
 * included. An access outside the guest's memory stops the fake machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "hv/guest_paging.h"
#include "hv/guest_walk.h"
#include "hv/vm.h"
#include "tests/fake/cpuid_host.h"
#include "tests/fake/machine.h"

#define RAM MIB(2)
#define RAM_BASE GIB(1)

enum kind { KIND_32, KIND_PAE, KIND_4, KIND_5, KIND_COUNT };

/* Everything that a walk depends on besides memory. */
struct mode {
    enum kind kind;
    bool code_64, user, write_protect, no_execute, smep, smap, alignment, pse;
    unsigned width; /* physical address bits; 46: with pages of 1 GiB */
    uint64_t cr3;
    uint64_t pdptes[4];
};

static struct vm vm;
static struct vcpu vcpu;
static uint64_t random_state;

static uint64_t random_word(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static bool chance(unsigned percent)
{
    return (random_word() >> 20) % 100 < percent;
}

static void set_up(unsigned width)
{
    struct cpuid_host host = width == 46 ? fake_cpuid_host_full() : fake_cpuid_host_bare();
    struct cpuid_guest_facts facts = fake_cpuid_facts(1);
    fake_reset(RAM_BASE, RAM);
    memset(&vcpu, 0, sizeof vcpu);
    vcpu.vm = &vm;
    vm.memory = (struct guest_memory)GUEST_MEMORY_COMPACT(RAM_BASE, RAM);
    cpuid_table_build(&vm.cpuid, &host, &facts);
    assert_int_equal(cpuid_physical_address_bits(&vm.cpuid), width);
}

static void apply(const struct mode *mode)
{
    bool is_long = mode->kind >= KIND_4;
    machine_vmwrite_natural(VMCS_GUEST_CR0,
                            CR0_PE | CR0_PG | (mode->write_protect ? CR0_WP : 0));
    machine_vmwrite_natural(VMCS_GUEST_CR3, mode->cr3);
    machine_vmwrite_natural(VMCS_GUEST_CR4,
                            (mode->kind != KIND_32 ? CR4_PAE : 0) | (mode->pse ? CR4_PSE : 0) |
                            (mode->kind == KIND_5 ? CR4_LA57 : 0) |
                            (mode->smep ? CR4_SMEP : 0) | (mode->smap ? CR4_SMAP : 0));
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER,
                       (is_long ? EFER_LME | EFER_LMA : 0) | (mode->no_execute ? EFER_NXE : 0));
    machine_vmwrite_32(VMCS_GUEST_CS_ACCESS_RIGHTS, mode->code_64 ? ACCESS_RIGHTS_L : 0);
    machine_vmwrite_32(VMCS_GUEST_SS_ACCESS_RIGHTS, mode->user ? ACCESS_RIGHTS_DPL_MASK : 0);
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, mode->alignment ? RFLAGS_AC : 0);
    machine_vmwrite_64(VMCS_GUEST_PDPTE0, mode->pdptes[0]);
    machine_vmwrite_64(VMCS_GUEST_PDPTE1, mode->pdptes[1]);
    machine_vmwrite_64(VMCS_GUEST_PDPTE2, mode->pdptes[2]);
    machine_vmwrite_64(VMCS_GUEST_PDPTE3, mode->pdptes[3]);
}

static enum guest_linear read_linear(uint64_t from, void *to, size_t bytes,
                                     struct guest_fault *fault)
{
    struct guest_mode mode = guest_mode_read();
    return guest_linear_read(&vcpu, &mode, GLA(from), to, bytes, fault);
}

static enum guest_linear write_linear(uint64_t to, const void *from, size_t bytes,
                                      struct guest_fault *fault)
{
    struct guest_mode mode = guest_mode_read();
    return guest_linear_write(&vcpu, &mode, GLA(to), from, bytes, fault);
}

static enum guest_linear fetch_linear(uint64_t from, uint8_t *to, size_t *got,
                                      struct guest_fault *fault)
{
    struct guest_mode mode = guest_mode_read();
    return guest_linear_fetch(&vcpu, &mode, GLA(from), to, got, fault);
}

/* The model. */

enum intent { INTENT_READ, INTENT_WRITE, INTENT_FETCH };

struct outcome {
    enum guest_linear status;
    uint8_t vector;
    uint32_t error_code;
    uint64_t gpa; /* translation, or where there is no RAM */
};

static uint8_t image[RAM]; /* memory as the model expects it */

static bool in_ram(uint64_t gpa, uint64_t bytes)
{
    if (gpa >= RAM || bytes > RAM - gpa)
        return false;
    return gpa + bytes <= 0xA0000 || gpa >= 0xE0000;
}

static bool is_canonical(const struct mode *mode, uint64_t gla)
{
    uint64_t top = gla >> (mode->kind == KIND_5 ? 56 : 47);
    return top == 0 || top == UINT64_MAX >> (mode->kind == KIND_5 ? 56 : 47);
}

static uint64_t too_wide(const struct mode *mode)
{
    return mode->width == 46 ? 0x000FC00000000000 : 0x000FFF8000000000;
}

/* Reserved bits of an entry with this shift, and whether it maps a page. */
static uint64_t model_reserved(const struct mode *mode, unsigned shift, uint64_t entry, bool *leaf)
{
    bool ps = entry & 0x80;
    if (mode->kind == KIND_32) {
        *leaf = shift == 12 || (ps && mode->pse);
        if (shift == 12 || !*leaf)
            return 0;
        return mode->width == 46 ? 0x00200000 : 0x00300000;
    }
    uint64_t reserved = too_wide(mode) | (mode->no_execute ? 0 : 1ull << 63) |
                        (mode->kind == KIND_PAE ? 0x7FF0000000000000 : 0);
    *leaf = shift == 12;
    if (shift == 12)
        return reserved;
    if (shift == 21 && ps) {
        *leaf = true;
        return reserved | 0x001FE000;
    }
    if (shift == 30 && ps && mode->width == 46) {
        *leaf = true;
        return reserved | 0x3FFFE000;
    }
    return shift >= 30 ? reserved | 0x80 : reserved;
}

static uint32_t model_error(const struct mode *mode, enum intent intent, uint32_t cause)
{
    bool tells_fetch = mode->smep || (mode->no_execute && mode->kind != KIND_32);
    return cause | (intent == INTENT_WRITE ? 2 : 0) | (mode->user ? 4 : 0) |
           (intent == INTENT_FETCH && tells_fetch ? 16 : 0);
}

static bool model_allows(const struct mode *mode, enum intent intent, bool rw, bool us, bool xd)
{
    if (mode->user) {
        if (!us)
            return false;
        return intent == INTENT_READ || (intent == INTENT_WRITE ? rw : !xd);
    }
    if (intent == INTENT_FETCH)
        return !xd && !(us && mode->smep);
    if (us && mode->smap && !mode->alignment)
        return false;
    return intent == INTENT_READ || rw || !mode->write_protect;
}

static struct outcome model_fault(uint32_t error_code)
{
    return (struct outcome){ GUEST_LINEAR_FAULT, VECTOR_PF, error_code, 0 };
}

static struct outcome model(const struct mode *mode, uint64_t gla, enum intent intent)
{
    static const unsigned shifts[KIND_COUNT][5] = {
        { 22, 12 }, { 21, 12 }, { 39, 30, 21, 12 }, { 48, 39, 30, 21, 12 },
    };
    unsigned bytes = mode->kind == KIND_32 ? 4 : 8;
    uint64_t table = mode->cr3 & (mode->kind == KIND_32 ? 0xFFFFF000 : 0xFFFFFFFFFF000);
    uint64_t path[5];
    unsigned depth = 0;
    bool rw = true, us = true, xd = false, leaf = false;
    uint64_t entry = 0;

    if (!mode->code_64)
        gla &= 0xFFFFFFFF;
    else if (!is_canonical(mode, gla))
        return (struct outcome){ GUEST_LINEAR_FAULT, VECTOR_GP, 0, 0 };
    if (mode->kind == KIND_PAE) {
        table = mode->pdptes[gla >> 30];
        if (!(table & 1))
            return model_fault(model_error(mode, intent, 0));
    }
    if (mode->kind != KIND_32)
        table &= 0xFFFFFFFFFF000 & ~too_wide(mode);
    while (!leaf) {
        unsigned shift = shifts[mode->kind][depth];
        path[depth] = table + (gla >> shift & (4096 / bytes - 1)) * bytes;
        if (!in_ram(path[depth], bytes))
            return (struct outcome){ GUEST_LINEAR_NOT_RAM, 0, 0, path[depth] };
        entry = 0;
        memcpy(&entry, image + path[depth], bytes);
        if (!(entry & 1))
            return model_fault(model_error(mode, intent, 0));
        if (entry & model_reserved(mode, shift, entry, &leaf))
            return model_fault(model_error(mode, intent, 9));
        rw = rw && (entry & 2);
        us = us && (entry & 4);
        xd = xd || entry >> 63;
        table = entry & 0xFFFFFFFFFF000;
        depth++;
    }
    if (!model_allows(mode, intent, rw, us, xd))
        return model_fault(model_error(mode, intent, 1));
    for (unsigned i = 0; i < depth; i++)
        image[path[i]] |= 0x20;
    if (intent == INTENT_WRITE)
        image[path[depth - 1]] |= 0x40;

    uint64_t page = 1ull << shifts[mode->kind][depth - 1];
    uint64_t base = entry & 0xFFFFFFFFFF000 & ~(page - 1);
    if (mode->kind == KIND_32 && page > 4096) /* PSE-36: bits 20:13 are 39:32 */
        base = (entry & 0xFFC00000) + ((entry >> 13 & 0xFF) << 32);
    return (struct outcome){ GUEST_LINEAR_OK, 0, 0, base + gla % page };
}

/* Random memory, modes and addresses. */

static uint64_t random_entry(unsigned width)
{
    uint64_t entry = random_word() & 0x1FF000; /* somewhere in the RAM, or its hole */
    entry |= chance(97) | (chance(85) ? 2 : 0) | (chance(75) ? 4 : 0) | (chance(60) ? 0x20 : 0) |
             (chance(50) ? 0x40 : 0);
    if (chance(15))
        entry |= 0x80;
    if (entry & 0x80 && chance(70))
        entry &= ~0x1FF000ull;
    if (chance(8))
        entry |= 1ull << 63;
    if (chance(2))
        entry |= 1ull << (21 + random_word() % 42);
    if (chance(2))
        entry |= 1ull << (width - 1);
    return entry | (random_word() & 0xE18); /* ignored and caching bits */
}

static void fill_memory(const struct mode *mode)
{
    if (mode->kind == KIND_32)
        for (unsigned i = 0; i < RAM / 4; i++) {
            uint32_t entry = (uint32_t)random_entry(32);
            memcpy(fake.memory + 4 * i, &entry, 4);
        }
    else
        for (unsigned i = 0; i < RAM / 8; i++) {
            uint64_t entry = random_entry(mode->width);
            memcpy(fake.memory + 8 * i, &entry, 8);
        }
    memcpy(image, fake.memory, RAM);
}

static struct mode random_mode(enum kind kind, unsigned width)
{
    struct mode mode = {
        .kind = kind, .width = width, .code_64 = kind >= KIND_4 && chance(80),
        .user = chance(40), .write_protect = chance(60), .no_execute = chance(70),
        .smep = chance(50), .smap = chance(50), .alignment = chance(30), .pse = chance(70),
        .cr3 = (random_word() & 0x1FF000) | (random_word() & 0x18),
    };
    for (unsigned i = 0; i < 4; i++)
        mode.pdptes[i] = (random_word() & 0x1FF000) | chance(90);
    return mode;
}

static uint64_t random_address(const struct mode *mode)
{
    uint64_t address = random_word();
    if (!mode->code_64)
        return chance(90) ? address & 0xFFFFFFFF : address;
    unsigned unused = mode->kind == KIND_5 ? 7 : 16;
    if (chance(95))
        address = (uint64_t)((int64_t)(address << unused) >> unused);
    return address;
}

/* One access of one page: outcome, exception, CR2 and all of memory. */
static enum guest_linear compare(const struct mode *mode, uint64_t gla, enum intent intent)
{
    uint8_t got[GUEST_CODE_BYTES] = { 0 }, data[4] = { 0xC3, 0x5A, 0x99, 0x01 };
    struct guest_fault fault = { .gpa = GPA(0) };
    enum guest_linear status = GUEST_LINEAR_OK;
    size_t count;

    struct outcome expected = model(mode, gla, intent);
    if (expected.status == GUEST_LINEAR_OK && !in_ram(expected.gpa, sizeof data))
        expected.status = GUEST_LINEAR_NOT_RAM;
    fake.record_count = 0;
    switch (intent) {
    case INTENT_READ: status = read_linear(gla, got, 4, &fault); break;
    case INTENT_WRITE: status = write_linear(gla, data, 4, &fault); break;
    case INTENT_FETCH:
        status = fetch_linear(gla, got, &count, &fault);
        assert_int_equal(count, status == GUEST_LINEAR_OK ? GUEST_CODE_BYTES : 0);
        break;
    }
    assert_int_equal(status, expected.status);
    switch (status) {
    case GUEST_LINEAR_OK:
        if (intent == INTENT_WRITE)
            memcpy(image + expected.gpa, data, 4);
        else
            assert_memory_equal(got, image + expected.gpa, 4);
        break;
    case GUEST_LINEAR_NOT_RAM: assert_int_equal(fault.gpa.value, expected.gpa); break;
    case GUEST_LINEAR_FAULT:
        assert_int_equal(fault.verdict.kind, VERDICT_INJECT);
        assert_int_equal(fault.verdict.vector, expected.vector);
        assert_true(fault.verdict.has_error_code);
        assert_int_equal(fault.verdict.error_code, expected.error_code);
        break;
    }
    bool page_fault = status == GUEST_LINEAR_FAULT && expected.vector == VECTOR_PF;
    assert_int_equal(fake.record_count, page_fault);
    if (page_fault) {
        assert_int_equal(fake.records[0].kind, FAKE_CR2_WRITE);
        assert_int_equal(fake.records[0].value, mode->code_64 ? gla : gla & 0xFFFFFFFF);
    }
    assert_int_equal(memcmp(fake.memory, image, RAM), 0);
    return status;
}

/* What the short walk says must be what the other one says, and change nothing. */
static bool compare_simple_walk(uint64_t gla, enum intent intent)
{
    static const enum guest_access accesses[] = { GUEST_READ, GUEST_WRITE, GUEST_FETCH };
    struct guest_mode mode = guest_mode_read();
    struct guest_fault fault;
    gpa_t simple, full;

    if (!guest_walk_simply(&vcpu, &mode, GLA(gla), accesses[intent], &simple))
        return false;
    assert_int_equal(memcmp(fake.memory, image, RAM), 0);
    assert_int_equal(guest_walk(&vcpu, &mode, GLA(gla), accesses[intent], &full, &fault),
                     GUEST_LINEAR_OK);
    assert_int_equal(memcmp(fake.memory, image, RAM), 0);
    assert_int_equal(simple.value, full.value);
    return true;
}

static void walk_everything(enum kind kind, unsigned width)
{
    unsigned seen[3] = { 0 }, simple = 0;
    random_state = 0x9E3779B97F4A7C15 + kind * 977 + width;
    set_up(width);
    for (unsigned round = 0; round < 40; round++) {
        struct mode mode = random_mode(kind, width);
        fill_memory(&mode);
        apply(&mode);
        for (unsigned i = 0; i < 60; i++) {
            uint64_t gla = random_address(&mode);
            if ((gla & 0xFFF) > 0x1000 - GUEST_CODE_BYTES)
                gla -= GUEST_CODE_BYTES;
            enum intent intent = (enum intent)(random_word() % 3);
            seen[compare(&mode, gla, intent)]++;
            simple += compare_simple_walk(gla, intent);
        }
    }
    assert_true(seen[GUEST_LINEAR_OK] > 100);
    assert_true(seen[GUEST_LINEAR_FAULT] > 100);
    assert_true(seen[GUEST_LINEAR_NOT_RAM] > 50);
    assert_true(kind == KIND_4 ? simple > 200 : simple == 0);
}

static void paging_with_32_bit_entries_is_as_the_model_has_it(void **state)
{
    (void)state;
    walk_everything(KIND_32, 46);
    walk_everything(KIND_32, 39);
}

static void pae_paging_is_as_the_model_has_it(void **state)
{
    (void)state;
    walk_everything(KIND_PAE, 46);
    walk_everything(KIND_PAE, 39);
}

static void paging_with_4_levels_is_as_the_model_has_it(void **state)
{
    (void)state;
    walk_everything(KIND_4, 46);
    walk_everything(KIND_4, 39);
}

static void paging_with_5_levels_is_as_the_model_has_it(void **state)
{
    (void)state;
    walk_everything(KIND_5, 46);
}

static void without_paging_an_address_is_itself_in_32_bits(void **state)
{
    uint8_t byte = 0;
    struct guest_fault fault;
    (void)state;
    set_up(46);
    fake.memory[0x1234] = 0x77;
    assert_int_equal(read_linear(0xFF00001234, &byte, 1, &fault),
                     GUEST_LINEAR_OK);
    assert_int_equal(byte, 0x77);
    assert_int_equal(read_linear(0xA0000, &byte, 1, &fault),
                     GUEST_LINEAR_NOT_RAM);
    assert_int_equal(fault.gpa.value, 0xA0000);
}

/* Two pages at 1000h that lie apart: 1000h at 9000h, 2000h at 7000h or nowhere. */
static void map_two_pages(uint32_t second)
{
    struct mode mode = { .kind = KIND_32, .cr3 = 0x3000, .width = 46 };
    uint32_t directory = 0x4007, first = 0x9007;
    set_up(46);
    apply(&mode);
    memcpy(fake.memory + 0x3000, &directory, 4);
    memcpy(fake.memory + 0x4004, &first, 4);
    memcpy(fake.memory + 0x4008, &second, 4);
}

static void an_access_across_pages_is_done_in_both(void **state)
{
    uint8_t data[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, back[8] = { 0 };
    struct guest_fault fault;
    (void)state;
    map_two_pages(0x7007);
    assert_int_equal(write_linear(0x1FFB, data, 8, &fault), GUEST_LINEAR_OK);
    assert_memory_equal(fake.memory + 0x9FFB, data, 5);
    assert_memory_equal(fake.memory + 0x7000, data + 5, 3);
    assert_int_equal(read_linear(0x1FFB, back, 8, &fault), GUEST_LINEAR_OK);
    assert_memory_equal(back, data, 8);
}

static void an_access_across_pages_is_not_half_done(void **state)
{
    uint8_t data[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    struct guest_fault fault;
    (void)state;
    map_two_pages(0);
    assert_int_equal(write_linear(0x1FFB, data, 8, &fault), GUEST_LINEAR_FAULT);
    assert_int_equal(fault.verdict.error_code, PAGE_FAULT_WRITE);
    assert_int_equal(fake.records[0].value, 0x2000);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(fake.memory[0x9FFB + i], 0);
}

static void a_fetch_takes_what_there_is_before_a_page_that_is_not(void **state)
{
    uint8_t bytes[GUEST_CODE_BYTES];
    size_t count;
    struct guest_fault fault;
    (void)state;
    map_two_pages(0);
    assert_int_equal(fetch_linear(0x1FFB, bytes, &count, &fault),
                     GUEST_LINEAR_OK);
    assert_int_equal(count, 5);
    assert_int_equal(fake.record_count, 0);
    assert_int_equal(fetch_linear(0x2000, bytes, &count, &fault),
                     GUEST_LINEAR_FAULT);
    assert_int_equal(count, 0);
    assert_int_equal(fake.records[0].value, 0x2000);
}

/* Another vCPU changes an entry, takes its flags away as well, and goes on doing
 * so while the walks set them. None of its changes may get lost. */
#define CHANGES 300000

static _Atomic unsigned changes;

/* In the three bits that the processor ignores. */
static void count_in_entry(_Atomic uint32_t *entry)
{
    uint32_t old = atomic_load(entry);
    while (!atomic_compare_exchange_weak(entry, &old,
                                         (old & ~0xE00u) | ((old + 0x200) & 0xE00)))
        ;
}

static void *change_entry(void *entry)
{
    for (; changes < CHANGES; changes++) {
        count_in_entry(entry);
        atomic_fetch_and((_Atomic uint32_t *)entry, ~0x60u);
        for (unsigned i = 0; i < changes % 64; i++)
            __builtin_ia32_pause();
    }
    return NULL;
}

static void a_walk_undoes_no_change_of_another_processor(void **state)
{
    uint32_t data = 0, entry;
    struct guest_fault fault;
    pthread_t other;
    (void)state;
    map_two_pages(0x7007);
    assert_int_equal(pthread_create(&other, NULL, change_entry, fake.memory + 0x4004), 0);
    while (changes < CHANGES)
        if (write_linear(0x1800, &data, 4, &fault) != GUEST_LINEAR_OK)
            assert_int_equal(fault.verdict.kind, VERDICT_RESUME);
    pthread_join(other, NULL);
    memcpy(&entry, fake.memory + 0x4004, 4);
    assert_int_equal(entry & ~0x60u, 0x9007 + (CHANGES % 8) * 0x200);
    assert_int_equal(fake.record_count, 0); /* CR2 is left alone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paging_with_32_bit_entries_is_as_the_model_has_it),
        cmocka_unit_test(pae_paging_is_as_the_model_has_it),
        cmocka_unit_test(paging_with_4_levels_is_as_the_model_has_it),
        cmocka_unit_test(paging_with_5_levels_is_as_the_model_has_it),
        cmocka_unit_test(without_paging_an_address_is_itself_in_32_bits),
        cmocka_unit_test(an_access_across_pages_is_done_in_both),
        cmocka_unit_test(an_access_across_pages_is_not_half_done),
        cmocka_unit_test(a_walk_undoes_no_change_of_another_processor),
        cmocka_unit_test(a_fetch_takes_what_there_is_before_a_page_that_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
