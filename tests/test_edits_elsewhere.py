"""What a file does elsewhere decides how far a repair may go: two groups, the class alone, or nothing."""

from __future__ import annotations

import pytest
from repairs import repaired

TEXT = """import torch

model = torch.nn.Linear(2, 2)
optimizer = torch.optim.{name}(model.parameters(), lr=1e-3, weight_decay=5e-4)
{rest}
"""


def outcome(rest: str, name: str = "Adam") -> tuple[bool, bool, list[str]]:
    """Whether the class changed, whether the groups were split, and the reasons for what was left."""
    report = repaired(TEXT.format(name=name, rest=rest))
    new = report.fixed or ""
    return f"optim.{name}W(" in new or "decay=True" in new, ".ndim >= 2" in new, [r.reason for r in report.refusals]


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("optimizer.param_groups[0]['lr'] = 1e-4", "writes param_groups[0]"),
        ("optimizer.param_groups[0]['lr'] *= 0.5", "writes param_groups[0]"),
        ("optimizer.param_groups[0]['lr'], x = 1e-4, 1", "writes param_groups[0]"),
        ("optimizer.param_groups[0] = {}", "writes param_groups[0]"),
        ("for optimizer.param_groups[0]['lr'] in (1e-3, 1e-4): pass", "writes param_groups[0]"),
        ("groups = optimizer.param_groups\ngroups[0]['lr'] = 1e-4", "writes param_groups[0]"),
        ("optimizer.param_groups[0].update(lr=1e-4)", "reads param_groups[0] as if it were all"),
        ("group = optimizer.param_groups[0]", "reads param_groups[0] as if it were all"),
        ("print(optimizer.param_groups[0]['params'])", 'reads param_groups[0]["params"] as if it were all'),
        ("print(optimizer.state_dict()['param_groups'][0]['params'])", 'reads param_groups[0]["params"] as if'),
        ("print(optimizer.param_groups[-1]['lr'])", "reads param_groups[-1]"),
        ("print(optimizer.param_groups[1]['lr'])", "reads param_groups[1]"),
        ("print(optimizer.param_groups[len('a')]['lr'])", "reads param_groups[len('a')]"),
        ("print(optimizer.param_groups[:1])", "reads param_groups[:1]"),
        (
            "for group in optimizer.param_groups: group['weight_decay'] = 0.1",
            "the file writes weight_decay to its groups",
        ),
        ("for g in optimizer.param_groups: g['weight_decay'] *= 2", "writes the weight_decay of its groups"),
        (
            "for i, x in enumerate(optimizer.param_groups): x['weight_decay'] *= 2",
            "writes the weight_decay of its groups",
        ),
        ("for g in optimizer.param_groups: g.update(weight_decay=0.1)", "writes the weight_decay of its groups"),
        ("for g in optimizer.param_groups: g.update({'weight_decay': 0.1})", "writes the weight_decay of its groups"),
        ("for g, lr in zip(optimizer.param_groups, [1e-3]): g['lr'] = lr", "calls zip on param_groups"),
        ("assert len(optimizer.param_groups) == 1", "calls len on param_groups"),
        ("(group,) = optimizer.param_groups", "unpacks param_groups"),
        ("[group] = optimizer.param_groups", "unpacks param_groups"),
        ("print(*optimizer.param_groups)", "unpacks param_groups"),
        ("torch.optim.lr_scheduler.LambdaLR(optimizer, lr_lambda=[lambda e: 1])", "gives lr_lambda a list"),
        ("torch.optim.lr_scheduler.LambdaLR(optimizer, [lambda e: 1])", "gives LambdaLR a list"),
        ("f = [lambda e: 1]\ntorch.optim.lr_scheduler.LambdaLR(optimizer, f)", "gives LambdaLR a list"),
        ("torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=[0.1], total_steps=2)", "gives max_lr a list"),
        ("torch.optim.lr_scheduler.OneCycleLR(optimizer, [0.1], total_steps=2)", "gives OneCycleLR a list"),
        ("torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=[0.1] * 1, total_steps=2)", "gives max_lr a list"),
        ("torch.optim.lr_scheduler.CyclicLR(optimizer, base_lr=(0.1,), max_lr=1)", "gives base_lr a list"),
        ("torch.optim.lr_scheduler.CyclicLR(optimizer, 0.1, [1], cycle_momentum=False)", "gives CyclicLR a list"),
        ("torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, min_lr=[1e-6])", "gives min_lr a list"),
        ("optimizer.load_state_dict({})", "loads an optimizer state, saved with one group"),
        (
            "class T:\n    def load(self): self.opt.load_state_dict({})",
            "loads an optimizer state, saved with one group",
        ),
        ("for o in [optimizer]: o.load_state_dict({})", "loads an optimizer state, saved with one group"),
        ("optimizers = [optimizer]\noptimizers[0].load_state_dict({})", "loads an optimizer state, saved with one"),
        ("from apex import amp\namp.initialize(model, optimizer)", "hands the optimizer to amp.initialize"),
        ("from apex.amp import initialize\ninitialize(model, optimizer)", "hands the optimizer to amp.initialize"),
        ("from torch.distributed.fsdp import FullyShardedDataParallel as F\nF(model)", "flattens parameters with FSDP"),
        ("torch.distributed.fsdp.FullyShardedDataParallel(model)", "flattens parameters with FSDP"),
        ("from lightning import Trainer\nTrainer(strategy='fsdp_native')", "flattens parameters with FSDP"),
        ("torch.nn.LazyLinear(2)", "builds LazyLinear: its parameters have no dimensions before the first batch"),
        ("from torch.nn import LazyConv2d as C\nC(2, 2)", "parameters have no dimensions before the first batch"),
        (
            "f(optimizer).add_param_group({'params': []})",
            "adds a group that gets its weight_decay from the constructor",
        ),
    ],
)
def test_only_the_class_changes(rest: str, reason: str) -> None:
    swapped, split, reasons = outcome(rest)
    assert (swapped, split, len(reasons)) == (True, False, 1)
    assert reasons[0].startswith("the groups stay: ")
    assert reason in reasons[0]


