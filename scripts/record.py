"""Make the README's pictures from real runs: `make demo` and `make test`, each as an SVG of its terminal."""

import io
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
WIDTH = 110
LAST_LINES = {"demo": 120, "test": 30}

# rich's own format loads a font from the network; a picture in a README should not.
FORMAT = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def record(target: str) -> None:
    """Run one make target and draw the end of what it printed."""
    environment = {**os.environ, "COLUMNS": str(WIDTH), "NO_COLOR": "1"}
    done = subprocess.run(
        ["make", "--no-print-directory", target],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        sys.exit(f"make {target} failed")
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(f"$ make {target}")
    lines = done.stdout.replace(str(ROOT), ".").splitlines()[-LAST_LINES[target] :]
    console.print(Text("\n".join(lines)))
    IMAGES.mkdir(parents=True, exist_ok=True)
    console.save_svg(str(IMAGES / f"{target}.svg"), title=f"make {target}", code_format=FORMAT)
    print(f"wrote docs/images/{target}.svg")


if __name__ == "__main__":
    for name in sys.argv[1:] or ["demo", "test"]:
        record(name)
