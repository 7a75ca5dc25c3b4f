/* SPDX-License-Identifier: MIT
 *
 * hv/emulate.c against this host's processor: random instructions are executed
 * natively on three pages, and emulated on three pages of a guest of which the
 * first is RAM, the second a device with a register at each byte, and the third
 * nothing. Registers, memory, and the flags that are defined must be the same.
 *
 * EMULATE_ROUNDS in the environment asks for more or fewer rounds than ROUNDS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/spec/apic.h"
#include "hv/emulate.h"
#include "hv/guest_paging.h"
#include "hv/instruction.h"
#include "hv/vm.h"
#include "tests/fake/cpuid_host.h"
#include "tests/fake/machine.h"
#include "tests/fake/reports.h"

#define ROUNDS 200000

#define PAGE 4096u
#define PAGES 3
#define CODE 0x1000u
#define TABLES 0x4000u
#define RAM_PAGE 0x100000u
#define LINEAR 0x200000u /* of the three pages */

/* ---- The guest ---- */

static struct vm vm;
static struct vcpu vcpu;
static uint8_t device[PAGE];
static struct { unsigned count, length, iterations; } advanced;

uint64_t ioapic_read(const struct ioapic *ioapic, uint64_t offset, size_t bytes)
{
    uint64_t value = 0;
    (void)ioapic;
    assert_true(offset + bytes <= PAGE);
    memcpy(&value, device + offset, bytes);
    return value;
}

void ioapic_write(struct vm *of, uint64_t offset, size_t bytes, uint64_t value)
{
    (void)of;
    assert_true(offset + bytes <= PAGE);
    memcpy(device + offset, &value, bytes);
}

void lines_apic_changed(struct vm *of)
{
    (void)of;
}

/* Of the rest of the IOAPIC nothing is wanted. */
void ioapic_end_of_interrupt(struct vm *of, uint8_t vector)
{
    (void)of;
    (void)vector;
}

void vcpu_advance(uint32_t length)
{
    advanced.count++;
    advanced.length += length;
}

void vcpu_end_iteration(void)
{
    advanced.iterations++;
}

static void put_entry(unsigned table, unsigned index, uint64_t entry)
{
    memcpy(fake.memory + TABLES + table * PAGE + index * 8, &entry, sizeof entry);
}

/* Tables: 0 PML4, 1 PDPT, 2 PD, 3 the page table of LINEAR. */
static void map_pages(void)
{
    put_entry(0, 0, (TABLES + 1 * PAGE) | 3);
    put_entry(1, 0, (TABLES + 2 * PAGE) | 3);
    put_entry(2, 0, 0x83);
    put_entry(2, LINEAR >> 21, (TABLES + 3 * PAGE) | 3);
    put_entry(3, 0, RAM_PAGE | 3);
    put_entry(3, 1, IOAPIC_BASE | 3);
    put_entry(3, 2, (IOAPIC_BASE + PAGE) | 3);
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
    memset(&advanced, 0, sizeof advanced);
    vcpu.vm = &vm;
    vcpu.lapic.page = LAPIC_NO_PAGE;
    vm.memory = (struct guest_memory)GUEST_MEMORY_COMPACT(GIB(1), MIB(2));
    cpuid_table_build(&vm.cpuid, &host, &facts);
    map_pages();
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE | CR0_PG);
    machine_vmwrite_natural(VMCS_GUEST_CR3, TABLES);
    machine_vmwrite_natural(VMCS_GUEST_CR4, CR4_PAE | CR4_OSFXSR);
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, EFER_LMA);
    machine_vmwrite_32(VMCS_GUEST_CS_ACCESS_RIGHTS, ACCESS_RIGHTS_L);
    machine_vmwrite_natural(VMCS_GUEST_RIP, CODE);
    return 0;
}

static struct verdict emulate_code(const uint8_t *code, size_t bytes)
{
    struct code fetched = { .count = GUEST_CODE_BYTES };
    memset(fetched.bytes, 0xCC, sizeof fetched.bytes);
    memcpy(fetched.bytes, code, bytes);
    memset(&advanced, 0, sizeof advanced);
    return emulate(&vcpu, &fetched);
}

