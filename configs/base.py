"""Base configuration: every option with its default and range.

A variant changes only its own options. Groups with a `name` (`model`, `loss`, `miner`) hold the options of the named
thing and nothing else. Numbers have their range beside them; those of `loss`, `miner` and `augmentation` are checked
where these are defined.
"""

from typing import Any

from ml_collections import ConfigDict

from lfw_jax.options import FilePath, Number, declare

_MANY = 1_000_000
ALIGNED_MARGIN = 11
"""Margin of aligned faces in pixels that lfw_cpu needs: configurations that share it share one aligned set."""


def get_config() -> ConfigDict:
    """Return the configuration of ResNet-50 with ArcFace on LFW's View 1."""
    config = declare(
        "",
        # Seed of initialisation, sampling, augmentation and splits.
        seed=Number(0, at_least=0, below=2**32),
    )
    config.data = _data()
    config.align = _align()
    config.sampler = _sampler()
    config.augmentation = _augmentation()
    config.model = _model()
    config.loss = ConfigDict(dict(name="arcface", margin=0.5, scale="adacos"))
    config.miner = ConfigDict(dict(name="none"))
    config.memory = _memory()
    config.optimizer = _optimizer()
    config.training = _training()
    config.evaluation = _evaluation()
    # Learned similarity on the embeddings of the model: none, cosine, lda, joint_bayesian or plda, with the options of that
    # one (docs/backends.md).
    config.backend = ConfigDict(dict(name="none"))
    # Model "members": a configuration for each member, by its name. Their scores are fused.
    config.members = ConfigDict()
    # Model "members": weights of the scores: logistic (fitted on held-out identities) or equal.
    config.fusion = ConfigDict(dict(name="none"))
    return config


def without_training() -> ConfigDict:
    """Return the base of a configuration that fits a backend and trains no network step by step."""
    config = get_config()
    config.loss = ConfigDict(dict(name="none"))
    return config


def experiment() -> ConfigDict:
    """Return the shared base of the report's five experiments.

    Training takes 100 epochs at one learning rate, then 20 epochs of cosine decay.
    """
    config = get_config()
    config.training.epochs = 120.0
    config.optimizer.constant_epochs = 100.0
    return config


def with_epochs(config: ConfigDict, epochs: float) -> ConfigDict:
    """Return a configuration with its schedule stretched or shortened to a number of epochs.

    Warm-up, constant part and the interval of validation keep their shares of the training.

    Args:
      config: The configuration; it is changed.
      epochs: The new length of the training.
    """
    factor = epochs / config.training.epochs
    config.training.epochs = epochs
    for name in ("warmup_epochs", "constant_epochs"):
        config.optimizer[name] = round(factor * config.optimizer[name], 4)
    config.evaluation.every_epochs = round(factor * config.evaluation.every_epochs, 4)
    return config


def on_two_cores(config: ConfigDict, *, epochs: float) -> ConfigDict:
    """Return an experiment of the report in half an hour of two CPU cores.

    Args:
      config: The experiment; it is changed. ResNet-50 becomes the CPU backbone of lfw_cpu with the same embedding: as long,
        without normalisation and dropout. Inputs are 64×64 pixels of aligned faces. Loss, miner, sampler, augmentation,
        optimiser and the shape of the schedule stay.
      epochs: The length of the training; six validations divide it.
    """
    config = with_epochs(config, epochs)
    config.evaluation.every_epochs = round(epochs / 6, 4)
    config.data.update(align=True, keep_decoded=True, side=64)
    config.align.margin = ALIGNED_MARGIN
    if config.model.name == "resnet50":
        config.model = ConfigDict(
            dict(name="patch_resnet", features=(96, 96, 96, 192, 192, 192), embedding_norm=False, **_head(config.model))
        )
    return config


def with_embedding_norm(config: ConfigDict) -> ConfigDict:
    """Add batch normalisation of the embedding to the configuration of a ResNet.

    Args:
      config: The configuration; it is changed.
    """
    config.model.embedding_norm = True
    return config


def _head(model: ConfigDict) -> dict[str, Any]:
    return {key: model[key] for key in ("embedding_dim", "dropout", "dtype")}


def one_cycle(*, warmup_epochs: float) -> ConfigDict:
    """Return the AdamW settings of one cycle: linear warm-up, then cosine decay over all other epochs.

    Args:
      warmup_epochs: Length of the warm-up; about a third of `config.training.epochs`.

    Returns:
      The group `config.optimizer`.
    """
    optimizer = _optimizer()
    optimizer.update(name="adamw", learning_rate=2e-3, weight_decay=0.05, warmup_epochs=warmup_epochs)
    return optimizer


