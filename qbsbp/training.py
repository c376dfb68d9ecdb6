"""One loop that fits a `PassingModel`: on any device, the same for the same seed, killed and resumed without a trace.

All randomness of epoch e, the order of the plays and dropout, follows from (seed, e). A run therefore resumes at an
epoch without the state of any generator, and the caller's generators are left as they were.
Chapter: learning the law (book/ch05_learning.md).
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import inspect
import io
import json
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributions import Distribution
from tqdm import TqdmWarning, tqdm

from .likelihood import OBJECTIVES
from .model import ModelConfig, PassingModel, from_fields

with warnings.catch_warnings():
    # in a notebook Accelerate picks a bar that warns where ipywidgets are missing; the bar shown here is another one
    warnings.simplefilter("ignore", TqdmWarning)
    from accelerate import Accelerator

if TYPE_CHECKING:
    from .features import PlayTensors, StoredPlays

__all__ = ["Objective", "TrainConfig", "TrainResult", "find_accelerator", "load_model", "train", "write_whole"]

Objective = Callable[..., Tensor]
Loss = Callable[[Distribution, "PlayTensors"], Tensor]
Plays: TypeAlias = "PlayTensors | StoredPlays"

POOL = 16  # batches whose plays are sorted by length together
DEFAULT_OBJECTIVES = {"spliced_binned_pareto": "composite", "binned": "binned_cross_entropy"}  # else "nll"


@dataclass(frozen=True)
class TrainConfig:
    """How a model is fitted; saved beside it.

    Attributes:
        epochs: Passes over the training plays, at most.
        batch_size: Plays per step, over all processes together.
        learning_rate: Highest learning rate, reached after the warm-up and lowered to 0 along a cosine.
        weight_decay: Pull of AdamW on the norms of the convolutions and the weights of the MLP, not on biases.
        gradient_clip: Longest gradient; longer ones are shortened to it.
        warmup: Share of all steps over which the learning rate rises, in [0, 1).
        patience: Stop after so many epochs without a better validation score; None never stops early.
        seed: Where all randomness comes from.
        mixed_precision: "no", or "bf16" to run the network, not the law, in bfloat16.
    """

    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    gradient_clip: float = 1.0
    warmup: float = 0.05
    patience: int | None = 10
    seed: int = 0
    mixed_precision: str = "no"

    def __post_init__(self) -> None:
        for name, good, expected in (
            ("epochs", self.epochs >= 1, "at least 1"),
            ("batch_size", self.batch_size >= 1, "at least 1"),
            ("learning_rate", 0 < self.learning_rate < math.inf, "a number > 0"),
            ("weight_decay", 0 <= self.weight_decay < math.inf, "a number >= 0"),
            ("gradient_clip", self.gradient_clip > 0, "a number > 0; math.inf clips nothing"),
            ("warmup", 0 <= self.warmup < 1, "a share of all steps in [0, 1)"),
            ("patience", self.patience is None or self.patience >= 1, "at least 1 epoch, or None"),
            ("seed", self.seed >= 0, "an integer >= 0"),
            ("mixed_precision", self.mixed_precision in ("no", "bf16"), '"no" or "bf16"'),
        ):
            if not good:
                raise ValueError(f"{name}: expected {expected}, got {getattr(self, name)!r}")

    def to_json(self) -> str:
        """The configuration as JSON, read back by `from_json`."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> TrainConfig:
        """The configuration that `to_json` wrote; a ValueError names a field that this version does not know."""
        return from_fields(cls, json.loads(text))


@dataclass(frozen=True)
class TrainResult:
    """What `train` returns.

    Attributes:
        model: The model of the best epoch, in evaluation mode.
        history: One row per epoch: epoch, learning_rate, train_loss and validation_loss (means of the objective),
            validation_score (mean of the criterion) and seconds.
        best_epoch: The epoch, counted from 1, with the lowest validation score.
    """

    model: PassingModel
    history: pd.DataFrame
    best_epoch: int


