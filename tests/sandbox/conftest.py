"""Shared by the sandbox's tests: the base image, a sandbox, and a watch over what is left behind."""

import secrets
from collections.abc import Iterator

import docker
import pytest

from sandbox.docker_sandbox import DockerSandbox
from sandbox.images.build import build


@pytest.fixture(scope="session")
def base_image() -> str:
    """The base image, built where its content changed."""
    return build(["base"], say=lambda _: None)[0].image_id


@pytest.fixture(scope="session")
def sandbox(base_image: str) -> DockerSandbox:
    """A sandbox on the machine's engine."""
    return DockerSandbox()


@pytest.fixture
def labels() -> Iterator[dict[str, str]]:
    """Labels of the test's own; afterwards no container and no volume may carry them."""
    mine = {"proctor.test": secrets.token_hex(8)}
    yield mine
    client = docker.APIClient(version="auto")
    try:
        wanted = {"label": f"proctor.test={mine['proctor.test']}"}
        assert client.containers(all=True, filters=wanted) == []
        assert client.volumes(filters=wanted)["Volumes"] in (None, [])
    finally:
        client.close()


@pytest.fixture
def volume(sandbox: DockerSandbox, labels: dict[str, str]) -> Iterator[str]:
    """A submission volume's name; what is there under it is removed."""
    name = sandbox.new_volume_name()
    yield name
    sandbox.remove_volume(name)
