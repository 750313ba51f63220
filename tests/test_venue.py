from conftest import Venue


def test_the_venue_is_up(venue: Venue) -> None:
    assert {"Xvfb", "pulseaudio", "jackd"} <= set(venue.run("status").split())
