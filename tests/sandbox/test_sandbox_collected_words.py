"""What the collector says is taken whole or not at all: an engine may lose a part of it."""

import pytest

from sandbox.engine.collecting import ATTEMPTS, _read, collect
from sandbox.errors import CollectFailed
from sandbox.interface import CollectRules

FILE = "main/birds/0/responses.jsonl"
WHOLE = [b"F " + FILE.encode(), b'R {"id":"a","logprob":-1.0}', b'R {"id":"b","logprob":-2.0}']
ASKED = {FILE: {"a", "b"}}


def test_what_arrived_whole_is_taken() -> None:
    assert [record["id"] for record in _read(WHOLE, ASKED).responses[FILE]] == ["a", "b"]


@pytest.mark.parametrize("lines", [WHOLE[1:], [], [b'P {"code":"E-OUT-SIZE","message":"x","line":null}']])
def test_a_beginning_that_was_lost_is_a_passing_fault_of_ours(lines: list[bytes]) -> None:
    with pytest.raises(CollectFailed):
        _read(lines, ASKED)


class Keeper:
    """Says the same each time, of which the engine loses the beginning as often as it is told."""

    def __init__(self, losses: int) -> None:
        self.losses, self.asked = losses, 0

    def run_inside(self, command: list[str], **_: object) -> tuple[int, bytes, bytes]:
        self.asked += 1
        said = [b"100 50 4096", *WHOLE, b"E"]
        return 0, b"\n".join(said[3:] if self.asked <= self.losses else said), b""


def test_what_was_lost_is_asked_again() -> None:
    keeper = Keeper(ATTEMPTS - 1)
    collected = collect(keeper, ASKED, CollectRules(), user=20_001)  # type: ignore[arg-type]
    assert [record["id"] for record in collected.responses[FILE]] == ["a", "b"]
    assert collected.response_bytes == 50 * 4096


def test_an_engine_that_loses_it_every_time_is_a_fault_of_ours() -> None:
    keeper = Keeper(ATTEMPTS)
    with pytest.raises(CollectFailed):
        collect(keeper, ASKED, CollectRules(), user=20_001)  # type: ignore[arg-type]
    assert keeper.asked == ATTEMPTS
