"""Pickled weights become safetensors in a container of their own; what they try there is refused, and stays there."""

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest

from sandbox.docker_sandbox import DockerSandbox
from sandbox.engine import converting
from sandbox.engine.containers import Container
from sandbox.inside import convert_place
from sandbox.inside.refusals import REMEDIES, Refused
from sandbox.interface import IntakeReport, IntakeRules, Job, Limits, MiB, Verdict
from tests.models.containers import run_in
from tests.models.runner import model_image

SCRIPT = Path(__file__).with_name("make_weights.py")
RULES = IntakeRules(convert_weights=True, max_unpacked_bytes=64 * MiB)
WORDS = ["<s>", "</s>", "dogs", "bark", "sing", "cats"]
TOKENIZER = {
    "version": "1.0",
    "added_tokens": [],
    "pre_tokenizer": {"type": "Whitespace"},
    "model": {"type": "WordLevel", "vocab": {word: number for number, word in enumerate(WORDS)}, "unk_token": "</s>"},
}
TOKENIZER_CONFIG = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
# The conversion of each file named, their reports side by side.
EACH = """
import json, os, sys
from sandbox.inside import convert

for name in sys.argv[1:]:
    if convert.main([json.dumps([{"sources": [name]}])]):
        sys.exit(1)
    os.rename("/converted/out/report.json", f"/converted/out/{name}.json")
    if os.path.exists("/converted/out/0"):
        os.remove("/converted/out/0")
"""
needs_images = [pytest.mark.docker, pytest.mark.model]
TakeIn = Callable[..., IntakeReport]


@pytest.fixture(scope="session")
def weights(base_image: str) -> dict[str, bytes]:
    """Files of weights by name, as PyTorch makes them."""
    ran = run_in(
        model_image(), ["python3", "/make_weights.py", "/out"], files={"/make_weights.py": SCRIPT.read_bytes()}
    )
    assert ran.code == 0, ran.log
    return dict(ran.out)


@pytest.fixture
def take(sandbox: DockerSandbox, weights: dict[str, bytes], labels: dict[str, str], volume: str) -> TakeIn:
    """`take({path: name of weights, or bytes})`: an intake of these files beside a config.json."""

    def take_in(files: dict[str, str | bytes], rules: IntakeRules = RULES) -> IntakeReport:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as made:
            made.writestr("config.json", "{}")
            for path, content in files.items():
                made.writestr(path, weights[content] if isinstance(content, str) else content)
        return sandbox.intake(archive, volume=volume, rules=rules, labels=labels)

    return take_in


def codes(report: IntakeReport) -> list[str]:
    return [problem.code for problem in report.problems]


def parsed(raw: bytes) -> dict[str, tuple[str, list[int], bytes]]:
    """Type, shape and bytes of a safetensors file's tensors."""
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    assert header.pop("__metadata__") == {"format": "pt"}
    data = raw[8 + size :]
    return {
        name: (place["dtype"], place["shape"], data[slice(*place["data_offsets"])]) for name, place in header.items()
    }


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


