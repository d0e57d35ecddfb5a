#!/usr/bin/env python3
"""make bench-plot: draws a stored run as an SVG of the same name. It measures nothing and needs only Python.

A run is what bench.py --json writes, and may have the figures of make bench-tokens as well. Rows and charts that a run does
not have are left out.
"""

import argparse
import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent.parent
WIDTH, MARGIN, LABELS, FIGURES = 800, 24, 250, 70
BAR, ROW = 11, 34

STYLE = """
  svg { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 13px }
  .page { fill: #ffffff } .text { fill: #1f2328 } .quiet { fill: #59636e }
  .ours { fill: #0969da } .peer { fill: #818b98 }
  .title { font-size: 18px; font-weight: 600 } .head { font-size: 14px; font-weight: 600 } .small { font-size: 12px }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .text { fill: #e6edf3 } .quiet { fill: #9da7b3 }
    .ours { fill: #58a6ff } .peer { fill: #7d8590 }
  }
"""


@dataclass(frozen=True)
class Chart:
    """One group of bars: where its rows are in a run, and under which names the figures of both sides are stored."""

    heading: str
    peer: str
    part: str
    names: tuple[str, str]
    labels: dict[str, str]

    def rows(self, run: dict) -> list[tuple[str, float, float]]:
        """Label, Martlet's figure and that of the peer, in the order of the labels."""
        found = {row["row"]: row for row in run.get(self.part, []) if all(name in row for name in self.names)}
        return [
            (label, *(found[row][name] for name in self.names)) for row, label in self.labels.items() if row in found
        ]


CHARTS = (
    Chart(
        "Requests per second on one core (longer is better)", "nginx, return 200", "rows", ("rate", "nginx_rate"),
        {
            "verify HS256, 10,000 tokens": "verify HS256, 10,000 tokens",
            "verify HS256, 100,000 ids revoked": "the same, 100,000 ids revoked",
            "verify RS256, 2,000 tokens": "verify RS256, seen before",
            "verify HS256, token in a JSON body": "verify HS256, token in a JSON body",
            "verify, wrong HS256 signature": "verify, wrong signature",
        },
    ),
    Chart(
        "µs of CPU per request (shorter is better)", "nginx, return 200", "rows", ("martlet_cpu", "nginx_cpu"),
        {
            "HTTP/1.1 keep-alive, JWKS": "JWK Set, HTTP/1.1",
            "verify HS256, TLS 1.3 keep-alive": "verify HS256, TLS 1.3",
            "h2c, 10 streams, verify HS256": "verify HS256, h2c, 10 streams",
            "h2c, 10 streams, JWKS": "JWK Set, h2c, 10 streams",
        },
    ),
    Chart(
        "µs per token in the process (shorter is better)", "OpenSSL alone", "tokens", ("time", "library"),
        {
            "HS256 verify": "verify HS256",
            "RS256 verify": "verify RS256, a new token",
            "ES256 verify": "verify ES256",
            "ES256 sign": "sign ES256",
        },
    ),
)  # fmt: skip


def figure(value: float) -> str:
    """As in docs/performance.md: whole numbers with commas from 100 on."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value < 1 else f"{value:.1f}"


def method(run: dict) -> str:
    machine = run["machine"]
    nginx = "nginx " + run["nginx"] if "nginx" in run else "nginx"
    text = (
        f"Method: Martlet and {nginx} ran on the same core of one machine and were measured in turn with the same "
        "requests; nginx answers return 200 with a body of the same length. wrk (h2load for h2c) ran on another core. "
        "Each figure is the median of several runs. "
    )
    if run.get("tokens"):
        text += (
            "OpenSSL alone is the bare library call over the same bytes; rounds of both alternate on one thread. "
        )
    version = run.get("version")
    return text + f"{machine['processor']}, Linux {machine['kernel']}{f', {version}' if version else ''}."


def text(x: float, y: float, content: str, kind: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(content)}</text>'


def bar(y: float, value: float, longest: float, kind: str) -> list[str]:
    left = MARGIN + LABELS
    width = max(1, round(value / longest * (WIDTH - left - FIGURES - MARGIN), 1))
    return [
        f'<rect x="{left}" y="{y:g}" width="{width:g}" height="{BAR}" rx="2" class="{kind}"/>',
        text(left + width + 6, y + BAR - 1, figure(value), "text small"),
    ]


def legend(y: float, peer: str) -> list[str]:
    right = WIDTH - MARGIN
    split = right - 8 * len(peer) - 20
    return [
        f'<rect x="{split - 82:g}" y="{y - 10:g}" width="11" height="11" rx="2" class="ours"/>',
        text(split - 66, y, "Martlet", "text small"),
        f'<rect x="{split:g}" y="{y - 10:g}" width="11" height="11" rx="2" class="peer"/>',
        text(split + 16, y, peer, "text small"),
    ]


def draw(run: dict) -> str:
    """The SVG of a run."""
    body, told = [], []
    y = MARGIN + 16
    body.append(text(MARGIN, y, "Martlet next to nginx and OpenSSL", "text title"))
    for chart in CHARTS:
        rows = chart.rows(run)
        if not rows:
            continue
        y += 38
        body += [text(MARGIN, y, chart.heading, "text head"), *legend(y, chart.peer)]
        longest = max(max(ours, peer) for _, ours, peer in rows)
        y += 12
        for label, ours, peer in rows:
            body.append(text(MARGIN + LABELS - 12, y + BAR + 5, label, "text", "end"))
            body += bar(y, ours, longest, "ours") + bar(y + BAR + 2, peer, longest, "peer")
            y += ROW
        pairs = "; ".join(f"{label}: Martlet {figure(ours)}, {chart.peer} {figure(peer)}" for label, ours, peer in rows)
        told.append(f"{chart.heading}. {pairs}.")
    if not told:
        raise SystemExit("the run has no row with a figure of a peer")
    y += 10
    for line in textwrap.wrap(method(run), 118):
        y += 16
        body.append(text(MARGIN, y, line, "quiet small"))
    height = y + MARGIN - 6
    description = " ".join([*told, method(run)])
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:g}" '
            f'viewBox="0 0 {WIDTH} {height:g}" role="img" aria-labelledby="title desc">',
            '<title id="title">Measured figures of Martlet next to nginx and OpenSSL</title>',
            f'<desc id="desc">{escape(description)}</desc>',
            f"<style>{STYLE}</style>",
            f'<rect width="{WIDTH}" height="{height:g}" rx="6" class="page"/>',
            *body,
            "</svg>\n",
        ]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", default=ROOT / "docs/performance.json", type=Path, help="a stored run")
    options = parser.parse_args()
    output = options.run.with_suffix(".svg")
    output.write_text(draw(json.loads(options.run.read_text())))
    print(output)


if __name__ == "__main__":
    main()