def train(
    model_config: ModelConfig,
    train_plays: Plays,
    validation_plays: Plays,
    train_config: TrainConfig | None = None,
    *,
    objective: str | Objective | None = None,
    criterion: str | Objective | None = None,
    trunk: Callable[[], nn.Module] | None = None,
    directory: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
) -> TrainResult:
    """Fit a model to the training plays and keep the epoch that does best on the validation plays.

    The model starts at the climatology of the training plays (`PassingModel.initialise_from`). It runs on the device
    that Accelerate finds, or the one named in the environment variable QBSBP_DEVICE (cpu, cuda or mps), and on several
    processes when started by `accelerate launch` or `torchrun`. On the CPU the same seed, configuration and number of
    threads give the same weights bit for bit, also when the run was killed in between and resumed.

    Args:
        model_config: The model to build.
        train_plays: Plays to learn from.
        validation_plays: Plays of other games, to choose the epoch by.
        train_config: How to fit; None takes the defaults.
        objective: A name in `qbsbp.likelihood.OBJECTIVES` or a function (law, y) to the loss of each outcome, minimised
            in the mean. None means "composite" for the spliced law, "binned_cross_entropy" for the binned one (the
            negative log density, finite beyond the bins too) and "nll" for the others. A function with a parameter
            `bounds` is given those of the plays as well, (law, y, bounds).
        criterion: The score, given likewise, by whose mean over the validation plays the best epoch is chosen. None
            means the objective itself, but "nll" in place of "composite": what the composite objective adds up depends
            on where the thresholds are, so that its value, unlike its gradient, does not compare two models.
        trunk: Makes what stands in the TCN's place, see `PassingModel`.
        directory: Where to keep the run: `config.json`, `model.safetensors` (the best epoch), `last.pt` (to
            resume) and `history.csv`. None keeps nothing.
        resume: Continue the run in `directory`, or begin it where there is none.
        progress: Show a progress bar.

    Returns:
        Best model, history and best epoch.

    Raises:
        ValueError: no plays, plays with values that are not finite, an unknown objective or device, an objective that
            asks for bounds of plays without, or a run to resume that was started with another configuration or other
            plays, or whose files cannot be read.
        FileExistsError: `directory` holds a run and `resume` is False.
        FloatingPointError: a loss is not finite; the message says where and what to look at.
        torch.OutOfMemoryError: a batch is too large for the device; the message says how large it was.
    """
    config = train_config or TrainConfig()
    if objective is None:
        objective = DEFAULT_OBJECTIVES.get(model_config.law, "nll")
    if criterion is None:
        criterion = "nll" if objective == "composite" else objective
    loss_of = _find("objective", objective, {"train_plays": train_plays, "validation_plays": validation_plays})
    score_of = _find("criterion", criterion, {"validation_plays": validation_plays})
    _check_plays("train_plays", train_plays)
    _check_plays("validation_plays", validation_plays)
    accelerator = find_accelerator()
    run = _Run(directory, resume, accelerator)
    run.begin(model_config, config, objective, criterion, train_plays, validation_plays)

    with _own_randomness(accelerator.device):
        torch.manual_seed(config.seed)
        model = PassingModel(model_config, None if trunk is None else trunk())
        model.initialise_from(train_plays)
        network, optimizer = accelerator.prepare(model, _optimizer(model, config))
        history, best = run.restore(model, optimizer)

        shown = progress and accelerator.is_main_process
        with tqdm(total=config.epochs, initial=len(history), unit="epoch", disable=not shown) as bar:
            for epoch in range(len(history) + 1, config.epochs + 1):
                if config.patience is not None and epoch - 1 - best["epoch"] >= config.patience:
                    break
                started = time.perf_counter()
                row = {"epoch": epoch}
                row["learning_rate"], row["train_loss"] = _learn(
                    network, optimizer, train_plays, loss_of, config, epoch, accelerator
                )
                row["validation_loss"], row["validation_score"] = _means(
                    model, validation_plays, (loss_of, score_of), config, accelerator
                )
                row["seconds"] = time.perf_counter() - started
                history.append(row)
                if row["validation_score"] < best["score"]:
                    weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
                    best = {"epoch": epoch, "score": row["validation_score"], "weights": weights}
                run.save(model, optimizer, history, best)
                bar.set_postfix(train=f"{row['train_loss']:.4f}", validation=f"{row['validation_score']:.4f}")
                bar.update()

    if best["epoch"] == 0:
        raise FloatingPointError(
            "validation_plays: the score was not finite in any epoch, so there is no best one; a criterion that is "
            "infinite beyond the bins or a tail's end needs another one, for example criterion='crps'"
        )
    model.load_state_dict(best["weights"])
    return TrainResult(model.eval(), pd.DataFrame(history), best["epoch"])


