"""A user's text never reaches a server as a control token, and comes back as it was."""

import json
import unicodedata
from collections.abc import AsyncGenerator, Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assist_context.prompt.fim import ALL_CONTROL_TOKENS, FIM_FORMATS, FimFormat, Piece, Slot, custom
from assist_context.prompt.segments import Control, Prompt, Segment, Text
from assist_server.backends.base import Delta, Done, Event, FillRequest, Message, Role, Usage
from assist_server.backends.control_text import (
    DefusedChat,
    control_texts,
    control_tokens,
    defuse_chat,
    defuse_fill,
    fill_stops,
)
from assist_server.backends.stops import apply_stops
from assist_server.core.errors import Unsupported
from support.backend_contract import collect

MARKS = "\u200b\u2060\u2063"
OTHERS = (
    *["<|start_header_id|>", "<|eot_id|>", "<|EOT|>", "<|turn>", "<turn|>", '<|"|>', "<start_of_turn>", "<unused99>"],
    *["</fim_middle>", "<tool_call>", "</tool_call>", "<think>", "</think>", "<reponame>", "<filename>", "<bos>"],
    *["<fim-prefix>", "<fim-pad>", "<PAD>", "[PAD]", "<REPO>", "[EOT]", "[EOS]", "<end_of_utterance>"],
    *["[INST]", "[/INST]", "[TOOL_CALLS]", "[SYSTEM_PROMPT]", "<s>", "</s>", "<unk>", "{{[INPUT]}}"],
)
TOKENS = tuple(sorted(ALL_CONTROL_TOKENS.union(OTHERS)))
QWEN = frozenset({"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "<|fim_prefix|>", "<|fim_middle|>"})
CODE = ["if a <b| c |>d:", "List<String>", "std::vector<int>", "a[INDEX]", "<br/>", "x <| f |> g", "<table>", "<|  |>"]

families = pytest.mark.parametrize("form", FIM_FORMATS, ids=lambda form: form.id)


def broken(sent: str, segments: Sequence[Segment], mark: str, tokens: Iterable[str]) -> list[tuple[str, int]]:
    """Look at every place of a sent text for every token that holds a user's character, or a mark."""
    ours: list[bool] = []
    rest = sent
    for segment in segments:
        if isinstance(segment, Control):
            while mark and rest.startswith(mark):
                rest, ours = rest[1:], [*ours, False]
            assert rest.startswith(segment.value), f"our own {segment.value} was changed"
            rest, ours = rest[len(segment.value) :], ours + [True] * len(segment.value)
            continue
        for character in segment.value:
            while mark and rest.startswith(mark):
                rest, ours = rest[1:], [*ours, False]
            assert rest.startswith(character), "a character of the user's was changed"
            rest, ours = rest[1:], [*ours, False]
    assert not rest.replace(mark, "") if mark else not rest
    ours += [False] * len(rest)
    found: list[tuple[str, int]] = []
    for token in tokens:
        start = sent.find(token)
        while start >= 0:
            if not all(ours[start : start + len(token)]):
                found.append((token, start))
            start = sent.find(token, start + 1)
    return found


def pieces_of(tokens: Sequence[str]) -> st.SearchStrategy[str]:
    """Make texts of tokens, of what tokens begin and end with, of other marks and of anything."""
    cut = st.sampled_from(tokens).flatmap(
        lambda token: st.integers(0, len(token)).flatmap(lambda n: st.sampled_from([token[:n], token[n:]]))
    )
    other = st.one_of(st.text("<|>[]/_{}ab \n" + MARKS, max_size=4), st.text(max_size=4))
    return st.lists(st.one_of(st.sampled_from(tokens), cut, cut, other), max_size=5).map("".join)


texts = pieces_of(TOKENS)


def written(pieces: Sequence[Piece], values: dict[Slot, str]) -> tuple[Segment, ...]:
    return tuple(Text(values[piece]) if isinstance(piece, Slot) else piece for piece in pieces)


def prompts_of(form: FimFormat, text: str, before: str, after: str) -> list[Prompt]:
    """Put a text into each field of a family's prompts: around the cursor, the path, and another file."""
    around = before + text + after
    repo = form.repo
    prompts = [
        form.render(around, "b\n", path="a.py", language="py"),
        form.render("a", around, path="a.py", language="py"),
        form.render(before, after, path=text, language="py"),
        form.render(before, after, path="a.py", language=text),
    ]
    if repo is not None:
        for slot in (Slot.PATH, Slot.REPOSITORY, Slot.TEXT):
            values = {Slot.PATH: "a.py", Slot.REPOSITORY: "r", Slot.TEXT: "x = 1\n", slot: around}
            files = written((*repo.head, *repo.file, *repo.current, *repo.opening), values)
            prompts.append(Prompt(files + form.render(before, after, path="a.py").segments))
    return prompts


def fill_of(prompt: Prompt, suffix: str | None = None) -> FillRequest:
    return FillRequest("m", prompt, max_tokens=8, suffix=suffix)


def controls_of(prompt: Prompt) -> frozenset[str]:
    return frozenset(segment.value for segment in prompt.segments if isinstance(segment, Control))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("<|a|>b<|a|>", [("<|a|>", 6)]),
        ("<|a|>b<\u200b|a|>", []),
        ("<|a|>b<|\u200ba|>", []),
    ],
)
def test_the_scanner_sees_a_token_in_a_text_and_leaves_ours(sent: str, expected: list[tuple[str, int]]) -> None:
    segments = (Control("<|a|>"), Text("b<|a|>"))
    assert broken(sent, segments, "\u200b", ["<|a|>"]) == expected


