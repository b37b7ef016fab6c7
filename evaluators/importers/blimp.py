"""BLiMP as published (67 files of 1,000 minimal pairs) or, with an index of lines, in a filtered form.

Source: Warstadt et al. 2020, "BLiMP: The Benchmark of Linguistic Minimal Pairs for English", CC BY 4.0.
The filtered form of BabyLM 2024 and later keeps 59,875 of the 67,000 pairs.
"""

from collections.abc import Iterator
from pathlib import Path

from evaluators.importers.interface import BINARY, Collector, Counts, Imported, Importer, Options, run
from evaluators.protocol.items import Split
from evaluators.protocol.lines import parse_json, parse_lines
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.suite import SuiteManifest

FILES = 67
PAIRS_PER_FILE = 1000
SUMMARY = "models_summary.jsonl"  # published beside the pairs; it holds accuracies, not items
# How many pairs of each file BabyLM keeps; names in lower case, since sources write complex_NP_island in two ways.
FILTERED: Counts = {
    "adjunct_island": 928, "anaphor_gender_agreement": 971, "anaphor_number_agreement": 931,
    "animate_subject_passive": 895, "animate_subject_trans": 923, "causative": 818, "complex_np_island": 846,
    "coordinate_structure_constraint_complex_left_branch": 906,
    "coordinate_structure_constraint_object_extraction": 949, "determiner_noun_agreement_1": 929,
    "determiner_noun_agreement_2": 931, "determiner_noun_agreement_irregular_1": 681,
    "determiner_noun_agreement_irregular_2": 820, "determiner_noun_agreement_with_adj_2": 941,
    "determiner_noun_agreement_with_adj_irregular_1": 718, "determiner_noun_agreement_with_adj_irregular_2": 840,
    "determiner_noun_agreement_with_adjective_1": 933, "distractor_agreement_relational_noun": 788,
    "distractor_agreement_relative_clause": 871, "drop_argument": 920, "ellipsis_n_bar_1": 802,
    "ellipsis_n_bar_2": 828, "existential_there_object_raising": 812, "existential_there_quantifiers_1": 930,
    "existential_there_quantifiers_2": 911, "existential_there_subject_raising": 924,
    "expletive_it_object_raising": 759, "inchoative": 855, "intransitive": 868,
    "irregular_past_participle_adjectives": 961, "irregular_past_participle_verbs": 942,
    "irregular_plural_subject_verb_agreement_1": 804, "irregular_plural_subject_verb_agreement_2": 892,
    "left_branch_island_echo_question": 947, "left_branch_island_simple_question": 951,
    "matrix_question_npi_licensor_present": 929, "npi_present_1": 909, "npi_present_2": 914,
    "only_npi_licensor_present": 882, "only_npi_scope": 837, "passive_1": 840, "passive_2": 903,
    "principle_a_c_command": 946, "principle_a_case_1": 912, "principle_a_case_2": 915, "principle_a_domain_1": 914,
    "principle_a_domain_2": 915, "principle_a_domain_3": 941, "principle_a_reconstruction": 967,
    "regular_plural_subject_verb_agreement_1": 890, "regular_plural_subject_verb_agreement_2": 945,
    "sentential_negation_npi_licensor_present": 919, "sentential_negation_npi_scope": 871,
    "sentential_subject_island": 961, "superlative_quantifiers_1": 979, "superlative_quantifiers_2": 986,
    "tough_vs_raising_1": 948, "tough_vs_raising_2": 920, "transitive": 868, "wh_island": 960,
    "wh_questions_object_gap": 859, "wh_questions_subject_gap": 898,
    "wh_questions_subject_gap_long_distance": 857, "wh_vs_that_no_gap": 861,
    "wh_vs_that_no_gap_long_distance": 875, "wh_vs_that_with_gap": 919, "wh_vs_that_with_gap_long_distance": 910,
}  # fmt: skip
CITATION = (
    "@article{warstadt-etal-2020-blimp, title={{BLiMP}: The Benchmark of Linguistic Minimal Pairs for {E}nglish}, "
    "author={Warstadt, Alex and Parrish, Alicia and Liu, Haokun and Mohananey, Anhad and Peng, Wei and Wang, Sheng-Fu "
    "and Bowman, Samuel R.}, journal={Transactions of the ACL}, volume={8}, year={2020}}"
)


