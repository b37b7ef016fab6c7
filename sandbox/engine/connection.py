"""The connection to the engine, and what its errors mean to us."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import requests.exceptions
import urllib3.exceptions
from docker.errors import DockerException

from sandbox.errors import SandboxUnavailable
from sandbox.interface import EngineInfo

CALL_TIMEOUT = 120
MEND = "Is it running? Try: docker info; start it with: systemctl start docker (or: dockerd &)."
_SPOKEN: dict[str, str] = {}  # by DOCKER_HOST: the version of the API that an engine last agreed on
_KNOWN: dict[tuple[str, str], EngineInfo] = {}  # by address: what an engine last said of itself
LOST = (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, ConnectionError)


def connect(*, timeout: float = CALL_TIMEOUT, negotiate: bool = False) -> docker.APIClient:
    """Return a low-level client by DOCKER_HOST or the default socket; raises SandboxUnavailable.

    The version of the API is what the engine was last found to speak; `negotiate` asks it again.
    """
    with translated():
        address = os.environ.get("DOCKER_HOST", "")
        version = "auto" if negotiate else _SPOKEN.get(address, "auto")
        client = docker.APIClient(version=version, timeout=timeout, **docker.utils.kwargs_from_env())
        # An engine is never behind a proxy, and looking for one costs more than most calls.
        client.trust_env = False
        _SPOKEN[address] = client.api_version
    return client


@contextmanager
def translated() -> Iterator[None]:
    """Turn the client's errors into SandboxUnavailable; a refusal of the engine keeps its sentence."""
    try:
        yield
    except docker.errors.APIError as error:
        raise SandboxUnavailable(f"The Docker engine refused: {error.explanation or error}") from error
    except DockerException as error:
        raise SandboxUnavailable(f"The Docker engine does not answer. {MEND} ({error})") from error
    except LOST as error:
        raise SandboxUnavailable(f"The connection to the Docker engine was lost. {MEND} ({error})") from error


def describe(client: docker.APIClient) -> EngineInfo:
    """Return what the engine says of itself."""
    with translated():
        info = client.info()
    described = EngineInfo(
        version=str(info.get("ServerVersion", "")),
        cgroup_version=str(info.get("CgroupVersion", "1")),
        cgroup_driver=str(info.get("CgroupDriver", "")),
        cpus=int(info.get("NCPU", 0)),
        memory=int(info.get("MemTotal", 0)),
        security_options=tuple(info.get("SecurityOptions") or ()),
        runtimes=tuple(sorted(info.get("Runtimes") or ())),
    )
    _KNOWN[_address(client)] = described
    return described


def known(client: docker.APIClient) -> EngineInfo:
    """Return what the engine said of itself when it was last asked; ask it where it never was."""
    return _KNOWN.get(_address(client)) or describe(client)


def _address(client: docker.APIClient) -> tuple[str, str]:
    return client.base_url, os.environ.get("DOCKER_HOST", "")  # the first is the same for every socket
