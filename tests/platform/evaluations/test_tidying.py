"""Each worker tidies its own host: what is past its deadline, and temporary files that nobody will ask for."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from django.conf import LazySettings

from evaluations.tidying import remove_temporary, tidy
from sandbox.images.build import build, find
from submissions import engine

OLD = 48 * 3600


def aged(path: Path) -> Path:
    then = time.time() - OLD
    os.utime(path, (then, then), follow_symlinks=False)
    return path


@pytest.fixture(autouse=True)
def folder(settings: LazySettings, tmp_path: Path) -> Path:
    place = tmp_path / "tmp"
    place.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = place
    return place


def test_old_temporary_files_and_folders_go_and_new_ones_stay(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (folder / "fresh").write_text("fresh")
    (folder / "stale").write_text("stale")
    (folder / "unpacked").mkdir()
    (folder / "unpacked" / "file").write_text("stale")
    (folder / "link").symlink_to(outside)
    for name in ("stale", "unpacked", "link"):
        aged(folder / name)
    assert remove_temporary() == 3
    assert [path.name for path in folder.iterdir()] == ["fresh"]
    assert (outside / "kept").read_text() == "kept"
    assert remove_temporary() == 0


@pytest.fixture
def client() -> Iterator[docker.APIClient]:
    build(["base"], say=lambda _: None)
    client = docker.APIClient(version="auto")
    yield client
    client.close()


@pytest.mark.docker
@pytest.mark.django_db
def test_a_container_of_ours_that_is_past_its_deadline_goes_and_others_stay(client: docker.APIClient) -> None:
    image = find(client, "base")

    def started(deadline: float, **labels: str) -> str:
        late = {"proctor.stage": "intake", "proctor.deadline": str(int(deadline)), "app": "proctor"}
        made = client.create_container(image, ["sleep", "60"], labels={**late, **labels})
        client.start(made["Id"])
        return str(made["Id"])

    now = time.time()
    late = started(now - 3600, **engine.labels())
    young = started(now + 3600, **engine.labels())
    foreign = started(now - 3600, **{"proctor.deployment": "another installation"})
    try:
        assert tidy().late == 1
        there = {one["Id"] for one in client.containers(all=True)}
        assert late not in there
        assert {young, foreign} <= there
    finally:
        for identity in (young, foreign):
            client.remove_container(identity, force=True)
