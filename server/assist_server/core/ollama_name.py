"""Names of models as Ollama reads them: `qwen2.5-coder:7b`, `someone/model`, `registry.example:5000/team/model:tag`."""

import re
from dataclasses import dataclass

from assist_server.core.errors import UsageError

REGISTRY = "registry.ollama.ai"
_NAMESPACE, _TAG = "library", "latest"
_HOST_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}")
_NAMESPACE_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")


@dataclass(frozen=True, slots=True)
class OllamaName:
    """A whole name; registry is a host, with a port where one is named."""

    registry: str
    namespace: str
    model: str
    tag: str

    def __str__(self) -> str:
        """Give the name as Ollama shows it: without what goes without saying, but with the tag."""
        if self.registry.lower() != REGISTRY:
            return f"{self.registry}/{self.namespace}/{self.model}:{self.tag}"
        if self.namespace.lower() != _NAMESPACE:
            return f"{self.namespace}/{self.model}:{self.tag}"
        return f"{self.model}:{self.tag}"

    @property
    def host(self) -> str:
        """The registry without its port."""
        bare, _, port = self.registry.rpartition(":")
        return bare if bare and port.isdigit() else self.registry

    @property
    def is_cloud(self) -> bool:
        """Whether the name says that the model runs on ollama.com."""
        return names_cloud(f":{self.tag}")


def names_cloud(text: str) -> bool:
    """Tell whether a name says that its model runs on ollama.com; of its parts only the tag can, as Ollama reads it."""
    _, colon, tag = text.strip().lower().rpartition(":")
    return bool(colon) and "/" not in tag and (tag == "cloud" or tag.endswith("-cloud"))


def parse_ollama_name(text: str) -> OllamaName:
    """Read a name; raises UsageError for one that Ollama would refuse."""
    rest = text.strip().rpartition("://")[2]
    tag = ""
    if rest.rfind(":") > rest.rfind("/"):
        rest, _, tag = rest.rpartition(":")
        tag = tag or ":"  # a colon promises a tag
    parts = rest.rsplit("/", 2)
    host, namespace = ["", "", *parts[:-1]][-2:]
    name = OllamaName(host or REGISTRY, namespace or _NAMESPACE, parts[-1], tag or _TAG)
    right = (
        "" not in parts
        and _HOST_PART.fullmatch(name.registry)
        and _NAMESPACE_PART.fullmatch(name.namespace)
        and _PART.fullmatch(name.model)
        and _PART.fullmatch(name.tag)
    )
    if not right:
        raise UsageError(
            f"{text!r} is no name of a model for Ollama", hint="write it like `qwen2.5-coder:7b` or `someone/model:tag`"
        )
    return name
