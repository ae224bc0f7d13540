from .names import make_rule as make_rule
