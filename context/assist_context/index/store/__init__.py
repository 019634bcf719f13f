"""The index on disk: one SQLite file, and the only place that speaks SQL.

`tables` has what is common; `reader` answers, `names` searches among names, `writer` writes.
"""

from assist_context.index.store.reader import IndexReader
from assist_context.index.store.writer import Store

__all__ = ["IndexReader", "Store"]
