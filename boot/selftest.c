/* SPDX-License-Identifier: MIT
 *
 * `selftest = "vtd"`: two blocks of memory play the guests "red" and "blue", and one or
 * two edu devices do what a hostile guest would have its device do. Each claim of
 * arch/vtd.h is a line of the hypervisor; a last one sums up. It needs no VT-x.
 *
 * The blocks lie where the devices' 28 address bits would reach them if nothing
 * stopped it, and what must not be written is looked at afterwards. Every interrupt has
 * a vector of its own: that it came is seen in the local APIC, where it stays pending.
 */
#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "arch/host.h"
#include "arch/layout.h"
#include "arch/panic.h"
#include "arch/paging.h"
#include "arch/vtd.h"
#include "boot/boot.h"
#include "boot/selftest.h"
#include "boot/selftest_edu.h"
#include "drivers/mmio.h"
#include "hv/dma_faults.h"
#include "hv/guest_memory.h"
#include "hv/log.h"
#include "hv/machine.h"

enum { RED, BLUE };

#define REACH MIB(256) /* edu has 28 address bits */
#define INSIDE 0x180000u
#define ELSEWHERE 0x240000u
#define HOLE 0xA0000u
#define BYTES 64u
#define FIRST_VECTOR 0x41
#define APIC_POLLS_MAX 100000u

static struct {
    unsigned count, failed;
    struct guest_memory guests[SELFTEST_GUESTS];
    struct edu first, second;
    uint8_t vector;
    volatile uint8_t *apic; /* NULL: in x2APIC mode */
} test;

void expect(bool holds, const char *what)
{
    test.count++;
    test.failed += !holds;
    log_line(holds ? LOG_INFO : LOG_ERROR, "selftest vtd: %s: %s", what, holds ? "ok" : "FAILED");
}

/* ---- Memory ---- */

static hpa_t at(unsigned guest, uint32_t address)
{
    return HPA(test.guests[guest].base.value + address);
}

static void fill(hpa_t where, uint8_t value)
{
    uint8_t bytes[BYTES];
    for (unsigned i = 0; i < BYTES; i++)
        bytes[i] = value;
    machine_memory_write(where, bytes, BYTES);
}

