# SPDX-License-Identifier: MIT
"""What is wrong with a configuration is said on the machine's console: all of
it at once, each with its place, its guest and what would be right. Nothing is
started then. The checker on the build host says the same.
"""

import re
import subprocess

from places import BUILD

EVERY_CLASS = """\
[hypervisor]
console_speed = 12345
lgo = "info"

[[vm]]
name = "one"
cpus = [0, 9]
memory = "17M"
kernel = "triple.bin"

[[vm]]
name = "one"
cpus = [0]
memory = 16
kernel = "trible.bin"
inird = "triple.bin"

[[vm]]
name = "three"
cpus = 1
memory = "64M"
kernel = "text"
cmdline = "unfinished

[network]
"""

# Line, guest or None, and what must be said.
EXPECTED = [
    (2, None, "12345"),
    (3, None, 'unknown key "lgo"; did you mean "log"'),
    (7, "one", "CPU 9 does not exist"),
    (8, "one", r'"17M".*"16M" or "18M"'),
    (12, "one", "line 5 has this name already"),
    (13, "one", "CPU 0 already belongs.*line 5; free: 1"),
    (14, "one", '"256M"'),
    (15, "one", 'trible.bin.*triple.bin'),
    (16, "one", 'unknown key "inird"; did you mean "initrd"'),
    (22, "three", "no kernel that Bulkhead knows"),
    (23, "three", '"'),
    (25, None, "network"),
]


def images(guests):
    return {"triple.bin": guests / "triple.bin", "text": b"this is no kernel\n" * 64}


def boot_and_refuse(machine, guests, config, memory_mib=128):
    rig = machine(config, images(guests), cpus=2, memory_mib=memory_mib)
    rig.expect_halt("the configuration has errors; no guest was started", 60)
    return rig.text()


def findings(text):
    return re.findall(r"\bconfig:(\d+):\d+: error: (.*)", text)


def test_every_class_of_error_is_shown_at_once(machine, guests):
    text = boot_and_refuse(machine, guests, EVERY_CLASS)
    found = findings(text)
    for line, guest, what in EXPECTED:
        prefix = re.escape(f'vm "{guest}": ') if guest else ""
        assert any(int(at) == line and re.search(f"^{prefix}.*{what}", message)
                   for at, message in found), (line, what, found)
    assert "triple: " not in text


def test_the_checker_on_the_host_says_the_same(machine, guests, tmp_path):
    text = boot_and_refuse(machine, guests, EVERY_CLASS)
    for name, contents in images(guests).items():
        data = contents if isinstance(contents, bytes) else contents.read_bytes()
        (tmp_path / name).write_bytes(data)
    (tmp_path / "config").write_text(EVERY_CLASS)
    done = subprocess.run([BUILD / "bulkhead-check", "config", "--cpus", "2"], cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert findings(done.stdout + done.stderr) == findings(text)


def test_memory_that_does_not_fit_is_refused_with_how_much_there_is(machine, guests):
    config = '[[vm]]\nname = "big"\ncpus = 1\nmemory = "4G"\nkernel = "triple.bin"\n'
    assert re.search(r'config:4:\d+: error: vm "big": .*MiB', boot_and_refuse(machine, guests, config))


def test_more_cpus_than_there_are_is_refused(machine, guests):
    config = '[[vm]]\nname = "wide"\ncpus = 3\nmemory = "16M"\nkernel = "triple.bin"\n'
    assert re.search(r'config:3:\d+: error: vm "wide": .*2',
                     boot_and_refuse(machine, guests, config))


def test_a_file_that_is_no_configuration_is_refused(machine, guests):
    found = findings(boot_and_refuse(machine, guests, b"\x7fELF\x02\x01\x01\x00\xff\xfe\n"))
    assert found and found[0][0] == "1"


def test_an_empty_configuration_is_refused(machine, guests):
    assert "[[vm]]" in boot_and_refuse(machine, guests, "# nothing here\n")
