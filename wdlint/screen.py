"""Bytes -> can this file matter at all? Cheap, and never wrong when it says no."""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = ["may_matter"]

COMMON = (b"torch", b"transformers", b"timm", b"keras", b"tensorflow", b"paddle")  # mostly imported for other things
RARE = (
    b"adabelief_pytorch", b"apex", b"bitsandbytes", b"catalyst", b"composer", b"dadaptation", b"deepspeed", b"fairseq",
    b"fastai", b"heavyball", b"lion_pytorch", b"muon", b"optax", b"prodigyopt", b"pytorch_optimizer", b"schedulefree",
    b"torch_optimizer", b"torchao",
)  # fmt: skip
MODULES = (b"ptim", b"Ada")  # torch.optim, keras.optimizers, transformers.AdamW: one of these is always written
NAMED = b"named_parameters"
KEPT = re.compile(rb"=\s*[\w.]+\.parameters\(\s*\)")  # a generator that is bound to a name
SUPPRESSION = re.compile(rb"wdlint\s*:|\bWD\d", re.I)
DECLARED = re.compile(rb"coding[:=]\s*(?!utf-?8|latin|iso-?8859|ascii|cp125|us-ascii)[-\w]+", re.I)


def may_matter(data: bytes, codes: Collection[str], extra: Collection[str] = ()) -> bool:
    """Whether a file can hold a finding of one of the codes. `extra`: classes of the user's own optimizers."""
    if not data or not codes:
        return False
    if any(name.encode() in data for name in extra):
        return True
    if any(root in data for root in COMMON) and any(word in data for word in MODULES):
        return True
    if NAMED in data or any(root in data for root in RARE) or KEPT.search(data):
        return True
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or DECLARED.search(data[:400]):
        return True  # words may hide behind the encoding
    return SUPPRESSION.search(data) is not None
