"""``vjgan calibrate``: how late sound is heard, and light is seen."""

from __future__ import annotations

from typing import Annotated

import typer


def calibrate(
    input_: Annotated[
        str, typer.Option("--input", "-i", metavar="NAME", help="The sound input to listen to.")
    ] = "",
    by_hand: Annotated[
        bool,
        typer.Option("--by-hand", help="Flash and click, and let the keys bring them together."),
    ] = False,
    display: Annotated[
        str, typer.Option(metavar="N|NAME", help="By hand: flash on that display.")
    ] = "",
) -> None:
    """Measure how late things come, and keep it for every show of this machine.

    Plays clicks and listens to them: put the microphone before a loudspeaker, or connect output
    and input. What the sound system does not report of that way is kept as `input_ms`.

    With `--by-hand` the screen flashes with each click; `,` and `.` move the flash until both come
    together, the space bar keeps it as `offset_ms`, Esc twice leaves all as it was. Do it where
    you see the screen and hear the loudspeakers as the audience does.
    """
    from vjgan.calibration import by_ear, by_eye

    typer.echo(by_eye(display) if by_hand else by_ear(input_ or None))
