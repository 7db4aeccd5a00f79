"""Peak memory of training a VAE (2×1000, batch 100, 28×28), above what stands after the imports, against pythae's.

    python benchmarks/memory.py --pythae DIR/bin/python      # the python of an environment with pythae 0.1.2

Each side trains in a process of its own on the same 50,000 random images, as its users do: ours from a uint8 tensor, pythae's
from the float32 array that its trainer wants. Without --pythae only our side is measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

PEAK = """
import json, resource
def peak():  # MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
"""

OURS = (
    PEAK
    + """
import torch, zoo_core as zoo, zoo_core.training, zoo_core.data, zoo_core.building.builder
from accelerate import PartialState
torch.set_num_threads(1)
base = peak()
images = torch.randint(0, 256, (50_000, 1, 28, 28), dtype=torch.uint8)
model = zoo.build("vae-mlp", image_shape=(1, 28, 28), latent_dim=10)
zoo.train(model, images, epochs=1, progress=False)
print(json.dumps([base, peak()]))
"""
)

PYTHAE = (
    PEAK
    + """
import sys, logging, tempfile
import numpy as np, torch
from torch import nn
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainerConfig
from pythae.pipelines import TrainingPipeline
torch.set_num_threads(1)
logging.disable(logging.CRITICAL)
base = peak()
class Encoder(BaseEncoder):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(784, 1000), nn.ReLU(), nn.Linear(1000, 1000), nn.ReLU())
        self.mu, self.log_var = nn.Linear(1000, 10), nn.Linear(1000, 10)
    def forward(self, x):
        h = self.net(x)
        return ModelOutput(embedding=self.mu(h), log_covariance=self.log_var(h))
class Decoder(BaseDecoder):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 1000), nn.ReLU(), nn.Linear(1000, 1000), nn.ReLU(), nn.Linear(1000, 784), nn.Sigmoid())
    def forward(self, z):
        return ModelOutput(reconstruction=self.net(z).view(-1, 1, 28, 28))
images = np.random.default_rng(0).integers(0, 256, (50_000, 1, 28, 28)).astype(np.float32) / 255
model = VAE(VAEConfig(input_dim=(1, 28, 28), latent_dim=10, reconstruction_loss="bce"), encoder=Encoder(), decoder=Decoder())
with tempfile.TemporaryDirectory() as folder:
    config = BaseTrainerConfig(output_dir=folder, num_epochs=1, per_device_train_batch_size=100, learning_rate=1e-3, no_cuda=True)
    TrainingPipeline(training_config=config, model=model)(train_data=images)
print(json.dumps([base, peak()]))
"""
)


def measure(python: str, code: str) -> tuple[float, float]:
    """Peak MiB after the imports and at the end."""
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    base, peak = json.loads(done.stdout.strip().splitlines()[-1])
    return base, peak


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pythae", metavar="PYTHON", help="python of an environment with pythae 0.1.2")
    args = parser.parse_args()
    sides = {"zoo": measure(sys.executable, OURS)}
    if args.pythae:
        sides["pythae"] = measure(args.pythae, PYTHAE)
    print(f"{'':10}{'after imports':>15}{'peak':>10}{'above':>10}   (MiB)")
    for name, (base, peak) in sides.items():
        print(f"{name:10}{base:15.0f}{peak:10.0f}{peak - base:10.0f}")
    if args.pythae:
        above = {name: peak - base for name, (base, peak) in sides.items()}
        print(f"ratio {above['zoo'] / above['pythae']:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
