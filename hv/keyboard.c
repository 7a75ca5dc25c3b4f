/* SPDX-License-Identifier: MIT
 *
 * See keyboard.h. IBM Personal System/2 Hardware Interface Technical Reference,
 * "Keyboards (101- and 102-Key)", "Scan Code Set 1 (System) Scan Code Tables".
 */
#include "hv/keyboard.h"

enum {
    CODE_OVERRUN_1 = 0x00,
    CODE_OVERRUN_2 = 0xFF,
    CODE_EXTENDED = 0xE0,
    CODE_PAUSE = 0xE1,
    CODE_RELEASED = 0x80, /* in the code of a key */
    PAUSE_CODES = 2,      /* behind each E1h */
};

enum {
    KEY_CONTROL = 0x1D,
    KEY_SHIFT_LEFT = 0x2A,
    KEY_SLASH = 0x35,
    KEY_SHIFT_RIGHT = 0x36,
    KEY_ALT = 0x38,
    KEY_CAPS_LOCK = 0x3A,
};

#define ESCAPE 0x1B
#define PLAIN_KEYS 0x3A /* have a character */

static const char plain[PLAIN_KEYS + 1] =
    "\0\x1b" "1234567890-=\x7f" "\tqwertyuiop[]\r" "\0asdfghjkl;'`" "\0\\zxcvbnm,./\0*\0 ";
static const char shifted[PLAIN_KEYS + 1] =
    "\0\x1b" "!@#$%^&*()_+\x7f" "\tQWERTYUIOP{}\r" "\0ASDFGHJKL:\"~" "\0|ZXCVBNM<>?\0*\0 ";

#define KEYPAD_FIRST 0x47
static const char keypad[] = "789-456+1230.";

/* Behind ESC: of the keys without E0h, and of those with. */
struct special {
    uint8_t key;
    char sequence[5];
};
static const struct special functions[] = {
    { 0x3B, "OP" }, { 0x3C, "OQ" }, { 0x3D, "OR" }, { 0x3E, "OS" }, { 0x3F, "[15~" },
    { 0x40, "[17~" }, { 0x41, "[18~" }, { 0x42, "[19~" }, { 0x43, "[20~" }, { 0x44, "[21~" },
    { 0x57, "[23~" }, { 0x58, "[24~" },
};
static const struct special extended[] = {
    { 0x47, "[H" }, { 0x48, "[A" }, { 0x49, "[5~" }, { 0x4B, "[D" }, { 0x4D, "[C" },
    { 0x4F, "[F" }, { 0x50, "[B" }, { 0x51, "[6~" }, { 0x52, "[2~" }, { 0x53, "[3~" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void add(struct keyboard *keyboard, char byte)
{
    keyboard->bytes[keyboard->count++] = (uint8_t)byte;
}

static void add_special(struct keyboard *keyboard, const struct special *rows, unsigned count,
                        uint8_t key)
{
    for (unsigned i = 0; i < count; i++) {
        if (rows[i].key != key)
            continue;
        add(keyboard, ESCAPE);
        for (unsigned j = 0; rows[i].sequence[j] != '\0'; j++)
            add(keyboard, rows[i].sequence[j]);
        return;
    }
}

/* What Control makes of a character: 00h to 1Fh, or the character itself. */
static char with_control(char character)
{
    if (character >= '@' && character <= '~')
        return (char)(character & 0x1F);
    switch (character) {
    case ' ': case '2': return 0x00;
    case '6': return 0x1E;
    case '-': case '/': return 0x1F;
    default: return character;
    }
}

static void add_character(struct keyboard *keyboard, char character)
{
    if (character == '\0')
        return;
    if (keyboard->alt)
        add(keyboard, ESCAPE);
    bool control = keyboard->control[0] || keyboard->control[1];
    add(keyboard, control ? with_control(character) : character);
}

static void plain_key(struct keyboard *keyboard, uint8_t key)
{
    bool is_letter = plain[key] >= 'a' && plain[key] <= 'z';
    bool shift = keyboard->shift[0] || keyboard->shift[1];

    add_character(keyboard, shift != (is_letter && keyboard->caps_lock) ? shifted[key] : plain[key]);
}

static void pressed(struct keyboard *keyboard, uint8_t key, bool is_extended)
{
    if (is_extended && key == KEY_SLASH)
        add_character(keyboard, '/');
    else if (is_extended && key == 0x1C)
        add_character(keyboard, '\r');
    else if (is_extended)
        add_special(keyboard, extended, COUNT(extended), key);
    else if (key == KEY_CAPS_LOCK)
        keyboard->caps_lock = !keyboard->caps_lock;
    else if (key < PLAIN_KEYS)
        plain_key(keyboard, key);
    else if (key >= KEYPAD_FIRST && key < KEYPAD_FIRST + sizeof keypad - 1)
        add_character(keyboard, keypad[key - KEYPAD_FIRST]);
    else
        add_special(keyboard, functions, COUNT(functions), key);
}

/* Whether it is a key that is held with others. E0h with a shift's code is made
 * by the keyboard itself, around keys that were not on older ones. */
static bool held(struct keyboard *keyboard, uint8_t key, bool down, bool is_extended)
{
    switch (key) {
    case KEY_SHIFT_LEFT:
    case KEY_SHIFT_RIGHT:
        if (!is_extended)
            keyboard->shift[key == KEY_SHIFT_RIGHT] = down;
        return true;
    case KEY_CONTROL:
        keyboard->control[is_extended] = down;
        return true;
    case KEY_ALT:
        keyboard->alt = down;
        return true;
    default:
        return false;
    }
}

void keyboard_code(struct keyboard *keyboard, uint8_t code)
{
    bool is_extended = keyboard->extended;

    keyboard->count = keyboard->taken = 0;
    if (code == CODE_OVERRUN_1 || code == CODE_OVERRUN_2) {
        keyboard->overruns++;
        return;
    }
    if (keyboard->skip != 0) {
        keyboard->skip--;
        return;
    }
    if (code == CODE_PAUSE)
        keyboard->skip = PAUSE_CODES;
    keyboard->extended = code == CODE_EXTENDED;
    if (code == CODE_EXTENDED || code == CODE_PAUSE)
        return;
    uint8_t key = code & (uint8_t)~CODE_RELEASED;
    bool down = (code & CODE_RELEASED) == 0;
    if (!held(keyboard, key, down, is_extended) && down)
        pressed(keyboard, key, is_extended);
}

int keyboard_take(struct keyboard *keyboard)
{
    return keyboard->taken < keyboard->count ? keyboard->bytes[keyboard->taken++] : -1;
}
