"""Small sources in each layout that is imported; every sentence in them is invented."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import savemat

Rows = list[dict[str, Any]]


def lines(path: Path, rows: Rows) -> None:
    """Write JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def table(path: Path, rows: Rows) -> None:
    """Write a .csv or .tsv."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(rows)


def picture(path: Path, number: int) -> None:
    """Write some bytes that stand for an image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes([number]))


def pair(number: int, **more: Any) -> dict[str, Any]:
    """A minimal pair as BLiMP writes it."""
    return {"sentence_good": f"The {number} owls hoot.", "sentence_bad": f"The {number} owls hoots.", **more}


def blimp_filtered(folder: Path) -> None:
    """Two of the files, with few lines."""
    for name in ("adjunct_island", "complex_NP_island"):
        lines(folder / f"{name}.jsonl", [pair(n, linguistics_term="island_effects") for n in range(4)])


def blimp_2023(folder: Path) -> None:
    """Three files of BLiMP's own, of two phenomena, and one of the pipeline's own for a third."""
    for name, term in (
        ("animate_subject_trans", "s-selection"),
        ("causative", "argument_structure"),
        ("wh_island", "island_effects"),
    ):
        lines(folder / f"{name}.jsonl", [pair(n, linguistics_term=term, UID=name) for n in range(2)])
    lines(folder / "filler_gap.json", [pair(n) for n in range(2)])


def blimp_supplement(folder: Path) -> None:
    """Two of the files."""
    for name in ("hypernym", "turn_taking"):
        lines(folder / f"{name}.jsonl", [pair(n) for n in range(3)])


def ewok(folder: Path) -> None:
    """Two domains."""
    for domain in ("social-relations", "spatial-relations"):
        lines(
            folder / f"{domain}.jsonl",
            [
                {
                    "Domain": domain, "ConceptA": "near", "ConceptB": "far", "ContextType": "direct",
                    "ContextDiff": "antonym", "TargetDiff": "concept swap", "MetaTemplateID": n // 2,
                    "Context1": f"Ulla {n} stands near the mill.", "Context2": f"Ulla {n} stands far from the mill.",
                    "Target1": "The mill is close to Ulla.", "Target2": "The mill is remote from Ulla.",
                }
                for n in range(4)
            ],
        )  # fmt: skip


def comps(folder: Path) -> None:
    """The four files."""
    for name in ("comps_base", "comps_wugs", "comps_wugs_dist-before", "comps_wugs_dist-in-between"):
        lines(
            folder / f"{name}.jsonl",
            [
                {
                    "prefix_acceptable": f"A heron {n}", "prefix_unacceptable": f"A spoon {n}", "property": "can wade",
                    "property_phrase": "can wade.", "negative_sample_type": "taxonomic",
                }
                for n in range(2)
            ],
        )  # fmt: skip


def entity_tracking(folder: Path) -> None:
    """Two files, one of them below the folder, of two cells each; the cells have four and five options."""
    for place, options in (("regular", 4), ("deeper/ambiref", 5)):
        lines(
            folder / f"{place}.jsonl",
            [
                {
                    "input_prefix": f"Box {n} holds the harp. Box {n} holds", "numops": n % 2, "sample_id": n // 2,
                    "options": [f" the {thing} {n}." for thing in ("harp", "kite", "lamp", "moss", "nail")[:options]],
                }
                for n in range(4)
            ],
        )  # fmt: skip


def entity_tracking_2026(folder: Path) -> None:
    """The same, and in each file a line with an option that says that there is nothing."""
    entity_tracking(folder)
    for path in folder.rglob("*.jsonl"):
        nothing = {"input_prefix": "Box 9 holds", "options": [" the harp.", " Nothing."], "numops": 0, "sample_id": 9}
        path.write_text(json.dumps(nothing) + "\n" + path.read_text())


def wug(folder: Path) -> None:
    """Both files."""
    rows = [{"sentences": f"It shows florb{n}ity.\tIt shows florb{n}ness.", "ratio": n / 8} for n in range(8)]
    lines(folder / "wug_adj_nominalization.jsonl", rows)
    lines(folder / "wug_past_tense.jsonl", rows[:5])


READING = (
    "The heron waded slowly home.", "Old mills turn in the wind.", "Somebody lit every lamp again today.",
    "Ulla counted nine owls behind the second barn.", "Nobody had swept the narrow stairs since spring.",
    "His brother mended three nets before the tide came in.", "A kite hung over the empty harbour all morning.",
)  # fmt: skip


