/* SPDX-License-Identifier: MIT
 *
 * See i8042.h. IBM Personal System/2 Hardware Interface Technical Reference,
 * "Keyboard and Auxiliary Device Controller"; port 92h as there, "System Control
 * Port A". Bits of the output port that drive nothing here read as 1.
 */
#include "hv/i8042.h"

#include "hv/guest_ports.h"
#include "hv/irq.h"
#include "hv/log.h"
#include "hv/vm.h"

enum {
    STATUS_OUTPUT_FULL = 1u << 0,
    STATUS_SYSTEM = 1u << 2, /* its self-test has passed */
    STATUS_COMMAND = 1u << 3, /* the last byte was written to 64h */
    STATUS_NOT_LOCKED = 1u << 4,
    STATUS_AUXILIARY = 1u << 5, /* the output is the mouse's */
    STATUS_TIMEOUT = 1u << 6,
    STATUS_OF_OUTPUT = STATUS_OUTPUT_FULL | STATUS_AUXILIARY | STATUS_TIMEOUT,
};

enum {
    CONFIG_KEYBOARD_INTERRUPT = 1u << 0,
    CONFIG_AUXILIARY_INTERRUPT = 1u << 1,
    CONFIG_SYSTEM = 1u << 2,
    CONFIG_KEYBOARD_OFF = 1u << 4,
    CONFIG_AUXILIARY_OFF = 1u << 5,
    CONFIG_TRANSLATE = 1u << 6,
};

enum {
    COMMAND_READ_RAM = 0x20,  /* to 3Fh: the byte's number */
    COMMAND_WRITE_RAM = 0x60, /* to 7Fh */
    COMMAND_AUXILIARY_OFF = 0xA7,
    COMMAND_AUXILIARY_ON = 0xA8,
    COMMAND_AUXILIARY_TEST = 0xA9,
    COMMAND_SELF_TEST = 0xAA,
    COMMAND_KEYBOARD_TEST = 0xAB,
    COMMAND_KEYBOARD_OFF = 0xAD,
    COMMAND_KEYBOARD_ON = 0xAE,
    COMMAND_READ_INPUT_PORT = 0xC0,
    COMMAND_READ_OUTPUT_PORT = 0xD0,
    COMMAND_WRITE_OUTPUT_PORT = 0xD1,
    COMMAND_WRITE_KEYBOARD_OUTPUT = 0xD2,
    COMMAND_WRITE_AUXILIARY_OUTPUT = 0xD3,
    COMMAND_WRITE_AUXILIARY = 0xD4,
    COMMAND_PULSE = 0xF0, /* to FFh: a 0 in bits 3:0 pulses that output line low */
    RAM_MASK = I8042_RAM_BYTES - 1,
};

enum {
    OUTPUT_NOT_RESET = 1u << 0,
    OUTPUT_A20 = 1u << 1,
    OUTPUT_KEYBOARD_FULL = 1u << 4,
    OUTPUT_AUXILIARY_FULL = 1u << 5,
    OUTPUT_OTHERS = 0xCC,
    INPUT_NOT_LOCKED = 1u << 7,

    CONTROL_A_RESET = 1u << 0,
    CONTROL_A_A20 = 1u << 1,

    SELF_TEST_PASSED = 0x55,
    NO_ERROR = 0x00,
    RESEND = 0xFE,
};

/* As firmware leaves it that has found no keyboard. */
void i8042_init(struct i8042 *i8042)
{
    *i8042 = (struct i8042){
        .status = STATUS_SYSTEM | STATUS_NOT_LOCKED,
        .a20_said = i8042->a20_said,
        .ram = { CONFIG_SYSTEM | CONFIG_KEYBOARD_OFF | CONFIG_AUXILIARY_OFF | CONFIG_TRANSLATE },
    };
}

static void move_lines(struct vm *vm)
{
    const struct i8042 *i8042 = &vm->i8042;
    bool full = i8042->status & STATUS_OUTPUT_FULL;
    bool auxiliary = i8042->status & STATUS_AUXILIARY;
    uint8_t config = i8042->ram[0];

    irq_set_line(vm, GUEST_IRQ_KEYBOARD,
                 full && !auxiliary && (config & CONFIG_KEYBOARD_INTERRUPT));
    irq_set_line(vm, GUEST_IRQ_MOUSE, full && auxiliary && (config & CONFIG_AUXILIARY_INTERRUPT));
}

/* A byte in the output buffer takes the place of one that nobody has read; each
 * one is an edge. */
static void put(struct vm *vm, uint8_t byte, uint8_t flags)
{
    struct i8042 *i8042 = &vm->i8042;

    i8042->status &= (uint8_t)~STATUS_OF_OUTPUT;
    move_lines(vm);
    i8042->data = byte;
    i8042->status |= (uint8_t)(STATUS_OUTPUT_FULL | flags);
    move_lines(vm);
}

static uint8_t take(struct vm *vm)
{
    vm->i8042.status &= (uint8_t)~STATUS_OF_OUTPUT;
    move_lines(vm);
    return vm->i8042.data;
}

uint8_t i8042_read(struct vm *vm, uint16_t port)
{
    switch (port) {
    case GUEST_PORT_I8042_DATA:
        return take(vm);
    case GUEST_PORT_I8042_COMMAND:
        return vm->i8042.status;
    default:
        return CONTROL_A_A20;
    }
}

