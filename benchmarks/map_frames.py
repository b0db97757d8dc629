"""Frames a second of the page's map in Chromium, beside regl-scatterplot, on the same points.

Both draw points of 40 clusters in a canvas of 1,280 x 800. A mouse then drags and turns its wheel;
a frame is one drawing. Nothing but the machine's own graphics is used: without a graphics card
Chromium draws in software.

The peer comes from npm: `npm install regl-scatterplot@1.16.0 esbuild` in a folder, then
`--peer FOLDER`. It needs a page that lets scripts make scripts; the analyst's page does not.
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

STATIC = Path(__file__).parent.parent / "web" / "static"
WIDTH, HEIGHT = 1280, 800
MOVES = 120
"""Moves of the mouse in each gesture."""
PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<style>body {{ margin: 0 }} canvas {{ width: {width}px; height: {height}px }}</style>
<canvas width="{width}" height="{height}"></canvas><script type="module">{script}</script>"""
READ = """const buffer = await (await fetch("points.bin")).arrayBuffer();
const points = new Float32Array(buffer);
const canvas = document.querySelector("canvas");
window.drawn = []; const frame = () => window.drawn.push(performance.now());
"""
OURS = """import { Cloud } from "./static/cloud.js"; import { listen } from "./static/moves.js";
const cloud = new Cloud(canvas, points, frame); const none = () => {};
const unseen = { lassoing: () => false, drawn: none, picked: none, encircled: none };
listen(cloud, { ...unseen, pointed: (x, y) => cloud.nearest(x, y, () => true) });
window.ready = true;"""
PEER = """import createScatterplot from "./peer.js";
const plot = createScatterplot({ canvas, width: WIDTH, height: HEIGHT, pointSize: 3 });
const pairs = []; for (let i = 0; i < points.length; i += 2) pairs.push([points[i], points[i + 1]]);
await plot.draw(pairs); plot.subscribe("view", frame); window.ready = true;"""


def main() -> None:
    """Draw with both, and print the frames of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, nargs="+", default=[100_000, 200_000])
    parser.add_argument("--peer", type=Path, help="A folder with regl-scatterplot and esbuild.")
    parser.add_argument("--browser", default="/usr/bin/chromium")
    options = parser.parse_args()
    with TemporaryDirectory() as folder, sync_playwright() as driver:
        site = Path(folder)
        copytree(STATIC, site / "static")
        pages = {"the page's map": READ + OURS}
        if options.peer:
            bundle(options.peer, site / "peer.js")
            script = PEER.replace("WIDTH", str(WIDTH)).replace("HEIGHT", str(HEIGHT))
            pages["regl-scatterplot"] = READ + script
        for place, script in enumerate(pages.values()):
            imports, rest = split(script)
            text = PAGE.format(width=WIDTH, height=HEIGHT, script=imports + rest)
            (site / f"{place}.html").write_text(text, encoding="utf-8")
        browser = driver.chromium.launch(
            executable_path=options.browser, args=["--no-sandbox", "--enable-unsafe-swiftshader"]
        )
        address = served(site)
        for count in options.points:
            (site / "points.bin").write_bytes(clustered(count).tobytes())
            for place, name in enumerate(pages):
                page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
                page.goto(f"{address}/{place}.html")
                page.wait_for_function("window.ready")
                told = {"points": count, "drawn by": name, **gestures(page)}
                print(json.dumps(told))  # noqa: T201
                page.close()
        browser.close()


def gestures(page: Page) -> dict[str, Any]:
    """Drag in a circle and turn the wheel; return frames a second of each and the slowest frame."""
    told: dict[str, Any] = {}
    page.mouse.move(WIDTH / 2, HEIGHT / 2)
    angles = np.linspace(0, 2 * np.pi, MOVES)

    def drag() -> None:
        page.mouse.down()
        for angle in angles.tolist():
            page.mouse.move(WIDTH / 2 + 150 * np.sin(angle), HEIGHT / 2 + 100 * np.cos(angle))
        page.mouse.up()

    def zoom() -> None:
        for place in range(MOVES):
            page.mouse.wheel(0, -40 if place < MOVES / 2 else 40)

    for name, gesture in (("drag", drag), ("zoom", zoom)):
        page.evaluate("window.drawn.length = 0")
        gesture()
        page.wait_for_timeout(200)
        gaps = np.diff(page.evaluate("window.drawn"))
        told |= {
            f"{name}: frames": len(gaps) + 1,
            f"{name}: frames a second": round(1000 / float(np.median(gaps)), 1),
            f"{name}: 99th percentile, ms": round(float(np.percentile(gaps, 99)), 1),
        }
    return told


def clustered(count: int) -> Any:  # noqa: ANN401
    """Return points (count, 2) float32 of 40 clusters, within -1 and 1."""
    rng = np.random.default_rng(0)
    centres = rng.uniform(-0.9, 0.9, (40, 2))
    points = centres[rng.integers(0, 40, count)] + rng.normal(scale=0.05, size=(count, 2))
    return np.clip(points, -1, 1).astype("<f4")


def bundle(peer: Path, output: Path) -> None:
    """Make one module of the peer and what it needs."""
    entry = peer / "entry.js"
    entry.write_text('export { default } from "regl-scatterplot";\n', encoding="utf-8")
    command = ["npx", "esbuild", "entry.js", "--bundle", "--format=esm", f"--outfile={output}"]
    subprocess.run(command, cwd=peer, check=True, capture_output=True)


def split(script: str) -> tuple[str, str]:
    """Return the imports of a script, and the rest of it."""
    lines = [
        one
        for line in script.splitlines()
        for one in line.replace("; import", ";\nimport").splitlines()
    ]
    imports = [line for line in lines if line.startswith("import")]
    return "\n".join(imports) + "\n", "\n".join(x for x in lines if not x.startswith("import"))


def served(folder: Path) -> str:
    """Serve a folder on this machine, quietly, and return its address."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    main()
