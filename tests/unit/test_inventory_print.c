/* SPDX-License-Identifier: MIT
 *
 * hv/inventory_print.c with hv/log_row.c, hv/pci_class.c and hv/cpu_identity.c:
 * what the user reads of a machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/pci.h"
#include "hv/inventory_print.h"
#include "hv/log_row.h"
#include "hv/text.h"
#include "tests/fake/terminal.h"

#define LINE "[bulkhead TEST] "
#define EOL "\r\n"
#define COLUMNS_MAX 110

static struct pci_inventory pci;
static struct inventory inventory;

static int set_up(void **state)
{
    (void)state;
    fake_terminal_reset();
    memset(&pci, 0, sizeof pci);
    memset(&inventory, 0, sizeof inventory);
    return 0;
}

static struct pci_function *add(uint8_t bus, uint8_t device, uint8_t function, uint16_t class_code)
{
    struct pci_function *added = &pci.functions[pci.count++];
    added->address = (struct pci_address){ 0, bus, (uint8_t)(device << 3 | function) };
    added->vendor_id = 0x8086;
    added->device_id = 0x2922;
    added->class_code = class_code;
    added->group = 5;
    return added;
}

/* What was shown, each line of which keeps to the columns of a terminal. */
static const char *shown(void)
{
    const char *text = fake_terminal_shown();
    for (const char *at = text; *at != '\0';) {
        const char *end = strstr(at, EOL);
        assert_non_null(end);
        assert_true(end - at <= COLUMNS_MAX);
        at = end + 2;
    }
    return text;
}

static void a_function_is_a_line(void **state)
{
    (void)state;
    struct pci_function *sata = add(0, 0x1F, 2, 0x0106);
    sata->interrupt_pin = 2;
    sata->interrupt_line = 10;
    sata->msi = 0x80;
    sata->bars[4] = (struct pci_bar){ 0xE060, PCI_SPACE_IO, 5, false };
    inventory_print_pci(&pci);
    assert_string_equal(shown(),
                        LINE "  00:1f.2  SATA controller       8086:2922  group 5  INTB irq 10  "
                             "MSI  BAR4 io e060 32" EOL);
}

static void items_that_do_not_fit_are_on_the_next_line(void **state)
{
    (void)state;
    struct pci_function *card = add(1, 0, 0, 0x0200);
    card->address.segment = 0x12;
    card->flags = PCI_IS_EXPRESS | PCI_RESETS_ALONE;
    card->interrupt_pin = 1;
    card->interrupt_line = 0xFF;
    card->msix = 0x70;
    card->msix_vectors = 64;
    card->virtual_functions = 8;
    card->bars[0] = (struct pci_bar){ 0x383FFFF00000, PCI_SPACE_MEMORY_64, 19, true };
    card->bars[3] = (struct pci_bar){ 0, PCI_SPACE_MEMORY_64, 33, true };
    card->bars[5] = (struct pci_bar){ 0xFEB80000, PCI_SPACE_MEMORY_32, 12, false };
    card->bars[PCI_BAR_ROM] = (struct pci_bar){ 0, PCI_SPACE_MEMORY_32, 20, false };
    inventory_print_pci(&pci);
    assert_string_equal(shown(),
                        LINE "  0012:01:00.0  Ethernet controller   8086:2922  group 5  INTA  "
                             "MSI-X 64  FLR  SR-IOV 8" EOL
                        LINE "          BAR0 64-bit pref 383ffff00000 512K  "
                             "BAR3 64-bit pref unset 8G  BAR5 feb80000 4K" EOL
                        LINE "          ROM unset 1M" EOL);
}

static void a_bridge_says_where_it_leads(void **state)
{
    (void)state;
    struct pci_function *port = add(0, 6, 1, PCI_CLASS_PCI_BRIDGE);
    port->flags = PCI_IS_EXPRESS | PCI_ISOLATES;
    port->port_type = PCI_PORT_ROOT;
    port->secondary_bus = 3;
    port->subordinate_bus = 0x16;
    inventory_print_pci(&pci);
    assert_string_equal(shown(), LINE "  00:06.1  root port             8086:2922  group 5  "
                                      "bus 03-16  ACS" EOL);
}

static void what_has_no_name_is_shown_by_its_class(void **state)
{
    (void)state;
    add(0, 3, 0, 0x00FF);
    inventory_print_pci(&pci);
    assert_non_null(strstr(shown(), "  00:03.0  class 00ff            8086:2922  group 5" EOL));
}

static void memory_that_no_guest_could_get_is_left_out(void **state)
{
    (void)state;
    inventory.cpu_count = 4;
    inventory.region_count = 5;
    inventory.regions[0] = (struct memory_region){ HPA(0x1000), MIB(1) };
    inventory.regions[1] = (struct memory_region){ HPA(MIB(2) - 0x1000), MIB(4) - 0x1000 };
    inventory.regions[4] = (struct memory_region){ HPA(GIB(64) - MIB(1)), MIB(3) - 0x1000 };
    inventory.regions[2] = (struct memory_region){ HPA(MIB(16)), MIB(1008) };
    inventory.regions[3] = (struct memory_region){ HPA(GIB(4)), GIB(12) };
    inventory.module_count = 2;
    inventory.modules[0].size = 1000;
    inventory.modules[1].size = 24;
    pci.count = 7;
    inventory_print_head(&inventory, &pci);
    inventory_print_memory(&inventory);
    assert_string_equal(shown(), LINE "inventory: cpus 4, memory blocks 3, functions 7, "
                                      "image bytes 1024" EOL
                                 LINE "  memory 1ff000-5fdfff  4092 KiB" EOL
                                 LINE "  memory 1000000-3fffffff  1008 MiB" EOL
                                 LINE "  memory 100000000-3ffffffff  12 GiB" EOL);
}

