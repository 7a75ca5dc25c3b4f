/* SPDX-License-Identifier: MIT
 *
 * The guest's pair of interrupt controllers, two Intel 8259A: the master with
 * IRQ 0 to 7, the slave with IRQ 8 to 15 behind the master's input 2, and the
 * registers that say which inputs are level-triggered (ELCR), as the chipset
 * around the pair has them.
 *
 * What an input requests goes away with its signal, also if it is
 * edge-triggered. Wired as on a PC's board: ICW3 and the buffered mode's bits
 * change nothing, nor does ICW1's LTIM, for which the ELCR stands. 8080 mode
 * does not exist.
 *
 * Nothing here tells anybody: who changes an input or writes a register asks
 * pic_requests() behind it (hv/irq.h). The caller holds the VM's lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PIC_IRQS 16
#define PIC_CASCADE 2 /* the master's input where the slave is */

struct pic_chip {
    uint8_t lines;      /* inputs that are high, a bit each */
    uint8_t edges;      /* of them: risen, and not acknowledged since */
    uint8_t in_service; /* ISR */
    uint8_t mask;       /* IMR */
    uint8_t level;      /* ELCR: inputs that are level-triggered */
    uint8_t base;       /* ICW2: vector of input 0 */
    uint8_t lowest;     /* the input of lowest priority; the next one has the highest */
    uint8_t icw_next;   /* 2 to 4: the initialization goes on with this word; else 0 */
    bool single;        /* ICW1: no slave */
    bool icw4_follows;
    bool auto_eoi;
    bool special_fully_nested;
    bool special_mask;
    bool rotate_in_auto_eoi;
    bool read_in_service; /* the next read shows ISR, not IRR */
    bool poll;            /* the next read acknowledges */
};

struct pic {
    struct pic_chip master, slave;
};

/* As a PC's firmware leaves them, with vectors 08h and 70h, but all masked. */
void pic_init(struct pic *pic);

/* `port` is one of 20h, 21h, A0h, A1h, 4D0h and 4D1h. */
uint8_t pic_read(struct pic *pic, uint16_t port);
void pic_write(struct pic *pic, uint16_t port, uint8_t value);

/* `irq` below PIC_IRQS, and not PIC_CASCADE. */
void pic_set_line(struct pic *pic, unsigned irq, bool high);

/* Whether a signal at this input would go further now. */
bool pic_is_masked(const struct pic *pic, unsigned irq);

/* INTR of the pair: an interrupt waits for its acknowledgement. */
bool pic_requests(const struct pic *pic);

/* The processor's acknowledgement: the vector. If the request has gone away
 * meanwhile it is that of input 7, and nothing is in service. */
uint8_t pic_acknowledge(struct pic *pic);
