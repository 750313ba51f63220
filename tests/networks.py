"""Networks to test with."""

import torch

from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config


def lively(config: StyleGAN2Config) -> StyleGAN2:
    """A network in which every parameter has a say."""
    torch.manual_seed(3)
    network = StyleGAN2(config)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                value.add_(torch.randn(value.shape) * 0.3)
        network.mapping.w_mean.normal_()
    return network
