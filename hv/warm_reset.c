/* SPDX-License-Identifier: MIT
 *
 * See warm_reset.h. The codes as the IBM PC AT's BIOS has them (Technical Reference,
 * "Shutdown Status Byte"); a BIOS sets the byte to zero as it reads it.
 */
#include "hv/warm_reset.h"

#include "hv/bytes.h"
#include "hv/guest_ports.h"
#include "hv/machine.h"
#include "hv/vm.h"

#define RESUME_ADDRESS GPA(0x467) /* 40:67, offset and segment */
#define END_OF_INTERRUPT 0x20

enum {
    SHUTDOWN_JUMP_WITH_EOI = 0x05,
    SHUTDOWN_JUMP = 0x0A,
};

static bool resumes(uint8_t code)
{
    return code == SHUTDOWN_JUMP_WITH_EOI || code == SHUTDOWN_JUMP;
}

bool warm_reset_begin(struct vm *vm)
{
    lock_acquire(&vm->lock);
    bool resuming = resumes(cmos_shutdown_code(&vm->cmos));
    lock_release(&vm->lock);
    for (unsigned i = 0; resuming && i < vm->vcpu_count; i++)
        machine_request(vm->vcpus[i]->cpu, REQUEST_INIT);
    return resuming;
}

static uint8_t take_code(struct vm *vm)
{
    lock_acquire(&vm->lock);
    uint8_t code = cmos_shutdown_code(&vm->cmos);
    cmos_clear_shutdown_code(&vm->cmos);
    if (code == SHUTDOWN_JUMP_WITH_EOI) {
        pic_write(&vm->pic, GUEST_PORT_PIC_SLAVE, END_OF_INTERRUPT);
        pic_write(&vm->pic, GUEST_PORT_PIC_MASTER, END_OF_INTERRUPT);
    }
    lock_release(&vm->lock);
    return code;
}

bool warm_reset_take(struct vm *vm, struct real_address *to)
{
    uint8_t bytes[4];

    if (!resumes(take_code(vm)))
        return false;
    if (!guest_memory_read(&vm->memory, bytes, RESUME_ADDRESS, sizeof bytes))
        return false;
    *to = (struct real_address){ .offset = little_16(bytes), .segment = little_16(bytes + 2) };
    return true;
}
