"""Bytes -> can this file matter at all? Cheap, and never wrong when it says no."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["may_matter"]

SUPPRESSING = (b"wdlint:", b"WDLINT:", b"Wdlint:")
ESCAPES = (b"utf-7", b"utf_7", b"utf-16", b"utf_16", b"utf-32", b"utf_32", b"unicode_escape", b"rot13", b"rot_13")
# Every optimizer the catalogue can resolve is imported or reached through one of these words. Keep in step with
# wdlint/catalogue.toml: tests/test_screen.py compares them.
OPTIMIZERS = (b"optim", b"Optim")
LIBRARIES = (
    b"torch", b"apex", b"bitsandbytes", b"deepspeed", b"transformers", b"timm", b"keras", b"tensorflow", b"optax",
    b"paddle", b"fastai", b"fairseq", b"lion_pytorch", b"dadaptation", b"prodigyopt", b"schedulefree", b"heavyball",
    b"composer", b"catalyst", b"adabelief", b"muon", b"detectron2", b"ultralytics", b"mmengine", b"flax",
)  # fmt: skip


def may_matter(data: bytes, codes: Collection[str], extra: Collection[str] = ()) -> bool:
    """Whether a file can hold a finding of one of the codes. `extra`: modules of the user's own optimizers."""
    if not data:
        return False
    if b"WD" in data or any(word in data for word in SUPPRESSING):
        return True  # a suppression, used or not
    if any(word in data[:200].lower() for word in ESCAPES) or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True  # words may hide behind the encoding
    if any(module.encode() in data for module in extra):
        return True
    if b"named_parameters" in data or b".parameters(" in data:
        return b"torch" in data or any(word in data for word in LIBRARIES)
    return any(word in data for word in OPTIMIZERS) and any(word in data for word in LIBRARIES) or any(
        word in data for word in LIBRARIES[10:]
    )
