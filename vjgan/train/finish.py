"""Sharpen a model trained on pairs: ``python -m vjgan.train.finish``; run again to go on.

Pairs alone leave a soft picture where the network is unsure. A projected judge asks for details as
crisp as in the renders, while the likeness to each picture is kept, so nothing leaves its place.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from vjgan.errors import told
from vjgan.files import replacing
from vjgan.train.judge import Judge, fool_loss, judge_loss
from vjgan.train.mapping import CONFIG
from vjgan.train.painter import Stage, likeness, paint, train
from vjgan.train.pairs import attention
from vjgan.train.portraits import DATA, FEATURE_WEIGHT, RUN, Trainer, unlikeness

FINISH = Path("training/finish")
JUDGE_RATE = 1e-3
GAMMA = 0.01  # of R1
FOOL_WEIGHT = 0.05  # its gradient at the picture is then about that of the feature maps
ALONE = 100  # steps that the judge learns alone


class Finisher(Trainer):
    """A trainer whose pictures must also pass for renders. It goes in smaller steps."""

    rate, ema_share = 8e-3, 0.02

    def __init__(self, run: Path, data: Path) -> None:
        super().__init__(run, data)
        self.judge = Judge()
        self._judging = torch.optim.Adam(self.judge.parameters(), JUDGE_RATE, betas=(0.0, 0.99))
        self._steps = 0
        if (run / "judge.pt").exists():
            state = torch.load(run / "judge.pt", weights_only=True)
            self.judge.load_state_dict(state["judge"])
            self._judging.load_state_dict(state["optimiser"])
            self._steps = state["steps"]

    @property
    def stages(self) -> Sequence[Stage]:
        """The whole picture, from the first step."""
        return (Stage(CONFIG.resolution, 8, float("inf")),)

    def save(self) -> None:
        """Write both states."""
        state = {
            "judge": self.judge.state_dict(),
            "optimiser": self._judging.state_dict(),
            "steps": self._steps,
        }
        with replacing(self.run / "judge.pt") as part:
            torch.save(state, part)
        super().save()

    def step(self) -> float:
        """One batch for the judge, and the same for the generator."""
        p, x, marks = self.draw()
        image = paint(self.network.synthesis, self.network.mapping(p), len(x[0, 0]), torch.bfloat16)
        ours, theirs = self.look(image, x)
        self._judging.zero_grad(set_to_none=True)
        torch.autograd.backward(judge_loss(self.judge, theirs, ours, GAMMA))
        self._judging.step()
        self._steps += 1
        loss = likeness(image, x, attention(marks, len(x[0, 0])))
        loss = loss + FEATURE_WEIGHT * unlikeness(ours, theirs)
        if self._steps > ALONE:
            self.judge.requires_grad_(False)
            loss = loss + FOOL_WEIGHT * fool_loss(self.judge, theirs, ours)
            self.judge.requires_grad_(True)
        self.update(loss, len(p))
        return loss.item()


def main(words: Sequence[str] | None = None) -> None:
    """Start from the training's state, or go on with the finish."""
    arguments = argparse.ArgumentParser(prog="vjgan.train.finish", description=__doc__)
    arguments.add_argument("--start", type=Path, default=RUN / "state.pt", help="of the training")
    arguments.add_argument("--run", type=Path, default=FINISH, help="where the state lies")
    arguments.add_argument("--data", type=Path, default=DATA, help="shards of the renderer")
    arguments.add_argument("--kimg", type=float, default=50.0, help="how many thousand pictures")
    arguments.add_argument("--every", type=float, default=4.0, help="minutes between checkpoints")
    arguments.add_argument("--threads", type=int, default=1)
    options = arguments.parse_args(words)
    torch.set_num_threads(options.threads)
    options.run.mkdir(parents=True, exist_ok=True)
    if not (options.run / "state.pt").exists():
        shutil.copyfile(options.start, options.run / "state.pt")
    finisher = Finisher(options.run, options.data)
    train(finisher, finisher.seen + options.kimg * 1000, options.every * 60)


if __name__ == "__main__":
    with told():
        main()
