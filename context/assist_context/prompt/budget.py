"""Share a number of tokens between the parts of a prompt."""

from collections.abc import Sequence
from dataclasses import dataclass

from assist_context.errors import BudgetError


@dataclass(frozen=True, slots=True)
class Part:
    """One taker of a budget: wanted tokens at best, minimum tokens or it makes no sense."""

    name: str
    wanted: int
    minimum: int = 0


def split(total: int, parts: Sequence[Part]) -> dict[str, int]:
    """Give each part its minimum, then what is left in the order of the parts, up to what each wants.

    The shares never exceed the total together. Raises BudgetError where the minimums alone do.
    """
    shares = {part.name: min(max(part.minimum, 0), max(part.wanted, 0)) for part in parts}
    left = total - sum(shares.values())
    if left < 0:
        needs = ", ".join(f"{name} needs {share}" for name, share in shares.items() if share)
        raise BudgetError(
            f"{total} tokens are too few: {needs}",
            hint="use a model with a longer context, or ask for less",
        )
    for part in parts:
        more = min(left, max(part.wanted - shares[part.name], 0))
        shares[part.name] += more
        left -= more
    return shares
