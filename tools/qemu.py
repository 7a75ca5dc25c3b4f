# SPDX-License-Identifier: MIT
"""How QEMU is told to be our machine: a q35 PC with an Intel IOMMU.

With KVM the guest sees the host's own CPU, VMX included. Without it, TCG has
no VMX at all, which is what shows how Bulkhead refuses a machine.
"""

PROGRAM = "qemu-system-x86_64"
OVMF = "/usr/share/ovmf/OVMF.fd"


def command(spec, port, directory):
    """Returns the command that starts QEMU; needs no files in `directory`."""
    del directory
    kvm = spec.name == "qemu-kvm"
    arguments = [
        PROGRAM, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
        "-machine", "q35,kernel-irqchip=split" if kvm else "q35",
        "-accel", "kvm" if kvm else "tcg",
        "-cpu", "host" if kvm else "max",
        "-smp", str(spec.cpus), "-m", f"{spec.memory_mib}M",
        *(["-device", f"intel-iommu,{spec.iommu}"] if spec.iommu else []),
        "-vga", "std",
        "-chardev", f"socket,id=com1,host=127.0.0.1,port={port}",
        "-serial", "chardev:com1",
        "-drive", f"if=none,id=disc,media=cdrom,readonly=on,format=raw,file={spec.iso.resolve()}",
        "-device", "ide-cd,drive=disc,bootindex=0",
    ]
    if spec.firmware == "ovmf":
        arguments += ["-bios", OVMF]
    return [*arguments, *spec.more]
