/* SPDX-License-Identifier: MIT
 *
 * Configurations, right and wrong: what is read from a text, and for each
 * class of error the whole message with its line and column.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/amount.h"
#include "hv/check.h"
#include "hv/config.h"
#include "hv/config_images.h"
#include "hv/config_keys.h"
#include "tests/fake/images.h"

static struct config config;
static struct findings findings;
static struct inventory inventory;
static uint8_t kernel[FAKE_BZIMAGE_BYTES];
static uint8_t elf[FAKE_ELF_BYTES];
static uint8_t no_kernel[MIB(20)];

/* Four CPUs, 1 GiB free in one block from 1 GiB, three good images and a bad one. */
static int set_up(void **state)
{
    const struct fake_elf made = {
        .entry = MIB(1), .segment_count = 1, .segments = { { 1, MIB(1), MIB(1), 64, 64 } },
    };

    (void)state;
    fake_elf(elf, &made);
    fake_multiboot1_header(elf + fake_elf_segment_at(0), 0);
    fake_bzimage(kernel, MIB(1), MIB(8));
    inventory = (struct inventory){
        .cpu_count = 4,
        .region_count = 1,
        .regions = { { .base = HPA(GIB(1)), .bytes = GIB(1) } },
        .module_count = 4,
        .modules = {
            { .name = "vmlinuz", .bytes = kernel, .size = sizeof kernel },
            { .name = "initrd.img", .bytes = no_kernel, .size = sizeof no_kernel },
            { .name = "tiny", .bytes = kernel, .size = sizeof kernel },
            { .name = "elf", .bytes = elf, .size = sizeof elf },
        },
    };
    return 0;
}

static void run(const char *text)
{
    memset(&config, 0xee, sizeof(config));
    findings_clear(&findings);
    config_parse(text, strlen(text), &config, &findings);
    config_check(&config, &inventory, &findings);
}

static void finds(const char *text, const char *expected)
{
    static char all[FINDINGS_MAX * (FINDING_LINE_SIZE + 1)];
    char line[FINDING_LINE_SIZE];

    run(text);
    all[0] = '\0';
    for (uint32_t i = 0; i < findings.count; i++) {
        finding_format(line, sizeof(line), &findings.list[i], "config");
        strcat(strcat(all, line), "\n");
    }
    assert_string_equal(all, expected);
}

/* A guest with all that it needs, but the lines in `more`; it has five lines. */
#define VM(name, cpus, memory) \
    "[[vm]]\nname = \"" name "\"\ncpus = " cpus "\nmemory = \"" memory "\"\nkernel = \"vmlinuz\"\n"

/* That guest, with one more line, which is line 6. */
static void line_finds(const char *line, const char *expected)
{
    char text[512], all[512];

    snprintf(text, sizeof(text), "%s%s\n", VM("a", "1", "64M"), line);
    snprintf(all, sizeof(all), "config:6:%s\n", expected);
    finds(text, all);
}

/* A key of [hypervisor], which is line 2. */
static void hypervisor_line_finds(const char *line, const char *expected)
{
    char text[512], all[512];

    snprintf(text, sizeof(text), "[hypervisor]\n%s\n%s", line, VM("a", "1", "64M"));
    snprintf(all, sizeof(all), "config:2:%s\n", expected);
    finds(text, all);
}

static void a_whole_configuration_is_read(void **state)
{
    (void)state;
    finds("# demo\n"
          "[hypervisor]\n"
          "console_port = \"com2\"\n"
          "console_speed = 57_600\n"
          "log = \"debug\"\n"
          "inventory = false\n"
          "when_all_stopped = \"reboot\"\n"
          "[[vm]]\n"
          "name = \"web-1\"\n"
          "cpus = [3, 1]\n"
          "memory = \"256M\"\n"
          "kernel = \"vmlinuz\"\n"
          "initrd = \"initrd.img\"\n"
          "cmdline = 'console=ttyS0 quiet'\n"
          "console = false\n"
          "exit_port = 0x501\n"
          "start = \"manual\"\n"
          "restart = \"on-crash\"\n"
          "restart_limit = \"3 in 60s\"\n"
          "restart_then = \"reboot\"\n"
          "watchdog = true\n"
          "watchdog_silence = \"30s\"\n"
          "ready_port = 0x510\n"
          "log = \"learn\"\n"
          "large_pages = true\n"
          "[[vm]]\n"
          "name = \"b\"\n"
          "after = [\"web-1\"]\n"
          "ready = \"b login:\"\n"
          "cpus = 2\n"
          "memory = \"16 MiB\"\n"
          "kernel = \"tiny\"\n",
          "");
    assert_int_equal(config.hypervisor.console.port, 0x2f8);
    assert_int_equal(config.hypervisor.console_speed, 57600);
    assert_int_equal(config.hypervisor.log, LOG_DEBUG);
    assert_false(config.hypervisor.inventory);
    assert_int_equal(config.hypervisor.when_all_stopped, WHEN_ALL_STOPPED_REBOOT);
    assert_int_equal(config.vm_count, 2);

    const struct vm_config *vm = &config.vms[0];
    assert_string_equal(vm->name, "web-1");
    assert_true(vm->cpus_listed);
    assert_int_equal(vm->cpu_count, 2);
    assert_int_equal(vm->cpus[0], 3);
    assert_int_equal(vm->cpus[1], 1);
    assert_int_equal(vm->memory_bytes, MIB(256));
    assert_string_equal(vm->kernel, "vmlinuz");
    assert_string_equal(vm->initrd, "initrd.img");
    assert_string_equal(vm->cmdline, "console=ttyS0 quiet");
    assert_false(vm->console);
    assert_int_equal(vm->exit_port, 0x501);
    assert_true(vm->start_manual);
    assert_int_equal(vm->after, 0);
    assert_int_equal(vm->ready_port, 0x510);
    assert_int_equal(config.vms[1].after, 1u << 0);
    assert_string_equal(config.vms[1].ready, "b login:");
    assert_int_equal(vm->restart.policy, RESTART_ON_CRASH);
    assert_int_equal(vm->restart.limit, 3);
    assert_int_equal(vm->restart.seconds, 60);
    assert_int_equal(vm->restart.then, RESTART_THEN_REBOOT);
    assert_true(vm->watchdog && vm->restart.watched);
    assert_int_equal(vm->silence_seconds, 30);
    assert_true(vm->learns);
    assert_true(vm->large_pages);
    assert_int_equal(vm->at[VM_LARGE_PAGES].line, 25);
    assert_int_equal(vm->header.line, 8);
    assert_int_equal(vm->at[VM_MEMORY].line, 11);
    assert_int_equal(vm->at[VM_MEMORY].column, 10);
    assert_int_equal(vm->cpu_at[1].column, 12);
}

static void what_is_not_given_has_its_default(void **state)
{
    (void)state;
    finds(VM("a", "1", "64M"), "");
    assert_int_equal(config.hypervisor.console.port, 0x3f8);
    assert_int_equal(config.hypervisor.console_speed, 115200);
    assert_int_equal(config.hypervisor.log, LOG_INFO);
    assert_true(config.hypervisor.inventory);
    assert_int_equal(config.hypervisor.when_all_stopped, WHEN_ALL_STOPPED_WAIT);
    assert_int_equal(config.hypervisor.header.line, 0);
    assert_string_equal(config.vms[0].initrd, "");
    assert_string_equal(config.vms[0].cmdline, "");
    assert_true(config.vms[0].console);
    assert_int_equal(config.vms[0].exit_port, 0);
    assert_false(config.vms[0].start_manual);
    assert_int_equal(config.vms[0].after, 0);
    assert_string_equal(config.vms[0].ready, "");
    assert_int_equal(config.vms[0].ready_port, 0);
    assert_int_equal(config.vms[0].restart.policy, RESTART_ON_RESET);
    assert_int_equal(config.vms[0].restart.limit, 0);
    assert_int_equal(config.vms[0].restart.then, RESTART_THEN_STOP);
    assert_false(config.vms[0].watchdog || config.vms[0].restart.watched);
    assert_int_equal(config.vms[0].silence_seconds, 0);
    assert_false(config.vms[0].learns);
    assert_int_equal(config.vms[0].at[VM_LARGE_PAGES].line, 0);
    assert_int_equal(config.vms[0].at[VM_INITRD].line, 0);
}

