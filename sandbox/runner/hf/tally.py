"""Adding up log-probabilities that come in any order, until a request has all of its own."""

from collections.abc import Iterable, Iterator, Sequence

from sandbox.runner.exchange import Request, Response
from sandbox.runner.values import logprob


class Tally:
    """The running sums of some requests; `counts` holds, for each request, how many targets each of its windows has."""

    def __init__(self, requests: Sequence[Request], counts: Sequence[Sequence[int]]) -> None:
        self._requests = requests
        self._tokens = [sum(of) for of in counts]
        self._left = list(self._tokens)
        self._sums = [0.0] * len(requests)
        self._owner = [index for index, of in enumerate(counts) for _ in of]

    def empty(self) -> Iterator[list[Response]]:
        """Yield responses to requests that ask no token: 0, the logarithm of certainty."""
        done = [index for index, tokens in enumerate(self._tokens) if not tokens]
        if done:
            yield [self._response(index) for index in done]

    def add(self, scored: Iterable[tuple[int, float]]) -> list[Response]:
        """Add (index of the window, log-probability of one target); return the responses that are complete now."""
        done = []
        for window, value in scored:
            owner = self._owner[window]
            self._sums[owner] += value
            self._left[owner] -= 1
            if not self._left[owner]:
                done.append(owner)
        return [self._response(index) for index in done]

    def _response(self, index: int) -> Response:
        return {
            "id": self._requests[index]["id"],
            "logprob": logprob(self._sums[index]),
            "tokens": self._tokens[index],
        }
