"""What intake takes and refuses of model files: pickles in any dress, safetensors, JSON, code that files name."""

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sandbox.inside import strict_json
from tests.sandbox.archives import TakeIn, codes, made_zip, safetensors, taker, tensor


@pytest.fixture
def taken(tmp_path: Path) -> TakeIn:
    """`taken(content, **rules)`: the report on an archive."""
    return taker(tmp_path)


def numpy_file(header: str, version: int = 1) -> bytes:
    size = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + header.encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pytorch_model.bin", b"PK\x03\x04"),
        ("weights.pt", b"anything"),
        ("model.joblib.gz", b"anything"),
        ("renamed.txt", b"\x80\x04\x95cos\nsystem\n"),
        ("oldest.txt", b"cos\nsystem\n(S'id'\ntR."),
        ("without_mark.txt", pickle.dumps(Path("a"), protocol=4)[2:]),
        ("vocab.json", made_zip({"archive/data.pkl": b"\x80\x02."}, zipfile.ZIP_STORED)),
        ("objects.npy", numpy_file("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}")),
        ("later.npy", numpy_file(" " * 2000 + "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}")),
        ("field.npy", numpy_file("{'descr': [('a', 'O')], 'fortran_order': False, 'shape': (1,)}")),
        ("escaped.npy", numpy_file("{'descr': '|\\x4f', 'fortran_order': False, 'shape': (1,)}")),
        ("hidden.npy", numpy_file(" " * 70_000, version=2)),
        ("model.h5", b"\x89HDF\r\n\x1a\n"),
    ],
)
def test_pickle_in_any_dress_is_refused_unless_the_rules_allow_it(
    taken: TakeIn, tmp_path: Path, name: str, content: bytes
) -> None:
    assert codes(taken(made_zip({name: content}))) == {"E-ARC-PICKLE"}
    (tmp_path / "root").rename(tmp_path / "before")
    assert taken(made_zip({name: content}), allow_pickle=True)["ok"] is True


def test_sound_safetensors_is_taken(taken: TakeIn) -> None:
    content = safetensors({"__metadata__": {"format": "pt"}, "b": tensor(8, 16), "a": tensor(0, 8)}, bytes(16))
    assert taken(made_zip({"model.safetensors": content}))["ok"] is True


@pytest.mark.parametrize(
    "content",
    [
        (2**63).to_bytes(8, "little") + b"{}",
        b"\x01",
        safetensors(b"[]"),
        safetensors({"a": tensor(0, 8), "b": tensor(4, 12)}, bytes(12)),
        safetensors({"a": tensor(0, 8), "b": tensor(12, 16)}, bytes(16)),
        safetensors({"a": tensor(0, 8)}, bytes(12)),
        safetensors({"a": tensor(0, 16)}, bytes(8)),
        safetensors({"a": tensor(0, 8, shape=[2**62, 2**62])}, bytes(8)),
        safetensors({"a": tensor(0, 8, shape=[-2])}, bytes(8)),
        safetensors({"a": tensor(0, 8, shape=[True, 2])}, bytes(8)),
        safetensors({"a": tensor(0, 8, dtype="OBJECT")}, bytes(8)),
        safetensors({"a": tensor(0, 8, more=1)}, bytes(8)),
        safetensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{}}', bytes(4)),
        safetensors(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    ],
    ids=[
        "length 2^63",
        "broken off",
        "no object",
        "overlap",
        "hole",
        "bytes left over",
        "too short",
        "overflowing shape",
        "negative",
        "bool",
        "unknown dtype",
        "unknown key",
        "twice",
        "deep",
    ],
)
def test_unsound_safetensors_is_refused(taken: TakeIn, content: bytes) -> None:
    assert codes(taken(made_zip({"model.safetensors": content}))) == {"E-ARC-SAFETENSORS"}


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"auto_map": {"AutoModel": "evil.Model"}}, "E-ARC-AUTOMAP"),
        ({"text_config": {"auto_map": {"AutoModel": "evil.Model"}}}, "E-ARC-AUTOMAP"),
        ({"custom_pipelines": {"x": {}}}, "E-ARC-AUTOMAP"),
        ({"_name_or_path": "https://example.org/model"}, "E-ARC-URL"),
        (b'{"a": NaN}', "E-ARC-JSON"),
        (b'{"a": 1, "a": 2}', "E-ARC-JSON"),
        (b'{"a":' * 100_000, "E-ARC-JSON"),
        (b"[]", "E-ARC-JSON"),
    ],
)
def test_configuration_that_names_code_or_addresses_is_refused(taken: TakeIn, config: Any, code: str) -> None:
    raw = config if isinstance(config, bytes) else json.dumps(config).encode()
    assert codes(taken(made_zip({"config.json": raw}))) == {code}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vocab.txt", b"cat\ndog\n.\n"),
        ("notes.txt", b"hello. world."),
        ("LICENSE", b"(c) 2026\n."),
        ("numbers.npy", numpy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (0,)}")),
        ("merges.txt", b"#version: 0.2\nt h\n"),
        ("empty", b""),
    ],
)
def test_what_only_looks_a_little_like_a_pickle_is_taken(taken: TakeIn, name: str, content: bytes) -> None:
    assert taken(made_zip({name: content}))["ok"] is True


