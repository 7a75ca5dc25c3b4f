/* SPDX-License-Identifier: MIT
 *
 * bulkhead-check: reads a configuration on the build host as the hypervisor
 * will at boot, by the same code and with the same messages.
 *
 * Images are looked for beside the configuration. What only the machine knows,
 * its CPUs and memory, is checked as far as the command line tells it, or a file
 * with the inventory that the machine showed when Bulkhead was booted on it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hv/amount.h"
#include "hv/check.h"
#include "hv/config.h"
#include "hv/machine.h"
#include "hv/text.h"
#include "tools/check_svg.h"
#include "tools/saved_inventory.h"

#define FILE_SIZE_MAX MIB(1)
#define INVENTORY_SIZE_MAX MIB(64)
#define MEMORY_MAX GIB(65536)

enum status { STATUS_GOOD, STATUS_BAD, STATUS_USAGE };

struct options {
    const char *file;
    const char *inventory; /* NULL: not told */
    const char *svg;       /* NULL: no picture */
    uint32_t cpu_count;    /* 0: not told */
    uint64_t memory_bytes; /* 0: not told */
};

struct mapping {
    const uint8_t *bytes;
    size_t size;
};

static const char help_text[] =
    "Usage: bulkhead-check FILE [--inventory SAVED | --cpus N --memory SIZE] [--svg PICTURE]\n"
    "\n"
    "Checks a Bulkhead configuration and shows the partition that it describes.\n"
    "The images that it names must lie in the same folder as FILE.\n"
    "\n"
    "  --inventory SAVED  the machine is the one whose inventory is in this file: what\n"
    "                     Bulkhead printed there, saved from its serial line\n"
    "  --cpus N           the machine has N CPUs, numbered from 0\n"
    "  --memory SIZE      the machine has SIZE of free memory in one block (\"4G\")\n"
    "  --svg PICTURE      if there is no error, the partition is drawn into this file\n"
    "  --help             shows this text\n"
    "\n"
    "Exit status: 0 if the configuration is right, 1 if not, 2 for a wrong command line.\n";

void check_failed(const char *expression, const char *file, unsigned line)
{
    fprintf(stderr, "bulkhead-check: %s:%u: \"%s\" is false; this is a bug in the program\n", file,
            line, expression);
    abort();
}

/* Images are only checked: there is no guest whose memory they could go to. */
void machine_memory_read(void *to, hpa_t from, size_t bytes)
{
    (void)to, (void)from, (void)bytes;
    CHECK(!"no guest's memory");
}

void machine_memory_write(hpa_t to, const void *from, size_t bytes)
{
    (void)to, (void)from, (void)bytes;
    CHECK(!"no guest's memory");
}

void machine_memory_zero(hpa_t at, uint64_t bytes)
{
    (void)at, (void)bytes;
    CHECK(!"no guest's memory");
}

static enum status usage(const char *problem, const char *argument)
{
    fprintf(stderr, "bulkhead-check: %s%s; see bulkhead-check --help\n", problem, argument);
    return STATUS_USAGE;
}

static enum status read_cpus_option(const char *text, struct options *options)
{
    char *end;
    unsigned long count = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || count < 1 || count > CONFIG_CPUS_MAX)
        return usage("--cpus needs a number from 1 to 64, not ", text);
    options->cpu_count = (uint32_t)count;
    return STATUS_GOOD;
}

static enum status read_memory_option(const char *text, struct options *options)
{
    if (amount_read(text, MEMORY_MAX, &options->memory_bytes) != AMOUNT_GOOD ||
        options->memory_bytes == 0)
        return usage("--memory needs an amount as in 4G or 512M, not ", text);
    return STATUS_GOOD;
}

static enum status read_options(int count, char **arguments, struct options *options)
{
    for (int i = 1; i < count; i++) {
        const char *argument = arguments[i];
        const char *value = i + 1 < count ? arguments[i + 1] : "nothing";
        enum status status = STATUS_GOOD;

        if (strcmp(argument, "--cpus") == 0) {
            status = read_cpus_option(value, options);
            i++;
        } else if (strcmp(argument, "--memory") == 0) {
            status = read_memory_option(value, options);
            i++;
        } else if (strcmp(argument, "--inventory") == 0) {
            if (i + 1 == count)
                return usage("--inventory needs a file", "");
            options->inventory = arguments[++i];
        } else if (strcmp(argument, "--svg") == 0) {
            if (i + 1 == count)
                return usage("--svg needs a file to draw into", "");
            options->svg = arguments[++i];
        } else if (argument[0] == '-') {
            return usage("there is no option ", argument);
        } else if (options->file != NULL) {
            return usage("one file is checked at a time, what about ", argument);
        } else {
            options->file = argument;
        }
        if (status != STATUS_GOOD)
            return status;
    }
    if (options->inventory != NULL && (options->cpu_count != 0 || options->memory_bytes != 0))
        return usage("an inventory says what --cpus and --memory would say", "");
    return options->file != NULL ? STATUS_GOOD : usage("which file", "");
}

