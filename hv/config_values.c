/* SPDX-License-Identifier: MIT
 *
 * See config_values.h: the values of [[vm]].
 */
#include "hv/config_values.h"

#include "hv/amount.h"
#include "hv/check.h"
#include "hv/config_parts.h"
#include "hv/config_words.h"
#include "hv/guest_ports.h"
#include "hv/text.h"

static const struct word_row vm_logs[] = {
    { "refused", false },
    { "learn", true },
};

static const struct word_row guest_kinds[] = {
    { "linux", GUEST_KIND_LINUX },
    { "multiboot", GUEST_KIND_MULTIBOOT },
    { "multiboot2", GUEST_KIND_MULTIBOOT2 },
    { "pvh", GUEST_KIND_PVH },
    { "flat", GUEST_KIND_FLAT },
};

static const struct word_row entry_modes[] = {
    { "real", ENTRY_REAL },
    { "protected", ENTRY_PROTECTED },
    { "long", ENTRY_LONG },
};

static const struct word_row starts[] = { { "auto", false }, { "manual", true } };

static const struct word_row restart_policies[] = {
    { "never", RESTART_NEVER },
    { "on-reset", RESTART_ON_RESET },
    { "on-crash", RESTART_ON_CRASH },
    { "always", RESTART_ALWAYS },
};

static const struct word_row restart_thens[] = {
    { "stop", RESTART_THEN_STOP },
    { "poweroff", RESTART_THEN_POWEROFF },
    { "reboot", RESTART_THEN_REBOOT },
};

static bool is_small_letter_or_digit(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9');
}

static bool is_name(const char *text)
{
    size_t length = strlen(text);
    bool good = length > 0 && length < CONFIG_NAME_SIZE;

    for (size_t i = 0; i < length && good; i++)
        good = is_small_letter_or_digit(text[i]) || text[i] == '-';
    return good;
}

static void set_name(struct vm_config *vm, const struct toml_value *value,
                     struct findings *findings)
{
    if (is_name(value->string))
        text_copy(vm->name, sizeof(vm->name), value->string);
    else
        REPORT("\"%s\" is not a name; use 1 to %u small letters, digits and -", shown(value).text,
               (unsigned)sizeof(vm->name) - 1);
}

static void set_cpu_count(struct vm_config *vm, const struct toml_value *value,
                          struct findings *findings)
{
    if (value->integer >= 1 && value->integer <= CONFIG_VCPUS_MAX)
        vm->cpu_count = (uint32_t)value->integer;
    else if (value->integer == 0)
        REPORT("a guest cannot have 0 CPUs; write 1 to %u, or [0] for the CPU of that number",
               CONFIG_VCPUS_MAX);
    else
        REPORT("a guest cannot have %lld CPUs; write 1 to %u", (long long)value->integer,
               CONFIG_VCPUS_MAX);
}

static bool is_listed(const struct vm_config *vm, int64_t cpu)
{
    for (uint32_t i = 0; i < vm->cpu_count; i++)
        if (vm->cpus[i] == cpu)
            return true;
    return false;
}

void config_add_cpu(struct vm_config *vm, const struct toml_value *value,
                    struct findings *findings)
{
    vm->cpus_listed = true;
    if (value->type != TOML_INTEGER) {
        REPORT("a list of CPUs holds numbers without quotes; write it as in [0, 1]");
    } else if (value->integer < 0 || value->integer >= CONFIG_CPUS_MAX) {
        REPORT("%lld is not a CPU's number; CPUs are numbered 0 to %u at most",
               (long long)value->integer, CONFIG_CPUS_MAX - 1);
    } else if (is_listed(vm, value->integer)) {
        REPORT("CPU %u is listed twice; remove one of the two", (unsigned)value->integer);
    } else if (vm->cpu_count == CONFIG_VCPUS_MAX) {
        REPORT("a guest can have at most %u CPUs; remove CPU %u", CONFIG_VCPUS_MAX,
               (unsigned)value->integer);
    } else {
        vm->cpu_at[vm->cpu_count] = value->place;
        vm->cpus[vm->cpu_count++] = (uint16_t)value->integer;
    }
}

static void set_memory(struct vm_config *vm, const struct toml_value *value,
                       struct findings *findings)
{
    uint64_t bytes = 0;
    enum amount_status status = amount_read(value->string, CONFIG_MEMORY_MAX, &bytes);