@pytest.mark.parametrize(
    "config",
    [
        {"_attn_implementation": "example/kernels"},
        {"text_config": {"_experts_implementation": {"a": "example/kernels"}}},
        {"custom_generate": "example/decoding"},
        {"use_kernels": True},
    ],
)
@pytest.mark.parametrize("allow_auto_map", [False, True])
def test_code_from_elsewhere_is_refused_wherever_it_is_named(taken: TakeIn, config: Any, allow_auto_map: bool) -> None:
    content = made_zip({"generation_config.json": json.dumps(config).encode()})
    assert codes(taken(content, allow_auto_map=allow_auto_map)) == {"E-ARC-AUTOMAP"}


MAPPED = {"AutoModelForCausalLM": "mine.Model", "AutoTokenizer": ["mine.Slow", None]}


def test_auto_map_is_taken_where_the_rules_allow_it(taken: TakeIn) -> None:
    raw = json.dumps({"auto_map": MAPPED}).encode()
    files = {"m/config.json": raw, "m/mine.py": b"", "m/tokenizer_config.json": raw}
    report = taken(made_zip(files), allow_auto_map=True)
    assert (report["ok"], report["config_text"]) == (True, raw.decode())


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("example/other--mine.Model", "The configuration takes code from another repository."),
        ("./--mine.Model", "The configuration takes code from another repository."),
        ("theirs.Model", "The configuration names code in a file that is not beside it."),
        ("mine", "The configuration names code otherwise than as module.Class."),
        ("sub.mine.Model", "The configuration names code otherwise than as module.Class."),
        ("../mine.Model", "The configuration names code otherwise than as module.Class."),
        ("mine.Model\n", "The configuration names code otherwise than as module.Class."),
    ],
)
@pytest.mark.parametrize("nest", [lambda value: value, lambda value: {"text_config": value}], ids=["top", "nested"])
def test_auto_map_names_code_beside_it_and_no_other(taken: TakeIn, reference: str, message: str, nest: Any) -> None:
    config = nest({"auto_map": {"AutoModel": ["mine.Model", reference]}})
    report = taken(made_zip({"config.json": json.dumps(config).encode(), "mine.py": b""}), allow_auto_map=True)
    assert [(problem["code"], problem["message"]) for problem in report["problems"]] == [("E-ARC-MODULE", message)]


@pytest.mark.parametrize("raw", [b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b"[" * 65, b'{"\\"[": ' + b"[" * 64])
def test_json_of_any_name_is_refused_when_it_is_nested_deeply(taken: TakeIn, raw: bytes) -> None:
    assert codes(taken(made_zip({"tokenizer.json": raw}))) == {"E-ARC-JSON"}


@pytest.mark.parametrize(
    "raw", [b'{"vocab": {"[[": 1, "\\"[": 2}}' * 50, b'["' + b"[" * 100, b'"\\', b"]" * 100 + b"["]
)
def test_brackets_in_json_strings_nest_nothing(taken: TakeIn, raw: bytes) -> None:
    assert taken(made_zip({"vocab.json": raw}))["ok"] is True


@pytest.mark.parametrize("piece", [b'\\"', b'"\\', b'"', b"[]"])
def test_measuring_depth_takes_time_in_proportion_to_the_text(piece: bytes) -> None:
    # Anything that began anew at each quote would take hours here.
    assert strict_json.is_deeper(b'["' + piece * 500_000, 64) is False


# Which weights a conversion takes

SOUND = made_zip({"archive/data.pkl": b"\x80\x02.", "archive/data/0": bytes(8)}, zipfile.ZIP_STORED)


def planned(taken: TakeIn, files: dict[str, bytes]) -> tuple[dict[str, Any], list[Any]]:
    report = taken(made_zip({"m/config.json": b"{}", "submission.yaml": b"", **files}), convert_weights=True)
    return report, [(item["sources"], item["result"]) for item in report["weights"]]


def index(*names: str) -> bytes:
    return json.dumps({"weight_map": {f"w{number}": name for number, name in enumerate(names)}}).encode()


