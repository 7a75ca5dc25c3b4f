#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The picture of what `make bench` measured: build/bench.svg.

A bar for each operation that exits, with a mark at its goal and, where it is
known, a second bar for what Linux' KVM 6.1 takes on the same machine. The scale
of these is logarithmic, as the longest takes fifty times the shortest. What is
not to exit is a list, as there is nothing to draw. Made of bench.json again by
`tools/bench_chart.py build/bench.json FILE`; the same numbers are the same bytes.
"""

import json
import math
import pathlib
import sys
from xml.sax.saxutils import escape, quoteattr

WIDTH, MARGIN = 960, 40
BARS_X = MARGIN + 150           # behind the longest name
BARS_WIDTH = 560                # what stands behind a bar needs the rest
SCALE = (50, 10_000)            # instructions; a longer bar is cut, and shows it
GRID = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
ROW, BAR, KVM_BAR = 22, 11, 7
COLUMNS = 4                     # of what does not exit
EXITS_MAX = 0.01                # of that, each time: as many are chance

BULKHEAD, MISSED, OTHERS, GOOD = "#2f6aa8", "#b3261e", "#a8a8a8", "#2c7a3d"
UP_TO = "#d4d4d4"               # from the least of a range to the most
FAINT = "#555"


class Page:
    """Elements from above to below; `y` is where the next ones go."""

    def __init__(self):
        self.elements, self.y = [], MARGIN

    def rectangle(self, x, y, width, height, fill, kind):
        self.elements.append(f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
                             f'height="{height:.1f}" fill="{fill}"/>')

    def line(self, x, top, bottom, stroke, width=1.0, kind="line"):
        self.elements.append(f'<path class="{kind}" d="M{x:.1f} {top:.1f}V{bottom:.1f}" '
                             f'stroke="{stroke}" stroke-width="{width}"/>')

    def text(self, x, y, text, *, size=12, fill="#111", anchor="start", bold=False):
        weight = ' font-weight="bold"' if bold else ""
        self.elements.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" '
                             f'text-anchor="{anchor}"{weight}>{escape(text)}</text>')

    def begin(self, kind, name, title):
        self.elements.append(f'<g class="{kind}" data-name={quoteattr(name)}>'
                             f"<title>{escape(title)}</title>")

    def end(self):
        self.elements.append("</g>")

    def svg(self):
        height = self.y + MARGIN / 2
        return (f'<?xml version="1.0" encoding="UTF-8"?>\n'
                f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{WIDTH}" '
                f'height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}" '
                f"font-family=\"'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace\">\n"
                f"<title>Bulkhead: what exits cost</title>\n"
                f'<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>\n'
                + "\n".join(self.elements) + "\n</svg>\n")


def place(value):
    """Where an amount of instructions is; no further than the scale goes."""
    low, high = SCALE
    part = math.log(min(max(value, low), high) / low) / math.log(high / low)
    return BARS_X + part * BARS_WIDTH


def is_missed(operation, goal):
    """A goal of None: there is none."""
    return goal is not None and operation["median"] > goal


def draw_title(page):
    page.text(MARGIN, page.y + 10, "What exits cost", size=22, bold=True)
    page.text(MARGIN, page.y + 34, "Instructions of one operation in a guest, besides its own; "
              "logarithmic scale.", fill=FAINT)
    page.y += 60
    x = MARGIN
    for fill, kind, width, text in ((BULKHEAD, "legend", 24, "Bulkhead"),
                                    (OTHERS, "legend", 24, "Linux KVM 6.1, same machine")):
        page.rectangle(x, page.y - 9, width, BAR, fill, kind)
        page.text(x + width + 8, page.y, text)
        x += width + 8 + 7.3 * len(text) + 30
    page.line(x, page.y - 11, page.y + 3, "#111", 2.0, "legend")
    page.text(x + 10, page.y, "goal")
    page.y += 34


def draw_grid(page, top, bottom):
    for value in GRID:
        page.line(place(value), top, bottom, "#ddd")
        page.text(place(value), top - 6, f"{value:,}", size=11, fill=FAINT, anchor="middle")


def draw_bar(page, y, value, height, fill, kind):
    """From the left; one that is cut has a gap before its end."""
    end = place(value)
    page.rectangle(BARS_X, y, end - BARS_X, height, fill, kind)
    if value > SCALE[1]:
        for gap in (end - 14, end - 8):
            page.line(gap, y, y + height, "#fff", 2.0)
    return end


def kvm_text(figures):
    low, high = figures
    return f"KVM {low:,}" if low == high else f"KVM {low:,} to {high:,}, by port"


def draw_operation(page, name, operation, goal, kvm):
    """The figure stands behind whatever is drawn."""
    median, missed = operation["median"], is_missed(operation, goal)
    told = f"{median:,.0f}" + (f", goal {goal:,}" if goal else "")
    page.begin("operation", name, f"{name}: {told}")
    page.text(BARS_X - 10, page.y + 10, name, anchor="end")
    end = draw_bar(page, page.y, median, BAR, MISSED if missed else BULKHEAD, "bulkhead")
    if goal:
        page.line(place(goal), page.y - 3, page.y + BAR + 3, "#111", 2.0, "goal")
        end = max(end, place(goal))
    page.text(end + 8, page.y + 10, f"{median:,.0f}" + (" MISSED" if missed else ""),
              fill=MISSED if missed else "#111", bold=missed)
    if kvm:
        page.y += BAR + 4
        end = draw_bar(page, page.y, kvm[1], KVM_BAR, UP_TO, "kvm most")
        draw_bar(page, page.y, kvm[0], KVM_BAR, OTHERS, "kvm")
        page.text(end + 8, page.y + 8, kvm_text(kvm), size=11, fill=FAINT)
    page.end()
    page.y += ROW


def draw_exits(page, result, rows):
    top = page.y
    at = len(page.elements)
    page.y += 10
    for name, row in rows.items():
        draw_operation(page, name, row, result["goals"].get(name), result["kvm"].get(name))
    bars, page.elements[at:] = page.elements[at:], []
    draw_grid(page, top, page.y - 6)
    page.elements += bars
    page.y += 26


def draw_silent(page, rows):
    page.text(MARGIN, page.y, "Without a VM exit", size=15, bold=True)
    page.y += 26
    for i, (name, row) in enumerate(rows.items()):
        missed = row["exits"] >= EXITS_MAX
        x = MARGIN + i % COLUMNS * (WIDTH - 2 * MARGIN) / COLUMNS
        y = page.y + i // COLUMNS * ROW
        page.begin("silent", name, f"{name}: {row['exits']} exits")
        page.rectangle(x, y - 9, 10, 10, MISSED if missed else GOOD, "mark")
        page.text(x + 18, y, name + (" MISSED" if missed else ""),
                  fill=MISSED if missed else "#111", bold=missed)
        page.end()
    page.y += (len(rows) + COLUMNS - 1) // COLUMNS * ROW + 20


def draw_linux(page, linux, ratio_goal):
    """To scale from 0."""
    ratio = linux["guest"] / linux["native"]
    missed = ratio > ratio_goal
    most = max(linux["guest"], linux["native"] * ratio_goal)
    page.text(MARGIN, page.y, "Linux from its entry to its shell", size=15, bold=True)
    page.y += 18
    for name, value, fill, told in (
            ("natively", linux["native"], OTHERS, ""),
            ("as a guest", linux["guest"], MISSED if missed else BULKHEAD,
             f"; {ratio:.3f} times" + (" MISSED" if missed else ""))):
        page.begin("linux", name, f"{name}: {value:,} instructions")
        page.text(BARS_X - 10, page.y + 10, name, anchor="end")
        page.rectangle(BARS_X, page.y, value / most * BARS_WIDTH, BAR, fill, "bar")
        page.text(BARS_X + BARS_WIDTH + 8, page.y + 10, f"{value / 1e6:,.0f} million{told}")
        page.end()
        page.y += ROW
    goal = BARS_X + linux["native"] * ratio_goal / most * BARS_WIDTH
    page.line(goal, page.y - ROW - 3, page.y - ROW + BAR + 3, "#111", 2.0, "goal")


def rows_of(result):
    """Operations, and what is measured of devices in the same way."""
    rows = dict(result["operations"])
    for name, value in result["devices"].items():
        if name.startswith("exits_per_"):
            rows[name] = {"exits": value}
        elif name in ("config_read", "config_read_memory", "bar_move"):
            rows[name] = {"median": value}
    return rows


def chart(result):
    """The picture of what bench.json holds."""
    page, rows = Page(), rows_of(result)
    silent = {name: row for name, row in rows.items()
              if "median" not in row or result["goals"].get(name, 0) is None}
    draw_title(page)
    draw_exits(page, result, {name: row for name, row in rows.items() if name not in silent})
    draw_silent(page, silent)
    if result["linux"]["guest"]:
        draw_linux(page, result["linux"], result["linux_ratio_goal"])
    return page.svg()


def main():
    source, to = sys.argv[1:]
    pathlib.Path(to).write_text(chart(json.loads(pathlib.Path(source).read_text())), encoding="utf-8")


if __name__ == "__main__":
    main()