static void a_count_takes_the_lowest_cpus_that_no_list_claims(void **state)
{
    (void)state;
    finds(VM("a", "2", "64M") VM("b", "[1]", "64M"), "");
    assert_false(config.vms[0].cpus_listed);
    assert_int_equal(config.vms[0].cpus[0], 0);
    assert_int_equal(config.vms[0].cpus[1], 2);
    assert_int_equal(config.vms[1].cpus[0], 1);
}

static void an_empty_configuration_has_no_guest(void **state)
{
    (void)state;
    finds("", "config: error: there is no guest; add a [[vm]] with name, cpus, memory and kernel\n");
    finds("[hypervisor]\n",
          "config: error: there is no guest; add a [[vm]] with name, cpus, memory and kernel\n");
}

static void a_self_test_needs_no_guest(void **state)
{
    (void)state;
    finds("[hypervisor]\nselftest = \"vtd\"\n", "");
    assert_int_equal(config.hypervisor.selftest, SELFTEST_VTD);
    finds("[hypervisor]\n[[vm]]\nname = \"a\"\ncpus = 1\nmemory = \"16M\"\nkernel = \"tiny\"\n", "");
    assert_int_equal(config.hypervisor.selftest, SELFTEST_NONE);
}

static void each_missing_key_is_named_with_an_example(void **state)
{
    (void)state;
    finds("[[vm]]\n",
          "config:1:1: error: \"name\" is missing; add a line as in: name = \"web-1\"\n"
          "config:1:1: error: \"cpus\" is missing; add a line as in: cpus = 1\n"
          "config:1:1: error: \"memory\" is missing; add a line as in: memory = \"256M\"\n"
          "config:1:1: error: \"kernel\" is missing; add a line as in: kernel = \"vmlinuz\"\n");
}

static void syntax_errors_name_the_guest_whose_lines_they_are_in(void **state)
{
    (void)state;
    finds("[hypervisor]\nlog \"info\"\n" VM("a", "1", "64M") "initrd = initrd.img\n",
          "config:2:5: error: = is missing after \"log\"; write log = value\n"
          "config:8:10: error: vm \"a\": initrd.img is not a value; if it is a string, put it in "
          "quotes: \"initrd.img\"\n");
}

static void a_value_that_could_not_be_read_is_not_reported_as_missing(void **state)
{
    (void)state;
    finds("[[vm]]\nname = web\ncpus = 1.5\nmemory = 64M\nkernel = vmlinuz\n",
          "config:2:8: error: web is not a value; if it is a string, put it in quotes: \"web\"\n"
          "config:3:8: error: floating-point numbers are not supported; write a whole number "
          "instead of 1.5\n"
          "config:4:10: error: 64M is not a value; if it is a string, put it in quotes: \"64M\"\n"
          "config:5:10: error: vmlinuz is not a value; if it is a string, put it in quotes: "
          "\"vmlinuz\"\n");
}

static void an_unknown_key_is_answered_with_the_nearest_one(void **state)
{
    (void)state;
    line_finds("comandline = \"x\"", "1: error: vm \"a\": unknown key \"comandline\"; did you mean "
                                     "\"cmdline\"?");
    line_finds("intird = \"x\"",
               "1: error: vm \"a\": unknown key \"intird\"; did you mean \"initrd\"?");
    line_finds("mem = \"1G\"", "1: error: vm \"a\": unknown key \"mem\"; did you mean \"memory\"?");
    hypervisor_line_finds("console_prot = 1",
                          "1: error: unknown key \"console_prot\"; did you mean "
                          "\"console_port\"?");
}

static void an_unknown_key_that_resembles_none_is_answered_with_all(void **state)
{
    (void)state;
    line_finds("disk = [1, 2]", "1: error: vm \"a\": unknown key \"disk\"; [[vm]] has name, cpus, "
                                "memory, kernel, format, initrd, modules, cmdline, "
                                "load_address, entry, mode, console, manager, exit_port, start, "
                                "after, ready, ready_port, restart, restart_limit, restart_then, "
                                "watchdog, watchdog_silence, log, large_pages, devices, ports, irqs, mmio, dma");
    hypervisor_line_finds("x = 1", "1: error: unknown key \"x\"; [hypervisor] has console_port, "
                                   "console_speed, screen, log, inventory, when_all_stopped, "
                                   "selftest");
}

static void a_misspelt_key_is_not_missing_besides(void **state)
{
    (void)state;
    finds("[[vm]]\nname = \"a\"\ncpu = 1\nmemory = \"64M\"\nkernal = \"vmlinuz\"\n",
          "config:3:1: error: vm \"a\": unknown key \"cpu\"; did you mean \"cpus\"?\n"
          "config:5:1: error: vm \"a\": unknown key \"kernal\"; did you mean \"kernel\"?\n");
}

static void a_key_of_the_other_table_is_sent_there(void **state)
{
    (void)state;
    line_finds("inventory = true", "1: error: vm \"a\": \"inventory\" is a key of [hypervisor], "
                                   "not of [[vm]]; put it there");
    hypervisor_line_finds("cpus = 4",
                          "1: error: \"cpus\" is a key of [[vm]], not of [hypervisor]; put it "
                          "there");
}

static void a_key_before_any_table_is_told_where_to_go(void **state)
{
    (void)state;
    finds("log = \"info\"\ncpus = [1,\n2]\nx = 1\n" VM("a", "1", "64M"),
          "config:1:1: error: \"log\" stands before any table; put it below [hypervisor]\n"
          "config:2:1: error: \"cpus\" stands before any table; put it below [[vm]]\n"
          "config:4:1: error: \"x\" stands before any table; put it below [hypervisor] or "
          "[[vm]]\n");
}

static void a_key_given_twice_is_an_error_at_the_second(void **state)
{
    (void)state;
    line_finds("name = \"b\"",
               "1: error: vm \"a\": \"name\" is already given in line 2; remove one of the two");
    line_finds("cpus = [1, 2]",
               "1: error: vm \"a\": \"cpus\" is already given in line 3; remove one of the two");
}

static void tables_that_are_almost_right_are_reported_and_still_read(void **state)
{
    (void)state;
    finds("[[hypervisor]]\nlog = \"loud\"\n[vm]\nname = \"a\"\ncpus = 1\nmemory = \"64M\"\n"
          "kernel = \"vmlinuz\"\ninitrd = 1\n[[vm]\nname = \"b\"\n",
          "config:1:1: error: there is one hypervisor only; write [hypervisor]\n"
          "config:2:7: error: \"loud\" is not a log level; write \"error\", \"warning\", \"info\" or "
          "\"debug\"\n"
          "config:3:1: error: vm \"a\": there can be several guests; write [[vm]] for each\n"
          "config:8:10: error: vm \"a\": \"initrd\" must be a string, as in \"initrd.img\"\n"
          "config:9:1: error: vm \"b\": \"cpus\" is missing; add a line as in: cpus = 1\n"
          "config:9:1: error: vm \"b\": \"memory\" is missing; add a line as in: memory = \"256M\"\n"
          "config:9:1: error: vm \"b\": \"kernel\" is missing; add a line as in: kernel = "
          "\"vmlinuz\"\n"
          "config:9:5: error: vm \"b\": ]] is missing after the table's name; write [[vm]]\n");
}

static void an_unknown_table_is_one_error_whatever_it_holds(void **state)
{
    (void)state;
    finds(VM("a", "1", "64M") "[network]\nx = 1\ncpus = [1, 2]\n",
          "config:6:1: error: unknown table \"network\"; write [hypervisor], or [[vm]] for each "
          "guest\n");
}

static void a_second_hypervisor_table_is_an_error(void **state)
{
    (void)state;
    finds("[hypervisor]\nlog = \"info\"\n[hypervisor]\nlog = \"info\"\n" VM("a", "1", "64M"),
          "config:3:1: error: [hypervisor] is already in line 1; put all of its keys there\n"
          "config:4:1: error: \"log\" is already given in line 2; remove one of the two\n");
}

