"""The plot of the front page: it is what the script draws from the stored run, and the run has the figures of the page."""

import json
import re
import runpy
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from harness.process import ROOT

RUN = ROOT / "docs/performance.json"
SVG = ROOT / "docs/performance.svg"
SCRIPT = ROOT / "scripts/bench/plot.py"
NAMESPACE = "{http://www.w3.org/2000/svg}"
PLOT = runpy.run_path(str(SCRIPT))


def drawn(folder, run: dict) -> str:
    path = folder / "run.json"
    path.write_text(json.dumps(run))
    subprocess.run([sys.executable, SCRIPT, path], check=True, capture_output=True, timeout=60)
    return path.with_suffix(".svg").read_text()


def test_the_stored_plot_is_drawn_from_the_stored_run(tmp_path):
    assert drawn(tmp_path, json.loads(RUN.read_text())) == SVG.read_text(), "run: make bench-plot"


def test_every_stored_figure_is_in_one_row_of_the_performance_page():
    """A row of the run is one row of a table of the page, so neither changes alone."""
    page = (ROOT / "docs/performance.md").read_text()
    rows = [set(re.findall(r"\d[\d,]*(?:\.\d+)?", line)) for line in page.splitlines() if line.startswith("| ")]
    run = json.loads(RUN.read_text())
    stored = run["rows"] + run["tokens"]
    assert len(run["rows"]) >= 10 and len(run["tokens"]) == 5
    for row in stored:
        figures = {PLOT["figure"](value) for name, value in row.items() if name != "row"}
        assert any(figures <= known for known in rows), row
    for words in (run["nginx"], run["machine"]["processor"], run["machine"]["kernel"], run["version"]):
        assert words in page


def test_every_row_of_the_page_with_a_figure_of_nginx_is_stored():
    page = (ROOT / "docs/performance.md").read_text()
    stored = {PLOT["figure"](row.get("rate") or row["martlet_rate"]) for row in json.loads(RUN.read_text())["rows"]}
    tables = re.findall(r"^\| row \|.*\n\|[-|]+\n((?:\|.*\n)+)", page, re.M)
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for table in tables for line in table.splitlines()]
    rates = {line[1] for line in cells if line[2 if len(line) == 8 else 3]}
    assert len(tables) == 2 and len(rates) > 10
    assert rates == stored


def test_the_plot_shows_both_sides_of_every_row_it_names_and_says_how_they_were_measured():
    run = json.loads(RUN.read_text())
    tree = ElementTree.fromstring(SVG.read_text())
    shown = [element.text for element in tree.iter(NAMESPACE + "text")]
    description = tree.find(NAMESPACE + "desc").text
    for chart in PLOT["CHARTS"]:
        rows = chart.rows(run)
        assert len(rows) == len(chart.labels), "the stored run has every row of every chart"
        for label, ours, peer in rows:
            start = shown.index(label)
            assert shown[start + 1 : start + 3] == [PLOT["figure"](ours), PLOT["figure"](peer)]
            assert f"{label}: Martlet {PLOT['figure'](ours)}, {chart.peer} {PLOT['figure'](peer)}" in description
    caption = " ".join(shown)
    for words in ("the same core of one machine", "measured in turn", "wrk", "median", "nginx 1.22", "AMD EPYC"):
        assert words in caption and words in description


def test_bars_are_as_long_as_their_figures():
    run = json.loads(RUN.read_text())
    bars = iter([float(rect.get("width")) for rect in ElementTree.fromstring(SVG.read_text()).iter(NAMESPACE + "rect")
                 if rect.get("class") in ("ours", "peer") and rect.get("width") != "11"])  # fmt: skip
    for chart in PLOT["CHARTS"]:
        figures = [value for _, ours, peer in chart.rows(run) for value in (ours, peer)]
        widths = [next(bars) for _ in figures]
        scale = max(widths) / max(figures)
        assert all(abs(width - value * scale) <= 0.1 for width, value in zip(widths, figures))
    assert next(bars, None) is None


def test_the_plot_can_be_read_by_screen_readers_and_in_both_color_schemes():
    tree = ElementTree.fromstring(SVG.read_text())
    assert tree.get("role") == "img" and tree.get("aria-labelledby") == "title desc"
    assert {tree.find(NAMESPACE + name).get("id") for name in ("title", "desc")} == {"title", "desc"}
    style = tree.find(NAMESPACE + "style").text
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    for scheme in (light, dark):
        colors = dict(re.findall(r"\.(page|text|quiet|ours|peer) \{ fill: #(\w{6}) \}", scheme))
        assert len(colors) == 5
        # WCAG 2.2: 4.5 for text, 3 for parts of a graphic.
        assert all(contrast(colors[name], colors["page"]) >= 4.5 for name in ("text", "quiet"))
        assert all(contrast(colors[name], colors["page"]) >= 3 for name in ("ours", "peer"))


def contrast(one: str, other: str) -> float:
    def luminance(color: str) -> float:
        parts = [int(color[index : index + 2], 16) / 255 for index in (0, 2, 4)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_a_run_without_tokens_is_drawn_without_their_chart(tmp_path):
    """What `make bench ARGS="--json FILE"` writes has no figures of `make bench-tokens`, and may have few rows."""
    run = json.loads(RUN.read_text())
    rows = [row for row in run["rows"] if row["row"].startswith("verify HS256, 10")]
    svg = drawn(tmp_path, {"machine": run["machine"], "rows": [*rows, {"row": "start-up", "median_ms": 70}]})
    assert "161,900" in svg and "OpenSSL alone" not in svg and "µs of CPU per request" not in svg
    (tmp_path / "empty.json").write_text(json.dumps({"machine": run["machine"], "rows": []}))
    done = subprocess.run([sys.executable, SCRIPT, tmp_path / "empty.json"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "no row" in done.stderr and not (tmp_path / "empty.svg").exists()


def test_the_rows_of_the_charts_are_rows_of_the_bench():
    sources = "".join((ROOT / f"scripts/bench/{name}.py").read_text() for name in ("bench", "engine"))
    for chart in PLOT["CHARTS"]:
        if chart.part == "rows":
            assert [name for name in chart.labels if f'"{name}"' not in sources] == []


def test_make_bench_plot_writes_the_svg_and_the_pages_show_it(tmp_path):
    if not shutil.which("make"):
        pytest.skip("make is not here")
    (tmp_path / "figures.json").write_text(RUN.read_text())
    done = subprocess.run(
        ["make", "bench-plot", f"RUN={tmp_path}/figures.json"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "figures.svg").read_text() == SVG.read_text()
    assert "](docs/performance.svg)" in (ROOT / "README.md").read_text()
    assert "](performance.svg)" in (ROOT / "docs/performance.md").read_text()
