"""Every importer makes a valid suite of its layout, and refuses what is not as it is known to be."""

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluators.importers import IMPORTERS, Options, Written, run
from evaluators.importers.interface import by_digest, clip
from evaluators.protocol.problems import ProblemsFound
from evaluators.requests import draw_requests, seed_key
from evaluators.scoring import score
from evaluators.selftest import selftest
from evaluators.suites import Suite, check_suite, open_suite
from evaluators.tasks import TASKS
from tests.evaluators.importers.sources_of_tests import READING, SOURCES, lines, msgs_source, mubench, table

Import = Callable[..., Written]


def lined(folder: Path, name: str) -> list[dict[str, Any]]:
    """The lines of a file of a suite."""
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def test_every_importer_is_tried_here() -> None:
    assert set(SOURCES) | {"blimp"} == set(IMPORTERS)


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_becomes_a_valid_suite_that_passes_its_self_test(imported: Import, tmp_path: Path, name: str) -> None:
    written = imported(name)
    report = check_suite(tmp_path / "suite")
    assert report.problems == []
    assert report.suite is not None
    assert [warning.code for warning in report.warnings if warning.code != "W-SUITE-CHOICES"] == []
    assert (written.items, len(report.suite.items)) == (SOURCES[name][2],) * 2
    if name != "aoa":  # two words are too few to correlate
        assert [one.name for one in selftest(report.suite) if not one.ok] == []
    readme = (tmp_path / "suite" / "README.md").read_text()
    assert IMPORTERS[name].source in readme
    assert "not compared" in readme


@pytest.mark.parametrize("name", [name for name in SOURCES if IMPORTERS[name].expected])
def test_other_counts_than_the_known_ones_are_refused_with_both_numbers(imported: Import, name: str) -> None:
    with pytest.raises(ProblemsFound, match=r"E-IMPORT-COUNT .* found, .* known") as refusal:
        imported(name, any_count=False)
    assert all("--any-count" in problem.remedy for problem in refusal.value.problems)


@pytest.mark.parametrize("name", ["winogrande", "hellaswag", "xstorycloze", "global-piqa"])
def test_published_layouts_of_a_known_size_are_counted(imported: Import, name: str) -> None:
    with pytest.raises(ProblemsFound, match="E-IMPORT-COUNT"):
        imported(name, any_count=False)


def test_the_known_counts_are_those_of_the_benchmarks() -> None:
    totals = {name: sum(count or 0 for count in (one.expected or {}).values()) for name, one in IMPORTERS.items()}
    assert totals["blimp-filtered"] == 59_875
    assert totals["blimp-supplement"] == 842 + 64 + 165 + 3867 + 280
    assert (totals["ewok"], len(IMPORTERS["ewok"].expected or ())) == (7618, 11)
    assert (totals["entity-tracking"], len(IMPORTERS["entity-tracking"].expected or ())) == (9483, 18)
    assert totals["entity-tracking-2026"] == 6780
    assert (totals["blimp-fast"], totals["blimp-supplement-fast"], totals["ewok-fast"]) == (67 * 200, 5 * 50, 11 * 100)
    assert (totals["entity-tracking-fast"], totals["entity-tracking-fast-2026"]) == (3152, 2238)
    assert totals["comps"] == 49_340 + 3 * 13_896
    assert (totals["wug-adj"], totals["wug-past"]) == (200, 50)
    assert IMPORTERS["reading-self-paced"].expected == {"sentences": 205, "words": 1726}
    assert IMPORTERS["aoa"].expected == {"contexts": 8005}
    assert totals["glue-2024"] == 38_183


@pytest.mark.parametrize("name", SOURCES)
def test_a_file_that_is_not_utf_8_is_refused_with_its_name(imported: Import, source: Path, name: str) -> None:
    SOURCES[name][0](source)
    textual = [path for path in source.rglob("*") if path.suffix in (".jsonl", ".json", ".csv", ".tsv")]
    for path in textual:
        path.write_bytes(path.read_bytes() + "\nZoë".encode("latin-1"))
    with pytest.raises(ProblemsFound) as refusal:
        imported(name)
    problem = refusal.value.problems[0]
    assert problem.code in ("E-DOC-JSON", "E-DOC-SYNTAX")
    assert problem.file in {path.name for path in textual}


