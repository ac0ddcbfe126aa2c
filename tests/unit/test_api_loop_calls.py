import asyncio
from threading import get_ident

from dispatcher.api.loop_calls import LoopCalls


def test_a_call_from_another_thread_runs_in_the_loop() -> None:
    async def story() -> bool:
        calls, ran = LoopCalls(), asyncio.Event()
        seen: list[int] = []
        calls.bind(asyncio.get_running_loop())
        await asyncio.to_thread(calls, lambda: (seen.append(get_ident()), ran.set()))
        await asyncio.wait_for(ran.wait(), 5)
        return seen == [get_ident()]

    assert asyncio.run(story())


def test_before_and_after_the_loop_a_call_runs_where_it_is_made() -> None:
    calls, seen = LoopCalls(), []
    calls(lambda: seen.append("before"))

    async def bind() -> None:
        calls.bind(asyncio.get_running_loop())

    asyncio.run(bind())
    calls(lambda: seen.append("after"))
    assert seen == ["before", "after"]
