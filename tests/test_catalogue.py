"""The shipped rows are well formed, know the names that lie, and take the user's rows on top."""

from __future__ import annotations

import keyword
import pickle
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import wdlint.catalogue
from wdlint.catalogue import BANDS, PRESETS, Catalogue, CatalogueError, Spec
from wdlint.model import Band, Coupling, Flag

L2, DECOUPLED, LR_FREE, OTHER, NONE = (
    Coupling.L2,
    Coupling.DECOUPLED,
    Coupling.LR_FREE,
    Coupling.OTHER,
    Coupling.NONE,
)
ROWS: list[dict[str, Any]] = tomllib.loads(
    Path(wdlint.catalogue.__file__).with_name("catalogue.toml").read_text(encoding="utf-8")
)["optimizer"]
KEYS = {
    "names": list,
    "also": list,
    "coupling": str,
    "adaptive": bool,
    "default_weight_decay": float,
    "decay": str,
    "decay_position": int,
    "lr": str,
    "lr_position": int,
    "default_lr": float,
    "params": str,
    "functional": bool,
    "flag": dict,
    "counterpart": str,
    "compatible": bool,
    "family": str,
    "lr_scaled": bool,
    "source": str,
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


def spec(catalogue: Catalogue, path: str) -> Spec:
    found = catalogue.find(path)
    assert found is not None, path
    return found


def paths(row: dict[str, Any]) -> list[str]:
    labels = dict.fromkeys(name.rpartition(".")[2] for name in row["names"])
    return [*row["names"], *(f"{module}.{label}" for module in row.get("also", ()) for label in labels)]


# --------------------------------------------------------------------------------------------------------- shipped rows


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["names"][0])
def test_row_is_well_formed(row: dict[str, Any]) -> None:
    assert {key: type(value) for key, value in row.items()} == {key: KEYS[key] for key in row}
    assert list(row) == [key for key in KEYS if key in row], "keys in the order of the header"
    assert row["names"] and row["coupling"] and row["source"]
    for path in paths(row):
        parts = path.split(".")
        assert len(parts) >= 2 and all(part.isidentifier() and not keyword.iskeyword(part) for part in parts), path
    has_decay = row["coupling"] != "none"
    assert has_decay or not {"default_weight_decay", "decay", "decay_position", "flag", "counterpart"} & row.keys()


@pytest.mark.parametrize("row", [row for row in ROWS if "flag" in row], ids=lambda row: row["names"][0])
def test_coupling_is_what_the_flag_says_by_default(row: dict[str, Any]) -> None:
    flag = {"true": "decoupled", "false": "coupled", **row["flag"]}
    assert row["coupling"] == (flag["true"] if flag["default"] else flag["false"])
    assert flag["true"] != flag["false"] or "other" in (flag["true"], flag["false"])


def test_no_import_path_twice() -> None:
    assert [path for path, times in Counter(path for row in ROWS for path in paths(row)).items() if times > 1] == []


def test_every_path_is_found_under_its_own_label(catalogue: Catalogue) -> None:
    for row in ROWS:
        for path in paths(row):
            found = spec(catalogue, path)
            assert found.label == path.rpartition(".")[2] and found.name in row["names"]


def test_counterparts_decay_decoupled(catalogue: Catalogue) -> None:
    for found in catalogue:
        if found.counterpart == found.name:
            assert found.flag is not None and DECOUPLED in (found.flag.when_true, found.flag.when_false)
        elif found.counterpart:
            assert found.coupling is L2
            assert spec(catalogue, found.counterpart).coupling is DECOUPLED
            assert found.counterpart.partition(".")[0] == found.name.partition(".")[0]


def test_iterating_gives_every_class_once(catalogue: Catalogue) -> None:
    names = [found.name for found in catalogue]
    assert len(names) == len(set(names)) > 250
    assert all(catalogue.find(name) is found for name, found in zip(names, catalogue, strict=True))


# -------------------------------------------------------------------------------------------------- the names that lie