REQUIRED = {
    "blimp-2023": "sentence_bad", "blimp-fast": "sentence_good", "ewok-fast": "Domain",
    "blimp-supplement-fast": "sentence_bad", "entity-tracking-fast": "numops", "entity-tracking-2026": "options",
    "entity-tracking-fast-2026": "input_prefix",
    "blimp-filtered": "sentence_bad", "blimp-supplement": "sentence_good", "ewok": "Target2",
    "comps": "property_phrase", "entity-tracking": "options", "wug-adj": "ratio", "wug-past": "sentences",
    "reading-eye-tracking": "RTgopast", "aoa": "word", "glue": "label", "glue-2024": "label", "msgs": "sentence",
    "finetune-2026": "label", "multiblimp": "wrong_sen", "blimp-nl": "sentence_bad", "zhoblimp": "sentence_good",
    "xcomps": "acceptable_sent", "winogrande": "answer", "hellaswag": "endings", "xstorycloze": "input_sentence_3",
    "global-piqa": "example_id", "global-mmlu": "option_c", "winoground": "caption_1", "vqa": "target_ans",
    "devbench-lexical": "image3", "lm-eval": "arguments",
}  # fmt: skip


@pytest.mark.parametrize("name", REQUIRED)
def test_a_line_without_a_field_is_refused_with_file_and_field(imported: Import, source: Path, name: str) -> None:
    SOURCES[name][0](source)
    field = REQUIRED[name]
    for path in source.rglob("*"):
        if path.suffix in (".jsonl", ".json") and path.name != "cdi_childes.json":
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            lines(path, [*rows[:-1], {key: value for key, value in rows[-1].items() if key != field}])
        elif path.suffix in (".csv", ".tsv"):
            path.write_text(path.read_text().replace(field, "other", 1))
    with pytest.raises(ProblemsFound) as refusal:
        imported(name)
    problem = refusal.value.problems[0]
    assert problem.code == "E-IMPORT-FIELD"
    assert problem.file
    assert problem.line
    assert problem.field in (field, "choices", "gold", "label")


def test_the_order_of_the_candidates_follows_from_their_text_alone() -> None:
    first, second = {"continuation": "The owl hoots."}, {"continuation": "The owl hoot."}
    texts = [[pair[n]["continuation"] for n in by_digest(pair)] for pair in ([first, second], [second, first])]
    assert texts[0] == texts[1]


def test_gold_stands_at_every_place_where_sources_put_it_first(imported: Import, source: Path, tmp_path: Path) -> None:
    rows = [{"sentence_good": f"Owl {n} hoots.", "sentence_bad": f"Owl {n} hoot."} for n in range(200)]
    lines(source / "hypernym.jsonl", rows)
    imported("blimp-supplement")
    places = Counter(line["gold"] for line in lined(tmp_path / "suite", "gold.jsonl"))
    assert min(places[0], places[1]) > 60


def test_ewok_asks_two_targets_after_one_context_and_is_gated(imported: Import, tmp_path: Path) -> None:
    manifest = imported("ewok").manifest
    assert (manifest.gated, manifest.length_norm, manifest.aggregate) == (True, "none", "macro")
    item = lined(tmp_path / "suite", "items.jsonl")[0]
    assert {one["context"] for one in item["choices"]} == {"Ulla 0 stands near the mill."}
    assert {one["continuation"] for one in item["choices"]} == {
        " The mill is close to Ulla.", " The mill is remote from Ulla.",
    }  # fmt: skip
    clusters = [one["cluster"] for one in lined(tmp_path / "suite", "items.jsonl")]
    assert clusters[0] == clusters[1] != clusters[2]


def test_comps_asks_one_phrase_after_two_prefixes(imported: Import, tmp_path: Path) -> None:
    imported("comps")
    items, gold = lined(tmp_path / "suite", "items.jsonl"), lined(tmp_path / "suite", "gold.jsonl")
    assert {one["continuation"] for item in items for one in item["choices"]} == {" can wade."}
    assert all("heron" in item["choices"][line["gold"]]["context"] for item, line in zip(items, gold, strict=True))
    assert [item["id"] for item in items[:3]] == ["base/0", "base/1", "wugs/0"]
    assert {item["cluster"] for item in items} == {"can wade"}


def test_entity_tracking_counts_within_its_cells_and_states_its_chance(imported: Import, tmp_path: Path) -> None:
    manifest = imported("entity-tracking").manifest
    ids = [item["id"] for item in lined(tmp_path / "suite", "items.jsonl")]
    assert ids[:4] == ["ambiref_0_ops/0", "ambiref_1_ops/0", "ambiref_0_ops/1", "ambiref_1_ops/1"]
    assert manifest.chance == pytest.approx((1 / 5 + 1 / 4) / 2)