def _learn(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    plays: Plays,
    loss_of: Loss,
    config: TrainConfig,
    epoch: int,
    accelerator: Accelerator,
) -> tuple[float, float]:
    """One pass over the training plays; the last learning rate and the mean loss."""
    network.train()
    parameters = list(network.parameters())
    total = 0.0
    batches = _batches(plays.lengths, config, epoch, accelerator)
    for i, (share, size) in enumerate(batches):
        learning_rate = _learning_rate(config, (epoch - 1) * len(batches) + i, config.epochs * len(batches))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        with _naming_what_is_too_large(config, plays.lengths[share], accelerator.device):
            batch = _on(accelerator.device, plays[share])
            with _autocast(config, accelerator.device):
                law = network(batch.x, batch.lengths, batch.static)
            losses = loss_of(law, batch)
            # gradients are averaged over processes: in this unit that is the gradient of the mean over the whole batch
            loss = losses.sum() * (accelerator.num_processes / size)
            if not loss.isfinite():
                raise FloatingPointError(_not_finite(losses, batch.y, share, epoch, i + 1, learning_rate))
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(parameters, config.gradient_clip)
            optimizer.step()
            optimizer.zero_grad()
            total += float(losses.detach().sum())
    return learning_rate, _over_processes(total, accelerator) / len(plays)


def load_model(directory: str | Path, trunk: Callable[[], nn.Module] | None = None) -> PassingModel:
    """The best model of the run in `directory`, on the CPU, in evaluation mode. Loading runs no code from the files.

    Args:
        directory: Where `train` kept the run.
        trunk: What `train` was given as `trunk`.

    Raises:
        FileNotFoundError: a file of the run is missing.
        ValueError: a file was cut short, is of another version, or belongs to another model; the message says which.
    """
    directory = Path(directory)
    for name in ("config.json", "model.safetensors"):
        if not (directory / name).is_file():
            raise FileNotFoundError(
                f"directory: expected a run of qbsbp.training.train, but {directory} has no {name}; "
                "train with directory=... first"
            )
    trunk = None if trunk is None else trunk()
    with _reading(directory / "config.json", "the configuration of a run"):
        fields = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        model = PassingModel(from_fields(ModelConfig, fields["model"]), trunk)
    with _reading(directory / "model.safetensors", "the weights of the model that config.json describes"):
        model.load_state_dict(load_file(directory / "model.safetensors"))
    return model.eval()


# The loop's small functions, in the order of their use.


def _find(argument: str, objective: str | Objective, of: dict[str, Plays]) -> Loss:
    if not callable(objective):
        if objective not in OBJECTIVES:
            known = ", ".join(OBJECTIVES)
            raise ValueError(f"{argument}: expected a function (law, y) or one of {known}, got {objective!r}")
        objective = OBJECTIVES[objective]
    if "bounds" not in inspect.signature(objective).parameters:
        return lambda law, plays: objective(law, plays.y)
    for name, plays in of.items():
        if plays.bounds is None:
            raise ValueError(
                f"{argument}: {_name(objective)} asks for bounds, and {name} have none; give plays with bounds, or "
                "choose another"
            )
    return lambda law, plays: objective(law, plays.y, plays.bounds)


def _name(objective: str | Objective) -> str:
    """What is saved of an objective, the same in every process."""
    if isinstance(objective, str):
        return objective
    if isinstance(objective, functools.partial):
        return f"{_name(objective.func)} with {objective.args} {objective.keywords}"
    named = objective if hasattr(objective, "__qualname__") else type(objective)
    return f"{named.__module__}.{named.__qualname__}"


