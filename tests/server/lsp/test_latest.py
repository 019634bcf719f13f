import asyncio

import pytest

from assist_server.lsp.latest import Keystroke, Latest

KEY = ("file:///a.py", "completion")
FIRST, SECOND = Keystroke(1, 5), Keystroke(2, 6)


class Work:
    """A generation that a test can hold up, and that may be slow to stop."""

    def __init__(self, result: object = "text", *, slow_to_stop: bool = False) -> None:
        self.started, self.stopping, self.go, self.stop = (asyncio.Event() for _ in range(4))
        self.runs = 0
        self.result = result
        self.slow_to_stop = slow_to_stop

    async def __call__(self) -> object:
        self.runs += 1
        self.started.set()
        try:
            await self.go.wait()
        finally:
            self.stopping.set()
            if self.slow_to_stop:
                await self.stop.wait()
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


async def within(awaitable):
    return await asyncio.wait_for(awaitable, 10)


async def test_a_lone_request_gets_its_result():
    latest, work = Latest(), Work()
    work.go.set()
    assert await within(latest.run(KEY, FIRST, work)) == "text"


async def test_a_newer_request_answers_the_older_with_nothing_and_stops_it():
    latest, old, new = Latest(), Work("old"), Work("new")
    older = asyncio.create_task(latest.run(KEY, FIRST, old))
    await within(old.started.wait())
    new.go.set()
    assert await within(latest.run(KEY, SECOND, new)) == "new"
    assert await within(older) is None
    await within(old.stopping.wait())


async def test_a_superseded_request_does_not_wait_for_its_generation_to_stop():
    latest, old, new = Latest(), Work("old", slow_to_stop=True), Work("new")
    older = asyncio.create_task(latest.run(KEY, FIRST, old))
    await within(old.started.wait())
    newer = asyncio.create_task(latest.run(KEY, SECOND, new))
    assert await within(older) is None
    assert not old.stop.is_set()
    new.go.set()
    assert await within(newer) == "new"
    old.stop.set()


async def test_one_keystroke_is_one_generation():
    latest, work = Latest(), Work()
    both = [asyncio.create_task(latest.run(KEY, FIRST, work)) for _ in range(2)]
    await within(work.started.wait())
    work.go.set()
    assert await within(asyncio.gather(*both)) == ["text", "text"]
    assert work.runs == 1


async def test_cancelling_one_of_two_leaves_the_generation_to_the_other():
    latest, work = Latest(), Work()
    one, other = (asyncio.create_task(latest.run(KEY, FIRST, work)) for _ in range(2))
    await within(work.started.wait())
    one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one
    work.go.set()
    assert await within(other) == "text"


async def test_cancelling_the_only_request_cancels_the_generation_and_the_next_starts_afresh():
    latest, old, new = Latest(), Work("old", slow_to_stop=True), Work("new")
    only = asyncio.create_task(latest.run(KEY, FIRST, old))
    await within(old.started.wait())
    only.cancel()
    with pytest.raises(asyncio.CancelledError):
        await only
    await within(old.stopping.wait())
    new.go.set()
    assert await within(latest.run(KEY, FIRST, new)) == "new"
    old.stop.set()


async def test_who_asks_is_not_served_by_an_automatic_request_but_the_other_way_round():
    latest, automatic, invoked = Latest(), Work("automatic"), Work("invoked")
    asked = Keystroke(1, 5, invoked=True)
    older = asyncio.create_task(latest.run(KEY, FIRST, automatic))
    await within(automatic.started.wait())
    newer = asyncio.create_task(latest.run(KEY, asked, invoked))
    assert await within(older) is None
    joined = asyncio.create_task(latest.run(KEY, FIRST, automatic))
    await within(invoked.started.wait())
    invoked.go.set()
    assert await within(asyncio.gather(newer, joined)) == ["invoked", "invoked"]
    assert automatic.runs == 1


OTHER = ("file:///b.py", "completion")
BY_HAND = Keystroke(1, 5, invoked=True)