def test_wug_keeps_the_forms_in_the_sources_order(imported: Import, tmp_path: Path) -> None:
    imported("wug-adj")
    item, gold = lined(tmp_path / "suite", "items.jsonl")[3], lined(tmp_path / "suite", "gold.jsonl")[3]
    assert [one["continuation"] for one in item["choices"]] == ["It shows florb3ity.", "It shows florb3ness."]
    assert gold == {"id": "wug_adj/3", "probability": 3 / 8}


def test_reading_keeps_whole_sentences_and_says_each_words_row(imported: Import, source: Path, tmp_path: Path) -> None:
    imported("reading-self-paced")
    items, gold = lined(tmp_path / "suite", "items.jsonl"), lined(tmp_path / "suite", "gold.jsonl")
    assert {" ".join(item["words"]) for item in items} == set(READING)
    rows = sorted(row for item in items for row in item["covariates"]["row"] if row is not None)
    assert rows == list(range(sum(len(sentence.split()) - 1 for sentence in READING)))
    said = (source / "all_measures.csv").read_text().splitlines()[1:]
    for item, line in zip(items, gold, strict=True):
        assert all(numbers[0] is None for numbers in (*item["covariates"].values(), *line["measures"].values()))
        for word, row in list(zip(item["words"], item["covariates"]["row"], strict=True))[1:]:
            assert f",{word}," in said[int(row)]
    assert sum(number is None for item in items for number in item["covariates"]["Subtlex_log10"]) == len(READING) + 1


def test_reading_with_a_word_missing_in_between_is_refused(imported: Import, source: Path) -> None:
    SOURCES["reading-self-paced"][0](source)
    path = source / "all_measures.csv"
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *(row for row in rows if not row.startswith("The heron,"))]))
    with pytest.raises(ProblemsFound, match="words before it"):
        imported("reading-self-paced")


def test_aoa_leaves_out_what_no_child_data_is_about_and_keeps_the_order_of_contexts(
    imported: Import, tmp_path: Path
) -> None:
    assert imported("aoa").counts == {"contexts": 6}
    items, gold = lined(tmp_path / "suite", "items.jsonl"), lined(tmp_path / "suite", "gold.jsonl")
    assert [(item["id"], len(item["contexts"])) for item in items] == [("owl", 3), ("mill", 2)]
    # One blank stands between a context and the word.
    assert items[0]["contexts"][2] == "Look, context 2 of a "
    assert gold[0] == {"id": "owl", "months": [16, 30], "known": [0.1, 0.8]}
    assert "1 words" in (tmp_path / "suite" / "README.md").read_text()


def test_glue_keeps_what_is_learnt_and_lists_the_classes_of_each_subtask(imported: Import, tmp_path: Path) -> None:
    options = imported("glue-2024").manifest.options
    assert options["labels"]["mnli-mm"] == [0, 1, 2]
    assert options["labels"]["boolq"] == [0, 1]
    assert options["metrics"] == {"cola": "mcc"}
    train = lined(tmp_path / "suite", "train.jsonl")
    assert Counter(line["group"] for line in train) == dict.fromkeys(
        ("boolq", "cola", "mnli", "mnli-mm", "multirc", "wsc"), 4
    )
    items = {item["id"]: item for item in lined(tmp_path / "suite", "items.jsonl")}
    assert items["wsc/0"]["inputs"]["question"] == 'Does "she" refer to "Ulla" in this passage?'
    assert items["multirc/1"]["inputs"]["question"] == "Question: Who lit it? Answer: Ulla 1"
    assert list(items["boolq/0"]["inputs"]) == ["question", "passage"]


def test_an_unknown_subtask_of_glue_is_refused(imported: Import, source: Path) -> None:
    lines(source / "stsb.valid.jsonl", [{"sentence1": "a", "sentence2": "b", "label": 1}])
    with pytest.raises(ProblemsFound, match="E-IMPORT-FORMAT"):
        imported("glue")


def test_both_layouts_of_msgs_make_the_same_items(source: Path, tmp_path: Path) -> None:
    made = []
    for number, maker in enumerate((SOURCES["msgs"][0], msgs_source)):
        maker(source / str(number))
        run(IMPORTERS["msgs"], source / str(number), tmp_path / str(number), Options(), any_count=True)
        made.append([lined(tmp_path / str(number), name) for name in ("items.jsonl", "gold.jsonl", "train.jsonl")])
    assert made[0] == made[1]


