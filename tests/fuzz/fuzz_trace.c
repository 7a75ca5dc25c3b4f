/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target: any registers and any memory of a guest that has ended, and a
 * kernel with symbols that differs anyhow from a good one. Input: a byte of choices,
 * RBP, RSP, RIP and CR3, a number of differences, these as an offset of two bytes and
 * a byte, then memory from 0 on. The fake machine stops at any access outside the
 * guest's memory, AddressSanitizer at any outside the file.
 */
#include <stdlib.h>
#include <string.h>

#include "arch/spec/cr.h"
#include "hv/check.h"
#include "hv/elf_symbols.h"
#include "hv/guest_trace.h"
#include "hv/vm.h"
#include "tests/fake/images.h"
#include "tests/fake/machine.h"

#define BASE GIB(1)
#define MEMORY MIB(2)
#define CHOOSE_64 0x01
#define CHOOSE_PAGING 0x02
#define CHOOSE_PAE 0x04
#define CHOOSE_16 0x08
#define CHOOSE_USER 0x10
#define CHOOSE_LA57 0x20
#define CHOOSE_MOVED 0x40
#define REGISTERS 4
#define PREFIX (1 + 8 * REGISTERS + 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vm vm = { .memory = GUEST_MEMORY_COMPACT(BASE, MEMORY) };
static struct vcpu vcpu = { .vm = &vm };

static void set_registers(uint8_t choices, const uint64_t registers[static REGISTERS])
{
    bool is_64 = choices & CHOOSE_64;

    vcpu.gpr[GPR_RBP] = registers[0];
    machine_vmwrite_natural(VMCS_GUEST_RSP, registers[1]);
    machine_vmwrite_natural(VMCS_GUEST_RIP, registers[2]);
    machine_vmwrite_natural(VMCS_GUEST_CR3, registers[3]);
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE | (choices & CHOOSE_PAGING || is_64 ? CR0_PG : 0));
    machine_vmwrite_natural(VMCS_GUEST_CR4, (choices & CHOOSE_PAE || is_64 ? CR4_PAE : 0) |
                                            (is_64 && choices & CHOOSE_LA57 ? CR4_LA57 : 0));
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, is_64 ? EFER_LME | EFER_LMA : 0);
    machine_vmwrite_64(VMCS_GUEST_PDPTE0, registers[3]);
    machine_vmwrite_natural(VMCS_GUEST_CS_BASE, 0);
    machine_vmwrite_natural(VMCS_GUEST_SS_BASE, choices & CHOOSE_MOVED ? 0x11 : 0);
    machine_vmwrite_32(VMCS_GUEST_CS_LIMIT, UINT32_MAX);
    machine_vmwrite_32(VMCS_GUEST_CS_ACCESS_RIGHTS, is_64 ? ACCESS_RIGHTS_L
                                                    : choices & CHOOSE_16 ? 0 : ACCESS_RIGHTS_DB);
    machine_vmwrite_32(VMCS_GUEST_SS_ACCESS_RIGHTS,
                       choices & CHOOSE_USER ? ACCESS_RIGHTS_DPL_MASK : 0);
}

/* In a block of its exact size. */
static uint8_t *make_file(bool is_64, const uint8_t *differences, size_t count)
{
    uint8_t *file = malloc(FAKE_ELF_BYTES);
    struct fake_symbols symbols;
    const struct fake_elf made = {
        .is_64 = is_64, .has_sections = true, .entry = 0xC0000000, .segment_count = 2,
        .segments = { { 1, 0xC0000000, MIB(1), 0x400, 0x3000 }, { 1, 0x8000, 0x8000, 0x40, 0x4000 } },
    };

    fake_elf(file, &made);
    fake_symbols_begin(&symbols, file);
    fake_symbols_add(&symbols, "first", 0xC0000000, 0x100, 2, 1);
    fake_symbols_add(&symbols, "second", 0xC0000100, 0x2000, 2, 1);
    fake_symbols_add(&symbols, "label", 0x8000, 0, 0, 1);
    for (size_t i = 0; i < count; i++, differences += 3)
        file[(differences[0] | differences[1] << 8) % FAKE_ELF_BYTES] ^= differences[2];
    return file;
}

static void check_trace(const struct guest_trace *trace, bool is_64)
{
    CHECK(trace->count >= 1 && trace->count <= GUEST_TRACE_MAX);
    CHECK(trace->end <= GUEST_TRACE_16_BIT);
    CHECK(trace->end != GUEST_TRACE_LONG || trace->count == GUEST_TRACE_MAX);
    for (unsigned i = 0; i < trace->count; i++)
        CHECK(is_64 || trace->address[i] <= UINT32_MAX);
}

static void look_up(const struct elf *elf, uint64_t moved, const struct guest_trace *trace)
{
    struct elf_symbols symbols;
    struct elf_symbol found[GUEST_TRACE_MAX];
    uint64_t linked[GUEST_TRACE_MAX] = { 0 };
    char name[ELF_SYMBOL_NAME_SIZE];

    for (unsigned i = 0; i < trace->count; i++)
        elf_linked_address(elf, moved, trace->address[i], &linked[i]);
    if (!elf_symbols_open(elf, &symbols))
        return;
    elf_symbols_find(&symbols, linked, trace->count, found);
    for (unsigned i = 0; i < trace->count; i++) {
        CHECK(found[i].name == 0 || found[i].value <= linked[i]);
        elf_symbol_name(&symbols, &found[i], name);
        CHECK(memchr(name, '\0', sizeof name) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t registers[REGISTERS];
    struct guest_trace trace;
    struct refusal refusal;
    struct elf elf;

    if (size < PREFIX || size < PREFIX + 3u * data[PREFIX - 1])
        return 0;
    size_t differences = data[PREFIX - 1], before = PREFIX + 3 * differences;
    if (fake.memory == NULL)
        fake_reset(BASE, MEMORY);
    memset(fake.memory, 0, MEMORY);
    memcpy(fake.memory, data + before, size - before < MEMORY ? size - before : MEMORY);
    memcpy(registers, data + 1, sizeof registers);
    set_registers(data[0], registers);
    guest_trace_take(&vcpu, &trace);
    check_trace(&trace, data[0] & CHOOSE_64);

    uint8_t *file = make_file(data[0] & CHOOSE_64, data + PREFIX, differences);
    if (elf_open((struct span){ file, FAKE_ELF_BYTES }, &elf, &refusal))
        look_up(&elf, data[0] & CHOOSE_MOVED ? 0x100000 : 0, &trace);
    free(file);
    return 0;
}
