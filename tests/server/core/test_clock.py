from assist_server.core.clock import Clock, SystemClock


async def test_the_systems_clock_goes_forward() -> None:
    clock: Clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0)
    assert clock.monotonic() >= before