TRAPS = [
    ("bitsandbytes.optim.Adam", DECOUPLED, 0.0),
    ("bitsandbytes.optim.Adam8bit", DECOUPLED, 0.0),
    ("bitsandbytes.optim.PagedAdam32bit", DECOUPLED, 0.0),
    ("bitsandbytes.optim.AdamW8bit", DECOUPLED, 0.01),
    ("bitsandbytes.optim.Adagrad8bit", L2, 0.0),
    ("bitsandbytes.optim.RMSprop", L2, 0.0),
    ("fairseq.optim.adam.Adam", DECOUPLED, 0.0),
    ("apex.optimizers.FusedAdam", DECOUPLED, 0.0),
    ("deepspeed.ops.adam.FusedAdam", DECOUPLED, 0.0),
    ("deepspeed.ops.adam.DeepSpeedCPUAdam", DECOUPLED, 0.0),
    ("keras.optimizers.Adam", DECOUPLED, 0.0),
    ("tensorflow.keras.optimizers.RMSprop", DECOUPLED, 0.0),
    ("keras.optimizers.AdamW", DECOUPLED, 0.004),
    ("fastai.optimizer.Adam", DECOUPLED, 0.01),
    ("fastai.vision.all.Adam", DECOUPLED, 0.01),
    ("pytorch_optimizer.AdaBelief", DECOUPLED, 0.0),
    ("pytorch_optimizer.Lamb", DECOUPLED, 0.0),
    ("pytorch_optimizer.AdaMax", L2, 0.0),
    ("pytorch_optimizer.ADOPT", L2, 0.0),
    ("torch_optimizer.AdaBelief", L2, 0.0),
    ("adabelief_pytorch.AdaBelief", DECOUPLED, 0.0),
    ("timm.optim.AdaBelief", DECOUPLED, 0.0),
    ("torch.optim.RAdam", L2, 0.0),
    ("torch_optimizer.RAdam", DECOUPLED, 0.0),
    ("timm.optim.RAdamLegacy", DECOUPLED, 0.0),
    ("catalyst.contrib.optimizers.RAdam", DECOUPLED, 0.0),
    ("catalyst.contrib.optimizers.QHAdamW", LR_FREE, 0.0),
    ("torch_optimizer.SGDW", OTHER, 0.0),
    ("dadaptation.DAdaptAdam", L2, 0.0),
    ("prodigyopt.Prodigy", DECOUPLED, 0.0),
    ("torchao.optim.Adam8bit", L2, 0.0),
    ("torchao.optim.AdamW8bit", DECOUPLED, 0.01),
    ("timm.optim.Lamb", OTHER, 0.01),
    ("apex.optimizers.FusedLAMB", OTHER, 0.01),
    ("optax.adamw", DECOUPLED, 1e-4),
    ("optax.lion", DECOUPLED, 1e-3),
    ("optax.adafactor", LR_FREE, 0.0),
    ("composer.optim.DecoupledAdamW", LR_FREE, 1e-5),
    ("tensorflow_addons.optimizers.AdamW", LR_FREE, None),
    ("paddle.optimizer.Adam", L2, 0.0),
    ("paddle.optimizer.AdamW", DECOUPLED, 0.01),
    ("transformers.AdamW", DECOUPLED, 0.0),
    ("transformers.Adafactor", DECOUPLED, 0.0),
    ("torch.optim.Muon", DECOUPLED, 0.1),
    ("torch.optim.LBFGS", NONE, None),
    ("timm.optim.kron.Kron", DECOUPLED, 0.0),  # its decoupled_decay=False changes nothing
    ("heavyball.NAdam", OTHER, 0.0),  # weights grow
    ("pytorch_optimizer.DAdaptAdan", DECOUPLED, 0.0),  # proximal, weight_decouple=False notwithstanding
]


@pytest.mark.parametrize(("path", "coupling", "default"), TRAPS)
def test_trap(catalogue: Catalogue, path: str, coupling: Coupling, default: float | None) -> None:
    found = spec(catalogue, path)
    assert (found.coupling, found.default_decay) == (coupling, default)


