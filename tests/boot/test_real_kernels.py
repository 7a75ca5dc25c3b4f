# SPDX-License-Identifier: MIT
"""Kernels that nobody here wrote, out of Debian's packages: Linux for PCs of any
kind and with PREEMPT_RT, Linux by PVH, memory testers through a pass, GRUB
as a Multiboot kernel, iPXE with a BIOS of ours.
"""

import re
import subprocess
import time

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

# Each process of it saves and restores all of its registers a few times.
PIPELINES = "for i in 1 2 3 4 5 6 7 8; do dmesg | grep -c RSDP; done"


BOTH = """\
[hypervisor]
when_all_stopped = "poweroff"
"""
BOTH += "".join(f"""
[[vm]]
name = "{name}"
cpus = 1
memory = "256M"
kernel = "vmlinux-{name}"
modules = ["initrd"]
cmdline = "console=ttyS0,115200 bulkhead.guest={name} cryptomgr.notests \
initcall_blacklist=load_system_certificate_list"
""" for name in ("pc", "rt"))


def guest(name, kernel, cmdline="", cpus=1, memory="32M"):
    return (f'[[vm]]\nname = "{name}"\ncpus = {cpus}\nmemory = "{memory}"\nkernel = "{kernel}"\n'
            f'cmdline = "{cmdline}"\n')


def test_debians_linux_starts_by_pvh(machine, kernels, demo):
    files = {"vmlinux": kernels / "vmlinux", "initrd": demo / "initrd"}
    rig = machine(LINUX, files, cpus=2, memory_mib=512)
    rig.says(r"pvh: CPU 0, .* kernel vmlinux \(PVH\)")
    rig.expect(SHELL, BOOT_TIMEOUT_S, "Linux' shell")
    said = rig.run(SHELL, "dmesg | grep -i -e 'bios-e820' -e 'acpi: rsdp'", 60)
    assert "[mem 0x0000000000100000-0x000000000fffffff] usable" in said
    assert "RSDP 0x00000000000E0000" in said
    assert len(set(rig.run(SHELL, PIPELINES, 120).split())) == 1
    assert rig.run(SHELL, "dmesg | grep -c -e segfault -e 'Bad FPU'").strip() == "0"
    rig.send("poweroff\n")
    rig.expect_end("end: ok", 120)


def test_debians_linuxes_for_pcs_and_for_real_time_run_side_by_side(machine, kernels, demo):
    """Both come to a shell, with both serial ports, as the ACPI tables name them, and
    with the SCI as a level. They are unpacked beforehand and start by PVH, as here the
    xz that they come in would take longer than all that follows."""
    files = {"vmlinux-pc": kernels / "vmlinux-amd64", "vmlinux-rt": kernels / "vmlinux-rt-amd64",
             "initrd": demo / "initrd"}
    rig = machine(BOTH, files, cpus=3, memory_mib=1024)
    rig.announced()
    for number, name, version in ((1, "pc", "PREEMPT_DYNAMIC"), (2, "rt", "PREEMPT_RT")):
        prompt = SHELL.replace("pvh", name)
        if number > 1:
            rig.send(f"\x1d{number}")
            rig.says(f"console: {name}")
        rig.expect(prompt, BOOT_TIMEOUT_S, f"the shell of {name}")
        assert version in rig.run(prompt, "uname -v", 60)
        ports = rig.run(prompt, "dmesg | grep 'at I/O'", 60)
        assert re.search(r"ttyS0 at I/O 0x3f8 \(irq = 4,.* is a 16550A", ports), ports
        assert re.search(r"ttyS1 at I/O 0x2f8 \(irq = 3,.* is a 16550A", ports), ports
        interrupts = rig.run(prompt, "cat /proc/interrupts", 60)
        assert re.search(r"^ *9: +\d+ +IO-APIC +9-fasteoi +acpi", interrupts, re.M), interrupts
        rig.send("poweroff\n")
        rig.says(f"{name}: powered off", 120)
    rig.expect_end("end: ok", 120)


# The limit is in pages, since this version takes any number of KiB for 0.
TESTER_MENU = (("<F1>", "1"), ("Test selection", "1"), ("Remove one test", "2"),
               ("Enter test #", "10\r"), (r"\*\.\*{8}\.", "0"), ("Address range", "2"),
               ("Set upper limit", "2"), ("Enter upper limit", "128p\r"),
               ("Current range: 0KB - 512KB", "0"), ("Address range", "0"))


