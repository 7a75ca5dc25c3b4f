/* SPDX-License-Identifier: MIT
 *
 * hv/vm_life.c together with hv/vcpu.c: lives of VMs from start to end, with a
 * mailbox for each CPU in place of the machine's.
 *
 * A request can let other CPUs go on before it returns, so that the calling CPU
 * is caught in the middle of asking the others: that is where real CPUs
 * overtake each other. vm_life.c keeps what one boot keeps, so each test is a
 * process of its own; a failed REQUIRE says how to see it again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "hv/console.h"
#include "hv/lapic_ipi.h"
#include "hv/log.h"
#include "hv/log_ring.h"
#include "hv/ports.h"
#include "hv/readiness.h"
#include "hv/vm_life.h"
#include "tests/fake/cpuid_host.h"
#include "tests/fake/images.h"
#include "tests/fake/machine.h"

#define VMS 2
#define CPU_OF(vm, index) ((vm) * CONFIG_VCPUS_MAX + (index))
#define CPUS CPU_OF(VMS, 0)
#define BASE GIB(1)
#define MEMORY_BYTES MIB(2)
#define DEPTH_MAX 5

static struct vm_config configs[VMS];
static struct vm vm_of[VMS];
static struct vcpu vcpus[VMS][CONFIG_VCPUS_MAX];
static struct recorder recorders[VMS][CONFIG_VCPUS_MAX];
static _Alignas(RECORDER_RING_BYTES) uint8_t rings[VMS][CONFIG_VCPUS_MAX][RECORDER_RING_BYTES];
static uint32_t mailbox[CPUS];
static bool busy[CPUS];       /* in the middle of something */
static unsigned starts_asked[VMS][CONFIG_VCPUS_MAX]; /* in this life */
static unsigned life_seen[VMS];
static uint8_t pristine[VMS][MEMORY_BYTES];
static unsigned ends;         /* of the machine */
static enum machine_end last_end;
static char shown[1 << 20];   /* all that the console showed since forget() */

/* What this boot was made from, for the message of a failure. */
static unsigned seed;
static bool interleaving;
static unsigned depth;
static bool user_ended;
static void (*while_zeroing)(struct vm *vm);
static void (*while_the_console_is_told)(struct vm *vm);

static void require_failed(const char *what, unsigned line)
{
    printf("test_vm_life.c:%u: not true: %s (seed %u)\n", line, what, seed);
    for (unsigned v = 0; v < vm_count; v++) {
        printf("  vm %u: state %d end %d alive %u waiting %u, vCPUs", v, vm_of[v].state,
               vm_of[v].end, vm_of[v].vcpus_alive, vm_of[v].vcpus_waiting);
        for (unsigned i = 0; i < vm_of[v].vcpu_count; i++)
            printf(" %d/%x", vcpus[v][i].state, mailbox[CPU_OF(v, i)]);
        printf("\n");
    }
    fflush(stdout);
    _exit(1);
}

