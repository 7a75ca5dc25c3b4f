/* SPDX-License-Identifier: MIT
 *
 * See machine.h. A memory access outside the given range fails the test.
 */
#include "tests/fake/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/spec/pci.h"
#include "hv/check.h"
#include "hv/guest_memory.h"

#define FIELDS 0x8000
#define MSRS 64

struct fake_machine fake;
static uint64_t fields[FIELDS];
static struct { enum msr msr; uint64_t value; } msrs[MSRS];
static unsigned msr_count;

void check_failed(const char *expression, const char *file, unsigned line)
{
    fprintf(stderr, "CHECK failed: %s (%s:%u)\n", expression, file, line);
    abort();
}

void fake_reset(uint64_t memory_base, uint64_t memory_bytes)
{
    free(fake.memory);
    memset(&fake, 0, sizeof fake);
    memset(fields, 0, sizeof fields);
    msr_count = 0;
    fake.memory = calloc(1, memory_bytes ? memory_bytes : 1);
    fake.memory_base = memory_base;
    fake.memory_bytes = memory_bytes;
    fake.console_room = sizeof fake.console_output;
}

static void record(enum fake_record_kind kind, uint64_t where, uint64_t value)
{
    CHECK(fake.record_count < FAKE_RECORDS_MAX);
    fake.records[fake.record_count++] = (struct fake_record){ kind, where, value };
}

uint16_t machine_vmread_16(enum vmcs_field_16 field) { return (uint16_t)fields[field]; }
uint32_t machine_vmread_32(enum vmcs_field_32 field) { return (uint32_t)fields[field]; }
uint64_t machine_vmread_64(enum vmcs_field_64 field) { return fields[field]; }
uint64_t machine_vmread_natural(enum vmcs_field_natural field) { return fields[field]; }
void machine_vmwrite_16(enum vmcs_field_16 field, uint16_t value) { fields[field] = value; }
void machine_vmwrite_32(enum vmcs_field_32 field, uint32_t value) { fields[field] = value; }
void machine_vmwrite_64(enum vmcs_field_64 field, uint64_t value) { fields[field] = value; }
void machine_vmwrite_natural(enum vmcs_field_natural field, uint64_t value) { fields[field] = value; }

static uint8_t *memory_at(hpa_t address, uint64_t bytes)
{
    CHECK(address.value >= fake.memory_base);
    uint64_t offset = address.value - fake.memory_base;
    CHECK(offset <= fake.memory_bytes && bytes <= fake.memory_bytes - offset);
    return fake.memory + offset;
}

void machine_memory_read(void *to, hpa_t from, size_t bytes)
{
    memcpy(to, memory_at(from, bytes), bytes);
}

void machine_memory_write(hpa_t to, const void *from, size_t bytes)
{
    memcpy(memory_at(to, bytes), from, bytes);
}

void machine_memory_publish(const void *at, size_t bytes)
{
    (void)at;
    (void)bytes;
}

void machine_memory_zero(hpa_t at, uint64_t bytes)
{
    memset(memory_at(at, bytes), 0, bytes);
}

void *machine_page(enum machine_page use, const struct guest_memory *memory, uint64_t entry)
{
    hpa_t hpa;
    (void)use;
    if (!guest_memory_translate_in_page(memory, GPA(entry & 0x000FFFFFFFFFF000), &hpa))
        return NULL;
    return memory_at(hpa, PAGE_SIZE_4K);
}

void machine_request(unsigned cpu, uint32_t requests) { record(FAKE_REQUEST, cpu, requests); }
void machine_console_call(void)
{
    fake.console_calls++;
}

void machine_interrupt(unsigned cpu, uint8_t vector) { record(FAKE_INTERRUPT, cpu, vector); }
void machine_xcr0_write(uint64_t value) { record(FAKE_XCR0_WRITE, 0, value); }
uint64_t machine_dr6_read(void) { return fake.dr6; }
void machine_dr6_write(uint64_t value)
{
    fake.dr6 = value;
    record(FAKE_DR6_WRITE, 0, value);
}