@pytest.mark.parametrize("sent", ["<|a\u200b|>b", "<|a|>", "<|a|>bc", "<|a|>\u2060b", "b"])
def test_the_scanner_sees_a_changed_text(sent: str) -> None:
    with pytest.raises(AssertionError):
        broken(sent, (Control("<|a|>"), Text("b")), "\u200b", [])


class TestFilling:
    @families
    @settings(max_examples=20)
    @given(before=texts, after=texts)
    def test_each_token_of_all_families_stays_text_in_each_field(
        self, form: FimFormat, before: str, after: str
    ) -> None:
        for token in form.all_tokens():
            for prompt in prompts_of(form, token, before, after):
                for known in (None, form.all_tokens()):
                    defused = defuse_fill(fill_of(prompt), known)
                    tokens = controls_of(prompt).union(TOKENS if known is None else known)
                    assert not broken(defused.prompt, prompt.segments, defused.mark, tokens)

    @given(before=texts, after=texts, suffix=texts)
    def test_tokens_stay_text_where_the_server_has_the_template(self, before: str, after: str, suffix: str) -> None:
        prompt = Prompt((Text(before), Text(after)))
        for known in (None, frozenset(TOKENS)):
            defused = defuse_fill(fill_of(prompt, suffix), known)
            assert defused.suffix is not None
            for first, last in ((defused.prompt, defused.suffix), (defused.suffix, defused.prompt)):
                whole = (first + last).replace(defused.mark, "") if defused.mark else first + last
                assert not broken(first + last, [Text(whole)], defused.mark, TOKENS)

    @given(data=st.data())
    def test_tokens_of_any_vocabulary_stay_text(self, data: st.DataObject) -> None:
        tokens = data.draw(st.lists(st.text("<|>ab\u200b", min_size=2, max_size=5), min_size=1, max_size=6))
        text = st.builds(Text, pieces_of(tokens))
        segments = data.draw(st.lists(st.one_of(text, text, st.builds(Control, st.sampled_from(tokens))), max_size=6))
        defused = defuse_fill(fill_of(Prompt(tuple(segments))), frozenset(tokens))
        assert not broken(defused.prompt, segments, defused.mark, tokens)

    @given(texts.filter(lambda text: not any(token in text for token in TOKENS) and not control_texts(text)))
    def test_nothing_is_done_where_there_is_nothing_to_do(self, text: str) -> None:
        prompt = Prompt((Control("<|fim_prefix|>"), Text(text + "\n"), Control("<|fim_middle|>")))
        for known in (None, QWEN):
            defused = defuse_fill(fill_of(prompt), known)
            assert (defused.prompt, defused.suffix, defused.mark) == (prompt.as_string(), None, "")

    @given(texts)
    def test_what_was_parted_is_not_parted_again(self, text: str) -> None:
        once = defuse_fill(fill_of(Prompt((Text(text),))), frozenset(TOKENS))
        again = defuse_fill(fill_of(Prompt((Text(once.prompt),))), frozenset(TOKENS))
        assert (again.prompt, again.mark) == (once.prompt, "")

    @pytest.mark.parametrize(
        ("segments", "sent"),
        [
            ((Text("<|a<|im_end|>"),), "<|a<\u200b|im_end|>"),
            ((Text("<|im_"), Text("end|>")), "<\u200b|im_end|>"),
            ((Text("x <"), Control("|y|>")), "x <\u200b|y|>"),
            ((Control("<|x|>"), Text("!z")), "<|x|>\u200b!z"),
            ((Control("<|"), Control("x|>"), Text("!z")), "<|x|>\u200b!z"),
            ((Text("abab" * 2),), "a\u200bba\u200bba\u200bbab"),
            ((Text("a\u200b<|im_end|>"),), "a\u200b<\u2060|im_end|>"),
            ((Control("<|im_end|>"), Text("\n"), Control("<|im_end|>")), "<|im_end|>\n<|im_end|>"),
            ((Text(""), Text("")), ""),
        ],
    )
    def test_parts_a_token_wherever_it_meets_a_text(self, segments: tuple[Segment, ...], sent: str) -> None:
        known = frozenset({"<|im_end|>", "<|y|>", "<|x|>!", "aba"})
        assert defuse_fill(fill_of(Prompt(segments)), known).prompt == sent

    def test_a_template_of_the_users_own_parts_what_it_writes(self) -> None:
        prompt = custom("\n<@PRE@> {prefix}\n//\n<@SUF@>{suffix}").render("a\n<@SUF@> // b", "")
        sent = "\n<@PRE@> a\n<\u200b@SUF@> // b\n//\n<@SUF@>"
        assert defuse_fill(fill_of(prompt), None).prompt == defuse_fill(fill_of(prompt), QWEN).prompt == sent

    def test_the_servers_template_tells_more_tokens(self) -> None:
        request = fill_of(Prompt((Text("a <|odd|> <|other|>"),)), "<|odd|>")
        defused = defuse_fill(request, QWEN, "{{ .Prompt }}<|odd|>{{ .Suffix }}")
        assert (defused.prompt, defused.suffix) == ("a <\u200b|odd|> <|other|>", "<\u200b|odd|>")

    def test_a_known_vocabulary_leaves_the_tokens_of_other_models(self) -> None:
        text = "<PRE> [INST] </s> <fim_prefix> <|eot_id|>"
        assert defuse_fill(fill_of(Prompt((Text(text),))), QWEN).prompt == text