#define EMULATE(...) \
    emulate_code((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* ---- The host's processor ---- */

struct native {
    uint64_t gpr[GPR_COUNT]; /* but RSP */
    uint64_t rflags;
    const void *code;        /* ends in RET */
    uint8_t xmm[16][16];
};

_Static_assert(offsetof(struct native, rflags) == 128, "native_run");
_Static_assert(offsetof(struct native, code) == 136, "native_run");
_Static_assert(offsetof(struct native, xmm) == 144, "native_run");

void native_run(struct native *native);
asm(".text\n.globl native_run\nnative_run:\n"
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "mov %rdi, native_state(%rip)\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "movdqu 144+16*\\n(%rdi), %xmm\\n\n"
    ".endr\n"
    "pushq 128(%rdi); popfq\n"
    "mov 0(%rdi), %rax; mov 8(%rdi), %rcx; mov 16(%rdi), %rdx; mov 24(%rdi), %rbx\n"
    "mov 40(%rdi), %rbp; mov 48(%rdi), %rsi; mov 64(%rdi), %r8; mov 72(%rdi), %r9\n"
    "mov 80(%rdi), %r10; mov 88(%rdi), %r11; mov 96(%rdi), %r12; mov 104(%rdi), %r13\n"
    "mov 112(%rdi), %r14; mov 120(%rdi), %r15\n"
    "pushq 136(%rdi)\n"
    "mov 56(%rdi), %rdi\n"
    "call *(%rsp)\n"
    "push %rdi\n"
    "mov native_state(%rip), %rdi\n"
    "popq 56(%rdi)\n"
    "pushfq; popq 128(%rdi); cld\n"
    "mov %rax, 0(%rdi); mov %rcx, 8(%rdi); mov %rdx, 16(%rdi); mov %rbx, 24(%rdi)\n"
    "mov %rbp, 40(%rdi); mov %rsi, 48(%rdi); mov %r8, 64(%rdi); mov %r9, 72(%rdi)\n"
    "mov %r10, 80(%rdi); mov %r11, 88(%rdi); mov %r12, 96(%rdi); mov %r13, 104(%rdi)\n"
    "mov %r14, 112(%rdi); mov %r15, 120(%rdi)\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "movdqu %xmm\\n, 144+16*\\n(%rdi)\n"
    ".endr\n"
    "add $8, %rsp\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "ret\n"
    ".local native_state\n.comm native_state,8,8\n");

static sigjmp_buf faulted;

static void on_fault(int signal_number)
{
    siglongjmp(faulted, signal_number);
}

static uint8_t *native_code, *native_pages;

static int prepare_native(void **state)
{
    (void)state;
    native_code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    native_pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                        -1, 0);
    return native_code == MAP_FAILED || native_pages == MAP_FAILED;
}

/* False: #DE. */
static bool run_native(struct native *native, const uint8_t *code, size_t bytes)
{
    struct sigaction action = { .sa_handler = on_fault }, before;
    memcpy(native_code, code, bytes);
    native_code[bytes] = 0xC3;
    native->code = native_code;
    sigaction(SIGFPE, &action, &before);
    bool done = sigsetjmp(faulted, 1) == 0;
    if (done)
        native_run(native);
    asm volatile("cld");
    sigaction(SIGFPE, &before, NULL);
    return done;
}

/* ---- Random instructions ---- */

static uint64_t random_state = 0x2545F4914F6CDD1D;

static uint64_t random_64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t random_below(uint64_t bound)
{
    return (random_64() >> 8) % bound;
}

static unsigned rounds(void)
{
    const char *wanted = getenv("EMULATE_ROUNDS");
    return wanted ? (unsigned)strtoul(wanted, NULL, 0) : ROUNDS;
}

/* Numbers at which carries and signs turn come often. */
static uint64_t random_value(void)
{
    static const uint64_t edges[] = { 0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF,
                                      0x80000000, 0xFFFFFFFF, INT64_MAX, BIT(63), UINT64_MAX };
    return random_below(3) ? random_64() : edges[random_below(sizeof edges / sizeof edges[0])];
}

struct generated {
    uint8_t bytes[DECODE_BYTES_MAX + 8];
    size_t count;
    struct instruction instruction;
};

static void put_byte(struct generated *generated, uint8_t byte)
{
    generated->bytes[generated->count++] = byte;
}

/* With [RBX + displacement] or [RSI + displacement]. */
static void put_modrm(struct generated *generated)
{
    put_byte(generated, (uint8_t)(0x40 | random_below(8) << 3 | (random_below(2) ? 3 : 6)));
    put_byte(generated, (uint8_t)random_below(32));
}

static void put_random_opcode(struct generated *generated)
{
    uint8_t opcode = (uint8_t)random_below(256);
    if (random_below(2)) {
        put_byte(generated, 0x0F);
        if (random_below(16) == 0) {
            put_byte(generated, 0x38);
            opcode = 0xF0 | (opcode & 1);
        }
    }
    put_byte(generated, opcode);
}

static void generate_bytes(struct generated *generated)
{
    static const uint8_t prefixes[] = { 0x66, 0xF2, 0xF3, 0xF0 };
    generated->count = 0;
    if (random_below(3) == 0)
        put_byte(generated, prefixes[random_below(sizeof prefixes)]);
    if (random_below(2))
        put_byte(generated, (uint8_t)(0x40 | (random_below(4) << 2 & 0xC))); /* W, R */
    put_random_opcode(generated);
    put_modrm(generated);
    for (unsigned i = 0; i < 8; i++)
        put_byte(generated, (uint8_t)random_below(256));
}

static bool is_host_capable(const struct instruction *instruction)
{
    if (instruction->operation == OPERATION_MOVBE)
        return __builtin_cpu_supports("movbe");
    return true;
}

/* Nothing but a base and a small displacement. */
static bool is_simple(const struct instruction *instruction)
{
    const struct memory_operand *memory = &instruction->memory;
    return instruction->address_size == 8 && memory->segment == SEGMENT_DS &&
           memory->index == REGISTER_NONE && memory->displacement < 128 &&
           memory->displacement >= -128;
}

/* One that can be run on both: the register with its address, which differs, is no
 * operand, and neither is RSP. */
static bool is_usable(const struct generated *generated)
{
    const struct instruction *instruction = &generated->instruction;
    enum operation operation = instruction->operation;
    uint8_t base = instruction->memory.base;
    bool is_stack = operation >= OPERATION_PUSH && operation <= OPERATION_RET;
    bool is_xmm = operation >= OPERATION_SSE_LOAD;
    bool names_base = !is_xmm && instruction->reg == base;

    if (operation == OPERATION_CMPXCHG_PAIR && base == GPR_RBX)
        return false;
    return is_simple(instruction) && (base == GPR_RBX || base == GPR_RSI) &&
           !is_stack && !names_base && operation != OPERATION_MOV_SELECTOR &&
           (is_xmm || instruction->reg != GPR_RSP) && is_host_capable(instruction);
}

static void generate(struct generated *generated)
{
    do {
        generate_bytes(generated);
        struct code code = { .count = DECODE_BYTES_MAX };
        memcpy(code.bytes, generated->bytes, DECODE_BYTES_MAX);
        if (instruction_decode(&code, DECODE_64, &generated->instruction) == INSTRUCTION_OK &&
            is_usable(generated))
            break;
    } while (true);
    generated->count = generated->instruction.length;
}

/* ---- Comparison ---- */

static unsigned shift_count(const struct instruction *instruction, uint64_t rcx)
{
    uint64_t count = instruction->source == SOURCE_CL ? rcx : instruction->immediate;
    return count & (instruction->memory_size == 8 ? 63 : 31);
}

/* The flags that the manual defines after an instruction. */
static uint64_t defined_flags(const struct instruction *instruction, uint64_t rcx)
{
    enum operation operation = instruction->operation;
    uint64_t undefined = 0;

    if (operation >= OPERATION_ROL && operation <= OPERATION_SHRD) {
        unsigned count = shift_count(instruction, rcx);
        bool rotates = operation <= OPERATION_RCR;
        if (count != 0 && !rotates)
            undefined |= RFLAGS_AF;
        if (count > 1)
            undefined |= RFLAGS_OF;
        if (count >= 8u * instruction->memory_size && !rotates && operation != OPERATION_SAR)
            undefined |= RFLAGS_CF;
    } else if (operation == OPERATION_AND || operation == OPERATION_OR ||
               operation == OPERATION_XOR || operation == OPERATION_TEST) {
        undefined = RFLAGS_AF;
    } else if (operation >= OPERATION_BT && operation <= OPERATION_BTC) {
        undefined = RFLAGS_OF | RFLAGS_SF | RFLAGS_AF | RFLAGS_PF;
    } else if (operation == OPERATION_BSF || operation == OPERATION_BSR) {
        undefined = RFLAGS_STATUS & ~RFLAGS_ZF;
    } else if (operation == OPERATION_DIV || operation == OPERATION_IDIV) {
        undefined = RFLAGS_STATUS;
    } else if (operation == OPERATION_MUL || operation == OPERATION_IMUL ||
               operation == OPERATION_IMUL_REGISTER) {
        undefined = RFLAGS_SF | RFLAGS_ZF | RFLAGS_AF | RFLAGS_PF;
    }
    return RFLAGS_STATUS & ~undefined;
}

/* Results that the manual leaves open. */
static bool is_open(const struct instruction *instruction, uint64_t rcx)
{
    bool doubles = instruction->operation == OPERATION_SHLD ||
                   instruction->operation == OPERATION_SHRD;
    return doubles && shift_count(instruction, rcx) > 8u * instruction->memory_size;
}

static struct generated current;

static int show_current(void **state)
{
    (void)state;
    if (current.count) {
        print_message("operation %d:", current.instruction.operation);
        for (size_t i = 0; i < current.count; i++)
            print_message(" %02x", current.bytes[i]);
        print_message("\n");
    }
    return 0;
}

/* The same for both: the third page is ones again each time. */
static void fill_pages(void)
{
    for (unsigned i = 0; i < 2 * PAGE; i += 8) {
        uint64_t value = random_value();
        memcpy(native_pages + i, &value, 8);
    }
    memset(native_pages + 2 * PAGE, 0xFF, PAGE);
    memcpy(fake.memory + RAM_PAGE, native_pages, PAGE);
    memcpy(device, native_pages + PAGE, PAGE);
}

static void assert_same_pages(void)
{
    assert_memory_equal(fake.memory + RAM_PAGE, native_pages, PAGE);
    assert_memory_equal(device, native_pages + PAGE, PAGE);
    memset(native_pages + 2 * PAGE, 0xFF, PAGE);
}

/* Pointers into the three pages differ by where these are. */
static uint64_t to_guest(uint64_t native_pointer)
{
    return native_pointer - (uint64_t)native_pages + LINEAR;
}

static void begin_round(struct native *native, uint64_t pointers)
{
    for (unsigned i = 0; i < GPR_COUNT; i++) {
        if (!(pointers >> i & 1))
            native->gpr[i] = random_value();
        vcpu.gpr[i] = pointers >> i & 1 ? to_guest(native->gpr[i]) : native->gpr[i];
    }
    for (unsigned i = 0; i < sizeof native->xmm; i++)
        native->xmm[i / 16][i % 16] = (uint8_t)random_64();
    memcpy(fake.xmm, native->xmm, sizeof fake.xmm);
    native->rflags = (random_64() & RFLAGS_STATUS) | RFLAGS_FIXED | RFLAGS_IF;
}

static void assert_same_registers(const struct native *native, uint64_t pointers)
{
    for (unsigned i = 0; i < GPR_COUNT; i++)
        if (i != GPR_RSP)
            assert_int_equal(vcpu.gpr[i],
                             pointers >> i & 1 ? to_guest(native->gpr[i]) : native->gpr[i]);
    assert_memory_equal(fake.xmm, native->xmm, sizeof fake.xmm);
}

/* Anywhere that the access touches the second page or what is behind it. */
static uint64_t random_place(unsigned bytes)
{
    if (random_below(2))
        return PAGE + 256 + random_below(PAGE - 512);
    return random_below(2) ? PAGE - (bytes - 1) + random_below(2 * bytes)
                           : 2 * PAGE - (bytes - 1) - random_below(2 * bytes);
}

/* BT to BTC with a register reach to both sides. */
static bool is_bit_string(const struct instruction *instruction)
{
    return instruction->operation >= OPERATION_BT && instruction->operation <= OPERATION_BTC &&
           instruction->source == SOURCE_REGISTER;
}

/* Processors refuse what is not aligned, or hosts punish it: locks that are split. */
static bool wants_alignment(const struct instruction *instruction)
{
    return instruction->aligned || instruction->lock || instruction->operation == OPERATION_XCHG;
}

static uint64_t place_for(const struct instruction *instruction)
{
    uint64_t place = is_bit_string(instruction) ? PAGE + 512 + random_below(PAGE - 1024)
                                                : random_place(instruction->memory_size);
    if (wants_alignment(instruction))
        place = PAGE + ((place - PAGE) & (PAGE - instruction->memory_size));
    return place;
}

static void bound_bit_offset(struct native *native, const struct instruction *instruction)
{
    if (is_bit_string(instruction))
        native->gpr[instruction->reg] = vcpu.gpr[instruction->reg] =
            (uint64_t)((int64_t)random_below(2000) - 1000);
}

/* Half of the comparisons of CMPXCHG shall succeed. */
static void help_comparison(struct native *native, uint64_t place)
{
    const struct instruction *instruction = &current.instruction;
    unsigned bytes = instruction->register_size;
    if (random_below(2) || place < PAGE ||
        (instruction->operation != OPERATION_CMPXCHG &&
         instruction->operation != OPERATION_CMPXCHG_PAIR))
        return;
    memcpy(&native->gpr[GPR_RAX], native_pages + place, bytes);
    if (instruction->operation == OPERATION_CMPXCHG_PAIR)
        memcpy(&native->gpr[GPR_RDX], native_pages + place + bytes, bytes);
    vcpu.gpr[GPR_RAX] = native->gpr[GPR_RAX];
    vcpu.gpr[GPR_RDX] = native->gpr[GPR_RDX];
}

static void do_round(void)
{
    const struct instruction *instruction = &current.instruction;
    struct native native = { .rflags = 0 };

    generate(&current);
    const uint64_t pointers = 1u << instruction->memory.base;
    uint64_t place = place_for(instruction);
    native.gpr[instruction->memory.base] = (uint64_t)native_pages + place -
                                           (uint64_t)instruction->memory.displacement;
    begin_round(&native, pointers);
    bound_bit_offset(&native, instruction);
    help_comparison(&native, place);
    uint64_t rcx = native.gpr[GPR_RCX];
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, native.rflags);
    if (is_open(instruction, rcx))
        return;
    uint64_t zero_scan[2] = { 0 };
    memcpy(zero_scan, native_pages + place, instruction->memory_size);
    if ((instruction->operation == OPERATION_BSF || instruction->operation == OPERATION_BSR) &&
        zero_scan[0] == 0)
        return;

    bool done = run_native(&native, current.bytes, current.count);
    struct verdict verdict = emulate_code(current.bytes, current.count);
    assert_null(fake_reports.crash);
    if (!done) {
        assert_int_equal(verdict.kind, VERDICT_INJECT);
        assert_int_equal(verdict.vector, VECTOR_DE);
        assert_int_equal(advanced.count, 0);
        return;
    }
    assert_int_equal(verdict.kind, VERDICT_RESUME);
    assert_int_equal(advanced.count, 1);
    assert_int_equal(advanced.length, current.count);
    uint64_t defined = defined_flags(instruction, rcx);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RFLAGS) & defined,
                     native.rflags & defined);
    assert_same_registers(&native, pointers);
    assert_same_pages();
}