def _data() -> ConfigDict:
    return declare(
        "data",
        # Source of the images: lfw (downloaded on first use), folder, synthetic, array, csv, rec, bin or tfds.
        source="lfw",
        # Folder or file of the source. For lfw and tfds: the folder in which tensorflow-datasets stores its files.
        dir=FilePath(""),
        # tfds: name:version/split, such as "lfw:0.1.1/train".
        tfds="",
        # Folder of the pair lists. Empty: the data folder, or a download if they are not there.
        lists_dir=FilePath(""),
        # Evaluation protocol: view1 or view2 (LFW's lists), pairs (an external list) or generated (pairs sampled here).
        protocol="view1",
        # view2: index of the test fold, from 1; the other folds train. 0: all folds are the test set, and their identities
        # are excluded from training.
        fold=Number(0, at_least=0),
        # pairs: a .csv of path1,path2,same, a .bin or a list (lfw_jax/data/protocols/evaluation_sets.py).
        pairs_file=FilePath(""),
        # pairs: meaning=title for columns of a .csv that are not recognised: "path1=left,path2=right,same=match". Meanings:
        # path1, path2, same, person1, person2, number1, number2, fold, split.
        pairs_columns="",
        # Identities with fewer training images are left out of training: 2 leaves out those with a single image.
        min_images_per_identity=Number(1, at_least=1, at_most=_MANY),
        # Near duplicates of test images among the training images: ignore, list or remove.
        near_duplicates="ignore",
        # Fraction of the training identities held out to select the best checkpoint.
        validation_people=Number(0.05, above=0, below=1),
        # generated: fraction of all identities held out as the test set.
        test_people=Number(0.3, above=0, below=1),
        # Seed of the held-out identities and of the sampled pairs; -1: config.seed. Runs that are fused share it.
        split_seed=Number(-1, at_least=-1, below=2**32),
        # Number of positive pairs, and of negative pairs, sampled for validation and for the protocol generated.
        pairs=Number(600, at_least=1, at_most=10 * _MANY),
        # Largest number of positive pairs of one identity sampled for validation; it is in at most twice as many negative pairs.
        # With few identities, one with many images would determine the threshold. 0: no limit.
        pairs_per_identity=Number(10, at_least=0, at_most=_MANY),
        # Image loader: tfdata, pillow, or auto (tf.data if TensorFlow is installed).
        loader="auto",
        # Decode the training set once and keep it in host memory.
        keep_decoded=False,
        # Decode the training set once and keep it on the devices: a step then needs no work on the host.
        resident=False,
        # Detect and align the faces first with the settings of config.align; the result is cached by content and settings.
        align=False,
        # With align: side of the network's input relative to the template's square. Above 1 it covers more of the head.
        context=Number(1.0, at_least=0.5, at_most=2),
        # Cache folder of aligned faces; empty: the user's cache folder.
        align_dir=FilePath(""),
        # Side of the square network input, in pixels.
        side=Number(112, at_least=8, at_most=4096),
        # Side of the centre crop as a fraction of the image: 136 of 250 pixels.
        crop=Number(0.544, above=0, at_most=1),
        # Margin around the crop for augmentation and shifted crops, in pixels.
        margin=Number(0, at_least=0, at_most=4096),
        synthetic=_synthetic(),
    )


def _synthetic() -> ConfigDict:
    return declare(
        "data.synthetic",
        people=Number(240, at_least=1, at_most=_MANY),
        images_per_person=Number(10, at_least=1, at_most=10_000),
        side=Number(125, at_least=8, at_most=4096),
        seed=Number(0, at_least=0, below=2**32),
    )


def _align() -> ConfigDict:
    """Return the settings of --mode=align and config.data.align."""
    return declare(
        "align",
        height=Number(112, at_least=1, at_most=4096),
        # The same as the height, or 96 for a height of 112.
        width=Number(112, at_least=1, at_most=4096),
        # Margin around the crop, in pixels. With config.data.align, config.data.margin determines it instead.
        margin=Number(0, at_least=0, at_most=4096),
        # Selection among several faces: centre (nearest to the centre), largest, or best (highest score).
        face="centre",
        # Side of the centre crop used where no face is found, as a fraction of the image.
        fallback_crop=Number(0.544, above=0, at_most=1),
        # jpg (quality 100, no chroma subsampling) or png.
        file_format="jpg",
        # mtcnn (networks of the mtcnn package, CPU), jax (the same networks as one JAX cascade), auto (jax on a GPU and
        # where TensorFlow is missing, else mtcnn), or congealing (learned without labels from the training images of the
        # split; no detector).
        engine="auto",
        # congealing: file of a learned alignment (.npz). Empty: it is learned from the training images.
        model=FilePath(""),
        # Number of images that the networks process together; 0: 32 on a CPU, 256 on a GPU.
        batch_size=Number(0, at_least=0, at_most=_MANY),
        # threads, or beam (an Apache Beam pipeline, for several machines).
        runner="threads",
        # Number of threads; 0: one per core.
        workers=Number(0, at_least=0, at_most=4096),
        # Such as "--runner=FlinkRunner --parallelism=64"; empty: Beam's direct runner.
        beam_options="",
    )


