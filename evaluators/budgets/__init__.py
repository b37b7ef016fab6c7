"""What a training may use: counting it as BabyLM counts, and comparing what was declared with a track's budget."""

from evaluators.budgets.accounts import Account, account_of, budget_problems
from evaluators.budgets.counting import Counted, count_files, count_text
from evaluators.budgets.ledger import MAX_LEDGER_BYTES, ledger_problems, read_ledger
from evaluators.budgets.premiums import byte_premium, english_bytes

__all__ = [
    "MAX_LEDGER_BYTES",
    "Account",
    "Counted",
    "account_of",
    "budget_problems",
    "byte_premium",
    "count_files",
    "count_text",
    "english_bytes",
    "ledger_problems",
    "read_ledger",
]
