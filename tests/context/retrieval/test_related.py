"""Files that share rare words with a text."""

from assist_context.retrieval.related import distance, related_files
from support.memory_index import MemoryIndex

TEXTS = {f"plain/{number}.py": f"def common_{number}(shared): return shared\n" for number in range(40)}
INDEX = MemoryIndex(
    TEXTS
    | {
        "engine/lease.py": "def renew_lease(deadline_ticks): return deadline_ticks + shared\n",
        "engine/clock.py": "deadline_ticks = 3\n",
        "tests/clock.py": "deadline_ticks = 4\n",
    }
)


def paths(text: str, **options: object) -> list[str]:
    return [one.path for one in related_files(INDEX, text, **options)]  # type: ignore[arg-type]


def test_files_with_more_and_rarer_words_come_first() -> None:
    assert paths("renew_lease(deadline_ticks)") == ["engine/lease.py", "engine/clock.py", "tests/clock.py"]


def test_a_word_that_many_files_have_tells_nothing() -> None:
    assert paths("shared") == []


def test_of_equal_files_the_closer_one_comes_first() -> None:
    assert paths("deadline_ticks", near="tests/test_lease.py")[0] == "tests/clock.py"


def test_leaves_out_what_is_not_wanted_and_says_what_is_shared() -> None:
    (one,) = related_files(INDEX, "renew_lease", without=(), limit=1)
    assert (one.path, one.words) == ("engine/lease.py", ("renew_lease",))
    assert paths("renew_lease", without={"engine/lease.py"}) == []
    assert paths("") == []


def test_distance_counts_folders() -> None:
    assert distance("a/b/c.py", "a/b/d.py") == 0
    assert distance("a/b/c.py", "a/d.py") == 1
    assert distance("a/b/c.py", "x/y.py") == 3
    assert distance("c.py", "d.py") == 0
