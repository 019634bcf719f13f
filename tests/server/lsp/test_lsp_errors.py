import logging

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from assist_context.errors import TemplateError
from assist_server.core import errors
from assist_server.core.errors import AssistError, AuthFailed, EgressRefused, ServerBusy
from assist_server.lsp.errors import TREATMENTS, ToldOnce, contained, failure, guarded, log_lost, said, treatment


def test_every_error_has_a_treatment_and_none_is_hidden_behind_a_wider_one():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AssistError)]
    assert all(any(issubclass(kind, row) for row, _ in TREATMENTS) for kind in kinds)
    rows = [row for row, _ in TREATMENTS]
    for place, row in enumerate(rows):
        assert not any(issubclass(row, wider) for wider in rows[:place])


def test_what_needs_its_owner_is_an_error_and_what_passes_is_silent():
    assert treatment(AuthFailed("no", status=401)).level == types.MessageType.Error
    assert treatment(EgressRefused("no")).level == types.MessageType.Error
    assert treatment(ServerBusy("no", status=503)).level is None
    assert treatment(TemplateError("no")).level == types.MessageType.Warning


def test_a_message_is_shown_once():
    shown: list[types.ShowMessageParams] = []
    told = ToldOnce(shown.append)
    for text in ("one", "two", "one"):
        told.tell(types.MessageType.Warning, text)
    assert [params.message for params in shown] == ["assist: one", "assist: two"]


def test_an_error_says_what_to_do():
    assert said("it is down", "start it") == "it is down (start it)"
    assert said("it is down", None) == "it is down"
    error = failure(AuthFailed("no key", status=401, hint="set one"))
    assert (error.code, error.message, error.data) == (
        -32803,
        "no key (set one)",
        {"code": "auth-failed", "hint": "set one"},
    )


async def crash(*_args):
    raise ValueError("the text of a document")


async def test_a_crash_is_logged_by_its_kind_and_place_only(caplog):
    caplog.set_level(logging.DEBUG, "assist_server")
    with pytest.raises(JsonRpcException, match="assist made a mistake in a/method; its log tells where"):
        await guarded("a/method", crash)(None)
    await contained(crash)
    log_lost(None, {"exception": ValueError("the text of a document")})
    assert caplog.text.count("crashed with ValueError at ") == 3
    assert caplog.text.count(f"{__file__}:{crash.__code__.co_firstlineno + 1}") == 2
    assert "the text" not in caplog.text
