"""Every setting of assist, once.

From this file come `docs/settings.md`, `docs/settings.schema.json` and the editors' manifests (`scripts/generate.py`).
A field's metadata says what it means, who may set it and which values it takes; names are dotted camelCase outside
(`completion.maxTokens`) and snake_case here, converted by rule.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Scope = Literal["workspace", "machine"]


@dataclass(frozen=True, slots=True)
class Spec:
    """What is known of a setting beside its type and default.

    doc: what it does, one or two sentences of Markdown.
    scope: `machine` settings are refused from anything that a repository can carry.
    choices: the allowed values, empty where any value of the type will do.
    minimum, maximum: inclusive bounds of a number, in the setting's own unit.
    """

    doc: str
    scope: Scope = "workspace"
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


def _setting(default: Any, doc: str, /, **spec: Any) -> Any:
    return field(default=default, metadata={"spec": Spec(doc, **spec)})


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """Which model server answers."""

    name: str = _setting(
        "auto",
        "The model server: `auto` takes a reachable Ollama that has a code model, else the embedded engine.",
        scope="machine",
        choices=("auto", "ollama", "embedded", "llama-server", "openai", "scripted"),
    )
    url: str = _setting(
        "", "Address of the server; empty takes the server's usual one on this machine.", scope="machine"
    )
    model: str = _setting(
        "",
        "Model for everything that has no model of its own; empty takes the server's best code model.",
        scope="machine",
    )
    api_key_env: str = _setting(
        "",
        "Name of the environment variable that holds the server's API key; keys themselves are never settings.",
        scope="machine",
    )
    keep_alive: str = _setting(
        "30m",
        "How long Ollama keeps the model in memory after a request, as Ollama writes it (`30m`, `-1` for ever).",
        scope="machine",
    )
    script: str = _setting(
        "", "The script file that the `scripted` backend plays (tests, demonstrations).", scope="machine"
    )
    connect_timeout_ms: int = _setting(
        1000, "How long to wait for a connection, in milliseconds.", scope="machine", minimum=50, maximum=60_000
    )
    first_token_timeout_ms: int = _setting(
        120_000,
        "How long to wait for the first token; a cold start loads the model in this time.",
        scope="machine",
        minimum=1000,
        maximum=3_600_000,
    )
    idle_timeout_ms: int = _setting(
        60_000, "How long to wait between two tokens.", scope="machine", minimum=1000, maximum=3_600_000
    )


@dataclass(frozen=True, slots=True)
class CompletionSettings:
    """Ghost text and completion items."""

    enable: bool = _setting(True, "Offer completions.")
    model: str = _setting("", "Model for completions only; empty takes `backend.model`.", scope="machine")
    max_tokens: int = _setting(96, "Longest suggestion, in tokens.", minimum=1, maximum=2048)
    prefix_tokens: int = _setting(
        512, "How much of the text before the cursor the model reads, in tokens.", minimum=16, maximum=131_072
    )
    suffix_tokens: int = _setting(
        -1,
        "How much of the text after the cursor the model reads, in tokens. -1 goes by the model: nothing for one of "
        "less than a billion parameters, which writes worse with it, else 96 where the machine is quick enough.",
        minimum=-1,
        maximum=131_072,
    )
    context_tokens: int = _setting(
        384,
        "How much of other places of the workspace the model reads (signatures, related code, what you edited), in "
        "tokens; what is not used of it goes to the text before the cursor.",
        minimum=0,
        maximum=131_072,
    )
    sources: tuple[str, ...] = _setting(
        ("below", "alike", "outline", "imports", "definitions", "related", "edits", "views"),
        "Where those places come from: `below` (what follows the cursor, for a model that gets no text after it), "
        "`alike` (what goes like the lines above it, elsewhere in the file), `outline` (the rest of the file), "
        "`imports`, `definitions`, `related`, `edits`, `views`, `open`. Empty: the text around the cursor only.",
    )
    latency_target_ms: int = _setting(
        1200,
        "How long a suggestion may take, in milliseconds; how much the model reads and writes follows from this and "
        "from how quick it has been on this machine.",
        minimum=50,
        maximum=60_000,
    )
    debounce_ms: int = _setting(
        250,
        "The longest wait for the next key before the model is asked, in milliseconds; how long it is depends on how "
        "quickly you type and the model answers. 0 never waits.",
        minimum=0,
        maximum=5000,
    )
    look_ahead: bool = _setting(
        True,
        "While a suggestion is shown, find out what would follow it, so that the next one is there when you accept it. "
        "Only with models on this machine.",
    )
    alternatives: int = _setting(
        3, "How many different suggestions are made where you ask for one by hand.", minimum=1, maximum=10
    )
    statistics: bool = _setting(
        True,
        "Count on this machine how often suggestions are shown, accepted and kept, for `assist stats`. Numbers only, "
        "sent nowhere.",
        scope="machine",
    )
    items: str = _setting(
        "auto",
        "Offer completions in the editor's completion list too: `auto` does where the editor has no inline completion.",
        choices=("auto", "always", "never"),
    )
    fim_template: str = _setting(
        "",
        "Your model's own fill-in-the-middle template with `{prefix}` and `{suffix}`, for a model unknown to assist. "
        "Taken before every other evidence.",
        scope="machine",
    )
    exclude: tuple[str, ...] = _setting((), "Languages in which no completion is offered, by LSP language identifier.")
    exclude_paths: tuple[str, ...] = _setting(
        (), "Glob patterns of paths below the workspace in which no completion is offered."
    )


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """Explanations and other answers in words."""

    model: str = _setting("", "Model for answers in words; empty takes `backend.model`.", scope="machine")
    max_tokens: int = _setting(512, "Longest answer, in tokens.", minimum=16, maximum=32_768)


@dataclass(frozen=True, slots=True)
class ReviewSettings:
    """`assist review`."""

    model: str = _setting("", "Model for reviews; empty takes `backend.model`.", scope="machine")
    fail_on: str = _setting(
        "warning",
        "Severity from which findings make `assist review` exit with 1. A workspace may not set it: a change could "
        "switch off its own review.",
        scope="machine",
        choices=("error", "warning", "info", "never"),
    )
    max_findings: int = _setting(20, "Most findings to report, the most severe first.", minimum=1, maximum=1000)
    exclude: tuple[str, ...] = _setting(
        (), "Glob patterns of paths that a review leaves out, and says so.", scope="machine"
    )


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """The embedded engine: llama.cpp in a process of its own on this machine."""

    model: str = _setting(
        "qwen2.5-coder-0.5b",
        "The embedded engine's model: a name from `assist model list`, the path of a GGUF file, or `ollama:NAME` for "
        "the file of that name in the store of the local Ollama, which need not run.",
        scope="machine",
    )
    command: str = _setting(
        "",
        "A `llama-server` program of your own to run instead of the built-in engine (a native build is quicker).",
        scope="machine",
    )
    context_length: int = _setting(8192, "Context length in tokens.", scope="machine", minimum=512, maximum=1_048_576)
    batch_size: int = _setting(
        128,
        "Prompt tokens evaluated in one go; small batches make a cancelled prompt stop sooner.",
        scope="machine",
        minimum=16,
        maximum=8192,
    )
    threads: int = _setting(0, "Threads; 0 lets llama.cpp choose.", scope="machine", minimum=0, maximum=1024)
    gpu_layers: int = _setting(
        -1,
        "Layers on a GPU where the engine can use one; -1 lets llama.cpp choose.",
        scope="machine",
        minimum=-1,
        maximum=10_000,
    )
    idle_minutes: float = _setting(
        15.0,
        "Minutes without a request after which the engine stops and gives its memory back.",
        scope="machine",
        minimum=0.01,
        maximum=10_080,
    )
    start_timeout_ms: int = _setting(
        120_000, "How long the engine may take to load its model.", scope="machine", minimum=1000, maximum=3_600_000
    )


@dataclass(frozen=True, slots=True)
class OllamaSettings:
    """How a model is run by Ollama. Each of these is the same for everything that is asked of a model: another value
    makes Ollama load it anew.
    """

    context_length: int = _setting(
        0,
        "Context length in tokens; 0 takes 8192, or what the model and this machine allow, or what is loaded already.",
        scope="machine",
        minimum=0,
        maximum=1_048_576,
    )
    batch_size: int = _setting(
        0,
        "Prompt tokens evaluated in one go; 0 takes 128 on a CPU, where a small batch makes a cancelled prompt stop "
        "sooner, and 512 on a GPU.",
        scope="machine",
        minimum=0,
        maximum=8192,
    )
    threads: int = _setting(0, "Threads; 0 lets Ollama choose.", scope="machine", minimum=0, maximum=1024)
    parallel: int = _setting(
        1,
        "How many requests Ollama answers at a time for one model (its own OLLAMA_NUM_PARALLEL). More of them wait in "
        "assist, where a completion goes before longer answers.",
        scope="machine",
        minimum=1,
        maximum=64,
    )


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """The index of the workspace: which definitions, uses and imports its files have. It lies in the user's cache
    folder, never in the workspace.
    """

    enable: bool = _setting(True, "Index the workspace's files and keep the index up to date while an editor is open.")
    symbols: bool = _setting(
        False,
        "Answer the editor's symbol searches, `workspace/symbol` and `textDocument/documentSymbol`. Off, because a "
        "language server of the language usually does so, and better.",
    )
    cache_megabytes: int = _setting(
        2000,
        "Room for the indexes of all workspaces together, in MB; those that were not used for the longest time go "
        "first.",
        scope="machine",
        minimum=10,
        maximum=1_000_000,
    )


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    """What may leave this machine. Nothing, unless you say so here."""

    allow_hosts: tuple[str, ...] = _setting(
        (), "Hosts beside this machine that assist may talk to, by exact name or address. Empty: none.", scope="machine"
    )
    allow_remote_models: bool = _setting(
        False,
        "Allow models that a local Ollama passes on to another machine (`-cloud` models). "
        "The remote host must be in `privacy.allowHosts` as well.",
        scope="machine",
    )


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The log file. It never holds text of documents, prompts or keys."""

    level: str = _setting("info", "What to log.", scope="machine", choices=("debug", "info", "warning", "error"))


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, resolved."""

    backend: BackendSettings = field(default_factory=BackendSettings)
    completion: CompletionSettings = field(default_factory=CompletionSettings)
    chat: ChatSettings = field(default_factory=ChatSettings)
    review: ReviewSettings = field(default_factory=ReviewSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    ollama: OllamaSettings = field(default_factory=OllamaSettings)
    index: IndexSettings = field(default_factory=IndexSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    log: LogSettings = field(default_factory=LogSettings)
