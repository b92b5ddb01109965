"""Facts -> findings: all rules, in the order of their codes."""

from __future__ import annotations

from wdlint.checks import (
    wd101_coupled_decay,
    wd102_coupled_decay_unknown,
    wd201_decayed_bias_norm,
    wd202_decayed_bias_norm_sgd,
    wd203_implicit_decay,
    wd204_ignored_group_key,
    wd205_dead_no_decay_list,
    wd206_exhausted_parameters,
    wd207_inherited_group_decay,
    wd208_no_op_grouping,
    wd301_decay_out_of_range,
    wd302_invalid_decay,
    wd303_ineffective_decay,
    wd305_decay_equals_lr,
    wd900_unreadable,
    wd901_unused_suppression,
)
from wdlint.model import Rule

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = (
    wd101_coupled_decay.RULE,
    wd102_coupled_decay_unknown.RULE,
    wd201_decayed_bias_norm.RULE,
    wd202_decayed_bias_norm_sgd.RULE,
    wd203_implicit_decay.RULE,
    wd204_ignored_group_key.RULE,
    wd205_dead_no_decay_list.RULE,
    wd206_exhausted_parameters.RULE,
    wd207_inherited_group_decay.RULE,
    wd208_no_op_grouping.RULE,
    wd301_decay_out_of_range.RULE,
    wd302_invalid_decay.RULE,
    wd303_ineffective_decay.RULE,
    wd305_decay_equals_lr.RULE,
    wd900_unreadable.RULE,
    wd901_unused_suppression.RULE,
)