static unsigned seen[OPERATION_SSE_STORE + 1];

static void random_instructions_do_what_the_processor_does(void **state)
{
    (void)state;
    fill_pages();
    memset(seen, 0, sizeof seen);
    for (unsigned i = rounds(); i > 0; i--) {
        do_round();
        seen[current.instruction.operation]++;
        if (i % 64 == 0)
            fill_pages();
    }
    current.count = 0;
    for (unsigned i = OPERATION_ADD; i <= OPERATION_SSE_STORE; i++) {
        bool elsewhere = i == OPERATION_MOV_SELECTOR ||
                         (i >= OPERATION_MOVS && i <= OPERATION_RET) ||
                         (i == OPERATION_MOVBE && !__builtin_cpu_supports("movbe"));
        if (!elsewhere && seen[i] < rounds() / 10000)
            fail_msg("operation %u came %u times only", i, seen[i]);
    }
}

/* ---- Strings ---- */

#define STRING_BYTES 400u

static uint64_t string_pointer(bool down)
{
    uint64_t base = (uint64_t)native_pages + PAGE + (random_below(2) ? 2048 : 0);
    return down ? base + 1024 + random_below(512) : base + random_below(512);
}

static void do_string(void)
{
    static const uint8_t opcodes[] = { 0xA4, 0xA6, 0xAA, 0xAC, 0xAE };
    static const uint8_t repeats[] = { 0, 0xF2, 0xF3 };
    const uint64_t pointers = 1u << GPR_RSI | 1u << GPR_RDI;
    struct native native = { .rflags = 0 };
    uint8_t repeat = repeats[random_below(3)];
    bool down = random_below(2);

    current.count = 0;
    if (random_below(3) == 0)
        put_byte(&current, 0x66);
    if (repeat)
        put_byte(&current, repeat);
    if (random_below(3) == 0)
        put_byte(&current, 0x48);
    put_byte(&current, (uint8_t)(opcodes[random_below(sizeof opcodes)] | random_below(2)));
    native.gpr[GPR_RSI] = string_pointer(down);
    native.gpr[GPR_RDI] = string_pointer(down);
    begin_round(&native, pointers);
    native.gpr[GPR_RCX] = vcpu.gpr[GPR_RCX] = random_below(STRING_BYTES / 8);
    if (random_below(2)) /* so that comparisons go on for a while */
        native.gpr[GPR_RAX] = vcpu.gpr[GPR_RAX] = UINT64_MAX;
    native.rflags |= down ? RFLAGS_DF : 0;
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, native.rflags);

    assert_true(run_native(&native, current.bytes, current.count));
    unsigned exits = 0;
    do {
        assert_int_equal(emulate_code(current.bytes, current.count).kind, VERDICT_RESUME);
        assert_int_equal(advanced.count + advanced.iterations, 1);
    } while (advanced.count == 0 && exits++ < STRING_BYTES);
    assert_int_equal(advanced.length, current.count);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RFLAGS) & (RFLAGS_STATUS | RFLAGS_DF),
                     native.rflags & (RFLAGS_STATUS | RFLAGS_DF));
    assert_same_registers(&native, pointers);
    assert_same_pages();
}

