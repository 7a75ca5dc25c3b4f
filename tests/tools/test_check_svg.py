# SPDX-License-Identifier: MIT
"""The picture of a configuration: to scale, nothing on top of anything, owners right."""

import itertools
import pathlib
import re
import subprocess
import xml.etree.ElementTree as ET

import pytest

CHECK = pathlib.Path(__file__).resolve().parents[2] / "build/bulkhead-check"
SVG = "{http://www.w3.org/2000/svg}"
MIB = 2**20
PART_HEIGHT_MIN = 4
GAP_HEIGHT = 12

INVENTORY = """\
inventory: cpus 12, memory blocks 4, functions 0, image bytes 65536
  cpus from 0: APIC ids  0  1  2  3  4  5  6  7  8  9  10  11
  memory 18f000-9fbfffff  2615748 KiB
  memory a0000000-a01fffff  2048 KiB
  memory a0400000-a07fffff  4096 KiB
  memory 100000000-27fffffff  6291456 KiB
"""

FUNCTIONS = [("00:00.0", "8086:1237", 0), ("00:1f.2", "8086:2922", 1), ("00:1f.3", "8086:2930", 1),
             *((f"{bus:02x}:00.0", "8086:1521", bus) for bus in range(2, 14)),
             ("0001:20:00.0", "1af4:1041", 14)]
MACHINE = INVENTORY.replace("functions 0", f"functions {len(FUNCTIONS)}") + "".join(
    f"  {address}  {'a device':20}  {ids}  group {group}\n" for address, ids, group in FUNCTIONS)
PARTS = {
    "red": 'ports = ["0x2f8-0x2ff", 0x378]\nirqs = [3, 5]\nmmio = ["0xfed00000-0xfed00fff"]\n',
    "blue": "irqs = [7]\n",
}

DEMO = [("red", "[0, 1]", 256), ("blue", "[2]", 192)]
ONE = [("only", "4", 3072)]
LONG = "n" * 31
EIGHT = [(LONG, "[0, 1, 2, 3, 4, 5, 6, 7]", 16), ("web", "[8]", 4096), ("control", "3", 512),
         ("d" * 31, "[24]", 20480), ("e", "2", 16), ("f", "[40]", 64), ("g", "1", 1024),
         ("tiny", "[56, 57, 58, 59, 60, 61, 62, 63]", 16)]
KERNEL = "k" * 63


class Box:
    """A rectangle, or the room that a text has at most."""

    def __init__(self, x, y, width, height, what):
        self.left, self.top, self.right, self.bottom = x, y, x + width, y + height
        self.what = what

    def overlaps(self, other, slack=0.02):
        return (self.left < other.right - slack and other.left < self.right - slack and
                self.top < other.bottom - slack and other.top < self.bottom - slack)

    def __repr__(self):
        return f"{self.what} {self.left:.1f},{self.top:.1f}-{self.right:.1f},{self.bottom:.1f}"


def rectangle(element, what=""):
    return Box(*(float(element.get(key)) for key in ("x", "y", "width", "height")), what)


def room(text):
    size = float(text.get("font-size"))
    width = len(text.text) * size * 0.604
    x = float(text.get("x")) - {"start": 0, "middle": width / 2, "end": width}[
        text.get("text-anchor")]
    return Box(x, float(text.get("y")) - 0.75 * size, width, size, text.text)


