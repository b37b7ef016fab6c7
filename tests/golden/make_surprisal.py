"""Makes surprisal.json: `python make_surprisal.py all_measures.csv > surprisal.json`, with pandas and statsmodels.

The numbers come from statsmodels' formulas on the word-level table, one row a word: nothing of this project takes part.
`eye_tracking`: baseline of frequency, length and words before, with pairwise products. `self_paced`: the previous
word's length and surprisal join it; a sentence's first word is in no row, and its surprisal unknown, so the second has
no previous surprisal and drops.
"""

import json
import sys
from itertools import combinations

import pandas as pd
import statsmodels.formula.api as smf

EYES = ("RTfirstfix", "RTfirstpass", "RTrightbound", "RTgopast")
SURPRISALS = ("s_GPT2", "s_GPT2_medium", "s_GPT2_xl", "s_GPTNeo_125M", "rnn", "trigram")
BASELINE = ["Subtlex_log10", "length", "context_length"]


def partial_r2(table: pd.DataFrame, measure: str, added: str, baseline: list[str]) -> float:
    rows = table[[measure, added, *baseline]].dropna()
    terms = [*baseline, *(f"{first}:{second}" for first, second in combinations(baseline, 2))]
    without = smf.ols(f"{measure} ~ {' + '.join(terms)}", data=rows).fit().rsquared
    beside = smf.ols(f"{measure} ~ {' + '.join([*terms, added])}", data=rows).fit().rsquared
    return float((beside - without) / (1 - without) * 100)


def main() -> None:
    table = pd.read_csv(sys.argv[1], keep_default_na=False, na_values=["", "NA"])
    table = table.sort_values(["sent_id", "context_length"])
    first = table["sentence"].str.split().str[0].str.len()
    before = table.groupby("sent_id")["length"].shift()
    table["previous_length"] = before.fillna(first)
    found: dict[str, dict[str, object]] = {"eye_tracking": {}, "self_paced": {}}
    for name in SURPRISALS:
        found["eye_tracking"][name] = {eye: partial_r2(table, eye, name, BASELINE) for eye in EYES}
        table["previous_surprisal"] = table.groupby("sent_id")[name].shift()
        wide = [*BASELINE, "previous_length", "previous_surprisal"]
        found["self_paced"][name] = partial_r2(table, "self_paced_reading_time", name, wide)
    json.dump({"made": "make_surprisal.py, statsmodels", **found}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
