"""How the index grows: the same questions to workspaces of 1,000, 10,000 and 100,000 generated files."""

import tempfile
from pathlib import Path

from index_generate import generate
from index_rig import Rig, Table, fresh, megabytes, milliseconds, percentile

SIZES = (1_000, 10_000, 100_000)
_QUERIES = ("definition by name", "prefix", "fuzzy", "members", "callers of a name", "importers", "related files")


def measure_growth(rig: Rig) -> list[Table]:
    """Build and ask workspaces of each size, and delete them again."""
    rows = []
    for count in (size for size in SIZES if size <= rig.largest):
        with tempfile.TemporaryDirectory(dir=rig.work) as work:
            folder, database = Path(work, "workspace"), Path(work, "index", "index.db")
            made = generate(rig.corpora, folder, count)
            built = fresh("cold", folder=str(folder), database=str(database))
            asked = fresh("queries", folder=str(folder), database=str(database))
            rows.append(
                [
                    f"{count:,}",
                    megabytes(made.size),
                    f"{built['symbols']:,}",
                    f"{built['cpu'] / made.size * 1e6:.3f}",
                    f"{built['stored'] / made.size:.2f}",
                    megabytes(built["peak"]),
                    megabytes(asked["peak"]),
                    *(milliseconds(percentile(asked["seconds"][name], 0.99)) for name in _QUERIES),
                ]
            )
    columns = (
        *("files", "MB", "symbols", "build s/MB", "index file of source", "peak MB build", "peak MB queries"),
        *(f"{name} p99 ms" for name in _QUERIES),
    )
    note = "Files of about two kilobytes made from those above, a quarter of their longer names made each file's own."
    return [Table("Growth", columns, rows, note)]
