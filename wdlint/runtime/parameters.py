"""What each parameter of a live model is: a weight, a bias, a norm gain, an embedding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.parameter import UninitializedParameter
from torch.nn.utils.parametrize import ParametrizationList

__all__ = ["WRAPPERS", "Parameter", "Role", "named", "stray"]

# Wrappers by class, and what they put into names; the parameter itself stays the same object.
WRAPPERS = {
    "DistributedDataParallel": "module",
    "DataParallel": "module",
    "OptimizedModule": "_orig_mod",  # torch.compile
    "FullyShardedDataParallel": "_fsdp_wrapped_module",  # FSDP1
    "CheckpointWrapper": "_checkpoint_wrapped_module",
}
BIAS = re.compile(r"bias(es)?(_\w+)?|\w+_bias(es)?")  # bias, bias_ih_l0, bias_k, in_proj_bias, dt_bias
NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
LAYERS = (nn.Linear, nn.Bilinear, nn.modules.conv._ConvNd, nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention)
EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)


class Role(Enum):
    """What a parameter does in its module."""

    WEIGHT = "weight"
    BIAS = "bias"
    NORM = "norm gain"
    SCALAR = "scalar"  # one number: logit_scale, PReLU's slope
    VECTOR = "vector"  # any other with one dimension: LayerScale's gamma
    EMBEDDING = "embedding"
    MAGNITUDE = "weight-norm magnitude"  # carries the norm of a weight, so decay means something here
    RAW = "raw parameter"  # of two or more dimensions, on no layer: cls_token, pos_embed
    FLAT = "flat parameter"  # FSDP1: many parameters in one vector
    UNKNOWN = "unknown"  # not materialised, of a module that says nothing

    @property
    def plural(self) -> str:
        return {"bias": "biases"}.get(self.value, f"{self.value}s" if self is not Role.UNKNOWN else self.value)

    @property
    def vector(self) -> bool:
        """Whether practice leaves it undecayed: biases, norm gains, anything of fewer than two dimensions."""
        return self in (Role.BIAS, Role.NORM, Role.SCALAR, Role.VECTOR)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, with the names the model gives it."""

    name: str  # without the parts that wrappers add; "" for a tensor the model does not have
    role: Role
    shape: tuple[int, ...] | None  # None: not materialised yet
    dtype: str  # "float32"
    owner: str  # class of its module: "LayerNorm"
    trainable: bool = True
    sparse: bool = False  # its gradients are sparse tensors
    tied: tuple[str, ...] = ()  # its further names
    hidden: tuple[str, ...] = ()  # FLAT: the names inside

    @property
    def size(self) -> int:
        """How many numbers it holds, 0 while it is not materialised."""
        return 0 if self.shape is None else int(torch.Size(self.shape).numel())

    def __str__(self) -> str:
        shape = "not materialised" if self.shape is None else "x".join(map(str, self.shape)) or "scalar"
        return f"{self.name or 'a tensor'} ({shape})"


def named(model: nn.Module) -> dict[int, Parameter]:
    """Every parameter of a model by id, in the order of `parameters()`; a tied one once, with all its names."""
    owners = dict(model.named_modules(remove_duplicate=False))
    found: dict[int, Parameter] = {}
    names: dict[int, list[str]] = {}
    for path, parameter in model.named_parameters(remove_duplicate=False):
        prefix, _, attribute = path.rpartition(".")
        seen = names.setdefault(id(parameter), [])
        name = plain(path, owners)
        if name not in seen:
            seen.append(name)
        if id(parameter) not in found:
            owner, attribute = layer(owners, prefix, attribute)
            found[id(parameter)] = described(name, parameter, owner, attribute)
    return {key: replace(parameter, tied=tuple(names[key][1:])) for key, parameter in found.items()}


def stray(tensor: torch.Tensor, name: str = "") -> Parameter:
    """A tensor of an optimizer that no module of the model holds."""
    return described(name, tensor, None, name.rpartition(".")[2])


def plain(path: str, owners: dict[str, nn.Module]) -> str:
    """A name without the parts that wrappers add, so that it is the one the user's own model has."""
    kept, above = [], ""
    for part in path.split("."):
        if WRAPPERS.get(type(owners.get(above)).__name__) != part:
            kept.append(part)
        above = f"{above}.{part}".removeprefix(".")
    return ".".join(kept)


