"""Fisher vectors and joint Bayesian: face verification without a network, in minutes.

Local gradient histograms on a dense grid at five scales, with their positions, are encoded by a mixture of 128 Gaussians
(Simonyan et al., BMVC 2013, "Fisher vector faces in the wild"). The vectors are reduced by PCA and compared by joint
Bayesian (Chen et al., ECCV 2012). Mirrored images take part in fitting and testing.

    python launch.py --config=configs/fisher_jb.py --config.data.source=folder --config.data.dir=LFW

Cost: 5 minutes on two CPU cores.
Expect on View 1's test pairs: accuracy 93.3 % (95 % interval 91.6-94.7) at the threshold of held-out identities, AUC 0.983.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base


def get_config() -> ConfigDict:
    config = base.without_training()
    config.data.align = True
    config.data.side = 112
    config.data.margin = 8
    config.data.validation_people = 0.07
    config.model = ConfigDict(dict(name="fisher", gaussians=128, components=64, stride=4))
    config.backend = ConfigDict(dict(name="joint_bayesian", pca_dimension=1400, whitening=0.25))
    return config
