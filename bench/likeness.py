"""How like two films [frames, height, width, 3] of 0..255 are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Film = NDArray[np.generic]
LUMA = np.array([0.299, 0.587, 0.114])
SIGMA = 1.5  # pixels, of the window, which is 11 wide
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(film: Film, truth: Film) -> float:
    """dB, by the mean squared error of all frames together."""
    return float(10 * np.log10(255.0**2 / np.mean((film - truth.astype(float)) ** 2)))


def ssim(film: Film, truth: Film) -> float:
    """Structural similarity of the luma, the mean of all windows (Wang et al. 2004)."""
    return float(np.mean([ssim_map(a, b) for a, b in zip(film, truth, strict=True)]))


def ssim_map(one: Film, two: Film) -> NDArray[np.float64]:
    """Structural similarity around each pixel of two pictures [h, w, 3] -> [h, w]."""
    a, b = one @ LUMA, two @ LUMA

    def mean(x: NDArray[np.float64]) -> NDArray[np.float64]:
        blurred: NDArray[np.float64] = gaussian_filter(x, SIGMA, radius=5)
        return blurred

    ma, mb = mean(a), mean(b)
    va, vb, both = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    alike: NDArray[np.float64] = (2 * ma * mb + C1) * (2 * both + C2)
    return alike / ((ma**2 + mb**2 + C1) * (va + vb + C2))


def temporal_error(film: Film, truth: Film) -> float:
    """By how much the changes from frame to frame differ, root mean square, 0..255."""
    steps, wanted = (np.diff(x.astype(np.float32), axis=0) for x in (film, truth))
    return float(np.sqrt(np.mean((steps - wanted) ** 2)))
