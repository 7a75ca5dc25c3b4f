/* SPDX-License-Identifier: MIT
 *
 * The fake machine behind hv/machine.h: VMCS fields and MSRs are array cells,
 * guest memory is a host buffer, and what the hypervisor asks for is recorded.
 */
#pragma once

#include "hv/machine.h"

#define FAKE_RECORDS_MAX 4096
#define FAKE_LINES 32
#define FAKE_PCI_FUNCTIONS 8
#define FAKE_PCI_BYTES 4096
#define FAKE_MESSAGES 2048 /* from FAKE_FIRST_MESSAGE on */
#define FAKE_FIRST_MESSAGE 7
#define FAKE_REGISTERS_BYTES 0x10000

enum fake_record_kind {
    FAKE_REQUEST,
    FAKE_INTERRUPT,
    FAKE_MSR_WRITE,
    FAKE_XCR0_WRITE,
    FAKE_CR2_WRITE,
    FAKE_DR6_WRITE,
    FAKE_GUEST_RESET,
    FAKE_DRAIN,
    FAKE_FLUSH,
    FAKE_NMI_TAKEN,
    FAKE_END,
    FAKE_PCI_WRITE,
    FAKE_DMA_ATTACH, /* where: the VM */
    FAKE_DMA_DETACH,
    FAKE_REGISTER_WRITE,
};

struct fake_record {
    enum fake_record_kind kind;
    uint64_t where; /* CPU or MSR */
    uint64_t value; /* requests, vector or value */
};

struct fake_machine {
    uint8_t *memory; /* host-physical [memory_base, memory_base + memory_bytes) */
    uint64_t memory_base;
    uint64_t memory_bytes;
    uint64_t tsc;
    uint8_t xmm[16][MACHINE_XMM_BYTES];
    uint64_t dr6;
    uint64_t tsc_step; /* it goes on by this each time that it is read */
    uint64_t pci_ticks; /* and by this with each read of configuration space */
    struct fake_later {
        uint8_t *at;
        uint8_t value;
        uint64_t tsc; /* from then on the byte has the value */
    } later;
    uint64_t timer; /* as machine_timer_set() left it */

    struct fake_line {
        bool routed;
        struct machine_line line;
    } lines[FAKE_LINES]; /* the IOAPIC's inputs */
    uint8_t pci_space[FAKE_PCI_FUNCTIONS][FAKE_PCI_BYTES]; /* by the address' function */
    uint8_t pci_writable[FAKE_PCI_FUNCTIONS][FAKE_PCI_BYTES];
    uint8_t ports[0x10000];
    const char *dma_problem; /* what attaching says */
    bool dma_quarantined;
    bool dma_quarantine_comes; /* just before the next write to configuration space */
    bool messages; /* can be remapped */
    unsigned messages_used;
    uint64_t message[FAKE_MESSAGES]; /* each: CPU and, in the low byte, vector; 0: clear */
    unsigned message_sets;
    uint8_t registers[FAKE_REGISTERS_BYTES]; /* at any address, by its low bits */
    unsigned register_bytes; /* of the last access */
    unsigned line_writes;  /* so often one was masked or routed */
    unsigned cpu_out_of_reach; /* of the IOAPIC, if not 0 */

    struct fake_record records[FAKE_RECORDS_MAX];
    unsigned record_count;

    uint8_t console_output[1 << 20];
    uint8_t console_authors[1 << 20]; /* of each byte: enum machine_author */
    size_t console_output_bytes;
    size_t console_shown; /* bytes that were there when machine_console_show() was done */
    unsigned console_parts; /* so often it says before that there is more */
    unsigned console_new_guests;
    unsigned console_calls;
    size_t console_room; /* bytes that the next writes accept */
    uint8_t console_input[1 << 16];
    size_t console_input_bytes;
    size_t console_input_read;
    bool console_transmit_wanted;
    bool console_receive_unwanted;
};

extern struct fake_machine fake;

/* Everything zero; memory of the given size at the given host-physical base. */
void fake_reset(uint64_t memory_base, uint64_t memory_bytes);

void fake_msr_set(enum msr msr, uint64_t value);
