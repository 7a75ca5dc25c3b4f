# SPDX-License-Identifier: MIT
"""The picture of `make bench`: each row of its table, bars as long as they should be."""

import json
import math
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

# pylint: disable=wrong-import-position
import bench  # noqa: E402
import bench_chart  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"
OPERATIONS = {"cpuid": 127.4, "wrmsr": 164, "pit_write": 428, "ioapic_read": 406, "vmcall": 60,
              "below_the_scale": 3, "rep_outs": 310_000, "a <b> & \"c\"": 500}
SILENT = {"eoi": 0, "rdtsc": 0, "cr3_write": 1}
DEVICES = {"config_read": 700, "bar_move": 9000}
PER = {"exits_per_packet": 0.004, "exits_per_read": 0.5}


@pytest.fixture(name="result")
def fixture_result():
    """As bench.json has it."""
    return json.loads(json.dumps({
        "operations": {**{name: {"median": value, "exits": 1} for name, value in OPERATIONS.items()},
                       **{name: {"median": 0, "exits": exits} for name, exits in SILENT.items()}},
        "devices": {**DEVICES, **PER, "inventory_of_256": 4_000_000},
        "linux": {"native": 800_000_000, "guest": 840_000_000}, **bench.yardsticks()}))


@pytest.fixture(name="picture")
def fixture_picture(result):
    return ET.fromstring(bench_chart.chart(result).encode())


def groups(picture, kind):
    return {group.get("data-name"): group for group in picture.iter(SVG + "g")
            if group.get("class") == kind}


def bar(group, kind):
    rectangle, = [r for r in group.iter(SVG + "rect") if r.get("class") == kind]
    return rectangle


def words(element):
    return [text.text for text in element.iter(SVG + "text")]


def test_each_row_is_there_once_with_its_number(picture):
    rows = groups(picture, "operation")
    assert list(rows) == [*OPERATIONS, *DEVICES]
    for name, value in (OPERATIONS | DEVICES).items():
        assert words(rows[name])[0] == name
        assert words(rows[name])[1].split()[0] == f"{value:,.0f}"
    assert list(groups(picture, "silent")) == [*SILENT, *PER]


def test_bars_are_to_the_scale_that_is_drawn(picture):
    rows = groups(picture, "operation")
    width = {name: float(bar(rows[name], "bulkhead").get("width")) for name in OPERATIONS}
    per_decade = (width["pit_write"] - width["cpuid"]) / math.log10(428 / 127.4)
    assert math.isclose(width["ioapic_read"], width["cpuid"] + per_decade * math.log10(406 / 127.4),
                        abs_tol=0.2)
    lines = sorted(float(path.get("d")[1:].split()[0]) for path in picture.iter(SVG + "path")
                   if path.get("class") == "line" and path.get("stroke") == "#ddd")
    assert math.isclose(lines[1] - lines[0], per_decade * math.log10(2), abs_tol=0.2)
    assert width["below_the_scale"] == 0
    assert math.isclose(width["rep_outs"], lines[-1] - lines[0], abs_tol=0.2)


def test_a_bar_that_is_cut_shows_it(picture):
    gaps = {name: sum(path.get("stroke") == "#fff" for path in group.iter(SVG + "path"))
            for name, group in groups(picture, "operation").items()}
    assert gaps["rep_outs"] == 2 and sum(gaps.values()) == 2


def test_what_misses_its_goal_says_so_in_words(picture):
    missed = {name for kind in ("operation", "silent")
              for name, group in groups(picture, kind).items() if "MISSED" in " ".join(words(group))}
    assert missed == {"pit_write", "ioapic_read", "cr3_write", "exits_per_read"}


def test_kvm_stands_below_where_it_is_known(picture):
    rows = groups(picture, "operation")
    assert words(rows["ioapic_read"])[2] == "KVM 3,754"
    assert words(rows["pit_write"])[2] == "KVM 1,268 to 2,165, by port"
    assert len(words(rows["cpuid"])) == 2
    own, kvm = (float(bar(rows["ioapic_read"], kind).get("width")) for kind in ("bulkhead", "kvm"))
    assert kvm > own
    above, below = (bar(rows["ioapic_read"], kind) for kind in ("bulkhead", "kvm"))
    assert float(above.get("y")) + float(above.get("height")) < float(below.get("y"))


def test_linux_is_to_scale(picture):
    rows = groups(picture, "linux")
    native, guest = (float(bar(rows[name], "bar").get("width")) for name in ("natively", "as a guest"))
    assert math.isclose(guest / native, 1.05, rel_tol=0.001)
    assert words(rows["as a guest"])[1] == "840 million; 1.050 times"


def test_no_text_stands_on_another_or_beyond_the_page(picture):
    width = float(picture.get("width"))
    boxes = []
    for text in picture.iter(SVG + "text"):
        size = float(text.get("font-size"))
        length = len(text.text) * size * 0.604
        left = float(text.get("x")) - {"start": 0, "middle": length / 2, "end": length}[
            text.get("text-anchor")]
        boxes.append((left, float(text.get("y")) - 0.75 * size, left + length, float(text.get("y")),
                      text.text))
    for box in boxes:
        assert 0 <= box[0] and box[2] <= width and box[3] <= float(picture.get("height")), box
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            assert (one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or
                    other[3] <= one[1]), (one, other)


def test_the_same_numbers_are_the_same_bytes(result, tmp_path):
    (tmp_path / "bench.json").write_text(json.dumps(result))
    subprocess.run([sys.executable, ROOT / "tools" / "bench_chart.py", tmp_path / "bench.json",
                    tmp_path / "bench.svg"], check=True)
    assert (tmp_path / "bench.svg").read_text(encoding="utf-8") == bench_chart.chart(result)