class Picture:
    def __init__(self, text):
        self.root = ET.fromstring(text)
        _, _, width, height = map(float, self.root.get("viewBox").split())
        self.page = Box(0, 0, width, height, "page")

    def parts(self, *kinds):
        return [group for group in self.root.iter(SVG + "g") if group.get("class") in kinds]

    def texts(self):
        return list(self.root.iter(SVG + "text"))

    def words(self):
        return [text.text for text in self.texts()]

    def fill_of(self, guest):
        group, = [part for part in self.parts("guest") if part.get("data-owner") == guest]
        return group.find(SVG + "rect").get("fill")

    def cpus(self):
        """Owner of each box of a CPU, by what stands above it."""
        return {group.find(SVG + "text").text: group.get("data-owner")
                for group in self.parts("cpu")}

    def memory(self):
        """(kind, owner, bytes, box) from above to below."""
        found = []
        for group in self.parts("block", "free", "gap"):
            amount, unit = re.search(r": (\d+) (KiB|MiB|GiB)", group.find(SVG + "title").text).groups()
            size = int(amount) * {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[unit]
            found.append((group.get("class"), group.get("data-owner"), size,
                          rectangle(group.find(SVG + "rect"), group.get("class"))))
        return found


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    (tmp_path / KERNEL).write_bytes(bytes(8192))
    (tmp_path / "saved.txt").write_text(INVENTORY)
    (tmp_path / "machine.txt").write_text(MACHINE)
    return tmp_path


def configuration(folder, guests, name="a.toml"):
    (folder / name).write_text("".join(
        f'[[vm]]\nname = "{guest}"\ncpus = {cpus}\nmemory = "{memory}M"\nkernel = "{KERNEL}"\n'
        f'format = "flat"\nload_address = 0x100000\nmode = "long"\n{PARTS.get(guest, "")}'
        for guest, cpus, memory in guests))
    return folder / name


def run(*arguments):
    return subprocess.run([CHECK, *arguments], capture_output=True, text=True, timeout=30,
                          check=False)


def draw(folder, guests, *arguments, name="a.toml"):
    done = run(configuration(folder, guests, name), "--svg", folder / "a.svg", *arguments)
    assert done.returncode == 0, done.stderr
    return Picture((folder / "a.svg").read_text())


def known(folder, file="saved.txt"):
    return ("--inventory", folder / file)


CASES = {
    "demo": (DEMO, ("--cpus", "4", "--memory", "512M")),
    "one": (ONE, ()),
    "one on a large machine": (ONE, ("--cpus", "64", "--memory", "65536G")),
    "eight": (EIGHT, ()),
    "eight on a machine": (EIGHT, ("--cpus", "64", "--memory", "64G")),
    "eight in CPUs only": (EIGHT, ("--cpus", "64")),
    "all for one": (ONE, ("--cpus", "4", "--memory", "3G")),
    "saved": (DEMO, "saved.txt"),
    "saved with devices": (DEMO, "machine.txt"),
}


@pytest.fixture(name="picture", params=CASES)
def fixture_picture(request, folder):
    guests, arguments = CASES[request.param]
    return draw(folder, guests, *(known(folder, arguments) if isinstance(arguments, str)
                                  else arguments))


def test_everything_is_on_the_page(picture):
    boxes = [rectangle(rect, "box") for group in picture.root.iter(SVG + "g")
             for rect in group.iter(SVG + "rect")]
    for box in boxes + [room(text) for text in picture.texts()]:
        assert 0 <= box.left and box.right <= picture.page.right, box
        assert 0 <= box.top and box.bottom <= picture.page.bottom, box


def test_no_text_is_on_another(picture):
    rooms = [room(text) for text in picture.texts()]
    assert len(rooms) > 5
    assert not [pair for pair in itertools.combinations(rooms, 2) if pair[0].overlaps(pair[1])]


def test_no_box_is_on_another(picture):
    boxes = [rectangle(group.find(SVG + "rect"), group.get("class"))
             for group in picture.parts("cpu", "guest", "device", "parts", "block", "free", "gap")]
    assert not [pair for pair in itertools.combinations(boxes, 2) if pair[0].overlaps(pair[1])]


def test_no_text_is_on_a_box_of_another(picture):
    for group in picture.parts("cpu", "device", "block", "free", "gap"):
        own = {id(text) for text in group.iter(SVG + "text")}
        box = rectangle(group.find(SVG + "rect"), "box")
        for text in picture.texts():
            assert id(text) in own or not room(text).overlaps(box), (text.text, box)


def test_what_a_box_is_stands_above_whose_it_is(picture):
    for group in picture.parts("cpu", "device"):
        owner = rectangle(group.findall(SVG + "rect")[1], "owner")
        *above, last = list(group.iter(SVG + "text"))
        assert above and all(room(text).bottom <= owner.top for text in above), last.text
        assert room(last).top > owner.top


def test_memory_is_to_scale_and_what_is_tiny_is_seen(picture):
    parts = picture.memory()
    total = sum(size for kind, _, size, _ in parts if kind != "gap")
    top = parts[0][3].top
    for kind, _, size, box in parts:
        height = GAP_HEIGHT if kind == "gap" else max(PART_HEIGHT_MIN, 360 * size / total)
        assert abs(box.bottom - box.top - height) < 0.02
        assert abs(box.top - top) < 0.05
        top = box.bottom
    raised = any(kind != "gap" and 360 * size / total < PART_HEIGHT_MIN
                 for kind, _, size, _ in parts)
    assert raised == any("drawn larger than it is" in word for word in picture.words())


def test_all_of_a_guest_has_its_fill_and_no_other_guest_has_it(picture):
    fills = {}
    for group in picture.parts("guest", "cpu", "device", "parts", "block"):
        if group.get("data-owner"):
            fills.setdefault(group.get("data-owner"), set()).update(
                rect.get("fill") for rect in group.iter(SVG + "rect")
                if rect.get("fill") != "#fff")
    assert all(len(fill) == 1 for fill in fills.values()), fills
    assert len({fill for each in fills.values() for fill in each}) == len(fills)


def test_each_part_says_what_it_is(picture):
    for group in picture.parts("guest", "cpu", "device", "parts", "block", "free", "gap"):
        title = group.find(SVG + "title").text
        assert title.split(": ")[0] and title.split(": ")[1]
        assert group.get("data-owner") in title


def test_fills_differ_without_colour(folder):
    picture = draw(folder, EIGHT)
    patterns = {"".join(path.get("d") for path in pattern.iter(SVG + "path"))
                for pattern in picture.root.iter(SVG + "pattern")
                if pattern.get("id").startswith("guest")}
    assert len(patterns) == 8
    for guest, letter in zip(EIGHT, "ABCDEFGH"):
        group, = [part for part in picture.parts("guest") if part.get("data-owner") == guest[0]]
        assert [text.text for text in group.iter(SVG + "text")][:2] == [letter, guest[0]]


def test_owners_of_cpus(folder):
    assert draw(folder, DEMO, "--cpus", "4").cpus() == {
        "CPU 0": "red", "CPU 1": "red", "CPU 2": "blue", "CPU 3": ""}
    assert draw(folder, [("a", "2", 16), ("b", "[0]", 16)], "--cpus", "3").cpus() == {
        "CPU 0": "b", "CPU 1": "a", "CPU 2": "a"}


def test_a_count_without_a_machine_is_any(folder):
    assert draw(folder, [("a", "2", 16), ("b", "[5]", 16)]).cpus() == {"CPU 5": "b", "any 2": "a"}


def test_devices_of_a_saved_inventory(folder):
    picture = draw(folder, DEMO, *known(folder, "machine.txt"))
    drawn = [tuple(text.text for text in group.iter(SVG + "text")) for group in picture.parts("device")]
    assert drawn == [(address, ids, f"group {group}") for address, ids, group in FUNCTIONS]


def test_owners_of_devices(folder):
    """Known from the machine, or only from the file."""
    file = configuration(folder, DEMO)
    file.write_text(file.read_text().replace(
        'name = "blue"\n', 'name = "blue"\ndevices = ["0001:20:00.0", "03:00.0"]\n'))
    (folder / "vt-d.txt").write_text(MACHINE + "  DMA remapping: on, interrupts, too\n")
    owned = {}
    for name, arguments in (("machine", known(folder, "vt-d.txt")), ("file", ())):
        done = run(file, "--svg", folder / "a.svg", *arguments)
        assert done.returncode == 0, done.stderr
        boxes = Picture((folder / "a.svg").read_text()).parts("device")
        owned[name] = {group.find(SVG + "text").text: group.get("data-owner") for group in boxes}
    assert owned["file"] == {"0001:20:00.0": "blue", "03:00.0": "blue"}
    assert owned["machine"] == {**{address: "" for address, _, _ in FUNCTIONS}, **owned["file"]}


def test_owners_of_ports_interrupts_and_addresses(folder):
    for arguments in ((), known(folder, "machine.txt")):
        rows = {group.get("data-owner"): [text.text for text in group.iter(SVG + "text")]
                for group in draw(folder, DEMO, *arguments).parts("parts")}
        assert rows == {
            "red": ["A", "red", "ports 2f8-2ff, 378; interrupts 3, 5; addresses fed00000-fed00fff"],
            "blue": ["B", "blue", "interrupts 7"]}


def test_without_devices_that_is_said(folder):
    words = draw(folder, ONE).words()
    assert "No guest owns one. --inventory SAVED shows the machine's PCI functions." in words
    assert not any("No guest owns" in word for word in draw(folder, DEMO).words())


def test_owners_of_memory(folder):
    parts = draw(folder, DEMO, "--cpus", "4", "--memory", "512M").memory()
    assert [part[:3] for part in parts] == [
        ("block", "red", 256 * MIB), ("block", "blue", 192 * MIB), ("free", "", 64 * MIB)]


def test_gaps_and_addresses_of_a_saved_inventory(folder):
    picture = draw(folder, DEMO, *known(folder))
    assert [(kind, owner, size // MIB) for kind, owner, size, _ in picture.memory()] == [
        ("block", "red", 256), ("block", "blue", 192), ("free", "", 2106), ("gap", "", 4),
        ("free", "", 2), ("gap", "", 2), ("free", "", 4), ("gap", "", 1528), ("free", "", 6144)]
    for said in ("200000-101fffff", "a0800000-ffffffff", "100000000-27fffffff", "CPU 11"):
        assert said in picture.words(), said
    assert not any("4 GiB on" in word for word in picture.words())


def test_without_a_machine_no_address_is_claimed(folder):
    picture = draw(folder, DEMO)
    assert [part[:3] for part in picture.memory()] == [
        ("block", "red", 256 * MIB), ("block", "blue", 192 * MIB)]
    assert not [word for word in picture.words() if re.fullmatch("[0-9a-f]+-[0-9a-f]+", word)]


def test_a_long_name_and_kernel_stand_there_in_full(folder):
    words = draw(folder, EIGHT).words()
    assert LONG in words and KERNEL in words and "any 3" in words


@pytest.mark.parametrize("name, shown", [
    ("<&\">'é.toml", "<&\">'é.toml"),
    ("a\x01\udcffb.toml", "a\ufffd\ufffdb.toml"),
    ("t" * 200, "t" * 77 + "…"),
])
def test_whatever_the_file_is_called(folder, name, shown):
    picture = draw(folder, ONE, name=name)
    assert picture.words()[0] == shown


def test_a_wrong_configuration_is_not_drawn(folder):
    (folder / "a.svg").write_text("before")
    done = run(configuration(folder, DEMO + [("red", "[3]", 16)]), "--svg", folder / "a.svg")
    assert done.returncode == 1 and "red" in done.stderr
    assert (folder / "a.svg").read_text() == "before"


@pytest.mark.parametrize("target, said", [
    ("no/such.svg", "no/such.svg: error: cannot be written: No such file or directory"),
    (".", "cannot be written: Is a directory"),
    ("/dev/full", "/dev/full: error: cannot be written: No space left on device"),
    ("a.toml", "a.toml: error: cannot be written: it is what was just read"),
    ("saved.txt", "saved.txt: error: cannot be written: it is what was just read"),
])
def test_what_cannot_be_written_is_said(folder, target, said):
    file = configuration(folder, DEMO)
    done = run(file, *known(folder), "--svg", folder / target)
    assert done.returncode == 1 and said in done.stderr
    assert "[[vm]]" in file.read_text() and (folder / "saved.txt").read_text() == INVENTORY


def test_the_option_needs_a_file(folder):
    done = run(configuration(folder, DEMO), "--svg")
    assert done.returncode == 2 and "--svg needs a file" in done.stderr
    assert "--svg" in run("--help").stdout