    if (status == AMOUNT_MALFORMED)
        REPORT("\"%s\" is not an amount of memory; write a number and M or G, as in \"256M\" or "
               "\"1G\"", shown(value).text);
    else if (status == AMOUNT_TOO_LARGE)
        REPORT("\"%s\" is more than a guest can have; write at most \"%lluG\"", shown(value).text,
               (unsigned long long)(CONFIG_MEMORY_MAX / GIB(1)));
    else if (bytes < CONFIG_MEMORY_MIN)
        REPORT("\"%s\" is too little for a guest; write at least \"%lluM\"", shown(value).text,
               (unsigned long long)(CONFIG_MEMORY_MIN / MIB(1)));
    else if (bytes % CONFIG_MEMORY_STEP != 0)
        REPORT("\"%s\" is not a multiple of 2 MiB; write \"%lluM\" or \"%lluM\"",
               shown(value).text,
               (unsigned long long)(align_down(bytes, CONFIG_MEMORY_STEP) / MIB(1)),
               (unsigned long long)(align_up(bytes, CONFIG_MEMORY_STEP) / MIB(1)));
    else
        vm->memory_bytes = bytes;
}

static bool is_image_character(char character)
{
    return is_small_letter_or_digit(character) || (character >= 'A' && character <= 'Z') ||
           character == '.' || character == '_' || character == '+' || character == '-' ||
           character == '~';
}

/* An image's name is a word in GRUB's menu and a file beside the configuration. */
static void set_image(char image[static CONFIG_IMAGE_SIZE], const struct toml_value *value,
                      size_t length, struct findings *findings)
{
    bool good = length > 0 && length < CONFIG_IMAGE_SIZE;

    for (size_t i = 0; i < length && good; i++)
        good = is_image_character(value->string[i]);
    if (good) {
        memcpy(image, value->string, length);
        image[length] = '\0';
    } else {
        REPORT("\"%s\" is not an image's name; use 1 to %u letters, digits and . _ + - ~, without "
               "a folder", excerpt(value->string, length).text, CONFIG_IMAGE_SIZE - 1);
    }
}

static void set_kind(struct vm_config *vm, const struct toml_value *value,
                     struct findings *findings)
{
    const struct word_row *row = find_word(guest_kinds, COUNT(guest_kinds), value->string);

    if (row != NULL) {
        vm->kind = (enum guest_kind)row->value;
        return;
    }
    vm->start_wrong = true;
    REPORT("\"%s\" is not a kernel's format; write \"linux\", \"multiboot\", \"multiboot2\", "
           "\"pvh\" or \"flat\"", shown(value).text);
}

static void set_mode(struct vm_config *vm, const struct toml_value *value,
                     struct findings *findings)
{
    const struct word_row *row = find_word(entry_modes, COUNT(entry_modes), value->string);

    if (row != NULL) {
        vm->flat.mode = (enum entry_mode)row->value;
        return;
    }
    vm->start_wrong = true;
    REPORT("\"%s\" is not a mode; write \"real\", \"protected\" or \"long\"", shown(value).text);
}

static void set_address(struct vm_config *vm, uint64_t *address, const struct toml_value *value,
                        struct findings *findings)
{
    if (value->integer >= 0 && value->integer <= UINT32_MAX) {
        *address = (uint64_t)value->integer;
        return;
    }
    vm->start_wrong = true;
    REPORT("%lld is not an address below 4 GiB; write one as in 0x100000",
           (long long)value->integer);
}

/* A command line is one line of text. */
static bool check_line(const struct toml_value *value, struct findings *findings)
{
    for (size_t i = 0; value->string[i] != '\0'; i++) {
        unsigned character = (uint8_t)value->string[i];
        if (character < ' ' || character == 0x7f) {
            REPORT("a command line cannot hold control character %02Xh; put a space there",
                   character);
            return false;
        }
    }
    return true;
}

/* "file arguments ...": what follows the first space is the module's. */
static void set_module(struct vm_config *vm, struct config_module *module,
                       const struct toml_value *value, struct findings *findings)
{
    size_t length = 0;

    while (value->string[length] != '\0' && value->string[length] != ' ')
        length++;
    const char *arguments = value->string + length + (value->string[length] == ' ');
    size_t bytes = strlen(arguments) + 1;

    if (bytes > sizeof(vm->modules_text) - vm->modules_text_used) {
        REPORT("the command lines of the modules have more than %u characters together; shorten "
               "them", (unsigned)sizeof(vm->modules_text));
        return;
    }
    module->string = (uint16_t)vm->modules_text_used;
    memcpy(vm->modules_text + vm->modules_text_used, arguments, bytes);
    vm->modules_text_used += (uint32_t)bytes;
    set_image(module->file, value, length, findings);
}

