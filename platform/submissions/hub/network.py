"""GET requests to the hub and to the hosts it may send us on to, and to no other.

Every address is checked before it is connected to, and it is the checked one that is: a name that is resolved again
could mean another place. No credentials, cookies, proxies or settings of the environment take part.
"""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Self

import httpx2

from evaluators.protocol.problems import Problem, ProblemsFound
from submissions.hub.errors import HubAway

MOST_REDIRECTS = 5
MOST_ADDRESSES = 4
CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
MOST_AFTER = 3600.0  # seconds that we let a hub send us away for
REDIRECTS = (301, 302, 303, 307, 308)
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
# Addresses of IPv4 inside IPv6, behind which any IPv4 address could stand.
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Resolve = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def is_public(text: str) -> bool:
    """Whether an address is one of the open network's, and none of this machine's or its neighbours'."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner is not None:
            return is_public(str(inner))
        if address in NAT64:
            return False
    return address.is_global and not address.is_multicast


def refused_host(host: str) -> ProblemsFound:
    """The hub leads to a place that we don't go to."""
    shown = "".join(character if character.isprintable() else "?" for character in host)[:100]
    remedy = "Tell the organizers: they say which hosts files may come from. Or hand in an archive."
    message = f"the hub leads to {shown}, which is not among the hosts that files are fetched from"
    return ProblemsFound([Problem("E-HUB-HOST", message, field="model.source", remedy=remedy)])


class Web:
    """The part of the network that is open to us.

    `hosts`: `name`, `*.name` (whatever is below it) or `name:port`, the hub itself first. `loopback` allows those of
    them that are on this machine, without encryption; `trust` replaces the certificates that are trusted as a rule.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        *,
        loopback: bool = False,
        resolve: Resolve = resolve,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._hosts = tuple(host.lower() for host in hosts)
        self._loopback = loopback
        self._resolve = resolve
        timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
        headers = {"Accept-Encoding": "identity", "User-Agent": "proctor"}
        self._client = httpx2.Client(
            verify=trust or True, trust_env=False, follow_redirects=False, timeout=timeout, headers=headers
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    # What reading a body raises where the connection ends.
    broken = httpx2.TransportError

    @property
    def base(self) -> str:
        """The hub's address, without a slash at its end."""
        hub = self._hosts[0]
        plain = self._loopback and hub.rpartition(":")[0] in LOOPBACK_NAMES
        return f"http{'' if plain else 's'}://{hub}"

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[httpx2.Response]:
        """The answer 200, 206 or 416 to a request, after redirects, its body unread.

        Raises ProblemsFound where the hub does not have it or leads elsewhere, HubAway.
        """
        first = target = httpx2.URL(url)
        for _ in range(MOST_REDIRECTS + 1):
            response = self._send(target, headers or {})
            try:
                if response.status_code in REDIRECTS and "Location" in response.headers:
                    target = _joined(target, response.headers["Location"])
                    continue
                _raise_for(response, of_the_hub=target.netloc == first.netloc)
                yield response
                return
            finally:
                response.close()
        raise HubAway("the hub sends us round in circles")

    def _send(self, url: httpx2.URL, headers: Mapping[str, str]) -> httpx2.Response:
        addresses = self._addresses(url)
        host = url.raw_host.decode("ascii")
        for position, address in enumerate(addresses):
            request = self._client.build_request(
                "GET", url.copy_with(host=address), headers={**headers, "Host": url.netloc.decode("ascii")},
                extensions={"sni_hostname": host},
            )  # fmt: skip
            self._client.cookies.clear()
            try:
                return self._client.send(request, stream=True)
            except httpx2.ConnectError as error:
                if position == len(addresses) - 1:
                    raise HubAway("the hub can't be reached") from error
            except httpx2.TransportError as error:
                raise HubAway("the hub does not answer") from error
        raise HubAway("the hub can't be reached")

    def _addresses(self, url: httpx2.URL) -> list[str]:
        """Where to connect to for this URL; raises ProblemsFound where nobody may, HubAway."""
        host = url.raw_host.decode("ascii").lower()
        local = self._loopback and host in LOOPBACK_NAMES
        secure = url.scheme == "https" or (local and url.scheme == "http")
        if not secure or url.userinfo or not self._is_listed(host, url.port):
            raise refused_host(host or str(url.scheme))
        try:
            found = list(self._resolve(host, url.port or 443))[:MOST_ADDRESSES]
        except (OSError, UnicodeError) as error:
            raise HubAway("the hub's name can't be resolved") from error
        if local:
            return [address for address in found if ipaddress.ip_address(address).is_loopback]
        if not all(is_public(address) for address in found):
            # Whoever answers for the name is at fault, and not the team.
            raise HubAway("the hub's name leads to an address that is not public")
        return found

    def _is_listed(self, host: str, port: int | None) -> bool:
        name = host if port in (None, 443) else f"{host}:{port}"
        return any(
            name.endswith(entry[1:]) if entry.startswith("*.") else name == entry.removesuffix(":443")
            for entry in self._hosts
        )


def _joined(url: httpx2.URL, location: str) -> httpx2.URL:
    try:
        return url.join(location)
    except (httpx2.InvalidURL, ValueError) as error:
        raise HubAway("the hub sends us to an address that is none") from error


def _raise_for(response: httpx2.Response, *, of_the_hub: bool) -> None:
    status = response.status_code
    if status in (200, 206, 416):
        if response.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
            # What is unpacked on the way has another size than was said, and maybe no end.
            raise HubAway("the hub packs what it was asked to send as it is")
        return
    if status == 429:
        raise HubAway("the hub asks us to come back later", after=_after(response))
    if 400 <= status < 500 and of_the_hub:
        message = "the hub has no such repository or revision, or keeps it private"
        remedy = "Check the spelling, and that everybody can open it without logging in. Or hand in an archive."
        raise ProblemsFound([Problem("E-HUB-NOT-FOUND", message, field="model.source", remedy=remedy)])
    raise HubAway(f"the hub answers with an error ({status})", after=_after(response))


def _after(response: httpx2.Response) -> float | None:
    """Seconds until the hub wants to be asked again, where it says so."""
    said = response.headers.get("Retry-After", "")
    if said.isascii() and said.isdigit() and len(said) < 9:
        return min(float(said), MOST_AFTER)
    try:
        seconds = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), MOST_AFTER)
