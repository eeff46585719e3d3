"""Alignment learned without labels: congealing by self-supervised regression.

The faces of a set such as LFW are roughly centred, by the detector that cropped them. Each image has an unknown pose: the
similarity transform (rotation, scale, shift) from a common frame into the image. The poses of the training images start as
that of the central crop and improve by turns: regressors learn to undo known random transforms of the images around their
present poses, and then estimate all poses again. A regressor cannot know the error of a single pose, only what faces of that
appearance have in common, so the errors average out and the poses converge. No landmark, no label and no detector trained
elsewhere takes part.

`pose` has the group of similarity transforms, `features` the histograms of gradient orientations that the regressors read,
`model` the learned arrays and their file, `fitting` and `estimation` the two halves of the method, `learning` the fit to an image
set, and `detector` what alignment uses in place of mtcnn.

Related: Learned-Miller 2006, "Data driven image models through continuous joint alignment" (congealing); Xiong and De la Torre
2013, "Supervised descent method" (a cascade of linear regressors in place of Gauss-Newton steps).
"""

from lfw_jax.faces.congealing.estimation import estimate_similarities
from lfw_jax.faces.congealing.fitting import fit_alignment_model
from lfw_jax.faces.congealing.model import AlignmentModel, CongealingSettings

__all__ = ["AlignmentModel", "CongealingSettings", "estimate_similarities", "fit_alignment_model"]