void config_add_module(struct vm_config *vm, const struct toml_value *value,
                       struct findings *findings)
{
    if (value->type != TOML_STRING) {
        REPORT("a list of modules holds strings, a file's name and its command line; write it as "
               "in [\"root.img\", \"settings quiet\"]");
    } else if (vm->module_count == GUEST_MODULES_MAX) {
        REPORT("a guest can have at most %u modules; remove this one", GUEST_MODULES_MAX);
    } else if (check_line(value, findings)) {
        struct config_module *module = &vm->modules[vm->module_count++];
        module->at = value->place;
        set_module(vm, module, value, findings);
    }
}

static void set_cmdline(struct vm_config *vm, const struct toml_value *value,
                        struct findings *findings)
{
    _Static_assert(sizeof(vm->cmdline) >= TOML_STRING_SIZE, "a string is never cut");

    if (check_line(value, findings))
        text_copy(vm->cmdline, sizeof(vm->cmdline), value->string);
}

static void set_port(uint16_t *port, const struct toml_value *value, struct findings *findings)
{
    if (value->integer < 1 || value->integer > UINT16_MAX)
        REPORT("%lld is not a port; write a number from 1 to 0xffff, as in 0x501",
               (long long)value->integer);
    else if (guest_port_is_taken((uint16_t)value->integer))
        REPORT("port 0x%llx is not free: a device of the guest is there, or kernels look there; "
               "write another one, as in 0x501",
               (unsigned long long)value->integer);
    else
        *port = (uint16_t)value->integer;
}

static bool is_after(const struct vm_config *vm, const char *name)
{
    for (uint32_t i = 0; i < vm->after_count; i++)
        if (text_equal(vm->after_names[i].name, name))
            return true;
    return false;
}

void config_add_after(struct vm_config *vm, const struct toml_value *value,
                      struct findings *findings)
{
    if (value->type != TOML_STRING) {
        REPORT("a list of guests holds their names; write it as in [\"web\"]");
    } else if (!is_name(value->string)) {
        REPORT("\"%s\" is not a guest's name; write it as in [\"web\"]", shown(value).text);
    } else if (is_after(vm, value->string)) {
        REPORT("guest \"%s\" is listed twice; remove one of the two", value->string);
    } else if (vm->after_count == CONFIG_VMS_MAX) {
        REPORT("there are at most %u guests; remove \"%s\"", CONFIG_VMS_MAX, value->string);
    } else {
        struct config_after *after = &vm->after_names[vm->after_count++];
        after->at = value->place;
        text_copy(after->name, sizeof(after->name), value->string);
    }
}

static void set_ready(struct vm_config *vm, const struct toml_value *value,
                      struct findings *findings)
{
    size_t length = strlen(value->string);
    bool good = length > 0 && length < sizeof(vm->ready);

    for (size_t i = 0; i < length && good; i++)
        good = (uint8_t)value->string[i] >= ' ' && value->string[i] != 0x7f;
    if (good)
        text_copy(vm->ready, sizeof(vm->ready), value->string);
    else
        REPORT("\"%s\" is not part of a line; write 1 to %u bytes without control characters",
               shown(value).text, (unsigned)sizeof(vm->ready) - 1);
}

static void set_start(struct vm_config *vm, const struct toml_value *value,
                      struct findings *findings)
{
    const struct word_row *row = find_word(starts, COUNT(starts), value->string);

    if (row != NULL)
        vm->start_manual = row->value;
    else
        REPORT("\"%s\" is no way to start a guest; write \"auto\" or \"manual\"",
               shown(value).text);
}

static void set_restart(struct vm_config *vm, const struct toml_value *value,
                        struct findings *findings)
{
    const struct word_row *row = find_word(restart_policies, COUNT(restart_policies),
                                           value->string);

    if (row != NULL)
        vm->restart.policy = (enum restart_policy)row->value;
    else
        REPORT("\"%s\" does not say when the guest starts again; write \"never\", "
               "\"on-reset\", \"on-crash\" or \"always\"", shown(value).text);
}

static void set_restart_limit(struct vm_config *vm, const struct toml_value *value,
                              struct findings *findings)
{
    struct restart_rule *rule = &vm->restart;