static void a_ninth_guest_is_one_too_many(void **state)
{
    (void)state;
    inventory.cpu_count = 9;
    finds(VM("a", "1", "64M") VM("b", "1", "64M") VM("c", "1", "64M") VM("d", "1", "64M")
          VM("e", "1", "64M") VM("f", "1", "64M") VM("g", "1", "64M") VM("h", "1", "64M")
          VM("i", "1", "64M"),
          "config:41:1: error: this is one guest too many; 8 are possible\n");
    assert_int_equal(config.vm_count, 8);
}

static void a_value_of_the_wrong_type_says_what_is_wanted(void **state)
{
    (void)state;
    line_finds("console = \"yes\"", "11: error: vm \"a\": \"console\" must be true or false");
    line_finds("cmdline = [\"a\", \"b\"]",
               "11: error: vm \"a\": \"cmdline\" must be a string, as in \"console=ttyS0\"");
    hypervisor_line_finds("console_speed = \"fast\"",
                          "17: error: \"console_speed\" must be a number, as in 115200");
    hypervisor_line_finds("console_port = true",
                          "16: error: \"console_port\" must be a port, as in \"com1\" or 0x3f8");
    hypervisor_line_finds("log = 3", "7: error: \"log\" must be a string, as in \"info\"");
    finds("[[vm]]\nname = 1\ncpus = \"2\"\nmemory = 256\nkernel = true\n",
          "config:2:8: error: \"name\" must be a string, as in \"web-1\"\n"
          "config:3:8: error: \"cpus\" must be a count, as in 2, or a list of CPU numbers, as in "
          "[0, 1]\n"
          "config:4:10: error: \"memory\" must be a string with a unit, as in \"256M\" or \"1G\"\n"
          "config:5:10: error: \"kernel\" must be a string, as in \"vmlinuz\"\n");
}

static void the_console_can_be_elsewhere_than_at_a_port(void **state)
{
    const struct console_place *place = &config.hypervisor.console;
    (void)state;
    finds("[hypervisor]\nconsole_port = \"none\"\n" VM("a", "1", "64M"), "");
    assert_int_equal(place->kind, CONSOLE_AT_NONE);
    finds("[hypervisor]\nconsole_port = \"mmio:0xFe032000\"\n" VM("a", "1", "64M"), "");
    assert_int_equal(place->kind, CONSOLE_AT_MEMORY);
    assert_int_equal(place->address, 0xFE032000);
    assert_false(place->doublewords);
    finds("[hypervisor]\nconsole_port = \"mmio32:0x80000004\"\n" VM("a", "1", "64M"), "");
    assert_int_equal(place->address, 0x80000004);
    assert_true(place->doublewords);
    finds("[hypervisor]\nconsole_port = \"pci:0000:02:00.0\"\n" VM("a", "1", "64M"), "");
    finds("[hypervisor]\nconsole_port = \"pci:ff:1f.7\"\n" VM("a", "1", "64M"), "");
    assert_int_equal(place->kind, CONSOLE_AT_PCI);
    assert_int_equal(place->pci.bus, 0xFF);
    assert_int_equal(place->pci.function, 0xFF);
    assert_int_equal(place->irq, 0);
    finds("[hypervisor]\nconsole_port = \"pci32:0:1e.0\"\n" VM("a", "1", "64M"), "");
    assert_int_equal(place->pci.function, 0x1E << 3);
    assert_true(place->doublewords);
}

static void a_place_of_the_console_that_cannot_be_is_refused(void **state)
{
    static const char *const wrong[] = {
        "", "com", "com11", "mmio", "mmio:", "mmio:0x", "mmio:fe032000", "mmio:0x0", "mmio:0xfe032002",
        "mmio:0x1fe032000", "mmio:0xfe032000 ", "mmio32:", "mmio64:0xfe032000", "pci:", "pci:02",
        "pci:02:00", "pci:02:00.", "pci:100:00.0", "pci:02:20.0", "pci:02:00.8", "pci:02:00.0x",
        "pci:0001:02:00.0", "pci:02.00.0", "pci:-2:00.0", "None",
    };
    struct console_place place = { .kind = CONSOLE_AT_PORT, .port = 7 };
    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(console_place_read(&place, wrong[i]));
        assert_int_equal(place.port, 7);
    }
}

static void the_console_port_is_a_name_or_a_number(void **state)
{
    (void)state;
    finds("[hypervisor]\nconsole_port = 0xd010\n" VM("a", "1", "64M"), "");
    assert_int_equal(config.hypervisor.console.port, 0xd010);
    finds("[hypervisor]\nconsole_port = \"com4\"\n" VM("a", "1", "64M"), "");
    assert_int_equal(config.hypervisor.console.port, 0x2e8);
    assert_int_equal(config.hypervisor.console.irq, 3);
    hypervisor_line_finds("console_port = \"com5\"",
                          "16: error: \"com5\" is not a console port; write \"com1\" to \"com4\", "
                          "\"none\", an I/O port as in 0x3f8, or as in \"pci:02:00.0\" or "
                          "\"mmio:0xfe032000\"");
    hypervisor_line_finds("console_port = 1",
                          "16: error: 1 is not the port of a UART; write \"com1\" to \"com4\", or a "
                          "port from 0x100 to 0xfff8");
    hypervisor_line_finds("console_port = 0xfff9",
                          "16: error: 65529 is not the port of a UART; write \"com1\" to \"com4\", "
                          "or a port from 0x100 to 0xfff8");
}

static void the_log_of_a_guest_is_what_it_is_refused_or_all_that_it_touches(void **state)
{
    (void)state;
    finds(VM("a", "1", "64M") "log = \"refused\"\n", "");
    assert_false(config.vms[0].learns);
    finds(VM("a", "1", "64M") "log = \"learn\"\n", "");
    assert_true(config.vms[0].learns);
    line_finds("log = \"debug\"", "7: error: vm \"a\": \"debug\" is nothing that is logged of a "
                                   "guest; write \"refused\" or \"learn\"");
    line_finds("log = true", "7: error: vm \"a\": \"log\" must be a string, as in \"learn\"");
}

static void the_exit_port_is_one_that_no_device_has(void **state)
{
    (void)state;
    finds(VM("a", "1", "64M") "exit_port = 0xf4\n", "");
    assert_int_equal(config.vms[0].exit_port, 0xF4);
    line_finds("exit_port = 0x3f8",
               "13: error: vm \"a\": port 0x3f8 is not free: a device of the guest is there, or "
               "kernels look there; write another one, as in 0x501");
    line_finds("exit_port = 0x10000",
               "13: error: vm \"a\": 65536 is not a port; write a number from 1 to 0xffff, as in "
               "0x501");
    line_finds("exit_port = 0", "13: error: vm \"a\": 0 is not a port; write a number from 1 to "
                                "0xffff, as in 0x501");
    line_finds("exit_port = \"com1\"",
               "13: error: vm \"a\": \"exit_port\" must be a port, as in 0x501");
}

static void how_a_guest_starts_and_starts_again_is_said_in_words(void **state)
{
    static const char *const no_limits[] = { "", "3", "3 in", "3 in 60", "3 in 60 s", "0 in 60s",
                                             "101 in 60s", "3 in 0s", "3 in 86401s", "3in60s",
                                             " 3 in 60s", "3 in 60s ", "-1 in 60s",
                                             "4294967297 in 60s", "x in ys" };
    (void)state;
    line_finds("start = \"later\"", "9: error: vm \"a\": \"later\" is no way to start a guest; "
                                    "write \"auto\" or \"manual\"");
    line_finds("restart = \"on-failure\"",
               "11: error: vm \"a\": \"on-failure\" does not say when the guest starts again; "
               "write \"never\", \"on-reset\", \"on-crash\" or \"always\"");
    line_finds("restart = 3", "11: error: vm \"a\": \"restart\" must be a string, as in "
                              "\"on-crash\"");
    line_finds("restart_then = \"wait\"",
               "16: error: vm \"a\": \"wait\" is nothing that can follow; write \"stop\", "
               "\"poweroff\" or \"reboot\"");
    for (unsigned i = 0; i < sizeof no_limits / sizeof no_limits[0]; i++) {
        char line[64], wanted[300];
        snprintf(line, sizeof line, "restart_limit = \"%s\"", no_limits[i]);
        snprintf(wanted, sizeof wanted,
                 "17: error: vm \"a\": \"%s\" is not a limit; write how many starts, at most 100, "
                 "in how many seconds, at most 86400, as in \"3 in 60s\"", no_limits[i]);
        line_finds(line, wanted);
    }
    finds(VM("a", "1", "64M") "restart_limit = \"100 in 86400s\"\nstart = \"auto\"\n", "");
    assert_int_equal(config.vms[0].restart.limit, 100);
    assert_int_equal(config.vms[0].restart.seconds, 86400);
}

