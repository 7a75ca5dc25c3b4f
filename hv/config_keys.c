/* SPDX-License-Identifier: MIT
 *
 * Tables and keys. A row here is all that makes a key known, required and
 * typed; what its value means is in hv/config_values.h.
 */
#include "hv/config_keys.h"

#include "hv/check.h"
#include "hv/config.h"
#include "hv/text.h"

static const struct key_row hypervisor_rows[HYPERVISOR_KEY_COUNT] = {
    [HYPERVISOR_CONSOLE_PORT] = {
        "console_port", TAKES(TOML_STRING) | TAKES(TOML_INTEGER), false,
        "a port, as in \"com1\" or 0x3f8", "console_port = \"com1\"" },
    [HYPERVISOR_CONSOLE_SPEED] = {
        "console_speed", TAKES(TOML_INTEGER), false,
        "a number, as in 115200", "console_speed = 115200" },
    [HYPERVISOR_SCREEN] = {
        "screen", TAKES(TOML_BOOLEAN), false,
        "true or false", "screen = true" },
    [HYPERVISOR_LOG] = {
        "log", TAKES(TOML_STRING), false,
        "a string, as in \"info\"", "log = \"info\"" },
    [HYPERVISOR_INVENTORY] = {
        "inventory", TAKES(TOML_BOOLEAN), false,
        "true or false", "inventory = true" },
    [HYPERVISOR_WHEN_ALL_STOPPED] = {
        "when_all_stopped", TAKES(TOML_STRING), false,
        "a string, as in \"poweroff\"", "when_all_stopped = \"poweroff\"" },
    [HYPERVISOR_SELFTEST] = {
        "selftest", TAKES(TOML_STRING), false,
        "a string, as in \"vtd\"", "selftest = \"vtd\"" },
};

static const struct key_row vm_rows[VM_KEY_COUNT] = {
    [VM_NAME] = {
        "name", TAKES(TOML_STRING), true,
        "a string, as in \"web-1\"", "name = \"web-1\"" },
    [VM_CPUS] = {
        "cpus", TAKES(TOML_INTEGER) | TAKES(TOML_ARRAY), true,
        "a count, as in 2, or a list of CPU numbers, as in [0, 1]", "cpus = 1" },
    [VM_MEMORY] = {
        "memory", TAKES(TOML_STRING), true,
        "a string with a unit, as in \"256M\" or \"1G\"", "memory = \"256M\"" },
    [VM_KERNEL] = {
        "kernel", TAKES(TOML_STRING), true,
        "a string, as in \"vmlinuz\"", "kernel = \"vmlinuz\"" },
    [VM_FORMAT] = {
        "format", TAKES(TOML_STRING), false,
        "a string, as in \"multiboot\"", "format = \"multiboot\"" },
    [VM_INITRD] = {
        "initrd", TAKES(TOML_STRING), false,
        "a string, as in \"initrd.img\"", "initrd = \"initrd.img\"" },
    [VM_MODULES] = {
        "modules", TAKES(TOML_ARRAY), false,
        "a list of files, as in [\"root.img\", \"settings quiet\"]",
        "modules = [\"root.img\"]" },
    [VM_CMDLINE] = {
        "cmdline", TAKES(TOML_STRING), false,
        "a string, as in \"console=ttyS0\"", "cmdline = \"console=ttyS0\"" },
    [VM_LOAD_ADDRESS] = {
        "load_address", TAKES(TOML_INTEGER), false,
        "an address, as in 0x7c00", "load_address = 0x7c00" },
    [VM_ENTRY] = {
        "entry", TAKES(TOML_INTEGER), false,
        "an address, as in 0x7c00", "entry = 0x7c00" },
    [VM_MODE] = {
        "mode", TAKES(TOML_STRING), false,
        "a string, as in \"real\"", "mode = \"real\"" },
    [VM_CONSOLE] = {
        "console", TAKES(TOML_BOOLEAN), false,
        "true or false", "console = true" },
    [VM_MANAGER] = {
        "manager", TAKES(TOML_BOOLEAN), false,
        "true or false", "manager = true" },
    [VM_EXIT_PORT] = {
        "exit_port", TAKES(TOML_INTEGER), false,
        "a port, as in 0x501", "exit_port = 0x501" },
    [VM_START] = {
        "start", TAKES(TOML_STRING), false,
        "a string, as in \"manual\"", "start = \"manual\"" },
    [VM_AFTER] = {
        "after", TAKES(TOML_ARRAY), false,
        "a list of guests, as in [\"web\"]", "after = [\"web\"]" },
    [VM_READY] = {
        "ready", TAKES(TOML_STRING), false,
        "a string, as in \"login:\"", "ready = \"login:\"" },
    [VM_READY_PORT] = {
        "ready_port", TAKES(TOML_INTEGER), false,
        "a port, as in 0x510", "ready_port = 0x510" },
    [VM_RESTART] = {
        "restart", TAKES(TOML_STRING), false,
        "a string, as in \"on-crash\"", "restart = \"on-crash\"" },
    [VM_RESTART_LIMIT] = {
        "restart_limit", TAKES(TOML_STRING), false,
        "a string, as in \"3 in 60s\"", "restart_limit = \"3 in 60s\"" },
    [VM_RESTART_THEN] = {
        "restart_then", TAKES(TOML_STRING), false,
        "a string, as in \"stop\"", "restart_then = \"stop\"" },
    [VM_WATCHDOG] = {
        "watchdog", TAKES(TOML_BOOLEAN), false,
        "true or false", "watchdog = true" },
    [VM_WATCHDOG_SILENCE] = {
        "watchdog_silence", TAKES(TOML_STRING), false,
        "a string, as in \"30s\"", "watchdog_silence = \"30s\"" },
    [VM_LOG] = {
        "log", TAKES(TOML_STRING), false,
        "a string, as in \"learn\"", "log = \"learn\"" },
    [VM_LARGE_PAGES] = {
        "large_pages", TAKES(TOML_BOOLEAN), false,
        "true or false", "large_pages = true" },
    [VM_DEVICES] = {
        "devices", TAKES(TOML_ARRAY), false,
        "a list of PCI functions, as in [\"00:1f.2\"]", "devices = [\"00:1f.2\"]" },
    [VM_PORTS] = {
        "ports", TAKES(TOML_ARRAY), false,
        "a list of ports, as in [0x378, \"0x2f8-0x2ff\"]", "ports = [\"0x2f8-0x2ff\"]" },
    [VM_IRQS] = {
        "irqs", TAKES(TOML_ARRAY), false,
        "a list of numbers, as in [3]", "irqs = [3]" },
    [VM_MMIO] = {
        "mmio", TAKES(TOML_ARRAY), false,
        "a list of ranges, as in [\"0xfed00000-0xfed00fff\"]",
        "mmio = [\"0xfed00000-0xfed00fff\"]" },
    [VM_DMA] = {
        "dma", TAKES(TOML_STRING), false,
        "a string, \"unprotected\"", "dma = \"unprotected\"" },
};

