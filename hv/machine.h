/* SPDX-License-Identifier: MIT
 *
 * The seam: everything that hv/ can ask of the machine. arch/machine.c is the
 * real one; tests/fake/machine.c records instead. Nothing else in hv/ reaches
 * hardware, so all of hv/ runs on the build host.
 *
 * The VMCS functions work on the VMCS that is current on the calling CPU,
 * which is always that of the vCPU whose exit is being handled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "arch/spec/msr.h"
#include "arch/spec/vmcs.h"
#include "hv/addr.h"
#include "hv/pci_function.h"

struct guest_memory;

uint16_t machine_vmread_16(enum vmcs_field_16 field);
uint32_t machine_vmread_32(enum vmcs_field_32 field);
uint64_t machine_vmread_64(enum vmcs_field_64 field);
uint64_t machine_vmread_natural(enum vmcs_field_natural field);
void machine_vmwrite_16(enum vmcs_field_16 field, uint16_t value);
void machine_vmwrite_32(enum vmcs_field_32 field, uint32_t value);
void machine_vmwrite_64(enum vmcs_field_64 field, uint64_t value);
void machine_vmwrite_natural(enum vmcs_field_natural field, uint64_t value);

/* Memory that the hypervisor does not keep mapped: guests' RAM. The range is
 * the caller's to prove: guest_memory_translate() is the only source of hpa_t. */
void machine_memory_read(void *to, hpa_t from, size_t bytes);
void machine_memory_write(hpa_t to, const void *from, size_t bytes);
void machine_memory_zero(hpa_t at, uint64_t bytes);

/* What was stored at these bytes of the hypervisor's own memory is where devices see
 * it that look past the CPUs' caches, before anything that is stored later. */
void machine_memory_publish(const void *at, size_t bytes);

/* Pages of guest RAM that exits look at again and again. */
enum machine_page {
    MACHINE_PAGE_TABLE_0, /* of the guest's paging structures: by level */
    MACHINE_PAGE_TABLE_1,
    MACHINE_PAGE_TABLE_2,
    MACHINE_PAGE_TABLE_3,
    MACHINE_PAGE_TABLE_4,
    MACHINE_PAGE_CODE,
    MACHINE_PAGE_COUNT
};

/* Where a page of 4 KiB is, until the same use asks for another; NULL: it is no
 * RAM. `entry` names it as a paging entry does, by bits 51:12; the others do not
 * matter. The memory is that of the guest that owns the calling CPU, always the
 * same. Other CPUs may write to it at any time. */
void *machine_page(enum machine_page use, const struct guest_memory *memory, uint64_t entry);

/* The exit being handled was an NMI: it is a call to look at the mailbox, and
 * the processor takes no other until this is done. */
void machine_nmi_taken(void);

/* Adds request bits (hv/vcpu.h) to a CPU's mailbox and makes it look: the CPU
 * leaves its guest, or wakes from sleep, by an NMI. The calling CPU may name
 * itself. */
void machine_request(unsigned cpu, uint32_t requests);

/* The console's CPU calls console_service() soon. */
void machine_console_call(void);

/* A fixed, edge-triggered interrupt to a CPU's local APIC. The guest that owns
 * the CPU takes it natively, without an exit. */
void machine_interrupt(unsigned cpu, uint8_t vector);

/* An interrupt input of the machine goes to a CPU's local APIC as a fixed interrupt,
 * from now on and without an exit; or to nobody. False, and it goes to nobody: no
 * IOAPIC has that input, or it cannot reach that CPU. */
struct machine_line {
    unsigned cpu;
    uint8_t vector;
    bool level;
    bool active_low;
};
bool machine_line_route(uint32_t gsi, const struct machine_line *line);
void machine_line_mask(uint32_t gsi);

/* Configuration space and ports of the machine, for a function that the guest in
 * question owns. `bytes` is 1, 2 or 4, the place a multiple of it, or of a port any. */
uint32_t machine_pci_read(struct pci_address address, unsigned offset, size_t bytes);
void machine_pci_write(struct pci_address address, unsigned offset, size_t bytes, uint32_t value);
uint32_t machine_port_read(uint16_t port, size_t bytes);
void machine_port_write(uint16_t port, size_t bytes, uint32_t value);