static void a_watchdog_is_asked_for_by_device_or_time(void **state)
{
    static const char *const no_times[] = { "", "30", "s", "30 s", "0s", "86401s", "30s ", "1m" };
    (void)state;
    finds(VM("a", "1", "64M") "watchdog = false\n"
          VM("b", "1", "64M") "watchdog_silence = \"86400s\"\n", "");
    assert_false(config.vms[0].restart.watched);
    assert_true(config.vms[1].restart.watched && !config.vms[1].watchdog);
    assert_int_equal(config.vms[1].silence_seconds, 86400);
    line_finds("watchdog = \"30s\"",
               "12: error: vm \"a\": \"watchdog\" must be true or false");
    for (unsigned i = 0; i < sizeof no_times / sizeof no_times[0]; i++) {
        char line[64], wanted[300];
        snprintf(line, sizeof line, "watchdog_silence = \"%s\"", no_times[i]);
        snprintf(wanted, sizeof wanted, "20: error: vm \"a\": \"%s\" is no time; write a number of "
                 "seconds from 1 to 86400, as in \"30s\"", no_times[i]);
        line_finds(line, wanted);
    }
}

static void the_watchdogs_ports_are_its_own(void **state)
{
    (void)state;
    finds(VM("a", "1", "64M") "exit_port = 0x443\nready_port = 0x441\n", "");
    finds(VM("a", "1", "64M") "exit_port = 0x443\nready_port = 0x441\nwatchdog = true\n",
          "config:6:13: error: vm \"a\": port 0x443 is one of the watchdog's in line 8; choose "
          "another\n"
          "config:7:14: error: vm \"a\": port 0x441 is one of the watchdog's in line 8; choose "
          "another\n");
}

static void a_guest_waits_for_others_that_there_are(void **state)
{
    (void)state;
    finds(VM("a", "1", "64M") "after = [\"b\", \"c\"]\n" VM("b", "1", "64M")
          VM("c", "1", "64M") "after = [\"b\"]\nready = \"up\"\n", "");
    assert_int_equal(config.vms[0].after, 1u << 1 | 1u << 2);
    assert_int_equal(config.vms[2].after, 1u << 1);
    finds(VM("a", "1", "64M") "after = []\n", "");
    line_finds("after = \"b\"", "9: error: vm \"a\": \"after\" must be a list of guests, as in "
                                "[\"web\"]");
    line_finds("after = [1]", "10: error: vm \"a\": a list of guests holds their names; write it "
                              "as in [\"web\"]");
    line_finds("after = [\"B\"]", "10: error: vm \"a\": \"B\" is not a guest's name; write it as "
                                  "in [\"web\"]");
    line_finds("after = [\"a\"]", "10: error: vm \"a\": the guest would wait for itself; remove "
                                  "it from the list");
    line_finds("after = [\"b\"]", "10: error: vm \"a\": there is no guest \"b\"; the others are: "
                                  "none");
    finds(VM("a", "1", "64M") "after = [\"x\", \"c\", \"c\"]\n" VM("b", "1", "64M")
          VM("c", "1", "64M"),
          "config:6:10: error: vm \"a\": there is no guest \"x\"; the others are: b, c\n"
          "config:6:20: error: vm \"a\": guest \"c\" is listed twice; remove one of the two\n");
    finds(VM("a", "1", "64M") "after = [\"b\"]\nstart = \"manual\"\n" VM("b", "1", "64M"),
          "config:6:9: error: vm \"a\": a guest that the user starts waits for no other; remove "
          "\"after\" or \"start\"\n");
    finds(VM("a", "1", "64M") "after = [\"b\"]\n" VM("B", "1", "64M"),
          "config:8:8: error: \"B\" is not a name; use 1 to 31 small letters, digits and -\n");
    line_finds("after = [\"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\", \"j\"]\n"
               "[[vm]]\nname = \"\"\ncpus = 1\nmemory = \"64M\"\nkernel = \"vmlinuz\"",
               "50: error: vm \"a\": there are at most 8 guests; remove \"j\"\n"
               "config:8:8: error: \"\" is not a name; use 1 to 31 small letters, digits and -");
}

static void one_guest_is_the_manager(void **state)
{
    (void)state;
    run(VM("a", "1", "64M") VM("b", "1", "64M") "manager = true\n");
    assert_false(config.vms[0].manager);
    assert_true(config.vms[1].manager);
    line_finds("manager = \"yes\"", "11: error: vm \"a\": \"manager\" must be true or false");
    finds(VM("a", "1", "64M") "manager = true\n" VM("b", "1", "64M") "manager = false\n"
          VM("c", "1", "64M") "manager = true\n",
          "config:18:11: error: vm \"c\": \"manager\" in line 6 makes vm \"a\" the manager, and "
          "there can be one; remove one of the two\n");
}

static void a_manager_does_not_own_the_machines_second_serial_port(void **state)
{
    (void)state;
    const char *const owned[] = { "0x2f8", "\"0x2f8-0x2ff\"", "\"0x200-0x2f8\"" };
    for (unsigned i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
        char text[400];
        snprintf(text, sizeof(text), VM("a", "1", "64M") "manager = true\nports = [%s]\n", owned[i]);
        finds(text, "config:7:10: error: vm \"a\": a manager has its monitor at the second serial "
                    "port (\"manager\" in line 6), and cannot own the machine's; remove one of the "
                    "two\n");
    }
    run(VM("a", "1", "64M") "manager = true\nports = [0x2f7, 0x300]\n");
    assert_int_equal(findings.error_count, 0);
}

static void no_guests_wait_in_a_circle(void **state)
{
    (void)state;
    finds(VM("a", "1", "64M") "after = [\"d\"]\n" VM("b", "1", "64M") "after = [\"c\"]\n"
          VM("c", "1", "64M") "after = [\"d\"]\n" VM("d", "1", "64M") "after = [\"b\"]\n",
          "config:12:9: error: vm \"b\": these wait for each other, and none would start: "
          "b, c, d; break the circle\n");
    finds(VM("a", "1", "64M") "after = [\"b\"]\n" VM("b", "1", "64M") "after = [\"a\"]\n"
          VM("c", "1", "64M") "after = [\"d\", \"a\"]\n" VM("d", "1", "64M") "after = [\"c\"]\n",
          "config:6:9: error: vm \"a\": these wait for each other, and none would start: "
          "a, b; break the circle\n"
          "config:18:9: error: vm \"c\": these wait for each other, and none would start: "
          "c, d; break the circle\n");
}

static void a_guest_is_ready_by_one_thing(void **state)
{
    (void)state;
    line_finds("ready = \"\"", "9: error: vm \"a\": \"\" is not part of a line; write 1 to 63 bytes "
                               "without control characters");
    line_finds("ready = \"a\\nb\"", "9: error: vm \"a\": \"a?b\" is not part of a line; write 1 to "
                                    "63 bytes without control characters");
    finds(VM("a", "1", "64M") "ready = \"123456789 123456789 123456789 123456789 123456789 "
          "123456789 123\"\n", "");
    line_finds("ready = \"123456789 123456789 123456789 123456789 123456789 123456789 1234\"",
               "9: error: vm \"a\": \"123456789 123456789 123456789 123456789 1234...\" is not part "
               "of a line; write 1 to 63 bytes without control characters");
    line_finds("ready_port = 0", "14: error: vm \"a\": 0 is not a port; write a number from 1 to "
                                 "0xffff, as in 0x501");
    line_finds("ready_port = 0x3f8", "14: error: vm \"a\": port 0x3f8 is not free: a "
                                     "device of the guest is there, or kernels look there; write "
                                     "another one, as in 0x501");
    finds(VM("a", "1", "64M") "exit_port = 0x501\nready_port = 0x501\n",
          "config:7:14: error: vm \"a\": port 0x501 is the exit port, too; choose another\n");
    finds(VM("a", "1", "64M") "ready = \"up\"\nready_port = 0x510\n",
          "config:7:14: error: vm \"a\": \"ready\" in line 6 says already when the guest is ready; "
          "remove one of the two\n");
}

