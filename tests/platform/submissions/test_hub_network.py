"""Where a fetch may go: the hub and the hosts on the list, at public addresses, and nowhere else."""

import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from evaluators.protocol.problems import ProblemsFound
from submissions.hub.errors import HubAway
from submissions.hub.listing import ask
from submissions.hub.network import MOST_AFTER, Web, is_public

from .hub_server import Fault, Handler, HubServer


@pytest.fixture
def web(hub: HubServer) -> Iterator[Web]:
    with Web([hub.host], loopback=True) as opened:
        yield opened


def redirecting(to: str) -> Fault:
    def fault(handler: Handler) -> bool:
        handler.redirect(to)
        return True

    return fault


def answering(status: int, body: bytes = b"", **headers: str) -> Fault:
    def fault(handler: Handler) -> bool:
        handler.plain(status, body, **headers)
        return True

    return fault


def code_of(web: Web, url: str) -> str:
    with pytest.raises(ProblemsFound) as caught, web.get(url):
        pass
    return caught.value.problems[0].code


@pytest.mark.parametrize(
    "place",
    [
        "https://elsewhere.example.org/weights",
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[::1]:80/",
        "http://127.0.0.1:1/",
        "http://localhost/",
        "https://huggingface.co.example.org/",
        "https://huggingface.co@example.org/",
        "http://huggingface.co/",
        "ftp://huggingface.co/",
        "file:///etc/passwd",
        "https://127.1/",
        "https://2130706433/",
    ],
)
def test_a_redirect_to_a_host_that_is_not_on_the_list_is_refused(hub: HubServer, place: str) -> None:
    hub.fail("/x", redirecting(place))
    with Web([hub.host, "huggingface.co"], loopback=True) as web:
        assert code_of(web, f"{web.base}/x") == "E-HUB-HOST"


def test_a_redirect_keeps_its_path_and_query_and_nothing_of_ours_goes_along(hub: HubServer, web: Web) -> None:
    hub.fail("^/x", redirecting("/cdn?sign=a%2Fb%20c&x=%C3%A9"))
    hub.fail("^/cdn", answering(200, b"[]", Set_Cookie="a=b; Path=/"))
    for _ in range(2):
        assert ask(web, "/x") == []
    assert hub.requests[-1][0] == "/cdn?sign=a%2Fb%20c&x=%C3%A9"
    assert not {"cookie", "authorization", "referer"} & {name.lower() for name in hub.requests[-1][1]}


def test_a_circle_of_redirects_ends(hub: HubServer, web: Web) -> None:
    hub.fail("/x", redirecting("/x"))
    with pytest.raises(HubAway, match="circles"), web.get(f"{web.base}/x"):
        pass
    assert len(hub.requests) == 6


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
     "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:a00:1::1", "::", "fe80::1%eth0"],
)  # fmt: skip
def test_a_name_that_leads_to_an_address_which_is_not_public_is_not_followed(address: str) -> None:
    assert not is_public(address)
    with Web(["huggingface.co"], resolve=lambda host, port: ["1.1.1.1", address]) as web:  # noqa: SIM117
        with pytest.raises(HubAway, match="not public"), web.get("https://huggingface.co/x"):
            pass


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