static void random_strings_do_what_the_processor_does(void **state)
{
    (void)state;
    fill_pages();
    for (unsigned i = rounds() / 20; i > 0; i--) {
        if (i % 8 == 0)
            fill_pages();
        if (i % 16 == 0) { /* equal for long */
            memset(native_pages + PAGE, 0xFF, PAGE);
            memset(device, 0xFF, PAGE);
        }
        do_string();
    }
    current.count = 0;
}

/* ---- What this host cannot show ---- */

#define DEVICE (LINEAR + PAGE)
#define NOWHERE (LINEAR + 2 * PAGE)

static void assert_fault(struct verdict verdict, uint8_t vector, unsigned error_code)
{
    assert_int_equal(verdict.kind, VERDICT_INJECT);
    assert_int_equal(verdict.vector, vector);
    assert_int_equal(verdict.error_code, error_code);
    assert_int_equal(advanced.count, 0);
    assert_null(fake_reports.crash);
}

static void assert_done(struct verdict verdict, unsigned length)
{
    assert_int_equal(verdict.kind, VERDICT_RESUME);
    assert_int_equal(advanced.count, 1);
    assert_int_equal(advanced.length, length);
    assert_null(fake_reports.crash);
}

/* A string of which more is to be done. */
static void assert_paused(struct verdict verdict)
{
    assert_int_equal(verdict.kind, VERDICT_RESUME);
    assert_int_equal(advanced.count, 0);
    assert_int_equal(advanced.iterations, 1);
    assert_null(fake_reports.crash);
}