@pytest.mark.parametrize(
    ("files", "sources"),
    [
        (["pytorch_model.bin"], ["pytorch_model.bin"]),
        (["pytorch_model.bin", "training_args.bin", "other.bin"], ["pytorch_model.bin"]),
        (["weights.pth", "optimizer.pt", "rng_state_0.pth"], ["weights.pth"]),
        (["x-00001-of-00002.bin", "x-00002-of-00002.bin"], ["x-00001-of-00002.bin", "x-00002-of-00002.bin"]),
    ],
)
def test_weights_beside_a_configuration_are_converted_and_the_rest_left_out(
    taken: TakeIn, files: list[str], sources: list[str]
) -> None:
    report, plans = planned(taken, {f"m/{name}": SOUND for name in files})
    assert report["ok"], report["problems"]
    assert plans == [([f"m/{name}" for name in sources], "m/model.safetensors")]
    assert {item["path"] for item in report["left_out"]} == {f"m/{name}" for name in files if name not in sources}
    assert {item["path"] for item in report["files"]} == {"m/config.json", "submission.yaml"} | set(plans[0][0])


def test_an_index_says_which_files_are_the_weights(taken: TakeIn, tmp_path: Path) -> None:
    files = {
        "m/a.bin": SOUND,
        "m/b.bin": SOUND,
        "m/c.bin": SOUND,
        "m/pytorch_model.bin.index.json": index("a.bin", "b.bin"),
    }
    report, plans = planned(taken, files)
    assert plans == [(["m/a.bin", "m/b.bin"], "m/model.safetensors")]
    assert {item["path"] for item in report["left_out"]} == {"m/c.bin", "m/pytorch_model.bin.index.json"}
    assert sorted(path.name for path in (tmp_path / "root" / "m").iterdir()) == ["a.bin", "b.bin", "config.json"]


def test_pickled_weights_beside_safetensors_are_only_left_out(taken: TakeIn) -> None:
    sound = safetensors({"w": tensor(0, 4)}, bytes(4))
    report, plans = planned(taken, {"m/model.safetensors": sound, "m/pytorch_model.bin": b"\x80\x04."})
    assert (report["ok"], plans, report["left_out"][0]["path"]) == (True, [], "m/pytorch_model.bin")


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"m/a.bin": SOUND, "m/b.bin": SOUND}, "E-WEIGHTS-MANY"),
        ({"m/a.bin": SOUND, "m/a.bin.index.json": b"{}", "m/b.bin.index.json": b"{}"}, "E-WEIGHTS-MANY"),
        ({f"m/x-{number:05}-of-00201.bin": SOUND for number in range(1, 202)}, "E-WEIGHTS-MANY"),
        ({"m/x-00001-of-00002.bin": SOUND}, "E-WEIGHTS-INDEX"),
        ({"m/x-00001-of-00002.bin": SOUND, "m/y-00002-of-00002.bin": SOUND}, "E-WEIGHTS-INDEX"),
        ({"m/a.bin": SOUND, "m/a.bin.index.json": index("a.bin", "b.bin")}, "E-WEIGHTS-INDEX"),
        ({"m/a.bin": SOUND, "m/a.bin.index.json": index("../../etc/passwd")}, "E-WEIGHTS-INDEX"),
        ({"m/a.bin": SOUND, "m/a.bin.index.json": b'{"weight_map": {"a": 1}}'}, "E-WEIGHTS-INDEX"),
        ({"m/a.bin": SOUND, "m/a.bin.index.json": b"[[]]"}, "E-WEIGHTS-INDEX"),
        ({"m/training_args.bin": SOUND}, "E-WEIGHTS-FORM"),
        ({"m/a.bin": SOUND[:-30]}, "E-WEIGHTS-DAMAGED"),
        ({"m/a.bin": b"PK\3\4" + bytes(100)}, "E-WEIGHTS-DAMAGED"),
        ({"m/a.bin": made_zip({"a/data.pkl": b"\x80\x02." * 9})}, "E-WEIGHTS-DAMAGED"),
        ({"m/a.bin": SOUND, "m/model.safetensors/x": b""}, "E-ARC-DUPLICATE"),
        ({"elsewhere/a.bin": SOUND}, "E-ARC-PICKLE"),
        ({"m/weights.pkl": b"\x80\x04."}, "E-ARC-PICKLE"),
        ({"m/tf_model.h5": b"\x89HDF\r\n\x1a\n"}, "E-ARC-PICKLE"),
        ({"m/vocab.txt": b"\x80\x04."}, "E-ARC-PICKLE"),
    ],
)
def test_weights_that_are_not_clear_are_refused(taken: TakeIn, files: dict[str, bytes], code: str) -> None:
    report = taken(made_zip({"m/config.json": b"{}", **files}), convert_weights=True, max_entries=300)
    assert codes(report) == {code}
    assert report["weights"] == [] or not report["ok"]