    if (!restart_limit_read(value->string, &rule->limit, &rule->seconds))
        REPORT("\"%s\" is not a limit; write how many starts, at most %u, in how many seconds, "
               "at most %u, as in \"3 in 60s\"", shown(value).text, RESTART_LIMIT_MAX,
               RESTART_SECONDS_MAX);
}

static void set_restart_then(struct vm_config *vm, const struct toml_value *value,
                             struct findings *findings)
{
    const struct word_row *row = find_word(restart_thens, COUNT(restart_thens), value->string);

    if (row != NULL)
        vm->restart.then = (enum restart_then)row->value;
    else
        REPORT("\"%s\" is nothing that can follow; write \"stop\", \"poweroff\" or "
               "\"reboot\"", shown(value).text);
}

static void set_watchdog(struct vm_config *vm, const struct toml_value *value)
{
    vm->watchdog = value->boolean;
    vm->restart.watched |= vm->watchdog;
}

static void set_watchdog_silence(struct vm_config *vm, const struct toml_value *value,
                                 struct findings *findings)
{
    vm->restart.watched = true;
    if (!restart_seconds_read(value->string, &vm->silence_seconds))
        REPORT("\"%s\" is no time; write a number of seconds from 1 to %u, as in \"30s\"",
               shown(value).text, RESTART_SECONDS_MAX);
}

static void set_vm_log(struct vm_config *vm, const struct toml_value *value,
                       struct findings *findings)
{
    const struct word_row *row = find_word(vm_logs, COUNT(vm_logs), value->string);

    if (row != NULL)
        vm->learns = row->value;
    else
        REPORT("\"%s\" is nothing that is logged of a guest; write \"refused\" or \"learn\"",
               shown(value).text);
}

void config_set_vm(struct vm_config *vm, enum vm_key key, const struct toml_value *value,
                   struct findings *findings)
{
    switch (key) {
    case VM_NAME:
        set_name(vm, value, findings);
        return;
    case VM_CPUS:
        set_cpu_count(vm, value, findings);
        return;
    case VM_MEMORY:
        set_memory(vm, value, findings);
        return;
    case VM_KERNEL:
        set_image(vm->kernel, value, strlen(value->string), findings);
        return;
    case VM_FORMAT:
        set_kind(vm, value, findings);
        return;
    case VM_INITRD:
        set_image(vm->initrd, value, strlen(value->string), findings);
        return;
    case VM_MODULES:
    case VM_DEVICES:
    case VM_PORTS:
    case VM_IRQS:
    case VM_MMIO:
        CHECK(!"comes element by element");
        return;
    case VM_CMDLINE:
        set_cmdline(vm, value, findings);
        return;
    case VM_LOAD_ADDRESS:
        set_address(vm, &vm->flat.load_address, value, findings);
        return;
    case VM_ENTRY:
        set_address(vm, &vm->flat.entry, value, findings);
        return;
    case VM_MODE:
        set_mode(vm, value, findings);
        return;
    case VM_CONSOLE:
        vm->console = value->boolean;
        return;
    case VM_MANAGER:
        vm->manager = value->boolean;
        return;
    case VM_EXIT_PORT:
        set_port(&vm->exit_port, value, findings);
        return;
    case VM_START:
        set_start(vm, value, findings);
        return;
    case VM_AFTER:
        CHECK(!"comes element by element");
        return;
    case VM_READY:
        set_ready(vm, value, findings);
        return;
    case VM_READY_PORT:
        set_port(&vm->ready_port, value, findings);
        return;
    case VM_RESTART:
        set_restart(vm, value, findings);
        return;
    case VM_RESTART_LIMIT:
        set_restart_limit(vm, value, findings);
        return;
    case VM_RESTART_THEN:
        set_restart_then(vm, value, findings);
        return;
    case VM_WATCHDOG:
        set_watchdog(vm, value);
        return;
    case VM_WATCHDOG_SILENCE:
        set_watchdog_silence(vm, value, findings);
        return;
    case VM_LOG:
        set_vm_log(vm, value, findings);
        return;
    case VM_LARGE_PAGES:
        vm->large_pages = value->boolean;
        return;
    case VM_DMA:
        config_set_dma(&vm->parts, value, findings);
        return;
    case VM_KEY_COUNT:
        break;
    }
    CHECK(!"a key of [[vm]]");
}
