import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.errors import TemplateError
from assist_context.prompt.fim import (
    ALL_CONTROL_TOKENS,
    FIM_FORMATS,
    STRAY_TOKENS,
    OtherFile,
    Slot,
    by_control_tokens,
    by_name,
    by_template,
    custom,
)
from assist_context.prompt.segments import Control, Text

FORMATS = {form.id: form for form in FIM_FORMATS}
every_format = pytest.mark.parametrize("form", FIM_FORMATS, ids=FORMATS.keys())

NAMES = {
    "codeqwen": ["codeqwen:7b", "CodeQwen1.5-7B-Chat"],
    "qwen-coder": [
        "qwen2.5-coder:0.5b",
        "hf.co/Qwen/Qwen2.5-Coder-7B-Instruct-GGUF:Q4_K_M",
        "qwen3-coder:30b",
        "qwen2.5.1-coder-7b",
    ],
    "granite4": ["granite4:tiny-h", "granite-4.0-h-micro"],
    "seed-coder": ["Seed-Coder-8B-Base", "seed-coder:8b"],
    "mellum": ["JetBrains/Mellum-4b-base", "mellum:4b"],
    "starcoder2": ["starcoder2:3b", "StarCoder-2-7b"],
    "starcoder": ["starcoder:1b", "bigcode/starcoderbase", "stable-code:3b", "granite-code:8b", "granite3.3:8b"],
    "codestral": ["codestral:22b", "Codestral-2501"],
    "codegemma": ["codegemma:2b-code", "code-gemma"],
    "codellama": ["codellama:7b-code", "CodeLlama-13b-hf", "code-llama:7b"],
    "deepseek-coder": ["deepseek-coder:1.3b-base", "DeepSeek-Coder-V2-Lite-Base"],
    "codegeex4": ["codegeex4:9b", "codegeex4-all-9b"],
    "glm4": ["glm-4.5-air", "GLM4.7"],
    "falcon-h1-coder": ["Falcon-H1-Tiny-Coder-90M"],
}
NO_FAMILY = [
    "qwen3:8b",
    "qwen2.5:7b",
    "llama3.2",
    "gemma3:4b",
    "codellama:34b-code",
    "codellama:7b-python",
    "mistral",
    "",
]


def test_every_row_has_examples():
    assert NAMES.keys() == FORMATS.keys()
    assert len(FIM_FORMATS) == len(FORMATS)


@pytest.mark.parametrize(("name", "family"), [(name, family) for family, names in NAMES.items() for name in names])
def test_a_name_matches_its_own_row_and_no_other(name, family):
    assert [form.id for form in FIM_FORMATS if re.search(form.name_pattern, name.lower())] == [family]
    assert by_name(name) is FORMATS[family]


@pytest.mark.parametrize("name", NO_FAMILY)
def test_other_names_match_nothing(name):
    assert by_name(name) is None


@every_format
def test_prefix_and_suffix_come_once_each(form):
    assert [form.pieces.count(slot) for slot in (Slot.PREFIX, Slot.SUFFIX)] == [1, 1]
    assert Slot.REPOSITORY not in form.pieces


@every_format
def test_every_control_token_comes_once_and_stops_the_output(form):
    controls = [piece.value for piece in form.pieces if isinstance(piece, Control)]
    assert len(controls) >= 2
    assert len(controls) == len(set(controls))
    assert set(controls) == form.control_tokens() <= set(form.stops)
    assert len(form.stops) == len(set(form.stops))
    assert all(not any(map(str.isspace, token)) for token in form.all_tokens())


@every_format
def test_text_of_a_row_spells_no_control_token(form):
    texts = [piece.value for piece in form.pieces if isinstance(piece, Text)]
    assert not any(token in text for token in ALL_CONTROL_TOKENS for text in texts)
    assert not any(mark in text for text in texts for mark in "{}")


@every_format
def test_no_stop_is_plain_code(form):
    for stop in form.stops:
        assert (stop[0] in "<[" and stop[-1] in ">]") or stop == "\n+++++ "
    assert "//" not in form.stops


@every_format
def test_suffix_first_says_the_order(form):
    string = form.render("PREFIX_TEXT", "SUFFIX_TEXT").as_string()
    assert form.suffix_first == (string.index("SUFFIX_TEXT") < string.index("PREFIX_TEXT"))


codes = st.text(alphabet=st.sampled_from("ab \n<|>[]{}fim_prefixé漢😀"), min_size=1, max_size=30)


@every_format
@given(before=codes, after=codes)
def test_prefix_and_suffix_are_text_whatever_they_say(form, before, after):
    prefix, suffix = f"\x01{before}\x01", f"\x02{after}\x02"
    prompt = form.render(prefix, suffix, path="a.py", language="Python")
    for value in (prefix, suffix):
        assert sum(text.count(value) for text in prompt.texts()) == 1
        assert not any(value in segment.value for segment in prompt.segments if isinstance(segment, Control))
    controls = [segment.value for segment in prompt.segments if isinstance(segment, Control)]
    assert controls == [piece.value for piece in form.pieces if isinstance(piece, Control)]