/* Maps a regular file. False, with errno, if it cannot be read. */
static bool map_file(const char *path, struct mapping *mapping)
{
    struct stat information;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    mapping->bytes = (const uint8_t *)"";
    mapping->size = 0;
    if (file < 0)
        return false;
    bool good = fstat(file, &information) == 0;
    if (good && !S_ISREG(information.st_mode)) {
        errno = S_ISDIR(information.st_mode) ? EISDIR : EINVAL;
        good = false;
    }
    if (good && information.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)information.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        good = bytes != MAP_FAILED;
        if (good)
            *mapping = (struct mapping){ bytes, (size_t)information.st_size };
    }
    int error = errno;
    close(file);
    errno = error;
    return good;
}

/* Adds the file as a module, unless it is there, is no file, or there is no room. */
static void add_module(struct inventory *inventory, const char *folder, const char *name)
{
    char path[PATH_MAX];
    struct mapping image;

    if (name[0] == '\0' || inventory_module(inventory, name) != NULL ||
        inventory->module_count == INVENTORY_MODULES_MAX)
        return;
    int length = snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof(path) || !map_file(path, &image))
        return;
    inventory->modules[inventory->module_count++] = (struct inventory_module){
        .name = name,
        .bytes = image.bytes,
        .size = image.size,
    };
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* The images that the configuration names come first, then what else there is. */
static void add_modules(struct inventory *inventory, const struct config *config,
                        const char *folder, const char *own_name)
{
    static struct dirent **entries; /* modules refer to the names in it */
    int count;

    for (uint32_t i = 0; i < config->vm_count; i++) {
        add_module(inventory, folder, config->vms[i].kernel);
        add_module(inventory, folder, config->vms[i].initrd);
        for (uint32_t j = 0; j < config->vms[i].module_count; j++)
            add_module(inventory, folder, config->vms[i].modules[j].file);
    }
    count = scandir(folder, &entries, is_visible, alphasort);
    for (int i = 0; i < count; i++)
        if (strcmp(entries[i]->d_name, own_name) != 0)
            add_module(inventory, folder, entries[i]->d_name);
}

/* A guest with unprotected DMA lies below 3 GiB, where all machines have memory; else the
 * block is where no machine has anything else. */
static uint64_t assumed_base(const struct config *config)
{
    for (uint32_t i = 0; i < config->vm_count; i++)
        if (config->vms[i].parts.dma_unprotected)
            return CONFIG_MEMORY_STEP;
    return GIB(4);
}

static void assume_machine(const struct options *options, const struct config *config,
                           struct inventory *inventory)
{
    uint64_t bytes = options->memory_bytes != 0 ? options->memory_bytes : MEMORY_MAX;

    inventory->cpu_count = options->cpu_count != 0 ? options->cpu_count : CONFIG_CPUS_MAX;
    inventory->region_count = 1;
    inventory->regions[0] =
        (struct memory_region){ .base = HPA(assumed_base(config)), .bytes = bytes };
}

/* Each image that the configuration names is in memory once. */
static uint64_t image_bytes(const struct inventory *inventory, const struct config *config)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < inventory->module_count; i++) {
        const struct inventory_module *module = &inventory->modules[i];
        bool named = false;
        for (uint32_t j = 0; j < config->vm_count; j++)
            named = named || strcmp(config->vms[j].kernel, module->name) == 0 ||
                    strcmp(config->vms[j].initrd, module->name) == 0;
        bytes += named ? module->size : 0;
    }
    return bytes;
}

static const char *saved_problem(enum saved_status status)
{
    switch (status) {
    case SAVED_NONE:
        return "there is no inventory in it; save what Bulkhead prints from the line "
               "\"inventory:\" on";
    case SAVED_CUT_OFF:
        return "the inventory that begins here is not whole; save all of its lines";
    case SAVED_BROKEN:
        return "this line of the inventory is damaged; save it again";
    case SAVED_GOOD:
        break;
    }
    return NULL;
}

