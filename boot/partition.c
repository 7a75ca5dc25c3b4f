/* SPDX-License-Identifier: MIT
 *
 * From a configuration to virtual machines. First everything is checked, and
 * all findings are shown; then everything is made, which cannot fail.
 */
#include "arch/arena.h"
#include "arch/cpu.h"
#include "arch/cpuid_host.h"
#include "arch/host.h"
#include "arch/panic.h"
#include "arch/time.h"
#include "boot/boot.h"
#include "drivers/rtc.h"
#include "hv/check.h"
#include "hv/config_images.h"
#include "hv/console.h"
#include "hv/log.h"
#include "hv/machine.h"
#include "hv/manager.h"
#include "hv/monitor.h"
#include "hv/owners.h"
#include "hv/text.h"
#include "hv/ticks.h"
#include "hv/vm_life.h"

static void print_findings(const struct findings *findings)
{
    char text[FINDING_LINE_SIZE];
    for (unsigned i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->list[i];
        finding_format(text, sizeof text, finding, "config");
        log_line(finding->severity == SEVERITY_ERROR ? LOG_ERROR : LOG_WARNING, "%s", text);
    }
    if (findings->omitted)
        log_line(LOG_ERROR, "%u more findings are not shown", findings->omitted);
}

static void halt_on_errors(const struct findings *findings)
{
    print_findings(findings);
    if (findings->error_count)
        halt_machine("the configuration has errors; no guest was started");
}

static void check(struct boot *boot)
{
    if (!boot->config_found)
        halt_machine("the boot loader brought no module named \"config\"; its menu entry needs a "
                     "line such as: module2 /boot/demo.toml config");
    if (boot->info.modules_ignored)
        log_line(LOG_WARNING, "the boot loader brought %u images more than the %u that are looked at",
                 boot->info.modules_ignored, BOOT_MODULES_MAX);
    config_check(&boot->config, &boot->inventory, &boot->findings);
    halt_on_errors(&boot->findings);
}

/* The content of memory that is not there, for all guests to read. */
static const void *page_of_ones(void)
{
    static uint8_t *page;
    if (!page) {
        page = arena_take(PAGE_SIZE_4K, PAGE_SIZE_4K);
        memset(page, 0xFF, PAGE_SIZE_4K);
    }
    return page;
}

/* The console's lines go out meanwhile: one FIFO takes as long as one page. */
static void zero_memory(const struct guest_memory *memory)
{
    for (uint64_t at = 0; at < memory->bytes; at += PAGE_SIZE_2M) {
        machine_memory_zero(HPA(memory->base.value + at), PAGE_SIZE_2M);
        console_progress();
    }
}

static bool runs_on_erratum(const struct vm *vm)
{
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        if (cpu_identity_has_page_size_erratum(&cpus[vm->vcpus[i]->cpu]->identity))
            return true;
    return false;
}

/* The configuration's word, or what no guest can misuse. */
static bool has_large_pages(const struct vm *vm)
{
    bool erratum = runs_on_erratum(vm);

    if (vm->config->at[VM_LARGE_PAGES].line == 0)
        return !erratum;
    if (vm->config->large_pages && erratum)
        log_line(LOG_WARNING, "%s: it has large pages, by which its kernel can stop the machine: "
                 "its CPU has the erratum of machine checks on page size change",
                 vm->config->name);
    return vm->config->large_pages;
}

static struct ept_shape shape_for(const struct vm *vm, const struct vmx_capabilities *capabilities)
{
    if (!has_large_pages(vm))
        return ept_shape(PAGE_SIZE_4K);
    return ept_shape(preflight_has_1g_pages(capabilities) ? PAGE_SIZE_1G : PAGE_SIZE_2M);
}

static void make_memory(struct vm *vm, const struct vmx_capabilities *capabilities)
{
    struct ept_shape shape = shape_for(vm, capabilities);
    unsigned count = guest_memory_ept_frames(&vm->memory, shape) +
                     boot_parts_frames(vm->config);
    uint64_t *tables = arena_take(count * PAGE_SIZE_4K, PAGE_SIZE_4K);
    struct frames frames;

    frames_init(&frames, tables, arena_hpa(tables), count);
    ept_init(&vm->ept, frames, shape);
    guest_memory_map(&vm->memory, &vm->ept);
    guest_memory_map_empty_roms(&vm->ept, arena_hpa(page_of_ones()));
    zero_memory(&vm->memory);
}

static hpa_t make_msr_bitmap(const struct vm *vm, unsigned kind)
{
    uint8_t *bitmap = arena_take(MSR_BITMAP_SIZE, PAGE_SIZE_4K);
    msr_bitmap_build(bitmap, &vm->cpuid, kind);
    return arena_hpa(bitmap);
}

static bool tsc_adjust_is_zero(const struct vm *vm)
{
    bool is_zero = true;
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        is_zero = is_zero && cpus[vm->vcpus[i]->cpu]->tsc_adjust_is_zero;
    return is_zero;
}

