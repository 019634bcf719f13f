"""What a command about models works with."""

from dataclasses import dataclass

from assist_server.config.settings import Settings
from assist_server.core.folders import Folders
from assist_server.models.store import ModelStore


@dataclass(frozen=True, slots=True)
class Place:
    """Where the models of a command are. ollama: the command means those of Ollama and no others."""

    settings: Settings
    own: Folders
    store: ModelStore
    ollama: bool