def reading(folder: Path) -> None:
    """Sentences whose rows stand in another order; a frequency is missing, and the first word is in no row."""
    rng = np.random.default_rng(7)
    rows = []
    for number, sentence in enumerate(READING):
        words = sentence.split()
        for place in range(1, len(words)):
            measures = rng.normal(250, 40, 5).round(3)
            rows.append(
                {
                    "item": " ".join(words[:place]), "word": words[place], "sent_id": number + 40,
                    "context_length": place, "length": len(words[place].strip(".")),
                    "Subtlex_log10": "" if number == place == 1 else round(float(rng.normal(10, 2)), 4),
                    **dict(zip(("RTfirstfix", "RTfirstpass", "RTgopast", "RTrightbound", "self_paced_reading_time"),
                               measures, strict=True)),
                }
            )  # fmt: skip
    order = rng.permutation(len(rows))
    table(folder / "all_measures.csv", [rows[position] for position in order])


def aoa(folder: Path) -> None:
    """Three words, one of one letter and one that no child data is about; and one row with an empty cell."""
    words = {"owl": 3, "mill": 2, "I": 2, "zeugma": 1}
    value = {word: [{"context": f"Look, context {n} of a"} for n in range(count)] for word, count in words.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cdi_childes.json").write_text(json.dumps(value))
    known = {"owl": (0.1, "", 0.8), "mill": (0.0, 0.2, 0.6)}
    rows = [{"word": word, **dict(zip(("16", "18", "30"), shares, strict=True))} for word, shares in known.items()]
    table(folder / "cdi_human.csv", rows)


def glue(folder: Path) -> None:
    """Five of the subtasks; `mnli-mm` has no file to learn from."""
    texts: dict[str, Callable[[int], dict[str, str]]] = {
        "cola": lambda n: {"sentence": f"The owl {n} hoots."},
        "boolq": lambda n: {"question": f"do owls hoot {n}", "passage": "Owls hoot at night."},
        "mnli": lambda n: {"premise": f"Owl {n} hoots.", "hypothesis": "A bird makes a sound."},
        "multirc": lambda n: {"paragraph": "Ulla lit a lamp.", "question": "Who lit it?", "answer": f"Ulla {n}"},
        "wsc": lambda n: {"text": f"Ulla {n} saw that she was late.", "span1_text": "Ulla", "span2_text": "she"},
    }
    labels: dict[str, list[Any]] = {"mnli": [0, 1, 2], "boolq": [True, False]}
    for name, made in texts.items():
        classes = labels.get(name, [0, 1])
        rows = [{**made(n), "label": classes[n % len(classes)], "idx": n} for n in range(6)]
        lines(folder / f"{name}.valid.jsonl", rows)
        lines(folder / f"{name}.train.jsonl", rows[:4])
    lines(folder / "mnli-mm.valid.jsonl", [{**texts["mnli"](n), "label": n % 3} for n in range(6)])


def msgs(folder: Path) -> None:
    """A subtask in the pipeline's layout."""
    rows = [{"sentence": f"The owl {n} has hooted.", "label": n % 2} for n in range(6)]
    lines(folder / "main_verb_control.train.json", rows)
    lines(folder / "main_verb_control.test.json", rows)


def msgs_source(folder: Path) -> None:
    """The same in the source's own layout."""
    rows = [{"sentence": f"The owl {n} has hooted.", "linguistic_feature_label": n % 2} for n in range(6)]
    lines(folder / "main_verb_control" / "train.jsonl", rows)
    lines(folder / "main_verb_control" / "test.jsonl", rows)


def finetune(folder: Path) -> None:
    """Two English tasks, one with words as classes."""
    rows = [{"idx": 9 - n, "sentence": f"Lamp {n}?\nA: lit\nB: not", "label": "AB"[n % 2]} for n in range(4)]
    lines(folder / "arc" / "arc_en.valid.jsonl", rows)
    lines(folder / "arc" / "arc_en.train.jsonl", rows)
    pairs = [{"idx": n, "premise": f"Owl {n} hoots.", "hypothesis": "It sings.", "label": n % 3} for n in range(6)]
    lines(folder / "xnli" / "xnli_en.valid.jsonl", pairs)
    lines(folder / "xnli" / "xnli_en.train.jsonl", pairs)


def multiblimp(folder: Path) -> None:
    """One language, as the folder of its name."""
    rows = [{"sen": f"The owl {n} hoots.", "wrong_sen": f"The owl {n} hoot.", "phenomenon": "SV-#"} for n in range(4)]
    table(folder / "eng" / "data.tsv", rows)


def blimp_nl(folder: Path) -> None:
    """Two phenomena."""
    for name in ("passive", "quantifiers"):
        lines(folder / f"{name}.jsonl", [pair(n, paradigm=f"{name}_1", item_id=n // 2) for n in range(4)])


def zhoblimp(folder: Path) -> None:
    """Two paradigms."""
    for name in ("BA_deletion", "ya_insertion"):
        lines(folder / f"{name}.jsonl", [pair(n, phenomenon="BA construction", UID=name) for n in range(3)])


def xcomps(folder: Path) -> None:
    """One language."""
    rows = [
        {"acceptable_sent": f"Een reiger {n} waadt.", "unacceptable_sent": f"Een lepel {n} waadt."} for n in range(4)
    ]
    lines(folder / "comps_nl.jsonl", rows)


def winogrande(folder: Path) -> None:
    """The published layout: twins share an id."""
    rows = [
        {"qID": f"OWL{n // 2}-{n % 2 + 1}", "sentence": f"Ulla lit Odo's lamp since _ was late {n}.", "option1": "Ulla",
         "option2": "Odo", "answer": str(n % 2 + 1)}
        for n in range(4)
    ]  # fmt: skip
    lines(folder / "dev.jsonl", rows)


def hellaswag(folder: Path) -> None:
    """The published layout, with marks of WikiHow."""
    rows = [
        {"ind": n, "activity_label": "Lighting lamps", "ctx_a": "Ulla takes a match [step] and strikes it.",
         "ctx_b": "she",
         "endings": [f"lights lamp {n}.", "eats it [title] slowly.", "is a lamp.", "flies off."], "label": str(n % 4),
         "source_id": f"wikihow~{n // 2}"}
        for n in range(4)
    ]  # fmt: skip
    lines(folder / "hellaswag_val.jsonl", rows)


def xstorycloze(folder: Path) -> None:
    """The published layout."""
    rows = [
        {"story_id": n, **{f"input_sentence_{k}": f"Sentence {k} of story {n}." for k in range(1, 5)},
         "sentence_quiz1": "The lamp burnt.", "sentence_quiz2": "The lamp sang.", "answer_right_ending": n % 2 + 1}
        for n in range(4)
    ]  # fmt: skip
    lines(folder / "eval.jsonl", rows)


def mubench(folder: Path) -> None:
    """MuBench's layout."""
    rows = [
        {"prompt": f"Lamp {n} burns, so", "choices": [" it is lit.", " it sings."], "label": n % 2} for n in range(4)
    ]
    lines(folder / "test.jsonl", rows)


def global_piqa(folder: Path) -> None:
    """The nonparallel part of one language."""
    rows = [
        {"prompt": f"To light lamp {n},", "solution0": "strike a match.", "solution1": "strike a pose.", "label": n % 2,
         "language": "eng_latn", "example_id": f"eng_{n}", "approx_cultural_score": n % 2}
        for n in range(4)
    ]  # fmt: skip
    table(folder / "global_piqa_nonparallel" / "eng_latn.tsv", rows)


def global_mmlu(folder: Path) -> None:
    """One language, with every label of sensitivity."""
    rows = [
        {"sample_id": f"lamps/{n}", "subject": "lamps" if n < 3 else "mills", "subject_category": "Other",
         "question": f"What lights lamp {n}?", "option_a": "a match", "option_b": "a moth", "option_c": "a mill",
         "option_d": "a mole", "answer": "ABCD"[n % 4], "cultural_sensitivity_label": ["CS", "CA", "-"][n % 3]}
        for n in range(6)
    ]  # fmt: skip
    table(folder / "nl" / "test.csv", rows)


def winoground(folder: Path) -> None:
    """Two samples, each with two images."""
    rows = [
        {"image_idx": n // 2, "image_key": f"image_{n % 2}", "caption_0": f"an owl on mill {n}",
         "caption_1": f"a mill on owl {n}", "tag": "Object", "secondary_tag": "", "collapsed_tag": "Object"}
        for n in range(4)
    ]  # fmt: skip
    lines(folder / "winoground.jsonl", rows)
    for n in range(4):
        picture(folder / "images" / f"ex_{n // 2}_img_{n % 2}.png", n)


def vqa(folder: Path) -> None:
    """Three questions about two images."""
    rows = [
        {"question": f"What hoots {n}?", "target_ans": "owl", "distractors": [f"thing {k}" for k in range(7)],
         "idx_in_hf_dataset": n, "image_id": 100 + n // 2, "question_id": n}
        for n in range(3)
    ]  # fmt: skip
    lines(folder / "vqa_distractors_info.jsonl", rows)
    for number in (100, 101):
        picture(folder / "images" / f"COCO_val2014_{number:012d}.jpg", number)


def devbench(folder: Path) -> None:
    """All three tasks; the vocabulary has two ages."""
    for task, trials in (("lex-viz_vocab", 12), ("gram-trog", 8)):
        assets = folder / "assets" / task
        rows = []
        for n in range(trials):
            names = {f"image{k}": f"images/{n}_{k}.png" for k in range(1, 5)}
            for k, name in enumerate(names.values()):
                picture(assets / name, (4 * n + k + 100 * (task == "gram-trog")) % 256)
            rows.append({"text1": f"the owl {n}", **names})
        table(assets / "manifest.csv", rows)
        ages = ("3", "5") if task == "lex-viz_vocab" else ("",)
        people = [
            {**({"age_bin": age} if age else {}), "trial": n + 1, "image1": 0.7,
             "image2": 0.1, "image3": 0.1, "image4": 0.1}
            for age in ages for n in range(trials)
        ]  # fmt: skip
        table(folder / "evals" / task / "human.csv", people)
    things = folder / "assets" / "sem-things"
    for n in range(5):
        picture(things / "images" / f"{n}.png", 200 + n)
    table(things / "manifest.csv", [{"image1": f"images/{n}.png"} for n in range(5)])
    matrix = np.random.default_rng(3).random((5, 5))
    (folder / "evals" / "sem-things").mkdir(parents=True)
    savemat(folder / "evals" / "sem-things" / "spose_similarity.mat", {"spose_sim": (matrix + matrix.T) / 2})


def lm_eval(folder: Path) -> None:
    """Logged samples in the newer form; each stands twice, once for each filter."""
    rows = [
        {"doc_id": n, "doc": {}, "target": str(n % 2), "filter": name,
         "arguments": {"gen_args_0": {"arg_0": f"Lamp {n} is", "arg_1": " lit"},
                       "gen_args_1": {"arg_0": f"Lamp {n} is", "arg_1": " a song"}}}
        for name in ("none", "other") for n in range(4)
    ]  # fmt: skip
    lines(folder / "samples_lamps_2026-01-02T03-04-05.678901.jsonl", rows)


# By importer: what makes a source, what to name of it, and how many items come out.
SOURCES: dict[str, tuple[Callable[[Path], None], str, int]] = {
    "blimp-2023": (blimp_2023, "", 8),
    "blimp-filtered": (blimp_filtered, "", 8),
    "blimp-fast": (blimp_filtered, "", 8),
    "blimp-supplement": (blimp_supplement, "", 6),
    "blimp-supplement-fast": (blimp_supplement, "", 6),
    "ewok": (ewok, "", 8),
    "ewok-fast": (ewok, "", 8),
    "comps": (comps, "", 8),
    "entity-tracking": (entity_tracking, "", 8),
    "entity-tracking-fast": (entity_tracking, "", 8),
    "entity-tracking-2026": (entity_tracking_2026, "", 8),
    "entity-tracking-fast-2026": (entity_tracking_2026, "", 8),
    "wug-adj": (wug, "", 8),
    "wug-past": (wug, "", 5),
    "reading-eye-tracking": (reading, "", 7),
    "reading-self-paced": (reading, "", 7),
    "aoa": (aoa, "", 2),
    "glue": (glue, "", 24),
    "glue-2024": (glue, "", 36),
    "msgs": (msgs, "", 6),
    "finetune-2026": (finetune, "", 10),
    "multiblimp": (multiblimp, "eng", 4),
    "blimp-nl": (blimp_nl, "", 8),
    "zhoblimp": (zhoblimp, "", 6),
    "xcomps": (xcomps, "", 4),
    "winogrande": (winogrande, "", 4),
    "hellaswag": (hellaswag, "", 4),
    "xstorycloze": (xstorycloze, "", 4),
    "global-piqa": (global_piqa, "global_piqa_nonparallel", 4),
    "global-mmlu": (global_mmlu, "nl", 6),
    "winoground": (winoground, "", 4),
    "vqa": (vqa, "", 3),
    "devbench-lexical": (devbench, "", 24),
    "devbench-grammatical": (devbench, "", 8),
    "devbench-semantic": (devbench, "", 1),
    "lm-eval": (lm_eval, "", 4),
}
