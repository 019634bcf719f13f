import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.errors import BudgetError
from assist_context.prompt.budget import Part, split


@pytest.mark.parametrize(
    ("total", "shares"),
    [
        (1000, {"prefix": 300, "suffix": 100, "output": 64}),
        (464, {"prefix": 300, "suffix": 100, "output": 64}),
        (400, {"prefix": 300, "suffix": 68, "output": 32}),
        (200, {"prefix": 168, "suffix": 0, "output": 32}),
        (48, {"prefix": 16, "suffix": 0, "output": 32}),
    ],
)
def test_minimums_first_then_in_order(total, shares):
    parts = [Part("prefix", 300, minimum=16), Part("suffix", 100), Part("output", 64, minimum=32)]
    assert split(total, parts) == shares


def test_too_little_for_the_minimums_says_who_needs_what():
    with pytest.raises(BudgetError, match="47 tokens are too few: prefix needs 16, output needs 32") as caught:
        split(47, [Part("prefix", 300, minimum=16), Part("suffix", 9), Part("output", 64, minimum=32)])
    assert caught.value.hint


numbers = st.integers(-10, 1000)


@given(st.integers(-100, 3000), st.lists(st.tuples(numbers, numbers), max_size=5))
def test_the_budget_is_never_exceeded(total, wishes):
    parts = [Part(f"part {n}", wanted, minimum) for n, (wanted, minimum) in enumerate(wishes)]
    try:
        shares = split(total, parts)
    except BudgetError:
        assert sum(max(min(part.wanted, part.minimum), 0) for part in parts) > total
        return
    assert sum(shares.values()) <= max(total, 0)
    for part in parts:
        assert max(min(part.wanted, part.minimum), 0) <= shares[part.name] <= max(part.wanted, 0)
    if any(shares[part.name] < part.wanted for part in parts):
        assert sum(shares.values()) == total