class TestInContainers:
    """With the real images."""

    pytestmark = needs_images

    def test_weights_become_safetensors_of_the_same_types_and_values(
        self, sandbox: DockerSandbox, take: TakeIn, volume: str
    ) -> None:
        report = take({"pytorch_model.bin": "sound.bin"})
        assert report.ok, report.problems
        found = parsed(sandbox.read_file(volume, "model.safetensors", max_bytes=1 * MiB))
        sandbox.remove_volume(volume)
        whole = floats(*range(12))
        assert found == {
            "tied": ("F32", [3, 4], whole),
            "whole": ("F32", [3, 4], whole),
            "turned": ("F32", [4, 3], floats(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11)),
            "cut": ("F32", [2, 2], floats(5, 6, 9, 10)),
            "half": ("BF16", [2], bytes.fromhex("c03f10c0")),
            "byte": ("U8", [3], b"\1\2\3"),
            "truth": ("BOOL", [2], b"\1\0"),
            "double": ("F64", [1], struct.pack("<d", 0.1)),
            "complex": ("C64", [1], floats(1, 2)),
            "lone": ("I64", [], struct.pack("<q", 7)),
            "empty": ("F32", [0, 4], b""),
            "nan": ("F32", [2], floats(float("nan"), float("inf"))),
        }

    def test_a_conversion_is_recorded_and_its_sources_are_gone(
        self, sandbox: DockerSandbox, take: TakeIn, volume: str, weights: dict[str, bytes]
    ) -> None:
        report = take({"pytorch_model.bin": "sound.bin", "training_args.bin": b"\x80\x04."})
        made = report.conversion
        assert made is not None
        assert [(file.path, file.size) for file in made.sources] == [("pytorch_model.bin", len(weights["sound.bin"]))]
        assert [file.path for file in made.left_out] == ["training_args.bin"]
        assert [file.path for file in report.files] == ["config.json", "model.safetensors"]
        assert made.results == report.files[1:]
        assert (made.torch[:2], made.image_id) == ("2.", sandbox.image_id("model"))
        for gone in ("pytorch_model.bin", "training_args.bin"):
            with pytest.raises(FileNotFoundError):
                sandbox.read_file(volume, gone, max_bytes=1 * MiB)
        sandbox.remove_volume(volume)

    @pytest.mark.parametrize("name", ["sound.bin", "old.bin", "wrapped.pt"])
    def test_converting_again_or_from_an_older_format_gives_the_same_bytes(
        self, sandbox: DockerSandbox, take: TakeIn, volume: str, name: str
    ) -> None:
        made = [take({"pytorch_model.bin": name}).conversion, take({"x.pt": "sound.bin"}).conversion]
        digests = {conversion.results for conversion in made if conversion}
        sandbox.remove_volume(volume)
        assert (len(digests), None in made) == (1, False)

    def test_shards_become_one_file_by_their_index(self, sandbox: DockerSandbox, take: TakeIn, volume: str) -> None:
        index = {"metadata": {"total_size": 19}, "weight_map": {"a": "pytorch_model-00001-of-00002.bin",
                 "z": "pytorch_model-00001-of-00002.bin", "b": "pytorch_model-00002-of-00002.bin"}}  # fmt: skip
        report = take({
            "pytorch_model.bin.index.json": json.dumps(index).encode(),
            "pytorch_model-00001-of-00002.bin": "shard1.bin",
            "pytorch_model-00002-of-00002.bin": "shard2.bin",
            "optimizer.pt": b"\x80\x04.",
        })  # fmt: skip
        assert report.ok, report.problems
        found = parsed(sandbox.read_file(volume, "model.safetensors", max_bytes=1 * MiB))
        sandbox.remove_volume(volume)
        assert found == {"a": ("F32", [2], floats(1, 1)), "b": ("F32", [2], floats(2, 2)), "z": ("U8", [3], bytes(3))}
        assert [file.path for file in report.files] == ["config.json", "model.safetensors"]

    @pytest.mark.parametrize(("name", "code"), [("command.bin", "E-WEIGHTS-UNSAFE"), ("grown.bin", "E-WEIGHTS-SIZE")])
    def test_hostile_weights_are_refused_and_leave_nothing_behind(
        self, sandbox: DockerSandbox, take: TakeIn, volume: str, name: str, code: str
    ) -> None:
        report = take({"pytorch_model.bin": name})
        assert codes(report) == [code]
        assert (report.problems[0].remedy, report.files) == (REMEDIES[code], ())
        assert not sandbox.has_volume(volume)

    def test_each_kind_of_hostile_weights_has_its_code_and_none_of_their_code_runs(
        self, weights: dict[str, bytes]
    ) -> None:
        expected = {
            "command.bin": {"E-WEIGHTS-UNSAFE"},
            "command_old.bin": {"E-WEIGHTS-UNSAFE"},
            "whole_model.bin": {"E-WEIGHTS-UNSAFE"},
            "grown.bin": {"E-WEIGHTS-SIZE"},
            "sparse.bin": {"E-WEIGHTS-FORM"},
            "number.bin": {"E-WEIGHTS-FORM"},
            "list.bin": {"E-WEIGHTS-FORM"},
            "huge_old.bin": {"E-WEIGHTS-COSTLY"},
            "empty": {"E-WEIGHTS-DAMAGED"},
        }
        # What the old format's reader says of a file that ends too early depends on where it ends.
        cuts = {f"{name}-{cut}": weights[name][: -len(weights[name]) * cut // 100] for name in ("sound.bin", "old.bin")
                for cut in (1, 30, 60, 90)}  # fmt: skip
        expected |= {name: {"E-WEIGHTS-DAMAGED", "E-WEIGHTS-UNSAFE"} for name in cuts}
        contents = {name: cuts.get(name, weights.get(name, b"")) for name in expected}
        ran = run_in(
            model_image(),
            ["python3", "-c", EACH, *contents],
            files={f"/submission/{name}": content for name, content in contents.items()},
            out="/converted/out",
            memory=converting.MEMORY,
        )
        assert ran.code == 0, ran.log
        assert "THIS RAN" not in ran.log
        found = {name: json.loads(ran.out[f"{name}.json"])["problem"]["code"] for name in contents}
        assert {name: code for name, code in found.items() if code not in expected[name]} == {}

    def test_records_that_are_packed_are_refused_before_pytorch_reads_them(
        self, take: TakeIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(converting, "CONVERT", ("false",))
        report = take({"pytorch_model.bin": "packed.bin"})
        assert [(problem.code, problem.message) for problem in report.problems] == [
            ("E-WEIGHTS-DAMAGED", "The file of weights holds packed or encrypted records.")
        ]

    def test_a_tensor_in_two_shards_is_refused(self, take: TakeIn) -> None:
        report = take({"m-00001-of-00002.bin": "shard1.bin", "m-00002-of-00002.bin": "shard1.bin"})
        assert [(problem.code, problem.file) for problem in report.problems] == [
            ("E-WEIGHTS-FORM", "m-00002-of-00002.bin")
        ]

    def test_memory_and_time_of_a_conversion_are_bounded(self, take: TakeIn, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(converting, "MEMORY", 48 * MiB)
        assert codes(take({"pytorch_model.bin": "sound.bin"})) == ["E-WEIGHTS-COSTLY"]
        monkeypatch.setattr(converting, "MEMORY", 1024 * MiB)
        monkeypatch.setattr(converting, "CONVERT", ("python3", "-c", "import time; time.sleep(60)"))
        slow = IntakeRules(convert_weights=True, max_unpacked_bytes=64 * MiB, wall=6)
        assert [problem.message for problem in take({"pytorch_model.bin": "sound.bin"}, slow).problems] == [
            "Converting the weights took too long."
        ]

    @pytest.mark.parametrize(
        "report",
        [
            b"",
            b'{"problem": null}',
            b'{"torch": "2", "problem": {"code": "E-RUN-EXIT", "file": ""}}',
            b"[" * 100_000,
            b"x" * 100_000,
        ],
        ids=["empty", "half", "foreign code", "deep", "long"],
    )
    def test_what_the_conversion_says_of_itself_is_not_believed(
        self, take: TakeIn, monkeypatch: pytest.MonkeyPatch, report: bytes
    ) -> None:
        forged = f"import sys; open('/converted/out/report.json', 'wb').write({report!r}[:10]*{len(report) // 10 or 1})"
        if len(report) < 1000:
            forged = f"open('/converted/out/report.json', 'wb').write({report!r})"
        monkeypatch.setattr(converting, "CONVERT", ("python3", "-c", forged))
        assert codes(take({"pytorch_model.bin": "sound.bin"})) == ["E-WEIGHTS-DAMAGED"]

    def test_code_that_got_hold_of_the_conversion_could_not_touch_the_submission(
        self, take: TakeIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        attack = """
import os, socket
ours = ("/opt/proctor/sandbox/inside/tree.py", "/etc/passwd", "/converted/more", "/converted/out/more")
for path in ("/submission/owned", "/submission/config.json", "/submission/pytorch_model.bin", *ours):
    try:
        open(path, "ab").close()
        raise SystemExit(path)
    except OSError:
        pass
try:
    socket.create_connection(("192.0.2.1", 80), timeout=2)
    raise SystemExit("out")
except OSError:
    pass
try:
    os.remove("/converted/out/0")
    raise SystemExit("removed")
except OSError:
    pass
try:
    with open("/converted/out/0", "wb") as file:
        file.truncate(65 << 20)
    raise SystemExit("grown")
except OSError:
    pass
open("/converted/out/0", "wb").write(b"not safetensors")
open("/converted/out/report.json", "w").write('{"problem": null, "torch": "2"}')
"""
        monkeypatch.setattr(converting, "CONVERT", ("python3", "-c", attack))
        report = take({"pytorch_model.bin": "sound.bin"})
        assert [(problem.code, problem.file) for problem in report.problems] == [
            ("E-WEIGHTS-DAMAGED", "model.safetensors")
        ]

    def test_a_volume_whose_conversion_is_under_way_is_not_there_yet(
        self, sandbox: DockerSandbox, labels: dict[str, str], take: TakeIn, volume: str
    ) -> None:
        assert take({"pytorch_model.bin": "sound.bin"}).ok
        assert sandbox.has_volume(volume)
        client = docker.APIClient(version="auto")
        staged = converting.Staged(volume, "", 20_001, labels, [{"sources": [], "result": ""}], 1 * MiB, 5.0)
        plan = converting.reading_plan(
            staged, volume + "-made", {**labels, "proctor.stage": "convert"}, sandbox.image_id("model"), 20_002
        )
        left_by_a_dead_worker = Container.create(client, plan)
        try:
            assert not sandbox.has_volume(volume)
        finally:
            left_by_a_dead_worker.remove()
            sandbox.remove_volume(volume + "-made")
            client.close()
        sandbox.remove_volume(volume)

    def test_a_converted_model_answers_as_the_one_it_was(
        self, sandbox: DockerSandbox, take: TakeIn, volume: str, labels: dict[str, str], weights: dict[str, bytes]
    ) -> None:
        rest: dict[str, str | bytes] = {
            "m/config.json": "gpt2/config.json",
            "m/tokenizer.json": json.dumps(TOKENIZER).encode(),
            "m/tokenizer_config.json": json.dumps(TOKENIZER_CONFIG).encode(),
        }
        answers = []
        for name in ("pytorch_model.bin", "model.safetensors"):
            report = take(rest | {f"m/{name}": f"gpt2/{name}"})
            assert report.ok, report.problems
            answers.append(answered(sandbox, volume, labels))
        sandbox.remove_volume(volume)
        assert answers[0] == answers[1]
        assert -20 < answers[0] < -1


def answered(sandbox: DockerSandbox, volume: str, labels: dict[str, str]) -> float:
    """The model's answer to one request."""
    request = {"id": "a" * 24, "type": "loglikelihood", "context": "", "continuation": "dogs bark"}
    suite = {"checkpoint": "main", "suite": "demo", "seed": "0"}
    limits = Limits(cpus=2, memory=1500 * MiB, pids=256, wall=120, disk=16 * MiB, tmp=64 * MiB)
    with sandbox.open_attempt(labels=labels, limits=limits) as workspace:
        workspace.put_requests({"main/demo/0/requests.jsonl": json.dumps(request).encode() + b"\n"})
        runner = {"kind": "model", "backend": "causal", "path": "m", "suites": [suite]}
        outcome = workspace.predict(Job(sandbox.image_id("model"), volume, runner))
        collected = workspace.collect({"main/demo/0/responses.jsonl": {request["id"]}})
    assert outcome.verdict is Verdict.COMPLETED, outcome.log_tail
    return float(collected.responses["main/demo/0/responses.jsonl"][0]["logprob"])


# What is done with what came out, without containers


@pytest.fixture
def staged(tmp_path: Path) -> Callable[[bytes | None], dict[str, Any]]:
    """`staged(result)`: put a result into the place of weights.bin."""
    converted, root = tmp_path / "converted", tmp_path / "root"
    converted.mkdir()
    root.mkdir()
    (root / "weights.bin").write_bytes(b"old")

    def place(result: bytes | None) -> dict[str, Any]:
        if result is not None:
            (converted / "0").write_bytes(result)
        conversion = {"sources": ["weights.bin"], "result": "model.safetensors"}
        return convert_place.place(str(converted), str(root), conversion, 0, 1000)

    return place


SOUND = (lambda header: len(header).to_bytes(8, "little") + header + bytes(4))(
    b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
)


def test_a_sound_result_takes_its_sources_place(staged: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    facts = staged(SOUND)
    assert (facts["path"], facts["size"]) == ("model.safetensors", len(SOUND))
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["model.safetensors"]
    assert (tmp_path / "root" / "model.safetensors").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (None, "E-WEIGHTS-DAMAGED"),
        (b"", "E-WEIGHTS-DAMAGED"),
        (SOUND + b"more", "E-WEIGHTS-DAMAGED"),
        (b"\x80\x04.", "E-WEIGHTS-DAMAGED"),
        (SOUND + bytes(1000), "E-WEIGHTS-SIZE"),
    ],
    ids=["missing", "empty", "bytes left over", "pickle", "large"],
)
def test_a_result_that_is_not_in_order_changes_nothing(
    staged: Callable[..., dict[str, Any]], tmp_path: Path, result: bytes | None, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        staged(result)
    assert refused.value.code == code
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["weights.bin"]


@pytest.mark.parametrize(
    "make", [lambda path: os.mkfifo(path), lambda path: path.symlink_to("/etc/passwd"), Path.mkdir]
)
def test_a_result_that_is_no_plain_file_is_refused(
    staged: Callable[..., dict[str, Any]], tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "converted" / "0")
    with pytest.raises(Refused) as refused:
        staged(None)
    assert refused.value.code == "E-WEIGHTS-DAMAGED"