static void the_console_speed_divides_115200(void **state)
{
    (void)state;
    finds("[hypervisor]\nconsole_speed = 9600\n" VM("a", "1", "64M"), "");
    assert_int_equal(config.hypervisor.console_speed, 9600);
    hypervisor_line_finds("console_speed = 10000",
                          "17: error: a UART cannot run at 10000 bit/s; write 115200 or what "
                          "divides it: 57600, 38400, 19200, 9600");
    hypervisor_line_finds("console_speed = 0",
                          "17: error: a UART cannot run at 0 bit/s; write 115200 or what divides "
                          "it: 57600, 38400, 19200, 9600");
    hypervisor_line_finds("console_speed = 230400",
                          "17: error: a UART cannot run at 230400 bit/s; write 115200 or what "
                          "divides it: 57600, 38400, 19200, 9600");
}

static void words_that_are_not_known_are_answered_with_those_that_are(void **state)
{
    (void)state;
    hypervisor_line_finds("log = \"Info\"",
                          "7: error: \"Info\" is not a log level; write \"error\", \"warning\", "
                          "\"info\" or \"debug\"");
    hypervisor_line_finds("when_all_stopped = \"halt\"",
                          "20: error: \"halt\" is nothing that the machine can do; write "
                          "\"poweroff\", \"reboot\" or \"wait\"");
    hypervisor_line_finds("selftest = \"vt-d\"",
                          "12: error: there is no self-test \"vt-d\"; write \"vtd\", or leave the "
                          "key out to start guests");
}

#define BAD_NAME(shown) \
    "config:2:8: error: \"" shown "\" is not a name; use 1 to 31 small letters, digits and -\n"

static void names_have_small_letters_digits_and_hyphens(void **state)
{
    (void)state;
    finds(VM("abcdefghijklmnopqrstuvwxyz-0123", "1", "64M"), "");
    finds(VM("abcdefghijklmnopqrstuvwxyz-01234", "1", "64M"),
          BAD_NAME("abcdefghijklmnopqrstuvwxyz-01234"));
    finds(VM("", "1", "64M"), BAD_NAME(""));
    finds(VM("Web", "1", "64M"), BAD_NAME("Web"));
    finds(VM("web 1", "1", "64M"), BAD_NAME("web 1"));
    finds(VM("w\\u001b[2J", "1", "64M"), BAD_NAME("w?[2J"));
}

static void a_name_is_given_to_one_guest_only(void **state)
{
    (void)state;
    finds(VM("a", "1", "64M") VM("b", "1", "64M") VM("a", "1", "64M") VM("a", "1", "64M"),
          "config:12:8: error: vm \"a\": the guest in line 1 has this name already; choose "
          "another\n"
          "config:17:8: error: vm \"a\": the guest in line 1 has this name already; choose "
          "another\n");
}

static void a_count_of_cpus_is_1_to_8(void **state)
{
    (void)state;
    finds(VM("a", "0", "64M"), "config:3:8: error: vm \"a\": a guest cannot have 0 CPUs; write 1 to "
                               "8, or [0] for the CPU of that number\n");
    finds(VM("a", "9", "64M"),
          "config:3:8: error: vm \"a\": a guest cannot have 9 CPUs; write 1 to 8\n");
    finds(VM("a", "-1", "64M"),
          "config:3:8: error: vm \"a\": a guest cannot have -1 CPUs; write 1 to 8\n");
}

static void a_list_of_cpus_holds_different_numbers(void **state)
{
    (void)state;
    finds(VM("a", "[]", "64M"), "config:3:8: error: vm \"a\": the list of CPUs is empty; write at "
                                "least one number, as in [1]\n");
    finds(VM("a", "[1, 2, 1]", "64M"),
          "config:3:15: error: vm \"a\": CPU 1 is listed twice; remove one of the two\n");
    finds(VM("a", "[\"1\"]", "64M"), "config:3:9: error: vm \"a\": a list of CPUs holds numbers "
                                     "without quotes; write it as in [0, 1]\n");
    finds(VM("a", "[-1, 64]", "64M"),
          "config:3:9: error: vm \"a\": -1 is not a CPU's number; CPUs are numbered 0 to 63 at "
          "most\n"
          "config:3:13: error: vm \"a\": 64 is not a CPU's number; CPUs are numbered 0 to 63 at "
          "most\n");
    inventory.cpu_count = 9;
    finds(VM("a", "[0,1,2,3,4,5,6,7,\n8]", "64M"),
          "config:4:1: error: vm \"a\": a guest can have at most 8 CPUs; remove CPU 8\n");
}

static void a_cpu_that_does_not_exist_is_answered_with_those_that_do(void **state)
{
    (void)state;
    finds(VM("a", "[3, 4]", "64M"), "config:3:12: error: vm \"a\": CPU 4 does not exist; this "
                                    "machine has CPUs 0 to 3\n");
    inventory.cpu_count = 1;
    finds(VM("a", "[0, 1]", "64M"), "config:3:12: error: vm \"a\": CPU 1 does not exist; this "
                                    "machine has CPU 0 only\n");
}

static void a_cpu_claimed_twice_names_its_owner_and_what_is_free(void **state)
{
    (void)state;
    finds(VM("a", "[0, 1]", "64M") VM("b", "[1]", "64M"),
          "config:8:9: error: vm \"b\": CPU 1 already belongs to vm \"a\" in line 1; free: 2, 3\n");
    finds(VM("A", "[0, 1, 2, 3]", "64M") VM("b", "[1]", "64M"),
          BAD_NAME("A")
          "config:8:9: error: vm \"b\": CPU 1 already belongs to the guest in line 1; free: "
          "none\n");
}

static void a_count_beyond_the_free_cpus_says_how_many_there_are(void **state)
{
    (void)state;
    finds(VM("a", "[0, 1]", "64M") VM("b", "1", "64M") VM("c", "2", "64M"),
          "config:13:8: error: vm \"c\": not enough CPUs: this guest asks for 2, and 1 of the "
          "machine's 4 is free for it\n");
    finds(VM("a", "5", "64M"), "config:3:8: error: vm \"a\": not enough CPUs: this guest asks for "
                               "5, and 4 of the machine's 4 are free for it\n");
}

#define BAD_MEMORY(text) "config:4:10: error: vm \"a\": " text "\n"
#define NO_AMOUNT(shown) \
    BAD_MEMORY("\"" shown "\" is not an amount of memory; write a number and M or G, as in " \
               "\"256M\" or \"1G\"")

static void memory_is_a_number_and_a_unit(void **state)
{
    (void)state;
    finds(VM("a", "1", "1G"), "");
    assert_int_equal(config.vms[0].memory_bytes, GIB(1));
    finds(VM("a", "1", "64MiB"), "");
    finds(VM("a", "1", "1 GiB"), "");
    finds(VM("a", "1", "256"), NO_AMOUNT("256"));
    finds(VM("a", "1", "256MB"), NO_AMOUNT("256MB"));
    finds(VM("a", "1", "256m"), NO_AMOUNT("256m"));
    finds(VM("a", "1", "1.5G"), NO_AMOUNT("1.5G"));
    finds(VM("a", "1", "256  M"), NO_AMOUNT("256  M"));
    finds(VM("a", "1", "-1G"), NO_AMOUNT("-1G"));
    finds(VM("a", "1", "G"), NO_AMOUNT("G"));
    finds(VM("a", "1", ""), NO_AMOUNT(""));
}