static uint64_t cr2(void)
{
    for (unsigned i = fake.record_count; i-- > 0;)
        if (fake.records[i].kind == FAKE_CR2_WRITE)
            return fake.records[i].value;
    return 0;
}

static void a_page_fault_on_the_ram_side_is_the_guests(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RSI] = DEVICE + 8;
    vcpu.gpr[GPR_RDI] = LINEAR + 3 * PAGE + 4; /* not mapped */
    assert_fault(EMULATE(0xA5), VECTOR_PF, PAGE_FAULT_WRITE);
    assert_int_equal(cr2(), LINEAR + 3 * PAGE + 4);
    put_entry(3, 3, RAM_PAGE | 1); /* read-only */
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE | CR0_PG | CR0_WP);
    assert_fault(EMULATE(0xA5), VECTOR_PF, PAGE_FAULT_WRITE | PAGE_FAULT_PRESENT);
    vcpu.gpr[GPR_RDI] = DEVICE;
    vcpu.gpr[GPR_RSI] = LINEAR + 4 * PAGE - 2; /* into the page behind */
    assert_fault(EMULATE(0xA5), VECTOR_PF, 0);
    assert_int_equal(cr2(), LINEAR + 4 * PAGE);
    machine_vmwrite_32(VMCS_GUEST_SS_ACCESS_RIGHTS, ACCESS_RIGHTS_DPL_MASK);
    assert_fault(EMULATE(0xA5), VECTOR_PF, PAGE_FAULT_USER | PAGE_FAULT_PRESENT);
}

static void a_fault_in_a_repeated_string_leaves_what_was_done(void **state)
{
    (void)state;
    memset(device, 0x5A, sizeof device);
    vcpu.gpr[GPR_RSI] = DEVICE;
    put_entry(3, 3, (RAM_PAGE + PAGE) | 3);
    vcpu.gpr[GPR_RDI] = LINEAR + 4 * PAGE - 12; /* three elements, then nothing */
    vcpu.gpr[GPR_RCX] = 10;
    struct verdict verdict = EMULATE(0xF3, 0xA5);
    assert_fault(verdict, VECTOR_PF, PAGE_FAULT_WRITE);
    assert_int_equal(cr2(), LINEAR + 4 * PAGE);
    assert_int_equal(vcpu.gpr[GPR_RCX], 7);
    assert_int_equal(vcpu.gpr[GPR_RSI], DEVICE + 12);
    assert_int_equal(vcpu.gpr[GPR_RDI], LINEAR + 4 * PAGE);
    assert_int_equal(fake.memory[RAM_PAGE + 2 * PAGE - 1], 0x5A);
    assert_int_equal(fake.memory[RAM_PAGE + 2 * PAGE], 0);
}

static void addresses_that_are_not_canonical_fault(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RBX] = 0x800000000000;
    assert_fault(EMULATE(0x01, 0x03), VECTOR_GP, 0); /* add [rbx], eax */
    vcpu.gpr[GPR_RBP] = 0x7FFFFFFFFFFE;
    assert_fault(EMULATE(0x01, 0x45, 0x00), VECTOR_SS, 0); /* add [rbp], eax */
}

static void enter_32_bit_code(uint32_t cs_rights)
{
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, 0);
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE);
    machine_vmwrite_natural(VMCS_GUEST_CR4, CR4_OSFXSR);
    machine_vmwrite_32(VMCS_GUEST_CS_ACCESS_RIGHTS, 0x9B | cs_rights);
    machine_vmwrite_32(VMCS_GUEST_CS_LIMIT, UINT32_MAX);
    for (unsigned segment = 0; segment < SEGMENT_DATA_AND_CODE; segment++)
        if (segment != SEGMENT_CS) {
            machine_vmwrite_32((enum vmcs_field_32)(VMCS_GUEST_ES_ACCESS_RIGHTS + 2 * segment),
                               0x93 | ACCESS_RIGHTS_DB);
            machine_vmwrite_32((enum vmcs_field_32)(VMCS_GUEST_ES_LIMIT + 2 * segment),
                               UINT32_MAX);
        }
}

static void set_base(enum segment_register segment, uint64_t base)
{
    machine_vmwrite_natural((enum vmcs_field_natural)(VMCS_GUEST_ES_BASE + 2 * segment), base);
}