void machine_cr2_write(uint64_t value) { record(FAKE_CR2_WRITE, 0, value); }
void machine_guest_reset(void) { record(FAKE_GUEST_RESET, 0, 0); }
void machine_translations_flush(void) { record(FAKE_FLUSH, 0, 0); }
void machine_nmi_taken(void) { record(FAKE_NMI_TAKEN, 0, 0); }
void machine_interrupts_drain(void) { record(FAKE_DRAIN, 0, 0); }
void machine_end(enum machine_end end) { record(FAKE_END, 0, end); }
uint64_t machine_tsc(void)
{
    fake.tsc += fake.tsc_step;
    if (fake.later.at != NULL && fake.tsc >= fake.later.tsc)
        *fake.later.at = fake.later.value;
    return fake.tsc;
}

void machine_timer_set(uint64_t tsc) { fake.timer = tsc; }

void machine_xmm_read(unsigned reg, uint8_t to[static MACHINE_XMM_BYTES])
{
    CHECK(reg < 16);
    memcpy(to, fake.xmm[reg], MACHINE_XMM_BYTES);
}

void machine_xmm_write(unsigned reg, const uint8_t from[static MACHINE_XMM_BYTES])
{
    CHECK(reg < 16);
    memcpy(fake.xmm[reg], from, MACHINE_XMM_BYTES);
}

bool machine_line_route(uint32_t gsi, const struct machine_line *line)
{
    machine_line_mask(gsi);
    if (gsi >= FAKE_LINES || (line->cpu == fake.cpu_out_of_reach && line->cpu != 0))
        return false;
    fake.lines[gsi] = (struct fake_line){ true, *line };
    return true;
}

uint32_t machine_pci_read(struct pci_address address, unsigned offset, size_t bytes)
{
    uint32_t value = 0;
    CHECK(address.function < FAKE_PCI_FUNCTIONS && offset % bytes == 0 &&
          offset + bytes <= FAKE_PCI_BYTES);
    fake.tsc += fake.pci_ticks;
    memcpy(&value, &fake.pci_space[address.function][offset], bytes);
    return value;
}

/* As another CPU does it. */
static void quarantine(struct pci_address address)
{
    fake.dma_quarantine_comes = false;
    fake.dma_quarantined = true;
    fake.pci_space[address.function][PCI_COMMAND] &= (uint8_t)~PCI_COMMAND_BUS_MASTER;
}

void machine_pci_write(struct pci_address address, unsigned offset, size_t bytes, uint32_t value)
{
    record(FAKE_PCI_WRITE, offset, value);
    if (fake.dma_quarantine_comes)
        quarantine(address);
    for (size_t i = 0; i < bytes; i++) {
        uint8_t mask = fake.pci_writable[address.function][offset + i];
        uint8_t *byte = &fake.pci_space[address.function][offset + i];
        *byte = (uint8_t)((*byte & ~mask) | (value >> 8 * i & mask));
    }
}

const char *machine_dma_attach(const struct pci_function *function, unsigned vm)
{
    (void)function;
    record(FAKE_DMA_ATTACH, vm, 0);
    return fake.dma_problem;
}

void machine_dma_detach(const struct pci_function *function)
{
    (void)function;
    record(FAKE_DMA_DETACH, 0, 0);
}

bool machine_dma_is_quarantined(const struct pci_function *function)
{
    (void)function;
    return fake.dma_quarantined;
}

bool machine_message_allocate(const struct pci_function *function, unsigned count, uint32_t *index)
{
    (void)function;
    *index = FAKE_FIRST_MESSAGE + fake.messages_used;
    if (!fake.messages || count > FAKE_MESSAGES - fake.messages_used)
        return false;
    fake.messages_used += count;
    return true;
}