#define REQUIRE(condition) \
    ((condition) ? (void)0 : require_failed(#condition, __LINE__))

/* ---- The machine ---- */

void __wrap_machine_request(unsigned cpu, uint32_t requests);
void __wrap_machine_memory_zero(hpa_t at, uint64_t bytes);
void __wrap_machine_end(enum machine_end end);
void __wrap_console_vm_stopped(unsigned vm);
void __real_console_vm_stopped(unsigned vm);
void __real_machine_memory_zero(hpa_t at, uint64_t bytes);

static uint8_t *memory_of(unsigned vm)
{
    return fake.memory + vm * MEMORY_BYTES;
}

static bool all_zero(unsigned vm)
{
    const uint8_t *memory = memory_of(vm);
    return memory[0] == 0 && memcmp(memory, memory + 1, MEMORY_BYTES - 1) == 0;
}

static bool all_off(unsigned vm)
{
    for (unsigned i = 0; i < vm_of[vm].vcpu_count; i++)
        if (vcpus[vm][i].state != VCPU_OFF)
            return false;
    return true;
}

static void collect_output(void)
{
    size_t old = strlen(shown);
    REQUIRE(old + fake.console_output_bytes < sizeof shown);
    memcpy(shown + old, fake.console_output, fake.console_output_bytes);
    shown[old + fake.console_output_bytes] = '\0';
    fake.console_output_bytes = 0;
    fake.console_room = sizeof fake.console_output;
}

static void forget(void)
{
    collect_output();
    shown[0] = '\0';
    fake.record_count = 0;
}

static bool was_shown(const char *text)
{
    collect_output();
    return strstr(shown, text) != NULL;
}

/* A life begins with its first START. */
static void note_start(unsigned vm, unsigned index)
{
    if (life_seen[vm] != vm_of[vm].starts) {
        REQUIRE(vm_of[vm].starts == life_seen[vm] + 1);
        REQUIRE(all_off(vm));
        REQUIRE(atomic_load(&vm_of[vm].vcpus_alive) == vm_of[vm].vcpu_count);
        if (vm_of[vm].starts == 1)
            memcpy(pristine[vm], memory_of(vm), MEMORY_BYTES);
        REQUIRE(memcmp(pristine[vm], memory_of(vm), MEMORY_BYTES) == 0);
        life_seen[vm] = vm_of[vm].starts;
        memset(starts_asked[vm], 0, sizeof starts_asked[vm]);
    }
    REQUIRE(starts_asked[vm][index]++ == 0);
    if (index != 0)
        return;
    for (unsigned i = 1; i < vm_of[vm].vcpu_count; i++)
        REQUIRE(vcpus[vm][i].state == VCPU_WAIT_FOR_SIPI || vm_of[vm].end != VM_END_NONE);
}

static void let_others_go_on(void);

void __wrap_machine_request(unsigned cpu, uint32_t requests)
{
    REQUIRE(cpu < CPUS);
    unsigned vm = cpu / CONFIG_VCPUS_MAX, index = cpu % CONFIG_VCPUS_MAX;
    REQUIRE(vm < vm_count && index < vm_of[vm].vcpu_count);
    if (requests & REQUEST_START)
        note_start(vm, index);
    mailbox[cpu] |= requests;
    let_others_go_on();
}

void __wrap_machine_memory_zero(hpa_t at, uint64_t bytes)
{
    for (unsigned v = 0; v < vm_count; v++)
        if (at.value == vm_of[v].memory.base.value) {
            REQUIRE(bytes == MEMORY_BYTES);
            REQUIRE(all_off(v) && atomic_load(&vm_of[v].vcpus_alive) == 0);
            if (while_zeroing)
                while_zeroing(&vm_of[v]);
        }
    __real_machine_memory_zero(at, bytes);
}

void __wrap_machine_end(enum machine_end end)
{
    for (unsigned v = 0; v < vm_count; v++)
        REQUIRE(vm_of[v].state == VM_STOPPED && all_off(v) && all_zero(v));
    ends++;
    last_end = end;
}

void __wrap_console_vm_stopped(unsigned vm)
{
    if (while_the_console_is_told)
        while_the_console_is_told(&vm_of[vm]);
    __real_console_vm_stopped(vm);
}

/* ---- CPUs ---- */

static void check_always(void)
{
    for (unsigned v = 0; v < vm_count; v++) {
        unsigned alive = atomic_load(&vm_of[v].vcpus_alive), on = 0;
        for (unsigned i = 0; i < vm_of[v].vcpu_count; i++)
            on += vcpus[v][i].state != VCPU_OFF;
        REQUIRE(alive <= vm_of[v].vcpu_count); /* below zero it would be huge */
        REQUIRE(on <= alive);
        REQUIRE(vm_of[v].state != VM_STOPPED || on == 0);
        REQUIRE(atomic_load(&vm_of[v].vcpus_waiting) < vm_of[v].vcpu_count);
    }
}

static struct vcpu *vcpu_on(unsigned cpu)
{
    return &vcpus[cpu / CONFIG_VCPUS_MAX][cpu % CONFIG_VCPUS_MAX];
}

static bool exists(unsigned cpu)
{
    return cpu / CONFIG_VCPUS_MAX < vm_count &&
           cpu % CONFIG_VCPUS_MAX < vm_of[cpu / CONFIG_VCPUS_MAX].vcpu_count;
}

static void serve(unsigned cpu)
{
    uint32_t requests = mailbox[cpu];
    mailbox[cpu] = 0;
    busy[cpu] = true;
    vcpu_serve(vcpu_on(cpu), requests);
    busy[cpu] = false;
    check_always();
}

/* Until nobody has mail. */
static void settle(void)
{
    bool any = true;
    for (unsigned rounds = 0; any; rounds++) {
        any = false;
        REQUIRE(rounds < 1000);
        for (unsigned cpu = 0; cpu < CPUS; cpu++)
            if (mailbox[cpu] != 0 && !busy[cpu]) {
                serve(cpu);
                any = true;
            }
    }
}

static void check_settled(void)
{
    for (unsigned v = 0; v < vm_count; v++) {
        unsigned alive = atomic_load(&vm_of[v].vcpus_alive);
        REQUIRE(vm_of[v].state != VM_ENDING);
        if (vm_of[v].state == VM_STOPPED) {
            REQUIRE(alive == 0 && all_off(v) && all_zero(v));
            continue;
        }
        REQUIRE(vm_of[v].end == VM_END_NONE);
        REQUIRE(alive == vm_of[v].vcpu_count);
        for (unsigned i = 0; i < vm_of[v].vcpu_count; i++)
            REQUIRE(vcpus[v][i].state != VCPU_OFF);
    }
}

/* ---- Making a boot ---- */

static uint8_t image[FAKE_BZIMAGE_BYTES];

static void make_vm(unsigned v, unsigned vcpu_count)
{
    struct cpuid_host host = fake_cpuid_host_full();
    struct cpuid_guest_facts facts = fake_cpuid_facts(vcpu_count);
    struct vm *vm = &vm_of[v];

    snprintf(configs[v].name, sizeof configs[v].name, "guest%u", v);
    vm->config = &configs[v];
    vm->index = v;
    vm->memory = (struct guest_memory)GUEST_MEMORY_COMPACT(BASE + v * MEMORY_BYTES, MEMORY_BYTES);
    vm->vcpu_count = vcpu_count;
    for (unsigned i = 0; i < vcpu_count; i++) {
        vm->vcpus[i] = &vcpus[v][i];
        vcpus[v][i].vm = vm;
        vcpus[v][i].index = i;
        vcpus[v][i].cpu = CPU_OF(v, i);
        vcpus[v][i].recorder = &recorders[v][i];
        vcpus[v][i].exit = (struct exit_record *)rings[v][i];
    }
    cpuid_table_build(&vm->cpuid, &host, &facts);
    struct refusal refusal;
    vm->boot = (struct guest_boot){ .kernel = { image, sizeof image }, .cmdline = "quiet" };
    REQUIRE(guest_kind_prepare(&vm->memory, &vm->boot, &vm->plan, &refusal));
    denied_init(&vm->denied);
    timers_init(&vm->timers, 100000000);
    vms[v] = vm;
}

static void boot(unsigned first_vcpus, unsigned second_vcpus, enum when_all_stopped policy)
{
    fake_reset(BASE, VMS * MEMORY_BYTES);
    console_init();
    log_code_set("TEST");
    fake_bzimage(image, MIB(1), KIB(64));
    vm_count = second_vcpus ? 2 : 1;
    make_vm(0, first_vcpus);
    if (second_vcpus)
        make_vm(1, second_vcpus);
    vm_life_init(policy);
    vm_start_all();
}

/* The same, until all guests run. */
static void boot_and_settle(unsigned first_vcpus, unsigned second_vcpus,
                            enum when_all_stopped policy)
{
    boot(first_vcpus, second_vcpus, policy);
    settle();
    check_settled();
    forget();
}

static void in_a_boot_of_its_own(void (*run)(void))
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run();
        fflush(NULL);
        _exit(0);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

/* ---- Starts ---- */

static unsigned boot_vcpus;

static void start_order(void)
{
    boot(boot_vcpus, 0, WHEN_ALL_STOPPED_WAIT);
    REQUIRE(vm_of[0].state == VM_RUNNING && vm_of[0].starts == 1);
    for (unsigned i = 0; i < boot_vcpus; i++)
        REQUIRE(mailbox[i] == (i > 0 || boot_vcpus == 1 ? REQUEST_START : 0));
    for (unsigned i = boot_vcpus - 1; i > 0; i--) { /* any order will do */
        REQUIRE(mailbox[0] == 0);
        serve(i);
        REQUIRE(vcpus[0][i].state == VCPU_WAIT_FOR_SIPI);
    }
    REQUIRE(mailbox[0] == REQUEST_START);
    serve(0);
    REQUIRE(vcpus[0][0].state == VCPU_RUNNING);
    check_settled();
}

static void aps_wait_before_the_boot_vcpu_is_started(void **state)
{
    (void)state;
    for (boot_vcpus = 1; boot_vcpus <= CONFIG_VCPUS_MAX; boot_vcpus++)
        in_a_boot_of_its_own(start_order);
}

/* ---- Ends ---- */

static void dirty(unsigned vm)
{
    memset(memory_of(vm) + KIB(512), 0xEE, KIB(1024)); /* the kernel's code, too */
    memory_of(vm)[0] = memory_of(vm)[MEMORY_BYTES - 1] = 0xEE;
}

static void the_last_to_park(void)
{
    boot_and_settle(boot_vcpus, 0, WHEN_ALL_STOPPED_WAIT);
    dirty(0);
    vm_end(&vm_of[0], VM_END_POWEROFF, "for the test");
    for (unsigned parked = 0; parked < boot_vcpus; parked++) {
        unsigned cpu = (parked + 3) % boot_vcpus;
        REQUIRE(vm_of[0].state == VM_ENDING && !all_zero(0));
        REQUIRE(!was_shown("guest0"));
        REQUIRE(mailbox[cpu] == REQUEST_STOP);
        serve(cpu);
        REQUIRE(vcpus[0][cpu].state == VCPU_OFF);
    }
    REQUIRE(vm_of[0].state == VM_STOPPED && all_zero(0));
    REQUIRE(was_shown("guest0: powered off (for the test)"));
    REQUIRE(was_shown("all guests have stopped"));
    settle();
    check_settled();
}

static void the_last_vcpu_to_park_finishes(void **state)
{
    (void)state;
    for (boot_vcpus = 1; boot_vcpus <= CONFIG_VCPUS_MAX; boot_vcpus++)
        in_a_boot_of_its_own(the_last_to_park);
}

static void reboot(void)
{
    boot_and_settle(boot_vcpus, 1, WHEN_ALL_STOPPED_WAIT);
    for (unsigned life = 2; life < 6; life++) {
        dirty(0);
        vm_of[0].com1.scratch = 0x55;
        vm_of[0].platform.reset_control = 2;
        vm_end(&vm_of[0], VM_END_REBOOT, "reset by port CF9h");
        settle(); /* note_start compares the memory */
        check_settled();
        REQUIRE(vm_of[0].state == VM_RUNNING && vm_of[0].starts == life);
        REQUIRE(vm_of[0].com1.scratch == 0 && vm_of[0].platform.reset_control == 0);
        REQUIRE(was_shown("guest0: restarts (reset by port CF9h)"));
        forget();
    }
    REQUIRE(vm_of[1].starts == 1 && vm_of[1].state == VM_RUNNING);
    REQUIRE(ends == 0);
}

static void a_reboot_starts_from_pristine_images(void **state)
{
    (void)state;
    for (boot_vcpus = 1; boot_vcpus <= CONFIG_VCPUS_MAX; boot_vcpus += 3)
        in_a_boot_of_its_own(reboot);
}


static void crash(void)
{
    boot_and_settle(2, 1, WHEN_ALL_STOPPED_POWEROFF);
    vm_crash(&vcpus[0][1], "triple fault");
    REQUIRE(was_shown("guest0: vCPU 1: triple fault"));
    settle();
    check_settled();
    REQUIRE(vm_of[0].state == VM_STOPPED);
    REQUIRE(was_shown("guest0: stopped after an error (triple fault)"));
    REQUIRE(vm_of[1].state == VM_RUNNING && ends == 0);
    vm_end(&vm_of[1], VM_END_POWEROFF, "S5");
    settle();
    REQUIRE(was_shown("end: crashed"));
    REQUIRE(ends == 1 && last_end == MACHINE_POWER_OFF);
}

static void a_crash_stops_that_guest_alone_and_is_remembered(void **state)
{
    (void)state;
    in_a_boot_of_its_own(crash);
}

static void two_at_once(void)
{
    boot_and_settle(3, 0, WHEN_ALL_STOPPED_WAIT);
    vm_end(&vm_of[0], VM_END_REBOOT, "first");
    vm_end(&vm_of[0], VM_END_POWEROFF, "second");
    vm_crash(&vcpus[0][2], "third");
    settle();
    REQUIRE(was_shown("guest0: restarts (first)"));
    REQUIRE(!was_shown("second") && !was_shown("third"));
    REQUIRE(vm_of[0].starts == 2 && vm_of[0].state == VM_RUNNING);
    check_settled();
    vm_end(&vm_of[0], VM_END_POWEROFF, "of the second life");
    settle();
    REQUIRE(was_shown("guest0: powered off (of the second life)"));
}

static void exits(void)
{
    boot_and_settle(2, 1, WHEN_ALL_STOPPED_POWEROFF);
    vm_exit(&vm_of[0], 0);
    vm_end(&vm_of[0], VM_END_REBOOT, "too late");
    settle();
    REQUIRE(vm_of[0].state == VM_STOPPED && was_shown("guest0: ended with status 0"));
    vm_end(&vm_of[1], VM_END_REBOOT, "reset");
    settle();
    vm_exit(&vm_of[1], 42);
    settle();
    check_settled();
    REQUIRE(was_shown("guest1: ended with status 42"));
    REQUIRE(was_shown("end: status 42") && ends == 1);
}

static void a_guest_that_exits_stops_and_its_status_is_told(void **state)
{
    (void)state;
    in_a_boot_of_its_own(exits);
}

static void exits_well(void)
{
    boot_and_settle(1, 0, WHEN_ALL_STOPPED_POWEROFF);
    vm_exit(&vm_of[0], 0);
    settle();
    REQUIRE(was_shown("end: ok"));
}

static void an_exit_with_0_is_a_good_end(void **state)
{
    (void)state;
    in_a_boot_of_its_own(exits_well);
}

static void exits_and_crashes(void)
{
    boot_and_settle(1, 1, WHEN_ALL_STOPPED_POWEROFF);
    vm_exit(&vm_of[0], 3);
    settle();
    vm_crash(&vcpus[1][0], "triple fault");
    settle();
    REQUIRE(was_shown("end: crashed"));
}

static void a_crash_weighs_more_than_a_status(void **state)
{
    (void)state;
    in_a_boot_of_its_own(exits_and_crashes);
}

static void of_two_ends_the_first_counts(void **state)
{
    (void)state;
    in_a_boot_of_its_own(two_at_once);
}

/* ---- The end of all ---- */

static void let_all_stop(enum when_all_stopped policy)
{
    boot_and_settle(2, 1, policy);
    vm_end(&vm_of[0], VM_END_POWEROFF, "S5");
    settle();
    REQUIRE(ends == 0 && vm_of[1].state == VM_RUNNING);
    vm_end(&vm_of[1], VM_END_POWEROFF, "S5");
    settle();
}

static void policy_poweroff(void)
{
    let_all_stop(WHEN_ALL_STOPPED_POWEROFF);
    REQUIRE(ends == 1 && last_end == MACHINE_POWER_OFF && was_shown("end: ok"));
}

static void policy_reboot(void)
{
    let_all_stop(WHEN_ALL_STOPPED_REBOOT);
    REQUIRE(ends == 1 && last_end == MACHINE_REBOOT && was_shown("end: ok"));
}

static void policy_wait(void)
{
    let_all_stop(WHEN_ALL_STOPPED_WAIT);
    REQUIRE(ends == 0 && was_shown("all guests have stopped") && !was_shown("end:"));
    vm_stop_all(MACHINE_POWER_OFF);
    REQUIRE(ends == 1 && last_end == MACHINE_POWER_OFF && was_shown("end: ok"));
    vm_stop_all(MACHINE_POWER_OFF);
    REQUIRE(ends == 1);
}

static void what_follows_the_last_guest_is_the_policy(void **state)
{
    (void)state;
    in_a_boot_of_its_own(policy_poweroff);
    in_a_boot_of_its_own(policy_reboot);
    in_a_boot_of_its_own(policy_wait);
}

static enum when_all_stopped user_policy;

static void user_ends(void)
{
    boot_and_settle(3, 2, user_policy);
    vm_stop_all(MACHINE_POWER_OFF);
    settle();
    check_settled();
    REQUIRE(was_shown("guest0: powered off (the user ended the run)"));
    REQUIRE(was_shown("guest1: powered off (the user ended the run)"));
    REQUIRE(was_shown("end: ok"));
    REQUIRE(ends == 1 && last_end == MACHINE_POWER_OFF);
}

static void the_user_ends_all_whatever_the_policy(void **state)
{
    (void)state;
    for (user_policy = WHEN_ALL_STOPPED_POWEROFF; user_policy <= WHEN_ALL_STOPPED_WAIT;
         user_policy++)
        in_a_boot_of_its_own(user_ends);
}

static void stop_all_now(struct vm *vm)
{
    (void)vm;
    while_zeroing = NULL;
    vm_stop_all(MACHINE_POWER_OFF);
}

static void user_between_lives(void)
{
    boot_and_settle(3, 0, WHEN_ALL_STOPPED_WAIT);
    while_zeroing = stop_all_now;
    vm_end(&vm_of[0], VM_END_REBOOT, "reset");
    settle();
    check_settled();
    REQUIRE(vm_of[0].state == VM_STOPPED);
    REQUIRE(was_shown("guest0: powered off (the user ended the run)"));
    REQUIRE(ends == 1 && last_end == MACHINE_POWER_OFF);
}

static void the_users_key_between_two_lives_is_not_lost(void **state)
{
    (void)state;
    in_a_boot_of_its_own(user_between_lives);
}

/* The key comes before any vCPU has looked at its START. */
static void user_before_start(void)
{
    boot(4, 1, WHEN_ALL_STOPPED_WAIT);
    vm_stop_all(MACHINE_POWER_OFF);
    settle();
    check_settled();
    REQUIRE(vm_of[0].state == VM_STOPPED && vm_of[1].state == VM_STOPPED);
    REQUIRE(ends == 1);
}

static void the_users_key_before_the_first_instruction_is_not_lost(void **state)
{
    (void)state;
    in_a_boot_of_its_own(user_before_start);
}

static void user_during_reboot(void)
{
    boot_and_settle(2, 0, WHEN_ALL_STOPPED_REBOOT);
    vm_end(&vm_of[0], VM_END_REBOOT, "reset");
    vm_stop_all(MACHINE_POWER_OFF); /* it is ending already, and must not begin again */
    settle();
    REQUIRE(vm_of[0].state == VM_STOPPED && vm_of[0].starts == 1);
    REQUIRE(ends == 1 && last_end == MACHINE_POWER_OFF);
}

static void a_guest_that_reboots_after_the_users_key_stays_stopped(void **state)
{
    (void)state;
    in_a_boot_of_its_own(user_during_reboot);
}

/* ---- Rules and the user's commands ---- */

static void crash_and_settle(unsigned vm)
{
    vm_crash(&vcpus[vm][0], "triple fault");
    settle();
    check_settled();
}

static void crash_loop(void)
{
    configs[0].restart = (struct restart_rule){ .policy = RESTART_ON_CRASH, .limit = 3,
                                                .seconds = 60 };
    boot_and_settle(2, 1, WHEN_ALL_STOPPED_POWEROFF);
    for (unsigned i = 0; i < 3; i++) {
        crash_and_settle(0); /* note_start compares the memory */
        REQUIRE(vm_of[0].state == VM_RUNNING && vm_of[0].starts == 2 + i);
        REQUIRE(was_shown("guest0: restarts (triple fault)"));
        forget();
    }
    crash_and_settle(0);
    REQUIRE(vm_of[0].state == VM_STOPPED && vm_of[0].starts == 4);
    REQUIRE(was_shown("guest0: it was restarted 3 times within 60 s; it stays stopped"));
    REQUIRE(vm_of[1].state == VM_RUNNING && vm_of[1].starts == 1 && ends == 0);
    fake.tsc += 61 * vm_of[0].timers.tsc_hz;
    REQUIRE(vm_command_start(&vm_of[0]));
    settle();
    check_settled();
    REQUIRE(vm_of[0].state == VM_RUNNING && vm_of[0].starts == 5);
    crash_and_settle(0);
    REQUIRE(vm_of[0].state == VM_RUNNING && vm_of[0].starts == 6);
}

static void a_limit_ends_a_crash_loop_until_the_user_starts_it(void **state)
{
    (void)state;
    in_a_boot_of_its_own(crash_loop);
}

static enum restart_then then;

static void crash_loop_ends_all(void)
{
    configs[0].restart = (struct restart_rule){ .policy = RESTART_ALWAYS, .limit = 1,
                                                .seconds = 60, .then = then };
    boot_and_settle(1, 3, WHEN_ALL_STOPPED_WAIT);
    crash_and_settle(0);
    REQUIRE(ends == 0);
    crash_and_settle(0);
    REQUIRE(vm_of[1].state == VM_STOPPED && ends == 1);
    REQUIRE(last_end == (then == RESTART_THEN_REBOOT ? MACHINE_REBOOT : MACHINE_POWER_OFF));
}

static void a_limit_can_end_the_machine(void **state)
{
    (void)state;
    for (then = RESTART_THEN_POWEROFF; then <= RESTART_THEN_REBOOT; then++)
        in_a_boot_of_its_own(crash_loop_ends_all);
}

static void commands(void)
{
    boot_and_settle(3, 2, WHEN_ALL_STOPPED_WAIT);
    REQUIRE(!vm_command_start(&vm_of[0]));
    REQUIRE(vm_command_restart(&vm_of[0]));
    REQUIRE(!vm_command_restart(&vm_of[0])); /* it is ending */
    settle();
    check_settled();
    REQUIRE(vm_of[0].starts == 2 && vm_of[0].state == VM_RUNNING);
    REQUIRE(vm_command_stop(&vm_of[0]));
    settle();
    check_settled();
    REQUIRE(vm_of[0].state == VM_STOPPED && vm_of[1].starts == 1 && ends == 0);
    REQUIRE(was_shown("guest0: stopped (the user's command \"stop\")"));
    REQUIRE(!vm_command_stop(&vm_of[0]) && !vm_command_pause(&vm_of[0], true));
    REQUIRE(vm_command_start(&vm_of[0]));
    REQUIRE(vm_command_start(&vm_of[0])); /* twice before it is served */
    settle();
    check_settled();
    REQUIRE(vm_of[0].starts == 3 && vm_of[0].state == VM_RUNNING);
}

static void the_user_stops_starts_and_restarts_one_vm(void **state)
{
    (void)state;
    in_a_boot_of_its_own(commands);
}

static void stop_before_the_decision(void)
{
    boot_and_settle(2, 1, WHEN_ALL_STOPPED_WAIT);
    vm_end(&vm_of[0], VM_END_REBOOT, "reset");
    REQUIRE(vm_of[0].state == VM_ENDING && vm_command_stop(&vm_of[0]));
    settle();
    check_settled();
    REQUIRE(vm_of[0].state == VM_STOPPED && vm_of[0].starts == 1);
    REQUIRE(!vm_command_stop(&vm_of[0]) && vm_command_start(&vm_of[0]));
    settle();
    REQUIRE(vm_of[0].state == VM_RUNNING && vm_of[0].starts == 2);
}

static void user_stops_it(struct vm *vm)
{
    REQUIRE(vm_command_stop(vm));
    while_zeroing = NULL;
}

static void stop_behind_the_decision(void)
{
    boot_and_settle(2, 1, WHEN_ALL_STOPPED_WAIT);
    while_zeroing = user_stops_it;
    vm_end(&vm_of[0], VM_END_REBOOT, "reset");
    settle();
    check_settled();
    REQUIRE(vm_of[0].state == VM_STOPPED && vm_of[0].starts == 2);
    REQUIRE(was_shown("guest0: stopped (the user's command \"stop\")"));
}

/* Nothing is left of a stop that found the VM in its last moments. */
static void stop_of_one_that_stops(void)
{
    boot_and_settle(2, 1, WHEN_ALL_STOPPED_WAIT);
    while_zeroing = user_stops_it;
    vm_end(&vm_of[0], VM_END_POWEROFF, "S5");
    settle();
    REQUIRE(vm_of[0].state == VM_STOPPED && vm_command_start(&vm_of[0]));
    settle();
    check_settled();
    REQUIRE(vm_of[0].state == VM_RUNNING && vm_of[0].starts == 2);
}

static void a_stop_holds_whenever_it_comes(void **state)
{
    (void)state;
    in_a_boot_of_its_own(stop_before_the_decision);
    in_a_boot_of_its_own(stop_behind_the_decision);
    in_a_boot_of_its_own(stop_of_one_that_stops);
}

static unsigned told;

static void user_starts_too_early(struct vm *vm)
{
    REQUIRE(!vm_command_start(vm));
    told++;
}

static void start_after_stop(void)
{
    boot_and_settle(2, 1, WHEN_ALL_STOPPED_WAIT);
    while_the_console_is_told = user_starts_too_early;
    REQUIRE(vm_command_stop(&vm_of[0]));
    settle();
    REQUIRE(told == 1 && vm_of[0].state == VM_STOPPED && vm_of[0].starts == 1);
    REQUIRE(vm_command_start(&vm_of[0]));
    settle();
    check_settled();
    REQUIRE(vm_of[0].starts == 2 && vm_of[0].state == VM_RUNNING);
}

/* Or the console would take a VM that runs for one that has stopped. */
static void a_start_begins_when_the_console_knows_of_the_stop(void **state)
{
    (void)state;
    in_a_boot_of_its_own(start_after_stop);
}

static void pausing(void)
{
    boot_and_settle(2, 1, WHEN_ALL_STOPPED_WAIT);
    REQUIRE(!vm_command_pause(&vm_of[0], false));
    REQUIRE(vm_command_pause(&vm_of[0], true));
    REQUIRE(!vm_command_pause(&vm_of[0], true));
    settle();
    REQUIRE(vm_of[0].state == VM_RUNNING && !vcpu_may_run(&vcpus[0][0]));
    REQUIRE(vcpu_may_run(&vcpus[1][0]));
    REQUIRE(vm_command_pause(&vm_of[0], false));
    settle();
    REQUIRE(vcpu_may_run(&vcpus[0][0]));
    REQUIRE(vm_command_pause(&vm_of[0], true));
    REQUIRE(vm_command_restart(&vm_of[0]));
    settle();
    check_settled();
    REQUIRE(vcpu_may_run(&vcpus[0][0])); /* a new life is not paused */
}

static void a_pause_is_of_one_vm_and_one_life(void **state)
{
    (void)state;
    in_a_boot_of_its_own(pausing);
}

static void manual(void)
{
    configs[1].start_manual = true;
    boot(2, 2, WHEN_ALL_STOPPED_POWEROFF);
    settle();
    REQUIRE(vm_of[0].starts == 1 && vm_of[1].starts == 0 && vm_of[1].state == VM_STOPPED);
    REQUIRE(was_shown("guest1: waits for \"start guest1\""));
    vm_command_start(&vm_of[1]);
    settle();
    check_settled();
    REQUIRE(vm_of[1].starts == 1 && vm_of[1].state == VM_RUNNING);
    vm_end(&vm_of[0], VM_END_POWEROFF, "S5");
    settle();
    REQUIRE(ends == 0);
    vm_end(&vm_of[1], VM_END_POWEROFF, "S5");
    settle();
    REQUIRE(ends == 1 && was_shown("end: ok"));
}

static void a_manual_start_waits_for_the_user(void **state)
{
    (void)state;
    in_a_boot_of_its_own(manual);
}

static void start_after_the_end(void)
{
    configs[1].start_manual = true;
    boot(1, 1, WHEN_ALL_STOPPED_WAIT);
    settle();
    vm_stop_all(MACHINE_REBOOT);
    vm_command_start(&vm_of[1]);
    settle();
    REQUIRE(vm_of[1].state == VM_STOPPED && vm_of[1].starts == 0);
    REQUIRE(ends == 1 && last_end == MACHINE_REBOOT);
}

static void nothing_starts_once_the_run_ends(void **state)
{
    (void)state;
    in_a_boot_of_its_own(start_after_the_end);
}

static void flood(void)
{
    boot_and_settle(1, 1, WHEN_ALL_STOPPED_WAIT);
    uint64_t before = log_ring_next();
    for (unsigned i = 0; i < 300; i++) {
        recorder_count(&recorders[0][0].times[EXIT_CPUID], 100); /* a line for the ring */
        vm_end(&vm_of[0], VM_END_REBOOT, "reset");
        settle();
    }
    collect_output();
    unsigned lines = 0;
    for (const char *at = shown; (at = strchr(at, '\n')); at++)
        lines++;
    REQUIRE(vm_of[0].starts == 301 && lines == 10);
    REQUIRE(log_ring_next() - before == 10 * 2);
    fake.tsc += 11 * vm_of[0].timers.tsc_hz;
    vm_end(&vm_of[0], VM_END_REBOOT, "reset");
    settle();
    REQUIRE(was_shown("guest0: 290 restarts before this one are not listed"));
}

static void restarts_do_not_fill_the_log(void **state)
{
    (void)state;
    in_a_boot_of_its_own(flood);
}

/* ---- Watchdogs ---- */

static unsigned shown_lines(const char *text)
{
    unsigned count = 0;
    collect_output();
    for (const char *at = shown; (at = strstr(at, text)); at += strlen(text))
        count++;
    return count;
}

/* Says where each vCPU was that ran, and starts again by the rule. */
static void hangs(void)
{
    configs[0].watchdog = configs[0].restart.watched = true;
    boot_and_settle(3, 1, WHEN_ALL_STOPPED_WAIT);
    vcpus[0][1].state = VCPU_RUNNING;
    ports_write(&vcpus[0][1], 0x443, 1, 0);
    settle();
    REQUIRE(vm_of[0].starts == 1);
    fake.tsc += 30 * vm_of[0].timers.tsc_hz;
    mailbox[CPU_OF(0, 0)] |= REQUEST_TIMER;
    settle();
    check_settled();
    REQUIRE(vm_of[0].starts == 2 && vm_of[1].starts == 1);
    REQUIRE(was_shown("guest0: vCPU 0: its watchdog ran out"));
    REQUIRE(was_shown("guest0: vCPU 1: its watchdog ran out"));
    REQUIRE(shown_lines("  RIP ") == 2); /* vCPU 2 waits for its start */
    REQUIRE(was_shown("guest0: restarts (its watchdog ran out)"));
    fake.tsc += 100 * vm_of[0].timers.tsc_hz;
    mailbox[CPU_OF(0, 0)] |= REQUEST_TIMER;
    settle();
    REQUIRE(vm_of[0].starts == 2); /* it is another life's */
}

/* A guest that does nothing but let it run out at once. */
static void hangs_again_and_again(void)
{
    configs[0].watchdog = configs[0].restart.watched = true;
    boot_and_settle(1, 1, WHEN_ALL_STOPPED_WAIT);
    for (unsigned i = 1; i <= 6; i++) {
        REQUIRE(vm_of[0].state == VM_RUNNING && vm_of[0].starts == i);
        ports_write(&vcpus[0][0], 0x443, 1, 15);
        settle();
    }
    REQUIRE(vm_of[0].state == VM_STOPPED && vm_of[0].starts == 6);
    REQUIRE(was_shown("guest0: stopped after an error (its watchdog ran out)"));
    REQUIRE(was_shown("guest0: it was restarted 5 times within 60 s; it stays stopped"));
    vm_stop_all(MACHINE_POWER_OFF);
    settle();
    REQUIRE(was_shown("end: crashed"));
}

static void hang_often(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        ports_write(&vcpus[0][0], 0x443, 1, 15);
        settle();
    }
}

/* The user allows more than the log takes. */
static void hangs_very_often(void)
{
    configs[0].watchdog = configs[0].restart.watched = true;
    configs[0].restart.limit = 50;
    configs[0].restart.seconds = 1;
    boot_and_settle(1, 1, WHEN_ALL_STOPPED_WAIT);
    hang_often(40);
    REQUIRE(vm_of[0].state == VM_RUNNING && vm_of[0].starts == 41);
    REQUIRE(shown_lines("guest0: vCPU 0: its watchdog ran out") == 10 && shown_lines("  RIP ") == 10);
    fake.tsc += 61 * vm_of[0].timers.tsc_hz;
    hang_often(51);
    REQUIRE(vm_of[0].state == VM_STOPPED);
    REQUIRE(shown_lines("guest0: 30 reports before this one are not listed") == 1);
    REQUIRE(shown_lines("  RIP ") == 20);
    REQUIRE(was_shown("guest0: stopped after an error (its watchdog ran out)"));
    REQUIRE(was_shown("guest0: the latest 41 reports, this one among them, are not listed"));
}

static void reports_do_not_fill_the_log(void **state)
{
    (void)state;
    in_a_boot_of_its_own(hangs_very_often);
}

static void hangs_and_stays(void)
{
    configs[0].watchdog = configs[0].restart.watched = true;
    configs[0].restart.policy = RESTART_NEVER;
    boot_and_settle(1, 1, WHEN_ALL_STOPPED_WAIT);
    ports_write(&vcpus[0][0], 0x443, 1, 15);
    settle();
    REQUIRE(vm_of[0].state == VM_STOPPED && vm_of[0].starts == 1);
    REQUIRE(was_shown("guest0: stopped after an error (its watchdog ran out)"));
}

/* The user's pause is no hang; a guest that goes on has its whole time again. */
static void pauses(void)
{
    configs[0].watchdog = configs[0].restart.watched = true;
    boot_and_settle(2, 1, WHEN_ALL_STOPPED_WAIT);
    ports_write(&vcpus[0][0], 0x443, 1, 13);
    settle();
    for (unsigned i = 0; i < 3; i++) {
        fake.tsc += 3 * vm_of[0].timers.tsc_hz;
        REQUIRE(vm_command_pause(&vm_of[0], true));
        settle();
        fake.tsc += 300 * vm_of[0].timers.tsc_hz;
        if (i == 1) /* else nobody looks meanwhile */
            mailbox[CPU_OF(0, 0)] |= REQUEST_TIMER | REQUEST_SNAPSHOT;
        settle();
        REQUIRE(vm_command_pause(&vm_of[0], false));
        settle();
    }
    REQUIRE(vm_of[0].starts == 1 && vm_of[0].state == VM_RUNNING);
    fake.tsc += 4 * vm_of[0].timers.tsc_hz;
    mailbox[CPU_OF(0, 0)] |= REQUEST_TIMER;
    settle();
    REQUIRE(vm_of[0].starts == 2);
}

static void is_silent(void)
{
    configs[0].silence_seconds = 10;
    configs[0].restart.watched = true;
    boot_and_settle(2, 1, WHEN_ALL_STOPPED_WAIT);
    REQUIRE(vm_of[0].com1.wire == UART_WIRE_WATCHED && vm_of[1].com1.wire == UART_WIRE_CONSOLE);
    for (unsigned life = 1; life < 4; life++) {
        ports_write(&vcpus[0][1], 0x3F8, 1, 'x');
        settle();
        fake.tsc += 10 * vm_of[0].timers.tsc_hz;
        REQUIRE(vm_of[0].starts == life);
        mailbox[CPU_OF(0, 0)] |= REQUEST_TIMER;
        settle();
        REQUIRE(vm_of[0].starts == life + 1);
    }
    REQUIRE(was_shown("guest0: restarts (its console was silent for too long)"));
}

static void a_guest_that_hangs_is_reported_and_starts_again(void **state)
{
    (void)state;
    in_a_boot_of_its_own(hangs);
    in_a_boot_of_its_own(is_silent);
}

static void a_guest_that_hangs_for_ever_is_stopped(void **state)
{
    (void)state;
    in_a_boot_of_its_own(hangs_again_and_again);
    in_a_boot_of_its_own(hangs_and_stays);
}

static void a_paused_guest_does_not_hang(void **state)
{
    (void)state;
    in_a_boot_of_its_own(pauses);
}

/* ---- Guests that wait for others ---- */

#define COM1_DATA 0x3F8
#define READY_PORT 0x510

static void print(unsigned vm, const char *text)
{
    for (; *text != '\0'; text++)
        ports_write(&vcpus[vm][0], COM1_DATA, 1, (uint8_t)*text);
}

static void waits_for_text(void)
{
    configs[1].after = 1u << 0;
    strcpy(configs[0].ready, "login:");
    boot(2, 2, WHEN_ALL_STOPPED_WAIT);
    settle();
    REQUIRE(was_shown("guest1: waits for guest0"));
    REQUIRE(vm_of[1].state == VM_STOPPED && vm_of[1].starts == 0);
    print(0, "logi\nlogin");
    settle();
    REQUIRE(vm_of[1].starts == 0 && vm_of[0].com1.wire == UART_WIRE_WATCHED);
    vm_end(&vm_of[0], VM_END_REBOOT, "reset"); /* what it wrote was another life's */
    settle();
    print(0, ":");
    settle();
    REQUIRE(vm_of[1].starts == 0);
    print(0, "login:");
    REQUIRE(vm_of[0].com1.wire == UART_WIRE_CONSOLE);
    REQUIRE(vm_of[1].state == VM_STOPPED && mailbox[CPU_OF(1, 0)] == REQUEST_BEGIN);
    settle();
    check_settled();
    REQUIRE(vm_of[1].starts == 1 && vm_of[1].state == VM_RUNNING);
    REQUIRE(was_shown("guest1: starts, as guest0 is ready"));
    vm_end(&vm_of[1], VM_END_REBOOT, "reset"); /* only the first start waits */
    vm_end(&vm_of[0], VM_END_REBOOT, "reset");
    settle();
    REQUIRE(vm_of[1].starts == 2 && vm_of[0].starts == 3);
    REQUIRE(vm_of[0].com1.wire == UART_WIRE_CONSOLE); /* nobody waits for it */
}

static void a_guest_starts_when_another_shows_a_text(void **state)
{
    (void)state;
    in_a_boot_of_its_own(waits_for_text);
}

static void waits_for_port(void)
{
    configs[1].after = 1u << 0;
    configs[0].ready_port = READY_PORT;
    boot(1, 1, WHEN_ALL_STOPPED_POWEROFF);
    settle();
    REQUIRE(ports_read(&vcpus[0][0], READY_PORT, 4) == 0);
    REQUIRE(mailbox[CPU_OF(1, 0)] == 0);
    REQUIRE(ports_write(&vcpus[0][0], READY_PORT, 2, 7));
    vm_end(&vm_of[0], VM_END_POWEROFF, "S5"); /* its work was to be ready */
    serve(CPU_OF(0, 0));
    REQUIRE(vm_of[0].state == VM_STOPPED && ends == 0);
    settle();
    check_settled();
    REQUIRE(vm_of[1].starts == 1 && ends == 0);
    vm_end(&vm_of[1], VM_END_POWEROFF, "S5");
    settle();
    REQUIRE(ends == 1 && was_shown("end: ok"));
}

static void a_guest_that_was_ready_may_end_at_once(void **state)
{
    (void)state;
    in_a_boot_of_its_own(waits_for_port);
}

static void writes_again_and_again(void)
{
    configs[1].after = 1u << 0;
    configs[0].ready_port = READY_PORT;
    boot_and_settle(1, 1, WHEN_ALL_STOPPED_WAIT);
    for (unsigned life = 0; life < 3; life++) {
        for (unsigned i = 0; i < 1000; i++) {
            REQUIRE(ports_write(&vcpus[0][0], READY_PORT, 1, 1));
            REQUIRE(mailbox[CPU_OF(1, 0)] == (life == 0 ? REQUEST_BEGIN : 0));
        }
        settle();
        REQUIRE(vm_of[1].starts == 1);
        vm_end(&vm_of[0], VM_END_REBOOT, "reset");
        settle();
    }
    vm_command_stop(&vm_of[1]);
    settle();
    ports_write(&vcpus[0][0], READY_PORT, 1, 1);
    settle();
    REQUIRE(vm_of[1].state == VM_STOPPED && vm_of[1].starts == 1);
}

static void a_flood_of_readiness_asks_nobody_twice(void **state)
{
    (void)state;
    in_a_boot_of_its_own(writes_again_and_again);
}

static void ready_as_it_runs(void)
{
    configs[0].after = 1u << 1; /* the order of the file does not matter */
    boot(2, 3, WHEN_ALL_STOPPED_WAIT);
    REQUIRE(vm_of[0].starts == 0 && vm_of[1].starts == 1);
    settle();
    check_settled();
    REQUIRE(vm_of[0].starts == 1 && vm_of[0].state == VM_RUNNING);
}

static void a_guest_that_says_nothing_else_is_ready_as_it_runs(void **state)
{
    (void)state;
    in_a_boot_of_its_own(ready_as_it_runs);
}

static void waits_in_vain_for_the_end(void)
{
    configs[1].after = 1u << 0;
    configs[0].ready_port = READY_PORT;
    boot_and_settle(1, 1, WHEN_ALL_STOPPED_POWEROFF);
    vm_end(&vm_of[0], VM_END_POWEROFF, "S5");
    settle();
    REQUIRE(was_shown("guest1: waits for guest0, which has stopped"));
    REQUIRE(ends == 1); /* none runs */
}

static void the_user_starts_it(void)
{
    configs[1].after = 1u << 0;
    configs[0].ready_port = READY_PORT;
    boot_and_settle(1, 1, WHEN_ALL_STOPPED_POWEROFF);
    REQUIRE(vm_command_start(&vm_of[1]) && vm_command_start(&vm_of[1]));
    settle();
    check_settled();
    REQUIRE(vm_of[1].starts == 1);
    ports_write(&vcpus[0][0], READY_PORT, 1, 1);
    REQUIRE(mailbox[CPU_OF(1, 0)] == 0);
    vm_end(&vm_of[1], VM_END_POWEROFF, "S5");
    settle();
    REQUIRE(ends == 0);
    vm_end(&vm_of[0], VM_END_POWEROFF, "S5");
    settle();
    REQUIRE(ends == 1);
}

static void a_guest_that_waits_does_not_run(void **state)
{
    (void)state;
    in_a_boot_of_its_own(waits_in_vain_for_the_end);
    in_a_boot_of_its_own(the_user_starts_it);
}

/* ---- Any order ---- */

#define STEPS 3000
#define BOOTS 60

static unsigned chance(unsigned of)
{
    return (unsigned)rand() % of;
}

/* A random CPU that is in the middle of nothing, or CPUS. */
static unsigned any_cpu(void)
{
    unsigned first = chance(CPUS);
    for (unsigned i = 0; i < CPUS; i++) {
        unsigned cpu = (first + i) % CPUS;
        if (exists(cpu) && !busy[cpu])
            return cpu;
    }
    return CPUS;
}

static void guest_sends(struct vcpu *vcpu)
{
    static const enum apic_delivery_mode modes[] = { DELIVERY_INIT, DELIVERY_NMI, DELIVERY_NMI,
                                                     DELIVERY_STARTUP, DELIVERY_STARTUP };
    uint32_t destination = chance(9) == 0 ? X2APIC_BROADCAST : chance(vcpu->vm->vcpu_count + 1);
    lapic_deliver(vcpu->vm, destination, false, modes[chance(5)], (uint8_t)chance(256));
}

/* What a running guest may do by one exit. */
static void guest_acts(unsigned cpu)
{
    struct vcpu *vcpu = vcpu_on(cpu);
    struct vm *vm = vcpu->vm;

    busy[cpu] = true;
    memory_of(vm->index)[chance(MEMORY_BYTES)] ^= 0x80 | chance(256);
    switch (chance(24)) {
    case 0: vm_end(vm, VM_END_REBOOT, "reset"); break;
    case 1: vm_end(vm, VM_END_REBOOT, "reset by another port"); break;
    case 2:
        if (chance(300) == 0)
            vm_end(vm, VM_END_POWEROFF, "S5");
        break;
    case 3:
        if (chance(300) == 0)
            vm_crash(vcpu, "triple fault");
        break;
    case 4: readiness_reached(vm); break;
    default: guest_sends(vcpu); break;
    }
    busy[cpu] = false;
    check_always();
}

static bool waits_in_vain(unsigned cpu)
{
    return vcpu_on(cpu)->state == VCPU_WAIT_FOR_SIPI &&
           vcpu_on(cpu)->vm->vcpus[0]->state != VCPU_OFF;
}

/* One CPU goes one step: an exit may still come before the NMI of a request. */
static void step(void)
{
    unsigned cpu = any_cpu();
    if (cpu == CPUS)
        return;
    if (vcpu_may_run(vcpu_on(cpu)) && (mailbox[cpu] == 0 || chance(4) == 0))
        guest_acts(cpu);
    else if (mailbox[cpu] != 0)
        serve(cpu);
    else if (waits_in_vain(cpu) && chance(8) == 0)
        lapic_deliver(vcpu_on(cpu)->vm, vcpu_on(cpu)->index, false, DELIVERY_STARTUP, 1); /* or a guest would soon have none that runs */
}

/* Ctrl-] q, seen by a CPU that no guest owns, whatever the others do. */
static void user_may_end(void)
{
    if (chance(2000) != 0 || user_ended)
        return;
    user_ended = true;
    vm_stop_all(MACHINE_POWER_OFF);
}

/* Commands of the monitor, on a CPU that no guest owns, whatever the others do. */
static void user_commands(void)
{
    struct vm *vm = &vm_of[chance(vm_count)];
    if (chance(40) != 0)
        return;
    switch (chance(5)) {
    case 0: vm_command_start(vm); break;
    case 1: vm_command_stop(vm); break;
    case 2: vm_command_restart(vm); break;
    default: vm_command_pause(vm, chance(2)); break;
    }
}

static void let_others_go_on(void)
{
    if (!interleaving || depth == DEPTH_MAX)
        return;
    check_always();
    fake.record_count = 0;
    depth++;
    while (chance(3) != 0)
        step();
    user_may_end();
    user_commands();
    depth--;
}

static void any_order(void)
{
    srand(seed);
    interleaving = true;
    configs[0].ready_port = READY_PORT;
    configs[1].after = chance(2);
    boot(1 + chance(CONFIG_VCPUS_MAX), seed % 3 ? 1 + chance(CONFIG_VCPUS_MAX) : 0,
         (enum when_all_stopped)chance(3));
    for (unsigned i = 0; i < STEPS && ends == 0; i++) {
        step();
        user_may_end();
        user_commands();
        if (chance(200) == 0) {
            settle();
            check_settled();
        }
        forget();
    }
    settle();
    check_settled();
    REQUIRE(ends <= 1);
    if (user_ended)
        REQUIRE(ends == 1 && last_end == MACHINE_POWER_OFF);
}

static void requests_in_any_order_leave_each_vm_whole(void **state)
{
    (void)state;
    for (seed = 1; seed <= BOOTS; seed++)
        in_a_boot_of_its_own(any_order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aps_wait_before_the_boot_vcpu_is_started),
        cmocka_unit_test(the_last_vcpu_to_park_finishes),
        cmocka_unit_test(a_reboot_starts_from_pristine_images),
        cmocka_unit_test(a_crash_stops_that_guest_alone_and_is_remembered),
        cmocka_unit_test(of_two_ends_the_first_counts),
        cmocka_unit_test(a_guest_that_exits_stops_and_its_status_is_told),
        cmocka_unit_test(an_exit_with_0_is_a_good_end),
        cmocka_unit_test(a_crash_weighs_more_than_a_status),
        cmocka_unit_test(what_follows_the_last_guest_is_the_policy),
        cmocka_unit_test(the_user_ends_all_whatever_the_policy),
        cmocka_unit_test(the_users_key_between_two_lives_is_not_lost),
        cmocka_unit_test(the_users_key_before_the_first_instruction_is_not_lost),
        cmocka_unit_test(a_guest_that_reboots_after_the_users_key_stays_stopped),
        cmocka_unit_test(a_limit_ends_a_crash_loop_until_the_user_starts_it),
        cmocka_unit_test(a_limit_can_end_the_machine),
        cmocka_unit_test(the_user_stops_starts_and_restarts_one_vm),
        cmocka_unit_test(a_stop_holds_whenever_it_comes),
        cmocka_unit_test(a_start_begins_when_the_console_knows_of_the_stop),
        cmocka_unit_test(a_pause_is_of_one_vm_and_one_life),
        cmocka_unit_test(a_manual_start_waits_for_the_user),
        cmocka_unit_test(nothing_starts_once_the_run_ends),
        cmocka_unit_test(restarts_do_not_fill_the_log),
        cmocka_unit_test(reports_do_not_fill_the_log),
        cmocka_unit_test(a_guest_that_hangs_is_reported_and_starts_again),
        cmocka_unit_test(a_guest_that_hangs_for_ever_is_stopped),
        cmocka_unit_test(a_paused_guest_does_not_hang),
        cmocka_unit_test(a_guest_starts_when_another_shows_a_text),
        cmocka_unit_test(a_guest_that_was_ready_may_end_at_once),
        cmocka_unit_test(a_flood_of_readiness_asks_nobody_twice),
        cmocka_unit_test(a_guest_that_says_nothing_else_is_ready_as_it_runs),
        cmocka_unit_test(a_guest_that_waits_does_not_run),
        cmocka_unit_test(requests_in_any_order_leave_each_vm_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