def _check_plays(name: str, plays: Plays) -> None:
    if len(plays) == 0:
        raise ValueError(f"{name}: expected at least one play, got none; is the split of games right?")
    for first, part in _parts(plays):
        real = torch.arange(part.x.shape[-1], device=part.x.device) < part.lengths.unsqueeze(1)
        for field, good in (
            ("y", part.y.isfinite()),
            ("static", part.static.isfinite()),
            ("x", part.x.isfinite() | ~real.unsqueeze(1)),
        ):
            if not bool(good.all()):
                where = [int(i) for i in (~good).nonzero()[0]]
                value = getattr(part, field)[tuple(where)].item()
                where[0] += first
                raise ValueError(
                    f"{name}.{field}: expected finite numbers, but {field}{where} (the first index is the play) is "
                    f"{value}. Drop or repair such values in the features"
                )


def _parts(plays: Plays) -> Iterator[tuple[int, PlayTensors]]:
    """The plays some at a time, with the number of the first: all of them may be too many for memory."""
    for index in torch.arange(len(plays)).split(4096):
        yield int(index[0]), plays[index]


def find_accelerator() -> Accelerator:
    """The device and the processes to train on, by QBSBP_DEVICE or as Accelerate finds them; a ValueError without."""
    wanted = os.environ.get("QBSBP_DEVICE") or "auto"
    if wanted not in ("auto", "cpu", "cuda", "mps"):
        raise ValueError(
            f"QBSBP_DEVICE: expected cpu, cuda, mps or auto, got {wanted!r}; choose among several GPUs with "
            "CUDA_VISIBLE_DEVICES"
        )
    # without a GPU, Accelerate joins the processes of torchrun only when told that they run on the CPU
    no_gpu = not (torch.cuda.is_available() or torch.backends.mps.is_available())
    accelerator = Accelerator(cpu=wanted == "cpu" or (wanted == "auto" and no_gpu))
    if wanted not in ("auto", accelerator.device.type):
        raise ValueError(
            f"QBSBP_DEVICE: expected {wanted}, but Accelerate runs on {accelerator.device.type}; either torch finds no "
            f"such device, or this process has trained on another one before: start a new process"
        )
    return accelerator


@contextlib.contextmanager
def _own_randomness(device: torch.device) -> Iterator[None]:
    """Give the caller's generators back as they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def _optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    # weight norm makes the network indifferent to the length of v (original1): shrinking its norm g (original0) decays
    decayed = [p for name, p in model.named_parameters() if name.endswith((".original0", ".weight"))]
    chosen = {id(p) for p in decayed}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return torch.optim.AdamW(
        [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=config.learning_rate,
        fused=True,
    )


def _batches(lengths: Tensor, config: TrainConfig, epoch: int, accelerator: Accelerator) -> list[tuple[Tensor, int]]:
    """Seed the epoch; indices of this process's share of each batch, with the size of the whole batch.

    Batches differ by at most one play, so that no small last one weighs as much as the others. Plays of similar length
    share one, since all are computed as long as the longest: of `POOL` batches drawn at random the plays are sorted by
    length, split, and the batches shuffled. Each play still comes once, in company that no outcome has a say in.
    """
    order_seed, dropout_seed = np.random.SeedSequence([config.seed, epoch]).generate_state(2)
    torch.manual_seed(int(dropout_seed) + accelerator.process_index)
    generator = torch.Generator().manual_seed(int(order_seed))
    plays = len(lengths)
    order = torch.randperm(plays, generator=generator)
    pools = [pool[lengths[pool].argsort(stable=True)] for pool in order.split(POOL * config.batch_size)]
    batches = torch.cat(pools).tensor_split(math.ceil(plays / config.batch_size))
    batches = [batches[i] for i in torch.randperm(len(batches), generator=generator)]
    return [(batch[accelerator.process_index :: accelerator.num_processes], len(batch)) for batch in batches]


def _learning_rate(config: TrainConfig, step: int, steps: int) -> float:
    """Linear from 0 over the warm-up, then a cosine to 0 at the last step."""
    warmup = config.warmup * steps
    if step + 1 < warmup:
        return config.learning_rate * (step + 1) / warmup
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def _on(device: torch.device, plays: PlayTensors) -> PlayTensors:
    """The plays on the device and in the model's float32."""
    plays = plays.to(device)
    names = ("x", "static", "y", *(() if plays.bounds is None else ("bounds",)))
    return dataclasses.replace(plays, **{name: getattr(plays, name).float() for name in names})