static uint64_t *message_at(uint32_t index)
{
    CHECK(fake.messages && index - FAKE_FIRST_MESSAGE < FAKE_MESSAGES);
    return &fake.message[index - FAKE_FIRST_MESSAGE];
}

bool machine_message_set(uint32_t index, unsigned cpu, uint8_t vector,
                         struct machine_message *message)
{
    *message_at(index) = (uint64_t)cpu << 8 | vector;
    fake.message_sets++;
    *message = (struct machine_message){ 0xFEE00010 | index << 5, 0 };
    return cpu != fake.cpu_out_of_reach || cpu == 0;
}

void machine_message_clear(uint32_t index)
{
    *message_at(index) = 0;
}

static uint8_t *register_at(hpa_t at, size_t bytes)
{
    uint64_t offset = at.value % FAKE_REGISTERS_BYTES;

    CHECK(offset % bytes == 0 && offset + bytes <= FAKE_REGISTERS_BYTES);
    fake.register_bytes = (unsigned)bytes;
    return &fake.registers[offset];
}

uint64_t machine_register_read(hpa_t at, size_t bytes)
{
    uint64_t value = 0;
    memcpy(&value, register_at(at, bytes), bytes);
    return value;
}

void machine_register_write(hpa_t at, size_t bytes, uint64_t value)
{
    record(FAKE_REGISTER_WRITE, at.value, value);
    memcpy(register_at(at, bytes), &value, bytes);
}

uint32_t machine_port_read(uint16_t port, size_t bytes)
{
    uint32_t value = 0;
    memcpy(&value, &fake.ports[port], bytes);
    return value;
}

void machine_port_write(uint16_t port, size_t bytes, uint32_t value)
{
    memcpy(&fake.ports[port], &value, bytes);
}

void machine_line_mask(uint32_t gsi)
{
    fake.line_writes++;
    if (gsi < FAKE_LINES)
        fake.lines[gsi].routed = false;
}

void fake_msr_set(enum msr msr, uint64_t value)
{
    for (unsigned i = 0; i < msr_count; i++)
        if (msrs[i].msr == msr) {
            msrs[i].value = value;
            return;
        }
    CHECK(msr_count < MSRS);
    msrs[msr_count].msr = msr;
    msrs[msr_count++].value = value;
}

uint64_t machine_msr_read(enum msr msr)
{
    for (unsigned i = 0; i < msr_count; i++)
        if (msrs[i].msr == msr)
            return msrs[i].value;
    return 0;
}

void machine_msr_write(enum msr msr, uint64_t value)
{
    record(FAKE_MSR_WRITE, msr, value);
    fake_msr_set(msr, value);
}

size_t machine_console_write(enum machine_author author, const uint8_t *bytes, size_t count)
{
    size_t taken = count < fake.console_room ? count : fake.console_room;
    if (taken > 16)
        taken = 16;
    CHECK(fake.console_output_bytes + taken <= sizeof fake.console_output);
    memcpy(fake.console_output + fake.console_output_bytes, bytes, taken);
    memset(fake.console_authors + fake.console_output_bytes, author, taken);
    fake.console_output_bytes += taken;
    fake.console_room -= taken;
    return taken;
}

bool machine_console_show(void)
{
    if (fake.console_parts != 0) {
        fake.console_parts--;
        return true;
    }
    fake.console_shown = fake.console_output_bytes;
    return false;
}
void machine_console_new_guest(void) { fake.console_new_guests++; }

int machine_console_read(void)
{
    if (fake.console_input_read == fake.console_input_bytes)
        return -1;
    return fake.console_input[fake.console_input_read++];
}

void machine_console_want_transmit(bool wanted) { fake.console_transmit_wanted = wanted; }

void machine_console_want_receive(bool wanted) { fake.console_receive_unwanted = !wanted; }
void machine_console_acknowledge(void) {}
