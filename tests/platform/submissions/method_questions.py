"""What the tests of answers ask."""

QUESTIONS = [
    {"key": "epochs", "type": "integer", "required": True, "min": 0},
    {"key": "approaches", "type": "multi", "options": ["curriculum", "distillation"], "required": "by-deadline"},
    {"key": "hardware", "type": "text"},
]