static void want_a20(struct vm *vm, bool on)
{
    if (on || vm->i8042.a20_said)
        return;
    vm->i8042.a20_said = true;
    log_line(LOG_WARNING, "%s: masked address line 20, which stays on", vm->config->name);
}

static enum platform_event write_output_port(struct vm *vm, uint8_t value)
{
    want_a20(vm, value & OUTPUT_A20);
    return value & OUTPUT_NOT_RESET ? PLATFORM_NOTHING : PLATFORM_RESET_KEYBOARD;
}

static uint8_t output_port(const struct i8042 *i8042)
{
    uint8_t full = 0;

    if (i8042->status & STATUS_OUTPUT_FULL)
        full = i8042->status & STATUS_AUXILIARY ? OUTPUT_AUXILIARY_FULL : OUTPUT_KEYBOARD_FULL;
    return OUTPUT_OTHERS | OUTPUT_A20 | OUTPUT_NOT_RESET | full;
}

static void write_ram(struct vm *vm, unsigned index, uint8_t value)
{
    struct i8042 *i8042 = &vm->i8042;

    i8042->ram[index] = value;
    if (index != 0)
        return;
    i8042->status &= (uint8_t)~STATUS_SYSTEM;
    if (value & CONFIG_SYSTEM)
        i8042->status |= STATUS_SYSTEM;
    move_lines(vm);
}

static void set_config(struct vm *vm, uint8_t bits, bool on)
{
    write_ram(vm, 0, (uint8_t)(on ? vm->i8042.ram[0] | bits : vm->i8042.ram[0] & ~bits));
}

/* A byte for the command that waits for one; else it is for the keyboard. */
static enum platform_event write_data(struct vm *vm, uint8_t value)
{
    unsigned command = vm->i8042.command;

    vm->i8042.command = 0;
    vm->i8042.status &= (uint8_t)~STATUS_COMMAND;
    if (command >= COMMAND_WRITE_RAM && command <= COMMAND_WRITE_RAM + RAM_MASK)
        write_ram(vm, command & RAM_MASK, value);
    else if (command == COMMAND_WRITE_OUTPUT_PORT)
        return write_output_port(vm, value);
    else if (command == COMMAND_WRITE_KEYBOARD_OUTPUT)
        put(vm, value, 0);
    else if (command == COMMAND_WRITE_AUXILIARY_OUTPUT)
        put(vm, value, STATUS_AUXILIARY);
    else if (command == COMMAND_WRITE_AUXILIARY)
        put(vm, RESEND, STATUS_AUXILIARY | STATUS_TIMEOUT);
    else
        put(vm, RESEND, STATUS_TIMEOUT);
    return PLATFORM_NOTHING;
}

static void self_test(struct vm *vm)
{
    set_config(vm, CONFIG_KEYBOARD_INTERRUPT | CONFIG_AUXILIARY_INTERRUPT, false);
    set_config(vm, CONFIG_SYSTEM | CONFIG_KEYBOARD_OFF | CONFIG_AUXILIARY_OFF, true);
    put(vm, SELF_TEST_PASSED, 0);
}

/* What is no command is ignored. Those that want data wait for it. */
static void obey(struct vm *vm, unsigned command)
{
    switch (command) {
    case COMMAND_AUXILIARY_OFF: set_config(vm, CONFIG_AUXILIARY_OFF, true); return;
    case COMMAND_AUXILIARY_ON: set_config(vm, CONFIG_AUXILIARY_OFF, false); return;
    case COMMAND_KEYBOARD_OFF: set_config(vm, CONFIG_KEYBOARD_OFF, true); return;
    case COMMAND_KEYBOARD_ON: set_config(vm, CONFIG_KEYBOARD_OFF, false); return;
    case COMMAND_SELF_TEST: self_test(vm); return;
    case COMMAND_AUXILIARY_TEST:
    case COMMAND_KEYBOARD_TEST: put(vm, NO_ERROR, 0); return;
    case COMMAND_READ_INPUT_PORT: put(vm, INPUT_NOT_LOCKED, 0); return;
    case COMMAND_READ_OUTPUT_PORT: put(vm, output_port(&vm->i8042), 0); return;
    }
    if (command >= COMMAND_READ_RAM && command <= COMMAND_READ_RAM + RAM_MASK)
        put(vm, vm->i8042.ram[command & RAM_MASK], 0);
}

static enum platform_event write_command(struct vm *vm, uint8_t value)
{
    vm->i8042.status |= STATUS_COMMAND;
    vm->i8042.command = value;
    if (value >= COMMAND_PULSE)
        return value & OUTPUT_NOT_RESET ? PLATFORM_NOTHING : PLATFORM_RESET_KEYBOARD;
    obey(vm, value);
    return PLATFORM_NOTHING;
}

enum platform_event i8042_write(struct vm *vm, uint16_t port, uint8_t value)
{
    switch (port) {
    case GUEST_PORT_I8042_DATA:
        return write_data(vm, value);
    case GUEST_PORT_I8042_COMMAND:
        return write_command(vm, value);
    default:
        want_a20(vm, value & CONTROL_A_A20);
        return value & CONTROL_A_RESET ? PLATFORM_RESET_FAST : PLATFORM_NOTHING;
    }
}
