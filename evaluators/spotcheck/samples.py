"""Which items a spot-check looks at: a stratified sample that nobody can tell without its key."""

import hmac
from collections.abc import Iterable, Sequence

from evaluators.tasks.interface import ItemScore


def frame_of(handed: Iterable[ItemScore], *, numbers: bool) -> list[ItemScore]:
    """The items whose answers could be forged to some use.

    Answers that count are forged by turning wrong ones right, and then stand among those that the file has right:
    looking at the others would cost items and find nothing. Where answers are numbers, any of them may be changed.
    """
    if numbers:
        return [item for item in handed if item.values is not None]
    return [item for item in handed if item.score > 0]


def draw_sample(frame: Sequence[ItemScore], *, size: int, key: bytes) -> list[str]:
    """Ids of `size` items, from every group its share, as follows from `key` and the frame's order alone; sorted.

    A systematic sample over the groups, in each of which the items stand as they were shuffled by the key: every item
    is drawn with the same probability, and a forgery that keeps to some groups is found no less surely than one that is
    spread (the logarithm is concave, so Π (1 - c_g/N_g)^(n·N_g/N) is at most (1 - c/N)^n).
    """
    if size >= len(frame):
        return sorted(item.item_id for item in frame)

    def number(text: str) -> int:
        return int.from_bytes(hmac.digest(key, text.encode(), "sha256"), "big")

    groups: dict[str, list[str]] = {}
    for item in frame:
        groups.setdefault(item.group, []).append(item.item_id)
    # In whole numbers, so that rounding loses no item: the i-th lies at (start / 2^64 + i) · len(frame) / size.
    start, place = number("start") % 2**64, 0
    chosen: list[str] = []
    for group in sorted(groups, key=lambda name: number(f"group\0{name}")):
        members = groups[group]
        count = 0
        while (start + (len(chosen) + count) * 2**64) * len(frame) // (size * 2**64) < place + len(members):
            count += 1
            if len(chosen) + count == size:
                break
        # The first places of a shuffle (Fisher & Yates 1938): no more numbers are drawn than there are places.
        for first in range(count):
            other = first + number(f"item\0{group}\0{first}") % (len(members) - first)
            members[first], members[other] = members[other], members[first]
        chosen += members[:count]
        place += len(members)
    return sorted(chosen)