static void segments_count_outside_64_bit_mode(void **state)
{
    (void)state;
    enter_32_bit_code(ACCESS_RIGHTS_DB);
    set_base(SEGMENT_DS, IOAPIC_BASE);
    set_base(SEGMENT_SS, 0x8000);
    memset(device, 0, sizeof device);
    device[0x20] = 5;
    vcpu.gpr[GPR_RBX] = 0xFFFFFFFF00000010; /* the upper half does not count */
    vcpu.gpr[GPR_RAX] = 3;
    assert_done(EMULATE(0x01, 0x43, 0x10), 3); /* add [ebx + 10h], eax */
    assert_int_equal(device[0x20], 8);
    machine_vmwrite_32(VMCS_GUEST_DS_LIMIT, 0x22);
    assert_fault(EMULATE(0x01, 0x43, 0x10), VECTOR_GP, 0);
    machine_vmwrite_32(VMCS_GUEST_DS_ACCESS_RIGHTS, 0x91 | ACCESS_RIGHTS_DB); /* read-only */
    machine_vmwrite_32(VMCS_GUEST_DS_LIMIT, 0xFFF);
    assert_fault(EMULATE(0x01, 0x43, 0x10), VECTOR_GP, 0);
    assert_done(EMULATE(0x3B, 0x43, 0x10), 3); /* cmp eax, [ebx + 10h] */
    set_base(SEGMENT_GS, IOAPIC_BASE + 0x100);
    device[0x110] = 1;
    assert_done(EMULATE(0x65, 0x66, 0xFF, 0x03), 4); /* inc word gs:[ebx] */
    assert_int_equal(device[0x110], 2);
}

static void addresses_of_16_bits_wrap(void **state)
{
    (void)state;
    enter_32_bit_code(0);
    set_base(SEGMENT_DS, IOAPIC_BASE - 0x1000);
    memset(device, 0, sizeof device);
    vcpu.gpr[GPR_RBX] = 0x12348000;
    vcpu.gpr[GPR_RSI] = 0x12349010;
    assert_done(EMULATE(0xFE, 0x00), 2); /* inc byte [bx + si]: at 1010h */
    assert_int_equal(device[0x10], 1);
    vcpu.gpr[GPR_RDI] = 0xFFFF1020;
    vcpu.gpr[GPR_RCX] = 0xFFFF0002;
    set_base(SEGMENT_ES, IOAPIC_BASE - 0x1000);
    vcpu.gpr[GPR_RAX] = 0x77;
    assert_done(EMULATE(0xF3, 0xAA), 2); /* rep stosb, twice */
    assert_int_equal(device[0x21], 0x77);
    assert_int_equal(device[0x22], 0);
    assert_int_equal(vcpu.gpr[GPR_RDI], 0xFFFF1022);
    assert_int_equal(vcpu.gpr[GPR_RCX], 0xFFFF0000);
}

static void a_write_across_the_end_of_ram_reaches_both(void **state)
{
    (void)state;
    memset(device, 0, sizeof device);
    vcpu.gpr[GPR_RBX] = DEVICE - 1;
    vcpu.gpr[GPR_RAX] = 0x44332211;
    assert_done(EMULATE(0x89, 0x03), 2); /* mov [rbx], eax */
    assert_int_equal(fake.memory[RAM_PAGE + PAGE - 1], 0x11);
    assert_int_equal(device[0], 0x22);
    assert_int_equal(device[2], 0x44);
    vcpu.gpr[GPR_RBX] = NOWHERE - 3;
    assert_done(EMULATE(0x89, 0x03), 2);
    assert_int_equal(device[PAGE - 1], 0x33);
    assert_int_equal(fake_reports.denied_kind, DENIED_MEMORY_WRITE);
    assert_int_equal(fake_reports.denied_where, IOAPIC_BASE + PAGE);
}

static void a_count_beyond_all_bounds_is_done_in_parts(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RCX] = UINT64_MAX;
    vcpu.gpr[GPR_RDI] = NOWHERE;
    assert_paused(EMULATE(0xF3, 0xAA));
    uint64_t done = UINT64_MAX - vcpu.gpr[GPR_RCX];
    assert_in_range(done, 1, 64);
    assert_int_equal(vcpu.gpr[GPR_RDI], NOWHERE + done);
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, RFLAGS_TF); /* a trap behind each element */
    assert_paused(EMULATE(0xF3, 0xAA));
    assert_int_equal(UINT64_MAX - vcpu.gpr[GPR_RCX], done + 1);
}

static void a_string_that_reaches_ram_is_given_back(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RCX] = 100;
    vcpu.gpr[GPR_RDI] = NOWHERE + PAGE - 4;
    put_entry(3, 3, RAM_PAGE | 3);
    assert_paused(EMULATE(0xF3, 0xAA));
    assert_int_equal(vcpu.gpr[GPR_RCX], 96);
    assert_int_equal(EMULATE(0xF3, 0xAA).kind, VERDICT_RESUME);
    assert_int_equal(advanced.count + advanced.iterations, 0);
    assert_int_equal(vcpu.gpr[GPR_RCX], 96);
}

static void what_touches_ram_alone_is_given_back(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RBX] = LINEAR;
    vcpu.gpr[GPR_RAX] = 1;
    assert_int_equal(EMULATE(0x01, 0x03).kind, VERDICT_RESUME);
    assert_int_equal(advanced.count, 0);
    assert_int_equal(fake.memory[RAM_PAGE], 0);
    machine_vmwrite_natural(VMCS_GUEST_RSP, LINEAR + 64);
    assert_int_equal(EMULATE(0xFF, 0x33).kind, VERDICT_RESUME); /* push [rbx] */
    assert_int_equal(EMULATE(0x0F, 0x10, 0x03).kind, VERDICT_RESUME);
    assert_int_equal(advanced.count, 0);
}