static void a_hybrid_processor_shows_its_kinds_of_cores(void **state)
{
    (void)state;
    static struct cpu_identity all[24];
    const struct cpu_identity *cpus[24];
    for (unsigned i = 0; i < 24; i++) {
        bool big = i < 16;
        all[i] = (struct cpu_identity){
            .apic_id = big ? i / 2 * 8 + i % 2 : 64 + 2 * (i - 16), .signature = 0x906A3,
            .microcode = 0x430, .core_type = big ? CORE_TYPE_CORE : CORE_TYPE_ATOM,
            .features = 1u << 26 | 1u << 10, .arch_capabilities = 1u << 0 | 1u << 5,
            .brand = "A processor" };
        cpus[i] = &all[i];
    }
    all[23].microcode = 0x42F;
    inventory_print_cpus(cpus, 24);
    assert_string_equal(shown(),
        LINE "  cpus from 0: performance cores, APIC ids  0  1  8  9  16  17  24  25  32  33  40  41  48  49" EOL
        LINE "          56  57" EOL
        LINE "  cpus from 16: efficient cores, APIC ids  64  66  68  70  72  74  76  78" EOL
        LINE "  cpu 0: A processor  06-9a-03  microcode 430" EOL
        LINE "  against speculation:  IBRS_IBPB  MD_CLEAR  RDCL_NO  MDS_NO" EOL
        LINE "  cpu 23: A processor  06-9a-03  microcode 42f" EOL
        LINE "  against speculation:  IBRS_IBPB  MD_CLEAR  RDCL_NO  MDS_NO" EOL);
}

static void a_processor_that_says_nothing_of_speculation_has_no_line_of_it(void **state)
{
    (void)state;
    struct cpu_identity old = { .signature = 0x10FF0, .brand = "\x1B[2J" };
    const struct cpu_identity *cpus[] = { &old };
    inventory_print_cpus(cpus, 1);
    assert_string_equal(shown(), LINE "  cpus from 0: APIC ids  0" EOL
                                 LINE "  cpu 0: ?[2J  0f-1f-00  microcode 0" EOL);
}

static void who_has_the_erratum_of_page_sizes_is_known(void **state)
{
    (void)state;
    static const struct { uint32_t signature; uint64_t capabilities; bool has; } rows[] = {
        { 0x206A7, 0, true },            /* Sandy Bridge */
        { 0x50654, 0, true },            /* Skylake-X */
        { 0x50657, 1u << 5, true },      /* Cascade Lake */
        { 0x706E5, 1u << 6, false },     /* Ice Lake */
        { 0x30678, 0, false },           /* Silvermont */
        { 0x706A1, 0, false },           /* Goldmont Plus */
        { 0x906C0, 0, false },           /* Tremont */
        { 0x50671, 0, false },           /* Knights Landing */
        { 0x00F43, 0, false },           /* no VT-x with EPT at all */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct cpu_identity identity = { .signature = rows[i].signature,
                                               .arch_capabilities = rows[i].capabilities };
        assert_int_equal(cpu_identity_has_page_size_erratum(&identity), rows[i].has);
    }
}

static void every_problem_has_a_text(void **state)
{
    (void)state;
    for (int kind = PCI_PROBLEM_NONE + 1; kind <= PCI_IMPOSSIBLE_BAR; kind++)
        pci.problems[pci.problem_count++] =
            (struct pci_problem){ (enum pci_problem_kind)kind, { 0, 2, 0x0B } };
    pci.problems_more = 3;
    pci.ignored = 9;
    inventory_print_pci_problems(&pci);
    const char *text = fake_terminal_shown();
    assert_null(strstr(text, "unknown problem"));
    assert_non_null(strstr(text, LINE "PCI 02:01.3: "));
    assert_non_null(strstr(text, LINE "PCI: 3 more problems are not shown" EOL));
    assert_non_null(strstr(text, LINE "PCI: at least 9 functions beyond the first 256"));
}

static void an_item_longer_than_a_line_is_cut(void **state)
{
    (void)state;
    char item[200];
    struct log_row row = { .length = 0 };
    memset(item, 'x', sizeof item);
    item[sizeof item - 1] = '\0';
    log_row_add(&row, "0123456789");
    log_row_add(&row, "%s", item);
    log_row_add(&row, "b");
    log_row_end(&row);
    log_row_end(&row);
    const char *text = shown();
    assert_non_null(strstr(text, LINE "0123456789" EOL LINE "          x"));
    assert_non_null(strstr(text, "x" EOL LINE "          b" EOL));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_function_is_a_line),
        TEST(items_that_do_not_fit_are_on_the_next_line),
        TEST(a_bridge_says_where_it_leads),
        TEST(what_has_no_name_is_shown_by_its_class),
        TEST(memory_that_no_guest_could_get_is_left_out),
        TEST(a_hybrid_processor_shows_its_kinds_of_cores),
        TEST(a_processor_that_says_nothing_of_speculation_has_no_line_of_it),
        TEST(who_has_the_erratum_of_page_sizes_is_known),
        TEST(every_problem_has_a_text),
        TEST(an_item_longer_than_a_line_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
