# SPDX-License-Identifier: MIT
"""Modes of the processor, switches between tasks, and events, seen from inside.

guest/kinds/tasks.c switches tasks by hardware in all ways there are, and
guest/kinds/modes.c the processor's modes; guest/steps.c is about single steps,
shadows and NMIs, guest/warm.c about resets that keep memory.
"""

CONFIG = """
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "{name}"
cpus = {cpus}
memory = "32M"
kernel = "{file}"
"""

TASKS = (
    "CALL to a TSS nests, IRET returns", "registers are back, TS is set",
    "IRET leaves its own task behind itself and without NT", "the task goes on where it left",
    "CALL through a task gate", "JMP to a TSS and back", "segments of an LDT",
    "INT n through a task gate, and behind it", "INT3 through a task gate, and behind it",
    "INT1 through a task gate, and behind it", "an interrupt through a task gate",
    "an NMI through a task gate", "NMIs wait for the IRET of the task",
    "an exception through a task gate, with its error code", "which IRET does not find",
    "the old task has RF set", "the T bit traps before the first instruction",
    "a TSS of 16 bits, there and back", "and again", "a task at ring 3", "which was saved",
    "a task in virtual-8086 mode", "which was saved as such",
)
TASKS_ONCE = (
    "an address space each, 32-bit paging", "an address space each, PAE paging",
    "#TS by the LDT of a new task", "#TS by its SS", "#TS by its CS", "#TS by its DS",
    "#NP by its DS", "#SS by its SS", "#TS in the old task by a short TSS",
    "#PF in the old task by its address",
)


def start(machine, guests, name, file, cpus=1):
    config = CONFIG.format(name=name, file=file.rpartition("/")[2], cpus=cpus)
    files = {file.rpartition("/")[2]: guests / file}
    return machine(config, files, cpus=cpus, memory_mib=128).announced()


def ready(rig, name, timeout_s=60):
    """Waits until the guest is through; no longer than there is a chance."""
    rig.expect(rf"^{name}: ready|\] halted:|\] end:", timeout_s, f"{name} to be through")
    assert f"{name}: ready" in rig.text(), rig.last_words()


def test_tasks_switch_by_hardware_as_the_manual_says(machine, guests):
    rig = start(machine, guests, "tasks", "kinds/tasks.elf")
    ready(rig, "tasks")
    text = rig.text()
    assert "FAIL" not in text, text
    for claim in TASKS:         # without paging, and with PAE
        assert text.count(f"tasks: ok {claim}\n") == 2, claim
    for claim in TASKS_ONCE:
        assert text.count(f"tasks: ok {claim}\n") == 1, claim
    assert text.count("tasks: ok a double fault through a task gate, on a broken stack\n") == 2
    rig.send("p")
    rig.expect_end("end: ok")


def done(machine, guests, name, cpus=1, timeout_s=60):
    """Runs one guest to its end; what it says of each claim must be ok."""
    rig = start(machine, guests, name, f"{name}.bin", cpus)
    rig.expect(rf"^{name}: done[^\r]*\r|\] halted:", timeout_s, f"{name} to finish")
    text = rig.text()
    assert f"{name}: done" in text and f"{name}: FAIL" not in text, text
    rig.expect_end("end: ok")
    return text


STEPS = (
    "a trap behind each instruction", "a trap behind each element of a string",
    "no trap behind MOV SS, one behind the next instruction", "a trap behind STI",
    "an interrupt waits for one instruction", "also if that is executed twice",
    "and no longer", "a breakpoint at MOV SS traps behind the next instruction",
    "a breakpoint at an instruction hits once", "and so does one at the next instruction",
    "also if the instruction faults", "also if it is a string that is done in parts",
    "general detect, off in its handler",
    "INT1 and INT3, behind themselves",
    "an NMI behind the trap that is pending, which is not lost",
    "an NMI waits for the IRET of another one", "an IRET that faults lets it come",
    "RDPMC, MONITOR, MWAIT, INVD and WBINVD", "XSETBV",
)


def test_steps_shadows_and_nmis_are_exact_across_emulated_instructions(machine, guests):
    text = done(machine, guests, "steps")
    for claim in STEPS:
        assert f"steps: ok {claim}\n" in text, claim


def test_a_reset_of_the_processors_can_keep_memory(machine, guests):
    text = done(machine, guests, "warm", cpus=2)
    for way in ("INIT to itself", "a reset by the keyboard controller", "a reset by port 92h",
                "INIT by another vCPU"):
        assert f"warm: ok {way} keeps memory\n" in text, way


MODES = (
    "virtual-8086 mode, and out of it by HLT", "CPUID and IN in virtual-8086 mode",
    "a port that is not allowed is #GP", "CLI without VME is #GP", "VME",
    "CLI with VME clears VIF",
    "STI sets VIF, INT n goes to the handler of the 8086 program",
    "or is #GP, if it is to be redirected", "64-bit mode and back",
    "no five levels of paging, as CPUID says", "CD and NW as they are written",
    "NW without CD is #GP", "PG without PE is #GP", "NE as it is written",
    "each bit of CR4 as CPUID offers it", "INTO",
)


def test_all_modes_and_the_ways_between_them(machine, guests):
    rig = start(machine, guests, "modes", "kinds/modes.elf")
    ready(rig, "modes")
    text = rig.text()
    assert "FAIL" not in text and "wrong:" not in text, text
    for claim in MODES:
        assert text.count(f"modes: ok {claim}\n") == 1, claim
    assert text.count("modes: ok real mode and back, with an interrupt\n") == 4
    rig.send("p")
    rig.expect_end("end: ok")