static uint64_t ram_64(unsigned offset)
{
    uint64_t value;
    memcpy(&value, fake.memory + RAM_PAGE + offset, sizeof value);
    return value;
}

static void the_stack_and_the_operand_may_be_anywhere(void **state)
{
    const uint64_t value = 0x1122334455667788, target = 0x123456;
    (void)state;
    memcpy(device + 8, &value, 8);
    memcpy(device + 16, &target, 8);
    machine_vmwrite_natural(VMCS_GUEST_RSP, LINEAR + 64);
    vcpu.gpr[GPR_RBX] = DEVICE;
    assert_done(EMULATE(0xFF, 0x73, 0x08), 3); /* push [rbx + 8] */
    assert_int_equal(ram_64(56), value);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RSP), LINEAR + 56);
    assert_done(EMULATE(0x8F, 0x43, 0x20), 3); /* pop [rbx + 20h] */
    assert_memory_equal(device + 0x20, &value, 8);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RSP), LINEAR + 64);

    assert_done(EMULATE(0xFF, 0x53, 0x10), 0); /* call [rbx + 10h] */
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RIP), target);
    assert_int_equal(ram_64(56), CODE + 3);
    machine_vmwrite_natural(VMCS_GUEST_RIP, CODE);
    assert_done(EMULATE(0xFF, 0x63, 0x10), 0); /* jmp [rbx + 10h] */
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RIP), target);
    machine_vmwrite_natural(VMCS_GUEST_RIP, CODE);
    assert_fault(EMULATE(0xFF, 0x63, 0x08), VECTOR_GP, 0); /* not canonical */

    machine_vmwrite_natural(VMCS_GUEST_RSP, DEVICE + 0x100);
    vcpu.gpr[GPR_RCX] = 0xABCD;
    assert_done(EMULATE(0x51), 1); /* push rcx */
    assert_int_equal(device[0xF8], 0xCD);
    assert_done(EMULATE(0x6A, 0xFE), 2); /* push -2 */
    assert_int_equal(device[0xF7], 0xFF);
    assert_done(EMULATE(0x5A), 1); /* pop rdx */
    assert_int_equal(vcpu.gpr[GPR_RDX], (uint64_t)-2);
    assert_done(EMULATE(0x66, 0x5A), 2); /* pop dx */
    assert_int_equal(vcpu.gpr[GPR_RDX], 0xFFFFFFFFFFFFABCD);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RSP), DEVICE + 0xFA);
    machine_vmwrite_natural(VMCS_GUEST_RSP, DEVICE + 0x10);
    assert_done(EMULATE(0xC2, 0x08, 0x00), 0); /* ret 8 */
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RIP), target);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RSP), DEVICE + 0x20);
    machine_vmwrite_natural(VMCS_GUEST_RIP, CODE);
    assert_done(EMULATE(0xE8, 0x00, 0x01, 0x00, 0x00), 0); /* call 100h further */
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RIP), CODE + 5 + 0x100);
    assert_int_equal(device[0x18], (uint8_t)(CODE + 5));
}

/* The address is that with RSP already incremented. */
static void pop_to_memory_by_rsp_counts_from_the_new_rsp(void **state)
{
    (void)state;
    memset(device, 0, sizeof device);
    memset(fake.memory + RAM_PAGE, 0x66, PAGE);
    machine_vmwrite_natural(VMCS_GUEST_RSP, DEVICE - 16);
    assert_done(EMULATE(0x8F, 0x44, 0x24, 0x10), 4); /* pop [rsp + 10h] */
    assert_int_equal(device[7], 0);
    assert_int_equal(device[8], 0x66);
}

static void a_selector_is_stored_in_16_bits(void **state)
{
    (void)state;
    memset(device, 0x11, sizeof device);
    machine_vmwrite_16(VMCS_GUEST_FS_SELECTOR, 0xABC8);
    vcpu.gpr[GPR_RBX] = DEVICE;
    assert_done(EMULATE(0x48, 0x8C, 0x23), 3); /* mov [rbx], fs */
    assert_int_equal(device[0] | device[1] << 8 | device[2] << 16, 0x11ABC8);
}

static void sse_is_refused_as_the_processor_refuses_it(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RBX] = DEVICE + 8;
    assert_done(EMULATE(0x0F, 0x10, 0x0B), 3);              /* movups xmm1, [rbx] */
    assert_fault(EMULATE(0x0F, 0x28, 0x0B), VECTOR_GP, 0);  /* movaps */
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE | CR0_PG | CR0_TS);
    assert_fault(EMULATE(0x0F, 0x10, 0x0B), VECTOR_NM, 0);
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE | CR0_PG | CR0_TS | CR0_EM);
    assert_fault(EMULATE(0x0F, 0x10, 0x0B), VECTOR_UD, 0);
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE | CR0_PG);
    machine_vmwrite_natural(VMCS_GUEST_CR4, CR4_PAE);
    assert_fault(EMULATE(0x0F, 0x10, 0x0B), VECTOR_UD, 0);
}

static void unaligned_accesses_fault_where_alignment_is_checked(void **state)
{
    (void)state;
    put_entry(0, 0, (TABLES + 1 * PAGE) | 7);
    put_entry(1, 0, (TABLES + 2 * PAGE) | 7);
    put_entry(2, LINEAR >> 21, (TABLES + 3 * PAGE) | 7);
    put_entry(2, 0, 0x87);
    put_entry(3, 1, IOAPIC_BASE | 7);
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE | CR0_PG | CR0_AM);
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, RFLAGS_AC);
    vcpu.gpr[GPR_RBX] = DEVICE + 2;
    assert_done(EMULATE(0x01, 0x03), 2);
    machine_vmwrite_32(VMCS_GUEST_SS_ACCESS_RIGHTS, ACCESS_RIGHTS_DPL_MASK);
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, RFLAGS_AC);
    assert_fault(EMULATE(0x01, 0x03), VECTOR_AC, 0);
    assert_done(EMULATE(0x66, 0x01, 0x03), 3);
}