def test_memory_testers_complete_a_pass_without_an_error(machine, kernels):
    """memtest86+ by the 64-bit entry on two vCPUs, which wake each other out of HLT by
    NMIs, and by the 32-bit entry on one. To bound the time, the test that waits for bits
    to fade is left out, and the first 512 KiB are tested. A CPU without a guest serves the
    console: in this emulator the NMI that calls one would end its guest's HLT."""
    console = "console=ttyS0,115200 nosm nobench"
    config = (guest("mt64", "memtest86+x64.bin", console, cpus=2, memory="16M") +
              guest("mt32", "memtest86+ia32.bin", console, memory="16M"))
    files = {name: kernels / name for name in ("memtest86+ia32.bin", "memtest86+x64.bin")}
    rig = machine(config, files, cpus=4, memory_mib=256).announced()
    for number, name in ((1, "mt64"), (2, "mt32")):
        if number > 1:
            rig.send(f"\x1d{number}")
            rig.says(f"console: {name}")
        for prompt, keys in TESTER_MENU:
            rig.expect(prompt, 60, f"{name} to show {prompt}")
            rig.send(keys)
    for number, name, smp in ((2, "mt32", "Disabled"), (1, "mt64", r"2T +\(PAR\)")):
        if number == 1:
            rig.send("\x1d1")
            rig.says(f"console: {name}")
        rig.expect(f"SMP: +{smp} .*Pass: +1 +Errors: 0 ", 300, f"{name} to complete a pass")
    assert set(re.findall(r"Errors: (\d+)", rig.text())) == {"0"}
    rig.send("\x1dq")
    rig.expect_end("end: ok")


def test_grub_comes_to_its_shell_and_knows_the_machine(machine, kernels, guests):
    """guest/kinds/coreboot.asm starts it. Its memory map is the guest's, and to halt it
    reads the ACPI tables down to \\_S5."""
    config = guest("grub", "coreboot.bin") + 'modules = ["grub.elf"]\n'
    files = {"coreboot.bin": guests / "kinds" / "coreboot.bin", "grub.elf": kernels / "grub.elf"}
    rig = machine(config, files, cpus=2, memory_mib=128).announced()
    rig.expect("GRUB runs as a guest", 60)
    rig.expect("grub> ", 60, "GRUB's shell")
    rig.send("lsmmap\n")
    rig.expect("base_addr = 0x0, length = 0xa0000, available RAM", 30)
    rig.expect("base_addr = 0x100000, length = 0x1f00000, available RAM", 30)
    rig.expect("grub> ", 30)
    rig.send("halt\n")
    rig.says("grub: powered off", 60)


# Each command and what it says. Bochs plays the network's other end.
IPXE = (
    ("cpuid --ecx 31 && echo below a hypervisor", "below a hypervisor"),
    ("sleep 1 && echo has slept", "has slept"),
    ("set net0/ip 192.168.10.15 && set net0/netmask 255.255.255.0 && ifopen net0 && route",
     r"net0: 192\.168\.10\.15/255\.255\.255\.0"),
    ("chain tftp://192.168.10.1/script", "a script from the network, for 52:54:00:12:34:56"),
)


def test_ipxe_loads_a_script_from_the_network(machine, kernels, guests, tmp_path):
    """guest/kinds/bios.asm is its BIOS; what it does itself are the delays by the 8254, the
    time of the clock, and a network card of the machine that the guest owns."""
    (tmp_path / "script").write_text("#!ipxe\necho a script from the network, for ${mac}\n")
    config = guest("ipxe", "bios.bin") + 'modules = ["ipxe.lkrn"]\nports = ["0x300-0x31f"]\n'
    files = {"bios.bin": guests / "kinds" / "bios.bin", "ipxe.lkrn": kernels / "ipxe.lkrn"}
    card = ("ne2k: type=isa, enabled=1, ioaddr=0x300, irq=10, mac=52:54:00:12:34:56, "
            f'ethmod=vnet, ethdev="{tmp_path}", script=""')
    rig = machine(config, files, cpus=1, memory_mib=128, more=(card,)).announced()
    rig.expect(r"iPXE \d[^\r]* Open Source Network Boot Firmware", 120, "iPXE's banner")
    rig.expect("Press Ctrl-B", 30)
    rig.send("\x02")
    for command, answer in IPXE:
        rig.expect("iPXE> ", 60, "iPXE's prompt")
        rig.send(command + "\n")
        rig.expect(f"^{answer}\r", 60, f"the answer to {command}")
    rig.send("echo now ${unixtime}\n")
    now = int(rig.expect(r"^now (0x\w+)\r", 30)[1], 16)
    assert abs(now - time.time()) < 2 * 86400 # whatever the time zone
    rig.send("exit\n")
    rig.expect("^bios: nothing else to start", 30)
    rig.says("ipxe: powered off", 30)


def test_a_kernel_for_a_bios_is_refused(kernels, tmp_path):
    (tmp_path / "ipxe.lkrn").write_bytes((kernels / "ipxe.lkrn").read_bytes())
    (tmp_path / "config").write_text(guest("ipxe", "ipxe.lkrn"))
    done = subprocess.run([BUILD / "bulkhead-check", "config"], cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.search('config:5:10: error: vm "ipxe": the kernel can be entered in real mode only',
                     done.stderr)
