/* SPDX-License-Identifier: MIT
 *
 * See manager.h.
 */
#include "hv/manager.h"

#include "hv/console_ring.h"
#include "hv/machine.h"
#include "hv/vm.h"

#define TO_GUEST_BYTES (8u << 10)
#define FROM_GUEST_BYTES (1u << 10)

static struct {
    struct vm *vm; /* NULL: there is none */
    unsigned lives;
    struct console_ring to_guest, from_guest;
    bool wants_room; /* the monitor found little of it */
    uint64_t lost;
} manager;

static uint8_t to_guest[TO_GUEST_BYTES], from_guest[FROM_GUEST_BYTES];

void manager_init(struct vm *vm)
{
    manager.vm = vm;
    manager_reset();
}

struct vm *manager_vm(void)
{
    return manager.vm;
}

void manager_reset(void)
{
    console_ring_init(&manager.to_guest, to_guest, sizeof to_guest);
    console_ring_init(&manager.from_guest, from_guest, sizeof from_guest);
    manager.wants_room = false;
    manager.lost = 0;
    manager.lives++;
}

unsigned manager_lives(void)
{
    return manager.lives;
}

void manager_call(void)
{
    if (manager.vm != NULL)
        machine_request(manager.vm->vcpus[0]->cpu, REQUEST_MANAGE);
}

/* ---- The UART's side ---- */

struct console_status manager_status(void)
{
    return (struct console_status){
        .output_ready = console_ring_room(&manager.from_guest) >= UART_FIFO_BYTES,
        .input_waiting = console_ring_count(&manager.to_guest),
    };
}

struct console_status manager_output(uint8_t byte)
{
    if (console_ring_room(&manager.from_guest) != 0)
        console_ring_put(&manager.from_guest, byte);
    else
        manager.lost++;
    manager_call();
    struct console_status status = manager_status();
    status.output_taken = true;
    return status;
}

int manager_input_take(void)
{
    struct console_ring *ring = &manager.to_guest;
    uint8_t byte;

    if (console_ring_peek(ring, &byte, 1) == 0)
        return -1;
    console_ring_drop(ring, 1);
    if (manager.wants_room && console_ring_room(ring) >= ring->size / 2) {
        manager.wants_room = false;
        manager_call();
    }
    return byte;
}

/* ---- The monitor's side ---- */

static void enter(void)
{
    lock_acquire(&manager.vm->lock);
}

static void leave(void)
{
    lock_release(&manager.vm->lock);
}

size_t manager_room(void)
{
    enter();
    size_t room = console_ring_room(&manager.to_guest);
    manager.wants_room = room < manager.to_guest.size / 2;
    leave();
    return room;
}

bool manager_calls_back(void)
{
    (void)manager_room();
    return manager.wants_room;
}

void manager_write(const char *text, size_t length)
{
    enter();
    for (size_t i = 0; i < length && console_ring_room(&manager.to_guest) != 0; i++)
        console_ring_put(&manager.to_guest, (uint8_t)text[i]);
    leave();
}

int manager_read(void)
{
    uint8_t byte;
    int taken = -1;

    enter();
    if (console_ring_peek(&manager.from_guest, &byte, 1) != 0) {
        console_ring_drop(&manager.from_guest, 1);
        taken = byte;
    }
    leave();
    return taken;
}

bool manager_interrupted(void)
{
    enter();
    bool found = console_ring_drop_through(&manager.from_guest, CONSOLE_INTERRUPT);
    leave();
    return found;
}

uint64_t manager_take_lost(void)
{
    enter();
    uint64_t lost = manager.lost;
    manager.lost = 0;
    leave();
    return lost;
}