def test_what_is_not_established_is_unknown(catalogue: Catalogue) -> None:
    # unmeasured; RAdam of timm was another class before 1.0; config strings; somebody's own class
    for path in ("muon.Muon", "timm.optim.RAdam", "heavyball.SOAP", "SOLVER", "Adam", "my.optim.Adam", "torch.optim"):
        assert catalogue.find(path) is None


def test_the_same_word_is_not_the_same_flag(catalogue: Catalogue) -> None:
    adam, lion = spec(catalogue, "torch.optim.Adam"), spec(catalogue, "lion_pytorch.Lion")
    assert adam.flag == Flag("decoupled_weight_decay", False, DECOUPLED, L2, None, True)
    assert lion.flag == Flag("decoupled_weight_decay", False, LR_FREE, DECOUPLED, 5, False)
    assert spec(catalogue, "deepspeed.ops.adam.FusedAdam").flag == Flag("adam_w_mode", True, DECOUPLED, L2, 5)
    assert spec(catalogue, "deepspeed.ops.adam.DeepSpeedCPUAdam").flag == Flag("adamw_mode", True, DECOUPLED, L2, 7)
    for proximal in ("pytorch_optimizer.Adan", "timm.optim.Adan"):
        assert spec(catalogue, proximal).flag is None


@pytest.mark.parametrize(
    ("path", "counterpart", "compatible"),
    [
        ("torch.optim.Adam", "torch.optim.AdamW", True),
        ("torch.optim.NAdam", "torch.optim.NAdam", True),
        ("torch.optim.RAdam", "torch.optim.RAdam", True),
        ("torch.optim.Adamax", "", False),
        ("torch.optim.SGD", "", False),
        ("torch.optim.AdamW", "", False),
        ("torchao.optim.Adam4bit", "torchao.optim.AdamW4bit", True),
        ("paddle.optimizer.Adam", "paddle.optimizer.AdamW", False),
        ("apex.optimizers.FusedAdam", "apex.optimizers.FusedAdam", True),
        ("lion_pytorch.Lion", "lion_pytorch.Lion", True),
        ("pytorch_optimizer.AdaMax", "pytorch_optimizer.AdaMax", True),
    ],
)
def test_counterpart(catalogue: Catalogue, path: str, counterpart: str, compatible: bool) -> None:
    found = spec(catalogue, path)
    assert (found.counterpart, found.compatible) == (counterpart, compatible)


@pytest.mark.parametrize(
    ("path", "decay", "lr", "params"),
    [
        ("torch.optim.Adagrad", ("weight_decay", 3), ("lr", 1), "params"),
        ("torch.optim.ASGD", ("weight_decay", 5), ("lr", 1), "params"),
        ("torch.optim.Muon", ("weight_decay", 2), ("lr", 1), "params"),
        ("keras.optimizers.AdamW", ("weight_decay", 1), ("learning_rate", 0), "params"),
        ("tensorflow_addons.optimizers.SGDW", ("weight_decay", 0), ("learning_rate", 1), "params"),
        ("optax.adafactor", ("weight_decay_rate", 8), ("learning_rate", 0), "params"),
        ("fastai.optimizer.Adam", ("wd", 5), ("lr", 1), "params"),
        ("paddle.optimizer.Adam", ("weight_decay", 5), ("learning_rate", 0), "parameters"),
        ("deepspeed.ops.adam.DeepSpeedCPUAdam", ("weight_decay", 5), ("lr", 1), "model_params"),
        ("pytorch_optimizer.Ranger21", ("weight_decay", 17), ("lr", 2), "params"),
    ],
)
def test_arguments(catalogue: Catalogue, path: str, decay: tuple[str, int], lr: tuple[str, int], params: str) -> None:
    found = spec(catalogue, path)
    assert (found.decay_name, found.decay_position) == decay
    assert (found.lr_name, found.lr_position) == lr
    assert found.params_name == params


