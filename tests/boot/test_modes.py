# SPDX-License-Identifier: MIT
"""Modes of the processor, switches between tasks, and events, seen from inside.

guest/kinds/tasks.c switches tasks by hardware in all ways there are.
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