@pytest.mark.parametrize("newer", [SECOND, BY_HAND])
async def test_a_newer_request_of_another_document_gives_up_what_nobody_asked_for(newer):
    latest, old, new = Latest(), Work("old", slow_to_stop=True), Work("new")
    both = [asyncio.create_task(latest.run(KEY, FIRST, old)) for _ in range(2)]
    await within(old.started.wait())
    new.go.set()
    assert await within(latest.run(OTHER, newer, new)) == "new"
    assert await within(asyncio.gather(*both)) == [None, None]
    await within(old.stopping.wait())
    old.stop.set()


@pytest.mark.parametrize("newer", [SECOND, BY_HAND])
async def test_what_a_person_asked_for_outlives_requests_of_other_documents_only(newer):
    latest, by_hand, other, same = Latest(), Work("by hand"), Work("other"), Work("same")
    first = asyncio.create_task(latest.run(KEY, BY_HAND, by_hand))
    second = asyncio.create_task(latest.run(OTHER, newer, other))
    await within(asyncio.gather(by_hand.started.wait(), other.started.wait()))
    other.go.set()
    assert await within(second) == "other"
    third = asyncio.create_task(latest.run(KEY, SECOND, same))
    assert await within(first) is None
    same.go.set()
    assert await within(third) == "same"


async def test_who_joins_what_runs_gives_up_nothing():
    latest, by_hand, automatic = Latest(), Work("by hand"), Work("automatic")
    first = asyncio.create_task(latest.run(KEY, BY_HAND, by_hand))
    second = asyncio.create_task(latest.run(OTHER, FIRST, automatic))
    await within(asyncio.gather(by_hand.started.wait(), automatic.started.wait()))
    joined = asyncio.create_task(latest.run(KEY, FIRST, by_hand))
    by_hand.go.set()
    assert await within(asyncio.gather(first, joined)) == ["by hand", "by hand"]
    automatic.go.set()
    assert await within(second) == "automatic"


async def test_other_features_are_not_given_up():
    latest, one, other = Latest(), Work("one"), Work("other")
    first = asyncio.create_task(latest.run(KEY, FIRST, one))
    second = asyncio.create_task(latest.run(("file:///b.py", "another"), SECOND, other))
    await within(asyncio.gather(one.started.wait(), other.started.wait()))
    one.go.set()
    other.go.set()
    assert await within(asyncio.gather(first, second)) == ["one", "other"]


async def test_an_error_reaches_all_who_wait_and_is_not_kept():
    latest, broken, whole = Latest(), Work(ValueError("no")), Work("yes")
    both = [asyncio.create_task(latest.run(KEY, FIRST, broken)) for _ in range(2)]
    await within(broken.started.wait())
    broken.go.set()
    outcomes = await within(asyncio.gather(*both, return_exceptions=True))
    assert [type(outcome) for outcome in outcomes] == [ValueError, ValueError]
    whole.go.set()
    assert await within(latest.run(KEY, FIRST, whole)) == "yes"


async def test_forgetting_a_document_answers_with_nothing():
    latest, work = Latest(), Work()
    waiting = asyncio.create_task(latest.run(KEY, FIRST, work))
    await within(work.started.wait())
    latest.forget(KEY)
    latest.forget(KEY)
    assert await within(waiting) is None


async def test_two_hundred_requests_get_two_hundred_answers():
    latest: Latest[object] = Latest()
    works = [Work(number) for number in range(200)]
    tasks = [asyncio.create_task(latest.run(KEY, Keystroke(n, n), work)) for n, work in enumerate(works)]
    await within(works[-1].started.wait())
    works[-1].go.set()
    answers = await within(asyncio.gather(*tasks))
    assert answers == [None] * 199 + [199]
    assert sum(work.runs for work in works) <= 200


async def test_requests_in_many_documents_are_all_answered():
    latest: Latest[object] = Latest()
    works = [Work(number) for number in range(100)]
    tasks = [
        asyncio.create_task(latest.run((f"file:///{n % 7}.py", "completion"), Keystroke(n, n, n % 10 == 0), work))
        for n, work in enumerate(works)
    ]
    await within(works[-1].started.wait())
    for work in works:
        work.go.set()
    answers = await within(asyncio.gather(*tasks))
    kept = [answer for answer in answers if answer is not None]
    assert kept[-1] == 99
    assert all(answer % 10 == 0 for answer in kept[:-1])