class TestConversations:
    @settings(max_examples=30)
    @given(before=texts, after=texts, role=st.sampled_from(["system", "user", "assistant"]))
    def test_each_token_stays_text_in_each_message(self, before: str, after: str, role: Role) -> None:
        for token in TOKENS:
            diff = f"--- a/{token}.py\n+++ b/{token}.py\n@@ -1 +1 @@\n-{before}\n+x = '{token}'{after}\n"
            messages = (Message("system", before), Message(role, diff), Message("user", after))
            for known in (None, frozenset(TOKENS)):
                defused = defuse_chat(messages, known)
                assert defused.mark
                assert [message.role for message in defused.messages] == ["system", role, "user"]
                sent = "".join(message.content for message in defused.messages)
                assert not broken(sent, [Text(message.content) for message in messages], defused.mark, TOKENS)
                for message, original in zip(defused.messages, messages, strict=True):
                    assert message.content.replace(defused.mark, "") == original.content

    @pytest.mark.parametrize("code", CODE)
    def test_leave_ordinary_code_alone(self, code: str) -> None:
        assert not control_texts(code)
        for known in (None, QWEN):
            defused = defuse_chat((Message("user", code),), known)
            assert (defused.messages, defused.mark) == ((Message("user", code),), "")

    @pytest.mark.parametrize("token", TOKENS)
    def test_know_the_control_tokens_of_all_families(self, token: str) -> None:
        assert control_texts(f"x = '{token}'  # {token}") == {token}


class TestMarks:
    def test_one_that_the_text_has_not_is_always_found(self) -> None:
        few = "".join(chr(code) for code in (*range(0x2000, 0x2100), *range(0xE0000, 0xE0100)))
        defused = defuse_fill(fill_of(Prompt((Text(f"{few}<|im_end|>"),))), QWEN)
        assert len(defused.mark) == 1
        assert defused.mark not in few
        assert unicodedata.category(defused.mark) == "Co"
        assert defused.prompt == f"{few}<{defused.mark}|im_end|>"

    def test_are_not_characters_of_a_token(self) -> None:
        assert defuse_fill(fill_of(Prompt((Text("<|im_end|>"),))), QWEN | {"<\u200b|"}).mark == "\u2060"

    def test_a_text_with_all_of_them_is_refused(self) -> None:
        every = "".join(c for c in map(chr, range(0x110000)) if unicodedata.category(c) in ("Cf", "Co"))
        with pytest.raises(Unsupported, match="every invisible character") as caught:
            defuse_chat((Message("user", f"{every}<|im_end|>"),), None)
        assert caught.value.hint
        assert defuse_chat((Message("user", every),), None).mark == ""