@pytest.mark.parametrize(
    "rest",
    [
        "print(optimizer.state_dict()['param_groups'][0]['lr'])",
        "print(optimizer.param_groups[0]['lr'])",  # the first group decays, and both share the rate
        "for group in optimizer.param_groups: group['lr'] = 1e-4",
        "for i, group in enumerate(optimizer.param_groups): print(i, group['weight_decay'])",
        "torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1)",
        "torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=2)",
        "model.load_state_dict(model.state_dict())",
        "for p in model.parameters(): p.requires_grad = False",
        "assert type(model) is torch.nn.Linear",
        "class Block(torch.nn.Module): ...\nassert type(model) is not Block",
        "assert isinstance(optimizer, torch.optim.Optimizer)",
        "len(list(model.parameters()))",
        "zip(model.parameters(), [1])",
        "config = {}\nconfig['weight_decay'] = 0.1",
        "torch.save(optimizer.state_dict(), 'x.pt')",
        "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
    ],
)
def test_what_two_groups_do_not_disturb(rest: str) -> None:
    assert outcome(rest) == (True, True, [])


@pytest.mark.parametrize(
    "test",
    [
        "type(optimizer) is torch.optim.Adam",
        "torch.optim.Adam == type(optimizer)",
        "type(optimizer) in (torch.optim.SGD, torch.optim.Adam)",
        "optimizer.__class__ is torch.optim.Adam",
        "optimizer.__class__.__name__ == 'Adam'",
        "type(optimizer).__name__ != 'Adam'",
    ],
)
def test_the_class_stays_where_it_is_asked_for(test: str) -> None:
    reason = "the class stays: line 5 tests the exact class of an optimizer"
    assert outcome(f"print({test})") == (False, True, [reason])


def test_nothing_changes_where_a_state_resets_the_flag() -> None:
    swapped, split, (reason,) = outcome("optimizer.load_state_dict({})", "NAdam")
    assert (swapped, split) == (False, False)
    assert reason.startswith("decoupled_weight_decay stays: line 5 loads an optimizer state, which resets the flag; ")


def test_a_decay_that_was_inherited_is_written_out() -> None:
    rest = "optimizer.add_param_group({'params': [torch.zeros(2)], 'weight_decay': 0.1})"
    text = (
        TEXT.format(name="Adam", rest=rest)
        .replace("model.parameters()", "[model.bias]")
        .replace(", weight_decay=5e-4", "")
    )
    assert "AdamW([model.bias], lr=1e-3, weight_decay=0.0)\n" in (repaired(text).fixed or "")