static void memory_is_a_multiple_of_2_mib_within_limits(void **state)
{
    (void)state;
    finds(VM("a", "1", "257M"),
          BAD_MEMORY("\"257M\" is not a multiple of 2 MiB; write \"256M\" or \"258M\""));
    finds(VM("a", "1", "14M"),
          BAD_MEMORY("\"14M\" is too little for a guest; write at least \"16M\""));
    finds(VM("a", "1", "0G"),
          BAD_MEMORY("\"0G\" is too little for a guest; write at least \"16M\""));
    finds(VM("a", "1", "1025G"),
          BAD_MEMORY("\"1025G\" is more than a guest can have; write at most \"1024G\""));
    finds(VM("a", "1", "99999999999999999999999G"),
          BAD_MEMORY("\"99999999999999999999999G\" is more than a guest can have; write at most "
                     "\"1024G\""));
}

static void memory_that_does_not_fit_says_what_there_is(void **state)
{
    (void)state;
    finds(VM("a", "1", "768M") VM("b", "1", "512M"),
          "config:9:10: error: vm \"b\": 512 MiB does not fit; the guests ask for 1280 MiB together "
          "and 1 GiB is free, of which 256 MiB in one block is left for this one\n");
    finds(VM("a", "1", "1G") VM("b", "1", "16M"),
          "config:9:10: error: vm \"b\": 16 MiB does not fit; the guests ask for 1040 MiB together "
          "and 1 GiB is free, of which nothing in one block is left for this one\n");
    inventory.region_count = 0;
    finds(VM("a", "1", "64M"),
          "config:4:10: error: vm \"a\": 64 MiB does not fit; the guests ask for 64 MiB together "
          "and 0 bytes is free, of which nothing in one block is left for this one\n");
}

static void set_regions(uint32_t count, const struct memory_region *regions)
{
    inventory.region_count = count;
    memcpy(inventory.regions, regions, count * sizeof(regions[0]));
}

static void memory_is_one_block_in_one_region(void **state)
{
    static const struct memory_region regions[] = { { HPA(MIB(16)), MIB(512) },
                                                    { HPA(GIB(4)), MIB(512) } };

    (void)state;
    set_regions(2, regions);
    finds(VM("a", "1", "768M"),
          "config:4:10: error: vm \"a\": 768 MiB does not fit; the guests ask for 768 MiB together "
          "and 1 GiB is free, of which 512 MiB in one block is left for this one\n");
    finds(VM("a", "1", "512M") VM("b", "1", "512M"), "");
    assert_int_equal(config.vms[0].memory_base.value, MIB(16));
    assert_int_equal(config.vms[1].memory_base.value, GIB(4));
}

static void a_region_counts_from_its_first_2_mib_boundary(void **state)
{
    static const struct memory_region regions[] = {
        { HPA(MIB(2) + KIB(4)), MIB(32) },         /* 30 MiB from 4 MiB on */
        { HPA(MIB(100) + KIB(4)), MIB(2) - KIB(4) } /* nothing */
    };

    (void)state;
    set_regions(2, regions);
    finds(VM("a", "1", "30M"), "");
    assert_int_equal(config.vms[0].memory_base.value, MIB(4));
    finds(VM("a", "1", "32M"),
          "config:4:10: error: vm \"a\": 32 MiB does not fit; the guests ask for 32 MiB together "
          "and 30 MiB is free, of which 30 MiB in one block is left for this one\n");
}

static void large_guests_are_placed_on_1_gib_boundaries_where_there_is_room(void **state)
{
    static const struct memory_region roomy[] = { { HPA(MIB(512)), GIB(3) } };
    static const struct memory_region tight[] = { { HPA(MIB(512)), GIB(1) } };

    (void)state;
    set_regions(1, roomy);
    finds(VM("small", "1", "64M") VM("large", "1", "1G"), "");
    assert_int_equal(config.vms[1].memory_base.value, GIB(1));
    assert_int_equal(config.vms[0].memory_base.value, MIB(512));
    set_regions(1, tight);
    finds(VM("large", "1", "1G"), "");
    assert_int_equal(config.vms[0].memory_base.value, MIB(512));
}

static void a_guest_takes_the_smallest_region_that_holds_it(void **state)
{
    static const struct memory_region regions[] = { { HPA(GIB(4)), MIB(512) },
                                                    { HPA(MIB(16)), MIB(128) } };

    (void)state;
    set_regions(2, regions);
    finds(VM("small", "1", "128M") VM("large", "1", "512M"), "");
    assert_int_equal(config.vms[0].memory_base.value, MIB(16));
    assert_int_equal(config.vms[1].memory_base.value, GIB(4));
}

#define BAD_IMAGE(shown) \
    "11: error: vm \"a\": \"" shown "\" is not an image's name; use 1 to 63 letters, digits and " \
    ". _ + - ~, without a folder"

static void an_image_is_named_without_its_folder(void **state)
{
    (void)state;
    line_finds("initrd =  \"\"", BAD_IMAGE(""));
    line_finds("initrd =  \"boot/initrd\"", BAD_IMAGE("boot/initrd"));
    line_finds("initrd =  \"a b\"", BAD_IMAGE("a b"));
    line_finds("initrd =  \"0123456789012345678901234567890123456789012345678901234567890123\"",
               BAD_IMAGE("01234567890123456789012345678901234567890123..."));
}

static void a_missing_image_is_answered_with_those_present(void **state)
{
    (void)state;
    line_finds("initrd = \"initramfs\"", "10: error: vm \"a\": there is no image \"initramfs\"; "
                                         "present: vmlinuz, initrd.img, tiny, elf");
    inventory.module_count = 0;
    finds(VM("a", "1", "64M"),
          "config:5:10: error: vm \"a\": there is no image \"vmlinuz\"; present: none\n");
}

static void a_long_list_of_images_is_cut_by_number(void **state)
{
    static const char *const names[] = {
        "image-with-a-long-name-1", "image-with-a-long-name-2", "image-with-a-long-name-3",
        "image-with-a-long-name-4", "image-with-a-long-name-5", "image-with-a-long-name-6",
    };

    (void)state;
    inventory.module_count = 6;
    for (uint32_t i = 0; i < 6; i++)
        inventory.modules[i] = (struct inventory_module){ .name = names[i], .size = 1 };
    finds(VM("a", "1", "64M"),
          "config:5:10: error: vm \"a\": there is no image \"vmlinuz\"; present: "
          "image-with-a-long-name-1, image-with-a-long-name-2, image-with-a-long-name-3 and 3 "
          "more\n");
}

#define NO_KERNEL \
    "the file is no kernel that Bulkhead knows: no Linux bzImage, no ELF file, and without a " \
    "header of Multiboot or Multiboot2"

static void an_image_that_cannot_be_started_says_why(void **state)
{
    (void)state;
    finds("[[vm]]\nname = \"a\"\ncpus = 1\nmemory = \"64M\"\nkernel = \"initrd.img\"\n",
          "config:5:10: error: vm \"a\": " NO_KERNEL "\n");
}

/* The place is that of the key to change. */
static void images_that_do_not_fit_say_why(void **state)
{
    (void)state;
    finds(VM("a", "1", "26M") "initrd = \"initrd.img\"\n",
          "config:6:10: error: vm \"a\": the initrd takes 20 MiB; beside the kernel there is room "
          "for 17 MiB, so the guest needs more memory\n");
    finds(VM("a", "1", "30M") "initrd = \"initrd.img\"\n", "");
    fake_bzimage(kernel, MIB(1), MIB(8));
    kernel[0x238] = 3, kernel[0x239] = 0; /* characters of a command line */
    line_finds("cmdline = \"quiet\"",
               "11: error: vm \"a\": the command line has 5 characters; the kernel takes 3");
}

static void a_format_is_one_of_those_there_are(void **state)
{
    (void)state;
    line_finds("format = \"elf\"", "10: error: vm \"a\": \"elf\" is not a kernel's format; write "
                                   "\"linux\", \"multiboot\", \"multiboot2\", \"pvh\" or "
                                   "\"flat\"");
    finds(VM("a", "1", "64M") "format = \"linux\"\n", "");
    assert_int_equal(config.vms[0].kind, GUEST_KIND_LINUX);
    finds(VM("a", "1", "64M") "format = \"multiboot\"\n",
          "config:5:10: error: vm \"a\": the file has no Multiboot header in its first 8192 "
          "bytes\n");
}

/* A guest of another kind, in five lines. */
#define MULTIBOOT_VM "[[vm]]\nname = \"a\"\ncpus = 1\nmemory = \"16M\"\nkernel = \"elf\"\n"