def read(source: Path, options: Options) -> Imported:
    """The pairs of the folder of published files; raises ProblemsFound where files or counts are not as published.

    `options.index` is a JSON object {file stem: [line numbers from 0]}: those lines, in that order, form the suite, so
    that item `<stem>/<k>` is the k-th of them.
    """
    files = sorted(path for path in source.glob("*.jsonl") if path.name != SUMMARY)
    if len(files) != FILES:
        sentence = f"BLiMP has {FILES} files, here are {len(files)}"
        remedy = "Name the folder that holds the published *.jsonl files."
        raise ProblemsFound([Problem("E-IMPORT-COUNT", sentence, str(source), remedy=remedy)])
    index = options.index
    lines = _index(index, {path.stem for path in files}) if index else None
    collector = Collector(options)
    for path in files:
        pairs = list(_pairs(path))
        for line in range(len(pairs)) if lines is None else lines[path.stem]:
            if not 0 <= line < len(pairs):
                raise ProblemsFound(
                    [Problem("E-IMPORT-INDEX", f"{path.name} has no line {line}", str(index), field=path.stem)]
                )
            good, bad, term = pairs[line]
            collector.choice(path.stem, [{"continuation": good}, {"continuation": bad}], 0, tags=[term])
    expected = {path.stem: FILTERED.get(path.stem.lower()) if lines else PAIRS_PER_FILE for path in files}
    return collector.imported(manifest=VERSIONS[lines is not None], notes=(CHECKED,), expected=expected)


VERSIONS = {
    False: {"key": "blimp", "title": "BLiMP", "version": "2020.1"},
    True: {"key": "blimp-filtered", "title": "BLiMP, filtered for BabyLM 2024", "version": "2024.1"},
}
CHECKED = (
    "Checked against a published submission of BabyLM 2024: its predictions score here as its organizers' own scorer "
    "scores them."
)
IMPORTER = Importer(
    name="blimp",
    title="BLiMP",
    source="Warstadt et al. 2020, github.com/alexwarstadt/blimp",
    license="CC-BY-4.0",
    form="Minimal pairs in 67 files; an item's id is `<file>/<k>`, k counting from 0 within the file as it stands here."
    " A model chooses the sentence to which it gives the larger log-probability; the score is the mean over the files.",
    read=read,
    manifest={"task": "choice", **BINARY, "items": "public"},
    citation=CITATION,
)


def import_blimp(source: Path, dest: Path, *, index: Path | None = None, split: Split = "private") -> int:
    """Write the suite folder `dest` from the folder of published files; returns the number of pairs."""
    # An index of the caller's own says itself how many pairs there are.
    return run(IMPORTER, source, dest, Options(split=split, index=index), any_count=index is not None).items


def manifest(*, filtered: bool) -> SuiteManifest:
    """The suite's manifest: accuracy, as the mean over the 67 files."""
    value = {
        "schema": "suite/1", **VERSIONS[filtered], **IMPORTER.manifest, "license": IMPORTER.license,
        "citation": {"bibtex": CITATION},
    }  # fmt: skip
    return SuiteManifest.from_value(value, file="suite.yaml")


def _index(path: Path, stems: set[str]) -> dict[str, list[int]]:
    value = parse_json(path.read_text(), file=path.name)
    if not isinstance(value, dict) or not all(
        isinstance(numbers, list) and all(isinstance(number, int) for number in numbers) for numbers in value.values()
    ):
        raise ProblemsFound(
            [Problem("E-IMPORT-INDEX", "the index must map file stems to lists of line numbers", path.name)]
        )
    if set(value) != stems:
        strange = sorted(set(value) ^ stems)
        raise ProblemsFound(
            [
                Problem(
                    "E-IMPORT-INDEX",
                    "the index and the folder don't name the same files",
                    path.name,
                    field=strange[0],
                    remedy="Both must name all 67.",
                )
            ]
        )
    return value


def _pairs(path: Path) -> Iterator[tuple[str, str, str]]:
    """Each line's good sentence, bad sentence and linguistic term; raises ProblemsFound."""
    count = 0
    for number, line in parse_lines(path.read_bytes(), file=path.name):
        fields = [line.get(name) for name in ("sentence_good", "sentence_bad", "linguistics_term")]
        if not all(isinstance(field, str) and field for field in fields):
            raise ProblemsFound(
                [
                    Problem(
                        "E-IMPORT-FIELD",
                        "sentence_good, sentence_bad and linguistics_term are required",
                        path.name,
                        number,
                    )
                ]
            )
        count += 1
        yield str(fields[0]), str(fields[1]), str(fields[2])
    if count != PAIRS_PER_FILE:
        raise ProblemsFound(
            [Problem("E-IMPORT-COUNT", f"a BLiMP file has {PAIRS_PER_FILE} pairs, this one {count}", path.name)]
        )