/* It is the linear address that counts. */
static void sixteen_bytes_are_aligned_with_the_base_of_their_segment(void **state)
{
    (void)state;
    set_base(SEGMENT_GS, 8);
    vcpu.gpr[GPR_RBX] = DEVICE + 8;
    assert_done(EMULATE(0x65, 0x48, 0x0F, 0xC7, 0x0B), 5); /* cmpxchg16b gs:[rbx] */
    assert_done(EMULATE(0x65, 0x0F, 0x28, 0x0B), 4);       /* movaps xmm1, gs:[rbx] */
    vcpu.gpr[GPR_RBX] = DEVICE;
    assert_fault(EMULATE(0x65, 0x48, 0x0F, 0xC7, 0x0B), VECTOR_GP, 0);
    assert_fault(EMULATE(0x65, 0x0F, 0x28, 0x0B), VECTOR_GP, 0);
    assert_done(EMULATE(0x65, 0x0F, 0xC7, 0x0B), 4);       /* cmpxchg8b */
}

static void an_instruction_that_changed_into_none_faults(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RBX] = DEVICE;
    assert_fault(EMULATE(0xF0, 0x8B, 0x03), VECTOR_UD, 0); /* lock mov */
    uint8_t long_one[17];
    memset(long_one, 0x66, sizeof long_one);
    assert_fault(emulate_code(long_one, sizeof long_one), VECTOR_GP, 0);
}

/* INT3 and its like over an instruction that another vCPU is executing. */
static void what_accesses_no_memory_any_more_is_given_back(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RBX] = DEVICE;
    assert_int_equal(EMULATE(0xCC).kind, VERDICT_RESUME);
    assert_int_equal(EMULATE(0x66, 0x90).kind, VERDICT_RESUME);
    assert_int_equal(EMULATE(0xE9, 1, 2, 3, 4).kind, VERDICT_RESUME);
    assert_int_equal(EMULATE(0x0F, 0x84, 1, 2, 3, 4).kind, VERDICT_RESUME);
    assert_int_equal(EMULATE(0x0F, 0x1F, 0x03).kind, VERDICT_RESUME); /* nop [rbx] */
    assert_int_equal(EMULATE(0x0F, 0x0B).kind, VERDICT_RESUME);
    assert_int_equal(EMULATE(0x01, 0xC3).kind, VERDICT_RESUME);       /* add ebx, eax */
    assert_int_equal(EMULATE(0x0F, 0x28, 0xC1).kind, VERDICT_RESUME); /* movaps xmm0, xmm1 */
    assert_int_equal(advanced.count, 0);
    assert_null(fake_reports.crash);
    assert_int_equal(EMULATE(0xFF, 0xD3).kind, VERDICT_END); /* call rbx: the stack */
}

static void what_is_not_understood_ends_the_guest(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RBX] = DEVICE;
    assert_int_equal(EMULATE(0xD9, 0x03).kind, VERDICT_END); /* fld dword [rbx] */
    assert_non_null(fake_reports.crash);
    assert_int_equal(advanced.count, 0);
}

/* The page behind the code is absent, no RAM, or was absent only a moment ago. */
static void code_that_is_cut_short_is_fetched_as_the_processor_would(void **state)
{
    /* add [rbx + disp32], eax, cut */
    const struct code code = { .bytes = { 0x01, 0x83 }, .count = 2 };
    (void)state;
    machine_vmwrite_natural(VMCS_GUEST_RIP, LINEAR + PAGE - 2);
    put_entry(3, 1, 0);
    assert_fault(emulate(&vcpu, &code), VECTOR_PF, 0);
    assert_int_equal(cr2(), LINEAR + PAGE);
    put_entry(3, 1, RAM_PAGE | 3);
    assert_int_equal(emulate(&vcpu, &code).kind, VERDICT_RESUME);
    assert_int_equal(advanced.count, 0);
    put_entry(3, 1, IOAPIC_BASE | 3);
    assert_int_equal(emulate(&vcpu, &code).kind, VERDICT_END);
    assert_string_equal(fake_reports.crash, "it executes from an address without memory");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)
#define COMPARISON(name) cmocka_unit_test_setup_teardown(name, set_up, show_current)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COMPARISON(random_instructions_do_what_the_processor_does),
        COMPARISON(random_strings_do_what_the_processor_does),
        TEST(a_page_fault_on_the_ram_side_is_the_guests),
        TEST(a_fault_in_a_repeated_string_leaves_what_was_done),
        TEST(addresses_that_are_not_canonical_fault),
        TEST(segments_count_outside_64_bit_mode),
        TEST(addresses_of_16_bits_wrap),
        TEST(a_write_across_the_end_of_ram_reaches_both),
        TEST(a_count_beyond_all_bounds_is_done_in_parts),
        TEST(a_string_that_reaches_ram_is_given_back),
        TEST(what_touches_ram_alone_is_given_back),
        TEST(the_stack_and_the_operand_may_be_anywhere),
        TEST(pop_to_memory_by_rsp_counts_from_the_new_rsp),
        TEST(a_selector_is_stored_in_16_bits),
        TEST(sse_is_refused_as_the_processor_refuses_it),
        TEST(unaligned_accesses_fault_where_alignment_is_checked),
        TEST(sixteen_bytes_are_aligned_with_the_base_of_their_segment),
        TEST(an_instruction_that_changed_into_none_faults),
        TEST(what_accesses_no_memory_any_more_is_given_back),
        TEST(what_is_not_understood_ends_the_guest),
        TEST(code_that_is_cut_short_is_fetched_as_the_processor_would),
    };
    return cmocka_run_group_tests(tests, prepare_native, NULL);
}