static bool holds(hpa_t where, uint8_t value)
{
    uint8_t bytes[BYTES];
    machine_memory_read(bytes, where, BYTES);
    for (unsigned i = 0; i < BYTES; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

/* The device writes; did the bytes of this guest change? */
static bool write_reaches(const struct edu *edu, uint32_t address, hpa_t where)
{
    fill(where, 0xEE);
    bool ended = edu_write(edu, address, BYTES);
    vtd_serve_faults();
    return ended && !holds(where, 0xEE);
}

static bool is_written(const struct edu *edu, uint32_t address, hpa_t where, uint8_t value)
{
    return write_reaches(edu, address, where) && holds(where, value);
}

/* ---- Interrupts ---- */

static bool is_pending(uint8_t vector)
{
    unsigned word = vector / 32;
    uint32_t bits = test.apic == NULL ? (uint32_t)rdmsr(IA32_X2APIC_IRR0 + word)
        : mmio_read32((volatile uint32_t *)(test.apic + XAPIC_IRR7 - 16 * (7 - word)));
    return bits >> vector % 32 & 1;
}

bool becomes_pending(uint8_t vector)
{
    for (unsigned i = 0; i < APIC_POLLS_MAX; i++)
        if (is_pending(vector))
            return true;
    return false;
}

static void open_apic(void)
{
    if (cpu_features.x2apic)
        return;
    paging_map(SELFTEST_VIRTUAL, HPA(XAPIC_BASE), APIC_PAGE_SIZE, PAGE_DEVICE);
    test.apic = (volatile uint8_t *)SELFTEST_VIRTUAL;
    mmio_write32((volatile uint32_t *)(test.apic + XAPIC_SIVR), SIVR_ENABLE | 0xFF);
}

uint8_t next_vector(void)
{
    return test.vector++;
}

uint8_t lead(uint32_t index)
{
    struct vtd_interrupt interrupt = { .apic_id = cpus[0]->apic_id, .delivery = DELIVERY_FIXED,
                                       .vector = next_vector() };
    return vtd_interrupt_set(index, &interrupt) ? interrupt.vector : 0;
}

bool raises(const struct edu *edu, uint32_t index, uint8_t vector)
{
    edu_interrupt(edu, irte_message(index, false));
    bool came = becomes_pending(vector);
    vtd_serve_faults();
    return came;
}

/* ---- What is claimed ---- */

static void nobody_is_blocked(void)
{
    uint64_t reach = test.guests[BLUE].base.value;
    expect(!write_reaches(&test.first, (uint32_t)reach, at(BLUE, 0)),
           "a function of nobody writes nothing");
}

static void attached_reaches_its_guest(void)
{
    expect(vtd_attach(test.first.function, RED) == NULL, "a function is attached");
    fill(at(RED, ELSEWHERE), 0x5A);
    expect(edu_read(&test.first, ELSEWHERE, BYTES)
           && is_written(&test.first, INSIDE, at(RED, INSIDE), 0x5A),
           "DMA inside the guest's memory works");
}

static void outside_is_blocked(void)
{
    uint32_t secret = (uint32_t)test.guests[BLUE].base.value;
    expect(!write_reaches(&test.first, secret, at(BLUE, 0)), "a write outside is blocked");
    fill(at(BLUE, 0), 0xC3);
    bool ended = edu_read(&test.first, secret, BYTES);
    vtd_serve_faults();
    expect(ended && edu_write(&test.first, INSIDE, BYTES) && !holds(at(RED, INSIDE), 0xC3),
           "a read outside brings nothing");
    expect(!write_reaches(&test.first, HOLE, at(RED, HOLE)),
           "what is no memory of the guest's is blocked");
}

static void detached_is_blocked_at_once(void)
{
    expect(write_reaches(&test.first, INSIDE, at(RED, INSIDE)), "before: reaches its memory");
    expect(vtd_detach(test.first.function)
           && !write_reaches(&test.first, INSIDE, at(RED, INSIDE)),
           "detaching takes effect at once");
    expect(vtd_attach(test.first.function, BLUE) == NULL
           && write_reaches(&test.first, INSIDE, at(BLUE, INSIDE)), "now of blue: reaches that");
    expect(!write_reaches(&test.first, INSIDE, at(RED, INSIDE)), "and red no longer");
    expect(vtd_detach(test.first.function) && vtd_attach(test.first.function, RED) == NULL
           && write_reaches(&test.first, INSIDE, at(RED, INSIDE)), "back to red");
}

static void two_guests_are_apart(void)
{
    expect(vtd_attach(test.second.function, BLUE) == NULL, "another function is attached to blue");
    expect(write_reaches(&test.second, INSIDE, at(BLUE, INSIDE)), "it reaches blue's memory");
    expect(!write_reaches(&test.second, INSIDE, at(RED, INSIDE)), "and not red's");
}

static void interrupts_are_led(uint32_t index)
{
    uint8_t vector = lead(index);
    expect(vector != 0 && raises(&test.first, index, vector), "an interrupt comes as it is led");
    vector = lead(index);
    expect(vector != 0 && raises(&test.first, index, vector), "and led elsewhere, there");
    vector = lead(index);
    expect(vtd_interrupt_clear(index) && !raises(&test.first, index, vector),
           "a cleared one does nothing");
}

static void anothers_interrupts_are_blocked(uint32_t index)
{
    uint8_t vector = lead(index);
    expect(vector != 0 && !raises(&test.second, index, vector), "another's interrupt is blocked");
    expect(raises(&test.first, index, vector), "which its owner raises");
    expect(!raises(&test.first, IRTE_COUNT, vector + 1), "one beyond the table is blocked");
}

static void a_fault_calls(void)
{
    vtd_call_on_faults(cpus[0]->apic_id);
    atomic_store(&cpus[0]->requests, 0);
    bool ended = edu_write(&test.first, HOLE, BYTES);
    expect(ended && atomic_load(&cpus[0]->requests) & REQUEST_NMI_CAME, "a fault calls by NMI");
    vtd_serve_faults();
}

/* The UART's "I can send" comes through the IOAPIC, as its "there is input" will. */
static void the_console_calls(const struct boot *boot)
{
    bool routed = boot_console_route(boot);
    atomic_store(&cpus[0]->requests, 0);
    machine_console_want_transmit(true);
    bool came = false;
    for (unsigned i = 0; i < APIC_POLLS_MAX && !came; i++)
        came = atomic_load(&cpus[0]->requests) & REQUEST_NMI_CAME;
    machine_console_want_transmit(false);
    expect(routed && came, "the console's interrupt comes, remapped");
}

static void quarantine_holds(uint32_t index)
{
    uint8_t vector = lead(index);
    for (unsigned i = 0; i < 4 * DMA_FAULTS_MAX && !vtd_is_quarantined(test.first.function); i++)
        (void)write_reaches(&test.first, HOLE, at(RED, HOLE));
    expect(vtd_is_quarantined(test.first.function), "too many faults quarantine");
    expect(!edu_is_master(&test.first), "its bus mastering is off");
    edu_master(&test.first, true);
    expect(!write_reaches(&test.first, INSIDE, at(RED, INSIDE)), "it reaches nothing any more");
    expect(!raises(&test.first, index, vector) && lead(index) == 0,
           "it raises nothing, and is given nothing");
    expect(vtd_attach(test.first.function, RED) == NULL
           && write_reaches(&test.first, INSIDE, at(RED, INSIDE)), "attached again it works");
}

/* ---- The run ---- */

static bool make_guest(struct boot *boot, unsigned guest, const char *name)
{
    struct ept_range ranges[GUEST_MEMORY_RANGES_MAX];
    struct guest_memory *memory = &test.guests[guest];
    hpa_t base;
    if (!memory_map_take(&boot->memory, SELFTEST_GUEST_BYTES, PAGE_SIZE_2M, REACH, &base))
        return false;
    *memory = (struct guest_memory)GUEST_MEMORY_COMPACT(base.value, SELFTEST_GUEST_BYTES);
    const char *problem =
        vtd_domain_create(guest, name, ranges, guest_memory_ranges(memory, ranges));
    return problem == NULL;
}

static void run(struct boot *boot)
{
    expect(vtd_is_on(), "remapping is on");
    if (!vtd_is_on())
        return;
    bool ready = make_guest(boot, RED, "red") && make_guest(boot, BLUE, "blue")
        && edu_open(&test.first, 0) && edu_open(&test.second, 1);
    expect(ready, "there are memory and two edu devices");
    if (!ready)
        return;
    open_apic();
    test.vector = FIRST_VECTOR;
    uint32_t index = vtd_interrupts_allocate(test.first.function, 1);
    nobody_is_blocked();
    attached_reaches_its_guest();
    outside_is_blocked();
    detached_is_blocked_at_once();
    two_guests_are_apart();
    interrupts_are_led(index);
    anothers_interrupts_are_blocked(index);
    if (!selftest_msix(&test.second, vtd_interrupts_allocate(test.second.function, 1)))
        log_line(LOG_INFO, "selftest vtd: there is no e1000e, and MSI-X is not looked at");
    a_fault_calls();
    quarantine_holds(index);
    the_console_calls(boot);
}

static _Noreturn void end(const struct hypervisor_config *config)
{
    if (test.failed == 0)
        log_line(LOG_ERROR, "end: ok");
    else
        log_line(LOG_ERROR, "end: status 1");
    if (config->when_all_stopped == WHEN_ALL_STOPPED_POWEROFF)
        machine_end(MACHINE_POWER_OFF);
    if (config->when_all_stopped == WHEN_ALL_STOPPED_REBOOT)
        machine_end(MACHINE_REBOOT);
    halt_machine("the self-test has ended");
}

void boot_selftest(struct boot *boot)
{
    if (boot->config.hypervisor.selftest != SELFTEST_VTD)
        return;
    run(boot);
    log_line(LOG_ERROR, "selftest vtd: %u of %u claims hold", test.count - test.failed, test.count);
    end(&boot->config.hypervisor);
}