def test_what_was_checked_is_what_is_connected_to(hub: HubServer) -> None:
    """A name that is resolved twice could be public at the check and private at the connection."""
    asked: list[str] = []

    def once(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    hub.fail("/x", answering(200, b"[]"))
    host = f"localhost:{hub.server_address[1]}"
    with Web([host], loopback=True, resolve=once) as web:
        assert ask(web, "/x") == []
    assert asked == ["localhost"]
    assert hub.requests[-1][1]["Host"] == host


def test_this_machine_is_open_only_where_a_setting_says_so(hub: HubServer) -> None:
    with Web([hub.host]) as web:
        assert web.base.startswith("https://")
        assert code_of(web, f"{hub.base}/x") == "E-HUB-HOST"


def test_hosts_below_a_name_are_listed_with_a_star() -> None:
    with Web(["huggingface.co", "*.hf.co"], resolve=lambda host, port: ["10.0.0.1"]) as web:
        for host in ("https://huggingface.co/", "https://cdn-lfs-us-1.hf.co/", "https://a.xethub.hf.co:443/"):
            with pytest.raises(HubAway, match="not public"), web.get(host):
                pass
        for host in ("https://hf.co/", "https://evilhf.co/", "https://a.hf.co:8443/", "https://a.hf.co.example.org/"):
            assert code_of(web, host) == "E-HUB-HOST"


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_the_hub_does_not_have_or_keeps_private_is_the_teams_to_mend(
    hub: HubServer, web: Web, status: int
) -> None:
    hub.fail("/x", answering(status, b"{}"))
    assert code_of(web, f"{web.base}/x") == "E-HUB-NOT-FOUND"


def test_what_the_host_of_large_files_does_not_give_out_is_not_the_teams_fault(hub: HubServer) -> None:
    hub.fail("^/x", redirecting(f"http://localhost:{hub.server_address[1]}/signed"))
    hub.fail("^/signed", answering(403))
    with Web([hub.host, f"localhost:{hub.server_address[1]}"], loopback=True) as web:  # noqa: SIM117
        with pytest.raises(HubAway, match="403"), web.get(f"{web.base}/x"):
            pass


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120.0), ("99999999", MOST_AFTER), ("", None), ("soon", None), ("-5", None), ("9" * 40, None)],
)
def test_a_hub_that_wants_to_be_left_alone_says_for_how_long(
    hub: HubServer, web: Web, said: str, seconds: float | None
) -> None:
    hub.fail("/x", answering(429, b"", **({"Retry_After": said} if said else {})))
    with pytest.raises(HubAway) as caught, web.get(f"{web.base}/x"):
        pass
    assert caught.value.after == seconds


def test_it_may_say_so_by_a_date(hub: HubServer, web: Web) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    hub.fail("/x", answering(503, Retry_After=until))
    with pytest.raises(HubAway) as caught, web.get(f"{web.base}/x"):
        pass
    assert caught.value.after is not None
    assert 200 < caught.value.after <= 300


def test_an_answer_that_is_packed_is_not_unpacked(hub: HubServer, web: Web) -> None:
    hub.fail("/x", answering(200, b"\x1f\x8b", Content_Encoding="gzip"))
    with pytest.raises(HubAway, match="packs"):
        ask(web, "/x")
    assert hub.requests[-1][1]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"NaNaN"])
def test_an_answer_that_is_no_json_is_the_hubs_fault(hub: HubServer, web: Web, body: bytes) -> None:
    hub.fail("/x", answering(200, body))
    with pytest.raises(HubAway, match="no JSON"):
        ask(web, "/x")


def test_an_answer_without_an_end_is_given_up(hub: HubServer, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("submissions.hub.listing.MOST_ANSWER", 1000)
    hub.fail("/x", answering(200, json.dumps(["x" * 2000]).encode()))
    with pytest.raises(HubAway, match="too long"):
        ask(web, "/x")


def test_a_hub_that_is_not_there_is_away() -> None:
    server = HubServer()
    server.server_close()
    with Web([server.host], loopback=True) as web, pytest.raises(HubAway, match="reached"), web.get(f"{web.base}/x"):
        pass


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for the name, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, secret = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    return pem, secret


@pytest.mark.parametrize("name", ["localhost", "elsewhere.example.org"])
def test_a_certificate_is_for_the_name_though_the_address_is_connected_to(tmp_path: Path, name: str) -> None:
    pem, secret = certificate(tmp_path, name)
    server = HubServer()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem, secret)
    server.socket = serving.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.fail("/x", answering(200, b"[]"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    host = f"localhost:{server.server_address[1]}"
    trust = ssl.create_default_context(cafile=str(pem))
    try:
        with Web([host], loopback=True, resolve=lambda asked, port: ["127.0.0.1"], trust=trust) as web:
            if name == "localhost":
                with web.get(f"https://{host}/x") as response:
                    assert response.read() == b"[]"
            else:
                with pytest.raises(HubAway, match="reached"), web.get(f"https://{host}/x"):
                    pass
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