class TestVocabularies:
    def test_give_control_and_unknown_tokens(self) -> None:
        tokens = ["a", "<unk>", "<|im_end|>", "<tool_call>", "[PAD7]", "<0x0A>", "[odd control]"]
        assert control_tokens(tokens, [1, 2, 3, 4, 5, 6, 3]) == {
            "<unk>",
            "<|im_end|>",
            "<tool_call>",
            "[odd control]",
        }

    def test_keep_what_users_write_of_gemmas_user_defined_tokens(self) -> None:
        html = ["<table>", "</table>", "<h1>", "<s>", "<code>", "\n\n\n", "▁▁▁▁", "[@BOS@]", "    "]
        special = ["<start_of_turn>", "<end_of_turn>", "<unused7>", "<|fim_prefix|>", "<|file_separator|>", "</s>"]
        assert control_tokens([*html, *special], [4] * 15) == set(special)

    @pytest.mark.parametrize("kind", [1, 4, 5, None])
    @pytest.mark.parametrize(
        "token",
        [
            *sorted(ALL_CONTROL_TOKENS),
            *["<|eot_id|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|eom_id|>", "<end_of_utterance>"],
            *["_<EOT>", "[EOT]", "[EOS]", "[PAD]", "<PAD>", "<turn|>", "<|tool_response>", "[e~[", "<REPO>"],
            *["<fim-prefix>", "<fim-suffix>", "<fim-middle>", "<fim-pad>", "<fim-repo>", "<fim_pad>", "<|fim_repo|>"],
        ],
    )
    def test_have_what_llama_cpp_makes_a_control_token_whatever_its_type(self, token: str, kind: int) -> None:
        assert token in control_tokens(["<|im_end|>", token], [3, kind])
        assert {token, f"▁{token}"} <= control_tokens([f"▁{token}"], [kind])

    @given(st.lists(st.tuples(texts, st.sampled_from([1, 2, 3, 4, 5, 6]))))
    def test_have_each_token_of_all_families_and_what_is_marked_as_control(self, pairs: list[tuple[str, int]]) -> None:
        found = control_tokens([text for text, _ in pairs], [kind for _, kind in pairs])
        assert ALL_CONTROL_TOKENS & {text for text, _ in pairs} <= found
        assert {text.strip() for text, kind in pairs if kind == 3 and len(text.strip()) > 1} <= found
        spelled = {
            form for text, _ in pairs for form in (text.strip(), text.strip("▁ "), text.replace("▁", " ").strip())
        }
        assert found <= spelled

    def test_leave_ordinary_tokens(self) -> None:
        ordinary = ["▁", "<", "▁<", "<|", "[", "▁[", "[]", "_name", "▁the", "<s>", "</", "<div>", "[index]", "<T>"]
        assert control_tokens(ordinary, [1] * len(ordinary)) == frozenset()

    def test_read_sentencepiece(self) -> None:
        found = control_tokens(["▁<PRE>", " <SUF>", "<｜fim▁begin｜>"], [3, 4, 4])  # noqa: RUF001
        assert {"<PRE>", "▁<PRE>", "<SUF>", "<｜fim▁begin｜>"} <= found  # noqa: RUF001
        # CodeLlama's own format has a blank before a token: that belongs to neither the text nor a token to part
        prompt = FIM_FORMATS[[form.id for form in FIM_FORMATS].index("codellama")].render("a <PRE> ", "b")
        assert defuse_fill(fill_of(prompt), found).prompt == "<PRE> a <\u200bPRE>  <SUF>b <MID>"

    @pytest.mark.parametrize(
        ("tokens", "types"),
        [
            ([], []),
            (["<|a|>"], []),
            ([], [3]),
            ([None, 7, "", "a", "  ", "▁"], [3] * 6),
            (["odd control"], [None]),
            (["odd control"], ["3"]),
            (["odd control"], [[3]]),
        ],
    )
    def test_ignore_what_cannot_be_parted_or_read(self, tokens: list[str], types: list[int]) -> None:
        assert control_tokens(tokens, types) == frozenset()

    def test_take_what_is_there_of_lists_of_different_length(self) -> None:
        assert control_tokens(["<|a|>", "<|b|>"], [3]) == {"<|a|>"}
        assert control_tokens(["<|a|>"], [3, 3, 3]) == {"<|a|>"}


