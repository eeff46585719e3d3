"""Binary patterns and joint Bayesian: face verification without a network, in minutes.

Histograms of uniform local binary patterns around sixteen points of the face, at four scales (Chen et al., CVPR 2013,
"Blessing of dimensionality"). Each scale is reduced by PCA and compared by joint Bayesian (Chen et al., ECCV 2012), and so
are all scales together; the five scores are added. Mirrored images take part in fitting and testing.

    python launch.py --config=configs/descriptors_jb.py --config.data.source=folder --config.data.dir=LFW

Cost: 5 minutes on two CPU cores.
Expect on View 1's test pairs: accuracy 90.6 % (95 % interval 88.6-92.3) at the threshold of held-out identities, AUC 0.971.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base


def get_config() -> ConfigDict:
    config = base.without_training()
    config.data.align = True
    config.data.side = 112
    config.data.margin = 24
    config.data.validation_people = 0.07
    config.model = ConfigDict(dict(name="descriptors", kind="lbp", scales=(47.0, 33.0, 24.0, 17.0), joint=True))
    config.backend = ConfigDict(dict(name="joint_bayesian", pca_dimension=400, whitening=0.25))
    return config