static void make_cpuid(struct vm *vm, const struct vmx_capabilities *capabilities)
{
    static struct cpuid_host host_answers;
    struct vmx_controls controls = preflight_controls(capabilities);
    struct cpuid_guest_facts facts = {
        .vcpu_count = vm->vcpu_count,
        .tsc_hz = tsc_hz,
        .lapic_timer_hz = lapic_timer_hz,
        .xsavec = capabilities->xsavec,
        .rdtscp = controls.secondary & SECONDARY_ENABLE_RDTSCP,
        .invpcid = controls.secondary & SECONDARY_ENABLE_INVPCID,
        .xsaves = controls.secondary & SECONDARY_ENABLE_XSAVES,
        .tsc_adjust_is_zero = tsc_adjust_is_zero(vm),
    };
    cpuid_host_read(&host_answers);
    cpuid_table_build(&vm->cpuid, &host_answers, &facts);
    for (unsigned kind = 0; kind < MSR_BITMAP_COUNT; kind++)
        vm->msr_bitmaps[kind] = make_msr_bitmap(vm, kind);
}

/* Rings for all vCPUs at once, since they have an alignment. */
static uint8_t *take_rings(const struct config *config)
{
    unsigned count = 0;
    for (unsigned i = 0; i < config->vm_count; i++)
        count += config->vms[i].cpu_count;
    return arena_take(count * RECORDER_RING_BYTES, RECORDER_RING_BYTES);
}

static void make_vcpus(struct vm *vm, uint8_t **rings)
{
    for (unsigned i = 0; i < vm->config->cpu_count; i++) {
        struct cpu *cpu = cpus[vm->config->cpus[i]];
        struct vcpu *vcpu = arena_take(sizeof *vcpu, 64);
        CHECK(!cpu->vcpu);
        vcpu->vm = vm;
        vcpu->index = i;
        vcpu->cpu = cpu->number;
        vcpu->recorder = &cpu->recorder;
        vcpu->exit = (struct exit_record *)*rings;
        *rings += RECORDER_RING_BYTES;
        vm->vcpus[vm->vcpu_count++] = vcpu;
        cpu->vcpu = vcpu;
    }
}

static void make_images(struct vm *vm, const struct inventory *inventory)
{
    struct refusal refusal;

    vm->boot = config_guest_boot(vm->config, inventory);
    CHECK(guest_kind_prepare(&vm->memory, &vm->boot, &vm->plan, &refusal));
}

static void print_vm(const struct vm *vm)
{
    char memory[24], list[CONFIG_VCPUS_MAX * 4 + 1] = "";
    size_t at = 0;
    text_bytes(memory, sizeof memory, vm->memory.bytes);
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        at += text_format(list + at, sizeof list - at, i ? ",%u" : "%u", vm->vcpus[i]->cpu);
    log_line(LOG_INFO, "%s: CPU %s, %s of memory at %llx, kernel %s (%s)", vm->config->name, list,
             memory, (unsigned long long)vm->memory.base.value, vm->config->kernel,
             guest_kind_name(vm->plan.kind));
}

static void make_vm(struct boot *boot, const struct vm_config *config, uint8_t **rings)
{
    const struct vmx_capabilities *capabilities = &cpus[0]->capabilities;
    struct vm *vm = arena_take(sizeof *vm, 64);
    vm->config = config;
    vm->index = vm_count;
    vm->memory = config_guest_memory(config);
    owners_add(vm->memory.base, vm->memory.bytes, config->name);
    make_vcpus(vm, rings);
    make_memory(vm, capabilities);
    make_cpuid(vm, capabilities);
    make_images(vm, &boot->inventory);
    cmos_init(&vm->cmos, boot->clock.seconds, ticks_at(boot->clock.tsc, tsc_hz, RTC_HZ));
    timers_init(&vm->timers, tsc_hz);
    denied_init(&vm->denied);
    if (config->learns) {
        vm->learn = arena_take(sizeof *vm->learn, 64);
        learn_init(vm->learn);
    }
    if (config->console)
        console_attach(vm, arena_take(CONSOLE_OUTPUT_BYTES, 64), CONSOLE_OUTPUT_BYTES,
                       arena_take(CONSOLE_INPUT_BYTES, 64), CONSOLE_INPUT_BYTES);
    if (config->manager)
        manager_init(vm);
    print_vm(vm);
    boot_give_parts(boot, vm);
    vms[vm_count++] = vm;
}

static void read_clock(struct boot *boot)
{
    if (!rtc_read(host.acpi.century_register, &boot->clock.seconds))
        log_line(LOG_WARNING, "the machine's clock cannot be read: guests start in 1970");
    boot->clock.tsc = machine_tsc();
}

void boot_partition(struct boot *boot)
{
    check(boot);
    read_clock(boot);
    uint8_t *rings = take_rings(&boot->config);
    for (unsigned i = 0; i < boot->config.vm_count; i++)
        make_vm(boot, &boot->config.vms[i], &rings);
    monitor_init(&host.pci);
    vm_life_init(boot->config.hypervisor.when_all_stopped);
    log_line(LOG_INFO, "hypervisor memory: %llu KiB besides the image",
             (unsigned long long)arena_used() / 1024);
}
