"""The benchmarks are no package: their modules are found as when one of them is run."""

import sys

from support.checkout import ROOT

sys.path.append(str(ROOT / "bench"))