struct key_rows config_keys(enum section section)
{
    switch (section) {
    case SECTION_HYPERVISOR:
        return (struct key_rows){ hypervisor_rows, HYPERVISOR_KEY_COUNT };
    case SECTION_VM:
        return (struct key_rows){ vm_rows, VM_KEY_COUNT };
    case SECTION_TOP:
    case SECTION_UNKNOWN:
        break;
    }
    return (struct key_rows){ NULL, 0 };
}

const char *config_section_header(enum section section)
{
    switch (section) {
    case SECTION_HYPERVISOR:
        return "[hypervisor]";
    case SECTION_VM:
        return "[[vm]]";
    case SECTION_TOP:
    case SECTION_UNKNOWN:
        break;
    }
    return "no table";
}

uint32_t config_key_find(enum section section, const char *name)
{
    struct key_rows keys = config_keys(section);

    for (uint32_t i = 0; i < keys.count; i++)
        if (text_equal(keys.rows[i].name, name))
            return i;
    return CONFIG_NO_KEY;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/*
 * The usual table of distances between prefixes, of which three rows are kept:
 * an exchange of neighbours looks back two.
 */
uint32_t edit_distance(const char *a, const char *b)
{
    uint32_t rows[3][EDIT_WORD_MAX + 1];
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);

    if (a_length > EDIT_WORD_MAX || b_length > EDIT_WORD_MAX)
        return UINT32_MAX;
    for (uint32_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (uint32_t i = 1; i <= a_length; i++) {
        uint32_t *row = rows[i % 3];
        const uint32_t *above = rows[(i - 1) % 3];

        row[0] = i;
        for (uint32_t j = 1; j <= b_length; j++) {
            uint32_t replaced = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = smaller(replaced, smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smaller(row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

/*
 * Two words resemble each other when one letter is wrong, from five letters on
 * every third, or when one begins with the other ("mem").
 */
static bool resembles(const char *name, const char *key, uint32_t distance)
{
    size_t length = strlen(name);

    if (length >= 3 && length < strlen(key) && memcmp(name, key, length) == 0)
        return true;
    if (length < 2 || distance == UINT32_MAX)
        return false;
    return distance <= (length < 5 ? 1 : (length + 1) / 3);
}

uint32_t config_key_nearest(enum section section, const char *name)
{
    struct key_rows keys = config_keys(section);
    uint32_t nearest = CONFIG_NO_KEY;
    uint32_t nearest_distance = UINT32_MAX;

    for (uint32_t i = 0; i < keys.count; i++) {
        uint32_t distance = edit_distance(name, keys.rows[i].name);

        if (distance < nearest_distance && resembles(name, keys.rows[i].name, distance)) {
            nearest = i;
            nearest_distance = distance;
        }
    }
    CHECK(nearest == CONFIG_NO_KEY || nearest < keys.count);
    return nearest;
}
