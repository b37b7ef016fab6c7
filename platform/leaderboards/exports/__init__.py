"""Tables to download: a challenge's results for reviewers, in several layouts and formats, and boards as seen."""

from leaderboards.exports.boards import board_csv as board_csv
from leaderboards.exports.boards import results_csv as results_csv
from leaderboards.exports.cells import safe_cell as safe_cell