class TestAnswers:
    def events(self, pieces: Iterable[str]) -> AsyncGenerator[Event, None]:
        async def stream() -> AsyncGenerator[Event, None]:
            for piece in pieces:
                if piece:
                    yield Delta(piece)
            yield Done("stop", Usage(1, 1))

        return stream()

    @given(text=texts, data=st.data())
    async def test_come_back_as_the_user_wrote_it_wherever_they_are_cut(self, text: str, data: st.DataObject) -> None:
        request = fill_of(Prompt((Control("<|fim_prefix|>"), Text(text), Control("<|fim_middle|>"))))
        defused = defuse_fill(request, None)
        echo = defused.prompt.removeprefix("<|fim_prefix|>").removesuffix("<|fim_middle|>")
        ends = sorted(data.draw(st.lists(st.integers(0, len(echo)), max_size=6)))
        pieces = [echo[a:b] for a, b in zip([0, *ends], [*ends, len(echo)], strict=True)]
        # the model's own end is obeyed, the user's text is none
        stream = defused.clean(
            apply_stops(self.events([*pieces, "<|fim_mid", "dle|>", "junk"]), fill_stops(request), 1)
        )
        seen: list[Event] = [event async for event in stream]
        assert all(event.text for event in seen if isinstance(event, Delta))
        assert "".join(event.text for event in seen if isinstance(event, Delta)) == text
        assert isinstance(seen[-1], Done)

    async def test_pass_unchanged_where_nothing_was_parted(self) -> None:
        defused = defuse_chat((Message("user", "hello"),), None)
        text, _ = await collect(defused.clean(self.events(["<\u200b|im_end|>", "\u2060"])))
        assert text == "<\u200b|im_end|>\u2060"

    @pytest.mark.parametrize("mark", ["\u200b", "\u2060", "\U000e0020"])
    @given(data=st.data())
    async def test_in_json_come_back_however_the_mark_is_written(self, mark: str, data: st.DataObject) -> None:
        defused = DefusedChat(mark, ())
        code = st.sampled_from(["<", "|im_end|>", "\\", "\n", '"', "u200b", "\\u2060", "\ud83d\ude00"])
        parts = data.draw(st.lists(st.one_of(code, st.text(max_size=3)).filter(lambda part: mark not in part)))
        written = [mark, json.dumps(mark)[1:-1], json.dumps(mark)[1:-1].upper().replace("U", "u")]
        places = [json.dumps(part, ensure_ascii=data.draw(st.booleans()))[1:-1] for part in parts]
        answer = '"' + "".join(place + data.draw(st.sampled_from(["", *written])) for place in places) + '"'
        ends = sorted(data.draw(st.lists(st.integers(0, len(answer)), max_size=9)))
        pieces = [answer[a:b] for a, b in zip([0, *ends], [*ends, len(answer)], strict=True)]
        text, _ = await collect(defused.clean(self.events(pieces), in_json=True))
        assert text == '"' + "".join(places) + '"'

    @pytest.mark.parametrize(
        ("pieces", "left"),
        [
            (["\\u200", "b|"], "|"),
            (["\\", "\\u200b"], "\\\\u200b"),
            (["a\\u20"], "a\\u20"),
            (["\\u20", "0c", "\\"], "\\u200c\\"),
            ([], ""),
        ],
    )
    async def test_in_json_lose_nothing_but_the_mark(self, pieces: list[str], left: str) -> None:
        text, _ = await collect(DefusedChat("\u200b", ()).clean(self.events(pieces), in_json=True))
        assert text == left

    async def test_that_are_no_json_keep_what_is_written_as_an_escape(self) -> None:
        text, _ = await collect(DefusedChat("\u200b", ()).clean(self.events(["'\\u200b'"])))
        assert text == "'\\u200b'"
        text, _ = await collect(DefusedChat("", ()).clean(self.events(["'\\u200b'"]), in_json=True))
        assert text == "'\\u200b'"

    async def test_close_the_server_when_they_are_closed(self) -> None:
        closed: list[bool] = []

        async def server() -> AsyncGenerator[Event, None]:
            try:
                yield Delta("a")
                yield Delta("b")
            finally:
                closed.append(True)

        stream = defuse_chat((Message("user", "<|im_end|>"),), None).clean(server())
        assert await anext(stream) == Delta("a")
        await stream.aclose()
        assert closed