def test_functional_ones_have_no_torch_groups(catalogue: Catalogue) -> None:
    functional = {found.name.partition(".")[0] for found in catalogue if found.functional}
    assert functional == {"keras", "tensorflow_addons", "optax", "paddle", "fastai"}
    assert all(found.functional for found in catalogue if found.name.partition(".")[0] in functional)


def test_adaptive(catalogue: Catalogue) -> None:
    plain = [name for name in catalogue.short_names if name.startswith(("SGD", "ASGD", "LARS", "Lars", "AggMo", "QHM"))]
    assert plain
    for found in catalogue:
        if found.label in plain:
            assert not found.adaptive, found.name
        if found.label.startswith(("Adam", "Lion", "RMS", "NAdam", "RAdam", "Adagrad")):
            assert found.adaptive, found.name


# ---------------------------------------------------------------------------------------------------------------- names


def test_alternative_paths_give_the_same_class(catalogue: Catalogue) -> None:
    adam = spec(catalogue, "torch.optim.Adam")
    assert (adam.name, adam.label) == ("torch.optim.Adam", "Adam")
    for path in ("torch.optim.adam.Adam", "timm.optim.Adam", "pytorch_optimizer.Adam"):
        assert catalogue.find(path) is adam
    assert spec(catalogue, "bitsandbytes.optim.adamw.AdamW8bit").name == "bitsandbytes.optim.AdamW8bit"


def test_nicknames(catalogue: Catalogue) -> None:
    assert catalogue.find("tf.keras.optimizers.Adam") is spec(catalogue, "tensorflow.keras.optimizers.Adam")
    assert catalogue.find("tfa.optimizers.AdamW") is spec(catalogue, "tensorflow_addons.optimizers.AdamW")
    assert catalogue.members("tf.keras.optimizers") == catalogue.members("tensorflow.keras.optimizers")
    assert not {"tf", "tfa"} & catalogue.roots, "nobody imports them, and `tf` is in every `utf-8`"


def test_members(catalogue: Catalogue) -> None:
    assert {"Adam", "AdamW", "SGD", "LBFGS"} <= catalogue.members("torch.optim")
    assert catalogue.members("torch.optim.adam") == {"Adam"}
    assert {"Adam", "RAdam"} <= catalogue.members("fastai.vision.all")
    assert catalogue.members("torch") == frozenset() == catalogue.members("my.optim")


def test_sets_of_names(catalogue: Catalogue) -> None:
    assert {"torch", "keras", "tensorflow", "optax", "apex"} <= catalogue.roots
    assert {"Adam", "adamw", "FusedAdam"} <= catalogue.short_names
    assert {"torch.optim", "torch.optim.adam", "fastai.vision.all"} <= catalogue.modules
    assert "torch" not in catalogue.modules


def test_catalogue_travels_between_processes(catalogue: Catalogue) -> None:
    assert pickle.loads(pickle.dumps(catalogue)) == catalogue


# ---------------------------------------------------------------------------------------------------------------- bands


@pytest.mark.parametrize(
    ("path", "coupling", "band"),
    [
        ("torch.optim.Adam", L2, Band("coupled", 1e-6, 1e-2)),
        ("torch.optim.Adam", DECOUPLED, Band("decoupled", 1e-4, 0.3)),
        ("torch.optim.AdamW", DECOUPLED, Band("decoupled", 1e-4, 0.3)),
        ("torch.optim.SGD", L2, Band("sgd", 1e-6, 1e-2)),
        ("timm.optim.Lion", DECOUPLED, Band("lion", 3e-4, 3.0)),
        ("keras.optimizers.Lion", DECOUPLED, Band("lion", 3e-4, 3.0)),
        ("lion_pytorch.Lion", LR_FREE, Band("lr-free", 1e-7, 1e-3)),
        ("pytorch_optimizer.Lion", L2, Band("coupled", 1e-6, 1e-2)),
        ("composer.optim.DecoupledAdamW", LR_FREE, Band("lr-free", 1e-7, 1e-3)),
        ("timm.optim.Lamb", OTHER, None),
        ("torch.optim.LBFGS", NONE, None),
        ("torch.optim.Adam", Coupling.UNKNOWN, None),
    ],
)
def test_band(catalogue: Catalogue, path: str, coupling: Coupling, band: Band | None) -> None:
    assert catalogue.band(spec(catalogue, path), coupling) == band