@every_format
def test_text_segments_are_neither_empty_nor_neighbours(form):
    for prefix, suffix in [("", ""), ("a", ""), ("", "b"), ("a", "b")]:
        segments = form.render(prefix, suffix).segments
        assert all(segment.value for segment in segments)
        assert not any(isinstance(a, Text) and isinstance(b, Text) for a, b in itertools.pairwise(segments))


@every_format
def test_cleaning_takes_every_control_token_out(form):
    for token in form.all_tokens() | STRAY_TOKENS:
        cleaned = form.clean(f"x = 1{token}\ny")
        assert token not in cleaned
        assert cleaned == ("x = 1" if token in form.stops else "x = 1\ny")
    assert form.clean("if a < b || c > d: [x]\n") == "if a < b || c > d: [x]\n"


def test_all_control_tokens_are_those_of_the_rows():
    assert frozenset().union(*(form.all_tokens() for form in FIM_FORMATS)) == ALL_CONTROL_TOKENS
    assert "<|file_sep|>" in ALL_CONTROL_TOKENS
    assert "\n+++++ " not in ALL_CONTROL_TOKENS


RENDERED = {
    "codeqwen": "<fim_prefix>P<fim_suffix>S<fim_middle>",
    "qwen-coder": "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
    "granite4": "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
    "seed-coder": "<[fim-suffix]>S<[fim-prefix]>P<[fim-middle]>",
    "mellum": "<fim_suffix>S<fim_prefix>P<fim_middle>",
    "starcoder2": "<fim_prefix>P<fim_suffix>S<fim_middle>",
    "starcoder": "<fim_prefix>P<fim_suffix>S<fim_middle>",
    "codestral": "[SUFFIX]S[PREFIX]P",
    "codegemma": "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
    "codellama": "<PRE> P <SUF>S <MID>",
    "deepseek-coder": "<\uff5cfim\u2581begin\uff5c>P<\uff5cfim\u2581hole\uff5c>S<\uff5cfim\u2581end\uff5c>",
    "codegeex4": "<|user|>\n###PATH:src/a.py\n###LANGUAGE:Python\n###MODE:BLOCK\n"
    "<|code_suffix|>S<|code_prefix|>P<|code_middle|><|assistant|>\n",
    "glm4": "<|code_prefix|>P<|code_suffix|>S<|code_middle|>",
    "falcon-h1-coder": "<|prefix|>P<|suffix|>S<|middle|>",
}


@every_format
def test_rendered(form):
    assert form.render("P", "S", path="src/a.py", language="Python").as_string() == RENDERED[form.id]


def test_the_blanks_of_codellama_are_text():
    assert FORMATS["codellama"].render("P", "S").segments == (
        Control("<PRE>"),
        Text(" P "),
        Control("<SUF>"),
        Text("S "),
        Control("<MID>"),
    )


def test_repository_formats_have_their_slots():
    for form in FIM_FORMATS:
        if form.repo:
            assert form.repo.file.count(Slot.PATH) == form.repo.file.count(Slot.TEXT) == 1
            assert (*form.repo.current, *form.repo.opening).count(Slot.PATH) <= 1
    assert FORMATS["codestral"].repo.inside_prefix
    assert FORMATS["starcoder2"].repo.opening == (Slot.PATH, Text("\n"))


@every_format
def test_a_vocabulary_and_a_name_give_the_family(form):
    assert by_control_tokens(form.control_tokens(), NAMES[form.id][0]) is form
    assert by_control_tokens(ALL_CONTROL_TOKENS, NAMES[form.id][0]) is form


def test_a_renamed_model_is_known_by_its_vocabulary():
    qwen = FORMATS["qwen-coder"].all_tokens()
    assert by_control_tokens(qwen, "my-tune") is FORMATS["qwen-coder"]
    assert by_control_tokens(qwen, "granite-4.0") is FORMATS["granite4"]
    assert by_control_tokens(qwen, "deepseek-coder") is FORMATS["qwen-coder"]  # the name lies


def test_a_vocabulary_without_the_tokens_gives_nothing():
    assert by_control_tokens(frozenset(), "qwen2.5-coder") is None
    assert by_control_tokens(frozenset({"<|fim_prefix|>", "<|fim_suffix|>"}), "qwen2.5-coder") is None


QWEN_TEMPLATE = """{{- if .Suffix }}<|fim_prefix|>{{ .Prompt }}<|fim_suffix|>{{ .Suffix }}<|fim_middle|>
{{- else if .Messages }}
{{- if or .System .Tools }}<|im_start|>system
{{- end }}
{{- range $i, $_ := .Messages }}{{ end }}
{{- else }}<|im_start|>user
{{ .Prompt }}<|im_end|>
{{ end }}{{ .Response }}"""


DEEPSEEK = RENDERED["deepseek-coder"].replace("P", "{{ .Prompt }}").replace("S", "{{ .Suffix }}")


