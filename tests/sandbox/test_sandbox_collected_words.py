"""What the collector says is taken whole or not at all: an engine may lose a part of it."""

import pytest

from sandbox.engine.collecting import _read
from sandbox.errors import CollectFailed

FILE = "main/birds/0/responses.jsonl"
WHOLE = [b"F " + FILE.encode(), b'R {"id":"a","logprob":-1.0}', b'R {"id":"b","logprob":-2.0}']
ASKED = {FILE: {"a", "b"}}


def test_what_arrived_whole_is_taken() -> None:
    assert [record["id"] for record in _read(WHOLE, ASKED).responses[FILE]] == ["a", "b"]


@pytest.mark.parametrize("lines", [WHOLE[1:], [], [b'P {"code":"E-OUT-SIZE","message":"x","line":null}']])
def test_a_beginning_that_was_lost_is_a_passing_fault_of_ours(lines: list[bytes]) -> None:
    with pytest.raises(CollectFailed):
        _read(lines, ASKED)