@contextlib.contextmanager
def _naming_what_is_too_large(config: TrainConfig, lengths: Tensor, device: torch.device) -> Iterator[None]:
    """Say what a step took in where the device has no memory for it."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:  # torch.OutOfMemoryError, which torch 2.4 calls by this name alone
        raise torch.cuda.OutOfMemoryError(
            f"batch_size: the memory of {device} is too small for a step of {len(lengths)} plays, the longest of "
            f"{int(lengths.max())} frames; lower batch_size, which is {config.batch_size}. ({error})"
        ) from error


def _autocast(config: TrainConfig, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.mixed_precision == "bf16")


def _not_finite(losses: Tensor, y: Tensor, share: Tensor, epoch: int, batch: int, learning_rate: float) -> str:
    bad = (~losses.detach().isfinite()).nonzero().flatten().cpu()
    if len(bad) == 0:
        plays = "each outcome's loss is finite, their sum is not"
    else:
        listed = ", ".join(f"play {int(share[j])} (y = {float(y[j]):g})" for j in bad[:5])
        plays = f"{len(bad)} of {len(losses)} losses: {listed}"
    return (
        f"the training loss is not finite in epoch {epoch}, batch {batch}, at learning rate {learning_rate:.2g}: "
        f"{plays}. Where single plays are concerned look at their outcomes and features; where all are, the weights "
        "have diverged: lower learning_rate or gradient_clip"
    )


def _over_processes(total: float, accelerator: Accelerator) -> float:
    if accelerator.num_processes == 1:
        return total
    return float(accelerator.reduce(torch.tensor(total, device=accelerator.device), "sum"))


@torch.no_grad()
def _means(
    model: PassingModel, plays: Plays, losses: tuple[Loss, ...], config: TrainConfig, accelerator: Accelerator
) -> list[float]:
    """Means of the losses over all plays, each process taking its share of them."""
    model.eval()
    totals = [0.0] * len(losses)
    for index in torch.arange(accelerator.process_index, len(plays), accelerator.num_processes).split(1024):
        batch = _on(accelerator.device, plays[index])
        with _autocast(config, accelerator.device):
            law = model(batch.x, batch.lengths, batch.static)
        for i, loss_of in enumerate(losses):
            totals[i] += float(loss_of(law, batch).sum())
    return [_over_processes(total, accelerator) / len(plays) for total in totals]


class _Run:
    """The files of a run. Every file is written beside its place and then renamed: a reader never sees half of one."""

    def __init__(self, directory: str | Path | None, resume: bool, accelerator: Accelerator) -> None:
        if directory is None and resume:
            raise ValueError("directory: resume=True needs the directory of the run to continue, got None")
        self.directory = None if directory is None else Path(directory)
        self.resume = resume
        self.accelerator = accelerator

    def begin(
        self,
        model_config: ModelConfig,
        config: TrainConfig,
        objective: str | Objective,
        criterion: str | Objective,
        train_plays: Plays,
        validation_plays: Plays,
    ) -> None:
        """Write the configuration of a new run, or check that the run in the directory is this one."""
        if self.directory is None or not self.accelerator.is_main_process:
            self.accelerator.wait_for_everyone()
            return
        fields = {
            "model": dataclasses.asdict(model_config),
            "training": dataclasses.asdict(config),
            "objective": _name(objective),
            "criterion": _name(criterion),
            "train_plays": _fingerprint(train_plays),
            "validation_plays": _fingerprint(validation_plays),
        }
        path = self.directory / "config.json"
        if path.exists() and not self.resume:
            raise FileExistsError(
                f"directory: {self.directory} holds a run already; continue it with resume=True, or name another one"
            )
        # through JSON, so that tuples compare as the lists that they become
        new = json.loads(json.dumps(fields))
        if path.exists():
            with _reading(path, "the configuration of a run"):
                old = {**dict.fromkeys(new), **json.loads(path.read_text(encoding="utf-8"))}
                old |= {part: dict(old[part]) for part in ("model", "training")}
            _check_same_run(old, new, self.directory)
        else:
            self.directory.mkdir(parents=True, exist_ok=True)
            write_whole(path, lambda part: part.write_text(json.dumps(new, indent=2) + "\n", encoding="utf-8"))
        self.accelerator.wait_for_everyone()

    def restore(
        self, model: PassingModel, optimizer: torch.optim.Optimizer
    ) -> tuple[list[dict[str, float]], dict[str, Any]]:
        """History and best epoch so far, after loading the last state into model and optimizer where there is one."""
        if self.directory is None or not (self.directory / "last.pt").exists():
            return [], {"epoch": 0, "score": math.inf, "weights": None}
        with _reading(self.directory / "last.pt", "the state of the run that config.json describes"):
            # from memory: of a file that was cut short torch says "invalid argument"
            kept = io.BytesIO((self.directory / "last.pt").read_bytes())
            last = torch.load(kept, map_location="cpu", weights_only=True)
            model.load_state_dict(last["model"])
            optimizer.load_state_dict(last["optimizer"])
            return last["history"], last["best"]

    def save(
        self,
        model: PassingModel,
        optimizer: torch.optim.Optimizer,
        history: list[dict[str, float]],
        best: dict[str, Any],
    ) -> None:
        """Write the best weights if this epoch's are, and the state from which the next epoch follows."""
        if self.directory is None or not self.accelerator.is_main_process:
            return
        if best["epoch"] == len(history):
            write_whole(self.directory / "model.safetensors", lambda part: save_file(best["weights"], part))
        last = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "history": history, "best": best}
        write_whole(self.directory / "last.pt", lambda part: torch.save(last, part))
        write_whole(self.directory / "history.csv", lambda part: pd.DataFrame(history).to_csv(part, index=False))