@pytest.mark.parametrize(
    ("template", "model", "family"),
    [
        (QWEN_TEMPLATE, "qwen2.5-coder:1.5b", "qwen-coder"),
        (QWEN_TEMPLATE, "renamed", "qwen-coder"),
        (QWEN_TEMPLATE, "codegemma:2b", "codegemma"),
        (
            "{{ if .Suffix }}<PRE> {{ .Prompt }} <SUF>{{ .Suffix }} <MID>{{ else }}{{ .Prompt }}{{ end }}",
            "x",
            "codellama",
        ),
        ("{{- if .Suffix }}[SUFFIX]{{ .Suffix }}[PREFIX] {{ .Prompt }}{{- else }}x{{ end }}", "x", "codestral"),
        (
            "<file_sep>{{- if .Suffix }}<fim_prefix>\n{{- .Prompt -}}\n<fim_suffix>{{ .Suffix }}<fim_middle>{{ end }}",
            "starcoder2:3b",
            "starcoder2",
        ),
        ("{{if .Suffix}}<fim_suffix>{{.Suffix}}<fim_prefix>{{.Prompt}}<fim_middle>{{end}}", "x", "mellum"),
        (
            "{{- if and .Suffix (not .Messages) }}{{ if .System }}{{ end }}" + DEEPSEEK + "{{ else }}{{ end }}",
            "deepseek-coder-v2",
            "deepseek-coder",
        ),
        ("{{ if .Suffix }}<PRE>{{ .Suffix }}<SUF>{{ .Prompt }}<MID>{{ end }}", "codellama", None),  # another order
        ("{{ if .Suffix }}<other>{{ .Prompt }}<hole>{{ .Suffix }}{{ end }}", "x", None),
        ("{{ .Prompt }}", "qwen2.5-coder:1.5b-base", None),
        ("{{ if .System }}{{ .System }}{{ end }}{{ .Prompt }}{{ .Suffix }}", "x", None),
        ("{{ if .Suffix }}<PRE> {{ .Prompt }}", "x", None),  # never ends
        ("", "qwen2.5-coder", None),
    ],
)
def test_an_ollama_template_gives_the_family(template, model, family):
    found = by_template(template, model)
    assert (found.id if found else None) == family


def test_a_template_of_ones_own():
    form = custom("<pre>{prefix}\n<suf>{suffix}<mid>")
    assert form.id == "custom"
    assert form.stops == ("<pre>", "<suf>", "<mid>")
    assert form.control_tokens() == {"<pre>", "<suf>", "<mid>"}
    assert form.render("a{suffix}", "b").segments == (
        Control("<pre>"),
        Text("a{suffix}"),
        Control("\n<suf>"),
        Text("b"),
        Control("<mid>"),
    )
    assert form.clean("x<mid>y") == "x"


def test_a_template_of_ones_own_without_tokens():
    form = custom("{suffix}\n{prefix}")
    assert form.suffix_first
    assert form.stops == ()
    assert form.clean("a\nb") == "a\nb"
    assert custom("{prefix}{suffix}").render("a", "b").segments == (Text("ab"),)


def test_other_braces_of_a_template_are_control():
    assert custom("{x}{prefix}{ {suffix}").render("a", "b").segments[0] == Control("{x}")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("<pre>{prefix}", r"no \{suffix\}"),
        ("{suffix}", r"no \{prefix\}"),
        ("", r"no \{prefix\}"),
        ("{prefix}{suffix}{prefix}", r"more than one \{prefix\}"),
    ],
)
def test_a_bad_template_is_refused_with_a_hint(template, message):
    with pytest.raises(TemplateError, match=message) as caught:
        custom(template)
    assert "{prefix}" in caught.value.hint


OTHERS = (OtherFile("b.py", "B"), OtherFile("c.py", "C"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "qwen-coder",
            (
                "<|repo_name|>r\n<|file_sep|>b.py\nB\n<|file_sep|>c.py\nC\n<|file_sep|>a.py\n"
                "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"
            ),
        ),
        ("mellum", "<filename>b.py\nB<filename>c.py\nC<filename>a.py\n<fim_suffix>S<fim_prefix>P<fim_middle>"),
        (
            "starcoder2",
            "<repo_name>r<file_sep>b.py\nB<file_sep>c.py\nC<file_sep><fim_prefix>a.py\nP<fim_suffix>S<fim_middle>",
        ),
        ("codestral", "[SUFFIX]S[PREFIX]+++++ b.py\nB\n\n+++++ c.py\nC\n\n+++++ a.py\nP"),
    ],
)
def test_other_files_stand_where_the_model_was_shown_them(name, expected):
    rendered = FORMATS[name].render("P", "S", path="a.py", others=OTHERS, repository="r")
    assert rendered.as_string() == expected


def test_a_format_without_a_place_for_other_files_takes_none():
    with pytest.raises(ValueError, match="codegemma"):
        FORMATS["codegemma"].render("P", "S", others=OTHERS)
