/* SPDX-License-Identifier: MIT
 *
 * Reads a configuration's text: which tables there are, which keys they have,
 * which are unknown, twice or missing. No value is looked into here.
 *
 * It goes on after each error. A table that is almost right is taken for what
 * it was meant to be, so that its keys are checked in the same round.
 */
#include "hv/config.h"

#include "hv/check.h"
#include "hv/config_keys.h"
#include "hv/config_parts.h"
#include "hv/config_values.h"
#include "hv/text.h"
#include "hv/toml.h"

struct reader {
    struct toml toml;
    struct toml_item item;
    struct config *config;
    struct findings *findings;
    enum section section;
    uint32_t misspelt; /* a bit for each key that an unknown one probably meant */
};

static void report(struct reader *reader, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void report(struct reader *reader, struct place place, const char *format, ...)
{
    char text[FINDING_TEXT_SIZE];
    va_list arguments;

    va_start(arguments, format);
    text_format_list(text, sizeof(text), format, arguments);
    va_end(arguments);
    findings_add(reader->findings, SEVERITY_ERROR, place, "", "%s", text);
}

static struct vm_config *current_vm(struct reader *reader)
{
    CHECK(reader->section == SECTION_VM && reader->config->vm_count > 0);
    return &reader->config->vms[reader->config->vm_count - 1];
}

/* Where the keys of the current table were given. */
static struct place *current_places(struct reader *reader)
{
    if (reader->section == SECTION_VM)
        return current_vm(reader)->at;
    CHECK(reader->section == SECTION_HYPERVISOR);
    return reader->config->hypervisor.at;
}

static void set_defaults(struct config *config)
{
    memset(config, 0, sizeof(*config));
    (void)console_place_read(&config->hypervisor.console, "com1");
    config->hypervisor.console_speed = 115200;
    config->hypervisor.screen = true;
    config->hypervisor.log = LOG_INFO;
    config->hypervisor.inventory = true;
    config->hypervisor.when_all_stopped = WHEN_ALL_STOPPED_WAIT;
}

static void report_missing(struct reader *reader)
{
    struct key_rows keys = config_keys(SECTION_VM);
    const struct vm_config *vm = current_vm(reader);

    for (uint32_t i = 0; i < keys.count; i++)
        if (keys.rows[i].required && vm->at[i].line == 0 && !(reader->misspelt & 1u << i))
            report(reader, vm->header, "\"%s\" is missing; add a line as in: %s",
                   keys.rows[i].name, keys.rows[i].example);
}

/* The current table ends before the current item. */
static void end_section(struct reader *reader)
{
    if (reader->section != SECTION_VM)
        return;
    report_missing(reader);
    const struct vm_config *vm = current_vm(reader);
    uint32_t end = reader->item.kind == TOML_END ? UINT32_MAX : reader->item.place.line - 1;
    findings_name_guest(reader->findings, vm->header.line, end, vm->name);
}

static void begin_hypervisor(struct reader *reader)
{
    struct hypervisor_config *hypervisor = &reader->config->hypervisor;

    reader->section = SECTION_HYPERVISOR;
    if (reader->item.kind == TOML_TABLE_ARRAY && !reader->item.faulty)
        report(reader, reader->item.place, "there is one hypervisor only; write [hypervisor]");
    if (hypervisor->header.line != 0)
        report(reader, reader->item.place,
               "[hypervisor] is already in line %u; put all of its keys there",
               hypervisor->header.line);
    else
        hypervisor->header = reader->item.place;
}

static void begin_vm(struct reader *reader)
{
    struct config *config = reader->config;

    if (reader->item.kind == TOML_TABLE && !reader->item.faulty)
        report(reader, reader->item.place, "there can be several guests; write [[vm]] for each");
    if (config->vm_count == CONFIG_VMS_MAX) {
        reader->section = SECTION_UNKNOWN;
        report(reader, reader->item.place, "this is one guest too many; %u are possible",
               CONFIG_VMS_MAX);
        return;
    }
    reader->section = SECTION_VM;
    struct vm_config *vm = &config->vms[config->vm_count++];
    vm->header = reader->item.place;
    vm->console = true;
}

static void begin_section(struct reader *reader)
{
    end_section(reader);
    reader->misspelt = 0;
    if (text_equal(reader->item.name, "hypervisor")) {
        begin_hypervisor(reader);
    } else if (text_equal(reader->item.name, "vm")) {
        begin_vm(reader);
    } else {
        reader->section = SECTION_UNKNOWN;
        if (!reader->item.faulty)
            report(reader, reader->item.place,
                   "unknown table \"%s\"; write [hypervisor], or [[vm]] for each guest",
                   excerpt(reader->item.name, strlen(reader->item.name)).text);
    }
}

/* "name, cpus, memory" */
static void list_keys(char *to, size_t size, enum section section)
{
    struct key_rows keys = config_keys(section);
    size_t length = 0;

    to[0] = '\0';
    for (uint32_t i = 0; i < keys.count; i++)
        length += text_format(to + length, size - length, "%s%s", i > 0 ? ", " : "",
                              keys.rows[i].name);
}

static void report_outside(struct reader *reader)
{
    const char *name = reader->item.name;
    bool of_hypervisor = config_key_find(SECTION_HYPERVISOR, name) != CONFIG_NO_KEY;
    bool of_vm = config_key_find(SECTION_VM, name) != CONFIG_NO_KEY;

    report(reader, reader->item.place, "\"%s\" stands before any table; put it below %s",
           excerpt(name, strlen(name)).text,
           of_hypervisor ? "[hypervisor]" : of_vm ? "[[vm]]" : "[hypervisor] or [[vm]]");
}

static void report_unknown(struct reader *reader)
{
    const char *name = reader->item.name;
    struct excerpt shown = excerpt(name, strlen(name));
    enum section section = reader->section;
    enum section other = section == SECTION_VM ? SECTION_HYPERVISOR : SECTION_VM;
    uint32_t nearest = config_key_nearest(section, name);
    char known[FINDING_TEXT_SIZE];

    if (config_key_find(other, name) != CONFIG_NO_KEY) {
        report(reader, reader->item.place, "\"%s\" is a key of %s, not of %s; put it there", name,
               config_section_header(other), config_section_header(section));
    } else if (nearest != CONFIG_NO_KEY) {
        reader->misspelt |= 1u << nearest;
        report(reader, reader->item.place, "unknown key \"%s\"; did you mean \"%s\"?", shown.text,
               config_keys(section).rows[nearest].name);
    } else {
        list_keys(known, sizeof(known), section);
        report(reader, reader->item.place, "unknown key \"%s\"; %s has %s", shown.text,
               config_section_header(section), known);
    }
}

/* Over the elements of the array whose key is the current item. */
static void skip_array(struct reader *reader)
{
    do
        toml_next(&reader->toml, &reader->item);
    while (reader->item.kind == TOML_ELEMENT);
    CHECK(reader->item.kind == TOML_ARRAY_END);
}

/* Which arrays there are; an empty list is none, but of CPUs. */
static void add_element(struct reader *reader, uint32_t key)
{
    struct vm_config *vm = current_vm(reader);

    if (key == VM_CPUS)
        config_add_cpu(vm, &reader->item.value, reader->findings);
    else if (key == VM_AFTER)
        config_add_after(vm, &reader->item.value, reader->findings);
    else if (key == VM_MODULES)
        config_add_module(vm, &reader->item.value, reader->findings);
    else
        config_add_part(&vm->parts, (enum vm_key)key, &reader->item.value, reader->findings);
}

static void read_array(struct reader *reader, uint32_t key)
{
    struct place place = reader->item.value.place;
    bool any = false;

    for (toml_next(&reader->toml, &reader->item); reader->item.kind == TOML_ELEMENT;
         toml_next(&reader->toml, &reader->item)) {
        any = true;
        if (reader->item.value.type != TOML_BROKEN)
            add_element(reader, key);
    }
    CHECK(reader->item.kind == TOML_ARRAY_END);
    if (key == VM_CPUS && !any && !reader->item.faulty)
        report(reader, place, "the list of CPUs is empty; write at least one number, as in [1]");
}

/* A known key of a known table, with a value of a type that it takes. */
static void read_value(struct reader *reader, uint32_t key)
{
    if (reader->section == SECTION_HYPERVISOR)
        config_set_hypervisor(&reader->config->hypervisor, (enum hypervisor_key)key,
                              &reader->item.value, reader->findings);
    else if (reader->item.value.type == TOML_ARRAY)
        read_array(reader, key);
    else
        config_set_vm(current_vm(reader), (enum vm_key)key, &reader->item.value, reader->findings);
}

/* Can the current item be read as its key's value? Says why not. */
static bool is_readable(struct reader *reader, uint32_t key)
{
    const struct toml_item *item = &reader->item;
    const struct key_row *row = &config_keys(reader->section).rows[key];
    struct place *places = current_places(reader);

    if (places[key].line != 0) {
        report(reader, item->place, "\"%s\" is already given in line %u; remove one of the two",
               row->name, places[key].line);
        return false;
    }
    places[key] = item->value.place;
    if (item->value.type == TOML_BROKEN)
        return false;
    if ((row->types & TAKES(item->value.type)) == 0) {
        report(reader, item->value.place, "\"%s\" must be %s", row->name, row->wanted);
        return false;
    }
    return true;
}

static void read_key(struct reader *reader)
{
    uint32_t key = config_key_find(reader->section, reader->item.name);
    bool array = reader->item.value.type == TOML_ARRAY;

    if (key != CONFIG_NO_KEY && is_readable(reader, key)) {
        read_value(reader, key);
        return;
    }
    if (reader->section == SECTION_TOP)
        report_outside(reader);
    else if (reader->section != SECTION_UNKNOWN && key == CONFIG_NO_KEY)
        report_unknown(reader);
    if (array)
        skip_array(reader);
}

static void read_item(struct reader *reader)
{
    switch (reader->item.kind) {
    case TOML_TABLE:
    case TOML_TABLE_ARRAY:
        begin_section(reader);
        return;
    case TOML_KEY:
        read_key(reader);
        return;
    case TOML_ELEMENT:
    case TOML_ARRAY_END:
        CHECK(!"whoever met an array has read it");
        return;
    case TOML_END:
        end_section(reader);
        return;
    }
}

void config_parse(const char *text, size_t length, struct config *config,
                  struct findings *findings)
{
    struct reader reader = { .config = config, .findings = findings, .section = SECTION_TOP };

    set_defaults(config);
    toml_start(&reader.toml, text, length, findings);
    do {
        toml_next(&reader.toml, &reader.item);
        read_item(&reader);
    } while (reader.item.kind != TOML_END);

    if (config->vm_count == 0 && config->hypervisor.selftest == SELFTEST_NONE)
        report(&reader, (struct place){ .line = 0 },
               "there is no guest; add a [[vm]] with name, cpus, memory and kernel");
}
