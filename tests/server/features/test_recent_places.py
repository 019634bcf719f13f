"""What was edited, viewed and opened: places that follow the text, and nothing of files that are nobody's business."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from assist_context.syntax.symbols import Symbol
from assist_server.features.completion.recent import LineEdit, RecentPlaces, outlines


def numbered(count, name="line"):
    return "".join(f"{name} {number}\n" for number in range(count))


def told(places, files, *, here="here.py", line=0):
    found = places.snippets(here, line, files.get)
    return [(snippet.source, snippet.path, snippet.start, snippet.end) for snippet in found]


def typed(line, lines=0):
    """Make an edit within one line, which becomes so many more."""
    return LineEdit(line, line, line + lines)


def edits(places, files, **where):
    return [place[1:] for place in told(places, files, **where) if place[0] == "edits"]


def views(places, files, **where):
    return [place[1:] for place in told(places, files, **where) if place[0] == "views"]


def test_edits_of_one_place_are_one_region_and_the_newest_is_first():
    places, files = RecentPlaces(), {"a.py": numbered(200), "b.py": numbered(200)}
    for line in (50, 51, 58, 52):
        places.edited("a.py", [typed(line)])
    places.edited("b.py", [typed(10)])
    places.edited("a.py", [typed(120)])
    assert edits(places, files) == [("a.py", 117, 125), ("b.py", 7, 15), ("a.py", 47, 63)]
    snippets = list(places.snippets("here.py", 0, files.get))
    assert snippets[0].text == "".join(f"line {number}\n" for number in range(116, 125))
    assert [snippet.score for snippet in snippets[:3]] == [1, 1 / 2, 1 / 3]


def test_a_region_is_never_long_and_keeps_what_was_edited_last():
    places, files = RecentPlaces(), {"a.py": numbered(500)}
    places.edited("a.py", [typed(100, 300)])
    assert edits(places, files) == [("a.py", 350, 405)]
    for line in range(400, 300, -5):
        places.edited("a.py", [typed(line)])
    (region,) = edits(places, files)
    assert region[1] <= 306 <= region[2]
    assert region[2] - region[1] < 64


def test_regions_move_with_what_is_written_above_them():
    places = RecentPlaces()
    places.edited("a.py", [typed(100)])
    places.edited("a.py", [typed(10, 5)])
    places.edited("a.py", [LineEdit(40, 60, 40)])
    files = {"a.py": numbered(500)}
    assert ("a.py", 82, 90) in edits(places, files)


def test_what_a_tool_changes_all_over_a_file_is_no_edit_but_moves_what_was():
    places, files = RecentPlaces(), {"a.py": numbered(500)}
    places.edited("a.py", [typed(100)])
    places.edited("a.py", [typed(line, 1) for line in range(0, 40, 2)])
    assert edits(places, files) == [("a.py", 117, 125)]


def test_what_the_cursor_is_in_is_left_out():
    places, files = RecentPlaces(), {"a.py": numbered(100)}
    places.edited("a.py", [typed(50)])
    assert edits(places, files, here="a.py", line=52) == []
    assert edits(places, files, here="a.py", line=70) == [("a.py", 47, 55)]


def test_a_place_that_the_cursor_has_left_by_a_jump_counts_as_viewed():
    places, files = RecentPlaces(), {"a.py": numbered(300), "b.py": numbered(300)}
    assert not places.visited("a.py", 100)
    assert not places.visited("a.py", 132)
    assert places.visited("a.py", 10)
    assert places.visited("b.py", 10)
    assert views(places, files, here="b.py", line=10) == [("a.py", 1, 32), ("a.py", 117, 148)]


def test_an_opened_file_counts_as_viewed_from_its_top_until_the_cursor_is_seen_in_it():
    places, files = RecentPlaces(), {"a.py": numbered(100)}
    places.opened("a.py", files["a.py"])
    assert views(places, files) == [("a.py", 1, 32)]
    places.visited("a.py", 80)
    places.visited("here.py", 0)
    assert views(places, files) == [("a.py", 65, 96)]


def test_a_view_of_what_was_edited_is_not_told_twice():
    places, files = RecentPlaces(), {"a.py": numbered(100)}
    places.edited("a.py", [typed(50)])
    places.visited("here.py", 0)
    assert told(places, files) == [("edits", "a.py", 47, 55)]


def test_places_of_a_closed_file_count_while_it_has_these_lines():
    text = numbered(100)
    places = RecentPlaces()
    places.opened("a.py", text)
    places.edited("a.py", [typed(50)])
    places.closed("a.py", text)
    assert edits(places, {"a.py": text}) == [("a.py", 51, 51)]
    assert edits(places, {"a.py": text.replace("line 50", "another")}) == []
    assert edits(places, {}) == []
    places.opened("a.py", text.replace("line 10", "another"))
    assert edits(places, {"a.py": text}) == [("a.py", 47, 55)]
    places.closed("a.py", text)
    places.opened("a.py", text.replace("line 50", "another"))
    assert edits(places, {"a.py": text}) == []


def test_what_no_index_may_have_gets_in_nowhere():
    places, files = RecentPlaces(), dict.fromkeys((".env", "id_rsa", "node_modules/x.js"), numbered(100))
    for path, text in files.items():
        places.opened(path, text)
        places.edited(path, [typed(50)])
        places.visited(path, 5)
        places.visited(path, 90)
    assert told(places, files) == []
    assert places.open_paths() == ()


def test_what_the_index_leaves_out_is_not_shown():
    places = RecentPlaces()
    places.edited("ignored.py", [typed(50)])
    places.edited("a.py", [typed(50)])
    assert edits(places, {"a.py": numbered(100)}) == [("a.py", 47, 55)]


def test_blank_places_are_nothing():
    places = RecentPlaces()
    places.edited("a.py", [typed(2)])
    assert edits(places, {"a.py": "\n\n\n\n\n"}) == []


def test_open_files_are_told_by_how_lately_they_were_used():
    places = RecentPlaces()
    for path in ("a.py", "b.py", "c.py"):
        places.opened(path, "")
    places.edited("a.py", [typed(0)])
    assert places.open_paths() == ("a.py", "c.py", "b.py")
    places.closed("a.py", "")
    assert places.open_paths() == ("c.py", "b.py")


def test_open_files_are_shown_by_their_signatures():
    def symbol(name, kind, line, parent=""):
        signature = f"{'class' if kind == 'class' else 'def'} {name}"
        return Symbol(name, kind, 0, 0, line, line + 1, signature, parent, "")

    known = {
        "a.py": (symbol("A", "class", 3), symbol("run", "method", 5, "A"), symbol("x", "variable", 7)),
        "b.py": (),
        "c.py": (symbol("f", "function", 0),),
    }
    found = list(outlines("here.py", ["here.py", "a.py", "b.py", "c.py"], lambda path: known[path]))
    assert [(s.path, s.start, s.end, s.source, s.score) for s in found] == [
        ("a.py", 4, 7, "open", 1),
        ("c.py", 1, 2, "open", 1 / 2),
    ]
    assert found[0].text == "class A\n    def run\n"


@given(
    st.lists(
        st.tuples(st.sampled_from(["a.py", "b.py"]), st.integers(0, 400), st.integers(0, 60), st.integers(0, 60)),
        max_size=80,
    )
)
def test_rings_are_bounded_and_regions_of_a_file_do_not_grow(changes):
    places, files = RecentPlaces(), {"a.py": numbered(9000), "b.py": numbered(9000)}
    for path, first, before, now in changes:
        places.edited(path, [LineEdit(first, first + before, first + now)])
        places.visited(path, first)
    found = told(places, files)
    for source in ("edits", "views"):
        assert sum(place[0] == source for place in found) <= 16
    assert all(0 < end - start + 1 <= 64 for _, _, start, end in found)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5), st.integers(0, 5)), max_size=10))
def test_a_region_keeps_to_its_lines_whatever_is_edited_elsewhere(changes):
    lines = [f"line {number}" for number in range(60)]
    places = RecentPlaces()
    places.edited("a.py", [typed(50)])
    for place, before, now in changes:
        first = min(place, lines.index("line 50") - 20 - before)
        lines[first : first + before + 1] = [f"new {first}"] * (now + 1)
        places.edited("a.py", [LineEdit(first, first + before, first + now)])
    found = places.snippets("here.py", 0, {"a.py": "\n".join(lines)}.get)
    assert any("line 50\n" in snippet.text for snippet in found)


def test_the_oldest_regions_go_first():
    places = RecentPlaces()
    for line in range(0, 3000, 100):
        places.edited("a.py", [typed(line)])
    found = edits(places, {"a.py": numbered(4000)})
    assert len(found) == 16
    assert all(one[1] > other[1] for one, other in pairwise(found))