static void each_module_is_a_file_and_its_command_line(void **state)
{
    (void)state;
    finds(MULTIBOOT_VM "modules = [\"tiny\", # none\n \"initrd.img\", 'tiny  two \"words\" ',]\n",
          "config:6:11: error: vm \"a\": module 2 has 20971520 bytes and does not fit beside the "
          "kernel; give the guest more memory\n");
    assert_int_equal(config.vms[0].module_count, 3);
    inventory.modules[1].size = 5;
    finds(MULTIBOOT_VM "modules = [\"tiny\", \"initrd.img\", 'tiny  two \"words\" ']\n", "");
    struct guest_boot boot = config_guest_boot(&config.vms[0], &inventory);
    assert_int_equal(boot.module_count, 3);
    assert_ptr_equal(boot.modules[0].file.bytes, kernel);
    assert_string_equal(boot.modules[0].string, "");
    assert_int_equal(boot.modules[1].file.size, 5);
    assert_string_equal(boot.modules[2].string, " two \"words\" ");
    finds(MULTIBOOT_VM "modules = []\n", "");
}

static void each_wrong_module_is_reported_at_its_place(void **state)
{
    (void)state;
    inventory.modules[1].size = 5;
    finds(MULTIBOOT_VM "modules = [\"none\", 7, \"a/b\", \"tiny a\\tb\", \"\", \"tiny\"]\n",
          "config:6:12: error: vm \"a\": there is no image \"none\"; present: vmlinuz, initrd.img, "
          "tiny, elf\n"
          "config:6:20: error: vm \"a\": a list of modules holds strings, a file's name and its "
          "command line; write it as in [\"root.img\", \"settings quiet\"]\n"
          "config:6:23: error: vm \"a\": \"a/b\" is not an image's name; use 1 to 63 letters, "
          "digits and . _ + - ~, without a folder\n"
          "config:6:30: error: vm \"a\": a command line cannot hold control character 09h; put a "
          "space there\n"
          "config:6:43: error: vm \"a\": \"\" is not an image's name; use 1 to 63 letters, digits "
          "and . _ + - ~, without a folder\n");
    finds(MULTIBOOT_VM "modules = \"tiny\"\n",
          "config:6:11: error: vm \"a\": \"modules\" must be a list of files, as in [\"root.img\", "
          "\"settings quiet\"]\n");
}

static void a_guest_has_at_most_16_modules_with_4096_characters(void **state)
{
    static char text[20000];
    (void)state;
    strcpy(text, MULTIBOOT_VM "modules = [");
    for (unsigned i = 0; i < 17; i++)
        strcat(text, "\n\"tiny\",");
    strcat(text, "]\n");
    finds(text, "config:23:1: error: vm \"a\": a guest can have at most 16 modules; remove this "
                "one\n");
    snprintf(text, sizeof text, "%s[\"tiny %0*d\", \n\"tiny %0*d\"]\n", MULTIBOOT_VM "modules = ",
             2000, 0, 2040, 0);
    finds(text, "");
    snprintf(text, sizeof text, "%s[\"tiny %0*d\",\n\"tiny %0*d\",\n\"tiny %0*d\"]\n",
             MULTIBOOT_VM "modules = ", 2000, 0, 2040, 0, 54, 0);
    finds(text, "config:8:1: error: vm \"a\": the command lines of the modules have more than 4096 "
                "characters together; shorten them\n");
}

static void an_initrd_is_for_linux_and_modules_are_for_the_others(void **state)
{
    (void)state;
    line_finds("modules = [\"tiny\"]",
               "11: error: vm \"a\": the kernel is a Linux bzImage, which takes no modules; it can "
               "have one \"initrd\"");
    finds(MULTIBOOT_VM "initrd = \"tiny\"\n",
          "config:6:10: error: vm \"a\": an initrd is for a Linux bzImage, and the kernel is "
          "Multiboot; list the file in \"modules\"\n");
}

#define FLAT_VM \
    "[[vm]]\nname = \"a\"\ncpus = 1\nmemory = \"16M\"\nkernel = \"tiny\"\nformat = \"flat\"\n"

static void a_flat_image_is_started_as_the_configuration_says(void **state)
{
    static const struct { const char *word; enum entry_mode mode; } modes[] = {
        { "real", ENTRY_REAL }, { "protected", ENTRY_PROTECTED }, { "long", ENTRY_LONG },
    };
    char text[256];
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        snprintf(text, sizeof text, FLAT_VM "mode = \"%s\"\nload_address = 0x7c00\n%s",
                 modes[i].word, i == 2 ? "entry = 0x7c10\n" : "");
        finds(text, "");
        struct guest_boot boot = config_guest_boot(&config.vms[0], &inventory);
        assert_int_equal(boot.kind, GUEST_KIND_FLAT);
        assert_int_equal(boot.flat.mode, modes[i].mode);
        assert_int_equal(boot.flat.load_address, 0x7C00);
        assert_int_equal(boot.flat.entry, i == 2 ? 0x7C10 : 0x7C00);
    }
}

static void a_flat_image_needs_to_be_told_everything(void **state)
{
    (void)state;
    finds(FLAT_VM, "config:6:10: error: vm \"a\": a flat image needs \"load_address\"; add a line as "
                   "in: load_address = 0x7c00\n"
                   "config:6:10: error: vm \"a\": a flat image needs \"mode\"; add a line as in: "
                   "mode = \"real\"\n");
    finds(FLAT_VM "mode = \"unreal\"\nload_address = -1\nentry = 0x100000000\n",
          "config:7:8: error: vm \"a\": \"unreal\" is not a mode; write \"real\", \"protected\" or "
          "\"long\"\n"
          "config:8:16: error: vm \"a\": -1 is not an address below 4 GiB; write one as in "
          "0x100000\n"
          "config:9:9: error: vm \"a\": 4294967296 is not an address below 4 GiB; write one as in "
          "0x100000\n");
    finds(FLAT_VM "mode = \"real\"\nload_address = 0x7c00\ncmdline = \"x\"\n",
          "config:9:11: error: vm \"a\": a flat image has no command line, for it is told nothing; "
          "remove this line\n");
    finds(FLAT_VM "mode = \"real\"\nload_address = 0x7c00\nmodules = [\"tiny\"]\n",
          "config:9:11: error: vm \"a\": a flat image has no modules, for it is told nothing; "
          "remove this line\n");
}

static void what_is_for_flat_images_is_refused_elsewhere(void **state)
{
    (void)state;
    line_finds("load_address = 0x100000", "16: error: vm \"a\": \"load_address\" is for flat "
                                          "images; add format = \"flat\" or remove this line");
    line_finds("mode = \"long\"", "8: error: vm \"a\": \"mode\" is for flat images; add format = "
                                  "\"flat\" or remove this line");
}

/* All is reported at once: images are looked at whatever else is wrong. */
static void images_are_checked_although_the_memory_is_wrong(void **state)
{
    (void)state;
    finds("[[vm]]\nname = \"a\"\ncpus = 9\nmemory = \"7M\"\nkernel = \"initrd.img\"\n",
          "config:3:8: error: vm \"a\": a guest cannot have 9 CPUs; write 1 to 8\n"
          "config:4:10: error: vm \"a\": \"7M\" is too little for a guest; write at least "
          "\"16M\"\n"
          "config:5:10: error: vm \"a\": " NO_KERNEL "\n");
}

static void a_command_line_holds_up_to_2047_characters_on_one_line(void **state)
{
    static char text[4096];

    (void)state;
    snprintf(text, sizeof(text), "%scmdline = \"%0*d\"\n", VM("a", "1", "64M"), 2047, 0);
    finds(text, "");
    assert_int_equal(strlen(config.vms[0].cmdline), 2047);
    line_finds("cmdline = \"a\\nb\"", "11: error: vm \"a\": a command line cannot hold control "
                                      "character 0Ah; put a space there");
}

