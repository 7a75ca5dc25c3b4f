/* SPDX-License-Identifier: MIT
 *
 * See i8042.h. IBM Personal System/2 Hardware Interface Technical Reference,
 * "Keyboard and Auxiliary Device Controller".
 */
#include "drivers/i8042.h"

#include <stdint.h>

#include "arch/insn.h"

enum { DATA = 0x60, STATUS = 0x64, COMMAND = 0x64 };

enum {
    STATUS_OUTPUT_FULL = 1u << 0,
    STATUS_INPUT_FULL = 1u << 1,
    STATUS_FROM_MOUSE = 1u << 5,
};

enum {
    COMMAND_READ_MODE = 0x20,
    COMMAND_WRITE_MODE = 0x60,
    COMMAND_MOUSE_OFF = 0xA7,
    COMMAND_KEYBOARD_OFF = 0xAD,
    COMMAND_KEYBOARD_ON = 0xAE,
};

enum {
    MODE_KEYBOARD_INTERRUPT = 1u << 0,
    MODE_MOUSE_INTERRUPT = 1u << 1,
    MODE_KEYBOARD_OFF = 1u << 4,
    MODE_MOUSE_OFF = 1u << 5,
    MODE_TRANSLATE = 1u << 6, /* to scan code set 1 */
};

enum { KEYBOARD_DEFAULTS = 0xF6, KEYBOARD_SCAN = 0xF4, KEYBOARD_ACKNOWLEDGE = 0xFA };

#define ABSENT 0xFF
#define POLLS_MAX 200000u /* a port read takes about a microsecond */
#define FLUSH_MAX 64u     /* more than controller and keyboard keep */
#define MOUSE_BYTES_MAX 64u

static bool wait_for(uint8_t mask, uint8_t value)
{
    for (unsigned i = 0; i < POLLS_MAX; i++)
        if ((in8(STATUS) & mask) == value)
            return true;
    return false;
}

static bool write(uint16_t port, uint8_t value)
{
    if (!wait_for(STATUS_INPUT_FULL, 0))
        return false;
    out8(port, value);
    return true;
}

static void flush(void)
{
    for (unsigned i = 0; i < FLUSH_MAX && (in8(STATUS) & STATUS_OUTPUT_FULL) != 0; i++)
        (void)in8(DATA);
}

static bool set_mode(void)
{
    if (!write(COMMAND, COMMAND_READ_MODE) || !wait_for(STATUS_OUTPUT_FULL, STATUS_OUTPUT_FULL))
        return false;
    uint8_t mode = in8(DATA);
    mode |= MODE_KEYBOARD_INTERRUPT | MODE_MOUSE_OFF | MODE_TRANSLATE;
    mode &= (uint8_t)~(MODE_MOUSE_INTERRUPT | MODE_KEYBOARD_OFF);
    return write(COMMAND, COMMAND_WRITE_MODE) && write(DATA, mode);
}

/* Keys that come before the answer are lost with it. */
static bool tell_keyboard(uint8_t command)
{
    if (!write(DATA, command))
        return false;
    for (unsigned i = 0; i < FLUSH_MAX; i++) {
        if (!wait_for(STATUS_OUTPUT_FULL, STATUS_OUTPUT_FULL))
            return false;
        if (in8(DATA) == KEYBOARD_ACKNOWLEDGE)
            return true;
    }
    return false;
}

enum host_i8042_status host_i8042_init(void)
{
    if (in8(STATUS) == ABSENT)
        return HOST_I8042_ABSENT;
    if (!write(COMMAND, COMMAND_KEYBOARD_OFF) || !write(COMMAND, COMMAND_MOUSE_OFF))
        return HOST_I8042_ABSENT;
    flush();
    if (!set_mode() || !write(COMMAND, COMMAND_KEYBOARD_ON))
        return HOST_I8042_ABSENT;
    bool answers = tell_keyboard(KEYBOARD_DEFAULTS) && tell_keyboard(KEYBOARD_SCAN);
    return answers ? HOST_I8042_READY : HOST_I8042_NO_KEYBOARD;
}

bool host_i8042_waits(void)
{
    uint8_t status = in8(STATUS);
    return status != ABSENT && (status & STATUS_OUTPUT_FULL) != 0;
}

int host_i8042_read(void)
{
    for (unsigned i = 0; i < MOUSE_BYTES_MAX; i++) {
        uint8_t status = in8(STATUS);
        if (status == ABSENT || (status & STATUS_OUTPUT_FULL) == 0)
            return -1;
        uint8_t code = in8(DATA);
        if ((status & STATUS_FROM_MOUSE) == 0)
            return code;
    }
    return -1;
}
