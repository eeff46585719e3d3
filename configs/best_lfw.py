"""The best result on LFW alone: two kinds of descriptors and two small networks, fused.

Binary patterns and Fisher vectors with joint Bayesian err differently from networks, and a network that sees the head and its
surroundings errs differently from one that sees the face. Each member is trained without the same 7 % of the identities, on
which the weights of the fusion and the threshold are chosen.

    python launch.py --config=configs/best_lfw.py --config.data.source=folder --config.data.dir=LFW

Cost: 65 minutes on two CPU cores.
Expect on View 1's test pairs: accuracy 94.0 % (95 % interval 92.3-95.3) at the threshold of held-out identities, AUC 0.989.

Each member has a work directory of its own below that of the run, and `--config.members.NAME.` changes its options.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base, descriptors_jb, fisher_jb, lfw_cpu


def get_config() -> ConfigDict:
    config = base.without_training()
    config.data.align = True
    config.align.margin = 44  # as wide as the widest crop, so that one alignment serves all members
    config.data.validation_people = 0.07
    config.model = ConfigDict(dict(name="members"))
    config.fusion = ConfigDict(dict(name="logistic"))
    config.members.descriptors = descriptors_jb.get_config()
    config.members.fisher = fisher_jb.get_config()
    config.members.network = lfw_cpu.get_config()
    config.members.wide = lfw_cpu.get_config()
    config.members.wide.data.context = 1.5
    return config
