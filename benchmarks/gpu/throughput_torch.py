"""Worker of PyTorch in the throughput item (`throughput_workers`).

Channels-last, `torch.autocast` in bfloat16 or TF32, cuDNN's search for the fastest algorithms, fused Adam; eager and
by `torch.compile` with static shapes. As in this project, a step takes its batch from a set on the device, mirrors
half of it and scales it to [-1, 1].
"""

import time
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.gpu.throughput_plan import LOG_EVERY, Plan, peak_teraflops, plan, timed_steps
from benchmarks.peer_torch import classification_loss, resnet

EAGER, COMPILED = "torch_eager", "torch_compiled"


class Commands:
    """Commands for the parent process."""

    def start(self, dtype: str, *, toy: bool, memory_share: float) -> dict[str, Any]:
        """Set the precision, make the images and describe the device."""
        self._plan: Plan = plan(toy=toy)
        self._dtype, self._cuda = dtype, torch.cuda.is_available()
        self._device = "cuda" if self._cuda else "cpu"
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        if self._cuda:
            torch.cuda.set_per_process_memory_fraction(memory_share)
        torch.manual_seed(0)
        side = self._plan.side
        images = torch.randint(0, 256, (self._plan.images, 3, side, side), dtype=torch.uint8, device=self._device)
        self._images = images.to(memory_format=torch.channels_last)
        self._labels = torch.randint(self._plan.classes, (self._plan.images,), device=self._device)
        self._running: dict[str, Callable[[int], float]] = {}
        name = torch.cuda.get_device_name() if self._cuda else "cpu"
        return {"device": name, "platform": self._device, "version": torch.__version__}

    def peak(self, seconds: float) -> dict[str, Any]:
        """Measure the rate of a large matrix product."""
        size, dtype = self._plan.peak_size, getattr(torch, self._dtype)
        left, right = (torch.randn(size, size, device=self._device).to(dtype) for _ in range(2))

        def run(products: int) -> float:
            self._wait()
            began = time.perf_counter()
            for _ in range(products):
                left @ right
            self._wait()
            return time.perf_counter() - began

        return {"teraflops_per_second": peak_teraflops(run, size, seconds)}

    def prepare(self, candidate: str, batch: int) -> dict[str, Any]:
        """Compile a candidate's step for a batch size, unless it is eager, and run its first steps.

        `first_step_seconds` include compilation, and the search for algorithms if it was not made before.
        """
        run = self._runner(batch, compiled=candidate == COMPILED)
        began = time.perf_counter()
        run(1)
        first = time.perf_counter() - began
        run(3)
        self._running[candidate] = run
        return {"first_step_seconds": first}

    def round(self, candidate: str, seconds: float) -> dict[str, Any]:
        """Measure one turn of a candidate."""
        steps, took = timed_steps(self._running[candidate], seconds)
        return {"steps": steps, "seconds": took}

    def release(self) -> dict[str, Any]:
        """Release the device memory of the candidates."""
        self._running.clear()
        torch.compiler.reset()
        if self._cuda:
            torch.cuda.empty_cache()
        return {}

    def _runner(self, batch: int, *, compiled: bool) -> Callable[[int], float]:
        sizes = self._plan
        model = resnet(sizes.embedding_dim, stages=sizes.stages, width=sizes.width)
        model = model.to(self._device, memory_format=torch.channels_last)
        prototypes = torch.nn.Parameter(torch.randn(sizes.classes, sizes.embedding_dim, device=self._device))
        optimizer = torch.optim.Adam([*model.parameters(), prototypes], 1e-3, fused=self._cuda)

        def loss_of(images: torch.Tensor, labels: torch.Tensor, mirror: torch.Tensor) -> torch.Tensor:
            images = torch.where(mirror[:, None, None, None], images.flip(3), images)
            with torch.autocast(self._device, torch.bfloat16, enabled=self._dtype == "bfloat16"):
                inputs = images.float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last)
                embeddings = model(inputs)
            return classification_loss(embeddings.float(), prototypes, labels)

        loss_of = torch.compile(loss_of, dynamic=False) if compiled else loss_of

        def run(steps: int) -> float:
            self._wait()
            began = time.perf_counter()
            for step in range(1, steps + 1):
                places = torch.randint(len(self._images), (batch,), device=self._device)
                mirror = torch.rand(batch, device=self._device) < 0.5
                optimizer.zero_grad()
                loss = loss_of(self._images[places], self._labels[places], mirror)
                loss.backward()
                optimizer.step()
                if step % LOG_EVERY == 0 or step == steps:
                    loss.item()
            self._wait()
            return time.perf_counter() - began

        return run

    def _wait(self) -> None:
        if self._cuda:
            torch.cuda.synchronize()