/* CPUs and memory of the machine; false, after an error was shown. */
static bool read_inventory(const struct options *options, struct saved_inventory *saved,
                           struct inventory *inventory)
{
    struct mapping text;
    if (!map_file(options->inventory, &text)) {
        fprintf(stderr, "%s: error: cannot be read: %s\n", options->inventory, strerror(errno));
        return false;
    }
    if (text.size > INVENTORY_SIZE_MAX) {
        fprintf(stderr, "%s: error: the file has more than 64 MiB\n", options->inventory);
        return false;
    }
    enum saved_status status =
        saved_inventory_read((const char *)text.bytes, text.size, saved, inventory);
    if (status == SAVED_NONE)
        fprintf(stderr, "%s: error: %s\n", options->inventory, saved_problem(status));
    else if (status != SAVED_GOOD)
        fprintf(stderr, "%s:%u: error: %s\n", options->inventory, saved->line,
                saved_problem(status));
    return status == SAVED_GOOD;
}

/* Splits FILE; the parts live as long as the copy that is made here. */
static bool split_path(const char *file, char copy[static PATH_MAX], const char **folder,
                       const char **name)
{
    if (!text_copy(copy, PATH_MAX, file))
        return false;
    char *slash = strrchr(copy, '/');
    *folder = slash == NULL ? "." : slash == copy ? "/" : copy;
    *name = slash == NULL ? copy : slash + 1;
    if (slash != NULL && slash != copy)
        *slash = '\0';
    return true;
}

static void print_findings(const struct findings *findings, const char *file)
{
    char line[PATH_MAX + FINDING_LINE_SIZE];

    for (uint32_t i = 0; i < findings->count; i++) {
        finding_format(line, sizeof(line), &findings->list[i], file);
        fprintf(stderr, "%s\n", line);
    }
    if (findings->omitted > 0)
        fprintf(stderr, "%s: %u more not shown\n", file, findings->omitted);
}

/* A guest's row of the summary, or its headline. */
enum column { GUEST, CPUS, MEMORY, KERNEL, INITRD, CONSOLE, COLUMNS };

struct row {
    char text[COLUMNS][CONFIG_IMAGE_SIZE];
};

static void list_cpus(char *to, size_t size, const struct vm_config *vm,
                      const struct options *options)
{
    size_t length = 0;

    if (!vm->cpus_listed && options->cpu_count == 0 && options->inventory == NULL) {
        text_format(to, size, "any %u", vm->cpu_count);
        return;
    }
    for (uint32_t i = 0; i < vm->cpu_count; i++)
        length += text_format(to + length, size - length, "%s%u", i > 0 ? " " : "", vm->cpus[i]);
}

static void make_row(struct row *row, const struct vm_config *vm, const struct options *options)
{
    text_copy(row->text[GUEST], CONFIG_IMAGE_SIZE, vm->name);
    list_cpus(row->text[CPUS], CONFIG_IMAGE_SIZE, vm, options);
    text_bytes(row->text[MEMORY], CONFIG_IMAGE_SIZE, vm->memory_bytes);
    text_copy(row->text[KERNEL], CONFIG_IMAGE_SIZE, vm->kernel);
    text_copy(row->text[INITRD], CONFIG_IMAGE_SIZE, vm->initrd[0] != '\0' ? vm->initrd : "-");
    text_copy(row->text[CONSOLE], CONFIG_IMAGE_SIZE, vm->console ? "yes" : "no");
}

/* Each column as wide as its longest word. */
static void print_rows(const struct row *rows, uint32_t count)
{
    int width[COLUMNS] = { 0 };

    for (uint32_t i = 0; i < count; i++)
        for (unsigned j = 0; j < COLUMNS; j++)
            if ((int)strlen(rows[i].text[j]) > width[j])
                width[j] = (int)strlen(rows[i].text[j]);
    for (uint32_t i = 0; i < count; i++)
        for (unsigned j = 0; j < COLUMNS; j++)
            printf("%-*s%s", j + 1 < COLUMNS ? width[j] : 0, rows[i].text[j],
                   j + 1 < COLUMNS ? "  " : "\n");
}

static void print_summary(const struct config *config, const struct options *options)
{
    struct row rows[1 + CONFIG_VMS_MAX] = {
        { { "GUEST", "CPUS", "MEMORY", "KERNEL", "INITRD", "CONSOLE" } },
    };

    for (uint32_t i = 0; i < config->vm_count; i++)
        make_row(&rows[1 + i], &config->vms[i], options);
    print_rows(rows, 1 + config->vm_count);
    if (options->inventory != NULL)
        return;
    if (options->cpu_count == 0)
        printf("Whether the machine has these CPUs is checked with --cpus N.\n");
    if (options->memory_bytes == 0)
        printf("Whether the machine has this memory is checked with --memory SIZE.\n");
}

