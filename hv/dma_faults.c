/* SPDX-License-Identifier: MIT
 *
 * See dma_faults.h. VT-d specification, 7 "Hardware Error Handling".
 */
#include "hv/dma_faults.h"

#include "arch/spec/vtd.h"
#include "hv/text.h"

struct dma_fault dma_fault_decode(uint64_t low, uint64_t high)
{
    uint8_t reason = (uint8_t)(high >> VTD_FAULT_REASON_SHIFT & VTD_FAULT_REASON);
    bool interrupt = reason >= VTD_REASON_INTERRUPT_FIRST && reason <= VTD_REASON_INTERRUPT_LAST;
    return (struct dma_fault){
        .source = (uint16_t)(high & VTD_FAULT_SOURCE),
        .kind = interrupt ? DMA_FAULT_INTERRUPT
            : high & VTD_FAULT_READ ? DMA_FAULT_READ : DMA_FAULT_WRITE,
        .reason = reason,
        .address = interrupt ? low >> VTD_FAULT_INDEX_SHIFT : low & VTD_FAULT_PAGE,
    };
}

static const char *reason_text(uint8_t reason)
{
    static const char *const texts[] = {
        [VTD_REASON_ROOT_ABSENT] = "nothing on that bus is assigned",
        [VTD_REASON_CONTEXT_ABSENT] = "the function is not assigned",
        [VTD_REASON_CONTEXT_INVALID] = "its context entry is invalid",
        [VTD_REASON_ADDRESS_WIDTH] = "the address is beyond its domain",
        [VTD_REASON_WRITE] = "not its memory to write",
        [VTD_REASON_READ] = "not its memory to read",
        [VTD_REASON_TABLE_ACCESS] = "its tables cannot be read",
        [VTD_REASON_ROOT_ACCESS] = "the root table cannot be read",
        [VTD_REASON_CONTEXT_ACCESS] = "the context table cannot be read",
        [VTD_REASON_ROOT_RESERVED] = "reserved bits in the root table",
        [VTD_REASON_CONTEXT_RESERVED] = "reserved bits in its context entry",
        [VTD_REASON_TABLE_RESERVED] = "reserved bits in its tables",
        [VTD_REASON_TRANSLATION_TYPE] = "it may not translate addresses itself",
        [VTD_REASON_INTERRUPT_RESERVED] = "reserved bits in the message",
        [VTD_REASON_INTERRUPT_INDEX] = "beyond the table",
        [VTD_REASON_INTERRUPT_ABSENT] = "not in use",
        [VTD_REASON_INTERRUPT_ACCESS] = "the table cannot be read",
        [VTD_REASON_INTERRUPT_ENTRY_RESERVED] = "reserved bits in the entry",
        [VTD_REASON_INTERRUPT_COMPATIBLE] = "not in the remappable format",
        [VTD_REASON_INTERRUPT_SOURCE] = "another function's",
    };
    const char *text = reason < sizeof texts / sizeof texts[0] ? texts[reason] : NULL;
    return text != NULL ? text : "an unknown reason";
}

void dma_fault_format(char to[static DMA_FAULT_TEXT_SIZE], const struct dma_fault *fault)
{
    static const char *const kinds[] = { [DMA_FAULT_READ] = "read of",
                                         [DMA_FAULT_WRITE] = "write to",
                                         [DMA_FAULT_INTERRUPT] = "interrupt" };
    text_format(to, DMA_FAULT_TEXT_SIZE, "%s %llx: %s (reason %x)", kinds[fault->kind],
                (unsigned long long)fault->address, reason_text(fault->reason), fault->reason);
}

void dma_fault_reopen(struct dma_fault_history *history)
{
    history->closed = false;
}

enum dma_fault_verdict dma_fault_judge(struct dma_fault_history *history, uint64_t now,
                                       uint64_t window_ticks)
{
    if (history->closed)
        return DMA_FAULT_FORGIVE;
    if (history->count == 0 || now - history->window_began >= window_ticks) {
        history->window_began = now;
        history->count = 0;
    }
    bool again = history->count == DMA_FAULTS_MAX;
    history->count += !again;
    history->closed = history->count == DMA_FAULTS_MAX;
    if (history->closed)
        return again ? DMA_FAULT_QUARANTINE_AGAIN : DMA_FAULT_QUARANTINE;
    return history->count <= DMA_FAULTS_TOLD ? DMA_FAULT_TELL : DMA_FAULT_FORGIVE;
}
