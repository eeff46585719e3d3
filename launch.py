"""Run one job of lfw_jax from a checkout: `python launch.py --config=configs/arcface.py --workdir=runs/arcface`."""

from lfw_jax.__main__ import main

if __name__ == "__main__":
    main("launch.py")