static void all_errors_are_reported_at_once(void **state)
{
    (void)state;
    run("x = 1\n[hypervisor]\nlog = \"x\"\nconsole_speed = 7\n"
        "[[vm]]\nname = \"A\"\ncpus = [9]\nmemory = \"1M\"\nkernel = \"none\"\n"
        "[[vm]]\nname = 'b\ncpus = 99\nmemory = \"4G\"\nkernel = \"initrd.img\"\nnmae = 1\n");
    assert_int_equal(findings.error_count, 12);
    for (uint32_t i = 1; i < findings.count; i++)
        assert_true(findings.list[i].place.line >= findings.list[i - 1].place.line);
}

static void edit_distance_counts_exchanged_neighbours_as_one(void **state)
{
    (void)state;
    assert_int_equal(edit_distance("", ""), 0);
    assert_int_equal(edit_distance("", "abc"), 3);
    assert_int_equal(edit_distance("abc", ""), 3);
    assert_int_equal(edit_distance("kernel", "kernel"), 0);
    assert_int_equal(edit_distance("kernal", "kernel"), 1);
    assert_int_equal(edit_distance("kenrel", "kernel"), 1);
    assert_int_equal(edit_distance("kitten", "sitting"), 3);
    assert_int_equal(edit_distance("0123456789012345678901234567890", "x"), 31);
    assert_int_equal(edit_distance("01234567890123456789012345678901", "x"), UINT32_MAX);
}

static void an_amount_never_exceeds_its_limit(void **state)
{
    uint64_t bytes = 7;

    (void)state;
    assert_int_equal(amount_read("2G", GIB(2), &bytes), AMOUNT_GOOD);
    assert_int_equal(bytes, GIB(2));
    assert_int_equal(amount_read("2049M", GIB(2), &bytes), AMOUNT_TOO_LARGE);
    assert_int_equal(amount_read("17179869184G", UINT64_MAX, &bytes), AMOUNT_TOO_LARGE);
    assert_int_equal(amount_read("17179869183G", UINT64_MAX, &bytes), AMOUNT_GOOD);
    assert_int_equal(bytes, 17179869183ull << 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_whole_configuration_is_read, set_up),
        cmocka_unit_test_setup(what_is_not_given_has_its_default, set_up),
        cmocka_unit_test_setup(a_count_takes_the_lowest_cpus_that_no_list_claims, set_up),
        cmocka_unit_test_setup(an_empty_configuration_has_no_guest, set_up),
        cmocka_unit_test_setup(a_self_test_needs_no_guest, set_up),
        cmocka_unit_test_setup(each_missing_key_is_named_with_an_example, set_up),
        cmocka_unit_test_setup(syntax_errors_name_the_guest_whose_lines_they_are_in, set_up),
        cmocka_unit_test_setup(a_value_that_could_not_be_read_is_not_reported_as_missing, set_up),
        cmocka_unit_test_setup(an_unknown_key_is_answered_with_the_nearest_one, set_up),
        cmocka_unit_test_setup(an_unknown_key_that_resembles_none_is_answered_with_all, set_up),
        cmocka_unit_test_setup(a_misspelt_key_is_not_missing_besides, set_up),
        cmocka_unit_test_setup(a_key_of_the_other_table_is_sent_there, set_up),
        cmocka_unit_test_setup(a_key_before_any_table_is_told_where_to_go, set_up),
        cmocka_unit_test_setup(a_key_given_twice_is_an_error_at_the_second, set_up),
        cmocka_unit_test_setup(tables_that_are_almost_right_are_reported_and_still_read, set_up),
        cmocka_unit_test_setup(an_unknown_table_is_one_error_whatever_it_holds, set_up),
        cmocka_unit_test_setup(a_second_hypervisor_table_is_an_error, set_up),
        cmocka_unit_test_setup(a_ninth_guest_is_one_too_many, set_up),
        cmocka_unit_test_setup(a_value_of_the_wrong_type_says_what_is_wanted, set_up),
        cmocka_unit_test_setup(the_console_port_is_a_name_or_a_number, set_up),
        cmocka_unit_test_setup(the_console_can_be_elsewhere_than_at_a_port, set_up),
        cmocka_unit_test_setup(a_place_of_the_console_that_cannot_be_is_refused, set_up),
        cmocka_unit_test_setup(a_watchdog_is_asked_for_by_device_or_time, set_up),
        cmocka_unit_test_setup(the_watchdogs_ports_are_its_own, set_up),
        cmocka_unit_test_setup(the_exit_port_is_one_that_no_device_has, set_up),
        cmocka_unit_test_setup(how_a_guest_starts_and_starts_again_is_said_in_words, set_up),
        cmocka_unit_test_setup(a_guest_waits_for_others_that_there_are, set_up),
        cmocka_unit_test_setup(one_guest_is_the_manager, set_up),
        cmocka_unit_test_setup(a_manager_does_not_own_the_machines_second_serial_port, set_up),
        cmocka_unit_test_setup(no_guests_wait_in_a_circle, set_up),
        cmocka_unit_test_setup(a_guest_is_ready_by_one_thing, set_up),
        cmocka_unit_test_setup(the_log_of_a_guest_is_what_it_is_refused_or_all_that_it_touches, set_up),
        cmocka_unit_test_setup(the_console_speed_divides_115200, set_up),
        cmocka_unit_test_setup(words_that_are_not_known_are_answered_with_those_that_are, set_up),
        cmocka_unit_test_setup(names_have_small_letters_digits_and_hyphens, set_up),
        cmocka_unit_test_setup(a_name_is_given_to_one_guest_only, set_up),
        cmocka_unit_test_setup(a_count_of_cpus_is_1_to_8, set_up),
        cmocka_unit_test_setup(a_list_of_cpus_holds_different_numbers, set_up),
        cmocka_unit_test_setup(a_cpu_that_does_not_exist_is_answered_with_those_that_do, set_up),
        cmocka_unit_test_setup(a_cpu_claimed_twice_names_its_owner_and_what_is_free, set_up),
        cmocka_unit_test_setup(a_count_beyond_the_free_cpus_says_how_many_there_are, set_up),
        cmocka_unit_test_setup(memory_is_a_number_and_a_unit, set_up),
        cmocka_unit_test_setup(memory_is_a_multiple_of_2_mib_within_limits, set_up),
        cmocka_unit_test_setup(memory_that_does_not_fit_says_what_there_is, set_up),
        cmocka_unit_test_setup(memory_is_one_block_in_one_region, set_up),
        cmocka_unit_test_setup(a_region_counts_from_its_first_2_mib_boundary, set_up),
        cmocka_unit_test_setup(large_guests_are_placed_on_1_gib_boundaries_where_there_is_room,
                               set_up),
        cmocka_unit_test_setup(a_guest_takes_the_smallest_region_that_holds_it, set_up),
        cmocka_unit_test_setup(an_image_is_named_without_its_folder, set_up),
        cmocka_unit_test_setup(a_missing_image_is_answered_with_those_present, set_up),
        cmocka_unit_test_setup(a_long_list_of_images_is_cut_by_number, set_up),
        cmocka_unit_test_setup(an_image_that_cannot_be_started_says_why, set_up),
        cmocka_unit_test_setup(images_that_do_not_fit_say_why, set_up),
        cmocka_unit_test_setup(a_format_is_one_of_those_there_are, set_up),
        cmocka_unit_test_setup(each_module_is_a_file_and_its_command_line, set_up),
        cmocka_unit_test_setup(each_wrong_module_is_reported_at_its_place, set_up),
        cmocka_unit_test_setup(a_guest_has_at_most_16_modules_with_4096_characters, set_up),
        cmocka_unit_test_setup(an_initrd_is_for_linux_and_modules_are_for_the_others, set_up),
        cmocka_unit_test_setup(a_flat_image_is_started_as_the_configuration_says, set_up),
        cmocka_unit_test_setup(a_flat_image_needs_to_be_told_everything, set_up),
        cmocka_unit_test_setup(what_is_for_flat_images_is_refused_elsewhere, set_up),
        cmocka_unit_test_setup(images_are_checked_although_the_memory_is_wrong, set_up),
        cmocka_unit_test_setup(a_command_line_holds_up_to_2047_characters_on_one_line, set_up),
        cmocka_unit_test_setup(all_errors_are_reported_at_once, set_up),
        cmocka_unit_test(edit_distance_counts_exchanged_neighbours_as_one),
        cmocka_unit_test(an_amount_never_exceeds_its_limit),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