def layer(owners: dict[str, nn.Module], prefix: str, attribute: str) -> tuple[nn.Module, str]:
    """The module a parameter serves and the attribute it stands for; a parametrized one belongs to the layer above."""
    owner = owners[prefix]
    if not isinstance(owner, ParametrizationList):
        return owner, attribute
    above, _, tensor = prefix.rpartition(".")
    module = owners[above.rpartition(".")[0]]
    if any(type(inner).__name__ == "_WeightNorm" for inner in owner) and attribute == "original0":
        return module, f"{tensor}_g"
    return module, tensor if attribute == "original" else f"{tensor}_v"


def described(name: str, tensor: torch.Tensor, owner: nn.Module | None, attribute: str) -> Parameter:
    lazy = isinstance(tensor, UninitializedParameter)
    return Parameter(
        name=name,
        role=role(tensor, owner, attribute),
        shape=None if lazy else tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        owner=type(owner).__name__ if owner is not None else "",
        trainable=tensor.requires_grad,
        sparse=bool(getattr(owner, "sparse", False)) if isinstance(owner, EMBEDDINGS) else sparse(tensor),
        hidden=tuple(getattr(tensor, "_fqns", ())) if flat(tensor) else (),
    )


def sparse(tensor: torch.Tensor) -> bool:
    return tensor.is_leaf and tensor.grad is not None and tensor.grad.is_sparse


def flat(tensor: torch.Tensor) -> bool:
    """Whether FSDP1 made it; its metaclass lets isinstance be true only where the flag is set."""
    return bool(getattr(tensor, "_is_flat_param", False))


# -------------------------------------------------------------------------------------------- roles


def role(tensor: torch.Tensor, owner: nn.Module | None, attribute: str) -> Role:
    """By the module first, because a Linear's weight of shape (1, n) is no vector and FSDP1 flattens every shape."""
    if flat(tensor):
        return Role.FLAT
    lazy = isinstance(tensor, UninitializedParameter)
    if BIAS.fullmatch(attribute) and (lazy or thin(tensor) or isinstance(owner, (*LAYERS, *NORMS))):
        return Role.BIAS
    if owner is not None and norm(owner):
        return Role.NORM
    if attribute.endswith("_g") and owner is not None and weight_normed(owner, attribute):
        return Role.MAGNITUDE
    if isinstance(owner, EMBEDDINGS):
        return Role.EMBEDDING
    if isinstance(owner, LAYERS):
        return Role.WEIGHT
    return Role.UNKNOWN if lazy else by_shape(tensor, owner, attribute)


def by_shape(tensor: torch.Tensor, owner: nn.Module | None, attribute: str) -> Role:
    if tensor.ndim < 2:
        return Role.SCALAR if tensor.numel() == 1 else Role.VECTOR
    raw = owner is not None and thin(tensor) and "weight" not in attribute and "kernel" not in attribute
    raw = raw or bool(re.search(r"token|pos_?emb|position|bias", attribute))
    return Role.RAW if raw else Role.WEIGHT


def thin(tensor: torch.Tensor) -> bool:
    """Whether it is a vector, if need be one with dimensions of 1 around it: (1, C, 1, 1)."""
    return tensor.ndim < 2 or tensor.numel() == max(tensor.shape)


def norm(module: nn.Module) -> bool:
    """A norm by type, or by a name with "norm" in it when it holds no matrix: timm's NormMlp and LinearNorm do."""
    if isinstance(module, NORMS):
        return True
    own = list(module.parameters(recurse=False))
    return "norm" in type(module).__name__.lower() and bool(own) and all(map(ready_and_thin, own))


def ready_and_thin(tensor: torch.Tensor) -> bool:
    return not isinstance(tensor, UninitializedParameter) and thin(tensor)


def weight_normed(owner: nn.Module, attribute: str) -> bool:
    """Both spellings of weight_norm: the parametrization, and `weight_g` beside `weight_v`."""
    tensor = attribute.removesuffix("_g")
    return hasattr(owner, f"{tensor}_v") or tensor in dict(parametrized(owner))


def parametrized(owner: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    inner = getattr(owner, "parametrizations", None)
    if isinstance(inner, nn.ModuleDict):
        yield from inner.items()