static void print_taken(uint64_t bytes)
{
    char text[24];
    if (bytes == 0)
        return;
    text_bytes(text, sizeof(text), bytes);
    fprintf(stderr, "The images take %s more than those of the inventory; the machine's free "
                    "memory is counted as that much less.\n", text);
}

static void print_machine(const struct inventory *inventory, const struct saved_inventory *saved)
{
    char memory[24];
    uint64_t bytes = 0;
    unsigned groups = 0;

    for (uint32_t i = 0; i < inventory->region_count; i++)
        bytes += align_down(inventory->regions[i].bytes, MIB(1));
    for (unsigned i = 0; i < saved->pci.count; i++)
        if (groups <= saved->pci.functions[i].group)
            groups = saved->pci.functions[i].group + 1u;
    text_bytes(memory, sizeof(memory), bytes);
    printf("The machine has %u CPUs, %s of free memory, and %u PCI functions in %u groups.\n",
           inventory->cpu_count, memory, saved->pci.count, groups);
    if (!saved->parts_known)
        printf("What nobody can own of it, the lines from \"parts:\" on, was not saved.\n");
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat first;
    struct stat second;

    return b != NULL && stat(a, &first) == 0 && stat(b, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* The picture; false, after an error was shown. */
static bool draw(const struct options *options, const struct config *config,
                 const struct inventory *inventory, const struct pci_inventory *pci,
                 const char *name)
{
    struct svg_subject subject = {
        .name = name,
        .config = config,
        .inventory = inventory,
        .cpus_known = options->cpu_count != 0 || options->inventory != NULL,
        .memory_known = options->memory_bytes != 0 || options->inventory != NULL,
        .addresses_known = options->inventory != NULL,
        .pci = options->inventory != NULL ? pci : NULL,
    };

    if (is_same_file(options->svg, options->file) ||
        is_same_file(options->svg, options->inventory)) {
        fprintf(stderr, "%s: error: cannot be written: it is what was just read\n", options->svg);
        return false;
    }
    FILE *to = fopen(options->svg, "we");
    bool good = to != NULL && check_svg_write(to, &subject);
    int error = errno;
    if (to != NULL && fclose(to) != 0 && good) {
        error = errno;
        good = false;
    }
    if (!good)
        fprintf(stderr, "%s: error: cannot be written: %s\n", options->svg, strerror(error));
    return good;
}

static enum status check(const struct options *options)
{
    static struct saved_inventory saved;
    static struct config config;
    static struct findings findings;
    static struct inventory inventory;
    char path[PATH_MAX];
    const char *folder;
    const char *name;
    struct mapping text;

    if (!split_path(options->file, path, &folder, &name) || !map_file(options->file, &text)) {
        fprintf(stderr, "%s: error: cannot be read: %s\n", options->file, strerror(errno));
        return STATUS_BAD;
    }
    if (text.size > FILE_SIZE_MAX) {
        fprintf(stderr, "%s: error: the file has more than 1 MiB; this is no configuration\n",
                options->file);
        return STATUS_BAD;
    }
    findings_clear(&findings);
    config_parse((const char *)text.bytes, text.size, &config, &findings);
    if (options->inventory == NULL)
        assume_machine(options, &config, &inventory);
    else if (!read_inventory(options, &saved, &inventory))
        return STATUS_BAD;
    add_modules(&inventory, &config, folder, name);
    uint64_t taken = 0;
    if (options->inventory != NULL)
        taken = saved_inventory_load(&saved, &inventory, image_bytes(&inventory, &config));
    config_check(&config, &inventory, &findings);
    print_findings(&findings, options->file);
    print_taken(taken);
    if (findings.error_count > 0)
        return STATUS_BAD;
    print_summary(&config, options);
    if (options->inventory != NULL)
        print_machine(&inventory, &saved);
    if (options->svg != NULL && !draw(options, &config, &inventory, &saved.pci, name))
        return STATUS_BAD;
    return STATUS_GOOD;
}

int main(int count, char **arguments)
{
    struct options options = { .file = NULL };

    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--help") == 0) {
            fputs(help_text, stdout);
            return STATUS_GOOD;
        }
    }
    enum status status = read_options(count, arguments, &options);
    return status == STATUS_GOOD ? check(&options) : status;
}
