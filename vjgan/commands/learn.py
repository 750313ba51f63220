"""``vjgan learn-midi``: a knob is moved, and sets a control from then on."""

from __future__ import annotations

from typing import Annotated

import typer


def learn_midi(
    control: Annotated[str, typer.Argument(metavar="CONTROL", help="Its name; see `controls`.")],
    midi: Annotated[
        str, typer.Option(metavar="NAME", help="Only MIDI ports whose name contains this.")
    ] = "",
    midi_api: Annotated[
        str, typer.Option(metavar="API", help="alsa, jack, coremidi or winmm. Default: the first.")
    ] = "",
    seconds: Annotated[float, typer.Option(metavar="S", min=0.1, help="Wait so long.")] = 30.0,
) -> None:
    """Wait until a knob is turned, a fader moved or a pad struck, and bind CONTROL to it.

    It is kept in the rig's file under the controller's name, for every show from the next one on,
    whether the controller is there or not. Range, curve and what a button does can be set there.

    Example:

    - `vjgan learn-midi bloom.amount`
    """
    from vjgan.learning import learn

    typer.echo(f"turn or press what shall set {control}", err=True)
    typer.echo(learn(control, midi, midi_api, seconds))
