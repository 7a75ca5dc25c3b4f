/* SPDX-License-Identifier: MIT
 *
 * Guests that start when others are ready.
 *
 * What makes a guest ready its configuration says: a text in what it writes to its
 * console, a write to a port, or just that it runs. It becomes ready once a life,
 * and only the first start of a guest waits, so each of the others is told once,
 * however often a guest writes what makes it ready. Its output is looked at while
 * somebody waits for it, or where its silence would end it, and never else.
 *
 * A guest that waits does not count as running. It starts on its own CPU, which is
 * asked by the guest that it waited for, or by the user.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;

/* Of vm->waits_for, besides a bit for each guest that is not ready yet; 0: it waits
 * for nobody and was started. */
#define READINESS_HELD (1u << 31)     /* it waits */
#define READINESS_RELEASED (1u << 30) /* its start was asked for, and counted */
#define READINESS_GUESTS (READINESS_RELEASED - 1)

/* At boot: whom it waits for. */
void readiness_init(struct vm *vm);

/* A life begins. No vCPU runs. */
void readiness_begin(struct vm *vm);

/* Whether readiness_output() wants what this life writes to its console. */
bool readiness_wants_output(const struct vm *vm);

/* The VM's lock is held. False: no more is wanted. */
bool readiness_output(struct vm *vm, uint8_t byte);

/* Its boot vCPU begins. */
void readiness_started(struct vm *vm);

/* A write to its port, or what amounts to it. */
void readiness_reached(struct vm *vm);

/* It stays stopped: says who waits for it in vain. */
void readiness_say_stopped(const struct vm *vm);

/* "web, db": whom it waits for; returns the length, 0 for nobody. */
size_t readiness_names(const struct vm *vm, char *to, size_t size);