@pytest.mark.parametrize("name", ["winogrande", "hellaswag", "xstorycloze"])
def test_mubenchs_layout_is_taken_for_other_languages(imported: Import, tmp_path: Path, name: str) -> None:
    assert imported(name, made=mubench, language="nl").manifest.key == f"{name}-nl"
    item = lined(tmp_path / "suite", "items.jsonl")[0]
    assert item["choices"][0]["context"] == "Lamp 0 burns, so"
    assert {one["continuation"] for one in item["choices"]} == {" it is lit.", " it sings."}


def test_winogrande_puts_what_follows_the_gap_after_both_names(imported: Import, tmp_path: Path) -> None:
    imported("winogrande")
    item, gold = lined(tmp_path / "suite", "items.jsonl")[0], lined(tmp_path / "suite", "gold.jsonl")[0]
    assert item["choices"][gold["gold"]] == {
        "context": "Ulla lit Odo's lamp since Ulla", "continuation": " was late 0.",
    }  # fmt: skip
    clusters = [one["cluster"] for one in lined(tmp_path / "suite", "items.jsonl")]
    assert clusters == ["OWL0", "OWL0", "OWL1", "OWL1"]


def test_hellaswag_is_cleaned_and_divided_by_bytes(imported: Import, tmp_path: Path) -> None:
    assert imported("hellaswag").manifest.length_norm == "bytes"
    item = lined(tmp_path / "suite", "items.jsonl")[0]
    assert item["choices"][0]["context"] == "Lighting lamps: Ulla takes a match and strikes it. She"
    assert " eats it. slowly." in {one["continuation"] for one in item["choices"]}


def test_global_mmlu_scores_culturally_sensitive_items_by_themselves(imported: Import, tmp_path: Path) -> None:
    imported("global-mmlu")
    suite = open_suite(tmp_path / "suite")
    draw = draw_requests(suite, key=seed_key(1))
    told = []
    for request in draw.requests:
        item, candidate = draw.resolve(request["id"])
        right = suite.gold[item].gold == candidate
        sensitive = "culturally sensitive" in next(one for one in suite.items if one.id == item).tags
        told.append({"id": request["id"], "logprob": -1.0 if right is not sensitive else -2.0, "tokens": 1})
    tags = score(suite, told, draw=draw).document.tags
    assert tags["culturally sensitive"]["accuracy"].value == 0
    assert tags["culturally agnostic"]["accuracy"].value == 1
    assert tags["culturally sensitive"]["accuracy"].n == 2


def test_global_piqa_names_items_by_the_sources_example_id(imported: Import, tmp_path: Path) -> None:
    assert imported("global-piqa").manifest.key == "global-piqa-nonparallel-eng-latn"
    item = lined(tmp_path / "suite", "items.jsonl")[1]
    assert (item["id"], item["group"]) == ("global_piqa_nonparallel/eng_1", "global_piqa_nonparallel")
    assert item["tags"] == ["culturally specific"]


@pytest.mark.parametrize("name", ["winoground", "vqa"])
def test_images_are_kept_by_digest_and_shown_with_every_candidate(imported: Import, tmp_path: Path, name: str) -> None:
    imported(name)
    kept = {path.name for path in (tmp_path / "suite" / "media").iterdir()}
    for item in lined(tmp_path / "suite", "items.jsonl"):
        assert len({tuple(one["images"]) for one in item["choices"]}) == 1
        assert set(item["choices"][0]["images"]) <= kept


@pytest.mark.parametrize("name", ["winoground", "vqa"])
def test_suites_with_images_are_refused_without_them(source: Path, tmp_path: Path, name: str) -> None:
    SOURCES[name][0](source)
    with pytest.raises(ProblemsFound, match="--images"):
        run(IMPORTERS[name], source, tmp_path / "suite", Options(), any_count=True)
    (source / "empty").mkdir()
    with pytest.raises(ProblemsFound, match="there is no image"):
        run(IMPORTERS[name], source, tmp_path / "suite", Options(images=source / "empty"), any_count=True)


