# SPDX-License-Identifier: MIT
"""Every exit reason, as a guest meets it.

guest/exits.c does something for each reason that a guest can do something about.
Here its reasons are held against the manual's (arch/spec/exit_reason.h) and the
groups of hv/exit.c, and against what the hypervisor counted: what it decides
about was seen to exit, and what it takes for impossible was not.
"""

import re

from places import ROOT

CONFIG = """
[hypervisor]
when_all_stopped = "poweroff"
log = "debug"

[[vm]]
name = "exits"
cpus = 1
memory = "16M"
kernel = "exits.bin"
"""

# What this guest cannot produce, and who does or why nobody can.
ELSEWHERE = {
    "EXIT_TRIPLE_FAULT": "ends the guest: guest/triple.c",
    "EXIT_TASK_SWITCH": "not in 64-bit mode",
    "EXIT_INIT_SIGNAL": "INIT is emulated: guest/apic.c",
    "EXIT_SIPI": "start-up IPIs are emulated: guest/smp.c",
    "EXIT_IO_SMI": "the dual-monitor treatment is off",
    "EXIT_OTHER_SMI": "the dual-monitor treatment is off",
    "EXIT_EPT_MISCONFIGURATION": "the tables are the hypervisor's",
    "EXIT_ENTRY_FAILURE_GUEST_STATE": "guest state is what a processor accepts",
    "EXIT_ENTRY_FAILURE_MSR_LOADING": "no MSR is loaded by a list",
    "EXIT_ENTRY_FAILURE_MACHINE_CHECK": "the hardware's",
    "EXIT_MONITOR_TRAP_FLAG": "no instruction does it",
    "EXIT_APIC_ACCESS": "there is no APIC-access page",
    "EXIT_PML_FULL": "every write would do it",
    "EXIT_SPP_RELATED": "every write would do it",
    "EXIT_INSTRUCTION_TIMEOUT": "a fault that endlessly raises itself would do it",
}

# Where the processor's own #UD comes first: the instruction is not there, or not on.
FAULTS_FIRST = {
    "EXIT_GETSEC", "EXIT_ENCLS", "EXIT_ENCLV", "EXIT_SEAMCALL", "EXIT_TDCALL",
    "EXIT_RDMSR_IMMEDIATE", "EXIT_WRMSR_IMMEDIATE",
}


def reason_numbers():
    text = (ROOT / "arch/spec/exit_reason.h").read_text()
    enum = re.search(r"enum exit_reason \{(.*?)\};", text, re.DOTALL)[1]
    return {name: int(number) for name, number in re.findall(r"(EXIT_\w+) = (\d+),", enum)}


def reasons_by_words():
    text = (ROOT / "hv/exit_reason_name.c").read_text()
    return {words: name for name, words in re.findall(r'\[(EXIT_\w+)\] = "([^"]*)"', text)}


def decisions():
    """Each reason of the dispatch, and what it returns there."""
    switch = re.search(r"switch \(\(enum exit_reason\)reason\) \{(.*?)\n    \}",
                       (ROOT / "hv/exit.c").read_text(), re.DOTALL)[1]
    without_comments = re.sub(r"/\*.*?\*/", "", switch, flags=re.DOTALL)
    decided, waiting = {}, []
    for name, returned in re.findall(r"case (EXIT_\w+):|return ([^;]*);", without_comments):
        if name:
            waiting.append(name)
            continue
        decided.update(dict.fromkeys(waiting, returned))
        waiting = []
    return decided


def impossible(decided):
    return {name for name, returned in decided.items() if "no control asks for" in returned}


def test_the_policy_decides_about_every_reason_and_each_is_tried_or_said_why_not(machine, guests):
    numbers = reason_numbers()
    decided = decisions()
    assert set(decided) == set(numbers)

    rig = machine(CONFIG, {"exits.bin": guests / "exits.bin"}, cpus=1, memory_mib=128).announced()
    rig.expect("^exits: done\r", 120, "the guest to finish")
    rig.expect_end("end: ok")
    text = rig.text()
    assert "exits: FAIL" not in text, text

    tried = {int(number) for number in re.findall(r"^exits: ok reason (\d+): ", text, re.MULTILINE)}
    names = {number: name for name, number in numbers.items()}
    tried = {names[number] for number in tried}
    assert tried | set(ELSEWHERE) == set(numbers)
    assert not tried & set(ELSEWHERE)

    words = reasons_by_words()
    counted = re.findall(r"exits: vCPU 0: \d+ exits by ([^\r\n]*)", text)
    exited = {words[reason] for reason in counted}
    assert not exited & impossible(decided)
    assert tried - impossible(decided) - FAULTS_FIRST <= exited