/* Registers in memory of such a function, by one access of 1, 2, 4 or 8 bytes at a
 * multiple of that. */
uint64_t machine_register_read(hpa_t at, size_t bytes);
void machine_register_write(hpa_t at, size_t bytes, uint64_t value);

/* From now on the function's DMA reaches the memory of that VM and nothing else; what it
 * did before is over. Where nothing remaps DMA, it reaches all memory. NULL, or why it
 * cannot be: then it reaches nothing. */
const char *machine_dma_attach(const struct pci_function *function, unsigned vm)
    __attribute__((warn_unused_result));

/* It reaches nothing, and no request of it is under way any more. */
void machine_dma_detach(const struct pci_function *function);

/* It reached for what is not its guest's, too often: no bus mastering until it is
 * attached again. */
bool machine_dma_is_quarantined(const struct pci_function *function);

/* What to write into a function that shall send a message. */
struct machine_message {
    uint32_t address;
    uint16_t data;
};

/* At boot: entries for `count` messages of this function, that follow each other, for
 * good. False: interrupts are not remapped, or too few entries are left. */
bool machine_message_allocate(const struct pci_function *function, unsigned count, uint32_t *index)
    __attribute__((warn_unused_result));

/* The message raises this vector at this CPU from now on. False: it cannot be, and does
 * nothing. */
bool machine_message_set(uint32_t index, unsigned cpu, uint8_t vector,
                         struct machine_message *message) __attribute__((warn_unused_result));

/* It does nothing. */
void machine_message_clear(uint32_t index);

/* Registers of the calling CPU that its guest owns while it runs and that no
 * VMCS field holds. The caller has checked the value: none may fault. */
uint64_t machine_msr_read(enum msr msr);
void machine_msr_write(enum msr msr, uint64_t value);
void machine_xcr0_write(uint64_t value);
void machine_cr2_write(uint64_t value);
uint64_t machine_dr6_read(void);
void machine_dr6_write(uint64_t value);

/* XMM0 to XMM15, the lower 16 bytes of what AVX makes of them. */
#define MACHINE_XMM_BYTES 16
void machine_xmm_read(unsigned reg, uint8_t to[static MACHINE_XMM_BYTES]);
void machine_xmm_write(unsigned reg, const uint8_t from[static MACHINE_XMM_BYTES]);

/* A guest begins on the calling CPU: registers that it owns natively are as
 * after RESET, no translation of an earlier life is cached, and no interrupt
 * of an earlier life is pending. */
void machine_guest_reset(void);

/* Forgets all translations that the calling CPU caches for its guest. */
void machine_translations_flush(void);

/* Takes away what is pending in the calling CPU's local APIC. */
void machine_interrupts_drain(void);

/* Host time. */
uint64_t machine_tsc(void);

/* The calling CPU leaves its guest as soon as the TSC has reached `tsc`, and
 * serves its mailbox behind every exit until then: how much of the time is left
 * goes into each VM entry. SDM Vol. 3C, 26.5.1 "VMX-Preemption Timer". */
#define MACHINE_TIMER_OFF UINT64_MAX
void machine_timer_set(uint64_t tsc);

/* The host's console, a UART and a screen as far as it has them: how many bytes
 * it took; a byte or -1. The screen shows guests' output and the hypervisor's
 * own differently, and all of it only when machine_console_show(), which draws a part at
 * a time, has returned false. */
enum machine_author { MACHINE_GUEST, MACHINE_HYPERVISOR };
size_t machine_console_write(enum machine_author author, const uint8_t *bytes, size_t count);
bool machine_console_show(void);
int machine_console_read(void);

/* The next output of a guest is another guest's, or the monitor's. */
void machine_console_new_guest(void);

/* Asks for an interrupt each time that the console can take more output. */
void machine_console_want_transmit(bool wanted);

/* False asks the other side of the wire to stop sending, and no interrupt
 * comes for what it sends all the same. */
void machine_console_want_receive(bool wanted);

/* The console's interrupt was served. A cause that is still there, or came
 * meanwhile, raises a new one. */
void machine_console_acknowledge(void);

/* Ends the machine; returns only if it cannot be ended. */
enum machine_end { MACHINE_POWER_OFF, MACHINE_REBOOT };
void machine_end(enum machine_end end);