def _sampler() -> ConfigDict:
    return declare(
        "sampler",
        # uniform, people_images (identities × K images) or pairs.
        name="uniform",
        # Number of images over all devices.
        batch_size=Number(128, at_least=2, at_most=_MANY),
        # people_images: number K of images per identity.
        images_per_person=Number(4, at_least=1, at_most=_MANY),
        # people_images: identities with fewer than K images repeat them (repeat) or are excluded (leave_out).
        short="repeat",
        # pairs: fraction of positive pairs.
        same_share=Number(0.5, at_least=0, at_most=1),
    )


def _augmentation() -> ConfigDict:
    """Return the augmentation without any but mirroring; lfw_jax/augmentation/options.py describes the options."""
    return declare(
        "augmentation",
        flip=0.5,
        rotation=0.0,
        scale=0.0,
        shift=0.0,
        brightness=0.0,
        contrast=0.0,
        saturation=0.0,
        # Probability per image, as for blur, downscale, jpeg and erasing.
        grayscale=0.0,
        blur=0.0,
        # Maximum, in pixels.
        blur_sigma=2.0,
        downscale=0.0,
        # Minimum size as a fraction of the side.
        downscale_factor=0.25,
        jpeg=0.0,
        # Minimum quality.
        jpeg_quality=30,
        erasing=0.0,
        # grey or noise.
        erasing_fill="grey",
    )


def _model() -> ConfigDict:
    return declare(
        "model",
        # siamese, resnet50, resnet or patch_resnet (lfw_jax/models), descriptors or fisher (docs/descriptors.md), or members;
        # each has further options of its own.
        name="resnet50",
        # Length of an embedding.
        embedding_dim=Number(128, at_least=1, at_most=65_536),
        # Rate of dropout before the embedding.
        dropout=Number(0.0, at_least=0, below=1),
        # Batch normalisation of the embedding, without which an untrained ResNet maps all faces into a cone (docs/why.md).
        embedding_norm=False,
        # Type of the activations: float32 or bfloat16.
        dtype="float32",
    )


def _memory() -> ConfigDict:
    return declare(
        "memory",
        # Number of embeddings of earlier batches that a pair loss also compares with; 0 disables the memory.
        size=Number(0, at_least=0, at_most=100 * _MANY),
    )


def _optimizer() -> ConfigDict:
    return declare(
        "optimizer",
        # adam or adamw.
        name="adam",
        # Peak learning rate.
        learning_rate=Number(1e-3, above=0),
        # adamw: applied to kernels only.
        weight_decay=Number(0.0, at_least=0),
        # Maximum global norm of the gradient; 0 disables clipping.
        clip_norm=Number(0.0, at_least=0),
        # Linear warm-up to the peak.
        warmup_epochs=Number(0.0, at_least=0),
        # Epochs at the peak, after the warm-up.
        constant_epochs=Number(0.0, at_least=0),
        # Decay over the remaining epochs: none, cosine or linear.
        decay="cosine",
        # Learning rate at the end of the decay, as a fraction of the peak.
        final_fraction=Number(0.0, at_least=0, at_most=1),
    )


def _training() -> ConfigDict:
    return declare(
        "training",
        epochs=Number(120.0, above=0, at_most=_MANY),
        # Number of devices; 0: all of this machine.
        devices=Number(0, at_least=0),
        # Interval of logging, in steps.
        log_every=Number(20, at_least=1),
        # Time limit, after which training pauses and can be resumed; 0: no limit.
        max_minutes=Number(0.0, at_least=0),
        # Epochs between two checkpoints to resume from; 0: one after each evaluation.
        checkpoint_every_epochs=Number(0.0, at_least=0),
        # Resume a work directory although optimizer.learning_rate changed, or training.epochs grew before the learning rate
        # began to decay; config_changes.jsonl records it. Intervals of logging, validation and checkpoints may always change.
        resume_with_changes=False,
    )


def _evaluation() -> ConfigDict:
    return declare(
        "evaluation",
        # Further test sets, such as ("cfp_fp.bin", "calfw/pairs_CALFW.txt"). Identities named there are excluded from
        # training.
        sets=FilePath(()),
        # Identification protocols, such as ("ijbc/protocol.csv",), with templates, galleries and probes
        # (docs/evaluation/identification.md). Identities named there are excluded from training.
        identification=FilePath(()),
        # Interval of validation, in epochs.
        every_epochs=Number(5.0, above=0),
        batch_size=Number(128, at_least=1, at_most=_MANY),
        # Test-time augmentation: add the embedding of the mirrored image.
        flip=True,
        # Test-time augmentation: add the embeddings of four shifted crops. The shift is in pixels, at most data.margin;
        # 0 disables it.
        shift=Number(0, at_least=0, at_most=4096),
        # Evaluated checkpoint: best (by validation AUC) or last.
        checkpoint="best",
        # Target false match rate, for which the threshold of "same or different" is chosen.
        false_match_rate=Number(0.001, above=0, at_most=0.5),
        # Number of training identities in the cohort of the score normalisation (AS-norm); 0 disables it.
        cohort=Number(400, at_least=0, at_most=_MANY),
    )
