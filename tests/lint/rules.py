# SPDX-License-Identifier: MIT
"""The rules that sources and image keep, as data and as checks.

A check takes what it looks at and returns its complaints, one line each; none
means that all is well. So the tests can also show each check something bad.
"""

import re
import subprocess

STANDARD_HEADERS = {"stdint.h", "stdbool.h", "stddef.h", "stdarg.h", "stdatomic.h"}

# Who may include what, by path prefix; the first that fits a file decides.
# A prefix without a slash at its end is one header. `boot/` arrives and puts
# everything together; the others know nobody above them.
LAYERS = (
    ("arch/spec/", ("arch/spec/",)),
    ("hv/", ("hv/", "arch/spec/")),
    # Pure pieces of the core that drivers may use, and the ports themselves.
    ("drivers/", ("drivers/", "arch/spec/", "arch/insn.h", "hv/addr.h", "hv/bytes.h",
                  "hv/calendar.h", "hv/pci_function.h", "hv/pci_topology.h", "hv/text.h")),
    ("arch/", ("arch/", "hv/", "drivers/")),
    ("boot/multiboot2", ("boot/multiboot2.h", "arch/spec/", "hv/addr.h", "hv/bytes.h",
                         "hv/memory_map.h", "hv/text.h")),
    ("boot/", ("boot/", "arch/", "hv/", "drivers/")),
)

INLINE_ASSEMBLY_HOMES = {"arch/insn.h", "arch/vmx_insn.h"}

# Who writes the controls that decide which exits there are, and which of them.
# Exit reasons that hv/exit.c takes for impossible rest on this.
CONTROL_WRITERS = {
    "arch/vmx.c": "all of them once, as hv/preflight.c says; later the VMX-preemption timer's",
    "hv/event.c": "the two windows'",
    "hv/vcpu_state.c": "the two windows', off",
}

# Functions with an indirect jump, and why each must have it.
INDIRECT_BRANCHES = {
    "boot_entry.long_mode": "the one jump from where GRUB loaded us to where we are linked",
}

# 192 KiB hold the core. The rest is the monitor, the screen with its font, VT-d, who owns
# which part of the machine, the emulator for instructions on device memory, the calls in a
# crash's report, and what gives the machine's devices to guests.
LOADED_BYTES_MAX = 400 * 1024

FORBIDDEN_TEXT = (
    (r"\b(TODO|FIXME|XXX)\b", "an unfinished thought; a known limit is written as a limit"),
    (r"(?<![\w.])/(home|root|work|Users)/", "a path of one machine"),
    (r"\t$| +$", "blanks at the end of a line"),
)


def includes(text):
    """(quoted, name) of each include line."""
    return [(mark == '"', name)
            for mark, name in re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', text, re.MULTILINE)]


def layer_complaints(path, text):
    allowed = next((edges for prefix, edges in LAYERS if path.startswith(prefix)), None)
    if allowed is None:
        return []
    complaints = []
    for quoted, name in includes(text):
        if quoted and not name.startswith(allowed):
            complaints.append(f"{path} includes {name}, which its layer may not know")
        if not quoted and name not in STANDARD_HEADERS:
            complaints.append(f"{path} includes <{name}>, which is not freestanding")
    return complaints


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)


def assembly_complaints(path, text):
    if path in INLINE_ASSEMBLY_HOMES:
        return []
    used = re.search(r"\b(__)?asm(__)?\s*(volatile|goto|inline|__volatile__|\()",
                     without_comments(text))
    return [f"{path} has inline assembly; it lives in arch/insn.h and arch/vmx_insn.h"] if used else []


def control_complaints(path, text):
    if path in CONTROL_WRITERS:
        return []
    written = re.search(r"write_32\(\s*VMCS_(PIN_BASED|PRIMARY|SECONDARY)_CONTROLS",
                        without_comments(text))
    return [f"{path} writes {written[0][9:]}; see CONTROL_WRITERS"] if written else []


def text_complaints(path, text):
    return [f"{path}:{number}: {reason}"
            for number, line in enumerate(text.splitlines(), 1)
            for pattern, reason in FORBIDDEN_TEXT if re.search(pattern, line)]


def branch_complaints(image):
    """Indirect calls and jumps of an ELF file, by function."""
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", image],
                             capture_output=True, text=True, check=True).stdout
    complaints, function = [], "?"
    for line in listing.splitlines():
        label = re.match(r"[0-9a-f]+ <(.+)>:$", line)
        function = label[1] if label else function
        if re.search(r"\b(call|jmp)[lqw]?\s+\*", line) and function not in INDIRECT_BRANCHES:
            complaints.append(f"{function}: {line.strip()}")
    return complaints


def segments(image):
    """(bytes in the file, flags) of each part that is loaded."""
    listing = subprocess.run(["readelf", "-lW", image],
                             capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"^\s+LOAD\s+\S+ \S+ \S+ (\S+) \S+ ([RWE ]{3})", listing, re.MULTILINE)
    return [(int(size, 16), flags.replace(" ", "")) for size, flags in rows]


def segment_complaints(loaded):
    complaints = [f"a segment is writable and executable: {flags}"
                  for _, flags in loaded if "W" in flags and "E" in flags]
    total = sum(size for size, _ in loaded)
    if total > LOADED_BYTES_MAX:
        complaints.append(f"{total} bytes are loaded; at most {LOADED_BYTES_MAX} should be")
    return complaints


def preflight_complaints(source, page):
    """Rows of the preflight table that the user's page does not explain."""
    names = re.findall(r'^    \{ "([^"]+)", SOURCE_', source, re.MULTILINE)
    if not names:
        return ["no row of the preflight table was found"]
    return [f"the preflight's line {name!r} is not explained" for name in names
            if f"`{name}`" not in page]


def module_complaints(paths):
    """pytest imports a test by its file's name alone, so no two may have the same."""
    places = {}
    for path in paths:
        places.setdefault(path.rpartition("/")[2], []).append(path)
    return [f"{name}: in {' and '.join(there)}" for name, there in places.items() if len(there) > 1]


def conftest_complaints(path, text):
    """Each directory of tests has a conftest; which one an import finds is chance."""
    return [f"{path}:{number}: what tests share is in a module of its own"
            for number, line in enumerate(text.splitlines(), 1)
            if re.match(r"\s*(from|import) conftest\b", line)]
