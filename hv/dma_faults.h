/* SPDX-License-Identifier: MIT
 *
 * Requests that a remapping unit blocked: what a record says, and what follows for
 * the function that made them. A few faults are told and forgiven, as a driver may
 * be wrong once; a function that goes on is taken off. So what a hostile guest does
 * with its device costs a bounded number of calls and lines, and then its device.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dma_fault_kind { DMA_FAULT_READ, DMA_FAULT_WRITE, DMA_FAULT_INTERRUPT };

struct dma_fault {
    uint16_t source; /* bus, and device and function */
    enum dma_fault_kind kind;
    uint8_t reason;  /* enum vtd_fault_reason */
    uint64_t address; /* its page; of an interrupt, the index */
};

/* Both halves of a fault recording register. */
struct dma_fault dma_fault_decode(uint64_t low, uint64_t high);

#define DMA_FAULT_TEXT_SIZE 96

/* "write to 1f000: no right to write" */
void dma_fault_format(char to[static DMA_FAULT_TEXT_SIZE], const struct dma_fault *fault);

#define DMA_FAULTS_TOLD 3   /* in a window, line by line */
#define DMA_FAULTS_MAX 8    /* and with this one it ends */
#define DMA_FAULTS_WINDOW_S 10

/* All zero: no fault yet. */
struct dma_fault_history {
    uint64_t window_began; /* TSC */
    unsigned count;        /* since then */
    bool closed;           /* it is quarantined */
};

/* AGAIN: it was told in this window already. */
enum dma_fault_verdict { DMA_FAULT_FORGIVE, DMA_FAULT_TELL, DMA_FAULT_QUARANTINE,
                         DMA_FAULT_QUARANTINE_AGAIN };

/* Quarantine is over. The window goes on: whoever was quarantined in it is so again
 * with his next fault. */
void dma_fault_reopen(struct dma_fault_history *history);

/* One more fault at this TSC. Behind QUARANTINE all are forgiven until the history is
 * opened again. */
enum dma_fault_verdict dma_fault_judge(struct dma_fault_history *history, uint64_t now,
                                       uint64_t window_ticks);