def test_devbenchs_targets_stand_at_several_places_and_their_shares_with_them(imported: Import, tmp_path: Path) -> None:
    imported("devbench-lexical")
    items, gold = lined(tmp_path / "suite", "items.jsonl"), lined(tmp_path / "suite", "gold.jsonl")
    assert items[0]["id"] == "lex-viz_vocab/0/3"
    assert len({line["target"][0] for line in gold}) > 1
    assert all(line["matrix"][0][line["target"][0]] == 0.7 for line in gold)
    assert {item["group"] for item in items} == {"3", "5"}


def test_devbenchs_matrix_of_another_size_is_refused(imported: Import, source: Path) -> None:
    SOURCES["devbench-semantic"][0](source)
    manifest = source / "assets" / "sem-things" / "manifest.csv"
    table(manifest, [{"image1": f"images/{n}.png"} for n in range(4)])
    with pytest.raises(ProblemsFound, match="4 × 4 numbers"):
        imported("devbench-semantic")


def test_lm_eval_takes_documents_and_the_older_form_of_samples_too(source: Path, tmp_path: Path) -> None:
    lines(source / "lamps.jsonl", [{"query": "A lamp is", "choices": ["lit", "a song", "a moth"], "gold": 2}])
    pairs = [["A lamp is", " lit"], ["A lamp is", " a moth"]]
    lines(
        source / "samples_moths_2026-01-02T03-04-05.6.jsonl", [{"doc_id": 7, "arguments": pairs, "target": " a moth"}]
    )
    for name, gold in (("lamps.jsonl", "a moth"), ("samples_moths_2026-01-02T03-04-05.6.jsonl", "a moth")):
        run(IMPORTERS["lm-eval"], source / name, tmp_path / name, Options())
        suite: Suite = open_suite(tmp_path / name)
        item = suite.items[0]
        assert item.choices[suite.gold[item.id].gold].continuation == f" {gold}"
    assert item.id == "moths/7"


def test_a_missing_file_is_told_by_its_name(source: Path, tmp_path: Path) -> None:
    source.mkdir()
    with pytest.raises(ProblemsFound, match=r"no file comps_base\.jsonl"):
        run(IMPORTERS["comps"], source, tmp_path / "suite", Options())
    with pytest.raises(ProblemsFound, match="no such file or folder"):
        run(IMPORTERS["ewok"], source / "nowhere", tmp_path / "suite", Options())


def test_long_names_stay_apart() -> None:
    names = {clip("a property of owls " * 10 + str(number)) for number in range(5)}
    assert len(names) == 5
    assert max(map(len, names)) <= 120


@pytest.mark.data
def test_the_english_tasks_of_2026_have_their_known_sizes(data: Path, tmp_path: Path) -> None:
    written = run(IMPORTERS["finetune-2026"], data / "babylm2026_finetune" / "gold", tmp_path / "suite", Options())
    assert (written.items, written.asserted) == (5971, True)


@pytest.mark.data
def test_reading_as_published_explains_what_its_own_surprisals_do(data: Path, tmp_path: Path) -> None:
    """GPT-2's surprisals in the source explain 9.77 % of the variance left by the baseline, by the published code."""
    written = run(IMPORTERS["reading-eye-tracking"], data / "reading", tmp_path / "suite", Options())
    assert written.asserted
    suite = open_suite(tmp_path / "suite")
    with (data / "reading" / "all_measures.csv").open(newline="") as file:
        known = [float(row["s_GPT2"]) for row in csv.DictReader(file)]
    draw = draw_requests(suite, key=seed_key(1))
    by_id = {item.id: item for item in suite.items}
    told = []
    for request in draw.requests:
        item = by_id[draw.resolve(request["id"])[0]]
        numbers = [0.0 if row is None else known[int(row)] for row in item.covariates["row"]]
        told.append({"id": request["id"], "surprisals": numbers})
    value = score(suite, told, draw=draw).document.metrics["partial_r2"].value
    assert value == pytest.approx(9.77, abs=0.01)


@pytest.mark.data
def test_an_index_of_babylm_gives_the_known_number_of_pairs(data: Path, tmp_path: Path) -> None:
    index = data / "babylm2024" / "blimp_filtered_index.json"
    written = run(IMPORTERS["blimp"], data / "blimp", tmp_path / "suite", Options(index=index))
    assert (written.items, written.asserted) == (59_875, True)
    assert written.counts["complex_NP_island"] == 846


def test_every_task_family_that_is_imported_is_implemented() -> None:
    assert {str(importer.manifest["task"]) for importer in IMPORTERS.values()} <= TASKS.keys()