@contextlib.contextmanager
def _reading(path: Path, expected: str) -> Iterator[None]:
    """Turn what goes wrong in reading a file of a run into a ValueError that names the file and what to do."""
    try:
        yield
    except (ValueError, TypeError, LookupError, EOFError, RuntimeError, UnpicklingError, SafetensorError) as error:
        what = " ".join(str(error).split())
        what = what if len(what) < 400 else f"{what[:400]} ..."
        raise ValueError(
            f"{path}: expected {expected}, and it cannot be read ({type(error).__name__}: {what}). It was cut short, "
            "or written by another version of qbsbp or for another trunk: read it with the version and the trunk that "
            "it was written with, or train again"
        ) from error


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` write a file beside `path`, and give it that name when it is whole."""
    part = path.with_name(path.name + ".part")
    write(part)
    os.replace(part, path)


def _fingerprint(plays: Plays) -> str:
    """A hash of everything that training reads of the plays, the same in memory and on disk."""
    digest = hashlib.blake2b(digest_size=16)
    for _, part in _parts(plays):
        real = torch.arange(part.x.shape[-1], device=part.x.device) < part.lengths.unsqueeze(1)
        for tensor in (part.x.transpose(1, 2)[real], part.lengths, part.static, part.y, part.bounds):
            if tensor is not None:
                digest.update(str((tuple(tensor.shape), tensor.dtype)).encode())
                digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _check_same_run(old: dict[str, Any], new: dict[str, Any], directory: Path) -> None:
    differences = []
    for part in ("model", "training"):
        for name in sorted(set(old[part]) | set(new[part])):
            if old[part].get(name) != new[part].get(name):
                differences.append(f"{name} was {old[part].get(name)!r} and is now {new[part].get(name)!r}")
    for name in ("objective", "criterion"):
        if old[name] != new[name]:
            differences.append(f"{name} was {old[name]!r} and is now {new[name]!r}")
    for name in ("train_plays", "validation_plays"):
        if old[name] != new[name]:
            differences.append(f"{name} are not the same plays")
    if differences:
        raise ValueError(
            f"resume: the run in {directory} was started otherwise: {'; '.join(differences)}. "
            "Resume with what it was started with, or name another directory"
        )