def test_own_bands() -> None:
    catalogue = Catalogue.load(ranges={"decoupled": (1e-3, 0.1)})
    adamw, sgd = spec(catalogue, "torch.optim.AdamW"), spec(catalogue, "torch.optim.SGD")
    assert catalogue.band(adamw, DECOUPLED) == Band("decoupled", 1e-3, 0.1)
    assert catalogue.band(sgd, L2) == Band("sgd", 1e-6, 1e-2)
    assert Catalogue.load().ranges == BANDS


def test_preset_is_one_band_for_every_family() -> None:
    catalogue = Catalogue.load(ranges=PRESETS["rule-of-thumb"])
    assert catalogue.ranges == dict.fromkeys(BANDS, (1e-4, 1e-2))


def test_lr_times_lambda(catalogue: Catalogue) -> None:
    assert spec(catalogue, "torch.optim.AdamW").lr_scaled
    assert not spec(catalogue, "composer.optim.DecoupledAdamW").lr_scaled
    assert not spec(catalogue, "transformers.Adafactor").lr_scaled  # lr comes from the weights' own scale
    assert all(not found.lr_scaled for found in catalogue if found.coupling is LR_FREE)


# ------------------------------------------------------------------------------------------------------------ user rows


def test_new_row() -> None:
    catalogue = Catalogue.load(
        {"my.optim.Fancy": {"coupling": "coupled", "default_weight_decay": 1e-2, "decay": "wd", "decay-position": 3}}
    )
    found = spec(catalogue, "my.optim.Fancy")
    assert found == Spec("my.optim.Fancy", "Fancy", L2, True, 0.01, "wd", 3)
    assert catalogue.members("my.optim") == {"Fancy"} and "my" in catalogue.roots and "Fancy" in catalogue.short_names
    assert Catalogue.load().find("my.optim.Fancy") is None


def test_row_like_another() -> None:
    catalogue = Catalogue.load(
        {"my.Adam": {"like": "torch.optim.Adam", "default_lr": 3e-4}, "my.Nadam": {"like": "torch.optim.NAdam"}}
    )
    found = spec(catalogue, "my.Adam")
    adam = spec(catalogue, "torch.optim.Adam")
    assert (found.name, found.label, found.default_lr) == ("my.Adam", "Adam", 3e-4)
    assert (found.coupling, found.flag, found.counterpart) == (adam.coupling, adam.flag, "torch.optim.AdamW")
    assert adam.default_lr == 1e-3
    assert spec(catalogue, "my.Nadam").counterpart == "my.Nadam", "its flag does it, as NAdam's does"


def test_like_may_name_a_user_row() -> None:
    catalogue = Catalogue.load({"a.Opt": {"like": "b.Opt", "decay": "wd"}, "b.Opt": {"like": "torch.optim.AdamW"}})
    assert (spec(catalogue, "a.Opt").coupling, spec(catalogue, "a.Opt").decay_name) == (DECOUPLED, "wd")


def test_row_changes_a_shipped_class_under_all_its_paths() -> None:
    catalogue = Catalogue.load({"torch.optim.AdamW": {"default_weight_decay": 0.1}})
    for path in ("torch.optim.AdamW", "torch.optim.adamw.AdamW", "timm.optim.AdamW"):
        found = spec(catalogue, path)
        assert (found.name, found.default_decay, found.decay_position) == ("torch.optim.AdamW", 0.1, 4)
    assert spec(Catalogue.load(), "torch.optim.AdamW").default_decay == 0.01


def test_own_coupling_drops_what_hangs_on_it() -> None:
    catalogue = Catalogue.load({"my.Adam": {"like": "torch.optim.Adam", "coupling": "decoupled"}})
    found = spec(catalogue, "my.Adam")
    assert (found.coupling, found.flag, found.counterpart, found.decay_position) == (DECOUPLED, None, "", 4)


