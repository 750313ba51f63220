"""What was painted before, moved along with what is seen, so that the next painting follows it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.generator.flow import flow, warped
from vjgan.types import ByteArray

ALIKE = 0.05  # of the brightest: how far what is seen may have changed until it is another thing
AROUND = 4  # pixels, of which the mean tells


@torch.inference_mode()
def hold(
    before: ByteArray, after: ByteArray, painted: ByteArray, repainted: ByteArray, share: float
) -> ByteArray:
    """What is shown, uint8 [h, w, 3]: of a picture ``before`` there was a ``painted`` one, and
    ``after`` it has been ``repainted``; ``share`` 0..1 of the old painting stays where its picture,
    moved along, is still what is seen."""
    motion = flow().between(before, after)  # [32, 32, 4]
    new = _planes(after)  # [1, 3, h, w]
    way = torch.from_numpy(-motion[..., :2]).permute(2, 0, 1)[None]  # [1, 2, 32, 32]
    way = F.interpolate(way, new.shape[2:], mode="bilinear", align_corners=False)
    moved = warped(torch.cat([_planes(before), _planes(painted)], 1), way)  # [1, 6, h, w]
    apart = (moved[:, :3] - new).abs().mean(1, keepdim=True)  # [1, 1, h, w]
    apart = F.avg_pool2d(apart, AROUND, ceil_mode=True)
    kept = share * torch.exp(-(apart / (255.0 * ALIKE)).square())
    kept = F.interpolate(kept, new.shape[2:], mode="bilinear", align_corners=False)
    shown = torch.lerp(_planes(repainted), moved[:, 3:], kept)[0]  # [3, h, w]
    picture: ByteArray = shown.add_(0.5).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    return picture


def _planes(image: ByteArray) -> Tensor:
    """uint8 [h, w, 3] -> [1, 3, h, w] in 0..255."""
    return torch.from_numpy(image).permute(2, 0, 1)[None].float()
