# SPDX-License-Identifier: MIT
"""Kernels that nobody here wrote, out of Debian's packages, by boot protocols
other than the demo's. How far a kernel comes is what is seen here: a memory
tester's first output, GRUB's first look at a screen that is not there.
"""

import re
import subprocess

from places import BUILD

SHELL = r"^pvh:[^#\r\n]*# "
BOOT_TIMEOUT_S = 300

LINUX = """\
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "pvh"
cpus = 1
memory = "256M"
kernel = "vmlinux"
modules = ["initrd"]
cmdline = "console=ttyS0,115200 bulkhead.guest=pvh cryptomgr.notests \
initcall_blacklist=load_system_certificate_list"
"""


def guest(name, kernel, cmdline=""):
    return (f'[[vm]]\nname = "{name}"\ncpus = 1\nmemory = "32M"\nkernel = "{kernel}"\n'
            f'cmdline = "{cmdline}"\n')


def test_debians_linux_starts_by_pvh(machine, kernels, demo):
    files = {"vmlinux": kernels / "vmlinux", "initrd": demo / "initrd"}
    rig = machine(LINUX, files, cpus=2, memory_mib=512)
    rig.says(r"pvh: CPU 0, .* kernel vmlinux \(PVH\)")
    rig.expect(SHELL, BOOT_TIMEOUT_S, "Linux' shell")
    said = rig.run(SHELL, "dmesg | grep -i -e 'bios-e820' -e 'acpi: rsdp'", 60)
    assert "[mem 0x0000000000100000-0x000000000fffffff] usable" in said
    assert "RSDP 0x00000000000E0000" in said
    rig.send("poweroff\n")
    rig.expect_end("end: ok", 120)


def test_a_memory_tester_and_grub_begin(machine, kernels):
    """memtest86+ by the 32-bit and by the 64-bit entry, GRUB by Multiboot."""
    console = "console=ttyS0,115200"
    config = (guest("grub", "grub.elf") + guest("mt32", "memtest86+ia32.bin", console) +
              guest("mt64", "memtest86+x64.bin", console))
    files = {name: kernels / name
             for name in ("grub.elf", "memtest86+ia32.bin", "memtest86+x64.bin")}
    rig = machine(config, files, cpus=3, memory_mib=256)
    rig.says("grub: vCPU 0 wrote address 0xb8000, where it has no memory", 60)
    for number, name in ((2, "mt32"), (3, "mt64")):
        rig.send(f"\x1d{number}")
        rig.says(f"console: {name}")
        rig.expect(r"\x1b\[2J", 60, f"{name} to clear its screen")


def test_a_kernel_for_a_bios_is_refused(kernels, tmp_path):
    (tmp_path / "ipxe.lkrn").write_bytes((kernels / "ipxe.lkrn").read_bytes())
    (tmp_path / "config").write_text(guest("ipxe", "ipxe.lkrn"))
    done = subprocess.run([BUILD / "bulkhead-check", "config"], cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.search('config:5:10: error: vm "ipxe": the kernel can be entered in real mode only',
                     done.stderr)