def test_lr_free_row_brings_its_band() -> None:
    catalogue = Catalogue.load({"my.Opt": {"coupling": "decoupled-lr-free"}})
    found = spec(catalogue, "my.Opt")
    assert (found.family, found.lr_scaled) == ("lr-free", False)


def test_row_with_a_flag() -> None:
    flag = {"name": "decouple", "default": False, "position": 5}
    found = spec(Catalogue.load({"my.Opt": {"coupling": "coupled", "flag": flag}}), "my.Opt")
    assert found.flag == Flag("decouple", False, DECOUPLED, L2, 5) and found.counterpart == "my.Opt"


def test_nickname_in_a_row() -> None:
    catalogue = Catalogue.load({"tf.keras.optimizers.Mine": {"like": "tf.keras.optimizers.AdamW"}})
    assert spec(catalogue, "tensorflow.keras.optimizers.Mine").functional


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"coupling": "decopled"}, 'optimizers."my.Opt": unknown coupling "decopled", did you mean "decoupled"?'),
        ({"coupling": "unknown"}, 'unknown coupling "unknown"'),
        ({"coupling": 3}, 'optimizers."my.Opt": coupling must be a string, not 3'),
        ({"couplng": "coupled"}, 'optimizers."my.Opt": unknown key "couplng", did you mean "coupling"?'),
        ({"default-weight-decy": 1}, 'unknown key "default-weight-decy", did you mean "default_weight_decay"?'),
        ({"lik": "torch.optim.Adam"}, 'unknown key "lik", did you mean "like"?'),
        ({"like": "torch.optim.AdmaW"}, 'unknown like "torch.optim.AdmaW", did you mean "torch.optim.AdamW"?'),
        ({"like": 1}, "like must be a string, not 1"),
        ({"adaptive": True}, 'optimizers."my.Opt": needs coupling, or like = '),
        ({"coupling": "coupled", "adaptive": "yes"}, "adaptive must be true or false, not 'yes'"),
        ({"coupling": "coupled", "decay_position": -1}, "decay_position must be a position, counted from 0, not -1"),
        ({"coupling": "coupled", "decay_position": True}, "decay_position must be a position"),
        ({"coupling": "coupled", "default_lr": "1e-3"}, "default_lr must be a number, 0 or more, not '1e-3'"),
        ({"coupling": "coupled", "default_lr": float("nan")}, "default_lr must be a number"),
        ({"coupling": "coupled", "family": "adamw"}, 'unknown family "adamw"; valid: decoupled, lion'),
        ({"coupling": "coupled", "flag": "x"}, "flag must be a table with a name and a default, not 'x'"),
        ({"coupling": "coupled", "flag": {"name": "x"}}, "flag must be a table with a name and a default"),
        ({"coupling": "coupled", "flag": {"nme": "x"}}, 'unknown flag key "nme", did you mean "name"?'),
        (
            {"coupling": "coupled", "flag": {"name": "x", "default": True, "true": "decopled"}},
            'unknown flag.true "decopled", did you mean "decoupled"?',
        ),
        (3, 'optimizers."my.Opt": must be a table'),
    ],
)
def test_wrong_row(row: Any, message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        Catalogue.load({"my.Opt": row})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_circle() -> None:
    with pytest.raises(CatalogueError, match="like goes round in a circle"):
        Catalogue.load({"a.Opt": {"like": "b.Opt"}, "b.Opt": {"like": "a.Opt"}})


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"decupled": (1e-4, 1e-2)}, 'range: unknown family "decupled", did you mean "decoupled"?'),
        ({"lion": (1.0, 0.1)}, "range: lion must go from low to high, not from 1 to 0.1"),
    ],
)
def test_wrong_range(ranges: dict[str, tuple[float, float]], message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        Catalogue.load(ranges=ranges)
    assert message in str(caught.value)


def test_rows_left_as_they_were() -> None:
    row = {"like": "torch.optim.AdamW"}
    Catalogue.load({"my.Opt": row})
    assert row == {"like": "torch.optim.AdamW"}
